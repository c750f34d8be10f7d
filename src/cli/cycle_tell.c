/* SPDX-License-Identifier: Apache-2.0
 *
 * The story of a turn: one line a pillar, from the documents that the report shows as well.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "cli/cycle.h"
#include "cli/wrap.h"
#include "report/doc.h"

enum { COLUMN = 12 };

static void tell(FILE *out, const char *pillar, const char *text)
{
	wrap_printf(out, pillar, COLUMN, "%s", text);
}

static void tell_measure(FILE *out, struct page *page, const json_t *d)
{
	const char *source = doc_text(d, "total.provenance");
	tell(out, "Measure",
	     page_text(page, "this machine spent %s in %s of kernels, %s on average (%s).",
	               show_si(page, doc_real(d, "total.energy_j"), "J"),
	               show_duration(page, doc_real(d, "duration_s")),
	               show_si(page, doc_real(d, "total.average_power_w"), "W"),
	               source ? source : "unknown"));
}

static void tell_understand(FILE *out, struct page *page, const json_t *bench, const json_t *sweep)
{
	static const struct {
		const char *path, *unit, *what;
	} rates[] = {
		{ "roofs.flops_per_s.f64", "FLOP/s", "in f64" },
		{ "roofs.flops_per_s.f32", "FLOP/s", "in f32" },
		{ "roofs.bytes_per_s.DRAM", "B/s", "from memory" },
	};
	const char *reached = NULL, *power = doc_text(bench, "provenance");
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
		double rate = doc_real(bench, rates[i].path);
		if (isfinite(rate))
			reached = page_text(page, "%s%s%s %s", reached ? reached : "",
			                    reached ? ", " : "", show_si(page, rate, rates[i].unit),
			                    rates[i].what);
	}
	double joules = doc_real(bench, "energy_per_flop_j.f64.total");
	const char *cost =
	    isfinite(joules)
		? page_text(page, "; a FLOP of a matrix product costs %s (%s)",
	                    show_si(page, joules, "J"), power ? power : "power unknown")
		: "";
	tell(out, "Understand",
	     page_text(page, "it reaches %s (measured)%s.", reached ? reached : "nothing", cost));
	const char *sentence = doc_text(sweep, "sentence");
	if (sentence)
		tell(out, "", page_text(page, "Sweet spot of a matrix product: %s.", sentence));
}

static void tell_model(FILE *out, struct page *page, const json_t *d)
{
	tell(out, "Model",
	     page_text(page,
	               "%s on %s x %s, %s: a step takes %s and %s, %s a GPU (modelled; bound by "
	               "%s).",
	               doc_show(page, doc_get(d, "request.model")),
	               doc_show(page, doc_get(d, "request.gpus")),
	               doc_show(page, doc_get(d, "request.device")),
	               doc_show(page, doc_get(d, "request.precision")),
	               show_duration(page, doc_real(d, "step_time_s")),
	               show_si(page, doc_real(d, "energy_per_step_j"), "J"),
	               show_si(page, doc_real(d, "power_w"), "W"),
	               doc_show(page, doc_get(d, "bound"))));
}

static const json_t *policy_named(const json_t *simulate, const char *name)
{
	for (size_t i = 0; name && i < doc_size(simulate, "policies"); i++) {
		const json_t *p = doc_item(simulate, "policies", i);
		const char *its = doc_text(p, "name");
		if (its && strcmp(its, name) == 0)
			return p;
	}
	return NULL;
}

static void tell_optimize(FILE *out, struct page *page, const json_t *simulate,
                          const json_t *recommend)
{
	const char *advised = doc_text(recommend, "policy");
	/* Not its row of simulate: there it may have minded a budget that is not the user's. */
	const json_t *best = doc_get(recommend, "chosen");
	const json_t *base = policy_named(simulate, "fifo");
	const char *verdict = doc_text(recommend, "verdict");
	tell(out, "Optimize",
	     page_text(page, "%s jobs on %s GPUs under %zu policies (simulated). Advice: %s.",
	               doc_show(page, doc_get(simulate, "trace.jobs")),
	               doc_show(page, doc_get(simulate, "cluster.gpus")),
	               doc_size(simulate, "policies"), advised ? advised : "none"));
	if (best && base && advised && strcmp(advised, "fifo") != 0)
		tell(out, "",
		     page_text(
			 page, "Against fifo: %s energy, %s time per job.",
			 show_change(page, doc_real(best, "energy_j"), doc_real(base, "energy_j")),
			 show_change(page, doc_real(best, "jct_mean_s"),
		                     doc_real(base, "jct_mean_s"))));
	if (verdict)
		tell(out, "", show_sentence(page, verdict));
}

void cycle_tell(const struct cycle *cycle)
{
	FILE *out = cycle->cli->out;
	json_t *const *d = cycle->documents;
	struct page page;
	page_init(&page, "");
	fputc('\n', out);
	tell_measure(out, &page, d[CYCLE_MEASURE]);
	tell_understand(out, &page, d[CYCLE_BENCH], d[CYCLE_SWEEP]);
	tell_model(out, &page, d[CYCLE_PREDICT]);
	tell_optimize(out, &page, d[CYCLE_SIMULATE], d[CYCLE_RECOMMEND]);
	fprintf(out, "\n%-*s%s/report.html\n", COLUMN, "Report", cycle->out);
	tell(out, "",
	     page_text(&page, "%s in all; the numbers lie beside it as JSON.",
	               show_duration(&page, cycle_elapsed_s(cycle))));
	page_fini(&page);
}
