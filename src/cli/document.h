/* SPDX-License-Identifier: Apache-2.0
 *
 * What every command with --json does with its result document.
 */
#ifndef ERGON_CLI_DOCUMENT_H
#define ERGON_CLI_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/command.h"
#include "ergon/error.h"

/* Refuses a path (as --json and other options that name a file to write take it) that could not be
 * written later, before any work has been done: a folder, or one below a folder that is not there
 * or not writable. main calls it for every such option (OPTION_OUTPUT). NULL and "-" are
 * fine. */
ERGON_MUST_USE enum ergon_code document_check(const char *option, const char *path,
                                              struct ergon_error *err);

/* Saves root (taken over; NULL stands for memory that was out) to path, "-" for standard output. */
ERGON_MUST_USE enum ergon_code document_save(json_t *root, const char *path,
                                             struct ergon_error *err);
/* Does --json ask for standard output, which is then the document's alone? NULL: no --json. */
bool document_alone(const char *path);
/* Is the result shown to a person as well? Not on a standard output that is the document's, and not
 * with --quiet where the document holds it. */
bool document_shown(const struct cli *cli, const char *path);

#endif
