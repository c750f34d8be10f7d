/* SPDX-License-Identifier: Apache-2.0
 *
 * What the processor of this machine is, as far as sysfs and procfs say: enough to choose sizes
 * that fit a level of the memory hierarchy.
 *
 * Sizes in bytes. A level that is not stated is absent from the list, never guessed.
 */
#ifndef ERGON_UNDERSTAND_MACHINE_H
#define ERGON_UNDERSTAND_MACHINE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "ergon/env.h"

enum { MACHINE_LEVELS_MAX = 6 };

struct machine_cache {
	char name[8];    /* "L1", "L2", ... */
	uint64_t bytes;  /* of one instance */
	unsigned shared; /* processors that share an instance */
};

struct machine {
	char cpu[128]; /* "" where procfs does not say */
	char host[64];
	unsigned processors;                             /* that this process may use */
	uint64_t memory_bytes, memory_available_bytes;   /* 0: not stated */
	struct machine_cache caches[MACHINE_LEVELS_MAX]; /* data and unified, by level */
	size_t cache_count;
};

void machine_describe(struct machine *machine, const struct ergon_env *env);
json_t *machine_to_json(const struct machine *machine);

#endif
