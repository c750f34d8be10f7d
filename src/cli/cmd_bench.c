/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "understand/bench.h"

struct options {
	uint64_t budget_ns;
	struct text_list kernels;
	const char *json, *sensors;
	bool no_save;
};

static const struct option options_table[] = {
	{ .name = "budget",
	  .letter = 'b',
	  .kind = OPTION_DURATION,
	  .field = offsetof(struct options, budget_ns),
	  .value = "DURATION",
	  .fallback = "60s",
	  .help = "time to spend in all; more time, narrower intervals",
	  .min = 1,
	  .max = 86400 },
	{ .name = "kernel",
	  .letter = 'k',
	  .kind = OPTION_LIST,
	  .field = offsetof(struct options, kernels),
	  .value = "NAME",
	  .help = "only this kernel; may be given several times" },
	{ .name = "sensors",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct options, sensors),
	  .value = "LIST",
	  .help = "only these sensors; see ergon sensors" },
	{ .name = "no-save",
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct options, no_save),
	  .help = "do not keep the profile" },
	OPTION_JSON(struct options),
	OPTION_END,
};

static bool show_progress(void *user, double done, const char *note)
{
	progress_update(user, done, note);
	return true;
}

static void print_cost(struct cli *cli, struct bench_cost cost, const char *of)
{
	char text[32];
	fprintf(cli->out, "  %s a %s", format_si(text, sizeof text, cost.total_j, "J"), of);
	if (cost.dynamic_j > 0)
		fprintf(cli->out, " (%s above idle)",
		        format_si(text, sizeof text, cost.dynamic_j, "J"));
}

static void print_roofs(struct cli *cli, const struct bench *b)
{
	char rate[32];
	for (unsigned p = 0; p < PRECISION_COUNT; p++) {
		const struct bench_cell *c = bench_flops_roof(b, p);
		if (!c)
			continue;
		struct bench_cost j = bench_cost(b, c, c->run.flops);
		fprintf(
		    cli->out, "  %-5s %-14s", precision_name(p),
		    format_si(rate, sizeof rate, kernel_run_best_flops_per_s(&c->run), "FLOP/s"));
		if (c->run.has_energy)
			print_cost(cli, j, "FLOP");
		fputc('\n', cli->out);
	}
	for (size_t i = 0; i <= b->machine.cache_count; i++) {
		const char *level = i < b->machine.cache_count ? b->machine.caches[i].name : "DRAM";
		const struct bench_cell *c = bench_bytes_roof(b, level);
		double load_s = bench_latency_s(b, level);
		if (!c && !isfinite(load_s))
			continue;
		fprintf(cli->out, "  %-5s ", level);
		if (c)
			fprintf(cli->out, "%-14s",
			        format_si(rate, sizeof rate, kernel_run_best_bytes_per_s(&c->run),
			                  "B/s"));
		if (isfinite(load_s))
			fprintf(cli->out, " %5.3g ns a load  ", load_s * 1e9);
		if (c && c->run.has_energy)
			print_cost(cli, bench_cost(b, c, c->run.bytes), "byte");
		fputc('\n', cli->out);
	}
}

static void print_cells(struct cli *cli, const struct bench *b)
{
	static const char *const header[] = { "kernel", "paradigm", "type",  "size",
		                              "rate",   "+-",       "power", "energy" };
	struct table t;
	table_init(&t, "lllrrrrr", header);
	for (size_t i = 0; i < b->count; i++) {
		const struct bench_cell *c = &b->cells[i];
		char rate[32], power[32] = "-", energy[32] = "-", size[32];
		if (!c->ran)
			continue;
		if (bench_is_latency(c))
			format_si(rate, sizeof rate, bench_latency_s(b, c->level), "s/load");
		else if (c->level)
			format_si(rate, sizeof rate, kernel_run_bytes_per_s(&c->run), "B/s");
		else
			format_si(rate, sizeof rate, kernel_run_flops_per_s(&c->run), "FLOP/s");
		if (c->run.has_energy) {
			format_si(power, sizeof power, c->run.power_w, "W");
			format_si(energy, sizeof energy,
			          c->run.energy_j / (c->level ? c->run.bytes : c->run.flops),
			          c->level ? "J/B" : "J/FLOP");
		}
		snprintf(size, sizeof size, "%llu", (unsigned long long)c->config.size);
		table_row(&t, "%s\t%s\t%s\t%s\t%s\t%.1f%%\t%s\t%s", c->kernel->name,
		          paradigm_name(c->config.paradigm),
		          c->level ? c->level : precision_name(c->config.precision), size, rate,
		          100 * c->run.time_half_width_s / c->run.time_s, power, energy);
	}
	table_print(&t, cli->out);
	table_fini(&t);
	for (size_t i = 0; i < b->count; i++)
		if (b->cells[i].skipped[0] && !b->cells[i].left_out)
			fprintf(cli->out, "%s %s %s: %s\n", b->cells[i].kernel->name,
			        paradigm_name(b->cells[i].config.paradigm),
			        precision_name(b->cells[i].config.precision), b->cells[i].skipped);
	size_t left_out = 0;
	for (size_t i = 0; i < b->count; i++)
		left_out += b->cells[i].left_out;
	if (left_out)
		fprintf(
		    cli->out,
		    "%zu of %zu rows left out: the budget was spent; a longer --budget runs all\n",
		    left_out, b->count);
}

static void print_result(struct cli *cli, const struct bench *b, const char *path)
{
	char text[64];
	fprintf(cli->out, "%s, %u processor%s, %s. The most it reached:\n",
	        b->machine.cpu[0] ? b->machine.cpu : "This machine", b->machine.processors,
	        b->machine.processors == 1 ? "" : "s", isa_name(kernel_isa()));
	print_roofs(cli, b);
	if (b->has_idle)
		fprintf(cli->out, "At rest it draws %s. Power is %s; performance is measured.\n",
		        format_si(text, sizeof text, b->idle_power_w, "W"),
		        provenance_name(b->provenance));
	else
		fprintf(cli->out, "No power could be read or modelled here.\n");
	fputc('\n', cli->out);
	print_cells(cli, b);
	fprintf(cli->out,
	        "\n+-: where another run's result falls, 95%% of the time (%u round%s). Every "
	        "result\nwas checked.\n",
	        b->rounds_done, b->rounds_done == 1 ? "" : "s");
	if (path[0])
		fprintf(cli->out, "The profile is kept in %s.\n", path);
}

static enum ergon_code run_it(struct cli *cli, const struct options *o, struct bench *bench,
                              char *path, size_t size, struct ergon_error *err)
{
	struct progress progress;
	struct bench_options options = { .budget_ns = o->budget_ns,
		                         .kernels = o->kernels.items,
		                         .kernel_count = o->kernels.count,
		                         .progress = show_progress,
		                         .user = &progress };
	struct ergon_error why = { 0 };
	if (meter_open(&options.meter, cli->env, &(struct meter_options){ .sensors = o->sensors },
	               &why)) {
		options.meter = NULL;
		if (o->sensors) {
			*err = why;
			return why.code;
		}
	}
	progress_begin(&progress, cli, "bench");
	enum ergon_code code = bench_run(bench, cli->env, &options, err);
	progress_end(&progress);
	meter_close(options.meter);
	/* A part of the plan would hide what a whole profile holds. */
	if (!code && !o->no_save && o->kernels.count == 0 && !bench->interrupted)
		code = bench_save(bench, cli->env, path, size, err);
	return code;
}

static int bench_command(struct cli *cli, const void *options, char **operands, int count)
{
	(void)operands;
	(void)count;
	const struct options *o = options;
	struct ergon_error err = { 0 };
	char path[1100] = "";
	struct bench *bench = calloc(1, sizeof *bench);
	if (!bench) {
		ergon_fail(&err, ERGON_NO_MEMORY, "out of memory");
		return cli_fail(cli, "bench", &err);
	}
	enum ergon_code code = run_it(cli, o, bench, path, sizeof path, &err);
	if (!code && o->json)
		code = document_save(bench_to_json(bench), o->json, &err);
	int status = code ? cli_fail(cli, "bench", &err) : EXIT_DONE;
	if (!code && document_shown(cli, o->json))
		print_result(cli, bench, path);
	free(bench);
	return status;
}

const struct command command_bench = {
	.name = "bench",
	.pillar = PILLAR_UNDERSTAND,
	.summary = "find out what this machine can do, and at what energy",
	.synopsis = "[options]",
	.details =
	    "Runs kernels whose work is known in every paradigm, from the nearest cache to memory, "
	    "checks every result, measures energy, and keeps a machine profile: peak FLOP/s, "
	    "bandwidth "
	    "of each level, energy of a FLOP and of a byte, power at rest. Power is marked "
	    "modelled "
	    "where no sensor is; performance is always measured.",
	.examples = "ergon bench\n"
		    "ergon bench --budget 10s --kernel triad --json -",
	.options = options_table,
	.options_size = sizeof(struct options),
	.operands_min = 0,
	.operands_max = 0,
	.run = bench_command,
};
