/* SPDX-License-Identifier: Apache-2.0
 *
 * Generation by a language model: a prefill that reads the prompt, then decode steps that write one
 * token for each of a batch of sequences, reading all weights and the cached keys and values.
 *
 * The batch is continuous: B sequences are always in flight, so the steady state is a decode step
 * of B tokens in which every sequence has, on average, the whole prompt and half of its output in
 * the cache, and each finished sequence is replaced after a prefill of its own. Time of a decode
 * step is integrated over the growing context by Simpson's rule. Everything is modelled.
 */
#ifndef ERGON_MODEL_GENERATE_H
#define ERGON_MODEL_GENERATE_H

#include <jansson.h>

#include "model/document.h"

struct generation_request {
	double prompt, output;            /* tokens of each, > 0 */
	const struct workload *prefill;   /* of `prompt` tokens, inference */
	const struct workload *decode[3]; /* context prompt, prompt + output / 2, prompt + output */
	const struct device *device;
	struct predict_settings settings; /* batch: sequences in flight on one model copy */
};

struct generation {
	struct prediction prefill; /* of one sequence */
	struct prediction decode;  /* of the batch, at the mean context */
	double first_token_s;      /* a sequence alone */
	double token_s;            /* between two tokens of a sequence, without prefills between */
	double tokens_per_s;       /* output of all GPUs, with the share that prefills take */
	double request_s;          /* from prompt to last token, with that share */
	double prefill_share;      /* of the time */
	double power_w;            /* mean of one GPU */
	double token_j, prefill_token_j;  /* of an output token, all in; of a token of a prompt */
	double cache_bytes, memory_bytes; /* of one GPU, at the longest context */
	bool fits;
	double largest_batch;             /* that fits; 0: not even one */
	double token_low_s, token_high_s; /* 80% intervals */
	double token_low_j, token_high_j;
};

/* Loads the four workloads: options say how the model is run; sequence and infer are set here. */
ERGON_MUST_USE enum ergon_code generation_load(const struct ergon_env *env, const char *model,
                                               const struct workload_options *options,
                                               struct arena *arena,
                                               struct generation_request *request,
                                               struct ergon_error *err);
void generate(const struct generation_request *request, const struct calibration *calibration,
              struct generation *out);
/* Kind "ergon.generate". NULL when memory is out. */
json_t *generation_to_json(const struct generation_request *request,
                           const struct generation *generation);

#endif
