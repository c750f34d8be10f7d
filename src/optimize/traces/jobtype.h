/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tab-separated traces of Gavel and Shockwave share.
 */
#ifndef ERGON_OPTIMIZE_TRACES_JOBTYPE_H
#define ERGON_OPTIMIZE_TRACES_JOBTYPE_H

#include "optimize/traces/scan.h"

/* "ResNet-18 (batch size 64)" into application and batch; a type without a batch is taken as it
 * is. The batch is the one of the type's name, which also keys these projects' throughput
 * tables; application and batch together give the name back. */
ERGON_MUST_USE enum ergon_code jobtype_read(struct trace_parse *parse, struct trace_cell cell,
                                            struct trace_job *job);
/* The columns "needs data directory" (0 or 1) and total steps. */
ERGON_MUST_USE enum ergon_code jobtype_steps(struct trace_parse *parse, struct trace_cell data,
                                             struct trace_cell steps, struct trace_job *job);
/* For sniff(): tabs in the first line. */
size_t jobtype_tabs(const char *head, size_t length);

#endif
