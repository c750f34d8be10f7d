/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/file.h"
#include "cli/command.h"
#include "measure/export.h"
#include "measure/recorder.h"

struct export_options {
	const char *format, *output;
};

static const struct option options[] = {
	{ .name = "format",
	  .letter = 'f',
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct export_options, format),
	  .value = "FORMAT",
	  .fallback = "csv",
	  .help = "csv, json, influx or perfetto" },
	{ .name = "output",
	  .letter = 'o',
	  .kind = OPTION_OUTPUT,
	  .field = offsetof(struct export_options, output),
	  .value = "FILE",
	  .fallback = "-",
	  .help = "where to; - for standard output" },
	OPTION_END,
};

static void take_begin(void *user, const struct store_run *run)
{
	*(int64_t *)user = run->started_unix_ns;
}

static enum ergon_code load(struct store *store, const char *name, enum export_format format,
                            struct text *text, struct ergon_error *err)
{
	struct arena arena;
	struct record record;
	int64_t id, begin_unix_ns = 0;
	enum ergon_code code = store_find(store, name, &id, err);
	if (code)
		return code;
	arena_init(&arena);
	code = record_load(store, id, &arena, &record, err);
	if (!code)
		code = store_get(store, id, take_begin, &begin_unix_ns, err);
	if (!code)
		code = export_text(&record, format, begin_unix_ns, text, err);
	arena_fini(&arena);
	return code;
}

static int export_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	(void)count;
	const struct export_options *o = parsed;
	struct ergon_error err = { 0 };
	struct store *store = NULL;
	struct text text = { 0 };
	enum export_format format;
	enum ergon_code code = export_format_find(o->format, &format, &err);
	if (!code)
		code = store_open(&store, cli->env, false, &err);
	if (!code)
		code = load(store, operands[0], format, &text, &err);
	store_close(store);
	if (!code && strcmp(o->output, "-") == 0)
		fwrite(text.data, 1, text.length, cli->out); /* main checks the stream */
	else if (!code)
		code = file_write(o->output, text.data, text.length, &err);
	text_fini(&text);
	return code ? cli_fail(cli, "export", &err) : EXIT_DONE;
}

const struct command command_export = {
	.name = "export",
	.pillar = PILLAR_MEASURE,
	.summary = "write a kept run's samples for other tools",
	.synopsis = "RUN [--format csv|json|influx|perfetto] [--output FILE]",
	.details =
	    "csv and json can be played back with --sensors replay:FILE; influx is the line\n"
	    "protocol of InfluxDB; perfetto opens in ui.perfetto.dev.",
	.examples = "ergon export last > run.csv\nergon export 12 --format perfetto -o run.json",
	.options = options,
	.options_size = sizeof(struct export_options),
	.operands_min = 1,
	.operands_max = 1,
	.run = export_run,
};
