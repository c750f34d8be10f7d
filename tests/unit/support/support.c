/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void scratch_make(char *path, size_t size)
{
	const char *root = getenv("TMPDIR");
	snprintf(path, size, "%s/ergon-test-XXXXXX", root && *root ? root : "/tmp");
	if (!mkdtemp(path))
		fail_msg("mkdtemp %s: %s", path, strerror(errno));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void scratch_remove(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void put_file(const char *dir, const char *name, const char *text)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	FILE *file = fopen(path, "w");
	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	fputs(text, file);
	fclose(file);
}

const char *shared_data(const char *name)
{
	static char path[1024];
	snprintf(path, sizeof path, "%s/../shared/data/%s", ERGON_SOURCE_DIR, name);
	return access(path, F_OK) == 0 ? path : NULL;
}

void assert_close_at(double a, double b, double relative, const char *file, int line)
{
	if (fabs(a - b) <= relative * fabs(b))
		return;
	print_error("%.17g is not within %g of %.17g\n", a, relative, b);
	_fail(file, line);
}

static uint64_t fake_monotonic(void *user)
{
	return ((struct fake_clock *)user)->now_ns;
}

static uint64_t fake_boottime(void *user)
{
	struct fake_clock *fake = user;
	return fake->now_ns + fake->suspended_ns;
}

static uint64_t fake_realtime(void *user)
{
	return fake_boottime(user) + UINT64_C(1700000000000000000);
}

static bool fake_sleep(void *user, uint64_t ns)
{
	struct fake_clock *fake = user;
	if (ns > fake->now_ns)
		fake->now_ns = ns;
	if (fake->on_sleep)
		fake->on_sleep(fake->user, fake->now_ns);
	return true;
}

void fake_clock_init(struct fake_clock *fake)
{
	*fake = (struct fake_clock){ .now_ns = 1000000000 };
	fake->clock =
	    (struct ergon_clock){ fake_monotonic, fake_boottime, fake_realtime, fake_sleep, fake };
}
