/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/history.h"

#include <math.h>
#include <string.h>

#include "base/stats.h"
#include "base/units.h"
#include "measure/recorder.h"
#include "measure/series.h"
#include "measure/tree.h"

struct fetch {
	json_t *document;
	json_t *command;
	int64_t started_unix_ns;
	bool finished;
	enum ergon_code code;
	struct ergon_error *err;
};

static void take_run(void *user, const struct store_run *run)
{
	struct fetch *fetch = user;
	fetch->finished = run->document != NULL;
	fetch->started_unix_ns = run->started_unix_ns;
	fetch->command = json_string(run->command);
	if (fetch->finished)
		fetch->code = json_parse(run->document, strlen(run->document), "runs.sqlite",
		                         &fetch->document, fetch->err);
}

/* Last value before any gap at the end; what was seen is what is known. */
static double last_energy_j(const struct record *record, size_t channel)
{
	for (size_t i = record->sample_count; i-- > 0;) {
		double value = record->values[i * record->channel_count + channel];
		if (!isnan(value))
			return value;
	}
	return 0;
}

static enum ergon_code rebuild(struct store *store, int64_t id, struct fetch *fetch)
{
	struct arena arena;
	struct record record;
	arena_init(&arena);
	enum ergon_code code = record_load(store, id, &arena, &record, fetch->err);
	if (!code) {
		double duration_s =
		    record.sample_count ? record.time_s[record.sample_count - 1] : 0;
		json_t *domains = json_array();
		for (size_t i = 0; i < record.channel_count; i++) {
			double energy_j = last_energy_j(&record, i);
			json_array_append_new(
			    domains,
			    json_pack("{s:s, s:f, s:s, s:f, s:b, s:f, s:f}", "name",
			              record.channels[i].name, "energy_j", energy_j, "provenance",
			              provenance_name(record.channels[i].provenance),
			              "average_power_w",
			              duration_s > 0 ? energy_j / duration_s : 0.0, "valid",
			              record.sample_count > 0, "energy_low_j", energy_j,
			              "energy_high_j", energy_j));
		}
		fetch->document =
		    json_pack("{s:s, s:i, s:O?, s:f, s:f, s:o}", "kind", "ergon.measure", "version",
		              1, "command", fetch->command, "started_unix_s",
		              (double)fetch->started_unix_ns / 1e9, "duration_s", duration_s,
		              "domains", domains);
		if (!fetch->document)
			code = ergon_fail(fetch->err, ERGON_NO_MEMORY, "out of memory");
	}
	arena_fini(&arena);
	return code;
}

enum ergon_code history_document(struct store *store, int64_t id, json_t **document,
                                 struct ergon_error *err)
{
	struct fetch fetch = { .err = err };
	*document = NULL;
	enum ergon_code code = store_get(store, id, take_run, &fetch, err);
	code = code ? code : fetch.code;
	if (!code && !fetch.finished)
		code = rebuild(store, id, &fetch);
	json_decref(fetch.command);
	if (code)
		return code;
	json_object_set_new(fetch.document, "run", json_integer(id));
	json_object_set_new(fetch.document, "finished", json_boolean(fetch.finished));
	*document = fetch.document;
	return ERGON_OK;
}

/* The channels of a recording as a measurement's domains, those of the total marked. */
static bool domains_of(const struct record *record, struct arena *arena, struct measurement *m)
{
	size_t n = record->channel_count;
	struct tree_entry *entries = ARENA_ARRAY(arena, struct tree_entry, n + 1);
	*m = (struct measurement){ .domains = ARENA_ARRAY(arena, struct domain_energy, n + 1),
		                   .count = n };
	if (!entries || !m->domains)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *name = record->channels[i].name;
		struct domain_energy *domain = &m->domains[i];
		*domain = (struct domain_energy){ .energy_j = last_energy_j(record, i) };
		snprintf(domain->name, sizeof domain->name, "%s", name);
		entries[i] = (struct tree_entry){ .name = domain->name,
			                          .energy_j = domain->energy_j,
			                          .counts = !strchr(name, '@') };
	}
	tree_select(entries, n);
	for (size_t i = 0; i < n; i++)
		m->domains[i].in_total = entries[i].in_total;
	return true;
}

/* NULL: memory is out, or there are no two samples. */
static json_t *series_of(const struct record *record, struct arena *arena)
{
	struct measurement m;
	struct series series = { 0 };
	size_t n = record->channel_count;
	int64_t *energy_uj = ARENA_ARRAY(arena, int64_t, n + 1);
	if (!energy_uj || !domains_of(record, arena, &m))
		return NULL;
	series_begin(&series, n);
	for (size_t i = 0; i < record->sample_count; i++) {
		for (size_t c = 0; c < n; c++) {
			double energy_j = record->values[i * n + c];
			energy_uj[c] = isnan(energy_j) ? -1 : (int64_t)llround(energy_j * 1e6);
		}
		series_take(&series,
		            &(struct meter_sample){ .time_ns = ns_from_seconds(record->time_s[i]),
		                                    .energy_uj = energy_uj });
	}
	json_t *document = series_to_json(&series, &m);
	series_fini(&series);
	return document;
}

enum ergon_code history_add_series(struct store *store, int64_t id, json_t *document,
                                   struct ergon_error *err)
{
	struct arena arena;
	struct record record;
	arena_init(&arena);
	enum ergon_code code = record_load(store, id, &arena, &record, err);
	json_t *series = code ? NULL : series_of(&record, &arena);
	if (series && json_object_set_new(document, "series", series))
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	arena_fini(&arena);
	return code;
}

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* Disjoint 95% intervals. Without intervals nothing is called significant. */
static bool disjoint(const json_t *a, const json_t *b)
{
	double a_high = number(a, "energy_high_j"), b_high = number(b, "energy_high_j");
	if (a_high <= 0 || b_high <= 0)
		return false;
	return a_high < number(b, "energy_low_j") || b_high < number(a, "energy_low_j");
}

/* What is known of how one quantity differs. */
struct verdict {
	bool significant;
	const char *by; /* NULL: nothing tells */
	double ci95;    /* half width of the difference's interval; NaN: not known */
};

/* Welch's test on the means of repeated runs; by NULL where one of them was not repeated. */
static struct verdict welch(const json_t *a, const json_t *b, const char *deviation,
                            double difference)
{
	const json_t *x = json_object_get(a, "repeat"), *y = json_object_get(b, "repeat");
	struct verdict verdict = { .ci95 = (double)NAN };
	double n = number(x, "count"), m = number(y, "count");
	if (n < 2 || m < 2)
		return verdict;
	double u = pow(number(x, deviation), 2) / n, v = pow(number(y, deviation), 2) / m;
	double freedom =
	    u + v > 0 ? (u + v) * (u + v) / (u * u / (n - 1) + v * v / (m - 1)) : n + m - 2;
	verdict.by = "repeats";
	verdict.ci95 = student_t_quantile(0.95, freedom) * sqrt(u + v);
	verdict.significant = fabs(difference) > verdict.ci95;
	return verdict;
}

static struct verdict by_intervals(const json_t *a, const json_t *b)
{
	bool known = number(a, "energy_high_j") > 0 && number(b, "energy_high_j") > 0;
	return (struct verdict){ disjoint(a, b), known ? "intervals" : NULL, (double)NAN };
}

static void add_row(json_t *rows, const char *name, const char *unit, double a, double b,
                    struct verdict verdict)
{
	json_t *row = json_pack("{s:s, s:s, s:f, s:f, s:f, s:b, s:s?}", "name", name, "unit", unit,
	                        "a", a, "b", b, "difference", b - a, "significant",
	                        verdict.significant, "by", verdict.by);
	if (row && a > 0)
		json_object_set_new(row, "ratio", json_real(b / a));
	if (row && !isnan(verdict.ci95))
		json_object_set_new(row, "ci95", json_real(verdict.ci95));
	json_array_append_new(rows, row);
}

static void add_totals(json_t *rows, const json_t *a, const json_t *b)
{
	const struct verdict unknown = { .ci95 = (double)NAN };
	const json_t *total_a = json_object_get(a, "total"), *total_b = json_object_get(b, "total");
	double time_a = number(a, "duration_s"), time_b = number(b, "duration_s");
	add_row(rows, "time", "s", time_a, time_b,
	        welch(a, b, "duration_stddev_s", time_b - time_a));
	if (!json_is_number(json_object_get(total_a, "energy_j")) ||
	    !json_is_number(json_object_get(total_b, "energy_j")))
		return;
	double energy_a = number(total_a, "energy_j"), energy_b = number(total_b, "energy_j");
	struct verdict energy = welch(a, b, "energy_stddev_j", energy_b - energy_a);
	if (!energy.by)
		energy = by_intervals(total_a, total_b);
	add_row(rows, "total energy", "J", energy_a, energy_b, energy);
	add_row(rows, "average power", "W", number(total_a, "average_power_w"),
	        number(total_b, "average_power_w"), unknown);
	add_row(rows, "energy x delay", "J s", number(total_a, "edp_js"), number(total_b, "edp_js"),
	        unknown);
	/* In proportion to energy, unless grid or price differ: then the table says so itself. */
	static const struct {
		const char *name, *unit, *object, *field;
	} costs[] = { { "carbon", "gCO2e", "carbon", "g_co2e" }, { "cost", "", "cost", "amount" } };
	for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
		const json_t *x = json_object_get(a, costs[i].object);
		const json_t *y = json_object_get(b, costs[i].object);
		energy.ci95 = (double)NAN;
		if (x && y)
			add_row(rows, costs[i].name, costs[i].unit, number(x, costs[i].field),
			        number(y, costs[i].field), energy);
	}
}

static json_t *name_of_run(const json_t *document, const char *name)
{
	json_t *run = json_object_get(document, "run");
	return run ? json_incref(run) : json_string(name ? name : "?");
}

json_t *history_compare(const json_t *a, const json_t *b, const char *name_a, const char *name_b)
{
	json_t *rows = json_array();
	add_totals(rows, a, b);
	const json_t *domain_a, *domain_b;
	size_t i, k;
	json_array_foreach(json_object_get(a, "domains"), i, domain_a)
	{
		const char *name = json_string_value(json_object_get(domain_a, "name"));
		json_array_foreach(json_object_get(b, "domains"), k, domain_b)
		{
			const char *other = json_string_value(json_object_get(domain_b, "name"));
			if (name && other && strcmp(name, other) == 0)
				add_row(rows, name, "J", number(domain_a, "energy_j"),
				        number(domain_b, "energy_j"),
				        by_intervals(domain_a, domain_b));
		}
	}
	return json_pack("{s:s, s:i, s:o, s:o, s:o}", "kind", "ergon.compare", "version", 1, "a",
	                 name_of_run(a, name_a), "b", name_of_run(b, name_b), "rows", rows);
}
