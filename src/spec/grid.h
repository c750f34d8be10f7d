/* SPDX-License-Identifier: Apache-2.0
 *
 * Carbon intensity of electricity grids. Data: data/carbon/grids.json, each number with its source.
 */
#ifndef ERGON_SPEC_GRID_H
#define ERGON_SPEC_GRID_H

#include "ergon/error.h"

struct grid {
	char code[16]; /* "FR"; "WORLD" */
	char name[64];
	double g_per_kwh; /* g CO2e, life cycle */
	char source[192];
};

/* By code or name, whatever the case; NOT_FOUND with the nearest ones. */
ERGON_MUST_USE enum ergon_code grid_find(const char *data_dir, const char *code, struct grid *grid,
                                         struct ergon_error *err);

#endif
