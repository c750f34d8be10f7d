/* SPDX-License-Identifier: Apache-2.0
 *
 * The machine profile: what the kernels reach, under the roofs of this machine.
 */
#include "report/section.h"

#include <math.h>
#include <string.h>

#include "report/doc.h"
#include "report/figure.h"

enum { ROOFS_MAX = 16 };

/* A roof: its name, and its rate in FLOP/s or B/s. */
struct roof {
	const char *name;
	double rate;
};
struct roofs {
	struct roof of[ROOFS_MAX];
	size_t count;
	double highest;
};

/* object: {"f64": rate, ...} */
static struct roofs roofs_of(const json_t *object)
{
	union {
		const json_t *given;
		json_t *asked;
	} rates = { .given = object };
	struct roofs roofs = { .count = 0 };
	const char *name;
	json_t *rate;
	if (!json_is_object(object))
		return roofs;
	json_object_foreach(rates.asked, name, rate)
	{
		double value = json_number_value(rate);
		if (value > 0 && roofs.count < ROOFS_MAX) {
			roofs.of[roofs.count++] = (struct roof){ name, value };
			roofs.highest = fmax(roofs.highest, value);
		}
	}
	return roofs;
}

struct extent {
	double low, high;
};

/* FLOP per byte, where the kernels are, with room at both ends; a kernel that touches no memory has
 * none. */
static struct extent intensities(const json_t *document)
{
	struct extent e = { (double)INFINITY, 0 };
	for (size_t i = 0; i < doc_size(document, "kernels"); i++) {
		double x = doc_real(doc_item(document, "kernels", i), "intensity");
		if (x > 0) {
			e.low = fmin(e.low, x);
			e.high = fmax(e.high, x);
		}
	}
	if (!(e.high > 0))
		return (struct extent){ 0.01, 100 };
	return (struct extent){ e.low / 12, e.high * 4 }; /* on the left stand the levels' names */
}

/* key: "label" at the foot of a slope, "peak" at the end of a flat part, NULL for neither. */
static void roof_row(json_t *rows, double intensity, double flops, const char *roof,
                     const char *key)
{
	json_t *row = json_pack("{s:f, s:f, s:s}", "intensity", intensity, "gflops", flops / 1e9,
	                        "roof", roof);
	if (row && key)
		json_object_set_new(row, key, json_string(roof));
	json_array_append_new(rows, row);
}

/* A level of memory bounds the rate to bandwidth x intensity, up to the highest peak; a precision
 * bounds it to its own peak, from where the fastest level stops being the bound. */
static json_t *roof_rows(struct page *page, const struct roofs *flops, const struct roofs *bytes,
                         struct extent e)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < bytes->count; i++) {
		double rate = bytes->of[i].rate;
		double end = flops->highest > 0 ? fmin(flops->highest / rate, e.high) : e.high;
		const char *label =
		    page_text(page, "%s %s", bytes->of[i].name, show_si(page, rate, "B/s"));
		roof_row(rows, e.low, rate * e.low, label, "label");
		roof_row(rows, fmax(end, e.low), rate * fmax(end, e.low), label, NULL);
	}
	for (size_t i = 0; i < flops->count; i++) {
		double rate = flops->of[i].rate;
		double begin = bytes->highest > 0 ? fmax(rate / bytes->highest, e.low) : e.low;
		const char *label =
		    page_text(page, "%s %s", flops->of[i].name, show_si(page, rate, "FLOP/s"));
		roof_row(rows, fmin(begin, e.high), rate, label, NULL);
		roof_row(rows, e.high, rate, label, "peak");
	}
	return rows;
}

/* gflops: a rate, or work per joule. */
static void add_point(json_t *points, const json_t *kernel, const char *where, double gflops)
{
	double intensity = doc_real(kernel, "intensity");
	const char *name = doc_text(kernel, "name"), *paradigm = doc_text(kernel, "paradigm");
	if (intensity > 0 && gflops > 0 && name)
		json_array_append_new(points,
		                      json_pack("{s:f, s:f, s:s, s:s, s:s}", "intensity", intensity,
		                                "gflops", gflops, "kernel", name, "paradigm",
		                                paradigm ? paradigm : "", "where", where));
}

static const char *where_of(struct page *page, const json_t *kernel)
{
	const char *precision = doc_text(kernel, "precision"), *level = doc_text(kernel, "level");
	return page_text(page, "%s%s%s", precision ? precision : "", precision && level ? ", " : "",
	                 level ? level : "");
}

static void add_kernels(struct page *page, const json_t *document)
{
	static const char *const heads[] = {
		"Kernel",    "How",   "Precision, level", "Threads", "Rate",
		"Bandwidth", "Power", "Energy per run",   "Power is"
	};
	struct page_table *t = page_new_table(page, "lllrrrrrl", heads);
	struct roofs flops = roofs_of(doc_get(document, "roofs.flops_per_s"));
	struct roofs bytes = roofs_of(doc_get(document, "roofs.bytes_per_s"));
	json_t *points = json_array();
	for (size_t i = 0; i < doc_size(document, "kernels") && i < FIGURE_ROWS_MAX; i++) {
		const json_t *k = doc_item(document, "kernels", i);
		const char *where = where_of(page, k);
		table_cell(t, doc_text(k, "name"));
		table_cell(t, doc_text(k, "paradigm"));
		table_cell(t, where);
		table_cell(t, doc_show(page, doc_get(k, "threads")));
		table_si(t, 1e9 * doc_real(k, "gflops"), "FLOP/s");
		table_si(t, 1e9 * doc_real(k, "gbps"), "B/s");
		table_si(t, doc_real(k, "power_w"), "W");
		table_si(t, doc_real(k, "energy_j"), "J");
		table_cell(t, doc_text(k, "provenance"));
		add_point(points, k, where, doc_real(k, "gflops"));
	}
	page_add_figure(
	    page, PAGE_UNDERSTAND, "Roofline of this machine",
	    "Lines are the best that this machine reached; a kernel near a slope waits "
	    "for memory, one near a flat part for arithmetic. Scales are logarithmic.",
	    figure_roofline(roof_rows(page, &flops, &bytes, intensities(document)), points), t);
}

/* ---- energy ---- */

enum { CURVE_POINTS = 65 };
static const double SAME_HEIGHT = 1.8; /* of 320 pixels over five decades or so, a line of text */

/* Is what each FLOP and each byte costs above rest known? One that is not would put its curve on
 * another footing than the rest. */
static bool costs_above_rest(const json_t *document, const struct roofs *flops,
                             const struct roofs *bytes)
{
	bool known = isfinite(doc_real(document, "idle_power_w"));
	for (size_t i = 0; i < flops->count; i++)
		known = known && isfinite(doc_real(doc_get(doc_get(document, "energy_per_flop_j"),
		                                           flops->of[i].name),
		                                   "dynamic"));
	for (size_t i = 0; i < bytes->count; i++)
		known = known && isfinite(doc_real(doc_get(doc_get(document, "energy_per_byte_j"),
		                                           bytes->of[i].name),
		                                   "dynamic"));
	return known;
}

/* FLOP per joule at an intensity, by what a FLOP and a byte cost above rest and by the power at
 * rest for as long as the slower of the two takes (Choi, Bedard, Fowler and Vuduc 2013); where not
 * all costs above rest are known, the whole cost of the dearer one. */
static double work_per_joule(const json_t *document, bool above_rest, double intensity,
                             double flops, double bytes, const char *precision, const char *level)
{
	const json_t *flop = doc_get(doc_get(document, "energy_per_flop_j"), precision);
	const json_t *byte = doc_get(doc_get(document, "energy_per_byte_j"), level);
	double rest_w = doc_real(document, "idle_power_w");
	double time_s = fmax(1 / flops, 1 / (intensity * bytes));
	if (above_rest)
		return 1 / (doc_real(flop, "dynamic") + doc_real(byte, "dynamic") / intensity +
		            rest_w * time_s);
	return 1 / fmax(doc_real(flop, "total"), doc_real(byte, "total") / intensity);
}

/* Names that would stand on each other become one: "bf16, int8" for the first, none for the rest.
 * heights: where each stands; NaN: nowhere. NULL: none. */
static const char *joint_name(struct page *page, const struct roofs *roofs, const double *heights,
                              size_t which)
{
	const char *name = NULL;
	for (size_t i = 0; i < roofs->count; i++) {
		if (!(fabs(log(heights[i] / heights[which])) < log(SAME_HEIGHT)))
			continue;
		if (i < which)
			return NULL;
		name =
		    name ? page_text(page, "%s, %s", name, roofs->of[i].name) : roofs->of[i].name;
	}
	return name;
}

static json_t *energy_curves(struct page *page, const json_t *document, const struct roofs *flops,
                             const struct roofs *bytes, struct extent e)
{
	json_t *rows = json_array();
	const bool above_rest = costs_above_rest(document, flops, bytes);
	double feet[ROOFS_MAX], ends[ROOFS_MAX];
	for (size_t b = 0; b < bytes->count && flops->count > 0; b++)
		feet[b] = work_per_joule(document, above_rest, e.low, flops->of[0].rate,
		                         bytes->of[b].rate, flops->of[0].name, bytes->of[b].name);
	for (size_t f = 0; f < flops->count && bytes->count > 0; f++)
		ends[f] = work_per_joule(document, above_rest, e.high, flops->of[f].rate,
		                         bytes->of[0].rate, flops->of[f].name, bytes->of[0].name);
	for (size_t f = 0; f < flops->count; f++)
		for (size_t b = 0; b < bytes->count; b++) {
			const char *label =
			    page_text(page, "%s, %s", flops->of[f].name, bytes->of[b].name);
			for (int i = 0; i < CURVE_POINTS; i++) {
				double x =
				    e.low * pow(e.high / e.low, (double)i / (CURVE_POINTS - 1));
				double y = work_per_joule(document, above_rest, x,
				                          flops->of[f].rate, bytes->of[b].rate,
				                          flops->of[f].name, bytes->of[b].name);
				if (!isfinite(y))
					continue;
				roof_row(rows, x, y, label, NULL);
				/* Levels of one precision meet at the right, precisions of a level
				 * at the left: each name once. */
				json_t *row = json_array_get(rows, json_array_size(rows) - 1);
				const char *name = NULL;
				if (i == 0 && f == 0 && (name = joint_name(page, bytes, feet, b)))
					json_object_set_new(row, "label", json_string(name));
				if (i == CURVE_POINTS - 1 && b == 0 &&
				    (name = joint_name(page, flops, ends, f)))
					json_object_set_new(row, "peak", json_string(name));
			}
		}
	return rows;
}

static void add_energy(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "Kernel", "How", "Precision, level", "FLOP per byte",
		                             "FLOP per joule" };
	struct page_table *t = page_new_table(page, "lllrr", heads);
	struct roofs flops = roofs_of(doc_get(document, "roofs.flops_per_s"));
	struct roofs bytes = roofs_of(doc_get(document, "roofs.bytes_per_s"));
	json_t *points = json_array();
	for (size_t i = 0; i < doc_size(document, "kernels") && i < FIGURE_ROWS_MAX; i++) {
		const json_t *k = doc_item(document, "kernels", i);
		double power_w = doc_real(k, "power_w"), gflops = doc_real(k, "gflops");
		double intensity = doc_real(k, "intensity");
		const char *where = where_of(page, k);
		if (!(power_w > 0) || !(gflops > 0) || !(intensity > 0))
			continue;
		add_point(points, k, where, gflops / power_w);
		table_cell(t, doc_text(k, "name"));
		table_cell(t, doc_text(k, "paradigm"));
		table_cell(t, where);
		table_number(t, intensity, 3);
		table_si(t, 1e9 * gflops / power_w, "FLOP/J");
	}
	const char *source = doc_text(document, "provenance");
	const bool above_rest = costs_above_rest(document, &flops, &bytes);
	page_add_figure(
	    page, PAGE_UNDERSTAND, "Energy roofline of this machine",
	    page_text(
		page,
		"Work per joule that %s, for each level of memory%s. A FLOP costs what it does "
		"in gemm: kernels that stay in registers lie above. Power is %s.",
		above_rest ? "the costs of a FLOP, a byte and the power at rest allow"
			   : "the whole cost of a FLOP or a byte allows, whichever is dearer",
		above_rest ? "; unlike the roofline it has no corner, for energy adds up where "
			     "time overlaps"
			   : "; what each costs above the power at rest is not known",
		source ? source : "unknown"),
	    figure_energy_roofline(
		energy_curves(page, document, &flops, &bytes, intensities(document)), points),
	    t);
}

/* latencies: path of {"L1": seconds, ...}; NULL for FLOPs, which have none. */
static void cost_rows(struct page_table *t, const json_t *document, const char *rates,
                      const char *costs, const char *latencies, const char *rate_unit)
{
	struct roofs roofs = roofs_of(doc_get(document, rates));
	for (size_t i = 0; i < roofs.count; i++) {
		const json_t *cost = doc_get(doc_get(document, costs), roofs.of[i].name);
		table_cell(t, roofs.of[i].name);
		table_si(t, roofs.of[i].rate, rate_unit);
		table_si(t,
		         latencies ? doc_real(doc_get(document, latencies), roofs.of[i].name)
		                   : (double)NAN,
		         "s");
		table_si(t, doc_real(cost, "total"), "J");
		table_si(t, doc_real(cost, "dynamic"), "J");
	}
}

static void add_costs(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "Precision or level", "Roof", "Latency of a load",
		                             "Energy of a FLOP or byte", "above rest" };
	struct page_table *t = page_new_table(page, "lrrrr", heads);
	cost_rows(t, document, "roofs.flops_per_s", "energy_per_flop_j", NULL, "FLOP/s");
	cost_rows(t, document, "roofs.bytes_per_s", "energy_per_byte_j", "latency_s", "B/s");
	if (table_rows(t) > 0)
		page_add_table(page, PAGE_UNDERSTAND,
		               page_text(page, "Roofs, and what a FLOP and a byte cost (power %s)",
		                         doc_text(document, "provenance")
		                             ? doc_text(document, "provenance")
		                             : "unknown"),
		               t);
}

static void add_machine(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "quantity", "value" };
	struct page_table *t = page_new_table(page, "lr", heads);
	const struct {
		const char *label, *text;
	} rows[] = {
		{ "Processor", doc_text(document, "machine.cpu") },
		{ "Processors used", doc_show(page, doc_get(document, "threads")) },
		{ "Vectors", doc_text(document, "isa") },
		{ "Memory", show_si(page, doc_real(document, "machine.memory_bytes"), "B") },
		{ "Power at rest", show_si(page, doc_real(document, "idle_power_w"), "W") },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].text && *rows[i].text && strcmp(rows[i].text, "-") != 0) {
			table_cell(t, rows[i].label);
			table_cell(t, rows[i].text);
		}
	page_add_facts(page, PAGE_UNDERSTAND, t);
}

void section_bench(struct page *page, const json_t *document)
{
	struct roofs flops = roofs_of(doc_get(document, "roofs.flops_per_s"));
	double memory = doc_real(document, "roofs.bytes_per_s.DRAM");
	if (flops.count > 0)
		page_add_answer(page, PAGE_UNDERSTAND, show_si(page, flops.highest, "FLOP/s"),
		                isfinite(memory)
		                    ? page_text(page, "at best on this machine, and %s from memory",
		                                show_si(page, memory, "B/s"))
		                    : "at best on this machine",
		                "measured");
	page_add_title(page, PAGE_UNDERSTAND, "Machine profile");
	add_machine(page, document);
	add_kernels(page, document);
	add_costs(page, document);
	add_energy(page,
	           document); /* behind the table: figures side by side are too narrow for names */
}
