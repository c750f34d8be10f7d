/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/pollux_ga.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "optimize/policies/ga_row.h"
#include "optimize/policies/pollux_local.h"

static const double value_floor = 1e-3;
enum { ATTEMPTS_MAX = 10 };

static bool chance(struct ga *ga, uint32_t one_in)
{
	return ga_below(ga, one_in) == 0;
}

static uint8_t *rows_of(const struct ga *ga, const struct ga_individual *one)
{
	return ga->states + (size_t)one->slot * ga->capacity * ga->stride;
}

bool ga_init(struct ga *ga, struct arena *arena, uint64_t seed, uint32_t nodes, uint32_t node_gpus)
{
	*ga = (struct ga){ .arena = arena,
		           .nodes = nodes,
		           .node_gpus = node_gpus,
		           .gpus = nodes * node_gpus,
		           .told_apart = nodes,
		           .stride = (nodes + 15) / 16 * 16 };
	rng_init(&ga->rng, seed);
	ga->scratch = ARENA_ARRAY(arena, uint8_t, ga->stride);
	ga->room = ARENA_ARRAY(arena, uint8_t, ga->stride);
	if (ga->room)
		memset(ga->room, (int)node_gpus, nodes);
	for (uint32_t i = 0; i < GA_INDIVIDUALS; i++)
		ga->people[i].slot = i;
	return ga->scratch && ga->room;
}

bool ga_set_rows(struct ga *ga, const uint32_t *old_row, uint32_t rows)
{
	uint32_t stride = ga->stride, capacity = ga->capacity;
	if (rows > capacity)
		capacity = rows * 2 < 64 ? 64 : rows * 2;
	size_t size = (size_t)capacity * stride;
	uint8_t *fresh = ga->states;
	if (capacity > ga->capacity) {
		fresh = arena_alloc(ga->arena, size, GA_INDIVIDUALS + 2);
		if (!fresh)
			return false;
		ga->base = fresh + size * GA_INDIVIDUALS;
	}
	uint8_t *turn = fresh + size * (GA_INDIVIDUALS + 1);
	for (uint32_t p = 0; p < ga->count; p++) {
		uint32_t slot = ga->people[p].slot;
		const uint8_t *from = ga->states + (size_t)slot * ga->capacity * stride;
		for (uint32_t i = 0; i < rows; i++)
			if (old_row[i] == UINT32_MAX)
				memset(turn + (size_t)i * stride, 0, stride);
			else
				memcpy(turn + (size_t)i * stride,
				       from + (size_t)old_row[i] * stride, stride);
		memcpy(fresh + slot * size, turn, (size_t)rows * stride);
	}
	ga->states = fresh;
	ga->capacity = capacity;
	ga->rows = rows;
	memset(ga->base, 0, size);
	return true;
}

static uint64_t hash_of(const uint8_t *state, size_t bytes)
{
	uint64_t hash = UINT64_C(0x9e3779b97f4a7c15);
	for (size_t i = 0; i < bytes; i += 8) {
		uint64_t word;
		memcpy(&word, state + i, 8);
		hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
		hash ^= hash >> 29;
	}
	return hash;
}

static double row_value(struct ga *ga, uint32_t j, const uint8_t *row)
{
	uint32_t nodes, gpus;
	ga_row_shape(row, ga->stride, &nodes, &gpus);
	if (!gpus)
		return 0;
	nodes = nodes < ga->told_apart ? nodes : ga->told_apart;
	double *known = &ga->jobs[j].value[nodes * (ga->gpus + 1) + gpus];
	if (isnan(*known))
		*known = ga->ask(ga->user, j, nodes, gpus);
	return *known;
}

static double with_restart(const struct ga *ga, uint32_t j, const uint8_t *row, double value)
{
	bool stays = ga_row_equal(row, ga->base + (size_t)j * ga->stride, ga->stride);
	return stays ? value : value * ga->jobs[j].keep;
}

double ga_row_cost(struct ga *ga, uint32_t j, const uint8_t *row)
{
	return 1 / (with_restart(ga, j, row, row_value(ga, j, row)) + value_floor);
}

static void evaluate(struct ga *ga, struct ga_individual *one)
{
	const uint8_t *row = rows_of(ga, one);
	double inverse = 0, utility = 0;
	for (uint32_t j = 0; j < ga->rows; j++, row += ga->stride) {
		double value = row_value(ga, j, row);
		utility += value;
		inverse += 1 / (with_restart(ga, j, row, value) + value_floor);
	}
	one->fitness = ga->rows / inverse;
	one->utility = utility;
	one->hash = hash_of(rows_of(ga, one), (size_t)ga->rows * ga->stride);
}

/* Rows back to the present allocation, elements to zero, elements on nodes with free GPUs up. */
static void mutate(struct ga *ga, uint8_t *state)
{
	uint32_t stride = ga->stride, free_nodes[GA_NODES_MAX], free_count = 0;
	memset(ga->scratch, 0, stride);
	for (uint32_t j = 0; j < ga->rows; j++) {
		uint8_t *row = state + (size_t)j * stride;
		if (chance(ga, 10))
			memcpy(row, ga->base + (size_t)j * stride, stride);
		if (chance(ga, 10))
			for (uint32_t n = 0; n < ga->nodes; n++)
				if (row[n] && chance(ga, 10))
					row[n] = 0;
		ga_row_add(ga->scratch, row, stride);
	}
	for (uint32_t n = 0; n < ga->nodes; n++)
		if (ga->scratch[n] < ga->room[n])
			free_nodes[free_count++] = n;
	for (uint32_t j = 0; free_count && j < ga->rows; j++) {
		uint8_t *row = state + (size_t)j * stride;
		uint32_t used = 0;
		for (uint32_t i = 0; i < free_count; i++)
			used += row[free_nodes[i]] != 0;
		for (uint32_t i = 0; i < free_count; i++) {
			uint8_t *element = &row[free_nodes[i]];
			bool raise = chance(ga, free_count) || (*element && chance(ga, used));
			if (raise && *element < ga->node_gpus)
				*element = (uint8_t)(*element +
				                     ga_below(ga, ga->node_gpus + 1 - *element));
		}
	}
}

/* Cuts the row to `most` GPUs, over its nodes in random order. */
static void cut(struct ga *ga, uint8_t *row, uint32_t most)
{
	uint32_t used[GA_NODES_MAX], count = 0;
	for (uint32_t n = 0; n < ga->nodes; n++)
		if (row[n])
			used[count++] = n;
	for (uint32_t left = most; count; count--) {
		uint32_t pick = ga_below(ga, count), node = used[pick];
		used[pick] = used[count - 1];
		if (row[node] > left)
			row[node] = (uint8_t)left;
		left -= row[node];
	}
}

/* Of several types the one with most GPUs stays. */
static void keep_one_type(const struct ga *ga, uint8_t *row)
{
	uint32_t gpus[256] = { 0 }, best = 0;
	for (uint32_t n = 0; n < ga->nodes; n++)
		gpus[ga->type_of[n]] += row[n];
	for (uint32_t t = 1; t < 256; t++)
		best = gpus[t] > gpus[best] ? t : best;
	for (uint32_t n = 0; n < ga->nodes; n++)
		row[n] = ga->type_of[n] == best ? row[n] : 0;
}

static void repair(struct ga *ga, uint8_t *state)
{
	uint32_t stride = ga->stride;
	uint8_t *left = ga->scratch;
	uint8_t taken[GA_NODES_MAX]; /* nodes that hold a distributed job */
	memset(taken, 0, stride);
	memcpy(left, ga->room, stride);
	for (uint32_t j = 0; j < ga->rows; j++) {
		uint8_t *row = state + (size_t)j * stride;
		uint32_t nodes, gpus;
		if (ga->type_of)
			keep_one_type(ga, row);
		ga_row_shape(row, stride, &nodes, &gpus);
		if (nodes > 1) {
			ga_row_leave(row, taken, stride);
			ga_row_shape(row, stride, &nodes, &gpus);
		}
		if (gpus > ga->jobs[j].max_gpus)
			cut(ga, row, ga->jobs[j].max_gpus);
		ga_row_take(row, left, stride);
	}
}

static int by_objectives(const void *a, const void *b)
{
	const struct ga_individual *x = a, *y = b;
	if (x->fitness != y->fitness)
		return x->fitness > y->fitness ? -1 : 1;
	if (x->utility != y->utility)
		return x->utility > y->utility ? -1 : 1;
	return (x->slot > y->slot) - (x->slot < y->slot);
}

/* Fronts of mutually undominated individuals: sorted by fitness, one belongs to the first front
 * whose best utility so far lies below its own. */
static void rank(struct ga *ga, uint32_t count)
{
	double best[GA_INDIVIDUALS];
	uint32_t fronts = 0, last[GA_INDIVIDUALS];
	qsort(ga->people, count, sizeof *ga->people, by_objectives);
	for (uint32_t i = 0; i < count; i++) {
		struct ga_individual *one = &ga->people[i];
		uint32_t low = 0, high = fronts;
		while (low < high) {
			uint32_t middle = (low + high) / 2;
			const struct ga_individual *end = &ga->people[last[middle]];
			bool dominated =
			    best[middle] > one->utility ||
			    (best[middle] == one->utility && end->fitness > one->fitness);
			if (dominated)
				low = middle + 1;
			else
				high = middle;
		}
		one->rank = low;
		fronts += low == fronts;
		best[low] = one->utility;
		last[low] = i;
	}
}

static int by_rank(const void *a, const void *b)
{
	const struct ga_individual *x = a, *y = b;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return by_objectives(a, b);
}

static int by_crowding(const void *a, const void *b)
{
	const struct ga_individual *x = a, *y = b;
	if (x->crowding != y->crowding)
		return x->crowding > y->crowding ? -1 : 1;
	return by_objectives(a, b);
}

/* Keeps the best GA_POPULATION, the last front by its crowding distance. */
static void survive(struct ga *ga, uint32_t count)
{
	struct ga_individual *people = ga->people;
	rank(ga, count);
	qsort(people, count, sizeof *people, by_rank);
	for (uint32_t first = 0, end; first < count; first = end) {
		end = first + 1;
		while (end < count && people[end].rank == people[first].rank)
			end++;
		double height = people[first].fitness - people[end - 1].fitness;
		double width = people[end - 1].utility - people[first].utility;
		for (uint32_t i = first; i < end; i++) {
			bool border = i == first || i + 1 == end;
			people[i].crowding =
			    border
				? (double)INFINITY
				: (height > 0
			               ? (people[i - 1].fitness - people[i + 1].fitness) / height
			               : 0) +
				      (width > 0
			                   ? (people[i + 1].utility - people[i - 1].utility) / width
			                   : 0);
		}
		if (first < GA_POPULATION && end > GA_POPULATION)
			qsort(people + first, end - first, sizeof *people, by_crowding);
		if (end >= GA_POPULATION)
			break;
	}
	ga->count = count < GA_POPULATION ? count : GA_POPULATION;
}

static const struct ga_individual *parent(struct ga *ga)
{
	const struct ga_individual *a = &ga->people[ga_below(ga, ga->count)];
	const struct ga_individual *b = &ga->people[ga_below(ga, ga->count)];
	if (a->rank != b->rank)
		return a->rank < b->rank ? a : b;
	if (a->crowding != b->crowding)
		return a->crowding > b->crowding ? a : b;
	return chance(ga, 2) ? a : b;
}

static bool is_double(const struct ga *ga, uint32_t count, uint64_t hash)
{
	for (uint32_t i = 0; i < count; i++)
		if (ga->people[i].hash == hash)
			return true;
	return false;
}

/* Offspring behind the population; returns the new number of people. */
static uint32_t breed(struct ga *ga)
{
	uint32_t count = ga->count, attempts = 0;
	while (count < ga->count + GA_POPULATION && attempts++ < ATTEMPTS_MAX * GA_POPULATION) {
		const struct ga_individual *a = parent(ga), *b = parent(ga);
		struct ga_individual *child = &ga->people[count];
		uint8_t *state = rows_of(ga, child);
		size_t head = (size_t)ga_below(ga, ga->rows) * ga->stride;
		memcpy(state, rows_of(ga, a), head);
		memcpy(state + head, rows_of(ga, b) + head, (size_t)ga->rows * ga->stride - head);
		mutate(ga, state);
		repair(ga, state);
		evaluate(ga, child);
		count += !is_double(ga, count, child->hash);
	}
	return count;
}

static const struct ga_individual *fittest(const struct ga *ga)
{
	const struct ga_individual *best = &ga->people[0];
	for (uint32_t i = 1; i < ga->count; i++)
		if (ga->people[i].fitness > best->fitness)
			best = &ga->people[i];
	return best;
}

/* The fittest and the present allocation, each improved by the local search, join in. */
static void add_improved(struct ga *ga)
{
	uint32_t count = ga->count;
	size_t bytes = (size_t)ga->rows * ga->stride;
	const uint8_t *seeds[] = { rows_of(ga, fittest(ga)), ga->base };
	for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
		struct ga_individual *child = &ga->people[count];
		uint8_t *state = rows_of(ga, child);
		memcpy(state, seeds[i], bytes);
		repair(ga, state);
		ga_improve(ga, state);
		evaluate(ga, child);
		count += !is_double(ga, count, child->hash);
	}
	survive(ga, count);
}

const uint8_t *ga_search(struct ga *ga)
{
	if (ga->count == 0) {
		memcpy(rows_of(ga, &ga->people[0]), ga->base, (size_t)ga->rows * ga->stride);
		ga->count = 1;
	}
	for (uint32_t i = 0; i < ga->count; i++) {
		repair(ga, rows_of(ga, &ga->people[i]));
		evaluate(ga, &ga->people[i]);
	}
	add_improved(ga);
	for (uint32_t g = 1; g < ga->generations; g++)
		survive(ga, breed(ga));
	add_improved(ga);
	return rows_of(ga, fittest(ga));
}
