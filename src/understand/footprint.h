/* SPDX-License-Identifier: Apache-2.0
 *
 * How much memory a command touches, and how fast: a probe that needs neither counters nor
 * privilege, from the accessed marks of its pages (page_marks.h).
 *
 * What is touched again within a window counts once. So pages that stay below the last cache show
 * that memory is not what the command waits for; and new pages at a good share of the bandwidth
 * that the machine has show that it is. Scattered accesses touch a page for a line of it: then the
 * rate is an upper bound.
 *
 * Marking costs the command more time than a stream needs for a page, so a rate by itself says
 * little. A stream of ours whose speed is known is watched in the same way (stream_control.h): what
 * a page costs more under watch is taken off, and what remains is held against the stream as it
 * runs unwatched. Rates are bytes a CPU second.
 */
#ifndef ERGON_UNDERSTAND_FOOTPRINT_H
#define ERGON_UNDERSTAND_FOOTPRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "ergon/env.h"
#include "ergon/error.h"

/* The middle of several windows, and how far it may be off (95%). */
struct page_rate {
	double value, half_width;
};

struct footprint {
	size_t samples;
	double set_bytes;       /* touched within 0.1 s of CPU time: upper quartile */
	double window_bytes;    /* touched within a short window: upper quartile */
	double set_s, window_s; /* CPU time of such windows: medians */
	struct page_rate rate;  /* distinct bytes touched in short windows, watched */
	double peak_bytes;      /* resident */
	double huge_share;      /* of the resident bytes, in huge pages */
	int status;             /* of the command */
	char absent[192];       /* why nothing could be seen; "" otherwise */
};

/* A stream through memory, as fast as this machine can. */
struct stream_control {
	struct page_rate watched, free;
	char absent[192]; /* why there is none; "" otherwise */
};

/* Of the time that the command's pages take, the share for which memory would have streamed them:
 * between low and high. high may be infinite; low is 0 where nothing is certain. */
struct footprint_share {
	double low, high;
};

/* Runs the command once, its output thrown away. environment NULL: ours. */
ERGON_MUST_USE enum ergon_code footprint_probe(struct footprint *footprint,
                                               const struct ergon_env *env, char *const argv[],
                                               char *const environment[], struct ergon_error *err);

/* Pure. */
struct footprint_share footprint_share(const struct footprint *footprint,
                                       const struct stream_control *control);
/* Pages that it touches again in every window, in bytes, at the most: what short windows hold
 * beyond the new pages by which long ones hold more (the working set of Denning, 1968, at no time
 * at all). A long window that saw everything there is makes it too large. NaN: not known. Pure. */
double footprint_kept(const struct footprint *footprint, const struct stream_control *control);
/* Sorts values. */
struct page_rate page_rate_of(double *values, size_t count);

#endif
