/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/table.h"
#include "cli/wrap.h"
#include "measure/inventory.h"

struct sensors_options {
	const char *json;
};

static const struct option options[] = {
	OPTION_JSON(struct sensors_options),
	OPTION_END,
};

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value ? value : "";
}

static void print_channels(FILE *out, const json_t *document)
{
	static const char *const header[] = { "channel",    "sensor",  "kind",
		                              "provenance", "refresh", "now" };
	struct table table;
	const json_t *driver, *channel;
	size_t i, k, count = 0;
	table_init(&table, "llllrr", header);
	json_array_foreach(json_object_get(document, "sensors"), i, driver)
	    json_array_foreach(json_object_get(driver, "channels"), k, channel)
	{
		char refresh[32], now[32] = "-";
		const json_t *power = json_object_get(channel, "power_w");
		if (json_is_number(power))
			format_si(now, sizeof now, json_number_value(power), "W");
		else if (json_is_true(json_object_get(channel, "valid")))
			snprintf(now, sizeof now, "counts");
		else
			snprintf(now, sizeof now, "unreadable");
		table_row(&table, "%.28s\t%s\t%s\t%s\t%s\t%s", text(channel, "name"),
		          text(driver, "name"), text(channel, "quantity"),
		          text(channel, "provenance"),
		          format_duration(refresh, sizeof refresh,
		                          json_number_value(json_object_get(channel, "refresh_s"))),
		          now);
		count++;
	}
	if (count)
		table_print(&table, out);
	table_fini(&table);
}

enum { INDENT = 25 };

static void print_drivers(FILE *out, const json_t *document)
{
	const json_t *driver;
	size_t i;
	json_array_foreach(json_object_get(document, "sensors"), i, driver)
	{
		char label[64];
		snprintf(label, sizeof label, "%-14s %-9s ", text(driver, "name"),
		         text(driver, "state"));
		wrap_printf(out, label, INDENT, "%s", text(driver, "summary"));
		if (text(driver, "reason")[0])
			wrap_printf(out, "", INDENT, "%s", text(driver, "reason"));
		if (text(driver, "grant")[0]) /* to be copied: never broken */
			fprintf(out, "%*sto grant it: %s\n", INDENT, "", text(driver, "grant"));
	}
}

static int sensors_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	(void)operands;
	(void)count;
	const struct sensors_options *o = parsed;
	struct ergon_error err = { 0 };
	json_t *document = inventory_to_json(cli->env);
	if (!document) {
		ergon_fail(&err, ERGON_NO_MEMORY, "out of memory");
		return cli_fail(cli, "sensors", &err);
	}
	int status = EXIT_DONE;
	if (o->json && json_save(document, o->json, &err))
		status = cli_fail(cli, "sensors", &err);
	if (!o->json || strcmp(o->json, "-") != 0) {
		print_drivers(cli->out, document);
		fputc('\n', cli->out);
		print_channels(cli->out, document);
	}
	json_decref(document);
	return status;
}

const struct command command_sensors = {
	.name = "sensors",
	.pillar = PILLAR_MEASURE,
	.summary = "list every sensor, and why one cannot be read",
	.synopsis = "[--json FILE]",
	.details =
	    "Lists each sensor driver with its state here: ready, closed (it is there, but not\n"
	    "open to this user) or absent, with the reason and the one command that would\n"
	    "grant it; then every channel that can be read.",
	.examples = "ergon sensors",
	.options = options,
	.options_size = sizeof(struct sensors_options),
	.run = sensors_run,
};
