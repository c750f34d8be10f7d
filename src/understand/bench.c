/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/bench.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/units.h"

/* Share of a cell's time that is timed passes; the rest is set-up, checks and warm-up. */
static const double TIMED_SHARE = 0.6;
static const double IDLE_SHARE = 0.05;
static const double ROUND_S = 12; /* what a round through the whole plan takes at the least */
static const double DEFAULT_BUDGET_S = 60, SHORT_BUDGET_S = 30;
static const char LATENCY_KERNEL[] = "chase";
static const double LINE_BYTES = 64; /* that a step of the chase moves */
static const uint64_t SCALAR_GEMM = 240, DEVICE_GEMM = 512, GPU_GEMM = 4096, FMA_TURNS = 1 << 16;

struct planner {
	struct bench *bench;
	const struct ergon_env *env;
	const struct bench_options *options;
	double budget_s;
};

static bool is_wanted(const struct bench_options *o, const char *name)
{
	for (size_t i = 0; i < o->kernel_count; i++)
		if (strcmp(o->kernels[i], name) == 0)
			return true;
	return o->kernel_count == 0;
}

static void plan(struct planner *p, const char *name, enum precision precision,
                 enum paradigm paradigm, uint64_t size, const char *level)
{
	const struct kernel *kernel;
	struct bench *b = p->bench;
	if (!is_wanted(p->options, name) || b->count == BENCH_CELLS_MAX ||
	    kernel_find(name, &kernel, NULL))
		return;
	if (!(kernel->precisions & BIT(precision)) || !(kernel->paradigms & BIT(paradigm)) ||
	    !paradigm_has_precision(paradigm, precision))
		return;
	bool parallel = paradigm_is_parallel(paradigm);
	b->cells[b->count++] = (struct bench_cell){
		.kernel = kernel,
		.config = { .env = p->env,
		            .size = size,
		            .precision = precision,
		            .paradigm = paradigm,
		            .threads = parallel ? b->machine.processors : 1,
		            .isa = kernel_isa() },
		.level = level,
	};
}

/* Large enough that every thread has work, small enough for a short budget. */
static uint64_t gemm_size(const struct planner *p)
{
	double n = 768 * sqrt(fmin(p->bench->machine.processors, 64));
	return (uint64_t)(n / 48) * 48;
}

static void plan_arithmetic(struct planner *p, enum paradigm paradigm)
{
	for (unsigned precision = 0; precision < PRECISION_COUNT; precision++) {
		/* A device has thousands of items, each with as many chains as a thread of ours. */
		uint64_t turns = paradigm == PARADIGM_OPENCL ? FMA_TURNS / 32 : FMA_TURNS;
		uint64_t n = paradigm == PARADIGM_SCALAR   ? SCALAR_GEMM
		             : paradigm == PARADIGM_OPENCL ? DEVICE_GEMM
		             : paradigm == PARADIGM_GPU    ? GPU_GEMM
		                                           : gemm_size(p);
		plan(p, "dotacc", precision, paradigm, FMA_TURNS / 4, NULL);
		plan(p, "fma", precision, paradigm, turns, NULL);
		plan(p, "gemm", precision, paradigm, n, NULL);
	}
}

static uint64_t triad_elements(double bytes)
{
	return (uint64_t)(bytes / (3 * sizeof(double))) / 16 * 16;
}

/* Half of what the caches of the threads hold together: no neighbouring level can serve it. */
static void plan_level(struct planner *p, const struct machine_cache *cache, enum paradigm paradigm)
{
	double instances = ceil((double)p->bench->machine.processors / cache->shared);
	double bytes = 0.5 * (double)cache->bytes;
	if (paradigm == PARADIGM_OPENMP)
		bytes *= instances;
	plan(p, "triad", PRECISION_F64, paradigm, triad_elements(bytes), cache->name);
}

/* STREAM's rule is each array at least four times the last cache. Where time is short, four times
 * for all three together: an eighth or so of the traffic may then come from the cache. At most a
 * quarter of what is free. */
static void plan_memory(struct planner *p, enum paradigm paradigm)
{
	const struct machine *m = &p->bench->machine;
	double last = 32 << 20;
	if (m->cache_count > 0) {
		const struct machine_cache *c = &m->caches[m->cache_count - 1];
		last = (double)c->bytes * ceil((double)m->processors / c->shared);
	}
	double bytes = (p->budget_s < SHORT_BUDGET_S ? 4 : 3 * 4) * last;
	double free_bytes = (double)m->memory_available_bytes;
	if (free_bytes > 0)
		bytes = fmin(bytes, free_bytes / 4);
	plan(p, "triad", PRECISION_F64, paradigm, triad_elements(bytes), "DRAM");
}

/* A chain of loads through half of a level, so that no other level answers. Through memory it is
 * four times the last cache: what that still holds is a quarter of the loads at most. */
static void plan_latency(struct planner *p)
{
	const struct machine *m = &p->bench->machine;
	double last = 32 << 20;
	for (size_t l = 0; l < m->cache_count; l++) {
		last = (double)m->caches[l].bytes;
		plan(p, LATENCY_KERNEL, PRECISION_F64, PARADIGM_SCALAR,
		     (uint64_t)(last / 2 / LINE_BYTES), m->caches[l].name);
	}
	double bytes = 4 * last, free_bytes = (double)m->memory_available_bytes;
	if (free_bytes > 0)
		bytes = fmin(bytes, free_bytes / 4);
	plan(p, LATENCY_KERNEL, PRECISION_F64, PARADIGM_SCALAR, (uint64_t)(bytes / LINE_BYTES),
	     "DRAM");
}

/* What the roofs hang on comes first: a budget that is too short then costs the least. */
static void make_plan(struct planner *p)
{
	static const enum paradigm order[] = { PARADIGM_GPU,  PARADIGM_BLAS,   PARADIGM_OPENMP,
		                               PARADIGM_SIMD, PARADIGM_OPENCL, PARADIGM_SCALAR };
	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		char text[256];
		if (order[i] == PARADIGM_GPU &&
		    !paradigm_available(PARADIGM_GPU, p->env, text, sizeof text))
			continue;
		plan_arithmetic(p, order[i]);
		if (order[i] == PARADIGM_BLAS || order[i] == PARADIGM_GPU)
			continue;
		plan_memory(p, order[i]);
		if (order[i] == PARADIGM_OPENCL)
			continue; /* below memory, the launch is what would be timed */
		for (size_t l = p->bench->machine.cache_count; l-- > 0;)
			plan_level(p, &p->bench->machine.caches[l], order[i]);
		if (order[i] == PARADIGM_OPENMP)
			plan_latency(p);
	}
}

static double elapsed_s(const struct planner *p, uint64_t begin_ns)
{
	return seconds_from_ns(p->env->clock->monotonic_ns(p->env->clock->user) - begin_ns);
}

/* ---- running ---- */

static enum ergon_code measure_idle(struct planner *p, double seconds, struct ergon_error *err)
{
	struct bench *b = p->bench;
	const struct ergon_clock *clock = p->env->clock;
	struct measurement m = { 0 };
	enum ergon_code code = meter_begin(p->options->meter, err);
	if (code)
		return code;
	clock->sleep_until(clock->user,
	                   clock->monotonic_ns(clock->user) + ns_from_seconds(seconds));
	code = meter_end(p->options->meter, &m, err);
	if (!code && measurement_provenance(&m, &b->provenance) && m.duration_s > 0) {
		b->has_energy = b->has_idle = true;
		b->idle_power_w = m.energy_j / m.duration_s;
		b->idle_low_w = m.low_j / m.duration_s;
		b->idle_high_w = m.high_j / m.duration_s;
	}
	measurement_fini(&m);
	return code;
}

static enum ergon_code run_cell(struct planner *p, struct bench_cell *cell, double seconds,
                                struct ergon_error *err)
{
	struct kernel_run_options options = { .seconds = seconds, .meter = p->options->meter };
	struct ergon_error why = { 0 };
	struct kernel_run round;
	enum ergon_code code = kernel_run(cell->kernel, &cell->config, &options, &round, &why);
	if (!code) {
		kernel_run_merge(&cell->run, &round, &cell->rounds);
		cell->ran = true;
	}
	if (code == ERGON_NOT_SUPPORTED || code == ERGON_NO_MEMORY) {
		snprintf(cell->skipped, sizeof cell->skipped, "%.255s", why.text);
		return ERGON_OK;
	}
	if (code)
		return ergon_fail(err, code, "%s", why.text);
	if (cell->run.has_energy) {
		if (!p->bench->has_energy || cell->run.provenance == PROVENANCE_MODELLED)
			p->bench->provenance = cell->run.provenance;
		p->bench->has_energy = true;
	}
	return ERGON_OK;
}

static bool tell(const struct planner *p, size_t done, const struct bench_cell *cell)
{
	const struct bench *b = p->bench;
	char note[64] = "done";
	if (!p->options->progress)
		return true;
	if (cell)
		snprintf(note, sizeof note, "%s %s %s", cell->kernel->name,
		         paradigm_name(cell->config.paradigm),
		         cell->level ? cell->level : precision_name(cell->config.precision));
	return p->options->progress(p->options->user,
	                            (double)(done + 1) / (double)(b->rounds * b->count + 1), note);
}

/* A budget that ends in the first round leaves cells out; one that ends later only widens the
 * intervals. */
static enum ergon_code run_cells(struct planner *p, uint64_t begin_ns, double budget_s,
                                 struct ergon_error *err)
{
	struct bench *b = p->bench;
	enum ergon_code code = ERGON_OK;
	size_t all = b->rounds * b->count;
	for (size_t i = 0; !code && i < all && !b->interrupted; i++) {
		struct bench_cell *cell = &b->cells[i % b->count];
		double left = budget_s - elapsed_s(p, begin_ns);
		if (i >= b->count && (!cell->ran || !(left > 0)))
			continue;
		b->interrupted = !tell(p, i, cell);
		double share = left / (double)(all - i);
		cell->left_out = !(left > 0);
		if (left > 0 && !b->interrupted)
			code = run_cell(p, cell, fmax(share * TIMED_SHARE, 0.002), err);
		else if (!(left > 0))
			snprintf(cell->skipped, sizeof cell->skipped, "the budget was spent");
	}
	return code;
}

enum ergon_code bench_run(struct bench *bench, const struct ergon_env *env,
                          const struct bench_options *options, struct ergon_error *err)
{
	const struct kernel *kernel;
	uint64_t begin_ns = env->clock->monotonic_ns(env->clock->user);
	double budget_s =
	    options->budget_ns ? seconds_from_ns(options->budget_ns) : DEFAULT_BUDGET_S;
	struct planner p = { bench, env, options, budget_s };
	*bench = (struct bench){ 0 };
	for (size_t i = 0; i < options->kernel_count; i++) {
		enum ergon_code code = kernel_find(options->kernels[i], &kernel, err);
		if (code)
			return code;
	}
	machine_describe(&bench->machine, env);
	make_plan(&p);
	bench->rounds = (unsigned)fmin(fmax(budget_s / ROUND_S, 1), BENCH_ROUNDS_MAX);
	enum ergon_code code = ERGON_OK;
	if (options->meter)
		code = measure_idle(&p, fmax(IDLE_SHARE * budget_s, 0.2), err);
	if (!code)
		code = run_cells(&p, begin_ns, budget_s, err);
	bench->rounds_done = bench->rounds;
	for (size_t i = 0; i < bench->count; i++)
		if (bench->cells[i].ran && bench->cells[i].rounds.count < bench->rounds_done)
			bench->rounds_done = (unsigned)bench->cells[i].rounds.count;
	bench->wall_s = elapsed_s(&p, begin_ns);
	return code;
}

/* ---- what it says ---- */

const struct bench_cell *bench_flops_roof(const struct bench *bench, enum precision precision)
{
	const struct bench_cell *best = NULL;
	for (size_t i = 0; i < bench->count; i++) {
		const struct bench_cell *c = &bench->cells[i];
		if (!c->ran || c->level || c->config.precision != precision)
			continue;
		if (!best ||
		    kernel_run_best_flops_per_s(&c->run) > kernel_run_best_flops_per_s(&best->run))
			best = c;
	}
	return best;
}

static const struct bench_cell *best_of_level(const struct bench *bench, const char *level,
                                              bool latency)
{
	const struct bench_cell *best = NULL;
	for (size_t i = 0; i < bench->count; i++) {
		const struct bench_cell *c = &bench->cells[i];
		if (!c->ran || !c->level || strcmp(c->level, level) != 0 ||
		    bench_is_latency(c) != latency)
			continue;
		if (!best ||
		    kernel_run_best_bytes_per_s(&c->run) > kernel_run_best_bytes_per_s(&best->run))
			best = c;
	}
	return best;
}

bool bench_is_latency(const struct bench_cell *cell)
{
	return strcmp(cell->kernel->name, LATENCY_KERNEL) == 0;
}

const struct bench_cell *bench_bytes_roof(const struct bench *bench, const char *level)
{
	return best_of_level(bench, level, false);
}

double bench_latency_s(const struct bench *bench, const char *level)
{
	const struct bench_cell *cell = best_of_level(bench, level, true);
	return cell ? LINE_BYTES / kernel_run_best_bytes_per_s(&cell->run) : (double)NAN;
}

struct bench_cost bench_cost(const struct bench *bench, const struct bench_cell *cell,
                             double per_pass)
{
	struct bench_cost cost = { (double)NAN, (double)NAN };
	if (!cell || !cell->run.has_energy)
		return cost;
	cost.total_j = cell->run.energy_j / per_pass;
	double above_j = cell->run.energy_j - bench->idle_power_w * cell->run.time_s;
	/* On a machine that others use, "at rest" was not: then nothing can be said. */
	if (bench->has_idle && above_j > 0)
		cost.dynamic_j = above_j / per_pass;
	return cost;
}

enum ergon_code bench_save(const struct bench *bench, const struct ergon_env *env, char *path,
                           size_t size, struct ergon_error *err)
{
	enum ergon_code code = file_make_dirs(env->state_dir, err);
	if (code)
		return code;
	if (!file_join(path, size, env->state_dir, "machine.json"))
		return ergon_fail(err, ERGON_BAD_INPUT, "the state folder's path is too long");
	json_t *root = bench_to_json(bench);
	code =
	    root ? json_save(root, path, err) : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	json_decref(root);
	return code;
}
