/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a kernel for a while: how long a pass takes, what it draws, whether its result is right.
 *
 * Passes are timed in batches of equal size; their spread gives the interval, which says where the
 * mean of another run will fall (reproducibility), not how well this run's mean is known: batches
 * of one run share what the machine was doing, so their number does not narrow it. Around each
 * batch stands a window of the meter, so that neither the checks nor the set-up are billed. The
 * result is checked after the warm-up pass and after every batch; a wrong result ends the run with
 * ERGON_INTERNAL.
 *
 * OpenMP's threads are pinned from the set-up (first touch) to the last pass; what they were
 * allowed before is restored. Where they cannot be, the kernel runs unpinned and the result says
 * why.
 */
#ifndef ERGON_UNDERSTAND_KERNEL_RUN_H
#define ERGON_UNDERSTAND_KERNEL_RUN_H

#include <jansson.h>
#include <stdbool.h>

#include "base/stats.h"
#include "measure/meter.h"
#include "understand/kernels/kernel.h"
#include "understand/pinning.h"

struct kernel_run_options {
	double seconds;      /* timed part; 0: as repeat says */
	double batch_s;      /* of one batch; 0: a twelfth of seconds */
	uint64_t repeat;     /* passes in all; 0: as seconds says */
	double confidence;   /* of the intervals; 0: 0.95 */
	struct meter *meter; /* open, not running; NULL: no energy */
	/* Told after each batch; false cancels the run (ERGON_OK, what there is counts). May be
	 * NULL. */
	bool (*progress)(void *user, double done);
	void *user;
};

struct kernel_run {
	const struct kernel *kernel;
	struct kernel_config config;
	double flops, bytes; /* of one pass */
	uint64_t passes;
	size_t batches;
	double time_s, time_half_width_s; /* of one pass: mean, and how far another run's may be */
	double time_min_s;                /* of the fastest batch, a pass */
	double processor_share;           /* of the threads' time: below 1, others had the rest */
	double error, allowed;            /* worst relative error of a result */
	bool has_energy;
	enum provenance provenance;
	double power_w, power_half_width_w; /* mean of the batches */
	double energy_j;                    /* of one pass */
	double energy_low_j, energy_high_j; /* with the sensor's own error */
	bool pinned;                        /* each thread had a processor of its own */
	char unpinned_because[PINNING_WHY_SIZE];
};

/* config->threads and isa are set by the caller. NOT_SUPPORTED where a paradigm is absent here. */
ERGON_MUST_USE enum ergon_code kernel_run(const struct kernel *kernel,
                                          const struct kernel_config *config,
                                          const struct kernel_run_options *options,
                                          struct kernel_run *run, struct ergon_error *err);

/* Puts another round of the same kernel into run: times and energies of all passes together. rounds
 * holds the mean time of each round so far and takes the new one; from two rounds on, the interval
 * is where one more round would fall, which sees what the batches of one round cannot: that a
 * shared machine is slower for minutes at a time. Another run is rounds later, and as far from this
 * one as rounds are from each other, or farther: so its mean counts as one more round, however many
 * either has. Never narrower than the time that others had the processors. */
void kernel_run_merge(struct kernel_run *run, const struct kernel_run *round,
                      struct moments *rounds);

/* Rates of the mean; NaN where nothing was timed. */
double kernel_run_flops_per_s(const struct kernel_run *run);
double kernel_run_bytes_per_s(const struct kernel_run *run);
/* Rates of the fastest batch: what a roof is made of, as in STREAM. */
double kernel_run_best_flops_per_s(const struct kernel_run *run);
double kernel_run_best_bytes_per_s(const struct kernel_run *run);
double kernel_run_intensity(const struct kernel_run *run); /* FLOP per byte */

/* One element of kernels[] of the document "ergon.bench". NULL: out of memory. */
json_t *kernel_run_to_json(const struct kernel_run *run);

/* What the total of a window is made of; false where nothing could be read. */
bool measurement_provenance(const struct measurement *m, enum provenance *provenance);

#endif
