/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/oracles/gavel.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

enum { KINDS_MAX = 4096 };
static const double rate_max = 1e6; /* steps a second */
static const double default_round_s = 360;

/* A job type with a number of GPUs. */
struct kind {
	const char *application;
	uint32_t batch, gpus;
	struct estimate *estimates; /* [groups][2]: consolidated, spread */
};

struct gavel_oracle {
	struct oracle base;
	const struct gavel_query *query;
	struct arena *arena;
	struct kind *kinds; /* [count] */
	uint32_t count;
};

static const struct estimate rigid = {
	.why = "Gavel's throughputs hold for what the job asked for, and for nothing else"
};

static const struct estimate *estimate(struct oracle *base, const struct job_facts *job,
                                       const struct job_config *config)
{
	const struct gavel_oracle *oracle = (const struct gavel_oracle *)base;
	const struct kind *kind = &oracle->kinds[job->application_id];
	if (config->gpus != job->gpus || (config->batch && config->batch != job->batch))
		return &rigid;
	uint32_t full = oracle->query->cluster->groups[config->group].gpus_per_node;
	bool spread = config->shares && config->node_count > (config->gpus + full - 1) / full;
	return &kind->estimates[2 * config->group + spread];
}

static uint32_t batches(struct oracle *base, const struct job_facts *job, uint32_t *out,
                        uint32_t max)
{
	(void)base;
	if (max)
		out[0] = job->batch;
	return max ? 1 : 0;
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

static void limits(struct oracle *base, const struct job_facts *job, struct batch_limits *out)
{
	(void)base;
	uint32_t batch = job->batch ? job->batch : 1;
	*out = (struct batch_limits){ batch, batch, 1, batch, batch };
}

static void fini(struct oracle *base)
{
	(void)base; /* all in the arena */
}

static const struct oracle_ops gavel_ops = {
	.estimate = estimate,
	.batches = batches,
	.iterations_left = iterations_left,
	.gpus_limit = gpus_limit,
	.limits = limits,
	.fini = fini,
};

/* The file's name of a cluster's type: the longest that it equals or begins with before a dash. */
static const json_t *table_of(const json_t *root, const char *type, const char *suffix)
{
	char name[96];
	size_t length = strlen(type);
	while (length) {
		snprintf(name, sizeof name, "%.*s%s", (int)(length < 64 ? length : 64), type,
		         suffix);
		const json_t *table = json_object_get(root, name);
		if (json_is_object(table))
			return table;
		while (length && type[--length] != '-')
			continue;
	}
	return NULL;
}

/* Steps a second, 0 where it does not run; an error where the file says nothing. */
static enum ergon_code read_rate(const char *path, const json_t *table, const char *type,
                                 const char *key, double *rate, struct ergon_error *err)
{
	const json_t *row = json_object_get(table, key);
	char at[200];
	if (!row)
		return ergon_fail_at(err, ERGON_NOT_FOUND, path, 0, "%s has no job type \"%s\"",
		                     type, key);
	snprintf(at, sizeof at, "%s.%s", type, key);
	return json_need_real(row, (struct json_place){ path, at }, "null", 0, rate_max, rate, err);
}

static double power_of(const struct gavel_query *q, const struct kind *kind, uint32_t group)
{
	const struct workload *workload;
	struct model_power power;
	double batch = kind->batch ? (double)kind->batch : 32;
	if (!model_library_find(q->library, kind->application, &workload, NULL) &&
	    model_power(q->library, workload, group, batch, 0, &power))
		return fmin(power.busy_w, q->gpu_max_w[group]);
	return q->gpu_max_w[group];
}

static enum ergon_code fill(struct gavel_oracle *oracle, const struct kind *kind, uint32_t group,
                            bool spread, double rate, struct ergon_error *err)
{
	const struct gavel_query *q = oracle->query;
	struct estimate *e = &kind->estimates[2 * group + spread];
	double round_s = q->interval_ns ? (double)q->interval_ns * 1e-9 : default_round_s;
	double whole = floor(rate * round_s) / round_s;
	e->why = rate > 0 ? "not one step ends in a round" : "does not run on that type of GPU";
	if (!(whole > 0))
		return ERGON_OK;
	double *own = ARENA_NEW(oracle->arena, double);
	if (!own)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	*own = whole;
	e->rate = own;
	e->iteration_s = e->step_s = 1 / rate;
	e->batch = kind->batch;
	e->atomic = kind->batch / kind->gpus;
	e->power_w = power_of(q, kind, group) * kind->gpus;
	return ERGON_OK;
}

static enum ergon_code read_kind(struct gavel_oracle *oracle, const json_t *root, struct kind *kind,
                                 struct ergon_error *err)
{
	const struct gavel_query *q = oracle->query;
	char key[256];
	if (kind->batch)
		snprintf(key, sizeof key, "('%.150s (batch size %u)', %u)", kind->application,
		         kind->batch, kind->gpus);
	else
		snprintf(key, sizeof key, "('%.150s', %u)", kind->application, kind->gpus);
	for (uint32_t g = 0; g < q->cluster->group_count; g++) {
		const char *type = q->cluster->groups[g].type;
		const json_t *table = table_of(root, type, "");
		const json_t *spread = table_of(root, type, "_unconsolidated");
		double rate = 0;
		if (!table)
			return ergon_fail_at(err, ERGON_NOT_FOUND, q->path, 0,
			                     "no throughputs for GPU type '%s'", type);
		enum ergon_code code = read_rate(q->path, table, type, key, &rate, err);
		if (!code)
			code = fill(oracle, kind, g, false, rate, err);
		if (!code && spread && json_object_get(spread, key))
			code = read_rate(q->path, spread, type, key, &rate, err);
		if (!code)
			code = fill(oracle, kind, g, true, rate, err);
		if (code)
			return code;
	}
	return ERGON_OK;
}

static enum ergon_code find_kind(struct gavel_oracle *oracle, const json_t *root,
                                 struct job_facts *job, struct ergon_error *err)
{
	uint32_t i = 0;
	while (i < oracle->count &&
	       (oracle->kinds[i].batch != job->batch || oracle->kinds[i].gpus != job->gpus ||
	        strcmp(oracle->kinds[i].application, job->application) != 0))
		i++;
	job->application_id = i;
	if (i < oracle->count)
		return ERGON_OK;
	if (i == KINDS_MAX)
		return ergon_fail(err, ERGON_BAD_INPUT, "more than %d different job types",
		                  KINDS_MAX);
	struct kind *kind = &oracle->kinds[oracle->count++];
	*kind = (struct kind){ .application = job->application,
		               .batch = job->batch,
		               .gpus = job->gpus,
		               .estimates = ARENA_ARRAY(oracle->arena, struct estimate,
		                                        2 * oracle->query->cluster->group_count) };
	return kind->estimates ? read_kind(oracle, root, kind, err)
	                       : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

static enum ergon_code bind_job(struct gavel_oracle *oracle, const json_t *root,
                                struct job_facts *job, struct ergon_error *err)
{
	const struct trace *trace = oracle->query->trace;
	double steps = trace->jobs[job->trace_index].work_steps;
	if (!(steps > 0))
		return ergon_fail_at(err, ERGON_BAD_INPUT, trace->file, job->line,
		                     "job %s states no steps, which --oracle gavel needs",
		                     job->name);
	struct ergon_error why = { 0 };
	enum ergon_code code = find_kind(oracle, root, job, &why);
	if (code)
		return ergon_fail_at(err, code, trace->file, job->line, "job %s: %s: %s", job->name,
		                     why.file, why.text);
	job->work = steps;
	job->epochs = 1;
	job->progress = NULL;
	job->malleable = false;
	job->gpus_min = job->gpus_max = job->gpus;
	return ERGON_OK;
}

enum ergon_code gavel_oracle(struct arena *arena, const struct gavel_query *query,
                             struct job_facts *jobs, uint32_t count, struct oracle **out,
                             struct ergon_error *err)
{
	struct gavel_oracle *oracle = ARENA_NEW(arena, struct gavel_oracle);
	struct gavel_query *own = ARENA_NEW(arena, struct gavel_query);
	json_t *root;
	if (!oracle || !own)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	*own = *query;
	*oracle = (struct gavel_oracle){
		.base = { .ops = &gavel_ops,
		          .name = "gavel",
		          .basis = "throughputs measured by Gavel's authors",
		          .power_basis = "modelled: the predictor's power of a busy GPU; its full "
		                         "power where the application is not known",
		          .quantum_ns = 1 },
		.query = own,
		.arena = arena,
		.kinds = ARENA_ARRAY(arena, struct kind, KINDS_MAX),
	};
	if (!oracle->kinds)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = json_load(query->path, &root, err);
	if (code)
		return code;
	if (!json_is_object(root))
		code = ergon_fail_at(err, ERGON_BAD_INPUT, query->path, 0,
		                     "expected an object of GPU types");
	for (uint32_t i = 0; i < count && !code; i++)
		code = bind_job(oracle, root, &jobs[i], err);
	json_decref(root);
	*out = &oracle->base;
	return code;
}
