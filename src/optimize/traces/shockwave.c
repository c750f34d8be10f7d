/* SPDX-License-Identifier: Apache-2.0
 *
 * Traces of Shockwave (NSDI 2023): Gavel's, with two more columns. Tab separated, no header: job
 * type, command, working directory, steps option, needs data directory, total steps, GPUs, mode
 * (how the batch size changes: static, accordion, gns), priority weight, SLO (a multiple of the
 * duration; -1: none), duration on V100s (s), arrival (s).
 */
#include "base/units.h"
#include "optimize/traces/jobtype.h"

enum {
	TYPE,
	COMMAND,
	DIRECTORY,
	STEPS_OPTION,
	DATA,
	STEPS,
	GPUS,
	MODE,
	WEIGHT,
	SLO,
	DURATION,
	ARRIVAL,
	COLUMNS
};

static enum ergon_code row(struct trace_parse *parse, const struct trace_cell *cells, size_t count)
{
	if (count != COLUMNS) {
		parse->bad_field = "shape";
		return ergon_fail_at(parse->err, ERGON_BAD_INPUT, parse->file, parse->line,
		                     "expected 12 tab-separated columns, found %zu", count);
	}
	struct trace_job job = trace_job_init(parse);
	double slo;
	job.name = trace_name_of_line(parse);
	enum ergon_code code = jobtype_steps(parse, cells[DATA], cells[STEPS], &job);
	if (!code)
		code = trace_count(parse, cells[GPUS], "GPUs", 1, TRACE_UNITS_MAX, &job.gpus);
	if (!code)
		code = trace_mode(parse, cells[MODE], "mode", &job.batch_mode);
	if (!code)
		code = trace_real(parse, cells[WEIGHT], "priority weight", 0, 1e12, &job.priority);
	if (!code)
		code = trace_real(parse, cells[SLO], "SLO", -1, 1e6, &slo);
	if (!code)
		code = trace_duration(parse, cells[DURATION], "duration", &job.duration_ns);
	if (!code)
		code = trace_seconds(parse, cells[ARRIVAL], "arrival", &job.arrival_ns);
	if (!code)
		code = jobtype_read(parse, cells[TYPE], &job);
	if (code)
		return code;
	if (slo > 0) {
		double deadline_s =
		    seconds_from_ns(job.arrival_ns) + slo * seconds_from_ns(job.duration_ns);
		if (deadline_s > TRACE_TIME_MAX_S)
			return trace_bad(parse, "SLO",
			                 "a deadline (arrival + SLO x duration) up to 4e9 s",
			                 cells[SLO].text);
		job.deadline_ns = ns_from_seconds(deadline_s);
	}
	return trace_add(parse, &job);
}

static enum ergon_code read_shockwave(struct trace_parse *parse)
{
	return trace_lines(parse, '\t', 0, row);
}

static int sniff(const char *head, size_t length)
{
	return jobtype_tabs(head, length) == COLUMNS - 1 ? 70 : 0;
}

const struct trace_reader trace_reader_shockwave = {
	.name = "shockwave",
	.summary = "traces of Shockwave, twelve tab-separated columns",
	.extensions = "trace",
	.source = "Zheng et al., NSDI 2023",
	.sniff = sniff,
	.read = read_shockwave,
};
