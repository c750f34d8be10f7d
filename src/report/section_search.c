/* SPDX-License-Identifier: Apache-2.0
 *
 * What the predictor answers besides one step: a search, a comparison, generation, a label.
 */
#include "report/section.h"

#include <math.h>
#include <string.h>

#include "report/doc.h"
#include "report/figure.h"

static const char *text_or(const json_t *document, const char *path, const char *fallback)
{
	const char *text = doc_text(document, path);
	return text && *text ? text : fallback;
}

/* "8 x A100, t4 p2, batch 16, amp_bf16, 300 W" */
static const char *setting_of(struct page *page, const json_t *p)
{
	double tensor = doc_real(p, "tensor"), stages = doc_real(p, "pipeline");
	double zero = doc_real(p, "zero");
	const char *split =
	    page_text(page, "%s%s%s", tensor > 1 ? page_text(page, ", tensor %.0f", tensor) : "",
	              stages > 1 ? page_text(page, ", pipeline %.0f", stages) : "",
	              zero > 0 ? page_text(page, ", ZeRO %.0f", zero) : "");
	return page_text(page, "%.0f x %s%s, batch %s, %s, %.0f W", doc_real(p, "gpus"),
	                 text_or(p, "device", "?"), split, doc_show(page, doc_get(p, "batch")),
	                 text_or(p, "precision", "?"), doc_real(p, "power_cap_w"));
}

struct axes {
	struct time_unit time;
	const char *field, *name, *unit;
	double factor;
};

static struct axes axes_of(const json_t *document)
{
	double time_s = 0, energy_j = 0;
	bool cost = strcmp(text_or(document, "pareto_against", "energy"), "cost") == 0;
	for (size_t i = 0; i < doc_size(document, "pareto"); i++) {
		time_s = fmax(time_s, doc_real(doc_item(document, "pareto", i), "time_s"));
		energy_j = fmax(energy_j, doc_real(doc_item(document, "pareto", i), "energy_j"));
	}
	struct axes axes = { .time = time_unit_for(time_s) };
	if (cost) {
		axes.field = "cost";
		axes.name = axes.unit = "Cost";
		axes.factor = 1;
	} else {
		bool large = energy_j >= 3.6e9;
		axes.field = "energy_j";
		axes.name = large ? "Energy (MWh)" : "Energy (kWh)";
		axes.unit = large ? "MWh" : "kWh";
		axes.factor = large ? 3.6e9 : 3.6e6;
	}
	return axes;
}

static void add_front(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "Setting", "Time", "Energy", "Cost", "CO2e", "Bound" };
	struct page_table *t = page_new_table(page, "lrrrrl", heads);
	struct axes axes = axes_of(document);
	const json_t *best = doc_get(document, "best");
	json_t *points = json_array(), *front = json_array();
	size_t count = doc_size(document, "pareto");
	for (size_t i = 0; i < count && i < FIGURE_ROWS_MAX; i++) {
		const json_t *p = doc_item(document, "pareto", i);
		double time = doc_real(p, "time_s"), second = doc_real(p, axes.field);
		if (!isfinite(time) || !isfinite(second))
			continue;
		const char *label = setting_of(page, p);
		bool chosen = json_is_object(best) && json_equal(best, p);
		json_t *row = json_pack("{s:f, s:f, s:s, s:s}", "time", time / axes.time.seconds,
		                        "energy", second / axes.factor, "label", label, "role",
		                        chosen ? "least energy" : "on the front");
		if (row && chosen)
			json_object_set_new(
			    row, "tag",
			    json_string(page_text(page, "%.0f x %s", doc_real(p, "gpus"),
			                          text_or(p, "device", "?"))));
		json_array_append_new(points, row);
		json_array_append_new(front,
		                      json_pack("{s:f, s:f}", "time", time / axes.time.seconds,
		                                "energy", second / axes.factor));
		table_cell(t, label);
		table_cell(t, show_duration(page, time));
		table_si(t, doc_real(p, "energy_j"), "J");
		table_number(t, doc_real(p, "cost"), 4);
		table_si(t, doc_real(p, "co2_g"), "g");
		table_cell(t, doc_text(p, "bound"));
	}
	json_t *spec = figure_tradeoff(points, front, axes.time.name, axes.unit);
	if (spec && strcmp(axes.field, "cost") == 0)
		figure_set(spec, "encoding.y.axis.title", json_string(axes.name));
	page_add_figure(page, PAGE_MODEL, "What the least of each costs of the other",
	                "Down and to the left is better. Every configuration that was searched "
	                "lies on or above the line.",
	                spec, t);
}

void section_search(struct page *page, const json_t *document)
{
	const json_t *best = doc_get(document, "best");
	const char *model = text_or(document, "request.model", "a model");
	const char *what = text_or(document, "request.minimise", "energy");
	page_add_title(page, PAGE_MODEL,
	               page_text(page, "The configuration of least %s for %s", what, model));
	if (!json_is_object(best)) {
		page_add_remark(page, PAGE_MODEL, "No configuration obeys all limits.");
		return;
	}
	page_add_answer(page, PAGE_MODEL, show_si(page, doc_real(best, "energy_j"), "J"),
	                page_text(page, "%s in %s with the least %s: %s", model,
	                          show_duration(page, doc_real(best, "time_s")), what,
	                          setting_of(page, best)),
	                "modelled");
	static const char *const heads[] = { "quantity", "value" };
	struct page_table *t = page_new_table(page, "lr", heads);
	table_cell(t, "Time");
	table_cell(t, show_duration(page, doc_real(best, "time_s")));
	table_cell(t, "Energy");
	table_si(t, doc_real(best, "energy_j"), "J");
	table_cell(t, "Power of all GPUs");
	table_si(t, doc_real(best, "power_w"), "W");
	table_cell(t, "Memory of a GPU");
	table_si(t, doc_real(best, "memory_bytes"), "B");
	table_cell(t, "Cost");
	table_number(t, doc_real(best, "cost"), 4);
	table_cell(t, "Configurations");
	table_cell(t, doc_show(page, doc_get(document, "configurations.all")));
	table_cell(t, "Evaluated");
	table_cell(t, doc_show(page, doc_get(document, "configurations.evaluated")));
	page_add_facts(page, PAGE_MODEL, t);
	add_front(page, document);
}

void section_explain(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "Group",  "First", "Second", "Difference",
		                             "Mostly", "Work",  "Rate" };
	const char *first = text_or(document, "first.request.model", "the first");
	const char *second = text_or(document, "second.request.model", "the second");
	if (strcmp(first, second) == 0) {
		first = text_or(document, "first.request.device", first);
		second = text_or(document, "second.request.device", second);
	}
	double time = doc_real(document, "ratios.time");
	if (isfinite(time))
		page_add_answer(page, PAGE_MODEL, page_text(page, "%.3gx", time),
		                page_text(page, "the time of %s against %s", first, second),
		                "modelled");
	page_add_title(page, PAGE_MODEL, page_text(page, "%s against %s", first, second));
	for (size_t i = 0; i < doc_size(document, "sentences"); i++)
		page_add_text(page, PAGE_MODEL, doc_show(page, doc_item(document, "sentences", i)));
	struct page_table *t = page_new_table(page, "lrrrlrr", heads);
	for (size_t i = 0; i < doc_size(document, "differences") && i < FIGURE_ROWS_MAX; i++) {
		const json_t *row = doc_item(document, "differences", i);
		table_cell(t, doc_text(row, "group"));
		table_cell(t, show_duration(page, doc_real(row, "first_s")));
		table_cell(t, show_duration(page, doc_real(row, "second_s")));
		table_si(t, doc_real(row, "difference_s"), "s");
		table_cell(t, doc_text(row, "cause"));
		table_number(t, doc_real(row, "work_ratio"), 3);
		table_number(t, doc_real(row, "rate_ratio"), 3);
	}
	page_add_table(page, PAGE_MODEL, "Where the difference lies", t);
}

void section_generate(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "quantity", "value" };
	static const struct {
		const char *label, *key, *unit;
	} rows[] = {
		{ "Time to the first token", "first_token_s", "s" },
		{ "Time of a token", "token_s", "s" },
		{ "Tokens a second, all GPUs", "tokens_per_s", "" },
		{ "Energy of a token written", "energy_per_token_j", "J" },
		{ "Energy of a token of a prompt", "energy_per_prompt_token_j", "J" },
		{ "Power of a GPU", "power_w", "W" },
		{ "Memory of a GPU", "memory_bytes", "B" },
		{ "Cached keys and values", "cache_bytes", "B" },
		{ "Sequences that would fit", "largest_batch", "" },
	};
	const char *model = text_or(document, "request.model", "a model");
	const char *device = text_or(document, "request.device", "a device");
	page_add_answer(page, PAGE_MODEL,
	                show_si(page, doc_real(document, "energy_per_token_j"), "J"),
	                page_text(page, "a token that %s writes on %s", model, device), "modelled");
	page_add_title(page, PAGE_MODEL, page_text(page, "%s writes on %s", model, device));
	struct page_table *t = page_new_table(page, "lr", heads);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		double value = doc_real(document, rows[i].key);
		if (!isfinite(value))
			continue;
		table_cell(t, rows[i].label);
		if (*rows[i].unit)
			table_si(t, value, rows[i].unit);
		else
			table_number(t, value, 4);
	}
	page_add_facts(page, PAGE_MODEL, t);
}

void section_label(struct page *page, const json_t *document)
{
	static const char *const heads[] = { "quantity", "value" };
	const char *model = text_or(document, "model", "a model");
	const char *letter = text_or(document, "class.letter", "-");
	double energy = doc_real(document, "training.energy_j");
	page_add_answer(page, PAGE_MODEL, show_si(page, energy / 3600, "Wh"),
	                page_text(page, "to train %s; class %s in inference", model, letter),
	                "modelled");
	page_add_title(page, PAGE_MODEL, page_text(page, "Energy label of %s", model));
	struct page_table *t = page_new_table(page, "lr", heads);
	table_cell(t, "Class");
	table_cell(t, letter);
	table_cell(t, "Training");
	table_si(t, energy / 3600, "Wh");
	table_cell(t, "Time of training");
	table_cell(t, show_duration(page, doc_real(document, "training.time_s")));
	table_cell(t, "CO2e of training");
	table_si(t, doc_real(document, "training.co2_g"), "g");
	table_cell(t, page_text(page, "Inference, 1,000 %s",
	                        text_or(document, "inference.unit", "samples")));
	table_si(t, doc_real(document, "inference.energy_per_1000_j"), "J");
	page_add_facts(page, PAGE_MODEL, t);
	page_add_text(page, PAGE_MODEL,
	              page_text(page, "Trained to: %s (%s).",
	                        text_or(document, "training.target", "not stated"),
	                        text_or(document, "training.recipe_source", "no source")));
	page_add_text(page, PAGE_MODEL,
	              page_text(page, "Class: %s.", text_or(document, "class.rule", "not stated")));
}
