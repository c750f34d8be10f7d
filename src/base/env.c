/* SPDX-License-Identifier: Apache-2.0 */
#include "ergon/env.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/units.h"

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t real_monotonic_ns(void *user)
{
	(void)user;
	return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t real_boottime_ns(void *user)
{
	(void)user;
	return clock_ns(CLOCK_BOOTTIME);
}

static uint64_t real_realtime_ns(void *user)
{
	(void)user;
	return clock_ns(CLOCK_REALTIME);
}

static bool real_sleep_until(void *user, uint64_t ns)
{
	(void)user;
	struct timespec t = { .tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S) };
	return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == 0;
}

static void *real_dl_open(void *user, const char *soname, const char **why)
{
	(void)user;
	/* Vendors' libraries start threads and leave handlers behind, which would run into code
	 * that is gone: a closed library stays in memory. */
	void *handle = dlopen(soname, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!handle)
		*why = dlerror();
	return handle;
}

static void *real_dl_symbol(void *user, void *handle, const char *name)
{
	(void)user;
	return dlsym(handle, name);
}

static void real_dl_close(void *user, void *handle)
{
	(void)user;
	dlclose(handle);
}

static const struct ergon_clock real_clock = { real_monotonic_ns, real_boottime_ns,
	                                       real_realtime_ns, real_sleep_until, NULL };
static const struct ergon_dl real_dl = { real_dl_open, real_dl_symbol, real_dl_close, NULL };

static bool beside_program(char *out, size_t size, const char *relative)
{
	char program[512];
	ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
	if (length <= 0)
		return false;
	program[length] = '\0';
	char *slash = strrchr(program, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return file_join(out, size, program, relative) && file_is_dir(out);
}

static void find_data_dir(char *out, size_t size)
{
	const char *named = getenv("ERGON_DATA_DIR");
	if (named && *named) {
		snprintf(out, size, "%s", named);
		return;
	}
	/* Installed (bin beside share), built in the source tree (build/, build/NAME/). */
	if (beside_program(out, size, "../share/ergon/devices") ||
	    beside_program(out, size, "../data/devices") ||
	    beside_program(out, size, "../../data/devices")) {
		out[strlen(out) - strlen("/devices")] = '\0';
		return;
	}
	snprintf(out, size, "%s", ERGON_INSTALLED_DATA);
}

static void find_state_dir(char *out, size_t size)
{
	const char *named = getenv("ERGON_STATE_DIR");
	const char *xdg = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");
	if (named && *named)
		snprintf(out, size, "%s", named);
	else if (xdg && *xdg == '/')
		snprintf(out, size, "%s/ergon", xdg);
	else if (home && *home)
		snprintf(out, size, "%s/.local/share/ergon", home);
	else
		snprintf(out, size, "/tmp/ergon-%ld", (long)getuid());
}

static void find_config_dir(char *out, size_t size)
{
	const char *named = getenv("ERGON_CONFIG_DIR");
	const char *xdg = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	char file[1100];
	if (named && *named) {
		snprintf(out, size, "%s", named);
		return;
	}
	if (xdg && *xdg == '/')
		snprintf(out, size, "%s/ergon", xdg);
	else if (home && *home)
		snprintf(out, size, "%s/.config/ergon", home);
	else
		snprintf(out, size, "/etc/ergon");
	if ((!file_join(file, sizeof file, out, "sensors.json") || !file_exists(file)) &&
	    file_exists("/etc/ergon/sensors.json"))
		snprintf(out, size, "/etc/ergon");
}

void ergon_env_init(struct ergon_env *env, struct ergon_env_storage *storage)
{
	find_data_dir(storage->data_dir, sizeof storage->data_dir);
	find_state_dir(storage->state_dir, sizeof storage->state_dir);
	const char *named = getenv("ERGON_SOCKET"), *store = getenv("ERGON_STORE");
	find_config_dir(storage->config_dir, sizeof storage->config_dir);
	*env = (struct ergon_env){ .sysfs_root = "/sys",
		                   .procfs_root = "/proc",
		                   .devfs_root = "/dev",
		                   .data_dir = storage->data_dir,
		                   .state_dir = storage->state_dir,
		                   .store_url = store && *store ? store : NULL,
		                   .socket_path = named && *named ? named : "/run/ergon/ergon.sock",
		                   .clock = &real_clock,
		                   .dl = &real_dl,
		                   .config_dir = storage->config_dir };
}
