/* SPDX-License-Identifier: Apache-2.0
 *
 * A job trace: what was (or would be) asked of a cluster, job by job, in order of the file.
 *
 * Every format of the field says some of the same few things: when a job arrived, how many GPUs
 * (or processors) it asked for, what it runs, how long that took. A reader turns one format into
 * the flat array of struct trace_job below; the simulator looks at nothing else.
 *
 * Time: arrival_ns counts from the trace's own zero. Formats with relative times keep the file's
 * zero (a Pollux workload whose first job comes at 107 s starts at 107 s); formats with calendar
 * times (Philly, Helios, sacct) have their zero at the earliest job, and trace.zero_unix_s says
 * when that was. Jobs stay in file order; arrivals need not ascend.
 *
 * Rows: a row that breaks its format is an error that names file, line, field and what was
 * expected; with `lenient` it is skipped and counted instead. A row that is well-formed but holds
 * no job to simulate (it never ran, asks for nothing) is always skipped and counted, with the
 * reason: see struct trace_skip. Nothing is dropped silently.
 *
 * Ownership: the trace and all of its texts live in the arena that was handed in.
 */
#ifndef ERGON_OPTIMIZE_TRACES_TRACE_H
#define ERGON_OPTIMIZE_TRACES_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "ergon/error.h"

/* How the batch size changes while a job trains (Shockwave's modes). */
enum trace_batch_mode {
	TRACE_BATCH_STATIC,
	TRACE_BATCH_ACCORDION,
	TRACE_BATCH_GNS,
	TRACE_BATCH_MODES
};
extern const char *const trace_batch_mode_names[TRACE_BATCH_MODES];

/* What a trace's jobs count: GPUs, or processors (cores or nodes) where no job asks for a GPU. */
enum trace_unit { TRACE_GPUS, TRACE_PROCESSORS };

/* One job. Texts are UTF-8 without control characters and never NULL; "" and 0 mean "not stated"
 * unless a line says otherwise. */
struct trace_job {
	const char *name;        /* the file's name or number of the job; always stated */
	const char *application; /* model or program, without its batch size: "resnet50" */
	const char *user;        /* user, tenant or virtual cluster */
	const char *gpu_type;    /* wish; several kinds with '|' between */

	uint64_t arrival_ns;
	uint64_t duration_ns;   /* on what it asked for; 0 unknown (a stated zero is 1 ns) */
	uint64_t requested_ns;  /* time limit that the user stated */
	uint64_t deadline_ns;   /* from the trace's zero; 0 none */
	uint64_t restart_ns;    /* what a change of placement costs it */
	uint64_t checkpoint_ns; /* work between two checkpoints */

	double work_steps; /* training steps at `batch` */
	double priority;   /* weight; 1 where not stated */
	double gpu_share;  /* of each GPU, in (0, 1]; 1 unless it shares one */

	uint32_t gpus;               /* asked for; at least 1 in a trace of GPUs */
	uint32_t cpus;               /* cores or processors asked for, in all */
	uint32_t cpus_used;          /* processors that it was given; 0: not stated */
	uint32_t nodes;              /* whole nodes asked for */
	uint32_t gpus_min, gpus_max; /* what a malleable job can use; 0, 0: not stated */
	uint32_t batch;              /* total batch size, samples */
	uint32_t batch_min, batch_max;

	uint32_t line; /* in the file, from 1; 0 where a document has none */
	uint8_t batch_mode;
	bool urgent;
};

/* Rows that hold no job to simulate, or with `lenient` are malformed. */
struct trace_skip {
	const char *reason; /* "never ran (run time -1)" */
	size_t count;
	long first_line;
	bool malformed;
};
enum { TRACE_SKIPS_MAX = 16 };

struct trace_reader;

struct trace {
	const char *file;
	const struct trace_reader *reader; /* NULL for a generated trace */
	const char *format;                /* the reader's name, or "generated" */
	enum trace_unit unit;

	struct trace_job *jobs; /* [count], file order */
	size_t count;

	size_t rows;    /* data rows seen: count + skipped */
	size_t skipped; /* sum of skips[].count */
	struct trace_skip skips[TRACE_SKIPS_MAX];
	size_t skip_count;

	double zero_unix_s; /* of time 0; NaN where the format does not say */
};

/* How many units (see trace.unit) the job holds while it runs as asked: at least 1. */
static inline uint32_t trace_job_width(const struct trace *trace, const struct trace_job *job)
{
	return trace->unit == TRACE_GPUS ? job->gpus : job->cpus;
}

/* One format. A file beside this one holds each; traces.c is the one visible list. */
struct trace_parse; /* scan.h: text, lines, fields, and the builder of jobs */
struct trace_reader {
	const char *name;       /* for --format: "swf" */
	const char *summary;    /* one line, no full stop */
	const char *extensions; /* usual endings, comma separated: "swf"; a hint for sniffing */
	const char *source;     /* who defined the format */
	/* How sure this is the format, from the first bytes: 0 no, 100 certain (unique header). */
	int (*sniff)(const char *head, size_t length);
	enum ergon_code (*read)(struct trace_parse *parse);
};

extern const struct trace_reader *const trace_readers[]; /* ends with NULL */

/* NULL where there is none of that name. */
const struct trace_reader *trace_reader_find(const char *name);

/* Reads path ("-" for standard input). format NULL: the reader that is surest by its sniff(), ties
 * by the path's ending and then by order in traces.c; none: BAD_INPUT naming the formats. A trace
 * without a single job is BAD_INPUT, with what was skipped and why. */
ERGON_MUST_USE enum ergon_code trace_load(const char *path, const char *format, bool lenient,
                                          struct arena *arena, struct trace *trace,
                                          struct ergon_error *err);
/* The same from memory; text is not changed, name stands in errors. */
ERGON_MUST_USE enum ergon_code trace_parse_text(const char *text, size_t length, const char *name,
                                                const char *format, bool lenient,
                                                struct arena *arena, struct trace *trace,
                                                struct ergon_error *err);

/* Bounds that every reader keeps, so that no sum of a trace's numbers overflows. */
#define TRACE_TIME_MAX_S 4.0e9 /* 127 years: 4e18 ns */
#define TRACE_UNITS_MAX 16777216u
#define TRACE_BATCH_MAX 1000000000u
#define TRACE_STEPS_MAX 1.0e15

#endif
