/* SPDX-License-Identifier: Apache-2.0
 *
 * What unit tests share: cmocka in the right order, scratch folders, a clock that the test turns.
 */
#ifndef ERGON_TESTS_SUPPORT_H
#define ERGON_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ergon/env.h"

/* A fresh folder under $TMPDIR; scratch_remove deletes it with all below. */
void scratch_make(char *path, size_t size);
void scratch_remove(const char *path);

/* Writes text to dir/name, making the folders between. */
void put_file(const char *dir, const char *name, const char *text);

/* ../shared/data/NAME seen from the source tree, or NULL where it is absent: then the test must
 * skip() with a message. Static storage. */
const char *shared_data(const char *name);

/* |a - b| <= relative * |b|, with both values in the failure message. */
#define assert_close(a, b, relative) assert_close_at((a), (b), (relative), __FILE__, __LINE__)
void assert_close_at(double a, double b, double relative, const char *file, int line);

/* A clock that stands still until it is told to move; sleep_until jumps there and calls on_sleep
 * (may be NULL) with the new time, so that a fake machine can move along. */
struct fake_clock {
	struct ergon_clock clock;
	uint64_t now_ns, suspended_ns;
	void (*on_sleep)(void *user, uint64_t now_ns);
	void *user;
};
void fake_clock_init(struct fake_clock *fake);

#endif
