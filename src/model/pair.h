/* SPDX-License-Identifier: Apache-2.0
 *
 * Two doubles at once, on any processor that compilers of this code know. No state.
 */
#ifndef ERGON_MODEL_PAIR_H
#define ERGON_MODEL_PAIR_H

#include <stdint.h>

typedef double pair __attribute__((vector_size(16)));
typedef int64_t pair_bits __attribute__((vector_size(16)));

static inline pair pair_of(double value)
{
	return (pair){ value, value };
}

static inline pair pair_choose(pair_bits mask, pair yes, pair no)
{
	return (pair)(((pair_bits)yes & mask) | ((pair_bits)no & ~mask));
}

static inline pair pair_larger(pair a, pair b)
{
	return pair_choose(a > b, a, b);
}

static inline pair pair_smaller(pair a, pair b)
{
	return pair_choose(a < b, a, b);
}

/* ceil() and floor() of 0 <= value < 2^51: adding 2^52 leaves no bits for a fraction; greater ones
 * stay about what they are. */
static inline pair pair_rounded(pair value)
{
	const pair shift = { 4503599627370496.0, 4503599627370496.0 };
	return (value + shift) - shift;
}

static inline pair pair_up(pair value)
{
	pair near = pair_rounded(value);
	return near + (pair)((pair_bits)pair_of(1) & (near < value));
}

static inline pair pair_down(pair value)
{
	pair near = pair_rounded(value);
	return near - (pair)((pair_bits)pair_of(1) & (near > value));
}

#endif
