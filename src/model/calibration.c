/* SPDX-License-Identifier: Apache-2.0 */
#include "model/calibration.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

const struct calibration_field calibration_fields[CALIBRATION_COUNT] = {
#define CALIBRATION_ROW(name, unit, low, high, expected, width, meaning)                           \
	{ #name, unit, meaning, low, high, expected, width },
	CALIBRATION_FIELDS(CALIBRATION_ROW)
#undef CALIBRATION_ROW
};

_Static_assert(offsetof(struct calibration, spreads) == CALIBRATION_COUNT * sizeof(double),
               "calibration begins as an array of doubles with names");

const struct calibration_field device_factors[DEVICE_FACTOR_COUNT] = {
#define DEVICE_FACTOR_ROW(name, width, meaning) { #name, "1", meaning, 0.25, 4, 1, width },
	DEVICE_FACTORS(DEVICE_FACTOR_ROW)
#undef DEVICE_FACTOR_ROW
};

/* What a factor scales. */
static const struct {
	enum device_factor factor;
	size_t field;
} scaled[] = {
	{ DEVICE_FACTOR_vector, CALIBRATION_AT_gemm_vector },
	{ DEVICE_FACTOR_vector, CALIBRATION_AT_conv_vector },
	{ DEVICE_FACTOR_tensor, CALIBRATION_AT_gemm_tensor },
	{ DEVICE_FACTOR_tensor, CALIBRATION_AT_conv_tensor },
	{ DEVICE_FACTOR_tensor, CALIBRATION_AT_attention_flash },
	{ DEVICE_FACTOR_conv, CALIBRATION_AT_conv_vector },
	{ DEVICE_FACTOR_conv, CALIBRATION_AT_conv_tensor },
	{ DEVICE_FACTOR_memory, CALIBRATION_AT_memory },
	{ DEVICE_FACTOR_memory, CALIBRATION_AT_memory_gddr },
	{ DEVICE_FACTOR_light, CALIBRATION_AT_norm },
	{ DEVICE_FACTOR_light, CALIBRATION_AT_depthwise },
	{ DEVICE_FACTOR_light, CALIBRATION_AT_memory_gather },
	{ DEVICE_FACTOR_flop_energy, CALIBRATION_AT_fp32_pj },
	{ DEVICE_FACTOR_flop_energy, CALIBRATION_AT_tensor_pj },
	{ DEVICE_FACTOR_byte_energy, CALIBRATION_AT_hbm_pj },
	{ DEVICE_FACTOR_byte_energy, CALIBRATION_AT_gddr_pj },
	{ DEVICE_FACTOR_standing, CALIBRATION_AT_busy },
	{ DEVICE_FACTOR_standing, CALIBRATION_AT_standby_hbm },
	{ DEVICE_FACTOR_standing, CALIBRATION_AT_standby_gddr },
	{ DEVICE_FACTOR_cap, CALIBRATION_AT_cap_reach },
	{ DEVICE_FACTOR_host, CALIBRATION_AT_host_issue_s },
	{ DEVICE_FACTOR_host, CALIBRATION_AT_host_step_s },
	{ DEVICE_FACTOR_host, CALIBRATION_AT_collate_s },
	{ DEVICE_FACTOR_host, CALIBRATION_AT_augment_s },
};

static double *value_at(struct calibration *calibration, size_t at)
{
	return (double *)(void *)((char *)calibration + at * sizeof(double));
}

void calibration_init(struct calibration *calibration)
{
	for (size_t i = 0; i < CALIBRATION_COUNT; i++)
		*value_at(calibration, i) = calibration_fields[i].expected;
	spread_init(calibration->spreads);
	calibration->device_count = 0;
}

const struct device_calibration *calibration_find_device(const struct calibration *calibration,
                                                         const char *device)
{
	for (size_t i = 0; i < calibration->device_count; i++)
		if (strcmp(calibration->devices[i].name, device) == 0)
			return &calibration->devices[i];
	return NULL;
}

bool calibration_for_device(const struct calibration *calibration, const char *device,
                            struct calibration *out)
{
	const struct device_calibration *own = calibration_find_device(calibration, device);
	memcpy(out, calibration, offsetof(struct calibration, spreads));
	out->device_count = 0;
	for (size_t i = 0; own && i < sizeof scaled / sizeof *scaled; i++)
		*value_at(out, scaled[i].field) *= own->factor[scaled[i].factor];
	return own != NULL;
}

void calibration_centre(struct calibration *calibration, enum device_factor factor)
{
	double sum = 0;
	for (size_t i = 0; i < calibration->device_count; i++)
		sum += log(calibration->devices[i].factor[factor]);
	double mean = calibration->device_count ? exp(sum / (double)calibration->device_count) : 1;
	/* As far as all constants that the factor scales have room. */
	for (size_t i = 0; i < sizeof scaled / sizeof *scaled; i++) {
		const struct calibration_field *field = &calibration_fields[scaled[i].field];
		double value = *value_at(calibration, scaled[i].field);
		if (scaled[i].factor == factor)
			mean = fmin(fmax(mean, field->low / value), field->high / value);
	}
	for (size_t i = 0; i < sizeof scaled / sizeof *scaled; i++)
		if (scaled[i].factor == factor)
			*value_at(calibration, scaled[i].field) *= mean;
	for (size_t i = 0; i < calibration->device_count; i++)
		calibration->devices[i].factor[factor] /= mean;
}

static enum ergon_code read_device(json_t *object, const char *name, const char *file,
                                   struct calibration *calibration, struct ergon_error *err)
{
	const char *known[DEVICE_FACTOR_COUNT + 1] = { NULL };
	struct json_place place = { file, name };
	if (calibration->device_count == CALIBRATED_DEVICES_MAX ||
	    strlen(name) >= sizeof calibration->devices[0].name)
		return ergon_fail_at(err, ERGON_BAD_INPUT, file, 0,
		                     "device '%.60s': more than %d, or too long a name", name,
		                     CALIBRATED_DEVICES_MAX);
	struct device_calibration *own = &calibration->devices[calibration->device_count++];
	*own = (struct device_calibration){ 0 };
	memcpy(own->name, name, strlen(name) + 1);
	for (size_t i = 0; i < DEVICE_FACTOR_COUNT; i++)
		known[i] = device_factors[i].name;
	if (!json_is_object(object))
		return ergon_fail_at(err, ERGON_BAD_INPUT, file, 0,
		                     "device '%.60s': expected an object", name);
	enum ergon_code code = json_only_keys(object, place, known, err);
	for (size_t i = 0; i < DEVICE_FACTOR_COUNT; i++) {
		own->factor[i] = 1;
		if (!code)
			code = json_want_real(object, place, device_factors[i].name,
			                      device_factors[i].low, device_factors[i].high,
			                      &own->factor[i], err);
	}
	return code;
}

static enum ergon_code read_devices(const json_t *root, const char *file,
                                    struct calibration *calibration, struct ergon_error *err)
{
	json_t *devices = json_object_get(root, "devices"), *object;
	const char *name;
	enum ergon_code code = ERGON_OK;
	if (!devices)
		return ERGON_OK;
	if (!json_is_object(devices))
		return ergon_fail_at(err, ERGON_BAD_INPUT, file, 0, "devices: expected an object");
	json_object_foreach(devices, name, object) if (!code) code =
	    read_device(object, name, file, calibration, err);
	return code;
}

static enum ergon_code read_spreads(const json_t *root, const char *file,
                                    struct calibration *calibration, struct ergon_error *err)
{
	json_t *spreads = json_object_get(root, "spreads");
	const char *names[SPREAD_COUNT + 1], *const sides[] = { "low", "high", "meaning", NULL };
	struct json_place place = { file, "spreads" };
	if (!spreads)
		return ERGON_OK;
	if (!json_is_object(spreads))
		return ergon_fail_at(err, ERGON_BAD_INPUT, file, 0, "spreads: expected an object");
	for (int i = 0; i < SPREAD_COUNT; i++)
		names[i] = spread_facts[i].name;
	names[SPREAD_COUNT] = NULL;
	enum ergon_code code = json_only_keys(spreads, place, names, err);
	for (int i = 0; !code && i < SPREAD_COUNT; i++) {
		json_t *own = json_object_get(spreads, names[i]);
		double low = 1, high = 1;
		if (!own)
			continue;
		place.at = names[i];
		if (!json_is_object(own))
			return ergon_fail_at(err, ERGON_BAD_INPUT, file, 0,
			                     "spreads: '%s': expected an object", names[i]);
		code = json_only_keys(own, place, sides, err);
		if (!code)
			code = json_want_real(own, place, "low", 1e-3, 1, &low, err);
		if (!code)
			code = json_want_real(own, place, "high", 1, 1e3, &high, err);
		calibration->spreads[i] = (struct doubt){ log(low), log(high) };
	}
	return code;
}

enum ergon_code calibration_parse(const char *text, size_t length, const char *file,
                                  struct calibration *calibration, struct ergon_error *err)
{
	json_t *root, *values = NULL;
	const char *known[CALIBRATION_COUNT + 1];
	struct json_place place = { file, "values" };
	calibration_init(calibration);
	enum ergon_code code = json_parse(text, length, file, &root, err);
	if (code)
		return code;
	if (!json_is_object(root))
		code = ergon_fail_at(err, ERGON_BAD_INPUT, file, 1,
		                     "expected an object with \"values\"");
	else
		code =
		    json_need_object(root, (struct json_place){ file, "" }, "values", &values, err);
	for (size_t i = 0; i < CALIBRATION_COUNT; i++)
		known[i] = calibration_fields[i].name;
	known[CALIBRATION_COUNT] = NULL;
	if (!code)
		code = json_only_keys(values, place, known, err);
	for (size_t i = 0; !code && i < CALIBRATION_COUNT; i++)
		code = json_want_real(values, place, known[i], calibration_fields[i].low,
		                      calibration_fields[i].high, value_at(calibration, i), err);
	if (!code)
		code = read_devices(root, file, calibration, err);
	if (!code)
		code = read_spreads(root, file, calibration, err);
	json_decref(root);
	return code;
}

enum ergon_code calibration_load(const struct ergon_env *env, struct calibration *calibration,
                                 struct ergon_error *err)
{
	char path[1280];
	char *text;
	size_t length;
	calibration_init(calibration);
	if (!file_join(path, sizeof path, env->data_dir, "calibration/default.json"))
		return ergon_fail(err, ERGON_BAD_INPUT, "the path of the data folder is too long");
	enum ergon_code code = file_read(path, &text, &length, err);
	if (code)
		return code;
	code = calibration_parse(text, length, path, calibration, err);
	free(text);
	return code;
}
