/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/oracles/delaunay.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <libqhull_r/qhull_ra.h>

static bool simplex_init(struct simplex *s, const double (*points)[3])
{
	const double *last = points[s->corner[3]];
	double m[3][3]; /* columns: corners less the last */
	for (int k = 0; k < 3; k++) {
		s->low[k] = s->high[k] = s->origin[k] = last[k];
		for (int c = 0; c < 3; c++) {
			double x = points[s->corner[c]][k];
			m[k][c] = x - last[k];
			s->low[k] = fmin(s->low[k], x);
			s->high[k] = fmax(s->high[k], x);
		}
	}
	double cofactor[3][3], det = 0, size = 0;
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++) {
			int r1 = (j + 1) % 3, r2 = (j + 2) % 3, c1 = (i + 1) % 3, c2 = (i + 2) % 3;
			cofactor[i][j] = m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1];
			size = fmax(size, fabs(m[i][j]));
		}
	for (int j = 0; j < 3; j++)
		det += m[j][0] * cofactor[0][j];
	/* Flat simplices (four points of one plane) hold no volume and no point of their own. */
	if (fabs(det) <= 1e-12 * size * size * size)
		return false;
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++)
			s->inverse[i][j] = cofactor[i][j] / det;
	return true;
}

static size_t collect(qhT *qh, const double (*points)[3], size_t count, struct simplex *out,
                      size_t max)
{
	size_t made = 0;
	facetT *facet;
	vertexT *vertex, **vertexp;
	FORALLfacets
	{
		if (facet->upperdelaunay || made == max)
			continue;
		struct simplex *s = &out[made];
		int corners = 0;
		bool good = true;
		FOREACHvertex_(facet->vertices)
		{
			int id = qh_pointid(qh, vertex->point);
			good = good && id >= 0 && (size_t)id < count && corners < 4;
			if (good)
				s->corner[corners++] = (uint32_t)id;
		}
		if (good && corners == 4 && simplex_init(s, points))
			made++;
	}
	return made;
}

enum ergon_code delaunay_build(struct arena *arena, const double (*points)[3],
                               const double (*values)[2], size_t count, struct delaunay *delaunay,
                               struct ergon_error *err)
{
	*delaunay = (struct delaunay){ .points = points, .values = values };
	if (count < 5 || count > 100000)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "%zu points cannot be interpolated (5 to 100000)", count);
	double *copy = ARENA_ARRAY(arena, double, count * 3);
	FILE *silent = fopen("/dev/null", "w"); /* Qhull reports to a FILE, the library does not */
	if (!copy || !silent) {
		if (silent)
			fclose(silent);
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	memcpy(copy, points, count * sizeof *points);
	qhT qh_storage;
	qhT *qh = &qh_storage;
	qh_zero(qh, silent);
	char command[] = "qhull d Qbb Qc Qz Q12 Qt";
	int status = qh_new_qhull(qh, 3, (int)count, copy, False, command, NULL, silent);
	enum ergon_code code = ERGON_OK;
	if (status) {
		code = ergon_fail(err, ERGON_BAD_INPUT,
		                  "no triangulation of %zu points (all in one plane?)", count);
	} else {
		size_t max = (size_t)qh->num_facets;
		delaunay->simplices = ARENA_ARRAY(arena, struct simplex, max);
		if (delaunay->simplices)
			delaunay->count = collect(qh, points, count, delaunay->simplices, max);
		else
			code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	qh_freeqhull(qh, !qh_ALL);
	int left, total;
	qh_memfreeshort(qh, &left, &total);
	fclose(silent);
	return code;
}

bool delaunay_value(const struct delaunay *delaunay, const double at[3], double value[2])
{
	const double slack = 1e-9;
	for (size_t i = 0; i < delaunay->count; i++) {
		const struct simplex *s = &delaunay->simplices[i];
		bool boxed = true;
		for (int k = 0; k < 3 && boxed; k++)
			boxed = at[k] >= s->low[k] - slack && at[k] <= s->high[k] + slack;
		if (!boxed)
			continue;
		double weight[4] = { 0, 0, 0, 1 };
		for (int c = 0; c < 3; c++) {
			for (int k = 0; k < 3; k++)
				weight[c] += s->inverse[c][k] * (at[k] - s->origin[k]);
			weight[3] -= weight[c];
		}
		if (fmin(fmin(weight[0], weight[1]), fmin(weight[2], weight[3])) < -slack)
			continue;
		value[0] = value[1] = 0;
		for (int c = 0; c < 4; c++)
			for (int v = 0; v < 2; v++)
				value[v] += weight[c] * delaunay->values[s->corner[c]][v];
		return true;
	}
	return false;
}
