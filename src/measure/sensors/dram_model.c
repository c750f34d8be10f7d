/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory power without a sensor:
 *
 *     P = sum over modules of [ P_idle(type) + e(type) * peak bandwidth * traffic share ]
 *
 * Modules come from SMBIOS (empty slots not counted); without it, from MemTotal as that many 16 GiB
 * modules. The traffic share is an activity proxy: busy CPU time times the share that all CPUs busy
 * are taken to use. The constants are data (data/devices/dram/modules.json) with their sources.
 * Modelled, with a wide error band; ten memory channels that idle are told from ten that do not,
 * and no more is promised.
 *
 * Where `ergon calibrate dram` has fitted this machine's memory against RAPL (calibrate_power.h),
 * that model is used instead: in the traffic that the memory controllers count, else in last-level
 * cache misses, else in busy time.
 *
 * "dram_model:ea2p": the slot model of the EA2P profiler, for comparison: modules x W(size) x share
 * of memory in use.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "measure/calibrate_power.h"
#include "measure/sensors/activity.h"
#include "measure/sensors/smbios.h"
#include "measure/sensors/sysfs.h"

enum { MODULES_MAX = 512, BYTES_A_TRANSFER = 8 };

struct dram_model {
	const struct ergon_env *env;
	double idle_w, full_traffic_w; /* full_traffic_w: added with all CPUs busy */
	double relative_error;
	double energy_j;
	uint64_t before_ns, before_ticks;
	struct activity activity;
	struct features *features; /* NULL: no fitted model */
	struct power_model fitted;
	double before[FEATURE_COUNT];
	bool ea2p;
	double slots_w; /* ea2p: sum over modules of W(size) */
	char meminfo[SYSFS_PATH_SIZE];
};

struct constants {
	json_t *root;
	double speed_mts, module_gib, traffic_share, ea2p_w_per_gib;
	char file[1100];
};

static enum ergon_code load_constants(const char *data_dir, struct constants *c,
                                      struct ergon_error *err)
{
	if (!file_join(c->file, sizeof c->file, data_dir, "devices/dram/modules.json"))
		return ergon_fail(err, ERGON_BAD_INPUT, "the data folder's path is too long");
	enum ergon_code code = json_load(c->file, &c->root, err);
	if (code)
		return code;
	struct json_place place = { c->file, "" };
	if ((code =
	         json_need_real(c->root, place, "default_speed_mts", 1, 1e6, &c->speed_mts, err)) ||
	    (code = json_need_real(c->root, place, "default_module_gib", 1, 4096, &c->module_gib,
	                           err)) ||
	    (code = json_need_real(c->root, place, "ea2p_w_per_gib", 0, 100, &c->ea2p_w_per_gib,
	                           err)) ||
	    (code = json_need_real(c->root, place, "traffic_share_full_load", 0, 1,
	                           &c->traffic_share, err)))
		json_decref(c->root);
	return code;
}

/* The entry of `types` that lists this SMBIOS type; the last one ("other") for all else. */
static enum ergon_code find_type(const struct constants *c, unsigned type, double *idle_w,
                                 double *w_per_gbs, double *error, struct ergon_error *err)
{
	json_t *types, *entry, *listed, *number;
	size_t i, k;
	enum ergon_code code =
	    json_need_array(c->root, (struct json_place){ c->file, "" }, "types", &types, err);
	if (code)
		return code;
	struct json_place place = { c->file, "types[]" };
	json_array_foreach(types, i, entry)
	{
		bool found = i + 1 == json_array_size(types);
		if ((code = json_need_array(entry, place, "smbios", &listed, err)))
			return code;
		json_array_foreach(listed, k, number) found =
		    found || json_integer_value(number) == (json_int_t)type;
		if (!found)
			continue;
		if ((code = json_need_real(entry, place, "idle_w", 0, 100, idle_w, err)) ||
		    (code = json_need_real(entry, place, "w_per_gbs", 0, 10, w_per_gbs, err)))
			return code;
		return json_need_real(entry, place, "relative_error", 0, 2, error, err);
	}
	return ergon_fail_at(err, ERGON_BAD_INPUT, c->file, 0, "types: expected at least one");
}

static enum ergon_code add_modules(struct dram_model *model, const struct constants *c,
                                   unsigned type, unsigned speed_mts, double count,
                                   struct ergon_error *err)
{
	double idle_w, w_per_gbs, error;
	enum ergon_code code = find_type(c, type, &idle_w, &w_per_gbs, &error, err);
	if (code)
		return code;
	double peak_gbs = (speed_mts ? speed_mts : c->speed_mts) * BYTES_A_TRANSFER / 1e3;
	model->idle_w += count * idle_w;
	model->full_traffic_w += count * w_per_gbs * peak_gbs * c->traffic_share;
	model->relative_error = fmax(model->relative_error, error);
	return ERGON_OK;
}

static size_t read_modules(const struct ergon_env *env, struct memory_module *modules)
{
	char path[SYSFS_PATH_SIZE];
	char *table;
	size_t length;
	if (!sysfs_path(path, sizeof path, env->sysfs_root, "firmware/dmi/tables/DMI") ||
	    access(path, R_OK) != 0 || file_read(path, &table, &length, NULL))
		return 0;
	size_t count = smbios_modules((const uint8_t *)table, length, modules, MODULES_MAX);
	free(table);
	return count < MODULES_MAX ? count : MODULES_MAX;
}

static double mem_total_gib(const struct ergon_env *env)
{
	char path[SYSFS_PATH_SIZE], line[256];
	double kib = 0;
	FILE *file = NULL;
	if (sysfs_path(path, sizeof path, env->procfs_root, "meminfo"))
		file = fopen(path, "re");
	while (file && kib == 0 && fgets(line, sizeof line, file))
		if (strncmp(line, "MemTotal:", 9) == 0)
			kib = strtod(line + 9, NULL);
	if (file)
		fclose(file);
	return kib > 0 && kib < 1e15 ? kib / (1024 * 1024) : 0;
}

static enum ergon_code set_up(struct dram_model *model, struct ergon_error *err)
{
	struct constants c = { 0 };
	struct memory_module *modules = calloc(MODULES_MAX, sizeof *modules);
	if (!modules)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = load_constants(model->env->data_dir, &c, err);
	if (!code) {
		size_t count = read_modules(model->env, modules);
		for (size_t i = 0; i < count && !code; i++)
			code =
			    add_modules(model, &c, modules[i].type, modules[i].speed_mts, 1, err);
		double gib = 0;
		for (size_t i = 0; i < count; i++)
			gib += (double)modules[i].size_mib / 1024;
		model->slots_w = c.ea2p_w_per_gib * (count ? gib : mem_total_gib(model->env));
		if (count == 0)
			code = add_modules(model, &c, 0, 0,
			                   mem_total_gib(model->env) / c.module_gib, err);
		json_decref(c.root);
	}
	free(modules);
	return code;
}

static enum sensor_state dram_probe(const struct ergon_env *env, const char *argument,
                                    struct sensor_reason *reason)
{
	char path[SYSFS_PATH_SIZE];
	*reason = (struct sensor_reason){ "", "" };
	if (argument && strcmp(argument, "ea2p") != 0) {
		snprintf(reason->text, sizeof reason->text,
		         "no model '%.40s'; the other one is ea2p", argument);
		return SENSOR_ABSENT;
	}
	if (sysfs_path(path, sizeof path, env->procfs_root, "stat") && access(path, R_OK) == 0)
		return SENSOR_READY;
	snprintf(reason->text, sizeof reason->text, "cannot read %s/stat: %s", env->procfs_root,
	         strerror(errno));
	return SENSOR_ABSENT;
}

static void open_fitted(struct dram_model *model)
{
	if (model->ea2p) {
		model->relative_error = 1; /* nothing is known about it */
		if (!sysfs_path(model->meminfo, sizeof model->meminfo, model->env->procfs_root,
		                "meminfo"))
			model->meminfo[0] = '\0';
		return;
	}
	model->features = features_open(model->env);
	if (power_model_kept(model->env, POWER_OF_DRAM, model->features, &model->fitted) &&
	    features_read(model->features, model->before))
		return;
	features_close(model->features);
	model->features = NULL;
}

/* Share of memory in use: 1 - MemAvailable / MemTotal; 1 where meminfo does not tell. */
static double memory_use(const struct dram_model *model)
{
	char text[4096];
	int fd = open(model->meminfo, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	if (length <= 0)
		return 1;
	text[length] = '\0';
	const char *total = strstr(text, "MemTotal:"), *free_at = strstr(text, "MemAvailable:");
	double all = total ? strtod(total + 9, NULL) : 0;
	double available = free_at ? strtod(free_at + 13, NULL) : 0;
	return all > 0 && available >= 0 && available <= all ? 1 - available / all : 1;
}

/* Energy since the reading before, by the model that is in use. */
static double spent_j(struct dram_model *model, uint64_t now_ns, double busy_s)
{
	double passed_s = seconds_from_ns(now_ns - model->before_ns);
	double now[FEATURE_COUNT], change[FEATURE_COUNT];
	if (model->ea2p)
		return model->slots_w * memory_use(model) * passed_s;
	if (!model->features || !features_read(model->features, now))
		return model->idle_w * passed_s +
		       model->full_traffic_w * busy_s / model->activity.count;
	for (int k = 0; k < FEATURE_COUNT; k++)
		change[k] = now[k] - model->before[k];
	memcpy(model->before, now, sizeof now);
	return power_model_j(&model->fitted, change);
}

static int dram_open(void *state, const struct ergon_env *env, const char *argument,
                     struct channel *channels, int max, struct ergon_error *err)
{
	struct dram_model *model = state;
	model->env = env;
	model->ea2p = argument && strcmp(argument, "ea2p") == 0;
	if (max < 1 || !activity_open(&model->activity, env)) {
		ergon_fail(err, ERGON_NOT_SUPPORTED, "dram_model: cannot read %s/stat",
		           env->procfs_root);
		return -1;
	}
	if (set_up(model, err)) {
		activity_close(&model->activity);
		return -1;
	}
	open_fitted(model);
	struct channel *channel = &channels[0];
	snprintf(channel->name, sizeof channel->name, "dram");
	channel->behaviour = CHANNEL_ENERGY_COUNTER;
	channel->provenance = PROVENANCE_MODELLED;
	channel->refresh_us = (uint32_t)lround(model->activity.tick_s * 1e6);
	channel->resolution = 1;
	channel->relative_error =
	    model->features ? model->fitted.relative_error : model->relative_error;
	channel->max_power_w = 100e3;
	return 1;
}

static void dram_read(void *state, struct reading *readings, int n)
{
	struct dram_model *model = state;
	const struct ergon_clock *clock = model->env->clock;
	int error;
	bool good = activity_read(&model->activity, &error);
	uint64_t now_ns = clock->monotonic_ns(clock->user);
	if (good) {
		uint64_t ticks = 0;
		for (int i = 0; i < model->activity.count; i++)
			ticks += model->activity.busy_ticks[i];
		double busy_s = ticks > model->before_ticks && model->before_ns
		                    ? (double)(ticks - model->before_ticks) * model->activity.tick_s
		                    : 0;
		if (model->before_ns)
			model->energy_j += spent_j(model, now_ns, busy_s);
		model->before_ns = now_ns;
		model->before_ticks = ticks;
	}
	if (n > 0)
		readings[0] =
		    (struct reading){ now_ns, (uint64_t)(model->energy_j * 1e6), error, good };
}

static void dram_close(void *state)
{
	struct dram_model *model = state;
	features_close(model->features);
	activity_close(&model->activity);
}

const struct sensor_driver sensor_dram_model = {
	.name = "dram_model",
	.takes = "[ea2p]",
	.summary = "model of memory power from modules and activity, where no sensor is open",
	.use = SENSOR_FALLBACK,
	.state_size = sizeof(struct dram_model),
	.probe = dram_probe,
	.open = dram_open,
	.read = dram_read,
	.close = dram_close,
};
