/* SPDX-License-Identifier: Apache-2.0
 *
 * The machine profile: what the kernels reach, under the roofs of this machine.
 */
#include "report/section.h"

#include <math.h>
#include <string.h>

#include "report/doc.h"
#include "report/figure.h"

/* The best of a list under any of two names. */
static double best_of(const json_t *list, const char *key)
{
	double best = (double)NAN;
	for (size_t i = 0; i < json_array_size(list); i++)
		best = fmax(best, doc_real(json_array_get(list, i), key));
	return best;
}

struct extent {
	double low, high;
};

static struct extent intensities(const json_t *kernels)
{
	struct extent e = { INFINITY, 0 };
	for (size_t i = 0; i < json_array_size(kernels); i++) {
		double x = doc_real(json_array_get(kernels, i), "intensity");
		if (x > 0) {
			e.low = fmin(e.low, x);
			e.high = fmax(e.high, x);
		}
	}
	if (!(e.high > 0))
		return (struct extent){ 0.01, 100 };
	return (struct extent){ e.low / 4, e.high * 4 };
}

/* key: "label" at the foot of a slope, "peak" at the end of a flat part, NULL for neither. */
static void roof_row(json_t *rows, double intensity, double gflops, const char *roof,
                     const char *key)
{
	json_t *row =
	    json_pack("{s:f, s:f, s:s}", "intensity", intensity, "gflops", gflops, "roof", roof);
	if (row && key)
		json_object_set_new(row, key, json_string(roof));
	json_array_append_new(rows, row);
}

/* A level of memory bounds the rate to bandwidth x intensity, up to the highest peak; a precision
 * bounds it to its own peak, from where the fastest level stops being the bound. */
static json_t *roof_rows(struct page *page, const json_t *document, struct extent e)
{
	const json_t *peaks = doc_get(document, "peaks");
	const json_t *levels = doc_get(document, "bandwidths");
	double top = best_of(peaks, "gflops"), fastest = best_of(levels, "gbps");
	json_t *rows = json_array();
	for (size_t i = 0; i < json_array_size(levels); i++) {
		const json_t *level = json_array_get(levels, i);
		double rate = doc_real(level, "gbps");
		const char *name = doc_text(level, "level");
		if (!(rate > 0) || !name)
			continue;
		const char *label =
		    page_text(page, "%s %s", name, show_si(page, rate * 1e9, "B/s"));
		double end = top > 0 ? fmin(top / rate, e.high) : e.high;
		roof_row(rows, e.low, rate * e.low, label, "label");
		roof_row(rows, fmax(end, e.low), rate * fmax(end, e.low), label, NULL);
	}
	for (size_t i = 0; i < json_array_size(peaks); i++) {
		const json_t *peak = json_array_get(peaks, i);
		double gflops = doc_real(peak, "gflops");
		const char *name = doc_text(peak, "name");
		if (!(gflops > 0) || !name)
			continue;
		const char *label =
		    page_text(page, "%s %s", name, show_si(page, gflops * 1e9, "FLOP/s"));
		double begin = fastest > 0 ? fmax(gflops / fastest, e.low) : e.low;
		roof_row(rows, fmin(begin, e.high), gflops, label, NULL);
		roof_row(rows, e.high, gflops, label, "peak");
	}
	return rows;
}

static const char *kernel_name(struct page *page, const json_t *kernel)
{
	const char *name = doc_text(kernel, "name"), *paradigm = doc_text(kernel, "paradigm");
	if (!name)
		name = doc_text(kernel, "kernel");
	return page_text(page, "%s%s%s", name ? name : "kernel", paradigm ? ", " : "",
	                 paradigm ? paradigm : "");
}

static void add_kernels(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "Kernel",         "Size",  "Rate",
		                             "Bandwidth",      "Power", "Energy per run",
		                             "Source of power" };
	const json_t *kernels = doc_get(document, "kernels");
	struct page_table *t = page_new_table(page, "llrrrrl", heads);
	json_t *points = json_array();
	for (size_t i = 0; i < json_array_size(kernels) && i < FIGURE_ROWS_MAX; i++) {
		const json_t *k = json_array_get(kernels, i);
		const char *name = kernel_name(page, k);
		table_cell(t, name);
		table_cell(t, doc_show(page, doc_get(k, "size")));
		table_si(t, 1e9 * doc_real(k, "gflops"), "FLOP/s");
		table_si(t, 1e9 * doc_real(k, "gbps"), "B/s");
		table_si(t, doc_real(k, "power_w"), "W");
		table_si(t, doc_real(k, "energy_j"), "J");
		table_cell(t, doc_text(k, "provenance"));
		if (doc_real(k, "intensity") > 0 && doc_real(k, "gflops") > 0)
			json_array_append_new(
			    points,
			    json_pack("{s:f, s:f, s:s, s:s}", "intensity", doc_real(k, "intensity"),
			              "gflops", doc_real(k, "gflops"), "kernel", name, "size",
			              doc_show(page, doc_get(k, "size"))));
	}
	page_add_figure(page, PAGE_UNDERSTAND, "Roofline of this machine",
	                "Lines are what the machine reached at its best; a point below the slope "
	                "waits for memory, one below the flat part for arithmetic.",
	                figure_roofline(roof_rows(page, document, intensities(kernels)), points),
	                t);
}

void section_bench(struct page *page, const json_t *document)
{
	double gflops = best_of(doc_get(document, "peaks"), "gflops");
	double gbps = best_of(doc_get(document, "bandwidths"), "gbps");
	page_add_answer(
	    page, PAGE_UNDERSTAND, show_si(page, gflops * 1e9, "FLOP/s"),
	    page_text(page, "at best, and %s from memory", show_si(page, gbps * 1e9, "B/s")),
	    "measured");
	page_add_title(page, PAGE_UNDERSTAND, "Machine profile");
	add_kernels(page, document);
}
