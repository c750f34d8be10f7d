/* SPDX-License-Identifier: Apache-2.0
 *
 * What the memory controllers move, by their own counters, opened by name through perf_event:
 * uncore_imc* of Intel's processors (cas_count_read and _write of servers, data_read and _write of
 * others). They count for the whole machine, prefetches and neighbours with it: an upper bound of
 * what one command moved. AMD's memory controllers have counters, but the kernel gives their events
 * no names: not read.
 *
 * Needs perf_event_paranoid of 0 or less, or CAP_PERFMON; a virtual machine has none of them.
 *
 * States: memory_traffic_open() -> memory_traffic_read() -> memory_traffic_close().
 */
#ifndef ERGON_MEASURE_MEMORY_TRAFFIC_H
#define ERGON_MEASURE_MEMORY_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ergon/env.h"

enum { TRAFFIC_COUNTERS_MAX = 256 };

struct traffic_counter {
	int fd;
	bool write;
	double bytes; /* of one count */
	uint64_t before;
};

struct memory_traffic {
	const struct ergon_env *env;
	struct traffic_counter counters[TRAFFIC_COUNTERS_MAX];
	size_t count;
	char reason[192]; /* why it counts nothing; "" where it counts */
};

/* Never fails: count and reason tell. */
void memory_traffic_open(struct memory_traffic *traffic, const struct ergon_env *env);
/* Bytes read and written since open; NaN where not all controllers could be read. */
void memory_traffic_read(const struct memory_traffic *traffic, double *read_bytes,
                         double *written_bytes);
void memory_traffic_close(struct memory_traffic *traffic);

#endif
