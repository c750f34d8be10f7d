/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies side by side, and the one that is advised.
 */
#include "report/section.h"

#include <math.h>
#include <string.h>

#include "report/doc.h"
#include "report/figure.h"

enum { POLICIES_MAX = 24, POLICIES_DRAWN = 8, LANES_MAX = 40, SLOTS_MAX = 16, BARS_MAX = 1000 };

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

/* power_over_time: [{time_s, power_w}, ...], means over equal spans. */
static void add_timeline_rows(json_t *rows, struct page_table *t, const struct scene *s, size_t i)
{
	const json_t *p = policy_at(s, i);
	size_t count = doc_size(p, "power_over_time");
	size_t step = count / (FIGURE_ROWS_MAX / POLICIES_DRAWN) + 1;
	for (size_t k = 0; k < count; k += step) {
		double time_s = doc_real(doc_item(p, "power_over_time", k), "time_s"), sum_w = 0;
		size_t n = 0;
		for (; n < step && k + n < count; n++)
			sum_w += doc_real(doc_item(p, "power_over_time", k + n), "power_w");
		double power_w = sum_w / (double)n;
		if (!isfinite(time_s) || !isfinite(power_w))
			continue;
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

/* jct_quantiles_s: completion times at even shares of the jobs, from none to all. */
static void cdf_rows(struct page *page, json_t *rows, struct page_table *t, const struct scene *s,
                     size_t i)
{
	const json_t *p = policy_at(s, i);
	size_t count = doc_size(p, "jct_quantiles_s");
	for (size_t k = 0; k < count && k <= FIGURE_ROWS_MAX; k++) {
		double jct_s = json_number_value(doc_item(p, "jct_quantiles_s", k));
		double share = (double)k / (double)(count > 1 ? count - 1 : 1);
		if (!(jct_s > 0)) /* the axis is logarithmic */
			continue;
		json_array_append_new(rows,
		                      json_pack("{s:s, s:f, s:f}", "policy", name_of(p), "jct",
		                                jct_s / s->jct.seconds, "share", share));
		table_cell(t, name_of(p));
		table_cell(t, show_duration(page, jct_s));
		table_cell(t, show_percent(page, share));
	}
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
	                "Further to the left is better; each step to the right is a multiple. "
	                "Choose a policy in the legend to see it alone.",
	                figure_cdf(rows, s->jct.name), t);
}

/* Rows of the chart: a node, with as many slots as jobs that were there at once. */
struct lane {
	const char *name;
	double free_s[SLOTS_MAX]; /* when each slot is free again */
};
struct lanes {
	struct lane lanes[LANES_MAX];
	size_t count;
};

static struct lane *lane_of(struct page *page, struct lanes *lanes, const json_t *bar)
{
	const json_t *node = doc_get(bar, "node");
	if (!json_is_string(node) && !json_is_integer(node))
		return NULL;
	const char *name =
	    page_text(page, "%s%s", json_is_integer(node) ? "node " : "", doc_show(page, node));
	for (size_t i = 0; i < lanes->count; i++)
		if (strcmp(lanes->lanes[i].name, name) == 0)
			return &lanes->lanes[i];
	if (lanes->count == LANES_MAX)
		return NULL;
	lanes->lanes[lanes->count] = (struct lane){ .name = name };
	return &lanes->lanes[lanes->count++];
}

/* The first slot that is free by then; stays come by their beginning. */
static int take_slot(struct lane *lane, double begin_s, double end_s)
{
	for (int i = 0; i < SLOTS_MAX; i++)
		if (lane->free_s[i] <= begin_s) {
			lane->free_s[i] = end_s;
			return i;
		}
	return SLOTS_MAX - 1;
}

static bool gantt_row(struct page *page, const struct scene *s, const json_t *bar,
                      struct lanes *lanes, json_t *rows, struct page_table *t)
{
	double begin_s = doc_real(bar, "begin_s"), end_s = doc_real(bar, "end_s");
	double gpus = doc_real(bar, "gpus");
	const char *job = doc_show(page, doc_get(bar, "job"));
	struct lane *lane = lane_of(page, lanes, bar);
	if (!lane || !isfinite(begin_s) || !isfinite(end_s))
		return false;
	const char *kind =
	    isfinite(gpus) ? page_text(page, "%g GPU%s", gpus, gpus == 1 ? "" : "s") : "job";
	json_array_append_new(rows, json_pack("{s:s, s:i, s:f, s:f, s:s, s:s, s:f}", "row",
	                                      lane->name, "slot", take_slot(lane, begin_s, end_s),
	                                      "begin", begin_s / s->span.seconds, "end",
	                                      end_s / s->span.seconds, "job", job, "kind", kind,
	                                      "gpus", isfinite(gpus) ? gpus : 1));
	table_cell(t, lane->name);
	table_cell(t, job);
	table_number(t, gpus, 6);
	table_cell(t, show_duration(page, begin_s));
	table_cell(t, show_duration(page, end_s));
	return true;
}

static void add_gantt(struct page *page, const struct scene *s, const json_t *policy)
{
	static const char *const heads[] = { "Where", "Job", "GPUs", "From", "Until" };
	size_t bars = doc_size(policy, "gantt"), shown = 0;
	double dropped = doc_real(policy, "gantt_dropped");
	if (bars == 0)
		return;
	struct page_table *t = page_new_table(page, "llrrr", heads);
	struct lanes lanes = { .count = 0 };
	json_t *rows = json_array();
	for (size_t i = 0; i < bars && shown < BARS_MAX; i++)
		shown += gantt_row(page, s, doc_item(policy, "gantt", i), &lanes, rows, t);
	double all = (double)bars + (dropped > 0 ? dropped : 0);
	const char *note = "A job that spans nodes stands at the first of them.";
	if ((double)shown < all)
		note =
		    page_text(page, "%s The first %zu of %.0f stays are drawn.", note, shown, all);
	page_add_figure(page, PAGE_OPTIMIZE,
	                page_text(page, "Who ran where and when under %s", name_of(policy)), note,
	                figure_gantt(rows, lanes.count, s->span.name), t);
}

/* What the trace and the cluster were. */
static void add_facts(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "quantity", "value" };
	static const struct {
		const char *label, *path;
	} rows[] = {
		{ "Cluster", "cluster.name" },
		{ "Nodes", "cluster.nodes" },
		{ "GPUs", "cluster.gpus" },
		{ "Trace", "trace.file" },
		{ "Jobs", "trace.jobs" },
		{ "Rows skipped", "trace.skipped" },
		{ "Oracle", "oracle.name" },
		{ "Decides every", "settings.interval_s" },
		{ "A restart costs", "settings.restart_cost_s" },
		{ "Power budget", "settings.power_budget_w" },
	};
	struct page_table *t = page_new_table(page, "lr", heads);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const json_t *value = doc_get(document, rows[i].path);
		size_t length = strlen(rows[i].path);
		if (!value || json_is_null(value) ||
		    (json_is_number(value) && !(json_number_value(value) > 0)))
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
	const char *basis = doc_text(document, "oracle.basis");
	const char *power = doc_text(document, "oracle.power_source");
	if (basis || power)
		page_add_text(page, PAGE_OPTIMIZE,
		              page_text(page, "Times: %s. Power: %s.",
		                        basis ? basis : "as the trace has them",
		                        power ? power : "not stated"));
}

void section_simulate(struct page *page, const json_t *document)
{
	struct scene s = look(document);
	page->simulated = true;
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
	for (size_t i = 0; i < doc_size(document, "left_out"); i++) {
		const json_t *left = doc_item(document, "left_out", i);
		page_add_remark(page, PAGE_OPTIMIZE,
		                page_text(page, "%s is left out: %s", name_of(left),
		                          doc_show(page, doc_get(left, "reason"))));
	}
	add_scatter(page, &s);
	add_power(page, &s);
	add_cdf(page, &s);
	add_gantt(page, &s, a);
}

void section_recommend(struct page *page, const json_t *document)
{
	const char *policy = doc_text(document, "policy"), *verdict = doc_text(document, "verdict");
	const char *goal = doc_text(document, "goal");
	const json_t *simulated = doc_get(document, "simulate");
	page_add_title(page, PAGE_OPTIMIZE,
	               policy ? page_text(page, "Advice: %s", policy) : "Advice");
	for (size_t i = 0; i < doc_size(document, "tree"); i++)
		page_add_text(page, PAGE_OPTIMIZE, doc_show(page, doc_item(document, "tree", i)));
	if (goal)
		page_add_text(page, PAGE_OPTIMIZE, page_text(page, "Ranked by %s.", goal));
	if (verdict)
		page_add_text(page, PAGE_OPTIMIZE, verdict);
	if (policy)
		page_add_answer(page, PAGE_OPTIMIZE, policy,
		                verdict ? verdict : "is the policy to take", "simulated");
	if (simulated && !page->simulated)
		section_simulate(page, simulated);
}
