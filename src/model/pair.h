/* SPDX-License-Identifier: Apache-2.0
 *
 * Two doubles at once, on any processor that compilers of this code know. No state.
 */
#ifndef ERGON_MODEL_PAIR_H
#define ERGON_MODEL_PAIR_H

#include <stdint.h>
#include <string.h>

typedef double pair __attribute__((vector_size(16)));
typedef int64_t pair_bits __attribute__((vector_size(16)));

static inline pair load_pair(const double *at)
{
	pair out;
	memcpy(&out, at, sizeof out);
	return out;
}

static inline pair pair_magnitude(pair value)
{
	static const pair_bits magnitude = { INT64_MAX, INT64_MAX };
	return (pair)((pair_bits)value & magnitude);
}

/* The value where the mask is set, else 0. */
static inline pair pair_where(pair_bits mask, pair value)
{
	return (pair)((pair_bits)value & mask);
}

static inline double pair_sum(pair value)
{
	return value[0] + value[1];
}

#endif
