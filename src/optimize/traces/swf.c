/* SPDX-License-Identifier: Apache-2.0
 *
 * The Standard Workload Format of the Parallel Workloads Archive (Chapin et al., JSSPP 1999;
 * version 2.2): lines of 18 numbers, -1 where unknown; comments begin with ';'.
 *
 * Processors are what the job asked for (column 8), else what it used (column 5). A run time of -1
 * means that the job never ran (cancelled while it waited): skipped and counted. Times count from
 * the log's own zero; "; UnixStartTime:" says when that was.
 */
#include <math.h>
#include <string.h>

#include "base/units.h"
#include "optimize/traces/scan.h"

enum {
	JOB,
	SUBMIT,
	WAIT,
	RUN,
	USED,
	CPU_TIME,
	USED_MEMORY,
	ASKED,
	ASKED_TIME,
	ASKED_MEMORY,
	STATUS,
	USER,
	GROUP,
	APPLICATION,
	QUEUE,
	PARTITION,
	PRECEDING,
	THINK_TIME,
	FIELDS
};
static const char *const names[FIELDS] = {
	"job number",      "submit time",  "wait time",   "run time",
	"processors used", "CPU time",     "memory used", "processors asked",
	"time asked",      "memory asked", "status",      "user",
	"group",           "application",  "queue",       "partition",
	"preceding job",   "think time",
};

/* Seconds; -1 and other negatives come back as -1 ns: "unknown". */
static enum ergon_code seconds_or_unknown(struct trace_parse *parse, struct trace_cell cell,
                                          const char *field, int64_t *ns)
{
	if (!scan_decimal_ns(cell.text, cell.length, ns) || *ns > (int64_t)(TRACE_TIME_MAX_S * 1e9))
		return trace_bad(parse, field, "seconds up to 4e9, or -1", cell.text);
	if (*ns < 0 && *ns != -(int64_t)NS_PER_S)
		return trace_bad(parse, field, "seconds, or -1 where unknown", cell.text);
	return ERGON_OK;
}

static enum ergon_code processors_of(struct trace_parse *parse, const struct trace_cell *cells,
                                     int which, int64_t *count)
{
	if (!scan_i64(cells[which].text, cells[which].length, count) || *count < -1 ||
	    *count > (int64_t)TRACE_UNITS_MAX)
		return trace_bad(parse, names[which], "a whole number up to 16777216, or -1",
		                 cells[which].text);
	return ERGON_OK;
}

/* Fields that are not used must be numbers all the same: a shifted line must not pass. */
static enum ergon_code check_rest(struct trace_parse *parse, const struct trace_cell *cells)
{
	static const unsigned char rest[] = { WAIT,      CPU_TIME,   USED_MEMORY, ASKED_MEMORY,
		                              STATUS,    GROUP,      QUEUE,       PARTITION,
		                              PRECEDING, THINK_TIME, USER,        APPLICATION };
	for (size_t i = 0; i < sizeof rest; i++) {
		struct trace_cell cell = cells[rest[i]];
		int64_t number;
		double real;
		if (!scan_i64(cell.text, cell.length, &number) &&
		    !scan_decimal_ns(cell.text, cell.length, &number) &&
		    !parse_real(cell.text, &real))
			return trace_bad(parse, names[rest[i]], "a number", cell.text);
	}
	return ERGON_OK;
}

static const char *number_or_none(struct trace_cell cell)
{
	return cell.text[0] == '-' ? "" : cell.text;
}

static enum ergon_code row(struct trace_parse *parse, const struct trace_cell *cells, size_t count)
{
	if (count != FIELDS) {
		parse->bad_field = "shape";
		return ergon_fail_at(parse->err, ERGON_BAD_INPUT, parse->file, parse->line,
		                     "expected the 18 fields of SWF, found %zu", count);
	}
	struct trace_job job = trace_job_init(parse);
	int64_t number, run_ns, asked_ns, asked, used;
	if (!scan_i64(cells[JOB].text, cells[JOB].length, &number))
		return trace_bad(parse, names[JOB], "a whole number", cells[JOB].text);
	job.name = cells[JOB].text;
	enum ergon_code code = trace_seconds(parse, cells[SUBMIT], names[SUBMIT], &job.arrival_ns);
	if (!code)
		code = seconds_or_unknown(parse, cells[RUN], names[RUN], &run_ns);
	if (!code)
		code = seconds_or_unknown(parse, cells[ASKED_TIME], names[ASKED_TIME], &asked_ns);
	if (!code)
		code = processors_of(parse, cells, ASKED, &asked);
	if (!code)
		code = processors_of(parse, cells, USED, &used);
	if (!code)
		code = check_rest(parse, cells);
	if (code)
		return code;
	if (run_ns < 0)
		return trace_drop(parse, "never ran (run time -1)");
	job.duration_ns = run_ns > 0 ? (uint64_t)run_ns : 1;
	job.requested_ns = asked_ns > 0 ? (uint64_t)asked_ns : 0;
	job.cpus = asked > 0 ? (uint32_t)asked : used > 0 ? (uint32_t)used : 0;
	job.cpus_used = used > 0 ? (uint32_t)used : 0;
	if (job.cpus == 0)
		return trace_drop(parse, "asks for no processor");
	job.user = number_or_none(cells[USER]);
	job.application = number_or_none(cells[APPLICATION]);
	return trace_add(parse, &job);
}

/* "; UnixStartTime: 1027839845" of the header, looked for before lines are cut. */
static void read_start(struct trace_parse *parse)
{
	static const char key[] = "UnixStartTime:";
	for (const char *p = parse->p; p < parse->end && *p == ';';) {
		const char *stop = memchr(p, '\n', (size_t)(parse->end - p));
		size_t length = (size_t)((stop ? stop : parse->end) - p);
		const char *found = memmem(p, length, key, sizeof key - 1);
		if (found) {
			const char *digits = found + sizeof key - 1;
			size_t left = length - (size_t)(digits - p);
			while (left > 0 && *digits == ' ')
				digits++, left--;
			while (left > 0 && (digits[left - 1] == ' ' || digits[left - 1] == '\r'))
				left--;
			int64_t unix_s;
			if (scan_i64(digits, left, &unix_s) && unix_s > 0)
				parse->trace->zero_unix_s = (double)unix_s;
			return;
		}
		p += length + 1;
	}
}

static enum ergon_code read_swf(struct trace_parse *parse)
{
	read_start(parse);
	return trace_lines(parse, ' ', ';', row);
}

static int sniff(const char *head, size_t length)
{
	struct trace_cell line = sniff_line(head, length, ';');
	if (line.length == 0)
		return length > 0 && head[0] == ';' ? 60 : 0;
	size_t fields = 0;
	for (size_t i = 0; i < line.length; i++) {
		char c = line.text[i];
		bool blank = c == ' ' || c == '\t';
		if (!blank && !memchr("0123456789.-+eE", c, 15))
			return head[0] == ';' ? 60 : 0;
		fields += !blank && (i == 0 || line.text[i - 1] == ' ' || line.text[i - 1] == '\t');
	}
	return fields == FIELDS ? 95 : head[0] == ';' ? 60 : 0;
}

const struct trace_reader trace_reader_swf = {
	.name = "swf",
	.summary = "Standard Workload Format of the Parallel Workloads Archive",
	.extensions = "swf",
	.source = "Chapin et al., JSSPP 1999; Feitelson, Tsafrir and Krakov, JPDC 2014",
	.sniff = sniff,
	.read = read_swf,
};
