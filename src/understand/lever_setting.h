/* SPDX-License-Identifier: Apache-2.0
 *
 * What a user writes behind --lever: a name and the values to try.
 *
 *     cpu.threads=1:8       from 1 to 8 in steps of 1
 *     gpu0.power=100:300:25 from 100 to 300 in steps of 25
 *     cpu.freq=min:max:5    with the words min and max: so many points, evenly spread
 *     env:MODE=a,b,c        these
 */
#ifndef ERGON_UNDERSTAND_LEVER_SETTING_H
#define ERGON_UNDERSTAND_LEVER_SETTING_H

#include "base/arena.h"
#include "understand/levers/lever.h"

enum { SWEEP_LEVERS_MAX = 8, LEVER_VALUES_MAX = 1000 };

struct lever_setting {
	const struct lever *lever;
	const char *name;    /* "env:MODE" */
	const char *member;  /* "MODE", or "" */
	const char **values; /* [count], in the order given */
	double *numbers;     /* [count] where the lever takes numbers, else NULL */
	size_t count;
};

/* Everything lives in the arena. BAD_INPUT names the lever and what was expected. */
ERGON_MUST_USE enum ergon_code lever_setting_parse(const char *text, const struct ergon_env *env,
                                                   struct arena *arena,
                                                   struct lever_setting *setting,
                                                   struct ergon_error *err);

#endif
