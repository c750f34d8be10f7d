/* SPDX-License-Identifier: Apache-2.0
 *
 * The energy label: its sums, its classes, its picture, and the recipes it rests on.
 */
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/label.h"
#include "report/label.h"
#include "spec/recipes.h"

struct world {
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct arena arena;
	struct calibration calibration;
	struct device device;
};

static int set_up(void **state)
{
	static struct world world;
	ergon_env_init(&world.env, &world.storage);
	arena_init(&world.arena);
	assert_int_equal(calibration_load(&world.env, &world.calibration, NULL), ERGON_OK);
	assert_int_equal(device_load(&world.env, "a100", &world.device, NULL), ERGON_OK);
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	arena_fini(&((struct world *)*state)->arena);
	return 0;
}

static const struct workload *load(struct world *world, const char *model, bool infer)
{
	struct workload_options options = { .precision = PRECISION_AMP_FP16, .infer = infer };
	const struct workload *workload;
	assert_int_equal(
	    workload_load(&world->env, model, &options, &world->arena, &workload, NULL), ERGON_OK);
	return workload;
}

static json_t *document_for(struct world *world, const char *target, double index,
                            struct label *label)
{
	struct predict_request request = { load(world, "resnet50", false),
		                           &world->device,
		                           { .batch = 100, .gpus = 4 } };
	struct prediction training;
	struct label_terms terms = { .target = target,
		                     .source = "a test",
		                     .samples = 4e6,
		                     .epochs = 4,
		                     .pue = 1.5,
		                     .price_per_kwh = 0.2,
		                     .g_per_kwh = 100,
		                     .grid = "XX" };
	struct label_inference own = { .unit = LABEL_IMAGES, .unit_j = index, .batch = 32 };
	struct label_inference reference = { .unit = LABEL_IMAGES, .unit_j = 1 };
	predict(request.workload, request.device, &world->calibration, &request.settings,
	        &training);
	label_make(&request, &training, &terms, &own, &reference, label);
	/* 4 million samples, 400 a step */
	assert_close(label->steps, 10000, 1e-12);
	assert_close(label->time_s, 10000 * training.step_time_s, 1e-12);
	assert_close(label->energy_j, 10000 * training.energy_per_step_j * 1.5, 1e-12);
	assert_close(label->cost, label->energy_j / 3.6e6 * 0.2, 1e-12);
	assert_close(label->co2_g, label->energy_j / 3.6e6 * 100, 1e-12);
	assert_true(label->energy_low_j < label->energy_j &&
	            label->energy_j < label->energy_high_j);
	return label_to_json(&request, &training, &terms, label);
}

static void classes_follow_the_stated_rule(void **state)
{
	static const struct {
		double index;
		char letter;
	} rows[] = { { 0.01, 'A' }, { 0.25, 'A' }, { 0.26, 'B' }, { 0.5, 'B' }, { 1, 'C' },
		     { 1.01, 'D' }, { 4, 'E' },    { 8, 'F' },    { 8.1, 'G' }, { 1e9, 'G' } };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct label label;
		json_t *document = document_for(*state, "a target", rows[i].index, &label);
		assert_int_equal(label.letter, rows[i].letter);
		assert_string_equal(label.reference, "resnet50");
		const json_t *class = json_object_get(document, "class");
		assert_int_equal(json_string_value(json_object_get(class, "letter"))[0],
		                 rows[i].letter);
		json_decref(document);
	}
}

static void the_picture_says_it_and_escapes(void **state)
{
	struct label label;
	json_t *document = document_for(*state, "90% <b>\"&</b>", 3, &label);
	char *svg = NULL, *html = NULL;
	assert_int_equal(label_svg(document, &svg, NULL), ERGON_OK);
	assert_int_equal(label_html(document, &html, NULL), ERGON_OK);
	assert_non_null(strstr(svg, "<svg xmlns"));
	assert_non_null(
	    strstr(svg, "font-weight=\"bold\" text-anchor=\"middle\" fill=\"#fff\">E<"));
	assert_non_null(strstr(svg, "90% &lt;b&gt;"));
	assert_null(strstr(svg, "<b>"));
	assert_null(strstr(html, "<b>"));
	assert_null(strstr(html, "src="));
	assert_non_null(strstr(html, "ergon.label"));
	free(svg);
	free(html);
	json_object_set_new(document, "kind", json_string("ergon.predict"));
	struct ergon_error err = { 0 };
	assert_int_equal(label_svg(document, &svg, &err), ERGON_BAD_INPUT);
	assert_non_null(strstr(err.text, "ergon.label"));
	json_decref(document);
}

static void units_follow_the_model(void **state)
{
	assert_int_equal(label_unit_of(load(*state, "resnet50", true)), LABEL_IMAGES);
	assert_int_equal(label_unit_of(load(*state, "bert-base", true)), LABEL_TOKENS);
	assert_int_equal(label_unit_of(load(*state, "gpt2", true)), LABEL_WRITTEN_TOKENS);
	assert_int_equal(label_unit_of(load(*state, "t5-small", true)), LABEL_TOKENS);
	assert_int_equal(label_unit_of(load(*state, "neumf", true)), LABEL_SAMPLES);
}

/* Each recipe names a model of the zoo that reads what the recipe counts. */
static void recipes_are_of_models(void **state)
{
	struct world *world = *state;
	const char *const *names;
	size_t count, found = 0;
	assert_int_equal(model_list(&world->env, &world->arena, &names, &count, NULL), ERGON_OK);
	for (size_t i = 0; i < count; i++) {
		struct recipe recipe;
		struct ergon_error err = { 0 };
		enum ergon_code code = recipe_find(world->env.data_dir, names[i], &recipe, &err);
		if (code == ERGON_NOT_FOUND)
			continue;
		assert_int_equal(code, ERGON_OK);
		assert_true(recipe.target[0] && recipe.source[0]);
		const struct workload *workload = load(world, names[i], false);
		if (recipe.tokens > 0)
			assert_true(workload->tokens > 0);
		found++;
	}
	char path[512];
	json_t *root;
	snprintf(path, sizeof path, "%s/recipes.json", world->env.data_dir);
	assert_int_equal(json_load(path, &root, NULL), ERGON_OK);
	assert_int_equal(found, json_array_size(json_object_get(root, "recipes")));
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_follow_the_stated_rule),
		cmocka_unit_test(the_picture_says_it_and_escapes),
		cmocka_unit_test(units_follow_the_model),
		cmocka_unit_test(recipes_are_of_models),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
