/* SPDX-License-Identifier: Apache-2.0
 *
 * Tiresias with the discretised two-dimensional Gittins index (Gu et al., NSDI 2019, section 3):
 * the service of a job is its GPUs times the time that it held them. Four queues, left at 1, 4 and
 * 16 GPU hours, or those of --queues; first queue before second, and within a queue the job with
 * the largest index by the service that ended jobs took, refreshed as they end; before any has
 * ended, and of equals, in order of arrival. Every job whose request fits in what is left runs;
 * running jobs keep their place.
 */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "optimize/policies/gittins.h"
#include "optimize/policies/rigid.h"

enum { USUAL_ENDS = 3, SIZES_MAX = 1024 };
static const uint64_t usual_ends_gpu_ns[USUAL_ENDS] = { 3600 * NS_PER_S, 4 * 3600 * NS_PER_S,
	                                                16 * 3600 * NS_PER_S };

struct entry {
	double index;
	uint32_t queue, job;
};

struct gittins {
	const uint64_t *ends; /* [end_count] */
	uint32_t end_count;
	struct entry *entries;   /* [jobs] */
	uint32_t *order;         /* [jobs] */
	bool *wanted;            /* [jobs] */
	double sizes[SIZES_MAX]; /* GPU s of the last jobs that ended, ascending */
	double latest[SIZES_MAX];
	uint32_t count, next, looked; /* of sizes; of latest; jobs below are known to be done */
	bool *counted;                /* [jobs] */
};

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct gittins *t = state;
	uint32_t count = setup->jobs->count;
	const struct policy_options *options = setup->options;
	t->ends = options->queue_ends ? options->queue_end_gpu_ns : usual_ends_gpu_ns;
	t->end_count = options->queue_ends ? options->queue_ends : USUAL_ENDS;
	t->entries = ARENA_ARRAY(setup->arena, struct entry, count);
	t->order = ARENA_ARRAY(setup->arena, uint32_t, count);
	t->wanted = ARENA_ARRAY(setup->arena, bool, count);
	t->counted = ARENA_ARRAY(setup->arena, bool, count);
	return t->entries && t->order && t->wanted && t->counted
	           ? ERGON_OK
	           : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void learn(struct gittins *t, const struct jobs_view *jobs)
{
	bool news = false;
	for (uint32_t j = t->looked; j < jobs->arrived; j++) {
		if (t->counted[j] || jobs->state[j].status != JOB_DONE)
			continue;
		t->counted[j] = news = true;
		t->latest[t->next++ % SIZES_MAX] = (double)jobs->state[j].attained_gpu_ns * 1e-9;
	}
	while (t->looked < jobs->arrived && t->counted[t->looked])
		t->looked++;
	if (!news)
		return;
	t->count = t->next < SIZES_MAX ? t->next : SIZES_MAX;
	memcpy(t->sizes, t->latest, t->count * sizeof *t->sizes);
	qsort(t->sizes, t->count, sizeof *t->sizes, ascending);
}

static int by_turn(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->queue != y->queue)
		return x->queue < y->queue ? -1 : 1;
	if (x->index != y->index)
		return x->index > y->index ? -1 : 1;
	return (x->job > y->job) - (x->job < y->job);
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct gittins *t = state;
	const struct jobs_view *jobs = call->jobs;
	uint32_t count = 0;
	learn(t, jobs);
	for (uint32_t j = jobs->first; j != JOB_NONE; j = jobs->state[j].next) {
		uint64_t served_ns = job_served_gpu_ns(&jobs->state[j], call->now_ns);
		double index = gittins_index(t->sizes, t->count, (double)served_ns * 1e-9);
		uint32_t queue = 0;
		while (queue < t->end_count && served_ns >= t->ends[queue])
			queue++;
		t->entries[count++] = (struct entry){ index, queue, j };
	}
	qsort(t->entries, count, sizeof *t->entries, by_turn);
	for (uint32_t i = 0; i < count; i++)
		t->order[i] = t->entries[i].job;
	return rigid_run_in_order(call, plan, t->order, count, t->wanted, err);
}

const struct scheduling_policy policy_tiresias_gittins = {
	.name = "tiresias-gittins",
	.summary = "Gittins index by what ended jobs took, in queues of attained service",
	.source = "Gu et al., NSDI 2019",
	.state_size = sizeof(struct gittins),
	.every_round = true,
	.init = init,
	.decide = decide,
};
