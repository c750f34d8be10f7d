/* SPDX-License-Identifier: Apache-2.0
 *
 * Workloads of the Pollux (OSDI 2021) and Sia (SOSP 2023) artifacts: a header, then one job a line.
 * `time` counts seconds from the experiment's start; `num_replicas` are GPUs, `batch_size` the
 * total batch. The work is not in the file: it is the application's training to its goal.
 */
#include "optimize/traces/scan.h"

enum { NAME, TIME, APPLICATION, REPLICAS, BATCH, COLUMNS };
static const struct trace_column columns[COLUMNS] = { [NAME] = { "name", true },
	                                              [TIME] = { "time", true },
	                                              [APPLICATION] = { "application", true },
	                                              [REPLICAS] = { "num_replicas", true },
	                                              [BATCH] = { "batch_size", true } };

static enum ergon_code row(struct trace_parse *parse, const struct trace_cell *cells, size_t count)
{
	(void)count;
	struct trace_job job = trace_job_init(parse);
	enum ergon_code code = trace_text(parse, cells[NAME], "name", false, &job.name);
	if (!code)
		code = trace_seconds(parse, cells[TIME], "time", &job.arrival_ns);
	if (!code)
		code =
		    trace_text(parse, cells[APPLICATION], "application", false, &job.application);
	if (!code)
		code = trace_count(parse, cells[REPLICAS], "num_replicas", 1, TRACE_UNITS_MAX,
		                   &job.gpus);
	if (!code)
		code =
		    trace_count(parse, cells[BATCH], "batch_size", 1, TRACE_BATCH_MAX, &job.batch);
	return code ? code : trace_add(parse, &job);
}

static enum ergon_code read_pollux(struct trace_parse *parse)
{
	return trace_table(parse, ',', columns, COLUMNS, false, row);
}

static int sniff(const char *head, size_t length)
{
	static const char *const names[] = { "name",         "time",       "application",
		                             "num_replicas", "batch_size", NULL };
	return sniff_columns(head, length, ',', names) ? 100 : 0;
}

const struct trace_reader trace_reader_pollux = {
	.name = "pollux",
	.summary = "workloads of the Pollux and Sia artifacts (CSV)",
	.extensions = "csv",
	.source = "Qiao et al., OSDI 2021; Jayaram Subramanya et al., SOSP 2023",
	.sniff = sniff,
	.read = read_pollux,
};
