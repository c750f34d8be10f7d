/* SPDX-License-Identifier: Apache-2.0 */
#include "model/eval.h"
#include "model/parallel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"
#include "base/suggest.h"

static const char *const key_names[EVAL_KEY_COUNT] = { "gpu",  "model",     "precision", "source",
	                                               "task", "gpu_count", "batch" };

enum ergon_code eval_keys_parse(const char *text, unsigned *keys, struct ergon_error *err)
{
	*keys = 0;
	while (*text) {
		size_t length = strcspn(text, ","), i = 0;
		while (i < EVAL_KEY_COUNT && !(strlen(key_names[i]) == length &&
		                               strncmp(key_names[i], text, length) == 0))
			i++;
		if (i == EVAL_KEY_COUNT) {
			char wrong[64], hint[192];
			snprintf(wrong, sizeof wrong, "%.*s", (int)(length < 60 ? length : 60),
			         text);
			return ergon_fail(
			    err, ERGON_BAD_INPUT, "cannot group by '%s'%s", wrong,
			    suggest_hint(hint, sizeof hint, wrong, key_names, EVAL_KEY_COUNT));
		}
		*keys |= 1u << i;
		text += length + (text[length] == ',');
	}
	return ERGON_OK;
}

static double phase_time(const struct eval_case *item, const struct calibration *calibration,
                         struct prediction *prediction, enum phase phase)
{
	struct breakdown breakdown;
	predict_explain(item->workload, item->device, calibration, &item->settings, prediction,
	                &breakdown);
	/* A phase is issued by the host as well: it gets its share of a host-bound step. */
	double device = 0;
	for (int i = 0; i < PHASE_COUNT; i++)
		device += breakdown.phase_s[i];
	return device > 0 ? prediction->step_time_s * breakdown.phase_s[phase] / device
	                  : (double)NAN;
}

static const double HOOKS = 6; /* a hooked layer's synchronising and clock reading, in operators */
static const double VOLTA = 7.0; /* compute capability */

/* A kernel that is called alone has its own launch to wait for, not a step's gap. */
static double called_alone(const struct eval_case *item, const struct prediction *p,
                           const struct calibration *cal)
{
	double old = item->device->compute_capability < VOLTA ? cal->host_old : 1, call_s = 0;
	if (item->workload->kernels[0].count > 1) /* steps of a recurrence: each has its own */
		return p->device_time_s + (old - 1) * p->cause_s[CAUSE_LAUNCH];
	switch (item->call) {
	case CALL_WAITED:
		call_s = old * (cal->call_s + item->choices * cal->choice_s);
		break;
	case CALL_QUEUED:
		call_s = cal->launch_s;
		break;
	case CALL_PYTHON:
		call_s = old * cal->host_issue_s;
		break;
	case CALL_HOOKED:
		call_s = old * HOOKS * cal->host_issue_s;
		break;
	case CALL_PROFILED:
		break;
	}
	return p->device_time_s - p->cause_s[CAUSE_LAUNCH] + call_s;
}

static const double MOSTLY_LOADING = 0.25; /* of a step */

/* From the end of a worker's own backward pass to the gradients of all: what is left of the sums by
 * then, the last bucket at least, and the slowest of n workers (expected largest of n normal times;
 * Blom 1958). What the sums take from the backward pass itself has made that longer. */
static double waiting(const struct eval_case *item, const struct prediction *p,
                      const struct calibration *calibration)
{
	double n = item->settings.gpus, slows = calibration->contention;
	double z = n > 1 ? normal_quantile((n - 0.375) / (n + 0.25)) : 0;
	double exposed_s = p->cause_s[CAUSE_COMMUNICATION], own_s = p->step_time_s - exposed_s;
	double left_s = (exposed_s - slows * p->communication_time_s) / (1 - slows);
	double last_s = p->communication_time_s * last_bucket_share(item->workload);
	return fmin(fmax(left_s, last_s), exposed_s) + calibration->worker_skew * z * own_s;
}

void eval_interval(const struct eval_case *item, const struct calibration *calibration,
                   struct eval_point *point)
{
	const struct prediction *p = &point->prediction;
	double unknown = p->unmeasured ? calibration->device_spread : 0;
	struct doubt spread = calibration->spreads[point->class];
	spread = spread_join(spread, (struct doubt){ -unknown, unknown });
	if (item->quantity == EVAL_ENERGY) {
		struct doubt power = calibration->spreads[p->power_class];
		spread =
		    spread_join(spread, spread_join(power, (struct doubt){ -unknown, unknown }));
	}
	if (item->quantity == EVAL_MEMORY)
		spread.low = spread.high = (double)NAN;
	point->low = point->predicted * exp(item->rate ? -spread.high : spread.low);
	point->high = point->predicted * exp(item->rate ? -spread.low : spread.high);
}

void eval_predict(const struct eval_case *item, const struct calibration *calibration,
                  struct eval_point *point)
{
	struct prediction *p = &point->prediction;
	if (item->reason)
		return;
	double value = (double)NAN;
	if (item->quantity == EVAL_FORWARD_TIME || item->quantity == EVAL_BACKWARD_TIME) {
		value = phase_time(item, calibration, p,
		                   item->quantity == EVAL_FORWARD_TIME ? PHASE_FORWARD
		                                                       : PHASE_BACKWARD);
	} else {
		predict(item->workload, item->device, calibration, &item->settings, p);
		value = item->quantity == EVAL_POWER         ? p->power_w
		        : item->quantity == EVAL_ENERGY      ? p->energy_per_step_j
		        : item->quantity == EVAL_MEMORY      ? p->last_stage_bytes
		        : item->quantity == EVAL_DEVICE_TIME ? called_alone(item, p, calibration)
		        : item->quantity == EVAL_COLLECTIVE_TIME ? p->communication_time_s
		        : item->quantity == EVAL_WAITING_TIME    ? waiting(item, p, calibration)
		                                                 : p->step_time_s;
	}
	point->predicted = item->rate ? item->scale / value : item->scale * value;
	point->class = item->quantity == EVAL_POWER          ? p->power_class
	               : item->quantity == EVAL_WAITING_TIME ? SPREAD_WAITING
	                                                     : p->time_class;
	eval_interval(item, calibration, point);
	point->host = item->quantity != EVAL_DEVICE_TIME &&
	              item->quantity != EVAL_COLLECTIVE_TIME &&
	              (p->host_time_s > p->device_time_s ||
	               p->cause_s[CAUSE_LOADING] > MOSTLY_LOADING * p->step_time_s);
}

/* ---- grouping ---- */

struct sorted {
	const struct eval_case *item;
	const struct eval_point *point;
	size_t at;
	bool host;
	const char *keys[EVAL_KEY_COUNT];
};

static int compare_groups(const struct sorted *a, const struct sorted *b)
{
	int order = strcmp(a->item->file, b->item->file);
	if (!order)
		order = strcmp(a->item->split, b->item->split);
	if (!order)
		order = strcmp(a->item->metric, b->item->metric);
	for (int i = 0; !order && i < EVAL_KEY_COUNT; i++)
		if (a->keys[i])
			order = strcmp(a->keys[i], b->keys[i]);
	return order ? order : a->host - b->host;
}

static int by_group(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int order = compare_groups(x, y);
	return order ? order : (x->at > y->at) - (x->at < y->at);
}

static const char *number_key(struct arena *arena, double value)
{
	char text[32];
	if (isnan(value))
		return "";
	snprintf(text, sizeof text, "%g", value);
	return arena_strdup(arena, text);
}

static bool fill_keys(struct sorted *s, unsigned keys, struct arena *arena)
{
	const struct measured_run *run = s->item->run;
	const char *const texts[] = { run->gpu, run->model, run->precision, run->source,
		                      run->task };
	for (unsigned i = 0; i < EVAL_KEY_COUNT; i++) {
		if (!(keys & 1u << i))
			continue;
		s->keys[i] = i < EVAL_BY_GPUS
		                 ? texts[i]
		                 : number_key(arena, i == EVAL_BY_GPUS ? run->gpus : run->batch);
		if (!s->keys[i])
			return false;
	}
	return true;
}

/* errors: room for count values. */
static void group_statistics(const struct sorted *members, size_t count, double *errors,
                             struct eval_group *group)
{
	size_t n = 0, inside = 0, intervals = 0;
	double sum = 0;
	for (size_t i = 0; i < count; i++) {
		if (members[i].item->reason)
			continue;
		const struct eval_point *p = members[i].point;
		double measured = members[i].item->measured, error = p->predicted / measured - 1;
		sum += error;
		errors[n++] = fabs(error);
		intervals += isfinite(p->low) && isfinite(p->high);
		inside += p->low <= measured && measured <= p->high;
	}
	group->n = n;
	group->skipped = count - n;
	group->mape = stats_mean(errors, n);
	stats_sort(errors, n);
	group->median_ape = stats_quantile_sorted(errors, n, 0.5);
	group->p95_ape = stats_quantile_sorted(errors, n, 0.95);
	group->bias = n ? sum / (double)n : (double)NAN;
	group->coverage80 = intervals ? (double)inside / (double)intervals : (double)NAN;
}

static int by_reason(const void *a, const void *b)
{
	const struct eval_case *x = *(const struct eval_case *const *)a;
	const struct eval_case *y = *(const struct eval_case *const *)b;
	int order = strcmp(x->file, y->file);
	if (!order)
		order = strcmp(x->metric, y->metric);
	return order ? order : strcmp(x->reason, y->reason);
}

static int by_count(const void *a, const void *b)
{
	const struct eval_reason *x = a, *y = b;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	int order = strcmp(x->file, y->file);
	if (!order)
		order = strcmp(x->metric, y->metric);
	return order ? order : strcmp(x->reason, y->reason);
}

static enum ergon_code count_reasons(const struct eval_cases *cases, struct arena *arena,
                                     struct eval_report *report, struct ergon_error *err)
{
	if (!report->skipped)
		return ERGON_OK;
	const struct eval_case **list =
	    ARENA_ARRAY(arena, const struct eval_case *, report->skipped);
	report->reasons = ARENA_ARRAY(arena, struct eval_reason, report->skipped);
	if (!list || !report->reasons)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	size_t count = 0;
	for (size_t i = 0; i < cases->count; i++)
		if (cases->items[i].reason)
			list[count++] = &cases->items[i];
	qsort(list, count, sizeof *list, by_reason);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || by_reason(&list[i - 1], &list[i]) != 0)
			report->reasons[report->reason_count++] =
			    (struct eval_reason){ list[i]->file, list[i]->metric, list[i]->reason,
				                  list[i]->run->model, 0 };
		report->reasons[report->reason_count - 1].count++;
	}
	qsort(report->reasons, report->reason_count, sizeof *report->reasons, by_count);
	return ERGON_OK;
}

enum ergon_code eval_summarise(const struct eval_cases *cases, const struct eval_point *points,
                               unsigned keys, struct arena *arena, struct eval_report *report,
                               struct ergon_error *err)
{
	size_t count = cases->count;
	*report = (struct eval_report){ 0 };
	if (!count)
		return ERGON_OK;
	struct sorted *sorted = ARENA_ARRAY(arena, struct sorted, count);
	double *errors = ARENA_ARRAY(arena, double, count);
	report->groups = ARENA_ARRAY(arena, struct eval_group, count);
	if (!sorted || !errors || !report->groups)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory for %zu numbers", count);
	for (size_t i = 0; i < count; i++) {
		const struct eval_case *item = &cases->items[i];
		sorted[i] = (struct sorted){ .item = item,
			                     .point = &points[i],
			                     .at = i,
			                     .host = !item->reason && points[i].host };
		if (!fill_keys(&sorted[i], keys, arena))
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
		report->skipped += item->reason != NULL;
	}
	report->predicted = count - report->skipped;
	qsort(sorted, count, sizeof *sorted, by_group);
	for (size_t first = 0, next; first < count; first = next) {
		for (next = first + 1; next < count; next++)
			if (compare_groups(&sorted[first], &sorted[next]) != 0)
				break;
		struct eval_group *group = &report->groups[report->group_count++];
		group->file = sorted[first].item->file;
		group->split = sorted[first].item->split;
		group->metric = sorted[first].item->metric;
		group->host = sorted[first].host;
		memcpy(group->keys, sorted[first].keys, sizeof group->keys);
		group_statistics(sorted + first, next - first, errors, group);
	}
	enum ergon_code code =
	    eval_find_sweet_spots(cases, points, arena, &report->sweet_spots, err);
	return code ? code : count_reasons(cases, arena, report, err);
}
