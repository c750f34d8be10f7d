/* SPDX-License-Identifier: Apache-2.0
 *
 * DCMI power: the answer's bytes, the kernel's device behind env's ioctl, and a controller on the
 * network, which is OpenIPMI's simulator where it is installed.
 */
#include "support/support.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/ipmi.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/units.h"
#include "measure/meter.h"
#include "measure/sensors/dcmi.h"

extern char **environ;

static void put_answer(uint8_t *answer, unsigned power_w, uint32_t period_ms)
{
	memset(answer, 0, 19);
	answer[1] = 0xdc;
	answer[2] = (uint8_t)power_w;
	answer[3] = (uint8_t)(power_w >> 8);
	for (int i = 0; i < 4; i++)
		answer[14 + i] = (uint8_t)(period_ms >> (8 * i));
	answer[18] = 0x40;
}

static void answers_are_parsed(void **state)
{
	(void)state;
	uint8_t answer[19];
	struct dcmi_power power;
	put_answer(answer, 1234, 70000);
	assert_int_equal(dcmi_parse(answer, 19, &power), 0);
	assert_int_equal(power.now_w, 1234);
	assert_int_equal(power.period_ms, 70000);
	for (size_t length = 0; length < 19; length++)
		assert_int_equal(dcmi_parse(answer, length, &power), EPROTO);
	answer[18] = 0; /* not active */
	assert_int_equal(dcmi_parse(answer, 19, &power), ENODATA);
	put_answer(answer, 1234, 0); /* a sampling period of 0: switched off */
	assert_int_equal(dcmi_parse(answer, 19, &power), ENODATA);
	answer[1] = 0xdd;
	assert_int_equal(dcmi_parse(answer, 19, &power), EPROTO);
	static const int codes[][2] = { { 0xc0, EBUSY },
		                        { 0xc1, ENOTSUP },
		                        { 0xd4, EACCES },
		                        { 0xc3, ETIMEDOUT },
		                        { 0xff, EPROTO } };
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		answer[0] = (uint8_t)codes[i][0];
		assert_int_equal(dcmi_parse(answer, 1, &power), codes[i][1]);
		assert_true(dcmi_error_text(codes[i][1])[0]);
	}
}

/* --- the kernel's device ------------------------------------------------------------------ */

struct kernel {
	char dir[256];
	struct fake_clock clock;
	struct ergon_env env;
	unsigned power_w;
	uint32_t period_ms;
	int refuse;  /* errno of a request */
	int cut;     /* bytes that an answer is short of */
	bool old_id; /* an answer to an earlier request comes first */
	long id;
	int sent;
};

static int kernel_ioctl(void *user, int fd, unsigned long request, void *argument)
{
	struct kernel *kernel = user;
	assert_true(fd >= 0);
	if (request == IPMICTL_SEND_COMMAND) {
		const struct ipmi_req *sent = argument;
		static const uint8_t wanted[] = { 0xdc, 0x01, 0x00, 0x00 };
		const struct ipmi_system_interface_addr *to = (const void *)sent->addr;
		if (kernel->refuse) {
			errno = kernel->refuse;
			return -1;
		}
		assert_int_equal(to->addr_type, IPMI_SYSTEM_INTERFACE_ADDR_TYPE);
		assert_int_equal(to->channel, IPMI_BMC_CHANNEL);
		assert_int_equal(sent->msg.netfn, 0x2c);
		assert_int_equal(sent->msg.cmd, 0x02);
		assert_int_equal(sent->msg.data_len, 4);
		assert_memory_equal(sent->msg.data, wanted, 4);
		kernel->id = sent->msgid;
		kernel->sent++;
		return 0;
	}
	assert_int_equal(request, IPMICTL_RECEIVE_MSG_TRUNC);
	struct ipmi_recv *answer = argument;
	assert_true(answer->msg.data_len >= 19);
	answer->recv_type = IPMI_RESPONSE_RECV_TYPE;
	answer->msgid = kernel->old_id ? kernel->id - 1 : kernel->id;
	kernel->old_id = false;
	put_answer(answer->msg.data, kernel->power_w, kernel->period_ms);
	answer->msg.data_len = (unsigned short)(19 - kernel->cut);
	return 0;
}

static void kernel_make(struct kernel *kernel)
{
	*kernel = (struct kernel){ .power_w = 350, .period_ms = 1000 };
	scratch_make(kernel->dir, sizeof kernel->dir);
	put_file(kernel->dir, "ipmi0", "");
	fake_clock_init(&kernel->clock);
	kernel->clock.clock.sleep_until = NULL;
	kernel->env = (struct ergon_env){ .sysfs_root = kernel->dir,
		                          .procfs_root = kernel->dir,
		                          .devfs_root = kernel->dir,
		                          .data_dir = ERGON_SOURCE_DIR "/data",
		                          .state_dir = kernel->dir,
		                          .config_dir = kernel->dir,
		                          .clock = &kernel->clock.clock,
		                          .device_ioctl = kernel_ioctl,
		                          .device_user = kernel };
}

static enum ergon_code try_kernel(struct kernel *kernel, struct meter **meter,
                                  struct ergon_error *err)
{
	*err = (struct ergon_error){ 0 };
	return meter_open(meter, &kernel->env,
	                  &(struct meter_options){ .sensors = "ipmi_dcmi", .manual = true }, err);
}

static void the_kernels_device_measures(void **state)
{
	(void)state;
	struct kernel kernel;
	struct meter *meter;
	struct ergon_error err;
	struct measurement m = { 0 };
	kernel_make(&kernel);
	kernel.old_id = true;
	if (try_kernel(&kernel, &meter, &err))
		fail_msg("%s", err.text);
	assert_string_equal(meter_channel(meter, 0)->name, "node");
	assert_int_equal(meter_begin(meter, NULL), ERGON_OK);
	for (int i = 0; i < 100; i++) {
		kernel.power_w = i < 50 ? 350 : 450;
		kernel.clock.now_ns += 100 * NS_PER_MS;
		meter_tick(meter);
	}
	assert_int_equal(meter_end(meter, &m, NULL), ERGON_OK);
	print_message("%.1f J in [%.1f, %.1f], true 4000\n", m.energy_j, m.low_j, m.high_j);
	assert_true(m.low_j <= 4000 && 4000 <= m.high_j);
	assert_close(m.energy_j, 4000, 0.03);
	assert_true(kernel.sent <= 12); /* once a second, not once a sample */
	measurement_fini(&m);
	meter_close(meter);
	scratch_remove(kernel.dir);
}

/* Switched off in mid-run: a gap. Switched off, cut short or refused at start: said so. */
static void what_the_kernel_refuses(void **state)
{
	(void)state;
	struct kernel kernel;
	struct meter *meter;
	struct ergon_error err;
	struct measurement m = { 0 };
	kernel_make(&kernel);
	kernel.period_ms = 0;
	assert_int_equal(try_kernel(&kernel, &meter, &err), ERGON_NOT_SUPPORTED);
	assert_non_null(strstr(err.text, "switched off"));
	kernel.period_ms = 1000;
	kernel.cut = 5;
	assert_int_equal(try_kernel(&kernel, &meter, &err), ERGON_IO);
	assert_non_null(strstr(err.text, "no sense"));
	kernel.cut = 0;
	kernel.refuse = EINVAL;
	assert_int_equal(try_kernel(&kernel, &meter, &err), ERGON_IO);
	kernel.refuse = 0;
	assert_int_equal(try_kernel(&kernel, &meter, &err), ERGON_OK);
	assert_int_equal(meter_begin(meter, NULL), ERGON_OK);
	for (int i = 0; i < 300; i++) {
		kernel.period_ms = i < 100 ? 1000 : 0;
		kernel.clock.now_ns += 100 * NS_PER_MS;
		meter_tick(meter);
	}
	assert_int_equal(meter_end(meter, &m, NULL), ERGON_OK);
	assert_true(m.domains[0].gap_s > 10);
	measurement_fini(&m);
	meter_close(meter);
	scratch_remove(kernel.dir);
}

static void the_devices_state_is_explained(void **state)
{
	(void)state;
	struct kernel kernel;
	struct sensor_reason reason;
	char path[300];
	kernel_make(&kernel);
	const struct sensor_driver *driver = sensor_driver_find("ipmi_dcmi");
	assert_int_equal(driver->probe(&kernel.env, NULL, &reason), SENSOR_READY);
	snprintf(path, sizeof path, "%s/ipmi0", kernel.dir);
	assert_int_equal(chmod(path, 0), 0);
	if (access(path, R_OK) != 0) { /* root reads all */
		assert_int_equal(driver->probe(&kernel.env, NULL, &reason), SENSOR_CLOSED);
		assert_non_null(strstr(reason.grant, "chmod a+rw"));
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(driver->probe(&kernel.env, NULL, &reason), SENSOR_ABSENT);
	assert_non_null(strstr(reason.grant, "modprobe"));
	scratch_remove(kernel.dir);
}

/* --- the network ------------------------------------------------------------------------- */

struct bmc {
	char dir[256];
	unsigned port;
	pid_t pid;
	struct ergon_env env;
	struct ergon_env_storage storage;
};

static unsigned free_udp_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof at;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &length), 0);
	close(fd);
	return ntohs(at.sin_port);
}

/* An RMCP ping is answered as soon as the simulator listens. */
static bool answers(unsigned port)
{
	static const uint8_t ping[] = { 6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, 0, 0, 0 };
	uint8_t pong[64];
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_port = htons((uint16_t)port),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval wait = { .tv_usec = 50000 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	bool good = connect(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
	            send(fd, ping, sizeof ping, 0) == sizeof ping &&
	            recv(fd, pong, sizeof pong, 0) > 0;
	close(fd);
	return good;
}

static void bmc_power(struct bmc *bmc, unsigned power_w, unsigned period_ms)
{
	char text[64];
	snprintf(text, sizeof text, "%u %u\n", power_w, period_ms);
	put_file(bmc->dir, "power", text);
}

static bool bmc_start(struct bmc *bmc)
{
#ifdef ERGON_IPMI_SIM_DCMI
	char text[1200], conf[300], emu[300], states[300];
	const char *password = "mo+n-key"; /* of the simulated controller */
	scratch_make(bmc->dir, sizeof bmc->dir);
	bmc->port = free_udp_port();
	bmc_power(bmc, 350, 1000);
	snprintf(text, sizeof text,
	         "name \"bmc\"\nset_working_mc 0x20\nstartlan 1\n  addr 127.0.0.1 %u\n"
	         "  priv_limit admin\n  allowed_auths_callback none md2 md5 straight\n"
	         "  allowed_auths_user none md2 md5 straight\n"
	         "  allowed_auths_operator none md2 md5 straight\n"
	         "  allowed_auths_admin none md2 md5 straight\n"
	         "  guid a123456789abcdefa123456789abcdef\nendlan\n"
	         "user 1 true \"\" \"\" user 10 none md2 md5 straight\n"
	         "user 2 true \"ergon\" \"%s\" admin 10 none md2 md5 straight\n"
	         "loadlib \"%s\" \"%s/power\"\n",
	         bmc->port, password, ERGON_IPMI_SIM_DCMI, bmc->dir);
	put_file(bmc->dir, "lan.conf", text);
	put_file(bmc->dir, "sim.emu",
	         "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 "
	         "persist_sdr\nsel_enable 0x20 1000 0x0a\nmc_enable 0x20\n");
	put_file(bmc->dir, "state/x", "");
	snprintf(conf, sizeof conf, "%s/lan.conf", bmc->dir);
	snprintf(emu, sizeof emu, "%s/sim.emu", bmc->dir);
	snprintf(states, sizeof states, "%s/state", bmc->dir);
	char *argv[] = { (char[]){ "ipmi_sim" },
		         (char[]){ "-c" },
		         conf,
		         (char[]){ "-f" },
		         emu,
		         (char[]){ "-s" },
		         states,
		         (char[]){ "-n" },
		         NULL };
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", 1, 0);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	int failed = posix_spawnp(&bmc->pid, "ipmi_sim", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (failed) {
		print_message("no ipmi_sim (package openipmi): the network is not tried\n");
		scratch_remove(bmc->dir);
		return false;
	}
	for (int i = 0; i < 200 && !answers(bmc->port); i++)
		usleep(20000);
	ergon_env_init(&bmc->env, &bmc->storage);
	bmc->env.devfs_root = bmc->env.config_dir = bmc->dir;
	return true;
#else
	(void)bmc;
	(void)bmc_power;
	(void)free_udp_port;
	(void)answers;
	print_message("built without libopenipmi-dev: the network is not tried\n");
	return false;
#endif
}

static void bmc_stop(struct bmc *bmc)
{
	kill(bmc->pid, SIGTERM);
	waitpid(bmc->pid, NULL, 0);
	scratch_remove(bmc->dir);
}

static void bmc_configure(struct bmc *bmc, const char *kind, const char *password)
{
	char text[512], path[300];
	snprintf(text, sizeof text,
	         "{\"sensors\":[{\"driver\":\"ipmi_dcmi\",\"kind\":\"%s\",\"address\":"
	         "\"127.0.0.1:%u\",\"user\":\"ergon\",\"password\":\"%s\",\"interval_s\":0.1,"
	         "\"window_s\":0.1,\"timeout_s\":20}]}",
	         kind, bmc->port, password);
	put_file(bmc->dir, "sensors.json", text);
	snprintf(path, sizeof path, "%s/sensors.json", bmc->dir);
	assert_int_equal(chmod(path, 0600), 0);
}

/* RMCP+ and IPMI 1.5, against the real simulator, with the real clock. */
static void controllers_on_the_network_measure(void **state)
{
	(void)state;
	static const char *const kinds[] = { "lan_2_0", "lan_1_5" };
	struct bmc bmc;
	if (!bmc_start(&bmc))
		skip();
	for (int k = 0; k < 2; k++) {
		struct meter *meter;
		struct ergon_error err = { 0 };
		struct measurement m = { 0 };
		bmc_power(&bmc, 350, 1000);
		bmc_configure(&bmc, kinds[k], "mo+n-key");
		if (meter_open(&meter, &bmc.env, &(struct meter_options){ .sensors = "ipmi_dcmi" },
		               &err)) {
			bmc_stop(&bmc);
			fail_msg("%s: %s", kinds[k], err.text);
		}
		assert_int_equal(meter_begin(meter, NULL), ERGON_OK);
		usleep(500000);
		assert_int_equal(meter_end(meter, &m, NULL), ERGON_OK);
		print_message("%s: %.1f J in %.2f s\n", kinds[k], m.energy_j, m.duration_s);
		assert_close(m.energy_j, 350 * m.duration_s, 0.005);
		measurement_fini(&m);
		meter_close(meter);
	}
	bmc_stop(&bmc);
}

static void refusals_on_the_network(void **state)
{
	(void)state;
	struct bmc bmc;
	struct meter *meter;
	struct ergon_error err = { 0 };
	if (!bmc_start(&bmc))
		skip();
	bmc_power(&bmc, 350, 0);
	bmc_configure(&bmc, "lan_2_0", "mo+n-key");
	enum ergon_code off =
	    meter_open(&meter, &bmc.env, &(struct meter_options){ .sensors = "ipmi_dcmi" }, &err);
	print_message("%s\n", err.text);
	bool said = strstr(err.text, "switched off") != NULL;
	bmc_configure(&bmc, "lan_1_5", "another");
	err = (struct ergon_error){ 0 };
	enum ergon_code wrong =
	    meter_open(&meter, &bmc.env, &(struct meter_options){ .sensors = "ipmi_dcmi" }, &err);
	print_message("%s\n", err.text);
	bmc_stop(&bmc);
	assert_int_equal(off, ERGON_NOT_SUPPORTED);
	assert_true(said);
	assert_int_not_equal(wrong, ERGON_OK);
	assert_non_null(strstr(err.text, "password"));
}

/* OpenIPMI 2.0.33 forgets 128 bytes each time that it is shut down. The library must still be there
 * when leaks are looked for, or its name is not known. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libOpenIPMI";
}

int main(void)
{
	dlopen("libOpenIPMI.so.0", RTLD_LAZY | RTLD_NODELETE);
	dlopen("libOpenIPMIposix.so.0", RTLD_LAZY | RTLD_NODELETE);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_parsed),
		cmocka_unit_test(the_kernels_device_measures),
		cmocka_unit_test(what_the_kernel_refuses),
		cmocka_unit_test(the_devices_state_is_explained),
		cmocka_unit_test(controllers_on_the_network_measure),
		cmocka_unit_test(refusals_on_the_network),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
