/* SPDX-License-Identifier: Apache-2.0
 *
 * "Did you mean ...?": the nearest of a list of names, for errors.
 */
#ifndef ERGON_BASE_SUGGEST_H
#define ERGON_BASE_SUGGEST_H

#include <stddef.h>

/* Edit distance with transpositions (optimal string alignment), ignoring case. */
size_t suggest_distance(const char *a, const char *b);

/* The nearest name that is near enough to be a slip (a third of the length), else NULL. */
const char *suggest(const char *wrong, const char *const *names, size_t count);

/* ", did you mean 'x'?" or "; one of: a, b, c" (cut with "..." where long) into out; returns out.
 */
char *suggest_hint(char *out, size_t size, const char *wrong, const char *const *names,
                   size_t count);

#endif
