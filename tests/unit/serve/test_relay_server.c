/* SPDX-License-Identifier: Apache-2.0
 *
 * The server on a made-up RAPL tree, and the driver that asks it.
 */
#include "support/support.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/units.h"
#include "serve/relay_server.h"

struct fixture {
	char root[128], socket[160];
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct access_rules rules;
	struct meter *meter;
	struct relay_server *server;
	pthread_t thread;
	int stop[2];
};

static void show_energy(const struct fixture *f, uint64_t energy_uj)
{
	char text[32];
	snprintf(text, sizeof text, "%020llu\n", (unsigned long long)energy_uj);
	put_file(f->root, "class/powercap/intel-rapl:0/energy_uj", text);
}

static void *serve(void *user)
{
	struct fixture *f = user;
	struct ergon_error err = { 0 };
	if (relay_server_run(f->server, f->stop[0], &err))
		fprintf(stderr, "server: %s\n", err.text);
	return NULL;
}

static void start(struct fixture *f)
{
	struct ergon_error err = { 0 };
	struct relay_server_options options = { f->socket, &f->rules, 50 * NS_PER_MS, NULL };
	struct meter_options of_meter = { .interval_ns = 50 * NS_PER_MS,
		                          .sensors = "rapl_powercap",
		                          .stream = true };
	assert_int_equal(pipe(f->stop), 0);
	if (meter_open(&f->meter, &f->env, &of_meter, &err) ||
	    relay_server_open(&f->server, &f->env, f->meter, &options, &err))
		fail_msg("%s", err.text);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

static void stop(struct fixture *f)
{
	assert_int_equal(write(f->stop[1], "x", 1), 1);
	pthread_join(f->thread, NULL);
	relay_server_close(f->server);
	meter_close(f->meter);
	close(f->stop[0]);
	close(f->stop[1]);
}

static int set_up(void **state)
{
	static struct fixture fixture;
	struct fixture *f = &fixture;
	memset(f, 0, sizeof *f);
	*state = f;
	scratch_make(f->root, sizeof f->root);
	snprintf(f->socket, sizeof f->socket, "%.120s/s", f->root);
	ergon_env_init(&f->env, &f->storage);
	f->env.sysfs_root = f->env.procfs_root = f->env.devfs_root = f->root;
	f->env.socket_path = f->socket;
	put_file(f->root, "class/powercap/intel-rapl:0/name", "package-0\n");
	put_file(f->root, "class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n");
	show_energy(f, 1000000);
	start(f);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	stop(f);
	scratch_remove(f->root);
	return 0;
}

static int call(const struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	memcpy(address.sun_path, f->socket, strlen(f->socket));
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static size_t ask(int fd, const void *message, size_t size, unsigned char *reply)
{
	assert_int_equal(send(fd, message, size, MSG_NOSIGNAL), size);
	ssize_t got = recv(fd, reply, RELAY_REPLY_MAX, 0);
	return got > 0 ? (size_t)got : 0;
}

static struct relay_snapshot read_snapshot(int fd)
{
	unsigned char request[RELAY_REQUEST_SIZE], reply[RELAY_REPLY_MAX];
	struct relay_snapshot snapshot;
	relay_put_request(request, &(struct relay_request){ RELAY_READ, 0 });
	size_t size = ask(fd, request, sizeof request, reply);
	if (!relay_get_snapshot(reply, size, &snapshot))
		fail_msg("no snapshot: status %d", (int)relay_get_status(reply, size));
	return snapshot;
}

/* Energies are right, rounded down, and never change faster than the period. */
static void energies_at_a_low_rate(void **state)
{
	struct fixture *f = *state;
	int fd = call(f);
	unsigned changes = 0, questions = 0;
	struct relay_snapshot first = read_snapshot(fd), before = first, now = first;
	for (int i = 1; i <= 40; i++) {
		show_energy(f, 1000000 + (uint64_t)i * 12345);
		usleep(10000);
		now = read_snapshot(fd);
		questions++;
		changes += now.energy_uj[0] != before.energy_uj[0];
		assert_int_equal(now.energy_uj[0] % 1000, 0);
		assert_true(now.energy_uj[0] >= before.energy_uj[0]);
		before = now;
	}
	usleep(200000);
	now = read_snapshot(fd);
	assert_int_equal(now.energy_uj[0], 40 * 12345 / 1000 * 1000);
	double seconds = seconds_from_ns(now.time_ns - first.time_ns);
	assert_true(changes <= seconds / 0.05 + 1);
	assert_true(changes < questions);
	close(fd);
}

static void bad_messages(void **state)
{
	struct fixture *f = *state;
	static const char *const messages[] = { "", "GET / HTTP/1.0\r\n\r\n", "ERG1",
		                                "ERG2\2\0\0\0\0\0\0\0\0\0\0\0",
		                                "ERG1\7\0\0\0\0\0\0\0\0\0\0\0" };
	static const size_t sizes[] = { 1, 18, 4, 16, 16 };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		unsigned char reply[RELAY_REPLY_MAX];
		int fd = call(f);
		size_t size = ask(fd, messages[i], sizes[i], reply);
		assert_int_equal(relay_get_status(reply, size), RELAY_MALFORMED);
		assert_int_equal(recv(fd, reply, sizeof reply, 0), 0); /* hung up */
		close(fd);
	}
	int fd = call(f); /* others are still served */
	assert_int_equal(read_snapshot(fd).count, 1);
	close(fd);
}

static void too_many_questions(void **state)
{
	struct fixture *f = *state;
	unsigned char request[RELAY_REQUEST_SIZE], reply[RELAY_REPLY_MAX];
	relay_put_request(request, &(struct relay_request){ RELAY_READ, 0 });
	int fd = call(f), other = call(f);
	unsigned answered = 0, refused = 0;
	for (int i = 0; i < 500; i++) {
		size_t size = ask(fd, request, sizeof request, reply);
		enum relay_status status = relay_get_status(reply, size);
		answered += status == RELAY_OK;
		refused += status == RELAY_TOO_OFTEN;
	}
	assert_int_equal(answered + refused, 500);
	assert_true(refused > 0);
	assert_int_equal(read_snapshot(other).count, 1);
	/* more clients than there is room for wait; those inside are served */
	int crowd[RELAY_CLIENTS_MAX + 8];
	for (int i = 0; i < RELAY_CLIENTS_MAX + 8; i++)
		crowd[i] = call(f);
	assert_int_equal(read_snapshot(other).count, 1);
	for (int i = 0; i < RELAY_CLIENTS_MAX + 8; i++)
		close(crowd[i]);
	close(fd);
	close(other);
}

static struct meter *open_client(const struct fixture *f, const char *sensors)
{
	struct meter *meter;
	struct ergon_error err = { 0 };
	if (meter_open(&meter, &f->env,
	               &(struct meter_options){ .sensors = sensors, .interval_ns = 20 * NS_PER_MS },
	               &err))
		fail_msg("%s", err.text);
	return meter;
}

/* The driver: exact energy, a gap while the server is away, no jump when it counts anew. */
static void the_driver_survives_a_restart(void **state)
{
	struct fixture *f = *state;
	struct ergon_error err = { 0 };
	struct measurement m = { 0 };
	struct meter *meter = open_client(f, "daemon");
	assert_int_equal(meter_begin(meter, &err), 0);
	usleep(150000);
	show_energy(f, 3500000);
	usleep(250000);
	stop(f);
	usleep(100000);
	show_energy(f, 900000000); /* unseen: by whatever was counted meanwhile */
	start(f);
	usleep(1300000); /* the driver tries once a second */
	show_energy(f, 901000000);
	usleep(200000);
	assert_int_equal(meter_end(meter, &m, &err), 0);
	const struct domain_energy *package = measurement_domain(&m, "package-0");
	assert_non_null(package);
	assert_true(package->gaps >= 1 && package->gap_s > 0.5);
	assert_close(package->energy_j, 3.5, 1e-9); /* 2.5 J before, 1 J after */
	measurement_fini(&m);
	meter_close(meter);
}

static void the_direct_sensor_is_preferred(void **state)
{
	struct fixture *f = *state;
	struct meter *meter = open_client(f, NULL);
	for (size_t i = 0; i < meter_channel_count(meter); i++)
		assert_string_not_equal(meter_channel_driver(meter, i), "daemon");
	meter_close(meter);
	if (geteuid() == 0) { /* root may read everything: make it not be there */
		f->env.sysfs_root = "/nonexistent";
	} else {
		char path[256];
		snprintf(path, sizeof path, "%s/class/powercap/intel-rapl:0/energy_uj", f->root);
		assert_int_equal(chmod(path, 0), 0);
	}
	meter = open_client(f, NULL);
	bool found = false;
	for (size_t i = 0; i < meter_channel_count(meter); i++)
		found = found || strcmp(meter_channel_driver(meter, i), "daemon") == 0;
	assert_true(found);
	meter_close(meter);
	f->env.sysfs_root = f->root;
}

static void places(void **state)
{
	struct fixture *f = *state;
	struct ergon_error err = { 0 };
	struct relay_server *second;
	struct meter *meter = open_client(f, "rapl_powercap");
	char file[256];
	snprintf(file, sizeof file, "%s/file", f->root);
	put_file(f->root, "file", "precious");
	const struct {
		const char *path, *says;
	} rows[] = {
		{ f->socket, "another server" },
		{ file, "no socket" },
		{ "", "1 to 107" },
		{ "/nonexistent/folder/s", "No such file" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct relay_server_options options = { rows[i].path, &f->rules, NS_PER_S, NULL };
		assert_int_not_equal(relay_server_open(&second, &f->env, meter, &options, &err), 0);
		if (!strstr(err.text, rows[i].says))
			fail_msg("'%s' lacks '%s'", err.text, rows[i].says);
	}
	assert_int_equal(access(f->socket, F_OK), 0);
	assert_int_equal(access(file, F_OK), 0);
	/* what a killed server left behind is replaced */
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char stale[200];
	snprintf(stale, sizeof stale, "%s/stale", f->root);
	memcpy(address.sun_path, stale, strlen(stale));
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	close(fd);
	struct relay_server_options options = { stale, &f->rules, NS_PER_S, NULL };
	if (relay_server_open(&second, &f->env, meter, &options, &err))
		fail_msg("%s", err.text);
	relay_server_close(second);
	meter_close(meter);
}

static void rules(void **state)
{
	(void)state;
	struct access_rules r;
	struct ergon_error err = { 0 };
	assert_int_equal(access_parse(&r, NULL, NULL, &err), 0);
	assert_int_equal(access_mode(&r), 0600);
	assert_int_equal(access_parse(&r, NULL, "root", &err), 0);
	assert_int_equal(access_mode(&r), 0660);
	assert_int_equal(access_parse(&r, "root,12345", NULL, &err), 0);
	assert_int_equal(access_mode(&r), 0666);
	assert_int_equal(r.user_count, 2);
	assert_int_equal(r.users[1], 12345);
	assert_int_equal(access_parse(&r, "no-such-user-here", NULL, &err), ERGON_NOT_FOUND);
	assert_int_equal(access_parse(&r, NULL, "no-such-group-here", &err), ERGON_NOT_FOUND);
	assert_non_null(strstr(err.text, "groupadd"));
	assert_int_equal(access_become("no-such-user-here", &err), ERGON_NOT_FOUND);
}

/* The kernel's word on another user; needs root to become one. */
static void other_users(void **state)
{
	struct fixture *f = *state;
	if (geteuid() != 0) {
		print_message("skipped: only root can ask as somebody else\n");
		skip();
	}
	static const struct {
		uid_t uid;
		gid_t gid;
		const char *users, *group;
		bool may;
	} rows[] = {
		{ 12345, 12345, NULL, NULL, false },    { 12345, 12345, "12345", NULL, true },
		{ 12345, 12345, "12346", NULL, false }, { 12345, 12345, "everyone", NULL, true },
		{ 12345, 23456, "1", "23456", true },   { 12345, 12345, "1", "23456", false },
		{ 0, 0, "1", "23456", true },
	};
	assert_int_equal(chmod(f->root, 0755), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct access_rules r;
		struct ergon_error err = { 0 };
		assert_int_equal(access_parse(&r, rows[i].users, rows[i].group, &err), 0);
		stop(f);
		f->rules = r;
		start(f);
		assert_int_equal(chmod(f->socket, 0666), 0);
		pid_t child = fork();
		if (child == 0) {
			unsigned char reply[RELAY_REPLY_MAX], request[RELAY_REQUEST_SIZE];
			if (setresgid(rows[i].gid, rows[i].gid, rows[i].gid) ||
			    setresuid(rows[i].uid, rows[i].uid, rows[i].uid))
				_exit(9);
			int fd = call(f);
			relay_put_request(request, &(struct relay_request){ RELAY_READ, 0 });
			(void)!send(fd, request, sizeof request, MSG_NOSIGNAL);
			ssize_t got = recv(fd, reply, sizeof reply, 0);
			if (got < 0 && errno == ECONNRESET) /* it did not wait for our words */
				got = recv(fd, reply, sizeof reply, 0);
			_exit(got > 0 ? (int)relay_get_status(reply, (size_t)got) : 8);
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		if (WEXITSTATUS(status) != (rows[i].may ? RELAY_OK : RELAY_FORBIDDEN))
			fail_msg("row %zu: %d", i, WEXITSTATUS(status));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(energies_at_a_low_rate),
		TEST(bad_messages),
		TEST(too_many_questions),
		TEST(the_driver_survives_a_restart),
		TEST(the_direct_sensor_is_preferred),
		TEST(places),
		TEST(other_users),
		cmocka_unit_test(rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
