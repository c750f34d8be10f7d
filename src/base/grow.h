/* SPDX-License-Identifier: Apache-2.0
 *
 * Growable storage: typed arrays (grow) and text (struct text).
 */
#ifndef ERGON_BASE_GROW_H
#define ERGON_BASE_GROW_H

#include <stdbool.h>
#include <stddef.h>

#include "ergon/error.h"

/* Makes *items (malloc'd, or NULL) hold at least need elements of size bytes; new space is zeroed,
 * capacity at least doubles. False when memory is out; *items is then as before.
 *     if (!GROW(list->jobs, list->capacity, list->count + 1)) return ERGON_NO_MEMORY... */
bool grow(void **items, size_t *capacity, size_t need, size_t size);
#define GROW(items, capacity, need) grow((void **)&(items), &(capacity), (need), sizeof *(items))

/* A text that grows; always terminated. Zero-initialise; text_fini frees. After a failed append
 * `failed` stays set, so that a whole rendering can be checked once at its end. */
struct text {
	char *data;
	size_t length, capacity;
	bool failed;
};
void text_append(struct text *text, const char *bytes, size_t length);
void text_puts(struct text *text, const char *string);
void text_printf(struct text *text, const char *format, ...) ERGON_PRINTF(2, 3);
void text_fini(struct text *text);

#endif
