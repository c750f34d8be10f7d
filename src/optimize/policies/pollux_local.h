/* SPDX-License-Identifier: Apache-2.0
 *
 * A local search on one allocation, beside the genetic one: single jobs take free GPUs in a better
 * shape, and pairs trade (one gives some up, another uses them) while the fitness rises. It finds
 * in microseconds what mutation finds in dozens of generations.
 */
#ifndef ERGON_OPTIMIZE_POLICIES_POLLUX_LOCAL_H
#define ERGON_OPTIMIZE_POLICIES_POLLUX_LOCAL_H

#include "optimize/policies/pollux_ga.h"

/* state: rows x stride, feasible; becomes better or stays. */
void ga_improve(struct ga *ga, uint8_t *state);

/* 1 / (value + floor) of a row: what the search minimises the sum of. */
double ga_row_cost(struct ga *ga, uint32_t j, const uint8_t *row);

#endif
