/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/power_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure/least_squares.h"

enum { PHASES_MAX = 256 };

struct design {
	const struct power_sample *samples;
	size_t count;
	enum feature columns[FEATURE_COUNT];
	size_t width;
	double scale[FEATURE_COUNT]; /* greatest rate of each column */
	double *a, *y;               /* [count * width], [count] */
};

/* Columns that change from sample to sample, and time, which is the constant. */
static void choose_columns(struct design *d, const bool wanted[FEATURE_COUNT])
{
	d->width = 0;
	for (int k = 0; k < FEATURE_COUNT; k++) {
		double least = (double)INFINITY, most = 0;
		for (size_t i = 0; i < d->count; i++) {
			least = fmin(least, d->samples[i].rate[k]);
			most = fmax(most, d->samples[i].rate[k]);
		}
		if (!wanted[k] || !(most > 0) || (k != FEATURE_TIME && most - least < 1e-3 * most))
			continue;
		d->scale[d->width] = most;
		d->columns[d->width++] = (enum feature)k;
	}
}

/* Without the samples of phase `without` (-1: all). x in W at each column's greatest rate. */
static enum ergon_code solve(struct design *d, long without, double ridge, double *x,
                             struct ergon_error *err)
{
	double strengths[FEATURE_COUNT];
	struct least_squares fit;
	size_t rows = 0;
	for (size_t i = 0; i < d->count; i++) {
		if ((long)d->samples[i].phase == without)
			continue;
		for (size_t k = 0; k < d->width; k++)
			d->a[rows * d->width + k] = d->samples[i].rate[d->columns[k]] / d->scale[k];
		d->y[rows++] = d->samples[i].power_w;
	}
	for (size_t k = 0; k < d->width; k++)
		strengths[k] = d->columns[k] == FEATURE_TIME ? 0 : ridge * sqrt((double)rows);
	enum ergon_code code = least_squares(d->a, d->y, rows, d->width, strengths, &fit, err);
	if (!code)
		memcpy(x, fit.x, d->width * sizeof *x);
	return code;
}

static double predict_w(const struct design *d, size_t i, const double *x)
{
	double power_w = 0;
	for (size_t k = 0; k < d->width; k++)
		power_w += x[k] * d->samples[i].rate[d->columns[k]] / d->scale[k];
	return power_w;
}

/* Relative error of each phase when the others are fitted: root of the mean square. */
static double left_out_error(struct design *d, unsigned phases, double ridge)
{
	double squares = 0;
	unsigned seen = 0;
	for (unsigned phase = 0; phase < phases; phase++) {
		double x[FEATURE_COUNT], miss_w = 0, mean_w = 0;
		size_t n = 0;
		if (solve(d, phase, ridge, x, NULL))
			return (double)INFINITY;
		for (size_t i = 0; i < d->count; i++) {
			if (d->samples[i].phase != phase)
				continue;
			miss_w += predict_w(d, i, x) - d->samples[i].power_w;
			mean_w += d->samples[i].power_w;
			n++;
		}
		if (n == 0 || mean_w <= 0)
			continue;
		squares += miss_w / mean_w * (miss_w / mean_w);
		seen++;
	}
	return seen ? sqrt(squares / seen) : (double)INFINITY;
}

static enum ergon_code fit_design(struct design *d, unsigned phases, struct power_model *model,
                                  struct ergon_error *err)
{
	static const double ridges[] = { 1e-4, 1e-3, 1e-2, 3e-2, 0.1, 0.3 };
	double best = (double)INFINITY, ridge = ridges[0], x[FEATURE_COUNT];
	for (size_t i = 0; i < sizeof ridges / sizeof *ridges; i++) {
		double error = left_out_error(d, phases, ridges[i]);
		if (error < best) {
			best = error;
			ridge = ridges[i];
		}
	}
	enum ergon_code code = solve(d, -1, ridge, x, err);
	if (code)
		return code;
	if (!isfinite(best))
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "the phases of load are too few to check the fit");
	model->relative_error = best;
	for (size_t k = 0; k < d->width; k++) {
		model->uses[d->columns[k]] = true;
		model->coefficient[d->columns[k]] = x[k] / d->scale[k];
	}
	return ERGON_OK;
}

enum ergon_code power_fit(const struct power_sample *samples, size_t count,
                          const bool wanted[FEATURE_COUNT], struct power_model *model,
                          struct ergon_error *err)
{
	struct design d = { .samples = samples, .count = count };
	unsigned phases = 0;
	*model = (struct power_model){ .samples = count };
	for (size_t i = 0; i < count; i++) {
		if (samples[i].phase >= phases)
			phases = samples[i].phase + 1;
		model->mean_power_w += samples[i].power_w / (double)count;
	}
	model->phases = phases;
	if (phases < 3 || phases > PHASES_MAX)
		return ergon_fail(err, ERGON_BAD_INPUT, "%u phases of load: expected 3 to %d",
		                  phases, PHASES_MAX);
	choose_columns(&d, wanted);
	d.a = calloc(count * FEATURE_COUNT, sizeof *d.a);
	d.y = calloc(count, sizeof *d.y);
	enum ergon_code code = d.a && d.y ? fit_design(&d, phases, model, err)
	                                  : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	free(d.a);
	free(d.y);
	return code;
}

double power_model_j(const struct power_model *model, const double change[FEATURE_COUNT])
{
	double energy_j = 0;
	for (int k = 0; k < FEATURE_COUNT; k++)
		if (model->uses[k])
			energy_j += model->coefficient[k] * change[k];
	return fmax(0, energy_j);
}

json_t *power_model_to_json(const struct power_model *model)
{
	json_t *coefficients = json_object();
	for (int k = 0; k < FEATURE_COUNT && coefficients; k++)
		if (model->uses[k])
			json_object_set_new(coefficients, feature_names[k],
			                    json_real(model->coefficient[k]));
	return json_pack("{s:o, s:f, s:f, s:I, s:i}", "coefficients", coefficients,
	                 "relative_error", model->relative_error, "mean_power_w",
	                 model->mean_power_w, "samples", (json_int_t)model->samples, "phases",
	                 (int)model->phases);
}

enum ergon_code power_model_from_json(const json_t *object, struct json_place place,
                                      struct power_model *model, struct ergon_error *err)
{
	json_t *coefficients;
	*model = (struct power_model){ .samples = 0 };
	enum ergon_code code = json_need_object(object, place, "coefficients", &coefficients, err);
	if (!code)
		code = json_need_real(object, place, "relative_error", 0, 100,
		                      &model->relative_error, err);
	for (int k = 0; k < FEATURE_COUNT && !code; k++) {
		model->uses[k] = json_object_get(coefficients, feature_names[k]) != NULL;
		code = json_want_real(coefficients, place, feature_names[k], -1e9, 1e9,
		                      &model->coefficient[k], err);
	}
	return code;
}
