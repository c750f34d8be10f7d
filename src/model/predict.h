/* SPDX-License-Identifier: Apache-2.0
 *
 * Predict: workload + device + calibration + settings -> time, power, energy, memory, and why.
 *
 * A pure function: no clock, no environment, no allocation, no global state; safe in any number of
 * threads; the same input gives the same bytes. Everything it says is modelled. docs/method.md
 * derives each formula.
 *
 * Time of a kernel: launch + max(compute, memory) + w * min(compute, memory). A step lasts as long
 * as the slower of the device and the host that feeds it, plus what communication cannot be hidden
 * behind the backward pass. Power is idle + static + dynamic energy over time; the clock is the
 * highest at which power stays below the cap.
 *
 * Laws that tests hold it to: more bandwidth, FLOP/s or L2 never slows; a lower cap never raises
 * power or lowers time; energy = power x time; causes and groups sum to the step.
 */
#ifndef ERGON_MODEL_PREDICT_H
#define ERGON_MODEL_PREDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "ergon/error.h"
#include "model/calibration.h"
#include "model/workload.h"
#include "spec/device.h"

enum recompute { RECOMPUTE_NONE, RECOMPUTE_SELECTIVE, RECOMPUTE_FULL, RECOMPUTE_COUNT };

struct predict_settings {
	double batch;       /* samples of a micro-batch of one model copy; > 0 */
	unsigned gpus;      /* data-parallel GPUs; 0 counts as 1 */
	unsigned node_gpus; /* GPUs that share a node; 0: all of them up to 8 */
	double network_bps; /* between nodes, a node's one direction; 0: as such a node is sold */
	bool bridge;        /* of NVLink between two cards in slots */
	bool staged;        /* GPUs of a node reach each other through the host's memory alone */
	double power_cap_w; /* per GPU; 0: the device's own limit */
	double loading_s;   /* time the input pipeline needs for a step; 0: not considered */
	double clock_hz;    /* holds the clock there; 0: free */
	double collated;    /* samples a step that the host itself stacks one by one, in Python */
	/* Samples a step that one worker augments while the device waits: the first batch of an
	 * epoch, spread over its steps. */
	double pixels; /* of pictures that the host encodes and writes after a step, a sample; 0 */
	double awaited;
	unsigned accumulation;   /* micro-batches a step; 0 counts as 1 */
	unsigned pipeline;       /* stages, each on its own GPUs; 0 counts as 1 */
	unsigned virtual_stages; /* interleaved stages a rank; 0 counts as 1 */
	unsigned zero; /* sharded over data-parallel ranks: 1 optimizer, 2 + gradients, 3 +
	                * parameters */
	unsigned era;  /* the software's year; 0: of today */
	enum recompute recompute; /* activations of blocks (or only attention) computed again */
};

ERGON_MUST_USE enum ergon_code recompute_parse(const char *name, enum recompute *recompute,
                                               struct ergon_error *err);
const char *recompute_name(enum recompute recompute);

enum cause {
	CAUSE_COMPUTE,
	CAUSE_MEMORY,
	CAUSE_LAUNCH,
	CAUSE_COMMUNICATION, /* what backward does not hide */
	CAUSE_HOST,          /* the device waits for the host to issue work */
	CAUSE_LOADING,       /* the device waits for input */
	CAUSE_PIPELINE,      /* bubbles: stages wait for each other */
	CAUSE_COUNT
};
const char *cause_name(enum cause cause);

struct prediction {
	double step_time_s;       /* one optimizer step, or one forward pass */
	double power_w;           /* mean board power of one GPU */
	double energy_per_step_j; /* all GPUs */
	double memory_bytes;      /* one GPU: the sum of the parts below */
	double parameter_bytes, gradient_bytes, optimizer_bytes, activation_bytes, workspace_bytes;
	double last_stage_bytes; /* what the framework allocates where the loss is: no context */
	bool fits;               /* memory_bytes <= the device's */
	double samples, tokens;  /* a step, all GPUs */
	double flops;            /* a step, one GPU, as executed */
	double device_time_s, host_time_s, communication_time_s; /* each on its own */
	double cause_s[CAUSE_COUNT];                             /* sums to step_time_s */
	enum cause bound;                                        /* the largest */
	double clock_hz;
	bool capped;                          /* the power cap holds the clock below boost */
	bool at_minimum_clock;                /* even the lowest clock draws more than the cap */
	double static_w, compute_w, memory_w; /* with idle: sums to power_w */
	double idle_w;
	/* 80% intervals, the same unit as the value; how wide follows from the class */
	enum spread_class time_class, power_class;
	bool unmeasured; /* nobody measured the device: wider */
	double time_low_s, time_high_s, power_low_w, power_high_w, energy_low_j, energy_high_j;
};

/* Whether these make sense together, as a person asked for them: a precision that the device lacks
 * and that nothing else stands in for, a cap outside the device's range. predict() itself answers
 * such questions all the same. */
ERGON_MUST_USE enum ergon_code predict_check(const struct workload *workload,
                                             const struct device *device,
                                             const struct predict_settings *settings,
                                             struct ergon_error *err);

void predict(const struct workload *workload, const struct device *device,
             const struct calibration *calibration, const struct predict_settings *settings,
             struct prediction *prediction);

/* Time and energy by layer group: rows sum to step_time_s and to energy of one GPU. The rows after
 * the groups are "communication", "host" and "loading", where they are not zero. */
struct breakdown_row {
	const char *group;  /* borrowed from the workload, or static */
	enum family family; /* that takes most of it */
	double time_s, cause_s[CAUSE_COUNT], energy_j, flops, bytes, launches;
	double dram_bytes; /* of bytes, those that L2 does not hold */
};
enum { BREAKDOWN_MAX = GROUPS_MAX + 4 };
struct breakdown {
	struct breakdown_row rows[BREAKDOWN_MAX];
	size_t count;
	double family_s[FAMILY_COUNT]; /* device time by family */
	double phase_s[PHASE_COUNT];
};
void predict_explain(const struct workload *workload, const struct device *device,
                     const struct calibration *calibration, const struct predict_settings *settings,
                     struct prediction *prediction, struct breakdown *breakdown);

#endif
