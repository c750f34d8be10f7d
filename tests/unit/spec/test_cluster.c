/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "spec/cluster.h"

static void test_short_form(void **state)
{
	(void)state;
	struct arena arena;
	struct cluster cluster;
	arena_init(&arena);
	assert_int_equal(cluster_parse("16x4:T4,3x8:rtx2080ti", &arena, &cluster, NULL), ERGON_OK);
	assert_int_equal(cluster.group_count, 2);
	assert_int_equal(cluster.nodes, 19);
	assert_int_equal(cluster.gpus, 88);
	assert_string_equal(cluster.groups[0].type, "t4");
	assert_int_equal(cluster.groups[1].gpus_per_node, 8);
	assert_true(isnan(cluster.groups[0].gpu_idle_w));
	arena_fini(&arena);
}

static void test_what_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"16",
		"16x4",
		"16x4:",
		"x4:t4",
		"0x4:t4",
		"16x0:t4",
		"-1x4:t4",
		"16x4:t4,",
		",16x4:t4",
		"16x4:t 4",
		"16X4:t4",
		"16x4t4",
		"1e3x4:t4",
		"99999999999999999999x4:t4",
		"1x2000:t4",
		"2000000x1:t4",
		"4x4:t4,4x4:t4",
		"1000000x1024:t4",
		"16x4:-t4",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct arena arena;
		struct cluster cluster;
		struct ergon_error err = { 0 };
		arena_init(&arena);
		if (cluster_parse(bad[i], &arena, &cluster, &err) != ERGON_BAD_INPUT)
			fail_msg("'%s' was not refused", bad[i]);
		assert_true(err.text[0]);
		arena_fini(&arena);
	}
}

static void load(const char *dir, const char *text, enum ergon_code want, const char *part)
{
	struct arena arena;
	struct cluster cluster;
	struct ergon_error err = { 0 };
	char path[1200];
	arena_init(&arena);
	put_file(dir, "cluster.json", text);
	snprintf(path, sizeof path, "%s/cluster.json", dir);
	assert_int_equal(cluster_load(path, &arena, &cluster, &err), want);
	if (part && !strstr(err.text, part))
		fail_msg("'%s' does not name '%s'", err.text, part);
	if (!want) {
		assert_int_equal(cluster.gpus, 12);
		assert_true(cluster.groups[0].gpu_idle_w == 10);
		assert_true(cluster.pue == 1.2);
	}
	arena_fini(&arena);
}

static void test_files(void **state)
{
	(void)state;
	char dir[1024];
	scratch_make(dir, sizeof dir);
	load(dir,
	     "{\"name\":\"lab\",\"pue\":1.2,\"groups\":[{\"type\":\"t4\",\"nodes\":3,"
	     "\"gpus_per_node\":4,\"gpu_idle_w\":10,\"gpu_max_w\":70,\"host_w\":100}]}",
	     ERGON_OK, NULL);
	load(dir, "{\"groups\":[]}", ERGON_BAD_INPUT, "at least one");
	load(dir, "{\"groups\":[3]}", ERGON_BAD_INPUT, "groups[0]");
	load(dir, "{\"groups\":[{\"type\":\"t4\",\"nodes\":0,\"gpus_per_node\":4}]}",
	     ERGON_BAD_INPUT, "nodes");
	load(dir, "{\"groups\":[{\"type\":\"t4\",\"node\":1,\"gpus_per_node\":4}]}",
	     ERGON_BAD_INPUT, "node");
	load(dir,
	     "{\"groups\":[{\"type\":\"t4\",\"nodes\":1,\"gpus_per_node\":4,\"gpu_idle_w\":80,"
	     "\"gpu_max_w\":70}]}",
	     ERGON_BAD_INPUT, "gpu_idle_w");
	load(dir, "[]", ERGON_BAD_INPUT, "object");
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_form),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
