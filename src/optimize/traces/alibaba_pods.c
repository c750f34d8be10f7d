/* SPDX-License-Identifier: Apache-2.0
 *
 * Pod lists of Alibaba's 2023 GPU trace ("openb"): a CSV with name, cpu_milli, memory_mib, num_gpu,
 * gpu_milli (share of one GPU in thousandths), gpu_spec (kinds allowed, '|' between), qos,
 * pod_phase, creation_time, deletion_time, scheduled_time (s; empty where it never was).
 *
 * A pod runs from scheduled_time to deletion_time. Those that were never scheduled are skipped and
 * counted, and so are those that ask for no GPU. The lists without times (openb_pod_list_gpu*,
 * _cpu*, _multigpu*) describe shapes, not a trace, and are refused for their missing column.
 */
#include "optimize/traces/scan.h"

enum { NAME, CPU, GPUS, SHARE, SPEC, CREATED, DELETED, SCHEDULED, COLUMNS };
static const struct trace_column columns[COLUMNS] = {
	[NAME] = { "name", true },
	[CPU] = { "cpu_milli", true },
	[GPUS] = { "num_gpu", true },
	[SHARE] = { "gpu_milli", true },
	[SPEC] = { "gpu_spec", false },
	[CREATED] = { "creation_time", true },
	[DELETED] = { "deletion_time", true },
	[SCHEDULED] = { "scheduled_time", true },
};

static enum ergon_code resources(struct trace_parse *parse, const struct trace_cell *cells,
                                 struct trace_job *job)
{
	uint32_t cpu_milli, gpu_milli;
	enum ergon_code code = trace_text(parse, cells[NAME], "name", false, &job->name);
	if (!code)
		code = trace_count(parse, cells[CPU], "cpu_milli", 0, 1000000000, &cpu_milli);
	if (!code)
		code = trace_count(parse, cells[GPUS], "num_gpu", 0, TRACE_UNITS_MAX, &job->gpus);
	if (!code)
		code = trace_count(parse, cells[SHARE], "gpu_milli", job->gpus ? 1 : 0, 1000,
		                   &gpu_milli);
	if (!code)
		code = trace_text(parse, cells[SPEC], "gpu_spec", true, &job->gpu_type);
	if (code)
		return code;
	job->cpus = (cpu_milli + 999) / 1000;
	job->gpu_share = job->gpus ? gpu_milli * 1e-3 : 1;
	return ERGON_OK;
}

static enum ergon_code row(struct trace_parse *parse, const struct trace_cell *cells, size_t count)
{
	(void)count;
	struct trace_job job = trace_job_init(parse);
	uint64_t deleted_ns, scheduled_ns;
	enum ergon_code code = resources(parse, cells, &job);
	if (!code)
		code = trace_seconds(parse, cells[CREATED], "creation_time", &job.arrival_ns);
	if (code)
		return code;
	if (job.gpus == 0)
		return trace_drop(parse, "asks for no GPU");
	if (cells[SCHEDULED].length == 0)
		return trace_drop(parse, "never scheduled");
	if (cells[DELETED].length == 0)
		return trace_drop(parse, "has not ended");
	code = trace_seconds(parse, cells[SCHEDULED], "scheduled_time", &scheduled_ns);
	if (!code)
		code = trace_seconds(parse, cells[DELETED], "deletion_time", &deleted_ns);
	if (!code && (scheduled_ns < job.arrival_ns || deleted_ns < scheduled_ns))
		code = trace_bad(parse, "deletion_time",
		                 "creation_time <= scheduled_time <= deletion_time",
		                 cells[DELETED].text);
	if (code)
		return code;
	job.duration_ns = deleted_ns > scheduled_ns ? deleted_ns - scheduled_ns : 1;
	return trace_add(parse, &job);
}

static enum ergon_code read_pods(struct trace_parse *parse)
{
	return trace_table(parse, ',', columns, COLUMNS, false, row);
}

static int sniff(const char *head, size_t length)
{
	static const char *const names[] = { "name", "cpu_milli", "num_gpu", "gpu_milli", NULL };
	return sniff_columns(head, length, ',', names) ? 100 : 0;
}

const struct trace_reader trace_reader_alibaba_pods = {
	.name = "alibaba-2023",
	.summary = "pod lists of Alibaba's 2023 GPU trace, openb (CSV)",
	.extensions = "csv",
	.source = "Weng et al., USENIX ATC 2023",
	.sniff = sniff,
	.read = read_pods,
};
