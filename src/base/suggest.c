/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 64 };

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;
	return m < c ? m : c;
}

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

size_t suggest_distance(const char *a, const char *b)
{
	size_t row[3][NAME_MAX_LENGTH + 1];
	size_t n = strlen(a), m = strlen(b);
	if (n > NAME_MAX_LENGTH || m > NAME_MAX_LENGTH)
		return SIZE_MAX; /* no name of ours: far from all */
	for (size_t j = 0; j <= m; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
		now[0] = i;
		for (size_t j = 1; j <= m; j++) {
			now[j] = min3(last[j] + 1, now[j - 1] + 1,
			              last[j - 1] + !same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
			    same(a[i - 2], b[j - 1]) && before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
	}
	return row[n % 3][m];
}

const char *suggest(const char *wrong, const char *const *names, size_t count)
{
	const char *best = NULL;
	size_t best_distance = (strlen(wrong) + 2) / 3 + 1;
	for (size_t i = 0; i < count; i++) {
		size_t distance = suggest_distance(wrong, names[i]);
		if (distance < best_distance) {
			best = names[i];
			best_distance = distance;
		}
	}
	return best;
}

char *suggest_hint(char *out, size_t size, const char *wrong, const char *const *names,
                   size_t count)
{
	const char *near = suggest(wrong, names, count);
	if (near) {
		snprintf(out, size, ", did you mean '%s'?", near);
		return out;
	}
	size_t used = (size_t)snprintf(out, size, "; one of: ");
	for (size_t i = 0; i < count && used < size; i++) {
		size_t need = strlen(names[i]) + 2;
		if (used + need + 4 >= size || used > 200) {
			snprintf(out + used, size - used, "...");
			break;
		}
		used += (size_t)snprintf(out + used, size - used, "%s%s", names[i],
		                         i + 1 < count ? ", " : "");
	}
	if (count == 0 && size)
		out[0] = '\0';
	return out;
}
