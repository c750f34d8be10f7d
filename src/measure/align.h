/* SPDX-License-Identifier: Apache-2.0
 *
 * A wattmeter's trace laid over a run: which moment of one is which of the other, and which factor
 * and offset lead from the run's energy to the meter's power. Pure functions.
 *
 *     meter(u) = gain * P(t) + offset_w,    t = u + shift_s + drift * (u - u0)
 *
 * u is the meter's time, u0 that of its first sample, t the run's. P is the mean of the in-band sum
 * over the meter's window before t (a meter that averages), or over the run's own step around t
 * (one that shows the moment). Shift and drift come from cross-correlation on a grid, then from
 * a pattern search that halves its steps; the four unknowns' confidence intervals from
 * Levenberg-Marquardt (cminpack) at that place.
 */
#ifndef ERGON_MEASURE_ALIGN_H
#define ERGON_MEASURE_ALIGN_H

#include <stddef.h>

#include "ergon/error.h"

struct trace {
	double *time_s; /* [count], rising */
	double *value;  /* [count]: W of a meter, cumulative J of a run */
	size_t count;
};

struct align_options {
	double window_s;    /* of the meter's means; 0: it shows the moment; below 0: find out */
	double max_shift_s; /* 0: as far as the traces overlap at all */
};

struct alignment {
	double shift_s, drift, gain, offset_w;
	double shift_half_s, drift_half, gain_half, offset_half_w; /* 95% half widths */
	double window_s;
	double correlation; /* of the meter and gain * P + offset */
	double rms_w;       /* of what remains */
	double period_s;    /* the meter's, median */
	size_t samples;     /* of the meter that overlap */
};

/* NOT_FOUND where the traces have nothing in common (correlation below 0.8), BAD_INPUT where one is
 * too short. */
ERGON_MUST_USE enum ergon_code align(const struct trace *meter, const struct trace *run,
                                     const struct align_options *options,
                                     struct alignment *alignment, struct ergon_error *err);

#endif
