/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/json.h"
#include "understand/bench.h"

static json_t *cost_to_json(struct bench_cost cost)
{
	return json_pack("{s:o, s:o}", "total", json_number(cost.total_j), "dynamic",
	                 json_number(cost.dynamic_j));
}

/* Names of the levels, each once, in the order of the plan. */
static size_t level_names(const struct bench *bench, const char **names, size_t max)
{
	size_t count = 0;
	for (size_t i = 0; i < bench->machine.cache_count && count < max; i++)
		names[count++] = bench->machine.caches[i].name;
	if (count < max)
		names[count++] = "DRAM";
	return count;
}

static void roof(json_t *rates, json_t *from, json_t *costs, const char *name,
                 const struct bench *bench, const struct bench_cell *cell, double rate,
                 double per_pass, const struct bench_cell *cost_cell)
{
	json_object_set_new(rates, name, json_number(rate));
	json_object_set_new(from, name,
	                    json_pack("{s:s, s:s, s:i, s:o}", "kernel", cell->kernel->name,
	                              "paradigm", paradigm_name(cell->config.paradigm), "threads",
	                              (int)cell->config.threads, "relative_half_width",
	                              json_number(cell->run.time_half_width_s / cell->run.time_s)));
	json_object_set_new(costs, name, cost_to_json(bench_cost(bench, cost_cell, per_pass)));
}

/* Energy of a FLOP by the fastest gemm, whose operands come from memory and look like real ones;
 * the register-only roof flatters. */
static const struct bench_cell *honest_flop(const struct bench *bench, enum precision precision)
{
	const struct bench_cell *best = NULL;
	for (size_t i = 0; i < bench->count; i++) {
		const struct bench_cell *c = &bench->cells[i];
		if (!c->ran || c->config.precision != precision ||
		    c->kernel->name[0] != 'g') /* gemm */
			continue;
		if (!best ||
		    kernel_run_best_flops_per_s(&c->run) > kernel_run_best_flops_per_s(&best->run))
			best = c;
	}
	return best ? best : bench_flops_roof(bench, precision);
}

static void add_roofs(const struct bench *bench, json_t *root)
{
	json_t *flops = json_object(), *bytes = json_object(), *from = json_object();
	json_t *per_flop = json_object(), *per_byte = json_object(), *latency = json_object();
	const char *levels[MACHINE_LEVELS_MAX + 1];
	for (unsigned p = 0; p < PRECISION_COUNT; p++) {
		const struct bench_cell *cell = bench_flops_roof(bench, p);
		const struct bench_cell *cost = honest_flop(bench, p);
		if (cell)
			roof(flops, from, per_flop, precision_name(p), bench, cell,
			     kernel_run_best_flops_per_s(&cell->run), cost->run.flops, cost);
	}
	size_t count = level_names(bench, levels, MACHINE_LEVELS_MAX + 1);
	for (size_t i = 0; i < count; i++) {
		const struct bench_cell *cell = bench_bytes_roof(bench, levels[i]);
		if (cell)
			roof(bytes, from, per_byte, levels[i], bench, cell,
			     kernel_run_best_bytes_per_s(&cell->run), cell->run.bytes, cell);
		double load_s = bench_latency_s(bench, levels[i]);
		if (isfinite(load_s))
			json_object_set_new(latency, levels[i], json_number(load_s));
	}
	json_object_set_new(
	    root, "roofs",
	    json_pack("{s:o, s:o, s:o}", "flops_per_s", flops, "bytes_per_s", bytes, "from", from));
	json_object_set_new(root, "latency_s", latency);
	json_object_set_new(root, "energy_per_flop_j", per_flop);
	json_object_set_new(root, "energy_per_byte_j", per_byte);
}

static void add_cells(const struct bench *bench, json_t *root)
{
	json_t *ran = json_array(), *skipped = json_array();
	for (size_t i = 0; i < bench->count; i++) {
		const struct bench_cell *c = &bench->cells[i];
		if (c->ran) {
			json_t *o = kernel_run_to_json(&c->run);
			json_object_set_new(o, "level",
			                    c->level ? json_string(c->level) : json_null());
			json_object_set_new(o, "rounds", json_integer((json_int_t)c->rounds.count));
			json_array_append_new(ran, o);
		} else if (c->skipped[0]) {
			json_array_append_new(
			    skipped,
			    json_pack("{s:s, s:s, s:s, s:s}", "name", c->kernel->name, "paradigm",
			              paradigm_name(c->config.paradigm), "precision",
			              precision_name(c->config.precision), "reason", c->skipped));
		}
	}
	json_object_set_new(root, "kernels", ran);
	json_object_set_new(root, "skipped", skipped);
}

json_t *bench_to_json(const struct bench *bench)
{
	bool idle = bench->has_idle;
	const double nan = (double)NAN;
	json_t *root =
	    json_pack("{s:s, s:i, s:o, s:i, s:s, s:s?, s:o, s:o, s:o}", "kind", "ergon.bench",
	              "version", 1, "machine", machine_to_json(&bench->machine), "threads",
	              (int)bench->machine.processors, "isa", isa_name(kernel_isa()), "provenance",
	              bench->has_energy ? provenance_name(bench->provenance) : NULL, "idle_power_w",
	              json_number(idle ? bench->idle_power_w : nan), "idle_power_low_w",
	              json_number(idle ? bench->idle_low_w : nan), "idle_power_high_w",
	              json_number(idle ? bench->idle_high_w : nan));
	if (!root)
		return NULL;
	add_roofs(bench, root);
	add_cells(bench, root);
	json_object_set_new(root, "confidence", json_real(0.95));
	json_object_set_new(root, "rounds", json_integer(bench->rounds_done));
	json_object_set_new(root, "wall_s", json_number(bench->wall_s));
	json_object_set_new(root, "interrupted", json_boolean(bench->interrupted));
	return root;
}
