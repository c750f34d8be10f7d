/* SPDX-License-Identifier: Apache-2.0
 *
 * The power cap of each processor package: RAPL's long-term limit under powercap.
 * Source: Documentation/power/powercap/powercap.rst of Linux.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/units.h"
#include "understand/levers/guard.h"

enum { PATH_SIZE = 256 };
static const double LEAST_W = 1;

struct packages {
	DIR *dir;
	char root[PATH_SIZE];
};

static enum ergon_code packages_open(struct packages *p, const struct ergon_env *env,
                                     struct ergon_error *err)
{
	snprintf(p->root, sizeof p->root, "%s/class/powercap", env->sysfs_root);
	p->dir = opendir(p->root);
	if (p->dir)
		return ERGON_OK;
	return ergon_fail(err, ERGON_NOT_SUPPORTED,
	                  "no %s: this machine's power cannot be capped (usual in a VM)", p->root);
}

/* The path of FILE in the next zone "intel-rapl:N" that is a package; false after the last. */
static bool packages_next(struct packages *p, const char *file, char *path, size_t size)
{
	struct dirent *entry;
	while ((entry = readdir(p->dir))) {
		char name[64];
		const char *digits = entry->d_name + strlen("intel-rapl:");
		if (strncmp(entry->d_name, "intel-rapl:", 11) != 0 || strchr(digits, ':'))
			continue;
		int n = snprintf(path, size, "%s/%s/name", p->root, entry->d_name);
		if (n < 0 || (size_t)n >= size || !file_read_small(path, name, sizeof name) ||
		    strncmp(name, "package", 7) != 0)
			continue;
		n = snprintf(path, size, "%s/%s/%s", p->root, entry->d_name, file);
		if (n > 0 && (size_t)n < size)
			return true;
	}
	closedir(p->dir);
	return false;
}

static enum ergon_code cap_range(const struct ergon_env *env, const char *member,
                                 struct lever_range *range, struct ergon_error *err)
{
	(void)member;
	struct packages p;
	char path[PATH_SIZE];
	uint64_t max_uw;
	enum ergon_code code = packages_open(&p, env, err);
	if (code)
		return code;
	*range = (struct lever_range){ 0 };
	while (packages_next(&p, "constraint_0_max_power_uw", path, sizeof path)) {
		double max_w = file_read_u64(path, &max_uw) ? (double)max_uw * 1e-6 : 0;
		if (max_w > 0 && (range->max == 0 || max_w < range->max))
			*range = (struct lever_range){ LEAST_W, max_w, false };
	}
	if (range->max > 0)
		return ERGON_OK;
	return ergon_fail(err, ERGON_NOT_SUPPORTED, "no package with a power limit under %s",
	                  p.root);
}

static enum ergon_code cap_save(const struct ergon_env *env, const char *member,
                                struct lever_saved *saved, struct ergon_error *err)
{
	(void)member;
	struct packages p;
	char path[PATH_SIZE];
	enum ergon_code code = packages_open(&p, env, err);
	if (code)
		return code;
	while (!code && packages_next(&p, "constraint_0_power_limit_uw", path, sizeof path))
		code = lever_save_file(saved, path, err);
	if (code)
		closedir(p.dir);
	return code;
}

static enum ergon_code cap_set(const struct ergon_env *env, const char *member, const char *value,
                               struct ergon_error *err)
{
	(void)member;
	struct packages p;
	double watts;
	char path[PATH_SIZE], text[32];
	if (!parse_real(value, &watts))
		return ergon_fail(err, ERGON_BAD_INPUT, "cpu.cap: expected W, found '%.40s'",
		                  value);
	snprintf(text, sizeof text, "%.0f", watts * 1e6);
	enum ergon_code code = packages_open(&p, env, err);
	if (code)
		return code;
	while (packages_next(&p, "constraint_0_power_limit_uw", path, sizeof path)) {
		if (lever_write_text(path, text))
			continue;
		code = ergon_fail_at(err, errno == EACCES ? ERGON_NO_PERMISSION : ERGON_IO, path, 0,
		                     "cannot set %s W: %s", value, strerror(errno));
		closedir(p.dir);
		return code;
	}
	return ERGON_OK;
}

const struct lever lever_cpu_cap = {
	.name = "cpu.cap",
	.summary = "power limit of each processor package (RAPL, long term)",
	.unit = "W",
	.privilege = "root",
	.restored = "a guard process writes back what sysfs held, also after kill -9",
	.range = cap_range,
	.save = cap_save,
	.set = cap_set,
};
