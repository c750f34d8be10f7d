/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/predict_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "cli/table.h"
#include "cli/wrap.h"

void print_prediction(FILE *out, const char *label, const struct predict_request *request,
                      const struct prediction *p)
{
	const struct workload *workload = request->workload;
	const struct device *device = request->device;
	char a[48], b[48], c[48];
	wrap_printf(out, label, (int)strlen(label), "%s on %s", workload->title, device->name);
	double gpus = prediction_gpus(request);
	fprintf(out, "%.0f GPU%s, batch %g a GPU, %s, %s, %s: modelled\n\n", gpus,
	        gpus == 1 ? "" : "s", request->settings.batch,
	        precision_facts(workload->precision)->name, runtime_name(workload->runtime),
	        workload->infer ? "inference" : "training");
	fprintf(out, "  step    %s (80%%: %s to %s), %.4g samples/s\n",
	        format_si(a, sizeof a, p->step_time_s, "s"),
	        format_si(b, sizeof b, p->time_low_s, "s"),
	        format_si(c, sizeof c, p->time_high_s, "s"), p->samples / p->step_time_s);
	char words[SPREAD_WORDS];
	if (*spread_words(words, p))
		fprintf(out, "          unsure: %s\n", words);
	fprintf(out, "  power   %.0f W a GPU (80%%: %.0f to %.0f W)\n", p->power_w, p->power_low_w,
	        p->power_high_w);
	fprintf(out, "  clock   %.0f MHz%s\n", p->clock_hz / 1e6,
	        p->at_minimum_clock ? ", the lowest: the cap cannot be held"
	        : p->capped         ? ", held down by the power limit"
	                            : "");
	fprintf(out, "  energy  %s a step, %s a sample\n",
	        format_si(a, sizeof a, p->energy_per_step_j, "J"),
	        format_si(b, sizeof b, p->energy_per_step_j / p->samples, "J"));
	if (p->tokens > 0)
		fprintf(out, "          %s a token, %.0f tokens/s\n",
		        format_si(a, sizeof a, p->energy_per_step_j / p->tokens, "J"),
		        p->tokens / p->step_time_s);
	fprintf(out, "  memory  %s of %s%s\n", format_si(a, sizeof a, p->memory_bytes, "B"),
	        format_si(b, sizeof b, device->memory_bytes, "B"), p->fits ? "" : ": DOES NOT FIT");
	enum rate rate = precision_facts(workload->precision)->matrix;
	if (!device->native[rate])
		fprintf(out, "  note    %s has no %s units: products run at its fp32 rate\n",
		        device->name, rate_name(rate));
}

static enum cause bound_of(const struct breakdown_row *row)
{
	enum cause bound = CAUSE_COMPUTE;
	for (int cause = 0; cause < CAUSE_COUNT; cause++)
		if (row->cause_s[cause] > row->cause_s[bound])
			bound = (enum cause)cause;
	return bound;
}

static void print_groups(FILE *out, const struct prediction *p, const struct breakdown *breakdown)
{
	static const char *const header[] = { "group",  "time ms", "share",    "compute",
		                              "memory", "launch",  "energy J", "bound" };
	struct table table;
	table_init(&table, "lrrrrrrl", header);
	for (size_t i = 0; i < breakdown->count; i++) {
		const struct breakdown_row *row = &breakdown->rows[i];
		table_row(&table, "%.16s\t%.3f\t%.1f%%\t%.3f\t%.3f\t%.3f\t%#.3g\t%.10s", row->group,
		          1e3 * row->time_s, 100 * row->time_s / p->step_time_s,
		          1e3 * row->cause_s[CAUSE_COMPUTE], 1e3 * row->cause_s[CAUSE_MEMORY],
		          1e3 * row->cause_s[CAUSE_LAUNCH], row->energy_j,
		          cause_name(bound_of(row)));
	}
	fprintf(out, "\n");
	table_print(&table, out);
	table_fini(&table);
}

void print_why(FILE *out, const struct predict_request *request, const struct prediction *p,
               const struct breakdown *breakdown)
{
	char reasons[REASONS_MAX][REASON_SIZE];
	print_groups(out, p, breakdown);
	size_t count = prediction_reasons(request, p, breakdown, reasons);
	fprintf(out, "\nWhy (times of one GPU; compute, memory and launch in ms):\n");
	for (size_t i = 0; i < count; i++)
		wrap_printf(out, "", 2, "%s", reasons[i]);
}

/* What one would change to shorten this cause. */
static const char *remedy(enum cause cause)
{
	static const char *const remedies[CAUSE_COUNT] = {
		[CAUSE_COMPUTE] = "a faster unit or number format, less recomputation",
		[CAUSE_MEMORY] = "bandwidth, fusion (--runtime compiled), smaller formats",
		[CAUSE_LAUNCH] = "fewer and larger kernels: fusion, a larger batch",
		[CAUSE_COMMUNICATION] = "faster links, accumulation, another split",
		[CAUSE_HOST] = "a larger batch, graphs or a compiled runtime",
		[CAUSE_LOADING] = "faster storage or more cores for the input pipeline",
		[CAUSE_PIPELINE] = "more micro-batches, fewer or interleaved stages",
	};
	return remedies[cause];
}

void print_causes(FILE *out, const struct prediction *p)
{
	static const char *const header[] = { "cause", "time ms", "share", "what shortens it" };
	struct table table;
	table_init(&table, "lrrl", header);
	for (int cause = 0; cause < CAUSE_COUNT; cause++) {
		double time_s = p->cause_s[cause];
		if (time_s > 1e-4 * p->step_time_s)
			table_row(&table, "%s\t%.3f\t%.1f%%\t%s", cause_name((enum cause)cause),
			          1e3 * time_s, 100 * time_s / p->step_time_s,
			          remedy((enum cause)cause));
	}
	fprintf(out, "\n");
	table_print(&table, out);
	table_fini(&table);
	fprintf(out, "Beside each other: device %.4g ms, host %.4g ms, communication %.4g ms%s\n",
	        1e3 * p->device_time_s, 1e3 * p->host_time_s, 1e3 * p->communication_time_s,
	        p->communication_time_s > 0 ? "," : ".");
	if (p->communication_time_s > 0)
		fprintf(out, "of which %.4g ms are exposed.\n",
		        1e3 * p->cause_s[CAUSE_COMMUNICATION]);
}

void print_comparison(FILE *out, const struct compare_side *a, const struct compare_side *b,
                      const struct comparison *c)
{
	static const char *const header[] = { "group",  "first ms", "second ms", "difference",
		                              "mostly", "work",     "rate" };
	struct table table;
	(void)a;
	(void)b;
	for (size_t i = 0; i < c->sentence_count; i++)
		wrap_printf(out, i ? "- " : "", i ? 2 : 0, "%s", c->sentences[i]);
	table_init(&table, "lrrrlrr", header);
	for (size_t i = 0; i < c->count; i++) {
		const struct compare_row *row = &c->rows[i];
		char work[24] = "-", rate[24] = "-";
		if (isfinite(row->work))
			snprintf(work, sizeof work, "%.3gx", row->work);
		if (isfinite(row->rate))
			snprintf(rate, sizeof rate, "%.3gx", row->rate);
		table_row(&table, "%.16s\t%.3f\t%.3f\t%+.3f\t%s\t%s\t%s", row->group,
		          1e3 * row->a_s, 1e3 * row->b_s, 1e3 * (row->a_s - row->b_s),
		          cause_name(row->cause), work, rate);
	}
	fprintf(out, "\n");
	table_print(&table, out);
	table_fini(&table);
	fprintf(out,
	        "work: FLOPs, bytes from memory or kernels of that cause, first over second.\n");
}

void print_sensitivities(FILE *out, const struct sensitivity *items, size_t count)
{
	static const char *const header[] = { "parameter", "time", "energy", "what it is" };
	struct table table;
	fprintf(out, "\nFor each percent more, percent more time and energy of a sample:\n");
	table_init(&table, "lrrl", header);
	for (size_t i = 0; i < count; i++)
		table_row(&table, "%s\t%+.3f\t%+.3f\t%s", items[i].name, items[i].time,
		          items[i].energy, items[i].meaning);
	table_print(&table, out);
	table_fini(&table);
}
