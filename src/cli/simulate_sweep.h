/* SPDX-License-Identifier: Apache-2.0
 *
 * `ergon simulate --sweep`: many traces, loads and seeds at once.
 */
#ifndef ERGON_CLI_SIMULATE_SWEEP_H
#define ERGON_CLI_SIMULATE_SWEEP_H

#include "cli/command.h"
#include "optimize/campaign/campaign.h"

struct sweep_flags {
	const char *axes;   /* "load=0.5:2:0.5"; NULL: as the traces are */
	const char *traces; /* a pattern; NULL: the one trace */
	const char *folder;
	uint64_t seeds, workers;
};

/* Was any of them given? */
bool sweep_is_wanted(const struct sweep_flags *flags);
/* The exit status. */
int sweep_simulations(struct cli *cli, const struct sweep_flags *flags,
                      const struct experiment_options *base,
                      const struct scheduling_policy *const *policies, size_t count,
                      const char *json);

#endif
