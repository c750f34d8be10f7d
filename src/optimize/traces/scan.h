/* SPDX-License-Identifier: Apache-2.0
 *
 * What trace readers share: rows cut into cells in place, strict numbers, dates, and the list of
 * jobs that grows.
 *
 * The text of the file lies writable in the arena for as long as the trace does; cells are cut by
 * writing a NUL over the separator, so that names cost no copy and a log of a million lines no
 * allocation a field. A row function fills one struct trace_job and ends in trace_add() or
 * trace_drop(); on a bad field it returns trace_bad(). The loop around it counts rows and, with
 * `lenient`, turns BAD_INPUT of a row into a counted skip.
 */
#ifndef ERGON_OPTIMIZE_TRACES_SCAN_H
#define ERGON_OPTIMIZE_TRACES_SCAN_H

#include "optimize/traces/trace.h"

struct trace_cell {
	const char *text; /* terminated; "" for an absent optional column */
	size_t length;
};

struct trace_parse {
	const char *file;
	char *p, *end; /* what is left of the text; *end is '\0' */
	long line;     /* of the row at hand, from 1 */
	bool lenient;
	bool calendar; /* set by readers whose arrivals and deadlines are Unix times */
	struct arena *arena;
	struct trace *trace;
	struct ergon_error *err;
	const char *bad_field; /* of the last trace_bad(): a static text, or in the arena */
	size_t capacity;       /* of trace->jobs */
	size_t width;          /* of tables in several forms: columns of the first row */
};

/* An empty job: every text "", priority 1, share 1, the row's line. */
struct trace_job trace_job_init(const struct trace_parse *parse);
/* Takes the job over; NO_MEMORY only. */
ERGON_MUST_USE enum ergon_code trace_add(struct trace_parse *parse, const struct trace_job *job);
/* Counts a well-formed row that holds no job to simulate. reason: static text. Returns OK. */
enum ergon_code trace_drop(struct trace_parse *parse, const char *reason);
/* "FILE:LINE: FIELD: expected EXPECTED, found 'CELL'". field: static text. Returns BAD_INPUT. */
enum ergon_code trace_bad(struct trace_parse *parse, const char *field, const char *expected,
                          const char *found);
/* To be called with the code of each row, where a reader has a loop of its own. */
ERGON_MUST_USE enum ergon_code trace_row_done(struct trace_parse *parse, enum ergon_code code);

/* A column of a table with a header. */
struct trace_column {
	const char *name;
	bool needed;
};
enum { TRACE_COLUMNS_MAX = 128 };

/* cells: by index into `columns`, or as they stand in the line (trace_lines). */
typedef enum ergon_code trace_row_fn(struct trace_parse *parse, const struct trace_cell *cells,
                                     size_t count);

/* A header, then rows with as many cells as it. exact: a column that is not listed is an error
 * with a suggestion; otherwise it is passed over. separator ',' also understands quotes. */
ERGON_MUST_USE enum ergon_code trace_table(struct trace_parse *parse, char separator,
                                           const struct trace_column *columns, size_t count,
                                           bool exact, trace_row_fn *row);
/* Rows without a header. separator ' ' stands for any run of blanks and tabs. Lines that begin
 * with `comment` (0: none) are passed over. */
ERGON_MUST_USE enum ergon_code trace_lines(struct trace_parse *parse, char separator, char comment,
                                           trace_row_fn *row);

/* Strict: the whole cell is the number. Each names `field` in its error. */
ERGON_MUST_USE enum ergon_code trace_count(struct trace_parse *parse, struct trace_cell cell,
                                           const char *field, uint32_t min, uint32_t max,
                                           uint32_t *value);
/* As trace_count(), but "8.0" is 8 too, as programs write counts that passed through a float. */
ERGON_MUST_USE enum ergon_code trace_whole(struct trace_parse *parse, struct trace_cell cell,
                                           const char *field, uint32_t min, uint32_t max,
                                           uint32_t *value);
ERGON_MUST_USE enum ergon_code trace_real(struct trace_parse *parse, struct trace_cell cell,
                                          const char *field, double min, double max, double *value);
/* Seconds, not negative, rounded to nanoseconds. */
ERGON_MUST_USE enum ergon_code trace_seconds(struct trace_parse *parse, struct trace_cell cell,
                                             const char *field, uint64_t *ns);
/* As trace_seconds(), for fields where 0 ns means "not stated": a stated zero becomes 1 ns. */
ERGON_MUST_USE enum ergon_code trace_duration(struct trace_parse *parse, struct trace_cell cell,
                                              const char *field, uint64_t *ns);
/* "2017-09-28 06:32:04" or with 'T', as if UTC (the files do not name a zone). */
ERGON_MUST_USE enum ergon_code trace_date(struct trace_parse *parse, struct trace_cell cell,
                                          const char *field, uint64_t *unix_ns);
/* Text in UTF-8. empty: whether "" is allowed. */
ERGON_MUST_USE enum ergon_code trace_text(struct trace_parse *parse, struct trace_cell cell,
                                          const char *field, bool empty, const char **value);

/* One of trace_batch_mode_names. */
ERGON_MUST_USE enum ergon_code trace_mode(struct trace_parse *parse, struct trace_cell cell,
                                          const char *field, uint8_t *mode);

/* Number scanners without a message. A decimal with sign; ns rounds half away from zero. */
bool scan_i64(const char *text, size_t length, int64_t *value);
bool scan_decimal_ns(const char *text, size_t length, int64_t *ns);
bool scan_date(const char *text, size_t length, uint64_t *unix_ns);
bool scan_utf8(const char *text, size_t length);

/* For sniff(): the first line that is neither empty nor begins with `comment` (0: none); length 0
 * where there is none. And whether it is a header with all of these columns (NULL-terminated). */
struct trace_cell sniff_line(const char *head, size_t length, char comment);
bool sniff_columns(const char *head, size_t length, char separator, const char *const *names);
/* The first character that is neither blank nor the end of a line; 0 where there is none. */
char sniff_first(const char *head, size_t length);

/* A job name for formats without one: "job-LINE", in the arena. */
const char *trace_name_of_line(struct trace_parse *parse);

#endif
