/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/queue.h"

bool queue_init(struct queue *queue, struct arena *arena, uint32_t capacity)
{
	queue->count = 0;
	queue->items = ARENA_ARRAY(arena, struct queue_item, capacity);
	return queue->items != NULL;
}

static bool before(struct queue_item a, struct queue_item b)
{
	return a.key != b.key ? a.key < b.key : a.job < b.job;
}

void queue_push(struct queue *queue, double key, uint32_t job)
{
	struct queue_item item = { key, job };
	uint32_t at = queue->count++;
	while (at > 0 && before(item, queue->items[(at - 1) / 2])) {
		queue->items[at] = queue->items[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	queue->items[at] = item;
}

struct queue_item queue_pop(struct queue *queue)
{
	struct queue_item top = queue->items[0], last = queue->items[--queue->count];
	uint32_t at = 0;
	for (;;) {
		uint32_t child = at * 2 + 1;
		if (child >= queue->count)
			break;
		if (child + 1 < queue->count &&
		    before(queue->items[child + 1], queue->items[child]))
			child++;
		if (!before(queue->items[child], last))
			break;
		queue->items[at] = queue->items[child];
		at = child;
	}
	queue->items[at] = last;
	return top;
}
