/* SPDX-License-Identifier: Apache-2.0 */
#include "support/gpu_rig.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *driver, *file, *soname;
} libraries[] = {
	{ "nvml", ERGON_FAKE_NVML, "libnvidia-ml.so.1" },
	{ "rocm_smi", ERGON_FAKE_ROCM_SMI, "librocm_smi64.so" },
	{ "amdsmi", ERGON_FAKE_AMD_SMI, "libamd_smi.so" },
	{ "level_zero", ERGON_FAKE_LEVEL_ZERO, "libze_loader.so.1" },
};

static void *open_fake(void *user, const char *soname, const char **why)
{
	struct gpu_rig *rig = user;
	if (strncmp(soname, rig->soname, strlen(rig->soname)) != 0) {
		*why = "not here";
		return NULL;
	}
	void *handle = dlopen(rig->file, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		*why = dlerror();
	return handle;
}

static void *symbol(void *user, void *handle, const char *name)
{
	(void)user;
	return dlsym(handle, name);
}

static void close_fake(void *user, void *handle)
{
	(void)user;
	dlclose(handle);
}

static void keep_remark(void *user, enum ergon_log_level level, const char *text)
{
	struct gpu_rig *rig = user;
	(void)level;
	snprintf(rig->logged, sizeof rig->logged, "%s", text);
}

void gpu_rig_init(struct gpu_rig *rig, const char *driver)
{
	*rig = (struct gpu_rig){ .driver = driver };
	for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
		if (strcmp(libraries[i].driver, driver) == 0) {
			rig->file = libraries[i].file;
			rig->soname = libraries[i].soname;
		}
	assert_non_null(rig->file);
	rig->library = dlopen(rig->file, RTLD_NOW | RTLD_LOCAL);
	assert_non_null(rig->library);
	rig->fake = dlsym(rig->library, "fake_gpu_state");
	assert_non_null(rig->fake);
	rig->before = *rig->fake;
	rig->fake->by_clock = 0;
	fake_clock_init(&rig->clock);
	rig->dl = (struct ergon_dl){ open_fake, symbol, close_fake, rig };
	rig->env = (struct ergon_env){ .sysfs_root = "/nowhere",
		                       .procfs_root = "/nowhere",
		                       .devfs_root = "/nowhere",
		                       .data_dir = ERGON_SOURCE_DIR "/data",
		                       .state_dir = "/nowhere",
		                       .clock = &rig->clock.clock,
		                       .dl = &rig->dl,
		                       .log = keep_remark,
		                       .log_user = rig };
}

void gpu_rig_fini(struct gpu_rig *rig)
{
	if (strcmp(rig->driver, "level_zero") != 0)
		assert_int_equal(rig->fake->open, 0);
	*rig->fake = rig->before;
	dlclose(rig->library);
}

struct meter *gpu_rig_meter(struct gpu_rig *rig)
{
	struct meter *meter;
	struct ergon_error err = { 0 };
	if (meter_open(&meter, &rig->env,
	               &(struct meter_options){ .sensors = rig->driver, .manual = true }, &err))
		fail_msg("%s", err.text);
	return meter;
}
