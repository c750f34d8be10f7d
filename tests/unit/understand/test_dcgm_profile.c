/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/dcgm_profile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/support.h"
#include "understand/gpu_activity.h"

/* A DCGM with two GPUs, whose numbers are NVML's in reverse; layouts as NVIDIA's header has them.
 */
enum { OK = 0, UNREACHABLE = -21, FIRST_US = 1000 };
struct value {
	unsigned version;
	unsigned short field, type;
	int status;
	long long time_us;
	union {
		long long i64;
		double dbl;
		char blob[4096];
	} value;
};
struct connection {
	unsigned version, persist, timeout_ms, is_unix_socket;
};

static struct {
	/* How it is to behave. */
	bool no_library, no_engine, stuck, has_nvml;
	int init, start, group, watch, devices, status;
	double odd; /* in place of a value, where it is not 0 */
	const char *lacks;
	/* What was done. */
	int libraries, initialised, connected, embedded, watched, asked, utilisations;
	char soname[32], names[2][64];
} dcgm;

static int init(void)
{
	dcgm.initialised += dcgm.init == OK;
	return dcgm.init;
}
static int shut_down(void)
{
	dcgm.initialised--;
	return OK;
}
static int connect_v2(const char *address, void *parameters, uintptr_t *engine)
{
	const struct connection *c = parameters;
	assert_string_equal(address, "127.0.0.1");
	assert_int_equal(c->version, 0x02000010);
	assert_int_equal(c->persist, 0);
	assert_int_equal(c->is_unix_socket, 0);
	if (dcgm.no_engine)
		return UNREACHABLE;
	dcgm.connected++;
	*engine = 7;
	return OK;
}
static int disconnect(uintptr_t engine)
{
	assert_int_equal(engine, 7);
	dcgm.connected--;
	return OK;
}
static int start(int mode, uintptr_t *engine)
{
	assert_int_equal(mode, 1);
	dcgm.embedded += dcgm.start == OK;
	*engine = 8;
	return dcgm.start;
}
static int stop(uintptr_t engine)
{
	assert_int_equal(engine, 8);
	dcgm.embedded--;
	return OK;
}
static int devices(uintptr_t engine, unsigned *ids, int *count)
{
	assert_int_equal(engine, dcgm.no_engine ? 8 : 7);
	ids[0] = 0;
	ids[1] = 1;
	*count = 2;
	return dcgm.devices;
}
static int field_group(uintptr_t engine, int count, unsigned short *fields, const char *name,
                       uintptr_t *group)
{
	(void)engine;
	*group = fields[0] == 52 ? 1 : 2;
	assert_int_equal(count, *group == 1 ? 1 : 6);
	snprintf(dcgm.names[*group - 1], sizeof dcgm.names[0], "%s", name);
	return dcgm.group;
}
static int watch(uintptr_t engine, uintptr_t gpus, uintptr_t fields, long long period_us,
                 double keep_s, int keep)
{
	(void)engine;
	assert_int_equal(gpus, 0x7fffffff);
	assert_int_equal(period_us, 100000);
	assert_true(keep_s > 0.1 && keep == 0);
	dcgm.watched |= 1 << fields;
	return fields == 2 ? dcgm.watch : OK;
}
static int update(uintptr_t engine, int wait)
{
	(void)engine;
	assert_int_equal(wait, 1);
	return OK;
}

/* The first reading of a GPU is of before: 0.9 of everything. Then 0.1, 0.2 ... of the second. */
static int latest(uintptr_t engine, int gpu, unsigned short *fields, unsigned count, void *out)
{
	struct value *v = out;
	(void)engine;
	for (unsigned i = 0; i < count; i++) {
		v[i].field = fields[i];
		v[i].type = fields[i] == 52 ? 'i' : 'd';
		v[i].time_us = FIRST_US + (dcgm.stuck ? 0 : dcgm.asked);
		v[i].status = fields[i] == 52 ? OK : dcgm.status;
		if (fields[i] == 52)
			v[i].value.i64 = 1 - gpu;
		else if (dcgm.odd != 0)
			v[i].value.dbl = dcgm.odd;
		else if (dcgm.asked < 2)
			v[i].value.dbl = 0.9;
		else
			v[i].value.dbl = gpu == 0 ? 0.05 * (fields[i] - 1000) : 0.01;
		if (fields[i] == 1006)
			v[i].status = -6; /* no f64 here */
	}
	dcgm.asked += fields[0] != 52;
	return OK;
}

/* An NVML without GPM, whose second GPU is the busier. */
static int nothing(void)
{
	return OK;
}
static int nvml_count(unsigned *count)
{
	*count = 2;
	return OK;
}
static int nvml_by_index(unsigned index, void **device)
{
	static unsigned char gpus[2];
	gpus[index] = (unsigned char)index;
	*device = &gpus[index];
	return OK;
}
static int nvml_utilization(void *device, void *out)
{
	unsigned *percent = out;
	dcgm.utilisations++;
	percent[0] = *(unsigned char *)device ? 80 : 10;
	percent[1] = 5;
	return OK;
}

static void *open_it(void *user, const char *soname, const char **why)
{
	(void)user;
	*why = "no such file";
	if (dcgm.has_nvml && strcmp(soname, "libnvidia-ml.so.1") == 0) {
		dcgm.libraries++;
		return &dcgm;
	}
	if (dcgm.no_library || strcmp(soname, "libdcgm.so.3") != 0)
		return NULL;
	dcgm.libraries++;
	return &dcgm;
}

static void close_it(void *user, void *handle)
{
	(void)user;
	assert_ptr_equal(handle, &dcgm);
	dcgm.libraries--;
}

static void *symbol(void *user, void *handle, const char *name)
{
	static const struct {
		const char *name;
		void *function;
	} table[] = {
		{ "dcgmInit", init },
		{ "dcgmShutdown", shut_down },
		{ "dcgmConnect_v2", connect_v2 },
		{ "dcgmDisconnect", disconnect },
		{ "dcgmStartEmbedded", start },
		{ "dcgmStopEmbedded", stop },
		{ "dcgmGetAllSupportedDevices", devices },
		{ "dcgmFieldGroupCreate", field_group },
		{ "dcgmWatchFields", watch },
		{ "dcgmUpdateAllFields", update },
		{ "dcgmGetLatestValuesForFields", latest },
		{ "nvmlInit_v2", nothing },
		{ "nvmlShutdown", nothing },
		{ "nvmlDeviceGetCount_v2", nvml_count },
		{ "nvmlDeviceGetHandleByIndex_v2", nvml_by_index },
		{ "nvmlDeviceGetUtilizationRates", nvml_utilization },
	};
	(void)user;
	(void)handle;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(table[i].name, name) == 0 &&
		    (!dcgm.lacks || strcmp(name, dcgm.lacks) != 0))
			return table[i].function;
	return NULL;
}

static struct ergon_env *fake_env(void)
{
	static struct ergon_dl dl = { .open = open_it, .symbol = symbol, .close = close_it };
	static struct ergon_env env = { .dl = &dl };
	return &env;
}

static bool profile(struct dcgm_profile *d, unsigned index, double units[DCGM_UNITS])
{
	dcgm_profile_begin(d, fake_env());
	dcgm_profile_sample(d);
	dcgm_profile_end(d);
	assert_int_equal(dcgm.libraries, 0);
	assert_int_equal(dcgm.initialised, 0);
	assert_int_equal(dcgm.connected, 0);
	assert_int_equal(dcgm.embedded, 0);
	return dcgm_profile_units(d, index, units);
}

static int forget(void **state)
{
	(void)state;
	memset(&dcgm, 0, sizeof dcgm);
	return 0;
}

static void units_are_means_of_the_samples_since_the_beginning(void **state)
{
	(void)state;
	struct dcgm_profile d;
	double u[DCGM_UNITS];
	assert_int_equal(sizeof(struct value), 4120);
	for (int own = 0; own < 2; own++) {
		forget(NULL);
		dcgm.no_engine = own; /* then one is started within this process */
		assert_true(profile(&d, 1, u));
		assert_string_equal(d.reason, "");
		assert_close(u[DCGM_SM], 0.1, 1e-12);
		assert_close(u[DCGM_TENSOR], 0.2, 1e-12);
		assert_close(u[DCGM_DRAM], 0.25, 1e-12);
		assert_close(u[DCGM_FP32], 0.35, 1e-12);
		assert_close(u[DCGM_FP16], 0.4, 1e-12);
		assert_true(isnan(u[DCGM_FP64]));
		assert_true(dcgm_profile_units(&d, 0, u));
		assert_close(u[DCGM_SM], 0.01, 1e-12);
		assert_int_equal(dcgm.watched, 1 << 1 | 1 << 2);
		assert_string_not_equal(dcgm.names[0], dcgm.names[1]);
	}
}

static void a_value_counts_once(void **state)
{
	(void)state;
	struct dcgm_profile d;
	double u[DCGM_UNITS];
	dcgm.stuck = true;
	assert_false(profile(&d, 1, u));
	assert_true(isnan(u[DCGM_SM]));
	assert_non_null(strstr(d.reason, "DCGM cannot see the GPU's units: no value came"));
}

static void what_is_missing_is_said(void **state)
{
	(void)state;
	enum { BLANK_BITS = 47 };
	const double blank = ldexp(1, BLANK_BITS);
	const struct {
		int *knob, code;
		double odd;
		const char *reason;
	} rows[] = {
		{ &dcgm.init, -7, 0, "DCGM cannot start (no engine runs on this machine)" },
		{ &dcgm.group, -24, 0, "DCGM cannot watch the GPU's units: refused (code -24)" },
		{ &dcgm.watch, -36, 0, "units: this GPU cannot be profiled (code -36)" },
		{ &dcgm.watch, -33, 0, "units: its profiling module is not loaded (code -33)" },
		{ &dcgm.watch, -29, 0, "no permission (the engine must run as root) (code -29)" },
		{ &dcgm.watch, -34, 0, "another profiler uses the GPU" },
		{ &dcgm.watch, -23, 0, "only GPUs of one kind" },
		{ &dcgm.devices, -8, 0, "DCGM cannot list the GPUs: refused (code -8)" },
		{ &dcgm.status, -17, 0, "DCGM cannot see the GPU's units: no permission" },
		{ NULL, 0, blank + 3, "DCGM cannot see the GPU's units: no permission" },
		{ NULL, 0, blank + 2, "DCGM cannot see the GPU's units: not supported" },
		{ NULL, 0, blank, "no value came" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dcgm_profile d;
		double u[DCGM_UNITS];
		forget(NULL);
		dcgm.odd = rows[i].odd;
		if (rows[i].knob)
			*rows[i].knob = rows[i].code;
		assert_false(profile(&d, 1, u));
		assert_true(isnan(u[DCGM_SM]) && isnan(u[DCGM_FP16]));
		if (!strstr(d.reason, rows[i].reason))
			fail_msg("row %zu: %s", i, d.reason);
	}
}

static void neither_engine_nor_right_to_start_one(void **state)
{
	(void)state;
	struct dcgm_profile d;
	double u[DCGM_UNITS];
	dcgm.no_engine = true;
	dcgm.start = -17;
	assert_false(profile(&d, 1, u));
	assert_non_null(strstr(d.reason, "(no engine runs on this machine): no permission"));
}

static void a_gpu_that_it_does_not_know(void **state)
{
	(void)state;
	struct dcgm_profile d;
	double u[DCGM_UNITS];
	assert_false(profile(&d, 5, u));
	assert_non_null(strstr(d.reason, "not supported on this GPU"));
}

static void an_absent_library_is_named(void **state)
{
	(void)state;
	struct dcgm_profile d;
	double u[DCGM_UNITS];
	dcgm.no_library = true;
	assert_false(profile(&d, 1, u));
	assert_non_null(strstr(d.reason, "no DCGM (package datacenter-gpu-manager): "));
	forget(NULL);
	dcgm.lacks = "dcgmWatchFields";
	assert_false(profile(&d, 1, u));
	assert_non_null(strstr(d.reason, "dcgmWatchFields"));
}

static void a_gpu_without_gpm_is_seen_through_dcgm(void **state)
{
	(void)state;
	struct gpu_activity a;
	dcgm.has_nvml = true;
	gpu_activity_begin(&a, fake_env());
	while (a.running && *(volatile int *)&dcgm.utilisations < 2)
		usleep(1000);
	gpu_activity_end(&a);
	assert_int_equal(dcgm.libraries, 0);
	assert_int_equal(dcgm.connected, 0);
	assert_int_equal(a.use.gpu, 1);
	assert_close(a.use.busy, 0.8, 1e-12);
	assert_close(a.use.sm, 0.1, 1e-12);
	assert_close(a.use.tensor, 0.2, 1e-12);
	assert_close(a.use.dram, 0.25, 1e-12);
	assert_close(a.use.fp32, 0.35, 1e-12);
	assert_close(a.use.fp16, 0.4, 1e-12);
	assert_true(isnan(a.use.fp64));
	assert_string_equal(a.no_units, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(units_are_means_of_the_samples_since_the_beginning, forget),
		cmocka_unit_test_setup(a_value_counts_once, forget),
		cmocka_unit_test_setup(what_is_missing_is_said, forget),
		cmocka_unit_test_setup(neither_engine_nor_right_to_start_one, forget),
		cmocka_unit_test_setup(a_gpu_that_it_does_not_know, forget),
		cmocka_unit_test_setup(a_gpu_without_gpm_is_seen_through_dcgm, forget),
		cmocka_unit_test_setup(an_absent_library_is_named, forget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
