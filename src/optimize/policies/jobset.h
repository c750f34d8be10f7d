/* SPDX-License-Identifier: Apache-2.0
 *
 * A set of jobs, walked in ascending order: bits with two levels of summary above, so that adding,
 * removing and finding the next are a few words whatever the number of jobs.
 */
#ifndef ERGON_OPTIMIZE_POLICIES_JOBSET_H
#define ERGON_OPTIMIZE_POLICIES_JOBSET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

enum { JOBSET_LEVELS = 3 };
#define JOBSET_NONE UINT32_MAX

struct jobset {
	uint64_t *bits[JOBSET_LEVELS]; /* [0]: a bit a job; [k]: a bit for a word of [k - 1] */
	uint32_t words[JOBSET_LEVELS];
};

/* Empty, for jobs 0 to capacity - 1. False when memory is out. */
bool jobset_init(struct jobset *set, struct arena *arena, uint32_t capacity);
void jobset_add(struct jobset *set, uint32_t job);
void jobset_remove(struct jobset *set, uint32_t job);
/* The first at `from` or above; JOBSET_NONE: none. */
uint32_t jobset_next(const struct jobset *set, uint32_t from);

#endif
