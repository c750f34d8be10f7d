/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/stream_control.h"

#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stats.h"
#include "understand/page_marks.h"
#include "understand/stream.h"

enum { PASSES_KEPT = 64, FREE_PASSES = 6, WINDOWS = 16, RATES_MAX = 2 * FREE_PASSES * 64 };
static const double WINDOW_S = 0.01, WAIT_MAX_S = 20;

/* What a streaming process tells, in memory that it shares with us: the CPU time of each pass. */
struct report {
	_Atomic uint64_t passes;
	double pass_bytes, pass_s[PASSES_KEPT];
};

struct streams {
	struct page_marks marks;
	struct report *reports; /* [marks.root_count] */
	double waited_s;
};

/* In a process of its own, until it is killed. */
static void stream_forever(const struct ergon_env *env, uint64_t bytes, struct report *report)
{
	struct stream stream;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (stream_start(&stream, env, bytes, NULL))
		_exit(1);
	report->pass_bytes = stream.pass_bytes;
	for (uint64_t pass = 0;; pass++) {
		report->pass_s[pass % PASSES_KEPT] = stream_pass_s(&stream);
		atomic_store(&report->passes, pass + 1);
	}
}

static uint64_t fewest_passes(const struct streams *s)
{
	uint64_t fewest = UINT64_MAX;
	for (size_t i = 0; i < s->marks.root_count; i++) {
		uint64_t passes = atomic_load(&s->reports[i].passes);
		fewest = passes < fewest ? passes : fewest;
	}
	return fewest;
}

/* Until each process has made so many passes more. */
static bool wait_for_passes(struct streams *s, uint64_t passes)
{
	const struct ergon_clock *clock = s->marks.env->clock;
	uint64_t goal = fewest_passes(s) + passes;
	while (fewest_passes(s) < goal && s->waited_s < WAIT_MAX_S) {
		if (page_marks_ended(&s->marks))
			return false;
		(void)clock->sleep_until(clock->user, clock->monotonic_ns(clock->user) + 5000000);
		s->waited_s += 0.005;
	}
	return fewest_passes(s) >= goal;
}

/* The first pass began before, watched perhaps. */
static size_t add_free(struct streams *s, double *rates, size_t count)
{
	uint64_t from[PAGE_MARKS_PROCESSES];
	for (size_t i = 0; i < s->marks.root_count; i++)
		from[i] = atomic_load(&s->reports[i].passes) + 1;
	if (!wait_for_passes(s, FREE_PASSES + 1))
		return count;
	for (size_t i = 0; i < s->marks.root_count; i++)
		for (uint64_t p = from[i]; p < from[i] + FREE_PASSES && count < RATES_MAX; p++)
			rates[count++] = s->reports[i].pass_bytes /
			                 (s->reports[i].pass_s[p % PASSES_KEPT] + 1e-9);
	return count;
}

static size_t add_watched(struct streams *s, double *rates, size_t count)
{
	struct page_window w = { 0 };
	double blur_s = 0;
	for (int i = 0; i < 3 * WINDOWS && count < WINDOWS; i++) {
		if (!page_marks_window(&s->marks, fmax(WINDOW_S, 2 * blur_s), false, &w))
			return count;
		blur_s = w.blur_s;
		if (w.cpu_s > WINDOW_S / 2 && blur_s <= 0.5 * w.cpu_s)
			rates[count++] = w.touched_bytes / w.cpu_s;
	}
	return count;
}

static bool start_all(struct streams *s, unsigned processes, uint64_t bytes)
{
	for (unsigned i = 0; i < processes && s->marks.root_count < PAGE_MARKS_PROCESSES; i++) {
		pid_t pid = fork();
		if (pid < 0)
			return false;
		if (pid == 0)
			stream_forever(s->marks.env, bytes, &s->reports[i]);
		s->marks.roots[s->marks.root_count++] = pid;
	}
	return s->marks.root_count > 0 && wait_for_passes(s, 1);
}

static void end_all(struct streams *s)
{
	for (size_t i = 0; i < s->marks.root_count; i++)
		kill(s->marks.roots[i], SIGKILL);
	for (size_t i = 0; i < s->marks.root_count; i++)
		waitpid(s->marks.roots[i], NULL, 0);
}

static void measure(struct stream_control *c, struct streams *s, double *rates)
{
	size_t free_count = add_free(s, rates, 0);
	double watched[WINDOWS];
	size_t watched_count = add_watched(s, watched, 0);
	free_count = add_free(s, rates, free_count);
	c->free = page_rate_of(rates, free_count);
	c->watched = page_rate_of(watched, watched_count);
	if (watched_count == 0)
		snprintf(c->absent, sizeof c->absent,
		         "the kernel does not show which pages are touched (clear_refs)");
	else if (!isfinite(c->free.half_width) || !isfinite(c->watched.half_width))
		snprintf(c->absent, sizeof c->absent,
		         "others left too little of the processors to measure a stream");
}

void stream_control_measure(struct stream_control *c, const struct ergon_env *env,
                            unsigned processes, uint64_t bytes)
{
	const double nan = (double)NAN;
	if (processes > PAGE_MARKS_PROCESSES)
		processes = PAGE_MARKS_PROCESSES;
	size_t size = processes * sizeof(struct report);
	*c = (struct stream_control){ .watched = { nan, nan }, .free = { nan, nan } };
	struct streams *s = calloc(1, sizeof *s);
	double *rates = calloc(RATES_MAX, sizeof *rates);
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s && rates && shared != MAP_FAILED) {
		s->marks.env = env;
		s->reports = shared;
		if (start_all(s, processes, bytes / processes))
			measure(c, s, rates);
		else
			snprintf(c->absent, sizeof c->absent, "no stream could be started");
		end_all(s);
	} else {
		snprintf(c->absent, sizeof c->absent, "out of memory");
	}
	if (shared != MAP_FAILED)
		munmap(shared, size);
	free(rates);
	free(s);
}
