/* SPDX-License-Identifier: Apache-2.0 */
#include "model/timetable.h"

/* Rounding must not decide what turns. */
static const double SLACK = 1 + 1e-9;

struct row {
	double compute_s, memory_s, compute_j, memory_j, filled; /* all launches */
};

/* A kernel takes max + hidden min of compute and memory. */
static inline void add_row(struct timetable *table, struct class_sums *sums, const struct row *row,
                           double turns)
{
	double c = row->compute_s, m = row->memory_s, hidden = table->constants.hidden;
	struct row_sums *of = c > m ? &sums->hot : &sums->cool;
	double alone = c > m ? c + hidden * m : m + hidden * c;
	of->compute_s += c;
	of->memory_s += m;
	of->compute_j += row->compute_j;
	of->memory_j += row->memory_j;
	of->kernels_s += alone;
	of->busy_s += alone * row->filled;
	if (c > m)
		return;
	if (c * turns > m) {
		table->compute_s[sums->to] = c;
		table->memory_s[sums->to++] = m;
	} else {
		sums->stay_compute_s += c;
		sums->stay_memory_s += m;
	}
}

static inline void add_kernel(struct timetable *table, struct class_sums *sums,
                              const struct kernel *kernel, double turns)
{
	double times = kernel->count;
	struct work work;
	table->families |= 1u << kernel->family;
	machine_meet(&table->machine, kernel);
	kernel_work(&table->machine, kernel, table->batch, &work);
	sums->launches += times * kernel->launches;
	sums->issues += times * kernel->issue;
	sums->flops += times * work.flops;
	struct row row = { .compute_j = times * work.flops * table->machine.flop_j[kernel->rate] };
	if (kernel->family == FAMILY_COLLECTIVE) {
		table->collectives[table->collective_count++] =
		    (uint16_t)(kernel - table->workload->kernels);
	} else {
		row.compute_s = times * work.compute_s;
		row.memory_s = times * work.memory_s;
		row.memory_j = times * work.dram_bytes * table->machine.byte_j;
		row.filled = work.filled;
		sums->once_s += work.compute_s > work.memory_s ? work.compute_s : work.memory_s;
	}
	add_row(table, sums, &row, turns);
}

void timetable_fill(struct timetable *table, const struct workload *workload,
                    const struct device *device, const struct calibration *calibration,
                    double batch)
{
	table->workload = workload;
	table->device = device;
	table->calibration = calibration;
	table->batch = batch;
	table->collective_count = 0;
	table->families = 0;
	table->calibrated = calibration_for_device(calibration, device->name, &table->constants);
	machine_init(&table->machine, device, &table->constants);
	if (workload->alone)
		machine_alone(&table->machine, &table->constants);
	else
		machine_in_model(&table->machine, &table->constants);
	size_t count = workload->count < KERNELS_MAX ? workload->count : KERNELS_MAX;
	/* Below memory_clock both slow down alike. */
	double clock = table->constants.memory_clock, turns = clock < 1 ? SLACK / clock : SLACK;
	size_t turning = 0;
	const struct kernel *kernel = workload->kernels, *end = kernel + count;
	for (int class = 0; class < KERNEL_CLASS_COUNT; class ++) {
		struct class_sums sums = { .from = turning, .to = turning };
		for (; kernel < end && (int)kernel_class(kernel) <= class; kernel++)
			add_kernel(table, &sums, kernel, turns);
		turning = sums.to;
		table->sums[class] = sums;
	}
	table->count = count;
}
