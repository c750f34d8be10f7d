/* SPDX-License-Identifier: Apache-2.0
 *
 * Microsoft's Philly trace as published (msr-fiddle/philly-traces, cluster_job_log): a JSON list of
 * jobs with status, vc, jobid, user, submitted_time and attempts, each with start_time, end_time
 * and detail: the servers and their GPUs.
 *
 * A job's duration is the sum of its attempts (the time in which it held GPUs), its width the GPUs
 * of the first one. Jobs without an attempt never ran; jobs without a complete one left no time;
 * both are skipped and counted. The list is read job by job, so that 100 MB of it need no
 * document of many times that size.
 */
#include <jansson.h>
#include <string.h>

#include "base/units.h"
#include "optimize/traces/scan.h"

/* ---- the list ---- */

static char *skip_blanks(struct trace_parse *parse)
{
	char *p = parse->p;
	while (p < parse->end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		parse->line += *p++ == '\n';
	return parse->p = p;
}

/* Where the object that begins at p ends (behind its brace); NULL where it is not closed. */
static char *object_end(char *p, const char *end)
{
	size_t depth = 0;
	bool in_text = false;
	for (; p < end; p++) {
		if (in_text) {
			if (*p == '\\' && p + 1 < end)
				p++;
			else if (*p == '"')
				in_text = false;
		} else if (*p == '"') {
			in_text = true;
		} else if (*p == '{') {
			depth++;
		} else if (*p == '}' && --depth == 0) {
			return p + 1;
		}
	}
	return NULL;
}

static enum ergon_code bad_list(struct trace_parse *parse, const char *expected)
{
	parse->bad_field = "shape";
	return ergon_fail_at(parse->err, ERGON_BAD_INPUT, parse->file, parse->line, "expected %s",
	                     expected);
}

/* ---- one job ---- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static enum ergon_code copy_text(struct trace_parse *parse, const json_t *object, const char *key,
                                 bool needed, const char **out)
{
	const char *text = text_of(object, key);
	struct trace_cell cell = { text, strlen(text) };
	enum ergon_code code = trace_text(parse, cell, key, !needed, out);
	if (code)
		return code;
	*out = arena_strdup(parse->arena, text);
	return *out ? ERGON_OK
	            : ergon_fail_at(parse->err, ERGON_NO_MEMORY, parse->file, parse->line,
	                            "out of memory");
}

/* False where the time was not recorded: null, "None" or "". */
static bool is_recorded(const json_t *attempt, const char *key)
{
	const char *text = text_of(attempt, key);
	return text[0] && strcmp(text, "None") != 0;
}

static enum ergon_code attempt_time(struct trace_parse *parse, const json_t *attempt,
                                    const char *key, uint64_t *unix_ns)
{
	const char *text = text_of(attempt, key);
	return trace_date(parse, (struct trace_cell){ text, strlen(text) }, key, unix_ns);
}

static enum ergon_code add_attempts(struct trace_parse *parse, const json_t *attempts,
                                    struct trace_job *job)
{
	const json_t *attempt;
	size_t i;
	json_array_foreach(attempts, i, attempt)
	{
		uint64_t begin_ns, end_ns;
		if (!is_recorded(attempt, "start_time") || !is_recorded(attempt, "end_time"))
			continue;
		enum ergon_code code = attempt_time(parse, attempt, "start_time", &begin_ns);
		if (!code)
			code = attempt_time(parse, attempt, "end_time", &end_ns);
		if (!code && end_ns < begin_ns)
			code = trace_bad(parse, "end_time", "a time behind start_time",
			                 text_of(attempt, "end_time"));
		if (code)
			return code;
		job->duration_ns += end_ns > begin_ns ? end_ns - begin_ns : 1;
		if (job->duration_ns > (uint64_t)(TRACE_TIME_MAX_S * 1e9))
			return trace_bad(parse, "attempts", "at most 127 years in all", "more");
	}
	return ERGON_OK;
}

static uint32_t gpus_of(const json_t *attempt)
{
	const json_t *server;
	size_t i, gpus = 0;
	json_array_foreach(json_object_get(attempt, "detail"), i, server) gpus +=
	    json_array_size(json_object_get(server, "gpus"));
	return gpus < TRACE_UNITS_MAX ? (uint32_t)gpus : TRACE_UNITS_MAX;
}

static enum ergon_code one_job(struct trace_parse *parse, const json_t *object)
{
	struct trace_job job = trace_job_init(parse);
	const json_t *attempts = json_object_get(object, "attempts");
	if (!json_is_array(attempts))
		return trace_bad(parse, "attempts", "a list", "something else");
	enum ergon_code code = copy_text(parse, object, "jobid", true, &job.name);
	if (!code)
		code = copy_text(parse, object, "user", false, &job.user);
	if (!code)
		code = attempt_time(parse, object, "submitted_time", &job.arrival_ns);
	if (!code && json_array_size(attempts) == 0)
		return trace_drop(parse, "never ran (no attempt)");
	if (!code)
		code = add_attempts(parse, attempts, &job);
	if (code)
		return code;
	if (job.duration_ns == 0)
		return trace_drop(parse, "no attempt has both its times");
	job.gpus = gpus_of(json_array_get(attempts, 0));
	return job.gpus ? trace_add(parse, &job) : trace_drop(parse, "asks for no GPU");
}

static enum ergon_code parse_job(struct trace_parse *parse, const char *begin, const char *end)
{
	json_error_t error;
	json_t *object = json_loadb(begin, (size_t)(end - begin), 0, &error);
	if (!object) {
		parse->bad_field = "shape";
		return ergon_fail_at(parse->err, ERGON_BAD_INPUT, parse->file,
		                     parse->line + error.line - 1, "not JSON: %.120s", error.text);
	}
	enum ergon_code code = one_job(parse, object);
	json_decref(object);
	return code;
}

static enum ergon_code read_list(struct trace_parse *parse)
{
	parse->calendar = true;
	parse->line = 1;
	if (*skip_blanks(parse) != '[')
		return bad_list(parse, "a JSON list of jobs");
	parse->p++;
	if (*skip_blanks(parse) == ']')
		return ERGON_OK;
	for (;;) {
		char *begin = skip_blanks(parse);
		char *end = *begin == '{' ? object_end(begin, parse->end) : NULL;
		if (!end)
			return bad_list(parse, "a job: an object, closed by '}'");
		enum ergon_code code = trace_row_done(parse, parse_job(parse, begin, end));
		if (code)
			return code;
		for (const char *p = begin; p < end; p++)
			parse->line += *p == '\n';
		parse->p = end;
		char next = *skip_blanks(parse);
		parse->p++;
		if (next == ']')
			break;
		if (next != ',')
			return bad_list(parse, "',' or ']' behind a job");
	}
	return skip_blanks(parse) == parse->end ? ERGON_OK
	                                        : bad_list(parse, "nothing behind the list");
}

static int sniff(const char *head, size_t length)
{
	if (sniff_first(head, length) != '[')
		return 0;
	return memmem(head, length, "\"attempts\"", 10) || memmem(head, length, "\"jobid\"", 7) ? 95
	                                                                                        : 0;
}

const struct trace_reader trace_reader_philly_json = {
	.name = "philly-json",
	.summary = "Microsoft's Philly trace as published, cluster_job_log (JSON)",
	.extensions = "json",
	.source = "Jeon et al., USENIX ATC 2019",
	.sniff = sniff,
	.read = read_list,
};
