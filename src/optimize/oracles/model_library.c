/* SPDX-License-Identifier: Apache-2.0
 *
 * The devices of a cluster and the models of its jobs, read once; and what the model says of their
 * power, asked once.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "optimize/oracles/model.h"

/* What the applications of published traces are called in the zoo. */
static const struct {
	const char *application, *model;
} translations[] = {
	{ "bert", "bert-base" },  { "cifar10", "resnet18-cifar10" }, { "imagenet", "resnet50" },
	{ "ncf", "neumf-ml20m" }, { "deepspeech2", "deepspeech2" },  { "yolov3", "yolov3" },
};

struct model_answer {
	const struct workload *workload; /* NULL: free slot */
	double local_batch;
	uint32_t group, setting;
	struct model_power power; /* busy_w NaN: the model has no finite answer */
};

/* The lowest clock worth asking for, of boost, and what caps must reach for clocks not to matter.
 */
static const double caps_reach = 0.7;
enum { TENTHS_LOWEST = 4 };

static void list_settings(struct model_library *library, uint32_t group)
{
	const struct device *device = &library->devices[group];
	struct power_setting *settings = library->settings[group];
	uint32_t count = 1;
	settings[0] = (struct power_setting){ 0 };
	double most_w =
	    isnan(device->power_limit_max_w) ? device->tdp_w : device->power_limit_max_w;
	bool by_cap = device->power_limit_min_w <= caps_reach * most_w;
	for (int tenths = 9; tenths >= TENTHS_LOWEST; tenths--) {
		struct power_setting one = { .cap_w = by_cap ? most_w * tenths / 10 : 0,
			                     .clock_hz =
			                         by_cap ? 0 : device->boost_hz * tenths / 10 };
		bool can = by_cap ? one.cap_w >= device->power_limit_min_w
		                  : !(one.clock_hz < device->min_hz);
		if (can)
			settings[count++] = one;
	}
	library->setting_count[group] = library->has_device[group] ? count : 1;
}

uint32_t model_settings(const struct model_library *library, uint32_t group,
                        struct power_setting *out, uint32_t max)
{
	uint32_t count = library->setting_count[group];
	if (count > max)
		count = max;
	memcpy(out, library->settings[group], count * sizeof *out);
	return count;
}

static struct model_answer *slot_of(struct model_answer *answers, uint32_t capacity,
                                    const struct model_answer *wanted)
{
	uint64_t bits;
	memcpy(&bits, &wanted->local_batch, sizeof bits);
	uint64_t hash = (uint64_t)(uintptr_t)wanted->workload ^ bits ^
	                ((uint64_t)wanted->group << 8 | wanted->setting) << 40;
	/* Small whole batches differ in the upper bits of their doubles only. */
	hash = (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	hash ^= hash >> 32;
	for (uint64_t at = hash;; at++) {
		struct model_answer *slot = &answers[at & (capacity - 1)];
		if (!slot->workload ||
		    (slot->workload == wanted->workload &&
		     slot->local_batch == wanted->local_batch && slot->group == wanted->group &&
		     slot->setting == wanted->setting))
			return slot;
	}
}

static bool widen(struct model_library *library)
{
	uint32_t capacity = library->answer_capacity ? library->answer_capacity * 2 : 1024;
	struct model_answer *more = ARENA_ARRAY(library->arena, struct model_answer, capacity);
	if (!more)
		return false;
	for (uint32_t i = 0; i < library->answer_capacity; i++)
		if (library->answers[i].workload)
			*slot_of(more, capacity, &library->answers[i]) = library->answers[i];
	library->answers = more;
	library->answer_capacity = capacity;
	return true;
}

static void ask_power(const struct model_library *library, struct model_answer *answer)
{
	const struct power_setting *setting = &library->settings[answer->group][answer->setting];
	struct predict_settings settings = { .batch = answer->local_batch, .gpus = 1 };
	struct prediction free, held;
	const struct device *device = &library->devices[answer->group];
	predict(answer->workload, device, &library->calibration, &settings, &free);
	settings.power_cap_w = setting->cap_w;
	settings.clock_hz = setting->clock_hz;
	held = free;
	if (answer->setting)
		predict(answer->workload, device, &library->calibration, &settings, &held);
	answer->power = (struct model_power){ .busy_w = held.power_w,
		                              .wait_w = held.idle_w + held.static_w,
		                              .slower = held.step_time_s / free.step_time_s };
	if (!isfinite(held.power_w) || !isfinite(answer->power.wait_w) ||
	    !(answer->power.slower > 0))
		answer->power.busy_w = (double)NAN;
}

bool model_power(struct model_library *library, const struct workload *workload, uint32_t group,
                 double local_batch, uint32_t setting, struct model_power *power)
{
	if (!library->has_device[group] || setting >= library->setting_count[group])
		return false;
	struct model_answer wanted = {
		.workload = workload, .local_batch = local_batch, .group = group, .setting = setting
	};
	if (library->answer_count * 2 >= library->answer_capacity && !widen(library))
		return false;
	struct model_answer *slot = slot_of(library->answers, library->answer_capacity, &wanted);
	if (!slot->workload) {
		ask_power(library, &wanted);
		*slot = wanted;
		library->answer_count++;
	}
	*power = slot->power;
	return isfinite(power->busy_w);
}

enum ergon_code model_library_init(struct model_library *library, const struct ergon_env *env,
                                   struct arena *arena, const struct cluster *cluster,
                                   struct ergon_error *err)
{
	*library = (struct model_library){
		.env = env, .arena = arena, .cluster = cluster, .capacity = 1024
	};
	library->names = arena_alloc(arena, library->capacity, sizeof *library->names);
	library->workloads = arena_alloc(arena, library->capacity, sizeof *library->workloads);
	if (!library->names || !library->workloads)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t g = 0; g < cluster->group_count; g++) {
		struct ergon_error why = { 0 };
		library->has_device[g] = device_load(env, cluster->groups[g].type,
		                                     &library->devices[g], &why) == ERGON_OK;
		if (!library->has_device[g])
			snprintf(library->missing, sizeof library->missing, "%.250s", why.text);
		list_settings(library, (uint32_t)g);
	}
	return calibration_load(env, &library->calibration, err);
}

enum ergon_code model_library_find(struct model_library *library, const char *application,
                                   const struct workload **workload, struct ergon_error *err)
{
	for (size_t i = library->count; i-- > 0;)
		if (strcmp(library->names[i], application) == 0) {
			*workload = library->workloads[i];
			if (*workload)
				return ERGON_OK;
			if (!err) /* not known, and nobody asks why */
				return ERGON_NOT_FOUND;
			break;
		}
	const char *model = application;
	for (size_t i = 0; i < sizeof translations / sizeof *translations; i++)
		if (strcmp(translations[i].application, application) == 0)
			model = translations[i].model;
	if (library->count == library->capacity)
		return ergon_fail(err, ERGON_BAD_INPUT, "more than %zu different applications",
		                  library->capacity);
	if (!*model)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "the trace does not say what its jobs run, which --oracle model "
		                  "needs; try --oracle duration");
	const struct workload_options options = { .precision = PRECISION_FP32 };
	enum ergon_code code =
	    workload_load(library->env, model, &options, library->arena, workload, err);
	/* A name that is nowhere has been looked for in every file of the zoo: once is enough. */
	if (code && code != ERGON_NOT_FOUND)
		return code;
	library->names[library->count] = application;
	library->workloads[library->count++] = code ? NULL : *workload;
	return code;
}
