/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/model_names.h"

#include <fnmatch.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

enum { RULES_MAX = 4096 };

struct reading {
	const char *file;
	struct arena *arena;
	const json_t *datasets;
	struct ergon_error *err;
};

static enum ergon_code want_copy(struct reading *reading, const json_t *object,
                                 struct json_place place, const char *key, const char **value)
{
	const char *text = NULL;
	enum ergon_code code = json_want_text(object, place, key, &text, reading->err);
	if (code || !text)
		return code;
	*value = arena_strdup(reading->arena, text);
	return *value ? ERGON_OK : ergon_fail(reading->err, ERGON_NO_MEMORY, "out of memory");
}

/* The lengths of the sentences, for padding to the longest of a batch. */
static enum ergon_code read_lengths(struct reading *reading, const json_t *dataset,
                                    const char *padding, struct json_place place,
                                    struct model_rule *rule)
{
	struct json_place at = { reading->file, "datasets" };
	bool bins = strcmp(padding, "bins") == 0;
	if (!bins && strcmp(padding, "batch") != 0)
		return ergon_fail_at(reading->err, ERGON_BAD_INPUT, reading->file, 0,
		                     "%s: padding: expected batch or bins", place.at);
	rule->pad_to_batch = !bins;
	enum ergon_code code =
	    json_need_real(dataset, at, "median", 1, 1e9, &rule->length_median, reading->err);
	if (!code && bins)
		code = json_need_real(dataset, at, "bin", 1, 1e9, &rule->length_bin, reading->err);
	if (!code)
		code =
		    json_need_real(dataset, at, "sigma", 0, 5, &rule->length_sigma, reading->err);
	if (!code)
		code = json_need_real(dataset, at, "longest", 1, 1e9, &rule->length_longest,
		                      reading->err);
	return code;
}

static enum ergon_code read_dataset(struct reading *reading, const json_t *object,
                                    struct json_place place, struct model_rule *rule)
{
	const char *name = NULL, *padding = NULL;
	enum ergon_code code = json_want_text(object, place, "dataset", &name, reading->err);
	if (!code)
		code = json_want_text(object, place, "padding", &padding, reading->err);
	if (code || !name)
		return code;
	const json_t *dataset = json_object_get(reading->datasets, name);
	if (!json_is_object(dataset))
		return ergon_fail_at(reading->err, ERGON_BAD_INPUT, reading->file, 0,
		                     "%s: no dataset '%.64s' in \"datasets\"", place.at, name);
	code = json_need_real(dataset, (struct json_place){ reading->file, "datasets" }, "samples",
	                      1, 1e12, &rule->dataset_samples, reading->err);
	const char *loader = NULL;
	if (!code)
		code = json_want_text(dataset, (struct json_place){ reading->file, "datasets" },
		                      "loader", &loader, reading->err);
	rule->collated = loader && strcmp(loader, "collated") == 0;
	rule->augmented = loader && strcmp(loader, "augmented") == 0;
	if (!code && loader && !rule->collated && !rule->augmented)
		code = ergon_fail_at(reading->err, ERGON_BAD_INPUT, reading->file, 0,
		                     "datasets: %s: loader: expected collated or augmented", name);
	return code || !padding ? code : read_lengths(reading, dataset, padding, place, rule);
}

static enum ergon_code read_size(struct reading *reading, const json_t *object,
                                 struct json_place place, struct model_rule *rule)
{
	static const char *const names[] = { "none", "sequence", "resolution", "frame",
		                             "generation" };
	const char *text = "none";
	enum ergon_code code = json_want_text(object, place, "size", &text, reading->err);
	for (int i = 0; !code && i < 5; i++) {
		if (strcmp(text, names[i]) == 0) {
			rule->size = i;
			return ERGON_OK;
		}
	}
	return code ? code
	            : ergon_fail_at(reading->err, ERGON_BAD_INPUT, reading->file, 0,
	                            "%s: size: expected none, sequence, resolution, frame or "
	                            "generation",
	                            place.at);
}

static enum ergon_code want_flag(struct reading *reading, const json_t *object,
                                 struct json_place place, const char *key, bool *flag)
{
	const json_t *item = json_object_get(object, key);
	if (item && !json_is_boolean(item))
		return ergon_fail_at(reading->err, ERGON_BAD_INPUT, reading->file, 0,
		                     "%s: %s: expected true or false", place.at, key);
	if (item)
		*flag = json_is_true(item);
	return ERGON_OK;
}

/* What is known of the machines of a source. */
static enum ergon_code read_machine(struct reading *reading, const json_t *object, size_t at,
                                    struct machine_rule *rule)
{
	static const char *const known[] = { "source", "config", "machine", "gpus", "port_gbits",
		                             "peers",  "era",    "why",     NULL };
	char path[48];
	snprintf(path, sizeof path, "machines[%zu]", at);
	struct json_place place = { reading->file, path };
	const char *machine = NULL;
	double gbits = 0;
	uint64_t era = 0;
	bool peers = true;
	if (!json_is_object(object))
		return ergon_fail_at(reading->err, ERGON_BAD_INPUT, reading->file, 0,
		                     "%s is not an object", path);
	enum ergon_code code = json_only_keys(object, place, known, reading->err);
	if (!code)
		code = want_copy(reading, object, place, "source", &rule->source);
	if (!code)
		code = want_copy(reading, object, place, "config", &rule->config);
	if (!code)
		code = json_want_text(object, place, "machine", &machine, reading->err);
	if (!code && machine && strcmp(machine, "one") != 0)
		code = ergon_fail_at(reading->err, ERGON_BAD_INPUT, reading->file, 0,
		                     "%s: machine: expected one", place.at);
	rule->one_machine = machine != NULL;
	if (!code)
		code =
		    json_want_count(object, place, "gpus", 1, 1u << 20, &rule->gpus, reading->err);
	if (!code)
		code = json_want_real(object, place, "port_gbits", 0.1, 1e4, &gbits, reading->err);
	rule->port_bps = gbits * 1e9 / 8;
	if (!code)
		code = json_want_count(object, place, "era", 2000, 2100, &era, reading->err);
	rule->era = (unsigned)era;
	if (!code)
		code = want_flag(reading, object, place, "peers", &peers);
	rule->staged = !peers;
	return code;
}

static enum ergon_code read_flags(struct reading *reading, const json_t *object,
                                  struct json_place place, struct model_rule *rule)
{
	bool calibrate = true, exchange = true;
	enum ergon_code code = want_flag(reading, object, place, "calibrate", &calibrate);
	if (!code)
		code = want_flag(reading, object, place, "exchange", &exchange);
	rule->judge_only = !calibrate;
	rule->apart = !exchange;
	if (!code)
		code = want_flag(reading, object, place, "paused", &rule->paused);
	return code ? code : want_flag(reading, object, place, "written", &rule->written);
}

/* Fields that are taken over as they are. Texts are patterns or names, copied into the arena. */
static const struct {
	const char *key;
	size_t offset;
} rule_texts[] = {
#define TEXT(field)                                                                                \
	{                                                                                          \
#field, offsetof(struct model_rule, field)                                         \
	}
	TEXT(source),    TEXT(model),   TEXT(config),    TEXT(task),   TEXT(notes),
	TEXT(zoo),       TEXT(skip),    TEXT(dims),      TEXT(take),   TEXT(need),
	TEXT(optimizer), TEXT(runtime), TEXT(attention), TEXT(layout), TEXT(precision),
#undef TEXT
};
static const struct {
	const char *key;
	size_t offset;
	uint64_t most; /* from 1 */
} rule_counts[] = {
	{ "sequence", offsetof(struct model_rule, sequence), 1u << 30 },
	{ "resolution", offsetof(struct model_rule, resolution), 1u << 20 },
	{ "virtual_stages", offsetof(struct model_rule, virtual_stages), 1000 },
};
static const struct {
	const char *key;
	size_t offset;
	double most; /* from 1 */
} rule_reals[] = {
	{ "tokens_per_sample", offsetof(struct model_rule, tokens_per_sample), 1e9 },
	{ "items_per_sample", offsetof(struct model_rule, items_per_sample), 1e9 },
	{ "batch", offsetof(struct model_rule, batch), 1e6 },
};
/* Those with readers of their own. */
static const char *const rule_others[] = { "size",    "dataset", "padding",  "batch_unit", "era",
	                                   "written", "paused",  "exchange", "calibrate",  "why" };

static enum ergon_code only_rule_keys(const struct reading *reading, const json_t *object,
                                      struct json_place place)
{
	const char *known[64];
	size_t count = 0;
	for (size_t i = 0; i < sizeof rule_texts / sizeof *rule_texts; i++)
		known[count++] = rule_texts[i].key;
	for (size_t i = 0; i < sizeof rule_counts / sizeof *rule_counts; i++)
		known[count++] = rule_counts[i].key;
	for (size_t i = 0; i < sizeof rule_reals / sizeof *rule_reals; i++)
		known[count++] = rule_reals[i].key;
	for (size_t i = 0; i < sizeof rule_others / sizeof *rule_others; i++)
		known[count++] = rule_others[i];
	known[count] = NULL;
	return json_only_keys(object, place, known, reading->err);
}

static enum ergon_code read_fields(struct reading *reading, const json_t *object,
                                   struct json_place place, struct model_rule *rule)
{
	enum ergon_code code = ERGON_OK;
	char *base = (char *)rule;
	for (size_t i = 0; !code && i < sizeof rule_texts / sizeof *rule_texts; i++)
		code = want_copy(reading, object, place, rule_texts[i].key,
		                 (const char **)(void *)(base + rule_texts[i].offset));
	for (size_t i = 0; !code && i < sizeof rule_counts / sizeof *rule_counts; i++)
		code = json_want_count(object, place, rule_counts[i].key, 1, rule_counts[i].most,
		                       (uint64_t *)(void *)(base + rule_counts[i].offset),
		                       reading->err);
	for (size_t i = 0; !code && i < sizeof rule_reals / sizeof *rule_reals; i++)
		code =
		    json_want_real(object, place, rule_reals[i].key, 1, rule_reals[i].most,
		                   (double *)(void *)(base + rule_reals[i].offset), reading->err);
	return code;
}

static enum ergon_code read_batch_unit(struct reading *reading, const json_t *object,
                                       struct json_place place, struct model_rule *rule)
{
	const char *unit = "samples";
	enum ergon_code code = json_want_text(object, place, "batch_unit", &unit, reading->err);
	rule->batch_in_tokens = strcmp(unit, "tokens") == 0;
	rule->batch_split = strcmp(unit, "split") == 0;
	if (!code && !rule->batch_in_tokens && !rule->batch_split && strcmp(unit, "samples") != 0)
		code = ergon_fail_at(reading->err, ERGON_BAD_INPUT, reading->file, 0,
		                     "%s: batch_unit: expected samples, tokens or split", place.at);
	return code;
}

static enum ergon_code read_rule(struct reading *reading, const json_t *object, size_t at,
                                 struct model_rule *rule)
{
	char path[48];
	snprintf(path, sizeof path, "rules[%zu]", at);
	struct json_place place = { reading->file, path };
	if (!json_is_object(object))
		return ergon_fail_at(reading->err, ERGON_BAD_INPUT, reading->file, 0,
		                     "%s is not an object", path);
	uint64_t era = 0;
	enum ergon_code code = only_rule_keys(reading, object, place);
	if (!code)
		code = read_fields(reading, object, place, rule);
	if (!code)
		code = read_batch_unit(reading, object, place, rule);
	if (!code)
		code = read_flags(reading, object, place, rule);
	if (!code)
		code = read_size(reading, object, place, rule);
	if (!code)
		code = json_want_count(object, place, "era", 2000, 2100, &era, reading->err);
	rule->era = (unsigned)era;
	if (!code)
		code = read_dataset(reading, object, place, rule);
	if (!code && !rule->zoo == !rule->skip)
		code = ergon_fail_at(reading->err, ERGON_BAD_INPUT, reading->file, 0,
		                     "%s needs one of \"zoo\" and \"skip\"", path);
	return code;
}

/* The data sets that hold prompts. */
static enum ergon_code read_prompts(const struct reading *reading, struct model_names *names)
{
	const char *name;
	json_t *item;
	size_t count = 0, all = json_object_size(reading->datasets);
	struct prompt_lengths *list = ARENA_ARRAY(reading->arena, struct prompt_lengths, all + 1);
	if (!list)
		return ergon_fail(reading->err, ERGON_NO_MEMORY, "out of memory");
	json_object_foreach((json_t *)(uintptr_t)reading->datasets, name, item)
	{
		struct json_place place = { reading->file, "datasets" };
		struct prompt_lengths *lengths = &list[count];
		if (!json_object_get(item, "prompt"))
			continue;
		enum ergon_code code =
		    json_need_real(item, place, "prompt", 1, 1e7, &lengths->prompt, reading->err);
		if (!code)
			code = json_need_real(item, place, "output", 1, 1e7, &lengths->output,
			                      reading->err);
		if (!code && !(lengths->name = arena_strdup(reading->arena, name)))
			code = ergon_fail(reading->err, ERGON_NO_MEMORY, "out of memory");
		if (code)
			return code;
		count++;
	}
	names->prompts = list;
	names->prompt_count = count;
	return ERGON_OK;
}

static enum ergon_code read_machines(struct reading *reading, const json_t *list,
                                     struct model_names *names)
{
	size_t count = json_array_size(list);
	if (count > RULES_MAX)
		return ergon_fail_at(reading->err, ERGON_BAD_INPUT, reading->file, 0,
		                     "more than %d machines", RULES_MAX);
	struct machine_rule *rules = ARENA_ARRAY(reading->arena, struct machine_rule, count + 1);
	enum ergon_code code =
	    rules ? ERGON_OK : ergon_fail(reading->err, ERGON_NO_MEMORY, "out of memory");
	for (size_t i = 0; !code && i < count; i++)
		code = read_machine(reading, json_array_get(list, i), i, &rules[i]);
	names->machines = rules;
	names->machine_count = code ? 0 : count;
	return code;
}

const struct prompt_lengths *model_names_prompts(const struct model_names *names,
                                                 const char *dataset)
{
	for (size_t i = 0; i < names->prompt_count; i++)
		if (strcmp(names->prompts[i].name, dataset) == 0)
			return &names->prompts[i];
	return NULL;
}

enum ergon_code model_names_parse(const char *text, size_t length, const char *file,
                                  struct arena *arena, struct model_names *names,
                                  struct ergon_error *err)
{
	static const char *const known[] = { "about", "datasets", "machines", "rules", NULL };
	json_t *root, *rules = NULL, *datasets = NULL, *machines = NULL;
	struct json_place place = { file, "" };
	*names = (struct model_names){ 0 };
	enum ergon_code code = json_parse(text, length, file, &root, err);
	if (code)
		return code;
	if (!json_is_object(root))
		code = ergon_fail_at(err, ERGON_BAD_INPUT, file, 1,
		                     "expected an object with \"rules\"");
	if (!code)
		code = json_only_keys(root, place, known, err);
	if (!code)
		code = json_need_array(root, place, "rules", &rules, err);
	if (!code)
		code = json_need_object(root, place, "datasets", &datasets, err);
	if (!code && json_object_get(root, "machines"))
		code = json_need_array(root, place, "machines", &machines, err);
	size_t count = code ? 0 : json_array_size(rules);
	if (count > RULES_MAX)
		code =
		    ergon_fail_at(err, ERGON_BAD_INPUT, file, 0, "more than %d rules", RULES_MAX);
	struct model_rule *list =
	    code || !count ? NULL : ARENA_ARRAY(arena, struct model_rule, count);
	if (!code && count && !list)
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	struct reading reading = { file, arena, datasets, err };
	for (size_t i = 0; !code && i < count; i++)
		code = read_rule(&reading, json_array_get(rules, i), i, &list[i]);
	struct model_names found = { .rules = list, .count = count };
	if (!code)
		code = read_prompts(&reading, &found);
	if (!code)
		code = read_machines(&reading, machines, &found);
	json_decref(root);
	if (!code)
		*names = found;
	return code;
}

enum ergon_code model_names_load(const struct ergon_env *env, struct arena *arena,
                                 struct model_names *names, struct ergon_error *err)
{
	char path[1280], *text;
	size_t length;
	if (!file_join(path, sizeof path, env->data_dir, "model_names.json"))
		return ergon_fail(err, ERGON_BAD_INPUT, "the path of the data folder is too long");
	enum ergon_code code = file_read(path, &text, &length, err);
	if (code)
		return code;
	code = model_names_parse(text, length, path, arena, names, err);
	free(text);
	return code;
}

static bool fits(const char *pattern, const char *text)
{
	return !pattern || fnmatch(pattern, text, FNM_CASEFOLD) == 0;
}

const struct machine_rule *model_names_machine(const struct model_names *names,
                                               const struct measured_run *run)
{
	static const struct machine_rule unknown = { 0 };
	for (size_t i = 0; i < names->machine_count; i++) {
		const struct machine_rule *rule = &names->machines[i];
		if (fits(rule->source, run->source) && fits(rule->config, run->config))
			return rule;
	}
	return &unknown;
}

const struct model_rule *model_names_find(const struct model_names *names,
                                          const struct measured_run *run)
{
	for (size_t i = 0; i < names->count; i++) {
		const struct model_rule *rule = &names->rules[i];
		if (fits(rule->source, run->source) && fits(rule->model, run->model) &&
		    fits(rule->config, run->config) && fits(rule->task, run->task) &&
		    fits(rule->notes, run->notes))
			return rule;
	}
	return NULL;
}
