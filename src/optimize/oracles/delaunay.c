/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/oracles/delaunay.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <libqhull_r/qhull_ra.h>

/* As in the simplex search that published results rest on: how far outside counts as inside. */
#define NEAR (100 * DBL_EPSILON)
enum { COLUMN_ENTRIES_MAX = 1 << 26 };
enum { CELLS = 32 };                    /* a side: Pollux's tables have 16 nodes and 64 GPUs */
#define NEAR_FLAT 1.4901161193847656e-8 /* square root of DBL_EPSILON */

static void simplex_init(struct simplex *s, const double (*points)[3])
{
	const double *last = points[s->corner[3]];
	double m[3][3]; /* columns: corners less the last */
	double box = 1;
	for (int k = 0; k < 3; k++) {
		double low = last[k], high = last[k];
		s->origin[k] = last[k];
		for (int c = 0; c < 3; c++) {
			double x = points[s->corner[c]][k];
			m[k][c] = x - last[k];
			low = fmin(low, x);
			high = fmax(high, x);
		}
		box *= high - low;
	}
	double cofactor[3][3], det = 0;
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++) {
			int r1 = (j + 1) % 3, r2 = (j + 2) % 3, c1 = (i + 1) % 3, c2 = (i + 2) % 3;
			cofactor[i][j] = m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1];
		}
	for (int j = 0; j < 3; j++)
		det += m[j][0] * cofactor[0][j];
	s->flat = fabs(det) <= 1e-10 * box;
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++)
			s->inverse[i][j] = s->flat ? 0 : cofactor[i][j] / det;
}

/* Wider than any point that counts as inside can lie: rounding in a thin simplex's inverse comes to
 * a millionth of its extent at most. */
static void box_init(struct simplex_box *box, const struct simplex *s, const double (*points)[3])
{
	static const double wider = 1e-3;
	for (int k = 0; k < 3; k++) {
		double low = points[s->corner[3]][k], high = low;
		for (int c = 0; c < 3; c++) {
			low = fmin(low, points[s->corner[c]][k]);
			high = fmax(high, points[s->corner[c]][k]);
		}
		box->low[k] = low - wider * (high - low);
		box->high[k] = high + wider * (high - low);
	}
}

static bool fill_simplex(qhT *qh, const facetT *facet, const int32_t *number, size_t count,
                         struct simplex *s)
{
	for (int i = 0; i < 4; i++) {
		const vertexT *vertex = facet->vertices->e[i].p;
		const facetT *neighbour = facet->neighbors->e[i].p;
		int id = qh_pointid(qh, vertex->point);
		if (id < 0 || (size_t)id >= count)
			return false;
		s->corner[i] = (uint32_t)id;
		s->neighbour[i] = neighbour->upperdelaunay ? -1 : number[neighbour->id];
		s->plane[i] = facet->normal[i];
	}
	s->plane[4] = facet->offset;
	return true;
}

/* A flat simplex stands for its neighbours, so its box lies around theirs. */
static void widen_boxes(struct delaunay *delaunay)
{
	for (size_t i = 0; i < delaunay->count; i++) {
		const struct simplex *s = &delaunay->simplices[i];
		struct simplex_box *box = &delaunay->boxes[i];
		for (int n = 0; s->flat && n < 4; n++) {
			if (s->neighbour[n] < 0 || delaunay->simplices[s->neighbour[n]].flat)
				continue;
			const struct simplex_box *other = &delaunay->boxes[s->neighbour[n]];
			for (int k = 0; k < 3; k++) {
				box->low[k] = fmin(box->low[k], other->low[k]);
				box->high[k] = fmax(box->high[k], other->high[k]);
			}
		}
	}
}

static uint32_t cell_of(const struct delaunay *d, int k, double x)
{
	double at = (x - d->low[k]) / fmax(d->high[k] - d->low[k], DBL_MIN) * CELLS;
	return at < 0 ? 0 : at < CELLS ? (uint32_t)at : CELLS - 1;
}

/* Counts, or with `list` enters, each simplex in the columns that its box touches. */
static void visit_columns(const struct delaunay *d, uint32_t *at, uint32_t *list)
{
	for (uint32_t i = 0; i < d->count; i++) {
		const struct simplex_box *box = &d->boxes[i];
		uint32_t x1 = cell_of(d, 0, box->high[0]), y1 = cell_of(d, 1, box->high[1]);
		for (uint32_t x = cell_of(d, 0, box->low[0]); x <= x1; x++)
			for (uint32_t y = cell_of(d, 1, box->low[1]); y <= y1; y++) {
				uint32_t *next = &at[x * CELLS + y];
				if (list)
					list[*next] = i;
				++*next;
			}
	}
}

static bool make_columns(struct delaunay *d, struct arena *arena)
{
	uint32_t at[CELLS * CELLS] = { 0 };
	d->first = ARENA_ARRAY(arena, uint32_t, CELLS * CELLS + 1);
	if (!d->first)
		return false;
	visit_columns(d, at, NULL);
	uint64_t entries = 0;
	for (uint32_t c = 0; c < CELLS * CELLS; c++)
		entries += at[c];
	if (entries > COLUMN_ENTRIES_MAX) /* long thin ones: without */
		return true;
	for (uint32_t c = 0; c < CELLS * CELLS; c++) {
		d->first[c + 1] = d->first[c] + at[c];
		at[c] = d->first[c];
	}
	d->in_column = ARENA_ARRAY(arena, uint32_t, (size_t)d->first[CELLS * CELLS] + 1);
	if (d->in_column)
		visit_columns(d, at, d->in_column);
	return d->in_column != NULL;
}

static enum ergon_code collect(qhT *qh, struct arena *arena, size_t count,
                               struct delaunay *delaunay, struct ergon_error *err)
{
	facetT *facet;
	int32_t *number = ARENA_ARRAY(arena, int32_t, qh->facet_id + 1);
	delaunay->simplices = ARENA_ARRAY(arena, struct simplex, (size_t)qh->num_facets);
	delaunay->boxes = ARENA_ARRAY(arena, struct simplex_box, (size_t)qh->num_facets);
	if (!number || !delaunay->simplices || !delaunay->boxes)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	int32_t made = 0;
	FORALLfacets
	{
		if (!facet->upperdelaunay)
			number[facet->id] = made++;
	}
	FORALLfacets
	{
		if (facet->upperdelaunay)
			continue;
		struct simplex *s = &delaunay->simplices[delaunay->count++];
		if (!facet->simplicial || !fill_simplex(qh, facet, number, count, s))
			return ergon_fail(err, ERGON_INTERNAL, "a facet that is no simplex");
		simplex_init(s, delaunay->points);
		box_init(&delaunay->boxes[delaunay->count - 1], s, delaunay->points);
	}
	widen_boxes(delaunay);
	if (!make_columns(delaunay, arena))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	delaunay->lift_scale = 1;
	if (qh->SCALElast) {
		delaunay->lift_scale = qh->last_newhigh / (qh->last_high - qh->last_low);
		delaunay->lift_shift = -qh->last_low * delaunay->lift_scale;
	}
	return delaunay->count ? ERGON_OK
	                       : ergon_fail(err, ERGON_BAD_INPUT, "the points span no volume");
}

enum ergon_code delaunay_build(struct arena *arena, const double (*points)[3],
                               const double (*values)[2], size_t count, struct delaunay *delaunay,
                               struct ergon_error *err)
{
	*delaunay = (struct delaunay){ .points = points, .values = values };
	if (count < 5 || count > 100000)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "%zu points cannot be interpolated (5 to 100000)", count);
	for (int k = 0; k < 3; k++) {
		delaunay->low[k] = delaunay->high[k] = points[0][k];
		for (size_t i = 1; i < count; i++) {
			delaunay->low[k] = fmin(delaunay->low[k], points[i][k]);
			delaunay->high[k] = fmax(delaunay->high[k], points[i][k]);
		}
	}
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
	enum ergon_code code =
	    qh_new_qhull(qh, 3, (int)count, copy, False, command, NULL, silent)
		? ergon_fail(err, ERGON_BAD_INPUT,
	                     "no triangulation of %zu points (all in one plane?)", count)
		: collect(qh, arena, count, delaunay, err);
	qh_freeqhull(qh, !qh_ALL);
	int left, total;
	qh_memfreeshort(qh, &left, &total);
	fclose(silent);
	return code;
}

static void barycentric(const struct simplex *s, const double at[3], double weight[4])
{
	weight[3] = 1;
	for (int c = 0; c < 3; c++) {
		weight[c] = 0;
		for (int k = 0; k < 3; k++)
			weight[c] += s->inverse[c][k] * (at[k] - s->origin[k]);
		weight[3] -= weight[c];
	}
}

static double above_plane(const struct simplex *s, const double lifted[4])
{
	double distance = s->plane[4];
	for (int k = 0; k < 4; k++)
		distance += s->plane[k] * lifted[k];
	return distance;
}

/* From the first simplex up to one whose lifted plane lies below the point. */
static size_t climb(const struct delaunay *delaunay, const double at[3])
{
	double lifted[4] = { at[0], at[1], at[2], 0 };
	for (int k = 0; k < 3; k++)
		lifted[3] += at[k] * at[k];
	lifted[3] = lifted[3] * delaunay->lift_scale + delaunay->lift_shift;
	size_t here = 0;
	double best = above_plane(&delaunay->simplices[0], lifted);
	for (bool moved = true; moved && best <= 0;) {
		moved = false;
		for (int k = 0; k < 4; k++) {
			int32_t next = delaunay->simplices[here].neighbour[k];
			if (next < 0)
				continue;
			double distance = above_plane(&delaunay->simplices[next], lifted);
			if (distance > best + NEAR * (1 + fabs(best))) {
				here = (size_t)next;
				best = distance;
				moved = true;
			}
		}
	}
	return here;
}

static bool inside(const double weight[4], const double slack[4])
{
	for (int c = 0; c < 4; c++)
		if (!(weight[c] >= -slack[c] && weight[c] <= 1 + NEAR))
			return false;
	return true;
}

static bool in_box(const struct simplex_box *box, const double at[3])
{
	for (int k = 0; k < 3; k++)
		if (!(at[k] >= box->low[k] && at[k] <= box->high[k]))
			return false;
	return true;
}

/* One by one; a flat simplex stands for its neighbours, with more leeway towards it. */
static const struct simplex *one_by_one(const struct delaunay *delaunay, const double at[3],
                                        double weight[4])
{
	uint32_t column = cell_of(delaunay, 0, at[0]) * CELLS + cell_of(delaunay, 1, at[1]);
	const uint32_t *list = delaunay->in_column;
	uint32_t end = list ? delaunay->first[column + 1] : (uint32_t)delaunay->count;
	for (uint32_t n = list ? delaunay->first[column] : 0; n < end; n++) {
		uint32_t i = list ? list[n] : n;
		const struct simplex *s = &delaunay->simplices[i];
		double slack[4] = { NEAR, NEAR, NEAR, NEAR };
		if (!in_box(&delaunay->boxes[i], at))
			continue;
		if (!s->flat) {
			barycentric(s, at, weight);
			if (inside(weight, slack))
				return s;
			continue;
		}
		for (int k = 0; k < 4; k++) {
			if (s->neighbour[k] < 0 || delaunay->simplices[s->neighbour[k]].flat)
				continue;
			const struct simplex *other = &delaunay->simplices[s->neighbour[k]];
			for (int c = 0; c < 4; c++)
				slack[c] = other->neighbour[c] == (int32_t)i ? NEAR_FLAT : NEAR;
			barycentric(other, at, weight);
			if (inside(weight, slack))
				return other;
		}
	}
	return NULL;
}

static const struct simplex *find(const struct delaunay *delaunay, const double at[3],
                                  double weight[4])
{
	static const double slack[4] = { NEAR, NEAR, NEAR, NEAR };
	size_t here = climb(delaunay, at);
	for (size_t hops = 0; hops < 1 + delaunay->count / 4; hops++) {
		const struct simplex *s = &delaunay->simplices[here];
		if (s->flat)
			break;
		barycentric(s, at, weight);
		int outside = 0;
		while (outside < 4 && weight[outside] >= -NEAR)
			outside++;
		if (outside == 4)
			return inside(weight, slack) ? s : one_by_one(delaunay, at, weight);
		if (s->neighbour[outside] < 0)
			return NULL;
		here = (size_t)s->neighbour[outside];
	}
	return one_by_one(delaunay, at, weight);
}

bool delaunay_value(const struct delaunay *delaunay, const double at[3], double value[2])
{
	double weight[4];
	for (int k = 0; k < 3; k++)
		if (at[k] < delaunay->low[k] - NEAR || at[k] > delaunay->high[k] + NEAR)
			return false;
	const struct simplex *s = find(delaunay, at, weight);
	if (!s)
		return false;
	value[0] = value[1] = 0;
	for (int c = 0; c < 4; c++)
		for (int v = 0; v < 2; v++)
			value[v] += weight[c] * delaunay->values[s->corner[c]][v];
	return true;
}
