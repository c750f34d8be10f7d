/* SPDX-License-Identifier: Apache-2.0
 *
 * What one workload is: its class with the evidence, and its phases.
 */
#include "report/section.h"

#include <math.h>
#include <string.h>

#include "report/doc.h"
#include "report/figure.h"

enum { PHASES_LISTED = 200 };

/* ---- class ---- */

static void fact(struct page_table *t, const char *label, const char *value)
{
	if (!value || !*value || strcmp(value, "-") == 0)
		return;
	table_cell(t, label);
	table_cell(t, value);
}

static const char *ratio_text(struct page *page, const json_t *ratio)
{
	double value = doc_real(ratio, "ratio"), width = doc_real(ratio, "half_width");
	return isfinite(value) ? page_text(page, "%.2f +-%.2f", value, width)
	                       : doc_text(ratio, "absent_because");
}

/* Rows of a roofline with one slope and one flat part, wide enough for the intensities given. */
static json_t *two_roofs(struct page *page, double peak, double memory, double least, double most)
{
	double ridge = peak / memory, low = fmin(least, ridge) / 8;
	double high = fmax(most, ridge) * 8;
	const char *slope = page_text(page, "memory %s", show_si(page, memory, "B/s"));
	const char *flat = page_text(page, "arithmetic %s", show_si(page, peak, "FLOP/s"));
	return json_pack("[{s:f,s:f,s:s,s:s},{s:f,s:f,s:s},{s:f,s:f,s:s},{s:f,s:f,s:s,s:s}]",
	                 "intensity", low, "gflops", memory * low / 1e9, "roof", slope, "label",
	                 slope, "intensity", ridge, "gflops", peak / 1e9, "roof", slope,
	                 "intensity", ridge, "gflops", peak / 1e9, "roof", flat, "intensity", high,
	                 "gflops", peak / 1e9, "roof", flat, "peak", flat);
}

/* The command below the roofs that were measured beside it, where counters gave its place. */
static void add_place(struct page *page, const json_t *document)
{
	double intensity = doc_real(document, "evidence.counters.intensity");
	double flops = doc_real(document, "evidence.counters.flops_per_s");
	double peak = doc_real(document, "evidence.roofs.f64_flops_per_s");
	double memory = doc_real(document, "evidence.roofs.bytes_per_s");
	if (!(intensity > 0) || !(flops > 0) || !(peak > 0) || !(memory > 0))
		return;
	json_t *roofs = two_roofs(page, peak, memory, intensity, intensity);
	json_t *points =
	    json_pack("[{s:f, s:f, s:s, s:s, s:s}]", "intensity", intensity, "gflops", flops / 1e9,
	              "kernel", "the command", "paradigm", "counters", "where", "whole run");
	static const char *const heads[] = { "FLOP per byte", "Rate", "Roof of arithmetic",
		                             "Roof of memory" };
	struct page_table *t = page_new_table(page, "rrrr", heads);
	table_number(t, intensity, 3);
	table_si(t, flops, "FLOP/s");
	table_si(t, peak, "FLOP/s");
	table_si(t, memory, "B/s");
	page_add_figure(page, PAGE_UNDERSTAND, "The command below the roofs of this machine",
	                "Both roofs were measured right beside the command.",
	                figure_roofline(roofs, points), t);
}

void section_characterize(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "Evidence", "Found" };
	const char *class = doc_text(document, "class"), *because = doc_text(document, "because");
	struct page_table *t = page_new_table(page, "ll", heads);
	const json_t *e = doc_get(document, "evidence");
	page_add_answer(
	    page, PAGE_UNDERSTAND, class ? class : "unknown",
	    page_text(page, "is what `%s` is", doc_show(page, doc_get(document, "command"))),
	    "measured");
	page_add_title(page, PAGE_UNDERSTAND, "What the command waits for");
	if (because)
		page_add_text(page, PAGE_UNDERSTAND, show_sentence(page, because));
	fact(t, "Processors busy",
	     page_text(page, "%.2f of %.0f", doc_real(e, "busy_processors"),
	               doc_real(e, "processors")));
	fact(t, "Share of a change of clock that shows in its time",
	     ratio_text(page, doc_get(e, "clock_sensitivity")));
	fact(t, "CPU time beside memory traffic, against beside arithmetic",
	     ratio_text(page, doc_get(e, "slowdown_beside_memory")));
	fact(t, "Memory touched in 0.1 s", show_si(page, doc_real(e, "footprint.set_bytes"), "B"));
	fact(t, "New pages touched",
	     show_si(page, doc_real(e, "footprint.rate_bytes_per_s"), "B/s"));
	fact(t, "This machine streamed just then",
	     show_si(page, doc_real(e, "roofs.bytes_per_s"), "B/s"));
	double ipc = doc_real(e, "counters.ipc");
	fact(t, "Hardware counters",
	     isfinite(ipc) ? page_text(page, "%.2f instructions a cycle%s", ipc,
	                               doc_flag(e, "counters.took_turns") ? ", scaled" : "")
	                   : doc_text(e, "counters.absent_because"));
	page_add_facts(page, PAGE_UNDERSTAND, t);
	add_place(page, document);
}

/* ---- phases ---- */

/* Each phase below the roofs of the profile that was given, where its rates are known. */
static void add_places(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "Phase", "FLOP per byte", "Rate", "Bandwidth",
		                             "Class" };
	double memory = doc_real(document, "roofs.bytes_per_s");
	double peak = fmax(doc_real(document, "roofs.f64_flops_per_s"),
	                   doc_real(document, "roofs.f32_flops_per_s"));
	if (!(peak > 0) || !(memory > 0))
		return;
	struct page_table *t = page_new_table(page, "lrrrl", heads);
	json_t *points = json_array();
	double least = INFINITY, most = 0;
	for (size_t i = 0; i < doc_size(document, "phases") && i < PHASES_LISTED; i++) {
		const json_t *p = doc_item(document, "phases", i);
		double flops = doc_real(p, "flops_per_s"), bytes = doc_real(p, "bytes_per_s");
		const char *class = doc_text(p, "class");
		if (!(flops > 0) || !(bytes > 0))
			continue;
		least = fmin(least, flops / bytes);
		most = fmax(most, flops / bytes);
		json_array_append_new(points,
		                      json_pack("{s:f, s:f, s:s, s:s, s:s}", "intensity",
		                                flops / bytes, "gflops", flops / 1e9, "kernel",
		                                page_text(page, "phase %zu", i + 1), "paradigm",
		                                class ? class : "unknown", "where", "phase"));
		table_printf(t, "%zu", i + 1);
		table_number(t, flops / bytes, 3);
		table_si(t, flops, "FLOP/s");
		table_si(t, bytes, "B/s");
		table_cell(t, class ? class : "unknown");
	}
	if (most > 0)
		page_add_figure(page, PAGE_UNDERSTAND, "The phases below the roofs of the profile",
		                "Roofs are the best that the machine of the profile reached.",
		                figure_roofline(two_roofs(page, peak, memory, least, most), points),
		                t);
	else
		json_decref(points);
}

/* Why each phase has its class. */
static void add_classes(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "Phase", "Class", "Evidence" };
	struct page_table *t = page_new_table(page, "lll", heads);
	for (size_t i = 0; i < doc_size(document, "phases") && i < PHASES_LISTED; i++) {
		const json_t *p = doc_item(document, "phases", i);
		const char *class = doc_text(p, "class"), *evidence = doc_text(p, "evidence");
		if (!class || !evidence)
			continue;
		table_printf(t, "%zu", i + 1);
		table_cell(t, class);
		table_cell(t, show_sentence(page, evidence));
	}
	if (table_rows(t) > 0)
		page_add_table(page, PAGE_UNDERSTAND, "What each phase waits for", t);
}

void section_phases(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "Phase", "Begins at", "Time", "Energy",
		                             "Power", "EDP",       "Like" };
	struct page_table *t = page_new_table(page, "lrrrrrl", heads);
	size_t count = doc_size(document, "phases");
	json_t *rows = json_array();
	double end_s = 0;
	for (size_t i = 0; i < count; i++) {
		const json_t *p = doc_item(document, "phases", i);
		end_s = fmax(end_s, doc_real(p, "begin_s") + doc_real(p, "time_s"));
	}
	struct time_unit unit = time_unit_for(end_s);
	for (size_t i = 0; i < count && i < FIGURE_ROWS_MAX / 2; i++) {
		const json_t *p = doc_item(document, "phases", i);
		double begin = doc_real(p, "begin_s"), time_s = doc_real(p, "time_s");
		double power_w = doc_real(p, "power_w");
		for (int end = 0; end < 2 && isfinite(power_w); end++)
			json_array_append_new(rows, json_pack("{s:f, s:f, s:s}", "time",
			                                      (begin + end * time_s) / unit.seconds,
			                                      "power_w", power_w, "series",
			                                      "mean of the phase"));
		if (i >= PHASES_LISTED)
			continue;
		table_printf(t, "%zu", i + 1);
		table_cell(t, show_duration(page, begin));
		table_cell(t, show_duration(page, time_s));
		table_si(t, doc_real(p, "energy_j"), "J");
		table_si(t, power_w, "W");
		table_si(t, doc_real(p, "edp_js"), "J s");
		table_printf(t, "%c", (char)('A' + (int)fmin(doc_real(p, "kind"), 25)));
	}
	double period_s = doc_real(document, "period_s");
	page_add_answer(
	    page, PAGE_UNDERSTAND, page_text(page, "%zu", count),
	    period_s > 0 ? page_text(page, "phases, in a loop of %s", show_duration(page, period_s))
			 : "phases",
	    NULL);
	page_add_title(page, PAGE_UNDERSTAND, "Phases of a run");
	page_add_figure(
	    page, PAGE_UNDERSTAND, "Power of each phase",
	    "Phases with the same letter have the same level: the run comes back to it.",
	    figure_power(rows, (double)NAN, NULL, unit.name, false), t);
	add_classes(page, document);
	add_places(page, document);
}
