/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the measured oracle: shared by measured.c (its answers) and measured_least.c (its bounds).
 */
#ifndef ERGON_OPTIMIZE_ORACLES_MEASURED_STATE_H
#define ERGON_OPTIMIZE_ORACLES_MEASURED_STATE_H

#include "optimize/oracles/estimate_cache.h"
#include "optimize/oracles/measured_tables.h"

struct measured_oracle {
	struct oracle base;
	struct measured_tables *tables;
	const struct cluster *cluster;
	const double *gpu_idle_w, *gpu_max_w; /* [groups] */
	/* [groups * applications]: the table of an application on a group's GPUs, or NULL. */
	struct measured_table **table;
	struct model_library *library;
	const struct workload **workload; /* [applications]; NULL: the model does not know it */
	struct estimate_cache cache;
};

/* How a batch is split over GPUs and micro-steps. */
struct measured_split {
	uint32_t atomic, accumulation;
};

struct measured_question {
	const struct measured_application *app;
	struct measured_table *table;
	uint32_t group, nodes, gpus, batch, setting;
	uint64_t key; /* of the placement; 0: not one that could have been measured */
	bool accumulate;
};

struct measured_split measured_split_batch(const struct measured_application *app,
                                           const struct measured_table *table, uint32_t batch,
                                           uint32_t gpus, bool accumulate);
/* Linear between the rows of the placement that begins at `first`: step and sync, s. */
bool measured_on_rows(const struct measured_table *table, size_t first, uint64_t key, double local,
                      double value[2]);
bool measured_off_rows(const struct measured_table *table, uint32_t nodes, uint32_t gpus,
                       double local, double value[2]);
/* Gradient statistics of an epoch, linear in the batch between the enclosing validation batches. */
void measured_gradient(const struct measured_application *app, uint32_t batch, uint32_t epoch,
                       double *sqr, double *var);
/* One GPU's mean power over a step: what the model says while it computes and while it waits. A
 * setting of power stretches what it computes as the model says; waiting for others stays. False
 * where the model knows nothing of the job and the setting is not the free one. */
bool measured_hold_power(struct measured_oracle *oracle, const struct measured_question *q,
                         struct estimate *estimate, double *power_w);
/* The callback least(). */
void measured_least(struct oracle *oracle, const struct job_facts *job, uint32_t group,
                    double held_w, const struct price *prices, uint32_t count, double *out);

#endif
