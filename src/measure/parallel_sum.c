/* SPDX-License-Identifier: Apache-2.0
 *
 * The documents of a job's nodes as one. Pure.
 */
#include <math.h>
#include <string.h>

#include "measure/parallel.h"

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* Running sums over nodes. Errors of sensors of different nodes are independent, those of models
 * are not: they add up. */
struct sums {
	double energy_j, modelled_j, squares_low, squares_high, linear_low, linear_high;
	double average_w, peak_w, duration_s, begin_s, user_s, system_s;
	double interval_s, own_cpu_s, suspended_s;
	json_int_t samples, late, peak_rss_bytes;
	bool any, measured, modelled;
	int status, ranks;
};

static void add_energy(struct sums *s, const json_t *total)
{
	const json_t *energy = json_object_get(total, "energy_j");
	if (!json_is_number(energy))
		return;
	double energy_j = json_number_value(energy);
	double low = energy_j - number(total, "energy_low_j");
	double high = number(total, "energy_high_j") - energy_j;
	const char *provenance = json_string_value(json_object_get(total, "provenance"));
	bool measured = provenance && strcmp(provenance, "measured") == 0;
	s->any = true;
	s->measured = s->measured || (provenance && strncmp(provenance, "measured", 8) == 0);
	s->modelled = s->modelled || !measured;
	s->energy_j += energy_j;
	s->modelled_j += number(total, "modelled_j");
	s->average_w += number(total, "average_power_w");
	s->peak_w += number(total, "peak_power_w");
	if (measured) {
		s->squares_low += low * low;
		s->squares_high += high * high;
	} else {
		s->linear_low += low;
		s->linear_high += high;
	}
}

static void add_node(struct sums *s, const json_t *node)
{
	const json_t *sampling = json_object_get(node, "sampling"), *rank;
	double begin_s = number(node, "started_unix_s");
	size_t i;
	add_energy(s, json_object_get(node, "total"));
	s->duration_s = fmax(s->duration_s, number(node, "duration_s"));
	s->begin_s = s->begin_s > 0 ? fmin(s->begin_s, begin_s) : begin_s;
	s->user_s += number(node, "user_s");
	s->system_s += number(node, "system_s");
	s->samples += json_integer_value(json_object_get(sampling, "samples"));
	s->late += json_integer_value(json_object_get(sampling, "late"));
	s->interval_s = fmax(s->interval_s, number(sampling, "interval_s"));
	s->own_cpu_s += number(sampling, "own_cpu_s");
	s->suspended_s += number(sampling, "suspended_s");
	json_int_t rss = json_integer_value(json_object_get(node, "peak_rss_bytes"));
	s->peak_rss_bytes = rss > s->peak_rss_bytes ? rss : s->peak_rss_bytes;
	json_array_foreach(json_object_get(node, "ranks"), i, rank)
	{
		const json_t *status = json_object_get(rank, "exit_status");
		if (!json_is_integer(status))
			s->status = s->status ? s->status : 1;
		else if (json_integer_value(status))
			s->status = (int)json_integer_value(status);
		s->ranks++;
	}
}

static json_t *known(bool is_known, double value)
{
	return is_known ? json_number(value) : json_null();
}

static json_t *total_of(const struct sums *s)
{
	const char *provenance = s->measured ? s->modelled ? "measured and modelled" : "measured"
	                         : s->any    ? "modelled"
	                                     : "none";
	double low = sqrt(s->squares_low) + s->linear_low;
	double high = sqrt(s->squares_high) + s->linear_high;
	return json_pack(
	    "{s:o, s:o, s:o, s:s, s:f, s:o, s:o, s:o}", "energy_j", known(s->any, s->energy_j),
	    "energy_low_j", known(s->any, fmax(0, s->energy_j - low)), "energy_high_j",
	    known(s->any, s->energy_j + high), "provenance", provenance, "modelled_j",
	    s->modelled_j, "average_power_w", known(s->any, s->average_w), "peak_power_w",
	    known(s->any, s->peak_w), "edp_js", known(s->any, s->energy_j * s->duration_s));
}

static json_t *domains_of(json_t *const *nodes, size_t count)
{
	json_t *list = json_array(), *domain;
	for (size_t n = 0; n < count; n++) {
		const char *node = json_string_value(json_object_get(nodes[n], "node"));
		size_t i;
		json_array_foreach(json_object_get(nodes[n], "domains"), i, domain)
		{
			const char *name = json_string_value(json_object_get(domain, "name"));
			json_t *copy = json_copy(domain);
			if (count > 1)
				json_object_set_new(
				    copy, "name",
				    json_sprintf("%s/%s", node ? node : "?", name ? name : "?"));
			json_array_append_new(list, copy);
		}
	}
	return list;
}

static json_t *rows_of(json_t *const *nodes, size_t count)
{
	json_t *rows = json_array();
	for (size_t n = 0; n < count; n++) {
		json_t *total = json_object_get(nodes[n], "total");
		json_t *row =
		    json_pack("{s:O?, s:O?, s:f}", "node", json_object_get(nodes[n], "node"),
		              "ranks", json_object_get(nodes[n], "ranks"), "duration_s",
		              number(nodes[n], "duration_s"));
		if (row && total)
			json_object_update_missing(row, total);
		json_array_append_new(rows, row);
	}
	return rows;
}

/* Parts of nodes' attributions add up as the totals do; without one somewhere there is none. */
static void add_attribution(json_t *document, json_t *const *nodes, size_t count)
{
	static const char *const parts[] = { "command_j",      "idle_j",        "others_j",
		                             "unattributed_j", "command_cpu_s", "machine_cpu_s",
		                             "baseline_w" };
	json_t *first = count ? json_object_get(nodes[0], "attribution") : NULL;
	json_t *sum = first ? json_copy(first) : NULL;
	for (size_t n = 1; sum && n < count; n++) {
		const json_t *one = json_object_get(nodes[n], "attribution");
		for (size_t i = 0; one && i < sizeof parts / sizeof *parts; i++)
			if (json_is_number(json_object_get(sum, parts[i])))
				json_object_set_new(
				    sum, parts[i],
				    json_number(number(sum, parts[i]) + number(one, parts[i])));
		if (!one) {
			json_decref(sum);
			sum = NULL;
		}
	}
	if (sum) {
		json_object_del(sum, "processes");
		json_object_set_new(document, "attribution", sum);
	}
}

json_t *parallel_sum(json_t *const *nodes, size_t count, int size, const char *launcher)
{
	struct sums s = { 0 };
	for (size_t i = 0; i < count; i++)
		add_node(&s, nodes[i]);
	json_t *command = count ? json_object_get(nodes[0], "command") : NULL;
	json_t *sampling =
	    json_pack("{s:f, s:I, s:I, s:f, s:f}", "interval_s", s.interval_s, "samples", s.samples,
	              "late", s.late, "own_cpu_s", s.own_cpu_s, "suspended_s", s.suspended_s);
	json_t *document = json_pack(
	    "{s:s, s:i, s:O?, s:i, s:i, s:f, s:f, s:I, s:f, s:f, s:o, s:o, s:o, s:o, s:s?, s:i, "
	    "s:i}",
	    "kind", "ergon.measure", "version", 1, "command", command, "exit_status", s.status,
	    "signal", 0, "user_s", s.user_s, "system_s", s.system_s, "peak_rss_bytes",
	    s.peak_rss_bytes, "duration_s", s.duration_s, "started_unix_s", s.begin_s, "domains",
	    domains_of(nodes, count), "total", total_of(&s), "sampling", sampling, "nodes",
	    rows_of(nodes, count), "launcher", launcher, "rank_count", size, "missing_ranks",
	    size > s.ranks ? size - s.ranks : 0);
	if (document)
		add_attribution(document, nodes, count);
	if (document && count == 1 && json_object_get(nodes[0], "series"))
		json_object_set(document, "series", json_object_get(nodes[0], "series"));
	return document;
}
