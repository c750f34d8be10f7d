/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/backfill.h"

#include <math.h>
#include <string.h>

#include "optimize/policies/rigid.h"

static bool reserve(struct profile *profile, struct arena *arena, uint32_t need)
{
	if (need <= profile->capacity)
		return true;
	uint32_t capacity = need * 2 < 64 ? 64 : need * 2;
	double *time_s = ARENA_ARRAY(arena, double, capacity);
	int64_t *free = ARENA_ARRAY(arena, int64_t, capacity);
	if (!time_s || !free)
		return false;
	if (profile->count) {
		memcpy(time_s, profile->time_s, profile->count * sizeof *time_s);
		memcpy(free, profile->free, profile->count * sizeof *free);
	}
	profile->time_s = time_s;
	profile->free = free;
	profile->capacity = capacity;
	return true;
}

/* The first step that begins at time_s or later. */
static uint32_t step_from(const struct profile *profile, double time_s)
{
	uint32_t low = 0, high = profile->count;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (profile->time_s[middle] < time_s)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Makes a step begin at time_s. */
static uint32_t split(struct profile *profile, double time_s)
{
	uint32_t at = step_from(profile, time_s);
	if (at < profile->count && profile->time_s[at] == time_s)
		return at;
	memmove(profile->time_s + at + 1, profile->time_s + at,
	        (profile->count - at) * sizeof *profile->time_s);
	memmove(profile->free + at + 1, profile->free + at,
	        (profile->count - at) * sizeof *profile->free);
	profile->time_s[at] = time_s;
	profile->free[at] = at ? profile->free[at - 1] : 0;
	profile->count++;
	return at;
}

bool profile_take(struct profile *profile, struct arena *arena, double begin_s, double end_s,
                  uint32_t gpus)
{
	if (!(end_s > begin_s))
		return true;
	if (!reserve(profile, arena, profile->count + 2))
		return false;
	uint32_t first = split(profile, begin_s);
	uint32_t last = isfinite(end_s) ? split(profile, end_s) : profile->count;
	for (uint32_t i = first; i < last; i++)
		profile->free[i] -= gpus;
	return true;
}

double profile_earliest(const struct profile *profile, double span_s, uint32_t gpus)
{
	for (uint32_t i = 0; i < profile->count; i++) {
		if (profile->free[i] < gpus)
			continue;
		uint32_t j = i;
		double end_s = profile->time_s[i] + span_s;
		while (j < profile->count && profile->time_s[j] < end_s && profile->free[j] >= gpus)
			j++;
		if (j == profile->count || profile->time_s[j] >= end_s)
			return profile->time_s[i];
		i = j;
	}
	return (double)INFINITY;
}

/* By the user's word, else by the oracle; at least a second. */
static double span_of(const struct policy_call *call, uint32_t job)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	if (facts->estimate_ns && !facts->malleable)
		return fmax(1, (double)facts->estimate_ns * 1e-9);
	return fmax(1, rigid_left_s(call, job));
}

static double expected_end_s(const struct policy_call *call, uint32_t job, double now_s)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	if (!facts->estimate_ns || facts->malleable)
		return now_s + fmax(1e-9, rigid_left_s(call, job));
	double end_s = (double)(call->jobs->state[job].start_ns + facts->estimate_ns) * 1e-9;
	return end_s > now_s ? end_s : now_s + 1e-9;
}

static bool build(struct backfill *b, const struct policy_call *call, double now_s)
{
	const struct pool *pool = call->cluster->pool;
	for (uint32_t g = 0; g < pool->group_count; g++) {
		struct profile *profile = &b->profiles[g];
		profile->count = 0;
		if (!reserve(profile, b->arena, 1))
			return false;
		profile->time_s[0] = now_s;
		profile->free[0] = pool_capacity(pool, g);
		profile->count = 1;
	}
	for (uint32_t j = call->jobs->first; j != JOB_NONE; j = call->jobs->state[j].next) {
		const struct job_state *state = &call->jobs->state[j];
		if (state->gpus && !profile_take(&b->profiles[state->group], b->arena, now_s,
		                                 expected_end_s(call, j, now_s), state->gpus))
			return false;
	}
	return true;
}

static uint32_t earliest_group(struct backfill *b, const struct policy_call *call, uint32_t job,
                               double span_s, double *begin_s)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	uint32_t best = POOL_NONE;
	*begin_s = (double)INFINITY;
	for (uint32_t g = 0; g < call->cluster->pool->group_count; g++) {
		if (call->cluster->pool->group_count > 1 &&
		    !oracle_packed(call->oracle, facts, g, facts->gpus, 0)->rate)
			continue;
		double at_s = profile_earliest(&b->profiles[g], span_s, facts->gpus);
		if (at_s < *begin_s) {
			*begin_s = at_s;
			best = g;
		}
	}
	return best;
}

enum ergon_code backfill_decide(struct backfill *b, const struct policy_call *call,
                                struct plan *plan, struct ergon_error *err)
{
	const struct pool *pool = call->cluster->pool;
	double now_s = (double)call->now_ns * 1e-9;
	uint32_t reserved = 0;
	if (!pool->free_gpus || call->jobs->pending_first == JOB_NONE)
		return ERGON_OK;
	if (!build(b, call, now_s))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	uint32_t j = call->jobs->pending_first;
	for (; j != JOB_NONE && pool->free_gpus; j = call->jobs->state[j].pending_next) {
		const struct job_facts *facts = &call->jobs->facts[j];
		double span_s = span_of(call, j), begin_s;
		uint32_t group = earliest_group(b, call, j, span_s, &begin_s);
		bool now = group != POOL_NONE && begin_s <= now_s &&
		           pool->groups[group].free_gpus >= facts->gpus;
		if (now) {
			enum ergon_code code =
			    plan_place(plan, j, group, facts->gpus, 0, SPREAD_PACKED, err);
			if (code)
				return code;
		} else if (reserved >= b->reservations || group == POOL_NONE) {
			continue;
		} else {
			reserved++;
		}
		if (!profile_take(&b->profiles[group], b->arena, begin_s, begin_s + span_s,
		                  facts->gpus))
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	return ERGON_OK;
}
