/* SPDX-License-Identifier: Apache-2.0 */
#include "model/eval_cases.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "spec/model_names.h"

struct eval_known_device {
	const char *name, *reason;
	struct device *device;
};
struct eval_known_workload {
	const char *key, *reason;
	const struct workload *workload;
};

struct eval_case *eval_add(struct eval_builder *builder)
{
	if (!GROW(builder->items, builder->capacity, builder->count + 1))
		return NULL;
	struct eval_case *item = &builder->items[builder->count++];
	*item = (struct eval_case){ .split = "", .measured = (double)NAN, .scale = 1 };
	return item;
}

const char *eval_reason(struct eval_builder *builder, const char *format, ...)
{
	char text[320];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	/* It becomes the last cell of a CSV row. */
	for (char *p = text; *p; p++)
		if (*p == ',' || *p == '\n')
			*p = ';';
	const char *copy = arena_strdup(builder->arena, text);
	return copy ? copy : "out of memory";
}

bool eval_precision(const char *text, enum precision *precision)
{
	static const struct {
		const char *name;
		enum precision precision;
	} others[] = {
		/* The run asked for FP32; the framework used TF32 where the device has it. */
		{ "fp32_tf32default", PRECISION_TF32 },
		{ "fp16_mixed", PRECISION_FP16 },
		{ "mxfp8", PRECISION_FP8 },
	};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		if (strcmp(text, others[i].name) == 0) {
			*precision = others[i].precision;
			return true;
		}
	}
	return precision_parse(text, precision, NULL) == ERGON_OK;
}

const struct device *eval_device(struct eval_builder *builder, const char *name,
                                 const char **reason)
{
	for (size_t i = 0; i < builder->device_count; i++) {
		if (strcmp(builder->devices[i].name, name) == 0) {
			*reason = builder->devices[i].reason;
			return builder->devices[i].device;
		}
	}
	struct device *device = ARENA_NEW(builder->arena, struct device);
	*reason = "out of memory";
	if (!device || !GROW(builder->devices, builder->device_capacity, builder->device_count + 1))
		return NULL;
	struct ergon_error err = { 0 };
	enum ergon_code code = device_load(builder->env, name, device, &err);
	*reason = !code                     ? NULL
	          : code == ERGON_NOT_FOUND ? eval_reason(builder, "no device file for '%s'", name)
	                                    : eval_reason(builder, "%s", err.text);
	builder->devices[builder->device_count++] =
	    (struct eval_known_device){ name, *reason, *reason ? NULL : device };
	return *reason ? NULL : device;
}

static const char *workload_key(struct eval_builder *builder, const char *name,
                                const struct workload_options *o)
{
	char key[640];
	snprintf(key, sizeof key, "%s|%d|%d|%d|%d|%d|%d|%llu|%g|%g|%llu|%llu|%u|%u|%d|%s", name,
	         o->precision, o->optimizer_given ? (int)o->optimizer : -1, o->runtime,
	         o->attention, o->infer, o->layout, (unsigned long long)o->context, o->sequences,
	         o->prefill, (unsigned long long)o->sequence, (unsigned long long)o->resolution,
	         o->tensor_ways, o->expert_ways, o->sequence_parallel, o->dims ? o->dims : "");
	return arena_strdup(builder->arena, key);
}

const struct workload *eval_workload(struct eval_builder *builder, const char *name,
                                     const struct workload_options *options, const char **reason)
{
	const char *key = workload_key(builder, name, options);
	*reason = "out of memory";
	for (size_t i = 0; key && i < builder->workload_count; i++) {
		if (strcmp(builder->workloads[i].key, key) == 0) {
			*reason = builder->workloads[i].reason;
			return builder->workloads[i].workload;
		}
	}
	if (!key ||
	    !GROW(builder->workloads, builder->workload_capacity, builder->workload_count + 1))
		return NULL;
	struct ergon_error err = { 0 };
	const struct workload *workload = NULL;
	enum ergon_code code =
	    workload_load(builder->env, name, options, builder->arena, &workload, &err);
	*reason = !code ? NULL
	          : code == ERGON_NOT_FOUND
	              ? eval_reason(builder, "no model file '%s'", name)
	              : eval_reason(builder, "model '%s': %s", name, err.text);
	builder->workloads[builder->workload_count++] =
	    (struct eval_known_workload){ key, *reason, code ? NULL : workload };
	return code ? NULL : workload;
}

static enum ergon_code add_file(struct eval_builder *builder, const char *path)
{
	struct csv *csv = ARENA_NEW(builder->arena, struct csv);
	if (!csv)
		return ergon_fail(builder->err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = csv_read(path, builder->arena, csv, builder->err);
	if (code)
		return code;
	if (eval_collectives_fit(csv))
		return eval_add_collectives(builder, csv);
	if (eval_kernels_fit(csv))
		return eval_add_kernels(builder, csv);
	/* Named columns that are missing make the better error than "no known schema". */
	struct measurements measurements;
	code = measurements_from_csv(csv, builder->arena, &measurements, builder->err);
	return code ? code : eval_add_runs(builder, &measurements);
}

enum ergon_code eval_cases_load(const struct ergon_env *env, const char *const *paths,
                                size_t path_count, struct arena *arena, struct eval_cases *cases,
                                struct ergon_error *err)
{
	struct model_names names;
	struct eval_builder builder = { .env = env, .arena = arena, .err = err, .names = &names };
	*cases = (struct eval_cases){ 0 };
	enum ergon_code code = model_names_load(env, arena, &names, err);
	for (size_t i = 0; !code && i < path_count; i++)
		code = add_file(&builder, paths[i]);
	if (!code && builder.count) {
		cases->items = ARENA_ARRAY(arena, struct eval_case, builder.count);
		if (cases->items) {
			memcpy(cases->items, builder.items, builder.count * sizeof *builder.items);
			cases->count = builder.count;
		} else {
			code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
		}
	}
	free(builder.items);
	free(builder.devices);
	free(builder.workloads);
	return code;
}
