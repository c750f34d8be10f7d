/* SPDX-License-Identifier: Apache-2.0
 *
 * Throughputs that Gavel's authors measured (OSDI 2020), as an oracle.
 *
 * The file is Gavel's *_throughputs.json: worker type -> "('job type', GPUs)" -> "null": steps a
 * second alone (pairs that share a GPU are not used). Types are those of the file ("v100"; a
 * cluster's "v100-pcie-16gb" takes its numbers too); TYPE_unconsolidated holds for a job on more
 * nodes than it needs. Jobs are rigid: the file knows what was asked for and nothing else. Work is
 * the trace's steps.
 *
 * A step that the end of a round (the interval, else 360 s) cuts is not counted, as in Gavel's
 * simulator: floor(steps a second x interval) steps a round.
 *
 * Powers are not in the file: they are modelled, as in the measured oracle (measured.h); where the
 * model knows the application not, a busy GPU draws its full power.
 */
#ifndef ERGON_OPTIMIZE_ORACLES_GAVEL_H
#define ERGON_OPTIMIZE_ORACLES_GAVEL_H

#include "optimize/oracle.h"
#include "optimize/oracles/model.h"

struct gavel_query {
	const char *path; /* of the throughputs */
	const struct cluster *cluster;
	const double *gpu_max_w; /* [groups] */
	struct model_library *library;
	const struct trace *trace;
	uint64_t interval_ns; /* of a round; 0: 360 s */
};

/* Fills application_id and work of the jobs; a job type, or a type of GPU, that the file does not
 * know is an error that names it. */
ERGON_MUST_USE enum ergon_code gavel_oracle(struct arena *arena, const struct gavel_query *query,
                                            struct job_facts *jobs, uint32_t count,
                                            struct oracle **oracle, struct ergon_error *err);

#endif
