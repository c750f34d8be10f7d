/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/oracles/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "optimize/oracles/estimate_cache.h"

enum { DEFAULT_LOCAL_BATCH = 32, ACCUMULATION_MAX = 1024, KINDS_MAX = 65536 };

/* Jobs that share model and total batch are of one kind: they share their estimates. */
struct kind {
	const struct workload *workload;
	uint32_t batch;
};

struct model_oracle {
	struct oracle base;
	struct model_library *library;
	struct kind *kinds; /* [count] */
	uint32_t count;
	struct estimate_cache cache;
};

static double network_bps(const struct cluster_group *group, bool racks)
{
	double share_bps = group->rack_nodes ? group->rack_link_bps / group->rack_nodes : 0;
	bool narrow =
	    racks && share_bps > 0 && (group->link_bps <= 0 || share_bps < group->link_bps);
	return narrow ? share_bps : group->link_bps;
}

struct model_question {
	uint32_t group, gpus, nodes, batch, setting;
	bool racks; /* spans more than one */
};

/* Fills `out`; false where it does not fit. */
static bool ask(const struct model_oracle *oracle, const struct kind *kind,
                const struct model_question *q, struct estimate *out)
{
	const struct model_library *library = oracle->library;
	const struct power_setting *held = &library->settings[q->group][q->setting];
	struct predict_settings settings = {
		.gpus = q->gpus,
		.node_gpus = (q->gpus + q->nodes - 1) / q->nodes,
		.network_bps = network_bps(&library->cluster->groups[q->group], q->racks),
		.power_cap_w = held->cap_w,
		.clock_hz = held->clock_hz,
	};
	struct prediction prediction;
	double local = (double)q->batch / q->gpus;
	for (unsigned steps = 1; steps <= ACCUMULATION_MAX; steps *= 2) {
		if (steps > 1 && local / steps < 1)
			break;
		settings.batch = local / steps;
		settings.accumulation = steps;
		predict(kind->workload, &library->devices[q->group], &library->calibration,
		        &settings, &prediction);
		if (!prediction.fits)
			continue;
		if (!(prediction.step_time_s > 0) || !isfinite(prediction.step_time_s))
			return false;
		out->iteration_s = prediction.step_time_s;
		out->sync_s = prediction.cause_s[CAUSE_COMMUNICATION];
		out->step_s = prediction.step_time_s / steps;
		out->atomic = (uint32_t)ceil(local / steps);
		out->accumulation = steps - 1;
		out->batch = q->batch;
		out->power_w = prediction.power_w * q->gpus;
		return true;
	}
	return false;
}

static const struct estimate no_device = { .why = "no device file for that type of GPU" };
static const struct estimate too_many = { .why = "more GPUs than samples in its batch" };
static const struct estimate no_setting = { .why = "its GPUs have no such setting of power" };

static bool spans_racks(const struct cluster *cluster, const struct job_config *config,
                        uint32_t nodes)
{
	uint32_t size = cluster->groups[config->group].rack_nodes, first = 0;
	if (!size)
		return false;
	if (!config->shares)
		return nodes > size;
	for (uint32_t g = 0; g < config->group; g++)
		first += cluster->groups[g].nodes;
	uint32_t rack = (config->shares[0].node - first) / size;
	for (uint32_t i = 1; i < config->node_count; i++)
		if ((config->shares[i].node - first) / size != rack)
			return true;
	return false;
}

static const struct estimate *estimate(struct oracle *base, const struct job_facts *job,
                                       const struct job_config *config)
{
	struct model_oracle *oracle = (struct model_oracle *)base;
	const struct kind *kind = &oracle->kinds[job->application_id];
	const struct cluster *cluster = oracle->library->cluster;
	struct model_question q = { .group = config->group,
		                    .gpus = config->gpus,
		                    .batch = config->batch ? config->batch : kind->batch,
		                    .setting = config->setting };
	uint32_t node_gpus = cluster->groups[q.group].gpus_per_node;
	q.nodes = config->shares ? config->node_count : (q.gpus + node_gpus - 1) / node_gpus;
	q.racks = spans_racks(cluster, config, q.nodes);
	if (!oracle->library->has_device[q.group])
		return &no_device;
	if (q.gpus > q.batch)
		return &too_many;
	if (q.setting >= oracle->library->setting_count[q.group])
		return &no_setting;
	bool made;
	struct estimate *found = estimate_cache_get(
	    &oracle->cache, (uint64_t)job->application_id << 32 | q.setting << 16 | q.group,
	    (uint64_t)q.gpus << 32 | q.nodes << 1 | q.racks, q.batch, &made);
	if (!found)
		return &estimate_no_memory;
	if (!made)
		return found;
	found->why = "does not fit in the GPU's memory";
	if (!ask(oracle, kind, &q, found))
		return found;
	double *rate = ARENA_NEW(&oracle->cache.arena, double);
	if (!rate)
		return &estimate_no_memory;
	*rate = q.batch / found->iteration_s;
	found->rate = rate;
	return found;
}

static uint32_t settings(struct oracle *base, const struct job_facts *job, uint32_t group,
                         struct power_setting *out, uint32_t max)
{
	(void)job;
	return model_settings(((struct model_oracle *)base)->library, group, out, max);
}

static double iterations_left(struct oracle *base, const struct job_facts *job, uint32_t epoch)
{
	(void)base;
	(void)epoch;
	return job->work / job->batch;
}

static uint32_t gpus_limit(struct oracle *base, const struct job_facts *job)
{
	(void)base;
	return job->gpus_max;
}

static void fini(struct oracle *base)
{
	estimate_cache_fini(&((struct model_oracle *)base)->cache);
}

static const struct oracle_ops model_ops = {
	.estimate = estimate,
	.batches = oracle_own_batch,
	.iterations_left = iterations_left,
	.gpus_limit = gpus_limit,
	.limits = oracle_own_limits,
	.settings = settings,
	.fini = fini,
};

static enum ergon_code find_kind(struct model_oracle *oracle, const struct workload *workload,
                                 uint32_t batch, uint32_t *id, struct ergon_error *err)
{
	for (uint32_t i = 0; i < oracle->count; i++)
		if (oracle->kinds[i].workload == workload && oracle->kinds[i].batch == batch) {
			*id = i;
			return ERGON_OK;
		}
	if (oracle->count == KINDS_MAX)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "more than %d different pairs of application and batch",
		                  KINDS_MAX);
	oracle->kinds[oracle->count] = (struct kind){ workload, batch };
	*id = oracle->count++;
	return ERGON_OK;
}

static enum ergon_code bind_work(struct model_oracle *oracle, const struct trace *trace,
                                 struct job_facts *job, struct ergon_error *err)
{
	double steps = trace->jobs[job->trace_index].work_steps;
	const struct cluster *cluster = oracle->library->cluster;
	if (steps > 0) {
		job->work = steps * job->batch;
		return ERGON_OK;
	}
	if (!job->duration_ns)
		return ergon_fail_at(err, ERGON_BAD_INPUT, trace->file, job->line,
		                     "job %s states neither steps nor a duration, which --oracle "
		                     "model needs; try --oracle measured:DIR",
		                     job->name);
	const struct estimate *asked = &no_device;
	for (uint32_t g = 0; g < cluster->group_count && !asked->rate; g++)
		if (job->gpus <= cluster->groups[g].nodes * cluster->groups[g].gpus_per_node)
			asked = oracle_packed(&oracle->base, job, g, job->gpus, 0);
	if (!asked->rate)
		return ergon_fail_at(err, ERGON_BAD_INPUT, trace->file, job->line,
		                     "job %s (%s, %u GPUs, batch %u) runs on no type of the "
		                     "cluster: %s",
		                     job->name, job->application, job->gpus, job->batch,
		                     asked->why);
	job->work = (double)job->duration_ns * 1e-9 * asked->rate[0];
	return ERGON_OK;
}

static enum ergon_code bind_job(struct model_oracle *oracle, const struct trace *trace,
                                struct job_facts *job, struct ergon_error *err)
{
	const struct workload *workload;
	struct ergon_error why = { 0 };
	enum ergon_code code =
	    model_library_find(oracle->library, job->application, &workload, &why);
	if (code)
		return ergon_fail_at(err, code, trace->file, job->line, "application: %s",
		                     why.text);
	if (!job->batch)
		job->batch = job->gpus * DEFAULT_LOCAL_BATCH;
	if (job->batch < job->gpus)
		job->batch = job->gpus;
	code = find_kind(oracle, workload, job->batch, &job->application_id, err);
	if (code)
		return code;
	job->epochs = 1;
	job->progress = NULL;
	job->malleable = true;
	if (!job->gpus_min)
		job->gpus_min = 1;
	if (!job->gpus_max || job->gpus_max > job->batch)
		job->gpus_max = job->batch;
	return bind_work(oracle, trace, job, err);
}

enum ergon_code model_oracle(struct arena *arena, struct model_library *library,
                             const struct trace *trace, struct job_facts *jobs, uint32_t count,
                             struct oracle **out, struct ergon_error *err)
{
	struct model_oracle *oracle = ARENA_NEW(arena, struct model_oracle);
	if (!oracle)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	bool any = false;
	for (size_t g = 0; g < library->cluster->group_count; g++)
		any = any || library->has_device[g];
	if (!any)
		return ergon_fail(err, ERGON_NOT_FOUND, "--oracle model: %s", library->missing);
	*oracle = (struct model_oracle){
		.base = { .ops = &model_ops,
		          .name = "model",
		          .basis = "analytical model of each job's step, float32",
		          .power_basis = "analytical model of the GPU's power",
		          .quantum_ns = 1 },
		.library = library,
		.kinds = ARENA_ARRAY(arena, struct kind, KINDS_MAX),
	};
	*out = &oracle->base; /* its owner frees the cache, whatever happens next */
	if (!oracle->kinds)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; i < count; i++) {
		enum ergon_code code = bind_job(oracle, trace, &jobs[i], err);
		if (code)
			return code;
	}
	return ERGON_OK;
}
