/* SPDX-License-Identifier: Apache-2.0
 *
 * What every process of the machine did between two looks at /proc: CPU time, weighted by the clock
 * of the processor that it ran on, and where it belongs: process tree, cgroup, container, Slurm
 * job.
 *
 * A look costs about ten microseconds a process. A process that began and ended between two looks
 * was not seen: its time is part of the machine's (processes_machine_weight) and of no process's.
 * Threads are counted with their process. Process numbers are told apart by start time, so a number
 * that is used again is another process.
 *
 * One thread at a time; a table owns its memory; the environment outlives it.
 */
#ifndef ERGON_MEASURE_PROCESSES_H
#define ERGON_MEASURE_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ergon/env.h"
#include "ergon/error.h"
#include "measure/procfs.h"

enum { PROCESSES_MAX = 1 << 17, GROUPS_MAX = 1 << 14 };

struct process {
	int pid, ppid;
	uint64_t start_ticks;
	uint64_t seen_ticks; /* busy time at the latest look */
	uint64_t busy_ticks; /* since the table was reset */
	uint64_t weight;     /* the same times kHz; plain ticks where no clock is known */
	uint64_t gpu_weight; /* filled by gpu_processes.h */
	uint32_t group;      /* index in groups */
	uint32_t look;       /* at which look it was seen last */
	uint8_t sights;      /* how often its group was looked at; 2: often enough */
	bool in_tree;        /* descends from the root process */
	char name[16];
};

struct process_table {
	const struct ergon_env *env;
	struct process *processes; /* [count]; those that ended stay until the next reset */
	size_t count, capacity;
	uint32_t *index; /* open addressing by pid: position + 1; 0 empty */
	size_t index_size;
	struct procfs_cgroup *groups; /* [group_count]; 0 is the unknown one */
	size_t group_count, group_capacity;
	int root;      /* whose descendants are in_tree; 0: nobody's */
	uint32_t look; /* how often has been looked */
	double tick_s;
	bool by_clock;                          /* weights hold kHz */
	uint64_t machine_ticks, machine_weight; /* of all processors since the reset */
	struct activity *activity;
	uint64_t *cpu_ticks; /* [ACTIVITY_CPUS_MAX] at the latest look */
	uint32_t *cpu_khz;   /* [ACTIVITY_CPUS_MAX] of this look; 0 not yet read */
};

ERGON_MUST_USE enum ergon_code processes_init(struct process_table *table,
                                              const struct ergon_env *env, struct ergon_error *err);
void processes_fini(struct process_table *table);

/* Looks at every process. The first look after a reset is where counting begins. */
ERGON_MUST_USE enum ergon_code processes_look(struct process_table *table, struct ergon_error *err);
/* Forgets what was counted and who has ended; counting goes on from the latest look. */
void processes_reset(struct process_table *table);

/* NULL where it was never seen. */
struct process *processes_find(const struct process_table *table, int pid);

#endif
