/* SPDX-License-Identifier: Apache-2.0
 *
 * A full screen of text lines through ncurses, which is opened at run time: whoever has no terminal
 * needs no library.
 *
 * One screen a process (ncurses has global state of its own); screen_close puts the terminal back.
 */
#ifndef ERGON_CLI_CURSES_H
#define ERGON_CLI_CURSES_H

#include <stdint.h>

#include "cli/top_view.h"

struct screen;

enum { SCREEN_NO_KEY = -1, SCREEN_RESIZED = -2 };

/* NOT_SUPPORTED where the library is missing (it names the package) or the terminal unknown. */
ERGON_MUST_USE enum ergon_code screen_open(struct screen **screen, const struct ergon_env *env,
                                           bool color, struct ergon_error *err);
void screen_close(struct screen *screen); /* NULL is allowed */

void screen_size(const struct screen *screen, size_t *rows, size_t *columns);
void screen_draw(struct screen *screen, const struct top_line *lines, size_t count);
/* Waits so long for a key: its character, or one of the above. */
int screen_key(struct screen *screen, uint64_t patience_ns);

#endif
