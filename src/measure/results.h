/* SPDX-License-Identifier: Apache-2.0
 *
 * The document of one or several runs of the same command: kind "ergon.measure".
 *
 * Of several runs, every energy, power and time is the mean, and "repeat" holds their spread:
 * {"count", "energy_stddev_j", "energy_ci95_j" (half width, Student's t), "runs":[...]}.
 */
#ifndef ERGON_MEASURE_RESULTS_H
#define ERGON_MEASURE_RESULTS_H

#include "measure/run.h"
#include "spec/grid.h"

/* All runs with the same meter. NULL: out of memory. */
json_t *run_results_to_json(const struct run_result *results, size_t count);

/* Adds "carbon" {"g_co2e","grid","g_per_kwh","source"}; and "cost" {"amount","price_per_kwh"} where
 * price_per_kwh > 0. False: out of memory. */
bool run_json_add_costs(json_t *document, const struct grid *grid, double price_per_kwh);

#endif
