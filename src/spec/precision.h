/* SPDX-License-Identifier: Apache-2.0
 *
 * Number formats: what a user asks for (enum precision) and what a unit computes at (enum rate).
 *
 * A precision says at which rate matrix products run, how many bytes an activation takes, and
 * whether a float32 master copy of the parameters is kept (mixed precision: Micikevicius et al.
 * 2018, arXiv 1710.03740).
 */
#ifndef ERGON_SPEC_PRECISION_H
#define ERGON_SPEC_PRECISION_H

#include <stdbool.h>

#include "ergon/error.h"

/* Peak rates that a device states. FP32 is the rate without matrix units. */
enum rate { RATE_FP64, RATE_FP32, RATE_TF32, RATE_FP16, RATE_BF16, RATE_FP8, RATE_COUNT };
const char *rate_name(enum rate rate); /* "fp32", ... */

enum precision {
	PRECISION_FP32,
	PRECISION_TF32,
	PRECISION_FP16,
	PRECISION_BF16,
	PRECISION_AMP_FP16,
	PRECISION_AMP_BF16,
	PRECISION_FP8,
	PRECISION_FP64,
	PRECISION_MXFP4, /* 4-bit experts with shared scales, the rest in bf16 */
	PRECISION_COUNT
};

struct precision_facts {
	const char *name;
	enum rate matrix;        /* matrix products */
	double activation_bytes; /* an element of an activation */
	double weight_bytes;     /* an element of a weight as the matrix unit reads it */
	double expert_bytes;     /* the same of an expert, where most of a mixture's weights are */
	double master_bytes;     /* an element of the parameters that the optimizer updates */
	double gradient_bytes;
	bool cast; /* weights are cast from the master copy every step */
};
const struct precision_facts *precision_facts(enum precision precision);

/* "amp_bf16" -> PRECISION_AMP_BF16; the error lists what exists. */
ERGON_MUST_USE enum ergon_code precision_parse(const char *name, enum precision *precision,
                                               struct ergon_error *err);

#endif
