/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/page_marks.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"

enum { PATH_SIZE = 512, LIBRARY_PART_BYTES = 4 << 20 };
static const double WAIT_MAX_S = 2; /* a window ends then, whatever CPU time it had */
static const double SLEEP_LEAST_S = 2e-4;

static double now_s(const struct page_marks *m)
{
	return seconds_from_ns(m->env->clock->monotonic_ns(m->env->clock->user));
}

static void sleep_s(const struct page_marks *m, double seconds)
{
	const struct ergon_clock *clock = m->env->clock;
	(void)clock->sleep_until(clock->user,
	                         clock->monotonic_ns(clock->user) + ns_from_seconds(seconds));
}

bool page_marks_ended(const struct page_marks *m)
{
	for (size_t i = 0; i < m->root_count; i++) {
		siginfo_t info = { 0 };
		if (waitid(P_PID, (id_t)m->roots[i], &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    info.si_pid == 0)
			return false;
	}
	return true;
}

static void add_tree(struct page_marks *m, pid_t pid);

/* Any thread may have children; one that has just gone is no loss. */
static void add_children(struct page_marks *m, pid_t pid, const char *thread)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof path, "%s/%d/task/%.20s/children", m->env->procfs_root, (int)pid,
	         thread);
	FILE *file = fopen(path, "re");
	int child;
	while (file && fscanf(file, "%d", &child) == 1)
		add_tree(m, child);
	if (file)
		fclose(file);
}

static void add_tree(struct page_marks *m, pid_t pid)
{
	char path[PATH_SIZE];
	if (m->count == PAGE_MARKS_PROCESSES)
		return;
	m->pids[m->count++] = pid;
	snprintf(path, sizeof path, "%s/%d/task", m->env->procfs_root, (int)pid);
	DIR *dir = opendir(path);
	struct dirent *entry;
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			add_children(m, pid, entry->d_name);
	if (dir)
		closedir(dir);
}

static void find_processes(struct page_marks *m)
{
	m->count = 0;
	for (size_t i = 0; i < m->root_count; i++)
		add_tree(m, m->roots[i]);
}

/* The processes' own CPU clocks: /proc says it only as of the last tick, some milliseconds ago. */
static double cpu_time_s(const struct page_marks *m)
{
	double total = 0;
	for (size_t i = 0; i < m->count; i++) {
		clockid_t clock;
		struct timespec t;
		if (clock_getcpuclockid(m->pids[i], &clock) == 0 && clock_gettime(clock, &t) == 0)
			total += (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
	}
	return total;
}

double page_marks_cpu_s(struct page_marks *m)
{
	find_processes(m);
	return cpu_time_s(m);
}

static void wait_for(const struct page_marks *m, double from_s, double cpu_s)
{
	double begin = now_s(m), left = cpu_s - (cpu_time_s(m) - from_s);
	while (left > 0 && now_s(m) - begin < WAIT_MAX_S && !page_marks_ended(m)) {
		sleep_s(m, fmax(SLEEP_LEAST_S, fmin(left, cpu_s / 4)));
		left = cpu_s - (cpu_time_s(m) - from_s);
	}
}

void page_marks_wait(struct page_marks *m, double cpu_s)
{
	find_processes(m);
	wait_for(m, cpu_time_s(m), cpu_s);
}

/* The soft-dirty marks last: their TLB flush must follow the accessed marks' clearing. */
static bool clear(const struct page_marks *m, bool flush)
{
	bool cleared = false;
	for (size_t i = 0; i < m->count; i++) {
		char path[PATH_SIZE];
		snprintf(path, sizeof path, "%s/%d/clear_refs", m->env->procfs_root,
		         (int)m->pids[i]);
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		bool done = fd >= 0 && write(fd, "1", 1) == 1;
		if (done && flush)
			done = write(fd, "4", 1) == 1;
		cleared = done || cleared;
		if (fd >= 0)
			close(fd);
	}
	return cleared;
}

/* Is a mapping data of the process? Code, and what is read-only beside it in a library, is marked
 * by whoever else runs it. */
static bool is_data(const char *line)
{
	unsigned long long begin, end, inode;
	char may[8];
	if (sscanf(line, "%llx-%llx %7s %*s %*s %llu", &begin, &end, may, &inode) != 4)
		return true;
	bool shown_by_others = inode != 0 && may[1] != 'w' && end - begin < LIBRARY_PART_BYTES;
	return may[2] != 'x' && !shown_by_others;
}

static void add_field(struct page_window *w, const char *line)
{
	static const char *const huge[] = { "AnonHugePages:", "ShmemPmdMapped:", "FilePmdMapped:",
		                            "Shared_Hugetlb:", "Private_Hugetlb:" };
	const char *colon = strchr(line, ':');
	double bytes = colon ? strtod(colon + 1, NULL) * 1024 : 0;
	if (strncmp(line, "Referenced:", 11) == 0)
		w->touched_bytes += bytes;
	else if (strncmp(line, "Rss:", 4) == 0)
		w->resident_bytes += bytes;
	for (size_t i = 0; i < sizeof huge / sizeof *huge; i++)
		if (strncmp(line, huge[i], strlen(huge[i])) == 0)
			w->huge_bytes += bytes;
}

static bool count(const struct page_marks *m, struct page_window *w)
{
	bool seen = false;
	for (size_t i = 0; i < m->count; i++) {
		char path[PATH_SIZE], line[1024];
		bool data = false;
		snprintf(path, sizeof path, "%s/%d/smaps", m->env->procfs_root, (int)m->pids[i]);
		FILE *file = fopen(path, "re");
		while (file && fgets(line, sizeof line, file)) {
			if (line[0] < 'A' || line[0] > 'Z') /* an address */
				data = is_data(line);
			else if (data)
				add_field(w, line);
			seen = seen || strncmp(line, "Referenced:", 11) == 0;
		}
		if (file)
			fclose(file);
	}
	return seen;
}

bool page_marks_window(struct page_marks *m, double cpu_s, bool flush, struct page_window *w)
{
	*w = (struct page_window){ 0 };
	find_processes(m);
	double before_clear = cpu_time_s(m);
	if (!clear(m, flush))
		return false;
	double after_clear = cpu_time_s(m);
	wait_for(m, after_clear, cpu_s);
	double before_count = cpu_time_s(m);
	if (!count(m, w))
		return false;
	double after_count = cpu_time_s(m);
	w->cpu_s = (before_count + after_count - before_clear - after_clear) / 2;
	w->blur_s = (after_clear - before_clear + after_count - before_count) / 2;
	return true;
}
