/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/device.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/suggest.h"
#include "spec/catalogue.h"

struct field {
	const char *name;
	size_t offset;
	double scale; /* to the unit of struct device */
	double min, max;
	bool needed;
	double fallback; /* in the file's unit, where absent */
};

#define AT(member) offsetof(struct device, member)
#define PEAK(rate) (offsetof(struct device, peak_flops) + sizeof(double) * (rate))

/* Memory sizes are sold in binary gigabytes, bandwidths in decimal ones. */
static const struct field fields[] = {
	{ "sm_count", AT(sm_count), 1, 1, 4096, true, 0 },
	{ "base_mhz", AT(base_hz), 1e6, 50, 10000, false, (double)NAN },
	{ "boost_mhz", AT(boost_hz), 1e6, 50, 10000, true, 0 },
	{ "min_mhz", AT(min_hz), 1e6, 10, 10000, false, (double)NAN },
	{ "memory_mhz", AT(memory_hz), 1e6, 10, 100000, false, (double)NAN },
	{ "peak_tflops.fp64", PEAK(RATE_FP64), 1e12, 1e-4, 1e5, false, (double)NAN },
	{ "peak_tflops.fp32", PEAK(RATE_FP32), 1e12, 1e-3, 1e5, true, 0 },
	{ "peak_tflops.tf32", PEAK(RATE_TF32), 1e12, 1e-3, 1e5, false, (double)NAN },
	{ "peak_tflops.fp16", PEAK(RATE_FP16), 1e12, 1e-3, 1e5, false, (double)NAN },
	{ "peak_tflops.bf16", PEAK(RATE_BF16), 1e12, 1e-3, 1e5, false, (double)NAN },
	{ "peak_tflops.fp8", PEAK(RATE_FP8), 1e12, 1e-3, 1e5, false, (double)NAN },
	{ "peak_tflops.fp32_matrix", AT(matrix_fp32_flops), 1e12, 1e-3, 1e5, false, (double)NAN },
	{ "memory_gb", AT(memory_bytes), 1073741824.0, 0.1, 1e5, true, 0 },
	{ "memory_bandwidth_gbs", AT(memory_bandwidth_bps), 1e9, 1, 1e6, true, 0 },
	{ "l2_mb", AT(l2_bytes), 1048576.0, 0, 1e5, false, 0 },
	{ "smem_kb", AT(smem_bytes), 1024, 1, 1e5, false, 64 },
	{ "nvlink_gbs", AT(nvlink_bps), 1e9, 0, 1e5, false, 0 },
	{ "pcie_gbs", AT(pcie_bps), 1e9, 0.1, 1e4, false, 15.75 },
	{ "pcie_peer", AT(pcie_peer), 1, 0, 1, false, 1 },
	{ "node_gpus", AT(node_gpus), 1, 1, 1024, false, 8 },
	{ "tdp_w", AT(tdp_w), 1, 1, 1e5, true, 0 },
	{ "power_limit_min_w", AT(power_limit_min_w), 1, 1, 1e5, false, (double)NAN },
	{ "power_limit_max_w", AT(power_limit_max_w), 1, 1, 1e5, false, (double)NAN },
	{ "idle_w", AT(idle_w), 1, 0.1, 1e4, false, (double)NAN },
	{ "process_nm", AT(process_nm), 1, 1, 200, false, 12 },
	{ "year", AT(year), 1, 1990, 2100, false, (double)NAN },
};
enum { FIELD_COUNT = sizeof fields / sizeof *fields };

static double *member(struct device *device, const struct field *field)
{
	return (double *)(void *)((char *)device + field->offset);
}

static const struct field *find_field(const char *name)
{
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

static enum ergon_code no_such_field(const char *file, const char *name, struct ergon_error *err)
{
	const char *names[FIELD_COUNT];
	for (size_t i = 0; i < FIELD_COUNT; i++)
		names[i] = fields[i].name;
	char hint[320];
	return ergon_fail_at(err, ERGON_BAD_INPUT, file, 0, "no number '%.48s' of a device%s", name,
	                     suggest_hint(hint, sizeof hint, name, names, FIELD_COUNT));
}

/* What a device lacks is done at the next rate that it has; native[] remembers. */
static void fill_rates(struct device *device)
{
	static const enum rate instead[RATE_COUNT] = {
		[RATE_TF32] = RATE_FP32,
		[RATE_FP16] = RATE_FP32,
		[RATE_BF16] = RATE_FP32,
		[RATE_FP8] = RATE_BF16,
	};
	for (int rate = RATE_FP32; rate < RATE_COUNT; rate++) {
		device->native[rate] = !isnan(device->peak_flops[rate]);
		if (!device->native[rate])
			device->peak_flops[rate] = device->peak_flops[instead[rate]];
	}
	if (isnan(device->matrix_fp32_flops))
		device->matrix_fp32_flops = device->peak_flops[RATE_FP32];
	device->native[RATE_FP64] = !isnan(device->peak_flops[RATE_FP64]);
	if (!device->native[RATE_FP64]) /* consumer parts: 1/32 of the float32 rate */
		device->peak_flops[RATE_FP64] = device->peak_flops[RATE_FP32] / 32;
}

static enum ergon_code read_number(const json_t *numbers, const json_t *sources,
                                   const struct field *field, const char *file,
                                   struct device *device, struct ergon_error *err)
{
	char at[96];
	snprintf(at, sizeof at, "numbers.%s", field->name);
	struct json_place place = { file, at };
	const json_t *item = json_object_get(numbers, field->name);
	double *out = member(device, field);
	if (!item && field->needed)
		return ergon_fail_at(err, ERGON_BAD_INPUT, file, 0,
		                     "%s is missing; it needs \"value\" and \"source\"", at);
	*out = field->fallback * field->scale;
	if (!item)
		return ERGON_OK;
	if (!json_is_object(item))
		return ergon_fail_at(err, ERGON_BAD_INPUT, file, 0,
		                     "%s: expected an object with \"value\" and \"source\"", at);
	double value;
	const char *source;
	enum ergon_code code =
	    json_need_real(item, place, "value", field->min, field->max, &value, err);
	if (!code)
		code = json_need_text(item, place, "source", &source, err);
	if (!code && !json_is_string(json_object_get(sources, source)))
		code = ergon_fail_at(err, ERGON_BAD_INPUT, file, 0,
		                     "%s.source: '%.32s' is not one of \"sources\"", at, source);
	if (!code)
		*out = value * field->scale;
	return code;
}

static enum ergon_code copy_text(const json_t *root, struct json_place place, const char *key,
                                 char *out, size_t size, struct ergon_error *err)
{
	const char *text;
	enum ergon_code code = json_need_text(root, place, key, &text, err);
	if (code)
		return code;
	if (strlen(text) >= size || !text[0])
		return ergon_fail_at(err, ERGON_BAD_INPUT, place.file, 0,
		                     "%s: expected 1 to %zu characters", key, size - 1);
	memcpy(out, text, strlen(text) + 1);
	return ERGON_OK;
}

static enum ergon_code read_root(const json_t *root, const char *file, struct device *device,
                                 struct ergon_error *err)
{
	static const char *const known[] = { "name",
		                             "aliases",
		                             "vendor",
		                             "notes",
		                             "sources",
		                             "numbers",
		                             "architecture",
		                             "memory_type",
		                             "compute_capability",
		                             NULL };
	struct json_place place = { file, "" };
	json_t *numbers, *sources;
	enum ergon_code code;
	if (!json_is_object(root))
		return ergon_fail_at(err, ERGON_BAD_INPUT, file, 1,
		                     "expected an object that describes a device");
	device->compute_capability = (double)NAN;
	if ((code = json_only_keys(root, place, known, err)) ||
	    (code = copy_text(root, place, "name", device->name, sizeof device->name, err)) ||
	    (code = copy_text(root, place, "vendor", device->vendor, sizeof device->vendor, err)) ||
	    (code = copy_text(root, place, "architecture", device->architecture,
	                      sizeof device->architecture, err)) ||
	    (code = copy_text(root, place, "memory_type", device->memory_type,
	                      sizeof device->memory_type, err)) ||
	    (code = json_want_real(root, place, "compute_capability", 1, 99,
	                           &device->compute_capability, err)) ||
	    (code = json_need_object(root, place, "sources", &sources, err)) ||
	    (code = json_need_object(root, place, "numbers", &numbers, err)))
		return code;
	const char *key;
	json_t *value;
	json_object_foreach(numbers, key,
	                    value) if (!find_field(key)) return no_such_field(file, key, err);
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if ((code = read_number(numbers, sources, &fields[i], file, device, err)))
			return code;
	fill_rates(device);
	if (isnan(device->power_limit_max_w))
		device->power_limit_max_w = device->tdp_w;
	if (!(device->idle_w < device->tdp_w) && !isnan(device->idle_w))
		return ergon_fail_at(err, ERGON_BAD_INPUT, file, 0,
		                     "numbers.idle_w: expected less than tdp_w");
	return ERGON_OK;
}

enum ergon_code device_parse(const char *text, size_t length, const char *file,
                             struct device *device, struct ergon_error *err)
{
	json_t *root;
	*device = (struct device){ 0 };
	enum ergon_code code = json_parse(text, length, file, &root, err);
	if (code)
		return code;
	code = read_root(root, file, device, err);
	json_decref(root);
	return code;
}

enum ergon_code device_load(const struct ergon_env *env, const char *name, struct device *device,
                            struct ergon_error *err)
{
	char path[CATALOGUE_PATH_MAX];
	char *text;
	size_t length;
	enum ergon_code code = catalogue_find(env, "devices", "device", name, path, err);
	if (!code)
		code = file_read(path, &text, &length, err);
	if (code)
		return code;
	code = device_parse(text, length, path, device, err);
	free(text);
	return code;
}

enum ergon_code device_list(const struct ergon_env *env, struct arena *arena,
                            const char *const **names, size_t *count, struct ergon_error *err)
{
	return catalogue_list(env, "devices", arena, names, count, err);
}

enum ergon_code device_set(struct device *device, const char *name, double value,
                           struct ergon_error *err)
{
	const struct field *field = find_field(name);
	if (!field)
		return no_such_field("", name, err);
	if (!(value >= field->min && value <= field->max))
		return ergon_fail(err, ERGON_BAD_INPUT, "%s: expected a number from %g to %g", name,
		                  field->min, field->max);
	double *out = member(device, field);
	bool follows = out == &device->peak_flops[RATE_FP32] &&
	               device->matrix_fp32_flops == device->peak_flops[RATE_FP32];
	*out = value * field->scale;
	if (follows)
		device->matrix_fp32_flops = *out;
	size_t peak = field->offset - offsetof(struct device, peak_flops);
	if (field->offset >= offsetof(struct device, peak_flops) &&
	    peak < sizeof device->peak_flops)
		device->native[peak / sizeof(double)] = true;
	return ERGON_OK;
}
