/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "cli/top_view.h"

static size_t columns_of(const char *text)
{
	size_t columns = 0;
	for (; *text; text++) {
		assert_true((unsigned char)*text >= ' ');
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	}
	return columns;
}

static json_t *some_shares(size_t count)
{
	json_t *list = json_array(), *groups = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list,
		                      json_pack("{s:s, s:i, s:f, s:f, s:f, s:f}", "name",
		                                "a process", "pid", (int)i + 1, "energy_j", 2.0,
		                                "energy_uj", 2e6, "gpu_j", 1.0, "cpu_s", 0.5));
	json_array_append_new(groups, json_pack("{s:s, s:f, s:f}", "name", "/a/group", "energy_j",
	                                        2.0, "energy_uj", 2e6));
	return json_pack("{s:f, s:o, s:o, s:[{s:s, s:f, s:f}]}", "total_uj", 1e8, "processes", list,
	                 "cgroups", groups, "rest", "name", "(idle)", "energy_j", 3.0, "energy_uj",
	                 3e6);
}

static void fill(struct top_view *view, struct rng *rng, size_t domains, int windows)
{
	struct domain_energy *list = calloc(domains + 1, sizeof *list);
	for (int w = 0; w < windows; w++) {
		struct measurement m = { .domains = list, .count = domains, .duration_s = 1 };
		m.measured = domains > 0;
		for (size_t i = 0; i < domains; i++) {
			snprintf(list[i].name, sizeof list[i].name, "gpu-%zu", i);
			list[i].valid = rng_uniform(rng) < 0.9;
			list[i].in_total = i % 2 == 0;
			list[i].average_power_w = 300 * rng_uniform(rng);
			list[i].energy_j = list[i].average_power_w;
			m.energy_j += list[i].energy_j;
		}
		m.average_power_w = m.energy_j;
		top_view_take(view, &m, some_shares((size_t)w % 40));
	}
	free(list);
}

/* No line is wider, no screen longer than there is room, whatever is shown. */
static void every_size(void **state)
{
	(void)state;
	static struct top_view view;
	struct top_line *lines = calloc(TOP_LINES_MAX, sizeof *lines);
	struct rng rng;
	rng_init(&rng, 3);
	static const size_t counts[] = { 0, 1, 8, TOP_DOMAINS, 300 };
	static const int windows[] = { 0, 1, 5, TOP_HISTORY + 40 };
	for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
		for (size_t w = 0; w < sizeof windows / sizeof *windows; w++) {
			memset(&view, 0, sizeof view);
			view.utf8 = c % 2;
			fill(&view, &rng, counts[c], windows[w]);
			for (size_t rows = 0; rows < 70; rows = rows * 5 / 4 + 1)
				for (size_t columns = 0; columns < 330;
				     columns = columns * 3 / 2 + 1) {
					view.by = (enum share_key)((rows + columns) % SHARE_KEYS);
					size_t n = top_view_lines(&view, rows, columns, lines);
					assert_true(n <= rows);
					for (size_t i = 0; i < n; i++)
						assert_true(columns_of(lines[i].text) <= columns);
				}
			top_view_fini(&view);
		}
	free(lines);
}

static bool shows(const struct top_line *lines, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strstr(lines[i].text, text))
			return true;
	return false;
}

static void what_is_shown(void **state)
{
	(void)state;
	static struct top_view view;
	struct top_line *lines = calloc(TOP_LINES_MAX, sizeof *lines);
	struct domain_energy domains[] = {
		{ .name = "package-0",
		  .valid = true,
		  .in_total = true,
		  .energy_j = 50,
		  .average_power_w = 50 },
		{ .name = "package-0@mmio", .duplicate_of = "package-0", .valid = true },
		{ .name = "gpu-0" },
	};
	struct measurement m = { .domains = domains,
		                 .count = 3,
		                 .duration_s = 1,
		                 .energy_j = 50,
		                 .average_power_w = 50,
		                 .measured = true };
	memset(&view, 0, sizeof view);
	view.utf8 = true;
	top_view_take(&view, &m, some_shares(2));
	domains[0].average_power_w = 100;
	top_view_take(&view, &m, some_shares(2));
	size_t n = top_view_lines(&view, 24, 80, lines);
	assert_true(shows(lines, n, "50.0 W measured, 100 J in 2.00 s"));
	assert_true(shows(lines, n, "\u2584\u2588")); /* half, then full */
	assert_false(shows(lines, n, "mmio"));
	assert_true(shows(lines, n, "gpu-0                      -"));
	assert_true(shows(lines, n, "50%  a process"));
	assert_true(shows(lines, n, "(idle)"));
	assert_true(shows(lines, n, "q quit"));
	assert_false(shows(lines, n, "CO2e"));
	view.grid = (struct grid){ .code = "XX", .g_per_kwh = 360 };
	n = top_view_lines(&view, 24, 80, lines); /* 100 J; 50 W */
	assert_true(shows(lines, n, "CO2e 10.0 mg, 18.0 g an hour (XX: 360 g/kWh)"));
	assert_false(shows(lines, n, "cost"));
	view.price_per_kwh = 0.5;
	n = top_view_lines(&view, 24, 80, lines);
	assert_true(shows(lines, n, "; cost 1.39e-05, 0.025 an hour"));
	view.by = SHARE_CGROUP;
	assert_true(shows(lines, top_view_lines(&view, 24, 80, lines), "/a/group"));
	top_view_fini(&view);

	memset(&view, 0, sizeof view);
	struct measurement nothing = { .duration_s = 1 };
	top_view_take(&view, &nothing, NULL);
	assert_true(shows(lines, top_view_lines(&view, 24, 80, lines), "no power can be read"));
	free(lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size),
		cmocka_unit_test(what_is_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
