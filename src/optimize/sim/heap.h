/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue of coming events: at most one event a job, ordered by key and, where keys are equal,
 * by the order in which they were set. A 4-ary heap whose items know their place, so that a job's
 * event is moved or removed in O(log n) and nothing stale remains.
 */
#ifndef ERGON_OPTIMIZE_SIM_HEAP_H
#define ERGON_OPTIMIZE_SIM_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct heap_item {
	uint64_t key, sequence;
	uint32_t id;
};

struct heap {
	struct heap_item *items; /* [capacity] */
	uint32_t *place;         /* [capacity]: where an id stands, UINT32_MAX: nowhere */
	uint32_t count;
	uint64_t sequence;
};

/* For ids 0 to capacity - 1. False when memory is out. */
bool heap_init(struct heap *heap, struct arena *arena, uint32_t capacity);
/* Inserts id or moves it. */
void heap_set(struct heap *heap, uint32_t id, uint64_t key);
void heap_remove(struct heap *heap, uint32_t id); /* nothing where id is not there */
uint32_t heap_pop(struct heap *heap);             /* count must not be 0 */

static inline bool heap_holds(const struct heap *heap, uint32_t id)
{
	return heap->place[id] != UINT32_MAX;
}

#endif
