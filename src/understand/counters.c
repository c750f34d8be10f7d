/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/counters.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/json.h"

enum { NAMES = 3, LINE_BYTES = 64, NO_GENERIC = -1 };
enum { PFM_SUCCESS = 0, PFM_PLM3 = 8, PFM_OS_PERF_EVENT = 1 }; /* perfmon/pfmlib.h */

/* Rows in the order of enum counter_id. group: events of one number are counted together. FLOPs of
 * one event; a fused multiply-add counts twice by itself (Intel SDM 3B, 19: FP_ARITH). */
static const struct {
	const char *label;
	const char *names[NAMES]; /* libpfm4's, the first that this processor has */
	int generic;              /* PERF_COUNT_HW_...; NO_GENERIC */
	int group;
	double flops;
	bool f32;
} table[COUNTER_COUNT] = {
	{ "cycles", { "perf::CYCLES" }, PERF_COUNT_HW_CPU_CYCLES, 0, 0, false },
	{ "instructions", { "perf::INSTRUCTIONS" }, PERF_COUNT_HW_INSTRUCTIONS, 0, 0, false },
	{ "llc_references",
	  { "perf::CACHE-REFERENCES" },
	  PERF_COUNT_HW_CACHE_REFERENCES,
	  0,
	  0,
	  false },
	{ "llc_misses", { "perf::CACHE-MISSES" }, PERF_COUNT_HW_CACHE_MISSES, 0, 0, false },
	{ "stalls_llc_miss",
	  { "CYCLE_ACTIVITY:STALLS_L3_MISS", "CYCLE_ACTIVITY:STALLS_LDM_PENDING",
	    "CYCLE_ACTIVITY:STALLS_MEM_ANY" },
	  NO_GENERIC,
	  0,
	  0,
	  false },
	{ "fp_f64_scalar",
	  { "FP_ARITH_INST_RETIRED:SCALAR_DOUBLE", "FP_ARITH:SCALAR_DOUBLE" },
	  NO_GENERIC,
	  1,
	  1,
	  false },
	{ "fp_f64_128",
	  { "FP_ARITH_INST_RETIRED:128B_PACKED_DOUBLE", "FP_ARITH:128B_PACKED_DOUBLE" },
	  NO_GENERIC,
	  1,
	  2,
	  false },
	{ "fp_f64_256",
	  { "FP_ARITH_INST_RETIRED:256B_PACKED_DOUBLE", "FP_ARITH:256B_PACKED_DOUBLE" },
	  NO_GENERIC,
	  1,
	  4,
	  false },
	{ "fp_f64_512",
	  { "FP_ARITH_INST_RETIRED:512B_PACKED_DOUBLE", "FP_ARITH:512B_PACKED_DOUBLE" },
	  NO_GENERIC,
	  1,
	  8,
	  false },
	{ "fp_f32_scalar",
	  { "FP_ARITH_INST_RETIRED:SCALAR_SINGLE", "FP_ARITH:SCALAR_SINGLE" },
	  NO_GENERIC,
	  2,
	  1,
	  true },
	{ "fp_f32_128",
	  { "FP_ARITH_INST_RETIRED:128B_PACKED_SINGLE", "FP_ARITH:128B_PACKED_SINGLE" },
	  NO_GENERIC,
	  2,
	  4,
	  true },
	{ "fp_f32_256",
	  { "FP_ARITH_INST_RETIRED:256B_PACKED_SINGLE", "FP_ARITH:256B_PACKED_SINGLE" },
	  NO_GENERIC,
	  2,
	  8,
	  true },
	{ "fp_f32_512",
	  { "FP_ARITH_INST_RETIRED:512B_PACKED_SINGLE", "FP_ARITH:512B_PACKED_SINGLE" },
	  NO_GENERIC,
	  2,
	  16,
	  true },
	{ "flops", { "RETIRED_SSE_AVX_FLOPS:ANY" }, NO_GENERIC, 3, 1, false },
};

const char *counter_name(enum counter_id id)
{
	return table[id].label;
}

/* ---- the real machine ---- */

/* pfm_perf_encode_arg_t (perfmon/pfmlib_perf_event.h) */
struct pfm_argument {
	struct perf_event_attr *attributes;
	char **text;
	size_t size;
	int index, cpu, flags;
};

static int real_encode(void *user, const char *name, struct perf_event_attr *attributes)
{
	const struct counters *c = user;
	int (*encode)(const char *, int, int, void *) = NULL;
	if (!c->library)
		return -ENOSYS;
	void *found = c->env->dl->symbol(c->env->dl->user, c->library, "pfm_get_os_event_encoding");
	memcpy(&encode, &found, sizeof encode);
	struct pfm_argument argument = { .attributes = attributes, .size = sizeof argument };
	if (!encode || encode(name, PFM_PLM3, PFM_OS_PERF_EVENT, &argument) != PFM_SUCCESS)
		return -ENOENT;
	return 0;
}

static int real_open(void *user, struct perf_event_attr *attributes, int group)
{
	(void)user;
	long fd = syscall(SYS_perf_event_open, attributes, 0, -1, group, PERF_FLAG_FD_CLOEXEC);
	return fd >= 0 ? (int)fd : -errno;
}

static int real_read(void *user, int fd, uint64_t values[3])
{
	(void)user;
	ssize_t n = read(fd, values, 3 * sizeof *values);
	return n == (ssize_t)(3 * sizeof *values) ? 0 : n < 0 ? -errno : -EIO;
}

static void real_close(void *user, int fd)
{
	(void)user;
	close(fd);
}

static void open_libpfm(struct counters *c)
{
	const char *why = NULL;
	int (*initialize)(void) = NULL;
	const struct ergon_dl *dl = c->env->dl;
	c->library = dl ? dl->open(dl->user, "libpfm.so.4", &why) : NULL;
	if (!c->library)
		return;
	void *found = dl->symbol(dl->user, c->library, "pfm_initialize");
	memcpy(&initialize, &found, sizeof initialize);
	if (initialize && initialize() == PFM_SUCCESS)
		return;
	dl->close(dl->user, c->library);
	c->library = NULL;
}

/* ---- opening ---- */

static bool encode(const struct counters *c, enum counter_id id, struct perf_event_attr *attributes)
{
	for (int i = 0; i < NAMES && table[id].names[i]; i++) {
		*attributes = (struct perf_event_attr){ .size = sizeof *attributes };
		if (c->port.encode(c->port.user, table[id].names[i], attributes) == 0)
			return true;
	}
	*attributes =
	    (struct perf_event_attr){ .type = PERF_TYPE_HARDWARE, .size = sizeof *attributes };
	attributes->config = (uint64_t)table[id].generic;
	return table[id].generic != NO_GENERIC;
}

static int open_one(const struct counters *c, struct perf_event_attr *attributes, int group)
{
	attributes->disabled = group < 0;
	attributes->enable_on_exec = group < 0;
	attributes->inherit = 1;
	attributes->exclude_kernel = 1;
	attributes->exclude_hv = 1;
	attributes->read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	return c->port.open(c->port.user, attributes, group);
}

static void explain(struct counters *c, int error)
{
	const char *reason = error == ENOENT || error == EOPNOTSUPP || error == ENODEV
	                         ? "this processor shows none (usual in a VM)"
	                     : error == EACCES || error == EPERM
	                         ? "closed to this user: sysctl kernel.perf_event_paranoid=2 "
	                           "opens them"
	                         : strerror(error);
	snprintf(c->reason, sizeof c->reason, "%s", reason);
}

void counters_open(struct counters *c, const struct ergon_env *env, const struct counter_port *port)
{
	*c = (struct counters){ .env = env };
	c->port = (struct counter_port){ real_encode, real_open, real_read, real_close, c };
	if (port)
		c->port = *port;
	else
		open_libpfm(c);
	int leader = -1, group = -1, error = ENOENT;
	for (unsigned i = 0; i < COUNTER_COUNT; i++) {
		struct perf_event_attr attributes;
		c->counter[i].fd = -1;
		if (!encode(c, i, &attributes))
			continue;
		leader = table[i].group == group ? leader : -1;
		int fd = open_one(c, &attributes, leader);
		/* A group that the processor cannot count at once is parted. */
		if (fd < 0 && leader >= 0) {
			fd = open_one(c, &attributes, -1);
			leader = fd >= 0 ? fd : leader;
		}
		if (fd < 0) {
			error = i == 0 ? -fd : error;
			continue;
		}
		leader = leader < 0 ? fd : leader;
		group = table[i].group;
		c->counter[i].fd = fd;
		c->open = true;
	}
	if (!c->open)
		explain(c, error);
	else if (!port && !c->library)
		snprintf(c->reason, sizeof c->reason,
		         "no floating-point counts: libpfm4 is absent (package libpfm4)");
}

void counters_read(struct counters *c)
{
	for (unsigned i = 0; i < COUNTER_COUNT; i++) {
		struct counter *counter = &c->counter[i];
		uint64_t v[3];
		counter->valid =
		    counter->fd >= 0 && c->port.read(c->port.user, counter->fd, v) == 0 && v[2] > 0;
		if (!counter->valid)
			continue;
		counter->share = v[1] > 0 ? (double)v[2] / (double)v[1] : 1;
		counter->scaled = v[2] < v[1];
		counter->value = (double)v[0] / counter->share;
	}
}

void counters_close(struct counters *c)
{
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		if (c->counter[i].fd >= 0)
			c->port.close(c->port.user, c->counter[i].fd);
	if (c->library)
		c->env->dl->close(c->env->dl->user, c->library);
	c->library = NULL;
	c->open = false;
}

/* ---- what counts say ---- */

static double value(const struct counters *c, enum counter_id id)
{
	return c->counter[id].valid ? c->counter[id].value : (double)NAN;
}

struct counter_summary counters_summary(const struct counters *c, double time_s)
{
	double flops = 0, f32 = 0;
	bool any = false, scaled = false;
	for (unsigned i = 0; i < COUNTER_COUNT; i++) {
		scaled = scaled || (c->counter[i].valid && c->counter[i].scaled);
		if (!c->counter[i].valid || !(table[i].flops > 0))
			continue;
		any = true;
		flops += table[i].flops * c->counter[i].value;
		f32 += table[i].f32 ? table[i].flops * c->counter[i].value : 0;
	}
	double cycles = value(c, COUNTER_CYCLES), bytes = LINE_BYTES * value(c, COUNTER_LLC_MISSES);
	flops = any ? flops : (double)NAN;
	return (struct counter_summary){
		.ipc = value(c, COUNTER_INSTRUCTIONS) / cycles,
		.flops_per_s = flops / time_s,
		.f32_share = flops > 0 ? f32 / flops : 0,
		.bytes_per_s = bytes / time_s,
		.cache_bytes_per_s = LINE_BYTES * value(c, COUNTER_LLC_REFERENCES) / time_s,
		.intensity = bytes > 0 ? flops / bytes : (double)NAN,
		.stall_share = value(c, COUNTER_STALLS) / cycles,
		.scaled = scaled,
	};
}

json_t *counters_to_json(const struct counters *c)
{
	json_t *object = json_object();
	for (unsigned i = 0; object && i < COUNTER_COUNT; i++)
		if (c->counter[i].valid)
			json_object_set_new(object, table[i].label,
			                    json_pack("{s:o, s:o, s:b}", "value",
			                              json_number(c->counter[i].value), "share",
			                              json_number(c->counter[i].share), "scaled",
			                              c->counter[i].scaled));
	return object;
}
