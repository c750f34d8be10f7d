/* SPDX-License-Identifier: Apache-2.0
 *
 * A row of the genetic search: GPUs of one job by node, one byte each, eight bytes at a time.
 *
 * Rows are multiples of eight bytes long; an element is at most GA_ELEMENT_MAX (pollux_ga.h), so
 * that sums of two never carry into the next byte.
 */
#ifndef ERGON_OPTIMIZE_POLICIES_GA_ROW_H
#define ERGON_OPTIMIZE_POLICIES_GA_ROW_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define GA_ONES UINT64_C(0x0101010101010101)
#define GA_HIGHS UINT64_C(0x8080808080808080)

static inline uint64_t ga_load(const uint8_t *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof word);
	return word;
}

static inline void ga_store(uint8_t *at, uint64_t word)
{
	memcpy(at, &word, sizeof word);
}

/* 1 in each byte whose highest bit is set. */
static inline uint64_t ga_tops(uint64_t word)
{
	return (word & GA_HIGHS) >> 7;
}

/* 1 in each byte that is not 0. */
static inline uint64_t ga_used(uint64_t word)
{
	return ga_tops(word + (GA_HIGHS - GA_ONES));
}

static inline void ga_row_shape(const uint8_t *row, uint32_t stride, uint32_t *nodes,
                                uint32_t *gpus)
{
	const uint64_t pairs = UINT64_C(0x00ff00ff00ff00ff), quads = UINT64_C(0x0001000100010001);
	uint64_t n = 0, g = 0;
	for (uint32_t i = 0; i < stride; i += 8) {
		uint64_t word = ga_load(row + i);
		n += (ga_used(word) * GA_ONES) >> 56;
		g += (((word & pairs) + ((word >> 8) & pairs)) * quads) >> 48;
	}
	*nodes = (uint32_t)n;
	*gpus = (uint32_t)g;
}

static inline bool ga_row_equal(const uint8_t *a, const uint8_t *b, uint32_t stride)
{
	uint64_t differs = 0;
	for (uint32_t i = 0; i < stride; i += 8)
		differs |= ga_load(a + i) ^ ga_load(b + i);
	return !differs;
}

/* Cuts the row to what is left of each node, and takes that. */
static inline void ga_row_take(uint8_t *row, uint8_t *left, uint32_t stride)
{
	for (uint32_t i = 0; i < stride; i += 8) {
		uint64_t r = ga_load(row + i), l = ga_load(left + i);
		uint64_t enough = ga_tops((l | GA_HIGHS) - r) * 255;
		r = (r & enough) | (l & ~enough);
		ga_store(row + i, r);
		ga_store(left + i, l - r);
	}
}

/* Adds the row to total, up to 127. */
static inline void ga_row_add(uint8_t *total, const uint8_t *row, uint32_t stride)
{
	for (uint32_t i = 0; i < stride; i += 8) {
		uint64_t sum = ga_load(total + i) + ga_load(row + i);
		ga_store(total + i, (sum | ga_tops(sum) * 127) & ~GA_HIGHS);
	}
}

/* Clears elements on nodes that are taken, then marks its nodes as taken: 255 in taken. */
static inline void ga_row_leave(uint8_t *row, uint8_t *taken, uint32_t stride)
{
	for (uint32_t i = 0; i < stride; i += 8) {
		uint64_t r = ga_load(row + i), t = ga_load(taken + i);
		ga_store(row + i, r & ~t);
		ga_store(taken + i, t | ga_used(r) * 255);
	}
}

#endif
