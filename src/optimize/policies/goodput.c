/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/goodput.h"

#include <math.h>
#include <string.h>

/* Total batch, micro-steps and samples of a candidate. */
struct split {
	double atomic, extra, samples;
};

struct splits {
	struct batch_limits limits;
	uint32_t count[GOODPUT_GPUS_MAX + 1]; /* by GPUs; valid where there are items */
	struct split *items[GOODPUT_GPUS_MAX + 1];
	struct splits *next;
};

static struct split split_of(const struct batch_limits *l, double batch, uint32_t gpus)
{
	double local = batch / gpus;
	double extra = ceil(local / l->local_max - 1e-8) - 1;
	if (extra < 0)
		extra = 0;
	if (gpus == 1 && local > l->initial + 1e-8 && extra < 1)
		extra = 1;
	double atomic = ceil(local / (extra + 1) - 1e-8);
	return (struct split){ atomic, extra, atomic * (extra + 1) * gpus };
}

/* The candidates on so many GPUs, without repetitions. */
static uint32_t list_splits(const struct batch_limits *l, uint32_t gpus, struct split *out)
{
	double low = fmax(l->initial, (double)l->local_min * gpus), high = l->largest;
	uint32_t steps = low != high ? GOODPUT_BATCHES : 1, count = 0;
	double ratio = steps > 1 ? pow(high / low, 1.0 / (steps - 1)) : 1, batch = low;
	for (uint32_t i = 0; i < steps; i++, batch *= ratio) {
		struct split s = split_of(l, i + 1 == steps ? high : batch, gpus);
		if ((count && s.atomic == out[count - 1].atomic &&
		     s.extra == out[count - 1].extra) ||
		    s.atomic < l->local_min || s.atomic > l->local_max)
			continue;
		out[count++] = s;
	}
	return count;
}

/* What the goodput on one allocation follows from. */
struct question {
	const struct batch_limits *limits;
	const struct pollux_fit *fit;
	double sqr, var, network_s;
	const struct split *splits;
	uint32_t count;
};

/* time_s: [count], of an iteration of each; those that are NaN are filled in where needed. */
static double best_of(const struct question *q, double *time_s, uint32_t *best_batch)
{
	double best = 0;
	for (uint32_t i = 0; i < q->count; i++) {
		struct split s = q->splits[i];
		double scale = s.samples / q->limits->initial, below = q->var / scale + q->sqr;
		double gain = below > 0 ? (q->var + q->sqr) / below : 1;
		if (isnan(time_s[i])) {
			double compute_s = pollux_compute_s(q->fit, s.atomic);
			double more_s = s.extra * compute_s;
			/* No step is shorter than its longer part: what that cannot lift over the
			 * best needs no power. */
			double longer_s = fmax(compute_s, q->network_s);
			if (s.samples / (longer_s + more_s) * gain / scale <= best)
				continue;
			time_s[i] = pollux_step_s(q->fit, compute_s, q->network_s) + more_s;
		}
		double value = s.samples / time_s[i] * gain / scale;
		if (value > best) {
			best = value;
			if (best_batch)
				*best_batch = (uint32_t)s.samples;
		}
	}
	return best;
}

static void forget(double *time_s)
{
	for (uint32_t i = 0; i < GOODPUT_BATCHES; i++)
		time_s[i] = (double)NAN;
}

double goodput_best(const struct batch_limits *l, const struct pollux_fit *fit, double sqr,
                    double var, uint32_t nodes, uint32_t gpus, uint32_t *best_batch)
{
	struct split splits[GOODPUT_BATCHES];
	double time_s[GOODPUT_BATCHES];
	const struct question q = { .limits = l,
		                    .fit = fit,
		                    .sqr = sqr,
		                    .var = var,
		                    .network_s = pollux_network_s(fit, nodes, gpus),
		                    .splits = splits,
		                    .count = list_splits(l, gpus, splits) };
	forget(time_s);
	return best_of(&q, time_s, best_batch);
}

struct splits *splits_of(struct splits **all, struct arena *arena,
                         const struct batch_limits *limits)
{
	for (struct splits *s = *all; s; s = s->next)
		if (memcmp(&s->limits, limits, sizeof *limits) == 0)
			return s;
	struct splits *made = ARENA_NEW(arena, struct splits);
	if (!made)
		return NULL;
	*made = (struct splits){ .limits = *limits, .next = *all };
	*all = made;
	return made;
}

/* False where there is no memory for it. */
static bool make_row(struct goodput_memo *memo, struct arena *arena, bool across, uint32_t gpus)
{
	struct splits *s = memo->splits;
	if (!s->items[gpus]) {
		struct split list[GOODPUT_BATCHES];
		uint32_t count = list_splits(&s->limits, gpus, list);
		struct split *items = ARENA_ARRAY(arena, struct split, count + 1);
		if (!items)
			return false;
		memcpy(items, list, count * sizeof *items);
		s->items[gpus] = items;
		s->count[gpus] = count;
	}
	if (!memo->time_s[across][gpus])
		memo->time_s[across][gpus] = ARENA_ARRAY(arena, double, GOODPUT_BATCHES);
	return memo->time_s[across][gpus] != NULL;
}

double goodput_known(struct goodput_memo *memo, struct arena *arena, const struct learned *learned,
                     double sqr, double var, uint32_t nodes, uint32_t gpus, uint32_t *best_batch)
{
	bool across = nodes > 1;
	struct splits *s = memo->splits;
	if (gpus > GOODPUT_GPUS_MAX || !make_row(memo, arena, across, gpus))
		return goodput_best(&s->limits, &learned->fit, sqr, var, nodes, gpus, best_batch);
	if (memo->seen_count[across][gpus] != learned->seen_count) {
		forget(memo->time_s[across][gpus]);
		memo->seen_count[across][gpus] = learned->seen_count;
	}
	const struct question q = { .limits = &s->limits,
		                    .fit = &learned->fit,
		                    .sqr = sqr,
		                    .var = var,
		                    .network_s = pollux_network_s(&learned->fit, nodes, gpus),
		                    .splits = s->items[gpus],
		                    .count = s->count[gpus] };
	return best_of(&q, memo->time_s[across][gpus], best_batch);
}

bool learned_add(struct learned *l, struct arena *arena, const struct observation *seen)
{
	for (uint32_t i = 0; i < l->seen_count; i++)
		if (l->seen[i].nodes == seen->nodes && l->seen[i].gpus == seen->gpus &&
		    l->seen[i].local_batch == seen->local_batch)
			return false;
	if (l->seen_count == OBSERVATIONS_MAX)
		return false;
	if (l->seen_count == l->capacity) {
		uint32_t capacity = l->capacity ? l->capacity * 2 : 8;
		struct observation *more = ARENA_ARRAY(arena, struct observation, capacity);
		if (!more)
			return false; /* it then knows less */
		if (l->seen_count)
			memcpy(more, l->seen, l->seen_count * sizeof *more);
		l->seen = more;
		l->capacity = capacity;
	}
	l->seen[l->seen_count++] = *seen;
	pollux_fit_to(l->seen, l->seen_count, &l->fit);
	l->fitted = true;
	return true;
}
