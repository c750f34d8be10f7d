/* SPDX-License-Identifier: Apache-2.0
 *
 * Recipes: how many samples or tokens it took to train a model to a published target.
 *
 * data/recipes.json: { "recipes": [ { "model": name of the zoo, "target", "source", and either
 * "samples" (of the data set) with "epochs", or "tokens" } ] }; the first that names a model
 * counts.
 */
#ifndef ERGON_SPEC_RECIPES_H
#define ERGON_SPEC_RECIPES_H

#include "ergon/error.h"

struct recipe {
	double samples, epochs; /* 0 where tokens say it */
	double tokens;
	char target[96], source[192];
};

/* NOT_FOUND where the model has none. */
ERGON_MUST_USE enum ergon_code recipe_find(const char *data_dir, const char *model,
                                           struct recipe *recipe, struct ergon_error *err);

#endif
