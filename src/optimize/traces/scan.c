/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/traces/scan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "base/units.h"

struct trace_job trace_job_init(const struct trace_parse *parse)
{
	return (struct trace_job){ .name = "",
		                   .application = "",
		                   .user = "",
		                   .gpu_type = "",
		                   .priority = 1,
		                   .gpu_share = 1,
		                   .line = (uint32_t)parse->line };
}

/* From the arena: untouched pages of a generous array cost nothing, and the array need not move
 * when the parse is over. */
static bool more_jobs(struct trace_parse *parse)
{
	enum { BYTES_A_ROW = 40, FIRST = 64 };
	struct trace *trace = parse->trace;
	size_t wanted = parse->capacity * 2;
	if (!wanted)
		wanted = (size_t)(parse->end - parse->p) / BYTES_A_ROW + FIRST;
	struct trace_job *jobs = ARENA_ARRAY(parse->arena, struct trace_job, wanted);
	if (!jobs)
		return false;
	if (trace->count)
		memcpy(jobs, trace->jobs, trace->count * sizeof *jobs);
	trace->jobs = jobs;
	parse->capacity = wanted;
	return true;
}

enum ergon_code trace_add(struct trace_parse *parse, const struct trace_job *job)
{
	struct trace *trace = parse->trace;
	if (trace->count == parse->capacity && !more_jobs(parse))
		return ergon_fail_at(parse->err, ERGON_NO_MEMORY, parse->file, parse->line,
		                     "out of memory for %zu jobs", trace->count);
	trace->jobs[trace->count++] = *job;
	return ERGON_OK;
}

static void count_skip(struct trace_parse *parse, const char *reason, bool malformed)
{
	struct trace *trace = parse->trace;
	trace->skipped++;
	size_t i = 0;
	while (i < trace->skip_count &&
	       (trace->skips[i].malformed != malformed || strcmp(trace->skips[i].reason, reason)))
		i++;
	if (i == TRACE_SKIPS_MAX) {
		trace->skips[i - 1].reason = "other reasons";
		i--;
	} else if (i == trace->skip_count) {
		trace->skips[trace->skip_count++] = (struct trace_skip){ .reason = reason,
			                                                 .first_line = parse->line,
			                                                 .malformed = malformed };
	}
	trace->skips[i].count++;
}

enum ergon_code trace_drop(struct trace_parse *parse, const char *reason)
{
	count_skip(parse, reason, false);
	return ERGON_OK;
}

enum ergon_code trace_bad(struct trace_parse *parse, const char *field, const char *expected,
                          const char *found)
{
	parse->bad_field = field;
	return ergon_fail_at(parse->err, ERGON_BAD_INPUT, parse->file, parse->line,
	                     "%s: expected %s, found '%.40s'", field, expected, found);
}

enum ergon_code trace_row_done(struct trace_parse *parse, enum ergon_code code)
{
	parse->trace->rows++;
	if (code != ERGON_BAD_INPUT || !parse->lenient)
		return code;
	count_skip(parse, parse->bad_field ? parse->bad_field : "shape", true);
	return ERGON_OK;
}

const char *trace_name_of_line(struct trace_parse *parse)
{
	char name[32];
	int length = snprintf(name, sizeof name, "job-%ld", parse->line);
	const char *copy = arena_strndup(parse->arena, name, (size_t)length);
	return copy ? copy : "job";
}

/* ---- lines and cells ---- */

/* The next line that is neither empty nor a comment, terminated in place; NULL at the end. */
static char *next_line(struct trace_parse *parse, char comment, size_t *length)
{
	while (parse->p < parse->end) {
		char *begin = parse->p;
		char *stop = memchr(begin, '\n', (size_t)(parse->end - begin));
		parse->p = stop ? stop + 1 : parse->end;
		parse->line++;
		if (!stop)
			stop = parse->end;
		if (stop > begin && stop[-1] == '\r')
			stop--;
		*stop = '\0';
		*length = (size_t)(stop - begin);
		if (*length > 0 && !(comment && *begin == comment))
			return begin;
	}
	return NULL;
}

static enum ergon_code bad_shape(struct trace_parse *parse, const char *text)
{
	parse->bad_field = "shape";
	return ergon_fail_at(parse->err, ERGON_BAD_INPUT, parse->file, parse->line, "%s", text);
}

/* A cell in quotes, unescaped in place; *at stands on the opening quote and moves behind it. */
static enum ergon_code quoted(struct trace_parse *parse, char **at, struct trace_cell *cell)
{
	char *from = *at + 1, *to = *at;
	cell->text = to;
	for (;; from++) {
		if (*from == '\0')
			return bad_shape(parse, "a quoted cell is not closed");
		if (*from == '"' && *++from != '"')
			break;
		*to++ = *from;
	}
	cell->length = (size_t)(to - cell->text);
	*at = from;
	if (*from != '\0' && *from != ',')
		return bad_shape(parse, "text behind a closing quote");
	if (to < from)
		*to = '\0';
	return ERGON_OK;
}

static enum ergon_code split(struct trace_parse *parse, char *line, size_t length, char separator,
                             struct trace_cell *cells, size_t *count)
{
	char *p = line, *end = line + length;
	for (*count = 0;; p++) {
		if (*count == TRACE_COLUMNS_MAX)
			return bad_shape(parse, "more than 128 cells in a line");
		struct trace_cell *cell = &cells[(*count)++];
		if (separator == ',' && *p == '"') {
			enum ergon_code code = quoted(parse, &p, cell);
			if (code)
				return code;
		} else {
			char *stop = memchr(p, separator, (size_t)(end - p));
			*cell = (struct trace_cell){ p, (size_t)((stop ? stop : end) - p) };
			p = stop ? stop : end;
		}
		if (p >= end)
			return ERGON_OK;
		*p = '\0';
	}
}

static enum ergon_code split_blanks(struct trace_parse *parse, char *line, struct trace_cell *cells,
                                    size_t *count)
{
	*count = 0;
	for (char *p = line;;) {
		while (*p == ' ' || *p == '\t')
			p++;
		if (*p == '\0')
			return ERGON_OK;
		if (*count == TRACE_COLUMNS_MAX)
			return bad_shape(parse, "more than 128 fields in a line");
		char *begin = p;
		while (*p != ' ' && *p != '\t' && *p != '\0')
			p++;
		cells[(*count)++] = (struct trace_cell){ begin, (size_t)(p - begin) };
		if (*p != '\0')
			*p++ = '\0';
	}
}

enum ergon_code trace_lines(struct trace_parse *parse, char separator, char comment,
                            trace_row_fn *row)
{
	struct trace_cell cells[TRACE_COLUMNS_MAX];
	size_t length, count;
	char *line;
	while ((line = next_line(parse, comment, &length))) {
		enum ergon_code code = separator == ' '
		                           ? split_blanks(parse, line, cells, &count)
		                           : split(parse, line, length, separator, cells, &count);
		if (!code && count == 0)
			continue; /* blanks only */
		if (!code)
			code = row(parse, cells, count);
		code = trace_row_done(parse, code);
		if (code)
			return code;
	}
	return ERGON_OK;
}

static size_t column_of(const struct trace_column *columns, size_t count, const char *name)
{
	size_t i = 0;
	while (i < count && strcmp(columns[i].name, name))
		i++;
	return i;
}

static enum ergon_code unknown_column(struct trace_parse *parse, const char *name,
                                      const struct trace_column *columns, size_t count)
{
	const char *names[TRACE_COLUMNS_MAX];
	for (size_t i = 0; i < count; i++)
		names[i] = columns[i].name;
	char hint[256];
	return ergon_fail_at(parse->err, ERGON_BAD_INPUT, parse->file, parse->line,
	                     "unknown column '%.40s'%s", name,
	                     suggest_hint(hint, sizeof hint, name, names, count));
}

/* to[i]: which of `columns` the i-th cell of a row is; count: none of them. */
static enum ergon_code read_header(struct trace_parse *parse, char separator,
                                   const struct trace_column *columns, size_t count, bool exact,
                                   size_t *to, size_t *width)
{
	struct trace_cell cells[TRACE_COLUMNS_MAX];
	size_t length;
	char *line = next_line(parse, '#', &length);
	if (!line)
		return ergon_fail_at(parse->err, ERGON_BAD_INPUT, parse->file, 0,
		                     "empty: expected a header line");
	enum ergon_code code = split(parse, line, length, separator, cells, width);
	if (code)
		return code;
	bool seen[TRACE_COLUMNS_MAX] = { false };
	for (size_t i = 0; i < *width; i++) {
		to[i] = column_of(columns, count, cells[i].text);
		if (to[i] == count && exact)
			return unknown_column(parse, cells[i].text, columns, count);
		if (to[i] < count && seen[to[i]])
			return ergon_fail_at(parse->err, ERGON_BAD_INPUT, parse->file, parse->line,
			                     "column '%s' stands twice", columns[to[i]].name);
		if (to[i] < count)
			seen[to[i]] = true;
	}
	for (size_t i = 0; i < count; i++)
		if (columns[i].needed && !seen[i])
			return ergon_fail_at(parse->err, ERGON_BAD_INPUT, parse->file, parse->line,
			                     "no column '%s', which this format needs",
			                     columns[i].name);
	return ERGON_OK;
}

enum ergon_code trace_table(struct trace_parse *parse, char separator,
                            const struct trace_column *columns, size_t count, bool exact,
                            trace_row_fn *row)
{
	struct trace_cell cells[TRACE_COLUMNS_MAX], ordered[TRACE_COLUMNS_MAX];
	size_t to[TRACE_COLUMNS_MAX], width = 0, length, found = 0;
	enum ergon_code code = read_header(parse, separator, columns, count, exact, to, &width);
	for (size_t i = 0; i < count; i++)
		ordered[i] = (struct trace_cell){ "", 0 };
	char *line;
	while (!code && (line = next_line(parse, '#', &length))) {
		code = split(parse, line, length, separator, cells, &found);
		if (!code && found != width) {
			parse->bad_field = "shape";
			code = ergon_fail_at(parse->err, ERGON_BAD_INPUT, parse->file, parse->line,
			                     "expected %zu cells as in the header, found %zu",
			                     width, found);
		}
		for (size_t i = 0; !code && i < width; i++)
			if (to[i] < count)
				ordered[to[i]] = cells[i];
		if (!code)
			code = row(parse, ordered, count);
		code = trace_row_done(parse, code);
	}
	return code;
}

/* ---- numbers ---- */

bool scan_i64(const char *text, size_t length, int64_t *value)
{
	size_t i = length > 0 && text[0] == '-';
	if (i == length || length - i > 18)
		return false; /* 18 digits always fit */
	int64_t number = 0;
	for (; i < length; i++) {
		unsigned digit = (unsigned)(text[i] - '0');
		if (digit > 9)
			return false;
		number = number * 10 + (int64_t)digit;
	}
	*value = text[0] == '-' ? -number : number;
	return true;
}

/* Exponents, and more digits than fit: through a double. */
static bool slow_decimal_ns(const char *text, size_t length, int64_t *ns)
{
	char copy[64];
	double seconds;
	if (length >= sizeof copy)
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (!parse_real(copy, &seconds) || fabs(seconds) > 2 * TRACE_TIME_MAX_S)
		return false;
	*ns = (int64_t)llround(seconds * 1e9);
	return true;
}

bool scan_decimal_ns(const char *text, size_t length, int64_t *ns)
{
	size_t i = length > 0 && text[0] == '-';
	int64_t number = 0;
	size_t whole = 0, fraction = 0;
	for (; i < length && (unsigned)(text[i] - '0') <= 9; i++, whole++) {
		if (whole == 10)
			return slow_decimal_ns(text, length, ns);
		number = number * 10 + (text[i] - '0');
	}
	if (number >=
	    INT64_MAX / 1000000000) /* of ten digits, those that nanoseconds cannot hold */
		return slow_decimal_ns(text, length, ns);
	bool up = false;
	if (i < length && text[i] == '.')
		for (i++; i < length && (unsigned)(text[i] - '0') <= 9; i++, fraction++) {
			if (fraction < 9)
				number = number * 10 + (text[i] - '0');
			else if (fraction == 9)
				up = text[i] >= '5';
		}
	if (whole == 0 || i < length)
		return slow_decimal_ns(text, length, ns);
	for (; fraction < 9; fraction++)
		number *= 10;
	number += up;
	*ns = text[0] == '-' ? -number : number;
	return true;
}

enum ergon_code trace_count(struct trace_parse *parse, struct trace_cell cell, const char *field,
                            uint32_t min, uint32_t max, uint32_t *value)
{
	int64_t number;
	if (scan_i64(cell.text, cell.length, &number) && number >= min && number <= max) {
		*value = (uint32_t)number;
		return ERGON_OK;
	}
	char expected[80];
	snprintf(expected, sizeof expected, "a whole number from %u to %u", min, max);
	return trace_bad(parse, field, expected, cell.text);
}

enum ergon_code trace_whole(struct trace_parse *parse, struct trace_cell cell, const char *field,
                            uint32_t min, uint32_t max, uint32_t *value)
{
	size_t digits = 0;
	while (digits < cell.length && cell.text[digits] != '.')
		digits++;
	size_t zeros = digits + 1;
	while (zeros < cell.length && cell.text[zeros] == '0')
		zeros++;
	if (digits < cell.length && digits + 1 < cell.length && zeros == cell.length) {
		int64_t number;
		if (scan_i64(cell.text, digits, &number) && number >= min && number <= max) {
			*value = (uint32_t)number;
			return ERGON_OK;
		}
	}
	return trace_count(parse, cell, field, min, max, value);
}

enum ergon_code trace_real(struct trace_parse *parse, struct trace_cell cell, const char *field,
                           double min, double max, double *value)
{
	if (parse_real(cell.text, value) && *value >= min && *value <= max)
		return ERGON_OK;
	char expected[80];
	snprintf(expected, sizeof expected, "a number from %g to %g", min, max);
	return trace_bad(parse, field, expected, cell.text);
}

enum ergon_code trace_seconds(struct trace_parse *parse, struct trace_cell cell, const char *field,
                              uint64_t *ns)
{
	int64_t number;
	if (scan_decimal_ns(cell.text, cell.length, &number) && number >= 0 &&
	    number <= (int64_t)(TRACE_TIME_MAX_S * 1e9)) {
		*ns = (uint64_t)number;
		return ERGON_OK;
	}
	return trace_bad(parse, field, "seconds from 0 to 4e9", cell.text);
}

enum ergon_code trace_duration(struct trace_parse *parse, struct trace_cell cell, const char *field,
                               uint64_t *ns)
{
	enum ergon_code code = trace_seconds(parse, cell, field, ns);
	if (!code && *ns == 0)
		*ns = 1;
	return code;
}

/* ---- dates ---- */

static bool digits_at(const char *text, size_t count, unsigned *value)
{
	*value = 0;
	for (size_t i = 0; i < count; i++) {
		unsigned digit = (unsigned)(text[i] - '0');
		if (digit > 9)
			return false;
		*value = *value * 10 + digit;
	}
	return true;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, years from 1970. */
static uint64_t days_since_epoch(unsigned year, unsigned month, unsigned day)
{
	static const unsigned before[12] = {
		0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334
	};
	unsigned last = month > 2 ? year : year - 1; /* last year whose 29 February may count */
	unsigned leaps =
	    (last / 4 - last / 100 + last / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
	return (uint64_t)(year - 1970) * 365 + leaps + before[month - 1] + day - 1;
}

static bool day_exists(unsigned year, unsigned month, unsigned day)
{
	static const unsigned char days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month >= 1 && month <= 12 && day >= 1 &&
	       day <= days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

bool scan_date(const char *text, size_t length, uint64_t *unix_ns)
{
	unsigned year, month, day, hour, minute, second;
	if (length != 19 || text[4] != '-' || text[7] != '-' ||
	    (text[10] != ' ' && text[10] != 'T') || text[13] != ':' || text[16] != ':')
		return false;
	if (!digits_at(text, 4, &year) || !digits_at(text + 5, 2, &month) ||
	    !digits_at(text + 8, 2, &day) || !digits_at(text + 11, 2, &hour) ||
	    !digits_at(text + 14, 2, &minute) || !digits_at(text + 17, 2, &second))
		return false;
	if (year < 1970 || year > 2090 || !day_exists(year, month, day) || hour > 23 ||
	    minute > 59 || second > 60)
		return false;
	uint64_t seconds = days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60;
	*unix_ns = (seconds + second) * NS_PER_S;
	return true;
}

enum ergon_code trace_date(struct trace_parse *parse, struct trace_cell cell, const char *field,
                           uint64_t *unix_ns)
{
	if (scan_date(cell.text, cell.length, unix_ns))
		return ERGON_OK;
	return trace_bad(parse, field, "a date like 2017-09-28 06:32:04", cell.text);
}

/* ---- text ---- */

/* How many bytes the character at text has; 0 where it is not UTF-8 (RFC 3629). */
static size_t utf8_width(const unsigned char *text, size_t left)
{
	unsigned char c = text[0];
	size_t width = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
	if (width == 0 || width > left)
		return 0;
	for (size_t i = 1; i < width; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	bool out = (c == 0xe0 && text[1] < 0xa0) || (c == 0xed && text[1] > 0x9f) ||
	           (c == 0xf0 && text[1] < 0x90) || (c == 0xf4 && text[1] > 0x8f);
	return out ? 0 : width;
}

bool scan_utf8(const char *text, size_t length)
{
	const unsigned char *p = (const unsigned char *)text;
	for (size_t i = 0; i < length;) {
		if (p[i] < 0x20 || p[i] == 0x7f)
			return false;
		size_t width = utf8_width(p + i, length - i);
		if (width == 0)
			return false;
		i += width;
	}
	return true;
}

enum ergon_code trace_text(struct trace_parse *parse, struct trace_cell cell, const char *field,
                           bool empty, const char **value)
{
	if (cell.length == 0 && !empty)
		return trace_bad(parse, field, "a text", "");
	if (!scan_utf8(cell.text, cell.length)) {
		parse->bad_field = field;
		return ergon_fail_at(parse->err, ERGON_BAD_INPUT, parse->file, parse->line,
		                     "%s: expected text in UTF-8 without control characters",
		                     field);
	}
	*value = cell.text;
	return ERGON_OK;
}

const char *const trace_batch_mode_names[TRACE_BATCH_MODES] = { "static", "accordion", "gns" };

enum ergon_code trace_mode(struct trace_parse *parse, struct trace_cell cell, const char *field,
                           uint8_t *mode)
{
	for (*mode = 0; *mode < TRACE_BATCH_MODES; ++*mode)
		if (strcmp(cell.text, trace_batch_mode_names[*mode]) == 0)
			return ERGON_OK;
	*mode = TRACE_BATCH_STATIC;
	return trace_bad(parse, field, "static, accordion or gns", cell.text);
}

/* ---- sniffing ---- */

char sniff_first(const char *head, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!strchr(" \t\r\n", head[i]))
			return head[i];
	return 0;
}

struct trace_cell sniff_line(const char *head, size_t length, char comment)
{
	const char *end = head + length;
	while (head < end) {
		const char *stop = memchr(head, '\n', (size_t)(end - head));
		const char *next = stop ? stop + 1 : end;
		if (!stop)
			stop = end;
		if (stop > head && stop[-1] == '\r')
			stop--;
		if (stop > head && !(comment && *head == comment))
			return (struct trace_cell){ head, (size_t)(stop - head) };
		head = next;
	}
	return (struct trace_cell){ "", 0 };
}

static bool has_column(struct trace_cell line, char separator, const char *name)
{
	const char *p = line.text, *end = p + line.length;
	size_t length = strlen(name);
	while (p <= end) {
		const char *stop = p < end ? memchr(p, separator, (size_t)(end - p)) : NULL;
		if (!stop)
			stop = end;
		if ((size_t)(stop - p) == length && memcmp(p, name, length) == 0)
			return true;
		p = stop + 1;
	}
	return false;
}

bool sniff_columns(const char *head, size_t length, char separator, const char *const *names)
{
	struct trace_cell line = sniff_line(head, length, '#');
	if (line.length == 0)
		return false;
	for (; *names; names++)
		if (!has_column(line, separator, *names))
			return false;
	return true;
}
