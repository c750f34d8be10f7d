/* SPDX-License-Identifier: Apache-2.0 */
#include "model/timetable.h"

#include "model/pair.h"

/* Of each row, beside what the timetable keeps; one more, so that rows are read in twos. */
struct draft {
	double compute_j[KERNELS_MAX + 1], memory_j[KERNELS_MAX + 1], filled[KERNELS_MAX + 1];
};

/* A kernel takes max + hidden min of compute and memory = both (c + m) + apart |c - m|. */
static void sum_phases(struct timetable *table, const struct draft *draft, size_t from, size_t to,
                       struct class_sums *sums)
{
	const double *c = table->compute_s, *m = table->memory_s;
	double both = (1 + table->constants.hidden) / 2, apart = 1 - both;
	pair time = { 0 }, busy = { 0 }, hot_c = { 0 }, hot_m = { 0 }, hot_cj = { 0 };
	pair hot_mj = { 0 }, hot_busy = { 0 };
	for (size_t i = from; i < to; i += 2) {
		pair compute = load_pair(c + i), memory = load_pair(m + i);
		if (i + 1 == to)
			compute[1] = memory[1] = 0;
		pair_bits hot = compute > memory;
		pair alone = both * (compute + memory) + apart * pair_magnitude(compute - memory);
		pair filled = alone * load_pair(draft->filled + i);
		time += alone;
		busy += filled;
		hot_c += pair_where(hot, compute);
		hot_m += pair_where(hot, memory);
		hot_cj += pair_where(hot, load_pair(draft->compute_j + i));
		hot_mj += pair_where(hot, load_pair(draft->memory_j + i));
		hot_busy += pair_where(hot, filled);
	}
	sums->kernels_s = pair_sum(time);
	sums->busy_s = pair_sum(busy);
	sums->hot_compute_s = pair_sum(hot_c);
	sums->hot_memory_s = pair_sum(hot_m);
	sums->hot_compute_j = pair_sum(hot_cj);
	sums->hot_memory_j = pair_sum(hot_mj);
	sums->hot_busy_s = pair_sum(hot_busy);
}

void timetable_fill(struct timetable *table, const struct workload *workload,
                    const struct device *device, const struct calibration *calibration,
                    double batch)
{
	struct draft draft;
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
			double compute_j = times * work.flops * table->machine.flop_j[kernel->rate];
			double memory_j = times * work.dram_bytes * table->machine.byte_j;
			sums.compute_j += draft.compute_j[row] = compute_j;
			draft.filled[row] = work.filled;
			if (kernel->family == FAMILY_COLLECTIVE) {
				table->collectives[table->collective_count++] = (uint16_t)row;
				table->compute_s[row] = table->memory_s[row] = 0;
				draft.memory_j[row] = 0;
				continue;
			}
			sums.memory_j += draft.memory_j[row] = memory_j;
			table->compute_s[row] = times * work.compute_s;
			table->memory_s[row] = times * work.memory_s;
			sums.compute_s += table->compute_s[row];
			sums.memory_s += table->memory_s[row];
		}
		draft.compute_j[row] = draft.memory_j[row] = draft.filled[row] = 0;
		sum_phases(table, &draft, table->from[class], row, &sums);
		table->sums[class] = sums;
	}
	table->from[KERNEL_CLASS_COUNT] = row;
}
