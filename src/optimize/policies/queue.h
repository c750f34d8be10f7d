/* SPDX-License-Identifier: Apache-2.0
 *
 * A priority queue of jobs for policies: smallest key first, ties by number (order of arrival).
 */
#ifndef ERGON_OPTIMIZE_POLICIES_QUEUE_H
#define ERGON_OPTIMIZE_POLICIES_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct queue_item {
	double key;
	uint32_t job;
};

struct queue {
	struct queue_item *items; /* [capacity] */
	uint32_t count;
};

/* False when memory is out. */
bool queue_init(struct queue *queue, struct arena *arena, uint32_t capacity);
void queue_push(struct queue *queue, double key, uint32_t job); /* room must be left */
struct queue_item queue_pop(struct queue *queue);               /* count must not be 0 */

#endif
