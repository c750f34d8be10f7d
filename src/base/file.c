/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/grow.h"
#include "base/units.h"

enum { FILE_BYTES_MAX = 1 << 30 };

static enum ergon_code fail_errno(struct ergon_error *err, const char *path, const char *doing)
{
	int number = errno;
	enum ergon_code code = number == ENOENT                        ? ERGON_NOT_FOUND
	                       : number == EACCES || number == EPERM   ? ERGON_NO_PERMISSION
	                       : number == EISDIR || number == ENOTDIR ? ERGON_BAD_INPUT
	                                                               : ERGON_IO;
	return ergon_fail_at(err, code, path, 0, "cannot %s: %s", doing, strerror(number));
}

static enum ergon_code read_all(int fd, const char *path, char **data, size_t *length,
                                struct ergon_error *err)
{
	struct text text = { 0 };
	char buffer[65536];
	ssize_t got;
	while ((got = read(fd, buffer, sizeof buffer)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			text_fini(&text);
			return fail_errno(err, path, "read");
		}
		if (text.length + (size_t)got > FILE_BYTES_MAX) {
			text_fini(&text);
			return ergon_fail_at(err, ERGON_BAD_INPUT, path, 0, "larger than 1 GiB");
		}
		text_append(&text, buffer, (size_t)got);
	}
	if (text.length == 0)
		text_puts(&text, "");
	if (text.failed) {
		text_fini(&text);
		return ergon_fail_at(err, ERGON_NO_MEMORY, path, 0, "out of memory while reading");
	}
	*data = text.data;
	*length = text.length;
	return ERGON_OK;
}

enum ergon_code file_read(const char *path, char **data, size_t *length, struct ergon_error *err)
{
	*data = NULL;
	*length = 0;
	if (strcmp(path, "-") == 0)
		return read_all(STDIN_FILENO, "standard input", data, length, err);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, path, "open");
	enum ergon_code code = read_all(fd, path, data, length, err);
	close(fd);
	return code;
}

static bool write_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t put = write(fd, data, length);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		data += put;
		length -= (size_t)put;
	}
	return true;
}

/* Devices and pipes (/dev/null, a FIFO) cannot be replaced by a rename. Nor may a link to an open
 * file: /dev/stdout is one, and what it leads to is a regular file under "> FILE"; the rename would
 * replace the link itself. */
static bool is_special(const char *path)
{
	static const char open_files[] = "/proc/";
	struct stat st;
	char target[sizeof open_files] = "";
	ssize_t length = readlink(path, target, sizeof target - 1);
	if (length > 0 && strncmp(target, open_files, sizeof open_files - 1) == 0)
		return true;
	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static enum ergon_code write_special(const char *path, const char *data, size_t length,
                                     struct ergon_error *err)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, path, "open");
	bool done = write_all(fd, data, length);
	if (close(fd) != 0)
		done = false;
	return done ? ERGON_OK : fail_errno(err, path, "write");
}

enum ergon_code file_write(const char *path, const char *data, size_t length,
                           struct ergon_error *err)
{
	if (is_special(path))
		return write_special(path, data, length, err);
	char temporary[4096];
	int n = snprintf(temporary, sizeof temporary, "%s.tmp-%ld", path, (long)getpid());
	if (n < 0 || (size_t)n >= sizeof temporary)
		return ergon_fail_at(err, ERGON_BAD_INPUT, path, 0, "path is too long");
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return fail_errno(err, path, "create");
	bool done = write_all(fd, data, length) && fsync(fd) == 0;
	if (close(fd) != 0)
		done = false;
	if (done && rename(temporary, path) == 0)
		return ERGON_OK;
	enum ergon_code code = fail_errno(err, path, "write");
	unlink(temporary);
	return code;
}

enum ergon_code file_make_dirs(const char *path, struct ergon_error *err)
{
	char partial[4096];
	size_t length = strlen(path);
	if (length == 0 || length >= sizeof partial)
		return ergon_fail_at(err, ERGON_BAD_INPUT, path, 0, "path is empty or too long");
	for (size_t i = 1; i <= length; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(partial, path, i);
		partial[i] = '\0';
		if (mkdir(partial, 0700) != 0 && errno != EEXIST)
			return fail_errno(err, partial, "create folder");
	}
	if (!file_is_dir(path))
		return ergon_fail_at(err, ERGON_BAD_INPUT, path, 0, "is not a folder");
	return ERGON_OK;
}

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

bool file_is_dir(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool file_join(char *out, size_t size, const char *dir, const char *name)
{
	int n = snprintf(out, size, "%s/%s", dir, name);
	return n >= 0 && (size_t)n < size;
}

bool file_read_small(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t got = read(fd, out, size - 1);
	int saved = errno;
	close(fd);
	errno = saved;
	if (got < 0)
		return false;
	while (got > 0 && isspace((unsigned char)out[got - 1]))
		got--;
	out[got] = '\0';
	return true;
}

bool file_read_u64(const char *path, uint64_t *value)
{
	char text[32];
	if (!file_read_small(path, text, sizeof text))
		return false;
	if (parse_u64(text, value))
		return true;
	errno = EINVAL;
	return false;
}
