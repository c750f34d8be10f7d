/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole runs as cases: what a row states becomes a workload, a device and settings.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"
#include "model/eval_cases.h"
#include "model/links.h"
#include "spec/model_names.h"

/* cuDNN 9 has kernels for matrix units that read channels first. */
enum { LAYOUT_ERA = 2024 };

/* How many GPUs share the work, and in which way. */
struct layout {
	double tensor, pipeline, context, expert, data;
	double micro, accumulation; /* samples of a micro-batch; micro-batches a step */
};

/* What a metric's number is, from a prediction. */
enum per {
	PER_STEP,
	PER_SAMPLES,
	PER_TOKENS,
	PER_TOKENS_OF_GPU,
	PER_TFLOP_OF_GPU,
	PER_EPOCH,
};
struct metric {
	const char *name;
	enum eval_quantity quantity;
	enum per per;
	bool rate, without_optimizer;
	const char *reason; /* it is known, but no prediction answers it */
};
static const struct metric metrics[] = {
	{ "step_time_s", EVAL_STEP_TIME, PER_STEP, false, false, NULL },
	{ "micro_step_time_s", EVAL_STEP_TIME, PER_STEP, false, true, NULL },
	{ "steps_per_s", EVAL_STEP_TIME, PER_STEP, true, false, NULL },
	{ "samples_per_s", EVAL_STEP_TIME, PER_SAMPLES, true, false, NULL },
	{ "tokens_per_s", EVAL_STEP_TIME, PER_TOKENS, true, false, NULL },
	{ "tokens_per_s_per_gpu", EVAL_STEP_TIME, PER_TOKENS_OF_GPU, true, false, NULL },
	{ "tflops_per_gpu", EVAL_STEP_TIME, PER_TFLOP_OF_GPU, true, false, NULL },
	{ "epoch_time_s", EVAL_STEP_TIME, PER_EPOCH, false, false, NULL },
	{ "fwd_time_s", EVAL_FORWARD_TIME, PER_STEP, false, false, NULL },
	{ "bwd_time_s", EVAL_BACKWARD_TIME, PER_STEP, false, false, NULL },
	{ "sync_time_s", EVAL_WAITING_TIME, PER_STEP, false, false, NULL },
	{ "avg_power_w", EVAL_POWER, PER_STEP, false, false, NULL },
	{ "energy_per_step_j", EVAL_ENERGY, PER_STEP, false, false, NULL },
	{ "peak_mem_bytes", EVAL_MEMORY, PER_STEP, false, false, NULL },
	{ "window_time_s", EVAL_STEP_TIME, PER_STEP, false, false,
	  "the window's number of steps is not stated" },
	{ "run_time_s", EVAL_STEP_TIME, PER_STEP, false, false,
	  "the run's number of steps is not stated" },
	{ "system_energy_j", EVAL_ENERGY, PER_STEP, false, false,
	  "energy of a whole system: more than its GPUs" },
	{ "system_power_per_gpu_w", EVAL_POWER, PER_STEP, false, false,
	  "power of a whole system: more than its GPUs" },
};

static const double UNLIMITED_W = 1e9;

static const struct metric *metric_find(const char *name)
{
	for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
		if (strcmp(metrics[i].name, name) == 0)
			return &metrics[i];
	return NULL;
}

/* A whole number of ways that the configuration states; 1 where it does not. */
/* "TP=8", or in words, "FSDP 32 TP 8". */
static double ways(const struct measured_run *run, const char *key)
{
	char word[16];
	double value;
	if (config_number(run->config, key, &value))
		return value >= 1 ? floor(value) : 1;
	snprintf(word, sizeof word, " %s ", key);
	const char *at = strstr(run->config, word);
	value = at ? strtod(at + strlen(word), NULL) : 1;
	return value >= 1 && value < 1e6 ? floor(value) : 1;
}

/* "0.5M" -> 2^19: published batches of tokens are powers of two. */
static double count_tokens(const char *text)
{
	char *end;
	double value = strtod(text, &end);
	return *end == 'M' ? value * 1048576 : *end == 'K' ? value * 1024 : value;
}

/* "parallelism=dp4", "tp4" or "pp4_2" (stages, micro-batches), with the batch of all GPUs. */
static const char *read_one_way(struct eval_builder *builder, const struct measured_run *run,
                                const char *text, struct layout *layout)
{
	char *end;
	double count = strlen(text) > 2 ? strtod(text + 2, &end) : 0, micro = 1;
	if (count >= 1 && *end == '_')
		micro = strtod(end + 1, &end);
	*layout = (struct layout){ .tensor = 1, .pipeline = 1, .context = 1, .expert = 1 };
	layout->data = layout->accumulation = 1;
	layout->micro = run->batch;
	if (!(count >= 1 && micro >= 1) || *end || count != run->gpus)
		return eval_reason(builder, "the parallel layout '%s' is not known", text);
	if (strncmp(text, "dp", 2) == 0) {
		layout->data = count;
		layout->micro = run->batch / count;
	} else if (strncmp(text, "tp", 2) == 0) {
		layout->tensor = count;
	} else {
		layout->pipeline = count;
		layout->accumulation = micro;
		layout->micro = run->batch / micro;
	}
	return layout->micro > 0 ? NULL : "the batch size is not stated";
}

/* "Accumulation_steps=64 and 32": in float32 and in mixed precision;
 * "Gradient_Accumulation:_mixed_precision;_FP32=32 / 64": the other way round. */
static void read_accumulations(const struct measured_run *run, double *accumulation)
{
	bool mixed = strncmp(run->precision, "amp", 3) == 0;
	const char *at = strcasestr(run->config, "accumulation");
	double first, second;
	at = at ? strchr(at, '=') : NULL;
	if (at && sscanf(at, "=%lf and %lf", &first, &second) == 2)
		*accumulation = mixed ? second : first;
	else if (at && sscanf(at, "=%lf / %lf", &first, &second) == 2)
		*accumulation = mixed ? first : second;
}

static const char *read_layout(struct eval_builder *builder, const struct measured_run *run,
                               struct layout *layout)
{
	double global = 0, accumulation = 1;
	char one_way[24];
	if (config_text(run->config, "parallelism", one_way, sizeof one_way))
		return read_one_way(builder, run, one_way, layout);
	*layout = (struct layout){ .tensor = ways(run, "TP"),
		                   .pipeline = ways(run, "PP"),
		                   .context = ways(run, "CP"),
		                   .expert = ways(run, "EP") };
	double split = layout->tensor * layout->pipeline * layout->context, copies;
	/* Ranks of a served model share its experts, those of a diffusion model its positions. */
	if (strcmp(run->task, "infer") == 0 && config_number(run->config, "DP", &copies))
		split = layout->tensor = run->gpus / copies;
	if (config_number(run->config, "ulysses", &copies))
		split = layout->tensor = run->gpus;
	layout->data = run->gpus / split;
	if (layout->data < 1 || layout->data != floor(layout->data))
		return eval_reason(builder, "the stated parallel layout does not divide the GPUs");
	static const char *const counts[] = { "grad_accum", "Grad_accumulation", "GA" };
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		config_number(run->config, counts[i], &accumulation);
	read_accumulations(run, &accumulation);
	layout->micro = run->batch;
	if (strcmp(run->task, "infer") == 0 && split > 1) /* the batch of all GPUs is stated */
		layout->micro = run->batch / layout->data;
	layout->accumulation = fmax(1, accumulation);
	char tokens[32];
	if (isnan(run->batch) &&
	    config_text(run->config, "global_batch_tokens", tokens, sizeof tokens))
		global = count_tokens(tokens) / strtod(run->size, NULL);
	else if (!config_number(run->config, "global_batch", &global))
		global = 0;
	if (global > 0 && isfinite(global)) {
		double of_gpu = global / layout->data;
		if (isnan(layout->micro))
			layout->micro = of_gpu / layout->accumulation;
		layout->accumulation = fmax(1, round(of_gpu / layout->micro));
	}
	if (!(layout->micro > 0))
		return "the batch size is not stated";
	if (layout->accumulation > 1e6)
		return "the stated accumulation is not sensible";
	return NULL;
}

/* ZeRO stage, in the words of FSDP, Megatron-LM and torchtitan. */
static unsigned sharding(const char *config)
{
	if (strstr(config, "SHARD_GRAD_OP"))
		return 2;
	if (strstr(config, "FULL_SHARD") || (strstr(config, "FSDP") && !strstr(config, "FSDP=0")))
		return 3;
	return strstr(config, "dist_opt=true") != NULL;
}

static enum recompute recomputation(const char *config)
{
	if (strstr(config, "selective"))
		return RECOMPUTE_SELECTIVE;
	if (strstr(config, "full activation") || strstr(config, "full AC") ||
	    strstr(config, "act_ckpt=True") || strstr(config, "recompute=full"))
		return RECOMPUTE_FULL;
	return RECOMPUTE_NONE;
}

/* "layers=24,d=1024" from what the run states, by the rule's list
 * "layers,d=d_model,flops=gmacs*2e9". */
static const char *take_dims(struct eval_builder *builder, const struct measured_run *run,
                             const struct model_rule *rule, char *dims, size_t size)
{
	size_t used = (size_t)snprintf(dims, size, "%s", rule->dims ? rule->dims : "");
	for (const char *at = rule->take; at && *at;) {
		char item[64], *from;
		size_t length = strcspn(at, ",");
		snprintf(item, sizeof item, "%.*s", (int)length, at);
		at += length + (at[length] == ',');
		from = strchr(item, '=');
		if (from)
			*from++ = '\0';
		char *times = from ? strchr(from, '*') : NULL;
		double value, factor = times ? strtod(times + 1, NULL) : 1;
		if (times)
			*times = '\0';
		if (!config_number(run->config, from ? from : item, &value))
			continue;
		used += (size_t)snprintf(dims + used, used < size ? size - used : 0, "%s%s=%.9g",
		                         used ? "," : "", item, value * factor);
		if (used >= size)
			return "more dimensions than fit";
	}
	double height, width;
	if (rule->size == SIZE_FRAME) {
		if (sscanf(run->size, "%lfx%lf", &height, &width) != 2)
			return eval_reason(builder, "size '%s' is no frame", run->size);
		used +=
		    (size_t)snprintf(dims + used, used < size ? size - used : 0,
		                     "%sheight=%.9g,width=%.9g", used ? "," : "", height, width);
		if (used >= size)
			return "more dimensions than fit";
	}
	for (const char *at = rule->need; at && *at;) {
		char item[64];
		double value;
		size_t length = strcspn(at, ",");
		snprintf(item, sizeof item, "%.*s", (int)length, at);
		at += length + (at[length] == ',');
		if (!config_number(run->config, item, &value))
			return eval_reason(builder, "model_config does not state %s", item);
	}
	return NULL;
}

static unsigned software_year(const struct eval_builder *builder, const struct measured_run *run,
                              const struct model_rule *rule)
{
	return rule->era ? rule->era : model_names_machine(builder->names, run)->era;
}

static const char *set_software(struct eval_builder *builder, const struct measured_run *run,
                                const struct model_rule *rule, struct workload_options *options)
{
	char stated[32];
	const char *optimizer = rule->optimizer;
	struct ergon_error err = { 0 };
	if (config_text(run->config, "optimizer", stated, sizeof stated))
		optimizer = stated;
	options->optimizer_given = optimizer != NULL;
	if (optimizer && optimizer_parse(optimizer, &options->optimizer, &err))
		return eval_reason(builder, "%s", err.text);
	const char *runtime = rule->runtime;
	if (strstr(run->config, "torch.compile") || strstr(run->config, "XLA=ON") ||
	    strstr(run->config, "XLA=Yes") || strstr(run->config, "fusion=compiled"))
		runtime = "compiled";
	if (runtime && runtime_parse(runtime, &options->runtime, &err))
		return eval_reason(builder, "%s", err.text);
	const char *layout = rule->layout;
	if (config_text(run->config, "layout", stated, sizeof stated))
		layout = stated;
	if (layout && layout_parse(layout, &options->layout, &err))
		return eval_reason(builder, "%s", err.text);
	if (software_year(builder, run, rule) >= LAYOUT_ERA)
		options->layout = LAYOUT_NHWC;
	const char *attention = strstr(run->config, "flash attention") ? "flash" : rule->attention;
	if (attention && attention_parse(attention, &options->attention, &err))
		return eval_reason(builder, "%s", err.text);
	return NULL;
}

/* The expected longest of n sentences whose logarithms are normal (Blom 1958). */
static double longest_of(double n, const struct model_rule *rule)
{
	double z = n > 1 ? normal_quantile((n - 0.375) / (n + 0.25)) : 0;
	return fmin(rule->length_median * exp(rule->length_sigma * z), rule->length_longest);
}

/* The mean length of a batch whose sentences, cut at `longest`, fill one bin each. */
static double mean_of_bins(double longest, const struct model_rule *rule)
{
	double bin = fmax(rule->length_bin, longest / 1000), mean = 0, before = 0;
	for (double top = bin; before < longest; before = top, top += bin) {
		double low = log(before / rule->length_median) / rule->length_sigma;
		double high = log(top / rule->length_median) / rule->length_sigma;
		double share = top < longest ? 0.5 * erfc(-high * M_SQRT1_2) : 1;
		mean +=
		    fmin(top, longest) * (share - (before > 0 ? 0.5 * erfc(-low * M_SQRT1_2) : 0));
	}
	return mean;
}

/* The steady state of a server: each of `batch` sequences has, on average, its prompt and half of
 * its output behind it. */
static const char *set_generation(struct eval_builder *builder, const struct measured_run *run,
                                  double batch, struct workload_options *options)
{
	const struct prompt_lengths *lengths = model_names_prompts(builder->names, run->size);
	if (!lengths)
		return eval_reason(builder, "the lengths of data set '%s' are not known",
		                   run->size);
	options->sequence = 1;
	options->context = (uint64_t)(lengths->prompt + lengths->output / 2);
	options->sequences = batch;
	options->prefill = lengths->prompt / lengths->output;
	return NULL;
}

static const char *set_size(struct eval_builder *builder, const struct measured_run *run,
                            const struct model_rule *rule, double batch,
                            struct workload_options *options)
{
	options->sequence = rule->sequence;
	options->resolution = rule->resolution;
	if (rule->size == SIZE_SEQUENCE && rule->pad_to_batch && !run->size[0])
		options->sequence = (uint64_t)ceil(longest_of(batch, rule));
	if (rule->size == SIZE_NONE || !run->size[0])
		return NULL;
	if (rule->size == SIZE_GENERATION)
		return set_generation(builder, run, batch, options);
	if (rule->size == SIZE_FRAME) /* see take_dims() */
		return NULL;
	char *end;
	double value = strtod(run->size, &end);
	if (*end || !(value >= 1 && value <= 1e9))
		return eval_reason(builder, "size '%s' is no number", run->size);
	if (rule->size == SIZE_SEQUENCE && rule->pad_to_batch)
		value = fmin(value, ceil(longest_of(batch, rule)));
	if (rule->size == SIZE_SEQUENCE && rule->length_bin > 0)
		value = round(mean_of_bins(value, rule));
	if (rule->size == SIZE_SEQUENCE)
		options->sequence = (uint64_t)value;
	else
		options->resolution = (uint64_t)value;
	return NULL;
}

/* What all values of a run share. */
struct subject {
	const struct model_rule *rule;
	const struct device *device;
	struct workload_options options;
	struct predict_settings settings;
	struct layout layout;
	char dims[320];
};

/* "1607MHz" -> 1.607e9; 0 where the configuration does not state it, or states an offset. */
static double stated_clock(const struct measured_run *run, const char *key)
{
	char text[32], *end;
	if (!config_text(run->config, key, text, sizeof text))
		return 0;
	double mhz = strtod(text, &end);
	return mhz > 0 && strcmp(end, "MHz") == 0 ? 1e6 * mhz : 0;
}

/* A board whose clocks a run sets is a device with those clocks. */
static const char *set_clocks(struct eval_builder *builder, const struct measured_run *run,
                              struct subject *subject)
{
	double core = stated_clock(run, "core"), memory = stated_clock(run, "mem");
	struct device *device;
	if (!core && !memory)
		return NULL;
	if (memory && isnan(subject->device->memory_hz))
		return "the memory clock is stated, and that of full bandwidth is not known";
	if (!(device = ARENA_NEW(builder->arena, struct device)))
		return "out of memory";
	*device = *subject->device;
	subject->device = device;
	if (memory)
		device->memory_bandwidth_bps *= memory / device->memory_hz;
	if (!core)
		return NULL;
	for (int rate = 0; rate < RATE_COUNT; rate++)
		device->peak_flops[rate] *= core / device->boost_hz;
	device->matrix_fp32_flops *= core / device->boost_hz;
	device->boost_hz = core;
	return NULL;
}

/* What the rule assumes where the run says nothing. */
static void complete(struct measured_run *run, const struct model_rule *rule)
{
	if (isnan(run->batch) && rule->batch > 0)
		run->batch = rule->batch;
	if (!run->precision[0] && rule->precision)
		run->precision = rule->precision;
}

static const char *describe(struct eval_builder *builder, const struct measured_run *stated,
                            struct subject *subject)
{
	const char *reason;
	const struct model_rule *rule = subject->rule = model_names_find(builder->names, stated);
	struct workload_options *options = &subject->options;
	if (!rule)
		return eval_reason(builder, "no rule for model '%s'", stated->model);
	if (rule->skip)
		return rule->skip;
	struct measured_run completed = *stated;
	complete(&completed, rule);
	const struct measured_run *run = &completed;
	if (!(subject->device = eval_device(builder, run->gpu, &reason)))
		return reason;
	if ((reason = set_clocks(builder, run, subject)))
		return reason;
	if (!run->precision[0])
		return "the precision is not stated";
	if (!eval_precision(run->precision, &options->precision))
		return eval_reason(builder, "precision '%s' is not modelled", run->precision);
	if (strcmp(run->task, "train") != 0 && strcmp(run->task, "infer") != 0)
		return eval_reason(builder, "task '%s' is not modelled", run->task);
	options->infer = strcmp(run->task, "infer") == 0;
	if ((reason = read_layout(builder, run, &subject->layout)) ||
	    (reason = set_software(builder, run, rule, options)) ||
	    (reason = set_size(builder, run, rule, subject->layout.micro, options)) ||
	    (reason = take_dims(builder, run, rule, subject->dims, sizeof subject->dims)))
		return reason;
	options->dims = subject->dims[0] ? subject->dims : NULL;
	options->tensor_ways = (unsigned)subject->layout.tensor;
	options->expert_ways = (unsigned)subject->layout.expert;
	options->sequence_parallel = strstr(run->config, "sequence parallel") != NULL ||
	                             strstr(run->config, "SP=true") != NULL;
	double nodes, part, layers;
	double virtual_stages = rule->virtual_stages ? (double)rule->virtual_stages : 1;
	/* The parts of a rank, or the layers of such a part. */
	if (!config_number(run->config, "VP", &virtual_stages) &&
	    config_number(run->config, "VPlayers", &part) && part >= 1 &&
	    config_number(run->config, "layers", &layers))
		virtual_stages = floor(layers / subject->layout.pipeline / part);
	subject->settings = (struct predict_settings){
		/* Context parallelism: each rank has its share of every sample's tokens. */
		.batch = subject->layout.micro / subject->layout.context,
		.gpus =
		    rule->apart ? 1 : (unsigned)(subject->layout.data * subject->layout.context),
		.pipeline = (unsigned)subject->layout.pipeline,
		.virtual_stages = (unsigned)fmin(fmax(virtual_stages, 1), 1000),
		.zero = sharding(run->config),
		.recompute = recomputation(run->config),
		.accumulation = (unsigned)subject->layout.accumulation,
		.era = software_year(builder, run, rule),
		.power_cap_w = rule->paused                ? UNLIMITED_W
		               : isnan(run->power_limit_w) ? 0
		                                           : run->power_limit_w,
	};
	double samples = subject->layout.micro * subject->layout.accumulation;
	double height, width, frames = 1;
	if (rule->written && sscanf(run->size, "%lfx%lf", &height, &width) == 2) {
		config_number(run->config, "frames", &frames);
		subject->settings.pixels = height * width * fmax(frames, 1);
	}
	if (rule->collated)
		subject->settings.collated = samples;
	if (rule->augmented)
		subject->settings.awaited = samples / fmax(rule->dataset_samples / samples, 1);
	const struct machine_rule *machine = model_names_machine(builder->names, run);
	subject->settings.node_gpus = (unsigned)subject->device->node_gpus;
	if (config_number(run->config, "nodes", &nodes) && nodes >= 1)
		subject->settings.node_gpus = (unsigned)ceil(run->gpus / nodes);
	else if (machine->one_machine)
		subject->settings.node_gpus = (unsigned)run->gpus;
	else if (strstr(run->config, "on different servers"))
		subject->settings.node_gpus = 1;
	subject->settings.bridge = strcasestr(run->config, "nvlink") != NULL;
	subject->settings.staged = machine->staged;
	if (machine->port_bps > links_port_bps(subject->device))
		subject->settings.network_bps = machine->port_bps * subject->settings.node_gpus;
	return NULL;
}

static const char *set_scale(const struct metric *metric, const struct subject *subject,
                             const struct workload *workload, struct eval_case *item)
{
	const struct layout *layout = &subject->layout;
	double samples =
	    item->settings.batch * layout->context * layout->accumulation * layout->data;
	double gpus = item->run->gpus;
	double tokens = subject->rule->tokens_per_sample > 0 ? subject->rule->tokens_per_sample
	                                                     : workload->tokens;
	item->quantity = metric->quantity;
	item->rate = metric->rate;
	item->scale = 1;
	switch (metric->per) {
	case PER_STEP:
		break;
	case PER_SAMPLES:
		item->scale = samples * fmax(subject->rule->items_per_sample, 1);
		break;
	case PER_TOKENS:
		item->scale = samples * tokens;
		break;
	case PER_TOKENS_OF_GPU:
		item->scale = samples * tokens / gpus;
		break;
	case PER_TFLOP_OF_GPU:
		item->scale = samples * workload->step_flops * layout->tensor / gpus / 1e12;
		break;
	case PER_EPOCH:
		item->scale = ceil(subject->rule->dataset_samples / samples);
		if (!(item->scale > 0))
			return "the samples of an epoch are not known";
		break;
	}
	if (!(item->scale > 0))
		return "the tokens of a sample are not known";
	if (metric->quantity == EVAL_WAITING_TIME && gpus <= 1)
		return "one GPU has nothing to synchronise";
	return NULL;
}

static const char *fill_case(struct eval_builder *builder, const struct subject *subject,
                             const char *name, struct eval_case *item)
{
	const struct metric *metric = metric_find(name);
	const char *reason = NULL;
	if (!metric)
		return eval_reason(builder, "metric '%s' is not known", name);
	if (metric->reason)
		return metric->reason;
	struct workload_options options = subject->options;
	if (metric->without_optimizer) {
		options.optimizer = OPTIMIZER_NONE;
		options.optimizer_given = true;
	}
	const struct workload *workload =
	    eval_workload(builder, subject->rule->zoo, &options, &reason);
	if (!workload)
		return reason;
	item->workload = workload;
	item->device = subject->device;
	item->settings = subject->settings;
	if (subject->rule->batch_in_tokens) {
		/* Whole sentences of the model's length. */
		item->settings.batch = subject->settings.batch / workload->tokens;
		if (!(item->settings.batch > 0 && isfinite(item->settings.batch)))
			return "the batch counts tokens, and the model has none";
	}
	reason = set_scale(metric, subject, workload, item);
	/* What is not stated changes times by factors, and powers little. */
	bool assumed = subject->rule->batch > 0;
	item->judge_only = subject->rule->judge_only && (assumed || item->quantity != EVAL_POWER);
	if (!reason && !(item->measured > 0))
		reason = "the measured number is 0";
	return reason;
}

/* The run with as many GPUs as its machine has. */
static const struct measured_run *as_known(struct eval_builder *builder,
                                           const struct measured_run *run)
{
	const struct model_rule *rule = model_names_find(builder->names, run);
	double gpus = (double)model_names_machine(builder->names, run)->gpus;
	struct measured_run *copy =
	    gpus > 0 ? ARENA_NEW(builder->arena, struct measured_run) : NULL;
	if (!copy)
		return run;
	*copy = *run;
	if (rule && rule->batch_split)
		copy->batch *= run->gpus / gpus;
	copy->gpus = gpus;
	return copy;
}

enum ergon_code eval_add_runs(struct eval_builder *builder, const struct measurements *table)
{
	for (size_t i = 0; i < table->run_count; i++) {
		const struct measured_run *run = as_known(builder, &table->runs[i]);
		struct subject subject = { 0 };
		const char *reason = describe(builder, run, &subject);
		for (size_t j = 0; j < run->value_count; j++) {
			struct eval_case *item = eval_add(builder);
			if (!item)
				return ergon_fail(builder->err, ERGON_NO_MEMORY, "out of memory");
			const struct measured_value *value = &run->values[j];
			item->file = table->name;
			item->split = value->split;
			item->metric = value->metric;
			item->run = run;
			item->line = value->line;
			item->measured = value->value;
			item->reason =
			    reason ? reason : fill_case(builder, &subject, value->metric, item);
		}
	}
	return ERGON_OK;
}
