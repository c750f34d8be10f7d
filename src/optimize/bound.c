/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/bound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "optimize/bound_pace.h"
#include "optimize/policies/queue.h"

enum { BATCHES_MAX = 64, EVERY_COUNT_TO = 16, KNOWN = 4096 };
/* Prices: each of these alone, then those of bound_pace.h. */
enum { LEAST_TIME, LEAST_GPU_S, LEAST_ENERGY, LEAST_COUNT };

/* Of jobs that differ at most in work, a unit of it; of others, all of it. */
struct known {
	uint32_t application_id, gpus, gpus_min, gpus_max;
	double *cost; /* [prices]; NULL: free */
};

struct search_bound {
	const struct sim_setup *setup;
	struct arena *arena;
	double held_w[CLUSTER_GROUPS_MAX], floor_w;
	bool may_sleep; /* then a GPU that is held counts for a part of its node */
	struct price prices[LEAST_COUNT + PACE_PRICES];
	uint32_t price_count;
	double *of_epochs;   /* [price_count][epochs_max] */
	struct known *known; /* [KNOWN] */
};

static void try_settings(const struct search_bound *s, const struct job_facts *job,
                         struct job_config config, double *least)
{
	struct power_setting settings[POWER_SETTINGS_MAX];
	struct oracle *oracle = s->setup->oracle;
	uint32_t count = oracle_settings(oracle, job, config.group, settings, POWER_SETTINGS_MAX);
	for (config.setting = 0; config.setting < count; config.setting++) {
		const struct estimate *e = oracle_estimate(oracle, job, &config);
		if (!e->rate)
			continue;
		double gpus = config.gpus, power_w = e->power_w + gpus * s->held_w[config.group];
		for (uint32_t i = 0; i < job->epochs; i++) {
			double work = job_mark(job, i + 1) - job_mark(job, i);
			double time_s = fmax(0, work / e->rate[i]);
			for (uint32_t k = 0; k < s->price_count; k++) {
				const struct price *price = &s->prices[k];
				double cost = time_s * (price->energy * power_w + price->time_w +
				                        price->gpu_w * gpus);
				double *at = &least[(size_t)k * job->epochs + i];
				*at = fmin(*at, cost);
			}
		}
	}
}

/* One by one. */
static void try_all(const struct search_bound *s, const struct job_facts *job, uint32_t group,
                    double *least)
{
	const struct cluster_group *spec = &s->setup->cluster->groups[group];
	uint32_t most = spec->nodes * spec->gpus_per_node, batch[BATCHES_MAX];
	uint32_t batches =
	    s->setup->oracle->ops->batches(s->setup->oracle, job, batch, BATCHES_MAX);
	if (most > job->gpus_max && job->gpus_max)
		most = job->gpus_max;
	uint32_t first = job->malleable ? (job->gpus_min ? job->gpus_min : 1) : job->gpus;
	for (uint32_t g = first; g <= most; g = g < EVERY_COUNT_TO ? g + 1 : g * 2) {
		for (uint32_t b = 0; b < batches; b++)
			try_settings(
			    s, job,
			    (struct job_config){ .group = group, .gpus = g, .batch = batch[b] },
			    least);
		if (!job->malleable)
			return;
	}
}

/* Its least cost at each price, over all configurations, into cost[price_count]. */
static void ask(const struct search_bound *s, const struct job_facts *job, double *cost)
{
	struct oracle *oracle = s->setup->oracle;
	for (size_t i = 0; i < (size_t)s->price_count * job->epochs; i++)
		s->of_epochs[i] = (double)INFINITY;
	for (uint32_t g = 0; g < s->setup->cluster->group_count; g++) {
		if (oracle->ops->least)
			oracle->ops->least(oracle, job, g, s->held_w[g], s->prices, s->price_count,
			                   s->of_epochs);
		else
			try_all(s, job, g, s->of_epochs);
	}
	for (uint32_t k = 0; k < s->price_count; k++) {
		cost[k] = 0;
		for (uint32_t e = 0; e < job->epochs; e++)
			cost[k] += s->of_epochs[(size_t)k * job->epochs + e];
	}
}

/* Jobs of one application differ in nothing but, with a single epoch, their work. NULL: out of
 * memory. */
static const double *least_of(struct search_bound *s, const struct job_facts *job, double *scale)
{
	uint64_t hash = job->application_id * UINT64_C(0x9e3779b97f4a7c15) + job->gpus * 31 +
	                job->gpus_min * 7 + job->gpus_max;
	uint32_t at = (uint32_t)((hash ^ hash >> 32) % KNOWN);
	struct known *known = &s->known[at];
	*scale = job->epochs == 1 ? job->work : 1;
	if (known->cost && known->application_id == job->application_id &&
	    known->gpus == job->gpus && known->gpus_min == job->gpus_min &&
	    known->gpus_max == job->gpus_max)
		return known->cost;
	double *cost = ARENA_ARRAY(s->arena, double, s->price_count);
	if (!cost)
		return NULL;
	ask(s, job, cost);
	for (uint32_t k = 0; k<s->price_count && * scale> 0; k++)
		cost[k] /= *scale;
	*known =
	    (struct known){ job->application_id, job->gpus, job->gpus_min, job->gpus_max, cost };
	return cost;
}

static void price_nodes(struct search_bound *s)
{
	const struct sim_setup *setup = s->setup;
	for (size_t g = 0; g < setup->cluster->group_count; g++) {
		const struct cluster_group *group = &setup->cluster->groups[g];
		double idle_w = setup->gpu_idle_w[g];
		double up_w = setup->host_w[g] + idle_w * group->gpus_per_node, least_w = up_w;
		if (cluster_group_sleeps(group)) {
			least_w = fmin(up_w, group->sleep_w);
			s->may_sleep = true;
		}
		s->held_w[g] = (up_w - least_w) / group->gpus_per_node - idle_w;
		s->floor_w += least_w * group->nodes;
	}
}

static double first_start_s(const struct sim_setup *setup, const struct job_facts *job)
{
	uint64_t interval = setup->options.interval_ns, at = job->arrival_ns;
	if (interval) {
		at = (at + interval - 1) / interval * interval;
		at = at ? at : interval;
	}
	return (double)at * 1e-9;
}

/* Mean completion time on one machine with all GPUs, the shortest remaining job first. */
static double queue_mean_s(const struct sim_setup *setup, const double *gpu_s, struct queue *queue)
{
	double gpus = setup->cluster->gpus, now_s = 0, sum_s = 0;
	uint32_t next = 0;
	while (next < setup->count || queue->count) {
		double arrival_s = next < setup->count ? first_start_s(setup, &setup->jobs[next])
		                                       : (double)INFINITY;
		if (!queue->count && arrival_s > now_s)
			now_s = arrival_s;
		while (next < setup->count && first_start_s(setup, &setup->jobs[next]) <= now_s) {
			queue_push(queue, gpu_s[next], next);
			next++;
		}
		arrival_s = next < setup->count ? first_start_s(setup, &setup->jobs[next])
		                                : (double)INFINITY;
		struct queue_item top = queue_pop(queue);
		double end_s = now_s + top.key / gpus;
		if (end_s <= arrival_s) {
			sum_s += end_s - (double)setup->jobs[top.job].arrival_ns * 1e-9;
			now_s = end_s;
		} else {
			queue_push(queue, top.key - (arrival_s - now_s) * gpus, top.job);
			now_s = arrival_s;
		}
	}
	return sum_s / setup->count;
}

static bool init(struct search_bound *s, struct bound *bound)
{
	uint32_t count = s->setup->count, epochs = 1;
	for (uint32_t i = 0; i < count; i++)
		epochs = s->setup->jobs[i].epochs > epochs ? s->setup->jobs[i].epochs : epochs;
	s->prices[LEAST_TIME] = (struct price){ .time_w = 1 };
	s->prices[LEAST_GPU_S] = (struct price){ .gpu_w = 1 };
	s->prices[LEAST_ENERGY] = (struct price){ .energy = 1 };
	s->price_count = LEAST_COUNT;
	if (count <= BOUND_JOBS_MAX) {
		for (uint32_t k = 0; k < PACE_PRICES; k++)
			s->prices[LEAST_COUNT + k] = (struct price){ 1, pace_time_w(k % PACE_TIMES),
				                                     pace_gpu_w(k / PACE_TIMES) };
		s->price_count += PACE_PRICES;
		bound->pace = ARENA_NEW(s->arena, struct bound_pace);
		if (!bound->pace)
			return false;
		bound->pace->ready_s = ARENA_ARRAY(s->arena, double, count);
		bound->pace->scale = ARENA_ARRAY(s->arena, double, count);
		bound->pace->cost_j = arena_alloc(s->arena, count, sizeof(double *));
		if (!bound->pace->ready_s || !bound->pace->scale || !bound->pace->cost_j)
			return false;
	}
	s->known = ARENA_ARRAY(s->arena, struct known, KNOWN);
	s->of_epochs = ARENA_ARRAY(s->arena, double, (size_t)s->price_count *epochs);
	return s->known && s->of_epochs;
}

enum ergon_code bound_of(const struct sim_setup *setup, struct arena *arena, struct bound *bound,
                         struct ergon_error *err)
{
	struct search_bound s = { .setup = setup, .arena = arena };
	struct queue queue;
	double *gpu_s = ARENA_ARRAY(arena, double, setup->count);
	double begin_s = (double)setup->jobs[0].arrival_ns * 1e-9, last_s = begin_s, alone_s = 0;
	*bound = (struct bound){ 0 };
	if (!gpu_s || !init(&s, bound) || !queue_init(&queue, arena, setup->count))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	price_nodes(&s);
	struct bound_pace *pace = bound->pace;
	for (uint32_t i = 0; i < setup->count; i++) {
		const struct job_facts *job = &setup->jobs[i];
		double scale;
		const double *least = least_of(&s, job, &scale);
		if (!least)
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
		double restart_s = (double)job_restart_ns(job, &setup->options) * 1e-9;
		double arrival_s = (double)job->arrival_ns * 1e-9;
		double ready_s = first_start_s(setup, job) + restart_s;
		double restart_gpu_s = restart_s * (job->malleable ? 1 : job->gpus);
		double end_s = ready_s + least[LEAST_TIME] * scale;
		gpu_s[i] = least[LEAST_GPU_S] * scale + restart_gpu_s;
		last_s = fmax(last_s, end_s);
		alone_s += end_s - arrival_s;
		bound->gpu_s += gpu_s[i];
		bound->energy_j += least[LEAST_ENERGY] * scale;
		if (!pace)
			continue;
		pace->ready_s[i] = ready_s - begin_s;
		pace->scale[i] = scale;
		pace->cost_j[i] = least + LEAST_COUNT;
		pace->waits_s += ready_s - arrival_s;
		pace->restart_gpu_s += restart_gpu_s;
	}
	alone_s /= setup->count;
	double queued_s = isfinite(bound->gpu_s) ? queue_mean_s(setup, gpu_s, &queue) : alone_s;
	bound->makespan_s = fmax(last_s - begin_s, bound->gpu_s / setup->cluster->gpus);
	bound->jct_by_queue = queued_s > alone_s;
	bound->jct_mean_s = fmax(alone_s, queued_s);
	bound->jobs_j = s.may_sleep ? (double)NAN : bound->energy_j;
	bound->energy_j += s.floor_w * bound->makespan_s;
	if (!isfinite(bound->energy_j) || !isfinite(bound->jct_mean_s))
		bound->energy_j = bound->jct_mean_s = bound->makespan_s = (double)NAN;
	if (pace && isfinite(bound->energy_j)) {
		pace->count = setup->count;
		pace->floor_w = s.floor_w;
		pace->gpus = setup->cluster->gpus;
		pace->shortest_s = bound->makespan_s;
		bound->energy_j =
		    fmax(bound->energy_j, bound_at_pace(bound, (double)INFINITY, (double)INFINITY));
	}
	return ERGON_OK;
}
