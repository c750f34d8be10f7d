/* SPDX-License-Identifier: Apache-2.0 */
#include "model/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/units.h"

static const double NOTABLE = 1.2;   /* a ratio that a sentence is worth */
static const double SLIGHT = 0.02;   /* of the step: differences below are left out of sentences */
static const double IN_CACHE = 0.01; /* of the bytes: what little still goes to memory */
static const double MIB = 1048576;
enum { REASONS = 3 };

static const struct breakdown_row *row_of(const struct breakdown *breakdown, const char *group)
{
	for (size_t i = 0; i < breakdown->count; i++)
		if (strcmp(breakdown->rows[i].group, group) == 0)
			return &breakdown->rows[i];
	return NULL;
}

/* What a cause has to do in a group: FLOPs, bytes or launches. */
static double work_of(const struct breakdown_row *row, enum cause cause)
{
	if (!row)
		return 0;
	return cause == CAUSE_COMPUTE  ? row->flops
	       : cause == CAUSE_MEMORY ? row->dram_bytes
	       : cause == CAUSE_LAUNCH ? row->launches
	                               : 0;
}

static void fill_row(struct compare_row *row, const struct breakdown_row *a,
                     const struct breakdown_row *b, double scale)
{
	*row = (struct compare_row){ .group = a ? a->group : b->group,
		                     .a_s = a ? scale * a->time_s : 0,
		                     .b_s = b ? b->time_s : 0 };
	for (int cause = 0; cause < CAUSE_COUNT; cause++) {
		row->cause_s[cause] =
		    (a ? scale * a->cause_s[cause] : 0) - (b ? b->cause_s[cause] : 0);
		if (fabs(row->cause_s[cause]) > fabs(row->cause_s[row->cause]))
			row->cause = (enum cause)cause;
	}
	double a_work = scale * work_of(a, row->cause), b_work = work_of(b, row->cause);
	if (row->cause == CAUSE_MEMORY && a && b &&
	    (a_work < IN_CACHE * scale * a->bytes || b_work < IN_CACHE * b->bytes)) {
		a_work = scale * a->bytes; /* one side is all but in L2 */
		b_work = b->bytes;
	}
	double a_s = a ? scale * a->cause_s[row->cause] : 0, b_s = b ? b->cause_s[row->cause] : 0;
	row->work = row->rate = NAN;
	if (a_work > 0 && b_work > 0)
		row->work = a_work / b_work;
	if (row->work > 0 && a_s > 0 && b_s > 0)
		row->rate = row->work / (a_s / b_s);
}

static int by_difference(const void *left, const void *right)
{
	const struct compare_row *x = left, *y = right;
	double a = fabs(x->a_s - x->b_s), b = fabs(y->a_s - y->b_s);
	return a != b ? (a < b) - (a > b) : strcmp(x->group, y->group);
}

/* How often a forward pass reads each weight that products use: 1, or the repeats of a block whose
 * parameters are shared. */
static double weight_reads(const struct workload *workload)
{
	double bytes = 0;
	for (size_t i = 0; i < workload->count; i++) {
		const struct kernel *kernel = &workload->kernels[i];
		if (kernel->phase == PHASE_FORWARD && kernel->family == FAMILY_GEMM)
			bytes += kernel->bytes_fixed * kernel->count;
	}
	double weights = workload->parameters - workload->tables;
	double each = precision_facts(workload->precision)->weight_bytes;
	return weights > 0 ? bytes / (weights * each) : 0;
}

struct totals {
	double launches, dram_bytes;
};

static struct totals totals_of(const struct breakdown *breakdown)
{
	struct totals out = { 0 };
	for (size_t i = 0; i < breakdown->count; i++) {
		out.launches += breakdown->rows[i].launches;
		out.dram_bytes += breakdown->rows[i].dram_bytes;
	}
	return out;
}

static char *next_sentence(struct comparison *out)
{
	size_t at = out->sentence_count;
	out->sentence_count += at < COMPARE_SENTENCES_MAX;
	return out->sentences[at < COMPARE_SENTENCES_MAX ? at : COMPARE_SENTENCES_MAX - 1];
}

/* The names that tell the two apart. */
static const char *name_of(const struct compare_side *side, const struct compare_side *other)
{
	const char *model = side->request->workload->name;
	const char *device = side->request->device->name;
	if (strcmp(model, other->request->workload->name) != 0)
		return model;
	return device;
}

/* "1.9 times" or "the same". */
static const char *times(char *out, size_t size, double ratio)
{
	if (fabs(ratio - 1) < 0.005)
		snprintf(out, size, "1.00 times");
	else
		snprintf(out, size, "%.3g times", ratio);
	return out;
}

static void say_headline(const struct compare_side *a, const struct compare_side *b,
                         struct comparison *out)
{
	char x[48], y[48];
	const char *first = name_of(a, b), *second = name_of(b, a);
	bool same = strcmp(first, second) == 0; /* the same device with other numbers */
	if (same) {
		snprintf(next_sentence(out), COMPARE_SENTENCE,
		         "The step takes %s instead of %s (%+.2f%%), at %.0f instead of %.0f W a "
		         "GPU; energy %+.2f%%",
		         format_si(x, sizeof x, a->prediction->step_time_s, "s"),
		         format_si(y, sizeof y, b->prediction->step_time_s, "s"),
		         100 * (out->time - 1), a->prediction->power_w, b->prediction->power_w,
		         100 * (out->energy - 1));
		return;
	}
	snprintf(
	    next_sentence(out), COMPARE_SENTENCE,
	    "%s takes %.2f times as long as %s for the same samples, and %.2f times the energy",
	    first, out->time, second, out->energy);
}

static const char *say_work(const struct compare_row *row, char *out, size_t size)
{
	static const char *const nouns[CAUSE_COUNT] = { [CAUSE_COMPUTE] = "FLOPs",
		                                        [CAUSE_MEMORY] = "bytes from memory",
		                                        [CAUSE_LAUNCH] = "kernels" };
	char work[32], rate[32];
	if (isnan(row->work) || !nouns[row->cause]) {
		snprintf(out, size, "%s",
		         row->a_s <= 0   ? "the first has none"
		         : row->b_s <= 0 ? "only the first has it"
		                         : "waiting, not work");
		return out;
	}
	if (isnan(row->rate))
		snprintf(out, size, "%s the %s", times(work, sizeof work, row->work),
		         nouns[row->cause]);
	else
		snprintf(out, size, "%s the %s at %s the rate", times(work, sizeof work, row->work),
		         nouns[row->cause], times(rate, sizeof rate, row->rate));
	return out;
}

/* The largest differences of groups, each with its cause. */
static void say_rows(struct comparison *out, double step_s, double difference_s)
{
	char why[160];
	size_t said = 0;
	for (size_t i = 0; i < out->count && said < REASONS; i++) {
		const struct compare_row *row = &out->rows[i];
		double each = row->a_s - row->b_s;
		double slight = fmin(SLIGHT * step_s, 0.1 * fabs(difference_s));
		if (fabs(each) <= slight || each == 0)
			break;
		snprintf(next_sentence(out), COMPARE_SENTENCE,
		         "%+.3g ms (%+.0f%% of the difference): %s, mostly %s (%+.3g ms): %s",
		         1e3 * each, 100 * each / difference_s, row->group, cause_name(row->cause),
		         1e3 * row->cause_s[row->cause], say_work(row, why, sizeof why));
		said++;
	}
}

static void say_parameters(const struct compare_side *a, const struct compare_side *b,
                           struct comparison *out)
{
	const struct workload *x = a->request->workload, *y = b->request->workload;
	if (x == y || strcmp(x->name, y->name) == 0)
		return;
	double each = out->time / out->parameters;
	snprintf(next_sentence(out), COMPARE_SENTENCE,
	         "Parameters: %.3g against %.3g million, %.3g times; time per parameter is %.3g "
	         "times, energy per parameter %.3g times",
	         x->parameters / 1e6, y->parameters / 1e6, out->parameters, each,
	         out->energy / out->parameters);
	double reads = out->a_reads / out->b_reads;
	if (reads > NOTABLE || reads < 1 / NOTABLE) {
		const struct workload *more = reads > 1 ? x : y, *less = reads > 1 ? y : x;
		snprintf(
		    next_sentence(out), COMPARE_SENTENCE,
		    "%s shares parameters between its blocks: a forward pass reads each weight "
		    "%.3g times (%s: %.3g), and FLOPs a parameter are %.3g times: sharing "
		    "saves memory and the optimizer's work, not arithmetic",
		    more->name, fmax(out->a_reads, out->b_reads), less->name,
		    fmin(out->a_reads, out->b_reads),
		    reads > 1 ? out->flops / out->parameters : out->parameters / out->flops);
	}
	if (x->layers > 1 && y->layers > 1 && x->layers != y->layers)
		snprintf(next_sentence(out), COMPARE_SENTENCE,
		         "Blocks that run one after the other: %.0f against %.0f; FLOPs of a step: "
		         "%.3g times",
		         x->layers, y->layers, out->flops);
}

/* What less traffic there is, where a cache or a memory changed. */
static void say_traffic(const struct compare_side *a, const struct compare_side *b,
                        struct comparison *out)
{
	const struct device *x = a->request->device, *y = b->request->device;
	char now[48], was[48];
	if (x->l2_bytes == y->l2_bytes || fabs(out->dram_bytes - 1) < 1e-6)
		return;
	snprintf(next_sentence(out), COMPARE_SENTENCE,
	         "An L2 of %.3g instead of %.3g MiB: %s instead of %s a step go to memory "
	         "(%+.1f%%); what a kernel leaves in L2 the next one need not fetch",
	         x->l2_bytes / MIB, y->l2_bytes / MIB,
	         format_si(now, sizeof now, totals_of(a->breakdown).dram_bytes, "B"),
	         format_si(was, sizeof was, totals_of(b->breakdown).dram_bytes, "B"),
	         100 * (out->dram_bytes - 1));
}

void compare(const struct compare_side *a, const struct compare_side *b, struct comparison *out)
{
	const struct prediction *p = a->prediction, *q = b->prediction;
	*out = (struct comparison){ .scale = q->samples / p->samples };
	for (size_t i = 0; i < a->breakdown->count; i++) {
		const struct breakdown_row *row = &a->breakdown->rows[i];
		fill_row(&out->rows[out->count++], row, row_of(b->breakdown, row->group),
		         out->scale);
	}
	for (size_t i = 0; i < b->breakdown->count; i++)
		if (!row_of(a->breakdown, b->breakdown->rows[i].group))
			fill_row(&out->rows[out->count++], NULL, &b->breakdown->rows[i],
			         out->scale);
	qsort(out->rows, out->count, sizeof *out->rows, by_difference);
	struct totals x = totals_of(a->breakdown), y = totals_of(b->breakdown);
	out->time = out->scale * p->step_time_s / q->step_time_s;
	out->power = p->power_w / q->power_w;
	out->energy = out->scale * p->energy_per_step_j / q->energy_per_step_j;
	out->memory = p->memory_bytes / q->memory_bytes;
	out->parameters = a->request->workload->parameters / b->request->workload->parameters;
	out->flops = out->scale * p->flops / q->flops;
	out->launches = out->scale * x.launches / y.launches;
	out->dram_bytes = out->scale * x.dram_bytes / y.dram_bytes;
	out->a_reads = weight_reads(a->request->workload);
	out->b_reads = weight_reads(b->request->workload);
	say_headline(a, b, out);
	say_rows(out, q->step_time_s, out->scale * p->step_time_s - q->step_time_s);
	say_parameters(a, b, out);
	say_traffic(a, b, out);
}

static json_t *rows_to_json(const struct comparison *comparison)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < comparison->count; i++) {
		const struct compare_row *row = &comparison->rows[i];
		json_t *item = json_object(), *causes = json_object();
		json_object_set_new(item, "group", json_string(row->group));
		json_object_set_new(item, "first_s", json_number(row->a_s));
		json_object_set_new(item, "second_s", json_number(row->b_s));
		json_object_set_new(item, "difference_s", json_number(row->a_s - row->b_s));
		for (int cause = 0; cause < CAUSE_COUNT; cause++) {
			char key[32];
			snprintf(key, sizeof key, "%s_s", cause_name((enum cause)cause));
			json_object_set_new(causes, key, json_number(row->cause_s[cause]));
		}
		json_object_set_new(item, "causes", causes);
		json_object_set_new(item, "cause", json_string(cause_name(row->cause)));
		json_object_set_new(item, "work_ratio", json_number(row->work));
		json_object_set_new(item, "rate_ratio", json_number(row->rate));
		json_array_append_new(rows, item);
	}
	return rows;
}

json_t *comparison_to_json(const struct compare_side *a, const struct compare_side *b,
                           const struct comparison *c)
{
	const struct {
		const char *name;
		double value;
	} ratios[] = {
		{ "time", c->time },         { "power", c->power },
		{ "energy", c->energy },     { "memory", c->memory },
		{ "flops", c->flops },       { "parameters", c->parameters },
		{ "launches", c->launches }, { "dram_bytes", c->dram_bytes },
	};
	json_t *out = json_object(), *ratio = json_object(), *sentences = json_array();
	if (!out || !ratio || !sentences) {
		json_decref(out);
		json_decref(ratio);
		json_decref(sentences);
		return NULL;
	}
	json_object_set_new(out, "kind", json_string("ergon.explain"));
	json_object_set_new(out, "version", json_integer(1));
	json_object_set_new(out, "provenance", json_string("modelled"));
	json_object_set_new(out, "first",
	                    prediction_to_json(a->request, a->prediction, a->breakdown));
	json_object_set_new(out, "second",
	                    prediction_to_json(b->request, b->prediction, b->breakdown));
	for (size_t i = 0; i < sizeof ratios / sizeof *ratios; i++)
		json_object_set_new(ratio, ratios[i].name, json_number(ratios[i].value));
	json_object_set_new(out, "ratios", ratio);
	json_object_set_new(out, "weight_reads",
	                    json_pack("{s:o, s:o}", "first", json_number(c->a_reads), "second",
	                              json_number(c->b_reads)));
	json_object_set_new(out, "differences", rows_to_json(c));
	for (size_t i = 0; i < c->sentence_count; i++)
		json_array_append_new(sentences, json_string(c->sentences[i]));
	json_object_set_new(out, "sentences", sentences);
	return out;
}
