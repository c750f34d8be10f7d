/* SPDX-License-Identifier: Apache-2.0
 *
 * One turn of the cycle: measure this machine while it works, understand what it can do and where
 * its sweet spot lies, predict a training job, simulate a cluster, recommend a policy, report.
 *
 * Each step asks the library what the commands ask, and keeps the same document. Everything is
 * written into a folder of its own beside the one asked for, which gets its name only when it is
 * whole. Interrupting stops at the next pause of whatever runs; then nothing is left behind.
 */
#ifndef ERGON_CLI_CYCLE_H
#define ERGON_CLI_CYCLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/command.h"
#include "cli/progress.h"

struct cycle_options {
	const char *out, *trace, *oracle, *cluster, *model, *device, *precision;
	double batch, power_budget_w;
	uint64_t budget_ns;
};

enum cycle_document {
	CYCLE_MEASURE,
	CYCLE_BENCH,
	CYCLE_SWEEP,
	CYCLE_PREDICT,
	CYCLE_SIMULATE,
	CYCLE_RECOMMEND,
	CYCLE_DOCUMENTS
};
extern const char *const cycle_names[CYCLE_DOCUMENTS]; /* "measure", ... */

enum { CYCLE_PATH_MAX = 4096 };

struct cycle {
	struct cli *cli;
	struct cycle_options options;
	uint64_t begin_ns;
	json_t *documents[CYCLE_DOCUMENTS]; /* NULL until made */
	char out[CYCLE_PATH_MAX];           /* the folder that was asked for */
	char work[CYCLE_PATH_MAX];          /* the folder that becomes it; "" while there is none */
	bool interrupted;
	struct progress progress;
	double step_begin, step_end; /* of the whole, in [0, 1] */
	const char *step;
};

double cycle_elapsed_s(const struct cycle *cycle);

/* The next step takes the bar from where the last one ended to `until` of the whole. */
void cycle_step(struct cycle *cycle, const char *step, double until);
/* done in [0, 1] of the step. False once the user has interrupted. */
bool cycle_progress(struct cycle *cycle, double done, const char *note);

/* Reads whatever the user has named, so that a slip shows at once and not after a minute. */
ERGON_MUST_USE enum ergon_code cycle_check(struct cycle *cycle, struct ergon_error *err);

/* Fill documents. An interruption is no error of theirs: look at cycle->interrupted. */
ERGON_MUST_USE enum ergon_code cycle_measure_and_bench(struct cycle *cycle,
                                                       struct ergon_error *err);
ERGON_MUST_USE enum ergon_code cycle_sweep(struct cycle *cycle, struct ergon_error *err);
ERGON_MUST_USE enum ergon_code cycle_predict(struct cycle *cycle, struct ergon_error *err);
ERGON_MUST_USE enum ergon_code cycle_simulate(struct cycle *cycle, struct ergon_error *err);

/* Makes the working folder, so that a folder that cannot be written shows at once. */
ERGON_MUST_USE enum ergon_code cycle_open_folder(struct cycle *cycle, struct ergon_error *err);
/* Path of a file in the working folder. */
ERGON_MUST_USE enum ergon_code cycle_path(const struct cycle *cycle, const char *name, char *path,
                                          size_t size, struct ergon_error *err);
/* Documents and report into the working folder, which then takes its name. */
ERGON_MUST_USE enum ergon_code cycle_write(struct cycle *cycle, struct ergon_error *err);
/* Removes the working folder where it is still there. */
void cycle_drop_folder(struct cycle *cycle);

/* What came out, in a dozen lines on cli->out. */
void cycle_tell(const struct cycle *cycle);

#endif
