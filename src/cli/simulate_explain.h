/* SPDX-License-Identifier: Apache-2.0
 *
 * What simulate --explain prints.
 */
#ifndef ERGON_CLI_SIMULATE_EXPLAIN_H
#define ERGON_CLI_SIMULATE_EXPLAIN_H

#include "cli/command.h"
#include "optimize/simulate.h"

/* Nothing where nobody asked. */
void print_explanations(struct cli *cli, const struct experiment *x,
                        const struct policy_result *results, size_t count);

#endif
