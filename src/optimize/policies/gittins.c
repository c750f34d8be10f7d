/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/gittins.h"

#include <math.h>

double gittins_index(const double *sizes, uint32_t count, double served)
{
	uint32_t first = 0, high = count;
	while (first < high) {
		uint32_t middle = (first + high) / 2;
		if (sizes[middle] > served)
			high = middle;
		else
			first = middle + 1;
	}
	/* Spans that end between two lengths are never the best. */
	double best = 0, below = 0;
	for (uint32_t i = first; i < count; i++) {
		double span = sizes[i] - served;
		below += span;
		if (i + 1 < count && sizes[i + 1] <= sizes[i])
			continue;
		double ended = i + 1 - first, longer = count - i - 1;
		best = fmax(best, ended / (below + longer * span));
	}
	return best;
}
