/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/json.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/measure_table.h"
#include "measure/history.h"

struct show_options {
	const char *json, *by;
};

static const struct option options[] = {
	OPTION_JSON(struct show_options),
	{ .name = "by",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct show_options, by),
	  .value = "WHAT",
	  .help = "also whose energy it was: by process, cgroup, container or job" },
	OPTION_END,
};

static int show_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	(void)count;
	const struct show_options *o = parsed;
	struct ergon_error err = { 0 };
	struct store *store;
	json_t *document = NULL;
	int64_t id = 0;
	enum share_key by = SHARE_PROCESS;
	enum ergon_code code = o->by ? share_key_find(o->by, &by, &err) : ERGON_OK;
	if (code)
		return cli_fail(cli, "show", &err);
	code = store_open(&store, cli->env, false, &err);
	if (!code)
		code = store_find(store, operands[0], &id, &err);
	if (!code)
		code = history_document(store, id, &document, &err);
	if (!code && o->json)
		code = history_add_series(store, id, document, &err);
	store_close(store);
	if (!code && o->json)
		code = json_save(document, o->json, &err);
	if (!code && document_shown(cli, o->json)) {
		fprintf(cli->out, "run %lld: ", (long long)id);
		if (!json_is_true(json_object_get(document, "finished")))
			fprintf(cli->out, "never finished; what its samples tell. ");
		measure_table_print(cli->out, document);
		if (o->by)
			shares_table_print(cli->out, document, by);
	}
	json_decref(document);
	return code ? cli_fail(cli, "show", &err) : EXIT_DONE;
}

const struct command command_show = {
	.name = "show",
	.pillar = PILLAR_MEASURE,
	.summary = "show a run that was kept",
	.synopsis = "RUN [--by WHAT] [--json FILE]",
	.details =
	    "RUN is a number that ergon runs lists, last, or last-N. --json adds the power over "
	    "time, which ergon report draws.",
	.examples = "ergon show last\nergon show 12 --json run12.json",
	.options = options,
	.options_size = sizeof(struct show_options),
	.operands_min = 1,
	.operands_max = 1,
	.run = show_run,
};
