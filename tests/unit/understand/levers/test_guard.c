/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/levers/guard.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "support/support.h"

static char root[256];
static struct ergon_env env;
static struct ergon_env_storage storage;

static int set_up(void **state)
{
	(void)state;
	scratch_make(root, sizeof root);
	for (int i = 0; i < 3; i++) {
		char name[128];
		static const char *const files[][2] = {
			{ "cpuinfo_min_freq", "800000\n" },
			{ "cpuinfo_max_freq", "3200000\n" },
			{ "scaling_min_freq", "800000\n" },
			{ "scaling_max_freq", "3200000\n" },
			{ "scaling_governor", "schedutil\n" },
			{ "scaling_available_governors", "performance powersave schedutil \n" },
			{ "energy_performance_preference", "balance_performance\n" },
			{ "energy_performance_available_preferences",
			  "performance balance_performance power\n" },
		};
		for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
			snprintf(name, sizeof name, "devices/system/cpu/cpufreq/policy%d/%s", i,
			         files[f][0]);
			put_file(root, name, files[f][1]);
		}
	}
	put_file(root, "class/powercap/intel-rapl:0/name", "package-0\n");
	put_file(root, "class/powercap/intel-rapl:0/constraint_0_max_power_uw", "200000000\n");
	put_file(root, "class/powercap/intel-rapl:0/constraint_0_power_limit_uw", "165000000\n");
	put_file(root, "class/powercap/intel-rapl:0:0/name", "core\n");
	env.sysfs_root = root;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(root);
	return 0;
}

static void holds(const char *name, const char *expected)
{
	char path[512], text[128];
	snprintf(path, sizeof path, "%s/%s", root, name);
	assert_true(file_read_small(path, text, sizeof text));
	assert_string_equal(text, expected);
}

#define POLICY "devices/system/cpu/cpufreq/policy2/"
#define LIMIT "class/powercap/intel-rapl:0/constraint_0_power_limit_uw"

static void all_is_as_it_was(void)
{
	holds(POLICY "scaling_min_freq", "800000");
	holds(POLICY "scaling_max_freq", "3200000");
	holds(POLICY "scaling_governor", "schedutil");
	holds(POLICY "energy_performance_preference", "balance_performance");
	holds(LIMIT, "165000000");
}

struct row {
	const char *lever, *value;
};
static const struct row rows[] = { { "cpu.freq", "1200" },
	                           { "cpu.governor", "powersave" },
	                           { "cpu.epp", "power" },
	                           { "cpu.cap", "100" } };
enum { ROWS = sizeof rows / sizeof *rows };

static void save_all(struct lever_saved *saved)
{
	const struct lever *lever;
	const char *member;
	struct ergon_error err = { 0 };
	for (size_t i = 0; i < ROWS; i++) {
		assert_int_equal(lever_find(rows[i].lever, &lever, &member, NULL), ERGON_OK);
		if (lever->save(&env, member, saved, &err))
			fail_msg("%s: %s", rows[i].lever, err.text);
	}
	assert_int_equal(saved->count, 3 * 4 + 1);
}

static void set_all(void)
{
	const struct lever *lever;
	const char *member;
	struct ergon_error err = { 0 };
	for (size_t i = 0; i < ROWS; i++) {
		assert_int_equal(lever_find(rows[i].lever, &lever, &member, NULL), ERGON_OK);
		if (lever->set(&env, member, rows[i].value, &err))
			fail_msg("%s: %s", rows[i].lever, err.text);
	}
}

static void release_restores(void **state)
{
	(void)state;
	struct lever_saved saved = { 0 };
	struct guard guard;
	struct ergon_error err = { 0 };
	save_all(&saved);
	assert_int_equal(guard_start(&guard, &saved, &err), ERGON_OK);
	set_all();
	holds(POLICY "scaling_min_freq", "1200000");
	holds(POLICY "scaling_max_freq", "1200000");
	holds(POLICY "scaling_governor", "powersave");
	holds(POLICY "energy_performance_preference", "power");
	holds(LIMIT, "100000000");
	assert_int_equal(guard_release(&guard, &err), ERGON_OK);
	all_is_as_it_was();
	lever_saved_fini(&saved);
}

static void release_restores_without_the_guard(void **state)
{
	(void)state;
	struct lever_saved saved = { 0 };
	struct guard guard;
	save_all(&saved);
	assert_int_equal(guard_start(&guard, &saved, NULL), ERGON_OK);
	set_all();
	assert_int_equal(kill(guard.pid, SIGKILL), 0);
	assert_int_equal(guard_release(&guard, NULL), ERGON_OK);
	all_is_as_it_was();
	lever_saved_fini(&saved);
}

/* A process that holds the guard and dies by kill -9. */
static void death_restores(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++) {
		int ready[2];
		char byte;
		assert_int_equal(pipe(ready), 0);
		pid_t pid = fork();
		if (pid == 0) {
			struct lever_saved saved = { 0 };
			struct guard guard;
			save_all(&saved);
			if (guard_start(&guard, &saved, NULL))
				_exit(1);
			set_all();
			if (write(ready[1], "x", 1) != 1)
				_exit(1);
			pause();
			_exit(1);
		}
		close(ready[1]);
		assert_int_equal(read(ready[0], &byte, 1), 1);
		close(ready[0]);
		holds(LIMIT, "100000000");
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		char path[512], text[64] = "";
		snprintf(path, sizeof path, "%s/%s", root, LIMIT);
		for (int i = 0; i < 1000 && strcmp(text, "165000000") != 0; i++) {
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
			(void)file_read_small(path, text, sizeof text);
		}
		/* The cap is saved last, so the rest is back by then. */
		all_is_as_it_was();
	}
}

static void ranges_and_choices(void **state)
{
	(void)state;
	const struct lever *lever;
	const char *member;
	struct lever_range range;
	struct ergon_error err = { 0 };
	assert_int_equal(lever_find("cpu.freq", &lever, &member, NULL), ERGON_OK);
	assert_int_equal(lever->range(&env, member, &range, NULL), ERGON_OK);
	assert_close(range.min, 800, 0);
	assert_close(range.max, 3200, 0);
	assert_int_equal(lever_find("cpu.cap", &lever, &member, NULL), ERGON_OK);
	assert_int_equal(lever->range(&env, member, &range, NULL), ERGON_OK);
	assert_close(range.max, 200, 1e-12);
	assert_int_equal(lever_find("cpu.governor", &lever, &member, NULL), ERGON_OK);
	assert_int_equal(lever->check(&env, member, "powersave", &err), ERGON_OK);
	assert_int_equal(lever->check(&env, member, "powersafe", &err), ERGON_BAD_INPUT);
	assert_non_null(strstr(err.text, "did you mean 'powersave'?"));
	struct ergon_env bare = env;
	bare.sysfs_root = "/nonexistent";
	assert_int_equal(lever_find("cpu.freq", &lever, &member, NULL), ERGON_OK);
	assert_int_equal(lever->range(&bare, member, &range, &err), ERGON_NOT_SUPPORTED);
	assert_non_null(strstr(err.text, "/nonexistent"));
}

/* The kernel refuses a least clock above the highest: a fake cannot, but the order of writes after
 * a failure can be told from files that cannot be opened. */
static void failed_restore_is_named(void **state)
{
	(void)state;
	struct lever_saved saved = { 0 };
	struct guard guard;
	struct ergon_error err = { 0 };
	save_all(&saved);
	assert_int_equal(guard_start(&guard, &saved, NULL), ERGON_OK);
	set_all();
	char path[512];
	snprintf(path, sizeof path, "%s/%s", root, LIMIT);
	assert_int_equal(remove(path), 0);
	assert_int_equal(guard_release(&guard, &err), ERGON_IO);
	assert_string_equal(err.text, "could not be put back to '165000000'");
	holds(POLICY "scaling_max_freq", "3200000"); /* the rest is */
	lever_saved_fini(&saved);
}

int main(void)
{
	ergon_env_init(&env, &storage);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(release_restores),
		cmocka_unit_test(release_restores_without_the_guard),
		cmocka_unit_test(death_restores),
		cmocka_unit_test(ranges_and_choices),
		cmocka_unit_test(failed_restore_is_named),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
