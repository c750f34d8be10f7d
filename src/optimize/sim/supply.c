/* SPDX-License-Identifier: Apache-2.0
 *
 * What the cluster is supplied with: a power budget, carbon and price, all over time.
 */
#include <math.h>

#include "base/units.h"
#include "optimize/sim/engine_state.h"

static int64_t in_microwatts(double budget_w)
{
	return budget_w > 0 && budget_w < 9e12 ? llrint(budget_w * 1e6) : INT64_MAX;
}

void supply_init(struct sim *sim)
{
	const struct series *budget = sim->setup->budget;
	double budget_w = sim->setup->options.power_budget_w;
	if (budget) {
		budget_w = series_at(budget, sim->now_ns);
		uint64_t next = series_next(budget, sim->now_ns);
		if (next != UINT64_MAX)
			heap_set(&sim->heap, id_of(sim, ID_BUDGET), next * 2);
	}
	sim->budget_uw = in_microwatts(budget_w);
}

void supply_event(struct sim *sim)
{
	const struct series *budget = sim->setup->budget;
	sim_settle_energy(sim);
	sim->budget_uw = in_microwatts(series_at(budget, sim->now_ns));
	uint64_t next = series_next(budget, sim->now_ns);
	if (next != UINT64_MAX)
		heap_set(&sim->heap, id_of(sim, ID_BUDGET), next * 2);
	sim->wakeups |= WAKEUP_BUDGET;
	sim_emit_node(sim, SIM_BUDGET, UINT32_MAX);
}

double supply_budget_w(const struct sim *sim)
{
	const struct series *budget = sim->setup->budget;
	if (!budget)
		return sim->setup->options.power_budget_w;
	return series_least(budget, sim->now_ns, sim->now_ns + sim->interval_ns);
}

double supply_least_budget_w(const struct sim *sim)
{
	const struct series *budget = sim->setup->budget;
	if (!budget)
		return sim->setup->options.power_budget_w;
	double least = (double)INFINITY;
	for (uint32_t i = 0; i < budget->count; i++)
		least = fmin(least, budget->value[i]);
	return least;
}

void supply_settle(struct sim *sim, int64_t power_uw, uint64_t from_ns, uint64_t to_ns)
{
	const struct sim_setup *setup = sim->setup;
	double kw = (double)power_uw * 1e-6 * setup->cluster->pue / J_PER_KWH;
	if (setup->carbon)
		sim->outcome->carbon_g += kw * series_integral(setup->carbon, from_ns, to_ns);
	if (setup->price)
		sim->outcome->cost += kw * series_integral(setup->price, from_ns, to_ns);
}
