/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies side by side, and the one that is advised.
 */
#include "report/section.h"

#include <math.h>
#include <string.h>

#include "report/doc.h"
#include "report/figure.h"

enum { POLICIES_MAX = 24, POLICIES_DRAWN = 6 };

/* The scales of the whole simulation, so that figures can be compared. */
struct scene {
	const json_t *document;
	size_t count; /* of policies looked at */
	const char *names[POLICIES_MAX + 1];
	size_t drawn[POLICIES_DRAWN]; /* those whose curves are drawn */
	size_t drawn_count;
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

static double budget_of(const json_t *document)
{
	static const char *const paths[] = { "power_budget_w", "settings.power_budget_w", NULL };
	return doc_real_of(document, paths);
}

static double product_of(const struct scene *s, size_t i)
{
	return doc_real(policy_at(s, i), "energy_j") * doc_real(policy_at(s, i), "jct_mean_s");
}

static size_t best_product(const struct scene *s)
{
	size_t best = 0;
	for (size_t i = 1; i < s->count; i++)
		if (product_of(s, i) < product_of(s, best))
			best = i;
	return best;
}

/* Curves of many policies cover each other: those that stay within the budget are drawn, then those
 * with the least product of energy and completion time. */
static void choose_drawn(struct scene *s)
{
	double budget_w = budget_of(s->document);
	bool taken[POLICIES_MAX] = { false };
	while (s->drawn_count < POLICIES_DRAWN && s->drawn_count < s->count) {
		size_t best = s->count;
		bool best_within = false;
		for (size_t i = 0; i < s->count; i++) {
			bool within = doc_real(policy_at(s, i), "power_peak_w") <= budget_w;
			if (taken[i] || (best < s->count && best_within && !within))
				continue;
			if (best == s->count || (within && !best_within) ||
			    product_of(s, i) < product_of(s, best)) {
				best = i;
				best_within = within;
			}
		}
		taken[best] = true;
		s->drawn[s->drawn_count++] = best;
	}
}

static const char *drawn_note(struct page *page, const struct scene *s, const char *note)
{
	if (s->drawn_count == s->count)
		return note;
	return page_text(page,
	                 "%s Of %zu policies %zu are drawn: what stays within a budget, then by "
	                 "the product of energy and completion time.",
	                 note, s->count, s->drawn_count);
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
	for (size_t i = 0; i < s.count; i++)
		s.names[i] = name_of(policy_at(&s, i));
	choose_drawn(&s);
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
	                figure_policies(rows, s->names, s->jct.name, s->energy_unit), t);
}

/* power_over_time: [{time_s, power_w}, ...], means over equal spans. */
static void add_timeline_rows(json_t *rows, struct page_table *t, const struct scene *s, size_t i)
{
	const json_t *p = policy_at(s, i);
	size_t count = doc_size(p, "power_over_time");
	double end_s = doc_real(p, "makespan_end_s");
	size_t step = count / (FIGURE_ROWS_MAX / POLICIES_DRAWN) + 1;
	for (size_t k = 0; k < count; k += step) {
		double time_s = doc_real(doc_item(p, "power_over_time", k), "time_s"), sum_w = 0;
		size_t n = 0;
		for (; n < step && k + n < count; n++)
			sum_w += doc_real(doc_item(p, "power_over_time", k + n), "power_w");
		double power_w = sum_w / (double)n;
		if (!isfinite(time_s) || !isfinite(power_w) || time_s > end_s)
			continue;
		json_array_append_new(rows,
		                      json_pack("{s:f, s:f, s:s}", "time", time_s / s->span.seconds,
		                                "power_w", power_w, "series", name_of(p)));
		table_cell(t, name_of(p));
		table_number(t, time_s, 7);
		table_number(t, power_w, 5);
	}
}

static void add_power(struct page *page, const struct scene *s)
{
	static const char *const heads[] = { "Policy", "Time (s)", "Power (W)" };
	struct page_table *t = page_new_table(page, "lrr", heads);
	json_t *rows = json_array();
	for (size_t i = 0; i < s->drawn_count; i++)
		add_timeline_rows(rows, t, s, s->drawn[i]);
	if (json_array_size(rows) == 0) {
		json_decref(rows);
		return;
	}
	double budget_w = budget_of(s->document);
	page_add_figure(
	    page, PAGE_OPTIMIZE,
	    isfinite(budget_w) ? "Power of the cluster against its budget"
			       : "Power of the cluster over time",
	    drawn_note(
		page, s,
		"Means over equal spans of time. Choose a policy in the legend to see it alone."),
	    figure_power(rows, budget_w, s->names, s->span.name, true), t);
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
	for (size_t i = 0; i < s->drawn_count; i++)
		cdf_rows(page, rows, t, s, s->drawn[i]);
	if (json_array_size(rows) == 0) {
		json_decref(rows);
		return;
	}
	page_add_figure(
	    page, PAGE_OPTIMIZE, "How soon jobs are done",
	    drawn_note(page, s, "Further to the left is better; the scale is logarithmic."),
	    figure_cdf(rows, s->names, s->jct.name), t);
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
		? page_text(page, "the least energy and the fastest of %zu policies is %s", s.count,
	                    name_of(a))
		: page_text(
		      page,
		      "the least energy is that of %s: %s than %s, the fastest, at %s time "
		      "per job",
		      name_of(a),
		      show_change(page, doc_real(a, "energy_j"), doc_real(b, "energy_j")),
		      name_of(b),
		      show_change(page, doc_real(a, "jct_mean_s"), doc_real(b, "jct_mean_s")));
	page_add_answer(page, PAGE_OPTIMIZE,
	                page_text(page, "%zu %s", s.count, s.count == 1 ? "policy" : "policies"),
	                show_sentence(page, sentence), "simulated");
	page_add_text(page, PAGE_OPTIMIZE, show_sentence(page, sentence));
	for (size_t i = 0; i < doc_size(document, "left_out"); i++) {
		const json_t *left = doc_item(document, "left_out", i);
		page_add_remark(page, PAGE_OPTIMIZE,
		                page_text(page, "%s is left out: %s", name_of(left),
		                          doc_show(page, doc_get(left, "reason"))));
	}
	add_scatter(page, &s);
	add_power(page, &s);
	add_cdf(page, &s);
	section_gantt(page, document, policy_at(&s, best_product(&s)));
}

void section_recommend(struct page *page, const json_t *document)
{
	const char *policy = doc_text(document, "policy"), *verdict = doc_text(document, "verdict");
	const char *goal = doc_text(document, "goal");
	const json_t *simulated = doc_get(document, "simulate");
	page_add_title(page, PAGE_OPTIMIZE,
	               policy ? page_text(page, "Advice: %s", policy) : "Advice");
	const char *tree = NULL;
	for (size_t i = 0; i < doc_size(document, "tree"); i++) {
		const char *step = doc_show(page, doc_item(document, "tree", i));
		tree = tree ? page_text(page, "%s; %s", tree, step) : step;
	}
	if (tree)
		page_add_text(page, PAGE_OPTIMIZE, page_text(page, "Decision tree: %s.", tree));
	if (goal)
		page_add_text(page, PAGE_OPTIMIZE, page_text(page, "Ranked by %s.", goal));
	if (verdict)
		page_add_text(page, PAGE_OPTIMIZE, show_sentence(page, verdict));
	if (policy)
		page_add_answer(page, PAGE_OPTIMIZE, policy,
		                verdict ? show_sentence(page, verdict) : "is the policy to take",
		                "simulated");
	if (simulated && !page->simulated)
		section_simulate(page, simulated);
}
