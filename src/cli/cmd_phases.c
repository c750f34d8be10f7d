/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/units.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/table.h"
#include "understand/phase_table.h"

struct options {
	const char *time, *power, *series, *json;
	double penalty, effect;
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
	  .help =
	      "how many times the spread inside phases a change must be; 6 for a shared machine",
	  .min = 0.01,
	  .max = 1e6 },
	OPTION_JSON(struct options),
	OPTION_END,
};

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
	const char *const header[] = { "begin", "time", "energy", "power", t->names[0], "kind" };
	struct table table;
	table_init(&table, "rrrrrr", header);
	for (size_t p = 0; p < t->phases.count; p++) {
		snprintf(power, sizeof power, "-");
		if (t->energy_j) {
			format_si(energy, sizeof energy, t->energy_j[p], "J");
			format_si(power, sizeof power, t->energy_j[p] / t->duration_s[p], "W");
		}
		table_row(&table, "%s\t%s\t%s\t%s\t%.6g\t%u",
		          format_duration(begin, sizeof begin, t->begin_s[p]),
		          format_duration(time, sizeof time, t->duration_s[p]), energy, power,
		          t->phases.items[p].mean[0], t->kind[p] + 1);
	}
	table_print(&table, cli->out);
	table_fini(&table);
}

static int phases_run(struct cli *cli, const void *options, char **operands, int count)
{
	(void)count;
	const struct options *o = options;
	struct ergon_error err = { 0 };
	struct arena arena;
	struct phase_table table;
	struct phase_request request = { .time = o->time,
		                         .power = o->power,
		                         .series = o->series,
		                         .options = { .penalty = o->penalty,
		                                      .effect = o->effect } };
	arena_init(&arena);
	enum ergon_code code = phase_table_read(operands[0], &request, &arena, &table, &err);
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
	.summary = "cut a recorded series into phases",
	.synopsis = "FILE.csv --time COL (--power COL | --series COL[,COL]) [options]",
	.details = "Finds where a series of samples changes its level (PELT, exact), and gives "
		   "each phase its "
		   "time, energy, mean power and EDP; says when the series repeats itself.",
	.examples = "ergon phases samples.csv --time time_s --power power_w\n"
		    "ergon phases samples.csv --time t --series power_w,gpu_busy --json -",
	.options = options_table,
	.options_size = sizeof(struct options),
	.operands_min = 1,
	.operands_max = 1,
	.run = phases_run,
};
