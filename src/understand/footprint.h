/* SPDX-License-Identifier: Apache-2.0
 *
 * How much memory a command touches, and how fast: a probe that needs neither counters nor
 * privilege. The kernel keeps an "accessed" mark for every page. The probe clears the marks
 * (/proc/PID/clear_refs), waits, and counts the pages that were touched (smaps_rollup, Referenced),
 * for the command and its children, against the CPU time that they used meanwhile.
 *
 * What is touched again within an interval counts once. So a working set that stays below the last
 * cache shows that memory is not what the command waits for; and new data at a good share of the
 * bandwidth that the machine has shows that it is. Scattered accesses touch a page for a line of
 * it: then the rate is an upper bound.
 */
#ifndef ERGON_UNDERSTAND_FOOTPRINT_H
#define ERGON_UNDERSTAND_FOOTPRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "ergon/env.h"
#include "ergon/error.h"

struct footprint {
	size_t samples;
	double set_bytes; /* touched within 0.1 s of CPU time: upper quartile */
	double
	    rate_bytes_per_s; /* distinct bytes touched a CPU second, in short intervals: median */
	double peak_bytes;    /* resident */
	int status;           /* of the command */
	char absent[192];     /* why nothing could be seen; "" otherwise */
};

/* Runs the command once, its output thrown away. environment NULL: ours. */
ERGON_MUST_USE enum ergon_code footprint_probe(struct footprint *footprint,
                                               const struct ergon_env *env, char *const argv[],
                                               char *const environment[], struct ergon_error *err);

#endif
