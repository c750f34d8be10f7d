/* SPDX-License-Identifier: Apache-2.0
 *
 * A recording (measure/record.h: a kept run, or a file of `ergon export`) as the table that phases
 * are found in: time_s, power_w (all domains that neither overlap nor repeat another) and
 * NAME:power_w of each domain. Counters of energy become the mean power of each step, which stands
 * at the step's middle; a gap keeps the power before it.
 */
#ifndef ERGON_UNDERSTAND_PHASE_RECORD_H
#define ERGON_UNDERSTAND_PHASE_RECORD_H

#include "base/csv.h"
#include "measure/record.h"

/* Everything is the arena's; name stands in errors. INFEASIBLE: too few samples, or no domain with
 * power. */
ERGON_MUST_USE enum ergon_code phase_record_table(const struct record *record, const char *name,
                                                  struct arena *arena, struct csv *csv,
                                                  struct ergon_error *err);
/* Is a table one of `ergon export`? By its header. */
bool phase_record_is(const struct csv *csv);

#endif
