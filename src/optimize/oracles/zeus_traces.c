/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/oracles/zeus_traces.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/csv.h"
#include "base/suggest.h"
#include "spec/device.h"

enum { KINDS_MAX = 4096, NAMES_MAX = 64 };

/* What jobs of published traces are called in the file. */
static const struct {
	const char *application, *model;
} translations[] = {
	{ "bert", "bert_base_uncased" },
	{ "bert-base", "bert_base_uncased" },
	{ "imagenet", "resnet50" },
	{ "ncf", "neumf" },
};

/* One application at one batch on one group's GPUs, at each of its caps. */
struct zeus_kind {
	const char *model;
	uint32_t batch;
	double *rate;               /* [groups * POWER_SETTINGS_MAX]: epochs per second */
	struct estimate *estimates; /* the same shape */
};

struct zeus_traces {
	struct oracle base;
	const struct cluster *cluster;
	struct csv csv;
	size_t gpu_at, count_at, model_at, batch_at, cap_at, metric_at, value_at;
	const char *gpu[CLUSTER_GROUPS_MAX]; /* as the file calls it, or NULL */
	struct power_setting settings[CLUSTER_GROUPS_MAX][POWER_SETTINGS_MAX];
	uint32_t setting_count[CLUSTER_GROUPS_MAX];
	struct zeus_kind *kinds; /* [kind_count] */
	uint32_t kind_count;
	struct arena *arena;
};

static const struct estimate one_gpu = { .why = "it was measured on one GPU only" };
static const struct estimate own_batch = { .why = "epochs at another batch are not known" };
static const struct estimate no_cap = { .why = "no such cap was measured" };

static const struct estimate *estimate(struct oracle *base, const struct job_facts *job,
                                       const struct job_config *config)
{
	const struct zeus_traces *z = (const struct zeus_traces *)base;
	const struct zeus_kind *kind = &z->kinds[job->application_id];
	if (config->gpus != 1)
		return &one_gpu;
	if (config->batch && config->batch != kind->batch)
		return &own_batch;
	if (config->setting >= POWER_SETTINGS_MAX)
		return &no_cap;
	return &kind->estimates[config->group * POWER_SETTINGS_MAX + config->setting];
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
	(void)job;
	return 1;
}

static uint32_t settings(struct oracle *base, const struct job_facts *job, uint32_t group,
                         struct power_setting *out, uint32_t max)
{
	const struct zeus_traces *z = (const struct zeus_traces *)base;
	uint32_t count = z->setting_count[group] < max ? z->setting_count[group] : max;
	(void)job;
	memcpy(out, z->settings[group], count * sizeof *out);
	if (!count)
		*out = (struct power_setting){ 0 };
	return count ? count : 1;
}

static void fini(struct oracle *base)
{
	(void)base; /* all of it lies in the experiment's arena */
}

static const struct oracle_ops zeus_ops = {
	.estimate = estimate,
	.batches = oracle_own_batch,
	.iterations_left = iterations_left,
	.gpus_limit = gpus_limit,
	.limits = oracle_own_limits,
	.settings = settings,
	.fini = fini,
};

static const char *cell(const struct zeus_traces *z, size_t row, size_t column)
{
	return csv_cell(&z->csv, row, column);
}

static enum ergon_code find_columns(struct zeus_traces *z, struct ergon_error *err)
{
	const struct {
		const char *name;
		size_t *at;
	} columns[] = {
		{ "gpu", &z->gpu_at },           { "gpu_count", &z->count_at },
		{ "model", &z->model_at },       { "batch_size_per_gpu", &z->batch_at },
		{ "power_limit_w", &z->cap_at }, { "metric", &z->metric_at },
		{ "value", &z->value_at },
	};
	enum ergon_code code = ERGON_OK;
	for (size_t i = 0; i < sizeof columns / sizeof *columns && !code; i++)
		code = csv_need_column(&z->csv, columns[i].name, columns[i].at, err);
	return code;
}

static int by_cap(const void *a, const void *b)
{
	const struct power_setting *x = a, *y = b;
	return (x->cap_w < y->cap_w) - (x->cap_w > y->cap_w);
}

/* The caps of a group's GPU, the highest first: that one counts as free. */
static enum ergon_code find_caps(struct zeus_traces *z, uint32_t group, struct ergon_error *err)
{
	struct power_setting *list = z->settings[group];
	uint32_t count = 0;
	for (size_t row = 0; row < z->csv.rows; row++) {
		double cap_w;
		uint32_t i = 0;
		if (strcmp(cell(z, row, z->gpu_at), z->gpu[group]) != 0)
			continue;
		enum ergon_code code = csv_real(&z->csv, row, z->cap_at, 1, 1e5, &cap_w, err);
		if (code)
			return code;
		while (i < count && list[i].cap_w != cap_w)
			i++;
		if (i == count && count < POWER_SETTINGS_MAX)
			list[count++].cap_w = cap_w;
	}
	qsort(list, count, sizeof *list, by_cap);
	z->setting_count[group] = count;
	return ERGON_OK;
}

/* By the device file's full name, so that aliases of types work too. */
static enum ergon_code find_gpus(struct zeus_traces *z, const struct ergon_env *env,
                                 struct ergon_error *err)
{
	bool any = false;
	const char *names[NAMES_MAX];
	size_t known = 0;
	for (uint32_t g = 0; g < z->cluster->group_count; g++) {
		struct device device;
		const char *type = z->cluster->groups[g].type;
		bool listed = device_load(env, type, &device, NULL) == ERGON_OK;
		for (size_t row = 0; row < z->csv.rows && !z->gpu[g]; row++) {
			const char *gpu = cell(z, row, z->gpu_at);
			if (strcasecmp(gpu, type) == 0 ||
			    (listed && strcasecmp(gpu, device.name) == 0))
				z->gpu[g] = gpu;
		}
		enum ergon_code code = z->gpu[g] ? find_caps(z, g, err) : ERGON_OK;
		if (code)
			return code;
		any = any || z->gpu[g];
	}
	for (size_t row = 0; row < z->csv.rows && known < NAMES_MAX; row++)
		if (row == 0 || strcmp(cell(z, row, z->gpu_at), cell(z, row - 1, z->gpu_at)) != 0)
			names[known++] = cell(z, row, z->gpu_at);
	char hint[256];
	return any ? ERGON_OK
	           : ergon_fail(
			 err, ERGON_NOT_FOUND, "'%s' holds no measurement on '%.40s'%s",
			 z->csv.file, z->cluster->groups[0].type,
			 suggest_hint(hint, sizeof hint, z->cluster->groups[0].type, names, known));
}

static enum ergon_code read_row(struct zeus_traces *z, struct zeus_kind *kind, size_t row,
                                struct ergon_error *err)
{
	const char *metric = cell(z, row, z->metric_at);
	bool is_time = strcmp(metric, "epoch_time_s") == 0;
	uint64_t batch = 0, gpus = 0;
	double cap_w = 0, value = 0;
	if ((!is_time && strcmp(metric, "avg_power_w") != 0) ||
	    strcmp(cell(z, row, z->model_at), kind->model) != 0)
		return ERGON_OK;
	enum ergon_code code = csv_count(&z->csv, row, z->batch_at, 1, 1000000000, &batch, err);
	if (!code)
		code = csv_count(&z->csv, row, z->count_at, 1, 1000000, &gpus, err);
	if (!code)
		code = csv_real(&z->csv, row, z->cap_at, 1, 1e5, &cap_w, err);
	if (!code)
		code = csv_real(&z->csv, row, z->value_at, 1e-9, 1e12, &value, err);
	if (code || batch != kind->batch || gpus != 1)
		return code;
	for (uint32_t g = 0; g < z->cluster->group_count; g++) {
		if (!z->gpu[g] || strcmp(z->gpu[g], cell(z, row, z->gpu_at)) != 0)
			continue;
		for (uint32_t s = 0; s < z->setting_count[g]; s++) {
			struct estimate *e = &kind->estimates[g * POWER_SETTINGS_MAX + s];
			if (z->settings[g][s].cap_w != cap_w)
				continue;
			if (is_time)
				e->iteration_s = e->step_s = value;
			else
				e->power_w = value;
		}
	}
	return ERGON_OK;
}

static enum ergon_code make_kind(struct zeus_traces *z, struct zeus_kind *kind,
                                 struct ergon_error *err)
{
	size_t cells = z->cluster->group_count * POWER_SETTINGS_MAX;
	kind->rate = ARENA_ARRAY(z->arena, double, cells);
	kind->estimates = ARENA_ARRAY(z->arena, struct estimate, cells);
	if (!kind->rate || !kind->estimates)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t row = 0; row < z->csv.rows; row++) {
		enum ergon_code code = read_row(z, kind, row, err);
		if (code)
			return code;
	}
	for (size_t i = 0; i < cells; i++) {
		struct estimate *e = &kind->estimates[i];
		e->why = "not measured at that batch and cap on that type of GPU";
		e->atomic = e->batch = kind->batch;
		if (!(e->iteration_s > 0) || !(e->power_w > 0))
			continue;
		kind->rate[i] = 1 / e->iteration_s;
		e->rate = &kind->rate[i];
	}
	return ERGON_OK;
}

static enum ergon_code find_kind(struct zeus_traces *z, const char *model, uint32_t batch,
                                 uint32_t *id, struct ergon_error *err)
{
	for (*id = 0; *id < z->kind_count; ++*id)
		if (z->kinds[*id].batch == batch && strcmp(z->kinds[*id].model, model) == 0)
			return ERGON_OK;
	if (z->kind_count == KINDS_MAX)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "more than %d different pairs of application and batch",
		                  KINDS_MAX);
	z->kinds[z->kind_count] = (struct zeus_kind){ .model = model, .batch = batch };
	return make_kind(z, &z->kinds[z->kind_count++], err);
}

static enum ergon_code bind_job(struct zeus_traces *z, struct job_facts *job, const char *file,
                                struct ergon_error *err)
{
	const char *model = job->application;
	for (size_t i = 0; i < sizeof translations / sizeof *translations; i++)
		if (strcmp(model, translations[i].application) == 0)
			model = translations[i].model;
	if (job->gpus != 1)
		return ergon_fail_at(err, ERGON_BAD_INPUT, file, job->line,
		                     "job %s asks for %u GPUs; --oracle zeus was measured on one",
		                     job->name, job->gpus);
	if (!job->batch || !job->duration_ns)
		return ergon_fail_at(err, ERGON_BAD_INPUT, file, job->line,
		                     "job %s states no batch or no duration, which --oracle zeus "
		                     "needs",
		                     job->name);
	enum ergon_code code = find_kind(z, model, job->batch, &job->application_id, err);
	if (code)
		return code;
	const struct zeus_kind *kind = &z->kinds[job->application_id];
	for (uint32_t g = 0; g < z->cluster->group_count; g++) {
		const struct estimate *free = &kind->estimates[g * POWER_SETTINGS_MAX];
		if (!free->rate)
			continue;
		job->work = (double)job->duration_ns * 1e-9 * free->rate[0];
		job->epochs = 1;
		job->progress = NULL;
		job->malleable = true;
		job->gpus_min = job->gpus_max = 1;
		return ERGON_OK;
	}
	return ergon_fail_at(err, ERGON_BAD_INPUT, file, job->line,
	                     "job %s: '%.60s' at batch %u was measured on no type of the cluster",
	                     job->name, job->application, job->batch);
}

enum ergon_code zeus_oracle(const struct ergon_env *env, const char *path, struct arena *arena,
                            const struct cluster *cluster, const char *trace_file,
                            struct job_facts *jobs, uint32_t count, struct oracle **out,
                            struct ergon_error *err)
{
	struct zeus_traces *z = ARENA_NEW(arena, struct zeus_traces);
	if (!z)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	*z = (struct zeus_traces){
		.base = { .ops = &zeus_ops,
		          .name = "zeus",
		          .basis = "measured epoch times by batch and power cap, one GPU",
		          .power_basis = "measured board power by batch and power cap",
		          .quantum_ns = 1 },
		.cluster = cluster,
		.kinds = ARENA_ARRAY(arena, struct zeus_kind, KINDS_MAX),
		.arena = arena,
	};
	*out = &z->base;
	if (!z->kinds)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = csv_read(path, arena, &z->csv, err);
	if (!code)
		code = find_columns(z, err);
	if (!code)
		code = find_gpus(z, env, err);
	for (uint32_t i = 0; i < count && !code; i++)
		code = bind_job(z, &jobs[i], trace_file, err);
	return code;
}
