/* SPDX-License-Identifier: Apache-2.0
 *
 * Every model of the zoo has the parameters and FLOPs that were published for it.
 */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "model/workload.h"
#include "spec/catalogue.h"

struct published {
	double parameters, flops, tolerance;
};

static struct published published_of(const struct ergon_env *env, const char *name)
{
	char path[CATALOGUE_PATH_MAX];
	json_t *root;
	struct published out = { .tolerance = 0.005 };
	assert_int_equal(catalogue_find(env, "models", "model", name, path, NULL), ERGON_OK);
	assert_int_equal(json_load(path, &root, NULL), ERGON_OK);
	const json_t *item = json_object_get(root, "published");
	assert_true(json_is_string(json_object_get(item, "source")));
	out.parameters = json_number_value(json_object_get(item, "parameters"));
	out.flops = json_number_value(json_object_get(item, "forward_flops"));
	if (json_object_get(item, "tolerance"))
		out.tolerance = json_number_value(json_object_get(item, "tolerance"));
	json_decref(root);
	return out;
}

static void counts_match_what_was_published(void **state)
{
	(void)state;
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct arena arena;
	const char *const *names;
	size_t count;
	struct ergon_error err = { 0 };
	ergon_env_init(&env, &storage);
	arena_init(&arena);
	assert_int_equal(model_list(&env, &arena, &names, &count, &err), ERGON_OK);
	assert_true(count > 40);
	int wrong = 0;
	for (size_t i = 0; i < count; i++) {
		const struct workload *workload;
		struct workload_options options = { 0 };
		enum ergon_code code =
		    workload_load(&env, names[i], &options, &arena, &workload, &err);
		if (code) {
			print_message("%s: %s: %s\n", names[i], err.file, err.text);
			wrong++;
			continue;
		}
		struct published want = published_of(&env, names[i]);
		double off = workload->parameters / want.parameters - 1;
		double flops = want.flops > 0 ? workload->forward_flops / want.flops - 1 : 0;
		bool bad = fabs(off) > want.tolerance || fabs(flops) > want.tolerance;
		if (bad)
			print_message("%-22s parameters %.0f (%+.2f%%) FLOPs %.4g (%+.2f%%)\n",
			              names[i], workload->parameters, 100 * off,
			              workload->forward_flops, 100 * flops);
		wrong += bad;
	}
	arena_fini(&arena);
	assert_int_equal(wrong, 0);
}

static void backward_is_twice_forward(void **state)
{
	(void)state;
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct arena arena;
	const struct workload *workload;
	struct workload_options options = { 0 };
	ergon_env_init(&env, &storage);
	arena_init(&arena);
	assert_int_equal(workload_load(&env, "bert-base", &options, &arena, &workload, NULL),
	                 ERGON_OK);
	assert_close(workload->step_flops, 3 * workload->forward_flops, 1e-9);
	options.infer = true;
	assert_int_equal(workload_load(&env, "bert-base", &options, &arena, &workload, NULL),
	                 ERGON_OK);
	assert_close(workload->step_flops, workload->forward_flops, 1e-12);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_match_what_was_published),
		cmocka_unit_test(backward_is_twice_forward),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
