/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/ranks.h"

/* An environment of "NAME=value" words, ending with NULL. */
static const char *lookup(void *user, const char *name)
{
	size_t length = strlen(name);
	for (const char *const *word = user; *word; word++)
		if (strncmp(*word, name, length) == 0 && (*word)[length] == '=')
			return *word + length + 1;
	return NULL;
}

enum { WORDS = 12 };

static const struct {
	const char *launcher;
	int rank, size, local_rank, local_size, nodes;
	const char *job, *node, *words[WORDS];
} launched[] = {
	{ NULL, 0, 1, 0, 1, 1, "", "n1", { "ERGON_NODE_NAME=n1" } },
	{ "Open MPI",
	  3,
	  4,
	  1,
	  2,
	  -1,
	  "4711",
	  "a_b",
	  { "OMPI_COMM_WORLD_RANK=3", "OMPI_COMM_WORLD_SIZE=4", "OMPI_COMM_WORLD_LOCAL_RANK=1",
	    "OMPI_COMM_WORLD_LOCAL_SIZE=2", "PMIX_NAMESPACE=4711", "PMIX_RANK=3",
	    "ERGON_NODE_NAME=a/b" } },
	/* mpirun within a Slurm job: its daemon's step must not be mistaken for the job */
	{ "Open MPI",
	  1,
	  2,
	  1,
	  2,
	  1,
	  "9",
	  "c01",
	  { "OMPI_COMM_WORLD_RANK=1", "OMPI_COMM_WORLD_SIZE=2", "OMPI_COMM_WORLD_LOCAL_RANK=1",
	    "OMPI_COMM_WORLD_LOCAL_SIZE=2", "OMPI_MCA_ess_base_jobid=9", "SLURM_PROCID=0",
	    "SLURM_STEP_NUM_TASKS=1", "SLURM_JOB_ID=77", "SLURMD_NODENAME=c01" } },
	{ "Hydra",
	  2,
	  8,
	  0,
	  4,
	  -1,
	  "kvs_1",
	  "h",
	  { "PMI_RANK=2", "PMI_SIZE=8", "MPI_LOCALRANKID=0", "MPI_LOCALNRANKS=4",
	    "PMI_KVSNAME=kvs 1", "ERGON_NODE_NAME=h" } },
	{ "MVAPICH",
	  0,
	  2,
	  0,
	  2,
	  1,
	  "",
	  "h",
	  { "MV2_COMM_WORLD_RANK=0", "MV2_COMM_WORLD_SIZE=2", "MV2_COMM_WORLD_LOCAL_RANK=0",
	    "MV2_COMM_WORLD_LOCAL_SIZE=2", "ERGON_NODE_NAME=h" } },
	{ "Slurm",
	  6,
	  7,
	  0,
	  1,
	  4,
	  "slurm-12.3",
	  "c04",
	  { "SLURM_PROCID=6", "SLURM_STEP_NUM_TASKS=7", "SLURM_LOCALID=0", "SLURM_NODEID=3",
	    "SLURM_STEP_NUM_NODES=4", "SLURM_STEP_TASKS_PER_NODE=2(x3),1", "SLURM_JOB_ID=12",
	    "SLURM_STEP_ID=3", "SLURMD_NODENAME=c04" } },
	/* srun --mpi=pmi2 */
	{ "Slurm",
	  0,
	  2,
	  0,
	  2,
	  1,
	  "slurm-12.0",
	  "c04",
	  { "SLURM_PROCID=0", "SLURM_STEP_NUM_TASKS=2", "SLURM_LOCALID=0", "SLURM_NODEID=0",
	    "SLURM_STEP_TASKS_PER_NODE=2", "SLURM_JOB_ID=12", "SLURM_STEP_ID=0",
	    "SLURMD_NODENAME=c04", "PMI_RANK=0", "PMI_SIZE=2" } },
	/* a batch script is one process, whatever the job asked for */
	{ NULL,
	  0,
	  1,
	  0,
	  1,
	  1,
	  "",
	  "c04",
	  { "SLURM_PROCID=0", "SLURM_NTASKS=64", "SLURM_LOCALID=0", "SLURM_JOB_ID=12",
	    "SLURMD_NODENAME=c04" } },
	{ "PMIx",
	  5,
	  -1,
	  -1,
	  -1,
	  -1,
	  "ns",
	  "x",
	  { "PMIX_RANK=5", "PMIX_NAMESPACE=ns", "ERGON_NODE_NAME=x" } },
	{ "PMI",
	  1,
	  2,
	  -1,
	  -1,
	  -1,
	  "mine",
	  "x",
	  { "PMI_RANK=1", "PMI_SIZE=2", "ERGON_NODE_NAME=x", "ERGON_JOB_ID=mine" } },
};

static void launchers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof launched / sizeof *launched; i++) {
		struct ranks r;
		struct ergon_error err = { 0 };
		print_message("launcher %zu\n", i);
		assert_int_equal(ranks_find(&r, lookup, (void *)(uintptr_t)launched[i].words, &err),
		                 0);
		if (launched[i].launcher)
			assert_string_equal(r.launcher, launched[i].launcher);
		else
			assert_null(r.launcher);
		assert_int_equal(r.rank, launched[i].rank);
		assert_int_equal(r.size, launched[i].size);
		assert_int_equal(r.local_rank, launched[i].local_rank);
		assert_int_equal(r.local_size, launched[i].local_size);
		assert_int_equal(r.node_count, launched[i].nodes);
		assert_string_equal(r.job, launched[i].job);
		assert_string_equal(r.node, launched[i].node);
	}
}

static void refused(void **state)
{
	(void)state;
	static const struct {
		const char *says, *words[WORDS];
	} rows[] = {
		{ "OMPI_COMM_WORLD_RANK", { "OMPI_COMM_WORLD_RANK=-1" } },
		{ "OMPI_COMM_WORLD_RANK", { "OMPI_COMM_WORLD_RANK=x", "OMPI_COMM_WORLD_SIZE=2" } },
		{ "OMPI_COMM_WORLD_SIZE", { "OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=0" } },
		{ "OMPI_COMM_WORLD_SIZE",
		  { "OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=99999999999999999999" } },
		{ "rank 2 of 2", { "OMPI_COMM_WORLD_RANK=2", "OMPI_COMM_WORLD_SIZE=2" } },
		{ "rank 3 of 2",
		  { "OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=4",
		    "OMPI_COMM_WORLD_LOCAL_RANK=3", "OMPI_COMM_WORLD_LOCAL_SIZE=2" } },
		{ "SLURM_LOCALID",
		  { "SLURM_PROCID=0", "SLURM_STEP_NUM_TASKS=1", "SLURM_LOCALID=a" } },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ranks r;
		struct ergon_error err = { 0 };
		assert_int_equal(ranks_find(&r, lookup, (void *)(uintptr_t)rows[i].words, &err),
		                 ERGON_BAD_INPUT);
		if (!strstr(err.text, rows[i].says))
			fail_msg("'%s' lacks '%s'", err.text, rows[i].says);
	}
}

static void tasks_by_node(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int index, tasks;
	} rows[] = {
		{ "2(x3),1", 0, 2 },  { "2(x3),1", 2, 2 }, { "2(x3),1", 3, 1 },
		{ "2(x3),1", 4, -1 }, { "4", 0, 4 },       { "4", 1, -1 },
		{ "1,2,3", 2, 3 },    { "", 0, -1 },       { "x", 0, -1 },
		{ "2(x", 0, -1 },     { "2(x3", 0, -1 },   { "2(x0)", 0, -1 },
		{ "0", 0, -1 },       { "2;3", 0, -1 },    { "-2", 0, -1 },
		{ "2(x3)4", 1, -1 },  { "2", -1, -1 },     { "99999999", 0, -1 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (ranks_tasks_of_node(rows[i].text, rows[i].index) != rows[i].tasks)
			fail_msg("'%s' %d", rows[i].text, rows[i].index);
	assert_int_equal(ranks_tasks_of_node(NULL, 0), -1);
}

/* Without a function it is the process's own environment, and the host's name. */
static void own_environment(void **state)
{
	(void)state;
	struct ranks r;
	struct ergon_error err = { 0 };
	unsetenv("ERGON_NODE_NAME");
	unsetenv("SLURMD_NODENAME");
	setenv("OMPI_COMM_WORLD_RANK", "1", 1);
	setenv("OMPI_COMM_WORLD_SIZE", "3", 1);
	assert_int_equal(ranks_find(&r, NULL, NULL, &err), 0);
	assert_int_equal(r.rank, 1);
	assert_int_equal(r.size, 3);
	assert_true(r.node[0] != '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(launchers),
		cmocka_unit_test(refused),
		cmocka_unit_test(tasks_by_node),
		cmocka_unit_test(own_environment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
