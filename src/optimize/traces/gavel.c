/* SPDX-License-Identifier: Apache-2.0
 *
 * Traces of Gavel (OSDI 2020): tab separated, no header, in two forms.
 *   ten columns:  job type, command, working directory, steps option, needs data directory, total
 *                 steps, GPUs, priority weight, SLO, arrival (s)
 *   seven (older): job type, command, steps option, needs data directory, total steps, arrival (s),
 *                 GPUs
 * The work is in steps, not in seconds. The SLO is a multiple of the job's duration (-1: none),
 * which these files do not state: it is checked, and left out.
 */
#include "optimize/traces/jobtype.h"

enum { TEN = 10, SEVEN = 7 };

static enum ergon_code ten_columns(struct trace_parse *parse, const struct trace_cell *cells,
                                   struct trace_job *job)
{
	double slo;
	enum ergon_code code = jobtype_steps(parse, cells[4], cells[5], job);
	if (!code)
		code = trace_count(parse, cells[6], "GPUs", 1, TRACE_UNITS_MAX, &job->gpus);
	if (!code)
		code = trace_real(parse, cells[7], "priority weight", 0, 1e12, &job->priority);
	if (!code)
		code = trace_real(parse, cells[8], "SLO", -1, 1e12, &slo);
	return code ? code : trace_seconds(parse, cells[9], "arrival", &job->arrival_ns);
}

static enum ergon_code seven_columns(struct trace_parse *parse, const struct trace_cell *cells,
                                     struct trace_job *job)
{
	enum ergon_code code = jobtype_steps(parse, cells[3], cells[4], job);
	if (!code)
		code = trace_seconds(parse, cells[5], "arrival", &job->arrival_ns);
	return code ? code : trace_count(parse, cells[6], "GPUs", 1, TRACE_UNITS_MAX, &job->gpus);
}

static enum ergon_code row(struct trace_parse *parse, const struct trace_cell *cells, size_t count)
{
	if (!parse->width && (count == TEN || count == SEVEN))
		parse->width = count; /* the first row says which form it is */
	if (!parse->width || count != parse->width) {
		parse->bad_field = "shape";
		return ergon_fail_at(parse->err, ERGON_BAD_INPUT, parse->file, parse->line,
		                     "expected %s tab-separated columns, found %zu",
		                     parse->width == TEN     ? "10"
		                     : parse->width == SEVEN ? "7"
		                                             : "10 or 7",
		                     count);
	}
	struct trace_job job = trace_job_init(parse);
	job.name = trace_name_of_line(parse);
	enum ergon_code code =
	    count == TEN ? ten_columns(parse, cells, &job) : seven_columns(parse, cells, &job);
	if (!code)
		code = jobtype_read(parse, cells[0], &job);
	return code ? code : trace_add(parse, &job);
}

static enum ergon_code read_gavel(struct trace_parse *parse)
{
	return trace_lines(parse, '\t', 0, row);
}

static int sniff(const char *head, size_t length)
{
	size_t tabs = jobtype_tabs(head, length);
	return tabs == TEN - 1 || tabs == SEVEN - 1 ? 70 : 0;
}

const struct trace_reader trace_reader_gavel = {
	.name = "gavel",
	.summary = "traces of Gavel, ten or seven tab-separated columns",
	.extensions = "trace",
	.source = "Narayanan et al., OSDI 2020",
	.sniff = sniff,
	.read = read_gavel,
};
