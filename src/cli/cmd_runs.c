/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/table.h"
#include "store/store.h"

struct runs_options {
	uint64_t limit;
	const char *json;
};

static const struct option options[] = {
	{ .name = "limit",
	  .letter = 'n',
	  .kind = OPTION_COUNT,
	  .field = offsetof(struct runs_options, limit),
	  .value = "N",
	  .fallback = "20",
	  .help = "the newest N runs",
	  .min = 1,
	  .max = 1e9 },
	OPTION_JSON(struct runs_options),
	OPTION_END,
};

static bool take_run(void *user, const struct store_run *run)
{
	json_t *list = user, *command = json_string(run->command);
	json_t *object = json_pack("{s:I, s:f, s:b, s:f, s:f, s:i}", "run", (json_int_t)run->id,
	                           "started_unix_s", (double)run->started_unix_ns / 1e9, "finished",
	                           run->finished_unix_ns != 0, "duration_s", run->duration_s,
	                           "energy_j", run->energy_j, "exit_status", run->status);
	json_object_set_new(object, "command", command ? command : json_string("(not UTF-8)"));
	return json_array_append_new(list, object) == 0;
}

static void print_runs(FILE *out, const json_t *list)
{
	static const char *const header[] = { "run",    "started", "time",
		                              "energy", "status",  "command" };
	struct table table;
	const json_t *run;
	size_t i;
	table_init(&table, "rlrrrl", header);
	json_array_foreach(list, i, run)
	{
		char when[32] = "", time_text[64] = "-", energy[32] = "-", status[24];
		time_t started = (time_t)json_number_value(json_object_get(run, "started_unix_s"));
		struct tm local;
		if (localtime_r(&started, &local))
			strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &local);
		bool finished = json_is_true(json_object_get(run, "finished"));
		snprintf(status, sizeof status, "unfinished");
		if (finished) {
			format_duration(time_text, sizeof time_text,
			                json_number_value(json_object_get(run, "duration_s")));
			format_si(energy, sizeof energy,
			          json_number_value(json_object_get(run, "energy_j")), "J");
			snprintf(
			    status, sizeof status, "%lld",
			    (long long)json_integer_value(json_object_get(run, "exit_status")));
		}
		table_row(&table, "%lld\t%s\t%s\t%s\t%s\t%.24s",
		          (long long)json_integer_value(json_object_get(run, "run")), when,
		          time_text, energy, status,
		          json_string_value(json_object_get(run, "command")));
	}
	table_print(&table, out);
	table_fini(&table);
}

static int runs_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	(void)operands;
	(void)count;
	const struct runs_options *o = parsed;
	struct ergon_error err = { 0 };
	struct store *store;
	enum ergon_code code = store_open(&store, cli->env, false, &err);
	json_t *list = json_array();
	if (code == ERGON_NOT_FOUND)
		code = ERGON_OK; /* no history yet: an empty list */
	else if (!code)
		code = store_list(store, o->limit, take_run, list, &err);
	store_close(store);
	if (!code && o->json) {
		json_t *document =
		    json_pack("{s:s, s:i, s:O}", "kind", "ergon.runs", "version", 1, "runs", list);
		code = json_save(document, o->json, &err);
		json_decref(document);
	}
	if (!code && document_shown(cli, o->json)) {
		if (json_array_size(list) == 0)
			fprintf(cli->out, "No run has been kept yet: ergon measure -- COMMAND\n");
		else
			print_runs(cli->out, list);
	}
	json_decref(list);
	return code ? cli_fail(cli, "runs", &err) : EXIT_DONE;
}

const struct command command_runs = {
	.name = "runs",
	.pillar = PILLAR_MEASURE,
	.summary = "list the runs that were kept",
	.synopsis = "[--limit N] [--json FILE]",
	.examples = "ergon runs --limit 5",
	.options = options,
	.options_size = sizeof(struct runs_options),
	.run = runs_run,
};
