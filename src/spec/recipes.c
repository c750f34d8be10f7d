/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/recipes.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

static enum ergon_code read_recipe(const json_t *item, struct json_place place,
                                   struct recipe *recipe, struct ergon_error *err)
{
	const char *target, *source;
	enum ergon_code code;
	*recipe = (struct recipe){ 0 };
	if ((code = json_need_text(item, place, "target", &target, err)) ||
	    (code = json_need_text(item, place, "source", &source, err)) ||
	    (code = json_want_real(item, place, "tokens", 1, 1e18, &recipe->tokens, err)) ||
	    (code = json_want_real(item, place, "samples", 1, 1e15, &recipe->samples, err)) ||
	    (code = json_want_real(item, place, "epochs", 0, 1e6, &recipe->epochs, err)))
		return code;
	bool of_samples = recipe->samples > 0 && recipe->epochs > 0;
	if (of_samples == (recipe->tokens > 0))
		return ergon_fail_at(err, ERGON_BAD_INPUT, place.file, 0,
		                     "%s: expected either samples and epochs, or tokens", place.at);
	snprintf(recipe->target, sizeof recipe->target, "%s", target);
	snprintf(recipe->source, sizeof recipe->source, "%s", source);
	return ERGON_OK;
}

enum ergon_code recipe_find(const char *data_dir, const char *model, struct recipe *recipe,
                            struct ergon_error *err)
{
	char path[1024], at[64];
	json_t *root, *list, *item;
	size_t i;
	if (!file_join(path, sizeof path, data_dir, "recipes.json"))
		return ergon_fail(err, ERGON_BAD_INPUT, "the path of recipes.json is too long");
	enum ergon_code code = json_load(path, &root, err);
	if (code)
		return code;
	code = json_need_array(root, (struct json_place){ path, "" }, "recipes", &list, err);
	bool found = false;
	if (!code) {
		json_array_foreach(list, i, item)
		{
			snprintf(at, sizeof at, "recipes[%zu]", i);
			struct json_place place = { path, at };
			const char *name;
			if ((code = json_need_text(item, place, "model", &name, err)))
				break;
			if (strcmp(name, model) != 0)
				continue;
			code = read_recipe(item, place, recipe, err);
			found = true;
			break;
		}
	}
	json_decref(root);
	if (!code && !found)
		code = ergon_fail(err, ERGON_NOT_FOUND, "%s has no recipe in data/recipes.json",
		                  model);
	return code;
}
