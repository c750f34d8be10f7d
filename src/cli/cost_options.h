/* SPDX-License-Identifier: Apache-2.0
 *
 * --grid and --price, as the commands of the first pillar take them: what measured energy emits and
 * costs.
 */
#ifndef ERGON_CLI_COST_OPTIONS_H
#define ERGON_CLI_COST_OPTIONS_H

#include "cli/command.h"
#include "spec/grid.h"

struct cost_flags {
	const char *grid;
	double price;
};

/* Rows of an options table; flags: a struct cost_flags within type. */
#define COST_OPTIONS(type, flags)                                                                  \
	{ .name = "grid",                                                                          \
	  .letter = 'g',                                                                           \
	  .kind = OPTION_TEXT,                                                                     \
	  .field = offsetof(type, flags.grid),                                                     \
	  .value = "CC",                                                                           \
	  .fallback = "WORLD",                                                                     \
	  .help = "whose electricity: a country's code, for gCO2e" },                              \
	{                                                                                          \
		.name = "price", .kind = OPTION_REAL, .field = offsetof(type, flags.price),        \
		.value = "AMOUNT", .help = "price of a kWh in any currency, for the cost",         \
		.min = 0, .max = 1e6                                                               \
	}

#endif
