/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/arena.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/table.h"
#include "understand/pareto_table.h"

struct options {
	const char *group, *time, *power, *energy, *lever, *json;
	struct text_list filters;
	double slowdown;
};

static const struct option options_table[] = {
	{ .name = "group",
	  .letter = 'g',
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct options, group),
	  .value = "COL[,COL]",
	  .help = "columns that name the work; COL.KEY takes KEY=... out of a cell" },
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
	  .help = "column of the mean power, in W; energy is power x time" },
	{ .name = "energy",
	  .letter = 'e',
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct options, energy),
	  .value = "COL",
	  .help = "column of the energy, in J" },
	{ .name = "filter",
	  .letter = 'f',
	  .kind = OPTION_LIST,
	  .field = offsetof(struct options, filters),
	  .value = "COL=VALUE",
	  .help = "only rows with this value; * and ? match anything" },
	{ .name = "lever",
	  .letter = 'l',
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct options, lever),
	  .value = "COL",
	  .help = "column that was varied; its highest value is the baseline "
	          "(power_limit_w where there is one, else the fastest row)" },
	{ .name = "slower",
	  .letter = 's',
	  .kind = OPTION_FRACTION,
	  .field = offsetof(struct options, slowdown),
	  .value = "PERCENT",
	  .fallback = "5%",
	  .help = "also show the point of least energy at most this much slower than the baseline",
	  .max = 1000 },
	OPTION_JSON(struct options),
	OPTION_END,
};

static void print_row(struct table *t, const struct pareto_table *table, size_t g)
{
	const struct pareto_group *group = &table->groups[g];
	const struct tradeoff_point *p = table->points + group->begin;
	struct tradeoff_point best = p[group->best.min_edp], base = p[group->baseline];
	struct tradeoff_point least = p[group->best.min_energy];
	char name[256] = "all rows", energy[32], lever[32] = "-";
	size_t used = 0;
	for (size_t i = 0; i < table->group_column_count && used < sizeof name; i++)
		used += (size_t)snprintf(name + used, sizeof name - used, "%s%s", i ? ", " : "",
		                         group->values[i]);
	if (table->lever_column >= 0)
		snprintf(lever, sizeof lever, "%s",
		         csv_cell(&table->csv, table->rows[group->begin + group->best.min_edp],
		                  (size_t)table->lever_column));
	table_row(t, "%.30s\t%zu/%zu\t%.9s\t%s\t%+.1f%%\t%+.1f%%\t%+.1f%%", name,
	          group->front_count, group->count, lever,
	          format_si(energy, sizeof energy, best.energy_j, "J"),
	          100 * (best.energy_j / base.energy_j - 1), 100 * (best.time_s / base.time_s - 1),
	          100 * (least.energy_j / base.energy_j - 1));
}

static void print_result(struct cli *cli, const struct pareto_table *table)
{
	struct pareto_summary s = pareto_table_summary(table);
	const char *baseline = table->lever_column >= 0 ? "the highest setting" : "the fastest row";
	fprintf(cli->out,
	        "At the point of least EDP: %.1f%% less energy at %.1f%% more time than\n"
	        "%s, mean of %zu group%s (least energy: %.1f%% less at %.1f%% more).\n\n",
	        100 * s.energy_saved_min_edp, 100 * s.time_lost_min_edp, baseline,
	        table->group_count, table->group_count == 1 ? "" : "s",
	        100 * s.energy_saved_min_energy, 100 * s.time_lost_min_energy);
	char lever[10] = "-";
	if (table->lever_column >= 0)
		snprintf(lever, sizeof lever, "%s", table->csv.header[table->lever_column]);
	const char *const header[] = {
		"group", "front", lever, "energy", "energy", "time", "least"
	};
	struct table t;
	table_init(&t, "lrrrrrr", header);
	for (size_t g = 0; g < table->group_count; g++)
		print_row(&t, table, g);
	table_print(&t, cli->out);
	table_fini(&t);
	fprintf(cli->out, "\nfront: rows on the Pareto front of all; then the point of least EDP\n"
	                  "against the baseline; least: energy of the thriftiest row.\n");
	if (table->group_count <= 8)
		fputc('\n', cli->out);
	for (size_t g = 0; g < table->group_count && table->group_count <= 8; g++) {
		char sentence[512];
		fprintf(cli->out, "%s\n",
		        pareto_group_sentence(table, g, sentence, sizeof sentence));
	}
}

static void print_rows(FILE *out, const struct pareto_table *table)
{
	size_t skipped = table->skipped_time + table->skipped_cost;
	fprintf(out, "%zu of %zu rows used", table->used, table->csv.rows);
	if (table->filtered_out)
		fprintf(out, "; %zu left aside by --filter", table->filtered_out);
	if (skipped)
		fprintf(out, "; %zu skipped: empty cell (first in line %ld)", skipped,
		        table->skipped_line);
	fprintf(out, "\n");
}

static int pareto_run(struct cli *cli, const void *options, char **operands, int count)
{
	(void)count;
	const struct options *o = options;
	struct ergon_error err = { 0 };
	struct arena arena;
	struct pareto_table table;
	struct pareto_request request = { .groups = o->group,
		                          .time = o->time,
		                          .power = o->power,
		                          .energy = o->energy,
		                          .lever = o->lever,
		                          .filters = o->filters.items,
		                          .filter_count = o->filters.count,
		                          .slowdown = o->slowdown };
	arena_init(&arena);
	enum ergon_code code = pareto_table_read(operands[0], &request, &arena, &table, &err);
	if (!code && o->json)
		code = document_save(pareto_table_to_json(&table), o->json, &err);
	int status = code ? cli_fail(cli, "pareto", &err) : EXIT_DONE;
	if (!code && document_shown(cli, o->json)) {
		print_result(cli, &table);
		print_rows(cli->out, &table);
	} else if (!code && table.skipped_time + table.skipped_cost) {
		print_rows(cli->errors, &table);
	}
	arena_fini(&arena);
	return status;
}

const struct command command_pareto = {
	.name = "pareto",
	.pillar = PILLAR_UNDERSTAND,
	.summary = "find the sweet spots in a table of measurements",
	.synopsis = "FILE.csv --time COL (--power COL | --energy COL) [options]",
	.details = "Groups the rows, finds each group's exact Pareto front of time and energy, its "
		   "points of "
		   "least energy, least EDP (energy x time) and least ED2P, and says what they "
		   "save against "
		   "the baseline.\n\nA long table, with columns run_id, metric and value, is "
		   "pivoted first: "
		   "one row a run_id, each metric a column (--time epoch_time_s --power "
		   "avg_power_w). Rows "
		   "with an empty time, power or energy are counted and reported as skipped.",
	.examples = "ergon pareto runs.csv --time time_s --energy energy_j\n"
		    "ergon pareto zeus_training_power.csv --filter 'gpu=V100*' \\\n"
		    "  --group model,batch_size_per_gpu,model_config.optimizer \\\n"
		    "  --time epoch_time_s --power avg_power_w",
	.options = options_table,
	.options_size = sizeof(struct options),
	.operands_min = 1,
	.operands_max = 1,
	.run = pareto_run,
};
