/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "optimize/solver/linear.h"
#include "support/simulated.h"

static struct simulated s;
static uint32_t most_held[64]; /* by job: GPUs that it has held */

static void need_solver(void)
{
	struct linear_solver *solver = linear_solver_new(&s.env);
	struct ergon_error err = { 0 };
	enum ergon_code code = linear_solver_open(solver, true, &err);
	linear_solver_free(solver);
	if (code) {
		print_message("%s: skipped\n", err.text);
		skip();
	}
}

/* Every allocation is a power of two in a node or whole nodes, and at most twice what the job has
 * run on before. */
static void hear(void *user, const struct sim_event *event)
{
	(void)user;
	if (event->kind != SIM_PLACE)
		return;
	const struct job_facts *job = &s.x.jobs[event->job];
	uint32_t node = s.x.cluster.groups[event->group].gpus_per_node, gpus = event->gpus;
	uint32_t *most = &most_held[job->trace_index];
	assert_true(gpus >= node ? gpus % node == 0 : (gpus & (gpus - 1)) == 0);
	assert_true(gpus <= (*most ? 2 * *most : 1));
	if (gpus > *most)
		*most = gpus;
}

static void run(const char *cluster, const char *rows)
{
	const struct experiment_options options = { .oracle = "model",
		                                    .interval_ns = 60 * NS_PER_S,
		                                    .restart_ns = 10 * NS_PER_S };
	memset(most_held, 0, sizeof most_held);
	simulated_load(&s, cluster, rows, &options);
	s.x.listener = (struct sim_listener){ hear, NULL };
	simulated_run(&s, "sia");
}

/* Alone on a cluster a job doubles until it has all that helps. */
static void test_alone(void **state)
{
	(void)state;
	need_solver();
	run("2x4:t4", "name,arrival_s,gpus,application,batch,duration_s\n"
	              "a,0,1,resnet50,256,40000\n");
	assert_int_equal(most_held[0], 8);
}

/* Everybody gets something before anybody gets much (lambda 1.1 over any gain): with as many jobs
 * as GPUs each has one. */
static void test_one_each(void **state)
{
	(void)state;
	char rows[1024] = "name,arrival_s,gpus,application,batch,duration_s\n";
	need_solver();
	for (int i = 0; i < 8; i++)
		snprintf(rows + strlen(rows), sizeof rows - strlen(rows),
		         "j%d,0,4,bert-base,64,3000\n", i);
	run("2x4:t4", rows);
	for (int i = 0; i < 8; i++)
		assert_true(most_held[i] >= 1);
	/* All eight began in the first round. */
	assert_true(s.result.metrics.wait_max_s < 60.001);
}

static void test_two_types(void **state)
{
	(void)state;
	need_solver();
	run("2x4:t4,1x8:v100", "name,arrival_s,gpus,application,batch,duration_s\n"
	                       "a,0,2,resnet50,256,9000\nb,100,2,vit-b16,64,9000\n"
	                       "c,200,1,bert-base,64,4000\nd,300,4,resnet50,256,2000\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_one_each),
		cmocka_unit_test(test_two_types),
	};
	return simulated_group(&s, tests);
}
