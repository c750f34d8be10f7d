/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/grow.h"
#include "measure/run.h"
#include "understand/kernel_run.h"
#include "understand/levers/guard.h"
#include "understand/sweep.h"

struct command_run {
	struct sweep *sweep;
	const struct ergon_env *env;
	struct meter *meter;
	char *const *argv, *const *environment;
	int null_fd;
	uint32_t set[SWEEP_LEVERS_MAX]; /* index + 1 of the value that is set now; 0: as found */
};

/* In the child, between fork and exec: only system calls. */
static int limit_cores(void *user)
{
	const struct lever_child *child = user;
	cpu_set_t all, some;
	if (child->cores == 0)
		return 0;
	if (sched_getaffinity(0, sizeof all, &all) != 0)
		return errno;
	CPU_ZERO(&some);
	unsigned left = child->cores;
	for (int cpu = 0; cpu < CPU_SETSIZE && left > 0; cpu++)
		if (CPU_ISSET(cpu, &all)) {
			CPU_SET(cpu, &some);
			left--;
		}
	return sched_setaffinity(0, sizeof some, &some) == 0 ? 0 : errno;
}

static char **copy_words(struct arena *arena, char *const *words)
{
	size_t count = 0;
	while (words[count])
		count++;
	char **copy = ARENA_ARRAY(arena, char *, count + 1);
	if (copy)
		memcpy(copy, words, count * sizeof *copy);
	return copy;
}

static enum ergon_code prepare(const struct command_run *c, const struct sweep *sweep,
                               const struct sweep_point *point, struct arena *arena,
                               struct lever_child *child, struct ergon_error *err)
{
	*child = (struct lever_child){ arena, copy_words(arena, c->argv),
		                       copy_words(arena, c->environment), 0 };
	if (!child->argv || !child->environment)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = ERGON_OK;
	for (size_t i = 0; !code && i < sweep->lever_count; i++) {
		const struct lever_setting *l = &sweep->levers[i];
		if (l->lever->apply)
			code = l->lever->apply(child, l->member, l->values[point->setting[i]], err);
	}
	return code;
}

/* Levers of the machine: only those whose value changes are touched. */
static enum ergon_code set_machine(struct command_run *c, const struct sweep_point *point,
                                   struct ergon_error *err)
{
	for (size_t i = 0; i < c->sweep->lever_count; i++) {
		const struct lever_setting *l = &c->sweep->levers[i];
		uint32_t wanted = point->setting[i] + 1;
		if (!l->lever->set || c->set[i] == wanted)
			continue;
		enum ergon_code code =
		    l->lever->set(c->env, l->member, l->values[point->setting[i]], err);
		if (code)
			return code;
		c->set[i] = wanted;
	}
	return ERGON_OK;
}

static enum ergon_code run_once(struct command_run *c, struct lever_child *child,
                                struct sweep_sample *sample, struct ergon_error *err)
{
	struct run_result result = { 0 };
	struct run_options options = { .environment = child->environment,
		                       .stdout_fd = c->null_fd,
		                       .prepare = limit_cores,
		                       .user = child };
	struct ergon_error start = { 0 };
	enum ergon_code code = measure_command(c->meter, &options, child->argv, &result, &start);
	if (!code && (result.status == 127 || result.status == 126) && start.text[0])
		code = start.code ? start.code : ERGON_NOT_FOUND;
	if (code) {
		run_result_fini(&result);
		return ergon_fail(err, code, "%s", start.text);
	}
	enum provenance provenance;
	bool has_energy = measurement_provenance(&result.energy, &provenance);
	double time_s =
	    c->sweep->options.cpu_time ? result.user_s + result.system_s : result.energy.duration_s;
	*sample =
	    (struct sweep_sample){ .time_s = time_s,
		                   .energy_j = has_energy ? result.energy.energy_j : (double)NAN,
		                   .provenance = provenance,
		                   .status = result.status };
	if (result.interrupted || result.signal == SIGINT)
		c->sweep->interrupted = true;
	run_result_fini(&result);
	return ERGON_OK;
}

static enum ergon_code measure(void *user, const struct sweep *sweep,
                               const struct sweep_point *point, struct sweep_sample *sample,
                               struct ergon_error *err)
{
	struct command_run *c = user;
	struct arena arena;
	struct lever_child child;
	arena_init(&arena);
	enum ergon_code code = prepare(c, sweep, point, &arena, &child, err);
	if (!code)
		code = set_machine(c, point, err);
	if (!code)
		code = run_once(c, &child, sample, err);
	arena_fini(&arena);
	return code;
}

/* A {NAME} that is missing must show before the first run, not in the middle of the sweep. */
static enum ergon_code check_points(const struct command_run *c, const struct sweep *sweep,
                                    struct ergon_error *err)
{
	struct arena arena;
	struct lever_child child;
	arena_init(&arena);
	enum ergon_code code = prepare(c, sweep, &sweep->points[0], &arena, &child, err);
	arena_fini(&arena);
	return code;
}

static enum ergon_code save_machine(const struct command_run *c, struct lever_saved *saved,
                                    struct ergon_error *err)
{
	enum ergon_code code = ERGON_OK;
	for (size_t i = 0; !code && i < c->sweep->lever_count; i++) {
		const struct lever_setting *l = &c->sweep->levers[i];
		if (l->lever->save)
			code = l->lever->save(c->env, l->member, saved, err);
	}
	return code;
}

/* Between guard_start and guard_release the machine may be changed. What could not be restored
 * matters more than why the sweep ended. */
static enum ergon_code run_guarded(struct command_run *c, struct ergon_error *err)
{
	struct lever_saved saved = { 0 };
	struct guard guard;
	enum ergon_code code = save_machine(c, &saved, err);
	if (!code)
		code = guard_start(&guard, &saved, err);
	if (!code) {
		struct ergon_error restore = { 0 };
		code = sweep_run(c->sweep, c->env, measure, c, err);
		enum ergon_code restored = guard_release(&guard, &restore);
		if (restored && err)
			*err = restore;
		code = restored ? restored : code;
	}
	lever_saved_fini(&saved);
	return code;
}

enum ergon_code sweep_command(struct sweep *sweep, const struct ergon_env *env, struct meter *meter,
                              char *const argv[], char *const environment[],
                              struct ergon_error *err)
{
	struct command_run c = {
		.sweep = sweep, .env = env, .meter = meter, .argv = argv, .environment = environment
	};
	struct text words = { 0 };
	for (char *const *word = argv; *word; word++)
		text_printf(&words, "%s%s", word == argv ? "" : " ", *word);
	if (words.failed) {
		text_fini(&words);
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	sweep->command = words.data;
	enum ergon_code code = check_points(&c, sweep, err);
	if (code)
		return code;
	c.null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (c.null_fd < 0)
		return ergon_fail(err, ERGON_IO, "cannot open /dev/null");
	code = run_guarded(&c, err);
	close(c.null_fd);
	return code;
}
