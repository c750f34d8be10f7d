/* SPDX-License-Identifier: Apache-2.0
 *
 * The policy in a process: a command of the shell whose standard input and output carry one JSON
 * object a line (docs/external-policy.md).
 *
 * Whatever the process does, the run ends with one sentence: it ended (with its status), it did not
 * answer in time, or it said something that is not of the protocol (with the line).
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "optimize/external/external.h"

enum { PROTOCOL = 1, LINE_MAX_BYTES = 16 << 20, GRACE_MS = 300 };

struct link {
	pid_t pid;
	int to, from; /* our ends of the pipes; -1: closed */
	char *buffer; /* what was read and is no line yet */
	size_t length, capacity;
	uint64_t lines; /* that it has said */
};

static enum ergon_code fail(const struct external *x, struct ergon_error *err, const char *text)
{
	return ergon_fail(err, ERGON_BAD_INPUT, "external policy '%.80s': %.300s", x->what, text);
}

static int patience_ms(const struct external *x)
{
	uint64_t ms = x->patience_ns / 1000000;
	return ms < 1 ? 1 : ms > INT32_MAX ? INT32_MAX : (int)ms;
}

static enum ergon_code hangs(const struct external *x, struct ergon_error *err, const char *what)
{
	char text[96];
	snprintf(text, sizeof text, "%s for %.3g s (--external-timeout)", what,
	         (double)x->patience_ns * 1e-9);
	return fail(x, err, text);
}

/* Why nothing came: the process's end, if it has ended. */
static enum ergon_code gone(const struct external *x, struct ergon_error *err)
{
	struct link *link = x->link;
	char text[160];
	int status = 0;
	pid_t pid = 0;
	/* Its output is closed; its end follows, or it closed the pipe and goes on. */
	for (int waited = 0; link->pid > 0 && waited < GRACE_MS && pid == 0; waited += 20) {
		pid = waitpid(link->pid, &status, WNOHANG);
		if (pid == 0)
			poll(NULL, 0, 20);
	}
	if (pid != link->pid)
		return fail(x, err, "it closed its output before it had answered");
	link->pid = -1;
	if (WIFSIGNALED(status))
		snprintf(text, sizeof text, "it was killed by signal %d before it had answered",
		         WTERMSIG(status));
	else if (WEXITSTATUS(status) == 127)
		snprintf(text, sizeof text, "no such command");
	else
		snprintf(text, sizeof text, "it ended with status %d before it had answered",
		         WEXITSTATUS(status));
	return fail(x, err, text);
}

/* --- lines ------------------------------------------------------------------- */

static enum ergon_code send_line(struct external *x, json_t *object, struct ergon_error *err)
{
	struct link *link = x->link;
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	if (!text)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	size_t length = strlen(text), done = 0;
	text[length++] = '\n'; /* in place of the terminator */
	enum ergon_code code = ERGON_OK;
	while (done < length && !code) {
		/* A process that is gone is an error here, not a signal. */
		ssize_t wrote = send(link->to, text + done, length - done, MSG_NOSIGNAL);
		if (wrote > 0) {
			done += (size_t)wrote;
			continue;
		}
		struct pollfd ready = { .fd = link->to, .events = POLLOUT };
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0 && errno != EAGAIN)
			code = gone(x, err);
		else if (poll(&ready, 1, patience_ms(x)) == 0)
			code = hangs(x, err, "it has read nothing");
	}
	free(text);
	return code;
}

static bool more_room(struct link *link)
{
	if (link->length + 4096 <= link->capacity)
		return true;
	size_t capacity = link->capacity ? 2 * link->capacity : 65536;
	char *more = capacity <= LINE_MAX_BYTES ? realloc(link->buffer, capacity) : NULL;
	if (!more)
		return false;
	link->buffer = more;
	link->capacity = capacity;
	return true;
}

/* The next line as an object, which the caller owns. */
static enum ergon_code receive(struct external *x, json_t **object, struct ergon_error *err)
{
	struct link *link = x->link;
	char *end;
	while (!(end = link->length ? memchr(link->buffer, '\n', link->length) : NULL)) {
		struct pollfd ready = { .fd = link->from, .events = POLLIN };
		if (!more_room(link))
			return fail(x, err, "a line of more than 16 MiB");
		int count = poll(&ready, 1, patience_ms(x));
		if (count == 0)
			return hangs(x, err, "no answer");
		ssize_t got = count < 0 ? -1
		                        : read(link->from, link->buffer + link->length,
		                               link->capacity - link->length);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return gone(x, err);
		link->length += (size_t)got;
	}
	size_t length = (size_t)(end - link->buffer);
	char name[64], text[300];
	struct ergon_error why = { 0 };
	snprintf(name, sizeof name, "line %llu", (unsigned long long)++link->lines);
	enum ergon_code code = json_parse(link->buffer, length, name, object, &why);
	if (!code && !json_is_object(*object)) {
		json_decref(*object);
		code = ergon_fail(&why, ERGON_BAD_INPUT, "expected an object");
	}
	link->length -= length + 1;
	memmove(link->buffer, end + 1, link->length);
	if (!code)
		return ERGON_OK;
	snprintf(text, sizeof text, "%s of what it said is no JSON object: %.150s", name, why.text);
	return fail(x, err, text);
}

/* --- what is said -------------------------------------------------------------- */

static json_t *hello(const struct ergon_policy_run *run)
{
	json_t *groups = json_array();
	for (uint32_t g = 0; g < run->group_count; g++)
		json_array_append_new(
		    groups, json_pack("{s:s, s:I, s:I, s:o}", "type", run->groups[g].type, "nodes",
		                      (json_int_t)run->groups[g].nodes, "gpus_per_node",
		                      (json_int_t)run->groups[g].gpus_per_node, "gpu_idle_w",
		                      json_number(run->groups[g].gpu_idle_w)));
	return json_pack("{s:s, s:i, s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:o}", "type", "hello",
	                 "protocol", PROTOCOL, "seed", (json_int_t)run->seed, "interval_s",
	                 json_number(run->interval_s), "restart_s", json_number(run->restart_s),
	                 "power_budget_w", json_number(run->power_budget_w), "time_weight",
	                 json_number(run->time_weight), "energy_weight",
	                 json_number(run->energy_weight), "jobs", (json_int_t)run->job_count,
	                 "groups", groups);
}

static json_t *job_json(const struct ergon_policy_job *job)
{
	json_t *object = json_pack(
	    "{s:I, s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:b, s:o, s:o}", "id",
	    (json_int_t)job->id, "name", job->name, "application", job->application, "user",
	    job->user, "arrival_s", json_number(job->arrival_s), "gpus", (json_int_t)job->gpus,
	    "batch", (json_int_t)job->batch, "gpus_min", (json_int_t)job->gpus_min, "gpus_max",
	    (json_int_t)job->gpus_max, "malleable", (int)job->malleable, "remaining_s",
	    json_number(job->remaining_s), "attained_gpu_s", json_number(job->attained_gpu_s));
	if (job->deadline_s > 0)
		json_object_set_new(object, "deadline_s", json_number(job->deadline_s));
	if (job->running)
		json_object_set_new(
		    object, "held",
		    json_pack("{s:I, s:I, s:I}", "group", (json_int_t)job->held_group, "gpus",
		              (json_int_t)job->held_gpus, "batch", (json_int_t)job->held_batch));
	return object;
}

static json_t *state_json(const struct external *x, const struct ergon_policy_state *state)
{
	static const char *const names[] = { "arrival", "end",    "interval", "asked",
		                             "epoch",   "budget", "failure",  "repair" };
	json_t *wakeups = json_array(), *jobs = json_array(), *free_gpus = json_array();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (state->wakeups & 1u << i)
			json_array_append_new(wakeups, json_string(names[i]));
	for (uint32_t i = 0; i < state->job_count; i++)
		json_array_append_new(jobs, job_json(&state->jobs[i]));
	for (uint32_t g = 0; g < x->call->cluster->pool->group_count; g++)
		json_array_append_new(free_gpus, json_integer(state->free_gpus[g]));
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "type", "decide", "time_s",
	                 json_number(state->time_s), "wakeups", wakeups, "free_gpus", free_gpus,
	                 "power_w", json_number(state->power_w), "jobs", jobs);
}

/* --- what it says ---------------------------------------------------------------- */

static enum ergon_code want_u32(const json_t *object, struct json_place at, const char *key,
                                uint32_t *value, struct ergon_error *err)
{
	uint64_t wide = *value;
	enum ergon_code code = json_want_count(object, at, key, 0, UINT32_MAX - 1, &wide, err);
	*value = (uint32_t)wide;
	return code;
}

static enum ergon_code answer_estimate(struct external *x, const json_t *asked,
                                       struct json_place at, struct ergon_error *err)
{
	uint32_t job = UINT32_MAX, group = 0, gpus = 0, batch = 0;
	double time_s = 0, power_w = 0;
	enum ergon_code code = want_u32(asked, at, "job", &job, err);
	if (!code)
		code = want_u32(asked, at, "group", &group, err);
	if (!code)
		code = want_u32(asked, at, "gpus", &gpus, err);
	if (!code)
		code = want_u32(asked, at, "batch", &batch, err);
	if (code)
		return code;
	bool can = external_calls.estimate(x, job, group, gpus, batch, &time_s, &power_w) != 0;
	return send_line(x,
	                 can ? json_pack("{s:s, s:b, s:o, s:o}", "type", "estimate", "feasible", 1,
	                                 "time_s", json_number(time_s), "power_w",
	                                 json_number(power_w))
	                     : json_pack("{s:s, s:b}", "type", "estimate", "feasible", 0),
	                 err);
}

static enum ergon_code read_nodes(struct external *x, const json_t *list, struct json_place at,
                                  uint32_t job, uint32_t batch, struct ergon_error *err)
{
	size_t count = json_array_size(list);
	uint32_t *numbers =
	    count <= x->call->cluster->spec->nodes ? calloc(2 * count + 1, sizeof *numbers) : NULL;
	if (!numbers || !count) {
		free(numbers);
		return ergon_fail_at(err, ERGON_BAD_INPUT, at.file, 0,
		                     "%s.nodes: expected [[node, gpus], ...]", at.at);
	}
	enum ergon_code code = ERGON_OK;
	for (size_t i = 0; i < count && !code; i++) {
		json_int_t pair[2] = { -1, -1 };
		const json_t *item = json_array_get(list, i);
		for (size_t k = 0; k < 2 && json_array_size(item) == 2; k++)
			if (json_is_integer(json_array_get(item, k)))
				pair[k] = json_integer_value(json_array_get(item, k));
		if (pair[0] < 0 || pair[1] < 1 || pair[0] > UINT32_MAX || pair[1] > UINT32_MAX)
			code = ergon_fail_at(err, ERGON_BAD_INPUT, at.file, 0,
			                     "%s.nodes[%zu]: expected [node, gpus]", at.at, i);
		numbers[i] = (uint32_t)pair[0];
		numbers[count + i] = (uint32_t)pair[1];
	}
	if (!code &&
	    external_calls.place_on(x, job, numbers, numbers + count, (uint32_t)count, batch))
		code = ergon_fail(err, ERGON_BAD_INPUT, "%s", x->refusal.text);
	free(numbers);
	return code;
}

static enum ergon_code read_wish(struct external *x, const json_t *wish, struct json_place at,
                                 struct ergon_error *err)
{
	static const char *const known[] = { "job",   "group",  "gpus", "batch",
		                             "nodes", "spread", NULL };
	uint32_t job = UINT32_MAX, group = 0, gpus = 0, batch = 0;
	const char *spread = "emptiest";
	if (!json_is_object(wish))
		return ergon_fail_at(err, ERGON_BAD_INPUT, at.file, 0, "%s: expected an object",
		                     at.at);
	enum ergon_code code = json_only_keys(wish, at, known, err);
	if (!code)
		code = want_u32(wish, at, "job", &job, err);
	if (!code)
		code = want_u32(wish, at, "group", &group, err);
	if (!code)
		code = want_u32(wish, at, "gpus", &gpus, err);
	if (!code)
		code = want_u32(wish, at, "batch", &batch, err);
	if (!code)
		code = json_want_text(wish, at, "spread", &spread, err);
	if (code)
		return code;
	bool packed = strcmp(spread, "packed") == 0;
	if (!packed && strcmp(spread, "emptiest") != 0)
		return ergon_fail_at(err, ERGON_BAD_INPUT, at.file, 0,
		                     "%s.spread: expected emptiest or packed", at.at);
	const json_t *nodes = json_object_get(wish, "nodes");
	if (nodes)
		return read_nodes(x, nodes, at, job, batch, err);
	if (external_calls.place(x, job, group, gpus, batch,
	                         packed ? ERGON_POLICY_PACKED : ERGON_POLICY_EMPTIEST))
		return ergon_fail(err, ERGON_BAD_INPUT, "%s", x->refusal.text);
	return ERGON_OK;
}

static enum ergon_code read_plan(struct external *x, const json_t *plan, const char *line,
                                 struct ergon_error *err)
{
	static const char *const known[] = { "type", "place", "preempt", "wake_at_s", NULL };
	const struct json_place at = { line, "" };
	const json_t *preempt = json_object_get(plan, "preempt");
	const json_t *place = json_object_get(plan, "place");
	double wake_s = NAN;
	enum ergon_code code = json_only_keys(plan, at, known, err);
	if (!code)
		code = json_want_real(plan, at, "wake_at_s", 0, 4e9, &wake_s, err);
	if (!code && ((preempt && !json_is_array(preempt)) || (place && !json_is_array(place))))
		code = ergon_fail_at(err, ERGON_BAD_INPUT, line, 0,
		                     "place and preempt: expected lists");
	for (size_t i = 0; i < json_array_size(preempt) && !code; i++) {
		const json_t *job = json_array_get(preempt, i);
		if (!json_is_integer(job) || json_integer_value(job) < 0 ||
		    json_integer_value(job) >= UINT32_MAX)
			code = ergon_fail_at(err, ERGON_BAD_INPUT, line, 0,
			                     "preempt[%zu]: expected the id of a job", i);
		else
			external_calls.preempt(x, (uint32_t)json_integer_value(job));
	}
	for (size_t i = 0; i < json_array_size(place) && !code; i++) {
		char name[48];
		snprintf(name, sizeof name, "place[%zu]", i);
		code =
		    read_wish(x, json_array_get(place, i), (struct json_place){ line, name }, err);
	}
	if (!code && wake_s > 0)
		external_calls.wake_at(x, wake_s);
	return code;
}

static enum ergon_code process_decide(struct external *x, const struct ergon_policy_state *state,
                                      struct ergon_error *err)
{
	struct link *link = x->link;
	enum ergon_code code = send_line(x, state_json(x, state), err);
	for (bool planned = false; !planned && !code;) {
		json_t *said;
		struct ergon_error why = { 0 };
		char line[64], text[440];
		code = receive(x, &said, err);
		if (code)
			return code;
		snprintf(line, sizeof line, "line %llu", (unsigned long long)link->lines);
		const char *type = json_string_value(json_object_get(said, "type"));
		if (type && strcmp(type, "estimate") == 0) {
			code = answer_estimate(x, said, (struct json_place){ line, "" }, &why);
		} else if (type && strcmp(type, "plan") == 0) {
			planned = true;
			code = read_plan(x, said, line, &why);
		} else {
			code = ergon_fail_at(&why, ERGON_BAD_INPUT, line, 0,
			                     "expected type plan or estimate, found '%.40s'",
			                     type ? type : "none");
		}
		json_decref(said);
		if (code) {
			ergon_error_describe(&why, text, sizeof text);
			code = fail(x, err, text);
		}
	}
	return code;
}

/* --- the process ------------------------------------------------------------------- */

static void run_child(const char *command, int in, int out)
{
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static bool start(struct external *x, struct link *link)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in))
		return false;
	if (pipe2(out, O_CLOEXEC)) {
		close(in[0]);
		close(in[1]);
		return false;
	}
	link->pid = fork();
	if (link->pid == 0) {
		setpgid(0, 0);
		run_child(x->what, in[0], out[1]);
	}
	close(in[0]);
	close(out[1]);
	link->to = in[1];
	link->from = out[0];
	fcntl(link->to, F_SETFL, O_NONBLOCK);
	fcntl(link->from, F_SETFL, O_NONBLOCK);
	return link->pid > 0;
}

static enum ergon_code process_open(struct external *x, const struct ergon_policy_run *run,
                                    struct ergon_error *err)
{
	struct link *link = ARENA_NEW(x->arena, struct link);
	if (!link)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	link->to = link->from = -1;
	x->link = link;
	if (!start(x, link))
		return ergon_fail(err, ERGON_IO, "external policy '%.80s': cannot start it: %s",
		                  x->what, strerror(errno));
	json_t *said;
	enum ergon_code code = send_line(x, hello(run), err);
	if (!code)
		code = receive(x, &said, err);
	if (code)
		return code;
	const char *type = json_string_value(json_object_get(said, "type"));
	json_int_t protocol = json_integer_value(json_object_get(said, "protocol"));
	bool right = type && strcmp(type, "hello") == 0 && protocol == PROTOCOL;
	json_decref(said);
	return right ? ERGON_OK
	             : fail(x, err,
	                    "expected {\"type\": \"hello\", \"protocol\": 1} as its first line");
}

static void process_close(struct external *x)
{
	static const char end[] = "{\"type\":\"end\"}\n";
	struct link *link = x->link;
	if (!link)
		return;
	if (link->pid > 0 && link->to >= 0)
		(void)send(link->to, end, sizeof end - 1, MSG_NOSIGNAL);
	if (link->to >= 0)
		close(link->to);
	if (link->from >= 0)
		close(link->from);
	/* It has a moment to end by itself. */
	for (int waited = 0; link->pid > 0 && waited < GRACE_MS; waited += 10) {
		if (waitpid(link->pid, NULL, WNOHANG) != 0)
			link->pid = -1;
		else
			poll(NULL, 0, 10);
	}
	if (link->pid > 0) {
		kill(-link->pid, SIGKILL);
		waitpid(link->pid, NULL, 0);
	}
	free(link->buffer);
	x->link = NULL;
}

const struct external_carrier external_process = { process_open, process_decide, process_close };
