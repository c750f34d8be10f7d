/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/counters.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/support.h"

static struct ergon_env env;
static struct ergon_env_storage storage;

/* A processor that is not there: which names it knows, how many events a group holds, what it
 * counts. An event's descriptor is its place in names. */
struct fake_event {
	const char *name;
	uint64_t value, enabled, running;
};

struct processor {
	const struct fake_event *events;
	size_t count, group_max;
	int error; /* of every open */
	size_t members, opened, closed, leaders;
	int leader;
};

static int encode(void *user, const char *name, struct perf_event_attr *attributes)
{
	const struct processor *p = user;
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->events[i].name, name) == 0) {
			attributes->type = PERF_TYPE_RAW;
			attributes->config = i;
			return 0;
		}
	return -ENOENT;
}

static int open_event(void *user, struct perf_event_attr *attributes, int group)
{
	struct processor *p = user;
	assert_true(attributes->inherit && attributes->exclude_kernel);
	assert_int_equal(attributes->disabled, group < 0);
	assert_int_equal(attributes->enable_on_exec, group < 0);
	if (p->error)
		return -p->error;
	if (attributes->type != PERF_TYPE_RAW)
		return -ENOENT; /* the kernel's own events are not emulated */
	if (group < 0) {
		p->members = 0;
		p->leaders++;
		p->leader = 100 + (int)attributes->config;
	} else {
		assert_int_equal(group, p->leader);
		if (p->members + 1 >= p->group_max)
			return -EINVAL;
		p->members++;
	}
	p->opened++;
	return 100 + (int)attributes->config;
}

static int read_event(void *user, int fd, uint64_t v[3])
{
	const struct processor *p = user;
	const struct fake_event *e = &p->events[fd - 100];
	v[0] = e->value;
	v[1] = e->enabled;
	v[2] = e->running;
	return 0;
}

static void close_event(void *user, int fd)
{
	struct processor *p = user;
	assert_true(fd >= 100);
	p->closed++;
}

static void counts_are_scaled_and_marked(void **state)
{
	(void)state;
	static const struct fake_event events[] = {
		{ "perf::CYCLES", 1000000, 500, 500 },
		{ "perf::INSTRUCTIONS", 2000000, 500, 500 },
		{ "perf::CACHE-MISSES", 1000, 500, 250 }, /* ran half of the time */
		{ "FP_ARITH:SCALAR_DOUBLE", 100, 500, 500 },
		{ "FP_ARITH:512B_PACKED_DOUBLE", 50, 500, 100 },
		{ "FP_ARITH:512B_PACKED_SINGLE", 10, 500, 0 }, /* never ran */
	};
	struct processor p = { .events = events, .count = 6, .group_max = 8 };
	const struct counter_port port = { encode, open_event, read_event, close_event, &p };
	struct counters c;
	counters_open(&c, &env, &port);
	assert_true(c.open);
	assert_int_equal(p.opened, 6);
	assert_int_equal(p.leaders, 3); /* core, double, single */
	counters_read(&c);
	assert_close(c.counter[COUNTER_LLC_MISSES].value, 2000, 1e-12);
	assert_true(c.counter[COUNTER_LLC_MISSES].scaled);
	assert_false(c.counter[COUNTER_CYCLES].scaled);
	assert_false(c.counter[COUNTER_FP_F32_512].valid); /* invalid, not 0 */
	assert_false(c.counter[COUNTER_LLC_REFERENCES].valid);
	struct counter_summary s = counters_summary(&c, 2);
	assert_close(s.ipc, 2, 1e-12);
	assert_close(s.flops_per_s, (100 + 8 * 250) / 2.0, 1e-12);
	assert_close(s.bytes_per_s, 64000, 1e-12);
	assert_close(s.intensity, 2100 / 128000.0, 1e-12);
	assert_true(isnan(s.stall_share) && isnan(s.cache_bytes_per_s));
	assert_true(s.scaled);
	json_t *json = counters_to_json(&c);
	assert_int_equal(json_object_size(json), 5);
	json_decref(json);
	counters_close(&c);
	assert_int_equal(p.closed, 6);
}

static void a_group_too_large_is_parted(void **state)
{
	(void)state;
	static const struct fake_event events[] = { { "perf::CYCLES", 1, 1, 1 },
		                                    { "perf::INSTRUCTIONS", 1, 1, 1 },
		                                    { "perf::CACHE-REFERENCES", 1, 1, 1 },
		                                    { "perf::CACHE-MISSES", 1, 1, 1 } };
	struct processor p = { .events = events, .count = 4, .group_max = 2 };
	const struct counter_port port = { encode, open_event, read_event, close_event, &p };
	struct counters c;
	counters_open(&c, &env, &port);
	assert_int_equal(p.opened, 4);
	assert_true(p.leaders > 1);
	counters_close(&c);
	assert_int_equal(p.closed, 4);
}

static void closed_counters_say_why(void **state)
{
	(void)state;
	static const struct fake_event events[] = { { "perf::CYCLES", 1, 1, 1 } };
	const struct {
		int error;
		const char *words;
	} rows[] = { { EACCES, "perf_event_paranoid" }, { ENOENT, "usual in a VM" } };
	for (size_t i = 0; i < 2; i++) {
		struct processor p = { .events = events, .count = 1, .error = rows[i].error };
		const struct counter_port port = { encode, open_event, read_event, close_event,
			                           &p };
		struct counters c;
		counters_open(&c, &env, &port);
		assert_false(c.open);
		assert_non_null(strstr(c.reason, rows[i].words));
		counters_close(&c);
	}
}

/* The kernel's software events need no hardware: they show that counting begins with the exec of a
 * child, covers it, and leaves this process out. */
struct software {
	struct counter_port real;
};

static int software_encode(void *user, const char *name, struct perf_event_attr *attributes)
{
	(void)user;
	if (strcmp(name, "perf::CYCLES") != 0)
		return -ENOENT;
	attributes->type = PERF_TYPE_SOFTWARE;
	attributes->config = PERF_COUNT_SW_PAGE_FAULTS;
	return 0;
}

static int software_open(void *user, struct perf_event_attr *attributes, int group)
{
	const struct software *s = user;
	if (attributes->type != PERF_TYPE_SOFTWARE)
		return -ENOENT;
	return s->real.open(s->real.user, attributes, group);
}

static int software_read(void *user, int fd, uint64_t v[3])
{
	const struct software *s = user;
	return s->real.read(s->real.user, fd, v);
}

static void software_close(void *user, int fd)
{
	const struct software *s = user;
	s->real.close(s->real.user, fd);
}

static void a_child_is_counted_from_its_exec(void **state)
{
	(void)state;
	struct counters real, c;
	counters_open(&real, &env, NULL); /* whether or not anything opens: for its port */
	struct software software = { real.port };
	const struct counter_port port = { software_encode, software_open, software_read,
		                           software_close, &software };
	counters_open(&c, &env, &port);
	if (!c.open) {
		print_message("perf_event_open is closed here: %s\n", c.reason);
		counters_close(&c);
		counters_close(&real);
		skip();
	}
	char *mine = malloc(4 << 20); /* faults of ours do not count */
	assert_non_null(mine);
	memset(mine, 1, 4 << 20);
	pid_t pid = fork();
	if (pid == 0) {
		execlp("sh", "sh", "-c", ":", (char *)NULL);
		_exit(127);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	free(mine);
	counters_read(&c);
	assert_true(c.counter[COUNTER_CYCLES].valid);
	assert_true(c.counter[COUNTER_CYCLES].value > 10);
	assert_true(c.counter[COUNTER_CYCLES].value < 1000);
	counters_close(&c);
	counters_close(&real);
}

int main(void)
{
	ergon_env_init(&env, &storage);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_scaled_and_marked),
		cmocka_unit_test(a_group_too_large_is_parted),
		cmocka_unit_test(closed_counters_say_why),
		cmocka_unit_test(a_child_is_counted_from_its_exec),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
