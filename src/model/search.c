/* SPDX-License-Identifier: Apache-2.0 */
#include "model/search.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/units.h"
#include "model/parallel.h"
#include "model/timetable.h"

static const double S_PER_HOUR = 3600;
enum { MICRO_BATCHES_A_STAGE = 4 };

/* A front: by rising time, falling second metric; no point is as good as another in both. */
struct front {
	struct search_point *points;
	size_t count, capacity;
	enum metric second;
	bool failed; /* memory was out */
};

/* One item of work: a variant on a device at a micro-batch. */
struct item {
	struct front front;
	uint64_t configurations, evaluated, too_large, too_slow, dominated, infeasible;
	double least_memory_bytes, least_time_s;
};

/* One item while it is searched. */
struct walk {
	const struct search_request *request;
	const struct search_device *device;
	const struct workload *workload;
	struct item *item;
	struct timetable *table;
	bool timed;
	struct search_point point; /* device, variant, settings, gpus, order */
};

/* The first point whose time is over `time_s`. */
static size_t after(const struct front *front, double time_s)
{
	size_t low = 0, high = front->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (front->points[middle].metric[METRIC_TIME] <= time_s)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Is some point strictly better than this bound in both? */
static bool beaten(const struct front *front, double time_s, double second)
{
	size_t at = after(front, time_s);
	while (at > 0 && front->points[at - 1].metric[METRIC_TIME] >= time_s)
		at--;
	return at > 0 && front->points[at - 1].metric[front->second] < second;
}

static void front_add(struct front *front, const struct search_point *point)
{
	double time = point->metric[METRIC_TIME], second = point->metric[front->second];
	size_t at = after(front, time);
	if (at > 0) {
		const struct search_point *before = &front->points[at - 1];
		bool same =
		    before->metric[METRIC_TIME] == time && before->metric[front->second] == second;
		if (before->metric[front->second] <= second &&
		    !(same && point->order < before->order))
			return;
		if (before->metric[METRIC_TIME] == time)
			at--;
	}
	size_t to = at; /* points [at, to) are now dominated */
	while (to < front->count && front->points[to].metric[front->second] >= second)
		to++;
	if (to == at && !GROW(front->points, front->capacity, front->count + 1)) {
		front->failed = true;
		return;
	}
	memmove(front->points + at + 1, front->points + to,
	        (front->count - to) * sizeof *front->points);
	front->count += 1 - (to - at);
	front->points[at] = *point;
}

static double second_of(const struct search_request *request, const struct walk *walk,
                        double time_s, double energy_j)
{
	if (request->objective != METRIC_COST)
		return energy_j;
	return energy_j / J_PER_KWH * request->price_per_kwh +
	       walk->point.gpus * time_s / S_PER_HOUR * walk->device->rent_per_hour;
}

static void measure(const struct walk *walk, const struct prediction *p, struct search_point *point)
{
	const struct search_request *request = walk->request;
	double steps = request->samples / p->samples, pue = request->pue;
	double time = p->step_time_s * steps, energy = p->energy_per_step_j * steps * pue;
	double *metric = point->metric;
	metric[METRIC_TIME] = time;
	metric[METRIC_ENERGY] = energy;
	metric[METRIC_EDP] = energy * time;
	metric[METRIC_COST] = energy / J_PER_KWH * request->price_per_kwh +
	                      point->gpus * time / S_PER_HOUR * walk->device->rent_per_hour;
	metric[METRIC_CO2] = energy / J_PER_KWH * request->g_per_kwh;
	metric[METRIC_POWER] = p->power_w * point->gpus;
	metric[METRIC_MEMORY] = p->memory_bytes;
	metric[METRIC_GPUS] = point->gpus;
	metric[METRIC_STEP] = p->step_time_s;
	point->time_low_s = p->time_low_s * steps;
	point->time_high_s = p->time_high_s * steps;
	point->energy_low_j = p->energy_low_j * steps * pue;
	point->energy_high_j = p->energy_high_j * steps * pue;
	point->bound = p->bound;
}

static bool within(const struct search_limits *limits, const struct search_point *point)
{
	for (int metric = 0; metric < METRIC_COUNT; metric++)
		if (!(point->metric[metric] >= limits->low[metric] &&
		      point->metric[metric] <= limits->high[metric]))
			return false;
	return true;
}

/* Nothing that a cap below the highest could do reaches the front. */
static bool hopeless(const struct walk *walk, const struct prediction *p)
{
	const struct search_request *request = walk->request;
	double steps = request->samples / p->samples;
	double lowest = request->calibration->voltage_floor;
	double least_w = p->idle_w + p->memory_w + p->compute_w * lowest * lowest;
	double time = p->step_time_s * steps;
	double energy = least_w * time * walk->point.gpus * request->pue;
	return beaten(&walk->item->front, time, second_of(request, walk, time, energy));
}

static double cap_of(const struct device *device, double fraction)
{
	double high = device->power_limit_max_w, low = device->power_limit_min_w;
	if (isnan(low))
		low = high / 2; /* what most boards allow */
	return low + (high - low) * fraction;
}

/* All caps of one configuration; settings->power_cap_w is what varies. */
static void try_caps(struct walk *walk)
{
	const struct search_request *request = walk->request;
	const struct search_space *space = &request->space;
	struct item *item = walk->item;
	struct search_point *point = &walk->point;
	struct layout layout;
	struct prediction p = { 0 };
	item->configurations += space->cap_count;
	layout_init(&layout, walk->workload, &point->settings);
	memory_fill(&layout, walk->workload, &walk->device->device, &point->settings, &p);
	item->least_memory_bytes = fmin(item->least_memory_bytes, p.memory_bytes);
	bool roomy = p.fits && p.memory_bytes <= request->limits.high[METRIC_MEMORY];
	if (!roomy && !request->exhaustive) {
		item->too_large += space->cap_count;
		return;
	}
	if (!walk->timed)
		timetable_fill(walk->table, walk->workload, &walk->device->device,
		               request->calibration, point->settings.batch);
	walk->timed = true;
	uint64_t order = point->order;
	for (size_t i = 0; i < space->cap_count; i++) {
		point->order = order + i;
		point->settings.power_cap_w =
		    cap_of(&walk->device->device, space->cap_fractions[i]);
		predict_timed(walk->table, &point->settings, &p);
		item->evaluated++;
		if (!isfinite(p.step_time_s) || !isfinite(p.power_w) || p.step_time_s <= 0) {
			item->infeasible++;
			continue;
		}
		measure(walk, &p, point);
		if (p.fits)
			item->least_time_s = fmin(item->least_time_s, point->metric[METRIC_TIME]);
		if (p.fits && within(&request->limits, point))
			front_add(&item->front, point);
		else
			item->infeasible++;
		if (request->exhaustive || i + 1 == space->cap_count)
			continue;
		const double *high = request->limits.high;
		if (point->metric[METRIC_TIME] > high[METRIC_TIME] ||
		    p.step_time_s > high[METRIC_STEP]) {
			item->too_slow += space->cap_count - i - 1;
			break;
		}
		if (hopeless(walk, &p)) {
			item->dominated += space->cap_count - i - 1;
			break;
		}
	}
}

/* Micro-batches a step; 0 where the global batch cannot be cut that way. */
static unsigned micro_batches(const struct search_space *space, double batch, unsigned data,
                              unsigned pipeline)
{
	if (space->global_batch <= 0)
		return pipeline > 1 ? MICRO_BATCHES_A_STAGE * pipeline : 1;
	double micro = space->global_batch / (batch * data);
	return micro >= 1 && micro <= 1e6 && micro == floor(micro) ? (unsigned)micro : 0;
}

static bool makes_sense(const struct workload *w, enum recompute recompute, unsigned pipeline,
                        unsigned zero, unsigned data)
{
	if (w->infer && (recompute != RECOMPUTE_NONE || zero))
		return false;
	if (recompute == RECOMPUTE_FULL && w->layers <= 1)
		return false;
	if (recompute == RECOMPUTE_SELECTIVE && w->score_bytes <= 0)
		return false;
	if (pipeline > 1 && (pipeline > w->layers || fmod(w->layers, pipeline) != 0))
		return false;
	return zero == 0 || data > 1;
}

/* Walks everything but device, variant and batch. */
static void walk_item(struct walk *walk)
{
	const struct search_space *space = &walk->request->space;
	const struct search_limits *limits = &walk->request->limits;
	const struct workload *w = walk->workload;
	struct predict_settings *settings = &walk->point.settings;
	unsigned ways = w->tensor_ways > 1 ? w->tensor_ways : 1;
	uint64_t order = walk->point.order;
	for (size_t r = 0; r < space->recompute_count; r++)
		for (size_t g = 0; g < space->gpu_count; g++)
			for (size_t s = 0; s < space->pipeline_count; s++)
				for (size_t z = 0; z < space->zero_count; z++) {
					unsigned pipeline = space->pipelines[s];
					unsigned gpus = space->gpus[g], copy = ways * pipeline;
					unsigned data = gpus / copy;
					walk->point.order = order;
					order += space->cap_count;
					settings->recompute = (enum recompute)space->recomputes[r];
					if (gpus % copy ||
					    !makes_sense(w, settings->recompute, pipeline,
					                 space->zeros[z], data))
						continue;
					settings->accumulation =
					    micro_batches(space, settings->batch, data, pipeline);
					if (!settings->accumulation ||
					    gpus < limits->low[METRIC_GPUS] ||
					    gpus > limits->high[METRIC_GPUS])
						continue;
					settings->gpus = data;
					settings->pipeline = pipeline;
					settings->zero = space->zeros[z];
					settings->loading_s =
					    input_step_s(&walk->request->input, w, settings, NULL);
					walk->point.gpus = gpus;
					try_caps(walk);
				}
}

static void search_item(const struct search_request *request, size_t index, struct item *item,
                        struct timetable *table)
{
	const struct search_space *space = &request->space;
	size_t batch = index % space->batch_count, rest = index / space->batch_count;
	size_t variant = rest % space->variant_count, device = rest / space->variant_count;
	uint64_t inside = (uint64_t)space->recompute_count * space->gpu_count *
	                  space->pipeline_count * space->zero_count * space->cap_count;
	struct walk walk = { .request = request,
		             .device = &space->devices[device],
		             .workload = space->variants[variant].workload,
		             .item = item,
		             .table = table };
	item->front.second = request->objective == METRIC_COST ? METRIC_COST : METRIC_ENERGY;
	item->least_memory_bytes = item->least_time_s = (double)INFINITY;
	walk.point = (struct search_point){ .device = (unsigned)device,
		                            .variant = (unsigned)variant,
		                            .order = index * inside };
	walk.point.settings = (struct predict_settings){ .batch = space->batches[batch],
		                                         .node_gpus = space->node_gpus,
		                                         .network_bps = space->network_bps };
	if (!predict_check(walk.workload, &walk.device->device, &walk.point.settings, NULL))
		walk_item(&walk);
}

static enum ergon_code merge(struct search_result *result, struct item *items, size_t count,
                             const struct search_request *request, struct ergon_error *err)
{
	struct front all = { .second = result->second };
	for (size_t i = 0; i < count; i++) {
		const struct item *item = &items[i];
		for (size_t k = 0; k < item->front.count && !all.failed; k++)
			front_add(&all, &item->front.points[k]);
		all.failed |= item->front.failed;
		result->configurations += item->configurations;
		result->evaluated += item->evaluated;
		result->too_large += item->too_large;
		result->too_slow += item->too_slow;
		result->dominated += item->dominated;
		result->infeasible += item->infeasible;
		result->least_memory_bytes =
		    fmin(result->least_memory_bytes, item->least_memory_bytes);
		result->least_time_s = fmin(result->least_time_s, item->least_time_s);
	}
	result->front = all.points;
	result->count = all.count;
	for (size_t i = 0; i < all.count; i++)
		if (result->best == SIZE_MAX ||
		    all.points[i].metric[request->objective] <
		        all.points[result->best].metric[request->objective])
			result->best = i;
	return all.failed ? ergon_fail(err, ERGON_NO_MEMORY, "out of memory") : ERGON_OK;
}

enum ergon_code search_run(const struct search_request *request, struct search_result *result,
                           struct ergon_error *err)
{
	const struct search_space *space = &request->space;
	double size =
	    (double)space->device_count * (double)space->variant_count * (double)space->batch_count;
	*result =
	    (struct search_result){ .best = SIZE_MAX,
		                    .second = request->objective == METRIC_COST ? METRIC_COST
		                                                                : METRIC_ENERGY,
		                    .least_memory_bytes = (double)INFINITY,
		                    .least_time_s = (double)INFINITY };
	for (size_t i = 1; i < space->cap_count; i++)
		if (space->cap_fractions[i] > space->cap_fractions[i - 1])
			return ergon_fail(err, ERGON_BAD_INPUT, "power caps have to fall");
	if (!(size >= 1 && size <= SEARCH_ITEMS_MAX))
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "%.4g combinations of device, variant and batch; 1 to %d can be "
		                  "searched",
		                  size, SEARCH_ITEMS_MAX);
	size_t count = (size_t)size;
	int threads = request->threads ? (int)request->threads : omp_get_max_threads();
	struct item *items = calloc(count, sizeof *items);
	struct timetable *tables = calloc((size_t)threads, sizeof *tables);
	enum ergon_code code = ERGON_OK;
	if (items && tables) {
#pragma omp parallel for schedule(dynamic) num_threads(threads)
		for (size_t i = 0; i < count; i++) {
			int thread = omp_get_thread_num();
			if (thread == 0 && request->progress)
				request->progress(request->user, (double)i / (double)count);
			search_item(request, i, &items[i], &tables[thread]);
		}
		result->threads = (unsigned)threads;
		code = merge(result, items, count, request, err);
	} else {
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	for (size_t i = 0; items && i < count; i++)
		free(items[i].front.points);
	free(items);
	free(tables);
	if (code)
		search_result_fini(result);
	return code;
}

void search_result_fini(struct search_result *result)
{
	free(result->front);
	result->front = NULL;
	result->count = 0;
	result->best = SIZE_MAX;
}
