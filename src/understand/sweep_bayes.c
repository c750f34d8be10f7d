/* SPDX-License-Identifier: Apache-2.0
 *
 * The point of least EDP where golden section cannot be trusted: Bayesian search (Jones, Schonlau
 * and Welch 1998, "Efficient global optimization") over one or two levers; texts count in the order
 * given.
 *
 * The logarithm of the EDP is a Gaussian process over the grid's indexes scaled to [0, 1], with a
 * Matern 5/2 kernel whose lengths are those of the greatest likelihood and whose noise is that of
 * the runs. The point of the greatest expected improvement is run next, until a run promises less
 * than IMPROVEMENT or two fifths of the grid's runs are spent. Points that the noise cannot tell
 * from the best are then run again.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "understand/sweep_internal.h"

enum { AXES = 2, MEASURED_MAX = 200, LENGTHS = 5, RIVALS = 4 };
static const double lengths[LENGTHS] = { 0.05, 0.1, 0.2, 0.4, 0.8 };
static const double IMPROVEMENT = 0.002; /* of the EDP */
static const double SHARE = 0.4;         /* of the full grid's runs */
static const double NOISE_LEAST = 1e-4;  /* keeps the matrix far from singular */

struct bayes {
	struct sweep_runner *runner;
	struct sweep *sweep;
	size_t axes, n; /* n: points measured */
	size_t index[MEASURED_MAX];
	double y[MEASURED_MAX]; /* log EDP, less its mean */
	double alpha[MEASURED_MAX];
	double *cholesky; /* [MEASURED_MAX * MEASURED_MAX], lower */
	double mean, variance, length[AXES];
};

/* ---- the Gaussian process ---- */

static double coordinate(const struct sweep *sweep, size_t point, size_t axis)
{
	size_t count = sweep->levers[axis].count;
	return count > 1 ? sweep->points[point].setting[axis] / (double)(count - 1) : 0;
}

static double covariance(const struct bayes *b, size_t p, size_t q)
{
	double squares = 0;
	for (size_t a = 0; a < b->axes; a++) {
		double d = (coordinate(b->sweep, p, a) - coordinate(b->sweep, q, a)) / b->length[a];
		squares += d * d;
	}
	double r = sqrt(5 * squares);
	return b->variance * (1 + r + r * r / 3) * exp(-r);
}

/* Solves L x = v in place. */
static void forward(const struct bayes *b, double *v)
{
	for (size_t i = 0; i < b->n; i++) {
		const double *row = b->cholesky + i * MEASURED_MAX;
		for (size_t k = 0; k < i; k++)
			v[i] -= row[k] * v[k];
		v[i] /= row[i];
	}
}

static void backward(const struct bayes *b, double *v)
{
	for (size_t i = b->n; i-- > 0;) {
		for (size_t k = i + 1; k < b->n; k++)
			v[i] -= b->cholesky[k * MEASURED_MAX + i] * v[k];
		v[i] /= b->cholesky[i * MEASURED_MAX + i];
	}
}

/* Factors the covariance; returns the log likelihood without its constant. */
static double factor(struct bayes *b, double noise)
{
	double likelihood = 0;
	for (size_t i = 0; i < b->n; i++) {
		double *row = b->cholesky + i * MEASURED_MAX;
		double runs = (double)b->sweep->points[b->index[i]].count;
		for (size_t j = 0; j <= i; j++) {
			const double *other = b->cholesky + j * MEASURED_MAX;
			double sum = covariance(b, b->index[i], b->index[j]);
			for (size_t k = 0; k < j; k++)
				sum -= row[k] * other[k];
			if (i == j)
				row[i] = sqrt(fmax(sum + noise * noise / runs, 1e-12));
			else
				row[j] = sum / other[j];
		}
		likelihood -= log(row[i]);
	}
	memcpy(b->alpha, b->y, b->n * sizeof *b->alpha);
	forward(b, b->alpha);
	for (size_t i = 0; i < b->n; i++)
		likelihood -= b->alpha[i] * b->alpha[i] / 2;
	backward(b, b->alpha);
	return likelihood;
}

static void gather(struct bayes *b)
{
	b->n = 0;
	b->mean = 0;
	for (size_t i = 0; i < b->sweep->count && b->n < MEASURED_MAX; i++) {
		if (b->sweep->points[i].count == 0)
			continue;
		b->index[b->n] = i;
		b->y[b->n] = log(sweep_cost(&b->sweep->points[i]));
		b->mean += b->y[b->n++];
	}
	b->mean /= (double)b->n;
	b->variance = 1e-4;
	for (size_t i = 0; i < b->n; i++) {
		b->y[i] -= b->mean;
		b->variance += b->y[i] * b->y[i] / (double)b->n;
	}
}

/* The lengths of the greatest likelihood. */
static void fit(struct bayes *b, double noise)
{
	double best = -HUGE_VAL, chosen[AXES] = { lengths[0], lengths[0] };
	size_t second = b->axes > 1 ? LENGTHS : 1;
	gather(b);
	for (size_t i = 0; i < LENGTHS; i++)
		for (size_t j = 0; j < second; j++) {
			b->length[0] = lengths[i];
			b->length[1] = lengths[j];
			double likelihood = factor(b, noise);
			if (likelihood > best) {
				best = likelihood;
				memcpy(chosen, b->length, sizeof chosen);
			}
		}
	memcpy(b->length, chosen, sizeof chosen);
	(void)factor(b, noise);
}

/* Expected improvement on the least logarithm seen, of a point that was not run. */
static double improvement(const struct bayes *b, size_t point, double least)
{
	double k[MEASURED_MAX], mean = b->mean, variance = b->variance;
	for (size_t i = 0; i < b->n; i++) {
		k[i] = covariance(b, point, b->index[i]);
		mean += k[i] * b->alpha[i];
	}
	forward(b, k);
	for (size_t i = 0; i < b->n; i++)
		variance -= k[i] * k[i];
	double deviation = sqrt(fmax(variance, 1e-12)), z = (least - mean) / deviation;
	double density = exp(-z * z / 2) / sqrt(2 * M_PI), below = 0.5 * erfc(-z / M_SQRT2);
	return (least - mean) * below + deviation * density;
}

/* ---- the search ---- */

static double least_seen(const struct bayes *b)
{
	double least = HUGE_VAL;
	for (size_t i = 0; i < b->n; i++)
		least = fmin(least, b->y[i] + b->mean);
	return least;
}

static enum ergon_code explore(struct bayes *b, double budget)
{
	struct sweep *s = b->sweep;
	enum ergon_code code = ERGON_OK;
	while (!code && !b->runner->stop && (double)s->runs < budget) {
		double most = IMPROVEMENT;
		size_t next = s->count;
		fit(b, fmax(sweep_noise(s), NOISE_LEAST));
		double least = least_seen(b);
		for (size_t i = 0; i < s->count; i++) {
			if (s->points[i].count + s->points[i].failed > 0)
				continue;
			double promise = improvement(b, i, least);
			if (promise > most) {
				most = promise;
				next = i;
			}
		}
		if (next == s->count || b->n == MEASURED_MAX)
			break;
		code = sweep_run_point(b->runner, &s->points[next]);
	}
	return code;
}

static struct sweep_point *best_but(struct sweep *s, struct sweep_point *const * not, size_t count)
{
	struct sweep_point *best = NULL;
	for (size_t i = 0; i < s->count; i++) {
		struct sweep_point *p = &s->points[i];
		bool excluded = p->count == 0;
		for (size_t k = 0; k < count; k++)
			excluded = excluded || p == not [k];
		if (!excluded && (!best || sweep_cost(p) < sweep_cost(best)))
			best = p;
	}
	return best;
}

/* The first few against each other, as far as the noise asks and the budget allows. */
static enum ergon_code settle(struct bayes *b, double budget)
{
	struct sweep_point *ranked[RIVALS];
	size_t count = 0;
	enum ergon_code code = ERGON_OK;
	while (count < RIVALS && (ranked[count] = best_but(b->sweep, ranked, count)))
		count++;
	struct sweep_point *best = count ? ranked[0] : NULL;
	for (size_t i = 1; !code && !b->runner->stop && i < count; i++) {
		bool first = true;
		if ((double)b->sweep->runs < budget)
			code = sweep_better(b->runner, best, ranked[i], &first);
		best = first ? best : ranked[i];
	}
	return code || !best ? code : sweep_finish(b->runner, best);
}

enum ergon_code sweep_bayes(struct sweep_runner *runner, bool *complete)
{
	struct sweep *s = runner->sweep;
	*complete = s->lever_count <= AXES && s->has_energy;
	if (!*complete)
		return ERGON_OK;
	double full = (double)sweep_full_runs(s);
	double each = full / (double)s->count;
	struct bayes *b = calloc(1, sizeof *b);
	double *cholesky = calloc((size_t)MEASURED_MAX * MEASURED_MAX, sizeof *cholesky);
	enum ergon_code code = ERGON_OK;
	if (!b || !cholesky)
		code = ergon_fail(runner->err, ERGON_NO_MEMORY, "out of memory");
	if (!code) {
		*b = (struct bayes){
			.runner = runner, .sweep = s, .axes = s->lever_count, .cholesky = cholesky
		};
		/* What settling takes in the end is set aside: the runs of two points. */
		code = explore(b, SHARE * full - 2 * each);
	}
	if (!code)
		code = settle(b, SHARE * full - each);
	free(cholesky);
	free(b);
	return code;
}
