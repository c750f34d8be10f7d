/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sensors/library.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "measure/sensors/sysfs.h"

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
