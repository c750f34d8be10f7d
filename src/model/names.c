/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of what a workload is made of, and their parsing.
 */
#include <string.h>

#include "base/suggest.h"
#include "model/predict.h"

#define NAME_OF(id, text) [id] = text,
static const char *const families[FAMILY_COUNT] = { FAMILIES(NAME_OF) };
static const char *const optimizers[OPTIMIZER_COUNT] = {
	[OPTIMIZER_SGD] = "sgd",           [OPTIMIZER_ADAM] = "adam", [OPTIMIZER_ADAMW] = "adamw",
	[OPTIMIZER_ADADELTA] = "adadelta", [OPTIMIZER_LAMB] = "lamb", [OPTIMIZER_NONE] = "none",
};
static const char *const runtimes[RUNTIME_COUNT] = { "eager", "compiled", "instrumented", "graph" };
static const char *const layouts[LAYOUT_COUNT] = { "nhwc", "nchw" };
static const char *const attentions[ATTENTION_COUNT] = { "materialised", "flash", "flash1" };
static const char *const causes[CAUSE_COUNT] = { "compute", "memory",  "launch",  "communication",
	                                         "host",    "loading", "pipeline" };

const char *family_name(enum family family)
{
	return families[family];
}

const char *optimizer_name(enum optimizer_kind kind)
{
	return optimizers[kind];
}

const char *runtime_name(enum runtime runtime)
{
	return runtimes[runtime];
}

const char *cause_name(enum cause cause)
{
	return causes[cause];
}

static int find(const char *what, const char *name, const char *const *names, size_t count,
                struct ergon_error *err)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return (int)i;
	char hint[256];
	(void)ergon_fail(err, ERGON_NOT_FOUND, "no %s '%.32s'%s", what, name,
	                 suggest_hint(hint, sizeof hint, name, names, count));
	return -1;
}

enum ergon_code optimizer_parse(const char *name, enum optimizer_kind *kind,
                                struct ergon_error *err)
{
	int at = find("optimizer", name, optimizers, OPTIMIZER_COUNT, err);
	if (at >= 0)
		*kind = (enum optimizer_kind)at;
	return at < 0 ? ERGON_NOT_FOUND : ERGON_OK;
}

enum ergon_code runtime_parse(const char *name, enum runtime *runtime, struct ergon_error *err)
{
	int at = find("runtime", name, runtimes, RUNTIME_COUNT, err);
	if (at >= 0)
		*runtime = (enum runtime)at;
	return at < 0 ? ERGON_NOT_FOUND : ERGON_OK;
}

static const char *const recomputes[RECOMPUTE_COUNT] = { "none", "selective", "full" };

const char *recompute_name(enum recompute recompute)
{
	return recomputes[recompute];
}

enum ergon_code recompute_parse(const char *name, enum recompute *recompute,
                                struct ergon_error *err)
{
	int at = find("recomputation", name, recomputes, RECOMPUTE_COUNT, err);
	if (at >= 0)
		*recompute = (enum recompute)at;
	return at < 0 ? ERGON_NOT_FOUND : ERGON_OK;
}

enum ergon_code layout_parse(const char *name, enum layout_kind *kind, struct ergon_error *err)
{
	int at = find("layout", name, layouts, LAYOUT_COUNT, err);
	if (at >= 0)
		*kind = (enum layout_kind)at;
	return at < 0 ? ERGON_NOT_FOUND : ERGON_OK;
}

enum ergon_code attention_parse(const char *name, enum attention_kind *kind,
                                struct ergon_error *err)
{
	int at = find("attention", name, attentions, ATTENTION_COUNT, err);
	if (at >= 0)
		*kind = (enum attention_kind)at;
	return at < 0 ? ERGON_NOT_FOUND : ERGON_OK;
}
