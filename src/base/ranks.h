/* SPDX-License-Identifier: Apache-2.0
 *
 * Which process of a parallel job this is, as its launcher says in the environment: Open MPI, MPICH
 * and Intel MPI (Hydra), MVAPICH, PMIx, Slurm. No MPI library is asked: whoever wraps an
 * application must not call MPI_Init in its stead.
 *
 * What a launcher does not say is unknown: -1 for numbers, "" for texts. A process that no launcher
 * started is the only one of its job: rank 0 of 1, launcher NULL. The environment comes in through
 * a function, so that tests hand in another one. No state, no allocation.
 *
 * Sources: mpirun(1) of Open MPI 4.1, "Exported environment variables"; MPICH's wiki on Hydra;
 * srun(1), "OUTPUT ENVIRONMENT VARIABLES".
 */
#ifndef ERGON_BASE_RANKS_H
#define ERGON_BASE_RANKS_H

#include <stdbool.h>

#include "ergon/error.h"

enum { RANKS_MAX = 1 << 24 }; /* a greater number is a mistake */

struct ranks {
	const char *launcher;       /* "Open MPI", "Slurm", ...; NULL: none; static */
	int rank, size;             /* of all processes; 0 <= rank < size */
	int local_rank, local_size; /* of those on this node */
	int node_index, node_count; /* of the nodes */
	char node[256];             /* this node's name: $ERGON_NODE_NAME, Slurm's, the host's */
	char job[128]; /* $ERGON_JOB_ID, or the launcher's: the same for all processes of
	                * one launch, and no other's */
};

/* BAD_INPUT names the variable whose value is no such number. getenv_fn: NULL for getenv; user is
 * its first argument. */
ERGON_MUST_USE enum ergon_code ranks_find(struct ranks *ranks,
                                          const char *(*getenv_fn)(void *user, const char *name),
                                          void *user, struct ergon_error *err);

/* The entry of node `index` in Slurm's "2(x3),1" (tasks by node); -1: no such text or entry. */
int ranks_tasks_of_node(const char *text, int index);

#endif
