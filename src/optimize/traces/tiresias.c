/* SPDX-License-Identifier: Apache-2.0
 *
 * Job lists of Tiresias (NSDI 2019): a CSV with job_id, num_gpu, submit_time (s), iterations,
 * model_name, duration (s) and interval (s to the next job, which is not needed).
 */
#include "optimize/traces/scan.h"

enum { ID, GPUS, SUBMIT, ITERATIONS, MODEL, DURATION, COLUMNS };
static const struct trace_column columns[COLUMNS] = {
	[ID] = { "job_id", true },          [GPUS] = { "num_gpu", true },
	[SUBMIT] = { "submit_time", true }, [ITERATIONS] = { "iterations", false },
	[MODEL] = { "model_name", true },   [DURATION] = { "duration", true },
};

static enum ergon_code row(struct trace_parse *parse, const struct trace_cell *cells, size_t count)
{
	(void)count;
	struct trace_job job = trace_job_init(parse);
	enum ergon_code code = trace_text(parse, cells[ID], "job_id", false, &job.name);
	if (!code)
		code = trace_count(parse, cells[GPUS], "num_gpu", 1, TRACE_UNITS_MAX, &job.gpus);
	if (!code)
		code = trace_seconds(parse, cells[SUBMIT], "submit_time", &job.arrival_ns);
	if (!code && cells[ITERATIONS].length > 0)
		code = trace_real(parse, cells[ITERATIONS], "iterations", 0, TRACE_STEPS_MAX,
		                  &job.work_steps);
	if (!code)
		code = trace_text(parse, cells[MODEL], "model_name", true, &job.application);
	if (!code)
		code = trace_duration(parse, cells[DURATION], "duration", &job.duration_ns);
	return code ? code : trace_add(parse, &job);
}

static enum ergon_code read_tiresias(struct trace_parse *parse)
{
	return trace_table(parse, ',', columns, COLUMNS, false, row);
}

static int sniff(const char *head, size_t length)
{
	static const char *const names[] = { "job_id",     "num_gpu",  "submit_time",
		                             "model_name", "duration", NULL };
	return sniff_columns(head, length, ',', names) ? 100 : 0;
}

const struct trace_reader trace_reader_tiresias = {
	.name = "tiresias",
	.summary = "job lists of Tiresias (CSV)",
	.extensions = "csv",
	.source = "Gu et al., NSDI 2019",
	.sniff = sniff,
	.read = read_tiresias,
};
