/* SPDX-License-Identifier: Apache-2.0 */
#include "model/label.h"

#include <math.h>

#include "base/json.h"
#include "base/units.h"

const char *label_unit_name(enum label_unit unit)
{
	static const char *const names[LABEL_UNITS] = { "samples", "images", "tokens",
		                                        "tokens written" };
	return names[unit];
}

enum label_unit label_unit_of(const struct workload *workload)
{
	if (workload->resolution)
		return LABEL_IMAGES;
	if (workload->tokens <= 0)
		return LABEL_SAMPLES;
	return workload->generates ? LABEL_WRITTEN_TOKENS : LABEL_TOKENS;
}

const char *label_reference(enum label_unit unit)
{
	static const char *const models[LABEL_UNITS] = { NULL, "resnet50", "bert-base",
		                                         "llama3-8b" };
	return models[unit];
}

void label_inference_from(const struct workload *infer, const struct prediction *prediction,
                          double batch, double pue, struct label_inference *out)
{
	enum label_unit unit = label_unit_of(infer);
	double units = unit == LABEL_TOKENS ? prediction->tokens : prediction->samples;
	*out = (struct label_inference){ .unit = unit,
		                         .unit_j = prediction->energy_per_step_j / units * pue,
		                         .low_j = prediction->energy_low_j / units * pue,
		                         .high_j = prediction->energy_high_j / units * pue,
		                         .units_per_s = units / prediction->step_time_s,
		                         .batch = batch };
}

void label_generation_from(const struct generation_request *request,
                           const struct generation *generation, double pue,
                           struct label_inference *out)
{
	*out = (struct label_inference){ .unit = LABEL_WRITTEN_TOKENS,
		                         .unit_j = generation->token_j * pue,
		                         .low_j = generation->token_low_j * pue,
		                         .high_j = generation->token_high_j * pue,
		                         .units_per_s = generation->tokens_per_s,
		                         .batch = request->settings.batch };
}

static char letter_of(double index)
{
	char letter = 'A';
	if (isnan(index))
		return '-';
	for (double limit = 0.25; letter < 'G' && index > limit; limit *= 2)
		letter++;
	return letter;
}

void label_make(const struct predict_request *request, const struct prediction *training,
                const struct label_terms *terms, const struct label_inference *inference,
                const struct label_inference *reference, struct label *out)
{
	(void)request;
	double steps = terms->samples / training->samples, pue = terms->pue;
	*out = (struct label){
		.steps = steps,
		.time_s = steps * training->step_time_s,
		.time_low_s = steps * training->time_low_s,
		.time_high_s = steps * training->time_high_s,
		.energy_j = steps * training->energy_per_step_j * pue,
		.energy_low_j = steps * training->energy_low_j * pue,
		.energy_high_j = steps * training->energy_high_j * pue,
		.inference = *inference,
		.index = (double)NAN,
	};
	out->cost = out->energy_j / J_PER_KWH * terms->price_per_kwh;
	out->co2_g = out->energy_j / J_PER_KWH * terms->g_per_kwh;
	if (reference) {
		out->index = inference->unit_j / reference->unit_j;
		out->reference = label_reference(inference->unit);
	}
	out->letter = letter_of(out->index);
}

static json_t *interval(double low, double high)
{
	return json_pack("[o, o]", json_number(low), json_number(high));
}

static json_t *training_to_json(const struct label_terms *terms, const struct label *label,
                                const struct prediction *training)
{
	json_t *out = json_pack("{s:s, s:s, s:o, s:o}", "target", terms->target, "recipe_source",
	                        terms->source, "samples", json_number(terms->samples), "steps",
	                        json_number(label->steps));
	if (terms->epochs > 0)
		json_object_set_new(out, "epochs", json_number(terms->epochs));
	json_object_set_new(out, "time_s", json_number(label->time_s));
	json_object_set_new(out, "time_interval80_s",
	                    interval(label->time_low_s, label->time_high_s));
	json_object_set_new(out, "energy_j", json_number(label->energy_j));
	json_object_set_new(out, "energy_interval80_j",
	                    interval(label->energy_low_j, label->energy_high_j));
	json_object_set_new(out, "power_per_gpu_w", json_number(training->power_w));
	json_object_set_new(out, "memory_bytes", json_number(training->memory_bytes));
	json_object_set_new(out, "fits", json_boolean(training->fits));
	json_object_set_new(out, "cost", json_number(label->cost));
	json_object_set_new(out, "co2_g", json_number(label->co2_g));
	return out;
}

json_t *label_to_json(const struct predict_request *request, const struct prediction *training,
                      const struct label_terms *terms, const struct label *label)
{
	const struct workload *workload = request->workload;
	const struct label_inference *inference = &label->inference;
	char letter[2] = { label->letter, '\0' };
	json_t *out = json_pack(
	    "{s:s, s:i, s:s, s:s, s:s, s:s, s:o, s:s, s:o}", "kind", "ergon.label", "version", 1,
	    "provenance", "modelled", "model", workload->name, "title", workload->title, "device",
	    request->device->name, "gpus", json_number(prediction_gpus(request)), "precision",
	    precision_facts(workload->precision)->name, "parameters",
	    json_number(workload->parameters *
	                (workload->tensor_ways > 1 ? workload->tensor_ways : 1)));
	if (!out)
		return NULL;
	json_object_set_new(out, "training", training_to_json(terms, label, training));
	json_object_set_new(
	    out, "inference",
	    json_pack("{s:s, s:o, s:o, s:o, s:o}", "unit", label_unit_name(inference->unit),
	              "energy_per_1000_j", json_number(1000 * inference->unit_j),
	              "energy_per_1000_interval80_j",
	              interval(1000 * inference->low_j, 1000 * inference->high_j), "units_per_s",
	              json_number(inference->units_per_s), "batch", json_number(inference->batch)));
	json_object_set_new(
	    out, "class",
	    json_pack("{s:s, s:o, s:o, s:s}", "letter", letter, "index", json_number(label->index),
	              "reference", label->reference ? json_string(label->reference) : json_null(),
	              "rule",
	              "energy of a unit of inference over that of the reference model on the same "
	              "device: A to 1/4, B to 1/2, C to 1, D to 2, E to 4, F to 8, G above"));
	json_object_set_new(out, "terms",
	                    json_pack("{s:o, s:o, s:o, s:s}", "pue", json_number(terms->pue),
	                              "price_per_kwh", json_number(terms->price_per_kwh),
	                              "g_per_kwh", json_number(terms->g_per_kwh), "grid",
	                              terms->grid));
	return out;
}
