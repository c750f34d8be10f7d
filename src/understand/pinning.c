/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/pinning.h"

#include <errno.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/library.h"

/* The first fields of struct hwloc_obj, the same in every version whose soname ends in 15. */
struct hwloc_obj_head {
	int type;
	char *subtype;
	unsigned os_index;
	char *name;
	uint64_t total_memory;
	void *attributes;
	int depth;
	unsigned logical_index;
	struct hwloc_obj_head *next_cousin, *previous_cousin, *parent;
};

enum { HWLOC_CORE = 2, HWLOC_PU = 3, HWLOC_API_2 = 0x20000 };

struct hwloc {
	unsigned (*version)(void);
	int (*init)(void **topology);
	int (*load)(void *topology);
	void (*destroy)(void *topology);
	int (*type_depth)(void *topology, int type);
	unsigned (*count)(void *topology, int depth);
	struct hwloc_obj_head *(*object)(void *topology, int depth, unsigned index);
};

static const char *const sonames[] = { "libhwloc.so.15", NULL };
static const struct entry_point entries[] = {
	{ "hwloc_get_api_version", offsetof(struct hwloc, version), true },
	{ "hwloc_topology_init", offsetof(struct hwloc, init), true },
	{ "hwloc_topology_load", offsetof(struct hwloc, load), true },
	{ "hwloc_topology_destroy", offsetof(struct hwloc, destroy), true },
	{ "hwloc_get_type_depth", offsetof(struct hwloc, type_depth), true },
	{ "hwloc_get_nbobjs_by_depth", offsetof(struct hwloc, count), true },
	{ "hwloc_get_obj_by_depth", offsetof(struct hwloc, object), true },
};

/* ---- which processors ---- */

struct ranked {
	struct pinning_place place;
	size_t rank, index;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

void pinning_order(struct pinning_place *places, size_t count)
{
	struct ranked ranked[CPU_SETSIZE] = { { .rank = 0 } };
	count = count < CPU_SETSIZE ? count : CPU_SETSIZE;
	for (size_t i = 0; i < count; i++) {
		bool same = i > 0 && places[i].core == places[i - 1].core;
		ranked[i] = (struct ranked){ .place = places[i],
			                     .rank = same ? ranked[i - 1].rank + 1 : 0,
			                     .index = i };
	}
	qsort(ranked, count, sizeof *ranked, by_rank);
	for (size_t i = 0; i < count; i++)
		places[i] = ranked[i].place;
}

/* The allowed processors in the topology's order. */
static size_t list_places(const struct hwloc *api, void *topology, const cpu_set_t *allowed,
                          struct pinning_place *places)
{
	int depth = api->type_depth(topology, HWLOC_PU);
	unsigned pus = depth < 0 ? 0 : api->count(topology, depth);
	size_t count = 0;
	for (unsigned i = 0; i < pus && count < CPU_SETSIZE; i++) {
		const struct hwloc_obj_head *pu = api->object(topology, depth, i), *core = pu;
		if (!pu || pu->os_index >= CPU_SETSIZE || !CPU_ISSET(pu->os_index, allowed))
			continue;
		while (core && core->type != HWLOC_CORE)
			core = core->parent;
		/* Some virtual machines show no cores: each processor counts as one then. */
		places[count++] = (struct pinning_place){
			.cpu = pu->os_index,
			.core = core ? core->logical_index : CPU_SETSIZE + i,
		};
	}
	return count;
}

static size_t ask_hwloc(struct pinning *p, const struct ergon_env *env, const cpu_set_t *allowed,
                        struct pinning_place *places)
{
	struct hwloc api;
	char why[100];
	void *topology = NULL,
	     *library = library_open(env, sonames, entries, sizeof entries / sizeof *entries, &api,
	                             why, sizeof why);
	size_t count = 0;
	if (!library) {
		snprintf(p->why, sizeof p->why, "%s (package libhwloc15)", why);
		return 0;
	}
	if (api.version() >> 16 != HWLOC_API_2 >> 16)
		snprintf(p->why, sizeof p->why, "hwloc has version %#x of its interface, not 2",
		         api.version());
	else if (api.init(&topology))
		snprintf(p->why, sizeof p->why, "hwloc cannot start");
	else if (api.load(topology))
		snprintf(p->why, sizeof p->why, "hwloc finds no topology");
	else if ((count = list_places(&api, topology, allowed, places)) == 0)
		snprintf(p->why, sizeof p->why, "hwloc knows none of the allowed processors");
	if (topology)
		api.destroy(topology);
	library_close(env, library);
	return count;
}

void pinning_plan(struct pinning *p, const struct ergon_env *env, unsigned threads)
{
	struct pinning_place places[CPU_SETSIZE];
	cpu_set_t allowed;
	*p = (struct pinning){ 0 };
	if (omp_get_proc_bind() != omp_proc_bind_false) {
		snprintf(p->why, sizeof p->why,
		         "OMP_PROC_BIND or OMP_PLACES says where threads go");
		return;
	}
	if (sched_getaffinity(0, sizeof allowed, &allowed)) {
		snprintf(p->why, sizeof p->why, "the allowed processors: %s", strerror(errno));
		return;
	}
	if (threads > (unsigned)CPU_COUNT(&allowed)) {
		snprintf(p->why, sizeof p->why, "%u threads, but %d allowed processors", threads,
		         CPU_COUNT(&allowed));
		return;
	}
	size_t count = ask_hwloc(p, env, &allowed, places);
	if (count == 0)
		return;
	if (count < threads) {
		snprintf(p->why, sizeof p->why, "%u threads, but hwloc knows %zu processors",
		         threads, count);
		return;
	}
	pinning_order(places, count);
	p->cpus = calloc(threads, sizeof *p->cpus);
	p->before = calloc(threads, sizeof *p->before);
	if (!p->cpus || !p->before) {
		snprintf(p->why, sizeof p->why, "out of memory");
		return;
	}
	for (unsigned t = 0; t < threads; t++)
		p->cpus[t] = places[t].cpu;
	p->threads = threads;
}

/* ---- pinning ---- */

static bool pin_this(const struct pinning *p, unsigned thread)
{
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(p->cpus[thread], &one);
	if (sched_getaffinity(0, sizeof one, &p->before[thread]) == 0 &&
	    sched_setaffinity(0, sizeof one, &one) == 0)
		return true;
	CPU_ZERO(&p->before[thread]);
	return false;
}

bool pinning_apply(struct pinning *p)
{
	unsigned pinned = 0;
	if (p->threads == 0)
		return false;
#pragma omp parallel num_threads(p->threads) reduction(+ : pinned)
	pinned += pin_this(p, (unsigned)omp_get_thread_num());
	if (pinned == p->threads)
		return true;
	snprintf(p->why, sizeof p->why, "%u of %u threads could be pinned", pinned, p->threads);
	pinning_restore(p);
	return false;
}

void pinning_restore(struct pinning *p)
{
	if (p->threads == 0)
		return;
#pragma omp parallel num_threads(p->threads)
	{
		cpu_set_t *before = &p->before[omp_get_thread_num()];
		/* Where the set has become invalid meanwhile, the kernel has moved the thread. */
		if (CPU_COUNT(before) > 0)
			(void)sched_setaffinity(0, sizeof *before, before);
		CPU_ZERO(before);
	}
}

void pinning_fini(struct pinning *p)
{
	pinning_restore(p);
	free(p->cpus);
	free(p->before);
	*p = (struct pinning){ 0 };
}
