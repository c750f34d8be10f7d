/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/cooldown.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/units.h"

enum { PATH_SIZE = 600, INPUTS_MAX = 32 };
static const double MARGIN_C = 2, SANE_MAX_C = 150, LOOK_S = 0.25;

/* A file in thousandths of a degree. */
static void look_at(const char *path, double *highest)
{
	uint64_t milli;
	if (!file_read_u64(path, &milli) || (double)milli * 1e-3 > SANE_MAX_C)
		return;
	double degrees = (double)milli * 1e-3;
	*highest = isnan(*highest) ? degrees : fmax(*highest, degrees);
}

/* FOLDER/PREFIXn/NAME, or NAME with the numbers 1 to INPUTS_MAX in its %d. */
static void look_below(const struct ergon_env *env, const char *folder, const char *prefix,
                       bool inputs, double *highest)
{
	char path[PATH_SIZE];
	struct dirent *entry;
	snprintf(path, sizeof path, "%s/%s", env->sysfs_root, folder);
	DIR *dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		for (int i = 1; i <= (inputs ? INPUTS_MAX : 1); i++) {
			char name[32] = "temp";
			if (inputs)
				snprintf(name, sizeof name, "temp%d_input", i);
			int n = snprintf(path, sizeof path, "%s/%s/%.200s/%s", env->sysfs_root,
			                 folder, entry->d_name, name);
			if (n > 0 && (size_t)n < sizeof path)
				look_at(path, highest);
		}
	}
	if (dir)
		closedir(dir);
}

double cooldown_temperature_c(const struct ergon_env *env)
{
	double highest = (double)NAN;
	look_below(env, "class/thermal", "thermal_zone", false, &highest);
	look_below(env, "class/hwmon", "hwmon", true, &highest);
	return highest;
}

/* False for NaN on either side. */
static bool is_hot(const struct ergon_env *env, const struct gpu_thermometer *gpus,
                   const struct cooldown_baseline *b)
{
	return cooldown_temperature_c(env) > b->machine_c + MARGIN_C ||
	       (gpus && gpu_thermometer_c(gpus) > b->gpu_c + MARGIN_C);
}

double cooldown_wait(const struct ergon_env *env, const struct gpu_thermometer *gpus,
                     const struct cooldown_baseline *baseline, uint64_t most_ns)
{
	const struct ergon_clock *clock = env->clock;
	uint64_t begin = clock->monotonic_ns(clock->user), now = begin;
	while (now - begin < most_ns && is_hot(env, gpus, baseline)) {
		if (!clock->sleep_until(clock->user, now + ns_from_seconds(LOOK_S)))
			break; /* a signal */
		now = clock->monotonic_ns(clock->user);
	}
	return seconds_from_ns(now - begin);
}
