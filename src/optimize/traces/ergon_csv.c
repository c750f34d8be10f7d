/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/traces/ergon_csv.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "optimize/traces/scan.h"

/* How a column is written and read. */
enum kind { TEXT, TIME, COUNT, UNITS, REAL, FLAG, MODE };

struct field {
	const char *name;
	enum kind kind;
	size_t offset;
	bool needed;
	double min, max; /* of REAL and COUNT */
	double unstated; /* of REAL: the value that stands for an empty cell */
};

#define AT(member) offsetof(struct trace_job, member)
static const struct field fields[] = {
	{ "name", TEXT, AT(name), false, 0, 0, 0 },
	{ "arrival_s", TIME, AT(arrival_ns), true, 0, 0, 0 },
	{ "gpus", UNITS, AT(gpus), false, 0, TRACE_UNITS_MAX, 0 },
	{ "cpus", UNITS, AT(cpus), false, 0, TRACE_UNITS_MAX, 0 },
	{ "cpus_used", UNITS, AT(cpus_used), false, 0, TRACE_UNITS_MAX, 0 },
	{ "nodes", UNITS, AT(nodes), false, 0, TRACE_UNITS_MAX, 0 },
	{ "application", TEXT, AT(application), false, 0, 0, 0 },
	{ "batch", COUNT, AT(batch), false, 0, TRACE_BATCH_MAX, 0 },
	{ "duration_s", TIME, AT(duration_ns), false, 0, 0, 0 },
	{ "requested_s", TIME, AT(requested_ns), false, 0, 0, 0 },
	{ "deadline_s", TIME, AT(deadline_ns), false, 0, 0, 0 },
	{ "urgent", FLAG, AT(urgent), false, 0, 0, 0 },
	{ "user", TEXT, AT(user), false, 0, 0, 0 },
	{ "work_steps", REAL, AT(work_steps), false, 0, TRACE_STEPS_MAX, 0 },
	{ "priority", REAL, AT(priority), false, 0, 1e12, 1 },
	{ "gpu_type", TEXT, AT(gpu_type), false, 0, 0, 0 },
	{ "gpu_share", REAL, AT(gpu_share), false, 1e-6, 1, 1 },
	{ "gpus_min", UNITS, AT(gpus_min), false, 0, TRACE_UNITS_MAX, 0 },
	{ "gpus_max", UNITS, AT(gpus_max), false, 0, TRACE_UNITS_MAX, 0 },
	{ "batch_min", COUNT, AT(batch_min), false, 0, TRACE_BATCH_MAX, 0 },
	{ "batch_max", COUNT, AT(batch_max), false, 0, TRACE_BATCH_MAX, 0 },
	{ "batch_mode", MODE, AT(batch_mode), false, 0, 0, 0 },
	{ "restart_s", TIME, AT(restart_ns), false, 0, 0, 0 },
	{ "checkpoint_s", TIME, AT(checkpoint_ns), false, 0, 0, 0 },
};
enum { FIELDS = sizeof fields / sizeof fields[0] };
/* ---- reading ---- */

static enum ergon_code read_flag(struct trace_parse *parse, struct trace_cell cell,
                                 const char *name, bool *value)
{
	if (cell.length != 1 || (cell.text[0] != '0' && cell.text[0] != '1'))
		return trace_bad(parse, name, "0 or 1", cell.text);
	*value = cell.text[0] == '1';
	return ERGON_OK;
}

static enum ergon_code read_field(struct trace_parse *parse, const struct field *field,
                                  struct trace_cell cell, struct trace_job *job)
{
	void *target = (char *)job + field->offset;
	if (cell.length == 0)
		return field->needed ? trace_bad(parse, field->name, "a value", "") : ERGON_OK;
	switch (field->kind) {
	case TEXT:
		return trace_text(parse, cell, field->name, true, target);
	case TIME:
		return field->needed ? trace_seconds(parse, cell, field->name, target)
		                     : trace_duration(parse, cell, field->name, target);
	case COUNT:
	case UNITS:
		return trace_count(parse, cell, field->name, 0, (uint32_t)field->max, target);
	case REAL:
		return trace_real(parse, cell, field->name, field->min, field->max, target);
	case FLAG:
		return read_flag(parse, cell, field->name, target);
	case MODE:
		return trace_mode(parse, cell, field->name, target);
	}
	return ERGON_OK;
}

static enum ergon_code check_range(struct trace_parse *parse, const char *name, uint32_t min,
                                   uint32_t value, uint32_t max)
{
	bool stated = min || max;
	if (!stated || (min >= 1 && min <= max && (value == 0 || (value >= min && value <= max))))
		return ERGON_OK;
	char found[64];
	snprintf(found, sizeof found, "%u <= %u <= %u", min, value, max);
	return trace_bad(parse, name, "1 <= min <= asked for <= max", found);
}

static enum ergon_code row(struct trace_parse *parse, const struct trace_cell *cells, size_t count)
{
	struct trace_job job = trace_job_init(parse);
	enum ergon_code code = ERGON_OK;
	for (size_t i = 0; !code && i < count; i++)
		code = read_field(parse, &fields[i], cells[i], &job);
	if (!code)
		code = check_range(parse, "gpus_min", job.gpus_min, job.gpus, job.gpus_max);
	if (!code)
		code = check_range(parse, "batch_min", job.batch_min, job.batch, job.batch_max);
	if (!code && job.deadline_ns && job.deadline_ns < job.arrival_ns)
		code = trace_bad(parse, "deadline_s", "a time behind arrival_s", "an earlier one");
	if (code)
		return code;
	if (job.gpus == 0 && job.cpus == 0)
		return trace_drop(parse, "asks for nothing");
	if (job.name[0] == '\0')
		job.name = trace_name_of_line(parse);
	return trace_add(parse, &job);
}

static enum ergon_code read_ergon(struct trace_parse *parse)
{
	struct trace_column columns[FIELDS];
	for (size_t i = 0; i < FIELDS; i++)
		columns[i] = (struct trace_column){ fields[i].name, fields[i].needed };
	return trace_table(parse, ',', columns, FIELDS, true, row);
}

static int sniff(const char *head, size_t length)
{
	static const char *const arrival[] = { "arrival_s", NULL };
	return sniff_columns(head, length, ',', arrival) ? 100 : 0;
}

const struct trace_reader trace_reader_ergon = {
	.name = "ergon",
	.summary = "ergon's own CSV: one column a field, units in the names",
	.extensions = "csv,trace",
	.source = "docs/trace-format.md",
	.sniff = sniff,
	.read = read_ergon,
};

/* ---- writing ---- */

static bool stated(const struct field *field, const struct trace_job *job)
{
	const void *at = (const char *)job + field->offset;
	switch (field->kind) {
	case TEXT:
		return **(const char *const *)at != '\0';
	case TIME:
		return *(const uint64_t *)at != 0;
	case COUNT:
	case UNITS:
		return *(const uint32_t *)at != 0;
	case REAL:
		return *(const double *)at != field->unstated;
	case FLAG:
		return *(const bool *)at;
	case MODE:
		return *(const uint8_t *)at != TRACE_BATCH_STATIC;
	}
	return false;
}

static void write_text(struct text *out, const char *value, bool first)
{
	if (!strpbrk(value, ",\"") && !(first && value[0] == '#')) {
		text_puts(out, value);
		return;
	}
	text_puts(out, "\"");
	for (; *value; value++)
		text_append(out, *value == '"' ? "\"\"" : value, *value == '"' ? 2 : 1);
	text_puts(out, "\"");
}

static void write_time(struct text *out, uint64_t ns)
{
	char digits[40];
	int length =
	    snprintf(digits, sizeof digits, "%" PRIu64 ".%09" PRIu64, ns / NS_PER_S, ns % NS_PER_S);
	while (digits[length - 1] == '0')
		length--;
	if (digits[length - 1] == '.')
		length--;
	text_append(out, digits, (size_t)length);
}

/* The shortest decimal that reads back as the same double. */
static void write_real(struct text *out, double value)
{
	char digits[40];
	if (value == floor(value) && fabs(value) < 1e15) {
		text_printf(out, "%.0f", value);
		return;
	}
	for (int precision = 1; precision <= 17; precision++) {
		snprintf(digits, sizeof digits, "%.*g", precision, value);
		if (strtod(digits, NULL) == value)
			break;
	}
	text_puts(out, digits);
}

static void write_field(struct text *out, const struct field *field, const struct trace_job *job,
                        bool first)
{
	const void *at = (const char *)job + field->offset;
	switch (field->kind) {
	case TEXT:
		write_text(out, *(const char *const *)at, first);
		break;
	case TIME:
		write_time(out, *(const uint64_t *)at);
		break;
	case COUNT:
	case UNITS:
		text_printf(out, "%u", *(const uint32_t *)at);
		break;
	case REAL:
		write_real(out, *(const double *)at);
		break;
	case FLAG:
		text_puts(out, *(const bool *)at ? "1" : "0");
		break;
	case MODE:
		text_puts(out, trace_batch_mode_names[*(const uint8_t *)at]);
		break;
	}
}

void trace_write_csv(const struct trace *trace, struct text *out)
{
	bool used[FIELDS] = { true }; /* the name, always */
	for (size_t i = 1; i < FIELDS; i++) {
		used[i] = fields[i].needed;
		for (size_t j = 0; j < trace->count && !used[i]; j++)
			used[i] = stated(&fields[i], &trace->jobs[j]);
	}
	for (size_t i = 0; i < FIELDS; i++)
		if (used[i])
			text_printf(out, "%s%s", i ? "," : "", fields[i].name);
	text_puts(out, "\n");
	for (size_t j = 0; j < trace->count; j++) {
		const struct trace_job *job = &trace->jobs[j];
		for (size_t i = 0; i < FIELDS; i++) {
			if (!used[i])
				continue;
			if (i)
				text_puts(out, ",");
			if (fields[i].needed || stated(&fields[i], job))
				write_field(out, &fields[i], job, i == 0);
		}
		text_puts(out, "\n");
	}
}
