/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/units.h"

static void durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
		uint64_t ns;
	} rows[] = {
		{ "100us", true, 100000 },
		{ "5ms", true, 5000000 },
		{ "2.5s", true, 2500000000 },
		{ "3m", true, UINT64_C(180000000000) },
		{ "1h", true, UINT64_C(3600000000000) },
		{ "7", true, UINT64_C(7000000000) },
		{ "", false, 0 },
		{ "ms", false, 0 },
		{ "-1s", false, 0 },
		{ "1 s", false, 0 },
		{ "1e400s", false, 0 },
		{ "nan", false, 0 },
		{ "0x10s", false, 0 },
		{ "5mss", false, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t ns = 0;
		print_message("duration '%s'\n", rows[i].text);
		assert_int_equal(parse_duration_ns(rows[i].text, &ns), rows[i].good);
		if (rows[i].good)
			assert_int_equal(ns, rows[i].ns);
	}
}

static void other_units(void **state)
{
	(void)state;
	double value;
	uint64_t bytes;
	int64_t whole;
	assert_true(parse_power_w("1.2kW", &value));
	assert_close(value, 1200, 1e-12);
	assert_true(parse_fraction("5%", &value));
	assert_close(value, 0.05, 1e-12);
	assert_true(parse_bytes("16MiB", &bytes));
	assert_int_equal(bytes, 16 << 20);
	assert_true(parse_bytes("2GB", &bytes));
	assert_int_equal(bytes, 2000000000);
	assert_false(parse_bytes("2QB", &bytes));
	assert_false(parse_u64("18446744073709551616", &bytes));
	assert_true(parse_u64("18446744073709551615", &bytes));
	assert_true(parse_i64("-9223372036854775808", &whole));
	assert_false(parse_i64("9223372036854775808", &whole));
	assert_int_equal(ns_from_seconds(-1), 0);
	assert_int_equal(ns_from_seconds(1e300), UINT64_MAX);
}

static void people_read_them(void **state)
{
	(void)state;
	char text[64];
	assert_string_equal(format_si(text, sizeof text, 1234, "J"), "1.23 kJ");
	assert_string_equal(format_si(text, sizeof text, 999.7, "W"), "1.00 kW");
	assert_string_equal(format_si(text, sizeof text, 0.0456, "W"), "45.6 mW");
	assert_string_equal(format_si(text, sizeof text, 1.3e-12, "J"), "1.30 pJ");
	assert_string_equal(format_si(text, sizeof text, -2e-19, "J"), "-0.00 fJ");
	assert_string_equal(format_si(text, sizeof text, 0, "J"), "0 J");
	assert_string_equal(format_si(text, sizeof text, -12.345e9, "J"), "-12.3 GJ");
	assert_string_equal(format_duration(text, sizeof text, 200), "3 min 20 s");
	assert_string_equal(format_duration(text, sizeof text, 7500), "2 h 05 min");
	assert_string_equal(format_duration(text, sizeof text, 0.000045), "45.0 us");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(other_units),
		cmocka_unit_test(people_read_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
