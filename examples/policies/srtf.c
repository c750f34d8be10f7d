/* SPDX-License-Identifier: Apache-2.0
 *
 * Shortest remaining time first, as a policy in a shared library.
 *
 *     cc -shared -fPIC -o libsrtf.so srtf.c $(pkg-config --cflags ergon)
 *     ergon simulate -c 16x4:t4 -t jobs.csv -p srtf,external --external ./libsrtf.so
 *
 * gives the same figures twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ergon/policy.h>

#define NOWHERE UINT32_MAX

struct srtf {
	uint32_t group_count;
	uint32_t *capacity, *left, *free; /* [groups], GPUs */
	const struct ergon_policy_job **order;
	uint32_t *wanted; /* [jobs], by place in order: the group, or NOWHERE */
};

static void srtf_close(void *self)
{
	struct srtf *srtf = self;
	free(srtf->capacity);
	free(srtf->left);
	free(srtf->free);
	free(srtf->order);
	free(srtf->wanted);
	free(srtf);
}

static void *srtf_open(const struct ergon_policy_run *run, char *error, size_t size)
{
	struct srtf *srtf = calloc(1, sizeof *srtf);
	if (!srtf)
		return NULL;
	srtf->group_count = run->group_count;
	srtf->capacity = calloc(run->group_count, sizeof(uint32_t));
	srtf->left = calloc(run->group_count, sizeof(uint32_t));
	srtf->free = calloc(run->group_count, sizeof(uint32_t));
	srtf->order = calloc(run->job_count, sizeof(*srtf->order));
	srtf->wanted = calloc(run->job_count, sizeof(uint32_t));
	if (!srtf->capacity || !srtf->left || !srtf->free || !srtf->order || !srtf->wanted) {
		snprintf(error, size, "out of memory");
		srtf_close(srtf);
		return NULL;
	}
	for (uint32_t g = 0; g < run->group_count; g++)
		srtf->capacity[g] = run->groups[g].nodes * run->groups[g].gpus_per_node;
	return srtf;
}

static int by_remaining(const void *a, const void *b)
{
	const struct ergon_policy_job *x = *(const struct ergon_policy_job *const *)a;
	const struct ergon_policy_job *y = *(const struct ergon_policy_job *const *)b;
	if (x->remaining_s != y->remaining_s)
		return x->remaining_s < y->remaining_s ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

/* One type of GPU suits every job that the trace has; of several, ergon is asked. */
static int can_run(const struct srtf *srtf, const struct ergon_policy_calls *calls,
                   const struct ergon_policy_job *job, uint32_t group)
{
	double time_s, power_w;
	return srtf->group_count == 1 ||
	       calls->estimate(calls->context, job->id, group, job->gpus, 0, &time_s, &power_w);
}

/* The job's own group if it runs, else the first with room. */
static uint32_t choose(const struct srtf *srtf, const struct ergon_policy_calls *calls,
                       const struct ergon_policy_job *job, const uint32_t *room, int keep)
{
	if (keep && job->running && room[job->held_group] >= job->gpus)
		return job->held_group;
	for (uint32_t g = 0; g < srtf->group_count; g++)
		if (room[g] >= job->gpus && can_run(srtf, calls, job, g))
			return g;
	return NOWHERE;
}

static int srtf_decide(void *self, const struct ergon_policy_state *state,
                       const struct ergon_policy_calls *calls, char *error, size_t size)
{
	struct srtf *srtf = self;
	size_t groups = srtf->group_count * sizeof(uint32_t);
	memcpy(srtf->left, srtf->capacity, groups);
	memcpy(srtf->free, state->free_gpus, groups);
	for (uint32_t i = 0; i < state->job_count; i++)
		srtf->order[i] = &state->jobs[i];
	qsort(srtf->order, state->job_count, sizeof *srtf->order, by_remaining);
	for (uint32_t i = 0; i < state->job_count; i++) {
		const struct ergon_policy_job *job = srtf->order[i];
		uint32_t group = choose(srtf, calls, job, srtf->left, 1);
		srtf->wanted[i] = group;
		if (group != NOWHERE)
			srtf->left[group] -= job->gpus;
		if (!job->running)
			continue;
		if (group == job->held_group) {
			srtf->wanted[i] = NOWHERE; /* it goes on */
			continue;
		}
		calls->preempt(calls->context, job->id);
		srtf->free[job->held_group] += job->held_gpus;
	}
	for (uint32_t i = 0; i < state->job_count; i++) {
		const struct ergon_policy_job *job = srtf->order[i];
		uint32_t group;
		if (srtf->wanted[i] == NOWHERE)
			continue;
		group = choose(srtf, calls, job, srtf->free, 0);
		if (group == NOWHERE)
			continue;
		if (calls->place(calls->context, job->id, group, job->gpus, 0,
		                 ERGON_POLICY_EMPTIEST)) {
			snprintf(error, size, "%s", calls->why(calls->context));
			return 1;
		}
		srtf->free[group] -= job->gpus;
	}
	return 0;
}

const struct ergon_policy *ergon_policy(uint32_t abi)
{
	static const struct ergon_policy policy = { ERGON_POLICY_ABI, "srtf", srtf_open,
		                                    srtf_decide, srtf_close };
	return abi == ERGON_POLICY_ABI ? &policy : NULL;
}
