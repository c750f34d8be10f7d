/* SPDX-License-Identifier: Apache-2.0 */
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "report/doc.h"
#include "report/section.h"
#include "report/write.h"

enum { INPUTS_MAX = 1000 };

/* In the order in which their sections stand. */
static const struct kind {
	const char *name, *title;
	void (*section)(struct page *page, const json_t *document);
} kinds[] = {
	{ "ergon.measure", "Energy of a run", section_measure },
	{ "ergon.top", "Energy of a machine", section_measure },
	{ "ergon.compare", "One run against another", section_compare },
	{ "ergon.bench", "Machine profile", section_bench },
	{ "ergon.sweep", "Energy sweet spot", section_sweep },
	{ "ergon.pareto", "Energy trade-offs", section_pareto },
	{ "ergon.phases", "Phases of a run", section_phases },
	{ "ergon.characterize", "Class of a command", section_characterize },
	{ "ergon.predict", "Energy of a training job", section_predict },
	{ "ergon.explain", "One prediction against another", section_explain },
	{ "ergon.generate", "Energy of generated text", section_generate },
	{ "ergon.search", "The best configuration", section_search },
	{ "ergon.label", "Energy label", section_label },
	{ "ergon.simulate", "Scheduling for energy", section_simulate },
	{ "ergon.recommend", "Scheduling advice", section_recommend },
	{ "ergon.simulate_sweep", "Scheduling as the load rises", section_simulate_sweep },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static enum ergon_code check(const struct report_input *input, struct ergon_error *err)
{
	const char *kind = doc_text(input->document, "kind");
	const char *names[KINDS];
	for (size_t i = 0; i < KINDS; i++)
		names[i] = kinds[i].name;
	if (!kind)
		return ergon_fail_at(err, ERGON_BAD_INPUT, input->name, 0,
		                     "expected a result of ergon (an object with a field "
		                     "\"kind\" such as \"ergon.measure\")");
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(kind, names[i]) == 0)
			return ERGON_OK;
	char hint[256];
	return ergon_fail_at(err, ERGON_BAD_INPUT, input->name, 0, "kind: unknown '%.60s'%s", kind,
	                     suggest_hint(hint, sizeof hint, kind, names, KINDS));
}

/* Documents of one kind stand in an order that does not depend on how they were given. */
struct chosen {
	char *text;
	const json_t *document;
};

static int by_content(const void *a, const void *b)
{
	const struct chosen *left = a, *right = b;
	return strcmp(left->text, right->text);
}

static void add_sections(struct page *page, const struct report_input *inputs, size_t count,
                         const struct kind *kind)
{
	struct chosen *chosen = calloc(count, sizeof *chosen);
	size_t found = 0;
	page->failed |= !chosen;
	for (size_t i = 0; chosen && i < count; i++) {
		const json_t *document = inputs[i].document;
		if (strcmp(doc_text(document, "kind"), kind->name) != 0)
			continue;
		chosen[found].document = document;
		chosen[found].text = json_dumps(document, JSON_COMPACT);
		page->failed |= !chosen[found].text;
		found += chosen[found].text != NULL;
	}
	if (found > 1)
		qsort(chosen, found, sizeof *chosen, by_content);
	for (size_t i = 0; i < found; i++) {
		kind->section(page, chosen[i].document);
		free(chosen[i].text);
	}
	free(chosen);
}

static const char *default_title(const struct report_input *inputs, size_t count)
{
	const char *kind = doc_text(inputs[0].document, "kind");
	for (size_t i = 1; i < count; i++)
		if (strcmp(kind, doc_text(inputs[i].document, "kind")) != 0)
			return "Energy report";
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(kind, kinds[i].name) == 0)
			return kinds[i].title;
	return "Energy report";
}

/* The documents of a kind, or NULL. */
static const json_t *first_of(const struct report_input *inputs, size_t count, const char *kind)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(doc_text(inputs[i].document, "kind"), kind) == 0)
			return inputs[i].document;
	return NULL;
}

/* What may be believed how far, in one sentence. */
static const char *lead_of(struct page *page, const struct report_input *inputs, size_t count)
{
	const json_t *measure = first_of(inputs, count, "ergon.measure");
	const json_t *bench = first_of(inputs, count, "ergon.bench");
	bool predicts = first_of(inputs, count, "ergon.predict");
	bool simulates =
	    first_of(inputs, count, "ergon.simulate") || first_of(inputs, count, "ergon.recommend");
	const char *energy = doc_text(measure, "total.provenance");
	if (!energy)
		energy = doc_text(bench, "provenance");
	const char *here = !energy ? ""
	                           : page_text(page, "%s energy on this machine is %s. ",
	                                       bench ? "Speed is measured, and" : "The", energy);
	const char *there = predicts && simulates ? "Predictions and simulations are modelled."
	                    : predicts            ? "The prediction is modelled."
	                    : simulates           ? "The simulation is modelled."
	                                          : "";
	return *here || *there ? page_text(page, "%s%s", here, there) : NULL;
}

enum ergon_code report_render(const struct report_input *inputs, size_t count,
                              enum report_format format, const char *title, struct text *out,
                              struct ergon_error *err)
{
	static void (*const writers[])(const struct page *, struct text *) = {
		[REPORT_HTML] = write_html,
		[REPORT_MARKDOWN] = write_markdown,
		[REPORT_CSV] = write_csv,
	};
	if (count == 0 || count > INPUTS_MAX)
		return ergon_fail(err, ERGON_BAD_INPUT, "expected 1 to %d documents", INPUTS_MAX);
	for (size_t i = 0; i < count; i++) {
		enum ergon_code code = check(&inputs[i], err);
		if (code)
			return code;
	}
	struct page page;
	page_init(&page, title ? title : default_title(inputs, count));
	page.lead = lead_of(&page, inputs, count);
	for (size_t k = 0; k < KINDS; k++)
		add_sections(&page, inputs, count, &kinds[k]);
	writers[format](&page, out);
	bool failed = page.failed || out->failed;
	page_fini(&page);
	return failed ? ergon_fail(err, ERGON_NO_MEMORY, "out of memory while writing the report")
	              : ERGON_OK;
}

enum ergon_code report_parse_format(const char *name, enum report_format *format,
                                    struct ergon_error *err)
{
	static const char *const names[] = { "html", "md", "csv" };
	enum { FORMATS = sizeof names / sizeof *names };
	for (size_t i = 0; i < FORMATS; i++)
		if (strcmp(name, names[i]) == 0) {
			*format = (enum report_format)i;
			return ERGON_OK;
		}
	char hint[128];
	return ergon_fail(err, ERGON_BAD_INPUT, "--format: unknown '%.40s'%s", name,
	                  suggest_hint(hint, sizeof hint, name, names, FORMATS));
}
