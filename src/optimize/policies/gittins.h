/* SPDX-License-Identifier: Apache-2.0
 *
 * The Gittins index of a job of unknown length: how likely it is to end soon for the service that
 * this takes, by the lengths of jobs that have ended.
 */
#ifndef ERGON_OPTIMIZE_POLICIES_GITTINS_H
#define ERGON_OPTIMIZE_POLICIES_GITTINS_H

#include <stdint.h>

/* The largest, over spans, of P(ends within the span) / E(service until then, or the span), given
 * that it has been served so long without ending. sizes: [count], ascending, the service that ended
 * jobs took, all equally likely; same unit as served. 0 where no job took longer than served. */
double gittins_index(const double *sizes, uint32_t count, double served);

#endif
