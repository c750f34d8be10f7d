/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole files: read at once, written at once or not at all.
 */
#ifndef ERGON_BASE_FILE_H
#define ERGON_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ergon/error.h"

/* Reads path (regular file, pipe or "-" for standard input) into *data, malloc'd and terminated;
 * the caller frees. Files over 1 GiB are refused. */
ERGON_MUST_USE enum ergon_code file_read(const char *path, char **data, size_t *length,
                                         struct ergon_error *err);

/* Writes to a temporary file beside path, syncs, renames: path holds all of data or what it held
 * before. */
ERGON_MUST_USE enum ergon_code file_write(const char *path, const char *data, size_t length,
                                          struct ergon_error *err);

/* mkdir -p with mode 0700 for what is missing. */
ERGON_MUST_USE enum ergon_code file_make_dirs(const char *path, struct ergon_error *err);

bool file_exists(const char *path);
bool file_is_dir(const char *path);

/* "dir/name" into out; false when it does not fit. */
bool file_join(char *out, size_t size, const char *dir, const char *name);

/* For small files of sysfs and procfs, without allocation: the text (trailing white space cut) into
 * out, or false (errno says why). */
bool file_read_small(const char *path, char *out, size_t size);
/* A file holding one unsigned decimal number. */
bool file_read_u64(const char *path, uint64_t *value);

#endif
