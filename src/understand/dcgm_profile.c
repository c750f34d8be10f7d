/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/dcgm_profile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/library.h"

enum {
	DCGM_OK = 0,
	NOT_SUPPORTED = -6,
	NO_DATA = -14,
	NO_PERMISSION = -17,
	MIXED_GPUS = -23,
	REQUIRES_ROOT = -29,
	NO_MODULE = -33,
	IN_USE = -34,
	NO_PROFILING = -36,
	PROFILER_FAILED = -37,

	AUTOMATIC = 1, /* DCGM_OPERATION_MODE_AUTO: it measures in a thread of its own */
	ALL_GPUS = 0x7fffffff,
	NVML_INDEX = 52,
	TIMEOUT_MS = 1000,
	PERIOD_US = 100000, /* the shortest of the profiler's */
};

/* DCGM_FI_PROF_SM_ACTIVE, PIPE_TENSOR_, DRAM_, PIPE_FP64_, FP32_ and FP16_ACTIVE, as DCGM_SM etc.
 * are ordered. */
static const unsigned short unit_fields[DCGM_UNITS] = { 1002, 1004, 1005, 1006, 1007, 1008 };

/* A double from here on is none: 2 for "not supported", 3 for "not permitted" above it. */
static const double blank = 140737488355328.0;

struct field_value { /* dcgmFieldValue_v1 */
	unsigned version;
	unsigned short field, type; /* type: 'd' or 'i' */
	int status;
	int64_t time_us;
	union {
		int64_t i64;
		double dbl;
		char blob[4096];
	} value;
};
_Static_assert(sizeof(struct field_value) == 4120, "dcgmFieldValue_v1 has 4120 bytes");

struct connection { /* dcgmConnectV2Params_v2 */
	unsigned version, persist, timeout_ms, is_unix_socket;
};
static const unsigned connection_version = sizeof(struct connection) | 2U << 24;

static const char *const sonames[] = { "libdcgm.so.4", "libdcgm.so.3", NULL };
static const struct entry_point entries[] = {
	ENTRY_POINT(struct dcgm_api, "dcgmInit", init, true),
	ENTRY_POINT(struct dcgm_api, "dcgmShutdown", shutdown, true),
	ENTRY_POINT(struct dcgm_api, "dcgmConnect_v2", connect, true),
	ENTRY_POINT(struct dcgm_api, "dcgmDisconnect", disconnect, true),
	ENTRY_POINT(struct dcgm_api, "dcgmStartEmbedded", start, true),
	ENTRY_POINT(struct dcgm_api, "dcgmStopEmbedded", stop, true),
	ENTRY_POINT(struct dcgm_api, "dcgmGetAllSupportedDevices", devices, true),
	ENTRY_POINT(struct dcgm_api, "dcgmFieldGroupCreate", field_group, true),
	ENTRY_POINT(struct dcgm_api, "dcgmWatchFields", watch, true),
	ENTRY_POINT(struct dcgm_api, "dcgmUpdateAllFields", update, true),
	ENTRY_POINT(struct dcgm_api, "dcgmGetLatestValuesForFields", latest, true),
};

static void refuse(struct dcgm_profile *d, const char *doing, int code)
{
	static const struct {
		int code;
		const char *text;
	} texts[] = {
		{ NOT_SUPPORTED, "not supported on this GPU" },
		{ NO_DATA, "no value came while the command ran" },
		{ NO_PERMISSION, "no permission (the engine must run as root)" },
		{ MIXED_GPUS, "it profiles only GPUs of one kind together" },
		{ REQUIRES_ROOT, "no permission (the engine must run as root)" },
		{ NO_MODULE, "its profiling module is not loaded" },
		{ IN_USE, "another profiler uses the GPU" },
		{ NO_PROFILING, "this GPU cannot be profiled" },
		{ PROFILER_FAILED, "its profiling library failed" },
	};
	const char *text = "refused";
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (texts[i].code == code)
			text = texts[i].text;
	snprintf(d->reason, sizeof d->reason, "DCGM cannot %s: %s (code %d)", doing, text, code);
}

static void close_all(struct dcgm_profile *d)
{
	if (d->connected)
		d->api.disconnect(d->engine); /* which ends the watches, too */
	if (d->embedded)
		d->api.stop(d->engine);
	if (d->initialised)
		d->api.shutdown();
	d->connected = d->embedded = d->initialised = false;
	library_close(d->env, d->library);
	d->library = NULL;
}

static bool open_engine(struct dcgm_profile *d)
{
	struct connection c = { .version = connection_version, .timeout_ms = TIMEOUT_MS };
	int code = d->api.init();
	d->initialised = code == DCGM_OK;
	if (d->initialised) {
		d->connected = d->api.connect("127.0.0.1", &c, &d->engine) == DCGM_OK;
		if (d->connected)
			return true;
		code = d->api.start(AUTOMATIC, &d->engine);
		d->embedded = code == DCGM_OK;
	}
	if (code != DCGM_OK)
		refuse(d, "start (no engine runs on this machine)", code);
	return code == DCGM_OK;
}

/* Names of field groups are unique in an engine, which others use as well. */
static int watch(struct dcgm_profile *d, const unsigned short *fields, int count)
{
	unsigned short list[DCGM_UNITS];
	char name[64];
	uintptr_t group = 0;
	memcpy(list, fields, (size_t)count * sizeof *list);
	snprintf(name, sizeof name, "ergon-%ld-%u", (long)getpid(), (unsigned)*fields);
	int code = d->api.field_group(d->engine, count, list, name, &group);
	return code ? code : d->api.watch(d->engine, ALL_GPUS, group, PERIOD_US, 10, 0);
}

static void find_gpus(struct dcgm_profile *d)
{
	unsigned ids[DCGM_GPUS_MAX];
	int count = 0;
	int code = d->api.devices(d->engine, ids, &count);
	if (code)
		refuse(d, "list the GPUs", code);
	for (int i = 0; !code && i < count && i < DCGM_GPUS_MAX; i++) {
		unsigned short field = NVML_INDEX;
		struct field_value v = { .status = NO_DATA };
		if (d->api.latest(d->engine, (int)ids[i], &field, 1, &v) == DCGM_OK &&
		    v.status == DCGM_OK && v.type == 'i' && v.value.i64 >= 0 &&
		    v.value.i64 < INT32_MAX) {
			d->gpus[d->count].id = ids[i];
			d->gpus[d->count].error = NO_DATA;
			d->gpus[d->count++].index = (unsigned)v.value.i64;
		}
	}
}

/* DCGM_OK where the value is one. */
static int status_of(const struct field_value *v)
{
	if (v->status != DCGM_OK)
		return v->status;
	if (v->type != 'd')
		return NO_DATA;
	if (v->value.dbl == blank + 2)
		return NOT_SUPPORTED;
	if (v->value.dbl == blank + 3)
		return NO_PERMISSION;
	return v->value.dbl >= 0 && v->value.dbl <= 1.01 ? DCGM_OK : NO_DATA;
}

/* Of the beginning only the times count: the values are of before. */
static void read_gpu(struct dcgm_profile *d, size_t gpu, bool first)
{
	struct field_value values[DCGM_UNITS];
	unsigned short fields[DCGM_UNITS];
	memset(values, 0, sizeof values);
	memcpy(fields, unit_fields, sizeof fields);
	int code = d->api.latest(d->engine, (int)d->gpus[gpu].id, fields, DCGM_UNITS, values);
	for (size_t u = 0; u < DCGM_UNITS; u++) {
		int status = code ? code : status_of(&values[u]);
		if (u == DCGM_SM) /* which every GPU that is profiled has */
			d->gpus[gpu].error = status != DCGM_OK ? status : NO_DATA;
		if (status != DCGM_OK || values[u].time_us == d->gpus[gpu].last_us[u])
			continue;
		d->gpus[gpu].last_us[u] = values[u].time_us;
		if (first)
			continue;
		d->gpus[gpu].sum[u] += values[u].value.dbl;
		d->gpus[gpu].samples[u]++;
	}
}

static void read_all(struct dcgm_profile *d, bool first)
{
	for (size_t i = 0; i < d->count; i++)
		read_gpu(d, i, first);
}

void dcgm_profile_begin(struct dcgm_profile *d, const struct ergon_env *env)
{
	static const unsigned short index_field = NVML_INDEX;
	char why[96] = "no libraries are opened here";
	*d = (struct dcgm_profile){ .env = env };
	if (env->dl)
		d->library = library_open(env, sonames, entries, sizeof entries / sizeof *entries,
		                          &d->api, why, sizeof why);
	if (!d->library) {
		snprintf(d->reason, sizeof d->reason,
		         "no DCGM (package datacenter-gpu-manager): %s", why);
		return;
	}
	if (open_engine(d)) {
		int code = watch(d, &index_field, 1);
		if (!code)
			code = watch(d, unit_fields, DCGM_UNITS);
		if (!code)
			code = d->api.update(d->engine, 1);
		if (code)
			refuse(d, "watch the GPU's units", code);
		else
			find_gpus(d);
	}
	if (d->reason[0])
		close_all(d);
	else
		read_all(d, true);
}

void dcgm_profile_sample(struct dcgm_profile *d)
{
	if (d->library)
		read_all(d, false);
}

void dcgm_profile_end(struct dcgm_profile *d)
{
	if (!d->library)
		return;
	d->api.update(d->engine, 1); /* else the last samples do, which are 0.1 s old at most */
	read_all(d, false);
	close_all(d);
}

bool dcgm_profile_units(struct dcgm_profile *d, unsigned index, double units[DCGM_UNITS])
{
	bool any = false;
	int error = NOT_SUPPORTED;
	for (size_t u = 0; u < DCGM_UNITS; u++)
		units[u] = (double)NAN;
	for (size_t i = 0; i < d->count; i++) {
		if (d->gpus[i].index != index)
			continue;
		error = d->gpus[i].error;
		for (size_t u = 0; u < DCGM_UNITS; u++) {
			if (d->gpus[i].samples[u] == 0)
				continue;
			units[u] = d->gpus[i].sum[u] / d->gpus[i].samples[u];
			any = true;
		}
	}
	if (!any && !d->reason[0])
		refuse(d, "see the GPU's units", error);
	return any;
}
