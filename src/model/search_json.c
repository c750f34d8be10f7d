/* SPDX-License-Identifier: Apache-2.0
 *
 * The document of a search.
 */
#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "model/search.h"

static void put(json_t *object, const char *key, double value)
{
	json_object_set_new(object, key, json_number(value));
}

static void put_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, json_string(text));
}

static const char *key_of(enum metric metric, char out[32])
{
	static const char *const suffix[METRIC_COUNT] = {
		[METRIC_TIME] = "_s",  [METRIC_ENERGY] = "_j",     [METRIC_EDP] = "_js",
		[METRIC_CO2] = "_g",   [METRIC_MEMORY] = "_bytes", [METRIC_STEP] = "_time_s",
		[METRIC_POWER] = "_w",
	};
	snprintf(out, 32, "%s%s", search_metrics[metric].name,
	         suffix[metric] ? suffix[metric] : "");
	return out;
}

static json_t *interval(double low, double high)
{
	return json_pack("[o, o]", json_number(low), json_number(high));
}

static json_t *point_to_json(const struct search_request *request, const struct search_point *point)
{
	const struct search_variant *variant = &request->space.variants[point->variant];
	const struct workload *workload = variant->workload;
	const struct predict_settings *settings = &point->settings;
	char key[32];
	json_t *out = json_object();
	put_text(out, "device", request->space.devices[point->device].device.name);
	put(out, "gpus", point->gpus);
	put(out, "data", settings->gpus);
	put(out, "tensor", workload->tensor_ways > 1 ? workload->tensor_ways : 1);
	json_object_set_new(out, "sequence_parallel", json_boolean(variant->sequence_parallel));
	put(out, "pipeline", settings->pipeline);
	put(out, "zero", settings->zero);
	put_text(out, "recompute", recompute_name(settings->recompute));
	put(out, "batch", settings->batch);
	put(out, "accumulate", settings->accumulation);
	put_text(out, "precision", precision_facts(workload->precision)->name);
	put(out, "power_cap_w", settings->power_cap_w);
	for (int metric = 0; metric < METRIC_COUNT; metric++)
		if (metric != METRIC_GPUS)
			put(out, key_of((enum metric)metric, key), point->metric[metric]);
	json_object_set_new(out, "time_interval80_s",
	                    interval(point->time_low_s, point->time_high_s));
	json_object_set_new(out, "energy_interval80_j",
	                    interval(point->energy_low_j, point->energy_high_j));
	put_text(out, "bound", cause_name(point->bound));
	return out;
}

static json_t *request_to_json(const struct search_request *request)
{
	const struct search_space *space = &request->space;
	const struct workload *workload = space->variants[0].workload;
	json_t *out = json_object(), *limits = json_array(), *devices = json_array();
	put_text(out, "model", workload->name);
	put_text(out, "task", workload->infer ? "infer" : "train");
	put_text(out, "minimise", search_metrics[request->objective].name);
	for (int metric = 0; metric < METRIC_COUNT; metric++) {
		double low = request->limits.low[metric], high = request->limits.high[metric];
		if (low > 0 || isfinite(high))
			json_array_append_new(limits,
			                      json_pack("{s:s, s:o, s:o}", "quantity",
			                                search_metrics[metric].name, "at_least",
			                                low > 0 ? json_number(low) : json_null(),
			                                "at_most", json_number(high)));
	}
	json_object_set_new(out, "limits", limits);
	for (size_t i = 0; i < space->device_count; i++)
		json_array_append_new(devices, json_string(space->devices[i].device.name));
	json_object_set_new(out, "devices", devices);
	put(out, "samples", request->samples);
	if (workload->tokens > 0)
		put(out, "tokens", request->samples * workload->tokens);
	if (space->global_batch > 0)
		put(out, "global_batch", space->global_batch);
	put(out, "pue", request->pue);
	put(out, "price_per_kwh", request->price_per_kwh);
	put(out, "g_per_kwh", request->g_per_kwh);
	return out;
}

json_t *search_to_json(const struct search_request *request, const struct search_result *result)
{
	json_t *out = json_object(), *front = json_array();
	if (!out || !front) {
		json_decref(out);
		json_decref(front);
		return NULL;
	}
	put_text(out, "kind", "ergon.search");
	json_object_set_new(out, "version", json_integer(1));
	put_text(out, "provenance", "modelled");
	json_object_set_new(out, "request", request_to_json(request));
	json_object_set_new(
	    out, "configurations",
	    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "all", (json_int_t)result->configurations,
	              "evaluated", (json_int_t)result->evaluated, "too_large",
	              (json_int_t)result->too_large, "too_slow", (json_int_t)result->too_slow,
	              "dominated", (json_int_t)result->dominated, "outside_limits",
	              (json_int_t)result->infeasible));
	json_object_set_new(out, "best",
	                    result->best == SIZE_MAX
	                        ? json_null()
	                        : point_to_json(request, &result->front[result->best]));
	put_text(out, "pareto_against", search_metrics[result->second].name);
	for (size_t i = 0; i < result->count; i++)
		json_array_append_new(front, point_to_json(request, &result->front[i]));
	json_object_set_new(out, "pareto", front);
	return out;
}
