/* SPDX-License-Identifier: Apache-2.0 */
#include "report/section.h"

#include <math.h>
#include <string.h>

#include "report/doc.h"
#include "report/figure.h"

/* The model, device, ... under their own names, or inside "input", "workload" or "settings". */
static const json_t *stated(const json_t *document, const char *key)
{
	static const char *const places[] = { "input", "workload", "settings", "request", NULL };
	const json_t *value = doc_get(document, key);
	for (const char *const *place = places; !value && *place; place++)
		value = doc_get(doc_get(document, *place), key);
	return json_is_object(value) ? doc_get(value, "name") : value;
}

static const char *what_of(struct page *page, const json_t *document)
{
	const char *model = doc_show(page, stated(document, "model"));
	const char *device = doc_show(page, stated(document, "device"));
	const char *gpus = doc_show(page, stated(document, "gpus"));
	return page_text(page, "%s on %s%s%s", *model ? model : "a model",
	                 *gpus && strcmp(gpus, "1") != 0 ? gpus : "",
	                 *gpus && strcmp(gpus, "1") != 0 ? " x " : "",
	                 *device ? device : "a device");
}

static const char *range(struct page *page, const json_t *document, const char *key,
                         const char *unit)
{
	double low = json_number_value(doc_item(document, key, 0));
	double high = json_number_value(doc_item(document, key, 1));
	if (!(low < high))
		return "";
	return page_text(page, " (%s to %s)", show_si(page, low, unit), show_si(page, high, unit));
}

static void add_facts(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "quantity", "value" };
	static const struct {
		const char *label, *key;
	} settings[] = {
		{ "Batch per GPU", "batch_per_gpu" },
		{ "Precision", "precision" },
		{ "Sequence length", "sequence" },
		{ "Resolution", "resolution" },
		{ "Runtime", "runtime" },
		{ "Optimizer", "optimizer" },
		{ "GPUs", "gpus" },
		{ "Power cap (W)", "power_cap_w" },
		{ "Calibration", "calibration" },
	};
	struct page_table *t = page_new_table(page, "lr", heads);
	table_cell(t, "Time of a step");
	table_printf(t, "%s%s", show_duration(page, doc_real(document, "step_time_s")),
	             range(page, document, "step_time_interval80_s", "s"));
	table_cell(t, "Power of a GPU");
	table_printf(t, "%s%s", show_si(page, doc_real(document, "power_w"), "W"),
	             range(page, document, "power_interval80_w", "W"));
	table_cell(t, "Energy of a step");
	table_printf(t, "%s%s", show_si(page, doc_real(document, "energy_per_step_j"), "J"),
	             range(page, document, "energy_interval80_j", "J"));
	table_cell(t, "Ranges hold");
	table_cell(t, "80% of the time");
	table_cell(t, "Memory of a GPU");
	double memory = doc_real(document, "memory_bytes");
	table_printf(t, "%s%s", show_si(page, memory, "B"),
	             json_is_false(doc_get(document, "fits")) ? ", does not fit" : "");
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		const char *shown = doc_show(page, stated(document, settings[i].key));
		if (!*shown || strcmp(shown, "0") == 0)
			continue;
		table_cell(t, settings[i].label);
		table_cell(t, shown);
	}
	page_add_facts(page, PAGE_MODEL, t);
}

struct part {
	const char *name, *bound;
	const json_t *causes; /* object of seconds, or NULL */
	double time_s;
};

static struct part part_of(const json_t *row)
{
	static const char *const names[] = { "group", "name", "part", "cause", NULL };
	struct part part = { .time_s = doc_real(row, "time_s") };
	for (const char *const *name = names; !part.name && *name; name++)
		part.name = doc_text(row, *name);
	part.bound = doc_text(row, "largest_family");
	part.causes = doc_get(row, "causes");
	if (!part.causes)
		part.causes = doc_get(row, "cause_s");
	return part;
}

static void bars_of(json_t *rows, const struct part *part, double unit_s)
{
	if (!json_is_object(part->causes)) {
		json_array_append_new(rows, json_pack("{s:s, s:s, s:f, s:i}", "part", part->name,
		                                      "cause", part->bound ? part->bound : "time",
		                                      "time", part->time_s / unit_s, "order", 0));
		return;
	}
	int order = 0;
	union {
		const json_t *given;
		json_t *asked;
	} causes = { .given = part->causes };
	const char *name;
	json_t *value;
	json_object_foreach(causes.asked, name, value)
	{
		size_t length = strlen(name);
		if (length > 2 && strcmp(name + length - 2, "_s") == 0)
			length -= 2;
		double time_s = json_number_value(value);
		if (time_s > 0)
			json_array_append_new(
			    rows, json_pack("{s:s, s:s%, s:f, s:i}", "part", part->name, "cause",
			                    name, length, "time", time_s / unit_s, "order", order));
		order++;
	}
}

static void add_breakdown(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "Part", "Time", "Share", "Energy", "Mostly" };
	struct page_table *t = page_new_table(page, "lrrrl", heads);
	json_t *rows = json_array();
	double step_s = doc_real(document, "step_time_s"), longest_s = 0;
	size_t count = doc_size(document, "breakdown"), bars = 0;
	for (size_t i = 0; i < count; i++)
		longest_s = fmax(longest_s, doc_real(doc_item(document, "breakdown", i), "time_s"));
	struct time_unit unit = time_unit_for(longest_s);
	for (size_t i = 0; i < count && i < FIGURE_ROWS_MAX; i++) {
		const json_t *row = doc_item(document, "breakdown", i);
		struct part part = part_of(row);
		if (!part.name || !isfinite(part.time_s))
			continue;
		table_cell(t, part.name);
		table_cell(t, show_duration(page, part.time_s));
		table_cell(t, show_percent(page, part.time_s / step_s));
		table_si(t, doc_real(row, "energy_j"), "J");
		table_cell(t, part.bound);
		if (part.time_s > 0 && bars < FIGURE_BARS_MAX) {
			bars++;
			bars_of(rows, &part, unit.seconds);
		}
	}
	if (bars > 0)
		page_add_figure(page, PAGE_MODEL, "Where the time of a step goes", NULL,
		                figure_breakdown(rows, bars, unit.name), t);
	else
		json_decref(rows);
}

void section_predict(struct page *page, const json_t *document)
{
	const char *what = what_of(page, document);
	page_add_answer(page, PAGE_MODEL,
	                show_si(page, doc_real(document, "energy_per_step_j"), "J"),
	                page_text(page, "a training step of %s: %s at %s a GPU", what,
	                          show_duration(page, doc_real(document, "step_time_s")),
	                          show_si(page, doc_real(document, "power_w"), "W")),
	                "modelled");
	page_add_title(page, PAGE_MODEL, what);
	add_facts(page, document);
	for (size_t i = 0; i < doc_size(document, "reasons"); i++)
		page_add_text(page, PAGE_MODEL, doc_show(page, doc_item(document, "reasons", i)));
	add_breakdown(page, document);
}
