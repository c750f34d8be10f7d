/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/suggest.h"
#include "optimize/traces/scan.h"

extern const struct trace_reader trace_reader_ergon, trace_reader_pollux, trace_reader_swf,
    trace_reader_gavel, trace_reader_shockwave, trace_reader_philly, trace_reader_philly_json,
    trace_reader_helios, trace_reader_alibaba_pods, trace_reader_alibaba_tasks,
    trace_reader_tiresias, trace_reader_batsim, trace_reader_sacct;

/* Every format that ergon reads; where two are equally sure of a file, the first wins. */
const struct trace_reader *const trace_readers[] = {
	&trace_reader_ergon,        &trace_reader_pollux,
	&trace_reader_swf,          &trace_reader_gavel,
	&trace_reader_shockwave,    &trace_reader_philly,
	&trace_reader_philly_json,  &trace_reader_helios,
	&trace_reader_alibaba_pods, &trace_reader_alibaba_tasks,
	&trace_reader_tiresias,     &trace_reader_batsim,
	&trace_reader_sacct,        NULL,
};

const struct trace_reader *trace_reader_find(const char *name)
{
	for (const struct trace_reader *const *r = trace_readers; *r; r++)
		if (strcmp((*r)->name, name) == 0)
			return *r;
	return NULL;
}

enum { HEAD_BYTES = 65536, READERS_MAX = 64 };

static size_t reader_names(const char **names)
{
	size_t count = 0;
	for (const struct trace_reader *const *r = trace_readers; *r && count < READERS_MAX; r++)
		names[count++] = (*r)->name;
	return count;
}

static bool has_ending(const char *path, const char *extensions)
{
	const char *dot = strrchr(path, '.');
	if (!dot || strchr(dot, '/'))
		return false;
	size_t length = strlen(dot + 1);
	for (const char *p = extensions; *p;) {
		size_t one = strcspn(p, ",");
		if (one == length && strncmp(p, dot + 1, one) == 0)
			return true;
		p += one + (p[one] == ',');
	}
	return false;
}

static const struct trace_reader *sniff(const char *head, size_t length, const char *path)
{
	const struct trace_reader *best = NULL;
	int best_score = 0;
	for (const struct trace_reader *const *r = trace_readers; *r; r++) {
		int score = 2 * (*r)->sniff(head, length);
		if (score > 0)
			score += has_ending(path, (*r)->extensions);
		if (score > best_score) {
			best = *r;
			best_score = score;
		}
	}
	return best;
}

static enum ergon_code choose_reader(const char *text, size_t length, const char *name,
                                     const char *format, const struct trace_reader **reader,
                                     struct ergon_error *err)
{
	const char *names[READERS_MAX];
	char hint[300];
	size_t count = reader_names(names);
	if (format) {
		*reader = trace_reader_find(format);
		if (*reader)
			return ERGON_OK;
		return ergon_fail(err, ERGON_NOT_FOUND, "no trace format '%.40s'%s", format,
		                  suggest_hint(hint, sizeof hint, format, names, count));
	}
	*reader = sniff(text, length < HEAD_BYTES ? length : HEAD_BYTES, name);
	if (*reader)
		return ERGON_OK;
	return ergon_fail_at(err, ERGON_BAD_INPUT, name, 1,
	                     "not a job trace of a known format; name it with --format%s",
	                     suggest_hint(hint, sizeof hint, "", names, count));
}

/* A NUL or another control character says that this is no text at all: no row could be trusted. */
static enum ergon_code check_text(const char *text, size_t length, const char *name,
                                  struct ergon_error *err)
{
	if (length == 0)
		return ergon_fail_at(err, ERGON_BAD_INPUT, name, 0, "empty: no job in it");
	if (length >= 2 && memcmp(text, "\x1f\x8b", 2) == 0)
		return ergon_fail_at(err, ERGON_BAD_INPUT, name, 0,
		                     "compressed by gzip: unpack it first (gunzip -c FILE | ergon "
		                     "... -)");
	const char *nul = memchr(text, '\0', length);
	if (!nul)
		return ERGON_OK;
	long line = 1;
	for (const char *p = text; p < nul; p++)
		line += *p == '\n';
	return ergon_fail_at(err, ERGON_BAD_INPUT, name, line,
	                     "a NUL byte: this is not a text file");
}

/* Calendar times count from the earliest job on. */
static void rebase(struct trace *trace)
{
	uint64_t zero = UINT64_MAX;
	for (size_t i = 0; i < trace->count; i++)
		if (trace->jobs[i].arrival_ns < zero)
			zero = trace->jobs[i].arrival_ns;
	for (size_t i = 0; i < trace->count; i++) {
		struct trace_job *job = &trace->jobs[i];
		job->arrival_ns -= zero;
		if (job->deadline_ns)
			job->deadline_ns = job->deadline_ns > zero ? job->deadline_ns - zero : 1;
	}
	trace->zero_unix_s = (double)zero * 1e-9;
}

/* In a trace where any job asks for GPUs, the others are not the simulator's. */
static void settle_unit(struct trace_parse *parse)
{
	struct trace *trace = parse->trace;
	trace->unit = TRACE_PROCESSORS;
	for (size_t i = 0; i < trace->count && trace->unit == TRACE_PROCESSORS; i++)
		if (trace->jobs[i].gpus > 0)
			trace->unit = TRACE_GPUS;
	size_t kept = 0;
	for (size_t i = 0; i < trace->count; i++) {
		if (trace_job_width(trace, &trace->jobs[i]) > 0) {
			trace->jobs[kept++] = trace->jobs[i];
			continue;
		}
		parse->line = (long)trace->jobs[i].line;
		trace_drop(parse,
		           trace->unit == TRACE_GPUS ? "asks for no GPU" : "asks for no processor");
	}
	trace->count = kept;
}

static enum ergon_code no_jobs(const struct trace *trace, struct ergon_error *err)
{
	if (trace->skip_count == 0)
		return ergon_fail_at(err, ERGON_BAD_INPUT, trace->file, 0, "no job in it");
	const struct trace_skip *skip = &trace->skips[0];
	return ergon_fail_at(err, ERGON_BAD_INPUT, trace->file, skip->first_line,
	                     "no job in it: %zu rows skipped, the first: %s%s", trace->skipped,
	                     skip->malformed ? "malformed " : "", skip->reason);
}

static enum ergon_code finish(struct trace_parse *parse)
{
	struct trace *trace = parse->trace;
	settle_unit(parse);
	if (trace->count == 0)
		return no_jobs(trace, parse->err);
	if (parse->calendar)
		rebase(trace);
	return ERGON_OK;
}

enum ergon_code trace_parse_text(const char *text, size_t length, const char *name,
                                 const char *format, bool lenient, struct arena *arena,
                                 struct trace *trace, struct ergon_error *err)
{
	*trace = (struct trace){ .zero_unix_s = NAN };
	enum ergon_code code = check_text(text, length, name, err);
	if (!code)
		code = choose_reader(text, length, name, format, &trace->reader, err);
	if (code)
		return code;
	size_t mark = length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	char *copy = arena_strndup(arena, text + mark, length - mark);
	trace->file = arena_strdup(arena, name);
	trace->format = trace->reader->name;
	if (!copy || !trace->file)
		return ergon_fail_at(err, ERGON_NO_MEMORY, name, 0, "out of memory");
	struct trace_parse parse = { .file = trace->file,
		                     .p = copy,
		                     .end = copy + length - mark,
		                     .lenient = lenient,
		                     .arena = arena,
		                     .trace = trace,
		                     .err = err };
	code = trace->reader->read(&parse);
	if (!code)
		code = finish(&parse);
	if (code) {
		trace->jobs = NULL;
		trace->count = 0;
	}
	return code;
}

enum ergon_code trace_load(const char *path, const char *format, bool lenient, struct arena *arena,
                           struct trace *trace, struct ergon_error *err)
{
	char *text;
	size_t length;
	enum ergon_code code = file_read(path, &text, &length, err);
	if (code)
		return code;
	code = trace_parse_text(text, length, strcmp(path, "-") == 0 ? "standard input" : path,
	                        format, lenient, arena, trace, err);
	free(text);
	return code;
}
