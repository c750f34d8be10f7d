/* SPDX-License-Identifier: Apache-2.0
 *
 * What no policy can beat by the measured tables: over every measured placement, nodes and GPUs
 * between them, settings of power, and batches so close to each other that what lies between is
 * less than a hundredth better (T/gain is convex in the batch between two rows); that hundredth is
 * taken off.
 *
 * A batch may change from epoch to epoch and the placement too, so each epoch counts on its own.
 * Ends of epochs are rounded to whole quanta, which can save half a quantum each.
 */
#include <math.h>

#include "optimize/oracles/measured_state.h"

enum { GRID = 24, GPUS_MAX = 64, UNITS_MAX = 4096, PRICES_MAX = 512 };
static const double between = 0.99;

/* Of one total batch, placement and setting: a unit of progress at gain 1. */
struct unit {
	double time_s, gpu_s, energy_j;
};

struct search_least {
	struct measured_oracle *oracle;
	struct measured_question q;
	double held_w;
	double shortest; /* progress / gain of the shortest epoch at that batch */
	uint32_t settings, node_gpus;
	struct unit units[UNITS_MAX];
	uint32_t count, same_count; /* units; the first of those with as many GPUs as q.gpus */
	const struct price *prices;
	uint32_t price_count;
	double *best; /* [prices]: of the units so far */
};

static double cost_of(const struct unit *unit, const struct price *price)
{
	return price->energy * unit->energy_j + price->time_w * unit->time_s +
	       price->gpu_w * unit->gpu_s;
}

static void drain(struct search_least *s)
{
	for (uint32_t k = 0; k < s->price_count; k++) {
		double best = s->best[k];
		for (uint32_t i = 0; i < s->count; i++) {
			double cost = cost_of(&s->units[i], &s->prices[k]);
			best = cost < best ? cost : best;
		}
		s->best[k] = best;
	}
	s->count = s->same_count = 0;
}

/* With as many GPUs, another one is as fast and draws no more. */
static bool beaten(const struct search_least *s, const struct unit *one)
{
	for (uint32_t i = s->same_count; i < s->count; i++)
		if (s->units[i].time_s <= one->time_s && s->units[i].energy_j <= one->energy_j)
			return true;
	return false;
}

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
		const struct unit one = { time_s, time_s * gpus,
			                  time_s * gpus * (power_w + s->held_w) };
		if (beaten(s, &one))
			continue;
		if (s->count == UNITS_MAX)
			drain(s);
		s->units[s->count++] = one;
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
	s->same_count = s->count;
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
	for (uint32_t n = packed; n <= MEASURED_NODES_MAX && n <= s->q.gpus; n++)
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

static double part_of(const struct measured_application *app, uint32_t batch, uint32_t epoch)
{
	double slower = app->slowdown > 0 ? app->slowdown : 1;
	return slower * (app->progress[epoch + 1] - app->progress[epoch]) /
	       gain_of(app, batch, epoch);
}

void measured_least(struct oracle *base, const struct job_facts *job, uint32_t group, double held_w,
                    const struct price *prices, uint32_t count, double *out)
{
	struct measured_oracle *oracle = (struct measured_oracle *)base;
	uint32_t id = job->application_id;
	const struct measured_application *app = &oracle->tables->applications[id];
	struct power_setting settings[POWER_SETTINGS_MAX];
	double best[PRICES_MAX];
	struct search_least s = {
		.oracle = oracle,
		.q = { .app = app,
		       .table = oracle->table[group * oracle->tables->count + id],
		       .group = group },
		.held_w = held_w,
		.settings = base->ops->settings(base, job, group, settings, POWER_SETTINGS_MAX),
		.prices = prices,
		.price_count = count < PRICES_MAX ? count : PRICES_MAX,
		.best = best,
	};
	const struct cluster_group *spec = &oracle->cluster->groups[group];
	uint32_t most = spec->nodes * spec->gpus_per_node;
	if (!s.q.table)
		return;
	most = most < GPUS_MAX ? most : GPUS_MAX;
	s.node_gpus = spec->gpus_per_node;
	for (uint32_t b = 0; b < GRID + app->validation_count; b++) {
		s.q.batch = grid_batch(app, b);
		s.shortest = (double)INFINITY;
		for (uint32_t e = 0; e < app->epochs; e++)
			s.shortest = fmin(s.shortest, part_of(app, s.q.batch, e));
		for (uint32_t k = 0; k < s.price_count; k++)
			best[k] = (double)INFINITY;
		for (s.q.gpus = 1; s.q.gpus <= most && s.q.gpus <= job->gpus_max; s.q.gpus++)
			try_placements(&s);
		drain(&s);
		for (uint32_t e = 0; e < app->epochs; e++) {
			double part = part_of(app, s.q.batch, e);
			for (uint32_t k = 0; k < s.price_count; k++) {
				double *at = &out[(size_t)k * app->epochs + e];
				double whole = part * best[k];
				whole *= whole > 0 ? between : 1 / between;
				*at = whole < *at ? whole : *at;
			}
		}
	}
}
