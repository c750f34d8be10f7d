/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/cmd_model.h"
#include "cli/document.h"
#include "cli/model_options.h"
#include "cli/table.h"
#include "model/eval_cases.h"
#include "model/holdout.h"

/* "5.2%", or "-" where there is none. */
static const char *percent(char *out, size_t size, double value)
{
	if (isfinite(value))
		snprintf(out, size, fabs(value) < 0.9995 ? "%.1f%%" : "%.0f%%", 100 * value);
	else
		snprintf(out, size, "-");
	return out;
}

static void print_group(struct table *table, const struct eval_group *g)
{
	/* So much of a group's name, and of its file where keys stand behind it, fits beside
	 * numbers. */
	enum { NAME_WIDTH = 19, FILE_LEAST = 5 };
	char texts[5][24], name[160], keys[160] = "";
	size_t used = 0;
	const double values[] = { g->mape, g->median_ape, g->p95_ape, g->bias, g->coverage80 };
	for (int i = 0; i < 5; i++)
		percent(texts[i], sizeof texts[i], values[i]);
	for (int i = 0; i < EVAL_KEY_COUNT && used < sizeof keys; i++)
		if (g->keys[i])
			used +=
			    (size_t)snprintf(keys + used, sizeof keys - used, " %s", g->keys[i]);
	used = strnlen(keys, NAME_WIDTH - FILE_LEAST);
	int file = (int)strcspn(g->file, "."), room = NAME_WIDTH - (int)used;
	snprintf(name, sizeof name, "%.*s%s%s", file < room ? file : room, g->file,
	         g->split[0] ? "/" : "", g->split);
	snprintf(name + strnlen(name, (size_t)room), sizeof name - (size_t)room, "%s", keys);
	table_row(table, "%.*s\t%.14s\t%s\t%zu\t%zu\t%s\t%s\t%s\t%s", NAME_WIDTH, name, g->metric,
	          g->host ? "host" : "dev", g->n, g->skipped, texts[0], texts[1], texts[3],
	          texts[4]);
}

static void print_report(FILE *out, const struct eval_report *report)
{
	const char *const header[] = { "file", "metric", "side", "n",  "skip",
		                       "mean", "median", "bias", "80%" };
	struct table table;
	if (report->holdout)
		fprintf(out, "each %s judged with constants fitted without it (%u folds)\n",
		        strcmp(report->holdout, "random") == 0 ? "configuration" : report->holdout,
		        report->folds);
	fprintf(out,
	        "%zu of %zu numbers predicted; error = predicted / measured - 1 (modelled)\n\n",
	        report->predicted, report->predicted + report->skipped);
	table_init(&table, "lllrrrrrr", header);
	for (size_t i = 0; i < report->group_count; i++)
		print_group(&table, &report->groups[i]);
	table_print(&table, out);
	table_fini(&table);
	if (!report->reason_count)
		return;
	size_t shown = report->reason_count < 20 ? report->reason_count : 20;
	fprintf(out, "\nnot predicted:\n");
	for (size_t i = 0; i < shown; i++)
		fprintf(out, "%6zu  %.*s %s: %s\n", report->reasons[i].count,
		        (int)strcspn(report->reasons[i].file, "."), report->reasons[i].file,
		        report->reasons[i].metric, report->reasons[i].reason);
	if (shown < report->reason_count)
		fprintf(out, "        and %zu more reasons (--json lists all)\n",
		        report->reason_count - shown);
}

static enum ergon_code write_text(const char *path, char *text, struct ergon_error *err)
{
	enum ergon_code code = text ? file_write(path, text, strlen(text), err)
	                            : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	free(text);
	return code;
}

/* Points of all cases: with the given constants, or with those of each one's fold. */
static enum ergon_code predict_all(const struct eval_cases *cases,
                                   const struct calibration *calibration, enum holdout holdout,
                                   unsigned *folds, struct eval_point *points,
                                   struct ergon_error *err)
{
	if (holdout != HOLDOUT_NONE)
		return holdout_predict(cases, holdout, folds, points, err);
	for (size_t i = 0; i < cases->count; i++)
		eval_predict(&cases->items[i], calibration, &points[i]);
	return ERGON_OK;
}

static enum ergon_code judge(const struct eval_cases *cases, const struct calibration *calibration,
                             enum holdout holdout, unsigned folds, unsigned keys, const char *rows,
                             struct arena *arena, struct eval_report *report,
                             struct ergon_error *err)
{
	struct eval_point *points = calloc(cases->count + 1, sizeof *points);
	if (!points)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = predict_all(cases, calibration, holdout, &folds, points, err);
	if (!code)
		code = eval_summarise(cases, points, keys, arena, report, err);
	if (!code && holdout != HOLDOUT_NONE) {
		report->holdout = holdout_name(holdout);
		report->folds = folds;
	}
	if (!code && rows)
		code = write_text(rows, eval_rows_csv(cases, points), err);
	free(points);
	return code;
}

/* reports: the installed constants or the one holdout that was asked for; for the page all three
 * holdouts. */
static enum ergon_code evaluate(struct cli *cli, const struct model_options *options, char **files,
                                int count, struct arena *arena, struct eval_report reports[3],
                                struct ergon_error *err)
{
	struct eval_cases cases;
	struct calibration calibration;
	unsigned keys = 0, folds = (unsigned)options->folds;
	enum holdout holdout = HOLDOUT_NONE;
	enum ergon_code code = options->by ? eval_keys_parse(options->by, &keys, err) : ERGON_OK;
	if (!code && options->holdout)
		code = holdout_parse(options->holdout, &holdout, err);
	if (!code)
		code = calibration_from(cli, options->calibration, &calibration, err);
	if (!code)
		code = eval_cases_load(cli->env, (const char *const *)files, (size_t)count, arena,
		                       &cases, err);
	if (!code && options->markdown)
		holdout = HOLDOUT_RANDOM;
	if (!code)
		code = judge(&cases, &calibration, holdout, folds, keys, options->rows, arena,
		             &reports[0], err);
	if (!code && options->markdown)
		code = judge(&cases, &calibration, HOLDOUT_MODEL, folds, keys, NULL, arena,
		             &reports[1], err);
	if (!code && options->markdown)
		code = judge(&cases, &calibration, HOLDOUT_GPU, 0, keys, NULL, arena, &reports[2],
		             err);
	return code;
}

static enum ergon_code print_page(struct cli *cli, const struct eval_report reports[3],
                                  struct ergon_error *err)
{
	char *page = eval_markdown(reports);
	if (!page)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	fputs(page, cli->out);
	free(page);
	return ERGON_OK;
}

int model_eval_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	const struct model_options *options = parsed;
	struct ergon_error err = { 0 };
	struct eval_report reports[3];
	struct arena arena;
	arena_init(&arena);
	enum ergon_code code = evaluate(cli, options, operands, count, &arena, reports, &err);
	if (!code && options->json)
		code = document_save(eval_to_json(&reports[0]), options->json, &err);
	bool shown = document_shown(cli, options->json);
	if (!code && options->markdown && shown)
		code = print_page(cli, reports, &err);
	int status = code ? cli_fail(cli, "model eval", &err) : EXIT_DONE;
	if (!code && !options->markdown && shown)
		print_report(cli->out, &reports[0]);
	arena_fini(&arena);
	return status;
}
