/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/attribute.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "measure/tree.h"

__extension__ typedef unsigned __int128 wide;

/* --- shares that add up ----------------------------------------------------------- */

struct remainder {
	wide left;
	size_t index;
};

/* Greater remainders first; of equal ones the first in the list. */
static int by_remainder(const void *a, const void *b)
{
	const struct remainder *x = a, *y = b;
	if (x->left != y->left)
		return x->left > y->left ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Sharing one by one out of what is left is exact without any memory: each gets its part of the
 * rest, rounded down. Used where there is none for the remainders. */
static uint64_t apportion_in_turn(uint64_t amount, const uint64_t *weights, size_t count, wide all,
                                  uint64_t *shares)
{
	for (size_t i = 0; i < count; i++) {
		shares[i] = all ? (uint64_t)((wide)amount * weights[i] / all) : 0;
		amount -= shares[i];
		all -= weights[i];
	}
	return amount;
}

uint64_t apportion(uint64_t amount, const uint64_t *weights, size_t count, uint64_t unseen,
                   uint64_t *shares)
{
	wide all = unseen;
	for (size_t i = 0; i < count; i++)
		all += weights[i];
	if (all == 0 || all >> 64)
		return apportion_in_turn(amount, weights, count, all, shares);
	struct remainder *remainders = calloc(count + 1, sizeof *remainders);
	if (!remainders)
		return apportion_in_turn(amount, weights, count, all, shares);
	uint64_t given = 0, others = 0;
	for (size_t i = 0; i <= count; i++) {
		wide product = (wide)amount * (i < count ? weights[i] : unseen);
		uint64_t share = (uint64_t)(product / all);
		remainders[i] = (struct remainder){ product % all, i };
		given += share;
		if (i < count)
			shares[i] = share;
		else
			others = share;
	}
	qsort(remainders, count + 1, sizeof *remainders, by_remainder);
	for (size_t i = 0; given < amount; i++, given++) {
		if (remainders[i].index < count)
			shares[remainders[i].index]++;
		else
			others++;
	}
	free(remainders);
	return others;
}

/* --- pools --------------------------------------------------------------------- */

static bool shared_by_cpu_time(const struct domain_energy *domain)
{
	if (!domain->in_total)
		return false;
	switch (tree_kind(domain->name)) {
	case TREE_NODE:
	case TREE_PSYS:
	case TREE_PACKAGE:
	case TREE_CORE:
	case TREE_UNCORE:
	case TREE_DRAM:
		return true;
	default:
		return false;
	}
}

/* "gpu-3" and its twins "gpu-3@hwmon": 3; -1 for anything else. */
static int gpu_number(const char *name)
{
	uint64_t number;
	char digits[16];
	if (tree_kind(name) != TREE_GPU || strncmp(name, "gpu-", 4) != 0)
		return -1;
	snprintf(digits, sizeof digits, "%.*s", (int)strcspn(name + 4, "@/"), name + 4);
	return parse_u64(digits, &number) && number < 100000 ? (int)number : -1;
}

double attribute_cpu_power_w(const struct measurement *measurement)
{
	double power_w = 0;
	for (size_t i = 0; i < measurement->count; i++)
		if (shared_by_cpu_time(&measurement->domains[i]))
			power_w += measurement->domains[i].average_power_w;
	return power_w;
}

static uint64_t microjoules(double energy_j)
{
	return energy_j > 0 && energy_j < 1e12 ? (uint64_t)llround(energy_j * 1e6) : 0;
}

static struct energy_pool *pool_of(struct energy_pools *pools, int gpu)
{
	for (size_t i = 0; i < pools->count; i++)
		if (pools->pools[i].gpu == gpu)
			return &pools->pools[i];
	if (pools->count == ATTRIBUTE_POOLS_MAX)
		return NULL;
	pools->pools[pools->count] = (struct energy_pool){ .gpu = gpu };
	return &pools->pools[pools->count++];
}

/* Power of the same components while the machine was idle. */
static double idle_power_w(const struct measurement *idle, int gpu)
{
	if (gpu < 0)
		return attribute_cpu_power_w(idle);
	for (size_t i = 0; i < idle->count; i++)
		if (idle->domains[i].in_total && gpu_number(idle->domains[i].name) == gpu)
			return idle->domains[i].average_power_w;
	return 0;
}

void attribute_pools(const struct measurement *m, const struct measurement *idle,
                     struct energy_pools *pools)
{
	*pools = (struct energy_pools){ 0 };
	pool_of(pools, -1);
	for (size_t i = 0; i < m->count; i++) {
		const struct domain_energy *domain = &m->domains[i];
		if (!domain->in_total)
			continue;
		uint64_t energy_uj = microjoules(domain->energy_j);
		int gpu = gpu_number(domain->name);
		struct energy_pool *pool = NULL;
		if (shared_by_cpu_time(domain))
			pool = &pools->pools[0];
		else if (gpu >= 0)
			pool = pool_of(pools, gpu);
		pools->total_uj += energy_uj;
		if (pool)
			pool->energy_uj += energy_uj;
		else
			pools->unattributed_uj += energy_uj;
	}
	for (size_t i = 0; idle && i < pools->count; i++) {
		struct energy_pool *pool = &pools->pools[i];
		uint64_t idle_uj =
		    microjoules(fmax(idle_power_w(idle, pool->gpu), 0) * m->duration_s);
		pool->idle_uj = idle_uj < pool->energy_uj ? idle_uj : pool->energy_uj;
	}
}

/* --- the command ----------------------------------------------------------------- */

struct attribution attribute(const struct measurement *measurement, double command_cpu_s,
                             double machine_cpu_s, double baseline_w)
{
	struct attribution a = { .command_cpu_s = command_cpu_s, .baseline_w = baseline_w };
	struct energy_pools pools;
	attribute_pools(measurement, NULL, &pools);
	uint64_t cpu_uj = pools.pools[0].energy_uj;
	/* The machine's time comes in ticks, the command's does not. */
	a.machine_cpu_s = fmax(machine_cpu_s, command_cpu_s);
	if (!isnan(baseline_w)) {
		uint64_t idle_uj = microjoules(fmax(baseline_w, 0) * measurement->duration_s);
		a.idle_uj = idle_uj < cpu_uj ? idle_uj : cpu_uj;
	}
	uint64_t command_ns = ns_from_seconds(command_cpu_s);
	uint64_t others_ns = ns_from_seconds(a.machine_cpu_s) - command_ns;
	a.others_uj = apportion(cpu_uj - a.idle_uj, &command_ns, 1, others_ns, &a.command_uj);
	a.total_uj = pools.total_uj;
	a.unattributed_uj = pools.total_uj - cpu_uj;
	a.command_j = (double)a.command_uj / 1e6;
	a.idle_j = (double)a.idle_uj / 1e6;
	a.others_j = (double)a.others_uj / 1e6;
	a.unattributed_j = (double)a.unattributed_uj / 1e6;
	return a;
}

json_t *attribution_to_json(const struct attribution *a)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:I, s:s, s:s, s:f, s:f, s:o}", "command_j",
	                 a->command_j, "idle_j", a->idle_j, "others_j", a->others_j,
	                 "unattributed_j", a->unattributed_j, "total_uj", (json_int_t)a->total_uj,
	                 "provenance", provenance_name(PROVENANCE_ATTRIBUTED), "by", "CPU time",
	                 "command_cpu_s", a->command_cpu_s, "machine_cpu_s", a->machine_cpu_s,
	                 "baseline_w",
	                 isnan(a->baseline_w) ? json_null() : json_real(a->baseline_w));
}
