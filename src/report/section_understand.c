/* SPDX-License-Identifier: Apache-2.0
 *
 * Sweeps and Pareto analyses: the same figure, from a document with one group or with many.
 */
#include "report/section.h"

#include <math.h>
#include <string.h>

#include "report/doc.h"
#include "report/figure.h"

enum { GROUPS_SHOWN = 4, GROUPS_LISTED = 200 };

/* Scales of a figure: the same unit for all of its points. */
struct scales {
	struct time_unit time;
	const char *energy;
	double joules;
};

/* What was set: "label", "config", "settings" or "lever". */
static const char *label_of(struct page *page, const json_t *point)
{
	static const char *const keys[] = { "label",  "config", "settings", "setting",
		                            "levers", "lever",  NULL };
	for (const char *const *key = keys; *key; key++) {
		const json_t *value = doc_get(point, *key);
		if (value && !json_is_null(value))
			return doc_show(page, value);
	}
	return "";
}

static bool same_point(const json_t *a, const json_t *b)
{
	return json_is_object(a) && json_is_object(b) &&
	       doc_real(a, "time_s") == doc_real(b, "time_s") &&
	       doc_real(a, "energy_j") == doc_real(b, "energy_j");
}

/* The front is a list of its own, or flags on the points. */
static bool on_front(const json_t *group, const json_t *point)
{
	if (doc_flag(point, "pareto"))
		return true;
	for (size_t i = 0; i < doc_size(group, "front"); i++)
		if (same_point(point, doc_item(group, "front", i)))
			return true;
	return false;
}

/* Of several names the one that tells most. */
static const char *role_of(const json_t *group, const json_t *point)
{
	bool edp = same_point(point, doc_get(group, "min_edp"));
	bool energy = same_point(point, doc_get(group, "min_energy"));
	if (edp || energy)
		return edp && energy ? "least energy and EDP" : edp ? "least EDP" : "least energy";
	if (same_point(point, doc_get(group, "baseline")))
		return "baseline";
	return on_front(group, point) ? "on the front" : "other setting";
}

static struct scales scales_of(const json_t *group)
{
	double time_s = 0, energy_j = 0;
	for (size_t i = 0; i < doc_size(group, "points"); i++) {
		time_s = fmax(time_s, doc_real(doc_item(group, "points", i), "time_s"));
		energy_j = fmax(energy_j, doc_real(doc_item(group, "points", i), "energy_j"));
	}
	struct scales s = { .time = time_unit_for(time_s), .energy = "J", .joules = 1 };
	if (energy_j >= 1e6)
		s.energy = "MJ", s.joules = 1e6;
	else if (energy_j >= 1e4)
		s.energy = "kJ", s.joules = 1e3;
	else if (energy_j < 0.1 && energy_j > 0)
		s.energy = "mJ", s.joules = 1e-3;
	return s;
}

static json_t *point_row(struct page *page, const json_t *group, const json_t *p,
                         const struct scales *s)
{
	const char *role = role_of(group, p), *label = label_of(page, p);
	json_t *row =
	    json_pack("{s:f, s:f, s:s, s:s}", "time", doc_real(p, "time_s") / s->time.seconds,
	              "energy", doc_real(p, "energy_j") / s->joules, "label", label, "role", role);
	double low = doc_real(p, "energy_low_j"), high = doc_real(p, "energy_high_j");
	double half = doc_real(p, "energy_half_width_j");
	if (isfinite(half)) {
		low = doc_real(p, "energy_j") - half;
		high = doc_real(p, "energy_j") + half;
	}
	if (row && isfinite(low) && isfinite(high)) {
		json_object_set_new(row, "energy_low", json_real(low / s->joules));
		json_object_set_new(row, "energy_high", json_real(high / s->joules));
	}
	if (row && strcmp(role, "other setting") != 0 && strcmp(role, "on the front") != 0)
		json_object_set_new(row, "tag", json_string(label));
	return row;
}

static json_t *front_row(const json_t *p, const struct scales *s)
{
	return json_pack("{s:f, s:f}", "time", doc_real(p, "time_s") / s->time.seconds, "energy",
	                 doc_real(p, "energy_j") / s->joules);
}

static void add_point_cells(struct page *page, struct page_table *t, const json_t *group,
                            const json_t *p)
{
	static const char *const edp[] = { "edp_js", "edp", NULL };
	table_cell(t, label_of(page, p));
	table_cell(t, show_duration(page, doc_real(p, "time_s")));
	table_si(t, doc_real(p, "energy_j"), "J");
	double power_w = doc_real(p, "power_w");
	table_si(t, isfinite(power_w) ? power_w : doc_real(p, "energy_j") / doc_real(p, "time_s"),
	         "W");
	double product = doc_real_of(p, edp);
	table_si(t, isfinite(product) ? product : doc_real(p, "energy_j") * doc_real(p, "time_s"),
	         "J s");
	const char *role = role_of(group, p);
	table_cell(t, strcmp(role, "other setting") == 0 ? "" : role);
}

static void add_tradeoff(struct page *page, const json_t *group, const char *caption)
{
	static const char *const heads[] = { "Setting", "Time", "Energy", "Power", "EDP", "Role" };
	struct page_table *t = page_new_table(page, "lrrrrl", heads);
	struct scales s = scales_of(group);
	json_t *points = json_array(), *front = json_array();
	size_t count = doc_size(group, "points");
	for (size_t i = 0; i < count && i < FIGURE_ROWS_MAX; i++) {
		const json_t *p = doc_item(group, "points", i);
		if (!isfinite(doc_real(p, "time_s")) || !isfinite(doc_real(p, "energy_j")))
			continue;
		json_array_append_new(points, point_row(page, group, p, &s));
		if (on_front(group, p))
			json_array_append_new(front, front_row(p, &s));
		add_point_cells(page, t, group, p);
	}
	const char *note =
	    count > FIGURE_ROWS_MAX
		? page_text(page, "The first %d of %zu points are drawn.", FIGURE_ROWS_MAX, count)
		: "Down and to the left is better. The line is the Pareto front: nothing is "
		  "both faster and thriftier than what lies on it.";
	page_add_figure(page, PAGE_UNDERSTAND, caption, note,
	                figure_tradeoff(points, front, s.time.name, s.energy), t);
}

/* "19% less energy at 3% more time" of the least-EDP point against the baseline. */
static const char *sentence_of(struct page *page, const json_t *group)
{
	const char *sentence = doc_text(group, "sentence");
	if (sentence)
		return sentence;
	const json_t *base = doc_get(group, "baseline"), *best = doc_get(group, "min_edp");
	double energy = doc_real(best, "energy_j"), time_s = doc_real(best, "time_s");
	if (!isfinite(energy / doc_real(base, "energy_j")) ||
	    !isfinite(time_s / doc_real(base, "time_s")))
		return NULL;
	return page_text(page, "%s energy and %s time at %s than at %s",
	                 show_change(page, energy, doc_real(base, "energy_j")),
	                 show_change(page, time_s, doc_real(base, "time_s")), label_of(page, best),
	                 label_of(page, base));
}

void section_sweep(struct page *page, const json_t *document)
{
	const char *sentence = sentence_of(page, document);
	const char *best = label_of(page, doc_get(document, "min_edp"));
	const json_t *command = doc_get(document, "command");
	double saved = doc_real(document, "min_edp.energy_saved");
	page_add_answer(page, PAGE_UNDERSTAND,
	                saved > 0 ? page_text(page, "%s less energy", show_percent(page, saved))
	                : *best   ? best
	                          : "sweep",
	                sentence ? page_text(page, "Sweet spot: %s.", sentence)
	                         : "is the sweet spot (least energy-delay product)",
	                doc_text(document, "provenance"));
	page_add_title(page, PAGE_UNDERSTAND, "Sweet spot");
	if (command)
		page_add_text(page, PAGE_UNDERSTAND,
		              page_text(page, "Swept: %s", doc_show(page, command)));
	if (sentence)
		page_add_text(page, PAGE_UNDERSTAND, show_sentence(page, sentence));
	add_tradeoff(page, document, "Energy against time of every setting");
}

static const char *group_name(struct page *page, const json_t *group)
{
	const json_t *name = doc_get(group, "group");
	const char *shown = name ? doc_show(page, name) : "";
	return *shown ? shown : "all rows";
}

static void list_groups(struct page *page, const json_t *document)
{
	static const char *const heads[] = {
		"Group",           "Rows", "Least energy", "at",
		"Least-EDP point", "at",   "Energy saved", "Time lost"
	};
	struct page_table *t = page_new_table(page, "lrrlrlrr", heads);
	size_t count = doc_size(document, "groups");
	for (size_t i = 0; i < count && i < GROUPS_LISTED; i++) {
		const json_t *g = doc_item(document, "groups", i);
		const json_t *energy = doc_get(g, "min_energy"), *edp = doc_get(g, "min_edp");
		const char *lever = doc_text(document, "lever_column");
		table_cell(t, group_name(page, g));
		table_printf(t, "%zu", doc_size(g, "points"));
		table_si(t, doc_real(energy, "energy_j"), "J");
		table_cell(t,
		           lever ? doc_show(page, doc_get(energy, lever)) : label_of(page, energy));
		table_si(t, doc_real(edp, "edp_js"), "J s");
		table_cell(t, lever ? doc_show(page, doc_get(edp, lever)) : label_of(page, edp));
		table_cell(t, show_percent(page, doc_real(edp, "energy_saved")));
		table_cell(t, show_percent(page, doc_real(edp, "time_lost")));
	}
	page_add_table(page, PAGE_UNDERSTAND,
	               count > GROUPS_LISTED
	                   ? page_text(page, "The first %d of %zu groups", GROUPS_LISTED, count)
	                   : "Every group",
	               t);
}

void section_pareto(struct page *page, const json_t *document)
{
	size_t count = doc_size(document, "groups");
	double saved = doc_real(document, "summary.min_edp.mean_energy_saved");
	double lost = doc_real(document, "summary.min_edp.mean_time_lost");
	const char *file = doc_text(document, "file");
	page_add_answer(
	    page, PAGE_UNDERSTAND, isfinite(saved) ? show_percent(page, saved) : "Pareto",
	    page_text(page,
	              "less energy at %s more time in the mean of %zu group%s, at the points of "
	              "least EDP",
	              show_percent(page, lost), count, count == 1 ? "" : "s"),
	    doc_text(document, "provenance"));
	page_add_title(page, PAGE_UNDERSTAND,
	               file ? page_text(page, "Trade-offs in %s", file) : "Trade-offs");
	for (size_t i = 0; i < count && i < GROUPS_SHOWN; i++) {
		const json_t *g = doc_item(document, "groups", i);
		add_tradeoff(page, g, group_name(page, g));
	}
	if (count > GROUPS_SHOWN)
		page_add_text(page, PAGE_UNDERSTAND,
		              page_text(page, "Figures of the first %d groups; the table has all.",
		                        GROUPS_SHOWN));
	if (count > 1)
		list_groups(page, document);
}
