/* SPDX-License-Identifier: Apache-2.0
 *
 * The levers of the kernel's cpufreq: clock, governor, energy preference.
 * Source: Documentation/admin-guide/pm/cpufreq.rst and intel_pstate.rst of Linux.
 */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/suggest.h"
#include "base/units.h"
#include "understand/levers/guard.h"

enum { POLICIES_MAX = 2048, PATH_SIZE = 256, CHOICES_MAX = 32 };

/* "ROOT/devices/system/cpu/cpufreq/policyN/FILE" of the next policy; false after the last. */
struct policies {
	DIR *dir;
	char root[PATH_SIZE];
};

static enum ergon_code policies_open(struct policies *p, const struct ergon_env *env,
                                     struct ergon_error *err)
{
	snprintf(p->root, sizeof p->root, "%s/devices/system/cpu/cpufreq", env->sysfs_root);
	p->dir = opendir(p->root);
	if (p->dir)
		return ERGON_OK;
	return ergon_fail(err, ERGON_NOT_SUPPORTED,
	                  "no %s: the clock of this machine cannot be set (usual in a VM)",
	                  p->root);
}

static bool policies_next(struct policies *p, const char *file, char *path, size_t size)
{
	struct dirent *entry;
	while ((entry = readdir(p->dir))) {
		int n;
		if (strncmp(entry->d_name, "policy", 6) != 0)
			continue;
		n = snprintf(path, size, "%s/%s/%s", p->root, entry->d_name, file);
		if (n > 0 && (size_t)n < size)
			return true;
	}
	closedir(p->dir);
	return false;
}

/* The path of a file of the first policy. */
static enum ergon_code first_policy(const struct ergon_env *env, const char *file, char *path,
                                    size_t size, struct ergon_error *err)
{
	struct policies p;
	enum ergon_code code = policies_open(&p, env, err);
	if (code)
		return code;
	if (!policies_next(&p, file, path, size))
		return ergon_fail(err, ERGON_NOT_SUPPORTED, "no policy under %s", p.root);
	closedir(p.dir);
	if (!file_exists(path))
		return ergon_fail(err, ERGON_NOT_SUPPORTED, "no %s on this machine", path);
	return ERGON_OK;
}

static enum ergon_code save_all(const struct ergon_env *env, const char *file,
                                struct lever_saved *saved, struct ergon_error *err)
{
	struct policies p;
	char path[PATH_SIZE];
	enum ergon_code code = policies_open(&p, env, err);
	if (code)
		return code;
	while (!code && policies_next(&p, file, path, sizeof path))
		code = lever_save_file(saved, path, err);
	if (code)
		closedir(p.dir);
	return code;
}

static enum ergon_code set_all(const struct ergon_env *env, const char *file, const char *text,
                               struct ergon_error *err)
{
	struct policies p;
	char path[PATH_SIZE];
	enum ergon_code code = policies_open(&p, env, err);
	if (code)
		return code;
	while (policies_next(&p, file, path, sizeof path)) {
		if (lever_write_text(path, text))
			continue;
		code = ergon_fail_at(err, errno == EACCES ? ERGON_NO_PERMISSION : ERGON_IO, path, 0,
		                     "cannot set '%s': %s", text, strerror(errno));
		closedir(p.dir);
		return code;
	}
	return ERGON_OK;
}

/* ---- cpu.freq: least and highest clock pinned to one value ---- */

static enum ergon_code freq_range(const struct ergon_env *env, const char *member,
                                  struct lever_range *range, struct ergon_error *err)
{
	(void)member;
	char path[PATH_SIZE];
	uint64_t min_khz, max_khz;
	enum ergon_code code = first_policy(env, "cpuinfo_min_freq", path, sizeof path, err);
	if (code)
		return code;
	if (!file_read_u64(path, &min_khz))
		return ergon_fail_at(err, ERGON_IO, path, 0, "expected a clock in kHz");
	code = first_policy(env, "cpuinfo_max_freq", path, sizeof path, err);
	if (code)
		return code;
	if (!file_read_u64(path, &max_khz) || max_khz < min_khz)
		return ergon_fail_at(err, ERGON_IO, path, 0, "expected a clock in kHz");
	*range =
	    (struct lever_range){ ceil((double)min_khz / 1e3), floor((double)max_khz / 1e3), true };
	return ERGON_OK;
}

static enum ergon_code freq_save(const struct ergon_env *env, const char *member,
                                 struct lever_saved *saved, struct ergon_error *err)
{
	(void)member;
	enum ergon_code code = save_all(env, "scaling_min_freq", saved, err);
	return code ? code : save_all(env, "scaling_max_freq", saved, err);
}

/* The kernel refuses a least clock above the highest one, so the order depends on the direction;
 * whichever goes first may fail, the second time both hold. */
static enum ergon_code freq_set(const struct ergon_env *env, const char *member, const char *value,
                                struct ergon_error *err)
{
	(void)member;
	double mhz;
	char text[32];
	if (!parse_real(value, &mhz))
		return ergon_fail(err, ERGON_BAD_INPUT, "cpu.freq: expected MHz, found '%.40s'",
		                  value);
	snprintf(text, sizeof text, "%.0f", mhz * 1e3);
	if (set_all(env, "scaling_max_freq", text, NULL)) {
		enum ergon_code code = set_all(env, "scaling_min_freq", text, err);
		return code ? code : set_all(env, "scaling_max_freq", text, err);
	}
	return set_all(env, "scaling_min_freq", text, err);
}

/* ---- cpu.governor, cpu.epp: one of a list ---- */

static enum ergon_code check_choice(const struct ergon_env *env, const char *lever,
                                    const char *list_file, const char *value,
                                    struct ergon_error *err)
{
	char path[PATH_SIZE], list[512], *rest = list;
	enum ergon_code code = first_policy(env, list_file, path, sizeof path, err);
	if (code)
		return code;
	if (!file_read_small(path, list, sizeof list))
		return ergon_fail_at(err, ERGON_IO, path, 0, "cannot read: %s", strerror(errno));
	const char *names[CHOICES_MAX];
	size_t count = 0;
	while (rest && count < CHOICES_MAX) {
		char *name = strsep(&rest, " ");
		if (*name == '\0')
			continue;
		if (strcmp(name, value) == 0)
			return ERGON_OK;
		names[count++] = name;
	}
	char hint[256];
	return ergon_fail(err, ERGON_BAD_INPUT, "lever %s: this machine has no '%.40s'%s", lever,
	                  value, suggest_hint(hint, sizeof hint, value, names, count));
}

static enum ergon_code governor_check(const struct ergon_env *env, const char *member,
                                      const char *value, struct ergon_error *err)
{
	(void)member;
	return check_choice(env, "cpu.governor", "scaling_available_governors", value, err);
}

static enum ergon_code governor_save(const struct ergon_env *env, const char *member,
                                     struct lever_saved *saved, struct ergon_error *err)
{
	(void)member;
	return save_all(env, "scaling_governor", saved, err);
}

static enum ergon_code governor_set(const struct ergon_env *env, const char *member,
                                    const char *value, struct ergon_error *err)
{
	(void)member;
	return set_all(env, "scaling_governor", value, err);
}

static enum ergon_code epp_check(const struct ergon_env *env, const char *member, const char *value,
                                 struct ergon_error *err)
{
	(void)member;
	return check_choice(env, "cpu.epp", "energy_performance_available_preferences", value, err);
}

static enum ergon_code epp_save(const struct ergon_env *env, const char *member,
                                struct lever_saved *saved, struct ergon_error *err)
{
	(void)member;
	return save_all(env, "energy_performance_preference", saved, err);
}

static enum ergon_code epp_set(const struct ergon_env *env, const char *member, const char *value,
                               struct ergon_error *err)
{
	(void)member;
	return set_all(env, "energy_performance_preference", value, err);
}

static const char restored[] = "a guard process writes back what sysfs held, also after kill -9";

const struct lever lever_cpu_freq = {
	.name = "cpu.freq",
	.summary = "clock of all cores: least and highest pinned to the value",
	.unit = "MHz",
	.privilege = "root",
	.restored = restored,
	.range = freq_range,
	.save = freq_save,
	.set = freq_set,
};

const struct lever lever_cpu_governor = {
	.name = "cpu.governor",
	.summary = "the kernel's frequency governor",
	.privilege = "root",
	.restored = restored,
	.check = governor_check,
	.save = governor_save,
	.set = governor_set,
};

const struct lever lever_cpu_epp = {
	.name = "cpu.epp",
	.summary = "energy performance preference of the processor",
	.privilege = "root",
	.restored = restored,
	.check = epp_check,
	.save = epp_save,
	.set = epp_set,
};
