/* SPDX-License-Identifier: Apache-2.0
 *
 * Sweeps of simulations: how policies fare as the load rises, with intervals.
 */
#include "report/section.h"

#include <math.h>
#include <string.h>

#include "report/doc.h"
#include "report/figure.h"

enum { SWEPT_MAX = 24 };

/* One quantity over the load. */
struct quantity {
	const char *metric, *title, *note, *axis, *unit;
	double scale; /* to the unit shown */
};

static double of_point(const json_t *point, const char *part, const char *metric, const char *what)
{
	const json_t *values = json_object_get(json_object_get(point, part), metric);
	const json_t *value = json_object_get(values, what);
	return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static const char *policy_of(const json_t *point)
{
	const char *name = doc_text(point, "policy");
	return name ? name : "unnamed";
}

/* A little aside, so that the intervals of policies at one load do not cover each other. */
static double aside(const json_t *document, const json_t *point)
{
	size_t policies = doc_size(document, "policies"), loads = doc_size(document, "loads"),
	       i = 0;
	double first = json_number_value(doc_item(document, "loads", 0));
	double last = json_number_value(doc_item(document, "loads", loads ? loads - 1 : 0));
	double step = loads > 1 ? (last - first) / (double)(loads - 1) : 0;
	for (; i < policies; i++) {
		const char *name = json_string_value(doc_item(document, "policies", i));
		if (name && strcmp(name, policy_of(point)) == 0)
			break;
	}
	return policies > 1 ? ((double)i / (double)(policies - 1) - 0.5) * 0.16 * step : 0;
}

static void add_quantity(struct page *page, const json_t *document, const struct quantity *q,
                         const char *const *names)
{
	static const char *const heads[] = { "Policy", "Load", "Mean", "95% interval", "Runs" };
	struct page_table *t = page_new_table(page, "lrrrr", heads);
	json_t *rows = json_array();
	for (size_t i = 0; i < doc_size(document, "points") && i < FIGURE_ROWS_MAX; i++) {
		const json_t *point = doc_item(document, "points", i);
		double load = doc_real(point, "load");
		double mean = of_point(point, "metrics", q->metric, "mean") / q->scale;
		double half = of_point(point, "metrics", q->metric, "half_width_95") / q->scale;
		if (!isfinite(load) || !isfinite(mean))
			continue;
		double reach = isfinite(half) ? half : 0;
		json_array_append_new(
		    rows, json_pack("{s:s, s:f, s:f, s:f, s:f, s:f}", "policy", policy_of(point),
		                    "at", load + aside(document, point), "load", load, "mean", mean,
		                    "low", fmax(mean - reach, 0), "high", mean + reach));
		table_cell(t, policy_of(point));
		table_number(t, load, 3);
		table_number(t, mean, 4);
		table_cell(t, isfinite(half) ? page_text(page, "± %.3g", half) : "");
		table_number(t, of_point(point, "metrics", q->metric, "runs"), 6);
	}
	if (json_array_size(rows) == 0) {
		json_decref(rows);
		return;
	}
	page_add_figure(page, PAGE_OPTIMIZE, q->title, q->note,
	                figure_load(rows, names, q->axis, q->unit), t);
}

/* Every policy against the first one, over all loads: pairs on the same traces. */
static void add_changes(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "Policy", "Runs",     "Failed", "Energy",
		                             "Jobs/h", "Mean JCT", "EDP" };
	static const char *const metrics[] = { "energy_j", "jobs_per_hour", "jct_mean_s",
		                               "edp_js" };
	struct page_table *t = page_new_table(page, "lrrrrrr", heads);
	for (size_t i = 0; i < doc_size(document, "overall") && i < SWEPT_MAX; i++) {
		const json_t *point = doc_item(document, "overall", i);
		table_cell(t, policy_of(point));
		table_number(t, doc_real(point, "runs"), 6);
		table_number(t, doc_real(point, "failed"), 6);
		for (size_t k = 0; k < sizeof metrics / sizeof *metrics; k++) {
			double mean = of_point(point, "change", metrics[k], "mean") * 100;
			double half = of_point(point, "change", metrics[k], "half_width_95") * 100;
			table_cell(t, !isfinite(mean) ? ""
			              : isfinite(half)
			                  ? page_text(page, "%+.1f ± %.1f%%", mean, half)
			                  : page_text(page, "%+.1f%%", mean));
		}
	}
	const char *against = doc_text(document, "against");
	page_add_table(page, PAGE_OPTIMIZE,
	               page_text(page, "Against %s on the same traces, over all loads",
	                         against ? against : "the first policy"),
	               t);
}

static void add_answer(struct page *page, const json_t *document)
{
	const char *against = doc_text(document, "against");
	const json_t *best = NULL;
	for (size_t i = 0; i < doc_size(document, "overall"); i++) {
		const json_t *point = doc_item(document, "overall", i);
		double change = of_point(point, "change", "energy_j", "mean");
		if (isfinite(change) &&
		    (!best || change < of_point(best, "change", "energy_j", "mean")))
			best = point;
	}
	if (!best || !against)
		return;
	double change = of_point(best, "change", "energy_j", "mean") * 100;
	double half = of_point(best, "change", "energy_j", "half_width_95") * 100;
	const char *text = page_text(
	    page, "the energy of %s against %s on the same traces, over all loads%s: %+.1f%%%s",
	    policy_of(best), against, isfinite(half) ? ", with its 95% interval" : "", change,
	    isfinite(half) ? page_text(page, " ± %.1f", half) : "");
	page_add_answer(page, PAGE_OPTIMIZE, page_text(page, "%+.1f%%", change),
	                show_sentence(page, text), "simulated");
	page_add_text(page, PAGE_OPTIMIZE, show_sentence(page, text));
}

void section_simulate_sweep(struct page *page, const json_t *document)
{
	static const struct quantity quantities[] = {
		{ "energy_j", "Energy as the load rises",
		  "Means over traces and seeds; bars are 95% intervals.", "Energy", "kWh", 3.6e6 },
		{ "jct_mean_s", "Completion time as the load rises",
		  "Means over traces and seeds; bars are 95% intervals.",
		  "Mean job completion time", "h", 3600 },
		{ "useful_gpu_h_per_hour", "Useful work as the load rises",
		  "GPU hours' worth of work done in an hour: what jobs take alone on what they "
		  "asked for.",
		  "Useful work", "GPU hours an hour", 1 },
		{ "backlog_growth", "Does the cluster keep up?",
		  "Growth of the backlog in the second half of the arrivals, over the rate of "
		  "arrivals: 0 keeps up, 1 finishes nothing.",
		  "Growth of the backlog", "share of arrivals", 1 },
	};
	const char *names[SWEPT_MAX + 1] = { NULL };
	for (size_t i = 0; i < doc_size(document, "policies") && i < SWEPT_MAX; i++) {
		const char *name = json_string_value(doc_item(document, "policies", i));
		names[i] = name ? name : "unnamed";
	}
	page_add_title(page, PAGE_OPTIMIZE, "Policies as the load rises");
	add_answer(page, document);
	add_changes(page, document);
	for (size_t i = 0; i < sizeof quantities / sizeof *quantities; i++)
		add_quantity(page, document, &quantities[i], names);
	const char *basis = doc_text(document, "oracle.basis");
	const char *power = doc_text(document, "oracle.power_basis");
	if (basis && power)
		page_add_text(page, PAGE_OPTIMIZE,
		              page_text(page, "Times: %s. Powers: %s.", basis, power));
}
