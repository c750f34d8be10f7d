/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/goodput.h"

#include <math.h>
#include <string.h>

enum { BATCHES = 50, OBSERVATIONS_MAX = 256 };

/* Total batch, micro-steps and samples of a candidate. */
struct split {
	double atomic, extra;
};

static struct split split_of(const struct batch_limits *l, double batch, uint32_t gpus)
{
	double local = batch / gpus;
	double extra = ceil(local / l->local_max - 1e-8) - 1;
	if (extra < 0)
		extra = 0;
	if (gpus == 1 && local > l->initial + 1e-8 && extra < 1)
		extra = 1;
	return (struct split){ ceil(local / (extra + 1) - 1e-8), extra };
}

double goodput_best(const struct batch_limits *l, const struct pollux_fit *fit, double sqr,
                    double var, uint32_t nodes, uint32_t gpus, uint32_t *best_batch)
{
	double low = fmax(l->initial, (double)l->local_min * gpus), high = l->largest;
	uint32_t steps = low != high ? BATCHES : 1;
	double ratio = steps > 1 ? pow(high / low, 1.0 / (steps - 1)) : 1, batch = low, best = 0;
	double network_s = pollux_network_s(fit, nodes, gpus);
	double last_atomic = 0, last_extra = -1;
	for (uint32_t i = 0; i < steps; i++, batch *= ratio) {
		struct split s = split_of(l, i + 1 == steps ? high : batch, gpus);
		if ((s.atomic == last_atomic && s.extra == last_extra) || s.atomic < l->local_min ||
		    s.atomic > l->local_max)
			continue;
		last_atomic = s.atomic;
		last_extra = s.extra;
		double compute_s = pollux_compute_s(fit, s.atomic);
		double time_s = pollux_step_s(fit, compute_s, network_s) + s.extra * compute_s;
		double samples = s.atomic * (s.extra + 1) * gpus, scale = samples / l->initial;
		double below = var / scale + sqr;
		double gain = below > 0 ? (var + sqr) / below : 1;
		double value = samples / time_s * gain / scale;
		if (value > best) {
			best = value;
			if (best_batch)
				*best_batch = (uint32_t)samples;
		}
	}
	return best;
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
