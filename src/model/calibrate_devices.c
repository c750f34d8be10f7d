/* SPDX-License-Identifier: Apache-2.0
 *
 * The factors of calibrated devices, with the shared constants held.
 *
 * Each device is a small fit of its own: log residuals of its rows against log factors, both with a
 * standard deviation, so that the factors are the most probable ones (maximum a posteriori). The
 * rows of one file and metric are not independent - they share a machine, a framework and a way to
 * measure -, so that together they count as a handful. Factors that no row depends on stay 1.
 */
#include <cminpack.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/calibrate.h"

static const double ROW_SIGMA = 0.1; /* of a log residual: machines, software, the model */
static const double OUTLIER = 0.1;   /* log residual beyond which a row counts linearly */
/* lmdif's steps are relative, hence unknowns of log factor + 1; a step is above the grain of the
 * clock's search. */
static const double SHIFT = 1, STEP = 0.01;
static const double INDEPENDENT = 8;   /* rows that a file and metric count as, at most */
static const double MOSTLY_OWN = 0.25; /* communication over step: beyond, it hides the device */
enum { FEWEST_ROWS = 6 };

struct problem {
	const struct eval_cases *cases;
	const size_t *rows; /* [count], into cases */
	const double *weight;
	size_t count;
	struct calibration *trial; /* with one device, the one that is fitted */
	size_t first;              /* of the factors that move */
};

static double soften(double r)
{
	double s = r / OUTLIER;
	return copysign(sqrt(2 * OUTLIER * OUTLIER * (sqrt(1 + s * s) - 1)), r);
}

static int residuals(void *user, int rows, int unknowns, const double *z, double *out, int flag)
{
	struct problem *problem = user;
	double *factor = problem->trial->devices[0].factor + problem->first;
	(void)flag;
	for (int i = 0; i < unknowns; i++) {
		double value = z[i] - SHIFT;
		const struct calibration_field *facts = &device_factors[problem->first + (size_t)i];
		factor[i] = fmin(fmax(exp(value), facts->low), facts->high);
		out[rows - unknowns + i] = value / facts->width;
	}
	for (size_t i = 0; i < problem->count; i++) {
		const struct eval_case *item = &problem->cases->items[problem->rows[i]];
		struct eval_point point;
		eval_predict(item, problem->trial, &point);
		double r = log(point.predicted / item->measured);
		out[i] = problem->weight[i] / ROW_SIGMA * (isfinite(r) ? soften(r) : 10);
	}
	return 0;
}

static bool counts(const struct eval_case *item, const struct calibration *calibration)
{
	struct eval_point point;
	if (item->reason || item->quantity == EVAL_MEMORY ||
	    item->quantity == EVAL_COLLECTIVE_TIME || item->quantity == EVAL_WAITING_TIME)
		return false;
	if (item->run->gpus <= 1)
		return true;
	eval_predict(item, calibration, &point);
	const struct prediction *p = &point.prediction;
	return p->communication_time_s < MOSTLY_OWN * p->step_time_s;
}

/* rows[] of the device, and of each the weight of one among those of its file and metric. */
static size_t collect(const struct eval_cases *cases, const bool *used,
                      const struct calibration *calibration, const struct device *device,
                      size_t *rows, double *weight)
{
	size_t count = 0;
	for (size_t i = 0; i < cases->count; i++) {
		const struct eval_case *item = &cases->items[i];
		if ((!used || used[i]) && !item->reason && item->measured > 0 &&
		    strcmp(item->device->name, device->name) == 0 && counts(item, calibration))
			rows[count++] = i;
	}
	for (size_t i = 0; i < count; i++) {
		const struct eval_case *a = &cases->items[rows[i]];
		double equal = 0;
		for (size_t j = 0; j < count; j++) {
			const struct eval_case *b = &cases->items[rows[j]];
			equal += a->quantity == b->quantity && strcmp(a->file, b->file) == 0;
		}
		weight[i] = sqrt(fmin(equal, INDEPENDENT) / equal);
	}
	return count;
}

static enum ergon_code fit_one(struct problem *problem, size_t factors, struct ergon_error *err)
{
	int n = (int)factors, m = (int)problem->count + n, pivots[DEVICE_FACTOR_COUNT];
	double z[DEVICE_FACTOR_COUNT];
	double *fvec = calloc((size_t)m, sizeof *fvec);
	double *jacobian = calloc((size_t)m * (size_t)n, sizeof *jacobian);
	double *work = calloc((size_t)m + 5 * DEVICE_FACTOR_COUNT, sizeof *work);
	enum ergon_code code = ERGON_OK;
	if (!fvec || !jacobian || !work) {
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	} else {
		int evaluations = 0;
		for (int i = 0; i < n; i++)
			z[i] = SHIFT;
		int info = lmdif(residuals, problem, m, n, z, fvec, 1e-6, 1e-6, 0, 120, STEP * STEP,
		                 work, 1, 1, 0, &evaluations, jacobian, m, pivots, work + n,
		                 work + 2 * n, work + 3 * n, work + 4 * n, work + 5 * n);
		if (info <= 0)
			code = ergon_fail(err, ERGON_INTERNAL, "the fit did not start (%d)", info);
		residuals(problem, m, n, z, fvec, 1); /* leaves the best factors */
	}
	free(fvec);
	free(jacobian);
	free(work);
	return code;
}

/* The device of the first case from `from` on that was not met before; advances it. */
static const struct device *next_device(const struct eval_cases *cases, const bool *used,
                                        const struct calibration *met, size_t *from)
{
	for (; *from < cases->count; ++*from) {
		const struct eval_case *item = &cases->items[*from];
		if (!item->reason && (!used || used[*from]) &&
		    !calibration_find_device(met, item->device->name))
			return item->device;
	}
	return NULL;
}

/* The device's factors as they are, then with those of the range replaced; a range at a time. */
static enum ergon_code fit_device(struct problem *problem, unsigned which,
                                  const struct device *device, struct calibration *calibration,
                                  struct ergon_error *err)
{
	static const size_t from[] = { 0, DEVICE_FACTOR_flop_energy, DEVICE_FACTOR_host,
		                       DEVICE_FACTOR_COUNT };
	const struct device_calibration *before =
	    calibration_find_device(calibration, device->name);
	struct device_calibration *own = &problem->trial->devices[0];
	enum ergon_code code = ERGON_OK;
	if (!before && calibration->device_count == CALIBRATED_DEVICES_MAX)
		return ERGON_OK;
	problem->trial->device_count = 1;
	memcpy(own->name, device->name, sizeof own->name);
	for (size_t i = 0; i < DEVICE_FACTOR_COUNT; i++)
		own->factor[i] = before ? before->factor[i] : 1;
	for (unsigned range = 0; range < 3 && !code; range++) {
		if (!(which & 1u << range))
			continue;
		for (size_t i = from[range]; i < from[range + 1]; i++)
			own->factor[i] = 1;
		problem->first = from[range];
		code = fit_one(problem, from[range + 1] - from[range], err);
	}
	if (!code)
		calibration->devices[before ? (size_t)(before - calibration->devices)
		                            : calibration->device_count++] = *own;
	return code;
}

enum ergon_code calibrate_devices(const struct eval_cases *cases, const bool *used, unsigned which,
                                  struct calibration *calibration, struct ergon_error *err)
{
	size_t *rows = calloc(cases->count + 1, sizeof *rows), from = 0;
	double *weight = calloc(cases->count + 1, sizeof *weight);
	struct calibration *trial = calloc(2, sizeof *trial), *met = trial ? trial + 1 : NULL;
	const struct device *device;
	enum ergon_code code = ERGON_OK;
	if (!rows || !weight || !trial) {
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	} else {
		*trial = *met = *calibration;
		met->device_count = 0;
	}
	while (!code && (device = next_device(cases, used, met, &from)) &&
	       met->device_count < CALIBRATED_DEVICES_MAX) {
		struct problem problem = {
			.cases = cases, .rows = rows, .weight = weight, .trial = trial
		};
		memcpy(met->devices[met->device_count++].name, device->name, sizeof device->name);
		problem.count = collect(cases, used, calibration, device, rows, weight);
		if (problem.count >= FEWEST_ROWS)
			code = fit_device(&problem, which, device, calibration, err);
	}
	/* What streams reach is known from tables of kernels alone. */
	for (int factor = 0; !code && factor < DEVICE_FACTOR_COUNT; factor++)
		if (factor != DEVICE_FACTOR_memory && factor != DEVICE_FACTOR_host)
			calibration_centre(calibration, (enum device_factor)factor);
	free(rows);
	free(weight);
	free(trial);
	return code;
}
