/* SPDX-License-Identifier: Apache-2.0
 *
 * docs/accuracy.md: what the predictor reaches on published measurements.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "model/eval.h"

static void percent(struct text *out, double value)
{
	if (isfinite(value))
		text_printf(out, " %.1f%% |", 100 * value);
	else
		text_puts(out, " - |");
}

static const struct eval_group *same_group(const struct eval_report *report,
                                           const struct eval_group *group)
{
	for (size_t i = 0; i < report->group_count; i++) {
		const struct eval_group *other = &report->groups[i];
		if (strcmp(other->file, group->file) == 0 &&
		    strcmp(other->split, group->split) == 0 &&
		    strcmp(other->metric, group->metric) == 0 && other->host == group->host)
			return other;
	}
	return NULL;
}

static void page_groups(struct text *out, const struct eval_report reports[3])
{
	text_puts(out, "| file | metric | bound | n | skipped | seen: mean | median | bias | "
	               "unseen model: mean | median | unseen GPU: mean | median | in 80% |\n"
	               "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
	for (size_t i = 0; i < reports[0].group_count; i++) {
		const struct eval_group *g = &reports[0].groups[i];
		text_printf(out, "| %.*s%s%s | %s | %s | %zu | %zu |", (int)strcspn(g->file, "."),
		            g->file, g->split[0] ? " / " : "", g->split, g->metric,
		            g->host ? "host" : "device", g->n, g->skipped);
		percent(out, g->mape);
		percent(out, g->median_ape);
		percent(out, g->bias);
		for (int r = 1; r < 3; r++) {
			const struct eval_group *other = same_group(&reports[r], g);
			percent(out, other ? other->mape : (double)NAN);
			percent(out, other ? other->median_ape : (double)NAN);
		}
		const struct eval_group *held = same_group(&reports[1], g);
		percent(out, held ? held->coverage80 : (double)NAN);
		text_puts(out, "\n");
	}
}

static void page_spots(struct text *out, const struct eval_report reports[3])
{
	static const char *const how[] = { "seen", "unseen model", "unseen GPU" };
	text_puts(out, "\n## The power cap of least energy x time\n\n"
	               "Runs that differ only in the power cap, three caps or more: how often the\n"
	               "predicted cap of least EDP is the measured one, or at most one step beside "
	               "it. Below the highest cap of each: mean errors of time and power, and of "
	               "the power\nmeasured at the highest cap, clipped at the cap (a bar that "
	               "needs one measurement of\nevery configuration; the predictor has "
	               "none). A cap binds in groups that draw\nmore than their lowest cap; in "
	               "the others noise decides which cap is best.\n\n"
	               "| constants | groups | exact | within one step | EDP lost | where caps "
	               "bind | within one step | EDP lost | time | power | clipped |\n"
	               "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
	for (int r = 0; r < 3; r++) {
		const struct eval_sweet_spots *s = &reports[r].sweet_spots;
		double groups = s->groups ? (double)s->groups : (double)NAN;
		text_printf(out, "| %s | %zu |", how[r], s->groups);
		percent(out, (double)s->exact / groups);
		percent(out, (double)s->near / groups);
		percent(out, s->edp_lost);
		text_printf(out, " %zu |", s->binding);
		percent(out, (double)s->binding_near / (double)s->binding);
		percent(out, s->binding_edp_lost);
		percent(out, s->time_error);
		percent(out, s->power_error);
		percent(out, s->clip_error);
		text_puts(out, "\n");
	}
}

static void page_reasons(struct text *out, const struct eval_report *report)
{
	text_printf(out, "\n## What is not predicted\n\n%zu of %zu numbers, by reason:\n\n",
	            report->skipped, report->skipped + report->predicted);
	for (size_t i = 0; i < report->reason_count; i++)
		text_printf(out, "- %zu of %.*s, %s: %s\n", report->reasons[i].count,
		            (int)strcspn(report->reasons[i].file, "."), report->reasons[i].file,
		            report->reasons[i].metric, report->reasons[i].reason);
}

static const char introduction[] =
    "# Accuracy of the predictor\n\n"
    "Made by `ergon model eval --markdown FILE...` from published measurements; the files and\n"
    "their sources are those of the project's measurement collection. Every row is predicted\n"
    "from the configuration that it states. Error = predicted / measured - 1; mean and median\n"
    "are of its absolute value, bias is its signed mean. Rows where the host or the input\n"
    "pipeline holds the device up are apart (bound: host).\n\n"
    "- **seen**: network and GPU are known, the configuration is not: constants and the factors "
    "of\n"
    "  devices fitted anew without it (at all its power caps), in %u folds.\n"
    "- **unseen model**: the same without the network that is judged, in %u folds grouped by\n"
    "  network.\n"
    "- **unseen GPU**: the same without any row of the GPU that is judged, each of %u in turn: "
    "its\n"
    "  data sheet is all that is known.\n"
    "- **in 80%%**: share of measured numbers inside the predicted 80%% interval, unseen model;\n"
    "  intervals are fitted without the model that they are judged on.\n\n"
    "Every fit, a fold's as that of the installed constants, starts from what textbooks and data\n"
    "sheets say (`expected` in `src/model/calibration.h`) and is held near it by a stated width, "
    "so\n"
    "that nothing of what is held out can shine through. The fits of a fold see a sample of the "
    "rows.\n"
    "Rows of networks or sources that something unstated rules (`calibrate: false` in\n"
    "`data/model_names.json`, with the reason) are judged; only their powers are fitted.\n\n"
    "Constants are shared by all models; a measured device has a few factors of its own; none is\n"
    "for one model or one row. Nominally\n"
    "equal machines differ by about 3%% in the median, and two sources of equal settings by more,\n"
    "so figures below 3%% across sources would mean nothing.\n\n";

/* The groups that miss most, from the tables: nothing here is written by hand but why. */
static const struct {
	const char *file, *why;
} known[] = {
	{ "collectives", "protocols and algorithms that a library switches between by size" },
	{ "conv_kernels", "which algorithm a library picks for odd shapes" },
	{ "deepbench_rnn", "how a library fuses the steps of a recurrence" },
	{ "gavel_throughputs", "PyTorch 1.4 and input pipelines of unstated speed" },
	{ "lambda_training", "padding of sentences; containers of one source over three years" },
	{ "megatron_ci", "tiny networks: what the framework adds; its memory is what counts" },
	{ "mlenergy_diffusion", "what a pipeline does between the device's work, and files" },
	{ "mlenergy_llm_decode", "how full a server keeps its batch" },
	{ "mosaic_mpt_training", "how much sharded training hides of what it sends" },
	{ "neusight_gemm", "tiles that a library picks for thin products" },
	{ "nvidia_dle_training", "padding of sentences; loaders of small networks" },
	{ "pipedream_layers", "layers timed inside a framework: its call is most of a short one" },
	{ "pollux_sia_step_times", "an instrumented framework; sync times wait for stragglers" },
	{ "timm_infer", "totals alone: activation functions, attention, layouts are not stated" },
	{ "timm_train", "totals alone: activation functions, attention, layouts are not stated" },
	{ "torchvision_bs12", "hosts: a batch of 12 leaves the device waiting" },
	{ "vidur_llm_ops", "short kernels of a server between its own calls" },
	{ "zeus_training_power", "padding of utterances; power in pauses" },
};

static const char *why_of(const char *file)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strncmp(file, known[i].file, strlen(known[i].file)) == 0)
			return known[i].why;
	return "";
}

static int by_error(const void *a, const void *b)
{
	const struct eval_group *x = *(const struct eval_group *const *)a;
	const struct eval_group *y = *(const struct eval_group *const *)b;
	if (x->median_ape != y->median_ape)
		return x->median_ape < y->median_ape ? 1 : -1;
	return x < y ? -1 : x > y;
}

static const double MISS = 0.15; /* median error, unseen model */
enum { MISSES_MAX = 256, FEWEST = 20 };

static void page_misses(struct text *out, const struct eval_report *report)
{
	const struct eval_group *list[MISSES_MAX] = { NULL };
	size_t count = 0, inside = 0, judged = 0;
	for (size_t i = 0; i < report->group_count; i++) {
		const struct eval_group *g = &report->groups[i];
		if (g->n < FEWEST || count == MISSES_MAX)
			continue;
		if (g->median_ape > MISS)
			list[count++] = g;
		judged += isfinite(g->coverage80);
		inside += g->coverage80 >= 0.7 && g->coverage80 <= 0.9;
	}
	if (count)
		qsort(list, count, sizeof *list, by_error);
	text_printf(out,
	            "\n## What misses most\n\nGroups of %d numbers and more whose median error "
	            "is over %.0f%%, unseen model:\n\n",
	            FEWEST, 100 * MISS);
	for (size_t i = 0; i < count; i++) {
		const struct eval_group *g = list[i];
		const char *why = why_of(g->file);
		text_printf(out, "- %.*s, %s (%s): median %.1f%%, measured mostly %s%s%s\n",
		            (int)strcspn(g->file, "."), g->file, g->metric,
		            g->host ? "host" : "device", 100 * g->median_ape,
		            g->bias < 0 ? "higher" : "lower", *why ? "; " : "", why);
	}
	text_printf(out,
	            "\nIntervals follow from the class of a prediction (`ergon model fit "
	            "--intervals`), each\nestimated without the group that it is judged on: %zu of "
	            "%zu such groups have 70%% to 90%%\ninside their 80%% intervals.\n",
	            inside, judged);
}

static const char others[] =
    "\n## Beside other predictors\n\n"
    "- NeuSight (Lee et al., ASPLOS 2025), learned: 10.0% mean, 8.1% median on its own set of\n"
    "  networks and GPUs (the files neusight_models here); a plain roofline: 31%.\n"
    "- Calculon (Isaev et al., SC 2023), analytical: 3.65% mean, 8.87% worst on the Megatron runs\n"
    "  of arXiv 2205.05198, which are among llm_pretrain_published here.\n"
    "- ADEPT (the paper): 4.14% over all of six models on one type of GPU, with a scalar for each\n"
    "  model; 3.05% in time, 5.78% in power.\n";

char *eval_markdown(const struct eval_report reports[3])
{
	struct text out = { 0 };
	text_printf(&out, introduction, reports[0].folds, reports[1].folds, reports[2].folds);
	page_groups(&out, reports);
	page_spots(&out, reports);
	page_reasons(&out, &reports[0]);
	page_misses(&out, &reports[1]);
	text_puts(&out, others);
	if (!out.failed && out.data)
		return out.data;
	text_fini(&out);
	return NULL;
}
