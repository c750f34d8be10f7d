/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether the predictor finds the power cap of least energy x time among those that were measured.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/eval.h"

static const double FLAT = 0.005; /* of the least predicted EDP */

/* One run: time and power, measured and predicted. */
struct spot {
	const char *key;
	double cap_w, time_s, power_w, guess_s, guess_w;
};

static int by_key_and_cap(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;
	int order = strcmp(x->key, y->key);
	return order ? order : (x->cap_w > y->cap_w) - (x->cap_w < y->cap_w);
}

static double edp(double time_s, double power_w)
{
	return power_w * time_s * time_s;
}

static void judge(const struct spot *spots, size_t count, struct eval_sweet_spots *out)
{
	size_t best = 0, least = 0;
	for (size_t i = 1; i < count; i++) {
		if (edp(spots[i].time_s, spots[i].power_w) <
		    edp(spots[best].time_s, spots[best].power_w))
			best = i;
		if (edp(spots[i].guess_s, spots[i].guess_w) <
		    edp(spots[least].guess_s, spots[least].guess_w))
			least = i;
	}
	/* Caps that do not bind, or hardly, are as good as each other: the middle one of them. */
	double enough = edp(spots[least].guess_s, spots[least].guess_w) * (1 + FLAT);
	size_t from = least, to = least;
	while (from > 0 && edp(spots[from - 1].guess_s, spots[from - 1].guess_w) <= enough)
		from--;
	while (to + 1 < count && edp(spots[to + 1].guess_s, spots[to + 1].guess_w) <= enough)
		to++;
	size_t guess = (from + to) / 2;
	double top_w = spots[count - 1].power_w;
	for (size_t i = 0; i + 1 < count; i++) {
		out->capped++;
		out->time_error += fabs(spots[i].guess_s / spots[i].time_s - 1);
		out->power_error += fabs(spots[i].guess_w / spots[i].power_w - 1);
		out->clip_error += fabs(fmin(top_w, spots[i].cap_w) / spots[i].power_w - 1);
	}
	double lost = edp(spots[guess].time_s, spots[guess].power_w) /
	                  edp(spots[best].time_s, spots[best].power_w) -
	              1;
	bool near = guess + 1 >= best && guess <= best + 1, binding = top_w > spots[0].cap_w;
	out->groups++;
	out->exact += guess == best;
	out->near += near;
	out->edp_lost += lost;
	out->binding += binding;
	out->binding_near += binding && near;
	out->binding_edp_lost += binding ? lost : 0;
}

enum ergon_code eval_find_sweet_spots(const struct eval_cases *cases,
                                      const struct eval_point *points, struct arena *arena,
                                      struct eval_sweet_spots *out, struct ergon_error *err)
{
	*out = (struct eval_sweet_spots){ 0 };
	struct spot *spots = cases->count ? ARENA_ARRAY(arena, struct spot, cases->count) : NULL;
	size_t count = 0;
	if (cases->count && !spots)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < cases->count; i++) {
		const struct eval_case *item = &cases->items[i];
		const struct measured_run *run = item->run;
		bool power = item->quantity == EVAL_POWER;
		if (item->reason || !(run->power_limit_w > 0) ||
		    (!power && (item->quantity != EVAL_STEP_TIME || item->rate)))
			continue;
		/* The values of a run stand together. */
		struct spot *spot = count && spots[count - 1].key == (const char *)run
		                        ? &spots[count - 1]
		                        : &spots[count++];
		spot->key = (const char *)run;
		spot->cap_w = run->power_limit_w;
		*(power ? &spot->power_w : &spot->time_s) = item->measured;
		*(power ? &spot->guess_w : &spot->guess_s) = points[i].predicted;
	}
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		const struct measured_run *run = (const void *)spots[i].key;
		char key[640];
		if (!(spots[i].time_s > 0 && spots[i].power_w > 0))
			continue;
		snprintf(key, sizeof key, "%.60s|%.60s|%.200s|%g|%g|%.20s|%.20s", run->gpu,
		         run->model, run->config, run->batch, run->gpus, run->precision, run->size);
		spots[kept] = spots[i];
		if (!(spots[kept++].key = arena_strdup(arena, key)))
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	if (kept)
		qsort(spots, kept, sizeof *spots, by_key_and_cap);
	for (size_t begin = 0, end; begin < kept; begin = end) {
		for (end = begin + 1; end < kept; end++)
			if (strcmp(spots[end].key, spots[begin].key) != 0)
				break;
		if (end - begin >= 3)
			judge(spots + begin, end - begin, out);
	}
	double capped = out->capped ? (double)out->capped : (double)NAN;
	out->time_error /= capped;
	out->power_error /= capped;
	out->clip_error /= capped;
	out->binding_edp_lost /= out->binding ? (double)out->binding : (double)NAN;
	out->edp_lost = out->groups ? out->edp_lost / (double)out->groups : (double)NAN;
	return ERGON_OK;
}
