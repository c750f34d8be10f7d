/* SPDX-License-Identifier: Apache-2.0
 *
 * Shortest remaining time first, with preemption: by the oracle's time for what is left of the job
 * as it asked to run. Every job that fits in what the shorter ones leave runs.
 */
#include <stdlib.h>

#include "optimize/policies/rigid.h"

struct item {
	double key;
	uint32_t job;
};

struct srtf {
	struct item *items; /* [jobs] */
	uint32_t *order;    /* [jobs] */
	bool *wanted;       /* [jobs] */
};

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct srtf *s = state;
	s->items = ARENA_ARRAY(setup->arena, struct item, setup->jobs->count);
	s->order = ARENA_ARRAY(setup->arena, uint32_t, setup->jobs->count);
	s->wanted = ARENA_ARRAY(setup->arena, bool, setup->jobs->count);
	return s->items && s->order && s->wanted
	           ? ERGON_OK
	           : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

static int by_key(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->job > y->job) - (x->job < y->job);
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct srtf *s = state;
	uint32_t count = 0;
	for (uint32_t j = call->jobs->first; j != JOB_NONE; j = call->jobs->state[j].next)
		s->items[count++] = (struct item){ rigid_left_s(call, j), j };
	qsort(s->items, count, sizeof *s->items, by_key);
	for (uint32_t i = 0; i < count; i++)
		s->order[i] = s->items[i].job;
	return rigid_run_in_order(call, plan, s->order, count, s->wanted, err);
}

const struct scheduling_policy policy_srtf = {
	.name = "srtf",
	.summary = "shortest remaining time first, with preemption",
	.source = "classic",
	.state_size = sizeof(struct srtf),
	.init = init,
	.decide = decide,
};
