/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/command.h"
#include "report/report.h"

extern const struct command command_report;

struct report_options {
	const char *output, *format, *title;
};

static enum ergon_code load(struct report_input *inputs, json_t **owned, char **paths, int count,
                            struct ergon_error *err)
{
	for (int i = 0; i < count; i++) {
		enum ergon_code code = json_load(paths[i], &owned[i], err);
		if (code)
			return code;
		inputs[i] = (struct report_input){
			.name = strcmp(paths[i], "-") == 0 ? "standard input" : paths[i],
			.document = owned[i],
		};
	}
	return ERGON_OK;
}

static enum ergon_code write_report(struct cli *cli, const struct report_options *o,
                                    const struct report_input *inputs, int count,
                                    struct ergon_error *err)
{
	enum report_format format;
	struct text text = { 0 };
	char usual[32]; /* a format's name is its extension */
	snprintf(usual, sizeof usual, "report.%s", o->format);
	const char *path = o->output ? o->output : usual;
	enum ergon_code code = report_parse_format(o->format, &format, err);
	if (!code)
		code = report_render(inputs, (size_t)count, format, o->title, &text, err);
	if (!code && strcmp(path, "-") == 0) {
		if (fwrite(text.data ? text.data : "", 1, text.length, cli->out) != text.length ||
		    fflush(cli->out) != 0)
			code = ergon_fail(err, ERGON_IO, "standard output: cannot write");
	} else if (!code) {
		code = file_write(path, text.data ? text.data : "", text.length, err);
		if (!code && !cli->quiet)
			fprintf(cli->out, "Wrote %s.\n", path);
	}
	text_fini(&text);
	return code;
}

static int report_run(struct cli *cli, const void *options, char **operands, int count)
{
	const struct report_options *o = options;
	struct ergon_error err = { 0 };
	struct report_input *inputs = calloc((size_t)count, sizeof *inputs);
	json_t **owned = calloc((size_t)count, sizeof(json_t *));
	enum ergon_code code;
	if (!inputs || !owned)
		code = ergon_fail(&err, ERGON_NO_MEMORY, "out of memory");
	else
		code = load(inputs, owned, operands, count, &err);
	if (!code)
		code = write_report(cli, o, inputs, count, &err);
	for (int i = 0; owned && i < count; i++)
		json_decref(owned[i]);
	free(owned);
	free(inputs);
	return code ? cli_fail(cli, "report", &err) : EXIT_DONE;
}

static const struct option options[] = {
	{ .name = "output",
	  .letter = 'o',
	  .kind = OPTION_OUTPUT,
	  .field = offsetof(struct report_options, output),
	  .value = "FILE",
	  .help = "write the report to FILE; - for standard output (default: report.html, "
	          "report.md or report.csv)" },
	{ .name = "format",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct report_options, format),
	  .value = "html|md|csv",
	  .fallback = "html",
	  .help = "one HTML file with figures, Markdown, or one table of all numbers" },
	{ .name = "title",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct report_options, title),
	  .value = "TEXT",
	  .help = "what stands at the top" },
	OPTION_END,
};

const struct command command_report = {
	.name = "report",
	.pillar = PILLAR_CYCLE,
	.summary = "make one file with figures from results",
	.synopsis = "[options] FILE.json...",
	.details =
	    "Each FILE is what --json of a command wrote: measure, show, top, compare, bench, "
	    "sweep, pareto, phases, characterize, predict, explain, search, label, simulate or "
	    "recommend; - is standard input. The HTML asks no host for anything: "
	    "figures, their data and what draws them are in it.",
	.examples = "ergon measure --json run.json -- make\n"
		    "ergon report run.json -o report.html\n"
		    "ergon report --format md run.json sweep.json -o report.md",
	.options = options,
	.options_size = sizeof(struct report_options),
	.operands_min = 1,
	.operands_max = 1000,
	.run = report_run,
};
