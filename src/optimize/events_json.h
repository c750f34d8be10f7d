/* SPDX-License-Identifier: Apache-2.0
 *
 * Every event of a simulation as one line of JSON (simulate --events).
 */
#ifndef ERGON_OPTIMIZE_EVENTS_JSON_H
#define ERGON_OPTIMIZE_EVENTS_JSON_H

#include <stdio.h>

#include "optimize/simulate.h"

struct events_json {
	const struct experiment *x;
	const char *policy; /* named in every line */
	FILE *out;
};

/* A sim_listener's hear; user is a struct events_json. Errors of writing stay in out. */
void events_json_hear(void *user, const struct sim_event *event);

#endif
