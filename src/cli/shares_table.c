/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/units.h"
#include "cli/measure_table.h"
#include "cli/table.h"

enum { ROWS_SHOWN = 15 };

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* "python3 (4242)", with a star for the command's own. */
static void name_of(char *out, size_t size, const json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "name"));
	const json_t *pid = json_object_get(row, "pid"), *count = json_object_get(row, "count");
	/* The end of a cgroup's path tells more than its beginning. */
	size_t length = name ? strlen(name) : 0, most = 34;
	const char *shown = length > most ? name + length - most + 2 : name ? name : "?";
	if (pid)
		snprintf(out, size, "%s%s (%lld)%s", length > most ? ".." : "", shown,
		         (long long)json_integer_value(pid),
		         json_is_true(json_object_get(row, "in_command")) ? " *" : "");
	else if (count)
		snprintf(out, size, "%s: %lld", shown, (long long)json_integer_value(count));
	else
		snprintf(out, size, "%s%s", length > most ? ".." : "", shown);
}

static void add_row(struct table *table, const json_t *row, double total_uj)
{
	char name[96], energy[32], gpu[32] = "-", cpu[64] = "-";
	double energy_uj = number(row, "energy_uj");
	name_of(name, sizeof name, row);
	if (number(row, "gpu_j") > 0)
		format_si(gpu, sizeof gpu, number(row, "gpu_j"), "J");
	if (json_object_get(row, "cpu_s"))
		format_duration(cpu, sizeof cpu, number(row, "cpu_s"));
	table_row(table, "%s\t%s\t%.1f%%\t%s\t%s", name,
	          format_si(energy, sizeof energy, number(row, "energy_j"), "J"),
	          total_uj > 0 ? 100 * energy_uj / total_uj : 0.0, gpu, cpu);
}

void shares_table_print(FILE *out, const json_t *document, enum share_key by)
{
	static const char *const lists[] = { "processes", "cgroups", "containers", "jobs" };
	static const char *const titles[] = { "process (* the command's)", "cgroup", "container",
		                              "Slurm job" };
	const char *header[] = { titles[by], "energy", "share", "of it GPU", "CPU time" };
	const json_t *attribution = json_object_get(document, "attribution"), *row;
	const json_t *list = json_object_get(attribution, lists[by]);
	size_t i, more = 0;
	double total_uj = number(attribution, "total_uj"), more_uj = 0;
	struct table table;
	if (!list) {
		fprintf(out, "\nwhose energy it was is not known: measure with --by\n");
		return;
	}
	table_init(&table, "lrrrr", header);
	json_array_foreach(list, i, row)
	{
		if (i < ROWS_SHOWN) {
			add_row(&table, row, total_uj);
			continue;
		}
		const json_t *count = json_object_get(row, "count");
		more += count ? (size_t)json_integer_value(count) : 1;
		more_uj += number(row, "energy_uj");
	}
	if (more) {
		json_t *rest =
		    json_pack("{s:s, s:I, s:f, s:f}", "name", "(others)", "count", (json_int_t)more,
		              "energy_uj", more_uj, "energy_j", more_uj / 1e6);
		add_row(&table, rest, total_uj);
		json_decref(rest);
	}
	json_array_foreach(json_object_get(attribution, "rest"), i, row)
	{
		if (number(row, "energy_uj") > 0)
			add_row(&table, row, total_uj);
	}
	fputc('\n', out);
	table_print(&table, out);
	table_fini(&table);
	const char *how = json_string_value(json_object_get(attribution, "by"));
	fprintf(out, "attributed by %s; the shares add up to the total\n", how ? how : "CPU time");
}
