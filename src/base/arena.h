/* SPDX-License-Identifier: Apache-2.0
 *
 * An arena: many small allocations that are released together.
 *
 * One arena serves one parse or one simulation. Memory comes in chunks that double; nothing is
 * freed before arena_fini. Everything returned is zeroed and aligned for any type.
 */
#ifndef ERGON_BASE_ARENA_H
#define ERGON_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* newest first */
	size_t next_size;
	size_t bytes; /* handed out in all */
};

void arena_init(struct arena *arena);
void arena_fini(struct arena *arena);

/* NULL when memory is out or count * size overflows; never for count == 0. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), 1, sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_alloc((arena), (count), sizeof(type)))

#endif
