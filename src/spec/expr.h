/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic over named dimensions, as model files use it: "4*d", "(heads+2*kv)*head", "d/heads".
 *
 * Numbers, names, + - * / and parentheses. Names are looked up in a chain of scopes, innermost
 * first. Every error says what is wrong with the text; results are finite.
 */
#ifndef ERGON_SPEC_EXPR_H
#define ERGON_SPEC_EXPR_H

#include <stdbool.h>
#include <stddef.h>

#include "ergon/error.h"

enum { SCOPE_NAMES_MAX = 48, EXPR_TEXT_MAX = 256 };

struct scope {
	const struct scope *outer; /* NULL: outermost */
	const char *names[SCOPE_NAMES_MAX];
	double values[SCOPE_NAMES_MAX];
	size_t count;
};

/* Adds or replaces a name (borrowed) of this scope; false when it is full. */
bool scope_set(struct scope *scope, const char *name, double value);
bool scope_get(const struct scope *scope, const char *name, size_t length, double *value);

ERGON_MUST_USE enum ergon_code expr_eval(const char *text, const struct scope *scope, double *value,
                                         struct ergon_error *err);

#endif
