/* SPDX-License-Identifier: Apache-2.0 */
#include "model/timetable.h"

void timetable_fill(struct timetable *table, const struct workload *workload,
                    const struct device *device, const struct calibration *calibration,
                    double batch)
{
	table->workload = workload;
	table->device = device;
	table->calibration = calibration;
	table->batch = batch;
	table->collective_count = 0;
	table->calibrated = calibration_for_device(calibration, device->name, &table->constants);
	machine_init(&table->machine, device, &table->constants);
	if (!workload->alone)
		machine_in_model(&table->machine, &table->constants);
	size_t count = workload->count < KERNELS_MAX ? workload->count : KERNELS_MAX, row = 0;
	for (int class = 0; class < KERNEL_CLASS_COUNT; class ++) {
		struct class_sums sums = { 0 };
		table->from[class] = row;
		for (; row < count && (int)kernel_class(&workload->kernels[row]) <= class; row++) {
			const struct kernel *kernel = &workload->kernels[row];
			struct work work;
			kernel_work(&table->machine, kernel, batch, &work);
			double times = kernel->count;
			sums.launches += times * kernel->launches;
			sums.issues += times * kernel->issue;
			sums.flops += times * work.flops;
			sums.compute_j += times * work.flops * table->machine.flop_j[kernel->rate];
			if (kernel->family == FAMILY_COLLECTIVE) {
				table->collectives[table->collective_count++] = (uint16_t)row;
				table->compute_s[row] = table->memory_s[row] = 0;
				continue;
			}
			sums.memory_j += times * work.dram_bytes * table->machine.byte_j;
			table->compute_s[row] = times * work.compute_s;
			table->memory_s[row] = times * work.memory_s;
			sums.compute_s += table->compute_s[row];
			sums.memory_s += table->memory_s[row];
		}
		table->sums[class] = sums;
	}
	table->from[KERNEL_CLASS_COUNT] = row;
}
