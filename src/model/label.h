/* SPDX-License-Identifier: Apache-2.0
 *
 * Label: what a model that nobody has trained yet will take, as an energy label states it.
 *
 * Training to a target (epochs of a data set, or tokens) times a predicted step; inference by the
 * thousand of what it handles. The class compares the energy of one unit of inference with that of
 * a reference model of the same function on the same device, precision and runtime, so that the
 * device does not decide it:
 *     index = energy a unit / energy a unit of the reference
 *     A <= 1/4 < B <= 1/2 < C <= 1 < D <= 2 < E <= 4 < F <= 8 < G
 * Everything is modelled.
 */
#ifndef ERGON_MODEL_LABEL_H
#define ERGON_MODEL_LABEL_H

#include <jansson.h>

#include "model/document.h"
#include "model/generate.h"

enum label_unit { LABEL_SAMPLES, LABEL_IMAGES, LABEL_TOKENS, LABEL_WRITTEN_TOKENS, LABEL_UNITS };
const char *label_unit_name(enum label_unit unit);
/* What a workload (for inference) handles, and the zoo's reference for it; NULL: none. */
enum label_unit label_unit_of(const struct workload *workload);
const char *label_reference(enum label_unit unit);

struct label_terms {
	const char *target, *source; /* what is trained to, and who says how long; borrowed */
	double samples;              /* to be processed in training */
	double epochs;               /* 0: not counted in epochs */
	double pue, price_per_kwh, g_per_kwh;
	const char *grid;
};

/* Energy, in J, of one unit of inference, with its interval. */
struct label_inference {
	enum label_unit unit;
	double unit_j, low_j, high_j;
	double units_per_s;
	double batch;
};
/* infer: the workload for inference; written tokens come from a generation instead. */
void label_inference_from(const struct workload *infer, const struct prediction *prediction,
                          double batch, double pue, struct label_inference *out);
void label_generation_from(const struct generation_request *request,
                           const struct generation *generation, double pue,
                           struct label_inference *out);

struct label {
	double steps, time_s, energy_j, cost, co2_g;
	double time_low_s, time_high_s, energy_low_j, energy_high_j;
	struct label_inference inference;
	double index;          /* NAN where there is no reference */
	char letter;           /* 'A' to 'G', or '-' */
	const char *reference; /* model, or NULL */
};
/* reference: its inference run the same way; NULL where there is none. */
void label_make(const struct predict_request *request, const struct prediction *training,
                const struct label_terms *terms, const struct label_inference *inference,
                const struct label_inference *reference, struct label *out);

/* Kind "ergon.label". NULL when memory is out. */
json_t *label_to_json(const struct predict_request *request, const struct prediction *training,
                      const struct label_terms *terms, const struct label *label);

#endif
