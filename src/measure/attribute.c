/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/attribute.h"

#include <math.h>

#include "measure/tree.h"

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

double attribute_cpu_power_w(const struct measurement *measurement)
{
	double power_w = 0;
	for (size_t i = 0; i < measurement->count; i++)
		if (shared_by_cpu_time(&measurement->domains[i]))
			power_w += measurement->domains[i].average_power_w;
	return power_w;
}

struct attribution attribute(const struct measurement *measurement, double command_cpu_s,
                             double machine_cpu_s, double baseline_w)
{
	struct attribution a = { .command_cpu_s = command_cpu_s, .baseline_w = baseline_w };
	double cpu_j = 0;
	for (size_t i = 0; i < measurement->count; i++)
		if (shared_by_cpu_time(&measurement->domains[i]))
			cpu_j += measurement->domains[i].energy_j;
	/* The machine's time comes in ticks, the command's does not. */
	a.machine_cpu_s = fmax(machine_cpu_s, command_cpu_s);
	if (!isnan(baseline_w))
		a.idle_j = fmin(fmax(baseline_w, 0) * measurement->duration_s, cpu_j);
	double dynamic_j = cpu_j - a.idle_j;
	if (a.machine_cpu_s > 0)
		a.command_j = dynamic_j * (command_cpu_s / a.machine_cpu_s);
	a.others_j = dynamic_j - a.command_j;
	a.unattributed_j = measurement->energy_j - cpu_j;
	return a;
}

json_t *attribution_to_json(const struct attribution *a)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:s, s:s, s:f, s:f, s:o}", "command_j", a->command_j,
	                 "idle_j", a->idle_j, "others_j", a->others_j, "unattributed_j",
	                 a->unattributed_j, "provenance", provenance_name(PROVENANCE_ATTRIBUTED),
	                 "by", "CPU time", "command_cpu_s", a->command_cpu_s, "machine_cpu_s",
	                 a->machine_cpu_s, "baseline_w",
	                 isnan(a->baseline_w) ? json_null() : json_real(a->baseline_w));
}
