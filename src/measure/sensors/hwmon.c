/* SPDX-License-Identifier: Apache-2.0
 *
 * Energy and power attributes of the kernel's hwmon class (Linux, Documentation/hwmon/
 * sysfs-interface.rst): energyN_input in uJ, powerN_average and powerN_input in uW.
 *
 * Known chips get their place in the tree: amd_energy (sockets and cores), NVIDIA Grace's ACPI
 * meters (by their OEM information), amdgpu, i915 and xe (graphics cards), ACPI power_meter (the
 * node). Every other board's rails are shown as hwmon/CHIP/LABEL and never added up, because nobody
 * says what they feed. Batteries belong to the driver `battery`.
 *
 * One file, three drivers, told apart by the chip's name: amd_energy, xe (Intel's graphics cards)
 * and hwmon (all others), so that `ergon sensors` says for each why it is not there.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/units.h"
#include "measure/sensors/cpuinfo.h"
#include "measure/sensors/gpu.h"

enum { ATTRIBUTES_MAX = 768, LABEL_SIZE = 64 };

struct attribute {
	char chip[32];              /* "amdgpu" */
	char label[LABEL_SIZE];     /* "PPT", or "" */
	char path[SYSFS_PATH_SIZE]; /* of the value */
	int device;                 /* number of the hwmon folder in the list */
	int index;                  /* N of powerN_input */
	enum channel_behaviour behaviour;
	uint32_t window_us;
};

struct hwmon {
	const struct ergon_env *env;
	int count;
	struct sysfs_number values[ATTRIBUTES_MAX];
	bool is_power[ATTRIBUTES_MAX];
};

/* The chips of one driver. */
struct family {
	const char *driver;
	const char *const *chips; /* NULL: those of no other family */
	const char *absent;       /* why there are none */
	const char *grant_vendor; /* processors for which a module may bring them; NULL: none */
	const char *grant;        /* that module */
};

static const char *const amd_energy_chips[] = { "amd_energy", NULL };
static const char *const xe_chips[] = { "xe", "i915", NULL };

static bool listed(const char *const *chips, const char *chip)
{
	for (; *chips; chips++)
		if (strcmp(*chips, chip) == 0)
			return true;
	return false;
}

static bool belongs(const struct family *family, const char *chip)
{
	if (family->chips)
		return listed(family->chips, chip);
	return !listed(amd_energy_chips, chip) && !listed(xe_chips, chip);
}

/* "0xffffffff" of a 32-bit register in mW, uW or W, handed through as if it were a reading. */
static bool is_sentinel(uint64_t raw)
{
	static const uint64_t sentinels[] = { UINT64_C(4294967295),       UINT64_C(4294967295000),
		                              UINT64_C(4294967295000000), UINT64_C(2147483647),
		                              UINT64_C(2147483647000),    UINT64_MAX,
		                              UINT64_C(65535000000) };
	for (size_t i = 0; i < sizeof sentinels / sizeof *sentinels; i++)
		if (raw == sentinels[i])
			return true;
	return false;
}

static void read_label(const char *folder, const char *kind, int index, char *label, size_t size)
{
	char path[SYSFS_PATH_SIZE], name[64];
	label[0] = '\0';
	snprintf(name, sizeof name, "%s%d_label", kind, index);
	if (sysfs_path(path, sizeof path, folder, name) && file_read_small(path, label, size))
		return;
	/* The ACPI power meter keeps its labels in OEM information, beside or below device/. */
	snprintf(name, sizeof name, "device/%s%d_oem_info", kind, index);
	if (sysfs_path(path, sizeof path, folder, name) && file_read_small(path, label, size))
		return;
	snprintf(name, sizeof name, "%s%d_oem_info", kind, index);
	if (!sysfs_path(path, sizeof path, folder, name) || !file_read_small(path, label, size))
		label[0] = '\0';
}

/* Takes NAME of "powerN_average" apart; false for anything else. */
static bool parse_attribute(const char *name, const char *kind, const char *suffix, int *index)
{
	size_t length = strlen(kind);
	if (strncmp(name, kind, length) != 0 || !isdigit((unsigned char)name[length]))
		return false;
	char *end;
	long number = strtol(name + length, &end, 10);
	*index = (int)number;
	return number < 10000 && strcmp(end, suffix) == 0;
}

static uint32_t average_window_us(const char *folder, int index)
{
	char path[SYSFS_PATH_SIZE], name[64];
	uint64_t window_ms = 0;
	snprintf(name, sizeof name, "power%d_average_interval", index);
	if (sysfs_path(path, sizeof path, folder, name) && file_read_u64(path, &window_ms) &&
	    window_ms > 0 && window_ms < 600000)
		return (uint32_t)window_ms * 1000;
	return 1000000;
}

/* Has this folder an energy counter with the same label (or index, where labels are missing)?
 * Then its power says the same less exactly. */
static bool has_energy(const struct attribute *found, int count, const struct attribute *power)
{
	for (int i = 0; i < count; i++)
		if (found[i].device == power->device &&
		    found[i].behaviour != CHANNEL_POWER_AVERAGE &&
		    (found[i].label[0] ? strcmp(found[i].label, power->label) == 0
		                       : found[i].index == power->index))
			return true;
	return false;
}

static int scan_kind(const char *folder, const char *chip, int device, const char *kind,
                     const char *suffix, struct attribute *found, int count)
{
	char **names;
	int entries = sysfs_list(folder, kind, &names);
	for (int i = 0; i < entries && count < ATTRIBUTES_MAX; i++) {
		struct attribute a = { .device = device };
		if (!parse_attribute(names[i], kind, suffix, &a.index) ||
		    !sysfs_path(a.path, sizeof a.path, folder, names[i]))
			continue;
		snprintf(a.chip, sizeof a.chip, "%s", chip);
		read_label(folder, kind, a.index, a.label, sizeof a.label);
		bool average = strcmp(suffix, "_average") == 0;
		a.behaviour = kind[0] == 'e' ? CHANNEL_ENERGY_COUNTER
		              : average      ? CHANNEL_POWER_AVERAGE
		                             : CHANNEL_POWER_INSTANT;
		a.window_us = average ? average_window_us(folder, a.index) : 0;
		if (kind[0] != 'e' && has_energy(found, count, &a))
			continue;
		bool same = false; /* power1_input beside power1_average */
		for (int k = 0; k < count && !same; k++)
			same = kind[0] != 'e' && found[k].device == device &&
			       found[k].index == a.index &&
			       found[k].behaviour == CHANNEL_POWER_AVERAGE;
		if (!same)
			found[count++] = a;
	}
	sysfs_list_free(names, entries);
	return count;
}

static int scan(const struct family *family, const struct ergon_env *env, struct attribute *found)
{
	char root[SYSFS_PATH_SIZE];
	char **folders;
	if (!sysfs_path(root, sizeof root, env->sysfs_root, "class/hwmon"))
		return 0;
	int count = 0, devices = sysfs_list(root, "hwmon", &folders);
	for (int i = 0; i < devices; i++) {
		char folder[SYSFS_PATH_SIZE], path[SYSFS_PATH_SIZE], chip[32];
		if (!sysfs_path(folder, sizeof folder, root, folders[i]) ||
		    !sysfs_path(path, sizeof path, folder, "name") ||
		    !file_read_small(path, chip, sizeof chip) || strncmp(chip, "BAT", 3) == 0 ||
		    !belongs(family, chip))
			continue;
		count = scan_kind(folder, chip, i, "energy", "_input", found, count);
		count = scan_kind(folder, chip, i, "power", "_average", found, count);
		count = scan_kind(folder, chip, i, "power", "_input", found, count);
	}
	sysfs_list_free(folders, devices);
	return count;
}

/* --- places in the tree -------------------------------------------------- */

static void clean(char *text)
{
	for (char *c = text; *c; c++)
		if (*c == '/' || *c == ' ' || *c == '@' || *c == ',')
			*c = '-';
}

/* The number that a label ends in; 0 where it is none. */
static int label_number(const char *text)
{
	int64_t number;
	return parse_i64(text, &number) && number >= 0 && number < 65536 ? (int)number : 0;
}

static int count_labels(const struct attribute *all, int count, const char *prefix)
{
	int n = 0;
	for (int i = 0; i < count; i++)
		n += strcmp(all[i].chip, "amd_energy") == 0 &&
		     strncmp(all[i].label, prefix, strlen(prefix)) == 0;
	return n;
}

static bool place_amd_energy(const struct attribute *a, const struct attribute *all, int count,
                             char *name, size_t size)
{
	if (strncmp(a->label, "Esocket", 7) == 0) {
		snprintf(name, size, "package-%d", label_number(a->label + 7));
		return true;
	}
	if (strncmp(a->label, "Ecore", 5) != 0)
		return false;
	int sockets = count_labels(all, count, "Esocket");
	int cores = count_labels(all, count, "Ecore");
	int per_socket = sockets > 0 && cores >= sockets ? cores / sockets : cores;
	int core = label_number(a->label + 5);
	snprintf(name, size, "package-%d/core-%d", core / per_socket, core);
	return true;
}

/* "Grace Power Socket 0" contains that socket's CPU and SysIO rails; "Module Power Socket 0" the
 * GPU besides (NVIDIA Grace Performance Tuning Guide, "Power and Thermal Management"). */
static bool place_grace(const char *label, char *name, size_t size)
{
	static const struct {
		const char *prefix, *format;
	} rails[] = {
		{ "Module Power Socket ", "module-%d" },
		{ "Grace Power Socket ", "package-%d" },
		{ "CPU Power Socket ", "package-%d/core" },
		{ "SysIO Power Socket ", "package-%d/uncore" },
	};
	for (size_t i = 0; i < sizeof rails / sizeof *rails; i++)
		if (strncmp(label, rails[i].prefix, strlen(rails[i].prefix)) == 0) {
			snprintf(name, size, rails[i].format,
			         label_number(label + strlen(rails[i].prefix)));
			return true;
		}
	return false;
}

static bool is_graphics(const char *chip)
{
	return strcmp(chip, "amdgpu") == 0 || strcmp(chip, "xe") == 0 || strcmp(chip, "i915") == 0;
}

static bool place_graphics(const struct attribute *a, const struct attribute *all, int count,
                           int first_number, char *name, size_t size)
{
	if (!is_graphics(a->chip))
		return false;
	int number = first_number;
	for (int i = 0, last = -1; i < count && all[i].device < a->device; i++)
		if (is_graphics(all[i].chip) && all[i].device != last) {
			last = all[i].device;
			number++;
		}
	bool first = true; /* of its device: the whole card; what follows is part of it */
	for (int i = 0; i < count && &all[i] != a; i++)
		if (all[i].device == a->device)
			first = false;
	if (first)
		snprintf(name, size, "gpu-%d", number);
	else
		snprintf(name, size, "gpu-%d/%.20s-%d", number, a->label[0] ? a->label : "rail",
		         a->index);
	return true;
}

static void place(const struct attribute *all, int count, int i, int first_number, char *name,
                  size_t size)
{
	const struct attribute *a = &all[i];
	char label[LABEL_SIZE];
	if (strcmp(a->chip, "amd_energy") == 0 && place_amd_energy(a, all, count, name, size))
		return;
	if (place_grace(a->label, name, size) ||
	    place_graphics(a, all, count, first_number, name, size))
		return;
	if (strcmp(a->chip, "power_meter") == 0) {
		snprintf(name, size, "node");
		return;
	}
	if (strcmp(a->chip, "zenpower") == 0 && strncmp(a->label, "SVI2_P_", 7) == 0) {
		snprintf(name, size, "package-0/%s",
		         strcmp(a->label, "SVI2_P_Core") == 0 ? "core" : "uncore");
		return;
	}
	snprintf(label, sizeof label, "%s", a->label);
	clean(label);
	if (label[0])
		snprintf(name, size, "hwmon/%.20s-%d/%.24s", a->chip, a->device, label);
	else
		snprintf(name, size, "hwmon/%.20s-%d/%s%d", a->chip, a->device,
		         a->behaviour == CHANNEL_ENERGY_COUNTER ? "energy" : "power", a->index);
}

static void describe(const struct attribute *a, struct channel *channel)
{
	channel->behaviour = a->behaviour;
	channel->provenance = PROVENANCE_MEASURED;
	channel->window_us = a->window_us;
	channel->resolution = 1;
	/* Chips seldom state either; these are the slowest of the common ones. */
	channel->refresh_us = a->behaviour == CHANNEL_ENERGY_COUNTER ? 1000 : 10000;
	if (a->window_us)
		channel->refresh_us = strcmp(a->chip, "amdgpu") == 0 ? 1000 : a->window_us;
	if (strcmp(a->chip, "amdgpu") == 0)
		channel->window_us = 0 < a->window_us ? 1000 : 0;
	channel->relative_error = strcmp(a->chip, "amd_energy") == 0 ? 0.025 : 0.05;
}

/* --- the driver ----------------------------------------------------------- */

static enum sensor_state probe(const struct family *family, const struct ergon_env *env,
                               struct sensor_reason *reason)
{
	*reason = (struct sensor_reason){ "", "" };
	struct attribute *found = calloc(ATTRIBUTES_MAX, sizeof *found);
	int count = found ? scan(family, env, found) : 0, closed = 0, open = 0;
	for (int i = 0; i < count; i++) {
		if (access(found[i].path, R_OK) == 0)
			open++;
		else
			closed += errno == EACCES || errno == EPERM;
	}
	free(found);
	if (open)
		return SENSOR_READY;
	if (closed) {
		snprintf(reason->text, sizeof reason->text,
		         "the chips are there, but only root may read them");
		snprintf(reason->grant, sizeof reason->grant,
		         "sudo chmod a+r %s/class/hwmon/*/energy*_input", env->sysfs_root);
		return SENSOR_CLOSED;
	}
	snprintf(reason->text, sizeof reason->text, "%s in %.100s/class/hwmon", family->absent,
	         env->sysfs_root);
	if (!family->grant_vendor)
		return SENSOR_ABSENT;
	struct cpu_identity cpu;
	if (cpuinfo_read(env, &cpu, NULL) && strcmp(cpu.vendor, family->grant_vendor) == 0)
		snprintf(reason->grant, sizeof reason->grant, "%s", family->grant);
	return SENSOR_ABSENT;
}

static int open_family(const struct family *family, struct hwmon *hwmon,
                       const struct ergon_env *env, struct channel *channels, int max,
                       struct ergon_error *err)
{
	struct attribute *found = calloc(ATTRIBUTES_MAX, sizeof *found);
	if (!found) {
		ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
		return -1;
	}
	hwmon->env = env;
	int count = scan(family, env, found);
	int first_number = gpu_first_number(env, family->chips == xe_chips ? PCI_INTEL : PCI_AMD);
	for (int i = 0; i < count && hwmon->count < max; i++) {
		if (!sysfs_number_open(&hwmon->values[hwmon->count], found[i].path))
			continue;
		struct channel *channel = &channels[hwmon->count];
		place(found, count, i, first_number, channel->name, sizeof channel->name - 8);
		describe(&found[i], channel);
		hwmon->is_power[hwmon->count++] = found[i].behaviour != CHANNEL_ENERGY_COUNTER;
	}
	free(found);
	if (hwmon->count == 0) {
		ergon_fail(err, ERGON_NOT_SUPPORTED, "%s: no chip could be opened", family->driver);
		return -1;
	}
	return hwmon->count;
}

static void hwmon_read(void *state, struct reading *readings, int n)
{
	struct hwmon *hwmon = state;
	const struct ergon_clock *clock = hwmon->env->clock;
	for (int i = 0; i < n; i++) {
		sysfs_number_read(&hwmon->values[i], clock, &readings[i]);
		if (readings[i].valid && hwmon->is_power[i] && is_sentinel(readings[i].raw))
			readings[i].valid = false;
		if (readings[i].raw == UINT64_MAX)
			readings[i].valid = false;
	}
}

static void hwmon_close(void *state)
{
	struct hwmon *hwmon = state;
	for (int i = 0; i < hwmon->count; i++)
		sysfs_number_close(&hwmon->values[i]);
}

#define FAMILY(family, text)                                                                       \
	static enum sensor_state family##_probe(const struct ergon_env *env, const char *argument, \
	                                        struct sensor_reason *reason)                      \
	{                                                                                          \
		(void)argument;                                                                    \
		return probe(&family, env, reason);                                                \
	}                                                                                          \
	static int family##_open(void *state, const struct ergon_env *env, const char *argument,   \
	                         struct channel *channels, int max, struct ergon_error *err)       \
	{                                                                                          \
		(void)argument;                                                                    \
		return open_family(&family, state, env, channels, max, err);                       \
	}                                                                                          \
	const struct sensor_driver sensor_##family = {                                             \
		.name = #family,                                                                   \
		.summary = text,                                                                   \
		.use = SENSOR_ALWAYS,                                                              \
		.state_size = sizeof(struct hwmon),                                                \
		.probe = family##_probe,                                                           \
		.open = family##_open,                                                             \
		.read = hwmon_read,                                                                \
		.close = hwmon_close,                                                              \
	}

static const struct family amd_energy = { "amd_energy", amd_energy_chips, "no chip amd_energy",
	                                  "AuthenticAMD", "sudo modprobe amd_energy" };
static const struct family xe = { "xe", xe_chips, "no chip xe or i915 with energy or power", NULL,
	                          NULL };
static const struct family hwmon = { "hwmon", NULL, "no chip with energy or power", NULL, NULL };

FAMILY(amd_energy, "AMD CPUs through the kernel module amd_energy");
FAMILY(xe, "Intel GPUs through the kernel's xe and i915 chips");
FAMILY(hwmon, "Grace, AMD graphics cards, boards: the kernel's hwmon chips");
