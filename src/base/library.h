/* SPDX-License-Identifier: Apache-2.0
 *
 * A shared library that ergon is not linked with: opened at run time through env->dl, its entry
 * points looked up from one table. Used for the GPU vendors' libraries, libcurl, OpenIPMI, libpq
 * and ncurses.
 */
#ifndef ERGON_BASE_LIBRARY_H
#define ERGON_BASE_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#include "ergon/env.h"

/* Where the pointer to one function goes in the user's struct of function pointers. */
struct entry_point {
	const char *name;
	size_t slot; /* offsetof */
	bool needed;
};
#define ENTRY_POINT(type, name, field, needed)                                                     \
	{                                                                                          \
		name, offsetof(type, field), needed                                                \
	}

/* Opens the first of sonames (ends with NULL) that is there and fills api. Returns the handle, or
 * NULL with the reason in why: the opener's own text, or the first needed entry that is missing. */
void *library_open(const struct ergon_env *env, const char *const *sonames,
                   const struct entry_point *entries, size_t count, void *api, char *why,
                   size_t size);
void library_close(const struct ergon_env *env, void *handle); /* NULL is allowed */

#endif
