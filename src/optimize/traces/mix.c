/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/traces/mix.h"

#include <math.h>
#include <string.h>

#include "base/units.h"

/* Models of data/models at batches a GPU that fit into 16 GB; shares are a choice, not a fit. */
static const struct mix_item models[] = {
	{ "resnet50", 4, 64, 0, 0 }, { "bert-base", 3, 32, 0, 0 }, { "vit-b16", 1, 32, 0, 0 },
	{ "gpt2", 1, 4, 0, 0 },      { "resnet152", 1, 32, 0, 0 },
};

/* The rule of the Pollux artifact for GPU time, with its initial and largest batch sizes. */
static const struct mix_item pollux[] = {
	{ "cifar10", 1, 128, 4096, 1 },    { "ncf", 1, 256, 32768, 1 },
	{ "deepspeech2", 1, 20, 640, 10 }, { "bert", 1, 12, 384, 10 },
	{ "yolov3", 1, 8, 512, 100 },      { "imagenet", 1, 200, 12800, INFINITY },
};

static void fill(struct mix *mix, const struct mix_item *items, size_t count)
{
	memcpy(mix->items, items, count * sizeof *items);
	mix->count = count;
	for (size_t i = 0; i < count; i++)
		mix->weight += items[i].weight;
}

static enum ergon_code parse_item(char *text, struct mix_item *item, struct ergon_error *err)
{
	*item = (struct mix_item){ .application = text, .weight = 1, .batch_per_gpu = 32 };
	char *weight = strchr(text, ':');
	char *batch = weight ? strchr(weight + 1, ':') : NULL;
	uint64_t number = 32;
	if (weight)
		*weight++ = '\0';
	if (batch)
		*batch++ = '\0';
	if (text[0] == '\0' ||
	    (weight &&
	     (!parse_real(weight, &item->weight) || !(item->weight > 0) || item->weight > 1e9)) ||
	    (batch && (!parse_u64(batch, &number) || number < 1 || number > 1000000)))
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "applications: expected NAME[:WEIGHT[:BATCH]] with a weight over "
		                  "0 and a batch from 1 to 1000000, found '%.40s'",
		                  text);
	item->batch_per_gpu = (uint32_t)number;
	return ERGON_OK;
}

enum ergon_code mix_parse(const char *text, struct arena *arena, struct mix *mix,
                          struct ergon_error *err)
{
	*mix = (struct mix){ 0 };
	if (!text || strcmp(text, "models") == 0) {
		fill(mix, models, sizeof models / sizeof models[0]);
		return ERGON_OK;
	}
	if (strcmp(text, "pollux") == 0) {
		fill(mix, pollux, sizeof pollux / sizeof pollux[0]);
		mix->by_gpu_time = true;
		return ERGON_OK;
	}
	char *copy = arena_strdup(arena, text);
	if (!copy)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (char *item = copy, *next; item; item = next) {
		next = strchr(item, ',');
		if (next)
			*next++ = '\0';
		if (mix->count == MIX_ITEMS_MAX)
			return ergon_fail(err, ERGON_BAD_INPUT, "applications: more than %d",
			                  MIX_ITEMS_MAX);
		enum ergon_code code = parse_item(item, &mix->items[mix->count], err);
		if (code)
			return code;
		mix->weight += mix->items[mix->count++].weight;
	}
	return ERGON_OK;
}

/* The first and, exclusive, the last item that the job may be. */
static void choices(const struct mix *mix, double gpu_hours, size_t *begin, size_t *end)
{
	*begin = 0;
	*end = mix->count;
	if (!mix->by_gpu_time)
		return;
	while (gpu_hours >= mix->items[*begin].gpu_hours_max)
		++*begin;
	*end = *begin + 1;
	while (*end < mix->count &&
	       mix->items[*end].gpu_hours_max == mix->items[*begin].gpu_hours_max)
		++*end;
}

void mix_assign(const struct mix *mix, struct trace_job *job, double u)
{
	size_t begin, end;
	choices(mix, job->gpus * seconds_from_ns(job->duration_ns) / 3600, &begin, &end);
	double total = 0;
	for (size_t i = begin; i < end; i++)
		total += mix->items[i].weight;
	double at = u * total;
	size_t chosen = begin;
	while (chosen + 1 < end && at >= mix->items[chosen].weight)
		at -= mix->items[chosen++].weight;
	const struct mix_item *item = &mix->items[chosen];
	uint64_t batch = (uint64_t)item->batch_per_gpu * job->gpus;
	if (item->batch_max && batch > item->batch_max)
		batch = item->batch_max;
	if (batch > TRACE_BATCH_MAX)
		batch = TRACE_BATCH_MAX;
	job->application = item->application;
	job->batch = (uint32_t)batch;
}
