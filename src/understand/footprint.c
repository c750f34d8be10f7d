/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/footprint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stats.h"
#include "base/units.h"

enum { PIDS_MAX = 64, SAMPLES_MAX = 400, PATH_SIZE = 512 };
/* CPU time of an interval: short for the rate, long for the working set. */
static const double SHORT_S = 0.01, LONG_S = 0.1;
static const double WAIT_MAX_S = 2; /* an interval ends then, whatever CPU time it had */

struct watch {
	const struct ergon_env *env;
	pid_t child;
	pid_t pids[PIDS_MAX];
	size_t count;
	double rates[SAMPLES_MAX], sets[SAMPLES_MAX];
	size_t rate_count, set_count;
	double peak;
};

static double now_s(const struct watch *w)
{
	return seconds_from_ns(w->env->clock->monotonic_ns(w->env->clock->user));
}

/* The child and its descendants; one that has just gone is no loss. */
static void add_descendants(struct watch *w, pid_t pid)
{
	char path[PATH_SIZE];
	if (w->count == PIDS_MAX)
		return;
	w->pids[w->count++] = pid;
	snprintf(path, sizeof path, "%s/%d/task/%d/children", w->env->procfs_root, (int)pid,
	         (int)pid);
	FILE *file = fopen(path, "re");
	int child;
	while (file && fscanf(file, "%d", &child) == 1)
		add_descendants(w, child);
	if (file)
		fclose(file);
}

/* CPU time of all threads, in seconds. */
static double cpu_time_s(const struct watch *w)
{
	double total = 0;
	for (size_t i = 0; i < w->count; i++) {
		char path[PATH_SIZE];
		snprintf(path, sizeof path, "%s/%d/task", w->env->procfs_root, (int)w->pids[i]);
		DIR *dir = opendir(path);
		struct dirent *entry;
		while (dir && (entry = readdir(dir))) {
			unsigned long long ran = 0;
			snprintf(path, sizeof path, "%s/%d/task/%.20s/schedstat",
			         w->env->procfs_root, (int)w->pids[i], entry->d_name);
			FILE *file = entry->d_name[0] != '.' ? fopen(path, "re") : NULL;
			if (file && fscanf(file, "%llu", &ran) == 1)
				total += (double)ran * 1e-9;
			if (file)
				fclose(file);
		}
		if (dir)
			closedir(dir);
	}
	return total;
}

static bool clear(const struct watch *w)
{
	bool cleared = false;
	for (size_t i = 0; i < w->count; i++) {
		char path[PATH_SIZE];
		snprintf(path, sizeof path, "%s/%d/clear_refs", w->env->procfs_root,
		         (int)w->pids[i]);
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		cleared = (fd >= 0 && write(fd, "1", 1) == 1) || cleared;
		if (fd >= 0)
			close(fd);
	}
	return cleared;
}

static bool touched(const struct watch *w, double *referenced, double *resident)
{
	bool seen = false;
	*referenced = *resident = 0;
	for (size_t i = 0; i < w->count; i++) {
		char path[PATH_SIZE], line[128];
		unsigned long long kib;
		snprintf(path, sizeof path, "%s/%d/smaps_rollup", w->env->procfs_root,
		         (int)w->pids[i]);
		FILE *file = fopen(path, "re");
		while (file && fgets(line, sizeof line, file)) {
			if (sscanf(line, "Referenced: %llu", &kib) == 1) {
				*referenced += (double)kib * 1024;
				seen = true;
			} else if (sscanf(line, "Rss: %llu", &kib) == 1) {
				*resident += (double)kib * 1024;
			}
		}
		if (file)
			fclose(file);
	}
	return seen;
}

static void sleep_s(const struct watch *w, double seconds)
{
	const struct ergon_clock *clock = w->env->clock;
	(void)clock->sleep_until(clock->user,
	                         clock->monotonic_ns(clock->user) + ns_from_seconds(seconds));
}

static bool has_ended(const struct watch *w)
{
	siginfo_t info = { 0 };
	return waitid(P_PID, (id_t)w->child, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	       info.si_pid != 0;
}

/* One interval of so much CPU time; false when the command has ended or cannot be seen. */
static bool interval(struct watch *w, double cpu_s, bool is_short)
{
	double referenced, resident, used;
	w->count = 0;
	add_descendants(w, w->child);
	if (!clear(w))
		return false;
	double from = cpu_time_s(w), begin = now_s(w);
	do {
		sleep_s(w, cpu_s / 4);
		used = cpu_time_s(w) - from;
	} while (used < cpu_s && now_s(w) - begin < WAIT_MAX_S && !has_ended(w));
	if (!touched(w, &referenced, &resident))
		return false;
	used = cpu_time_s(w) - from;
	w->peak = fmax(w->peak, resident);
	if (used < cpu_s / 2)
		return true; /* it hardly ran: nothing to learn */
	if (is_short && w->rate_count < SAMPLES_MAX)
		w->rates[w->rate_count++] = referenced / used;
	if (!is_short && w->set_count < SAMPLES_MAX)
		w->sets[w->set_count++] = referenced;
	return true;
}

static pid_t start(char *const argv[], char *const environment[], struct ergon_error *err)
{
	int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(null_fd, STDOUT_FILENO);
		if (environment)
			execvpe(argv[0], argv, environment);
		else
			execvp(argv[0], argv);
		_exit(127);
	}
	if (null_fd >= 0)
		close(null_fd);
	if (pid < 0)
		(void)ergon_fail(err, ERGON_IO, "cannot start %.100s: %s", argv[0],
		                 strerror(errno));
	return pid;
}

static void conclude(struct footprint *f, struct watch *w)
{
	f->samples = w->rate_count + w->set_count;
	f->peak_bytes = w->peak;
	f->set_bytes = f->rate_bytes_per_s = (double)NAN;
	if (w->rate_count < 3 || w->set_count < 3) {
		snprintf(f->absent, sizeof f->absent,
		         "too few intervals: the command must run for a second or so");
		return;
	}
	f->rate_bytes_per_s = stats_median(w->rates, w->rate_count);
	stats_sort(w->sets, w->set_count);
	f->set_bytes = stats_quantile_sorted(w->sets, w->set_count, 0.75);
}

enum ergon_code footprint_probe(struct footprint *f, const struct ergon_env *env,
                                char *const argv[], char *const environment[],
                                struct ergon_error *err)
{
	*f = (struct footprint){ 0 };
	struct watch *w = calloc(1, sizeof *w);
	if (!w)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	w->env = env;
	w->child = start(argv, environment, err);
	if (w->child < 0) {
		free(w);
		return ERGON_IO;
	}
	bool seen = true;
	while (seen && !has_ended(w)) {
		seen = interval(w, SHORT_S, true) && interval(w, LONG_S, false);
		if (w->set_count == SAMPLES_MAX)
			break;
	}
	if (!seen && !has_ended(w))
		snprintf(f->absent, sizeof f->absent,
		         "the kernel does not show which pages are touched (clear_refs)");
	int status = 0;
	while (waitpid(w->child, &status, 0) < 0 && errno == EINTR)
		;
	f->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (!f->absent[0])
		conclude(f, w);
	free(w);
	return ERGON_OK;
}
