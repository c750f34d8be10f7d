/* SPDX-License-Identifier: Apache-2.0
 *
 * CPU time of this thread or process, which other programs' load does not stretch.
 */
#ifndef ERGON_BASE_CPU_TIME_H
#define ERGON_BASE_CPU_TIME_H

#include <time.h>

/* clock: CLOCK_THREAD_CPUTIME_ID or CLOCK_PROCESS_CPUTIME_ID. */
static inline double cpu_time_s(clockid_t clock)
{
	struct timespec t = { 0 };
	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
