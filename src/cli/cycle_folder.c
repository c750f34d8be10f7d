/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder of a turn of the cycle: whole or not there.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "cli/cycle.h"
#include "report/report.h"

const char *const cycle_names[CYCLE_DOCUMENTS] = { "measure", "bench",    "sweep",
	                                           "predict", "simulate", "recommend" };

static enum ergon_code name_by_time(struct cycle *cycle, struct ergon_error *err)
{
	const struct ergon_clock *clock = cycle->cli->env->clock;
	time_t now = (time_t)(clock->realtime_ns(clock->user) / NS_PER_S);
	struct tm local;
	if (!localtime_r(&now, &local) ||
	    strftime(cycle->out, sizeof cycle->out, "ergon-cycle-%Y%m%d-%H%M%S", &local) == 0)
		return ergon_fail(err, ERGON_INTERNAL, "the time of day cannot be told");
	return ERGON_OK;
}

static bool is_empty_folder(const char *path)
{
	DIR *folder = opendir(path);
	if (!folder)
		return false;
	size_t entries = 0;
	for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
		entries += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(folder);
	return entries == 0;
}

enum ergon_code cycle_open_folder(struct cycle *cycle, struct ergon_error *err)
{
	enum ergon_code code = ERGON_OK;
	if (cycle->options.out)
		snprintf(cycle->out, sizeof cycle->out, "%.4000s", cycle->options.out);
	else
		code = name_by_time(cycle, err);
	if (code)
		return code;
	size_t length = strlen(cycle->out);
	while (length > 1 && cycle->out[length - 1] == '/')
		cycle->out[--length] = '\0';
	if (length == 0)
		return ergon_fail(err, ERGON_BAD_INPUT, "--out: expected a folder's name");
	if (file_exists(cycle->out) && !is_empty_folder(cycle->out))
		return ergon_fail_at(err, ERGON_BAD_INPUT, cycle->out, 0,
		                     "expected a new or empty folder: nothing is overwritten");
	int n = snprintf(cycle->work, sizeof cycle->work, "%s.part-XXXXXX", cycle->out);
	if (n < 0 || (size_t)n >= sizeof cycle->work || !mkdtemp(cycle->work)) {
		int number = errno;
		cycle->work[0] = '\0';
		return ergon_fail_at(
		    err,
		    number == ENOENT                                         ? ERGON_NOT_FOUND
		    : number == EACCES || number == EPERM || number == EROFS ? ERGON_NO_PERMISSION
									     : ERGON_IO,
		    cycle->out, 0, "cannot create a folder there: %s", strerror(number));
	}
	return ERGON_OK;
}

enum ergon_code cycle_path(const struct cycle *cycle, const char *name, char *path, size_t size,
                           struct ergon_error *err)
{
	if (file_join(path, size, cycle->work, name))
		return ERGON_OK;
	return ergon_fail_at(err, ERGON_BAD_INPUT, cycle->out, 0, "path is too long");
}

static enum ergon_code write_documents(struct cycle *cycle, struct ergon_error *err)
{
	enum ergon_code code = ERGON_OK;
	for (size_t i = 0; i < CYCLE_DOCUMENTS && !code; i++) {
		char name[64], path[CYCLE_PATH_MAX];
		if (!cycle->documents[i])
			continue;
		snprintf(name, sizeof name, "%s.json", cycle_names[i]);
		code = cycle_path(cycle, name, path, sizeof path, err);
		if (!code)
			code = json_save(cycle->documents[i], path, err);
	}
	return code;
}

static enum ergon_code write_report(struct cycle *cycle, struct ergon_error *err)
{
	struct report_input inputs[CYCLE_DOCUMENTS];
	size_t count = 0;
	for (size_t i = 0; i < CYCLE_DOCUMENTS; i++)
		if (cycle->documents[i])
			inputs[count++] = (struct report_input){ .name = cycle_names[i],
				                                 .document = cycle->documents[i] };
	char path[CYCLE_PATH_MAX];
	struct text text = { 0 };
	enum ergon_code code = cycle_path(cycle, "report.html", path, sizeof path, err);
	if (!code)
		code = report_render(inputs, count, REPORT_HTML, NULL, &text, err);
	if (!code)
		code = file_write(path, text.data, text.length, err);
	text_fini(&text);
	return code;
}

enum ergon_code cycle_write(struct cycle *cycle, struct ergon_error *err)
{
	enum ergon_code code = write_documents(cycle, err);
	if (!code)
		code = write_report(cycle, err);
	if (code)
		return code;
	/* mkdtemp made it private; the finished folder is an ordinary one. */
	mode_t mask = umask(0);
	umask(mask);
	if (chmod(cycle->work, 0777 & ~mask) != 0 || rename(cycle->work, cycle->out) != 0)
		return ergon_fail_at(err, ERGON_IO, cycle->out, 0, "cannot create folder: %s",
		                     strerror(errno));
	cycle->work[0] = '\0';
	return ERGON_OK;
}

void cycle_drop_folder(struct cycle *cycle)
{
	DIR *folder = cycle->work[0] ? opendir(cycle->work) : NULL;
	if (!folder)
		return;
	for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
		unlinkat(dirfd(folder), entry->d_name, 0); /* it holds files only */
	closedir(folder);
	rmdir(cycle->work);
	cycle->work[0] = '\0';
}
