/* SPDX-License-Identifier: Apache-2.0
 *
 * ergon's own trace format: CSV with a header, every field of struct trace_job as a column with
 * its unit in the name. docs/trace-format.md is its page.
 */
#ifndef ERGON_OPTIMIZE_TRACES_ERGON_CSV_H
#define ERGON_OPTIMIZE_TRACES_ERGON_CSV_H

#include "base/grow.h"
#include "optimize/traces/trace.h"

/* Appends the trace as CSV: columns that no job states are left out, numbers are exact, so that
 * reading gives the same jobs (but for `line`). Check text->failed. */
void trace_write_csv(const struct trace *trace, struct text *text);

#endif
