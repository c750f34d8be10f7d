/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/lever_setting.h"

#include <string.h>

#include "support/support.h"

static struct ergon_env env;
static struct ergon_env_storage storage;

struct good {
	const char *text, *name, *member, *values;
};

static void values(void **state)
{
	(void)state;
	static const struct good rows[] = {
		{ "cpu.threads=1:4", "cpu.threads", "", "1 2 3 4" },
		{ "cpu.threads=1:8:3", "cpu.threads", "", "1 4 7" },
		{ "cpu.threads=8,1", "cpu.threads", "", "8 1" },
		{ "cpu.threads=5:5", "cpu.threads", "", "5" },
		{ "env:A=x,y", "env:A", "A", "x y" },
		{ "env:A=/bin:/usr/bin", "env:A", "A", "/bin:/usr/bin" },
		{ "env:A=a=b", "env:A", "A", "a=b" },
		{ "arg:lr=0.1:0.3:0.1", "arg:lr", "lr", "0.1 0.2 0.3" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena arena;
		struct lever_setting s;
		struct ergon_error err = { 0 };
		char joined[256] = "";
		arena_init(&arena);
		if (lever_setting_parse(rows[i].text, &env, &arena, &s, &err))
			fail_msg("%s: %s", rows[i].text, err.text);
		for (size_t v = 0; v < s.count; v++) {
			strcat(joined, v ? " " : "");
			strcat(joined, s.values[v]);
		}
		assert_string_equal(joined, rows[i].values);
		assert_string_equal(s.name, rows[i].name);
		assert_string_equal(s.member, rows[i].member);
		arena_fini(&arena);
	}
}

static void bad_input(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "cpu.threads", "expected NAME=" },
		{ "=1", "expected NAME=" },
		{ "cpu.threads=", "expected NAME=" },
		{ "cpu.thread=1", "did you mean 'cpu.threads'?" },
		{ "gpu9.sparkle=1", "no lever" },
		{ "env:=1", "no lever 'env:'" },
		{ "cpu.threads=4:1", "range from 4 to 1 is empty" },
		{ "cpu.threads=1:4:0", "a positive step" },
		{ "cpu.threads=1:4:-1", "a positive step" },
		{ "cpu.threads=-2:1", "" },
		{ "cpu.threads=0", "at least 1" },
		{ "cpu.threads=1.5", "whole numbers" },
		{ "cpu.threads=1,x", "expected numbers" },
		{ "cpu.threads=1,1", "each value once" },
		{ "cpu.threads=1,,2", "an empty one" },
		{ "cpu.threads=1:2:3:4", "min:max:step" },
		{ "cpu.threads=1:1e9", "at most 1000" },
		{ "cpu.threads=1:x", "all numbers" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena arena;
		struct lever_setting s;
		struct ergon_error err = { 0 };
		arena_init(&arena);
		if (!lever_setting_parse(rows[i][0], &env, &arena, &s, &err))
			fail_msg("%s was accepted", rows[i][0]);
		if (!strstr(err.text, rows[i][1]))
			fail_msg("%s: %s", rows[i][0], err.text);
		arena_fini(&arena);
	}
}

static void words_of_the_machine(void **state)
{
	(void)state;
	struct arena arena;
	struct lever_setting s;
	arena_init(&arena);
	assert_int_equal(lever_setting_parse("cpu.threads=min:max:1", &env, &arena, &s, NULL),
	                 ERGON_OK);
	assert_int_equal(s.count, 1);
	assert_int_equal(lever_setting_parse("env:A=min:max", &env, &arena, &s, NULL), ERGON_OK);
	assert_string_equal(s.values[0], "min:max"); /* any text */
	arena_fini(&arena);
}

static void placeholders_and_environment(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	char *argv[] = { (char[]){ "run" }, (char[]){ "--n={n}x{n}" }, (char[]){ "{m}" }, NULL };
	char *environment[] = { (char[]){ "A=1" }, (char[]){ "AB=2" }, NULL };
	struct lever_child child = { &arena, argv, environment, 0 };
	size_t count;
	assert_true(lever_placeholder_used(argv, "n"));
	assert_false(lever_placeholder_used(argv, "nn"));
	assert_int_equal(lever_replace_argument(&child, "n", "32", &count, NULL), ERGON_OK);
	assert_int_equal(count, 2);
	assert_string_equal(child.argv[1], "--n=32x32");
	assert_string_equal(child.argv[2], "{m}");
	assert_int_equal(lever_set_environment(&child, "A", "new", NULL), ERGON_OK);
	assert_string_equal(child.environment[0], "AB=2");
	assert_string_equal(child.environment[1], "A=new");
	assert_null(child.environment[2]);
	const struct lever *lever;
	const char *member;
	struct ergon_error err = { 0 };
	assert_int_equal(lever_find("arg:k", &lever, &member, NULL), ERGON_OK);
	assert_int_equal(lever->apply(&child, member, "1", &err), ERGON_BAD_INPUT);
	assert_string_equal(err.text, "lever arg:k: expected {k} in the command");
	arena_fini(&arena);
}

int main(void)
{
	ergon_env_init(&env, &storage);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(bad_input),
		cmocka_unit_test(words_of_the_machine),
		cmocka_unit_test(placeholders_and_environment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
