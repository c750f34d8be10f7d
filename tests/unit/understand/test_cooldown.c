/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/cooldown.h"

#include <math.h>
#include <stdio.h>

#include "support/support.h"

static char root[256];
static struct ergon_env env;
static struct ergon_env_storage storage;
static struct fake_clock fake;

/* The chip cools by a degree a second. */
static void cool(void *user, uint64_t now_ns)
{
	char text[32];
	(void)user;
	snprintf(text, sizeof text, "%.0f\n", 60e3 - (double)now_ns * 1e-6);
	put_file(root, "class/hwmon/hwmon0/temp2_input", text);
}

static double wait_for(double baseline_c, uint64_t most_ns)
{
	struct cooldown_baseline baseline = { baseline_c, (double)NAN };
	return cooldown_wait(&env, NULL, &baseline, most_ns);
}

static void waits_until_it_is_cool(void **state)
{
	(void)state;
	scratch_make(root, sizeof root);
	env.sysfs_root = root;
	assert_true(isnan(cooldown_temperature_c(&env)));
	assert_close(wait_for((double)NAN, UINT64_C(60000000000)), 0, 0);
	put_file(root, "class/thermal/thermal_zone0/temp", "41000\n");
	put_file(root, "class/hwmon/hwmon0/temp1_input", "38000\n");
	put_file(root, "class/hwmon/hwmon0/temp3_input", "9999999\n"); /* a broken input */
	put_file(root, "class/hwmon/hwmon0/temp2_input", "60000\n");
	assert_close(cooldown_temperature_c(&env), 60, 1e-12);
	fake_clock_init(&fake);
	fake.now_ns = 0;
	fake.on_sleep = cool;
	env.clock = &fake.clock;
	/* To 45 + 2 degrees: 13 seconds. */
	assert_close(wait_for(45, UINT64_C(60000000000)), 13, 0.05);
	assert_close(wait_for(45, UINT64_C(60000000000)), 0, 0);
	/* Never that cool: as long as it may. */
	assert_close(wait_for(10, UINT64_C(2000000000)), 2, 0.2);
	scratch_remove(root);
}

int main(void)
{
	ergon_env_init(&env, &storage);
	const struct CMUnitTest tests[] = { cmocka_unit_test(waits_until_it_is_cool) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
