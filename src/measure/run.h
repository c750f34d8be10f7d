/* SPDX-License-Identifier: Apache-2.0
 *
 * A command run under the meter, as `perf stat` and `time` do it: its standard streams, its signals
 * and its exit status are its own.
 *
 * SIGINT, SIGTERM, SIGHUP and SIGQUIT sent to ergon alone are passed on to the command; those that
 * the terminal sends reach it anyway. The window opens just before the command's exec and closes
 * when it has ended.
 */
#ifndef ERGON_MEASURE_RUN_H
#define ERGON_MEASURE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/json.h"
#include "measure/measurement.h"
#include "measure/meter.h"

struct run_options {
	char *const *environment; /* NULL: as ours */
	int stdout_fd;            /* the command's standard output; 0: as ours */
	/* Runs in the child between fork and exec (affinity, limits): async-signal-safe calls only.
	 * Returns 0 or an errno value, which is then reported as if exec had failed. NULL: nothing.
	 */
	int (*prepare)(void *user);
	/* Called on this thread about every 200 ms, and once at the end (meter_drain goes here). */
	void (*poll)(void *user);
	/* Called when the window is open, just before the command goes, and when the command has
	 * ended, before the window closes (others of the same job may still run). NULL: nothing. */
	void (*opened)(void *user, pid_t pid);
	void (*closing)(void *user);
	void *user;
	/* Where to see how busy the whole machine is; NULL: nothing is attributed. */
	const struct ergon_env *env;
	double baseline_w; /* idle power of processors and memory; 0: none was measured */
};

struct run_result {
	char *command; /* words joined by blanks, quoted where needed; owned */
	int status; /* as shells give it: exit status, 128 + signal, 127 not found, 126 not run */
	int signal; /* that ended it; 0 */
	int interrupted;         /* signal that was passed on to it; 0 */
	double user_s, system_s; /* CPU time of the command and the children it waited for */
	double machine_cpu_s;    /* of all processes meanwhile; 0: unknown, nothing is attributed */
	double baseline_w;       /* NaN: none */
	int64_t peak_rss_bytes;
	struct measurement energy;
	json_t
	    *shares; /* whose energy it was, by shares.h; NULL: by CPU time of the command alone */
	json_t *series; /* power over time, by series.h; NULL: not kept */
};

/* meter is open and not running, or NULL: then the command is only run. A command that cannot be
 * started is no error of this function: ERGON_OK with status 127 or 126, and err filled with the
 * reason (err->code says). */
ERGON_MUST_USE enum ergon_code measure_command(struct meter *meter,
                                               const struct run_options *options,
                                               char *const argv[], struct run_result *result,
                                               struct ergon_error *err);
/* The words of a command as one could type them; malloc'd, NULL when memory is out. */
char *run_command_text(char *const argv[]);

void run_result_fini(struct run_result *result);

/* {"kind":"ergon.measure","version":1,"command":...,"duration_s":...,"domains":[...],
 * "total":{...},...}: the document of `ergon measure`, without grid and cost. NULL: out of memory.
 */
json_t *run_result_to_json(const struct run_result *result);

#endif
