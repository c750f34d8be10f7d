/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/suggest.h"
#include "cli/cmd_model.h"
#include "cli/document.h"
#include "cli/model_options.h"
#include "cli/table.h"
#include "cli/wrap.h"
#include "model/calibrate.h"
#include "model/eval_cases.h"
#include "model/holdout.h"

/* "launch_s,memory" -> which constants move. */
static enum ergon_code choose(const char *list, bool fitted[CALIBRATION_COUNT], struct arena *arena,
                              struct ergon_error *err)
{
	const char *names[CALIBRATION_COUNT];
	for (size_t i = 0; i < CALIBRATION_COUNT; i++) {
		names[i] = calibration_fields[i].name;
		fitted[i] = !list;
	}
	char *copy = list ? arena_strdup(arena, list) : NULL, *save = NULL;
	for (char *word = copy ? strtok_r(copy, ",", &save) : NULL; word;
	     word = strtok_r(NULL, ",", &save)) {
		size_t i = 0;
		char hint[320];
		while (i < CALIBRATION_COUNT && strcmp(names[i], word) != 0)
			i++;
		if (i == CALIBRATION_COUNT)
			return ergon_fail(
			    err, ERGON_NOT_FOUND, "no constant '%.40s'%s", word,
			    suggest_hint(hint, sizeof hint, word, names, CALIBRATION_COUNT));
		fitted[i] = true;
	}
	return ERGON_OK;
}

/* Of what was fitted, constants whose flag is as wanted. */
static void print_names(FILE *out, const char *title, const struct calibrate_result *result,
                        size_t flag, bool wanted)
{
	char names[4096] = "";
	size_t used = 0, count = 0;
	for (size_t i = 0; i < CALIBRATION_COUNT; i++) {
		const struct calibrate_field *f = &result->fields[i];
		const bool *value = (const bool *)((const char *)f + flag);
		if (!f->fitted || *value != wanted || used >= sizeof names)
			continue;
		used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
		                         count++ ? ", " : "", calibration_fields[i].name);
	}
	if (!count)
		return;
	fprintf(out, "\n%s (%zu):\n", title, count);
	fputs("  ", out);
	wrap_print(out, names, 2, 2);
}

static void print_fit(FILE *out, const struct calibration *calibration,
                      const struct calibrate_result *result)
{
	static const char *const header[] = { "constant", "value", "95% from", "to", "unit", "" };
	struct table table;
	fprintf(out, "%zu measurements, %zu passes; residual %.4f -> %.4f\n\n", result->cases,
	        result->evaluations, result->rms_before, result->rms_after);
	table_init(&table, "lrrrll", header);
	for (size_t i = 0; i < CALIBRATION_COUNT; i++) {
		const struct calibrate_field *f = &result->fields[i];
		const double *value = (const double *)(const void *)calibration + i;
		if (f->fitted)
			table_row(&table, "%s\t%.4g\t%.4g\t%.4g\t%s\t%s",
			          calibration_fields[i].name, *value, f->low95, f->high95,
			          calibration_fields[i].unit,
			          f->at_bound      ? "at its bound"
			          : !f->identified ? "not identified"
			                           : " ");
	}
	table_print(&table, out);
	table_fini(&table);
	print_names(out, "Not identified, so they stay about where they were expected", result,
	            offsetof(struct calibrate_field, identified), false);
	print_names(out, "At their bounds", result, offsetof(struct calibrate_field, at_bound),
	            true);
}

static enum ergon_code fit_all(const struct eval_cases *cases, struct calibration *calibration,
                               struct calibrate_result *result, struct arena *arena,
                               struct ergon_error *err)
{
	bool *sampled = ARENA_ARRAY(arena, bool, cases->count + 1);
	if (!sampled)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = calibrate_sample(cases, true, sampled, err);
	return code ? code : calibrate_all(cases, sampled, true, calibration, result, err);
}

/* From errors of predictions without each network, then without each GPU. Not fitted: what the data
 * tell about the constants as they are comes besides. */
static enum ergon_code fit_intervals(const struct eval_cases *cases, bool fitted,
                                     struct calibration *calibration,
                                     struct calibrate_result *result, struct arena *arena,
                                     struct ergon_error *err)
{
	struct eval_point *points = ARENA_ARRAY(arena, struct eval_point, cases->count + 1);
	unsigned folds = 0;
	if (!points)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	bool *sampled = ARENA_ARRAY(arena, bool, cases->count + 1);
	if (!sampled)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = calibrate_sample(cases, true, sampled, err);
	if (!code && !fitted)
		code = calibrate_describe(cases, sampled, calibration, result, err);
	if (!code)
		code = holdout_predict(cases, HOLDOUT_MODEL, &folds, points, err);
	if (!code)
		code = calibrate_spreads(cases, points, NULL, calibration, err);
	folds = 0;
	if (!code)
		code = holdout_predict(cases, HOLDOUT_GPU, &folds, points, err);
	return code ? code : calibrate_device_spread(cases, points, calibration, err);
}

static enum ergon_code fit(struct cli *cli, const struct model_options *options, char **files,
                           int count, struct arena *arena, struct ergon_error *err)
{
	struct eval_cases cases;
	struct calibration calibration;
	struct calibrate_result result = { 0 };
	bool fitted[CALIBRATION_COUNT];
	struct calibrate_options wanted = { .fitted = fitted };
	enum ergon_code code = choose(options->constants, fitted, arena, err);
	/* Everything is fitted from the start values, unless others are given. */
	calibration_init(&calibration);
	if (!code && (options->constants || options->calibration || options->intervals))
		code = calibration_from(cli, options->calibration, &calibration, err);
	if (!code)
		code = eval_cases_load(cli->env, (const char *const *)files, (size_t)count, arena,
		                       &cases, err);
	if (!code && options->constants)
		code = calibrate(&cases, &wanted, &calibration, &result, err);
	else if (!code && !options->intervals)
		code = fit_all(&cases, &calibration, &result, arena, err);
	if (!code && (options->intervals || !options->constants))
		code =
		    fit_intervals(&cases, !options->intervals, &calibration, &result, arena, err);
	if (code)
		return code;
	char provenance[1024];
	size_t used = (size_t)snprintf(provenance, sizeof provenance, "fitted by ergon to:");
	for (int i = 0; i < count && used < sizeof provenance; i++)
		used += (size_t)snprintf(provenance + used, sizeof provenance - used, " %s",
		                         file_base_name(files[i]));
	if (document_shown(cli, options->json))
		print_fit(cli->out, &calibration, &result);
	if (!options->json)
		return ERGON_OK;
	return document_save(calibration_to_json(&calibration, &result, provenance), options->json,
	                     err);
}

int model_fit_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	const struct model_options *options = parsed;
	struct ergon_error err = { 0 };
	struct arena arena;
	arena_init(&arena);
	enum ergon_code code = fit(cli, options, operands, count, &arena, &err);
	arena_fini(&arena);
	return code ? cli_fail(cli, "model fit", &err) : EXIT_DONE;
}
