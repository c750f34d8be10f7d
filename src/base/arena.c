/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CHUNK = 4096 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *arena)
{
	*arena = (struct arena){ .next_size = FIRST_CHUNK };
}

void arena_fini(struct arena *arena)
{
	struct arena_chunk *chunk = arena->chunks;
	while (chunk) {
		struct arena_chunk *next = chunk->next;
		free(chunk);
		chunk = next;
	}
	arena_init(arena);
}

static struct arena_chunk *add_chunk(struct arena *arena, size_t need)
{
	size_t size = arena->next_size < FIRST_CHUNK ? FIRST_CHUNK : arena->next_size;
	if (size < need)
		size = need;
	if (size > SIZE_MAX - sizeof(struct arena_chunk))
		return NULL;
	struct arena_chunk *chunk = calloc(1, sizeof *chunk + size);
	if (!chunk)
		return NULL;
	chunk->size = size;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	if (arena->next_size < SIZE_MAX / 4)
		arena->next_size = size * 2;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
	const size_t align = alignof(max_align_t);
	if (count == 0 || size == 0)
		count = size = 1;
	if (count > (SIZE_MAX - align) / size)
		return NULL;
	size_t need = (count * size + align - 1) / align * align;
	struct arena_chunk *chunk = arena->chunks;
	if (!chunk || chunk->size - chunk->used < need)
		chunk = add_chunk(arena, need);
	if (!chunk)
		return NULL;
	void *memory = chunk->bytes + chunk->used;
	chunk->used += need;
	arena->bytes += need;
	return memory;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1, 1);
	if (copy)
		memcpy(copy, text, length); /* zeroed: terminated already */
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}
