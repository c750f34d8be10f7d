/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/table.h"
#include "cli/wrap.h"
#include "measure/recorder.h"
#include "understand/phase_record.h"
#include "understand/phase_table.h"

struct options {
	const char *time, *power, *series, *profile, *json;
	double penalty, effect, share, idle_power_w;
};

static const struct option options_table[] = {
	{ .name = "time",
	  .letter = 't',
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct options, time),
	  .value = "COL",
	  .help = "column of the time, in seconds" },
	{ .name = "power",
	  .letter = 'p',
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct options, power),
	  .value = "COL",
	  .help = "column of the power, in W: phases get energies" },
	{ .name = "series",
	  .letter = 's',
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct options, series),
	  .value = "COL[,COL]",
	  .help = "columns whose changes make phases (default: the power)" },
	{ .name = "penalty",
	  .kind = OPTION_REAL,
	  .field = offsetof(struct options, penalty),
	  .value = "FACTOR",
	  .fallback = "2",
	  .help = "what a change must gain; more gives fewer phases",
	  .min = 0.01,
	  .max = 1e6 },
	{ .name = "effect",
	  .kind = OPTION_REAL,
	  .field = offsetof(struct options, effect),
	  .value = "FACTOR",
	  .fallback = "2",
	  .help = "how many times the noise a change must be; the noise is estimated from the "
	          "series, slow wander included",
	  .min = 0.01,
	  .max = 1e6 },
	{ .name = "least",
	  .kind = OPTION_REAL,
	  .field = offsetof(struct options, share),
	  .value = "SHARE",
	  .fallback = "0.05",
	  .help = "share of the series' range that a change must be at the least; 0: any",
	  .min = 0,
	  .max = 1 },
	{ .name = "profile",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct options, profile),
	  .value = "FILE",
	  .help = "machine profile of `ergon bench --json`: its roofs give phases a class" },
	{ .name = "idle-power",
	  .kind = OPTION_REAL,
	  .field = offsetof(struct options, idle_power_w),
	  .value = "W",
	  .help = "power at rest, same scope as the power column: phases at it are idle",
	  .min = 0.001,
	  .max = 1e9 },
	OPTION_JSON(struct options),
	OPTION_END,
};

enum { REASONS_MAX = 8 };

/* Each reason once for the phases that share class and kind; all of them are in the document. */
static void print_reasons(struct cli *cli, const struct phase_table *t)
{
	size_t shown = 0;
	for (size_t p = 0; p < t->phases.count && shown < REASONS_MAX; p++) {
		bool said = false;
		for (size_t q = 0; q < p && !said; q++)
			said = t->verdicts[q].class == t->verdicts[p].class &&
			       (t->kind[q] == t->kind[p] ||
			        strcmp(t->verdicts[q].because, t->verdicts[p].because) == 0);
		if (said)
			continue;
		shown++;
		fprintf(cli->out, "\nPhase %zu is %s:\n", p + 1,
		        workload_class_name(t->verdicts[p].class));
		wrap_printf(cli->out, "  ", 2, "%s.", t->verdicts[p].because);
	}
}

static void print_result(struct cli *cli, const struct phase_table *t)
{
	char begin[32], time[32], energy[32] = "-", power[32], text[32];
	fprintf(cli->out, "%zu phase%s in %zu samples", t->phases.count,
	        t->phases.count == 1 ? "" : "s", t->count);
	if (t->kinds < t->phases.count)
		fprintf(cli->out, ", of %u kind%s", t->kinds, t->kinds == 1 ? "" : "s");
	if (t->period_s > 0)
		fprintf(cli->out, "; it repeats every %s",
		        format_duration(text, sizeof text, t->period_s));
	fprintf(cli->out, "\n\n");
	const char *const header[] = { "begin",     "time", "energy", "power",
		                       t->names[0], "kind", "class" };
	struct table table;
	table_init(&table, "rrrrrRl", header);
	for (size_t p = 0; p < t->phases.count; p++) {
		snprintf(power, sizeof power, "-");
		if (t->energy_j) {
			format_si(energy, sizeof energy, t->energy_j[p], "J");
			format_si(power, sizeof power, t->energy_j[p] / t->duration_s[p], "W");
		}
		table_row(&table, "%s\t%s\t%s\t%s\t%.6g\t%u\t%s",
		          format_duration(begin, sizeof begin, t->begin_s[p]),
		          format_duration(time, sizeof time, t->duration_s[p]), energy, power,
		          t->phases.items[p].mean[0], t->kind[p] + 1,
		          workload_class_name(t->verdicts[p].class));
	}
	table_print(&table, cli->out);
	table_fini(&table);
	print_reasons(cli, t);
}

/* A recording as it is: a kept run, or a file of `ergon export`. */
static enum ergon_code read_recording(struct cli *cli, const char *name, bool is_file,
                                      struct arena *arena, struct csv *csv, struct ergon_error *err)
{
	struct record record;
	if (is_file) {
		enum ergon_code code = record_read(name, arena, &record, err);
		return code ? code : phase_record_table(&record, name, arena, csv, err);
	}
	struct store *store = NULL;
	int64_t id;
	enum ergon_code code = store_open(&store, cli->env, false, err);
	if (!code)
		code = store_find(store, name, &id, err);
	if (!code)
		code = record_load(store, id, arena, &record, err);
	store_close(store);
	if (code)
		return code;
	char text[48];
	snprintf(text, sizeof text, "run %lld", (long long)id);
	const char *run = arena_strdup(arena, text);
	return phase_record_table(&record, run ? run : name, arena, csv, err);
}

static bool names_run(const char *name)
{
	return strncmp(name, "last", 4) == 0 || strspn(name, "0123456789") == strlen(name);
}

static enum ergon_code read_table(struct cli *cli, const char *name, struct phase_request *request,
                                  struct arena *arena, struct csv *csv, struct ergon_error *err)
{
	bool is_file = file_exists(name) || !names_run(name);
	enum ergon_code code = is_file ? csv_read(name, arena, csv, err) : ERGON_OK;
	if (!code && (!is_file || phase_record_is(csv))) {
		code = read_recording(cli, name, is_file, arena, csv, err);
		request->time = request->time ? request->time : "time_s";
		request->power = request->power ? request->power : "power_w";
	}
	return code;
}

static int phases_run(struct cli *cli, const void *options, char **operands, int count)
{
	(void)count;
	const struct options *o = options;
	struct ergon_error err = { 0 };
	struct arena arena;
	struct csv csv;
	struct phase_table table = { 0 };
	struct phase_request request = { .time = o->time,
		                         .power = o->power,
		                         .series = o->series,
		                         .profile = o->profile,
		                         .idle_power_w = o->idle_power_w,
		                         .options = { .penalty = o->penalty,
		                                      .effect = o->effect,
		                                      .share = o->share > 0 ? o->share : -1 } };
	arena_init(&arena);
	enum ergon_code code = read_table(cli, operands[0], &request, &arena, &csv, &err);
	if (!code)
		code = phase_table_analyse(&csv, &request, &arena, &table, &err);
	if (!code && o->json)
		code = document_save(phase_table_to_json(&table), o->json, &err);
	int status = code ? cli_fail(cli, "phases", &err) : EXIT_DONE;
	if (!code && document_shown(cli, o->json))
		print_result(cli, &table);
	phase_table_fini(&table);
	arena_fini(&arena);
	return status;
}

const struct command command_phases = {
	.name = "phases",
	.pillar = PILLAR_UNDERSTAND,
	.summary = "cut a run or a recorded series into phases",
	.synopsis = "RUN | FILE.csv --time COL (--power COL | --series COL[,COL]) [options]",
	.details = "Finds where a series of samples changes its level (PELT, exact), and gives "
		   "each phase its "
		   "time, energy, mean power, EDP and class; says when the series repeats "
		   "itself. The class comes from columns of rates (bytes_per_s or gbps, "
		   "flops_per_s or gflops, with f64_ or f32_ before it, ipc) against the roofs of "
		   "--profile, and is idle at the power of --idle-power; otherwise it is unknown, "
		   "with the reason.\n"
		   "RUN is a kept run's number, last or last-N; a file of `ergon export` is "
		   "known by its header. Both have the columns time_s, power_w and "
		   "NAME:power_w, and need neither --time nor --power.",
	.examples = "ergon phases last\n"
		    "ergon phases samples.csv --time time_s --power power_w\n"
		    "ergon phases samples.csv --time t --series power_w,gpu_busy --json -\n"
		    "ergon phases samples.csv --time t --series gbps,gflops --profile bench.json",
	.options = options_table,
	.options_size = sizeof(struct options),
	.operands_min = 1,
	.operands_max = 1,
	.run = phases_run,
};
