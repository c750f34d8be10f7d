/* SPDX-License-Identifier: Apache-2.0
 *
 * Least attained service: jobs by the GPU time that they have had, in classes that double from one
 * GPU hour on, so that equals do not take turns at every look; in order of arrival within a class.
 */
#include <stdlib.h>

#include "base/units.h"
#include "optimize/policies/rigid.h"

static const uint64_t first_class_gpu_ns = 3600 * NS_PER_S;

struct las {
	uint64_t *items; /* [jobs]: class x 2^32 + job */
	uint32_t *order; /* [jobs] */
	bool *wanted;    /* [jobs] */
};

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct las *s = state;
	s->items = ARENA_ARRAY(setup->arena, uint64_t, setup->jobs->count);
	s->order = ARENA_ARRAY(setup->arena, uint32_t, setup->jobs->count);
	s->wanted = ARENA_ARRAY(setup->arena, bool, setup->jobs->count);
	return s->items && s->order && s->wanted
	           ? ERGON_OK
	           : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static uint64_t class_of(uint64_t served_gpu_ns)
{
	uint64_t units = served_gpu_ns / first_class_gpu_ns;
	return units ? 64 - (uint64_t)__builtin_clzll(units) : 0;
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct las *s = state;
	uint32_t count = 0;
	for (uint32_t j = call->jobs->first; j != JOB_NONE; j = call->jobs->state[j].next) {
		uint64_t served = job_served_gpu_ns(&call->jobs->state[j], call->now_ns);
		s->items[count++] = class_of(served) << 32 | j;
	}
	qsort(s->items, count, sizeof *s->items, by_value);
	for (uint32_t i = 0; i < count; i++)
		s->order[i] = (uint32_t)s->items[i];
	return rigid_run_in_order(call, plan, s->order, count, s->wanted, err);
}

const struct scheduling_policy policy_las = {
	.name = "las",
	.summary = "least attained service, in classes that double from one GPU hour",
	.source = "classic; Nuyens and Wierman 2008",
	.state_size = sizeof(struct las),
	.every_round = true,
	.init = init,
	.decide = decide,
};
