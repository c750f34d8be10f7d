/* SPDX-License-Identifier: Apache-2.0
 *
 * What no policy can beat by the measured tables: over every measured placement, nodes and GPUs
 * between them, settings of power, and batches so close to each other that what lies between is
 * less than a hundredth better (T/gain is convex in the batch between two rows); that hundredth is
 * taken off. A setting of power is tried where its energy could at best be half of the free one's.
 *
 * A batch may change from epoch to epoch and the placement too, so each epoch counts on its own.
 * Ends of epochs are rounded to whole quanta, which can save half a quantum each.
 */
#include <math.h>

#include "optimize/oracles/measured_state.h"

enum { GRID = 24, GPUS_MAX = 64, EVERY_COUNT_TO = 16, STEP_BEYOND = 4 };
static const double between = 0.99, settings_save = 0.5;

/* Of one total batch: time, GPU time and priced energy of a unit of progress at gain 1. */
struct unit {
	double time_s, gpu_s, energy_j;
};

struct search_least {
	struct measured_oracle *oracle;
	struct measured_question q;
	double held_w;
	double shortest; /* progress / gain of the shortest epoch at that batch */
	uint32_t settings, node_gpus;
	struct unit *unit;
};

static void try_one(struct search_least *s, const struct measured_split *split,
                    const double value[2])
{
	for (s->q.setting = 0; s->q.setting < s->settings; s->q.setting++) {
		struct estimate e = {
			.step_s = value[0],
			.sync_s = value[1],
			.iteration_s = value[0] + split->accumulation * (value[0] - value[1]),
			.atomic = split->atomic,
			.accumulation = split->accumulation,
		};
		double power_w, gpus = s->q.gpus;
		if (!measured_hold_power(s->oracle, &s->q, &e, &power_w))
			return;
		double quantum_s = (double)s->oracle->base.quantum_ns * 1e-9;
		double rounded = fmax(0, 1 - 0.5 * quantum_s / (s->shortest * e.iteration_s));
		double time_s = e.iteration_s * rounded;
		s->unit->time_s = fmin(s->unit->time_s, time_s);
		s->unit->gpu_s = fmin(s->unit->gpu_s, time_s * gpus);
		double energy_j = time_s * gpus * (power_w + s->held_w);
		s->unit->energy_j = fmin(s->unit->energy_j, energy_j);
		if (s->q.setting == 0 && energy_j * settings_save > s->unit->energy_j)
			return;
	}
}

/* Every placement of q.gpus GPUs that was measured, and every number of nodes in between. */
static void try_placements(struct search_least *s)
{
	const struct measured_table *table = s->q.table;
	double value[2];
	struct measured_split split =
	    measured_split_batch(s->q.app, table, s->q.batch, s->q.gpus, false);
	uint32_t batch = split.atomic * (split.accumulation + 1) * s->q.gpus;
	if (split.atomic < table->min_local || batch < s->q.app->validations[0].batch)
		return;
	for (size_t i = 0; i < table->row_count; i++) {
		uint64_t key = table->rows[i].key;
		uint32_t gpus = 0;
		if (i && table->rows[i - 1].key == key)
			continue;
		for (uint64_t left = key; left; left >>= 4)
			gpus += left & 15;
		if (gpus == s->q.gpus && measured_on_rows(table, i, key, split.atomic, value))
			try_one(s, &split, value);
	}
	uint32_t packed = (s->q.gpus + s->node_gpus - 1) / s->node_gpus;
	for (uint32_t n = packed; n <= MEASURED_NODES_MAX && n <= s->q.gpus;
	     n += s->q.gpus > EVERY_COUNT_TO ? STEP_BEYOND : 1)
		if (measured_off_rows(table, n, s->q.gpus, split.atomic, value))
			try_one(s, &split, value);
}

static double gain_of(const struct measured_application *app, uint32_t batch, uint32_t epoch)
{
	double sqr, var, scale = (double)batch / app->validations[0].batch;
	measured_gradient(app, batch, epoch, &sqr, &var);
	return (var + sqr) / (var / scale + sqr);
}

static uint32_t grid_batch(const struct measured_application *app, uint32_t i)
{
	double low = app->validations[0].batch;
	double high = app->validations[app->validation_count - 1].batch;
	if (i >= GRID)
		return app->validations[i - GRID].batch;
	return (uint32_t)lrint(low * pow(high / low, (double)i / (GRID - 1)));
}

void measured_least(struct oracle *base, const struct job_facts *job, uint32_t group, double held_w,
                    struct least *out)
{
	struct measured_oracle *oracle = (struct measured_oracle *)base;
	uint32_t id = job->application_id;
	const struct measured_application *app = &oracle->tables->applications[id];
	struct power_setting settings[POWER_SETTINGS_MAX];
	struct unit units[GRID + MEASURED_BATCHES_MAX];
	uint32_t count = GRID + app->validation_count;
	struct search_least s = {
		.oracle = oracle,
		.q = { .app = app,
		       .table = oracle->table[group * oracle->tables->count + id],
		       .group = group },
		.held_w = held_w,
		.settings = base->ops->settings(base, job, group, settings, POWER_SETTINGS_MAX),
	};
	const struct cluster_group *spec = &oracle->cluster->groups[group];
	uint32_t most = spec->nodes * spec->gpus_per_node;
	*out = (struct least){ INFINITY, INFINITY, INFINITY };
	if (!s.q.table)
		return;
	most = most < GPUS_MAX ? most : GPUS_MAX;
	s.node_gpus = spec->gpus_per_node;
	for (uint32_t b = 0; b < count; b++) {
		units[b] = (struct unit){ INFINITY, INFINITY, INFINITY };
		s.unit = &units[b];
		s.q.batch = grid_batch(app, b);
		s.shortest = INFINITY;
		for (uint32_t e = 0; e < app->epochs; e++)
			s.shortest = fmin(s.shortest, (app->progress[e + 1] - app->progress[e]) /
			                                  gain_of(app, s.q.batch, e));
		for (s.q.gpus = 1; s.q.gpus <= most && s.q.gpus <= job->gpus_max;
		     s.q.gpus += s.q.gpus < EVERY_COUNT_TO ? 1 : STEP_BEYOND)
			try_placements(&s);
	}
	*out = (struct least){ 0 };
	for (uint32_t e = 0; e < app->epochs; e++) {
		struct unit least = { INFINITY, INFINITY, INFINITY };
		for (uint32_t b = 0; b < count; b++) {
			double part = (app->progress[e + 1] - app->progress[e]) /
			              gain_of(app, grid_batch(app, b), e);
			least.time_s = fmin(least.time_s, part * units[b].time_s);
			least.gpu_s = fmin(least.gpu_s, part * units[b].gpu_s);
			least.energy_j = fmin(least.energy_j, part * units[b].energy_j);
		}
		out->time_s += between * least.time_s;
		out->gpu_s += between * least.gpu_s;
		out->energy_j += least.energy_j * (least.energy_j > 0 ? between : 1 / between);
	}
}
