/* SPDX-License-Identifier: Apache-2.0
 *
 * RAPL by reading the processor's registers through /dev/cpu/N/msr: the last choice, for kernels
 * without powercap and the power PMU. Root only.
 *
 * Intel (SDM vol. 4): MSR_RAPL_POWER_UNIT 0x606, bits 12:8 the energy unit 1/2^n J; package 0x611,
 * DRAM 0x619, cores (PP0) 0x639, graphics (PP1) 0x641, platform 0x64d. Exceptions: DRAM counts in
 * 15.3 uJ (1/2^16 J) on Haswell, Broadwell, Skylake and Ice Lake servers and Knights Landing;
 * platform counts in joules on Sapphire and Emerald Rapids; early Atoms count in 2^n uJ.
 * AMD (PPR family 17h): unit 0xc0010299, package 0xc001029b. All counters have 32 bits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "measure/sensors/cpuinfo.h"
#include "measure/sensors/sysfs.h"

enum { REGISTERS_MAX = 5 * CPUINFO_SOCKETS_MAX };

struct rapl_msr {
	const struct ergon_env *env;
	int count, fd_count;
	int fds[CPUINFO_SOCKETS_MAX];
	int fd_of[REGISTERS_MAX];
	off_t registers[REGISTERS_MAX];
	double unit_uj[REGISTERS_MAX];
};

struct domain {
	off_t address;
	const char *format;
	bool must_move;
};

static const struct domain intel[] = {
	{ 0x611, "package-%d", true },
	{ 0x639, "package-%d/core", false },
	{ 0x641, "package-%d/uncore", false },
	{ 0x619, "package-%d/dram", true },
	{ 0x64d, "psys", true },
	{ 0, NULL, false },
};
static const struct domain amd[] = {
	{ 0xc001029b, "package-%d", true },
	{ 0, NULL, false },
};

static bool is_one_of(long model, const short *models)
{
	for (; *models; models++)
		if (*models == model)
			return true;
	return false;
}

static double unit_uj_of(const struct cpu_identity *cpu, const struct domain *domain,
                         uint64_t power_unit)
{
	static const short dram_15uj[] = { 63, 79, 86, 85, 106, 108, 87, 133, 0 };
	static const short psys_1j[] = { 143, 207, 0 };
	static const short atoms[] = { 0x37, 0x4a, 0x4c, 0x4d, 0x5a, 0x5d, 0 };
	unsigned exponent = (unsigned)(power_unit >> 8) & 0x1f;
	bool is_intel = strcmp(cpu->vendor, "GenuineIntel") == 0;
	if (is_intel && domain->address == 0x619 && is_one_of(cpu->model, dram_15uj))
		return 1e6 / 65536;
	if (is_intel && domain->address == 0x64d && is_one_of(cpu->model, psys_1j))
		return 1e6;
	if (is_intel && is_one_of(cpu->model, atoms))
		return (double)(UINT64_C(1) << exponent);
	return 1e6 / (double)(UINT64_C(1) << exponent);
}

static const struct domain *domains_of(const struct cpu_identity *cpu, off_t *unit_address)
{
	if (strcmp(cpu->vendor, "GenuineIntel") == 0 && cpu->family == 6) {
		*unit_address = 0x606;
		return intel;
	}
	if ((strcmp(cpu->vendor, "AuthenticAMD") == 0 && cpu->family >= 23) ||
	    strcmp(cpu->vendor, "HygonGenuine") == 0) {
		*unit_address = 0xc0010299;
		return amd;
	}
	return NULL;
}

static bool read_register(int fd, off_t address, uint64_t *value)
{
	return pread(fd, value, sizeof *value, address) == (ssize_t)sizeof *value;
}

static bool msr_path(const struct ergon_env *env, unsigned cpu, char *path, size_t size)
{
	char name[64];
	snprintf(name, sizeof name, "cpu/%u/msr", cpu);
	return sysfs_path(path, size, env->devfs_root, name);
}

static void describe(const struct domain *domain, int socket, double unit_uj,
                     struct channel *channel)
{
	snprintf(channel->name, sizeof channel->name, domain->format, socket);
	channel->behaviour = CHANNEL_ENERGY_COUNTER;
	channel->provenance = PROVENANCE_MEASURED;
	channel->wrap_at_uj = (uint64_t)(4294967296.0 * unit_uj);
	channel->refresh_us = 1000;
	channel->resolution = unit_uj > 1 ? (uint32_t)unit_uj : 1;
	channel->relative_error = domain->address == 0x619 ? 0.05 : 0.025;
}

/* All registers of one socket that answer; a register that shows 0 is not wired up. */
static void open_socket(struct rapl_msr *rapl, const struct cpu_identity *cpu, unsigned number,
                        int socket, struct channel *channels, int max)
{
	off_t unit_address;
	const struct domain *domain = domains_of(cpu, &unit_address);
	char path[SYSFS_PATH_SIZE];
	uint64_t power_unit, value;
	if (!domain || !msr_path(rapl->env, number, path, sizeof path))
		return;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	rapl->fds[rapl->fd_count++] = fd;
	if (!read_register(fd, unit_address, &power_unit))
		return;
	for (; domain->format && rapl->count < max && rapl->count < REGISTERS_MAX; domain++) {
		if (!read_register(fd, domain->address, &value) || (value & UINT32_MAX) == 0 ||
		    (domain->address == 0x64d && socket > 0))
			continue;
		rapl->fd_of[rapl->count] = fd;
		rapl->registers[rapl->count] = domain->address;
		rapl->unit_uj[rapl->count] = unit_uj_of(cpu, domain, power_unit);
		describe(domain, socket, rapl->unit_uj[rapl->count], &channels[rapl->count]);
		rapl->count++;
	}
}

static void rapl_msr_close(void *state)
{
	struct rapl_msr *rapl = state;
	for (int i = 0; i < rapl->fd_count; i++)
		close(rapl->fds[i]);
	rapl->fd_count = rapl->count = 0;
}

static int rapl_msr_open(void *state, const struct ergon_env *env, const char *argument,
                         struct channel *channels, int max, struct ergon_error *err)
{
	(void)argument;
	struct rapl_msr *rapl = state;
	struct cpu_identity cpu;
	long packages[CPUINFO_SOCKETS_MAX];
	int sockets = 0;
	rapl->env = env;
	cpuinfo_read(env, &cpu, NULL);
	/* The first CPU of each package speaks for it. */
	for (unsigned n = 0; n < 4096 && sockets < CPUINFO_SOCKETS_MAX; n++) {
		char path[SYSFS_PATH_SIZE];
		if (!msr_path(env, n, path, sizeof path) || access(path, R_OK) != 0)
			continue;
		long package = cpu_topology(env, n, "topology/physical_package_id");
		if (package < 0)
			package = 0;
		bool known = false;
		for (int i = 0; i < sockets; i++)
			known = known || packages[i] == package;
		if (known)
			continue;
		packages[sockets] = package;
		open_socket(rapl, &cpu, n, sockets++, channels, max);
	}
	if (rapl->count == 0) {
		rapl_msr_close(rapl);
		ergon_fail(err, ERGON_NOT_SUPPORTED, "rapl_msr: no energy register answers");
		return -1;
	}
	return rapl->count;
}

static enum sensor_state rapl_msr_probe(const struct ergon_env *env, const char *argument,
                                        struct sensor_reason *reason)
{
	(void)argument;
	char path[SYSFS_PATH_SIZE];
	struct cpu_identity cpu;
	off_t unit_address;
	uint64_t value;
	*reason = (struct sensor_reason){ "", "" };
	cpuinfo_read(env, &cpu, NULL);
	if (!domains_of(&cpu, &unit_address)) {
		snprintf(reason->text, sizeof reason->text,
		         "this processor has no RAPL registers that are known");
		return SENSOR_ABSENT;
	}
	int fd = msr_path(env, 0, path, sizeof path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0 && (errno == EACCES || errno == EPERM)) {
		snprintf(reason->text, sizeof reason->text, "%.200s is open to root only", path);
		snprintf(reason->grant, sizeof reason->grant, "sudo ergon measure ...");
		return SENSOR_CLOSED;
	}
	if (fd < 0) {
		snprintf(reason->text, sizeof reason->text, "no %.200s", path);
		if (!machine_is_virtual(env))
			snprintf(reason->grant, sizeof reason->grant, "sudo modprobe msr");
		return SENSOR_ABSENT;
	}
	const struct domain *domain = domains_of(&cpu, &unit_address);
	bool answers = read_register(fd, unit_address, &value) &&
	               read_register(fd, domain->address, &value) && (value & UINT32_MAX) != 0;
	close(fd);
	if (answers)
		return SENSOR_READY;
	snprintf(reason->text, sizeof reason->text, "the package's energy register shows nothing%s",
	         machine_is_virtual(env) ? ": this is a virtual machine" : "");
	return SENSOR_ABSENT;
}

static void rapl_msr_read(void *state, struct reading *readings, int n)
{
	struct rapl_msr *rapl = state;
	const struct ergon_clock *clock = rapl->env->clock;
	for (int i = 0; i < n; i++) {
		uint64_t value = 0;
		errno = 0;
		readings[i].valid = read_register(rapl->fd_of[i], rapl->registers[i], &value);
		readings[i].error = readings[i].valid ? 0 : errno;
		readings[i].raw = (uint64_t)((double)(value & UINT32_MAX) * rapl->unit_uj[i]);
		readings[i].time_ns = clock->monotonic_ns(clock->user);
	}
}

const struct sensor_driver sensor_rapl_msr = {
	.name = "rapl_msr",
	.summary = "RAPL from the processor's registers, as the last choice",
	.use = SENSOR_SPARE,
	.state_size = sizeof(struct rapl_msr),
	.probe = rapl_msr_probe,
	.open = rapl_msr_open,
	.read = rapl_msr_read,
	.close = rapl_msr_close,
};
