/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/units.h"

static void folders_come_from_the_environment(void **state)
{
	(void)state;
	struct ergon_env env;
	struct ergon_env_storage storage;
	setenv("ERGON_DATA_DIR", "/some/data", 1);
	setenv("ERGON_STATE_DIR", "/some/state", 1);
	ergon_env_init(&env, &storage);
	assert_string_equal(env.data_dir, "/some/data");
	assert_string_equal(env.state_dir, "/some/state");
	unsetenv("ERGON_STATE_DIR");
	setenv("XDG_DATA_HOME", "/xdg", 1);
	ergon_env_init(&env, &storage);
	assert_string_equal(env.state_dir, "/xdg/ergon");
	setenv("XDG_DATA_HOME", "not/absolute", 1); /* the standard says: ignore it */
	setenv("HOME", "/home/someone", 1);
	ergon_env_init(&env, &storage);
	assert_string_equal(env.state_dir, "/home/someone/.local/share/ergon");
	unsetenv("HOME");
	unsetenv("XDG_DATA_HOME");
	ergon_env_init(&env, &storage);
	assert_true(strlen(env.state_dir) > 0);
	assert_string_equal(env.sysfs_root, "/sys");
	assert_string_equal(env.procfs_root, "/proc");
	assert_string_equal(env.devfs_root, "/dev");
}

static void clocks_run(void **state)
{
	(void)state;
	struct ergon_env env;
	struct ergon_env_storage storage;
	ergon_env_init(&env, &storage);
	const struct ergon_clock *clock = env.clock;
	uint64_t begin = clock->monotonic_ns(clock->user);
	assert_true(clock->sleep_until(clock->user, begin + 5 * NS_PER_MS));
	uint64_t end = clock->monotonic_ns(clock->user);
	assert_true(end >= begin + 5 * NS_PER_MS);
	assert_true(clock->sleep_until(clock->user, begin)); /* the past: at once */
	assert_true(clock->boottime_ns(clock->user) >= begin);
	assert_true(clock->realtime_ns(clock->user) > UINT64_C(1600000000) * NS_PER_S);
}

static void libraries_are_opened_or_the_reason_is_said(void **state)
{
	(void)state;
	struct ergon_env env;
	struct ergon_env_storage storage;
	ergon_env_init(&env, &storage);
	const char *why = NULL;
	assert_null(env.dl->open(env.dl->user, "libnobody-has-this.so.9", &why));
	assert_non_null(why);
	assert_non_null(strstr(why, "libnobody-has-this.so.9"));
	void *libm = env.dl->open(env.dl->user, "libm.so.6", &why);
	if (!libm) {
		print_message("no libm.so.6 on this machine: %s\n", why);
		skip();
	}
	assert_non_null(env.dl->symbol(env.dl->user, libm, "cos"));
	assert_null(env.dl->symbol(env.dl->user, libm, "no_such_symbol"));
	env.dl->close(env.dl->user, libm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folders_come_from_the_environment),
		cmocka_unit_test(clocks_run),
		cmocka_unit_test(libraries_are_opened_or_the_reason_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
