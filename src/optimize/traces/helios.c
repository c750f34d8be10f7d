/* SPDX-License-Identifier: Apache-2.0
 *
 * Job logs of SenseTime's Helios clusters, also used by Lucid: a CSV with job_id, user, vc (virtual
 * cluster), gpu_num, cpu_num, node_num, state, submit_time, start_time, end_time (local dates),
 * duration and queue (s). About half of the rows ask for no GPU: skipped and counted.
 */
#include "optimize/traces/scan.h"

enum { ID, USER, VC, GPUS, CPUS, NODES, STATE, SUBMIT, DURATION, JOB_NAME, MODEL, COLUMNS };
static const struct trace_column columns[COLUMNS] = {
	[ID] = { "job_id", true },
	[USER] = { "user", false },
	[VC] = { "vc", false },
	[GPUS] = { "gpu_num", true },
	[CPUS] = { "cpu_num", false },
	[NODES] = { "node_num", false },
	[STATE] = { "state", false },
	[SUBMIT] = { "submit_time", true },
	[DURATION] = { "duration", true },
	[JOB_NAME] = { "jobname", false },
	[MODEL] = { "model", false },
};

static enum ergon_code optional_count(struct trace_parse *parse, struct trace_cell cell,
                                      const char *field, uint32_t *value)
{
	return cell.length ? trace_whole(parse, cell, field, 0, TRACE_UNITS_MAX, value) : ERGON_OK;
}

static enum ergon_code row(struct trace_parse *parse, const struct trace_cell *cells, size_t count)
{
	(void)count;
	struct trace_job job = trace_job_init(parse);
	const struct trace_cell owner = cells[USER].length ? cells[USER] : cells[VC];
	const struct trace_cell what = cells[MODEL].length ? cells[MODEL] : cells[JOB_NAME];
	enum ergon_code code = trace_text(parse, cells[ID], "job_id", false, &job.name);
	if (!code)
		code = trace_text(parse, owner, "user", true, &job.user);
	if (!code)
		code = trace_text(parse, what, "jobname", true, &job.application);
	if (!code)
		code = trace_whole(parse, cells[GPUS], "gpu_num", 0, TRACE_UNITS_MAX, &job.gpus);
	if (!code)
		code = optional_count(parse, cells[CPUS], "cpu_num", &job.cpus);
	if (!code)
		code = optional_count(parse, cells[NODES], "node_num", &job.nodes);
	if (!code)
		code = trace_date(parse, cells[SUBMIT], "submit_time", &job.arrival_ns);
	if (!code)
		code = trace_duration(parse, cells[DURATION], "duration", &job.duration_ns);
	return code ? code : trace_add(parse, &job);
}

static enum ergon_code read_helios(struct trace_parse *parse)
{
	parse->calendar = true;
	return trace_table(parse, ',', columns, COLUMNS, false, row);
}

static int sniff(const char *head, size_t length)
{
	static const char *const names[] = { "job_id", "gpu_num", "submit_time", "duration", NULL };
	return sniff_columns(head, length, ',', names) ? 100 : 0;
}

const struct trace_reader trace_reader_helios = {
	.name = "helios",
	.summary = "job logs of Helios and Lucid (CSV)",
	.extensions = "csv",
	.source = "Hu et al., SC 2021; Hu et al., ASPLOS 2023",
	.sniff = sniff,
	.read = read_helios,
};
