/* SPDX-License-Identifier: Apache-2.0
 *
 * Microsoft's Philly trace as the Pollux authors cleaned it: a CSV of submission (local date and
 * time), duration (s), GPUs, GPU time (s) and virtual cluster, which stands for the user here.
 */
#include "optimize/traces/scan.h"

enum { TIMESTAMP, DURATION, GPUS, GPU_TIME, CLUSTER, COLUMNS };
static const struct trace_column columns[COLUMNS] = { [TIMESTAMP] = { "timestamp", true },
	                                              [DURATION] = { "duration", true },
	                                              [GPUS] = { "num_gpus", true },
	                                              [GPU_TIME] = { "gpu_time", false },
	                                              [CLUSTER] = { "cluster", false } };

static enum ergon_code row(struct trace_parse *parse, const struct trace_cell *cells, size_t count)
{
	(void)count;
	struct trace_job job = trace_job_init(parse);
	uint64_t gpu_time_ns;
	job.name = trace_name_of_line(parse);
	enum ergon_code code = trace_date(parse, cells[TIMESTAMP], "timestamp", &job.arrival_ns);
	if (!code)
		code = trace_duration(parse, cells[DURATION], "duration", &job.duration_ns);
	if (!code)
		code = trace_whole(parse, cells[GPUS], "num_gpus", 0, TRACE_UNITS_MAX, &job.gpus);
	if (!code && cells[GPU_TIME].length > 0)
		code = trace_seconds(parse, cells[GPU_TIME], "gpu_time", &gpu_time_ns);
	if (!code)
		code = trace_text(parse, cells[CLUSTER], "cluster", true, &job.user);
	if (code)
		return code;
	return job.gpus ? trace_add(parse, &job) : trace_drop(parse, "asks for no GPU");
}

static enum ergon_code read_philly(struct trace_parse *parse)
{
	parse->calendar = true;
	return trace_table(parse, ',', columns, COLUMNS, false, row);
}

static int sniff(const char *head, size_t length)
{
	static const char *const names[] = { "timestamp", "duration", "num_gpus", NULL };
	return sniff_columns(head, length, ',', names) ? 100 : 0;
}

const struct trace_reader trace_reader_philly = {
	.name = "philly",
	.summary = "Microsoft's Philly trace as cleaned for Pollux (CSV)",
	.extensions = "csv",
	.source = "Jeon et al., USENIX ATC 2019; Qiao et al., OSDI 2021",
	.sniff = sniff,
	.read = read_philly,
};
