/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/document.h"

#include <string.h>

#include "base/json.h"

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
