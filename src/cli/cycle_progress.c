/* SPDX-License-Identifier: Apache-2.0
 *
 * How far the cycle is, and whether the user has had enough.
 */
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/units.h"
#include "cli/cycle.h"

double cycle_elapsed_s(const struct cycle *cycle)
{
	const struct ergon_clock *clock = cycle->cli->env->clock;
	return seconds_from_ns(clock->monotonic_ns(clock->user) - cycle->begin_ns);
}

void cycle_step(struct cycle *cycle, const char *step, double until)
{
	cycle->step_begin = cycle->step_end;
	cycle->step_end = until;
	cycle->step = step;
	cycle->progress.title = step;
	if (!cycle->cli->interactive && !cycle->cli->quiet)
		fprintf(cycle->cli->errors, "%5.1f s  %s ...\n", cycle_elapsed_s(cycle), step);
	progress_update(&cycle->progress, cycle->step_begin, NULL);
}

/* Signals wait (they are blocked) until they are looked for here. */
static bool signal_came(void)
{
	sigset_t wanted;
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGHUP);
	return sigtimedwait(&wanted, NULL, &(struct timespec){ 0 }) > 0;
}

bool cycle_progress(struct cycle *cycle, double done, const char *note)
{
	if (signal_came())
		cycle->interrupted = true;
	double part = done < 0 ? 0 : done > 1 ? 1 : done;
	progress_update(&cycle->progress,
	                cycle->step_begin + part * (cycle->step_end - cycle->step_begin), note);
	return !cycle->interrupted;
}
