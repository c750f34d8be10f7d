/* SPDX-License-Identifier: Apache-2.0
 *
 * NVIDIA GPUs through libnvidia-ml.so.1, opened at run time. The few entry points and types below
 * are declared here after NVIDIA's published API (nvml.h, NVML API reference r535), so that neither
 * header nor library is needed to build.
 *
 * Each GPU offers one channel, the best that its driver supports: the total-energy counter (Volta
 * and later, mJ since the driver was loaded), else the instant-power field (186), else the power
 * usage, which on some generations is a mean over a second. A Grace superchip also shows its module
 * (GPU, CPU and memory) as module-N. MIG instances share their GPU's channel: NVML shows no energy
 * for them.
 *
 * Part-time sampling: on A100 and H100 the power behind all of these is looked at for 24-25 ms of
 * every 101 ms (Yang, Adamek, Armour, SC 2024, "Part-time Power Measurements"). What happens in
 * between is not seen, so the channel says observed_share = 0.25 and the meter widens its interval;
 * repeats with shifted phase narrow it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/units.h"
#include "measure/sensors/sysfs.h"

enum { GPUS_MAX = 64, SONAME_ERRORS = 16 };

enum { /* nvmlReturn_t */
       NVML_OK = 0,
       NVML_NOT_SUPPORTED = 3,
       NVML_NO_PERMISSION = 4,
       NVML_DRIVER_NOT_LOADED = 9,
       NVML_GPU_IS_LOST = 15
};

enum { FIELD_POWER_INSTANT = 186, SCOPE_GPU = 0, SCOPE_MODULE = 1 };
enum { VALUE_DOUBLE, VALUE_UINT, VALUE_ULONG, VALUE_ULLONG };

typedef struct nvml_device *nvml_device;

struct nvml_field { /* nvmlFieldValue_t */
	unsigned field, scope;
	long long timestamp, latency_us;
	int type, status;
	union {
		double real;
		unsigned u32;
		unsigned long ul;
		unsigned long long u64;
	} value;
};

struct nvml_api {
	int (*init)(void);
	int (*shutdown)(void);
	int (*count)(unsigned *count);
	int (*by_index)(unsigned index, nvml_device *device);
	int (*name)(nvml_device device, char *name, unsigned length);
	int (*energy)(nvml_device device, unsigned long long *energy_mj);
	int (*fields)(nvml_device device, int count, struct nvml_field *fields);
	int (*power)(nvml_device device, unsigned *power_mw);
};

enum source { SOURCE_ENERGY, SOURCE_INSTANT, SOURCE_USAGE, SOURCE_MODULE };

struct nvml {
	const struct ergon_env *env;
	void *library;
	struct nvml_api api;
	int count;
	nvml_device devices[2 * GPUS_MAX]; /* of each channel */
	enum source sources[2 * GPUS_MAX];
};

/* --- library ----------------------------------------------------------------- */

static bool resolve(struct nvml *nvml)
{
	const struct {
		const char *name;
		void **slot;
		bool needed;
	} symbols[] = {
		{ "nvmlInit_v2", (void **)&nvml->api.init, true },
		{ "nvmlShutdown", (void **)&nvml->api.shutdown, true },
		{ "nvmlDeviceGetCount_v2", (void **)&nvml->api.count, true },
		{ "nvmlDeviceGetHandleByIndex_v2", (void **)&nvml->api.by_index, true },
		{ "nvmlDeviceGetName", (void **)&nvml->api.name, false },
		{ "nvmlDeviceGetTotalEnergyConsumption", (void **)&nvml->api.energy, false },
		{ "nvmlDeviceGetFieldValues", (void **)&nvml->api.fields, false },
		{ "nvmlDeviceGetPowerUsage", (void **)&nvml->api.power, false },
	};
	const struct ergon_dl *dl = nvml->env->dl;
	for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
		*symbols[i].slot = dl->symbol(dl->user, nvml->library, symbols[i].name);
		if (!*symbols[i].slot && symbols[i].needed)
			return false;
	}
	return true;
}

static void close_library(struct nvml *nvml)
{
	if (nvml->library)
		nvml->env->dl->close(nvml->env->dl->user, nvml->library);
	nvml->library = NULL;
}

static bool has_nvidia_card(const struct ergon_env *env)
{
	char folder[SYSFS_PATH_SIZE], path[SYSFS_PATH_SIZE], vendor[16], class[16];
	char **names;
	bool found = false;
	if (!sysfs_path(folder, sizeof folder, env->sysfs_root, "bus/pci/devices"))
		return false;
	int count = sysfs_list(folder, "", &names);
	for (int i = 0; i < count && !found; i++) {
		char name[300];
		snprintf(name, sizeof name, "%.250s/vendor", names[i]);
		found = sysfs_path(path, sizeof path, folder, name) &&
		        file_read_small(path, vendor, sizeof vendor) &&
		        strcmp(vendor, "0x10de") == 0;
		snprintf(name, sizeof name, "%.250s/class", names[i]);
		found = found && sysfs_path(path, sizeof path, folder, name) &&
		        file_read_small(path, class, sizeof class) &&
		        strncmp(class, "0x03", 4) == 0; /* display or 3D controller */
	}
	sysfs_list_free(names, count);
	return found;
}

static void explain_status(int status, struct sensor_reason *reason)
{
	switch (status) {
	case NVML_DRIVER_NOT_LOADED:
		snprintf(reason->text, sizeof reason->text, "the NVIDIA driver is not loaded");
		snprintf(reason->grant, sizeof reason->grant, "sudo modprobe nvidia");
		break;
	case NVML_NO_PERMISSION:
		snprintf(reason->text, sizeof reason->text,
		         "NVML refuses: no permission on the NVIDIA devices");
		snprintf(reason->grant, sizeof reason->grant, "sudo chmod a+rw /dev/nvidia*");
		break;
	default:
		snprintf(reason->text, sizeof reason->text, "nvmlInit failed with status %d",
		         status);
	}
}

/* Opens and initialises; on failure says why and leaves nothing open. */
static enum sensor_state start(struct nvml *nvml, const struct ergon_env *env,
                               struct sensor_reason *reason)
{
	const char *why = "";
	*reason = (struct sensor_reason){ "", "" };
	nvml->env = env;
	nvml->library = env->dl ? env->dl->open(env->dl->user, "libnvidia-ml.so.1", &why) : NULL;
	if (!nvml->library) {
		bool card = has_nvidia_card(env);
		snprintf(reason->text, sizeof reason->text, "%s (%.120s)",
		         card ? "an NVIDIA card is there, but not its library"
		              : "no NVIDIA driver on this machine",
		         why ? why : "");
		if (card)
			snprintf(reason->grant, sizeof reason->grant,
			         "sudo apt install nvidia-driver");
		return SENSOR_ABSENT;
	}
	if (!resolve(nvml)) {
		snprintf(reason->text, sizeof reason->text,
		         "libnvidia-ml.so.1 lacks the entry points of NVML 2 or later");
		close_library(nvml);
		return SENSOR_ABSENT;
	}
	int status = nvml->api.init();
	if (status != NVML_OK) {
		explain_status(status, reason);
		close_library(nvml);
		return status == NVML_NO_PERMISSION ? SENSOR_CLOSED : SENSOR_ABSENT;
	}
	return SENSOR_READY;
}

static void stop(struct nvml *nvml)
{
	nvml->api.shutdown();
	close_library(nvml);
}

/* --- channels ------------------------------------------------------------------ */

static bool field_power_mw(struct nvml *nvml, nvml_device device, unsigned scope,
                           uint64_t *power_mw, int *status)
{
	struct nvml_field field = { .field = FIELD_POWER_INSTANT, .scope = scope };
	if (!nvml->api.fields) {
		*status = NVML_NOT_SUPPORTED;
		return false;
	}
	*status = nvml->api.fields(device, 1, &field);
	if (*status == NVML_OK)
		*status = field.status;
	if (*status != NVML_OK)
		return false;
	switch (field.type) {
	case VALUE_UINT:
		*power_mw = field.value.u32;
		return true;
	case VALUE_ULONG:
		*power_mw = field.value.ul;
		return true;
	case VALUE_ULLONG:
		*power_mw = field.value.u64;
		return true;
	case VALUE_DOUBLE:
		*power_mw = field.value.real > 0 ? (uint64_t)field.value.real : 0;
		return field.value.real >= 0;
	default:
		*status = NVML_NOT_SUPPORTED;
		return false;
	}
}

/* uJ for the counter, uW for powers. */
static bool read_source(struct nvml *nvml, nvml_device device, enum source source, uint64_t *raw,
                        int *status)
{
	unsigned long long energy_mj = 0;
	unsigned power_mw = 0;
	uint64_t field_mw = 0;
	*status = NVML_NOT_SUPPORTED;
	switch (source) {
	case SOURCE_ENERGY:
		if (nvml->api.energy)
			*status = nvml->api.energy(device, &energy_mj);
		*raw = (uint64_t)energy_mj * 1000;
		break;
	case SOURCE_USAGE:
		if (nvml->api.power)
			*status = nvml->api.power(device, &power_mw);
		*raw = (uint64_t)power_mw * 1000;
		break;
	case SOURCE_INSTANT:
	case SOURCE_MODULE:
		if (!field_power_mw(nvml, device,
		                    source == SOURCE_MODULE ? SCOPE_MODULE : SCOPE_GPU, &field_mw,
		                    status))
			return false;
		*raw = field_mw * 1000;
		break;
	}
	return *status == NVML_OK && *raw / 1000 != UINT32_MAX;
}

static bool name_has(const char *name, const char *const *words)
{
	for (; *words; words++)
		if (strstr(name, *words))
			return true;
	return false;
}

static void describe(const char *model, enum source source, struct channel *channel)
{
	static const char *const part_time[] = { "A100", "H100", "H200", "GH200", NULL };
	channel->behaviour =
	    source == SOURCE_ENERGY ? CHANNEL_ENERGY_COUNTER : CHANNEL_POWER_INSTANT;
	channel->provenance = PROVENANCE_MEASURED;
	channel->refresh_us = 100000;
	channel->resolution = 1000;
	channel->relative_error = 0.025; /* NVML documents +-5% for power readings */
	channel->max_power_w = 3000;
	if (name_has(model, part_time))
		channel->observed_share = 0.25;
}

static void add_channel(struct nvml *nvml, nvml_device device, enum source source,
                        const char *model, struct channel *channel)
{
	describe(model, source, channel);
	nvml->devices[nvml->count] = device;
	nvml->sources[nvml->count++] = source;
}

static void add_gpu(struct nvml *nvml, unsigned index, struct channel *channels, int max)
{
	static const char *const superchips[] = { "GH200", "GB200", "GB300", NULL };
	nvml_device device;
	char model[96] = "";
	uint64_t raw;
	int status;
	if (nvml->api.by_index(index, &device) != NVML_OK)
		return;
	if (nvml->api.name && nvml->api.name(device, model, sizeof model) != NVML_OK)
		model[0] = '\0';
	model[sizeof model - 1] = '\0';
	for (int s = SOURCE_ENERGY; s <= SOURCE_USAGE && nvml->count < max; s++)
		if (read_source(nvml, device, (enum source)s, &raw, &status)) {
			struct channel *channel = &channels[nvml->count];
			snprintf(channel->name, sizeof channel->name, "gpu-%u", index);
			add_channel(nvml, device, (enum source)s, model, channel);
			break;
		}
	if (nvml->count < max && name_has(model, superchips) &&
	    read_source(nvml, device, SOURCE_MODULE, &raw, &status)) {
		struct channel *channel = &channels[nvml->count];
		snprintf(channel->name, sizeof channel->name, "module-%u", index);
		add_channel(nvml, device, SOURCE_MODULE, model, channel);
	}
}

/* --- the driver ------------------------------------------------------------------ */

static enum sensor_state nvml_probe(const struct ergon_env *env, const char *argument,
                                    struct sensor_reason *reason)
{
	(void)argument;
	struct nvml nvml = { 0 };
	unsigned count = 0;
	enum sensor_state state = start(&nvml, env, reason);
	if (state != SENSOR_READY)
		return state;
	if (nvml.api.count(&count) != NVML_OK || count == 0) {
		snprintf(reason->text, sizeof reason->text, "NVML lists no GPU");
		state = SENSOR_ABSENT;
	}
	stop(&nvml);
	return state;
}

static int nvml_open(void *state, const struct ergon_env *env, const char *argument,
                     struct channel *channels, int max, struct ergon_error *err)
{
	(void)argument;
	struct nvml *nvml = state;
	struct sensor_reason reason;
	unsigned count = 0;
	if (start(nvml, env, &reason) != SENSOR_READY) {
		ergon_fail(err, ERGON_NOT_SUPPORTED, "nvml: %s", reason.text);
		return -1;
	}
	if (max > 2 * GPUS_MAX)
		max = 2 * GPUS_MAX;
	if (nvml->api.count(&count) != NVML_OK)
		count = 0;
	for (unsigned i = 0; i < count && i < GPUS_MAX; i++)
		add_gpu(nvml, i, channels, max);
	if (nvml->count == 0) {
		ergon_fail(err, ERGON_NOT_SUPPORTED,
		           "nvml: no GPU supports energy or power readings");
		stop(nvml);
		return -1;
	}
	return nvml->count;
}

static int errno_of(int status)
{
	return status == NVML_GPU_IS_LOST     ? ENODEV
	       : status == NVML_NO_PERMISSION ? EACCES
	       : status == NVML_NOT_SUPPORTED ? ENOTSUP
	                                      : EIO;
}

static void nvml_read(void *state, struct reading *readings, int n)
{
	struct nvml *nvml = state;
	const struct ergon_clock *clock = nvml->env->clock;
	for (int i = 0; i < n; i++) {
		int status;
		readings[i].raw = 0;
		readings[i].valid = read_source(nvml, nvml->devices[i], nvml->sources[i],
		                                &readings[i].raw, &status);
		readings[i].error = readings[i].valid ? 0 : errno_of(status);
		readings[i].time_ns = clock->monotonic_ns(clock->user);
	}
}

static void nvml_close(void *state)
{
	stop(state);
}

const struct sensor_driver sensor_nvml = {
	.name = "nvml",
	.summary = "NVIDIA GPUs through libnvidia-ml.so.1",
	.use = SENSOR_ALWAYS,
	.state_size = sizeof(struct nvml),
	.probe = nvml_probe,
	.open = nvml_open,
	.read = nvml_read,
	.close = nvml_close,
};
