/* SPDX-License-Identifier: Apache-2.0
 *
 * Pollux on clusters of several types: no job is left waiting, none holds two types at once, and
 * the faster type is kept of an even mix. Audited throughout.
 */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "support/simulated.h"

static struct simulated s;
static uint32_t groups_seen; /* bits */

static void hear(void *user, const struct sim_event *event)
{
	(void)user;
	if (event->kind != SIM_PLACE)
		return;
	groups_seen |= 1u << event->group;
	for (uint32_t i = 0; i < event->share_count; i++)
		for (uint32_t k = 0; k < i; k++)
			assert_true(event->shares[i].node != event->shares[k].node);
}

static void run(const char *cluster, const char *oracle, const char *rows)
{
	const struct experiment_options options = { .oracle = oracle,
		                                    .interval_ns = 60 * NS_PER_S,
		                                    .restart_ns = 30 * NS_PER_S };
	groups_seen = 0;
	simulated_load(&s, cluster, rows, &options);
	s.x.listener = (struct sim_listener){ hear, NULL };
	simulated_run(&s, "pollux");
}

static void test_two_types(void **state)
{
	(void)state;
	run("2x4:t4,1x8:v100,1x2:t4", "model",
	    "name,arrival_s,gpus,application,batch,duration_s\n"
	    "a,0,2,resnet50,256,9000\nb,100,2,vit-b16,64,9000\n"
	    "c,200,1,bert-base,64,4000\nd,300,4,resnet50,256,2000\n");
	assert_true(groups_seen & 2);
}

/* Tables of several types, and an application whose limits differ between them. */
static void test_measured_tables(void **state)
{
	(void)state;
	const char *shared = shared_data("traces");
	char oracle[2600];
	if (!shared) {
		print_message("shared data are absent: skipped\n");
		skip();
	}
	snprintf(oracle, sizeof oracle, "sia:%s/sia/traces,%s/pollux/traces", shared, shared);
	run("2x4:t4,1x8:rtx2080ti,1x8:a100", oracle,
	    "name,arrival_s,gpus,application,batch\n"
	    "a,0,8,imagenet,1600\nb,60,4,deepspeech2,80\nc,90,2,cifar10,512\n"
	    "d,120,1,bert,24\n");
	assert_true(s.result.metrics.jct_max_s < 48 * 3600);
	assert_true(groups_seen & 4); /* the A100s */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_types),
		cmocka_unit_test(test_measured_tables),
	};
	return simulated_group(&s, tests);
}
