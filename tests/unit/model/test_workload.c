/* SPDX-License-Identifier: Apache-2.0
 *
 * Model files: what is read from them, and what a wrong one is told.
 */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "model/workload.h"

#define HEAD "{\"name\":\"m\",\"input\":{\"kind\":\"image\",\"resolution\":8},"

static enum ergon_code parse(const char *text, struct arena *arena,
                             const struct workload **workload, const char *dims,
                             struct ergon_error *err)
{
	struct workload_options options = { .dims = dims };
	*err = (struct ergon_error){ 0 };
	return workload_parse(text, strlen(text), "m.json", &options, arena, workload, err);
}

static void wrong_files_are_told_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "", "not valid JSON" },
		{ "[]", "expected an object" },
		{ "{}", "name" },
		{ "{\"name\":\"m\",\"nmae\":1}", "nmae" },
		{ "{\"name\":\"m\"}", "input" },
		{ "{\"name\":\"m\",\"input\":{\"kind\":\"video\"}}", "kind" },
		{ HEAD "\"layers\":3}", "list of layers" },
		{ HEAD "\"layers\":[{\"op\":\"cnov\",\"out\":3}]}", "did you mean 'conv'" },
		{ HEAD "\"layers\":[{\"op\":\"conv\"}]}", "out is missing" },
		{ HEAD "\"layers\":[{\"op\":\"conv\",\"out\":-3}]}", "expected 1 to" },
		{ HEAD "\"layers\":[{\"op\":\"conv\",\"out\":\"2*widht\"}]}",
		  "no dimension 'widht'" },
		{ HEAD "\"layers\":[{\"op\":\"conv\",\"out\":\"2*\"}]}", "is no expression" },
		{ HEAD "\"layers\":[{\"op\":\"conv\",\"out\":\"1/0\"}]}", "division by zero" },
		{ HEAD "\"layers\":[{\"op\":\"conv\",\"out\":4,\"groups\":2}]}",
		  "does not divide" },
		{ HEAD "\"layers\":[{\"op\":\"conv\",\"out\":4,\"kernel\":99,\"pad\":0}]}",
		  "smaller than the kernel" },
		{ HEAD "\"layers\":[{\"op\":\"conv\",\"out\":4,\"strid\":1}]}", "strid" },
		{ HEAD "\"layers\":[{\"block\":\"x\"}]}", "no block 'x'" },
		{ HEAD "\"layers\":[{\"repeat\":1e9,\"body\":[]}]}", "whole number to 1000" },
		{ HEAD "\"layers\":[{\"residual\":[{\"op\":\"conv\",\"out\":4}]}]}",
		  "no shortcut" },
		{ HEAD "\"layers\":[{\"branches\":[[]],\"join\":\"sum\"}]}", "concat or add" },
		{ HEAD "\"layers\":[{\"concat\":\"x\"}]}", "no saved tensor 'x'" },
		{ HEAD "\"layers\":[{\"nothing\":1}]}", "a layer needs one of" },
		{ HEAD "\"layers\":[{\"op\":\"upsample\",\"by\":1e9}]}", "no sensible size" },
		{ HEAD "\"blocks\":{\"b\":[{\"block\":\"b\"}]},\"layers\":[{\"block\":\"b\"}]}",
		  "nested too deeply" },
		{ HEAD "\"optimizer\":\"adma\",\"layers\":[]}", "did you mean 'adam'" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena arena;
		struct ergon_error err;
		const struct workload *workload;
		arena_init(&arena);
		print_message("%s\n", rows[i].text);
		assert_true(parse(rows[i].text, &arena, &workload, NULL, &err) != ERGON_OK);
		assert_null(workload);
		print_message("  -> %s\n", err.text);
		assert_non_null(strstr(err.text, rows[i].says));
		assert_true(err.file[0] == 0 || strcmp(err.file, "m.json") == 0);
		arena_fini(&arena);
	}
}

static void dims_can_be_replaced(void **state)
{
	static const char text[] =
	    "{\"name\":\"m\",\"input\":{\"kind\":\"tokens\",\"sequence\":4},"
	    "\"dims\":{\"d\":8,\"f\":\"4*d\"},\"layers\":[{\"op\":\"embedding\",\"rows\":10,"
	    "\"width\":\"d\"},{\"op\":\"linear\",\"out\":\"f\",\"bias\":false}]}";
	struct arena arena;
	struct ergon_error err;
	const struct workload *workload;
	(void)state;
	arena_init(&arena);
	assert_int_equal(parse(text, &arena, &workload, NULL, &err), ERGON_OK);
	assert_close(workload->parameters, 80 + 8 * 32, 1e-12);
	assert_close(workload->forward_flops, 2.0 * 4 * 8 * 32, 1e-12);
	assert_int_equal(parse(text, &arena, &workload, "d=16", &err), ERGON_OK);
	assert_close(workload->parameters, 160 + 16 * 64, 1e-12);
	assert_int_equal(parse(text, &arena, &workload, "d=16,f=10", &err), ERGON_OK);
	assert_close(workload->parameters, 160 + 160, 1e-12);
	assert_int_equal(parse(text, &arena, &workload, "width=3", &err), ERGON_BAD_INPUT);
	assert_int_equal(parse(text, &arena, &workload, "d", &err), ERGON_BAD_INPUT);
	assert_int_equal(parse(text, &arena, &workload, "d=-1", &err), ERGON_BAD_INPUT);
	arena_fini(&arena);
}

static void repeats_are_one_row(void **state)
{
	struct arena arena;
	struct ergon_error err;
	const struct workload *one, *ten;
	(void)state;
	arena_init(&arena);
	assert_int_equal(parse(HEAD "\"layers\":[{\"op\":\"conv\",\"out\":3,\"kernel\":3}]}",
	                       &arena, &one, NULL, &err),
	                 ERGON_OK);
	assert_int_equal(parse(HEAD "\"layers\":[{\"repeat\":10,\"body\":[{\"op\":\"conv\","
	                            "\"out\":3,\"kernel\":3}]}]}",
	                       &arena, &ten, NULL, &err),
	                 ERGON_OK);
	assert_close(ten->forward_flops, 10 * one->forward_flops, 1e-12);
	assert_close(ten->parameters, 10 * one->parameters, 1e-12);
	/* the first has no gradient of its input */
	assert_int_equal(ten->count, one->count + 1);
	arena_fini(&arena);
}

static void tied_blocks_bring_no_parameters(void **state)
{
	struct arena arena;
	struct ergon_error err;
	const struct workload *workload;
	(void)state;
	arena_init(&arena);
	assert_int_equal(parse(HEAD
	                       "\"blocks\":{\"b\":[{\"op\":\"conv\",\"out\":3,\"kernel\":3}]},"
	                       "\"layers\":[{\"block\":\"b\"},{\"block\":\"b\",\"tied\":true}]}",
	                       &arena, &workload, NULL, &err),
	                 ERGON_OK);
	assert_close(workload->parameters, 81, 1e-12);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_files_are_told_what_is_wrong),
		cmocka_unit_test(dims_can_be_replaced),
		cmocka_unit_test(repeats_are_one_row),
		cmocka_unit_test(tied_blocks_bring_no_parameters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
