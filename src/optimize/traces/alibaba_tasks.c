/* SPDX-License-Identifier: Apache-2.0
 *
 * The task table of Alibaba's 2020 GPU trace (pai_task_table): a CSV of ten columns, published
 * without its header: job_name, task_name, inst_num, status, start_time, end_time (s), plan_cpu
 * (per cent of a core), plan_mem (GB), plan_gpu (per cent of a GPU), gpu_type. Counts are written
 * as floats; empty cells stand for what was not recorded.
 *
 * Each task becomes one job: inst_num instances of plan_gpu. Up to 100% an instance shares one
 * GPU; above, it has whole ones. Tasks without GPUs (parameter servers) are skipped and counted,
 * and so are those without both times. The table has no submission; start_time stands for it.
 */
#include <string.h>

#include "optimize/traces/scan.h"

enum {
	JOB,
	TASK,
	INSTANCES,
	STATUS,
	START,
	END,
	PLAN_CPU,
	PLAN_MEMORY,
	PLAN_GPU,
	GPU_TYPE,
	COLUMNS
};
static const char header[] = "job_name";

static enum ergon_code instances(struct trace_parse *parse, const struct trace_cell *cells,
                                 struct trace_job *job)
{
	uint32_t count = 1;
	double gpu_percent = 0, cpu_percent = 0;
	enum ergon_code code = ERGON_OK;
	if (cells[INSTANCES].length)
		code = trace_whole(parse, cells[INSTANCES], "inst_num", 1, 100000, &count);
	if (!code && cells[PLAN_GPU].length)
		code = trace_real(parse, cells[PLAN_GPU], "plan_gpu", 0, 12800, &gpu_percent);
	if (!code && cells[PLAN_CPU].length)
		code = trace_real(parse, cells[PLAN_CPU], "plan_cpu", 0, 1e6, &cpu_percent);
	if (code)
		return code;
	uint32_t whole = (uint32_t)(gpu_percent / 100);
	whole += whole * 100.0 < gpu_percent;
	job->gpus = whole * count;
	job->gpu_share = gpu_percent > 0 && gpu_percent < 100 ? gpu_percent / 100 : 1;
	double cpus = cpu_percent / 100 * count;
	job->cpus = cpus < TRACE_UNITS_MAX ? (uint32_t)cpus : TRACE_UNITS_MAX;
	if (job->gpu_share < 1e-6)
		return trace_bad(parse, "plan_gpu", "per cent of a GPU", cells[PLAN_GPU].text);
	return ERGON_OK;
}

static enum ergon_code join_name(struct trace_parse *parse, const struct trace_cell *cells,
                                 struct trace_job *job)
{
	const char *name, *task;
	enum ergon_code code = trace_text(parse, cells[JOB], "job_name", false, &name);
	if (!code)
		code = trace_text(parse, cells[TASK], "task_name", true, &task);
	if (!code)
		code = trace_text(parse, cells[GPU_TYPE], "gpu_type", true, &job->gpu_type);
	if (code)
		return code;
	size_t length = cells[JOB].length + 1 + cells[TASK].length;
	char *joined = ARENA_ARRAY(parse->arena, char, length + 1);
	if (!joined)
		return ergon_fail_at(parse->err, ERGON_NO_MEMORY, parse->file, parse->line,
		                     "out of memory");
	memcpy(joined, name, cells[JOB].length);
	joined[cells[JOB].length] = '/';
	memcpy(joined + cells[JOB].length + 1, task, cells[TASK].length);
	job->name = joined;
	return ERGON_OK;
}

static enum ergon_code row(struct trace_parse *parse, const struct trace_cell *cells, size_t count)
{
	if (count != COLUMNS) {
		parse->bad_field = "shape";
		return ergon_fail_at(parse->err, ERGON_BAD_INPUT, parse->file, parse->line,
		                     "expected 10 cells, found %zu", count);
	}
	if (parse->trace->rows == 0 && strcmp(cells[JOB].text, header) == 0)
		return trace_drop(parse, "a header line");
	struct trace_job job = trace_job_init(parse);
	uint64_t end_ns;
	enum ergon_code code = instances(parse, cells, &job);
	if (code)
		return code;
	if (job.gpus == 0)
		return trace_drop(parse, "asks for no GPU");
	if (cells[START].length == 0 || cells[END].length == 0)
		return trace_drop(parse, "no start or no end time");
	code = trace_seconds(parse, cells[START], "start_time", &job.arrival_ns);
	if (!code)
		code = trace_seconds(parse, cells[END], "end_time", &end_ns);
	if (!code && end_ns < job.arrival_ns)
		code = trace_bad(parse, "end_time", "a time behind start_time", cells[END].text);
	if (!code)
		code = join_name(parse, cells, &job);
	if (code)
		return code;
	job.duration_ns = end_ns > job.arrival_ns ? end_ns - job.arrival_ns : 1;
	return trace_add(parse, &job);
}

static enum ergon_code read_tasks(struct trace_parse *parse)
{
	return trace_lines(parse, ',', 0, row);
}

/* Nine commas, the status in the fourth cell; or the header. */
static int sniff(const char *head, size_t length)
{
	static const char *const names[] = { "job_name", "task_name", "inst_num", "plan_gpu",
		                             NULL };
	static const char *const states[] = { "Terminated", "Failed", "Running", "Waiting" };
	if (sniff_columns(head, length, ',', names))
		return 100;
	struct trace_cell line = sniff_line(head, length, 0);
	const char *status = NULL;
	size_t commas = 0;
	for (size_t i = 0; i < line.length; i++)
		if (line.text[i] == ',' && ++commas == STATUS)
			status = line.text + i + 1;
	if (commas != COLUMNS - 1)
		return 0;
	size_t left = (size_t)(line.text + line.length - status);
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
		size_t need = strlen(states[i]);
		if (left > need && !memcmp(status, states[i], need) && status[need] == ',')
			return 90;
	}
	return 0;
}

const struct trace_reader trace_reader_alibaba_tasks = {
	.name = "alibaba-2020",
	.summary = "task table of Alibaba's 2020 GPU trace, pai_task_table (CSV)",
	.extensions = "csv",
	.source = "Weng et al., NSDI 2022",
	.sniff = sniff,
	.read = read_tasks,
};
