/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose energy: the share of a window's energy that a command's process tree is answerable for.
 *
 * The energy of processors and memory is split into the idle baseline (baseline power times the
 * time; nobody's, or everybody's) and the dynamic rest, which is shared by CPU time: the command's
 * own against all busy time of the machine. What CPU time says nothing about (GPUs) stays
 * unattributed. command + idle + others + unattributed is the total, always. Without a baseline the
 * idle part is unknown: it is taken as 0, and the document says so. Pure functions.
 */
#ifndef ERGON_MEASURE_ATTRIBUTE_H
#define ERGON_MEASURE_ATTRIBUTE_H

#include "base/json.h"
#include "measure/measurement.h"

struct attribution {
	double command_j, idle_j, others_j, unattributed_j;
	double command_cpu_s, machine_cpu_s;
	double baseline_w; /* NaN: none was measured */
};

/* Mean power of what CPU time can share: counted packages, memory, psys, node. */
double attribute_cpu_power_w(const struct measurement *measurement);

struct attribution attribute(const struct measurement *measurement, double command_cpu_s,
                             double machine_cpu_s, double baseline_w);

json_t *attribution_to_json(const struct attribution *attribution);

#endif
