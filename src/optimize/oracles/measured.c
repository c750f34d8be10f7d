/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/oracles/measured.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "base/units.h"
#include "optimize/oracles/estimate_cache.h"
#include "optimize/oracles/measured_state.h"

enum { APPLICATION_NAMES_MAX = 64 };

struct measured_split measured_split_batch(const struct measured_application *app,
                                           const struct measured_table *table, uint32_t batch,
                                           uint32_t gpus, bool accumulate)
{
	double initial = app->validations[0].batch;
	double largest = app->validations[app->validation_count - 1].batch;
	double local = ceil((double)batch / gpus - 1e-8);
	double extra = ceil(local / table->max_local - 1e-8) - 1;
	if (extra < 0)
		extra = 0;
	if (gpus == 1 && extra < 1 && (batch > initial || accumulate))
		extra = 1;
	double atomic = ceil(local / (extra + 1) - 1e-8);
	atomic = fmin(atomic, floor(largest / (gpus * (extra + 1))));
	return (struct measured_split){ (uint32_t)atomic, (uint32_t)extra };
}

bool measured_on_rows(const struct measured_table *table, size_t first, uint64_t key, double local,
                      double value[2])
{
	const struct placement_row *rows = table->rows + first;
	size_t count = 0;
	while (first + count < table->row_count && rows[count].key == key)
		count++;
	if (local < rows[0].local_batch || local > rows[count - 1].local_batch)
		return false;
	size_t i = 1;
	while (i < count && rows[i].local_batch < local)
		i++;
	if (count == 1 || i == count) {
		value[0] = rows[count - 1].step_s;
		value[1] = rows[count - 1].sync_s;
		return true;
	}
	const struct placement_row *low = &rows[i - 1], *high = &rows[i];
	double part = (local - low->local_batch) / (high->local_batch - low->local_batch);
	value[0] = low->step_s + (high->step_s - low->step_s) * part;
	value[1] = low->sync_s + (high->sync_s - low->sync_s) * part;
	return true;
}

static bool find_rows(const struct measured_table *table, uint64_t key, size_t *first)
{
	size_t low = 0, high = table->row_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (table->rows[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	*first = low;
	return low < table->row_count && table->rows[low].key == key;
}

bool measured_off_rows(const struct measured_table *table, uint32_t nodes, uint32_t gpus,
                       double local, double value[2])
{
	double at[3] = { fmin(nodes, MEASURED_NODES_MAX), gpus, local };
	return table->triangulated && delaunay_value(&table->delaunay, at, value);
}

/* Once for each table that a job needs, before the clock of any run starts. */
static void triangulate(struct measured_tables *tables, struct measured_table *table)
{
	if (table->triangulated || table->broken)
		return;
	table->triangulated = delaunay_build(tables->arena, (const double(*)[3])table->points,
	                                     (const double(*)[2])table->values, table->point_count,
	                                     &table->delaunay, NULL) == ERGON_OK;
	/* Too few points to span a volume: only measured placements can be told. */
	table->broken = !table->triangulated;
}

void measured_gradient(const struct measured_application *app, uint32_t batch, uint32_t epoch,
                       double *sqr, double *var)
{
	const struct validation *low = &app->validations[0];
	const struct validation *high = &app->validations[app->validation_count - 1];
	for (uint32_t v = 0; v < app->validation_count; v++) {
		if (app->validations[v].batch <= batch)
			low = &app->validations[v];
		if (app->validations[v].batch >= batch) {
			high = &app->validations[v];
			break;
		}
	}
	double part = high->batch > low->batch
	                  ? (double)(batch - low->batch) / (high->batch - low->batch)
	                  : 0;
	*sqr = low->grad_sqr[epoch] * (1 - part) + high->grad_sqr[epoch] * part;
	*var = low->grad_var[epoch] * (1 - part) + high->grad_var[epoch] * part;
}

static bool fill_rates(struct measured_oracle *oracle, const struct measured_application *app,
                       struct estimate *estimate)
{
	double *rate = ARENA_ARRAY(&oracle->cache.arena, double, app->epochs);
	double *after = ARENA_ARRAY(&oracle->cache.arena, double, (size_t)app->epochs + 1);
	if (!rate || !after)
		return false;
	double scale = (double)estimate->batch / app->validations[0].batch;
	for (uint32_t e = app->epochs; e-- > 0;) {
		double sqr, var;
		measured_gradient(app, estimate->batch, e, &sqr, &var);
		double gain = (var + sqr) / (var / scale + sqr);
		rate[e] = gain / estimate->iteration_s / (app->slowdown > 0 ? app->slowdown : 1);
		after[e] = after[e + 1] + (app->progress[e + 1] - app->progress[e]) / rate[e];
	}
	estimate->rate = rate;
	estimate->after_s = after;
	return true;
}

bool measured_hold_power(struct measured_oracle *oracle, const struct measured_question *q,
                         struct estimate *estimate, double *power_w)
{
	double idle = oracle->gpu_idle_w[q->group], full = oracle->gpu_max_w[q->group];
	const struct workload *workload = oracle->workload[q->app - oracle->tables->applications];
	struct model_power power;
	if (workload && model_power(oracle->library, workload, q->group, estimate->atomic,
	                            q->setting, &power)) {
		if (q->setting) {
			double compute_s = (estimate->step_s - estimate->sync_s) * power.slower;
			estimate->step_s = compute_s + estimate->sync_s;
			estimate->iteration_s =
			    estimate->step_s + estimate->accumulation * compute_s;
		}
		double waiting = fmin(1, fmax(0, estimate->sync_s / estimate->iteration_s));
		*power_w = power.busy_w * (1 - waiting) + power.wait_w * waiting;
		*power_w = fmin(full, fmax(idle, *power_w));
		return true;
	}
	if (q->setting)
		return false;
	double rate = estimate->atomic * (estimate->accumulation + 1) / estimate->iteration_s;
	double use = q->table->top_rate > 0 ? fmin(1, rate / q->table->top_rate) : 1;
	*power_w = idle + (full - idle) * use;
	return true;
}

static void answer(struct measured_oracle *oracle, const struct measured_question *q,
                   struct estimate *estimate)
{
	struct measured_split split =
	    measured_split_batch(q->app, q->table, q->batch, q->gpus, q->accumulate);
	double value[2];
	size_t first;
	uint32_t batch = split.atomic * (split.accumulation + 1) * q->gpus;
	estimate->why = "its batch cannot be split so far";
	if (split.atomic < q->table->min_local || batch < q->app->validations[0].batch)
		return;
	estimate->why = "outside what was measured";
	bool known = q->key && find_rows(q->table, q->key, &first);
	if (known ? !measured_on_rows(q->table, first, q->key, split.atomic, value)
	          : !measured_off_rows(q->table, q->nodes, q->gpus, split.atomic, value))
		return;
	estimate->step_s = value[0];
	estimate->sync_s = value[1];
	estimate->iteration_s = value[0] + split.accumulation * (value[0] - value[1]);
	estimate->atomic = split.atomic;
	estimate->accumulation = split.accumulation;
	estimate->batch = batch;
	estimate->why = "the model does not know it, so nothing of settings of power";
	double power_w;
	if (!measured_hold_power(oracle, q, estimate, &power_w))
		return;
	estimate->power_w = q->gpus * power_w;
	if (!fill_rates(oracle, q->app, estimate))
		estimate->why = "out of memory";
}

static const struct estimate no_table = { .why = "no measurement of it on that type of GPU" };
static const struct estimate too_large = { .why = "more nodes than any measured placement" };

static const struct estimate *estimate(struct oracle *base, const struct job_facts *job,
                                       const struct job_config *config)
{
	struct measured_oracle *oracle = (struct measured_oracle *)base;
	uint32_t id = job->application_id;
	struct measured_question q = {
		.app = &oracle->tables->applications[id],
		.table = oracle->table[config->group * oracle->tables->count + id],
		.group = config->group,
		.gpus = config->gpus,
		.batch = config->batch ? config->batch : job->batch,
		.setting = config->setting,
		.accumulate = config->accumulate
	};
	if (!q.table)
		return &no_table;
	uint32_t counts[64];
	if (config->shares) {
		q.nodes = config->node_count;
		if (q.nodes > 64)
			return &too_large;
		for (uint32_t i = 0; i < q.nodes; i++)
			counts[i] = config->shares[i].gpus;
	} else {
		uint32_t full = oracle->cluster->groups[config->group].gpus_per_node;
		q.nodes = (config->gpus + full - 1) / full;
		if (q.nodes > 64)
			return &too_large;
		for (uint32_t i = 0; i < q.nodes; i++)
			counts[i] = i * full + full <= config->gpus ? full : config->gpus % full;
	}
	q.key = placement_key(counts, q.nodes);
	bool made;
	uint64_t what = (uint64_t)id << 40 | (uint64_t)config->group << 32 | q.batch;
	uint64_t size = (uint64_t)q.setting << 40 | (uint64_t)q.nodes << 33 |
	                (uint64_t)q.gpus << 1 | q.accumulate;
	struct estimate *found = estimate_cache_get(&oracle->cache, what, q.key, size, &made);
	if (!found)
		return &estimate_no_memory;
	if (made)
		answer(oracle, &q, found);
	return found;
}

static uint32_t batches(struct oracle *base, const struct job_facts *job, uint32_t *out,
                        uint32_t max)
{
	struct measured_oracle *oracle = (struct measured_oracle *)base;
	const struct measured_application *app = &oracle->tables->applications[job->application_id];
	uint32_t count = 0;
	for (uint32_t v = 0; v < app->validation_count && count < max; v++)
		out[count++] = app->validations[v].batch;
	return count;
}

static double iterations_at(const struct measured_application *app, uint32_t batch, uint32_t epoch)
{
	const struct validation *low = &app->validations[0];
	const struct validation *high = &app->validations[app->validation_count - 1];
	for (uint32_t v = 0; v < app->validation_count; v++) {
		if (app->validations[v].batch <= batch)
			low = &app->validations[v];
		if (app->validations[v].batch >= batch) {
			high = &app->validations[v];
			break;
		}
	}
	double part = high->batch > low->batch
	                  ? (double)(batch - low->batch) / (high->batch - low->batch)
	                  : 0;
	return low->iteration[epoch] * (1 - part) + high->iteration[epoch] * part;
}

static double iterations_left(struct oracle *base, const struct job_facts *job, uint32_t epoch)
{
	struct measured_oracle *oracle = (struct measured_oracle *)base;
	const struct measured_application *app = &oracle->tables->applications[job->application_id];
	uint32_t last = app->epochs - 1;
	if (epoch >= last)
		return 1;
	return iterations_at(app, job->batch, last) - iterations_at(app, job->batch, epoch);
}

static uint32_t gpus_limit(struct oracle *base, const struct job_facts *job)
{
	struct measured_oracle *oracle = (struct measured_oracle *)base;
	const struct measured_application *app = &oracle->tables->applications[job->application_id];
	uint32_t limit = app->gpus_limit ? app->gpus_limit : UINT32_MAX;
	for (uint32_t t = 0; t < app->table_count; t++) {
		uint32_t most = (uint32_t)(job->batch / app->tables[t].min_local);
		if (most < limit)
			limit = most ? most : 1;
	}
	return limit;
}

static void limits(struct oracle *base, const struct job_facts *job, struct batch_limits *out)
{
	struct measured_oracle *oracle = (struct measured_oracle *)base;
	const struct measured_application *app = &oracle->tables->applications[job->application_id];
	const struct measured_table *table = &app->tables[0];
	for (size_t g = 0; g < oracle->cluster->group_count; g++)
		if (oracle->table[g * oracle->tables->count + job->application_id])
			table = oracle->table[g * oracle->tables->count + job->application_id];
	*out = (struct batch_limits){ .initial = app->validations[0].batch,
		                      .largest = app->validations[app->validation_count - 1].batch,
		                      .local_min = (uint32_t)table->min_local,
		                      .local_max = (uint32_t)table->max_local };
	if (app->gpus_limit) /* as published: it always runs at its largest batch */
		out->fixed = out->largest;
}

static void gradient_of(struct oracle *base, const struct job_facts *job, uint32_t batch,
                        uint32_t epoch, double *sqr, double *var)
{
	struct measured_oracle *oracle = (struct measured_oracle *)base;
	measured_gradient(&oracle->tables->applications[job->application_id], batch, epoch, sqr,
	                  var);
}

static uint32_t settings(struct oracle *base, const struct job_facts *job, uint32_t group,
                         struct power_setting *out, uint32_t max)
{
	const struct measured_oracle *oracle = (const struct measured_oracle *)base;
	if (oracle->workload[job->application_id])
		return model_settings(oracle->library, group, out, max);
	*out = (struct power_setting){ 0 };
	return 1;
}

static void fini(struct oracle *base)
{
	estimate_cache_fini(&((struct measured_oracle *)base)->cache);
}

static const struct oracle_ops measured_ops = {
	.estimate = estimate,
	.batches = batches,
	.iterations_left = iterations_left,
	.gpus_limit = gpus_limit,
	.limits = limits,
	.gradient = gradient_of,
	.settings = settings,
	.least = measured_least,
	.fini = fini,
};

static enum ergon_code find_tables(struct measured_oracle *oracle, struct ergon_error *err)
{
	const struct measured_tables *tables = oracle->tables;
	for (size_t g = 0; g < oracle->cluster->group_count; g++) {
		const char *type = oracle->cluster->groups[g].type;
		bool any = false;
		for (size_t a = 0; a < tables->count; a++) {
			struct measured_application *app = &tables->applications[a];
			for (uint32_t t = 0; t < app->table_count; t++)
				if (strcmp(app->tables[t].type, type) == 0) {
					oracle->table[g * tables->count + a] = &app->tables[t];
					any = true;
				}
		}
		if (!any)
			return ergon_fail(err, ERGON_BAD_INPUT,
			                  "'%s' holds no measurement on '%s'; it may hold t4, "
			                  "rtx2080ti, a100, v100, quadro-rtx6000",
			                  tables->folders, type);
	}
	return ERGON_OK;
}

static enum ergon_code bind_job(const struct measured_oracle *oracle, struct job_facts *job,
                                const char *file, struct ergon_error *err)
{
	const struct measured_tables *tables = oracle->tables;
	uint32_t id = 0;
	while (id < tables->count && strcmp(tables->applications[id].name, job->application) != 0)
		id++;
	if (id == tables->count) {
		const char *names[APPLICATION_NAMES_MAX];
		size_t count = 0;
		for (size_t i = 0; i < tables->count && i < APPLICATION_NAMES_MAX; i++)
			names[count++] = tables->applications[i].name;
		char hint[256];
		return ergon_fail_at(
		    err, ERGON_BAD_INPUT, file, job->line,
		    "application: no measurement of '%.60s'%s", job->application,
		    suggest_hint(hint, sizeof hint, job->application, names, count));
	}
	const struct measured_application *app = &tables->applications[id];
	if (!app->progress)
		return ergon_fail_at(err, ERGON_BAD_INPUT, file, job->line,
		                     "application: %s has no validation-BATCH.csv in '%s'",
		                     app->name, tables->folders);
	uint32_t low = app->validations[0].batch;
	uint32_t high = app->validations[app->validation_count - 1].batch;
	if (job->batch == 0)
		job->batch = low;
	if (job->batch < low || job->batch > high)
		return ergon_fail_at(err, ERGON_BAD_INPUT, file, job->line,
		                     "batch_size: %u; %s was measured from %u to %u", job->batch,
		                     app->name, low, high);
	job->application_id = id;
	job->epochs = app->epochs;
	job->progress = app->progress;
	job->work = app->progress[app->epochs];
	job->malleable = true;
	if (!job->restart_ns && app->restart_s > 0)
		job->restart_ns = ns_from_seconds(app->restart_s);
	job->gpus_min = 1;
	job->gpus_max = app->gpus_limit ? app->gpus_limit : UINT32_MAX;
	return ERGON_OK;
}

/* A model that the zoo lacks is no error: power then follows the measured rate. */
static void bind_models(struct measured_oracle *oracle)
{
	for (size_t i = 0; i < oracle->tables->count; i++) {
		struct ergon_error ignored;
		if (model_library_find(oracle->library, oracle->tables->applications[i].name,
		                       &oracle->workload[i], &ignored))
			oracle->workload[i] = NULL;
	}
}

enum ergon_code measured_oracle(struct arena *arena, struct measured_tables *tables,
                                const struct cluster *cluster, const double *gpu_idle_w,
                                const double *gpu_max_w, struct model_library *library,
                                const char *file, struct job_facts *jobs, uint32_t count,
                                struct oracle **out, struct ergon_error *err)
{
	struct measured_oracle *oracle = ARENA_NEW(arena, struct measured_oracle);
	if (!oracle)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	*oracle = (struct measured_oracle){
		.base = { .ops = &measured_ops,
		          .name = "measured",
		          .basis = "measured step times and gradient statistics",
		          .power_basis = "modelled: the predictor's power while computing, "
		                         "static power while waiting",
		          .quantum_ns = NS_PER_S },
		.tables = tables,
		.cluster = cluster,
		.gpu_idle_w = gpu_idle_w,
		.gpu_max_w = gpu_max_w,
		.library = library,
		.workload = arena_alloc(arena, tables->count, sizeof(struct workload *)),
		.table = arena_alloc(arena, cluster->group_count * tables->count,
		                     sizeof(struct measured_table *)),
	};
	*out = &oracle->base; /* its owner frees the cache, whatever happens next */
	if (!oracle->table || !oracle->workload)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = find_tables(oracle, err);
	for (uint32_t i = 0; i < count && !code; i++)
		code = bind_job(oracle, &jobs[i], file, err);
	if (code)
		return code;
	for (uint32_t i = 0; i < count; i++)
		for (size_t g = 0; g < cluster->group_count; g++) {
			struct measured_table *table =
			    oracle->table[g * tables->count + jobs[i].application_id];
			if (table)
				triangulate(tables, table);
		}
	bind_models(oracle);
	return ERGON_OK;
}
