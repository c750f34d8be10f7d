/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/run.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/grow.h"
#include "base/units.h"
#include "measure/attribute.h"
#include "measure/sensors/activity.h"

extern char **environ;

static const uint64_t poll_interval_ns = 200 * NS_PER_MS;

static const int passed_on[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
enum { PASSED_ON = sizeof passed_on / sizeof *passed_on };

/* Signals of the calling thread while a command runs. */
struct signal_state {
	sigset_t wanted, before;
};

static void block_signals(struct signal_state *state)
{
	sigemptyset(&state->wanted);
	for (int i = 0; i < PASSED_ON; i++)
		sigaddset(&state->wanted, passed_on[i]);
	sigaddset(&state->wanted, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &state->wanted, &state->before);
}

/* What arrived for us while blocked has been passed on; it must not end us afterwards. */
static void restore_signals(const struct signal_state *state)
{
	const struct timespec at_once = { 0 };
	while (sigtimedwait(&state->wanted, NULL, &at_once) > 0)
		continue;
	pthread_sigmask(SIG_SETMASK, &state->before, NULL);
}

/* In the child: waits for the word to go, then becomes the command. Never returns. */
static void child(const struct run_options *options, char *const argv[], int go, int report,
                  const sigset_t *mask)
{
	char word;
	ssize_t got;
	signal(SIGPIPE, SIG_DFL); /* ergon ignores them; the command must not inherit that */
	signal(SIGXFSZ, SIG_DFL);
	pthread_sigmask(SIG_SETMASK, mask, NULL);
	do
		got = read(go, &word, 1);
	while (got < 0 && errno == EINTR);
	int failed = got == 1 ? 0 : ECANCELED;
	if (!failed && options->stdout_fd > 0 && dup2(options->stdout_fd, STDOUT_FILENO) < 0)
		failed = errno;
	if (!failed && options->prepare)
		failed = options->prepare(options->user);
	if (!failed) {
		if (options->environment)
			environ = (char **)(uintptr_t)options->environment;
		execvp(argv[0], argv);
		failed = errno;
	}
	got = write(report, &failed, sizeof failed);
	_exit(got == (ssize_t)sizeof failed ? 127 : 126);
}

/* Passes one signal on, unless the terminal has sent it to the whole group already. */
static void pass_on(pid_t pid, const siginfo_t *info, struct run_result *result)
{
	if (info->si_signo == SIGCHLD)
		return;
	result->interrupted = info->si_signo;
	if (info->si_code != SI_KERNEL)
		kill(pid, info->si_signo);
}

static bool reap(pid_t pid, struct run_result *result)
{
	int status;
	struct rusage usage;
	pid_t got = wait4(pid, &status, WNOHANG, &usage);
	if (got == 0 || (got < 0 && errno == EINTR))
		return false;
	if (got < 0) { /* somebody else waited for it: nothing is known of its end */
		result->status = 1;
		return true;
	}
	result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	result->status = result->signal ? 128 + result->signal : WEXITSTATUS(status);
	result->user_s = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6;
	result->system_s = (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
	result->peak_rss_bytes = (int64_t)usage.ru_maxrss * 1024;
	return true;
}

static void await(pid_t pid, const struct run_options *options, const struct signal_state *signals,
                  struct run_result *result)
{
	const struct timespec patience = { .tv_nsec = (long)poll_interval_ns };
	while (!reap(pid, result)) {
		siginfo_t info;
		if (sigtimedwait(&signals->wanted, &info, &patience) > 0)
			pass_on(pid, &info, result);
		if (options->poll)
			options->poll(options->user);
	}
}

static void quote(struct text *text, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-./=:,+@%^";
	if (word[0] && word[strspn(word, plain)] == '\0') {
		text_puts(text, word);
		return;
	}
	text_puts(text, "'");
	for (const char *c = word; *c; c++)
		if (*c == '\'')
			text_puts(text, "'\\''");
		else
			text_append(text, c, 1);
	text_puts(text, "'");
}

char *run_command_text(char *const argv[])
{
	struct text text = { 0 };
	for (int i = 0; argv[i]; i++) {
		if (i)
			text_puts(&text, " ");
		quote(&text, argv[i]);
	}
	if (text.failed) {
		text_fini(&text);
		return NULL;
	}
	return text.data;
}

/* Busy time of all CPUs since boot; 0 where it cannot be known. */
static double machine_cpu_s(const struct ergon_env *env)
{
	double busy_s = 0;
	struct activity *activity = env ? malloc(sizeof *activity) : NULL;
	if (activity && activity_open(activity, env)) {
		for (int i = 0; i < activity->count; i++)
			busy_s += (double)activity->busy_ticks[i] * activity->tick_s;
		activity_close(activity);
	}
	free(activity);
	return busy_s;
}

/* The child exists and waits; the window opens, it goes, and is waited for. */
static enum ergon_code measure_child(struct meter *meter, const struct run_options *options,
                                     pid_t pid, int go, int report, const char *name,
                                     const struct signal_state *signals, struct run_result *result,
                                     struct ergon_error *err)
{
	int failed = 0;
	double busy_s = machine_cpu_s(options->env);
	enum ergon_code code = meter ? meter_begin(meter, err) : ERGON_OK;
	if (options->opened)
		options->opened(options->user, pid);
	if (!code && write(go, "g", 1) != 1)
		code = ergon_fail(err, ERGON_IO, "cannot start the command: %s", strerror(errno));
	close(go); /* without the word the child gives up by itself */
	await(pid, options, signals, result);
	if (options->closing)
		options->closing(options->user);
	if (read(report, &failed, sizeof failed) == (ssize_t)sizeof failed && !code) {
		result->status = failed == ENOENT ? 127 : 126;
		ergon_fail(err, failed == ENOENT ? ERGON_NOT_FOUND : ERGON_NO_PERMISSION,
		           "cannot run '%.200s': %s", name,
		           failed == ENOENT ? "command not found" : strerror(failed));
	}
	if (meter && (!code || code == ERGON_IO)) {
		struct ergon_error end = { 0 };
		enum ergon_code ended = meter_end(meter, &result->energy, code ? NULL : &end);
		if (ended && !code && err)
			*err = end;
		code = code ? code : ended;
	}
	if (busy_s > 0)
		result->machine_cpu_s = machine_cpu_s(options->env) - busy_s;
	result->baseline_w = options->baseline_w > 0 ? options->baseline_w : (double)NAN;
	return code;
}

enum ergon_code measure_command(struct meter *meter, const struct run_options *options,
                                char *const argv[], struct run_result *result,
                                struct ergon_error *err)
{
	int go[2], report[2];
	struct signal_state signals;
	*result = (struct run_result){ .command = run_command_text(argv) };
	if (!result->command)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (pipe2(go, O_CLOEXEC))
		return ergon_fail(err, ERGON_IO, "cannot make a pipe: %s", strerror(errno));
	if (pipe2(report, O_CLOEXEC)) {
		close(go[0]);
		close(go[1]);
		return ergon_fail(err, ERGON_IO, "cannot make a pipe: %s", strerror(errno));
	}
	block_signals(&signals);
	pid_t pid = fork();
	if (pid == 0) {
		close(go[1]);
		child(options, argv, go[0], report[1], &signals.before);
	}
	close(go[0]);
	close(report[1]);
	enum ergon_code code;
	if (pid < 0) {
		code = ergon_fail(err, ERGON_IO, "cannot start a process: %s", strerror(errno));
		close(go[1]);
	} else {
		code = measure_child(meter, options, pid, go[1], report[0], argv[0], &signals,
		                     result, err);
	}
	close(report[0]);
	if (pid > 0 && options->poll)
		options->poll(options->user);
	restore_signals(&signals);
	return code;
}

void run_result_fini(struct run_result *result)
{
	free(result->command);
	json_decref(result->shares);
	json_decref(result->series);
	measurement_fini(&result->energy);
	*result = (struct run_result){ 0 };
}

json_t *run_result_to_json(const struct run_result *result)
{
	json_t *document = json_pack(
	    "{s:s, s:i, s:s%, s:i, s:i, s:f, s:f, s:I}", "kind", "ergon.measure", "version", 1,
	    "command", result->command ? result->command : "",
	    result->command ? strlen(result->command) : (size_t)0, "exit_status", result->status,
	    "signal", result->signal, "user_s", result->user_s, "system_s", result->system_s,
	    "peak_rss_bytes", (json_int_t)result->peak_rss_bytes);
	if (!document) /* a command that is no UTF-8 */
		document = json_pack("{s:s, s:i, s:s, s:i}", "kind", "ergon.measure", "version", 1,
		                     "command", "(not UTF-8)", "exit_status", result->status);
	json_t *energy = measurement_to_json(&result->energy);
	if (!document || !energy || json_object_update_missing(document, energy)) {
		json_decref(document);
		document = NULL;
	}
	json_decref(energy);
	if (document && result->series)
		json_object_set(document, "series", result->series);
	if (document && result->shares) {
		json_object_set(document, "attribution", result->shares);
		return document;
	}
	if (document && result->machine_cpu_s > 0 &&
	    (result->energy.measured || result->energy.modelled)) {
		struct attribution shares =
		    attribute(&result->energy, result->user_s + result->system_s,
		              result->machine_cpu_s, result->baseline_w);
		json_object_set_new(document, "attribution", attribution_to_json(&shares));
	}
	return document;
}
