/* SPDX-License-Identifier: Apache-2.0
 *
 * A progress bar on a terminal for what takes over two seconds; silent everywhere else.
 */
#ifndef ERGON_CLI_PROGRESS_H
#define ERGON_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/command.h"

struct progress {
	struct cli *cli;
	const char *title;
	uint64_t begin_ns, drawn_ns;
	bool drawn;
};

void progress_begin(struct progress *progress, struct cli *cli, const char *title);
/* done in [0, 1]; note: a few words or NULL. Draws at most ten times a second. */
void progress_update(struct progress *progress, double done, const char *note);
void progress_end(struct progress *progress);

#endif
