/* SPDX-License-Identifier: Apache-2.0 */
#include "model/holdout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/suggest.h"
#include "model/calibrate.h"

enum {
	DEFAULT_FOLDS = 10,
};

static const char *const names[HOLDOUT_COUNT] = { "none", "model", "gpu", "random" };

enum ergon_code holdout_parse(const char *name, enum holdout *holdout, struct ergon_error *err)
{
	char hint[128];
	for (int i = 1; i < HOLDOUT_COUNT; i++) {
		if (strcmp(name, names[i]) == 0) {
			*holdout = (enum holdout)i;
			return ERGON_OK;
		}
	}
	return ergon_fail(err, ERGON_BAD_INPUT, "cannot hold out '%.32s'%s", name,
	                  suggest_hint(hint, sizeof hint, name, names + 1, HOLDOUT_COUNT - 1));
}

const char *holdout_name(enum holdout holdout)
{
	return names[holdout];
}

struct member {
	const char *key;
	size_t index;
};

struct group {
	size_t begin, count, fold;
};

static int by_key(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order = strcmp(x->key, y->key);
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static int by_size(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return (x->begin > y->begin) - (x->begin < y->begin);
}

static const char *key_of(const struct eval_case *item, enum holdout holdout, struct arena *arena)
{
	bool kernel = item->quantity == EVAL_DEVICE_TIME;
	bool collective = item->quantity == EVAL_COLLECTIVE_TIME;
	if (holdout == HOLDOUT_GPU)
		return item->device->name;
	if (holdout == HOLDOUT_MODEL && !kernel && !collective)
		return strcmp(item->workload->name, "aggregate") == 0 ? item->run->model
		                                                      : item->workload->name;
	/* All caps of one configuration stand and fall together. */
	const struct measured_run *run = item->run;
	char key[512];
	if (collective && holdout == HOLDOUT_MODEL) /* a way to be joined, at all sizes */
		snprintf(key, sizeof key, "%.60s|%.120s|%.40s|%g|%u", item->file, run->config,
		         run->model, run->gpus, item->settings.node_gpus);
	else if (kernel)
		snprintf(key, sizeof key, "%.120s|%.120s", item->file, run->id);
	else
		snprintf(key, sizeof key, "%.80s|%.60s|%.60s|%.160s|%.20s|%g|%.20s|%g|%.16s",
		         item->file, run->gpu, run->model, run->config, run->precision, run->batch,
		         run->size, run->gpus, run->task);
	return arena_strdup(arena, key);
}

/* fold[i] of each case; groups go, largest first, to the fold that has least. */
static enum ergon_code assign(const struct eval_cases *cases, enum holdout holdout, unsigned *folds,
                              size_t *fold, struct arena *arena, struct ergon_error *err)
{
	struct member *members = ARENA_ARRAY(arena, struct member, cases->count);
	struct group *groups = ARENA_ARRAY(arena, struct group, cases->count);
	size_t load[HOLDOUT_FOLDS_MAX] = { 0 }, count = 0, group_count = 0;
	if (!members || !groups)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < cases->count; i++) {
		if (cases->items[i].reason)
			continue;
		const char *key = key_of(&cases->items[i], holdout, arena);
		if (!key)
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
		members[count++] = (struct member){ key, i };
	}
	qsort(members, count, sizeof *members, by_key);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || strcmp(members[i].key, members[i - 1].key) != 0)
			groups[group_count++].begin = i;
		groups[group_count - 1].count++;
	}
	if (!*folds)
		*folds = holdout == HOLDOUT_GPU ? (unsigned)group_count : DEFAULT_FOLDS;
	if (*folds > group_count)
		*folds = (unsigned)group_count;
	if (*folds < 2 || *folds > HOLDOUT_FOLDS_MAX)
		return ergon_fail(err, ERGON_INFEASIBLE,
		                  "%zu groups cannot be split into %u folds (2 to %d)", group_count,
		                  *folds, HOLDOUT_FOLDS_MAX);
	qsort(groups, group_count, sizeof *groups, by_size);
	for (size_t g = 0; g < group_count; g++) {
		size_t least = 0;
		for (size_t f = 1; f < *folds; f++)
			if (load[f] < load[least])
				least = f;
		load[least] += groups[g].count;
		for (size_t i = 0; i < groups[g].count; i++)
			fold[members[groups[g].begin + i].index] = least;
	}
	return ERGON_OK;
}

static enum ergon_code run_fold(const struct eval_cases *cases, const size_t *fold, size_t which,
                                const bool *eligible, struct eval_point *points,
                                struct ergon_error *err)
{
	bool *used = calloc(cases->count, sizeof *used);
	struct calibration calibration;
	struct calibrate_result result;
	if (!used)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < cases->count; i++)
		used[i] = eligible[i] && fold[i] != which;
	calibration_init(&calibration);
	enum ergon_code code = calibrate_all(cases, used, false, &calibration, &result, err);
	for (size_t i = 0; !code && i < cases->count; i++)
		if (!cases->items[i].reason && fold[i] == which)
			eval_predict(&cases->items[i], &calibration, &points[i]);
	free(used);
	return code;
}

/* Intervals of a fold from the errors of the others, each predicted without its own group. */
static enum ergon_code fill_intervals(const struct eval_cases *cases, const size_t *fold,
                                      size_t which, enum holdout holdout, struct eval_point *points,
                                      struct ergon_error *err)
{
	bool *used = calloc(cases->count + 1, sizeof *used);
	struct calibration calibration;
	if (!used)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < cases->count; i++)
		used[i] = fold[i] != which;
	calibration_init(&calibration);
	if (holdout == HOLDOUT_GPU) /* the errors have it in them */
		calibration.device_spread = 0;
	enum ergon_code code = calibrate_spreads(cases, points, used, &calibration, err);
	for (size_t i = 0; !code && i < cases->count; i++)
		if (!cases->items[i].reason && fold[i] == which)
			eval_interval(&cases->items[i], &calibration, &points[i]);
	free(used);
	return code;
}

enum ergon_code holdout_predict(const struct eval_cases *cases, enum holdout holdout,
                                unsigned *folds, struct eval_point *points, struct ergon_error *err)
{
	struct arena arena;
	size_t *fold = calloc(cases->count + 1, sizeof *fold);
	bool *eligible = calloc(cases->count + 1, sizeof *eligible);
	struct ergon_error errors[HOLDOUT_FOLDS_MAX] = { 0 };
	enum ergon_code code = ERGON_OK;
	arena_init(&arena);
	if (!fold || !eligible)
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (!code)
		code = assign(cases, holdout, folds, fold, &arena, err);
	if (!code)
		code = calibrate_sample(cases, false, eligible, err);
	int count = code ? 0 : (int)*folds;
#pragma omp parallel for schedule(dynamic)
	for (int i = 0; i < count; i++)
		errors[i].code = run_fold(cases, fold, (size_t)i, eligible, points, &errors[i]);
	for (int i = 0; i < count && !errors[i].code; i++)
		errors[i].code =
		    fill_intervals(cases, fold, (size_t)i, holdout, points, &errors[i]);
	for (int i = 0; !code && i < count; i++) {
		if (!errors[i].code)
			continue;
		code = errors[i].code;
		if (err)
			*err = errors[i];
	}
	arena_fini(&arena);
	free(fold);
	free(eligible);
	return code;
}
