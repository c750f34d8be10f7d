/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules from the names that tables use to model files, and what is known of a source's machines.
 */
#include "spec/model_names.h"

#include <string.h>

#include "support/support.h"

static const char text[] =
    "{\"datasets\": {\"d\": {\"samples\": 10, \"source\": \"s\", \"median\": 215, \"sigma\": 1.3,"
    " \"longest\": 512, \"bin\": 64}},"
    "\"machines\": [{\"source\": \"lab\", \"config\": \"*big*\", \"machine\": \"one\", \"gpus\": "
    "8},"
    " {\"source\": \"lab\", \"peers\": false, \"era\": 2021, \"port_gbits\": 80}],"
    "\"rules\": ["
    "{\"model\": \"net\", \"config\": \"amp*\", \"precision\": \"fp32\", \"zoo\": \"resnet18\"},"
    "{\"model\": \"net\", \"notes\": \"sound*\", \"skip\": \"why\"},"
    "{\"model\": \"net\", \"zoo\": \"resnet50\", \"exchange\": false, \"batch_unit\": \"split\","
    " \"items_per_sample\": 566, \"dataset\": \"d\", \"padding\": \"bins\"}]}";

static struct measured_run run_of(const char *config, const char *precision, const char *notes)
{
	return (struct measured_run){ .source = "lab",
		                      .model = "net",
		                      .task = "train",
		                      .gpu = "T4",
		                      .size = "",
		                      .config = config,
		                      .precision = precision,
		                      .notes = notes };
}

static void read_names(struct arena *arena, struct model_names *names)
{
	arena_init(arena);
	assert_int_equal(model_names_parse(text, strlen(text), "names.json", arena, names, NULL),
	                 ERGON_OK);
}

static void the_first_rule_that_fits_decides(void **state)
{
	(void)state;
	struct arena arena;
	struct model_names names;
	read_names(&arena, &names);
	struct measured_run amp = run_of("amp run", "amp_fp16", "");
	struct measured_run sound = run_of("", "fp32", "sound samples");
	struct measured_run plain = run_of("", "fp32", "");
	const struct model_rule *rule = model_names_find(&names, &amp);
	assert_string_equal(rule->zoo, "resnet18");
	assert_string_equal(rule->precision, "fp32");
	assert_string_equal(model_names_find(&names, &sound)->skip, "why");
	rule = model_names_find(&names, &plain);
	assert_string_equal(rule->zoo, "resnet50");
	assert_true(rule->apart && rule->batch_split && !rule->pad_to_batch);
	assert_close(rule->items_per_sample, 566, 1e-12);
	assert_close(rule->length_bin, 64, 1e-12);
	arena_fini(&arena);
}

static void machines_of_a_source_are_known_once(void **state)
{
	(void)state;
	struct arena arena;
	struct model_names names;
	read_names(&arena, &names);
	struct measured_run big = run_of("a big one", "fp32", "");
	struct measured_run small = run_of("", "fp32", "");
	struct measured_run other = small;
	other.source = "elsewhere";
	const struct machine_rule *machine = model_names_machine(&names, &big);
	assert_true(machine->one_machine && machine->gpus == 8 && !machine->staged);
	machine = model_names_machine(&names, &small);
	assert_true(machine->staged && machine->era == 2021 && !machine->one_machine);
	assert_close(machine->port_bps, 10e9, 1e-12);
	machine = model_names_machine(&names, &other);
	assert_true(!machine->staged && machine->gpus == 0 && machine->era == 0);
	arena_fini(&arena);
}

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *text, *part;
	} wrong[] = {
		{ "{\"datasets\": {}, \"machines\": [{\"peer\": false}], \"rules\": []}",
		  "machines[0]" },
		{ "{\"datasets\": {}, \"machines\": [{\"machine\": \"two\"}], \"rules\": []}",
		  "expected one" },
		{ "{\"datasets\": {}, \"machines\": [3], \"rules\": []}", "not an object" },
		{ "{\"datasets\": {}, \"rules\": [{\"zoo\": \"a\", \"sequense\": 1}]}",
		  "did you mean 'sequence'" },
		{ "{\"datasets\": {}, \"rules\": [{\"zoo\": \"a\", \"batch\": 0.5}]}", "batch" },
		{ "{\"datasets\": {}, \"rules\": [{\"zoo\": \"a\", \"virtual_stages\": 0}]}",
		  "virtual_stages" },
		{ "{\"datasets\": {}, \"rules\": [{\"zoo\": \"a\", \"exchange\": 1}]}",
		  "true or false" },
		{ "{\"datasets\": {}, \"rules\": [{\"zoo\": \"a\", \"batch_unit\": \"x\"}]}",
		  "samples, tokens or split" },
		{ "{\"datasets\": {\"d\": {\"samples\": 1}}, \"rules\": [{\"zoo\": \"a\", "
		  "\"dataset\": \"d\", \"padding\": \"all\"}]}",
		  "batch or bins" },
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct arena arena;
		struct model_names names;
		struct ergon_error err = { 0 };
		arena_init(&arena);
		assert_int_equal(model_names_parse(wrong[i].text, strlen(wrong[i].text),
		                                   "names.json", &arena, &names, &err),
		                 ERGON_BAD_INPUT);
		assert_non_null(strstr(err.text, wrong[i].part));
		arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_rule_that_fits_decides),
		cmocka_unit_test(machines_of_a_source_are_known_once),
		cmocka_unit_test(what_is_wrong_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
