/* SPDX-License-Identifier: Apache-2.0
 *
 * What a job's remaining work takes, in time and energy, in every configuration worth taking.
 *
 * One curve an application: an item is a (type, count, setting of power), with the batch that is
 * best in each epoch (least T^a E^b of that epoch), the time from the beginning of each epoch to
 * the end, and the energy. Counts are those that fill a part of one node or whole nodes. Items that
 * another one beats in time and energy with no more GPUs of the same type are left out.
 */
#ifndef ERGON_OPTIMIZE_POLICIES_CURVES_H
#define ERGON_OPTIMIZE_POLICIES_CURVES_H

#include "optimize/policy.h"

struct curve_item {
	uint32_t group, gpus, setting;
	const double *time_s, *energy_j; /* [epochs + 1]: from the start of each epoch */
	const uint32_t *batch;           /* [epochs]; NULL: what the job asked for */
};

struct curve {
	uint32_t application_id, gpus_min, gpus_max, count, epochs;
	struct curve_item *items; /* by group, then gpus, then setting */
	double work;              /* of the job that it was made for */
	uint32_t gpus, batch;     /* that it asked for */
	struct curve *next;
};

enum { CURVE_BUCKETS = 1024 };
struct curves {
	struct arena *arena;
	double time_weight, energy_weight;
	bool all_settings; /* else only the free one */
	bool own_batch;    /* the batch that the job asked for, in every epoch */
	bool own_count;    /* the count of GPUs that it asked for */
	struct curve *buckets[CURVE_BUCKETS];
	struct curve_item *scratch;
};

ERGON_MUST_USE enum ergon_code curves_init(struct curves *curves, const struct policy_setup *setup,
                                           struct ergon_error *err);
/* The curve of a job's application; NULL when memory is out. count may be 0. */
const struct curve *curves_of(struct curves *curves, const struct policy_call *call,
                              const struct job_facts *job);

/* The part of its epoch that a job has still to do. Jobs of a single epoch may differ in work. */
static inline double curve_part(const struct curve *curve, const struct job_facts *job,
                                uint32_t epoch, double progress)
{
	double left = job_mark(job, epoch + 1) - progress;
	double all =
	    job->epochs == 1 ? curve->work : job_mark(job, epoch + 1) - job_mark(job, epoch);
	return left > 0 && all > 0 ? left / all : 0;
}

/* Of the rest of a job that stands in `epoch` with that part of it still to do. */
static inline double curve_time_s(const struct curve_item *item, uint32_t epoch, double part)
{
	return item->time_s[epoch + 1] + part * (item->time_s[epoch] - item->time_s[epoch + 1]);
}
static inline double curve_energy_j(const struct curve_item *item, uint32_t epoch, double part)
{
	return item->energy_j[epoch + 1] +
	       part * (item->energy_j[epoch] - item->energy_j[epoch + 1]);
}

#endif
