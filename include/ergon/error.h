/* SPDX-License-Identifier: Apache-2.0
 *
 * How every function of ergon that can fail says so.
 *
 * It returns an enum ergon_code, which must be looked at, and fills an optional struct ergon_error
 * with one sentence for a person: what was wrong, where, and what was expected. The library never
 * prints and never exits. An error is a value on the caller's storage; nothing needs freeing.
 */
#ifndef ERGON_ERROR_H
#define ERGON_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* Code, text. The command exits with 2 on BAD_INPUT, NOT_FOUND, INFEASIBLE and with 1 on the rest.
 */
#define ERGON_CODES(X)                                                                             \
	X(ERGON_OK, "no error")                                                                    \
	X(ERGON_BAD_INPUT, "bad input") /* a file or an argument is not as it should be */         \
	X(ERGON_NOT_FOUND, "not found") /* no model, device, policy, file of that name */          \
	X(ERGON_INFEASIBLE, "cannot be satisfied") /* well-formed, but impossible as asked */      \
	X(ERGON_NO_PERMISSION, "permission denied")                                                \
	X(ERGON_NOT_SUPPORTED, "not supported here") /* this machine or build lacks it */          \
	X(ERGON_IO, "input/output error")                                                          \
	X(ERGON_NO_MEMORY, "out of memory")                                                        \
	X(ERGON_INTERNAL, "internal error") /* a fault of ergon's own; please report */

#define ERGON_CODE_ENUM(code, text) code,
enum ergon_code { ERGON_CODES(ERGON_CODE_ENUM) ERGON_CODE_COUNT };
#undef ERGON_CODE_ENUM

struct ergon_error {
	enum ergon_code code;
	long line;      /* of file, from 1; 0 where there is none */
	char file[192]; /* "" where there is none */
	char text[448]; /* one sentence, no newline */
};

#if defined(__GNUC__)
#define ERGON_MUST_USE __attribute__((__warn_unused_result__))
#define ERGON_PRINTF(text, arguments) __attribute__((__format__(__printf__, text, arguments)))
#else
#define ERGON_MUST_USE
#define ERGON_PRINTF(text, arguments)
#endif

/* The short text of a code: "bad input". Never NULL. */
const char *ergon_code_text(enum ergon_code code);

/* Fill err (may be NULL) and return code, so that a failing function can end in one line:
 *     return ergon_fail(err, ERGON_NOT_FOUND, "no device '%s'", name);
 * The second form names the place in a file. */
enum ergon_code ergon_fail(struct ergon_error *err, enum ergon_code code, const char *format, ...)
    ERGON_PRINTF(3, 4);
enum ergon_code ergon_fail_at(struct ergon_error *err, enum ergon_code code, const char *file,
                              long line, const char *format, ...) ERGON_PRINTF(5, 6);

/* "FILE:LINE: text", "FILE: text" or "text" into out, always terminated; returns out. */
char *ergon_error_describe(const struct ergon_error *err, char *out, unsigned long size);

#ifdef __cplusplus
}
#endif
#endif
