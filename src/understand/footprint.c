/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/footprint.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stats.h"
#include "understand/page_marks.h"

enum { SAMPLES_MAX = 400, SAMPLES_LEAST = 3 };
/* CPU time of a window: short for the rate, long for the working set. A short one still lasts some
 * times longer than the walks over the pages. */
static const double SHORT_S = 0.003, LONG_S = 0.1, WALKS = 3, BLUR_MOST = 0.5;
/* The walks are not quite even: no rate is known better than this. */
static const double RATE_LEAST_ERROR = 0.03, KEPT_ERROR = 0.2;
static const double HUGE_PAGES = 0.1; /* of the memory: marks may then be stale (page_marks.h) */

struct watch {
	struct page_marks marks;
	double rates[SAMPLES_MAX], windows[SAMPLES_MAX], sets[SAMPLES_MAX];
	double window_s[SAMPLES_MAX], set_s[SAMPLES_MAX];
	size_t rate_count, window_count, set_count;
	double peak, huge, blur_s;
};

static bool short_window(struct watch *w, bool flush, struct page_window *window, bool *good)
{
	double cpu_s = fmin(fmax(SHORT_S, WALKS * w->blur_s), LONG_S);
	if (!page_marks_window(&w->marks, cpu_s, flush, window))
		return false;
	w->blur_s = window->blur_s;
	/* Otherwise it hardly ran, or we did not. */
	*good = window->cpu_s >= cpu_s / 2 && window->blur_s <= BLUR_MOST * window->cpu_s;
	return true;
}

/* How fast. */
static bool rate_window(struct watch *w)
{
	struct page_window window;
	bool good;
	if (!short_window(w, false, &window, &good))
		return false;
	if (good && w->rate_count < SAMPLES_MAX)
		w->rates[w->rate_count++] = window.touched_bytes / window.cpu_s;
	return true;
}

/* How much, soon. */
static bool whole_window(struct watch *w)
{
	struct page_window window;
	bool good;
	if (!short_window(w, true, &window, &good))
		return false;
	if (good && w->window_count < SAMPLES_MAX) {
		w->window_s[w->window_count] = window.cpu_s;
		w->windows[w->window_count++] = window.touched_bytes;
	}
	return true;
}

/* And in the long run. */
static bool long_window(struct watch *w)
{
	struct page_window window;
	if (!page_marks_window(&w->marks, LONG_S, true, &window))
		return false;
	w->peak = fmax(w->peak, window.resident_bytes);
	w->huge = fmax(w->huge, window.huge_bytes);
	if (window.cpu_s >= LONG_S / 2 && w->set_count < SAMPLES_MAX) {
		w->set_s[w->set_count] = window.cpu_s;
		w->sets[w->set_count++] = window.touched_bytes;
	}
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

/* The median, and the interval of it that the spread about it allows: the standard error of a
 * median is 1.25 times that of a mean, and a normal spread 1.48 times the median deviation. */
struct page_rate page_rate_of(double *values, size_t count)
{
	struct page_rate r = { stats_median(values, count), (double)INFINITY };
	double *away = count >= SAMPLES_LEAST ? calloc(count, sizeof *away) : NULL;
	if (!away)
		return r;
	for (size_t i = 0; i < count; i++)
		away[i] = fabs(values[i] - r.value);
	double deviation = 1.48 * stats_median(away, count);
	free(away);
	r.half_width =
	    fmax(1.96 * 1.25 * deviation / sqrt((double)count), RATE_LEAST_ERROR * fabs(r.value));
	return r;
}

static void conclude(struct footprint *f, struct watch *w)
{
	f->samples = w->rate_count + w->window_count + w->set_count;
	f->peak_bytes = w->peak;
	f->huge_share = w->peak > 0 ? fmin(1, w->huge / w->peak) : 0;
	if (w->rate_count < SAMPLES_LEAST || w->window_count < SAMPLES_LEAST ||
	    w->set_count < SAMPLES_LEAST) {
		snprintf(f->absent, sizeof f->absent,
		         "too few intervals: the command must run for a second or so");
		return;
	}
	f->rate = page_rate_of(w->rates, w->rate_count);
	stats_sort(w->windows, w->window_count);
	stats_sort(w->sets, w->set_count);
	f->window_bytes = stats_quantile_sorted(w->windows, w->window_count, 0.75);
	f->set_bytes = stats_quantile_sorted(w->sets, w->set_count, 0.75);
	f->window_s = stats_median(w->window_s, w->window_count);
	f->set_s = stats_median(w->set_s, w->set_count);
}

enum ergon_code footprint_probe(struct footprint *f, const struct ergon_env *env,
                                char *const argv[], char *const environment[],
                                struct ergon_error *err)
{
	const double nan = (double)NAN;
	*f = (struct footprint){ .set_bytes = nan, .window_bytes = nan, .rate = { nan, nan } };
	struct watch *w = calloc(1, sizeof *w);
	if (!w)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	pid_t child = start(argv, environment, err);
	if (child < 0) {
		free(w);
		return ERGON_IO;
	}
	w->marks = (struct page_marks){ .env = env, .roots = { child }, .root_count = 1 };
	bool seen = true;
	while (seen && !page_marks_ended(&w->marks) && w->set_count < SAMPLES_MAX)
		seen = rate_window(w) && whole_window(w) && rate_window(w) && long_window(w);
	if (!seen && !page_marks_ended(&w->marks))
		snprintf(f->absent, sizeof f->absent,
		         "the kernel does not show which pages are touched (clear_refs)");
	int status = 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	f->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (!f->absent[0])
		conclude(f, w);
	free(w);
	return ERGON_OK;
}

/* Relative to the stream's time for a byte, the command's is 1 + x: under watch it takes so much
 * more (or less) than the stream, and the marks cost both the same. Errors are independent, so they
 * add up as squares. */
struct footprint_share footprint_share(const struct footprint *f, const struct stream_control *c)
{
	struct footprint_share share = { 0, (double)INFINITY };
	double rate = f->rate.value, free = c->free.value;
	if (!(rate > f->rate.half_width) || !(free > c->free.half_width) ||
	    !(c->watched.value > c->watched.half_width))
		return share;
	if (f->huge_share > HUGE_PAGES) { /* marked at hardly a cost, and not all of them seen */
		share.low = (rate - f->rate.half_width) / (free + c->free.half_width);
		return share;
	}
	double watched = fmin(c->watched.value, free); /* marks that cost nothing are no gain */
	double more_s = 1 / rate - 1 / watched;
	double error_s =
	    hypot(f->rate.half_width / (rate * rate), c->watched.half_width / (watched * watched));
	double x = free * more_s, error = hypot(free * error_s, more_s * c->free.half_width);
	if (1 + x + error <= 0)
		return share; /* the two watches do not fit together */
	share.low = 1 / (1 + x + error);
	if (1 + x - error > 0)
		share.high = 1 / (1 + x - error);
	return share;
}

double footprint_kept(const struct footprint *f, const struct stream_control *c)
{
	double extra = fmax(0, 1 / c->watched.value - 1 / c->free.value);
	/* Without the time that the marks took. */
	double few_s = f->window_s - extra * f->window_bytes;
	double many_s = f->set_s - extra * f->set_bytes;
	if (!(few_s > 0) || !(many_s > 2 * few_s))
		return (double)NAN;
	double fresh = fmax(0, f->set_bytes - f->window_bytes) / (many_s - few_s);
	return fmax(0, f->window_bytes - fresh * few_s) + KEPT_ERROR * f->window_bytes;
}
