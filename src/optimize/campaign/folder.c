/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/campaign/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

enum { PATH_LENGTH = 4400 };

static void path_of(char *out, const struct campaign_folder *folder, const char *part,
                    const char *name)
{
	snprintf(out, PATH_LENGTH, "%s/%s/%s", folder->path, part, name);
}

static void done_path(char *out, const struct campaign_folder *folder, uint32_t unit)
{
	char name[32];
	snprintf(name, sizeof name, "%u.json", unit);
	path_of(out, folder, "done", name);
}

/* A link to a finished draft is made by one only, where two begin at once. */
static enum ergon_code describe(const struct campaign_folder *folder, const json_t *description,
                                struct ergon_error *err)
{
	char path[PATH_LENGTH], draft[PATH_LENGTH];
	snprintf(path, sizeof path, "%s/campaign.json", folder->path);
	path_of(draft, folder, "drafts", folder->owner);
	if (!file_exists(path)) {
		enum ergon_code code = json_save(description, draft, err);
		if (code)
			return code;
		if (link(draft, path) != 0 && errno != EEXIST)
			return ergon_fail(err, ERGON_IO, "%s: %s", path, strerror(errno));
		unlink(draft);
	}
	json_t *there = NULL;
	enum ergon_code code = json_load(path, &there, err);
	if (code)
		return code;
	bool same = json_equal(there, description) == 1;
	json_decref(there);
	return same ? ERGON_OK
	            : ergon_fail(err, ERGON_BAD_INPUT,
	                         "%.300s holds another campaign (campaign.json says which): "
	                         "other options, other inputs or another version of ergon; name "
	                         "another folder, or remove it",
	                         folder->path);
}

enum ergon_code campaign_folder_open(struct campaign_folder *folder, const char *path,
                                     const char *host, uint64_t begin_ns, const json_t *description,
                                     struct ergon_error *err)
{
	static const char *const parts[] = { "alive", "claims", "done", "drafts" };
	*folder = (struct campaign_folder){ 0 };
	if (strlen(path) >= sizeof folder->path)
		return ergon_fail(err, ERGON_BAD_INPUT, "%.60s...: too long a path", path);
	snprintf(folder->path, sizeof folder->path, "%s", path);
	snprintf(folder->host, sizeof folder->host, "%.90s", host);
	for (char *c = folder->host; *c; c++)
		if (*c == '/')
			*c = '_';
	snprintf(folder->owner, sizeof folder->owner, "%s-%ld-%llx", folder->host, (long)getpid(),
	         (unsigned long long)begin_ns);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		char part[PATH_LENGTH];
		snprintf(part, sizeof part, "%s/%s", folder->path, parts[i]);
		enum ergon_code code = file_make_dirs(part, err);
		if (code)
			return code;
	}
	campaign_folder_touch(folder);
	return describe(folder, description, err);
}

void campaign_folder_touch(const struct campaign_folder *folder)
{
	char path[PATH_LENGTH];
	path_of(path, folder, "alive", folder->owner);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	/* A write, so that the time of change is the file server's own. */
	ssize_t written = write(fd, "1\n", 2);
	(void)written;
	close(fd);
}

void campaign_folder_leave(const struct campaign_folder *folder)
{
	char path[PATH_LENGTH];
	path_of(path, folder, "alive", folder->owner);
	unlink(path);
}

bool campaign_is_done(const struct campaign_folder *folder, uint32_t unit)
{
	char path[PATH_LENGTH];
	done_path(path, folder, unit);
	return access(path, F_OK) == 0;
}

/* Seconds between the last signs of life of this owner and of a file; large where it is not. */
static double silence_s(const struct campaign_folder *folder, const char *path)
{
	char mine[PATH_LENGTH];
	struct stat now, then;
	path_of(mine, folder, "alive", folder->owner);
	if (stat(path, &then) != 0)
		return 1e9;
	if (stat(mine, &now) != 0)
		return 0;
	return (double)(now.st_mtim.tv_sec - then.st_mtim.tv_sec) +
	       (double)(now.st_mtim.tv_nsec - then.st_mtim.tv_nsec) * 1e-9;
}

/* "HOST-PID-BEGIN": of this machine, and no such process any more? */
static bool is_gone(const struct campaign_folder *folder, const char *owner)
{
	size_t length = strlen(folder->host);
	if (strncmp(owner, folder->host, length) != 0 || owner[length] != '-')
		return false;
	char *end;
	long pid = strtol(owner + length + 1, &end, 10);
	return *end == '-' && pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static bool owner_lives(const struct campaign_folder *folder, const char *claim)
{
	char owner[CAMPAIGN_OWNER_LENGTH] = "", path[PATH_LENGTH];
	if (!file_read_small(claim, owner, sizeof owner) || !owner[0])
		/* Not written yet, or its writer died in between. */
		return silence_s(folder, claim) < CAMPAIGN_LEASE_S;
	if (strcmp(owner, folder->owner) == 0)
		return true;
	path_of(path, folder, "alive", owner);
	return !is_gone(folder, owner) && silence_s(folder, path) < CAMPAIGN_LEASE_S;
}

bool campaign_was_claimed(const struct campaign_folder *folder, const char *name)
{
	char path[PATH_LENGTH];
	path_of(path, folder, "claims", name);
	return access(path, F_OK) == 0;
}

bool campaign_claim(const struct campaign_folder *folder, const char *name)
{
	char path[PATH_LENGTH];
	path_of(path, folder, "claims", name);
	for (int attempt = 0; attempt < 2; attempt++) {
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0) {
			size_t length = strlen(folder->owner);
			bool whole = write(fd, folder->owner, length) == (ssize_t)length;
			close(fd);
			return whole;
		}
		if (errno != EEXIST || owner_lives(folder, path))
			return false;
		unlink(path);
	}
	return false;
}

void campaign_unclaim(const struct campaign_folder *folder, const char *name)
{
	char path[PATH_LENGTH];
	path_of(path, folder, "claims", name);
	unlink(path);
}

enum ergon_code campaign_put(const struct campaign_folder *folder, uint32_t unit,
                             const json_t *outcome, struct ergon_error *err)
{
	char name[CAMPAIGN_OWNER_LENGTH + 32], draft[PATH_LENGTH], path[PATH_LENGTH];
	snprintf(name, sizeof name, "%s-%ld-%u", folder->owner, (long)getpid(), unit);
	path_of(draft, folder, "drafts", name);
	done_path(path, folder, unit);
	enum ergon_code code = json_save(outcome, draft, err);
	if (code)
		return code;
	return rename(draft, path) == 0
	           ? ERGON_OK
	           : ergon_fail(err, ERGON_IO, "%s: %s", path, strerror(errno));
}

enum ergon_code campaign_get(const struct campaign_folder *folder, uint32_t unit, json_t **outcome,
                             struct ergon_error *err)
{
	char path[PATH_LENGTH];
	done_path(path, folder, unit);
	return json_load(path, outcome, err);
}
