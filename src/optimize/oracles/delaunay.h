/* SPDX-License-Identifier: Apache-2.0
 *
 * Piecewise linear interpolation of two values over scattered points in three dimensions, on their
 * Delaunay triangulation (Qhull: Barber, Dobkin, Huhdanpaa 1996).
 *
 * Points on a grid are cospherical, so that their triangulation is not unique and may be torn: on a
 * face between two simplices the two sides can disagree, with a flat simplex between them. Which
 * side answers is then a matter of how the simplex is looked for. Published results rest on SciPy's
 * way, so we go the same way: from the first simplex up the lifted paraboloid, then towards the
 * point through the neighbours, and only then one by one.
 */
#ifndef ERGON_OPTIMIZE_ORACLES_DELAUNAY_H
#define ERGON_OPTIMIZE_ORACLES_DELAUNAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "ergon/error.h"

struct simplex {
	uint32_t corner[4];
	int32_t neighbour[4]; /* opposite to each corner; -1: none */
	double plane[5];      /* of the lifted simplex: normal, offset */
	double origin[3];     /* the last corner */
	double inverse[3][3]; /* barycentric coordinates of the first three corners */
	bool flat;            /* no volume */
};

/* Around a simplex, to pass over it quickly. */
struct simplex_box {
	double low[3], high[3];
};

struct delaunay {
	const double (*points)[3]; /* borrowed */
	const double (*values)[2]; /* borrowed */
	struct simplex *simplices; /* [count] */
	struct simplex_box *boxes; /* [count] */
	/* The box of all points is cut into cells x cells columns by its first two coordinates;
	 * those of column c: in_column[first[c]] to before first[c + 1], ascending. in_column NULL:
	 * too many. */
	uint32_t *first, *in_column;
	size_t count;
	double lift_scale, lift_shift; /* of the paraboloid */
	double low[3], high[3];
};

/* points and values must outlive the result. */
ERGON_MUST_USE enum ergon_code delaunay_build(struct arena *arena, const double (*points)[3],
                                              const double (*values)[2], size_t count,
                                              struct delaunay *delaunay, struct ergon_error *err);

/* False outside the convex hull. */
bool delaunay_value(const struct delaunay *delaunay, const double at[3], double value[2]);

#endif
