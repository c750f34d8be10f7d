/* SPDX-License-Identifier: Apache-2.0
 *
 * What an evaluation found, as a JSON document and as a table of all its rows.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/json.h"
#include "model/eval.h"

static const char *const key_fields[EVAL_KEY_COUNT] = { "gpu",  "model",     "precision", "source",
	                                                "task", "gpu_count", "batch" };

static json_t *group_to_json(const struct eval_group *group)
{
	json_t *object = json_pack(
	    "{s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "file", group->file, "split",
	    group->split, "metric", group->metric, "bound", group->host ? "host" : "device", "n",
	    (json_int_t)group->n, "skipped", (json_int_t)group->skipped, "mape",
	    json_number(group->mape), "median_ape", json_number(group->median_ape), "p95_ape",
	    json_number(group->p95_ape), "bias", json_number(group->bias), "coverage80",
	    json_number(group->coverage80));
	for (int i = 0; object && i < EVAL_KEY_COUNT; i++)
		if (group->keys[i])
			json_object_set_new(object, key_fields[i], json_string(group->keys[i]));
	return object;
}

json_t *eval_to_json(const struct eval_report *report)
{
	json_t *groups = json_array(), *reasons = json_array();
	for (size_t i = 0; i < report->group_count; i++)
		json_array_append_new(groups, group_to_json(&report->groups[i]));
	for (size_t i = 0; i < report->reason_count; i++) {
		const struct eval_reason *r = &report->reasons[i];
		json_array_append_new(reasons,
		                      json_pack("{s:s, s:s, s:s, s:I, s:s}", "file", r->file,
		                                "metric", r->metric, "reason", r->reason, "count",
		                                (json_int_t)r->count, "example", r->model));
	}
	const struct eval_sweet_spots *spots = &report->sweet_spots;
	json_t *sweet = json_pack(
	    "{s:I, s:I, s:I, s:o, s:I, s:I, s:o, s:I, s:o, s:o, s:o}", "groups",
	    (json_int_t)spots->groups, "exact", (json_int_t)spots->exact, "within_one_step",
	    (json_int_t)spots->near, "edp_lost", json_number(spots->edp_lost), "binding_groups",
	    (json_int_t)spots->binding, "binding_within_one_step", (json_int_t)spots->binding_near,
	    "binding_edp_lost", json_number(spots->binding_edp_lost), "capped",
	    (json_int_t)spots->capped, "time_mape", json_number(spots->time_error), "power_mape",
	    json_number(spots->power_error), "clip_power_mape", json_number(spots->clip_error));
	return json_pack("{s:s, s:i, s:s, s:s?, s:I, s:I, s:I, s:o, s:o, s:o}", "kind",
	                 "ergon.model-eval", "version", 1, "error", "predicted / measured - 1",
	                 "holdout", report->holdout, "folds", (json_int_t)report->folds,
	                 "predicted", (json_int_t)report->predicted, "skipped",
	                 (json_int_t)report->skipped, "groups", groups, "min_edp_cap", sweet,
	                 "skipped_reasons", reasons);
}

static void cell(struct text *out, const char *value)
{
	bool quote = strpbrk(value, ",\"\n\r") != NULL;
	if (!quote) {
		text_puts(out, value);
	} else {
		text_puts(out, "\"");
		for (; *value; value++)
			text_printf(out, *value == '"' ? "\"\"" : "%c", *value);
		text_puts(out, "\"");
	}
	text_puts(out, ",");
}

static void number(struct text *out, double value)
{
	if (isfinite(value))
		text_printf(out, "%.9g", value);
	text_puts(out, ",");
}

char *eval_rows_csv(const struct eval_cases *cases, const struct eval_point *points)
{
	struct text out = { 0 };
	text_puts(&out,
	          "file,line,run_id,split,source,gpu,gpu_count,model,model_config,task,precision,"
	          "batch_size_per_gpu,seq_len_or_resolution,power_limit_w,metric,bound,measured,"
	          "predicted,low,high,error,step_s,device_s,host_s,communication_s,clock_ghz,"
	          "power_w,class,reason\n");
	for (size_t i = 0; i < cases->count; i++) {
		const struct eval_case *c = &cases->items[i];
		const struct measured_run *run = c->run;
		const struct eval_point *p = c->reason ? NULL : &points[i];
		cell(&out, c->file);
		text_printf(&out, "%ld,", c->line);
		const char *const texts[] = { run->id, c->split, run->source, run->gpu };
		for (size_t j = 0; j < sizeof texts / sizeof *texts; j++)
			cell(&out, texts[j]);
		number(&out, run->gpus);
		cell(&out, run->model);
		cell(&out, run->config);
		cell(&out, run->task);
		cell(&out, run->precision);
		number(&out, run->batch);
		cell(&out, run->size);
		number(&out, run->power_limit_w);
		cell(&out, c->metric);
		cell(&out, p ? p->host ? "host" : "device" : "");
		number(&out, c->measured);
		const struct prediction *q = p ? &p->prediction : NULL;
		const double values[] = { p ? p->predicted : (double)NAN,
			                  p ? p->low : (double)NAN,
			                  p ? p->high : (double)NAN,
			                  p ? p->predicted / c->measured - 1 : (double)NAN,
			                  q ? q->step_time_s : (double)NAN,
			                  q ? q->device_time_s : (double)NAN,
			                  q ? q->host_time_s : (double)NAN,
			                  q ? q->communication_time_s : (double)NAN,
			                  q ? q->clock_hz / 1e9 : (double)NAN,
			                  q ? q->power_w : (double)NAN };
		for (size_t j = 0; j < sizeof values / sizeof *values; j++)
			number(&out, values[j]);
		cell(&out, p ? spread_facts[p->class].name : "");
		text_printf(&out, "%s\n", c->reason ? c->reason : "");
	}
	if (!out.failed && out.data)
		return out.data;
	text_fini(&out);
	return NULL;
}
