/* SPDX-License-Identifier: Apache-2.0
 *
 * Working through a campaign: a leading process, which says that it lives, and its workers, which
 * claim units. Workers are processes, not threads: an oracle's cache belongs to one thread, solver
 * libraries hold globals, and a worker that dies takes nothing else with it.
 */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/units.h"
#include "optimize/campaign/campaign.h"
#include "optimize/campaign/folder.h"

enum {
	POLL_MS = 50,    /* while there is nothing to claim, but others are not done */
	TOUCH_MS = 1000, /* between signs of life */
	DEATHS_MAX = 2,  /* of workers over one unit, before the unit counts as failed */
	NO_UNIT = UINT32_MAX
};

/* Shared between a leading process and its workers. */
struct seat {
	pid_t pid;
	uint32_t unit; /* that it is at, or NO_UNIT */
};

/* What a worker keeps between units: loading is dear, and policies follow one another. */
struct bench {
	struct experiment experiment;
	struct campaign_unit of;
	enum ergon_code code; /* of loading */
	struct ergon_error err;
	bool loaded;
};

static void pause_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
	nanosleep(&time, NULL);
}

static void sit_down(const struct campaign *c, struct bench *bench, struct campaign_unit unit)
{
	if (bench->loaded && bench->of.load == unit.load && bench->of.trace == unit.trace &&
	    bench->of.seed == unit.seed)
		return;
	if (bench->loaded)
		experiment_fini(&bench->experiment);
	struct experiment_options options = c->options.base;
	options.trace = c->traces[unit.trace];
	options.load = c->by_file ? 1 : c->options.loads[unit.load];
	options.resample = unit.seed > 0;
	options.seed += unit.seed;
	bench->of = unit;
	bench->loaded = true;
	bench->err = (struct ergon_error){ 0 };
	bench->code = experiment_load(c->env, &options, &bench->experiment, &bench->err);
	if (!bench->code)
		bench->code = experiment_bound(&bench->experiment, &bench->err);
}

/* What no policy can beat on this trace, and how far this one is from it. */
static void add_bound(json_t *metrics, const struct experiment *x, const struct metrics *m)
{
	double pace_j = experiment_pace_bound_j(x, m);
	const struct {
		const char *name;
		double value;
	} rows[] = { { "bound_energy_j", x->bound.energy_j },
		     { "bound_jct_mean_s", x->bound.jct_mean_s },
		     { "energy_over_bound", m->energy_j / x->bound.energy_j },
		     { "jct_over_bound", m->jct_mean_s / x->bound.jct_mean_s },
		     { "bound_jobs_energy_j", x->bound.jobs_j },
		     { "pace_bound_energy_j", pace_j },
		     { "energy_over_pace_bound", m->energy_j / pace_j } };
	for (size_t i = 0; x->bounded && i < sizeof rows / sizeof *rows; i++)
		json_object_set_new(metrics, rows[i].name, json_number(rows[i].value));
}

/* The outcome of a unit; a failure is an outcome too, and says why. */
static json_t *do_unit(const struct campaign *c, struct bench *bench, struct campaign_unit unit)
{
	struct policy_result result = { 0 };
	struct ergon_error err = { 0 };
	sit_down(c, bench, unit);
	enum ergon_code code = bench->code;
	if (code)
		err = bench->err;
	else
		code = experiment_run(&bench->experiment, c->options.policies[unit.policy], &result,
		                      &err);
	json_t *outcome = json_object();
	if (code) {
		char text[sizeof err.text + 300];
		ergon_error_describe(&err, text, sizeof text);
		json_object_set_new(outcome, "failure", json_string(text));
		json_object_set_new(outcome, "code", json_integer((json_int_t)code));
	} else {
		json_object_set_new(outcome, "jobs", json_integer(bench->experiment.count));
		json_object_set_new(outcome, "gpus", json_integer(bench->experiment.cluster.gpus));
		json_object_set_new(outcome, "oracle",
		                    experiment_oracle_to_json(&bench->experiment));
		json_t *metrics = metrics_to_json(&result.metrics, false);
		add_bound(metrics, &bench->experiment, &result.metrics);
		json_object_set_new(outcome, "metrics", metrics);
		json_object_set_new(outcome, "audited", json_boolean(result.audited));
	}
	policy_result_fini(&result);
	return outcome;
}

/* The next unit that is neither done nor somebody's, from *at on and round; NO_UNIT: none now.
 * *left tells whether any is not done. */
static uint32_t next_unit(const struct campaign *c, const struct campaign_folder *folder,
                          uint8_t *done, uint32_t *at, bool *left)
{
	*left = false;
	for (uint32_t i = 0; i < c->unit_count; i++) {
		uint32_t unit = (*at + i) % c->unit_count;
		if (done[unit] || (done[unit] = campaign_is_done(folder, unit)))
			continue;
		*left = true;
		char name[16];
		snprintf(name, sizeof name, "%u", unit);
		if (!campaign_claim(folder, name))
			continue;
		/* Done by its last owner between the two looks? */
		done[unit] = campaign_is_done(folder, unit);
		if (done[unit]) {
			campaign_unclaim(folder, name);
			continue;
		}
		*at = unit;
		return unit;
	}
	return NO_UNIT;
}

static int work(const struct campaign *c, const struct campaign_folder *folder, struct seat *seat,
                uint32_t first)
{
	struct bench bench = { .loaded = false };
	uint8_t *done = calloc(c->unit_count, 1);
	bool left = done != NULL;
	uint32_t at = first;
	int status = done ? 0 : 1;
	while (left && status == 0) {
		uint32_t unit = next_unit(c, folder, done, &at, &left);
		if (unit == NO_UNIT) {
			if (left)
				pause_ms(POLL_MS);
			continue;
		}
		char name[16];
		struct ergon_error err = { 0 };
		snprintf(name, sizeof name, "%u", unit);
		__atomic_store_n(&seat->unit, unit, __ATOMIC_SEQ_CST);
		json_t *outcome = do_unit(c, &bench, c->units[unit]);
		if (!outcome || campaign_put(folder, unit, outcome, &err)) {
			if (c->env->log)
				c->env->log(c->env->log_user, ERGON_LOG_WARNING, err.text);
			status = 1;
		}
		json_decref(outcome);
		__atomic_store_n(&seat->unit, NO_UNIT, __ATOMIC_SEQ_CST);
		campaign_unclaim(folder, name);
		done[unit] = status == 0;
	}
	if (bench.loaded)
		experiment_fini(&bench.experiment);
	free(done);
	return status;
}

static bool start_worker(const struct campaign *c, const struct campaign_folder *folder,
                         struct seat *seat, uint32_t index, uint32_t workers)
{
	pid_t leader = getpid();
	/* Workers begin spread over the units, so that each keeps to one trace for a while. */
	uint64_t all = (uint64_t)workers * (uint64_t)c->ranks.size;
	uint64_t me = (uint64_t)c->ranks.rank * workers + index;
	uint32_t first = (uint32_t)(c->unit_count * me / all);
	seat->unit = NO_UNIT;
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(getppid() == leader ? work(c, folder, seat, first) : 1);
	}
	seat->pid = pid > 0 ? pid : 0;
	return pid > 0;
}

/* A worker died over a unit: others get it, or, if that happens again, it counts as failed. */
static enum ergon_code after_death(const struct campaign_folder *folder, uint32_t unit, int status,
                                   uint8_t *deaths, struct ergon_error *err)
{
	char name[16];
	enum ergon_code code = ERGON_OK;
	snprintf(name, sizeof name, "%u", unit);
	if (++deaths[unit] >= DEATHS_MAX && !campaign_is_done(folder, unit)) {
		char text[96];
		snprintf(text, sizeof text, "the worker died %d times of signal %d", DEATHS_MAX,
		         WIFSIGNALED(status) ? WTERMSIG(status) : 0);
		json_t *outcome =
		    json_pack("{s:s, s:i}", "failure", text, "code", (int)ERGON_INTERNAL);
		code = outcome ? campaign_put(folder, unit, outcome, err) : ERGON_NO_MEMORY;
		json_decref(outcome);
	}
	campaign_unclaim(folder, name);
	return code;
}

/* Says that it lives, shows progress, replaces workers that died, until all have gone home. */
static enum ergon_code lead(struct campaign *c, const struct campaign_folder *folder,
                            struct seat *seats, uint32_t workers, uint8_t *done,
                            struct ergon_error *err)
{
	uint8_t *deaths = ARENA_ARRAY(&c->arena, uint8_t, c->unit_count);
	if (!deaths)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = ERGON_OK;
	uint32_t working = workers, finished = c->found;
	for (long ms = 0; working > 0 && !code; ms += POLL_MS) {
		pause_ms(POLL_MS);
		if (ms % TOUCH_MS == 0)
			campaign_folder_touch(folder);
		for (uint32_t i = 0; i < workers && !code; i++) {
			int status;
			if (!seats[i].pid || waitpid(seats[i].pid, &status, WNOHANG) <= 0)
				continue;
			uint32_t unit = __atomic_load_n(&seats[i].unit, __ATOMIC_SEQ_CST);
			seats[i].pid = 0;
			working--;
			if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
				continue;
			if (WIFEXITED(status))
				code = ergon_fail(err, ERGON_IO,
				                  "a worker gave up: %s cannot be "
				                  "written, or memory is out",
				                  folder->path);
			else if (unit != NO_UNIT)
				code = after_death(folder, unit, status, deaths, err);
			if (!code)
				working += start_worker(c, folder, &seats[i], i, workers);
		}
		for (uint32_t i = 0; i < c->unit_count && ms % 500 == 0 && c->progress; i++)
			if (!done[i] && campaign_is_done(folder, i)) {
				done[i] = 1;
				finished++;
			}
		char note[64];
		snprintf(note, sizeof note, "%u of %u runs", finished, c->unit_count);
		if (c->progress)
			c->progress(c->progress_user, (double)finished / c->unit_count, note);
	}
	for (uint32_t i = 0; i < workers; i++)
		if (seats[i].pid) {
			kill(seats[i].pid, SIGKILL);
			waitpid(seats[i].pid, NULL, 0);
		}
	return code;
}

/* Of this process: the processors that it may use, shared with the ranks beside it. */
static uint32_t worker_count(const struct campaign *c, uint32_t to_do)
{
	uint32_t count = c->options.workers;
	if (!count) {
		cpu_set_t set;
		int processors = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
		int beside = c->ranks.local_size > 1 ? c->ranks.local_size : 1;
		/* mpirun binds ranks to cores of their own, or lets them all have all. */
		bool bound = processors * beside <= sysconf(_SC_NPROCESSORS_ONLN);
		count = (uint32_t)(bound ? processors : (processors + beside - 1) / beside);
	}
	if (count > to_do)
		count = to_do;
	return count < 1 ? 1 : count < CAMPAIGN_WORKERS_MAX ? count : CAMPAIGN_WORKERS_MAX;
}

static enum ergon_code open_folder(const struct campaign *c, struct campaign_folder *folder,
                                   struct ergon_error *err)
{
	char host[96] = "host";
	gethostname(host, sizeof host - 1);
	const struct ergon_clock *clock = c->env->clock;
	return campaign_folder_open(folder, c->folder, host, clock->boottime_ns(clock->user),
	                            c->description, err);
}

enum ergon_code campaign_run(struct campaign *c, struct ergon_error *err)
{
	struct campaign_folder *folder = ARENA_NEW(&c->arena, struct campaign_folder);
	uint8_t *done = ARENA_ARRAY(&c->arena, uint8_t, c->unit_count);
	if (!folder || !done)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = open_folder(c, folder, err);
	if (code)
		return code;
	c->shared = folder;
	for (uint32_t i = 0; i < c->unit_count; i++)
		c->found += done[i] = campaign_is_done(folder, i);
	if (c->found == c->unit_count)
		return ERGON_OK;
	uint32_t workers = worker_count(c, c->unit_count - c->found);
	struct seat *seats = mmap(NULL, workers * sizeof *seats, PROT_READ | PROT_WRITE,
	                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seats == MAP_FAILED)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; i < workers && !code; i++)
		if (!start_worker(c, folder, &seats[i], i, workers))
			code = ergon_fail(err, ERGON_IO, "fork: %s", strerror(errno));
	if (!code)
		code = lead(c, folder, seats, workers, done, err);
	munmap(seats, workers * sizeof *seats);
	return code;
}

/* One report a launch: a later launch over the same folder reports again. */
static void report_name(const struct campaign *c, const char *what, char *out, size_t size)
{
	snprintf(out, size, "%s-%.100s", what, c->ranks.job);
	for (char *at = out; *at; at++)
		if (*at == '/')
			*at = '_';
}

bool campaign_reports(struct campaign *c)
{
	char report[128], reported[128];
	if (c->ranks.size <= 1 || !c->shared)
		return true;
	report_name(c, "report", report, sizeof report);
	report_name(c, "reported", reported, sizeof reported);
	for (long ms = 0;; ms += POLL_MS) {
		if (campaign_was_claimed(c->shared, reported))
			return false;
		/* Rank 0 goes first, for the sake of a quiet terminal; the others if it is not
		 * there any more. */
		if ((c->ranks.rank == 0 || ms >= 2000) && campaign_claim(c->shared, report))
			return true;
		if (ms % TOUCH_MS == 0)
			campaign_folder_touch(c->shared);
		pause_ms(POLL_MS);
	}
}

void campaign_reported(struct campaign *c)
{
	char reported[128];
	if (c->ranks.size <= 1 || !c->shared)
		return;
	report_name(c, "reported", reported, sizeof reported);
	(void)campaign_claim(c->shared, reported);
}
