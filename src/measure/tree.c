/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/tree.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Length of name without "@source". */
static size_t plain_length(const char *name)
{
	return strcspn(name, "@");
}

static bool component_is(const char *component, size_t length, const char *word)
{
	size_t n = strlen(word);
	if (length < n || strncmp(component, word, n) != 0)
		return false;
	/* "package", "package-0", "package-0-die-1": a number follows, or nothing. */
	return length == n ||
	       (component[n] == '-' && length > n + 1 && isdigit((unsigned char)component[n + 1]));
}

enum tree_kind tree_kind(const char *name)
{
	static const struct {
		const char *word;
		enum tree_kind kind;
	} kinds[] = {
		{ "node", TREE_NODE },       { "psys", TREE_PSYS }, { "module", TREE_MODULE },
		{ "package", TREE_PACKAGE }, { "core", TREE_CORE }, { "uncore", TREE_UNCORE },
		{ "dram", TREE_DRAM },       { "gpu", TREE_GPU },
	};
	size_t length = plain_length(name);
	size_t start = length;
	while (start > 0 && name[start - 1] != '/')
		start--;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (component_is(name + start, length - start, kinds[i].word))
			return kinds[i].kind;
	return TREE_OTHER;
}

/* The number behind the first component's word: "gpu-3/..." -> 3; -1 where there is none. */
static long first_number(const char *name)
{
	const char *dash = strchr(name, '-');
	if (!dash || !isdigit((unsigned char)dash[1]))
		return -1;
	return strtol(dash + 1, NULL, 10);
}

static bool is_below(const char *outer, const char *inner)
{
	size_t length = plain_length(outer);
	return strncmp(outer, inner, length) == 0 && inner[length] == '/';
}

static bool same_plain(const char *a, const char *b)
{
	size_t length = plain_length(a);
	return length == plain_length(b) && strncmp(a, b, length) == 0;
}

bool tree_contains(const char *outer, const char *inner)
{
	if (same_plain(outer, inner))
		return false;
	enum tree_kind in = tree_kind(inner);
	if (in == TREE_OTHER || in == TREE_NODE)
		return false;
	switch (tree_kind(outer)) {
	case TREE_NODE:
		return true;
	case TREE_PSYS:
		return in == TREE_PACKAGE || in == TREE_CORE || in == TREE_UNCORE ||
		       in == TREE_DRAM;
	case TREE_MODULE:
		return in != TREE_PSYS && in != TREE_MODULE && in != TREE_DRAM &&
		       first_number(outer) == first_number(inner);
	case TREE_PACKAGE:
		return (in == TREE_CORE || in == TREE_UNCORE) && is_below(outer, inner);
	case TREE_CORE: { /* "package-0/core" > "package-0/core-3" */
		size_t length = plain_length(outer);
		return in == TREE_CORE && strncmp(outer, inner, length) == 0 &&
		       inner[length] == '-';
	}
	case TREE_GPU:
		return is_below(outer, inner);
	default:
		return false;
	}
}

bool tree_covers(const char *name, enum tree_kind wanted)
{
	enum tree_kind kind = tree_kind(name);
	if (kind == wanted || kind == TREE_NODE)
		return true;
	if (kind == TREE_PSYS)
		return wanted == TREE_PACKAGE || wanted == TREE_DRAM;
	return kind == TREE_MODULE && wanted == TREE_PACKAGE;
}

/* Sum of the outermost entries inside `outer`. */
static double contents_j(const struct tree_entry *entries, size_t count, size_t outer)
{
	double sum = 0;
	for (size_t i = 0; i < count; i++) {
		if (!entries[i].counts || !tree_contains(entries[outer].name, entries[i].name))
			continue;
		bool inner = false;
		for (size_t k = 0; k < count && !inner; k++)
			inner = k != outer && entries[k].counts &&
			        tree_contains(entries[outer].name, entries[k].name) &&
			        tree_contains(entries[k].name, entries[i].name);
		if (!inner)
			sum += entries[i].energy_j;
	}
	return sum;
}

void tree_select(struct tree_entry *entries, size_t count)
{
	const double tolerance = 0.95;
	for (size_t i = 0; i < count; i++)
		entries[i].in_total = entries[i].counts && tree_kind(entries[i].name) != TREE_OTHER;
	/* First the containers that cannot be right, then whatever lies inside the others. */
	for (size_t i = 0; i < count; i++) {
		if (!entries[i].in_total)
			continue;
		enum tree_kind kind = tree_kind(entries[i].name);
		bool outer = kind == TREE_NODE || kind == TREE_PSYS || kind == TREE_MODULE;
		if (outer && entries[i].energy_j < tolerance * contents_j(entries, count, i))
			entries[i].in_total = false;
	}
	for (size_t i = 0; i < count; i++) {
		bool inner = false;
		for (size_t k = 0; k < count && !inner; k++)
			inner =
			    entries[k].in_total && tree_contains(entries[k].name, entries[i].name);
		if (inner)
			entries[i].counts = false; /* marked here, taken out below */
	}
	for (size_t i = 0; i < count; i++)
		entries[i].in_total = entries[i].in_total && entries[i].counts;
}
