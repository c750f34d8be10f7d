/* SPDX-License-Identifier: Apache-2.0
 *
 * A small trace under a policy, for tests whose outcome is known by hand.
 */
#ifndef SUPPORT_SIMULATED_H
#define SUPPORT_SIMULATED_H

#include "optimize/simulate.h"

/* One experiment after another in a folder of its own; everything is audited. */
struct simulated {
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct experiment x;
	struct policy_result result;
	char folder[1024], trace[1200];
	bool loaded, ran;
	double jct_s[64]; /* of each job, in order of the trace, after simulated_run */
};

void simulated_init(struct simulated *s);
/* rows: ergon's own CSV. options->trace, audit are set here; oracle NULL: durations. */
void simulated_load(struct simulated *s, const char *cluster, const char *rows,
                    const struct experiment_options *options);
/* Fails the test where the policy does. */
const struct metrics *simulated_run(struct simulated *s, const char *policy);
void simulated_fini(struct simulated *s);

/* Runs a program's tests between simulated_init and simulated_fini of s. */
#define simulated_group(s, tests)                                                                  \
	(simulated_of_group(s), cmocka_run_group_tests(tests, simulated_setup, simulated_teardown))
void simulated_of_group(struct simulated *s);
int simulated_setup(void **state);
int simulated_teardown(void **state);

/* Of an experiment that the test owns: fails the test where that is not possible. */
void load_experiment(const struct ergon_env *env, const struct experiment_options *options,
                     struct experiment *x);
/* Returns result, which the test frees. */
const struct policy_result *run_policy(struct experiment *x, const char *policy,
                                       struct policy_result *result);

/* One of Pollux's published workloads, by their rules: 16x4 T4, audited. */
struct pollux_workload {
	char oracle[1400], trace[1400];
	struct experiment_options options;
};
/* load as in the folders' names: "", "-0.5", ... Skips the test where the data are absent. */
void pollux_workload(struct pollux_workload *w, const char *load, int workload);

#endif
