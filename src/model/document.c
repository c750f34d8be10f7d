/* SPDX-License-Identifier: Apache-2.0 */
#include "model/document.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/units.h"

static void put(json_t *object, const char *key, double value)
{
	json_object_set_new(object, key, json_number(value));
}

static json_t *causes_to_json(const double cause_s[CAUSE_COUNT])
{
	json_t *out = json_object();
	for (int cause = 0; cause < CAUSE_COUNT; cause++) {
		char key[32];
		snprintf(key, sizeof key, "%s_s", cause_name((enum cause)cause));
		put(out, key, cause_s[cause]);
	}
	return out;
}

static json_t *breakdown_to_json(const struct prediction *prediction,
                                 const struct breakdown *breakdown)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < breakdown->count; i++) {
		const struct breakdown_row *row = &breakdown->rows[i];
		json_t *item = json_object();
		json_object_set_new(item, "group", json_string(row->group));
		put(item, "time_s", row->time_s);
		put(item, "share", row->time_s / prediction->step_time_s);
		json_object_set_new(item, "largest_family", json_string(family_name(row->family)));
		json_object_set_new(item, "causes", causes_to_json(row->cause_s));
		put(item, "energy_j", row->energy_j);
		put(item, "flops", row->flops);
		put(item, "bytes", row->bytes);
		put(item, "dram_bytes", row->dram_bytes);
		put(item, "launches", row->launches);
		json_array_append_new(rows, item);
	}
	return rows;
}

static double at_least_1(double value)
{
	return value > 1 ? value : 1;
}

double prediction_gpus(const struct predict_request *request)
{
	return at_least_1(request->settings.gpus) * at_least_1(request->settings.pipeline) *
	       at_least_1(request->workload->tensor_ways);
}

static json_t *request_to_json(const struct predict_request *request)
{
	const struct workload *workload = request->workload;
	const struct predict_settings *settings = &request->settings;
	json_t *out = json_object();
	json_object_set_new(out, "model", json_string(workload->name));
	json_object_set_new(out, "device", json_string(request->device->name));
	put(out, "gpus", prediction_gpus(request));
	put(out, "tensor", at_least_1(workload->tensor_ways));
	put(out, "pipeline", at_least_1(settings->pipeline));
	put(out, "zero", settings->zero);
	put(out, "batch_per_gpu", settings->batch);
	json_object_set_new(out, "precision",
	                    json_string(precision_facts(workload->precision)->name));
	json_object_set_new(out, "optimizer", json_string(optimizer_name(workload->optimizer)));
	json_object_set_new(out, "runtime", json_string(runtime_name(workload->runtime)));
	json_object_set_new(out, "task", json_string(workload->infer ? "infer" : "train"));
	if (workload->sequence)
		put(out, "sequence", (double)workload->sequence);
	if (workload->resolution)
		put(out, "resolution", (double)workload->resolution);
	put(out, "power_cap_w",
	    settings->power_cap_w > 0 ? settings->power_cap_w : request->device->tdp_w);
	return out;
}

static json_t *memory_to_json(const struct prediction *prediction, const struct device *device)
{
	json_t *out = json_object();
	put(out, "parameters_bytes", prediction->parameter_bytes);
	put(out, "gradients_bytes", prediction->gradient_bytes);
	put(out, "optimizer_bytes", prediction->optimizer_bytes);
	put(out, "activations_bytes", prediction->activation_bytes);
	put(out, "workspace_bytes", prediction->workspace_bytes);
	put(out, "device_bytes", device->memory_bytes);
	return out;
}

static json_t *interval(double low, double high)
{
	json_t *out = json_array();
	json_array_append_new(out, json_number(low));
	json_array_append_new(out, json_number(high));
	return out;
}

static void put_rates(json_t *out, const struct prediction *prediction)
{
	double step = prediction->step_time_s;
	put(out, "samples_per_s", prediction->samples / step);
	put(out, "energy_per_sample_j", prediction->energy_per_step_j / prediction->samples);
	if (prediction->tokens > 0) {
		put(out, "tokens_per_s", prediction->tokens / step);
		put(out, "energy_per_token_j", prediction->energy_per_step_j / prediction->tokens);
	}
	put(out, "flops_per_step", prediction->flops);
	put(out, "flops_per_s", prediction->flops / step);
}

json_t *prediction_to_json(const struct predict_request *request,
                           const struct prediction *prediction, const struct breakdown *breakdown)
{
	json_t *out = json_object();
	char reasons[REASONS_MAX][REASON_SIZE];
	if (!out)
		return NULL;
	json_object_set_new(out, "kind", json_string("ergon.predict"));
	json_object_set_new(out, "version", json_integer(1));
	json_object_set_new(out, "provenance", json_string("modelled"));
	json_object_set_new(out, "request", request_to_json(request));
	put(out, "step_time_s", prediction->step_time_s);
	json_object_set_new(out, "step_time_interval80_s",
	                    interval(prediction->time_low_s, prediction->time_high_s));
	char words[SPREAD_WORDS];
	json_object_set_new(out, "interval_class",
	                    json_string(spread_facts[prediction->time_class].name));
	json_object_set_new(out, "interval_reason", json_string(spread_words(words, prediction)));
	put(out, "power_w", prediction->power_w);
	json_object_set_new(out, "power_interval80_w",
	                    interval(prediction->power_low_w, prediction->power_high_w));
	put(out, "energy_per_step_j", prediction->energy_per_step_j);
	json_object_set_new(out, "energy_interval80_j",
	                    interval(prediction->energy_low_j, prediction->energy_high_j));
	put(out, "memory_bytes", prediction->memory_bytes);
	json_object_set_new(out, "fits", json_boolean(prediction->fits));
	put_rates(out, prediction);
	enum rate rate = precision_facts(request->workload->precision)->matrix;
	json_object_set_new(out, "precision_fallback",
	                    request->device->native[rate] ? json_null()
	                                                  : json_string(rate_name(RATE_FP32)));
	put(out, "clock_hz", prediction->clock_hz);
	json_object_set_new(out, "capped", json_boolean(prediction->capped));
	json_object_set_new(out, "at_minimum_clock", json_boolean(prediction->at_minimum_clock));
	json_object_set_new(out, "bound", json_string(cause_name(prediction->bound)));
	put(out, "device_time_s", prediction->device_time_s);
	put(out, "host_time_s", prediction->host_time_s);
	put(out, "communication_time_s", prediction->communication_time_s);
	json_object_set_new(out, "causes", causes_to_json(prediction->cause_s));
	json_object_set_new(out, "breakdown", breakdown_to_json(prediction, breakdown));
	json_object_set_new(out, "memory", memory_to_json(prediction, request->device));
	json_t *power = json_object();
	put(power, "idle_w", prediction->idle_w);
	put(power, "busy_w", prediction->static_w);
	put(power, "compute_w", prediction->compute_w);
	put(power, "memory_w", prediction->memory_w);
	json_object_set_new(out, "power", power);
	json_t *why = json_array();
	size_t count = prediction_reasons(request, prediction, breakdown, reasons);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(why, json_string(reasons[i]));
	json_object_set_new(out, "reasons", why);
	return out;
}

struct share {
	const struct breakdown_row *row;
	enum cause cause;
	double time_s;
};

static void reason(const struct share *share, const struct predict_request *request,
                   const struct prediction *prediction, char *out)
{
	double percent = 100 * share->time_s / prediction->step_time_s;
	char rate[48], peak[48];
	switch (share->cause) {
	case CAUSE_COMPUTE:
		snprintf(
		    out, REASON_SIZE, "%.0f%%: arithmetic of %s (mostly %s), at %s", percent,
		    share->row->group, family_name(share->row->family),
		    format_si(rate, sizeof rate, share->row->flops / share->row->time_s, "FLOP/s"));
		break;
	case CAUSE_MEMORY:
		snprintf(
		    out, REASON_SIZE, "%.0f%%: memory traffic of %s, at %s of %s", percent,
		    share->row->group,
		    format_si(rate, sizeof rate, share->row->bytes / share->row->time_s, "B/s"),
		    format_si(peak, sizeof peak, request->device->memory_bandwidth_bps, "B/s"));
		break;
	case CAUSE_LAUNCH:
		snprintf(out, REASON_SIZE, "%.0f%%: gaps between the %.0f kernels of %s", percent,
		         share->row->launches, share->row->group);
		break;
	case CAUSE_COMMUNICATION:
		snprintf(out, REASON_SIZE, "%.0f%%: communication that no work hides", percent);
		break;
	case CAUSE_HOST:
		snprintf(
		    out, REASON_SIZE,
		    "%.0f%%: the device waits for the host, which needs %.3g ms to issue a step",
		    percent, 1e3 * prediction->host_time_s);
		break;
	case CAUSE_PIPELINE:
		snprintf(out, REASON_SIZE, "%.0f%%: pipeline stages wait for each other", percent);
		break;
	default:
		snprintf(out, REASON_SIZE, "%.0f%%: the device waits for input", percent);
		break;
	}
}

size_t prediction_reasons(const struct predict_request *request,
                          const struct prediction *prediction, const struct breakdown *breakdown,
                          char reasons[REASONS_MAX][REASON_SIZE])
{
	struct share best[REASONS_MAX] = { 0 };
	for (size_t i = 0; i < breakdown->count; i++)
		for (int cause = 0; cause < CAUSE_COUNT; cause++) {
			struct share share = { &breakdown->rows[i], (enum cause)cause,
				               breakdown->rows[i].cause_s[cause] };
			for (size_t at = 0; at < REASONS_MAX; at++)
				if (share.time_s > best[at].time_s) {
					struct share moved = best[at];
					best[at] = share;
					share = moved;
				}
		}
	size_t count = 0;
	while (count < REASONS_MAX && best[count].time_s > 0) {
		reason(&best[count], request, prediction, reasons[count]);
		count++;
	}
	return count;
}
