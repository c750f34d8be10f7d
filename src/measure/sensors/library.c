/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sensors/library.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "measure/sensors/sysfs.h"

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

/* Class 03: display; 1200: accelerators (MI300). */
static bool is_display(const char *class)
{
	return strncmp(class, "0x03", 4) == 0 || strncmp(class, "0x1200", 6) == 0;
}

static bool pci_text(const char *folder, const char *device, const char *file, char *out,
                     size_t size)
{
	char path[SYSFS_PATH_SIZE], name[300];
	snprintf(name, sizeof name, "%.250s/%s", device, file);
	return sysfs_path(path, sizeof path, folder, name) && file_read_small(path, out, size);
}

int pci_display_count(const struct ergon_env *env, const char *vendor)
{
	char folder[SYSFS_PATH_SIZE], text[16];
	char **names;
	int found = 0;
	if (!sysfs_path(folder, sizeof folder, env->sysfs_root, "bus/pci/devices"))
		return 0;
	int count = sysfs_list(folder, "", &names);
	for (int i = 0; i < count; i++)
		found += pci_text(folder, names[i], "vendor", text, sizeof text) &&
		         strcmp(text, vendor) == 0 &&
		         pci_text(folder, names[i], "class", text, sizeof text) && is_display(text);
	sysfs_list_free(names, count);
	return found;
}
