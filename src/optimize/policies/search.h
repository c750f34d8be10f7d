/* SPDX-License-Identifier: Apache-2.0
 *
 * The exhaustive search that several policies share: for one job, every (type, number of GPUs,
 * batch), by the objective T^a E^b over its remaining work.
 *
 * Candidates of an application are listed and sorted once for each epoch in which a job of it may
 * stand; a search is then a walk down the list to the first that fits. Equal objective: fewer GPUs
 * first, then the earlier type, then the smaller batch.
 */
#ifndef ERGON_OPTIMIZE_POLICIES_SEARCH_H
#define ERGON_OPTIMIZE_POLICIES_SEARCH_H

#include "optimize/policies/jobset.h"
#include "optimize/policy.h"

struct candidate {
	const struct estimate *estimate;
	double score; /* ln of the objective, of the work from the start of the epoch */
	uint32_t group, gpus, batch;
};

struct candidate_list {
	uint32_t application_id, epoch, count;
	struct candidate *items;
	struct candidate_list *next; /* same bucket */
};

enum { SEARCH_BUCKETS = 4096 };

struct search {
	struct arena *arena;
	const struct policy_services *services;
	double time_weight, energy_weight;
	bool obey_budget; /* set before search_init */
	bool grow;
	uint32_t *order; /* [jobs]: room for shedding; NULL: no budget that varies */
	/* All placements are this search's, so that it knows which jobs might still grow. */
	bool alone;
	struct jobset hungry;
	bool keep_all; /* candidates that another beats with no more GPUs, too */
	const struct policy_options *options;
	/* Where E is not joules: the price or carbon intensity of a joule over time. */
	const struct series *weight;
	uint64_t now_ns;
	struct candidate_list at_once; /* candidates now, where their order changes with time */
	struct candidate_list *buckets[SEARCH_BUCKETS];
	struct candidate *scratch;
	uint32_t scratch_count;
};

ERGON_MUST_USE enum ergon_code search_init(struct search *search, const struct policy_setup *setup,
                                           double time_weight, double energy_weight,
                                           struct ergon_error *err);

/* Starts pending jobs in order of arrival, each in the best configuration that fits now; stops at
 * the first for which nothing fits. Then, where nothing waits and `grow` is set, lets running jobs
 * take free GPUs where that pays for the restart. */
ERGON_MUST_USE enum ergon_code search_decide(struct search *search, const struct policy_call *call,
                                             struct plan *plan, struct ergon_error *err);

/* The best configuration that fits `free` GPUs of each group (and the budget where it is obeyed),
 * NULL: none. All candidates of a rigid job have its own count and batch. */
const struct candidate *search_best(struct search *search, const struct policy_call *call,
                                    const struct plan *plan, uint32_t job, const uint32_t *free);

/* All candidates of a malleable job, best first; NULL for a rigid one or when memory is out. */
const struct candidate *search_list(struct search *search, const struct policy_call *call,
                                    uint32_t job, uint32_t *count);

/* Every candidate of the job, of a rigid one too, best first, into scratch; returns how many. */
uint32_t search_list_all(struct search *search, const struct policy_call *call, uint32_t job);

/* Tells whoever asked for this job (--explain) what its candidates were: `won` of them, or NULL
 * where it waits; free: GPUs within its reach; due_s: how long it may take, or infinite. */
void search_explain(struct search *search, const struct policy_call *call, const struct plan *plan,
                    uint32_t job, const struct candidate *won, const uint32_t *free, double due_s);

/* What a change of placement costs the job. */
static inline double search_restart_s(const struct search *search, const struct job_facts *job)
{
	return (double)job_restart_ns(job, search->options) * 1e-9;
}

/* ln(T^a E^b) of what begins now. */
double search_score(const struct search *search, double time_s, double power_w);

#endif
