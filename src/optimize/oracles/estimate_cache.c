/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/oracles/estimate_cache.h"

#include <stdlib.h>

const struct estimate estimate_no_memory = { .why = "out of memory" };

static uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	return x;
}

static struct estimate_slot *slot_of(struct estimate_slot *slots, size_t capacity, uint64_t a,
                                     uint64_t b, uint64_t c)
{
	size_t at = mix(a + mix(b + mix(c + UINT64_C(0x9e3779b97f4a7c15)))) & (capacity - 1);
	while (slots[at].estimate && (slots[at].a != a || slots[at].b != b || slots[at].c != c))
		at = (at + 1) & (capacity - 1);
	return &slots[at];
}

static bool widen(struct estimate_cache *cache)
{
	size_t capacity = cache->capacity ? cache->capacity * 2 : 256;
	struct estimate_slot *slots = calloc(capacity, sizeof *slots);
	if (!slots)
		return false;
	for (size_t i = 0; i < cache->capacity; i++) {
		struct estimate_slot *old = &cache->slots[i];
		if (old->estimate)
			*slot_of(slots, capacity, old->a, old->b, old->c) = *old;
	}
	free(cache->slots);
	cache->slots = slots;
	cache->capacity = capacity;
	return true;
}

struct estimate *estimate_cache_get(struct estimate_cache *cache, uint64_t a, uint64_t b,
                                    uint64_t c, bool *made)
{
	*made = false;
	if (cache->count * 2 >= cache->capacity && !widen(cache))
		return NULL;
	struct estimate_slot *slot = slot_of(cache->slots, cache->capacity, a, b, c);
	if (slot->estimate)
		return slot->estimate;
	struct estimate *fresh = ARENA_NEW(&cache->arena, struct estimate);
	if (!fresh)
		return NULL;
	*slot = (struct estimate_slot){ a, b, c, fresh };
	cache->count++;
	*made = true;
	return fresh;
}

void estimate_cache_fini(struct estimate_cache *cache)
{
	free(cache->slots);
	arena_fini(&cache->arena);
	*cache = (struct estimate_cache){ 0 };
}
