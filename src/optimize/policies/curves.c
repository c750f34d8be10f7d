/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/curves.h"

#include <math.h>
#include <string.h>

enum { BATCHES_MAX = 64, SCRATCH = 16384, NODES_SINGLY = 16 };

enum ergon_code curves_init(struct curves *curves, const struct policy_setup *setup,
                            struct ergon_error *err)
{
	curves->arena = setup->arena;
	curves->time_weight = setup->options->time_weight;
	curves->energy_weight = setup->options->energy_weight;
	curves->scratch = ARENA_ARRAY(setup->arena, struct curve_item, SCRATCH);
	return curves->scratch ? ERGON_OK : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

/* Fills time, energy and batch of an item; false where it cannot run so. */
static bool fill(struct curves *c, const struct policy_call *call, const struct job_facts *job,
                 const uint32_t *batch, uint32_t batches, struct curve_item *item)
{
	const struct estimate *options[BATCHES_MAX];
	uint32_t epochs = job->epochs, known = 0, of[BATCHES_MAX];
	for (uint32_t b = 0; b < batches; b++) {
		struct job_config config = { .group = item->group,
			                     .gpus = item->gpus,
			                     .batch = batch[b],
			                     .setting = item->setting };
		options[known] = oracle_estimate(call->oracle, job, &config);
		of[known] = batch[b];
		known += options[known]->rate != NULL;
	}
	if (!known)
		return false;
	double *time_s = ARENA_ARRAY(c->arena, double, epochs + 1);
	double *energy_j = ARENA_ARRAY(c->arena, double, epochs + 1);
	uint32_t *best = ARENA_ARRAY(c->arena, uint32_t, epochs);
	if (!time_s || !energy_j || !best)
		return false;
	for (uint32_t e = epochs; e-- > 0;) {
		double least = (double)INFINITY, work = job_mark(job, e + 1) - job_mark(job, e);
		for (uint32_t k = 0; k < known; k++) {
			double span_s = fmax(1e-9, work / options[k]->rate[e]);
			double watts = fmax(1e-9, options[k]->power_w);
			double score = (c->time_weight + c->energy_weight) * log(span_s) +
			               c->energy_weight * log(watts);
			if (score >= least)
				continue;
			least = score;
			best[e] = of[k];
			time_s[e] = time_s[e + 1] + span_s;
			energy_j[e] = energy_j[e + 1] + span_s * watts;
		}
	}
	item->time_s = time_s;
	item->energy_j = energy_j;
	item->batch = best;
	return true;
}

/* Parts of a node, then whole nodes, then twice as many each time. */
static uint32_t next_count(uint32_t gpus, uint32_t node)
{
	if (gpus < node)
		return gpus < 8 ? gpus + 1 : (gpus * 2 < node ? gpus * 2 : node);
	return gpus < node * NODES_SINGLY ? gpus + node : gpus * 2;
}

static bool beaten(const struct curve_item *items, uint32_t count, const struct curve_item *one)
{
	for (uint32_t i = 0; i < count; i++)
		if (items[i].group == one->group && items[i].gpus <= one->gpus &&
		    items[i].time_s[0] <= one->time_s[0] &&
		    items[i].energy_j[0] <= one->energy_j[0])
			return true;
	return false;
}

static uint32_t list_items(struct curves *c, const struct policy_call *call,
                           const struct job_facts *job)
{
	const struct pool *pool = call->cluster->pool;
	uint32_t batch[BATCHES_MAX], batches = 1, count = 0;
	batch[0] = job->batch;
	if (!c->own_batch)
		batches = call->oracle->ops->batches(call->oracle, job, batch, BATCHES_MAX);
	for (uint32_t g = 0; g < pool->group_count; g++) {
		struct power_setting settings[POWER_SETTINGS_MAX];
		uint32_t node = pool->groups[g].gpus_per_node, most = pool->groups[g].nodes * node;
		uint32_t levels = oracle_settings(call->oracle, job, g, settings,
		                                  c->all_settings ? POWER_SETTINGS_MAX : 1);
		if (most > job->gpus_max)
			most = job->gpus_max;
		bool any = job->malleable && !c->own_count;
		for (uint32_t n = any ? 1 : job->gpus; n <= most;
		     n = any ? next_count(n, node) : most + 1)
			for (uint32_t s = 0; s < levels && n >= job->gpus_min; s++) {
				struct curve_item one = { .group = g, .gpus = n, .setting = s };
				if (count < SCRATCH && fill(c, call, job, batch, batches, &one) &&
				    !beaten(c->scratch, count, &one))
					c->scratch[count++] = one;
			}
	}
	return count;
}

const struct curve *curves_of(struct curves *c, const struct policy_call *call,
                              const struct job_facts *job)
{
	struct curve **bucket = &c->buckets[job->application_id % CURVE_BUCKETS];
	for (struct curve *at = *bucket; at; at = at->next)
		if (at->application_id == job->application_id && at->gpus_min == job->gpus_min &&
		    at->gpus_max == job->gpus_max && (!c->own_batch || at->batch == job->batch) &&
		    (!c->own_count || at->gpus == job->gpus))
			return at;
	struct curve *made = ARENA_NEW(c->arena, struct curve);
	uint32_t count = list_items(c, call, job);
	struct curve_item *items = ARENA_ARRAY(c->arena, struct curve_item, count + 1);
	if (!made || !items)
		return NULL;
	memcpy(items, c->scratch, count * sizeof *items);
	*made = (struct curve){ .application_id = job->application_id,
		                .gpus_min = job->gpus_min,
		                .gpus_max = job->gpus_max,
		                .count = count,
		                .epochs = job->epochs,
		                .items = items,
		                .work = job->work,
		                .gpus = job->gpus,
		                .batch = job->batch,
		                .next = *bucket };
	*bucket = made;
	return made;
}
