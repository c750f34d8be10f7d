/* SPDX-License-Identifier: Apache-2.0
 *
 * The spreads of classes of predictions, from errors of held-out cases.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/calibrate.h"

static const double FULL_SHARE = 50; /* cases of a file and class, at most, that count each */
static const double BORROWED = 15;   /* cases' worth that a class takes over from its parent */
/* The errors of one network have much in common: of few networks they say less about the next. */
static const double FEW = 1.0;
enum { MANY = 3, MET_MAX = 16 };
static const double TAIL = 0.1; /* on either side of an 80% interval */

struct sample {
	double error, weight;       /* log of measured / predicted */
	const char *file, *network; /* "" for a kernel: those differ anyway */
	enum spread_class class;
};

static int by_class(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	int order = (x->class > y->class) - (x->class < y->class);
	return order ? order : strcmp(x->file, y->file);
}

static int by_error(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	return (x->error > y->error) - (x->error < y->error);
}

/* Energies have intervals of times and powers; memory has none. */
static bool tells(const struct eval_case *item)
{
	return !item->reason && item->measured > 0 && item->quantity != EVAL_ENERGY &&
	       item->quantity != EVAL_MEMORY;
}

static double error_of(const struct eval_case *item, const struct eval_point *point)
{
	double error = log(item->measured / point->predicted);
	return item->rate ? -error : error;
}

/* Each file of a class alike, however many cases it has. */
static void weigh_files(struct sample *samples, size_t count)
{
	qsort(samples, count, sizeof *samples, by_class);
	for (size_t begin = 0, end; begin < count; begin = end) {
		for (end = begin; end < count && by_class(&samples[begin], &samples[end]) == 0;
		     end++)
			;
		for (size_t i = begin; i < end; i++)
			samples[i].weight = fmin(1, FULL_SHARE / (double)(end - begin));
	}
}

static const char *network_of(const struct eval_case *item)
{
	bool kernel = item->quantity == EVAL_DEVICE_TIME || item->quantity == EVAL_COLLECTIVE_TIME;
	bool totals = strcmp(item->workload->name, "aggregate") == 0;
	return kernel ? "" : totals ? item->run->model : item->workload->name;
}

static size_t gather(const struct eval_cases *cases, const struct eval_point *points,
                     const bool *used, struct sample *out)
{
	size_t count = 0;
	for (size_t i = 0; i < cases->count; i++) {
		const struct eval_case *item = &cases->items[i];
		if ((used && !used[i]) || !tells(item))
			continue;
		double error = error_of(item, &points[i]);
		if (isfinite(error))
			out[count++] = (struct sample){ error, 1, item->file, network_of(item),
				                        points[i].class };
	}
	weigh_files(out, count);
	return count;
}

static bool descends(enum spread_class class, enum spread_class from)
{
	while (class != from && spread_facts[class].parent != class)
		class = spread_facts[class].parent;
	return class == from;
}

/* Different networks of a class, up to MET_MAX; 0 where any is a kernel. */
static double count_networks(const struct sample *samples, size_t count, enum spread_class class)
{
	const char *met[MET_MAX];
	size_t found = 0;
	for (size_t i = 0; i < count && found < MET_MAX; i++) {
		size_t j = 0;
		if (samples[i].class != class)
			continue;
		if (!*samples[i].network)
			return 0;
		while (j < found && strcmp(met[j], samples[i].network) != 0)
			j++;
		if (j == found)
			met[found++] = samples[i].network;
	}
	return (double)found;
}

/* Sorted by error: the value below which `share` of the weight lies, of those of a class with all
 * below it as one sample, and of its parent's as another that is worth BORROWED. */
static void fill_class(const struct sample *samples, size_t count, enum spread_class class,
                       struct doubt *out)
{
	enum spread_class parent = spread_facts[class].parent;
	double own = 0, others = 0, sum = 0, low = 0, high = 0;
	for (size_t i = 0; i < count; i++) {
		own += samples[i].class == class ? samples[i].weight : 0;
		others += descends(samples[i].class, parent) ? samples[i].weight : 0;
	}
	double lent = others > 0 ? fmin(BORROWED / others, 1) : 0;
	double total = own + lent * others;
	if (!(total > 0))
		return;
	for (size_t i = 0; i < count; i++) {
		double before = sum / total;
		sum += samples[i].class == class ? samples[i].weight : 0;
		sum += descends(samples[i].class, parent) ? lent * samples[i].weight : 0;
		if (before <= TAIL && sum / total > TAIL)
			low = samples[i].error;
		if (before < 1 - TAIL && sum / total >= 1 - TAIL)
			high = samples[i].error;
	}
	double networks = count_networks(samples, count, class);
	double wider = networks > 0 ? sqrt(1 + FEW / networks) : 1;
	if (networks > 0 && networks < MANY) /* where the next one lies nobody knows */
		low = -(high = fmax(-low, high));
	*out = (struct doubt){ fmin(wider * low, 0), fmax(wider * high, 0) };
}

enum ergon_code calibrate_spreads(const struct eval_cases *cases, const struct eval_point *points,
                                  const bool *used, struct calibration *calibration,
                                  struct ergon_error *err)
{
	struct sample *samples = calloc(cases->count + 1, sizeof *samples);
	if (!samples)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	size_t count = gather(cases, points, used, samples);
	qsort(samples, count, sizeof *samples, by_error);
	for (int class = 0; class < SPREAD_COUNT; class ++)
		fill_class(samples, count, (enum spread_class) class, &calibration->spreads[class]);
	free(samples);
	return ERGON_OK;
}

enum ergon_code calibrate_device_spread(const struct eval_cases *cases,
                                        const struct eval_point *points,
                                        struct calibration *calibration, struct ergon_error *err)
{
	struct sample *needed = calloc(cases->count + 1, sizeof *needed);
	size_t count = 0, at = 0;
	double total = 0, below = 0;
	if (!needed)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < cases->count; i++) {
		const struct eval_case *item = &cases->items[i];
		if (!tells(item) || !points[i].prediction.unmeasured)
			continue;
		double error = error_of(item, &points[i]);
		const struct doubt *known = &calibration->spreads[points[i].class];
		double limit = error < 0 ? known->low : known->high;
		if (isfinite(error))
			needed[count++] =
			    (struct sample){ .error = sqrt(fmax(error * error - limit * limit, 0)),
				             .file = item->file };
	}
	weigh_files(needed, count);
	qsort(needed, count, sizeof *needed, by_error);
	for (size_t i = 0; i < count; i++)
		total += needed[i].weight;
	while (at < count && (below += needed[at].weight) < (1 - 2 * TAIL) * total)
		at++;
	if (count)
		calibration->device_spread = fmin(needed[at < count ? at : count - 1].error, 2);
	free(needed);
	return ERGON_OK;
}
