/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/grid.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/json.h"
#include "base/suggest.h"

enum { GRIDS_MAX = 512 };

static enum ergon_code pick(const json_t *list, const char *file, const char *wanted,
                            struct grid *grid, struct ergon_error *err)
{
	const char *codes[GRIDS_MAX];
	size_t i, count = 0;
	json_t *entry;
	struct json_place place = { file, "grids[]" };
	json_array_foreach(list, i, entry)
	{
		const char *code_text, *name, *source;
		enum ergon_code code = json_need_text(entry, place, "code", &code_text, err);
		if (code || (code = json_need_text(entry, place, "name", &name, err)) ||
		    (code = json_need_text(entry, place, "source", &source, err)) ||
		    (code =
		         json_need_real(entry, place, "g_per_kwh", 0, 5000, &grid->g_per_kwh, err)))
			return code;
		if (strcasecmp(code_text, wanted) == 0 || strcasecmp(name, wanted) == 0) {
			snprintf(grid->code, sizeof grid->code, "%s", code_text);
			snprintf(grid->name, sizeof grid->name, "%s", name);
			snprintf(grid->source, sizeof grid->source, "%s", source);
			return ERGON_OK;
		}
		if (count < GRIDS_MAX)
			codes[count++] = code_text;
	}
	char hint[256];
	return ergon_fail(err, ERGON_NOT_FOUND, "no grid '%.40s'%s", wanted,
	                  suggest_hint(hint, sizeof hint, wanted, codes, count));
}

enum ergon_code grid_find(const char *data_dir, const char *wanted, struct grid *grid,
                          struct ergon_error *err)
{
	char path[1100];
	json_t *root, *list;
	memset(grid, 0, sizeof *grid);
	if (!file_join(path, sizeof path, data_dir, "carbon/grids.json"))
		return ergon_fail(err, ERGON_BAD_INPUT, "the data folder's path is too long");
	enum ergon_code code = json_load(path, &root, err);
	if (code)
		return code;
	code = json_need_array(root, (struct json_place){ path, "" }, "grids", &list, err);
	if (!code)
		code = pick(list, path, wanted, grid, err);
	json_decref(root);
	return code;
}
