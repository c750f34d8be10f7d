/* SPDX-License-Identifier: Apache-2.0
 *
 * What /proc says of one process: proc(5), cgroups(7). Pure functions on texts that come from the
 * kernel or from a test; a text that is not as expected is refused.
 */
#ifndef ERGON_MEASURE_PROCFS_H
#define ERGON_MEASURE_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct procfs_stat {
	int pid, ppid, cpu;   /* cpu: where it ran last */
	uint64_t busy_ticks;  /* user and system time of all its threads, in clock ticks */
	uint64_t start_ticks; /* since boot: with pid it names a process for good */
	char name[16];        /* of the program, cut by the kernel; unprintable bytes are '?' */
};

/* /proc/PID/stat. The name stands in parentheses and may hold blanks and parentheses itself. */
bool procfs_parse_stat(const char *text, size_t length, struct procfs_stat *stat);

enum { CGROUP_PATH_SIZE = 192, CGROUP_ID_SIZE = 24 };

struct procfs_cgroup {
	char path[CGROUP_PATH_SIZE];    /* as in the hierarchy; "" where there is none */
	char container[CGROUP_ID_SIZE]; /* the first 12 digits of its id, as engines show it; "" */
	char job[CGROUP_ID_SIZE];       /* Slurm's number; "" */
};

/* /proc/PID/cgroup: the line of cgroup v2, else that of v1's cpu controller. A container's id is a
 * component of 64 hexadecimal digits, alone or as in "docker-ID.scope"; a Slurm job is "job_N". */
bool procfs_parse_cgroup(const char *text, size_t length, struct procfs_cgroup *cgroup);

#endif
