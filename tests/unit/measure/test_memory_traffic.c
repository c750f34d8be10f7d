/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/memory_traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/support.h"

/* Two controllers of two sockets: their counters are files. */
struct machine {
	char dir[256];
	int fds[8]; /* [controller][socket][write] */
	int opened;
	int refuse; /* errno of the second event; 0: none */
	struct ergon_env env;
};

static int play(void *user, void *attr, int pid, int cpu, int group, unsigned long flags)
{
	struct machine *m = user;
	const struct perf_event_attr *e = attr;
	assert_int_equal(pid, -1);
	assert_int_equal(group, -1);
	assert_true(flags & PERF_FLAG_FD_CLOEXEC);
	assert_true(e->type == 20 || e->type == 21);
	assert_true(cpu == 0 || cpu == 12);
	assert_true(e->config == 0xcf05 || e->config == 0xf005);
	if (m->opened++ == 1 && m->refuse) {
		errno = m->refuse;
		return -1;
	}
	return dup(m->fds[4 * (e->type - 20) + 2 * (cpu == 12) + (e->config == 0xf005)]);
}

static void put_count(int fd, uint64_t count)
{
	assert_int_equal(pwrite(fd, &count, sizeof count, 0), sizeof count);
}

static void put_pmu(const struct machine *m, const char *name, const char *file, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "bus/event_source/devices/%s/%s", name, file);
	put_file(m->dir, path, text);
}

static void put_controller(const struct machine *m, const char *name, const char *type)
{
	put_pmu(m, name, "type", type);
	put_pmu(m, name, "cpumask", "0,12\n");
	put_pmu(m, name, "format/event", "config:0-7\n");
	put_pmu(m, name, "format/umask", "config:8-15\n");
	put_pmu(m, name, "events/cas_count_read", "event=0x05,umask=0xcf\n");
	put_pmu(m, name, "events/cas_count_read.scale", "6.103515625e-5\n");
	put_pmu(m, name, "events/cas_count_write", "event=0x05,umask=0xf0\n");
	put_pmu(m, name, "events/cas_count_write.scale", "6.103515625e-5\n");
}

static void begin(struct machine *m)
{
	*m = (struct machine){ .opened = 0 };
	scratch_make(m->dir, sizeof m->dir);
	m->env = (struct ergon_env){ .sysfs_root = m->dir,
		                     .procfs_root = m->dir,
		                     .perf_event_open = play,
		                     .device_user = m };
	for (int i = 0; i < 8; i++) {
		char path[300];
		snprintf(path, sizeof path, "%s/count%d", m->dir, i);
		m->fds[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		put_count(m->fds[i], 1000 * (uint64_t)i);
	}
}

static void end(struct machine *m)
{
	for (int i = 0; i < 8; i++)
		close(m->fds[i]);
	scratch_remove(m->dir);
}

static void all_controllers_count(void **state)
{
	(void)state;
	struct machine m;
	struct memory_traffic t;
	double read_bytes, written_bytes;
	begin(&m);
	put_controller(&m, "uncore_imc_0", "20\n");
	put_controller(&m, "uncore_imc_1", "21\n");
	/* Counts the same once more: must not be added. */
	put_pmu(&m, "uncore_imc_free_running_0", "type", "22\n");
	put_pmu(&m, "uncore_imc_free_running_0", "cpumask", "0\n");
	put_pmu(&m, "uncore_imc_free_running_0", "events/data_read", "event=0xff\n");
	memory_traffic_open(&t, &m.env);
	assert_string_equal(t.reason, "");
	assert_int_equal(t.count, 8);
	for (int i = 0; i < 8; i++)
		put_count(m.fds[i], 1000 * (uint64_t)i + (i % 2 ? 1 : 1000000));
	memory_traffic_read(&t, &read_bytes, &written_bytes);
	assert_close(read_bytes, 4e6 * 64, 1e-12);
	assert_close(written_bytes, 4 * 64, 1e-12);
	put_count(m.fds[3], 5); /* went back: not to be believed */
	memory_traffic_read(&t, &read_bytes, &written_bytes);
	assert_true(isnan(read_bytes) && isnan(written_bytes));
	memory_traffic_close(&t);
	end(&m);
}

static void what_is_closed_says_so(void **state)
{
	(void)state;
	struct machine m;
	struct memory_traffic t;
	double read_bytes, written_bytes;
	begin(&m);
	memory_traffic_open(&t, &m.env);
	assert_int_equal(t.count, 0);
	assert_non_null(strstr(t.reason, "no counters of memory controllers"));
	put_controller(&m, "uncore_imc_0", "20\n");
	m.refuse = EACCES;
	memory_traffic_open(&t, &m.env);
	assert_int_equal(t.count, 0); /* and what had opened is closed */
	assert_non_null(strstr(t.reason, "perf_event_paranoid"));
	memory_traffic_read(&t, &read_bytes, &written_bytes);
	assert_true(isnan(read_bytes));
	memory_traffic_close(&t);
	m.refuse = 0;
	put_pmu(&m, "uncore_imc_0", "format/umask", "config1:8-15\n"); /* not understood */
	memory_traffic_open(&t, &m.env);
	assert_int_equal(t.count, 0);
	assert_true(t.reason[0]);
	memory_traffic_close(&t);
	end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_controllers_count),
		cmocka_unit_test(what_is_closed_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
