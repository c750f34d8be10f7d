/* SPDX-License-Identifier: Apache-2.0
 *
 * What Slurm's `sacct --parsable2 --allocations` prints: a header of field names and rows, with '|'
 * between. Fields may be any, in any order; needed are JobID, Submit and one of ElapsedRaw and
 * Elapsed. Useful besides: ReqTRES or AllocTRES (for GPUs), ReqCPUS, NNodes, TimelimitRaw, State,
 * User, JobName.
 *
 * What was asked for (ReqTRES, ReqCPUS) goes before what was given. Job steps, jobs that never
 * started and jobs that have not ended are skipped and counted. Dates are local ones.
 */
#include <string.h>

#include "base/units.h"
#include "optimize/traces/scan.h"

enum {
	ID,
	SUBMIT,
	ELAPSED_RAW,
	ELAPSED,
	STATE,
	END,
	REQ_TRES,
	ALLOC_TRES,
	REQ_CPUS,
	N_CPUS,
	ALLOC_CPUS,
	N_NODES,
	REQ_NODES,
	LIMIT_RAW,
	LIMIT,
	USER,
	JOB_NAME,
	COLUMNS
};
static const struct trace_column columns[COLUMNS] = {
	[ID] = { "JobID", true },
	[SUBMIT] = { "Submit", true },
	[ELAPSED_RAW] = { "ElapsedRaw", false },
	[ELAPSED] = { "Elapsed", false },
	[STATE] = { "State", false },
	[END] = { "End", false },
	[REQ_TRES] = { "ReqTRES", false },
	[ALLOC_TRES] = { "AllocTRES", false },
	[REQ_CPUS] = { "ReqCPUS", false },
	[N_CPUS] = { "NCPUS", false },
	[ALLOC_CPUS] = { "AllocCPUS", false },
	[N_NODES] = { "NNodes", false },
	[REQ_NODES] = { "ReqNodes", false },
	[LIMIT_RAW] = { "TimelimitRaw", false },
	[LIMIT] = { "Timelimit", false },
	[USER] = { "User", false },
	[JOB_NAME] = { "JobName", false },
};

/* "[days-]hours:minutes:seconds", "minutes:seconds", both with an optional fraction. */
static bool scan_elapsed(const char *text, uint64_t *ns)
{
	uint64_t part[4] = { 0 }, days = 0;
	size_t parts = 0, digits = 0;
	for (const char *p = text;; p++) {
		if (*p >= '0' && *p <= '9' && parts < 4 && ++digits <= 6) {
			part[parts] = part[parts] * 10 + (uint64_t)(*p - '0');
			continue;
		}
		if (digits == 0 || digits > 6 || parts >= 3)
			return false;
		if (*p == '-' && parts == 0 && days == 0) {
			days = part[0];
			part[0] = 0;
		} else if (*p == ':' || *p == '\0' || *p == '.') {
			parts++;
		} else {
			return false;
		}
		digits = 0;
		if (*p == '\0' || *p == '.')
			break;
	}
	if (parts < 2)
		return false;
	uint64_t s = parts == 3 ? part[0] * 3600 + part[1] * 60 + part[2] : part[0] * 60 + part[1];
	s += days * 86400;
	*ns = s * NS_PER_S;
	return (double)s <= TRACE_TIME_MAX_S;
}

static enum ergon_code elapsed(struct trace_parse *parse, const struct trace_cell *cells,
                               uint64_t *ns)
{
	if (cells[ELAPSED_RAW].length)
		return trace_seconds(parse, cells[ELAPSED_RAW], "ElapsedRaw", ns);
	if (!scan_elapsed(cells[ELAPSED].text, ns))
		return trace_bad(parse, "Elapsed", "[days-]hours:minutes:seconds",
		                 cells[ELAPSED].text);
	return ERGON_OK;
}

/* Time limits such as UNLIMITED and Partition_Limit say nothing. */
static enum ergon_code time_limit(struct trace_parse *parse, const struct trace_cell *cells,
                                  uint64_t *ns)
{
	char first = cells[LIMIT_RAW].text[0];
	uint32_t minutes;
	if (first >= '0' && first <= '9') {
		enum ergon_code code =
		    trace_count(parse, cells[LIMIT_RAW], "TimelimitRaw", 0, 60000000, &minutes);
		if (!code)
			*ns = minutes * 60 * NS_PER_S;
		return code;
	}
	first = cells[LIMIT].text[0];
	if (first >= '0' && first <= '9' && !scan_elapsed(cells[LIMIT].text, ns))
		return trace_bad(parse, "Timelimit", "[days-]hours:minutes:seconds",
		                 cells[LIMIT].text);
	return ERGON_OK;
}

/* One item of "billing=8,cpu=8,gres/gpu:a100=4,gres/gpu=4,mem=64G,node=1". */
struct tres {
	uint32_t gpus, typed_gpus, cpus, nodes;
	struct trace_cell type;
};

static enum ergon_code tres_item(struct trace_parse *parse, struct trace_cell key,
                                 struct trace_cell value, struct tres *tres)
{
	uint32_t *into = NULL, typed = 0;
	if (key.length == 3 && !memcmp(key.text, "cpu", 3))
		into = &tres->cpus;
	else if (key.length == 4 && !memcmp(key.text, "node", 4))
		into = &tres->nodes;
	else if (key.length == 8 && !memcmp(key.text, "gres/gpu", 8))
		into = &tres->gpus;
	else if (key.length > 9 && !memcmp(key.text, "gres/gpu:", 9))
		into = &typed;
	if (!into)
		return ERGON_OK;
	enum ergon_code code = trace_count(parse, value, "TRES", 0, TRACE_UNITS_MAX, into);
	if (code || into != &typed)
		return code;
	tres->typed_gpus =
	    typed < TRACE_UNITS_MAX - tres->typed_gpus ? tres->typed_gpus + typed : TRACE_UNITS_MAX;
	tres->type = (struct trace_cell){ key.text + 9, key.length - 9 };
	return ERGON_OK;
}

static enum ergon_code read_tres(struct trace_parse *parse, struct trace_cell cell,
                                 struct tres *tres)
{
	for (const char *p = cell.text; *p;) {
		size_t length = strcspn(p, ","), key = strcspn(p, "=,");
		if (key >= length)
			return trace_bad(parse, "TRES", "name=count items", cell.text);
		enum ergon_code code =
		    tres_item(parse, (struct trace_cell){ p, key },
		              (struct trace_cell){ p + key + 1, length - key - 1 }, tres);
		if (code)
			return code;
		p += length + (p[length] == ',');
	}
	return ERGON_OK;
}

static enum ergon_code first_count(struct trace_parse *parse, const struct trace_cell *cells,
                                   const unsigned char *which, size_t count, uint32_t *value)
{
	for (size_t i = 0; i < count && *value == 0; i++) {
		struct trace_cell cell = cells[which[i]];
		if (cell.length == 0)
			continue;
		enum ergon_code code =
		    trace_count(parse, cell, columns[which[i]].name, 0, TRACE_UNITS_MAX, value);
		if (code)
			return code;
	}
	return ERGON_OK;
}

static enum ergon_code resources(struct trace_parse *parse, const struct trace_cell *cells,
                                 struct trace_job *job)
{
	static const unsigned char cpus[] = { REQ_CPUS, N_CPUS, ALLOC_CPUS };
	static const unsigned char nodes[] = { REQ_NODES, N_NODES };
	struct tres tres = { 0 };
	enum ergon_code code = read_tres(parse, cells[REQ_TRES], &tres);
	if (!code && tres.gpus == 0 && tres.typed_gpus == 0)
		code = read_tres(parse, cells[ALLOC_TRES], &tres);
	if (!code)
		code = first_count(parse, cells, cpus, sizeof cpus, &job->cpus);
	if (!code)
		code = first_count(parse, cells, nodes, sizeof nodes, &job->nodes);
	if (code)
		return code;
	job->gpus = tres.gpus ? tres.gpus : tres.typed_gpus;
	job->cpus = job->cpus ? job->cpus : tres.cpus;
	job->nodes = job->nodes ? job->nodes : tres.nodes;
	if (tres.type.length == 0)
		return ERGON_OK;
	job->gpu_type = arena_strndup(parse->arena, tres.type.text, tres.type.length);
	if (!job->gpu_type)
		return ergon_fail_at(parse->err, ERGON_NO_MEMORY, parse->file, parse->line,
		                     "out of memory");
	return scan_utf8(tres.type.text, tres.type.length)
	           ? ERGON_OK
	           : trace_bad(parse, "TRES", "text in UTF-8", "other bytes");
}

static bool is_open(const struct trace_cell *cells)
{
	static const char *const states[] = { "PENDING", "RUNNING", "REQUEUED", "RESIZING",
		                              "SUSPENDED" };
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
		if (strcmp(cells[STATE].text, states[i]) == 0)
			return true;
	return strcmp(cells[END].text, "Unknown") == 0;
}

static enum ergon_code row(struct trace_parse *parse, const struct trace_cell *cells, size_t count)
{
	(void)count;
	struct trace_job job = trace_job_init(parse);
	enum ergon_code code = trace_text(parse, cells[ID], "JobID", false, &job.name);
	if (code)
		return code;
	if (strchr(job.name, '.'))
		return trace_drop(parse, "a job step");
	code = trace_date(parse, cells[SUBMIT], "Submit", &job.arrival_ns);
	if (!code && is_open(cells))
		return trace_drop(parse, "has not ended");
	if (!code)
		code = elapsed(parse, cells, &job.duration_ns);
	if (!code)
		code = time_limit(parse, cells, &job.requested_ns);
	if (!code)
		code = resources(parse, cells, &job);
	if (!code)
		code = trace_text(parse, cells[USER], "User", true, &job.user);
	if (!code)
		code = trace_text(parse, cells[JOB_NAME], "JobName", true, &job.application);
	if (code)
		return code;
	if (job.duration_ns == 0)
		return trace_drop(parse, "never ran (elapsed 0)");
	return trace_add(parse, &job);
}

static enum ergon_code read_sacct(struct trace_parse *parse)
{
	parse->calendar = true;
	return trace_table(parse, '|', columns, COLUMNS, false, row);
}

static int sniff(const char *head, size_t length)
{
	static const char *const names[] = { "JobID", "Submit", NULL };
	return sniff_columns(head, length, '|', names) ? 100 : 0;
}

const struct trace_reader trace_reader_sacct = {
	.name = "sacct",
	.summary = "Slurm's accounting, as sacct --parsable2 prints it",
	.extensions = "txt,sacct,psv",
	.source = "sacct(1)",
	.sniff = sniff,
	.read = read_sacct,
};
