/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/traces/jobtype.h"

#include <string.h>

enum ergon_code jobtype_read(struct trace_parse *parse, struct trace_cell cell,
                             struct trace_job *job)
{
	static const char key[] = " (batch size ";
	enum ergon_code code = trace_text(parse, cell, "job type", false, &job->application);
	if (code)
		return code;
	char *cut = strstr(cell.text, key);
	if (!cut)
		return ERGON_OK;
	const char *digits = cut + sizeof key - 1;
	size_t length = strcspn(digits, ")");
	if (digits[length] != ')' || digits[length + 1] != '\0' || cut == cell.text)
		return trace_bad(parse, "job type", "NAME (batch size N)", cell.text);
	code = trace_count(parse, (struct trace_cell){ digits, length }, "job type: batch size", 1,
	                   TRACE_BATCH_MAX, &job->batch);
	if (!code)
		*cut = '\0';
	return code;
}

enum ergon_code jobtype_steps(struct trace_parse *parse, struct trace_cell data,
                              struct trace_cell steps, struct trace_job *job)
{
	if (data.length != 1 || (data.text[0] != '0' && data.text[0] != '1'))
		return trace_bad(parse, "needs data directory", "0 or 1", data.text);
	return trace_real(parse, steps, "total steps", 1, TRACE_STEPS_MAX, &job->work_steps);
}

size_t jobtype_tabs(const char *head, size_t length)
{
	struct trace_cell line = sniff_line(head, length, 0);
	size_t tabs = 0;
	for (size_t i = 0; i < line.length; i++)
		tabs += line.text[i] == '\t';
	return tabs;
}
