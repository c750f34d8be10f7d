/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/sweep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/units.h"
#include "understand/cooldown.h"
#include "understand/sweep_internal.h"

static const double OUTLIER_Z = 3.5; /* Iglewicz and Hoaglin 1993 */

/* ---- the grid ---- */

static enum ergon_code make_grid(struct sweep *sweep, struct ergon_error *err)
{
	size_t count = 1;
	for (size_t i = 0; i < sweep->lever_count; i++) {
		count *= sweep->levers[i].count;
		if (count > SWEEP_POINTS_MAX)
			return ergon_fail(err, ERGON_BAD_INPUT,
			                  "over %d combinations of lever values; give fewer",
			                  SWEEP_POINTS_MAX);
	}
	sweep->points = calloc(count, sizeof *sweep->points);
	if (!sweep->points)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	sweep->count = count;
	for (size_t p = 0; p < count; p++) {
		size_t rest = p;
		for (size_t i = sweep->lever_count; i-- > 0;) {
			sweep->points[p].setting[i] = (uint32_t)(rest % sweep->levers[i].count);
			rest /= sweep->levers[i].count;
		}
	}
	return ERGON_OK;
}

enum ergon_code sweep_init(struct sweep *sweep, const struct ergon_env *env,
                           const char *const *specs, size_t count,
                           const struct sweep_options *options, struct ergon_error *err)
{
	*sweep = (struct sweep){ .options = *options,
		                 .baseline = TRADEOFF_NONE,
		                 .within = TRADEOFF_NONE };
	sweep->best = tradeoff_best(NULL, 0);
	arena_init(&sweep->arena);
	if (!(sweep->options.precision > 0))
		sweep->options.precision = 0.02;
	if (!(sweep->options.confidence > 0))
		sweep->options.confidence = 0.95;
	if (count == 0)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "--lever: expected at least one, such as cpu.threads=1:4");
	if (count > SWEEP_LEVERS_MAX)
		return ergon_fail(err, ERGON_BAD_INPUT, "--lever: at most %d", SWEEP_LEVERS_MAX);
	for (size_t i = 0; i < count; i++) {
		struct lever_setting *setting = &sweep->levers[i];
		enum ergon_code code =
		    lever_setting_parse(specs[i], env, &sweep->arena, setting, err);
		if (code)
			return code;
		for (size_t j = 0; j < i; j++)
			if (strcmp(sweep->levers[j].name, setting->name) == 0)
				return ergon_fail(err, ERGON_BAD_INPUT,
				                  "lever %.60s is given twice", setting->name);
		sweep->lever_count++;
	}
	return make_grid(sweep, err);
}

void sweep_fini(struct sweep *sweep)
{
	for (size_t p = 0; p < sweep->count; p++)
		free(sweep->points[p].samples);
	free(sweep->points);
	free(sweep->command);
	arena_fini(&sweep->arena);
	*sweep = (struct sweep){ 0 };
}

/* ---- running ---- */

static double elapsed_s(const struct sweep_runner *r)
{
	uint64_t now = r->env->clock->monotonic_ns(r->env->clock->user);
	return seconds_from_ns(now - r->begin_ns);
}

double sweep_half_width(const struct sweep *sweep, const struct moments *moments)
{
	return moments_half_width(moments, sweep->options.confidence);
}

static void judge_precision(const struct sweep *sweep, struct sweep_point *p)
{
	/* Without energy, time is what is known; its interval then decides. */
	const struct moments *m = sweep->has_energy ? &p->energy : &p->time;
	double width = sweep_half_width(sweep, m) / m->mean;
	p->precise = m->count >= SWEEP_RUNS_LEAST && width <= sweep->options.precision;
}

bool sweep_point_done(const struct sweep *sweep, const struct sweep_point *p)
{
	if (p->failed > 0)
		return true; /* it would fail again */
	if (sweep->options.repeat)
		return p->count >= sweep->options.repeat;
	return p->precise || p->count >= SWEEP_RUNS_MAX;
}

/* Runs that are likely still needed, from what the spread so far promises. */
static double runs_left(const struct sweep *sweep, const struct sweep_point *p)
{
	if (sweep_point_done(sweep, p))
		return 0;
	if (sweep->options.repeat)
		return (double)(sweep->options.repeat - p->count);
	if (p->count < SWEEP_RUNS_LEAST)
		return (double)(SWEEP_RUNS_LEAST - p->count);
	const struct moments *m = sweep->has_energy ? &p->energy : &p->time;
	double need = 2 * moments_stddev(m) / (m->mean * sweep->options.precision);
	double left = need * need - (double)p->count;
	return left < 1 ? 1 : fmin(left, (double)(SWEEP_RUNS_MAX - p->count));
}

static void report(struct sweep_runner *r, const struct sweep_point *p)
{
	const struct sweep *s = r->sweep;
	if (!s->options.progress)
		return;
	double left = 0, done = 0;
	for (size_t i = 0; i < s->count; i++) {
		left += runs_left(s, &s->points[i]);
		done += (double)(s->points[i].count + s->points[i].failed);
	}
	double part = done / (done + left);
	if (s->options.budget_ns)
		part = fmax(part, elapsed_s(r) / seconds_from_ns(s->options.budget_ns));
	char note[64];
	sweep_setting_text(s, p, note, sizeof note);
	if (!s->options.progress(s->options.user, part < 1 ? part : 1, note))
		r->stop = r->sweep->interrupted = true;
}

static enum ergon_code keep(struct sweep_runner *r, struct sweep_point *p,
                            const struct sweep_sample *sample)
{
	struct sweep *s = r->sweep;
	s->runs++;
	if (sample->status != 0) {
		p->failed++;
		p->failed_status = sample->status;
		return ERGON_OK;
	}
	if (!GROW(p->samples, p->capacity, p->count + 1))
		return ergon_fail(r->err, ERGON_NO_MEMORY, "out of memory");
	p->samples[p->count++] = *sample;
	bool has_energy = isfinite(sample->energy_j) && sample->energy_j > 0;
	if (s->runs == 1 || (!has_energy && s->has_energy))
		s->has_energy = has_energy;
	if (s->runs == 1 || sample->provenance == PROVENANCE_MODELLED)
		s->provenance = sample->provenance;
	moments_add(&p->time, sample->time_s);
	moments_add(&p->energy, sample->energy_j);
	moments_add(&p->power, sample->energy_j / sample->time_s);
	moments_add(&p->edp, sample->energy_j * sample->time_s);
	judge_precision(s, p);
	return ERGON_OK;
}

/* Would one more run of this point overrun the budget? The first run of all always happens. */
static bool over_budget(const struct sweep_runner *r, const struct sweep_point *p)
{
	const struct sweep *s = r->sweep;
	if (!s->options.budget_ns || s->runs == 0)
		return false;
	double expected = p->count ? p->time.mean : 0;
	return elapsed_s(r) + expected > seconds_from_ns(s->options.budget_ns);
}

enum ergon_code sweep_run_point(struct sweep_runner *r, struct sweep_point *p)
{
	struct sweep *s = r->sweep;
	if (sweep_point_done(s, p))
		return ERGON_OK;
	if (over_budget(r, p)) {
		s->budget_spent = r->stop = true;
		return ERGON_OK;
	}
	struct sweep_sample sample = { .energy_j = (double)NAN };
	if (s->options.cool_ns) {
		struct cooldown_baseline baseline = { s->baseline_c, s->baseline_gpu_c };
		s->cooled_s +=
		    cooldown_wait(r->env, &r->thermometer, &baseline, s->options.cool_ns);
	}
	enum ergon_code code = r->measure(r->user, s, p, &sample, r->err);
	if (code || s->interrupted) {
		r->stop = true;
		return code;
	}
	code = keep(r, p, &sample);
	report(r, p);
	return code;
}

static enum ergon_code run_round(struct sweep_runner *r, uint32_t *order)
{
	enum ergon_code code = ERGON_OK;
	for (uint32_t i = 0; i < r->sweep->count; i++)
		order[i] = i;
	rng_shuffle(&r->rng, order, r->sweep->count);
	for (size_t i = 0; !code && !r->stop && i < r->sweep->count; i++)
		code = sweep_run_point(r, &r->sweep->points[order[i]]);
	return code;
}

static bool all_done(const struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->count; i++)
		if (!sweep_point_done(sweep, &sweep->points[i]))
			return false;
	return true;
}

static enum ergon_code warm_up(struct sweep_runner *r)
{
	struct sweep_sample sample = { 0 };
	if (r->sweep->options.no_warm_up)
		return ERGON_OK;
	enum ergon_code code =
	    r->measure(r->user, r->sweep, &r->sweep->points[r->sweep->count - 1], &sample, r->err);
	r->stop = r->sweep->interrupted;
	return code;
}

size_t sweep_full_runs(const struct sweep *sweep)
{
	size_t each = sweep->options.repeat ? sweep->options.repeat : SWEEP_RUNS_LEAST;
	return each * sweep->count;
}

/* ---- what it means ---- */

static void count_outliers(struct sweep_point *p)
{
	double values[SWEEP_RUNS_MAX], spread[SWEEP_RUNS_MAX];
	size_t n = p->count < SWEEP_RUNS_MAX ? p->count : SWEEP_RUNS_MAX;
	if (n < 5)
		return; /* too few to tell */
	for (size_t i = 0; i < n; i++)
		values[i] = p->samples[i].energy_j;
	double median = stats_median(values, n);
	for (size_t i = 0; i < n; i++)
		spread[i] = fabs(p->samples[i].energy_j - median);
	double mad = stats_median(spread, n);
	for (size_t i = 0; i < p->count; i++)
		p->outliers +=
		    0.6745 * fabs(p->samples[i].energy_j - median) > OUTLIER_Z * mad && mad > 0;
}

struct tradeoff_point sweep_mean(const struct sweep_point *point)
{
	return (struct tradeoff_point){ point->time.mean, point->energy.mean };
}

/* As the machine is used by default: numbers at their highest, texts as first given. */
size_t sweep_default_point(const struct sweep *sweep)
{
	size_t index = 0;
	for (size_t i = 0; i < sweep->lever_count; i++) {
		const struct lever_setting *l = &sweep->levers[i];
		size_t top = 0;
		for (size_t v = 1; l->numbers && v < l->count; v++)
			if (l->numbers[v] > l->numbers[top])
				top = v;
		index = index * l->count + top;
	}
	return index;
}

static enum ergon_code conclude(struct sweep *sweep, struct ergon_error *err)
{
	size_t n = 0, front_count = 0;
	struct tradeoff_point *points = calloc(sweep->count, sizeof *points);
	size_t *index = calloc(sweep->count, sizeof *index);
	size_t *front = calloc(sweep->count, sizeof *front);
	enum ergon_code code = ERGON_OK;
	if (!points || !index || !front)
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t i = 0; !code && i < sweep->count; i++) {
		if (sweep->has_energy)
			count_outliers(&sweep->points[i]);
		if (sweep->points[i].count == 0)
			continue;
		index[n] = i;
		points[n++] = sweep_mean(&sweep->points[i]);
	}
	if (!code && n > 0) {
		sweep->baseline = sweep_default_point(sweep);
		struct tradeoff_best best = tradeoff_best(points, n);
		if (sweep->points[sweep->baseline].count == 0)
			sweep->baseline = index[best.fastest];
		sweep->best.fastest = index[best.fastest];
	}
	if (!code && n > 0 && sweep->has_energy) {
		struct tradeoff_best best = tradeoff_best(points, n);
		sweep->best = (struct tradeoff_best){ index[best.min_energy], index[best.min_edp],
			                              index[best.min_ed2p], index[best.fastest] };
		size_t within = tradeoff_within(points, n, sweep->points[sweep->baseline].time.mean,
		                                sweep->options.slowdown);
		sweep->within = within == TRADEOFF_NONE ? within : index[within];
		code = pareto_front(points, n, front, &front_count, err);
	}
	for (size_t i = 0; i < front_count; i++)
		sweep->points[index[front[i]]].pareto = true;
	free(points);
	free(index);
	free(front);
	return code;
}

static enum ergon_code all_failed(const struct sweep *sweep, struct ergon_error *err)
{
	for (size_t i = 0; i < sweep->count; i++)
		if (sweep->points[i].failed)
			return ergon_fail(err, ERGON_INFEASIBLE,
			                  "the command fails at every setting: exit status %d",
			                  sweep->points[i].failed_status);
	return ERGON_OK;
}

const char *sweep_search_name(enum sweep_search search)
{
	static const char *const names[] = { "every point was measured", "golden section",
		                             "Bayesian search" };
	return names[search];
}

static void look_at_the_start(struct sweep_runner *r)
{
	struct sweep *s = r->sweep;
	s->baseline_c = s->baseline_gpu_c = (double)NAN;
	if (!s->options.cool_ns)
		return;
	gpu_thermometer_open(&r->thermometer, r->env, s->levers, s->lever_count);
	s->baseline_c = cooldown_temperature_c(r->env);
	s->baseline_gpu_c = gpu_thermometer_c(&r->thermometer);
}

enum ergon_code sweep_run(struct sweep *sweep, const struct ergon_env *env, sweep_measure measure,
                          void *user, struct ergon_error *err)
{
	struct sweep_runner r = { .sweep = sweep,
		                  .env = env,
		                  .measure = measure,
		                  .user = user,
		                  .err = err,
		                  .begin_ns = env->clock->monotonic_ns(env->clock->user) };
	rng_init(&r.rng, sweep->options.seed);
	uint32_t *order = calloc(sweep->count, sizeof *order);
	if (!order)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	look_at_the_start(&r);
	enum ergon_code code = warm_up(&r);
	bool complete = false;
	if (!code && !r.stop && sweep->options.adaptive)
		code = sweep_adaptive(&r, &complete);
	if (complete)
		sweep->search = SEARCH_GOLDEN;
	if (!code && !r.stop && sweep->options.adaptive && !complete) {
		code = sweep_bayes(&r, &complete);
		sweep->search = complete ? SEARCH_BAYES : SEARCH_NONE;
	}
	sweep->searched = complete;
	while (!code && !r.stop && !complete && !all_done(sweep))
		code = run_round(&r, order);
	free(order);
	gpu_thermometer_close(&r.thermometer);
	sweep->wall_s = elapsed_s(&r);
	if (!code)
		code = conclude(sweep, err);
	if (!code && sweep->baseline == TRADEOFF_NONE)
		code = all_failed(sweep, err);
	return code;
}
