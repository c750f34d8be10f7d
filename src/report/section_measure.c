/* SPDX-License-Identifier: Apache-2.0 */
#include "report/section.h"

#include <math.h>
#include <string.h>

#include "measure/recorder.h"
#include "report/doc.h"
#include "report/figure.h"

static const char *const power_of_domain[] = { "average_power_w", "power_w", "mean_power_w", NULL };

/* What the total rests on, in the words of the document's domains. */
static const char *source_of(const json_t *document)
{
	const char *stated = doc_text(document, "total.provenance");
	if (stated)
		return stated;
	bool measured = false, modelled = false;
	for (size_t i = 0; i < doc_size(document, "domains"); i++) {
		const char *source = doc_text(doc_item(document, "domains", i), "provenance");
		measured |= source && strcmp(source, "measured") == 0;
		modelled |= source && strcmp(source, "modelled") == 0;
	}
	return measured && modelled ? "measured and modelled"
	       : measured           ? "measured"
	       : modelled           ? "modelled"
	                            : NULL;
}

static const char *interval_text(struct page *page, const json_t *object)
{
	double low = doc_real(object, "energy_low_j"), high = doc_real(object, "energy_high_j");
	if (!isfinite(low) || !isfinite(high))
		return NULL;
	return page_text(page, "%s to %s", show_si(page, low, "J"), show_si(page, high, "J"));
}

static const char *carbon_text(struct page *page, const json_t *document)
{
	const char *grid = doc_text(document, "carbon.grid");
	if (!grid || !isfinite(doc_real(document, "carbon.g_co2e")))
		return NULL;
	return page_text(page, "%s at %.4g g/kWh (%s)",
	                 show_si(page, doc_real(document, "carbon.g_co2e"), "g"),
	                 doc_real(document, "carbon.g_per_kwh"), grid);
}

static const char *cost_text(struct page *page, const json_t *document)
{
	double amount = doc_real(document, "cost.amount");
	if (!isfinite(amount))
		return NULL;
	return page_text(page, "%.4g at %.4g a kWh", amount,
	                 doc_real(document, "cost.price_per_kwh"));
}

static bool is_recording(const json_t *document)
{
	const char *command = doc_text(document, "command");
	return command && strcmp(command, RECORDING) == 0;
}

static void add_facts(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "quantity", "value" };
	struct page_table *t = page_new_table(page, "lr", heads);
	static const char *const total_power[] = { "total.average_power_w", "total.power_w",
		                                   "average_power_w", NULL };
	const struct {
		const char *label, *text;
	} rows[] = {
		{ "Energy", show_si(page, doc_real(document, "total.energy_j"), "J") },
		{ "About 95% sure", interval_text(page, doc_get(document, "total")) },
		{ "Time", show_duration(page, doc_real(document, "duration_s")) },
		{ "Mean power", show_si(page, doc_real_of(document, total_power), "W") },
		{ "Peak power", show_si(page, doc_real(document, "total.peak_power_w"), "W") },
		{ "Carbon (CO2e)", carbon_text(page, document) },
		{ "Cost", cost_text(page, document) },
		{ "CPU time of the command",
		  is_recording(document)
		      ? NULL
		      : show_duration(page, doc_real(document, "user_s") +
		                                doc_real(document, "system_s")) },
		{ "CPU time of the sampler",
		  show_duration(page, doc_real(document, "sampling.own_cpu_s")) },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].text && strcmp(rows[i].text, "-") != 0) {
			table_cell(t, rows[i].label);
			table_cell(t, rows[i].text);
		}
	page_add_facts(page, PAGE_MEASURE, t);
}

static void add_domains(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "Domain",     "Energy", "Range (about 95%)",
		                             "Mean power", "Source", "Note" };
	struct page_table *t = page_new_table(page, "lrrrll", heads);
	json_t *rows = json_array();
	size_t bars = 0;
	for (size_t i = 0; i < doc_size(document, "domains"); i++) {
		const json_t *d = doc_item(document, "domains", i);
		const char *name = doc_text(d, "name");
		double energy_j = doc_real(d, "energy_j");
		const char *source = doc_text(d, "provenance");
		const char *twin = doc_text(d, "duplicate_of");
		if (table_rows(t) >= FIGURE_ROWS_MAX)
			break;
		table_cell(t, name);
		table_si(t, energy_j, "J");
		table_cell(t, interval_text(page, d));
		table_si(t, doc_real_of(d, power_of_domain), "W");
		table_cell(t, source);
		if (twin && *twin)
			table_printf(t, "the same as %s, not counted again", twin);
		else
			table_cell(t, json_is_false(doc_get(d, "in_total"))
			                  ? "inside another, not counted again"
			                  : "");
		if (name && isfinite(energy_j) && !(twin && *twin) && bars < FIGURE_BARS_MAX) {
			bars++;
			json_array_append_new(rows, json_pack("{s:s, s:f, s:s, s:s}", "domain",
			                                      name, "energy_j", energy_j, "source",
			                                      source ? source : "measured", "shown",
			                                      show_si(page, energy_j, "J")));
		}
	}
	if (bars > 0)
		page_add_figure(page, PAGE_MEASURE, "Energy by domain",
		                "A domain lies inside the one whose name begins its own; the total "
		                "counts every joule once.",
		                figure_energy(rows, bars), t);
	else
		json_decref(rows);
}

/* Keeps the highest and lowest of every stretch, so that a peak is never lost to thinning. */
static void thin_series(json_t *rows, struct page_table *t, const char *name, const json_t *times,
                        const json_t *powers, size_t most, double unit_s)
{
	size_t count = json_array_size(powers), stretch = count / (most / 2 ? most / 2 : 1) + 1;
	for (size_t i = 0; i < count; i += stretch) {
		size_t low = SIZE_MAX, high = SIZE_MAX;
		for (size_t k = i; k < i + stretch && k < count; k++) {
			const json_t *p = json_array_get(powers, k);
			if (!json_is_number(p) || !json_is_number(json_array_get(times, k)))
				continue;
			double w = json_number_value(p);
			if (low == SIZE_MAX || w < json_number_value(json_array_get(powers, low)))
				low = k;
			if (high == SIZE_MAX || w > json_number_value(json_array_get(powers, high)))
				high = k;
		}
		size_t order[2] = { low < high ? low : high, low < high ? high : low };
		for (size_t k = 0; k < 2; k++) {
			if (order[k] == SIZE_MAX || (k == 1 && order[0] == order[1]))
				continue;
			double time_s = json_number_value(json_array_get(times, order[k]));
			double power_w = json_number_value(json_array_get(powers, order[k]));
			json_array_append_new(rows,
			                      json_pack("{s:f, s:f, s:s}", "time", time_s / unit_s,
			                                "power_w", power_w, "series", name));
			table_cell(t, name);
			table_number(t, time_s, 6);
			table_number(t, power_w, 5);
		}
	}
}

/* series: {time_s: [...], power_w: {domain: [...], ...}} */
static void add_power(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "Domain", "Time (s)", "Power (W)" };
	const json_t *times = doc_get(document, "series.time_s");
	json_t *powers = json_object_get(doc_get(document, "series"), "power_w");
	size_t domains = json_object_size(powers), samples = json_array_size(times);
	if (domains == 0 || samples < 2)
		return;
	struct page_table *t = page_new_table(page, "lrr", heads);
	struct time_unit unit =
	    time_unit_for(json_number_value(json_array_get(times, samples - 1)));
	json_t *rows = json_array();
	const char *name;
	json_t *values;
	json_object_foreach(powers, name, values)
	{
		thin_series(rows, t, name, times, values, FIGURE_ROWS_MAX / domains, unit.seconds);
	}
	const char *note = "Choose a name in the legend to see it alone.";
	if (samples > FIGURE_ROWS_MAX / domains)
		note = page_text(page,
		                 "Of %zu samples the highest and lowest of every stretch are "
		                 "drawn. Choose a name in the legend to see it alone.",
		                 samples);
	page_add_figure(page, PAGE_MEASURE, "Power over time", note,
	                figure_power(rows, (double)NAN, NULL, unit.name, false), t);
}

void section_measure(struct page *page, const json_t *document)
{
	const json_t *command = doc_get(document, "command");
	const char *what = command ? doc_show(page, command) : "a run";
	if (is_recording(document))
		what = "a recording";
	const char *source = source_of(document);
	page_add_answer(page, PAGE_MEASURE,
	                show_si(page, doc_real(document, "total.energy_j"), "J"),
	                page_text(page, "in %s of %s",
	                          show_duration(page, doc_real(document, "duration_s")), what),
	                source);
	page_add_title(page, PAGE_MEASURE, what);
	if (source && strstr(source, "modelled"))
		page_add_remark(page, PAGE_MEASURE,
		                strcmp(source, "modelled") == 0
		                    ? "This machine shows no power sensor: every joule here is "
		                      "modelled from CPU time and memory, not measured."
		                    : "Part of this energy is modelled: the table says which.");
	add_facts(page, document);
	add_power(page, document);
	add_domains(page, document);
}

/* "run 12", or the name of a file. */
static const char *run_name(struct page *page, const json_t *document, const char *key)
{
	const json_t *name = doc_get(document, key);
	const char *text = doc_show(page, name);
	return json_is_integer(name) ? page_text(page, "run %s", text) : *text ? text : "a run";
}

static const char *verdict_of(const json_t *row)
{
	return !doc_text(row, "by")           ? "not known"
	       : doc_flag(row, "significant") ? "differs for sure"
	                                      : "may be equal";
}

/* A cost has no unit: whose money it is, nobody has said. */
static void quantity(struct page_table *t, double value, const char *unit)
{
	if (unit && *unit)
		table_si(t, value, unit);
	else
		table_number(t, value, 4);
}

static void add_compared(struct page *page, const json_t *document, const char *a, const char *b)
{
	static const char *const heads[] = { "Quantity", "First",      "Second",
		                             "Ratio",    "Difference", "At 95%" };
	struct page_table *t = page_new_table(page, "lrrrrl", heads);
	for (size_t i = 0; i < doc_size(document, "rows"); i++) {
		const json_t *row = doc_item(document, "rows", i);
		const char *unit = doc_text(row, "unit");
		table_cell(t, doc_text(row, "name"));
		quantity(t, doc_real(row, "a"), unit);
		quantity(t, doc_real(row, "b"), unit);
		table_number(t, doc_real(row, "ratio"), 4);
		quantity(t, doc_real(row, "difference"), unit);
		table_cell(t, verdict_of(row));
	}
	page_add_table(page, PAGE_MEASURE,
	               page_text(page, "First: %s. Second: %s. Ratio: second over first.", a, b),
	               t);
}

void section_compare(struct page *page, const json_t *document)
{
	const char *a = run_name(page, document, "a"), *b = run_name(page, document, "b");
	for (size_t i = 0; i < doc_size(document, "rows"); i++) {
		const json_t *row = doc_item(document, "rows", i);
		const char *name = doc_text(row, "name");
		if (!name || strcmp(name, "total energy") != 0)
			continue;
		page_add_answer(
		    page, PAGE_MEASURE, show_change(page, doc_real(row, "b"), doc_real(row, "a")),
		    page_text(page, "energy of %s against %s: %s", b, a, verdict_of(row)), NULL);
	}
	page_add_title(page, PAGE_MEASURE, page_text(page, "%s against %s", b, a));
	add_compared(page, document, a, b);
}
