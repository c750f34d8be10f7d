/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

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

static void print_rows(FILE *out, const json_t *document)
{
	char a[32], b[32], difference[32], ratio[32];
	snprintf(a, sizeof a, "run %lld",
	         (long long)json_integer_value(json_object_get(document, "a")));
	snprintf(b, sizeof b, "run %lld",
	         (long long)json_integer_value(json_object_get(document, "b")));
	const char *header[] = { "", a, b, "difference", "ratio", "" };
	struct table table;
	table_init(&table, "lrrrrl", header);
	const json_t *row;
	size_t i;
	json_array_foreach(json_object_get(document, "rows"), i, row)
	{
		const char *unit = json_string_value(json_object_get(row, "unit"));
		const json_t *quotient = json_object_get(row, "ratio");
		snprintf(ratio, sizeof ratio, "-");
		if (quotient)
			snprintf(ratio, sizeof ratio, "%.4f", json_number_value(quotient));
		char value_a[32], value_b[32];
		table_row(&table, "%.24s\t%s\t%s\t%s\t%s\t%s",
		          json_string_value(json_object_get(row, "name")),
		          format_si(value_a, sizeof value_a,
		                    json_number_value(json_object_get(row, "a")), unit),
		          format_si(value_b, sizeof value_b,
		                    json_number_value(json_object_get(row, "b")), unit),
		          format_si(difference, sizeof difference,
		                    json_number_value(json_object_get(row, "difference")), unit),
		          ratio,
		          json_is_true(json_object_get(row, "significant")) ? "differs" : "");
	}
	table_print(&table, out);
	table_fini(&table);
	fprintf(out, "differs: the two 95%% intervals do not overlap\n");
}

static enum ergon_code compare(struct store *store, char **operands, json_t **document,
                               struct ergon_error *err)
{
	json_t *runs[2] = { NULL, NULL };
	enum ergon_code code = ERGON_OK;
	for (int i = 0; i < 2 && !code; i++) {
		int64_t id;
		code = store_find(store, operands[i], &id, err);
		if (!code)
			code = history_document(store, id, &runs[i], err);
	}
	if (!code && !(*document = history_compare(runs[0], runs[1])))
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	json_decref(runs[0]);
	json_decref(runs[1]);
	return code;
}

static int compare_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	(void)count;
	const struct compare_options *o = parsed;
	struct ergon_error err = { 0 };
	struct store *store;
	json_t *document = NULL;
	enum ergon_code code = store_open(&store, cli->env, false, &err);
	if (!code)
		code = compare(store, operands, &document, &err);
	store_close(store);
	if (!code && o->json)
		code = json_save(document, o->json, &err);
	if (!code && document_shown(cli, o->json))
		print_rows(cli->out, document);
	json_decref(document);
	return code ? cli_fail(cli, "compare", &err) : EXIT_DONE;
}

const struct command command_compare = {
	.name = "compare",
	.pillar = PILLAR_MEASURE,
	.summary = "compare two runs that were kept",
	.synopsis = "RUN RUN [--json FILE]",
	.details =
	    "Times, energies and powers of two runs, domain by domain; \"differs\" where the\n"
	    "95% intervals do not overlap.",
	.examples = "ergon compare last-1 last",
	.options = options,
	.options_size = sizeof(struct compare_options),
	.operands_min = 2,
	.operands_max = 2,
	.run = compare_run,
};
