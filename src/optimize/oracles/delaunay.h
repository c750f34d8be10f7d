/* SPDX-License-Identifier: Apache-2.0
 *
 * Piecewise linear interpolation of two values over scattered points in three dimensions, on their
 * Delaunay triangulation (Qhull: Barber, Dobkin, Huhdanpaa 1996).
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
	double low[3], high[3]; /* bounding box */
	double origin[3];       /* of the last corner */
	double inverse[3][3];   /* barycentric coordinates of the first three corners */
};

struct delaunay {
	const double (*points)[3]; /* borrowed */
	const double (*values)[2]; /* borrowed */
	struct simplex *simplices; /* [count] */
	size_t count;
};

/* points and values must outlive the result. */
ERGON_MUST_USE enum ergon_code delaunay_build(struct arena *arena, const double (*points)[3],
                                              const double (*values)[2], size_t count,
                                              struct delaunay *delaunay, struct ergon_error *err);

/* False outside the convex hull. */
bool delaunay_value(const struct delaunay *delaunay, const double at[3], double value[2]);

#endif
