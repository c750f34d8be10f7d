/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/measure_table.h"

#include <string.h>

#include "base/units.h"
#include "cli/table.h"
#include "cli/wrap.h"
#include "measure/recorder.h"

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value ? value : "";
}

/* "-" where nothing is known. */
static const char *si(char *out, size_t size, const json_t *object, const char *key,
                      const char *unit)
{
	const json_t *value = json_object_get(object, key);
	if (!json_is_number(value))
		snprintf(out, size, "-");
	else
		format_si(out, size, json_number_value(value), unit);
	return out;
}

double document_number(const json_t *document, const char *outer, const char *key)
{
	return number(outer ? json_object_get(document, outer) : document, key);
}

/* "1.20 to 3.40 kJ": one unit for both ends. */
static void interval(char *out, size_t size, double low_j, double high_j)
{
	char a[32], b[32];
	format_si(a, sizeof a, low_j, "J");
	format_si(b, sizeof b, high_j, "J");
	char *unit_a = strchr(a, ' '), *unit_b = strchr(b, ' ');
	if (unit_a && unit_b && strcmp(unit_a, unit_b) == 0)
		*unit_a = '\0';
	snprintf(out, size, "%s - %s", a, b);
}

static void first_line(FILE *out, const json_t *document)
{
	const json_t *total = json_object_get(document, "total");
	const char *provenance = text(total, "provenance");
	char energy[32], power[32], range[80], time[64];
	format_si(energy, sizeof energy, number(total, "energy_j"), "J");
	format_si(power, sizeof power, number(total, "average_power_w"), "W");
	format_duration(time, sizeof time, number(document, "duration_s"));
	interval(range, sizeof range, number(total, "energy_low_j"),
	         number(total, "energy_high_j"));
	if (strcmp(provenance, "none") == 0) {
		fprintf(out, "no energy known: nothing could be read in %s; see ergon sensors\n",
		        time);
		return;
	}
	fprintf(out, "%s energy: %s in %s, mean %s (95%%: %s)\n", provenance, energy, time, power,
	        range);
	if (strcmp(provenance, "modelled") == 0)
		fprintf(out, "No sensor can be read here, so a model stands in; ergon sensors says "
		             "why.\n");
	else if (strcmp(provenance, "measured") != 0) {
		char part[32];
		fprintf(out, "%s of it modelled, for want of a sensor; ergon sensors says why.\n",
		        format_si(part, sizeof part, number(total, "modelled_j"), "J"));
	}
}

static const char *role(const json_t *domain)
{
	if (json_object_get(domain, "duplicate_of"))
		return "seen twice";
	if (!json_is_true(json_object_get(domain, "valid")))
		return "unreadable";
	return json_is_true(json_object_get(domain, "in_total")) ? "counted" : "shown only";
}

static void domains(FILE *out, const json_t *document)
{
	static const char *const header[] = { "domain",       "energy", "average", "peak",
		                              "95% interval", "source", "total" };
	struct table table;
	table_init(&table, "lrRRrll", header);
	const json_t *list = json_object_get(document, "domains"), *d;
	size_t i, left_out = 0;
	json_array_foreach(list, i, d)
	{
		char energy[32], average[32], peak[32], range[80];
		if (json_array_size(list) > 40 && !json_is_true(json_object_get(d, "in_total"))) {
			left_out++; /* 256 cores: the document has them all */
			continue;
		}
		snprintf(range, sizeof range, "-");
		if (json_is_number(json_object_get(d, "energy_low_j")))
			interval(range, sizeof range, number(d, "energy_low_j"),
			         number(d, "energy_high_j"));
		table_row(&table, "%.22s\t%s\t%s\t%s\t%s\t%s\t%s", text(d, "name"),
		          si(energy, sizeof energy, d, "energy_j", "J"),
		          si(average, sizeof average, d, "average_power_w", "W"),
		          si(peak, sizeof peak, d, "peak_power_w", "W"), range,
		          text(d, "provenance"), role(d));
	}
	if (i > left_out)
		table_print(&table, out);
	table_fini(&table);
	if (left_out)
		fprintf(out, "(%zu more domains that are part of these: --json has them)\n",
		        left_out);
}

/* A row a node in place of its domains, which --json has; of one node the domains. */
static void by_node(FILE *out, const json_t *document)
{
	static const char *const header[] = { "node", "ranks",        "energy", "average",
		                              "peak", "95% interval", "source" };
	struct table table;
	table_init(&table, "lrrRRll", header);
	const json_t *nodes = json_object_get(document, "nodes"), *node;
	size_t i;
	json_array_foreach(nodes, i, node)
	{
		char energy[32], average[32], peak[32], range[80] = "-";
		if (json_is_number(json_object_get(node, "energy_low_j")))
			interval(range, sizeof range, number(node, "energy_low_j"),
			         number(node, "energy_high_j"));
		table_row(&table, "%.24s\t%zu\t%s\t%s\t%s\t%s\t%s", text(node, "node"),
		          json_array_size(json_object_get(node, "ranks")),
		          si(energy, sizeof energy, node, "energy_j", "J"),
		          si(average, sizeof average, node, "average_power_w", "W"),
		          si(peak, sizeof peak, node, "peak_power_w", "W"), range,
		          text(node, "provenance"));
	}
	table_print(&table, out);
	table_fini(&table);
}

/* Of a job of many ranks: how many, where, and which of them did not end well. */
static void ranks(FILE *out, const json_t *document)
{
	const json_t *nodes = json_object_get(document, "nodes"), *node, *rank;
	size_t i, k, bad = 0;
	if (!nodes)
		return;
	fprintf(out, "ranks           %.0f on %zu node%s, each node measured once (%s)\n",
	        number(document, "rank_count") - number(document, "missing_ranks"),
	        json_array_size(nodes), json_array_size(nodes) == 1 ? "" : "s",
	        text(document, "launcher"));
	json_array_foreach(nodes, i, node)
	{
		json_array_foreach(json_object_get(node, "ranks"), k, rank)
		{
			const json_t *status = json_object_get(rank, "exit_status");
			if (json_is_integer(status) && json_integer_value(status) == 0)
				continue;
			if (++bad > 8)
				continue;
			fprintf(out, "! rank %.0f on %.40s ", number(rank, "rank"),
			        text(node, "node"));
			if (json_is_integer(status))
				fprintf(out, "ended with status %.0f\n", json_number_value(status));
			else
				fprintf(out, "was killed\n");
		}
	}
	if (bad > 8)
		fprintf(out, "! and %zu more ranks did not end well\n", bad - 8);
	if (number(document, "missing_ranks") > 0)
		fprintf(out,
		        "! %.0f of %.0f ranks did not report: their nodes' energy is not in "
		        "here\n",
		        number(document, "missing_ranks"), number(document, "rank_count"));
}

static void remarks(FILE *out, const json_t *document)
{
	const json_t *list = json_object_get(document, "domains"), *d;
	double duration_s = number(document, "duration_s");
	size_t i;
	json_array_foreach(list, i, d)
	{
		double gap_s = number(d, "gap_s"), stuck_s = number(d, "stuck_s");
		if (gap_s > 0.001 * duration_s)
			fprintf(out,
			        "! %s: no reading for %.3g s of %.3g s; its energy is what "
			        "was seen\n",
			        text(d, "name"), gap_s, duration_s);
		if (stuck_s > 0)
			fprintf(out, "! %s: the counter stood still for %.3g s\n", text(d, "name"),
			        stuck_s);
	}
	if (document_number(document, "sampling", "suspended_s") > 0)
		fprintf(out, "! the machine was suspended for %.3g s: left out\n",
		        document_number(document, "sampling", "suspended_s"));
}

enum { LABEL = 16 }; /* columns of a line's name under the table */

static void costs(FILE *out, const json_t *document)
{
	const json_t *carbon = json_object_get(document, "carbon");
	const json_t *cost = json_object_get(document, "cost");
	const char *source = text(carbon, "source"), *address = strstr(source, ", http");
	int words = address ? (int)(address - source) : (int)strlen(source);
	char value[32];
	if (carbon)
		wrap_printf(out, "carbon", LABEL, "%s at %.4g g/kWh (%s: %.*s)",
		            format_si(value, sizeof value, number(carbon, "g_co2e"), "gCO2e"),
		            number(carbon, "g_per_kwh"), text(carbon, "grid_name"), words, source);
	if (cost)
		fprintf(out, "cost            %.4g at %.4g a kWh\n", number(cost, "amount"),
		        number(cost, "price_per_kwh"));
}

static void shares(FILE *out, const json_t *document)
{
	const json_t *a = json_object_get(document, "attribution");
	char command[32], idle[32], others[32];
	if (!a)
		return;
	si(idle, sizeof idle, a, "idle_j", "J");
	if (!json_is_number(json_object_get(a, "baseline_w")))
		snprintf(idle, sizeof idle, "not told apart");
	wrap_printf(out, "attributed", LABEL, "%s to the command by CPU time; idle %s, others %s",
	            si(command, sizeof command, a, "command_j", "J"), idle,
	            si(others, sizeof others, a, "others_j", "J"));
	if (number(a, "idle_j") > 0 && number(a, "command_j") + number(a, "others_j") <= 0)
		fprintf(out, "! before the run the machine was as busy as during it: that was no "
		             "idle baseline\n");
}

static void repeats(FILE *out, const json_t *document)
{
	const json_t *repeat = json_object_get(document, "repeat");
	char half[32], deviation[32];
	if (!repeat)
		return;
	fprintf(out, "repeats         %.0f runs: mean energy +- %s (95%%), deviation %s\n",
	        number(repeat, "count"),
	        format_si(half, sizeof half, number(repeat, "energy_ci95_j"), "J"),
	        format_si(deviation, sizeof deviation, number(repeat, "energy_stddev_j"), "J"));
}

static void calibrated(FILE *out, const json_t *document)
{
	const json_t *object = json_object_get(document, "calibrated");
	char energy[32], range[80];
	if (!object)
		return;
	interval(range, sizeof range, number(object, "energy_low_j"),
	         number(object, "energy_high_j"));
	fprintf(out, "calibrated      %s by the wattmeter (95%%: %s)\n",
	        format_si(energy, sizeof energy, number(object, "energy_j"), "J"), range);
}

void measure_table_print(FILE *out, const json_t *document)
{
	char time[64], edp[32], cpu[64];
	double duration_s = number(document, "duration_s");
	double own_s = document_number(document, "sampling", "own_cpu_s");
	double runs =
	    json_object_get(document, "repeat") ? document_number(document, "repeat", "count") : 1;
	first_line(out, document);
	fputc('\n', out);
	if (json_array_size(json_object_get(document, "nodes")) > 1)
		by_node(out, document);
	else
		domains(out, document);
	remarks(out, document);
	format_duration(time, sizeof time, duration_s);
	if (strcmp(text(document, "command"), RECORDING) == 0)
		fprintf(out, "\ntime            %s of recording\n", time);
	else
		fprintf(out,
		        "\ncommand         %.45s (exit status %.0f)\n"
		        "time            %s; CPU %.3f s user, %.3f s system\n",
		        text(document, "command"), number(document, "exit_status"), time,
		        number(document, "user_s"), number(document, "system_s"));
	fprintf(out, "energy x delay  %s\n",
	        si(edp, sizeof edp, json_object_get(document, "total"), "edp_js", "J s"));
	calibrated(out, document);
	ranks(out, document);
	shares(out, document);
	repeats(out, document);
	costs(out, document);
	fprintf(out, "ergon itself    %.0f samples, %s CPU (%.3g%% of one core)\n",
	        document_number(document, "sampling", "samples"),
	        format_duration(cpu, sizeof cpu, own_s),
	        duration_s > 0 ? 100 * own_s / (duration_s * runs) : 0.0);
}
