/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/pollux_local.h"

#include <math.h>
#include <string.h>

#include "optimize/policies/ga_row.h"

enum { NODES_MAX = GA_NODES_MAX, ROWS_MAX = 512, PASSES_MAX = 4, JOB_GPUS_MAX = 64 };
#define NOBODY UINT32_MAX

static const double least_gain = 1e-9;

struct local {
	struct ga *ga;
	uint8_t *state;
	uint32_t left[NODES_MAX];  /* free GPUs */
	uint32_t owner[NODES_MAX]; /* the distributed job of the node */
	double cost[ROWS_MAX];
	/* The least cost that a changed row could have with at most that many GPUs. */
	float bound[ROWS_MAX][JOB_GPUS_MAX + 1];
	uint32_t free;
};

static uint8_t *row_of(const struct local *l, uint32_t j)
{
	return l->state + (size_t)j * l->ga->stride;
}

static uint32_t gpus_of(const struct local *l, uint32_t j)
{
	uint32_t nodes, gpus;
	ga_row_shape(row_of(l, j), l->ga->stride, &nodes, &gpus);
	return gpus;
}

/* Takes the row's GPUs out of the free ones (sign 1) or puts them back (-1). */
static void book(struct local *l, uint32_t j, const uint8_t *row, int sign)
{
	uint32_t nodes, gpus;
	ga_row_shape(row, l->ga->stride, &nodes, &gpus);
	for (uint32_t n = 0; n < l->ga->nodes; n++) {
		if (!row[n])
			continue;
		l->left[n] = (uint32_t)((int)l->left[n] - sign * row[n]);
		l->free = (uint32_t)((int)l->free - sign * row[n]);
		if (nodes > 1)
			l->owner[n] = sign > 0 ? j : NOBODY;
	}
}

/* gpus GPUs into row, all in the node that fits best. */
static bool shape_within(const struct local *l, uint32_t gpus, uint8_t *row)
{
	uint32_t best = NOBODY;
	memset(row, 0, l->ga->stride);
	for (uint32_t n = 0; n < l->ga->nodes; n++)
		if (l->left[n] >= gpus && (best == NOBODY || l->left[n] < l->left[best]))
			best = n;
	if (best != NOBODY)
		row[best] = (uint8_t)gpus;
	return best != NOBODY;
}

/* Over several nodes in random order, of each any number of what it has, as mutation does: the
 * model sees no difference between such rows, but what a job comes to know of itself does depend on
 * them.
 */
static bool shape_across(struct local *l, uint32_t gpus, uint8_t *row)
{
	uint32_t nodes[NODES_MAX], count = 0;
	memset(row, 0, l->ga->stride);
	uint32_t type = l->ga->type_of ? l->ga->type_of[ga_below(l->ga, l->ga->nodes)] : 0;
	for (uint32_t n = 0; n < l->ga->nodes; n++)
		if (l->left[n] && l->owner[n] == NOBODY &&
		    (!l->ga->type_of || l->ga->type_of[n] == type))
			nodes[count++] = n;
	for (uint32_t i = 0; i < count && gpus; i++) {
		uint32_t pick = i + ga_below(l->ga, count - i), n = nodes[pick];
		nodes[pick] = nodes[i];
		nodes[i] = n;
		row[n] = (uint8_t)(1 + ga_below(l->ga, l->left[n]));
		row[n] = (uint8_t)(row[n] < gpus ? row[n] : gpus);
		gpus -= row[n];
	}
	for (uint32_t i = 0; i < count && gpus; i++) {
		uint32_t n = nodes[i], room = l->left[n] - row[n], part = room < gpus ? room : gpus;
		row[n] = (uint8_t)(row[n] + part);
		gpus -= part;
	}
	return gpus == 0;
}

/* The best row for j in what is free; its own GPUs must have been put back. */
static double fill(struct local *l, uint32_t j, uint8_t *best)
{
	uint8_t row[NODES_MAX], other[NODES_MAX];
	double least = (double)INFINITY;
	uint32_t most = l->ga->jobs[j].max_gpus < l->free ? l->ga->jobs[j].max_gpus : l->free;
	const uint8_t *base = l->ga->base + (size_t)j * l->ga->stride;
	bool fits = true;
	uint32_t base_nodes, base_gpus;
	ga_row_shape(base, l->ga->stride, &base_nodes, &base_gpus);
	for (uint32_t n = 0; n < l->ga->nodes && fits; n++)
		fits =
		    base[n] <= l->left[n] && !(base[n] && base_nodes > 1 && l->owner[n] != NOBODY);
	if (fits && base_gpus <= l->ga->jobs[j].max_gpus) {
		least = ga_row_cost(l->ga, j, base);
		memcpy(best, base, l->ga->stride);
	}
	for (uint32_t gpus = 1; gpus <= most; gpus++) {
		bool within = shape_within(l, gpus, row);
		double cost = within ? ga_row_cost(l->ga, j, row) : (double)INFINITY;
		if (gpus > 1 && shape_across(l, gpus, other)) {
			double across = ga_row_cost(l->ga, j, other);
			if (across < cost || (across <= cost && ga_below(l->ga, 2))) {
				cost = across;
				memcpy(row, other, l->ga->stride);
			}
		}
		if (cost < least - least_gain) {
			least = cost;
			memcpy(best, row, l->ga->stride);
		}
	}
	return least;
}

static bool improve_alone(struct local *l, uint32_t j)
{
	uint8_t best[NODES_MAX];
	uint32_t reach = gpus_of(l, j) + l->free;
	if (l->cost[j] - (double)l->bound[j][reach < JOB_GPUS_MAX ? reach : JOB_GPUS_MAX] <=
	    least_gain)
		return false;
	book(l, j, row_of(l, j), -1);
	double cost = fill(l, j, best);
	bool better = cost < l->cost[j] - least_gain;
	if (better) {
		memcpy(row_of(l, j), best, l->ga->stride);
		l->cost[j] = cost;
	}
	book(l, j, row_of(l, j), 1);
	return better;
}

/* The row with GPUs taken away until `gpus` are left, from its smallest shares first. */
static void shrink(const struct local *l, uint8_t *row, uint32_t have, uint32_t gpus)
{
	while (have > gpus) {
		uint32_t least = NOBODY;
		for (uint32_t n = 0; n < l->ga->nodes; n++)
			if (row[n] && (least == NOBODY || row[n] < row[least]))
				least = n;
		uint32_t part = have - gpus < row[least] ? have - gpus : row[least];
		row[least] = (uint8_t)(row[least] - part);
		have -= part;
	}
}

/* i holds `less` from now on; does somebody else gain more than it loses? */
static bool trade(struct local *l, uint32_t i, const uint8_t *less)
{
	uint8_t old[NODES_MAX], best[NODES_MAX];
	double cost = ga_row_cost(l->ga, i, less), loss = cost - l->cost[i];
	memcpy(old, row_of(l, i), l->ga->stride);
	book(l, i, old, -1);
	memcpy(row_of(l, i), less, l->ga->stride);
	book(l, i, less, 1);
	for (uint32_t j = 0; j < l->ga->rows; j++) {
		uint32_t reach = gpus_of(l, j) + l->free;
		reach = reach < JOB_GPUS_MAX ? reach : JOB_GPUS_MAX;
		if (j == i || l->cost[j] - (double)l->bound[j][reach] <= loss + least_gain)
			continue;
		book(l, j, row_of(l, j), -1);
		double now = fill(l, j, best);
		bool better = l->cost[j] - now > loss + least_gain;
		if (better) {
			memcpy(row_of(l, j), best, l->ga->stride);
			l->cost[j] = now;
			l->cost[i] = cost;
		}
		book(l, j, row_of(l, j), 1);
		if (better)
			return true;
	}
	book(l, i, row_of(l, i), -1);
	memcpy(row_of(l, i), old, l->ga->stride);
	book(l, i, old, 1);
	return false;
}

static bool improve_by_trade(struct local *l, uint32_t i)
{
	uint32_t have = gpus_of(l, i), last = UINT32_MAX;
	const uint32_t targets[] = { have ? have - 1 : 0, have > 4 ? have - 4 : have / 2, have / 2,
		                     1, 0 };
	for (size_t t = 0; have && t < sizeof targets / sizeof *targets; t++) {
		uint8_t less[NODES_MAX];
		if (targets[t] >= have || targets[t] >= last)
			continue;
		last = targets[t];
		memcpy(less, row_of(l, i), l->ga->stride);
		shrink(l, less, have, targets[t]);
		if (trade(l, i, less))
			return true;
	}
	return false;
}

static void begin(struct local *l)
{
	struct ga *ga = l->ga;
	l->free = 0;
	for (uint32_t n = 0; n < ga->nodes; n++) {
		l->free += ga->room[n];
		l->left[n] = ga->room[n];
		l->owner[n] = NOBODY;
	}
	for (uint32_t j = 0; j < ga->rows; j++) {
		double least = (double)INFINITY;
		double back = ga_row_cost(ga, j, ga->base + (size_t)j * ga->stride);
		book(l, j, row_of(l, j), 1);
		l->cost[j] = ga_row_cost(ga, j, row_of(l, j));
		for (uint32_t g = 0; g <= JOB_GPUS_MAX; g++) {
			if (g && g <= ga->jobs[j].max_gpus && g <= ga->gpus) {
				uint8_t row[NODES_MAX];
				uint32_t left = g;
				memset(row, 0, ga->stride);
				for (uint32_t n = 0; left; n++) {
					row[n] =
					    (uint8_t)(left < ga->node_gpus ? left : ga->node_gpus);
					left -= row[n];
				}
				least = fmin(least, ga_row_cost(ga, j, row));
			}
			l->bound[j][g] = (float)(fmin(least, back) * (1 - 1e-6));
		}
	}
}

void ga_improve(struct ga *ga, uint8_t *state)
{
	struct local l;
	if (ga->rows > ROWS_MAX || ga->nodes > NODES_MAX || ga->rows == 0)
		return;
	l.ga = ga;
	l.state = state;
	begin(&l);
	bool better = true;
	for (int pass = 0; pass < PASSES_MAX && better; pass++) {
		better = false;
		for (uint32_t j = 0; j < ga->rows; j++)
			better = improve_alone(&l, j) || better;
		for (uint32_t j = 0; j < ga->rows; j++)
			better = improve_by_trade(&l, j) || better;
	}
}
