/* SPDX-License-Identifier: Apache-2.0
 *
 * One meter a node for a command that a launcher starts as many ranks (mpirun, srun): every rank is
 * started as `ergon measure --mpi -- CMD`, and four ranks on one node must not count it four times.
 *
 * The rank with local rank 0 meters its node; the others run their command and say how it ended.
 * They meet in a folder of their own on the node, /tmp/ergon-UID/JOB-NODE:
 *
 *     meter      locked by the metering rank as long as it lives
 *     ready      made when its window is open: the others wait for it before they start
 *     rank-N     locked by rank N as long as it lives; holds "status user_s system_s" at the end
 *
 * A lock goes with its process, so a rank that is killed is seen to have ended. Where the job spans
 * nodes, each metering rank leaves its document in a folder that all nodes share, and the node of
 * rank 0 waits for them, adds them up and is the only one to report.
 *
 * No MPI library is asked and no process is started. One thread; a struct parallel owns its files.
 */
#ifndef ERGON_MEASURE_PARALLEL_H
#define ERGON_MEASURE_PARALLEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "base/ranks.h"
#include "ergon/env.h"
#include "measure/run.h"

struct parallel;

struct parallel_options {
	const char *shared;    /* folder that all nodes see; each job makes one of its own in it */
	const char *node_root; /* NULL: /tmp */
	uint64_t patience_ns;  /* for the metering rank to start, and for other nodes to report */
};

/* How a rank of this node ended. */
struct rank_end {
	int rank;
	int status;    /* as shells give it */
	bool vanished; /* killed together with its ergon: nothing is known of it */
	double user_s, system_s;
};

/* NOT_SUPPORTED where the launcher does not say what is needed; NO_PERMISSION where somebody else
 * owns the node's folder. env and shared outlive the result. */
ERGON_MUST_USE enum ergon_code parallel_join(struct parallel **parallel,
                                             const struct ergon_env *env, const struct ranks *ranks,
                                             const struct parallel_options *options,
                                             struct ergon_error *err);
bool parallel_meters(const struct parallel *parallel);
bool parallel_reports(const struct parallel *parallel); /* rank 0 */
/* A signal came: what is still to do is done in a moment or not at all. */
void parallel_hurry(struct parallel *parallel);

/* Metering rank: the window is open, the others may start. */
void parallel_ready(struct parallel *parallel);
/* Metering rank: until all others of the node have ended, or a signal says stop. Signals SIGINT,
 * SIGTERM, SIGHUP and SIGQUIT are blocked by the caller. */
void parallel_await_others(struct parallel *parallel);
/* Other ranks: until the window is open. False: nobody meters this node. */
bool parallel_await_meter(struct parallel *parallel);
/* Other ranks: how the command ended. Where a signal ended it, stays for a moment until the
 * metering rank has reported: mpirun of Open MPI 4 kills what is left as soon as one rank has
 * obeyed its SIGTERM. */
void parallel_ended(struct parallel *parallel, const struct run_result *result);

/* Metering rank: adds the CPU time of the other ranks to result, and returns how they ended. */
const struct rank_end *parallel_others(const struct parallel *parallel, size_t *count);
void parallel_add_others(const struct parallel *parallel, struct run_result *result);

/* Metering rank, with its node's document (borrowed): *total is the job's document where this rank
 * reports, else NULL. Waits for other nodes as long as options.patience_ns; what did not come is
 * listed as missing. */
ERGON_MUST_USE enum ergon_code parallel_total(struct parallel *parallel, json_t *node,
                                              json_t **total, struct ergon_error *err);
void parallel_leave(struct parallel *parallel); /* NULL is allowed */

/* The sum of several nodes' documents (kind ergon.measure, with "node" and "ranks"): domains are
 * called NODE/NAME where there is more than one node, and "nodes" has a row for each. size: ranks
 * of the job; what is not accounted for is "missing_ranks". NULL: out of memory. Pure. */
json_t *parallel_sum(json_t *const *nodes, size_t count, int size, const char *launcher);

#endif
