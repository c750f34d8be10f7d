/* SPDX-License-Identifier: Apache-2.0
 *
 * Compare: why one predicted step takes longer (or more energy) than another.
 *
 * Two predictions differ in their model, in their device or in some numbers of it (what-if). Their
 * layer groups are matched by name; the difference of each, and of each cause in it, is split into
 * more work (FLOPs, bytes to and from memory, launches) and a different rate. Differences sum to
 * that of the steps. Where the steps have different numbers of samples, the first is scaled to the
 * second's.
 */
#ifndef ERGON_MODEL_COMPARE_H
#define ERGON_MODEL_COMPARE_H

#include <jansson.h>

#include "model/document.h"

struct compare_side {
	const struct predict_request *request;
	const struct prediction *prediction;
	const struct breakdown *breakdown;
};

struct compare_row {
	const char *group;           /* borrowed */
	double a_s, b_s;             /* 0 where a side lacks the group */
	double cause_s[CAUSE_COUNT]; /* a - b */
	enum cause cause;            /* of the largest part of the difference */
	/* a over b of that cause: FLOPs, bytes or launches, and of the rate at which they are done;
	 * NAN where one side has none */
	double work, rate;
};

enum { COMPARE_ROWS_MAX = 2 * BREAKDOWN_MAX, COMPARE_SENTENCES_MAX = 8, COMPARE_SENTENCE = 320 };
struct comparison {
	struct compare_row rows[COMPARE_ROWS_MAX]; /* by falling size of the difference */
	size_t count;
	double scale;                                           /* samples of b over those of a */
	double time, power, energy;                             /* a over b, for the same samples */
	double memory, parameters, flops, launches, dram_bytes; /* a over b */
	double a_reads, b_reads; /* how often a forward pass reads a weight of a product */
	char sentences[COMPARE_SENTENCES_MAX][COMPARE_SENTENCE];
	size_t sentence_count;
};
void compare(const struct compare_side *a, const struct compare_side *b, struct comparison *out);

/* Kind "ergon.explain": both predictions as documents, the rows, the sentences. NULL when memory is
 * out. */
json_t *comparison_to_json(const struct compare_side *a, const struct compare_side *b,
                           const struct comparison *comparison);

#endif
