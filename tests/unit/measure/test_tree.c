/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <string.h>

#include "measure/tree.h"

static void kinds(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum tree_kind kind;
	} rows[] = {
		{ "node", TREE_NODE },
		{ "psys", TREE_PSYS },
		{ "package-0", TREE_PACKAGE },
		{ "package-0-die-1", TREE_PACKAGE },
		{ "package-12@mmio", TREE_PACKAGE },
		{ "package-0/core", TREE_CORE },
		{ "package-0/core-17", TREE_CORE },
		{ "package-0/dram@rapl_perf", TREE_DRAM },
		{ "dram", TREE_DRAM },
		{ "gpu-3", TREE_GPU },
		{ "module-0", TREE_MODULE },
		{ "hwmon/nvme-0/power1", TREE_OTHER },
		{ "packages", TREE_OTHER },
		{ "package-x", TREE_OTHER },
		{ "", TREE_OTHER },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		print_message("'%s'\n", rows[i].name);
		assert_int_equal(tree_kind(rows[i].name), rows[i].kind);
	}
}

static void containment(void **state)
{
	(void)state;
	static const struct {
		const char *outer, *inner;
		bool contains;
	} rows[] = {
		{ "package-0", "package-0/core", true },
		{ "package-0", "package-0/uncore", true },
		{ "package-0", "package-0/dram", false },
		{ "package-0", "package-1/core", false },
		{ "package-1", "package-10/core", false },
		{ "package-0", "package-0", false },
		{ "package-0", "package-0@mmio", false },
		{ "package-0/core", "package-0/core-3", true },
		{ "psys", "package-1", true },
		{ "psys", "package-1/dram", true },
		{ "psys", "gpu-0", false },
		{ "node", "psys", true },
		{ "node", "gpu-0", true },
		{ "node", "dram", true },
		{ "node", "hwmon/x/y", false },
		{ "gpu-0", "gpu-0/mig-1", false }, /* of no known kind: never added anyway */
		{ "module-0", "gpu-0", true },
		{ "module-0", "gpu-1", false },
		{ "module-0", "package-0", true },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		print_message("%s > %s\n", rows[i].outer, rows[i].inner);
		assert_int_equal(tree_contains(rows[i].outer, rows[i].inner), rows[i].contains);
	}
}

/* name, energy, in the total? */
struct expected {
	const char *name;
	double energy_j;
	bool counts, in_total;
};

static void check(const struct expected *rows, size_t count)
{
	struct tree_entry entries[16];
	for (size_t i = 0; i < count; i++)
		entries[i] =
		    (struct tree_entry){ rows[i].name, rows[i].counts, rows[i].energy_j, false };
	tree_select(entries, count);
	for (size_t i = 0; i < count; i++) {
		print_message("%s\n", rows[i].name);
		assert_int_equal(entries[i].in_total, rows[i].in_total);
	}
}

static void selections(void **state)
{
	(void)state;
	static const struct expected server[] = {
		{ "package-0", 50, true, true },       { "package-0/core", 30, true, false },
		{ "package-0/dram", 8, true, true },   { "package-1", 70, true, true },
		{ "package-1/dram", 6, true, true },   { "package-0@mmio", 50, false, false },
		{ "hwmon/ina-0/VDD", 5, true, false }, { "gpu-0", 300, true, true },
	};
	static const struct expected laptop[] = {
		{ "psys", 30, true, true },
		{ "package-0", 20, true, false },
		{ "package-0/core", 10, true, false },
		{ "dram", 2, true, false },
		{ "gpu-0", 15, true, true },
	};
	/* psys that sees one socket only: its contents are taken instead. */
	static const struct expected half_psys[] = {
		{ "psys", 80, true, false },
		{ "package-0", 70, true, true },
		{ "package-1", 70, true, true },
		{ "package-1/core", 40, true, false },
	};
	static const struct expected node[] = {
		{ "node", 500, true, true },
		{ "psys", 300, true, false },
		{ "package-0", 200, true, false },
		{ "gpu-0", 100, true, false },
	};
	static const struct expected package_unreadable[] = {
		{ "package-0", 0, false, false },
		{ "package-0/core", 30, true, true },
	};
	check(server, 8);
	check(laptop, 5);
	check(half_psys, 4);
	check(node, 4);
	check(package_unreadable, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(containment),
		cmocka_unit_test(selections),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
