/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies side by side, and the one that is advised.
 */
#include "report/section.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"
#include "report/doc.h"
#include "report/figure.h"

enum { POLICIES_MAX = 24, POLICIES_DRAWN = 8, LANES_MAX = 40, BARS_MAX = 1500, CDF_POINTS = 120 };

/* The scales of the whole simulation, so that figures can be compared. */
struct scene {
	const json_t *document;
	size_t count; /* of policies looked at */
	struct time_unit jct, span;
	const char *energy_unit;
	double joules;
};

static const json_t *policy_at(const struct scene *scene, size_t i)
{
	return doc_item(scene->document, "policies", i);
}

static const char *name_of(const json_t *policy)
{
	const char *name = doc_text(policy, "name");
	return name ? name : "unnamed";
}

static struct scene look(const json_t *document)
{
	struct scene s = { .document = document, .energy_unit = "J", .joules = 1 };
	double jct_s = 0, end_s = 0, energy_j = 0;
	s.count = doc_size(document, "policies");
	if (s.count > POLICIES_MAX)
		s.count = POLICIES_MAX;
	for (size_t i = 0; i < s.count; i++) {
		jct_s = fmax(jct_s, doc_real(policy_at(&s, i), "jct_mean_s"));
		end_s = fmax(end_s, doc_real(policy_at(&s, i), "makespan_end_s"));
		energy_j = fmax(energy_j, doc_real(policy_at(&s, i), "energy_j"));
	}
	s.jct = time_unit_for(jct_s);
	s.span = time_unit_for(end_s);
	if (energy_j >= 3.6e7)
		s.energy_unit = "kWh", s.joules = 3.6e6;
	else if (energy_j >= 1e6)
		s.energy_unit = "MJ", s.joules = 1e6;
	else if (energy_j >= 1e4)
		s.energy_unit = "kJ", s.joules = 1e3;
	return s;
}

/* Index of the policy with the least of a key, or count. */
static size_t least(const struct scene *s, const char *key)
{
	size_t best = s->count;
	for (size_t i = 0; i < s->count; i++) {
		double value = doc_real(policy_at(s, i), key);
		if (isfinite(value) &&
		    (best == s->count || value < doc_real(policy_at(s, best), key)))
			best = i;
	}
	return best;
}

static void add_scatter(struct page *page, const struct scene *s)
{
	static const char *const heads[] = { "Policy",   "Energy",     "Mean JCT", "Mean wait",
		                             "Last end", "Peak power", "Restarts", "EDP" };
	static const char *const restarts[] = { "restarts", "preemptions", NULL };
	static const char *const peak[] = { "peak_power_w", "power_peak_w", NULL };
	struct page_table *t = page_new_table(page, "lrrrrrrr", heads);
	json_t *rows = json_array();
	for (size_t i = 0; i < s->count; i++) {
		const json_t *p = policy_at(s, i);
		double energy_j = doc_real(p, "energy_j"), jct_s = doc_real(p, "jct_mean_s");
		table_cell(t, name_of(p));
		table_si(t, energy_j / s->joules, s->energy_unit);
		table_cell(t, show_duration(page, jct_s));
		table_cell(t, show_duration(page, doc_real(p, "wait_mean_s")));
		table_cell(t, show_duration(page, doc_real(p, "makespan_end_s")));
		table_si(t, doc_real_of(p, peak), "W");
		table_number(t, doc_real_of(p, restarts), 6);
		table_si(t, energy_j * jct_s, "J s");
		if (isfinite(energy_j) && isfinite(jct_s))
			json_array_append_new(
			    rows, json_pack("{s:s, s:f, s:f, s:s}", "policy", name_of(p), "jct",
			                    jct_s / s->jct.seconds, "energy", energy_j / s->joules,
			                    "tag", name_of(p)));
	}
	page_add_figure(page, PAGE_OPTIMIZE, "Energy against completion time of each policy",
	                "Down and to the left is better: less energy, jobs done sooner.",
	                figure_policies(rows, s->jct.name, s->energy_unit), t);
}

/* timeline: {begin_s, width_s, power_w: [...]} or {time_s: [...], power_w: [...]} */
static double timeline_time_s(const json_t *timeline, size_t i)
{
	const json_t *times = doc_get(timeline, "time_s");
	if (json_is_array(times))
		return json_number_value(json_array_get(times, i));
	double begin_s = doc_real(timeline, "begin_s");
	return (isfinite(begin_s) ? begin_s : 0) + (double)i * doc_real(timeline, "width_s");
}

static void add_timeline_rows(json_t *rows, struct page_table *t, const struct scene *s, size_t i)
{
	const json_t *p = policy_at(s, i), *line = doc_get(p, "timeline");
	size_t count = doc_size(line, "power_w");
	size_t step = count / (FIGURE_ROWS_MAX / POLICIES_DRAWN) + 1;
	for (size_t k = 0; k < count; k += step) {
		double sum_w = 0;
		size_t n = 0;
		for (; n < step && k + n < count; n++)
			sum_w += json_number_value(doc_item(line, "power_w", k + n));
		double time_s = timeline_time_s(line, k), power_w = sum_w / (double)n;
		json_array_append_new(rows,
		                      json_pack("{s:f, s:f, s:s}", "time", time_s / s->span.seconds,
		                                "power_w", power_w, "series", name_of(p)));
		table_cell(t, name_of(p));
		table_number(t, time_s, 7);
		table_number(t, power_w, 5);
	}
}

static double budget_of(const json_t *document)
{
	static const char *const paths[] = { "power_budget_w",          "budget_w",
		                             "settings.power_budget_w", "options.power_budget_w",
		                             "settings.budget_w",       NULL };
	return doc_real_of(document, paths);
}

static void add_power(struct page *page, const struct scene *s)
{
	static const char *const heads[] = { "Policy", "Time (s)", "Power (W)" };
	struct page_table *t = page_new_table(page, "lrr", heads);
	json_t *rows = json_array();
	for (size_t i = 0; i < s->count && i < POLICIES_DRAWN; i++)
		add_timeline_rows(rows, t, s, i);
	if (json_array_size(rows) == 0) {
		json_decref(rows);
		return;
	}
	double budget_w = budget_of(s->document);
	page_add_figure(page, PAGE_OPTIMIZE,
	                isfinite(budget_w) ? "Power of the cluster against its budget"
	                                   : "Power of the cluster over time",
	                "Means over equal spans of time. Choose a policy in the legend to see it "
	                "alone.",
	                figure_power(rows, budget_w, s->span.name, true), t);
}

static size_t jct_count(const json_t *policy)
{
	size_t count = doc_size(policy, "jct_s");
	return count ? count : doc_size(policy, "jobs");
}

static double jct_at(const json_t *policy, size_t i)
{
	const json_t *value = doc_item(policy, "jct_s", i);
	if (json_is_number(value))
		return json_number_value(value);
	return doc_real(doc_item(policy, "jobs", i), "jct_s");
}

/* Completion times at even shares: the shape of the distribution in a bounded number of points. */
static void cdf_rows(struct page *page, json_t *rows, struct page_table *t, const struct scene *s,
                     size_t i)
{
	const json_t *p = policy_at(s, i);
	size_t count = jct_count(p), kept = 0;
	double *values = count ? calloc(count, sizeof *values) : NULL;
	if (!values) {
		page->failed |= count > 0;
		return;
	}
	for (size_t k = 0; k < count; k++) {
		double jct_s = jct_at(p, k);
		if (jct_s > 0) /* the axis is logarithmic */
			values[kept++] = jct_s;
	}
	stats_sort(values, kept);
	size_t points = kept < CDF_POINTS ? kept : CDF_POINTS;
	for (size_t k = 1; k <= points; k++) {
		size_t rank = k * kept / points;
		double share = (double)rank / (double)kept;
		json_array_append_new(rows,
		                      json_pack("{s:s, s:f, s:f}", "policy", name_of(p), "jct",
		                                values[rank - 1] / s->jct.seconds, "share", share));
		table_cell(t, name_of(p));
		table_cell(t, show_duration(page, values[rank - 1]));
		table_cell(t, show_percent(page, share));
	}
	free(values);
}

static void add_cdf(struct page *page, const struct scene *s)
{
	static const char *const heads[] = { "Policy", "Done within", "Share of jobs" };
	struct page_table *t = page_new_table(page, "lrr", heads);
	json_t *rows = json_array();
	for (size_t i = 0; i < s->count && i < POLICIES_DRAWN; i++)
		cdf_rows(page, rows, t, s, i);
	if (json_array_size(rows) == 0) {
		json_decref(rows);
		return;
	}
	page_add_figure(page, PAGE_OPTIMIZE, "How soon jobs are done",
	                "Further to the left is better. Choose a policy in the legend to see it "
	                "alone.",
	                figure_cdf(rows, s->jct.name), t);
}

/* The place of a bar: its node, or the job itself where no node is told. */
static const char *lane_of(struct page *page, const json_t *bar)
{
	static const char *const keys[] = { "row", "node", "where", "group", "job", NULL };
	for (const char *const *key = keys; *key; key++) {
		const json_t *value = doc_get(bar, *key);
		if (json_is_string(value) || json_is_integer(value))
			return page_text(page, json_is_integer(value) ? "%s %s" : "%s%s",
			                 json_is_integer(value) ? *key : "", doc_show(page, value));
	}
	return NULL;
}

struct lanes {
	const char *names[LANES_MAX];
	size_t count;
};

static bool lane_known(struct lanes *lanes, const char *name)
{
	for (size_t i = 0; i < lanes->count; i++)
		if (strcmp(lanes->names[i], name) == 0)
			return true;
	if (lanes->count == LANES_MAX)
		return false;
	lanes->names[lanes->count++] = name;
	return true;
}

static bool gantt_row(struct page *page, const struct scene *s, const json_t *bar,
                      struct lanes *lanes, json_t *rows, struct page_table *t)
{
	double begin_s = doc_real(bar, "begin_s"), end_s = doc_real(bar, "end_s");
	const char *lane = lane_of(page, bar), *job = doc_show(page, doc_get(bar, "job"));
	const char *kind = doc_text(bar, "application");
	if (!kind || !*kind)
		kind = doc_text(bar, "model");
	if (!lane || !isfinite(begin_s) || !isfinite(end_s) || !lane_known(lanes, lane))
		return false;
	double gpus = doc_real(bar, "gpus");
	json_t *row =
	    json_pack("{s:s, s:f, s:f, s:s, s:s}", "row", lane, "begin", begin_s / s->span.seconds,
	              "end", end_s / s->span.seconds, "job", job, "kind", kind ? kind : "job");
	json_object_set_new(row, "gpus", json_real(isfinite(gpus) ? gpus : 1));
	json_array_append_new(rows, row);
	table_cell(t, lane);
	table_cell(t, job);
	table_cell(t, kind);
	table_number(t, gpus, 6);
	table_cell(t, show_duration(page, begin_s));
	table_cell(t, show_duration(page, end_s));
	return true;
}

static void add_gantt(struct page *page, const struct scene *s, const json_t *policy)
{
	static const char *const heads[] = { "Where", "Job", "What", "GPUs", "From", "Until" };
	size_t bars = doc_size(policy, "gantt"), shown = 0;
	if (bars == 0)
		return;
	struct page_table *t = page_new_table(page, "lllrrr", heads);
	struct lanes lanes = { .count = 0 };
	json_t *rows = json_array();
	for (size_t i = 0; i < bars && shown < BARS_MAX; i++)
		shown += gantt_row(page, s, doc_item(policy, "gantt", i), &lanes, rows, t);
	const char *note = shown < bars
	                       ? page_text(page, "%zu of %zu stays are drawn, in %zu rows.", shown,
	                                   bars, lanes.count)
	                       : NULL;
	page_add_figure(page, PAGE_OPTIMIZE,
	                page_text(page, "Who ran where and when under %s", name_of(policy)), note,
	                figure_gantt(rows, lanes.count, s->span.name, ""), t);
}

/* What the trace and the cluster were. */
static void add_facts(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "quantity", "value" };
	static const struct {
		const char *label, *path;
	} rows[] = {
		{ "Cluster", "cluster" },
		{ "Cluster", "cluster.name" },
		{ "Nodes", "cluster.nodes" },
		{ "GPUs", "cluster.gpus" },
		{ "Trace", "trace" },
		{ "Trace", "trace.file" },
		{ "Jobs", "jobs" },
		{ "Jobs", "trace.jobs" },
		{ "Oracle", "oracle" },
		{ "Oracle", "oracle.name" },
		{ "Decides every", "interval_s" },
		{ "Restart costs", "restart_cost_s" },
		{ "Power budget", "power_budget_w" },
	};
	struct page_table *t = page_new_table(page, "lr", heads);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const json_t *value = doc_get(document, rows[i].path);
		size_t length = strlen(rows[i].path);
		if (!value || json_is_object(value) || json_is_array(value) || json_is_null(value))
			continue;
		table_cell(t, rows[i].label);
		if (json_is_number(value) && strcmp(rows[i].path + length - 2, "_s") == 0)
			table_cell(t, show_duration(page, json_number_value(value)));
		else if (json_is_number(value) && strcmp(rows[i].path + length - 2, "_w") == 0)
			table_si(t, json_number_value(value), "W");
		else
			table_cell(t, doc_show(page, value));
	}
	page_add_facts(page, PAGE_OPTIMIZE, t);
}

void section_simulate(struct page *page, const json_t *document)
{
	struct scene s = look(document);
	page_add_title(page, PAGE_OPTIMIZE, "Policies side by side");
	add_facts(page, document);
	size_t thrifty = least(&s, "energy_j"), fast = least(&s, "jct_mean_s");
	if (thrifty == s.count || fast == s.count)
		return;
	const json_t *a = policy_at(&s, thrifty), *b = policy_at(&s, fast);
	const char *sentence =
	    thrifty == fast
		? page_text(page, "%s uses the least energy and is the fastest of %zu policies",
	                    name_of(a), s.count)
		: page_text(
		      page,
		      "%s uses the least energy: %s than %s, the fastest, with %s time per "
		      "job",
		      name_of(a),
		      show_change(page, doc_real(a, "energy_j"), doc_real(b, "energy_j")),
		      name_of(b),
		      show_change(page, doc_real(a, "jct_mean_s"), doc_real(b, "jct_mean_s")));
	page_add_answer(page, PAGE_OPTIMIZE, name_of(a), sentence, "simulated");
	page_add_text(page, PAGE_OPTIMIZE, page_text(page, "%s.", sentence));
	add_scatter(page, &s);
	add_power(page, &s);
	add_cdf(page, &s);
	add_gantt(page, &s, a);
}

static const char *advised(const json_t *document)
{
	static const char *const keys[] = { "recommended", "policy", "recommendation", "advice",
		                            NULL };
	for (const char *const *key = keys; *key; key++)
		if (doc_text(document, *key))
			return doc_text(document, *key);
	return NULL;
}

void section_recommend(struct page *page, const json_t *document)
{
	static const char *const reasons[] = { "reason",  "because",        "sentence",
		                               "verdict", "check.sentence", NULL };
	const char *policy = advised(document), *first = NULL;
	page_add_title(page, PAGE_OPTIMIZE,
	               policy ? page_text(page, "Advice: %s", policy) : "Advice");
	for (const char *const *key = reasons; *key; key++) {
		const char *text = doc_text(document, *key);
		if (text && !first)
			first = text;
		if (text)
			page_add_text(page, PAGE_OPTIMIZE, text);
	}
	for (size_t i = 0; i < doc_size(document, "reasons"); i++)
		page_add_text(page, PAGE_OPTIMIZE,
		              doc_show(page, doc_item(document, "reasons", i)));
	for (size_t i = 0; i < doc_size(document, "path"); i++)
		page_add_text(page, PAGE_OPTIMIZE, doc_show(page, doc_item(document, "path", i)));
	if (policy)
		page_add_answer(page, PAGE_OPTIMIZE, policy,
		                first ? first : "is the policy to take", "simulated");
}
