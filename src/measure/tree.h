/* SPDX-License-Identifier: Apache-2.0
 *
 * The containment tree: which channel's energy is part of which other's, and the set of channels
 * that adds up to a machine without counting a joule twice.
 *
 *     node > psys > package > { core, uncore }      node > dram      node > gpu
 *     psys > dram                                   module > { package, gpu } of its number
 *
 * A name is a path, but a path says where silicon sits, not whose energy it is part of:
 * "package-0/dram" sits at socket 0, and RAPL's package energy does not contain it (Intel SDM vol.
 * 3B, 15.10.1). Anything else ("hwmon/nvme-0") is shown and never added up. Pure functions.
 */
#ifndef ERGON_MEASURE_TREE_H
#define ERGON_MEASURE_TREE_H

#include <stdbool.h>
#include <stddef.h>

enum tree_kind {
	TREE_NODE,
	TREE_PSYS,
	TREE_MODULE,
	TREE_PACKAGE,
	TREE_CORE,
	TREE_UNCORE,
	TREE_DRAM,
	TREE_GPU,
	TREE_OTHER,
};

/* Of the last component, without its number and what follows '@'. */
enum tree_kind tree_kind(const char *name);

/* Is inner's energy part of outer's? False for equal names. */
bool tree_contains(const char *outer, const char *inner);

/* Is a component of kind `wanted` covered by a channel of this name? (A package is covered by a
 * package, a psys, a module or a node.) */
bool tree_covers(const char *name, enum tree_kind wanted);

/* One channel, as selection sees it. */
struct tree_entry {
	const char *name;
	bool counts;     /* in: read, and no duplicate */
	double energy_j; /* in */
	bool in_total;   /* out */
};

/* Sets in_total on the outermost entries that count. A container that shows less energy than
 * what it should contain (by over 5%: psys of one socket only, a board's broken meter) is passed
 * over and its contents are taken. */
void tree_select(struct tree_entry *entries, size_t count);

#endif
