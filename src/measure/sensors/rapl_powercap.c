/* SPDX-License-Identifier: Apache-2.0
 *
 * RAPL energy counters through the kernel's powercap class (Intel since Sandy Bridge, AMD since
 * Zen): /sys/class/powercap/intel-rapl:S[:D]/{name,energy_uj,max_energy_range_uj}, and the same
 * silicon once more through MMIO as intel-rapl-mmio:*.
 *
 * energy_uj is a 32-bit count of energy units times the unit (Linux, drivers/powercap/
 * intel_rapl_common.c), so it wraps behind max_energy_range_uj by one unit: the modulus is
 * range * 2^32 / (2^32 - 1). The hardware updates about every millisecond. Since CVE-2020-8694 the
 * files are readable by root only.
 */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/units.h"
#include "measure/sensors/sysfs.h"

enum { ZONES_MAX = 128, ZONE_ID_SIZE = 64 };

struct zone {
	char id[ZONE_ID_SIZE]; /* "intel-rapl:0:1" */
	char path[SYSFS_PATH_SIZE];
};

struct rapl_powercap {
	const struct ergon_env *env;
	int count;
	struct sysfs_number energy[ZONES_MAX];
};

static bool is_zone(const char *name)
{
	const char *colon = strchr(name, ':');
	return colon && colon[1] >= '0' && colon[1] <= '9' && strlen(name) < ZONE_ID_SIZE;
}

static bool known(const struct zone *zones, int count, const char *id)
{
	for (int i = 0; i < count; i++)
		if (strcmp(zones[i].id, id) == 0)
			return true;
	return false;
}

/* The class folder lists every zone; a copied tree may hold them nested as /sys/devices does. */
static int collect(const char *folder, struct zone *zones, int count, int depth)
{
	char **names;
	int found = sysfs_list(folder, "intel-rapl", &names);
	for (int i = 0; i < found && count < ZONES_MAX; i++) {
		char path[SYSFS_PATH_SIZE], name[SYSFS_PATH_SIZE];
		if (!sysfs_path(path, sizeof path, folder, names[i]) || !file_is_dir(path))
			continue;
		if (is_zone(names[i]) && !known(zones, count, names[i]) &&
		    sysfs_path(name, sizeof name, path, "name") && file_exists(name)) {
			snprintf(zones[count].id, sizeof zones[count].id, "%s", names[i]);
			snprintf(zones[count].path, sizeof zones[count].path, "%s", path);
			count++;
		}
	}
	for (int i = 0; i < found && depth < 2; i++) {
		char path[SYSFS_PATH_SIZE];
		if (sysfs_path(path, sizeof path, folder, names[i]))
			count = collect(path, zones, count, depth + 1);
	}
	sysfs_list_free(names, found);
	return count;
}

static bool is_mmio(const struct zone *zone)
{
	return strncmp(zone->id, "intel-rapl-mmio", 15) == 0;
}

/* MSR zones first: they are the preferred twins. */
static int by_id(const void *a, const void *b)
{
	if (is_mmio(a) != is_mmio(b))
		return is_mmio(a) ? 1 : -1;
	return strverscmp(((const struct zone *)a)->id, ((const struct zone *)b)->id);
}

static int find_zones(const struct ergon_env *env, struct zone *zones)
{
	char folder[SYSFS_PATH_SIZE];
	if (!sysfs_path(folder, sizeof folder, env->sysfs_root, "class/powercap"))
		return 0;
	int count = collect(folder, zones, 0, 0);
	qsort(zones, (size_t)count, sizeof *zones, by_id);
	return count;
}

static bool zone_text(const struct zone *zone, const char *file, char *out, size_t size)
{
	char path[SYSFS_PATH_SIZE];
	return sysfs_path(path, sizeof path, zone->path, file) && file_read_small(path, out, size);
}

static uint64_t zone_number(const struct zone *zone, const char *file)
{
	char path[SYSFS_PATH_SIZE];
	uint64_t value = 0;
	if (sysfs_path(path, sizeof path, zone->path, file) && file_read_u64(path, &value))
		return value;
	return 0;
}

/* "package-0", or "package-0/dram" for a zone inside another. */
static bool zone_name(const struct zone *zones, int count, int i, char *out, size_t size)
{
	char own[32], outer[32] = "";
	if (!zone_text(&zones[i], "name", own, sizeof own) || !own[0])
		return false;
	const char *last = strrchr(zones[i].id, ':');
	size_t length = (size_t)(last - zones[i].id);
	for (int k = 0; k < count; k++)
		if (strlen(zones[k].id) == length && strncmp(zones[k].id, zones[i].id, length) == 0)
			if (!zone_text(&zones[k], "name", outer, sizeof outer))
				outer[0] = '\0';
	snprintf(out, size, "%.22s%s%.31s", outer, outer[0] ? "/" : "", own);
	return true;
}

static void describe(const struct zone *zone, struct channel *channel)
{
	uint64_t range_uj = zone_number(zone, "max_energy_range_uj");
	double unit_uj = (double)range_uj / 4294967295.0;
	channel->behaviour = CHANNEL_ENERGY_COUNTER;
	channel->provenance = PROVENANCE_MEASURED;
	channel->wrap_at_uj = range_uj ? range_uj + (uint64_t)llround(unit_uj) : 0;
	if (range_uj && channel->wrap_at_uj == range_uj)
		channel->wrap_at_uj++;
	channel->refresh_us = 1000;
	channel->resolution = unit_uj >= 1 && unit_uj < 1e6 ? (uint32_t)lround(unit_uj) : 1;
	/* Intel states no accuracy; published comparisons with wattmeters agree within a few
	 * percent for packages (Khan et al., ACM TOMPECS 3(2), 2018) and less well for memory
	 * (Desrochers et al., MEMSYS 2016). */
	channel->relative_error = strstr(channel->name, "dram") ? 0.05 : 0.025;
	/* constraint_0_max_power_uw is the part's TDP; short peaks stay below four times that. */
	uint64_t limit_uw = zone_number(zone, "constraint_0_max_power_uw");
	if (limit_uw > 1000000 && limit_uw < UINT64_C(5000000000))
		channel->max_power_w = fmax(4 * (double)limit_uw / 1e6, 1000);
}

static void name_mmio_twin(struct channel *channels, int count, struct channel *channel)
{
	for (int i = 0; i < count; i++)
		if (strcmp(channels[i].name, channel->name) == 0) {
			size_t length = strlen(channel->name); /* room for it: see zone_name */
			memcpy(channel->twin_of, channel->name, length + 1);
			snprintf(channel->name + length, sizeof channel->name - length, "@mmio");
			return;
		}
}

static enum sensor_state rapl_probe(const struct ergon_env *env, const char *argument,
                                    struct sensor_reason *reason)
{
	(void)argument;
	struct zone *zones = calloc(ZONES_MAX, sizeof *zones);
	int count = zones ? find_zones(env, zones) : 0, closed = 0;
	enum sensor_state state = SENSOR_ABSENT;
	*reason = (struct sensor_reason){ "", "" };
	for (int i = 0; i < count; i++) {
		char path[SYSFS_PATH_SIZE];
		if (!sysfs_path(path, sizeof path, zones[i].path, "energy_uj"))
			continue;
		if (access(path, R_OK) == 0)
			state = SENSOR_READY;
		else if (errno == EACCES || errno == EPERM)
			closed++;
	}
	free(zones);
	if (state == SENSOR_READY)
		return state;
	if (closed) {
		snprintf(reason->text, sizeof reason->text,
		         "the counters are there, but only root may read them");
		snprintf(reason->grant, sizeof reason->grant,
		         "sudo chmod a+r %s/class/powercap/*/energy_uj", env->sysfs_root);
		return SENSOR_CLOSED;
	}
	if (machine_is_virtual(env)) {
		snprintf(reason->text, sizeof reason->text,
		         "no RAPL zone in %s/class/powercap: this is a virtual machine, and its "
		         "host keeps the counters to itself",
		         env->sysfs_root);
		return SENSOR_ABSENT;
	}
	snprintf(reason->text, sizeof reason->text, "no RAPL zone in %s/class/powercap",
	         env->sysfs_root);
	snprintf(reason->grant, sizeof reason->grant, "sudo modprobe intel_rapl_msr");
	return SENSOR_ABSENT;
}

static int rapl_open(void *state, const struct ergon_env *env, const char *argument,
                     struct channel *channels, int max, struct ergon_error *err)
{
	(void)argument;
	struct rapl_powercap *rapl = state;
	struct zone *zones = calloc(ZONES_MAX, sizeof *zones);
	if (!zones) {
		ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
		return -1;
	}
	rapl->env = env;
	int found = find_zones(env, zones);
	for (int i = 0; i < found && rapl->count < max; i++) {
		struct channel *channel = &channels[rapl->count];
		char path[SYSFS_PATH_SIZE];
		if (!zone_name(zones, found, i, channel->name, sizeof channel->name - 8) ||
		    !sysfs_path(path, sizeof path, zones[i].path, "energy_uj") ||
		    !sysfs_number_open(&rapl->energy[rapl->count], path)) {
			memset(channel, 0, sizeof *channel);
			continue;
		}
		describe(&zones[i], channel);
		if (is_mmio(&zones[i]))
			name_mmio_twin(channels, rapl->count, channel);
		rapl->count++;
	}
	free(zones);
	if (rapl->count == 0) {
		ergon_fail(err, ERGON_NOT_SUPPORTED, "rapl_powercap: no zone could be opened");
		return -1;
	}
	return rapl->count;
}

static void rapl_read(void *state, struct reading *readings, int n)
{
	struct rapl_powercap *rapl = state;
	const struct ergon_clock *clock = rapl->env->clock;
	for (int i = 0; i < n; i++)
		sysfs_number_read(&rapl->energy[i], clock, &readings[i]);
}

static void rapl_close(void *state)
{
	struct rapl_powercap *rapl = state;
	for (int i = 0; i < rapl->count; i++)
		sysfs_number_close(&rapl->energy[i]);
}

const struct sensor_driver sensor_rapl_powercap = {
	.name = "rapl_powercap",
	.summary = "CPU packages, cores, memory: RAPL counters through powercap",
	.use = SENSOR_ALWAYS,
	.state_size = sizeof(struct rapl_powercap),
	.probe = rapl_probe,
	.open = rapl_open,
	.read = rapl_read,
	.close = rapl_close,
};
