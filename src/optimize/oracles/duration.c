/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/oracles/duration.h"

#include "optimize/oracles/estimate_cache.h"

/* Estimates differ only in group and number of GPUs. */
struct duration_oracle {
	struct oracle base;
	const double *gpu_max_w;
	struct estimate_cache cache;
};

static const double one = 1;
static const struct estimate rigid = { .why = "the trace gives a duration for what was asked for, "
	                                      "and for nothing else" };

static const struct estimate *estimate(struct oracle *base, const struct job_facts *job,
                                       const struct job_config *config)
{
	struct duration_oracle *oracle = (struct duration_oracle *)base;
	if (config->gpus != job->gpus || (config->batch && config->batch != job->batch))
		return &rigid;
	bool made;
	struct estimate *found =
	    estimate_cache_get(&oracle->cache, config->group, config->gpus, 0, &made);
	if (!found)
		return &estimate_no_memory;
	if (made)
		*found =
		    (struct estimate){ .rate = &one,
			               .power_w = oracle->gpu_max_w[config->group] * config->gpus };
	return found;
}

static double iterations_left(struct oracle *base, const struct job_facts *job, uint32_t epoch)
{
	(void)base;
	(void)epoch;
	return job->work;
}

static uint32_t gpus_limit(struct oracle *base, const struct job_facts *job)
{
	(void)base;
	return job->gpus;
}

static void fini(struct oracle *base)
{
	estimate_cache_fini(&((struct duration_oracle *)base)->cache);
}

static const struct oracle_ops duration_ops = {
	.estimate = estimate,
	.batches = oracle_own_batch,
	.iterations_left = iterations_left,
	.gpus_limit = gpus_limit,
	.limits = oracle_own_limits,
	.fini = fini,
};

enum ergon_code duration_oracle(struct arena *arena, const struct cluster *cluster,
                                const double *gpu_max_w, const char *file, struct job_facts *jobs,
                                uint32_t count, struct oracle **out, struct ergon_error *err)
{
	struct duration_oracle *oracle = ARENA_NEW(arena, struct duration_oracle);
	double *powers = ARENA_ARRAY(arena, double, cluster->group_count);
	if (!oracle || !powers)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t g = 0; g < cluster->group_count; g++)
		powers[g] = gpu_max_w[g];
	for (uint32_t i = 0; i < count; i++) {
		if (jobs[i].duration_ns == 0)
			return ergon_fail_at(err, ERGON_BAD_INPUT, file, jobs[i].line,
			                     "job %s states no duration, which --oracle duration "
			                     "needs; try --oracle model or measured:DIR",
			                     jobs[i].name);
		jobs[i].work = (double)jobs[i].duration_ns * 1e-9;
		jobs[i].epochs = 1;
		jobs[i].progress = NULL;
		jobs[i].malleable = false;
		jobs[i].gpus_min = jobs[i].gpus_max = jobs[i].gpus;
	}
	oracle->base = (struct oracle){ .ops = &duration_ops,
		                        .name = "duration",
		                        .basis = "durations of the trace",
		                        .power_basis = "every busy GPU at its full power",
		                        .quantum_ns = 1 };
	oracle->gpu_max_w = powers;
	*out = &oracle->base;
	return ERGON_OK;
}
