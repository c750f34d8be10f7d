/* SPDX-License-Identifier: Apache-2.0 */
#include "base/library.h"

#include <stdio.h>
#include <string.h>

void library_close(const struct ergon_env *env, void *handle)
{
	if (handle)
		env->dl->close(env->dl->user, handle);
}

void *library_open(const struct ergon_env *env, const char *const *sonames,
                   const struct entry_point *entries, size_t count, void *api, char *why,
                   size_t size)
{
	const struct ergon_dl *dl = env->dl;
	const char *text = NULL;
	void *handle = NULL;
	for (const char *const *soname = sonames; dl && *soname && !handle; soname++)
		handle = dl->open(dl->user, *soname, &text);
	if (!handle) {
		snprintf(why, size, "%s", text ? text : "no libraries can be opened here");
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		void *symbol = dl->symbol(dl->user, handle, entries[i].name);
		memcpy((char *)api + entries[i].slot, &symbol, sizeof symbol);
		if (!symbol && entries[i].needed) {
			snprintf(why, size, "%s lacks %s", sonames[0], entries[i].name);
			library_close(env, handle);
			return NULL;
		}
	}
	return handle;
}
