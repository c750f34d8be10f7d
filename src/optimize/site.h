/* SPDX-License-Identifier: Apache-2.0
 *
 * What surrounds a simulated cluster: power budget, carbon intensity and price of its electricity
 * over time, failures, whether nodes sleep; and deadlines for jobs whose trace states none.
 */
#ifndef ERGON_OPTIMIZE_SITE_H
#define ERGON_OPTIMIZE_SITE_H

#include "ergon/env.h"
#include "optimize/sim/engine.h"

struct site_options {
	const char *budget; /* file of a series (power_w); NULL: constant or none */
	const char *carbon; /* a grid (data/carbon), g/kWh, or file (g_per_kwh); NULL: not known */
	const char *price;  /* per kWh, or file (price_per_kwh); NULL: not known */
	const char
	    *failures;     /* "random" (by the groups' mtbf_h) or a file (time_s, node, repair_s) */
	const char *sleep; /* "power=8,fall=10,wake=120[,waking=150]": of all nodes; NULL: as the
	                      cluster states */
	double pue;        /* 0: as the cluster states */
	double host_w;     /* of a node whose group states none; NaN: 0 W */
	uint64_t sleep_after_ns, checkpoint_ns, delay_ns;
};

struct site {
	struct series budget, carbon, price; /* count 0: none */
	struct node_failure *failures;       /* [failure_count], by time */
	uint32_t failure_count;
	bool random_failures;
};

/* Changes the cluster by sleep, pue and host_w, then reads the rest. Everything lives in arena. */
ERGON_MUST_USE enum ergon_code site_load(const struct ergon_env *env,
                                         const struct site_options *options,
                                         struct cluster *cluster, struct arena *arena,
                                         struct site *site, struct ergon_error *err);

/* Fills the setup's supplies and failures. */
void site_to_setup(const struct site *site, struct sim_setup *setup);

/* "slack=1.5:4,share=0.3[,criticality=5]": gives each job without a deadline one with probability
 * share: arrival + s x its time alone on what it asked for, s uniform in the range (or one number);
 * such jobs are urgent and of that criticality. The same jobs whatever the policy; another seed,
 * other jobs. A job of which the oracle cannot tell the time gets none. */
ERGON_MUST_USE enum ergon_code site_deadlines(const char *text, uint64_t seed,
                                              const struct cluster *cluster, struct oracle *oracle,
                                              struct job_facts *jobs, uint32_t count,
                                              struct ergon_error *err);

#endif
