/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/parallel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/units.h"

enum { PATH_SIZE = 1024, NODES_MAX = 1 << 16 };
static const uint64_t look_ns = 20 * NS_PER_MS;
/* After a launcher's SIGTERM comes its SIGKILL: Open MPI waits one second. */
static const uint64_t grace_ns = 300 * NS_PER_MS;
/* A document that ended so long before this job began is a former job's of the same name. */
static const double stale_s = 600;

struct parallel {
	const struct ergon_env *env;
	struct ranks ranks;
	struct parallel_options options;
	char folder[PATH_SIZE];  /* the node's */
	char shared[PATH_SIZE];  /* the job's; "" where there is one node */
	int lock;                /* meter or rank-N */
	struct rank_end *others; /* [other_count] */
	size_t other_count;
	uint64_t until_ns; /* once a signal said stop; UINT64_MAX */
};

static uint64_t now_ns(const struct parallel *p)
{
	return p->env->clock->monotonic_ns(p->env->clock->user);
}

static void pause_ns(const struct parallel *p, uint64_t ns)
{
	p->env->clock->sleep_until(p->env->clock->user, now_ns(p) + ns);
}

static void stop_signals(sigset_t *stop)
{
	sigemptyset(stop);
	sigaddset(stop, SIGINT);
	sigaddset(stop, SIGTERM);
	sigaddset(stop, SIGHUP);
	sigaddset(stop, SIGQUIT);
}

/* Waits a little; a signal leaves only the grace time for what is still to do. */
static void pause_or_hurry(struct parallel *p, const sigset_t *stop)
{
	const struct timespec patience = { .tv_nsec = (long)look_ns };
	if (sigtimedwait(stop, NULL, &patience) > 0)
		parallel_hurry(p);
}

void parallel_hurry(struct parallel *p)
{
	if (p->until_ns == UINT64_MAX)
		p->until_ns = now_ns(p) + grace_ns;
}

static bool path_of(char *path, const char *folder, const char *format, ...) ERGON_PRINTF(3, 4);
static bool path_of(char *path, const char *folder, const char *format, ...)
{
	char name[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(name, sizeof name, format, arguments);
	va_end(arguments);
	return file_join(path, PATH_SIZE, folder, name);
}

/* A folder in a place where anybody may make folders: it must be ours, and no link. */
static enum ergon_code make_own(const char *path, struct ergon_error *err)
{
	struct stat info;
	if (mkdir(path, 0700) && errno != EEXIST)
		return ergon_fail(err, ERGON_IO, "cannot make '%.300s': %s", path, strerror(errno));
	if (lstat(path, &info) || !S_ISDIR(info.st_mode) || info.st_uid != geteuid())
		return ergon_fail(err, ERGON_NO_PERMISSION,
		                  "'%.300s' is not a folder of this user's", path);
	return ERGON_OK;
}

static enum ergon_code make_folders(struct parallel *p, struct ergon_error *err)
{
	char own[PATH_SIZE];
	const struct ranks *r = &p->ranks;
	const char *root = p->options.node_root ? p->options.node_root : "/tmp";
	char job[160];
	/* Without a name for the job: ranks of one node have the launcher's helper as parent. */
	if (r->job[0])
		snprintf(job, sizeof job, "%s", r->job);
	else
		snprintf(job, sizeof job, "parent-%ld", (long)getppid());
	if (!path_of(own, root, "ergon-%lu", (unsigned long)geteuid()) ||
	    !path_of(p->folder, own, "%s-%s", job, r->node))
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "the path of the node's folder is too long");
	enum ergon_code code = make_own(own, err);
	if (!code)
		code = make_own(p->folder, err);
	if (code || r->local_size == r->size)
		return code;
	if (!r->job[0])
		return ergon_fail(err, ERGON_NOT_SUPPORTED,
		                  "the launcher (%s) gives the job no name that its nodes share: "
		                  "set ERGON_JOB_ID to one",
		                  r->launcher);
	if (!path_of(p->shared, p->options.shared, "mpi-%s", job))
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "the path of the shared folder is too long");
	return file_make_dirs(p->shared, err);
}

/* Opens and locks a file that whoever comes first may remove: it must still be there after. */
static int lock_file(const char *path)
{
	for (int tries = 0; tries < 100; tries++) {
		struct stat ours, there;
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &ours) == 0 &&
		    stat(path, &there) == 0 && ours.st_ino == there.st_ino)
			return fd;
		close(fd);
		if (errno == EWOULDBLOCK)
			return -1;
	}
	return -1;
}

static bool is_locked(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	bool locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return locked;
}

/* What a killed job of the same name left behind. */
static void sweep(const struct parallel *p)
{
	char path[PATH_SIZE];
	if (path_of(path, p->folder, "ready"))
		unlink(path);
	for (int i = 0; i < p->ranks.size; i++) {
		if (!path_of(path, p->folder, "rank-%d", i) || access(path, F_OK))
			continue;
		int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			unlink(path);
		if (fd >= 0)
			close(fd);
	}
}

static enum ergon_code take_part(struct parallel *p, struct ergon_error *err)
{
	char path[PATH_SIZE];
	bool meters = parallel_meters(p);
	bool fits = meters ? path_of(path, p->folder, "meter")
	                   : path_of(path, p->folder, "rank-%d", p->ranks.rank);
	if (fits)
		p->lock = lock_file(path);
	if (p->lock < 0)
		return ergon_fail(err, ERGON_IO, "cannot lock '%.300s'%s", path,
		                  meters ? ": another job of this name runs on this node" : "");
	if (!meters)
		return ERGON_OK;
	sweep(p);
	p->others = calloc((size_t)p->ranks.local_size, sizeof *p->others);
	return p->others ? ERGON_OK : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

enum ergon_code parallel_join(struct parallel **out, const struct ergon_env *env,
                              const struct ranks *ranks, const struct parallel_options *options,
                              struct ergon_error *err)
{
	*out = NULL;
	if (ranks->size < 0 || ranks->local_rank < 0 || ranks->local_size < 0)
		return ergon_fail(
		    err, ERGON_NOT_SUPPORTED,
		    "--mpi: the launcher (%s) does not say how many ranks there are "
		    "on this node; mpirun of Open MPI, MPICH or Intel MPI and srun do",
		    ranks->launcher ? ranks->launcher : "none");
	struct parallel *p = calloc(1, sizeof *p);
	if (!p)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	p->env = env;
	p->ranks = *ranks;
	p->options = *options;
	p->lock = -1;
	p->until_ns = UINT64_MAX;
	enum ergon_code code = make_folders(p, err);
	if (!code)
		code = take_part(p, err);
	if (code)
		parallel_leave(p);
	else
		*out = p;
	return code;
}

bool parallel_meters(const struct parallel *p)
{
	return p->ranks.local_rank == 0;
}

bool parallel_reports(const struct parallel *p)
{
	return p->ranks.rank == 0;
}

void parallel_ready(struct parallel *p)
{
	char path[PATH_SIZE];
	if (!path_of(path, p->folder, "ready"))
		return;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		close(fd);
}

bool parallel_await_meter(struct parallel *p)
{
	char meter[PATH_SIZE], ready[PATH_SIZE];
	uint64_t until_ns = now_ns(p) + p->options.patience_ns;
	if (!path_of(meter, p->folder, "meter") || !path_of(ready, p->folder, "ready"))
		return false;
	while (!(is_locked(meter) && access(ready, F_OK) == 0)) {
		if (now_ns(p) >= until_ns)
			return false;
		pause_ns(p, look_ns / 4);
	}
	return true;
}

void parallel_ended(struct parallel *p, const struct run_result *result)
{
	char text[128];
	int length = snprintf(text, sizeof text, "%d %.6f %.6f\n", result->status, result->user_s,
	                      result->system_s);
	if (pwrite(p->lock, text, (size_t)length, 0) != length || !result->interrupted)
		return; /* unwritten, it will count as vanished */
	char meter[PATH_SIZE];
	uint64_t until_ns = now_ns(p) + 3 * grace_ns;
	flock(p->lock, LOCK_UN);
	while (path_of(meter, p->folder, "meter") && is_locked(meter) && now_ns(p) < until_ns)
		pause_ns(p, look_ns / 4);
}

/* "status user_s system_s", strictly. */
static bool parse_end(char *text, struct rank_end *end)
{
	int64_t status;
	char *rest = text, *words[3];
	text[strcspn(text, "\n")] = '\0';
	for (int i = 0; i < 3; i++)
		if (!(words[i] = strsep(&rest, " ")))
			return false;
	if (rest || !parse_i64(words[0], &status) || status < 0 || status > 255 ||
	    !parse_real(words[1], &end->user_s) || !parse_real(words[2], &end->system_s) ||
	    end->user_s < 0 || end->system_s < 0)
		return false;
	end->status = (int)status;
	return true;
}

/* Which ranks of this node have been seen, and how many of them still live. */
static size_t living_others(struct parallel *p)
{
	size_t living = 0, most = (size_t)p->ranks.local_size - 1;
	p->other_count = 0;
	for (int i = 0; i < p->ranks.size && p->other_count < most; i++) {
		char path[PATH_SIZE], text[128];
		if (i == p->ranks.rank || !path_of(path, p->folder, "rank-%d", i) ||
		    access(path, F_OK))
			continue;
		struct rank_end end = { .rank = i };
		living += is_locked(path);
		end.vanished = !file_read_small(path, text, sizeof text) || !parse_end(text, &end);
		p->others[p->other_count++] = end;
	}
	return living;
}

void parallel_await_others(struct parallel *p)
{
	sigset_t stop;
	uint64_t begin_ns = now_ns(p);
	size_t expected = (size_t)p->ranks.local_size - 1;
	stop_signals(&stop);
	for (;;) {
		size_t living = living_others(p);
		uint64_t time_ns = now_ns(p);
		if (living == 0 && p->other_count == expected)
			return;
		if (living == 0 && time_ns - begin_ns > p->options.patience_ns)
			return; /* the rest never started */
		if (time_ns > p->until_ns)
			return;
		pause_or_hurry(p, &stop);
	}
}

const struct rank_end *parallel_others(const struct parallel *p, size_t *count)
{
	*count = p->other_count;
	return p->others;
}

void parallel_add_others(const struct parallel *p, struct run_result *result)
{
	for (size_t i = 0; i < p->other_count; i++) {
		result->user_s += p->others[i].user_s;
		result->system_s += p->others[i].system_s;
	}
}

/* --- several nodes -------------------------------------------------------- */

static json_t *load_node(const char *path, double since_unix_s)
{
	json_t *document = NULL;
	struct ergon_error err = { 0 };
	if (json_load(path, &document, &err))
		return NULL; /* written whole or not at all: somebody else's file */
	double end_s = json_number_value(json_object_get(document, "started_unix_s")) +
	               json_number_value(json_object_get(document, "duration_s"));
	const char *kind = json_string_value(json_object_get(document, "kind"));
	const char *node = json_string_value(json_object_get(document, "node"));
	if (kind && strcmp(kind, "ergon.measure") == 0 && node && end_s > since_unix_s - stale_s)
		return document;
	json_decref(document);
	return NULL;
}

static int ranks_of(const json_t *node)
{
	return (int)json_array_size(json_object_get(node, "ranks"));
}

/* All documents that are there; returns how many ranks they account for. */
static int collect(const struct parallel *p, json_t *own, json_t ***nodes, size_t *count)
{
	double since_s = json_number_value(json_object_get(own, "started_unix_s"));
	char skip[300];
	snprintf(skip, sizeof skip, "node-%s.json", p->ranks.node);
	struct dirent *entry;
	int ranks = ranks_of(own);
	DIR *folder = opendir(p->shared);
	size_t capacity = 64;
	*count = 0;
	if (!(*nodes = calloc(capacity, sizeof **nodes))) {
		if (folder)
			closedir(folder);
		return -1;
	}
	(*nodes)[(*count)++] = json_incref(own);
	while (folder && (entry = readdir(folder)) && *count < NODES_MAX) {
		char path[PATH_SIZE];
		size_t length = strlen(entry->d_name);
		if (strncmp(entry->d_name, "node-", 5) != 0 || length < 11 ||
		    strcmp(entry->d_name + length - 5, ".json") != 0 ||
		    strcmp(entry->d_name, skip) == 0 ||
		    !path_of(path, p->shared, "%s", entry->d_name))
			continue;
		json_t *document = load_node(path, since_s);
		json_t **more = *nodes;
		if (document && *count == capacity)
			more = reallocarray(*nodes, capacity *= 2, sizeof *more);
		if (!more)
			json_decref(document);
		if (!document || !more)
			continue;
		*nodes = more;
		(*nodes)[(*count)++] = document;
		ranks += ranks_of(document);
	}
	if (folder)
		closedir(folder);
	return ranks;
}

static void drop(json_t **nodes, size_t count)
{
	for (size_t i = 0; nodes && i < count; i++)
		json_decref(nodes[i]);
	free(nodes);
}

static int by_node_name(const void *a, const void *b)
{
	const char *x = json_string_value(json_object_get(*(json_t *const *)a, "node"));
	const char *y = json_string_value(json_object_get(*(json_t *const *)b, "node"));
	return strcmp(x ? x : "", y ? y : "");
}

static void remove_shared(const struct parallel *p)
{
	struct dirent *entry;
	DIR *folder = opendir(p->shared);
	while (folder && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
	rmdir(p->shared);
}

static enum ergon_code tell_node(const struct parallel *p, json_t *node, struct ergon_error *err)
{
	char path[PATH_SIZE];
	if (!path_of(path, p->shared, "node-%s.json", p->ranks.node))
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "the path of the shared folder is too long");
	return json_save(node, path, err);
}

static bool add_ranks(const struct parallel *p, json_t *node)
{
	json_t *ranks = json_array();
	const json_t *own = json_object_get(node, "exit_status");
	json_array_append_new(ranks, json_pack("{s:i, s:I}", "rank", p->ranks.rank, "exit_status",
	                                       json_integer_value(own)));
	for (size_t i = 0; i < p->other_count; i++)
		json_array_append_new(
		    ranks, json_pack("{s:i, s:o}", "rank", p->others[i].rank, "exit_status",
		                     p->others[i].vanished ? json_null()
		                                           : json_integer(p->others[i].status)));
	return json_object_set_new(node, "node", json_string(p->ranks.node)) == 0 &&
	       json_object_set_new(node, "ranks", ranks) == 0;
}

enum ergon_code parallel_total(struct parallel *p, json_t *node, json_t **total,
                               struct ergon_error *err)
{
	*total = NULL;
	if (!add_ranks(p, node))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (!parallel_reports(p))
		return tell_node(p, node, err);
	json_t **nodes = NULL;
	size_t count = 0;
	sigset_t stop, before;
	uint64_t until_ns = now_ns(p) + p->options.patience_ns;
	stop_signals(&stop);
	pthread_sigmask(SIG_BLOCK, &stop, &before);
	for (;;) {
		int ranks = collect(p, node, &nodes, &count);
		uint64_t time_ns = now_ns(p);
		if (ranks < 0 || !p->shared[0] || ranks >= p->ranks.size || time_ns >= until_ns ||
		    time_ns >= p->until_ns)
			break;
		drop(nodes, count);
		nodes = NULL;
		pause_or_hurry(p, &stop);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!nodes)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	qsort(nodes, count, sizeof *nodes, by_node_name);
	*total = parallel_sum(nodes, count, p->ranks.size, p->ranks.launcher);
	drop(nodes, count);
	if (p->shared[0])
		remove_shared(p);
	return *total ? ERGON_OK : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

void parallel_leave(struct parallel *p)
{
	char path[PATH_SIZE];
	if (!p)
		return;
	if (p->lock >= 0 && parallel_meters(p)) {
		sweep(p);
		if (path_of(path, p->folder, "meter"))
			unlink(path);
		rmdir(p->folder);
	}
	if (p->lock >= 0)
		close(p->lock);
	free(p->others);
	free(p);
}
