/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/table.h"
#include "measure/history.h"

struct compare_options {
	const char *json;
};

static const struct option options[] = {
	OPTION_JSON(struct compare_options),
	OPTION_END,
};

/* "run 12", or a file's name. */
static void title_of(char *out, size_t size, const json_t *name)
{
	const char *text = json_string_value(name), *slash = text ? strrchr(text, '/') : NULL;
	if (!text)
		snprintf(out, size, "run %lld", (long long)json_integer_value(name));
	else
		snprintf(out, size, "%.14s", slash ? slash + 1 : text);
}

/* A cost has no unit: whose money it is, nobody has said. */
static const char *quantity(char *out, size_t size, const json_t *row, const char *key,
                            const char *unit)
{
	double value = json_number_value(json_object_get(row, key));
	if (unit && *unit)
		return format_si(out, size, value, unit);
	snprintf(out, size, "%.4g", value);
	return out;
}

static void print_rows(FILE *out, const json_t *document)
{
	char a[32], b[32], difference[32], ratio[32];
	bool repeats = false, intervals = false;
	title_of(a, sizeof a, json_object_get(document, "a"));
	title_of(b, sizeof b, json_object_get(document, "b"));
	const char *header[] = { "", a, b, "difference", "ratio", "" };
	struct table table;
	table_init(&table, "lrrrrl", header);
	const json_t *row;
	size_t i;
	json_array_foreach(json_object_get(document, "rows"), i, row)
	{
		const char *unit = json_string_value(json_object_get(row, "unit"));
		const char *by = json_string_value(json_object_get(row, "by"));
		const json_t *quotient = json_object_get(row, "ratio");
		bool differs = json_is_true(json_object_get(row, "significant"));
		repeats = repeats || (by && strcmp(by, "repeats") == 0);
		intervals = intervals || (by && strcmp(by, "intervals") == 0);
		snprintf(ratio, sizeof ratio, "-");
		if (quotient)
			snprintf(ratio, sizeof ratio, "%.4f", json_number_value(quotient));
		char value_a[32], value_b[32];
		table_row(&table, "%.22s\t%s\t%s\t%s\t%s\t%s",
		          json_string_value(json_object_get(row, "name")),
		          quantity(value_a, sizeof value_a, row, "a", unit),
		          quantity(value_b, sizeof value_b, row, "b", unit),
		          quantity(difference, sizeof difference, row, "difference", unit), ratio,
		          !by       ? ""
		          : differs ? "differs"
		                    : "may be equal");
	}
	table_print(&table, out);
	table_fini(&table);
	if (repeats)
		fprintf(out, "time and total: Welch's test on the repeats, at 95%%\n");
	if (intervals)
		fprintf(out, "%s: the two 95%% intervals do not overlap\n",
		        repeats ? "domains differ" : "differs");
}

/* A document that ergon measure --json wrote, or a run of the history. */
static enum ergon_code load(struct cli *cli, struct store **store, const char *name,
                            json_t **document, struct ergon_error *err)
{
	int64_t id;
	if (file_exists(name)) {
		enum ergon_code code = json_load(name, document, err);
		const char *kind = json_string_value(json_object_get(*document, "kind"));
		if (!code && (!kind || strcmp(kind, "ergon.measure") != 0))
			code = ergon_fail_at(err, ERGON_BAD_INPUT, name, 0,
			                     "expected a document of kind ergon.measure, found %s",
			                     kind ? kind : "none");
		return code;
	}
	if (strstr(name, ".json"))
		return ergon_fail(err, ERGON_NOT_FOUND, "no file '%.200s'", name);
	enum ergon_code code = *store ? ERGON_OK : store_open(store, cli->env, false, err);
	if (!code)
		code = store_find(*store, name, &id, err);
	if (!code)
		code = history_document(*store, id, document, err);
	return code;
}

static int compare_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	(void)count;
	const struct compare_options *o = parsed;
	struct ergon_error err = { 0 };
	struct store *store = NULL;
	json_t *runs[2] = { NULL, NULL }, *document = NULL;
	enum ergon_code code = ERGON_OK;
	for (int i = 0; i < 2 && !code; i++)
		code = load(cli, &store, operands[i], &runs[i], &err);
	if (!code && !(document = history_compare(runs[0], runs[1], operands[0], operands[1])))
		code = ergon_fail(&err, ERGON_NO_MEMORY, "out of memory");
	store_close(store);
	if (!code && o->json)
		code = json_save(document, o->json, &err);
	if (!code && document_shown(cli, o->json))
		print_rows(cli->out, document);
	json_decref(runs[0]);
	json_decref(runs[1]);
	json_decref(document);
	return code ? cli_fail(cli, "compare", &err) : EXIT_DONE;
}

const struct command command_compare = {
	.name = "compare",
	.pillar = PILLAR_MEASURE,
	.summary = "compare two runs, and say what differs for sure",
	.synopsis = "RUN RUN [--json FILE]",
	.details =
	    "A RUN is a number of ergon runs, last, last-N, or a file that ergon measure --json\n"
	    "wrote. Times, energies, carbon, cost, and energies domain by domain. Where both were\n"
	    "repeated (ergon measure --repeat), time and total differ by Welch's test at 95%;\n"
	    "else, and for domains, \"differs\" means that the 95% intervals do not overlap.",
	.examples = "ergon compare last-1 last\nergon compare before.json after.json",
	.options = options,
	.options_size = sizeof(struct compare_options),
	.operands_min = 2,
	.operands_max = 2,
	.run = compare_run,
};
