/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies side by side, as simulate and recommend print them.
 */
#ifndef ERGON_CLI_SIMULATE_TABLE_H
#define ERGON_CLI_SIMULATE_TABLE_H

#include "cli/command.h"
#include "optimize/simulate.h"

void print_experiment(struct cli *cli, const struct experiment *x,
                      const struct policy_result *results, size_t count);

#endif
