/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/model_options.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "model/search.h"
#include "spec/grid.h"

enum { DEVICES_MAX = 128, VARIANTS_MAX = 64, LIST_MAX = 64, EXIT_NOTHING = 3 };

struct search_options {
	struct model_flags flags; /* of which only those of the workload are asked for */
	const char *minimise, *devices, *gpus, *tensor, *pipeline, *zero, *recompute, *batch;
	const char *precisions, *caps, *grid, *json;
	struct text_list limits, rents;
	double global_batch, samples, tokens, pue, price, network_gbits;
	uint64_t threads, top, node_gpus;
	bool exhaustive;
};

#define FIELD(member) offsetof(struct search_options, member)
static const struct option options[] = {
	MODEL_OPTION(struct search_options, flags),
	{ "minimise", 0, OPTION_TEXT, FIELD(minimise), "WHAT", "energy",
	  "energy, edp, time, cost or co2", 0, 0 },
	{ "subject-to", 0, OPTION_LIST, FIELD(limits), "LIMITS", NULL,
	  "\"time<24h, memory<80GB, gpus<=64\": also energy, cost, co2, power (of all GPUs), "
	  "step (time of one)",
	  0, 0 },
	{ "devices", 'd', OPTION_TEXT, FIELD(devices), "NAME,...|all", "a100,h100",
	  "devices to choose from", 0, 0 },
	{ "gpus", 'g', OPTION_TEXT, FIELD(gpus), "LIST", "1..64",
	  "GPUs in all; a list is 1,2,6 or 1..64 (doubling)", 0, 0 },
	{ "batch", 'b', OPTION_TEXT, FIELD(batch), "LIST", "1..512",
	  "samples of a micro-batch, of one model copy", 0, 0 },
	{ "global-batch", 0, OPTION_REAL, FIELD(global_batch), "N", NULL,
	  "samples a step of all GPUs (default: free; four micro-batches a stage where there is "
	  "a pipeline, else one)",
	  1, 1e9 },
	{ "precisions", 'p', OPTION_TEXT, FIELD(precisions), "LIST", "amp_bf16",
	  "fp32, tf32, fp16, bf16, amp_fp16, amp_bf16, fp8 or fp64", 0, 0 },
	{ "tensor", 't', OPTION_TEXT, FIELD(tensor), "LIST", "1..8",
	  "tensor-parallel ranks, with and without sequence parallelism", 0, 0 },
	{ "pipeline", 0, OPTION_TEXT, FIELD(pipeline), "LIST", "1..16",
	  "pipeline stages (that divide the blocks of the model)", 0, 0 },
	{ "zero", 0, OPTION_TEXT, FIELD(zero), "LIST", "0,1,2,3", "ZeRO stages", 0, 0 },
	{ "recompute", 0, OPTION_TEXT, FIELD(recompute), "LIST", "none,selective,full",
	  "activations that are computed again", 0, 0 },
	{ "caps", 0, OPTION_TEXT, FIELD(caps), "LIST", "100,80,60,40,20,0",
	  "power caps: percent of the way from the lowest to the highest limit", 0, 0 },
	{ "samples", 0, OPTION_REAL, FIELD(samples), "N", NULL,
	  "work to be done (default: one million samples)", 1, 1e18 },
	{ "tokens", 0, OPTION_REAL, FIELD(tokens), "N", NULL, "the same in tokens", 1, 1e18 },
	{ "price", 0, OPTION_REAL, FIELD(price), "AMOUNT", "0.15", "of a kWh", 0, 1e4 },
	{ "rent", 0, OPTION_LIST, FIELD(rents), "DEVICE=AMOUNT", NULL,
	  "of a GPU hour; without it, cost is electricity only", 0, 0 },
	{ "grid", 0, OPTION_TEXT, FIELD(grid), "CODE", "WORLD", "whose carbon intensity counts", 0,
	  0 },
	{ "pue", 0, OPTION_REAL, FIELD(pue), "X", "1", "facility energy over that of the GPUs", 1,
	  10 },
	{ "node-gpus", 0, OPTION_COUNT, FIELD(node_gpus), "N", "8", "GPUs that share a node", 1,
	  1024 },
	{ "network", 0, OPTION_REAL, FIELD(network_gbits), "GBIT/S", NULL,
	  "links of a node to the others (default: as such a node is sold)", 0.01, 1e5 },
	SHAPE_OPTIONS(struct search_options, flags),
	INPUT_OPTIONS(struct search_options, flags),
	{ "threads", 0, OPTION_COUNT, FIELD(threads), "N", NULL,
	  "to search with (default: all); the answer is the same", 1, 1024 },
	{ "exhaustive", 0, OPTION_FLAG, FIELD(exhaustive), NULL, NULL,
	  "evaluate every configuration; the answer is the same", 0, 0 },
	{ "top", 0, OPTION_COUNT, FIELD(top), "N", "12", "rows of the front that are shown", 1,
	  100000 },
	OPTION_JSON(struct search_options),
	OPTION_END,
};

/* Everything that a search borrows. */
struct choice {
	struct search_device devices[DEVICES_MAX];
	struct search_variant variants[VARIANTS_MAX];
	struct device_names {
		const char *const *names;
		size_t count;
	} listed;
	double batches[LIST_MAX], caps[LIST_MAX];
	unsigned gpus[LIST_MAX], tensors[LIST_MAX], pipelines[LIST_MAX], zeros[LIST_MAX];
	unsigned recomputes[RECOMPUTE_COUNT];
	size_t tensor_count;
	struct calibration calibration;
};

static enum ergon_code too_long(const char *option, size_t max, struct ergon_error *err)
{
	return ergon_fail(err, ERGON_BAD_INPUT, "--%s: at most %zu values", option, max);
}

/* "1,2,6" or "1..64" (doubling) or a mix. */
static enum ergon_code read_numbers(const char *option, const char *text, double min, double max,
                                    double *out, size_t *count, struct ergon_error *err)
{
	*count = 0;
	for (const char *at = text; *at;) {
		size_t length = strcspn(at, ",");
		char part[48];
		double from, to;
		snprintf(part, sizeof part, "%.*s", (int)(length < 47 ? length : 47), at);
		char *dots = strstr(part, "..");
		if (dots)
			*dots = '\0';
		if (!parse_real(part, &from) || (dots && !parse_real(dots + 2, &to)) ||
		    from < min || (dots ? to : from) > max || (dots && (to < from || from <= 0)))
			return ergon_fail(err, ERGON_BAD_INPUT,
			                  "--%s %s: expected numbers from %g to %g such as 1,2,6 "
			                  "or 1..64",
			                  option, text, min, max);
		for (double value = from; value <= (dots ? to : from); value *= 2) {
			if (*count == LIST_MAX)
				return too_long(option, LIST_MAX, err);
			out[(*count)++] = value;
			if (!dots)
				break;
		}
		at += length + (at[length] == ',');
	}
	if (!*count)
		return ergon_fail(err, ERGON_BAD_INPUT, "--%s: an empty list", option);
	return ERGON_OK;
}

static enum ergon_code read_counts(const char *option, const char *text, unsigned min, unsigned max,
                                   unsigned *out, size_t *count, struct ergon_error *err)
{
	double values[LIST_MAX];
	enum ergon_code code = read_numbers(option, text, min, max, values, count, err);
	for (size_t i = 0; !code && i < *count; i++) {
		out[i] = (unsigned)values[i];
		if (values[i] != floor(values[i]))
			code = ergon_fail(err, ERGON_BAD_INPUT, "--%s %s: expected whole numbers",
			                  option, text);
	}
	return code;
}

/* The next of a list of words; false at its end. */
static bool next_word(const char **at, char *out, size_t size)
{
	*at += strspn(*at, ", ");
	size_t length = strcspn(*at, ", ");
	snprintf(out, size, "%.*s", (int)(length < size ? length : size - 1), *at);
	*at += length;
	return length > 0;
}

static int falling(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x < y) - (x > y);
}

static enum ergon_code read_axes(const struct search_options *o, struct choice *choice,
                                 struct search_space *space, struct ergon_error *err)
{
	enum ergon_code code;
	char word[64];
	if ((code = read_numbers("batch", o->batch, 0.001, 1e7, choice->batches,
	                         &space->batch_count, err)) ||
	    (code = read_numbers("caps", o->caps, 0, 100, choice->caps, &space->cap_count, err)) ||
	    (code =
	         read_counts("gpus", o->gpus, 1, 1000000, choice->gpus, &space->gpu_count, err)) ||
	    (code = read_counts("tensor", o->tensor, 1, 1024, choice->tensors,
	                        &choice->tensor_count, err)) ||
	    (code = read_counts("pipeline", o->pipeline, 1, 4096, choice->pipelines,
	                        &space->pipeline_count, err)) ||
	    (code = read_counts("zero", o->zero, 0, 3, choice->zeros, &space->zero_count, err)))
		return code;
	for (size_t i = 0; i < space->cap_count; i++)
		choice->caps[i] /= 100;
	qsort(choice->caps, space->cap_count, sizeof *choice->caps, falling);
	for (const char *at = o->recompute; next_word(&at, word, sizeof word);) {
		enum recompute kind;
		if ((code = recompute_parse(word, &kind, err)))
			return code;
		if (space->recompute_count == RECOMPUTE_COUNT)
			return too_long("recompute", RECOMPUTE_COUNT, err);
		choice->recomputes[space->recompute_count++] = kind;
	}
	if (!space->recompute_count)
		return ergon_fail(err, ERGON_BAD_INPUT, "--recompute: an empty list");
	space->batches = choice->batches;
	space->cap_fractions = choice->caps;
	space->gpus = choice->gpus;
	space->pipelines = choice->pipelines;
	space->zeros = choice->zeros;
	space->recomputes = choice->recomputes;
	space->global_batch = o->global_batch;
	space->node_gpus = (unsigned)o->node_gpus;
	space->network_bps = o->network_gbits * 1e9 / 8;
	return ERGON_OK;
}

static enum ergon_code add_device(struct cli *cli, const char *name, struct choice *choice,
                                  struct search_space *space, struct ergon_error *err)
{
	if (space->device_count == DEVICES_MAX)
		return too_long("devices", DEVICES_MAX, err);
	struct search_device *device = &choice->devices[space->device_count];
	enum ergon_code code = device_load(cli->env, name, &device->device, err);
	if (!code)
		space->device_count++;
	return code;
}

static enum ergon_code read_devices(struct cli *cli, const struct search_options *o,
                                    struct arena *arena, struct choice *choice,
                                    struct search_space *space, struct ergon_error *err)
{
	char word[256];
	enum ergon_code code = ERGON_OK;
	if (strcmp(o->devices, "all") == 0) {
		code =
		    device_list(cli->env, arena, &choice->listed.names, &choice->listed.count, err);
		for (size_t i = 0; !code && i < choice->listed.count; i++)
			code = add_device(cli, choice->listed.names[i], choice, space, err);
	} else {
		for (const char *at = o->devices; !code && next_word(&at, word, sizeof word);)
			code = add_device(cli, word, choice, space, err);
	}
	for (size_t i = 0; !code && i < o->rents.count; i++) {
		const char *equals = strchr(o->rents.items[i], '=');
		struct device device;
		double rent;
		bool used = false;
		if (!equals || !parse_real(equals + 1, &rent) || rent < 0)
			return ergon_fail(err, ERGON_BAD_INPUT,
			                  "--rent %.60s: expected DEVICE=AMOUNT, such as h100=2.5",
			                  o->rents.items[i]);
		snprintf(word, sizeof word, "%.*s", (int)(equals - o->rents.items[i]),
		         o->rents.items[i]);
		if ((code = device_load(cli->env, word, &device, err)))
			return code;
		for (size_t k = 0; k < space->device_count; k++)
			if (strcmp(choice->devices[k].device.name, device.name) == 0) {
				choice->devices[k].rent_per_hour = rent;
				used = true;
			}
		if (!used)
			return ergon_fail(err, ERGON_BAD_INPUT, "--rent %.60s: not among --devices",
			                  o->rents.items[i]);
	}
	if (!code && !space->device_count)
		code = ergon_fail(err, ERGON_BAD_INPUT, "--devices: an empty list");
	space->devices = choice->devices;
	return code;
}

/* One workload for each precision, tensor-parallel ranks and way of sequence parallelism that makes
 * a difference to it. */
static enum ergon_code read_variants(struct cli *cli, const struct search_options *o,
                                     struct arena *arena, struct choice *choice,
                                     struct search_space *space, struct ergon_error *err)
{
	struct model_flags flags = o->flags;
	char word[32];
	for (const char *at = o->precisions; next_word(&at, word, sizeof word);) {
		double whole = 0;
		flags.precision = word;
		for (size_t t = 0; t < choice->tensor_count; t++)
			for (int sequence = 0; sequence <= (choice->tensors[t] > 1); sequence++) {
				struct workload_options wanted;
				const struct workload *workload;
				flags.tensor = choice->tensors[t];
				flags.sequence_parallel = sequence;
				enum ergon_code code = workload_from_flags(&flags, &wanted, err);
				if (!code)
					code = workload_load(cli->env, flags.model, &wanted, arena,
					                     &workload, err);
				if (code)
					return code;
				if (choice->tensors[t] == 1)
					whole = workload->step_flops;
				if (choice->tensors[t] > 1 && workload->step_flops == whole)
					continue; /* nothing in it can be split */
				if (space->variant_count == VARIANTS_MAX)
					return too_long("precisions x tensor", VARIANTS_MAX, err);
				choice->variants[space->variant_count++] =
				    (struct search_variant){ workload, sequence };
			}
	}
	if (!space->variant_count)
		return ergon_fail(err, ERGON_BAD_INPUT, "--precisions: an empty list");
	space->variants = choice->variants;
	return ERGON_OK;
}

static enum ergon_code read_request(struct cli *cli, const struct search_options *o,
                                    struct arena *arena, struct choice *choice,
                                    struct search_request *request, struct ergon_error *err)
{
	struct grid grid;
	enum ergon_code code;
	*request = (struct search_request){ .calibration = &choice->calibration,
		                            .samples = o->samples > 0 ? o->samples : 1e6,
		                            .pue = o->pue,
		                            .price_per_kwh = o->price,
		                            .threads = (unsigned)o->threads,
		                            .exhaustive = o->exhaustive };
	search_limits_init(&request->limits);
	for (size_t i = 0; i < o->limits.count; i++)
		if ((code = search_limits_parse(o->limits.items[i], &request->limits, err)))
			return code;
	if ((code = option_needed(o->flags.model, "model", err)) ||
	    (code = search_objective_parse(o->minimise, &request->objective, err)) ||
	    (code = read_axes(o, choice, &request->space, err)) ||
	    (code = read_devices(cli, o, arena, choice, &request->space, err)) ||
	    (code = read_variants(cli, o, arena, choice, &request->space, err)) ||
	    (code = calibration_from(cli, o->flags.calibration, &choice->calibration, err)) ||
	    (code = grid_find(cli->env->data_dir, o->grid, &grid, err)))
		return code;
	request->g_per_kwh = grid.g_per_kwh;
	input_from_flags(&o->flags, &request->input);
	if (request->input.bytes_per_sample > 0 && request->input.storage_bps <= 0)
		return ergon_fail(err, ERGON_BAD_INPUT, "--input-kb needs --storage MB/S");
	double tokens = choice->variants[0].workload->tokens;
	if (o->tokens > 0 && o->samples > 0)
		return ergon_fail(err, ERGON_BAD_INPUT, "either --samples or --tokens");
	if (o->tokens > 0 && tokens <= 0)
		return ergon_fail(err, ERGON_BAD_INPUT, "--tokens: %s reads none; use --samples",
		                  choice->variants[0].workload->name);
	if (o->tokens > 0)
		request->samples = o->tokens / tokens;
	return ERGON_OK;
}

static const char *show_split(const struct search_request *request, const struct search_point *p,
                              char *out, size_t size)
{
	const struct search_variant *variant = &request->space.variants[p->variant];
	unsigned ways = variant->workload->tensor_ways;
	int used = 0;
	out[0] = '\0';
#define PART(when, ...)                                                                            \
	if ((when) && used >= 0 && (size_t)used < size)                                            \
	used += snprintf(out + used, size - (size_t)used, __VA_ARGS__)
	PART(p->settings.gpus > 1, "d%u", p->settings.gpus);
	PART(ways > 1, "t%u%s", ways, variant->sequence_parallel ? "s" : "");
	PART(p->settings.pipeline > 1, "p%u", p->settings.pipeline);
	PART(p->settings.zero > 0, "z%u", p->settings.zero);
	PART(p->settings.recompute != RECOMPUTE_NONE, "%c",
	     recompute_name(p->settings.recompute)[0]);
#undef PART
	return used ? out : "-";
}

static const char *show_metric(enum metric metric, double value, char *out, size_t size)
{
	switch (metric) {
	case METRIC_TIME:
		return format_duration(out, size, value);
	case METRIC_ENERGY:
		if (value >= 3.6e6)
			return format_si(out, size, value / 3600, "Wh");
		return format_si(out, size, value, "J");
	case METRIC_COST:
		snprintf(out, size, "%.4g", value);
		return out;
	case METRIC_CO2: /* nobody says megagram */
		if (value >= 1e6)
			return format_si(out, size, value / 1e6, "t");
		return format_si(out, size, value, "g");
	default:
		return format_si(out, size, value, search_metrics[metric].unit);
	}
}

static void print_point(struct table *table, const struct search_request *request,
                        const struct search_point *p, enum metric second, bool best)
{
	char split[24], a[32], b[32];
	const struct workload *workload = request->space.variants[p->variant].workload;
	table_row(table, "%s%.15s\t%u\t%s\t%g\t%s\t%.0f\t%s\t%s", best ? "*" : " ",
	          request->space.devices[p->device].device.name, p->gpus,
	          show_split(request, p, split, sizeof split), p->settings.batch,
	          precision_facts(workload->precision)->name, p->settings.power_cap_w,
	          show_metric(METRIC_TIME, p->metric[METRIC_TIME], a, sizeof a),
	          show_metric(second, p->metric[second], b, sizeof b));
}

static void print_best(FILE *out, const struct search_request *request,
                       const struct search_result *result)
{
	const struct search_point *p = &result->front[result->best];
	char a[32], b[32], c[32];
	fprintf(out, "Least %s: %u x %s, %s, %s (modelled)\n\n",
	        search_metrics[request->objective].name, p->gpus,
	        request->space.devices[p->device].device.name,
	        show_metric(METRIC_TIME, p->metric[METRIC_TIME], a, sizeof a),
	        show_metric(METRIC_ENERGY, p->metric[METRIC_ENERGY], b, sizeof b));
	fprintf(out, "  time    %s (80%%: %s to %s), a step %s\n",
	        show_metric(METRIC_TIME, p->metric[METRIC_TIME], a, sizeof a),
	        format_duration(b, sizeof b, p->time_low_s),
	        format_duration(c, sizeof c, p->time_high_s),
	        format_si((char[32]){ 0 }, 32, p->metric[METRIC_STEP], "s"));
	fprintf(out, "  energy  %s (80%%: %s to %s)\n",
	        show_metric(METRIC_ENERGY, p->metric[METRIC_ENERGY], a, sizeof a),
	        show_metric(METRIC_ENERGY, p->energy_low_j, b, sizeof b),
	        show_metric(METRIC_ENERGY, p->energy_high_j, c, sizeof c));
	fprintf(out, "  power   %s of all GPUs, capped at %.0f W each\n",
	        format_si(a, sizeof a, p->metric[METRIC_POWER], "W"), p->settings.power_cap_w);
	fprintf(out, "  memory  %s a GPU\n", format_si(a, sizeof a, p->metric[METRIC_MEMORY], "B"));
	fprintf(out, "  cost    %.4g, %s CO2e\n", p->metric[METRIC_COST],
	        show_metric(METRIC_CO2, p->metric[METRIC_CO2], a, sizeof a));
	fprintf(out, "  bound   mostly %s\n", cause_name(p->bound));
}

static void print_front(FILE *out, const struct search_request *request,
                        const struct search_result *result, size_t top)
{
	struct table table;
	const char *const header[] = { " device",   "gpus",
		                       "split",     "batch",
		                       "precision", "cap",
		                       "time",      search_metrics[result->second].name };
	size_t shown = result->count < top ? result->count : top;
	fprintf(out, "\nPareto front of time and %s, %zu point%s%s:\n",
	        search_metrics[result->second].name, result->count, result->count == 1 ? "" : "s",
	        shown < result->count ? ", evenly thinned" : "");
	table_init(&table, "lrlrlrrr", header);
	for (size_t i = 0, row = 0; i < result->count; i++) {
		/* the first, the last, the best and an even choice between */
		size_t due = shown > 1 ? row * (result->count - 1) / (shown - 1) : result->best;
		if (i != due && i != result->best)
			continue;
		row += i == due;
		print_point(&table, request, &result->front[i], result->second, i == result->best);
	}
	table_print(&table, out);
	table_fini(&table);
	fprintf(out, "* the best. split: d data, t tensor (s: sequence too), p pipeline, z ZeRO "
	             "stage,\nf full or s selective recomputation.\n");
}

static void print_counts(FILE *out, const struct search_result *result)
{
	fprintf(out,
	        "\n%llu configurations: %llu evaluated; without that, %llu do not fit,\n"
	        "%llu are too slow, %llu are beaten at any cap. %llu break a limit.\n",
	        (unsigned long long)result->configurations, (unsigned long long)result->evaluated,
	        (unsigned long long)result->too_large, (unsigned long long)result->too_slow,
	        (unsigned long long)result->dominated, (unsigned long long)result->infeasible);
}

static void print_result(struct cli *cli, const struct search_request *request,
                         const struct search_result *result, size_t top)
{
	char a[32], b[32];
	const struct workload *workload = request->space.variants[0].workload;
	fprintf(cli->out, "%s, %s of %.4g samples", workload->title,
	        workload->infer ? "inference" : "training", request->samples);
	if (workload->tokens > 0)
		fprintf(cli->out, " (%.4g tokens)", request->samples * workload->tokens);
	fprintf(cli->out, "\n");
	if (result->best == SIZE_MAX) {
		fprintf(cli->out, "No configuration obeys all limits.\n");
		if (isfinite(result->least_memory_bytes))
			fprintf(cli->out, "  least memory of a GPU  %s\n",
			        format_si(a, sizeof a, result->least_memory_bytes, "B"));
		if (isfinite(result->least_time_s))
			fprintf(cli->out, "  least time that fits   %s\n",
			        format_duration(b, sizeof b, result->least_time_s));
	} else {
		print_best(cli->out, request, result);
		print_front(cli->out, request, result, top);
	}
	print_counts(cli->out, result);
}

static void show_progress(void *user, double done)
{
	progress_update(user, done, NULL);
}

static enum ergon_code answer(struct cli *cli, const struct search_options *o, struct arena *arena,
                              bool *found, struct ergon_error *err)
{
	struct choice *choice = ARENA_NEW(arena, struct choice);
	struct search_request request;
	struct search_result result;
	if (!choice)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = read_request(cli, o, arena, choice, &request, err);
	if (code)
		return code;
	struct progress progress;
	progress_begin(&progress, cli, "search");
	request.progress = show_progress;
	request.user = &progress;
	code = search_run(&request, &result, err);
	progress_end(&progress);
	if (code)
		return code;
	*found = result.best != SIZE_MAX;
	if (document_shown(cli, o->json))
		print_result(cli, &request, &result, o->top);
	if (o->json)
		code = document_save(search_to_json(&request, &result), o->json, err);
	search_result_fini(&result);
	return code;
}

static int search_command(struct cli *cli, const void *parsed, char **operands, int count)
{
	(void)operands;
	(void)count;
	struct ergon_error err = { 0 };
	struct arena arena;
	bool found = false;
	arena_init(&arena);
	enum ergon_code code = answer(cli, parsed, &arena, &found, &err);
	arena_fini(&arena);
	return code ? cli_fail(cli, "search", &err) : found ? EXIT_DONE : EXIT_NOTHING;
}

extern const struct command command_search;
const struct command command_search = {
	.name = "search",
	.pillar = PILLAR_MODEL,
	.summary = "find the device, split, batch, precision and cap that cost least",
	.synopsis = "--model NAME [options]",
	.details =
	    "Every combination of device x GPUs x parallelism x batch x precision x power cap is "
	    "either evaluated or left out by a proof (it cannot fit, cannot be fast enough, or is "
	    "beaten at any cap), so the answer is the best of all. Everything is modelled.\n\n"
	    "Energy is that of the GPUs times --pue. A batch is of one model copy; whether "
	    "training converges as well with a larger one is not modelled: give --global-batch to "
	    "hold it.",
	.examples = "ergon search -m resnet50 -d v100,a100,h100 --samples 115e6 \\\n"
		    "  --subject-to \"time<24h, gpus<=16\"\n"
		    "ergon search -m gpt3-175b -d h100 --gpus 64..1024 --global-batch 1536 \\\n"
		    "  --tokens 300e9 --minimise cost --rent h100=2.5 --subject-to \"time<60d\"",
	.statuses = "3  no configuration obeys all limits",
	.options = options,
	.options_size = sizeof(struct search_options),
	.run = search_command,
};
