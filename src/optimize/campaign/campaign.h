/* SPDX-License-Identifier: Apache-2.0
 *
 * A campaign: the same question asked many times. Every policy on every trace, at every load, with
 * every seed, and what comes out on average, with its uncertainty.
 *
 * Units. One run of the simulator is one unit: (load, trace, seed, policy), numbered in that order,
 * policies fastest. Load L divides the gaps between a trace's arrivals by L; where the pattern of
 * traces holds "{load}", the file that it names for that load stands for itself instead. Seed 0
 * takes a trace as it is; every further seed draws as many jobs from it anew, with replacement, and
 * shuffles the gaps between arrivals (a bootstrap), so that several seeds of one trace say how much
 * of a result is chance. The policy's own random choices start from options.base.seed + seed.
 *
 * Workers. Any number of processes, on one machine or many, share the units through one folder that
 * all of them see (struct campaign_folder, folder.h); nothing else connects them, so that any of
 * them may die at any time: a unit that was lost with its worker is done again by another. A unit's
 * outcome depends on the unit alone, and the result is made from the outcomes alone: the same
 * bytes, whoever did the work, however often it was interrupted. What is there already is not done
 * again.
 */
#ifndef ERGON_OPTIMIZE_CAMPAIGN_CAMPAIGN_H
#define ERGON_OPTIMIZE_CAMPAIGN_CAMPAIGN_H

#include <jansson.h>

#include "base/ranks.h"
#include "optimize/simulate.h"

enum {
	CAMPAIGN_LOADS_MAX = 64,
	CAMPAIGN_POLICIES_MAX = 64,
	CAMPAIGN_TRACES_MAX = 4096,
	CAMPAIGN_SEEDS_MAX = 10000,
	CAMPAIGN_UNITS_MAX = 10000000,
	CAMPAIGN_WORKERS_MAX = 1024,
};

struct campaign_options {
	struct experiment_options base; /* trace: not used */
	const char *traces;             /* a pattern of glob(7), or one file */
	double loads[CAMPAIGN_LOADS_MAX];
	uint32_t load_count;
	const struct scheduling_policy *policies[CAMPAIGN_POLICIES_MAX];
	uint32_t policy_count; /* the first is what the others are held against */
	uint32_t seeds;
	uint32_t workers;   /* processes of this one; 0: as many as there are processors for it */
	const char *folder; /* shared by all; NULL: below the state folder, by what is asked */
};

struct campaign_unit {
	uint32_t load, trace, seed, policy; /* trace: index into traces */
};

struct campaign {
	struct campaign_options options;
	const struct ergon_env *env;
	struct arena arena;
	struct ranks ranks;
	const char **traces;         /* [trace_count], loads one after the other */
	uint32_t *load_traces;       /* [loads + 1]: where a load's traces begin */
	uint32_t trace_count;        /* in all */
	bool by_file;                /* the pattern holds {load}: no stretching */
	struct campaign_unit *units; /* [unit_count] */
	uint32_t unit_count;
	json_t *description; /* what was asked, inputs by their digests */
	char folder[4096];
	uint32_t found;                 /* outcomes that were there already */
	struct campaign_folder *shared; /* once campaign_run() has opened it */
	void (*progress)(void *user, double done, const char *note);
	void *progress_user;
};

/* On failure too, campaign_fini() must be called. */
ERGON_MUST_USE enum ergon_code campaign_open(const struct ergon_env *env,
                                             const struct campaign_options *options,
                                             struct campaign *campaign, struct ergon_error *err);
/* Works until every unit is done, by this process's workers and whoever else shares the folder. */
ERGON_MUST_USE enum ergon_code campaign_run(struct campaign *campaign, struct ergon_error *err);
/* Is it this process that reports? In a parallel job exactly one of those alive does: waits until
 * it is known. Whoever gets true calls campaign_reported() afterwards. */
bool campaign_reports(struct campaign *campaign);
void campaign_reported(struct campaign *campaign);
void campaign_fini(struct campaign *campaign);

/* kind "ergon.simulate_sweep", made from the outcomes in the folder. */
ERGON_MUST_USE enum ergon_code campaign_to_json(const struct campaign *campaign, json_t **document,
                                                struct ergon_error *err);

/* "0.5:2:0.5" or "0.5,1,2" into loads; BAD_INPUT says what is expected. */
ERGON_MUST_USE enum ergon_code campaign_parse_loads(const char *text, double *loads,
                                                    uint32_t *count, struct ergon_error *err);

#endif
