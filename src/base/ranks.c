/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ranks.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"

struct source {
	const char *(*get)(void *user, const char *name);
	void *user;
};

/* The variables of one launcher, in the order in which they are believed: what mpirun starts inside
 * a Slurm job sees Slurm's variables too, and those of the step that carries mpirun's daemon. */
struct launcher {
	const char *name;
	const char *rank, *size, *local_rank, *local_size, *node_index, *node_count;
	const char *only_if; /* must be set as well; NULL: nothing */
	const char *job[3];  /* the first that is set */
};

static const struct launcher launchers[] = {
	{ .name = "Open MPI",
	  .rank = "OMPI_COMM_WORLD_RANK",
	  .size = "OMPI_COMM_WORLD_SIZE",
	  .local_rank = "OMPI_COMM_WORLD_LOCAL_RANK",
	  .local_size = "OMPI_COMM_WORLD_LOCAL_SIZE",
	  .job = { "PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid", "OMPI_MCA_orte_ess_jobid" } },
	{ .name = "MVAPICH",
	  .rank = "MV2_COMM_WORLD_RANK",
	  .size = "MV2_COMM_WORLD_SIZE",
	  .local_rank = "MV2_COMM_WORLD_LOCAL_RANK",
	  .local_size = "MV2_COMM_WORLD_LOCAL_SIZE",
	  .job = { "MPISPAWN_ID_JOB", "PMI_JOBID" } },
	/* Hydra: MPICH and Intel MPI. PMI_RANK alone is what srun --mpi=pmi2 sets: then Slurm. */
	{ .name = "Hydra",
	  .rank = "PMI_RANK",
	  .size = "PMI_SIZE",
	  .local_rank = "MPI_LOCALRANKID",
	  .local_size = "MPI_LOCALNRANKS",
	  .only_if = "MPI_LOCALNRANKS",
	  .job = { "PMI_JOBID", "HYDRA_JOBID", "PMI_KVSNAME" } },
	/* A batch script is no step: it sees SLURM_PROCID=0 and the tasks of steps to come. */
	{ .name = "Slurm",
	  .rank = "SLURM_PROCID",
	  .size = "SLURM_STEP_NUM_TASKS",
	  .local_rank = "SLURM_LOCALID",
	  .node_index = "SLURM_NODEID",
	  .node_count = "SLURM_STEP_NUM_NODES",
	  .only_if = "SLURM_STEP_NUM_TASKS",
	  .job = { "PMIX_NAMESPACE" } },
	{ .name = "PMI", .rank = "PMI_RANK", .size = "PMI_SIZE", .job = { "PMI_JOBID" } },
	{ .name = "PMIx", .rank = "PMIX_RANK", .job = { "PMIX_NAMESPACE" } },
};

static const char *value_of(const struct source *source, const char *name)
{
	const char *value = name ? source->get(source->user, name) : NULL;
	return value && *value ? value : NULL;
}

static const char *from_process(void *user, const char *name)
{
	(void)user;
	return getenv(name);
}

/* *number stays where the variable is not set. */
static enum ergon_code take_number(const struct source *source, const char *name, int least,
                                   int *number, struct ergon_error *err)
{
	uint64_t parsed;
	const char *value = value_of(source, name);
	if (!value)
		return ERGON_OK;
	if (!parse_u64(value, &parsed) || parsed > RANKS_MAX || (int)parsed < least)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "environment variable %s: expected a number from %d to %d, "
		                  "found '%.40s'",
		                  name, least, (int)RANKS_MAX, value);
	*number = (int)parsed;
	return ERGON_OK;
}

int ranks_tasks_of_node(const char *text, int index)
{
	while (text && *text && index >= 0) {
		char *end;
		unsigned long tasks = strtoul(text, &end, 10), times = 1;
		if (end == text || tasks == 0 || tasks > RANKS_MAX)
			return -1;
		if (end[0] == '(' && end[1] == 'x') {
			text = end + 2;
			times = strtoul(text, &end, 10);
			if (end == text || *end++ != ')' || times == 0 || times > RANKS_MAX)
				return -1;
		}
		if ((unsigned long)index < times)
			return *end == ',' || *end == '\0' ? (int)tasks : -1;
		index -= (int)times;
		text = *end == ',' ? end + 1 : NULL;
	}
	return -1;
}

static enum ergon_code take_launcher(const struct source *source, const struct launcher *l,
                                     struct ranks *ranks, struct ergon_error *err)
{
	const struct {
		const char *name;
		int least, *number;
	} fields[] = {
		{ l->rank, 0, &ranks->rank },
		{ l->size, 1, &ranks->size },
		{ l->local_rank, 0, &ranks->local_rank },
		{ l->local_size, 1, &ranks->local_size },
		{ l->node_index, 0, &ranks->node_index },
		{ l->node_count, 1, &ranks->node_count },
	};
	enum ergon_code code = ERGON_OK;
	for (size_t i = 0; !code && i < sizeof fields / sizeof *fields; i++)
		code = take_number(source, fields[i].name, fields[i].least, fields[i].number, err);
	if (code)
		return code;
	if (ranks->size >= 0 && ranks->rank >= ranks->size)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "environment variable %s: rank %d of %d processes (%s)", l->rank,
		                  ranks->rank, ranks->size, l->size);
	if (ranks->local_size >= 0 && ranks->local_rank >= ranks->local_size)
		return ergon_fail(
		    err, ERGON_BAD_INPUT, "environment variable %s: rank %d of %d processes (%s)",
		    l->local_rank, ranks->local_rank, ranks->local_size, l->local_size);
	return ERGON_OK;
}

static void take_job(const struct source *source, const struct launcher *l, struct ranks *ranks)
{
	const char *slurm = value_of(source, "SLURM_JOB_ID"), *name = NULL;
	const char *step = value_of(source, "SLURM_STEP_ID");
	name = value_of(source, "ERGON_JOB_ID");
	for (size_t i = 0; !name && i < sizeof l->job / sizeof *l->job; i++)
		name = value_of(source, l->job[i]);
	if (name)
		snprintf(ranks->job, sizeof ranks->job, "%s", name);
	else if (slurm)
		snprintf(ranks->job, sizeof ranks->job, "slurm-%.40s.%.40s", slurm,
		         step ? step : "batch");
	for (char *c = ranks->job; *c; c++) /* it becomes part of a file's name */
		if (*c == '/' || (unsigned char)*c <= ' ')
			*c = '_';
}

static void take_node(const struct source *source, struct ranks *ranks)
{
	const char *name = value_of(source, "ERGON_NODE_NAME");
	if (!name)
		name = value_of(source, "SLURMD_NODENAME");
	if (name)
		snprintf(ranks->node, sizeof ranks->node, "%s", name);
	else if (gethostname(ranks->node, sizeof ranks->node - 1))
		ranks->node[0] = '\0';
	for (char *c = ranks->node; *c; c++)
		if (*c == '/' || (unsigned char)*c <= ' ')
			*c = '_';
}

enum ergon_code ranks_find(struct ranks *ranks, const char *(*get)(void *user, const char *name),
                           void *user, struct ergon_error *err)
{
	const struct source source = { get ? get : from_process, user };
	*ranks = (struct ranks){ .size = 1, .local_size = 1, .node_count = 1 };
	take_node(&source, ranks);
	const struct launcher *found = NULL;
	for (size_t i = 0; !found && i < sizeof launchers / sizeof *launchers; i++)
		if (value_of(&source, launchers[i].rank) &&
		    (!launchers[i].only_if || value_of(&source, launchers[i].only_if)))
			found = &launchers[i];
	if (!found)
		return ERGON_OK;
	ranks->rank = ranks->size = ranks->local_rank = ranks->local_size = -1;
	ranks->node_index = ranks->node_count = -1;
	ranks->launcher = found->name;
	enum ergon_code code = take_launcher(&source, found, ranks, err);
	if (code)
		return code;
	take_job(&source, found, ranks);
	if (ranks->local_size < 0 && ranks->node_index >= 0) {
		const char *tasks = value_of(&source, "SLURM_STEP_TASKS_PER_NODE");
		ranks->local_size = ranks_tasks_of_node(tasks, ranks->node_index);
	}
	if (ranks->local_size >= 0 && ranks->local_size == ranks->size)
		ranks->node_count = 1;
	return ERGON_OK;
}
