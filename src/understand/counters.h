/* SPDX-License-Identifier: Apache-2.0
 *
 * Hardware counters of a command, by the names of libpfm4, through perf_event_open.
 *
 * Events are opened in groups that the processor counts at the same time; where there are more
 * groups than counters, the kernel takes turns. A count is then scaled by the share of the time for
 * which it ran, and marked; one that never ran is invalid, never 0. Counting begins with the
 * command's exec and covers all of its threads and children, user mode only.
 *
 * libpfm4 is opened at run time (package libpfm4); without it, the kernel's own generic events
 * (cycles, instructions, last-level cache) remain. The outside world is one struct counter_port.
 */
#ifndef ERGON_UNDERSTAND_COUNTERS_H
#define ERGON_UNDERSTAND_COUNTERS_H

#include <jansson.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ergon/env.h"
#include "ergon/error.h"

enum counter_id {
	COUNTER_CYCLES,
	COUNTER_INSTRUCTIONS,
	COUNTER_LLC_REFERENCES, /* what the core's own caches did not hold */
	COUNTER_LLC_MISSES,
	COUNTER_STALLS, /* cycles that wait for a load which the last cache does not hold */
	COUNTER_FP_F64_SCALAR,
	COUNTER_FP_F64_128,
	COUNTER_FP_F64_256,
	COUNTER_FP_F64_512,
	COUNTER_FP_F32_SCALAR,
	COUNTER_FP_F32_128,
	COUNTER_FP_F32_256,
	COUNTER_FP_F32_512,
	COUNTER_FLOPS, /* processors that count operations, not instructions */
	COUNTER_COUNT
};

/* Negative results are -errno. */
struct counter_port {
	/* Fills type and config of the event of that name. */
	int (*encode)(void *user, const char *name, struct perf_event_attr *attributes);
	/* group: descriptor of the group's first event, or -1. */
	int (*open)(void *user, struct perf_event_attr *attributes, int group);
	int (*read)(void *user, int fd, uint64_t value_enabled_running[3]);
	void (*close)(void *user, int fd);
	void *user;
};

struct counter {
	int fd; /* -1: not counted */
	bool valid, scaled;
	double value;
	double share; /* of the time for which it ran */
};

struct counters {
	struct counter_port port;
	void *library; /* libpfm4, or NULL */
	const struct ergon_env *env;
	struct counter counter[COUNTER_COUNT];
	bool open;
	char reason[192]; /* why not; or what is missing though open */
};

/* What counts say about a run of time_s; NaN where an event is missing. */
struct counter_summary {
	double ipc;
	double flops_per_s, f32_share; /* share of FLOPs in single precision */
	double bytes_per_s;            /* last-level misses times a line */
	double cache_bytes_per_s;      /* last-level references times a line */
	double intensity;              /* FLOP per byte */
	double stall_share;            /* of the cycles */
	bool scaled;
};

/* port NULL: the real machine. Never fails: counters.open and counters.reason tell. */
void counters_open(struct counters *counters, const struct ergon_env *env,
                   const struct counter_port *port);
/* After the command has ended. */
void counters_read(struct counters *counters);
void counters_close(struct counters *counters);

const char *counter_name(enum counter_id id); /* "instructions" */
struct counter_summary counters_summary(const struct counters *counters, double time_s);
/* {"instructions": {"value":..., "share":...}, ...}; NULL: out of memory. */
json_t *counters_to_json(const struct counters *counters);

#endif
