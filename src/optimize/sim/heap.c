/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/sim/heap.h"

#include <string.h>

bool heap_init(struct heap *heap, struct arena *arena, uint32_t capacity)
{
	*heap = (struct heap){ 0 };
	heap->items = ARENA_ARRAY(arena, struct heap_item, capacity);
	heap->place = ARENA_ARRAY(arena, uint32_t, capacity);
	if (!heap->items || !heap->place)
		return false;
	memset(heap->place, 0xff, sizeof *heap->place * capacity);
	return true;
}

static bool before(const struct heap_item *a, const struct heap_item *b)
{
	return a->key != b->key ? a->key < b->key : a->sequence < b->sequence;
}

static void put(struct heap *heap, uint32_t at, struct heap_item item)
{
	heap->items[at] = item;
	heap->place[item.id] = at;
}

static void sift_up(struct heap *heap, uint32_t at, struct heap_item item)
{
	while (at > 0) {
		uint32_t parent = (at - 1) / 4;
		if (!before(&item, &heap->items[parent]))
			break;
		put(heap, at, heap->items[parent]);
		at = parent;
	}
	put(heap, at, item);
}

static void sift_down(struct heap *heap, uint32_t at, struct heap_item item)
{
	for (;;) {
		uint32_t first = at * 4 + 1, least = first;
		if (first >= heap->count)
			break;
		uint32_t last = first + 4 < heap->count ? first + 4 : heap->count;
		for (uint32_t i = first + 1; i < last; i++)
			if (before(&heap->items[i], &heap->items[least]))
				least = i;
		if (!before(&heap->items[least], &item))
			break;
		put(heap, at, heap->items[least]);
		at = least;
	}
	put(heap, at, item);
}

/* item goes to the hole at `at`, up or down. */
static void settle(struct heap *heap, uint32_t at, struct heap_item item)
{
	if (at > 0 && before(&item, &heap->items[(at - 1) / 4]))
		sift_up(heap, at, item);
	else
		sift_down(heap, at, item);
}

void heap_set(struct heap *heap, uint32_t id, uint64_t key)
{
	struct heap_item item = { key, heap->sequence++, id };
	if (heap_holds(heap, id))
		settle(heap, heap->place[id], item);
	else
		sift_up(heap, heap->count++, item);
}

void heap_remove(struct heap *heap, uint32_t id)
{
	uint32_t at = heap->place[id];
	if (at == UINT32_MAX)
		return;
	heap->place[id] = UINT32_MAX;
	struct heap_item last = heap->items[--heap->count];
	if (at < heap->count)
		settle(heap, at, last);
}

uint32_t heap_pop(struct heap *heap)
{
	uint32_t id = heap->items[0].id;
	heap_remove(heap, id);
	return id;
}
