/* SPDX-License-Identifier: Apache-2.0 */
#include "model/calibrate.h"

#include <cminpack.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static const double ROBUST = 0.08;   /* log residual beyond which a row counts linearly */
static const double FULL_SHARE = 50; /* rows of a file and metric that weigh as one */
/* A file and metric, whose squared weights sum to 1, is worth as much as so many independent rows,
 * each off by as much: machines, software, what the model leaves out. */
static const double INDEPENDENT = 128, ROW_SIGMA = 0.12;
static const double NOTHING = 1e-12;
static const double TWO_WIDTHS = 2; /* the data says more than the prior did */

struct problem {
	const struct eval_cases *cases;
	const double *weight; /* [cases->count]; 0: not used */
	const size_t *field;  /* [unknowns]: which constant */
	size_t unknowns, rows;
	const size_t *used; /* [rows - unknowns], into cases */
	struct calibration base;
	/* Where derivatives are taken, and which rows a constant moves there: seen in the first
	 * round of derivatives, so that later ones predict those rows alone. */
	double *here, *here_out;     /* [unknowns], [rows] */
	bool *moves;                 /* [unknowns][rows] */
	bool met[CALIBRATION_COUNT]; /* of unknowns: moves is known */
};

static double *at(struct calibration *calibration, size_t i)
{
	return (double *)(void *)((char *)calibration + i * sizeof(double));
}

/* Predictions are flat at the scale of the clock search, so derivatives need steps of some size;
 * lmdif's are relative, hence the shift that keeps unknowns away from zero. */
static const double SHIFT = 10, STEP = 0.03;

/* Bounds by a change of variable: value = low + (high - low) / (1 + exp(SHIFT - z)). */
static double to_logit(size_t field, double value)
{
	const struct calibration_field *f = &calibration_fields[field];
	double share = (value - f->low) / (f->high - f->low);
	share = fmin(fmax(share, 1e-3), 1 - 1e-3);
	return SHIFT + log(share / (1 - share));
}

static double from_logit(size_t field, double z)
{
	const struct calibration_field *f = &calibration_fields[field];
	return f->low + (f->high - f->low) / (1 + exp(SHIFT - z));
}

static void apply(const struct problem *problem, const double *z, struct calibration *out)
{
	*out = problem->base;
	for (size_t i = 0; i < problem->unknowns; i++)
		*at(out, problem->field[i]) = from_logit(problem->field[i], z[i]);
}

/* Grows linearly beyond ROBUST; its square is the pseudo-Huber loss. */
static double robust(double r)
{
	double s = r / ROBUST;
	double loss = 2 * ROBUST * ROBUST * (sqrt(1 + s * s) - 1);
	return r < 0 ? -sqrt(loss) : sqrt(loss);
}

/* What one standard deviation weighs, of data as of the prior. */
static double unit_residual(void)
{
	return ROW_SIGMA / sqrt(INDEPENDENT);
}

static double row_residual(const struct problem *problem, const struct calibration *calibration,
                           size_t at)
{
	const struct eval_case *item = &problem->cases->items[at];
	struct eval_point point;
	eval_predict(item, calibration, &point);
	double r = log(point.predicted / item->measured);
	return problem->weight[at] * (isfinite(r) ? robust(r) : 10);
}

/* Which unknown a derivative is taken for: the first that left `here`. */
static size_t moved(const struct problem *problem, const double *z)
{
	size_t at = 0;
	while (at + 1 < problem->unknowns && z[at] == problem->here[at])
		at++;
	return at;
}

/* flag 2: z is `here`, where flag 1 was last, but for one unknown. */
static int residuals(void *user, int rows, int unknowns, const double *z, double *out, int flag)
{
	struct problem *problem = user;
	struct calibration calibration;
	size_t column = flag == 2 ? moved(problem, z) : 0;
	int count = rows - unknowns;
	bool *moves = problem->moves + column * problem->rows;
	apply(problem, z, &calibration);
	/* Alone where folds are fitted side by side already. */
#pragma omp parallel for schedule(dynamic, 64)
	for (int row = 0; row < count; row++) {
		if (flag == 2 && problem->met[column] && !moves[row])
			out[row] = problem->here_out[row];
		else
			out[row] = row_residual(problem, &calibration, problem->used[row]);
		if (flag == 2 && !problem->met[column])
			moves[row] = out[row] != problem->here_out[row];
	}
	for (int i = 0; i < unknowns; i++) {
		const struct calibration_field *field = &calibration_fields[problem->field[i]];
		double value = from_logit(problem->field[i], z[i]);
		out[count + i] = unit_residual() * (value - field->expected) / field->width;
	}
	if (flag == 2) {
		problem->met[column] = true;
	} else {
		memcpy(problem->here, z, (size_t)unknowns * sizeof *z);
		memcpy(problem->here_out, out, (size_t)rows * sizeof *out);
	}
	return 0;
}

/* Every file and metric gets the same sum of squared weights, 1; a short one less. */
static size_t fill_weights(const struct eval_cases *cases, const bool *used, double *weight)
{
	size_t count = 0;
	for (size_t i = 0; i < cases->count; i++) {
		const struct eval_case *item = &cases->items[i];
		bool in = !item->reason && item->measured > 0 && (!used || used[i]);
		weight[i] = in ? 1 : 0;
		count += in;
	}
	for (size_t begin = 0; begin < cases->count; begin++) {
		if (weight[begin] != 1)
			continue;
		double members = 0;
		for (int pass = 0; pass < 2; pass++)
			for (size_t i = begin; i < cases->count; i++) {
				const struct eval_case *a = &cases->items[begin];
				const struct eval_case *b = &cases->items[i];
				if (weight[i] == 0 || strcmp(a->file, b->file) != 0)
					continue;
				if (strcmp(a->metric, b->metric) != 0)
					continue;
				if (pass == 0)
					members += weight[i] == 1;
				else if (weight[i] == 1)
					weight[i] = 0.9999 / sqrt(fmax(members, FULL_SHARE));
			}
	}
	return count;
}

static double rms(const double *values, size_t count)
{
	double sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += values[i] * values[i];
	return sqrt(sum / (count ? (double)count : 1));
}

/* inverse of a small symmetric positive matrix in place (Gauss-Jordan); false where singular */
static bool invert(double *a, size_t n)
{
	for (size_t p = 0; p < n; p++) {
		double pivot = a[p * n + p];
		if (!(fabs(pivot) > 1e-300))
			return false;
		a[p * n + p] = 1;
		for (size_t j = 0; j < n; j++)
			a[p * n + j] /= pivot;
		for (size_t i = 0; i < n; i++) {
			double factor = a[i * n + p];
			if (i == p)
				continue;
			a[i * n + p] = 0;
			for (size_t j = 0; j < n; j++)
				a[i * n + j] -= factor * a[p * n + j];
		}
	}
	return true;
}

/* Covariance s^2 (J'J)^-1 with J by differences at the solution, and s what one standard deviation
 * weighs. */
static bool covariance(struct problem *problem, const double *z, double *out)
{
	size_t n = problem->unknowns, m = problem->rows;
	double *base = calloc(m, sizeof *base), *jacobian = calloc(m * n, sizeof *jacobian);
	double *there = calloc(n, sizeof *there);
	bool good = base && jacobian && there;
	if (good)
		residuals(problem, (int)m, (int)n, z, base, 1);
	for (size_t j = 0; good && j < n; j++) {
		double *column = jacobian + j * m, step = STEP;
		memcpy(there, z, n * sizeof *there);
		there[j] += step;
		residuals(problem, (int)m, (int)n, there, column, 1);
		for (size_t i = 0; i < m; i++)
			column[i] = (column[i] - base[i]) / step;
	}
	double variance = unit_residual() * unit_residual();
	for (size_t j = 0; good && j < n; j++)
		for (size_t k = 0; k < n; k++) {
			double sum = 0;
			for (size_t i = 0; i < m; i++)
				sum += jacobian[j * m + i] * jacobian[k * m + i];
			/* A constant far at its bound moves nothing at all. */
			out[j * n + k] = sum + (j == k ? NOTHING : 0);
		}
	good = good && invert(out, n);
	for (size_t i = 0; good && i < n * n; i++)
		out[i] *= variance;
	free(base);
	free(jacobian);
	free(there);
	return good;
}

static const double AT_BOUND = 4; /* in logits: 2% of the range */

static void describe(struct problem *problem, const double *z, struct calibrate_result *result)
{
	size_t n = problem->unknowns;
	double *cov = calloc(n * n + 1, sizeof *cov);
	bool good = cov && covariance(problem, z, cov);
	for (size_t i = 0; i < n; i++) {
		struct calibrate_field *field = &result->fields[problem->field[i]];
		field->fitted = true;
		const struct calibration_field *known = &calibration_fields[problem->field[i]];
		double sigma = good ? sqrt(fmax(cov[i * n + i], 0)) : (double)INFINITY;
		field->low95 = from_logit(problem->field[i], z[i] - 1.96 * sigma);
		field->high95 = from_logit(problem->field[i], z[i] + 1.96 * sigma);
		double width = (field->high95 - field->low95) / (2 * 1.96);
		field->at_bound = fabs(z[i] - SHIFT) > AT_BOUND;
		field->identified = width * TWO_WIDTHS < known->width;
		for (size_t j = 0; good && j < n; j++) {
			double c = cov[i * n + j] / sqrt(cov[i * n + i] * cov[j * n + j]);
			if (j != i && isfinite(c) && fabs(c) > fabs(field->correlation)) {
				field->correlation = c;
				field->partner = calibration_fields[problem->field[j]].name;
			}
		}
	}
	free(cov);
}

static enum ergon_code solve(struct problem *problem, const struct calibrate_options *options,
                             double *z, struct calibrate_result *result, struct ergon_error *err)
{
	int m = (int)problem->rows, n = (int)problem->unknowns;
	double *fvec = calloc(problem->rows, sizeof *fvec);
	double *jacobian = calloc(problem->rows * problem->unknowns, sizeof *jacobian);
	double *work = calloc(5 * problem->unknowns + problem->rows, sizeof *work);
	int *pivots = calloc(problem->unknowns, sizeof *pivots);
	enum ergon_code code = ERGON_OK;
	memset(problem->met, 0, sizeof problem->met);
	if (!fvec || !jacobian || !work || !pivots) {
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	} else {
		double *diag = work, *qtf = work + n, *wa1 = work + 2 * n, *wa2 = work + 3 * n;
		double *wa3 = work + 4 * n, *wa4 = work + 5 * n;
		int evaluations = 0;
		int limit = options->evaluations ? (int)options->evaluations : 1500;
		residuals(problem, m, n, z, fvec, 1);
		result->rms_before = rms(fvec, problem->rows);
		int info = lmdif(residuals, problem, m, n, z, fvec, 1e-8, 1e-8, 0, limit,
		                 STEP * STEP / SHIFT / SHIFT, diag, 1, 1, 0, &evaluations, jacobian,
		                 m, pivots, qtf, wa1, wa2, wa3, wa4);
		result->rms_after = rms(fvec, problem->rows);
		result->evaluations = (size_t)evaluations;
		if (info <= 0)
			code = ergon_fail(err, ERGON_INTERNAL, "the fit did not start (%d)", info);
	}
	free(fvec);
	free(jacobian);
	free(work);
	free(pivots);
	return code;
}

enum ergon_code calibrate(const struct eval_cases *cases, const struct calibrate_options *options,
                          struct calibration *calibration, struct calibrate_result *result,
                          struct ergon_error *err)
{
	size_t field[CALIBRATION_COUNT], unknowns = 0;
	double z[CALIBRATION_COUNT];
	*result = (struct calibrate_result){ 0 };
	for (size_t i = 0; i < CALIBRATION_COUNT; i++) {
		result->fields[i].low95 = result->fields[i].high95 = (double)NAN;
		bool spread = i == CALIBRATION_AT_device_spread;
		if (spread || (options->fitted && !options->fitted[i]))
			continue;
		z[unknowns] = to_logit(i, *at(calibration, i));
		field[unknowns++] = i;
	}
	double *weight = calloc(cases->count + 1, sizeof *weight);
	double *here = calloc(unknowns + cases->count + unknowns + 1, sizeof *here);
	bool *moves = calloc((cases->count + unknowns) * unknowns + 1, sizeof *moves);
	size_t *used = calloc(cases->count + 1, sizeof *used), count = 0;
	if (!weight || !here || !moves || !used) {
		free(weight);
		free(used);
		free(here);
		free(moves);
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	result->cases = fill_weights(cases, options->used, weight);
	for (size_t i = 0; i < cases->count; i++)
		if (weight[i] > 0)
			used[count++] = i;
	struct problem problem = { .cases = cases,
		                   .weight = weight,
		                   .used = used,
		                   .field = field,
		                   .unknowns = unknowns,
		                   .rows = result->cases + unknowns,
		                   .base = *calibration,
		                   .here = here,
		                   .here_out = here + unknowns,
		                   .moves = moves };
	enum ergon_code code = ERGON_OK;
	if (result->cases < unknowns || !unknowns)
		code = ergon_fail(err, ERGON_INFEASIBLE,
		                  "%zu usable measurements cannot fix %zu constants", result->cases,
		                  unknowns);
	const bool *of_devices = options->device_used ? options->device_used : options->used;
	double rms_before = 0;
	unsigned rounds = options->stay ? 0 : options->rounds > 1 ? options->rounds : 1;
	for (unsigned round = 0; !code && round < rounds; round++) {
		if (round)
			code = calibrate_devices(cases, of_devices, options->devices, calibration,
			                         err);
		problem.base = *calibration;
		if (!code)
			code = solve(&problem, options, z, result, err);
		rms_before = round ? rms_before : result->rms_before;
		if (!code)
			apply(&problem, z, calibration);
	}
	result->rms_before = rms_before;
	if (!code)
		describe(&problem, z, result);
	if (!code && options->devices && !options->stay)
		code = calibrate_devices(cases, of_devices, options->devices, calibration, err);
	free(weight);
	free(here);
	free(moves);
	free(used);
	return code;
}

json_t *calibration_to_json(const struct calibration *calibration,
                            const struct calibrate_result *result, const char *provenance)
{
	struct calibration copy = *calibration;
	json_t *out = json_object(), *values = json_object(), *fits = json_object();
	json_object_set_new(out, "about",
	                    json_string("The predictor's constants, shared by all models and "
	                                "devices; written by ergon model fit."));
	json_object_set_new(out, "provenance", json_string(provenance));
	for (size_t i = 0; i < CALIBRATION_COUNT; i++) {
		const struct calibrate_field *f = &result->fields[i];
		json_object_set_new(values, calibration_fields[i].name, json_number(*at(&copy, i)));
		if (!f->fitted)
			continue;
		json_t *item = json_object();
		json_object_set_new(item, "unit", json_string(calibration_fields[i].unit));
		json_object_set_new(item, "low95", json_number(f->low95));
		json_object_set_new(item, "high95", json_number(f->high95));
		json_object_set_new(item, "identified", json_boolean(f->identified));
		json_object_set_new(item, "at_bound", json_boolean(f->at_bound));
		if (f->partner) {
			json_object_set_new(item, "correlated_with", json_string(f->partner));
			json_object_set_new(item, "correlation", json_number(f->correlation));
		}
		json_object_set_new(fits, calibration_fields[i].name, item);
	}
	json_t *devices = json_object();
	for (size_t i = 0; i < calibration->device_count; i++) {
		json_t *own = json_object();
		for (int j = 0; j < DEVICE_FACTOR_COUNT; j++)
			json_object_set_new(own, device_factors[j].name,
			                    json_number(calibration->devices[i].factor[j]));
		json_object_set_new(devices, calibration->devices[i].name, own);
	}
	json_t *spreads = json_object();
	for (int i = 0; i < SPREAD_COUNT; i++) {
		const struct doubt *own = &calibration->spreads[i];
		json_object_set_new(spreads, spread_facts[i].name,
		                    json_pack("{s:o, s:o}", "low", json_number(exp(own->low)),
		                              "high", json_number(exp(own->high))));
	}
	json_object_set_new(out, "values", values);
	json_object_set_new(out, "spreads", spreads);
	json_object_set_new(out, "devices", devices);
	json_object_set_new(out, "fits", fits);
	return out;
}
