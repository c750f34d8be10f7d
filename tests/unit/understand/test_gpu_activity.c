/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/gpu_activity.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "support/support.h"

/* An NVML with two GPUs, the second busier and with GPM; layouts as NVIDIA's header has them. */
enum { OK = 0, NOT_SUPPORTED = 3 };
static struct {
	int open, samples_alive, gpm_reads, asked;
	bool no_library, no_gpm;
} nvml;
static int devices[2];

static int init(void)
{
	nvml.open++;
	return OK;
}
static int shut_down(void)
{
	nvml.open--;
	return OK;
}
static int count(unsigned *n)
{
	*n = 3;
	return OK;
}
static int by_index(unsigned index, void **device)
{
	if (index == 0)
		return NOT_SUPPORTED; /* fell off the bus */
	*device = &devices[index - 1];
	return OK;
}
static int utilization(void *device, void *out)
{
	unsigned *rates = out;
	nvml.asked++;
	rates[0] = device == &devices[1] ? 90 : 20;
	rates[1] = device == &devices[1] ? 40 : 10;
	return OK;
}
static int support(void *device, void *out)
{
	unsigned *fields = out;
	assert_int_equal(fields[0], 1);
	fields[1] = device == &devices[1];
	return OK;
}
static int sample_alloc(void **sample)
{
	static char memory[2];
	*sample = &memory[nvml.samples_alive++];
	return OK;
}
static int sample_free(void *sample)
{
	assert_non_null(sample);
	nvml.samples_alive--;
	return OK;
}
static int sample_get(void *device, void *sample)
{
	assert_ptr_equal(device, &devices[1]);
	*(char *)sample = (char)++nvml.gpm_reads;
	return OK;
}

struct metric {
	unsigned id;
	int status;
	double value;
	char *names[3];
};
struct request {
	unsigned version, count;
	char *first, *second;
	struct metric metrics[];
};
static int metrics_get(void *out)
{
	struct request *r = out;
	assert_int_equal(r->version, 1);
	assert_int_equal(*r->first, 1);
	assert_int_equal(*r->second, 2);
	for (unsigned i = 0; i < r->count; i++) {
		r->metrics[i].value = r->metrics[i].id * 5;
		r->metrics[i].status = r->metrics[i].id == 11 ? NOT_SUPPORTED : OK;
	}
	return OK;
}

static void *open_it(void *user, const char *soname, const char **why)
{
	(void)user;
	*why = "no such file";
	return !nvml.no_library && strcmp(soname, "libnvidia-ml.so.1") == 0 ? &nvml : NULL;
}

static void close_it(void *user, void *handle)
{
	(void)user;
	assert_ptr_equal(handle, &nvml);
}

static void *symbol(void *user, void *handle, const char *name)
{
	static const struct {
		const char *name;
		void *function;
	} table[] = {
		{ "nvmlInit_v2", init },
		{ "nvmlShutdown", shut_down },
		{ "nvmlDeviceGetCount_v2", count },
		{ "nvmlDeviceGetHandleByIndex_v2", by_index },
		{ "nvmlDeviceGetUtilizationRates", utilization },
		{ "nvmlGpmQueryDeviceSupport", support },
		{ "nvmlGpmSampleAlloc", sample_alloc },
		{ "nvmlGpmSampleFree", sample_free },
		{ "nvmlGpmSampleGet", sample_get },
		{ "nvmlGpmMetricsGet", metrics_get },
	};
	(void)user;
	(void)handle;
	if (nvml.no_gpm && strstr(name, "Gpm"))
		return NULL;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(table[i].name, name) == 0)
			return table[i].function;
	return NULL;
}

static void watch(struct gpu_activity *a)
{
	static struct ergon_dl dl = { .open = open_it, .symbol = symbol, .close = close_it };
	static struct ergon_env env = { .dl = &dl };
	nvml.gpm_reads = nvml.asked = 0;
	gpu_activity_begin(a, &env);
	/* Until both GPUs have been asked once: however slow this machine is. */
	while (a->running && *(volatile int *)&nvml.asked < 2)
		usleep(1000);
	gpu_activity_end(a);
	assert_int_equal(nvml.open, 0);
	assert_int_equal(nvml.samples_alive, 0);
}

static void the_busiest_gpu_is_told(void **state)
{
	(void)state;
	struct gpu_activity a;
	nvml.no_library = nvml.no_gpm = false;
	watch(&a);
	assert_int_equal(a.use.gpu, 2);
	assert_close(a.use.busy, 0.9, 1e-12);
	assert_close(a.use.memory_busy, 0.4, 1e-12);
	assert_close(a.use.sm, 0.1, 1e-12);
	assert_close(a.use.tensor, 0.25, 1e-12);
	assert_close(a.use.dram, 0.5, 1e-12);
	assert_close(a.use.fp32, 0.6, 1e-12);
	assert_true(isnan(a.use.fp64)); /* refused */
	assert_string_equal(a.no_units, "");
}

static void without_a_profiler_there_is_utilisation(void **state)
{
	(void)state;
	struct gpu_activity a;
	nvml.no_gpm = true;
	watch(&a);
	assert_close(a.use.busy, 0.9, 1e-12);
	assert_true(isnan(a.use.sm) && isnan(a.use.dram));
	assert_non_null(strstr(a.no_units, "datacenter-gpu-manager"));
}

static void without_nvml_nothing_is_known(void **state)
{
	(void)state;
	struct gpu_activity a;
	nvml.no_library = true;
	watch(&a);
	assert_int_equal(a.count, 0);
	assert_true(isnan(a.use.busy));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_busiest_gpu_is_told),
		cmocka_unit_test(without_a_profiler_there_is_utilisation),
		cmocka_unit_test(without_nvml_nothing_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
