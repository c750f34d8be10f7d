/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/cpu_power.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

static enum ergon_code matches(const json_t *root, const char *file, const struct cpu_identity *cpu,
                               bool *found, struct ergon_error *err)
{
	json_t *list;
	size_t i;
	json_t *entry;
	*found = false;
	enum ergon_code code =
	    json_need_array(root, (struct json_place){ file, "" }, "match", &list, err);
	if (code)
		return code;
	json_array_foreach(list, i, entry)
	{
		struct json_place place = { file, "match[]" };
		const char *vendor;
		uint64_t family = UINT64_MAX;
		json_t *models, *model;
		size_t k;
		if ((code = json_need_text(entry, place, "vendor", &vendor, err)) ||
		    (code = json_want_count(entry, place, "family", 0, 4096, &family, err)) ||
		    (code = json_need_array(entry, place, "models", &models, err)))
			return code;
		if (strcmp(vendor, cpu->vendor) != 0 || (long)family != cpu->family)
			continue;
		json_array_foreach(models, k, model) if (json_is_integer(model) &&
		                                         json_integer_value(model) ==
		                                             cpu->model) *found = true;
	}
	return ERGON_OK;
}

static enum ergon_code read_power(const json_t *root, const char *file, struct cpu_power *power,
                                  struct ergon_error *err)
{
	struct json_place place = { file, "" };
	const char *name;
	double full_w, threads, idle_fraction;
	enum ergon_code code = json_need_text(root, place, "name", &name, err);
	if (code || (code = json_need_real(root, place, "full_power_w", 1, 5000, &full_w, err)) ||
	    (code = json_need_real(root, place, "logical_cpus", 1, 4096, &threads, err)) ||
	    (code = json_need_real(root, place, "idle_fraction", 0, 1, &idle_fraction, err)) ||
	    (code = json_need_real(root, place, "frequency_exponent", 0, 4,
	                           &power->frequency_exponent, err)) ||
	    (code =
	         json_need_real(root, place, "relative_error", 0, 2, &power->relative_error, err)))
		return code;
	snprintf(power->name, sizeof power->name, "%s", name);
	power->full_w = full_w / threads;
	power->idle_w = power->full_w * idle_fraction;
	return ERGON_OK;
}

static enum ergon_code try_file(const char *path, const struct cpu_identity *cpu,
                                struct cpu_power *power, bool *found, struct ergon_error *err)
{
	json_t *root;
	enum ergon_code code = json_load(path, &root, err);
	if (code)
		return code;
	code = matches(root, path, cpu, found, err);
	if (!code && *found)
		code = read_power(root, path, power, err);
	json_decref(root);
	return code;
}

static enum ergon_code read_generic(const char *folder, struct cpu_power *power,
                                    struct ergon_error *err)
{
	char path[1100];
	json_t *root;
	if (!file_join(path, sizeof path, folder, "generic.json"))
		return ergon_fail(err, ERGON_BAD_INPUT, "the data folder's path is too long");
	enum ergon_code code = json_load(path, &root, err);
	if (code)
		return code;
	code = read_power(root, path, power, err);
	json_decref(root);
	power->generic = true;
	return code;
}

enum ergon_code cpu_power_find(const char *data_dir, const struct cpu_identity *cpu,
                               struct cpu_power *power, struct ergon_error *err)
{
	char folder[1024];
	memset(power, 0, sizeof *power);
	if (!file_join(folder, sizeof folder, data_dir, "devices/cpu"))
		return ergon_fail(err, ERGON_BAD_INPUT, "the data folder's path is too long");
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);
	if (count < 0)
		return ergon_fail_at(err, ERGON_NOT_FOUND, folder, 0,
		                     "cannot read the folder of processors; is --data right?");
	enum ergon_code code = ERGON_OK;
	bool found = false;
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		size_t length = strlen(name);
		char path[1100];
		if (!code && !found && length > 5 && strcmp(name + length - 5, ".json") == 0 &&
		    strcmp(name, "generic.json") != 0 && file_join(path, sizeof path, folder, name))
			code = try_file(path, cpu, power, &found, err);
		free(entries[i]);
	}
	free(entries);
	if (!code && !found)
		code = read_generic(folder, power, err);
	return code;
}
