/* SPDX-License-Identifier: Apache-2.0
 *
 * A catalogue: a folder of data_dir whose files each describe one thing with "name" and "aliases".
 */
#ifndef ERGON_SPEC_CATALOGUE_H
#define ERGON_SPEC_CATALOGUE_H

#include <stddef.h>

#include "base/arena.h"
#include "ergon/env.h"
#include "ergon/error.h"

enum { CATALOGUE_PATH_MAX = 1280 };

/* The path of the file in data_dir/folder whose name, "name" or one of "aliases" is `name` (case
 * ignored). A `name` with '/' or ending in .json is itself a path. `thing` ("device") stands in
 * errors; ERGON_NOT_FOUND suggests the nearest. */
ERGON_MUST_USE enum ergon_code catalogue_find(const struct ergon_env *env, const char *folder,
                                              const char *thing, const char *name,
                                              char path[CATALOGUE_PATH_MAX],
                                              struct ergon_error *err);
/* The "name" of each file, sorted, in arena. */
ERGON_MUST_USE enum ergon_code catalogue_list(const struct ergon_env *env, const char *folder,
                                              struct arena *arena, const char *const **names,
                                              size_t *count, struct ergon_error *err);

#endif
