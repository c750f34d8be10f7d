/* SPDX-License-Identifier: Apache-2.0
 *
 * The levers of an NVIDIA GPU: power limit, graphics clock, memory clock, through NVML, opened at
 * run time. Source of the few entry points declared here: NVIDIA's NVML API reference (r535),
 * "Device Queries" and "Device Commands".
 *
 * The power limit is saved as it was found. NVML can lock clocks and undo the lock, but cannot say
 * whether they were locked before: restoring them undoes the lock.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "understand/levers/guard.h"

enum { NVML_OK = 0, NVML_NOT_SUPPORTED = 3, NVML_NO_PERMISSION = 4 };
/* Inits that a process may have open: one a sensor, with room to spare. */
enum { INITS_MAX = 64, CLOCKS_MAX = 1024 };

typedef struct nvml_device *nvml_device;

struct gpu_api {
	int (*init)(void);
	int (*shutdown)(void);
	int (*by_index)(unsigned index, nvml_device *device);
	int (*get_limit)(nvml_device device, unsigned *power_mw);
	int (*limits)(nvml_device device, unsigned *min_mw, unsigned *max_mw);
	int (*set_limit)(nvml_device device, unsigned power_mw);
	int (*memory_clocks)(nvml_device device, unsigned *count, unsigned *mhz);
	int (*clocks)(nvml_device device, unsigned memory_mhz, unsigned *count, unsigned *mhz);
	int (*lock_clock)(nvml_device device, unsigned min_mhz, unsigned max_mhz);
	int (*unlock_clock)(nvml_device device);
	int (*lock_memory)(nvml_device device, unsigned min_mhz, unsigned max_mhz);
	int (*unlock_memory)(nvml_device device);
};

struct gpus {
	const struct ergon_env *env;
	void *library;
	struct gpu_api api;
};

/* ---- the library ---- */

static bool resolve(struct gpus *g)
{
	const struct {
		const char *name;
		void **slot;
		bool needed;
	} symbols[] = {
		{ "nvmlInit_v2", (void **)&g->api.init, true },
		{ "nvmlShutdown", (void **)&g->api.shutdown, true },
		{ "nvmlDeviceGetHandleByIndex_v2", (void **)&g->api.by_index, true },
		{ "nvmlDeviceGetPowerManagementLimit", (void **)&g->api.get_limit, false },
		{ "nvmlDeviceGetPowerManagementLimitConstraints", (void **)&g->api.limits, false },
		{ "nvmlDeviceSetPowerManagementLimit", (void **)&g->api.set_limit, false },
		{ "nvmlDeviceGetSupportedMemoryClocks", (void **)&g->api.memory_clocks, false },
		{ "nvmlDeviceGetSupportedGraphicsClocks", (void **)&g->api.clocks, false },
		{ "nvmlDeviceSetGpuLockedClocks", (void **)&g->api.lock_clock, false },
		{ "nvmlDeviceResetGpuLockedClocks", (void **)&g->api.unlock_clock, false },
		{ "nvmlDeviceSetMemoryLockedClocks", (void **)&g->api.lock_memory, false },
		{ "nvmlDeviceResetMemoryLockedClocks", (void **)&g->api.unlock_memory, false },
	};
	const struct ergon_dl *dl = g->env->dl;
	for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
		*symbols[i].slot = dl->symbol(dl->user, g->library, symbols[i].name);
		if (!*symbols[i].slot && symbols[i].needed)
			return false;
	}
	return true;
}

static void close_library(struct gpus *g)
{
	if (g->library)
		g->env->dl->close(g->env->dl->user, g->library);
	g->library = NULL;
}

static enum ergon_code start(struct gpus *g, const struct ergon_env *env, bool forked,
                             struct ergon_error *err)
{
	const char *why = "";
	*g = (struct gpus){ .env = env };
	g->library = env->dl ? env->dl->open(env->dl->user, "libnvidia-ml.so.1", &why) : NULL;
	if (!g->library)
		return ergon_fail(err, ERGON_NOT_SUPPORTED,
		                  "no NVIDIA driver on this machine (%.120s)", why ? why : "");
	if (!resolve(g)) {
		close_library(g);
		return ergon_fail(err, ERGON_NOT_SUPPORTED, "libnvidia-ml.so.1 is too old");
	}
	/* A forked process inherits the count of inits, but not the driver's files. */
	for (int i = 0; forked && i < INITS_MAX && g->api.shutdown() == NVML_OK; i++)
		;
	int status = g->api.init();
	if (status == NVML_OK)
		return ERGON_OK;
	close_library(g);
	return ergon_fail(err,
	                  status == NVML_NO_PERMISSION ? ERGON_NO_PERMISSION : ERGON_NOT_SUPPORTED,
	                  "nvmlInit failed with status %d", status);
}

static void stop(struct gpus *g)
{
	g->api.shutdown();
	close_library(g);
}

/* member is what stands in the N's place: "0.power"; "" is GPU 0. */
static nvml_device device_of(const struct gpus *g, const char *member)
{
	nvml_device device = NULL;
	unsigned long index = strtoul(member, NULL, 10);
	if (index > 4096 || g->api.by_index((unsigned)index, &device) != NVML_OK)
		return NULL;
	return device;
}

static enum ergon_code open_gpu(struct gpus *g, const struct ergon_env *env, const char *member,
                                nvml_device *device, struct ergon_error *err)
{
	enum ergon_code code = start(g, env, false, err);
	if (code)
		return code;
	*device = device_of(g, member);
	if (*device)
		return ERGON_OK;
	stop(g);
	return ergon_fail(err, ERGON_NOT_FOUND, "NVML shows no GPU %lu", strtoul(member, NULL, 10));
}

static enum ergon_code refused(const char *what, int status, struct ergon_error *err)
{
	if (status == NVML_NO_PERMISSION)
		return ergon_fail(err, ERGON_NO_PERMISSION,
		                  "%s: NVML refuses this user; run ergon as root (sudo)", what);
	return ergon_fail(err, status == NVML_NOT_SUPPORTED ? ERGON_NOT_SUPPORTED : ERGON_IO,
	                  "%s: NVML answers with status %d%s", what, status,
	                  status == NVML_NOT_SUPPORTED ? ": not supported by this GPU" : "");
}

/* ---- what a setting is ---- */

enum gpu_setting { GPU_POWER, GPU_CLOCK, GPU_MEMCLOCK };

static const char *const setting_names[] = { "power", "clock", "memclock" };

static enum gpu_setting setting_of(const char *name)
{
	const char *dot = strrchr(name, '.');
	for (unsigned s = GPU_POWER; dot && s <= GPU_MEMCLOCK; s++)
		if (strcmp(dot + 1, setting_names[s]) == 0)
			return s;
	return GPU_POWER;
}

/* value: mW or MHz; 0 undoes a lock. */
static int apply(const struct gpus *g, nvml_device device, enum gpu_setting setting, unsigned value)
{
	const struct gpu_api *a = &g->api;
	bool has = setting == GPU_POWER   ? a->set_limit != NULL
	           : setting == GPU_CLOCK ? a->lock_clock && a->unlock_clock
	                                  : a->lock_memory && a->unlock_memory;
	if (!has)
		return NVML_NOT_SUPPORTED;
	switch (setting) {
	case GPU_POWER:
		return a->set_limit(device, value);
	case GPU_CLOCK:
		return value ? a->lock_clock(device, value, value) : a->unlock_clock(device);
	case GPU_MEMCLOCK:
		return value ? a->lock_memory(device, value, value) : a->unlock_memory(device);
	}
	return NVML_NOT_SUPPORTED;
}

/* Memory clocks, or the graphics clocks at the highest of them, in no order. */
static int list_clocks(const struct gpus *g, nvml_device device, bool memory, unsigned *mhz,
                       unsigned *count)
{
	unsigned top = 0;
	*count = CLOCKS_MAX;
	if (!g->api.memory_clocks || !g->api.clocks)
		return NVML_NOT_SUPPORTED;
	int status = g->api.memory_clocks(device, count, mhz);
	if (status != NVML_OK || memory)
		return status;
	for (unsigned i = 0; i < *count; i++)
		top = mhz[i] > top ? mhz[i] : top;
	*count = CLOCKS_MAX;
	return g->api.clocks(device, top, count, mhz);
}

/* ---- range ---- */

static int power_limits(const struct gpus *g, nvml_device device, struct lever_range *range)
{
	unsigned min_mw = 0, max_mw = 0;
	int status = g->api.limits ? g->api.limits(device, &min_mw, &max_mw) : NVML_NOT_SUPPORTED;
	*range = (struct lever_range){ min_mw / 1e3, max_mw / 1e3, false };
	return status;
}

static int clock_limits(const struct gpus *g, nvml_device device, bool memory,
                        struct lever_range *range)
{
	unsigned mhz[CLOCKS_MAX], count;
	int status = list_clocks(g, device, memory, mhz, &count);
	if (status == NVML_OK && count == 0)
		status = NVML_NOT_SUPPORTED;
	if (status != NVML_OK)
		return status;
	*range = (struct lever_range){ mhz[0], mhz[0], true };
	for (unsigned i = 1; i < count; i++) {
		range->min = mhz[i] < range->min ? mhz[i] : range->min;
		range->max = mhz[i] > range->max ? mhz[i] : range->max;
	}
	return NVML_OK;
}

static enum ergon_code range_of(const struct ergon_env *env, const char *member,
                                enum gpu_setting setting, struct lever_range *range,
                                struct ergon_error *err)
{
	struct gpus g;
	nvml_device device;
	enum ergon_code code = open_gpu(&g, env, member, &device, err);
	if (code)
		return code;
	int status = setting == GPU_POWER
	                 ? power_limits(&g, device, range)
	                 : clock_limits(&g, device, setting == GPU_MEMCLOCK, range);
	stop(&g);
	return status == NVML_OK ? ERGON_OK : refused(setting_names[setting], status, err);
}

static enum ergon_code power_range(const struct ergon_env *env, const char *member,
                                   struct lever_range *range, struct ergon_error *err)
{
	return range_of(env, member, GPU_POWER, range, err);
}

static enum ergon_code clock_range(const struct ergon_env *env, const char *member,
                                   struct lever_range *range, struct ergon_error *err)
{
	return range_of(env, member, GPU_CLOCK, range, err);
}

static enum ergon_code memclock_range(const struct ergon_env *env, const char *member,
                                      struct lever_range *range, struct ergon_error *err)
{
	return range_of(env, member, GPU_MEMCLOCK, range, err);
}

/* ---- check: a clock that the GPU does not have would silently become another ---- */

static enum ergon_code nearest_clock(const struct ergon_env *env, const char *member, double wanted,
                                     double *nearest, struct ergon_error *err)
{
	struct gpus g;
	nvml_device device;
	unsigned mhz[CLOCKS_MAX], count;
	enum gpu_setting setting = setting_of(member);
	enum ergon_code code = open_gpu(&g, env, member, &device, err);
	if (code)
		return code;
	int status = list_clocks(&g, device, setting == GPU_MEMCLOCK, mhz, &count);
	stop(&g);
	if (status != NVML_OK || count == 0)
		return refused(setting_names[setting], status, err);
	*nearest = mhz[0];
	for (unsigned i = 1; i < count; i++)
		if (fabs(mhz[i] - wanted) < fabs(*nearest - wanted))
			*nearest = mhz[i];
	return ERGON_OK;
}

static double clock_nearest(const struct ergon_env *env, const char *member, double number)
{
	double nearest;
	return nearest_clock(env, member, number, &nearest, NULL) ? number : nearest;
}

static enum ergon_code check_clock(const struct ergon_env *env, const char *member,
                                   const char *value, struct ergon_error *err)
{
	double wanted, nearest;
	if (!parse_real(value, &wanted))
		wanted = 0;
	enum ergon_code code = nearest_clock(env, member, wanted, &nearest, err);
	if (code || nearest == wanted)
		return code;
	return ergon_fail(err, ERGON_BAD_INPUT,
	                  "lever gpu%.40s: this GPU has no clock of %.20s MHz; the nearest is %g",
	                  member, value, nearest);
}

/* ---- save and set ---- */

static void *device_open(const struct ergon_env *env, bool forked)
{
	struct gpus *g = malloc(sizeof *g);
	if (g && start(g, env, forked, NULL) == ERGON_OK)
		return g;
	free(g);
	return NULL;
}

static bool device_write(void *handle, const struct lever_write *write)
{
	const struct gpus *g = handle;
	nvml_device device = device_of(g, write->path + strlen("gpu"));
	unsigned value = (unsigned)strtoul(write->text, NULL, 10);
	int status = device ? apply(g, device, setting_of(write->path), value) : NVML_NOT_SUPPORTED;
	/* Who may not undo a lock could not make one either. */
	return status == NVML_OK || (status == NVML_NO_PERMISSION && value == 0);
}

static bool device_holds(void *handle, const struct lever_write *write)
{
	const struct gpus *g = handle;
	unsigned power_mw = 0;
	if (setting_of(write->path) != GPU_POWER)
		return true; /* NVML cannot say; its answer to the write stands */
	nvml_device device = device_of(g, write->path + strlen("gpu"));
	return device && g->api.get_limit && g->api.get_limit(device, &power_mw) == NVML_OK &&
	       power_mw == strtoul(write->text, NULL, 10);
}

static void device_close(void *handle)
{
	stop(handle);
	free(handle);
}

static const struct lever_device nvml = {
	.name = "nvml",
	.open = device_open,
	.write = device_write,
	.holds = device_holds,
	.close = device_close,
};

static enum ergon_code gpu_save(const struct ergon_env *env, const char *member,
                                struct lever_saved *saved, struct ergon_error *err)
{
	struct gpus g;
	nvml_device device;
	char name[64], text[32];
	unsigned power_mw = 0;
	int status = NVML_OK;
	enum gpu_setting setting = setting_of(member);
	enum ergon_code code = open_gpu(&g, env, member, &device, err);
	if (code)
		return code;
	snprintf(name, sizeof name, "gpu%.50s", member);
	if (setting == GPU_POWER) {
		status = g.api.get_limit ? g.api.get_limit(device, &power_mw) : NVML_NOT_SUPPORTED;
		/* Setting what is set already changes nothing, but shows whether we may. */
		if (status == NVML_OK)
			status = apply(&g, device, setting, power_mw);
	}
	stop(&g);
	if (status != NVML_OK)
		return refused(name, status, err);
	snprintf(text, sizeof text, "%u", power_mw);
	return lever_save_device(saved, env, &nvml, name, text, err);
}

static enum ergon_code gpu_set(const struct ergon_env *env, const char *member, const char *value,
                               struct ergon_error *err)
{
	struct gpus g;
	nvml_device device;
	double number;
	enum gpu_setting setting = setting_of(member);
	if (!parse_real(value, &number) || number <= 0 || number > 1e6)
		return ergon_fail(err, ERGON_BAD_INPUT, "gpu%.40s: found '%.40s'", member, value);
	enum ergon_code code = open_gpu(&g, env, member, &device, err);
	if (code)
		return code;
	double raw = setting == GPU_POWER ? number * 1e3 : number;
	int status = apply(&g, device, setting, (unsigned)(raw + 0.5));
	stop(&g);
	return status == NVML_OK ? ERGON_OK : refused(setting_names[setting], status, err);
}

const struct lever lever_gpu_power = {
	.name = "gpuN.power",
	.summary = "power limit of GPU N (NVML)",
	.unit = "W",
	.privilege = "root",
	.restored = "a guard process sets the limit that was found, also after kill -9",
	.numbered = true,
	.range = power_range,
	.save = gpu_save,
	.set = gpu_set,
};

static const char unlocked[] =
    "a guard process undoes the lock, also after kill -9; NVML cannot tell of an earlier one";

const struct lever lever_gpu_clock = {
	.name = "gpuN.clock",
	.summary = "graphics clock of GPU N, locked to the value (NVML)",
	.unit = "MHz",
	.privilege = "root",
	.restored = unlocked,
	.numbered = true,
	.range = clock_range,
	.check = check_clock,
	.nearest = clock_nearest,
	.save = gpu_save,
	.set = gpu_set,
};

const struct lever lever_gpu_memclock = {
	.name = "gpuN.memclock",
	.summary = "memory clock of GPU N, locked to the value (NVML)",
	.unit = "MHz",
	.privilege = "root",
	.restored = unlocked,
	.numbered = true,
	.range = memclock_range,
	.check = check_clock,
	.nearest = clock_nearest,
	.save = gpu_save,
	.set = gpu_set,
};
