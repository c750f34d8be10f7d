/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/document.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

enum ergon_code document_check(const char *option, const char *path, struct ergon_error *err)
{
	char folder[4096];
	if (!path || strcmp(path, "-") == 0)
		return ERGON_OK;
	const char *slash = strrchr(path, '/');
	int length = slash ? (int)(slash - path) : 0;
	if ((size_t)snprintf(folder, sizeof folder, "%.*s", length, path) >= sizeof folder)
		return ergon_fail(err, ERGON_BAD_INPUT, "--%s: the path is too long", option);
	if (slash == path)
		snprintf(folder, sizeof folder, "/");
	else if (!slash)
		snprintf(folder, sizeof folder, ".");
	if (file_is_dir(path))
		return ergon_fail(err, ERGON_BAD_INPUT, "--%s: '%.200s' is a folder", option, path);
	if (access(folder, W_OK | X_OK) != 0)
		return ergon_fail(err, ERGON_BAD_INPUT, "--%s: cannot write in '%.200s': %s",
		                  option, folder, strerror(errno));
	return ERGON_OK;
}

enum ergon_code document_save(json_t *root, const char *path, struct ergon_error *err)
{
	if (!root)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = json_save(root, path, err);
	json_decref(root);
	return code;
}

bool document_alone(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

bool document_shown(const struct cli *cli, const char *path)
{
	return !document_alone(path) && !(cli->quiet && path);
}
