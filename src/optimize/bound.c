/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/bound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "optimize/policies/queue.h"

enum { BATCHES_MAX = 64, EVERY_COUNT_TO = 16 };

/* Of jobs that differ at most in work, a unit of it; of others, all of it. */
struct known {
	uint32_t application_id, gpus, gpus_min, gpus_max;
	bool made;
	struct least least;
};
enum { KNOWN = 4096 };

struct search_bound {
	const struct sim_setup *setup;
	double held_w[CLUSTER_GROUPS_MAX], floor_w;
	struct known *known; /* [KNOWN] */
};

static void try_settings(const struct search_bound *s, const struct job_facts *job,
                         struct job_config config, struct least *least)
{
	struct power_setting settings[POWER_SETTINGS_MAX];
	struct oracle *oracle = s->setup->oracle;
	uint32_t count = oracle_settings(oracle, job, config.group, settings, POWER_SETTINGS_MAX);
	for (config.setting = 0; config.setting < count; config.setting++) {
		const struct estimate *e = oracle_estimate(oracle, job, &config);
		if (!e->rate)
			continue;
		double time_s = estimate_remaining_s(e, job, 0, 0), gpus = config.gpus;
		least->time_s = fmin(least->time_s, time_s);
		least->gpu_s = fmin(least->gpu_s, time_s * gpus);
		least->energy_j =
		    fmin(least->energy_j, time_s * (e->power_w + gpus * s->held_w[config.group]));
	}
}

/* One by one. */
static void try_all(const struct search_bound *s, const struct job_facts *job, uint32_t group,
                    struct least *least)
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

static struct least ask(const struct search_bound *s, const struct job_facts *job)
{
	struct least best = { INFINITY, INFINITY, INFINITY };
	struct oracle *oracle = s->setup->oracle;
	for (uint32_t g = 0; g < s->setup->cluster->group_count; g++) {
		struct least one = { INFINITY, INFINITY, INFINITY };
		if (oracle->ops->least)
			oracle->ops->least(oracle, job, g, s->held_w[g], &one);
		else
			try_all(s, job, g, &one);
		best.time_s = fmin(best.time_s, one.time_s);
		best.gpu_s = fmin(best.gpu_s, one.gpu_s);
		best.energy_j = fmin(best.energy_j, one.energy_j);
	}
	return best;
}

/* Jobs of one application differ in nothing but, with a single epoch, their work. */
static struct least least_of(struct search_bound *s, const struct job_facts *job)
{
	uint64_t hash = job->application_id * UINT64_C(0x9e3779b97f4a7c15) + job->gpus * 31 +
	                job->gpus_min * 7 + job->gpus_max;
	struct known *known = &s->known[(hash ^ hash >> 32) % KNOWN];
	double work = job->epochs == 1 ? job->work : 1;
	if (!known->made || known->application_id != job->application_id ||
	    known->gpus != job->gpus || known->gpus_min != job->gpus_min ||
	    known->gpus_max != job->gpus_max) {
		*known = (struct known){ job->application_id, job->gpus, job->gpus_min,
			                 job->gpus_max,       true,      ask(s, job) };
		known->least.time_s /= work;
		known->least.gpu_s /= work;
		known->least.energy_j /= work;
	}
	return (struct least){ known->least.time_s * work, known->least.gpu_s * work,
		               known->least.energy_j * work };
}

static void price_nodes(struct search_bound *s)
{
	const struct sim_setup *setup = s->setup;
	for (size_t g = 0; g < setup->cluster->group_count; g++) {
		const struct cluster_group *group = &setup->cluster->groups[g];
		double idle_w = setup->gpu_idle_w[g];
		double up_w = setup->host_w[g] + idle_w * group->gpus_per_node, least_w = up_w;
		if (cluster_group_sleeps(group))
			least_w = fmin(up_w, group->sleep_w);
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

enum ergon_code bound_of(const struct sim_setup *setup, struct arena *arena, struct bound *bound,
                         struct ergon_error *err)
{
	struct search_bound s = { .setup = setup };
	struct queue queue;
	double *gpu_s = ARENA_ARRAY(arena, double, setup->count);
	double begin_s = (double)setup->jobs[0].arrival_ns * 1e-9, last_s = begin_s, alone_s = 0;
	s.known = ARENA_ARRAY(arena, struct known, KNOWN);
	*bound = (struct bound){ 0 };
	if (!gpu_s || !s.known || !queue_init(&queue, arena, setup->count))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	price_nodes(&s);
	for (uint32_t i = 0; i < setup->count; i++) {
		const struct job_facts *job = &setup->jobs[i];
		struct least least = least_of(&s, job);
		double restart_s = (double)job_restart_ns(job, &setup->options) * 1e-9;
		double start_s = first_start_s(setup, job),
		       least_gpus = job->malleable ? 1 : job->gpus;
		double end_s = start_s + restart_s + least.time_s;
		gpu_s[i] = least.gpu_s + restart_s * least_gpus;
		last_s = fmax(last_s, end_s);
		alone_s += end_s - (double)job->arrival_ns * 1e-9;
		bound->gpu_s += gpu_s[i];
		bound->energy_j += least.energy_j;
	}
	alone_s /= setup->count;
	double queued_s = isfinite(bound->gpu_s) ? queue_mean_s(setup, gpu_s, &queue) : alone_s;
	bound->makespan_s = fmax(last_s - begin_s, bound->gpu_s / setup->cluster->gpus);
	bound->jct_by_queue = queued_s > alone_s;
	bound->jct_mean_s = fmax(alone_s, queued_s);
	bound->energy_j += s.floor_w * bound->makespan_s;
	if (!isfinite(bound->energy_j) || !isfinite(bound->jct_mean_s))
		bound->energy_j = bound->jct_mean_s = bound->makespan_s = (double)NAN;
	return ERGON_OK;
}
