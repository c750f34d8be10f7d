/* SPDX-License-Identifier: Apache-2.0
 *
 * Pinning: the threads of an OpenMP team stay each on a processor of its own, so that the memory
 * that a thread touched first stays near it, and two threads do not share a core while another
 * one is idle.
 *
 * Which processors are hyper-threads of one core is hwloc's to say (libhwloc.so.15, opened at run
 * time, https://www.open-mpi.org/projects/hwloc/doc/). Only processors that the calling thread may
 * run on are used. Every thread of one core each comes first, then the cores' second hyper-threads,
 * and so on.
 *
 * States: pinning_plan() -> pinning_apply() and pinning_restore() in turn, from the thread that
 * planned -> pinning_fini(). Apply and restore run a team of exactly `threads`, which OpenMP keeps
 * for the next parallel region of that size. A thread started by a pinned one inherits its
 * processor: restore before anything else starts threads.
 */
#ifndef ERGON_UNDERSTAND_PINNING_H
#define ERGON_UNDERSTAND_PINNING_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "ergon/env.h"

enum { PINNING_WHY_SIZE = 160 };

/* One processor as the operating system counts them, and the core that it belongs to. */
struct pinning_place {
	unsigned cpu, core;
};

struct pinning {
	unsigned threads;  /* 0: nothing will be pinned, and why says why not */
	unsigned *cpus;    /* [threads] */
	cpu_set_t *before; /* [threads]: what each thread was allowed; empty: not pinned now */
	char why[PINNING_WHY_SIZE];
};

/* Sorts places, which come in the topology's order, by how many of the same core stand before
 * them; the order is kept otherwise. A core's places are neighbours. */
void pinning_order(struct pinning_place *places, size_t count);

/* Never fails: where threads cannot be pinned, threads is 0. pinning_fini() in any case. */
void pinning_plan(struct pinning *pinning, const struct ergon_env *env, unsigned threads);
/* True where every thread of the team is pinned now; else none is, and why says why not. */
bool pinning_apply(struct pinning *pinning);
void pinning_restore(struct pinning *pinning); /* nothing where nothing is pinned */
void pinning_fini(struct pinning *pinning);    /* restores first */

#endif
