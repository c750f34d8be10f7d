/* SPDX-License-Identifier: Apache-2.0
 *
 * What a laptop draws from its batteries: /sys/class/power_supply/N/{type,status,power_now}, or
 * current_now times voltage_now (Linux, Documentation/ABI/testing/sysfs-class-power).
 *
 * While the batteries discharge and nothing else feeds the machine, their sum is the whole node's
 * power. On mains it says nothing about the machine, so readings are then invalid.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/units.h"
#include "measure/sensors/sysfs.h"

enum { BATTERIES_MAX = 8 };

struct cell {
	int status_fd;
	bool has_power;
	struct sysfs_number power, current, voltage;
};

struct battery {
	const struct ergon_env *env;
	int count;
	struct cell cells[BATTERIES_MAX];
};

static bool supply_path(const char *folder, const char *file, char *path, size_t size)
{
	return sysfs_path(path, size, folder, file);
}

static bool open_cell(struct cell *cell, const char *folder)
{
	char path[SYSFS_PATH_SIZE], type[32];
	cell->power.fd = cell->current.fd = cell->voltage.fd = -1;
	if (!supply_path(folder, "type", path, sizeof path) ||
	    !file_read_small(path, type, sizeof type) || strcmp(type, "Battery") != 0)
		return false;
	/* A mouse's battery does not feed the machine. */
	if (supply_path(folder, "scope", path, sizeof path) &&
	    file_read_small(path, type, sizeof type) && strcmp(type, "Device") == 0)
		return false;
	if (!supply_path(folder, "status", path, sizeof path))
		return false;
	cell->status_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (cell->status_fd < 0)
		return false;
	cell->has_power = supply_path(folder, "power_now", path, sizeof path) &&
	                  sysfs_number_open(&cell->power, path);
	if (cell->has_power)
		return true;
	if (supply_path(folder, "current_now", path, sizeof path) &&
	    sysfs_number_open(&cell->current, path) &&
	    supply_path(folder, "voltage_now", path, sizeof path) &&
	    sysfs_number_open(&cell->voltage, path))
		return true;
	sysfs_number_close(&cell->current);
	close(cell->status_fd);
	return false;
}

static void battery_close(void *state)
{
	struct battery *battery = state;
	for (int i = 0; i < battery->count; i++) {
		sysfs_number_close(&battery->cells[i].power);
		sysfs_number_close(&battery->cells[i].current);
		sysfs_number_close(&battery->cells[i].voltage);
		close(battery->cells[i].status_fd);
	}
	battery->count = 0;
}

static int open_all(struct battery *battery, const struct ergon_env *env)
{
	char root[SYSFS_PATH_SIZE], folder[SYSFS_PATH_SIZE];
	char **names;
	battery->env = env;
	if (!sysfs_path(root, sizeof root, env->sysfs_root, "class/power_supply"))
		return 0;
	int count = sysfs_list(root, "", &names);
	for (int i = 0; i < count && battery->count < BATTERIES_MAX; i++)
		if (sysfs_path(folder, sizeof folder, root, names[i]) &&
		    open_cell(&battery->cells[battery->count], folder))
			battery->count++;
	sysfs_list_free(names, count);
	return battery->count;
}

/* "Discharging", "Charging", "Full", "Not charging", "Unknown" */
static bool status_is(const struct cell *cell, const char *wanted)
{
	char text[32];
	ssize_t length = pread(cell->status_fd, text, sizeof text, 0);
	size_t n = strlen(wanted);
	return length >= (ssize_t)n && memcmp(text, wanted, n) == 0;
}

static void read_cell(struct cell *cell, const struct ergon_clock *clock, struct reading *reading)
{
	if (cell->has_power) {
		sysfs_number_read(&cell->power, clock, reading);
		return;
	}
	struct reading voltage;
	sysfs_number_read(&cell->voltage, clock, &voltage);
	sysfs_number_read(&cell->current, clock, reading);
	reading->valid = reading->valid && voltage.valid && voltage.raw < 1000000000;
	/* uA times uV is 1e-12 W. */
	reading->raw = (uint64_t)((double)reading->raw * (double)voltage.raw / 1e6);
}

/* One channel: the sum, valid while at least one battery gives and none takes. */
static void battery_read(void *state, struct reading *readings, int n)
{
	struct battery *battery = state;
	const struct ergon_clock *clock = battery->env->clock;
	struct reading sum = { .valid = false };
	int giving = 0;
	bool charging = false, failed = false;
	for (int i = 0; i < battery->count; i++) {
		struct reading one;
		if (status_is(&battery->cells[i], "Charging"))
			charging = true;
		if (!status_is(&battery->cells[i], "Discharging"))
			continue;
		read_cell(&battery->cells[i], clock, &one);
		giving++;
		failed = failed || !one.valid;
		sum.raw += one.raw;
		sum.error = one.error;
	}
	sum.time_ns = clock->monotonic_ns(clock->user);
	sum.valid = giving > 0 && !charging && !failed;
	if (n > 0)
		readings[0] = sum;
}

static enum sensor_state battery_probe(const struct ergon_env *env, const char *argument,
                                       struct sensor_reason *reason)
{
	(void)argument;
	struct battery battery = { 0 };
	struct reading reading;
	*reason = (struct sensor_reason){ "", "" };
	int count = open_all(&battery, env);
	if (count)
		battery_read(&battery, &reading, 1);
	battery_close(&battery);
	if (count && reading.valid)
		return SENSOR_READY;
	if (count)
		snprintf(reason->text, sizeof reason->text,
		         "the battery is not what feeds the machine: unplug the charger");
	else
		snprintf(reason->text, sizeof reason->text, "no battery in %s/class/power_supply",
		         env->sysfs_root);
	return SENSOR_ABSENT;
}

static int battery_open(void *state, const struct ergon_env *env, const char *argument,
                        struct channel *channels, int max, struct ergon_error *err)
{
	(void)argument;
	if (max < 1 || open_all(state, env) == 0) {
		ergon_fail(err, ERGON_NOT_SUPPORTED, "battery: none could be opened");
		return -1;
	}
	snprintf(channels[0].name, sizeof channels[0].name, "node");
	channels[0].behaviour = CHANNEL_POWER_INSTANT;
	channels[0].provenance = PROVENANCE_MEASURED;
	channels[0].refresh_us = 2000000; /* embedded controllers answer every second or slower */
	channels[0].resolution = 1000;
	channels[0].relative_error = 0.05;
	channels[0].max_power_w = 500;
	return 1;
}

const struct sensor_driver sensor_battery = {
	.name = "battery",
	.summary = "laptops: what the batteries give while they discharge",
	.use = SENSOR_SPARE,
	.state_size = sizeof(struct battery),
	.probe = battery_probe,
	.open = battery_open,
	.read = battery_read,
	.close = battery_close,
};
