/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a command takes the time it takes: a class, with its evidence, or an honest "unknown".
 *
 * Never from utilisation alone. Where a GPU was busy for half of the time, the question is what the
 * GPU waits for: answered by its time at a low and a high clock of the GPU (needs the lever
 * gpuN.clock), then by the units that the driver's profiler saw at work (gpu_activity.h). Else in
 * this order, and only as far as intervals lie on one side of a line:
 *   clock:     its time at a low clock against its time at a high one. Sensitivity 1: time goes
 *              with the clock, so the core is what it waits for; 0: it waits for what has a clock
 *              of its own (memory). Needs the lever cpu.freq.
 *   counters:  what it achieves against the roofs of this machine, measured beside it (counters.h).
 *   traffic:   what the memory controllers moved (measure/memory_traffic.h), for the whole
 *              machine; counters take their bytes from it, and it stands alone without them.
 *   footprint: how much memory it touches, and how fast, against a stream of ours that is watched
 * in the same way (footprint.h). Needs no privilege. neighbour: its CPU time beside a memory stream
 * on other processors against its CPU time beside arithmetic there. What is bound by memory
 * suffers, where the neighbours take a good share of the memory's bandwidth: whether they do, a
 * stream of ours in the command's place tells first. Needs two processors, nothing else. The last
 * two cannot tell arithmetic from the caches of the core itself. Clock and neighbour compare CPU
 * times of whole runs, so they say nothing of a command that runs for a given time.
 */
#ifndef ERGON_UNDERSTAND_CLASSIFY_H
#define ERGON_UNDERSTAND_CLASSIFY_H

#include <jansson.h>

#include "measure/meter.h"
#include "understand/counters.h"
#include "understand/footprint.h"
#include "understand/gpu_activity.h"
#include "understand/sweep.h"

enum workload_class {
	CLASS_UNKNOWN,
	CLASS_IDLE,    /* hardly any CPU time: it sleeps or waits */
	CLASS_IO,      /* hardly any CPU time, but blocks read and written, or many waits */
	CLASS_COMPUTE, /* bound by the core */
	CLASS_COMPUTE_OR_CACHE, /* bound by the core or its caches, not by memory */
	CLASS_MEMORY,           /* bound by memory: bandwidth or latency */
	CLASS_BANDWIDTH,        /* by what memory can deliver */
	CLASS_LATENCY,          /* by how long a load takes */
	CLASS_CACHE,            /* by the last cache */
	CLASS_MIXED,            /* partly by each */
};
const char *workload_class_name(enum workload_class class);

/* A ratio of two mean times with the half width of its interval; NaN: not probed. */
struct probe_ratio {
	double ratio, half_width;
};

/* What this machine can do at most, with as many threads as the command keeps busy; NaN unknown. */
struct class_roofs {
	double f64_flops_per_s, f32_flops_per_s, bytes_per_s, cache_bytes_per_s;
	double cache_bytes; /* the last cache, as the processor states it */
	/* A CPU second of one thread streams so much: against others' load, which bytes_per_s falls
	 * with, this hardly moves. 0: as bytes_per_s. */
	double bytes_per_cpu_s;
	double reach_bytes; /* that loads still find nearer than memory, measured; 0: cache_bytes */
};

struct class_evidence {
	double busy;                  /* CPU seconds a second of wall time */
	double processors;            /* that it could use */
	struct probe_ratio clock;     /* sensitivity: 0 to 1; of the GPU's where that is busy */
	struct probe_ratio neighbour; /* CPU time beside memory over beside arithmetic */
	struct probe_ratio neighbour_control; /* the same of a stream of ours */
	struct counter_summary counters;
	bool has_counters;
	struct footprint footprint;
	struct stream_control stream; /* what the footprint is held against */
	struct gpu_use gpu;
	double read_bytes_per_s, written_bytes_per_s; /* by the memory controllers; NaN unknown */
	struct class_roofs roofs;
	double blocks_per_s, waits_per_s; /* of 512 bytes to and from disk; voluntary switches */
	double preempted_per_s;           /* involuntary ones: it would have run on */
	/* Why a probe is missing; "" where it was made or not needed. */
	char no_clock[192], no_neighbour[192], no_counters[192], no_footprint[192];
	char no_traffic[192], no_gpu_units[192];
};

struct workload_verdict {
	enum workload_class class;
	char because[512]; /* one sentence */
};

/* Is the question what a GPU waits for? */
bool class_gpu_is_busy(const struct class_evidence *evidence);

/* Can a neighbour tell here? Where it hardly slows even a stream, it cannot. Pure. */
bool class_neighbour_tells(struct probe_ratio control);

/* Did the command run for a given time, not for a piece of work? From its CPU time alone and its
 * CPU time on crowded processors, which does not shrink for the same work. Pure. */
bool class_is_timed(double alone_cpu_s, double crowded_cpu_s);

/* Pure: from evidence to verdict. */
struct workload_verdict classify(const struct class_evidence *evidence);

struct characterization {
	struct class_evidence evidence;
	struct workload_verdict verdict;
	struct measurement plain; /* one run as it is */
	double user_s, system_s;
	struct counters counters;
	char *command;
	bool interrupted;
};

struct characterize_options {
	double precision;                    /* of the probes' times; 0: 0.03 */
	uint64_t budget_ns;                  /* of each probe; 0: none */
	const struct counter_port *counters; /* NULL: the real machine's */
	bool (*progress)(void *user, double done, const char *note);
	void *user;
};

/* The caller calls characterization_fini whatever this returns. */
ERGON_MUST_USE enum ergon_code characterize(struct characterization *c, const struct ergon_env *env,
                                            struct meter *meter, char *const argv[],
                                            char *const environment[],
                                            const struct characterize_options *options,
                                            struct ergon_error *err);
void characterization_fini(struct characterization *c);

/* The document "ergon.characterize". NULL: out of memory. */
json_t *characterization_to_json(const struct characterization *c);

#endif
