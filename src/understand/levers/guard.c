/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/levers/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/grow.h"

/* Rounds of writes: two suffice for pairs of bounds; more only where a driver is slow to agree. */
enum { ROUNDS = 5 };

bool lever_write_text(const char *path, const char *text)
{
	/* Truncation means nothing to sysfs, but a recording on disk needs it. */
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return false;
	char line[sizeof((struct lever_write *)0)->text + 1];
	int length = snprintf(line, sizeof line, "%s\n", text);
	bool written = length < (int)sizeof line && write(fd, line, (size_t)length) == length;
	int error = errno;
	close(fd);
	errno = error;
	return written;
}

/* ---- devices that are opened while writes are carried out ---- */

struct opened {
	const struct lever_device *device[LEVER_DEVICES_MAX];
	void *handle[LEVER_DEVICES_MAX];
	size_t count;
};

static void open_devices(struct opened *o, const struct lever_saved *saved, bool forked)
{
	o->count = 0;
	for (size_t i = 0; i < saved->count; i++) {
		const struct lever_device *device = saved->writes[i].device;
		size_t known = 0;
		while (known < o->count && o->device[known] != device)
			known++;
		if (!device || known < o->count || o->count == LEVER_DEVICES_MAX)
			continue;
		o->device[o->count] = device;
		o->handle[o->count++] = device->open(saved->env, forked);
	}
}

static void close_devices(struct opened *o)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->handle[i])
			o->device[i]->close(o->handle[i]);
	o->count = 0;
}

static void *handle_of(const struct opened *o, const struct lever_device *device)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->device[i] == device)
			return o->handle[i];
	return NULL;
}

static bool write_one(const struct opened *o, const struct lever_write *write)
{
	if (!write->device)
		return lever_write_text(write->path, write->text);
	void *handle = handle_of(o, write->device);
	return handle && write->device->write(handle, write);
}

static bool holds(const struct opened *o, const struct lever_write *write)
{
	char now[sizeof write->text];
	if (write->device) {
		void *handle = handle_of(o, write->device);
		return handle && write->device->holds(handle, write);
	}
	return file_read_small(write->path, now, sizeof now) && strcmp(now, write->text) == 0;
}

static size_t write_all(const struct opened *o, const struct lever_saved *saved)
{
	size_t count = saved->count, failed = count;
	for (int round = 0; round < ROUNDS; round++) {
		failed = count;
		for (size_t i = 0; i < count; i++)
			if (!write_one(o, &saved->writes[i]) && failed == count)
				failed = i;
		/* One bound may have moved another after it was written. */
		for (size_t i = 0; i < count && failed == count; i++)
			if (!holds(o, &saved->writes[i]))
				failed = i;
		if (failed == count)
			break;
	}
	return failed;
}

size_t lever_write_all(const struct lever_saved *saved, bool forked)
{
	struct opened opened;
	open_devices(&opened, saved, forked);
	size_t failed = write_all(&opened, saved);
	close_devices(&opened);
	return failed;
}

static enum ergon_code next_write(struct lever_saved *saved, const char *path,
                                  struct lever_write **write, struct ergon_error *err)
{
	if (saved->count == LEVER_WRITES_MAX || strlen(path) >= sizeof saved->writes->path)
		return ergon_fail(err, ERGON_NOT_SUPPORTED,
		                  "more settings, or longer paths, than a lever can restore");
	if (!GROW(saved->writes, saved->capacity, saved->count + 1))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	*write = &saved->writes[saved->count];
	**write = (struct lever_write){ .device = NULL };
	snprintf((*write)->path, sizeof(*write)->path, "%s", path);
	return ERGON_OK;
}

enum ergon_code lever_save_device(struct lever_saved *saved, const struct ergon_env *env,
                                  const struct lever_device *device, const char *name,
                                  const char *text, struct ergon_error *err)
{
	struct lever_write *write;
	enum ergon_code code = next_write(saved, name, &write, err);
	if (code)
		return code;
	write->device = device;
	snprintf(write->text, sizeof write->text, "%s", text);
	saved->env = env;
	saved->count++;
	return ERGON_OK;
}

enum ergon_code lever_save_file(struct lever_saved *saved, const char *path,
                                struct ergon_error *err)
{
	struct lever_write *write;
	enum ergon_code code = next_write(saved, path, &write, err);
	if (code)
		return code;
	if (!file_read_small(path, write->text, sizeof write->text))
		return ergon_fail_at(err, errno == EACCES ? ERGON_NO_PERMISSION : ERGON_IO, path, 0,
		                     "cannot read: %s", strerror(errno));
	if (access(path, W_OK) != 0)
		return ergon_fail_at(err, ERGON_NO_PERMISSION, path, 0,
		                     "cannot be set by this user; run ergon as root (sudo)");
	saved->count++;
	return ERGON_OK;
}

void lever_saved_fini(struct lever_saved *saved)
{
	free(saved->writes);
	*saved = (struct lever_saved){ 0 };
}

/* ---- the guard's own process: nothing of ergon's state but the writes; no other thread may run
 * when it is forked, for a vendor's library is opened in it ---- */

static void close_others(int a, int b)
{
	/* Other ends of other pipes must not be kept open by us: someone may wait for their close.
	 */
	for (int fd = 0; fd < 1024; fd++)
		if (fd != a && fd != b)
			close(fd);
}

_Noreturn static void guard_main(const struct lever_saved *saved, int request_fd, int answer_fd)
{
	static const int ignored[] = { SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGPIPE,
		                       SIGUSR1, SIGUSR2, SIGTSTP, SIGALRM };
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
	setsid();
	prctl(PR_SET_NAME, "ergon-guard");
	close_others(request_fd, answer_fd);
	struct opened opened;
	open_devices(&opened, saved, true);
	char byte;
	while (read(request_fd, &byte, 1) < 0 && errno == EINTR)
		;
	uint64_t failed = write_all(&opened, saved);
	ssize_t ignored_result = write(answer_fd, &failed, sizeof failed);
	_exit(ignored_result == sizeof failed ? 0 : 1);
}

static bool make_pipes(int request[2], int answer[2])
{
	if (pipe2(request, O_CLOEXEC) != 0)
		return false;
	if (pipe2(answer, O_CLOEXEC) == 0)
		return true;
	close(request[0]);
	close(request[1]);
	return false;
}

enum ergon_code guard_start(struct guard *guard, const struct lever_saved *saved,
                            struct ergon_error *err)
{
	*guard = (struct guard){ .saved = saved, .request_fd = -1, .answer_fd = -1 };
	int request[2], answer[2];
	if (saved->count == 0)
		return ERGON_OK;
	if (!make_pipes(request, answer))
		return ergon_fail(err, ERGON_IO, "cannot make a pipe: %s", strerror(errno));
	pid_t pid = fork();
	if (pid == 0) {
		close(request[1]);
		close(answer[0]);
		guard_main(saved, request[0], answer[1]);
	}
	int error = errno;
	close(request[0]);
	close(answer[1]);
	if (pid < 0) {
		close(request[1]);
		close(answer[0]);
		return ergon_fail(err, ERGON_IO, "cannot start the guard process: %s",
		                  strerror(error));
	}
	guard->pid = pid;
	guard->request_fd = request[1];
	guard->answer_fd = answer[0];
	return ERGON_OK;
}

/* The guard's answer; false when it is gone. */
static bool ask(const struct guard *guard, size_t *failed)
{
	uint64_t answer = 0;
	ssize_t n;
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	sigaction(SIGPIPE, &ignore, &before);
	n = write(guard->request_fd, "r", 1);
	sigaction(SIGPIPE, &before, NULL);
	if (n != 1)
		return false;
	do
		n = read(guard->answer_fd, &answer, sizeof answer);
	while (n < 0 && errno == EINTR);
	*failed = (size_t)answer;
	return n == sizeof answer;
}

enum ergon_code guard_release(struct guard *guard, struct ergon_error *err)
{
	if (guard->pid == 0)
		return ERGON_OK;
	size_t failed;
	if (!ask(guard, &failed))
		failed = lever_write_all(guard->saved, false);
	close(guard->request_fd);
	close(guard->answer_fd);
	while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
		;
	guard->pid = 0;
	if (failed >= guard->saved->count)
		return ERGON_OK;
	const struct lever_write *write = &guard->saved->writes[failed];
	return ergon_fail_at(err, ERGON_IO, write->path, 0, "could not be put back to '%s'",
	                     write->text);
}
