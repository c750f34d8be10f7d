/* SPDX-License-Identifier: Apache-2.0
 *
 * Sensors that are told where they are: the file that names them, Redfish, wattmeters on files,
 * serial lines and plugs. Servers run on loopback, the serial line is a pseudo-terminal.
 */
#include "support/http_mock.h"
#include "support/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/units.h"
#include "measure/meter.h"
#include "measure/sensors/meter_line.h"
#include "measure/sensors/remote.h"

struct site {
	char dir[256];
	struct fake_clock clock;
	struct ergon_env env;
	struct ergon_env real;
	struct ergon_env_storage storage;
	struct http_mock mock;
	bool mocked;
};
static struct site site;

/* The clock cannot sleep: drivers then ask when they are read, on this thread. */
static int set_up(void **state)
{
	(void)state;
	site.mocked = false;
	scratch_make(site.dir, sizeof site.dir);
	fake_clock_init(&site.clock);
	site.clock.clock.sleep_until = NULL;
	ergon_env_init(&site.real, &site.storage);
	site.env = site.real;
	site.env.sysfs_root = site.env.procfs_root = site.env.devfs_root = site.dir;
	site.env.config_dir = site.env.state_dir = site.dir;
	site.env.clock = &site.clock.clock;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (site.mocked)
		http_mock_stop(&site.mock);
	scratch_remove(site.dir);
	return 0;
}

static void serve(void)
{
	http_mock_start(&site.mock, NULL, NULL);
	site.mocked = true;
}

static void configure(const char *text)
{
	char path[300];
	put_file(site.dir, "sensors.json", text);
	snprintf(path, sizeof path, "%s/sensors.json", site.dir);
	assert_int_equal(chmod(path, 0600), 0);
}

static enum ergon_code try_meter(const char *sensors, struct meter **meter, struct ergon_error *err)
{
	*err = (struct ergon_error){ 0 };
	return meter_open(meter, &site.env,
	                  &(struct meter_options){ .sensors = sensors, .manual = true }, err);
}

static struct meter *open_meter(const char *sensors)
{
	struct meter *meter;
	struct ergon_error err;
	if (try_meter(sensors, &meter, &err))
		fail_msg("%s", err.text);
	return meter;
}

/* What `sensors` says against its wish to be opened must hold all of these words. */
static void refused(const char *sensors, enum ergon_code code, const char *words)
{
	struct meter *meter;
	struct ergon_error err;
	assert_int_equal(try_meter(sensors, &meter, &err), code);
	print_message("  %s\n", err.text);
	if (!strstr(err.text, words))
		fail_msg("'%s' lacks '%s'", err.text, words);
}

/* --- the file that names them --------------------------------------------------------- */

static void the_file_is_read(void **state)
{
	(void)state;
	struct remote_source s[REMOTE_SOURCES_MAX];
	struct ergon_error err = { 0 };
	put_file(site.dir, "bmc.password", "s3cret\n");
	char path[300];
	snprintf(path, sizeof path, "%s/bmc.password", site.dir);
	assert_int_equal(chmod(path, 0600), 0);
	configure("{\"sensors\":[{\"name\":\"bmc\",\"driver\":\"redfish\",\"address\":"
	          "\"https://10.0.0.7:8443\",\"user\":\"ergon\",\"password_file\":\"bmc.password\","
	          "\"window_s\":5},{\"driver\":\"meter\",\"kind\":\"shelly\",\"address\":"
	          "\"http://plug\"}]}");
	assert_int_equal(remote_sources(&site.env, "redfish", NULL, s, 16, &err), 1);
	assert_string_equal(s[0].password, "s3cret");
	assert_string_equal(s[0].channel, "node");
	assert_close(s[0].window_s, 5, 0);
	/* By name, by address of the same host, by any other address. */
	assert_int_equal(remote_sources(&site.env, "redfish", "bmc", s, 16, &err), 1);
	assert_string_equal(s[0].address, "https://10.0.0.7:8443");
	assert_int_equal(remote_sources(&site.env, "redfish", "https://10.0.0.7/x", s, 16, &err),
	                 1);
	assert_string_equal(s[0].user, "ergon");
	assert_string_equal(s[0].address, "https://10.0.0.7/x");
	assert_int_equal(remote_sources(&site.env, "redfish", "https://10.0.0.8", s, 16, &err), 1);
	assert_string_equal(s[0].user, "");
	assert_int_equal(remote_sources(&site.env, "ipmi_dcmi", NULL, s, 16, &err), 0);
	/* A password that others may read is refused. */
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(remote_sources(&site.env, "redfish", NULL, s, 16, &err), -1);
	assert_non_null(strstr(err.text, "chmod 600"));
}

static void bad_files_are_explained(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "[]", "sensors" },
		{ "{}", "sensors" },
		{ "{\"sensors\":[5]}", "sensors[0]: expected an object" },
		{ "{\"sensors\":[{\"driver\":\"redfsh\",\"address\":\"x\"}]}", "'redfish'" },
		{ "{\"sensors\":[{\"driver\":\"redfish\"}]}", "address" },
		{ "{\"sensors\":[{\"driver\":\"redfish\",\"address\":\"x\",\"pasword\":\"y\"}]}",
		  "'password'" },
		{ "{\"sensors\":[{\"driver\":\"meter\",\"address\":\"x\",\"kind\":\"tasmoto\"}]}",
		  "'tasmota'" },
		{ "{\"sensors\":[{\"driver\":\"redfish\",\"address\":\"https://me:pw@h\"}]}",
		  "fields of their own" },
		{ "{\"sensors\":[{\"driver\":\"redfish\",\"address\":\"x\",\"timeout_s\":1e9}]}",
		  "timeout_s" },
		{ "{\"sensors\":[{\"driver\":\"meter\",\"kind\":\"csv\",\"address\":\"x\","
		  "\"channel\":\"\"}]}",
		  "channel" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct remote_source s[4];
		struct ergon_error err = { 0 };
		assert_int_equal(
		    remote_parse(rows[i][0], strlen(rows[i][0]), "f", NULL, s, 4, &err), -1);
		if (!strstr(err.text, rows[i][1]))
			fail_msg("%s: '%s' lacks '%s'", rows[i][0], err.text, rows[i][1]);
	}
	struct sensor_reason reason;
	put_file(site.dir, "sensors.json", "{\"sensors\":[{\"driver\":\"redfish\"}]}");
	assert_int_equal(sensor_driver_find("redfish")->probe(&site.env, NULL, &reason),
	                 SENSOR_CLOSED);
	assert_non_null(strstr(reason.text, "address"));
}

static void absence_is_explained(void **state)
{
	(void)state;
	static const char *const names[] = { "redfish", "meter", "ipmi_dcmi" };
	for (size_t i = 0; i < 3; i++) {
		struct sensor_reason reason;
		assert_int_equal(sensor_driver_find(names[i])->probe(&site.env, NULL, &reason),
		                 SENSOR_ABSENT);
		assert_non_null(strstr(reason.text, "sensors.json"));
		assert_true(reason.grant[0]);
	}
	refused("redfish:https://me:pw@10.0.0.7", ERGON_NOT_SUPPORTED, "would be seen by all");
	refused("meter:http://plug", ERGON_NOT_SUPPORTED, "one of: csv, serial");
	refused("redfish:ftp://10.0.0.7", ERGON_BAD_INPUT, "https://");
}

/* --- lines and answers of wattmeters ---------------------------------------------------- */

static void lines_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		unsigned column;
		double power_w; /* -1: none */
	} rows[] = {
		{ "123.4", 0, 123.4 },
		{ "12:00:01,230.1,0.53,121.9", 0, 121.9 },
		{ "12:00:01,230.1,0.53,121.9", 2, 230.1 },
		{ "P=121.9W", 0, 121.9 },
		{ "  V: 230.0  P: 1.5kW  ", 0, 1500 },
		{ "250mW", 1, 0.25 },
		{ "a;;5", 3, 5 },
		{ "a;;5", 2, -1 },
		{ "time_s,power_w", 0, -1 },
		{ "-5", 0, -1 },
		{ "nan", 0, -1 },
		{ "1e9", 0, -1 },
		{ "", 0, -1 },
		{ "5", 7, -1 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		double power_w = -7;
		bool good =
		    meter_line_power(rows[i].line, strlen(rows[i].line), rows[i].column, &power_w);
		print_message("'%s' %u\n", rows[i].line, rows[i].column);
		assert_int_equal(good, rows[i].power_w >= 0);
		if (good)
			assert_close(power_w, rows[i].power_w, 1e-12);
	}
}

static void plugs_answers_are_read(void **state)
{
	(void)state;
	static const struct {
		bool tasmota;
		const char *text;
		double power_w;
	} rows[] = {
		{ true, "{\"StatusSNS\":{\"Time\":\"x\",\"ENERGY\":{\"Total\":3.1,\"Power\":121}}}",
		  121 },
		{ true, "{\"StatusSNS\":{\"ENERGY\":{\"Power\":[100,20.5]}}}", 120.5 },
		{ true, "{\"StatusSNS\":{\"ENERGY\":{\"Power\":[]}}}", -1 },
		{ true, "{\"StatusSNS\":{\"ENERGY\":{\"Power\":\"5\"}}}", -1 },
		{ true, "{}", -1 },
		{ false, "{\"switch:0\":{\"apower\":80.5,\"voltage\":230},\"sys\":{}}", 80.5 },
		{ false, "{\"switch:0\":{\"apower\":80},\"switch:1\":{\"apower\":-20}}", 100 },
		{ false, "{\"em:0\":{\"total_act_power\":450}}", 450 },
		{ false, "{\"meters\":[{\"power\":55.5,\"is_valid\":true,\"total\":9}]}", 55.5 },
		{ false, "{\"meters\":[{\"power\":55.5,\"is_valid\":false}]}", -1 },
		{ false, "{\"emeters\":[{\"power\":1},{\"power\":2}]}", 3 },
		{ false, "{\"switch:0\":{\"apower\":1e99}}", -1 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		json_t *answer = json_loads(rows[i].text, 0, NULL);
		double power_w = 0;
		bool good = rows[i].tasmota ? tasmota_power(answer, &power_w)
		                            : shelly_power(answer, &power_w);
		print_message("%s\n", rows[i].text);
		assert_int_equal(good, rows[i].power_w >= 0);
		if (good)
			assert_close(power_w, rows[i].power_w, 1e-12);
		json_decref(answer);
	}
}

/* --- energies --------------------------------------------------------------------------- */

static double power_at(double t_s) /* what the emulated machine draws */
{
	return t_s < 5 ? 200 : 300;
}

static void put_power(const char *path, const char *format)
{
	char body[512];
	double t_s = seconds_from_ns(site.clock.now_ns) - 1;
	snprintf(body, sizeof body, format, power_at(t_s));
	http_mock_put(&site.mock, path, body);
}

/* Ten seconds with a step in the middle. The meter reads at 10 Hz, the source is asked at 1 Hz. */
static void measure(const char *sensors, void (*publish)(void), const char *channel)
{
	struct measurement m = { 0 };
	site.clock.now_ns = NS_PER_S;
	publish();
	struct meter *meter = open_meter(sensors);
	assert_int_equal(meter_begin(meter, NULL), ERGON_OK);
	for (int i = 0; i < 100; i++) {
		site.clock.now_ns += 100 * NS_PER_MS;
		publish();
		meter_tick(meter);
	}
	assert_int_equal(meter_end(meter, &m, NULL), ERGON_OK);
	const struct domain_energy *node = measurement_domain(&m, channel);
	assert_non_null(node);
	print_message("%s: %.1f J in [%.1f, %.1f], true 2500\n", sensors, node->energy_j,
	              node->low_j, node->high_j);
	assert_close(node->covered_s, 10, 0.02);
	assert_true(node->low_j <= 2500 && 2500 <= node->high_j);
	assert_close(node->energy_j, 2500, 0.06); /* a second of delay at a step of 100 W */
	assert_true(node->in_total);
	measurement_fini(&m);
	meter_close(meter);
}

static const char environment[] = "{\"PowerWatts\":{\"Reading\":%.1f}}";
static const char supply_metrics[] = "{\"InputPowerWatts\":{\"Reading\":%.1f}}";
static const char power_control[] =
    "{\"PowerControl\":[{\"PowerConsumedWatts\":%.1f,\"PowerMetrics\":{\"IntervalInMin\":1}}]}";

static void publish_environment(void)
{
	put_power("/redfish/v1/Chassis/1/EnvironmentMetrics", environment);
}
static void publish_power(void)
{
	put_power("/redfish/v1/Chassis/1/Power", power_control);
}
static void publish_supplies(void)
{
	put_power("/redfish/v1/Chassis/1/PowerSubsystem/PowerSupplies/1/Metrics", supply_metrics);
}

static void put_tree(const char *chassis)
{
	http_mock_put(&site.mock, "/redfish/v1/Chassis",
	              "{\"Members\":[{\"@odata.id\":\"/redfish/v1/Chassis/1\"}]}");
	http_mock_put(&site.mock, "/redfish/v1/Chassis/1", chassis);
}

static void redfish_measures(void **state)
{
	(void)state;
	char text[512], sensors[128];
	serve();
	site.mock.user = "ergon";
	site.mock.password = "pw";
	snprintf(text, sizeof text,
	         "{\"sensors\":[{\"name\":\"bmc\",\"driver\":\"redfish\",\"address\":"
	         "\"http://127.0.0.1:%u\",\"user\":\"ergon\",\"password\":\"pw\",\"window_s\":1}]}",
	         site.mock.port);
	configure(text);
	put_tree("{\"EnvironmentMetrics\":{\"@odata.id\":"
	         "\"/redfish/v1/Chassis/1/EnvironmentMetrics\"}}");
	measure("redfish:bmc", publish_environment, "node");
	put_tree("{\"EnvironmentMetrics\":{\"@odata.id\":\"/redfish/v1/none\"},\"Power\":{"
	         "\"@odata.id\":\"/redfish/v1/Chassis/1/Power\"}}");
	snprintf(sensors, sizeof sensors, "redfish:http://127.0.0.1:%u", site.mock.port);
	measure(sensors, publish_power, "node");
	put_tree("{\"PowerSubsystem\":{\"@odata.id\":\"/redfish/v1/Chassis/1/PowerSubsystem\"}}");
	http_mock_put(&site.mock, "/redfish/v1/Chassis/1/PowerSubsystem",
	              "{\"PowerSupplies\":{\"@odata.id\":\"/redfish/v1/Chassis/1/PowerSubsystem/"
	              "PowerSupplies\"}}");
	http_mock_put(&site.mock, "/redfish/v1/Chassis/1/PowerSubsystem/PowerSupplies",
	              "{\"Members\":[{\"@odata.id\":\"/redfish/v1/S1\"}]}");
	http_mock_put(&site.mock, "/redfish/v1/S1",
	              "{\"Metrics\":{\"@odata.id\":\"/redfish/v1/Chassis/1/PowerSubsystem/"
	              "PowerSupplies/1/Metrics\"}}");
	measure("redfish", publish_supplies, "node");
}

static void redfish_declares_its_window(void **state)
{
	(void)state;
	char sensors[128];
	serve();
	put_tree("{\"Power\":{\"@odata.id\":\"/redfish/v1/Chassis/1/Power\"}}");
	publish_power();
	snprintf(sensors, sizeof sensors, "redfish:http://127.0.0.1:%u/", site.mock.port);
	struct meter *meter = open_meter(sensors);
	assert_int_equal(meter_channel(meter, 0)->behaviour, CHANNEL_POWER_AVERAGE);
	assert_int_equal(meter_channel(meter, 0)->window_us, 60000000);
	meter_close(meter);
}

static void redfish_troubles_are_explained(void **state)
{
	(void)state;
	char sensors[128];
	serve();
	snprintf(sensors, sizeof sensors, "redfish:http://127.0.0.1:%u", site.mock.port);
	refused(sensors, ERGON_NOT_FOUND, "status 404");
	http_mock_put(&site.mock, "/redfish/v1/Chassis", "{ not JSON");
	refused(sensors, ERGON_BAD_INPUT, "no JSON object");
	http_mock_put(&site.mock, "/redfish/v1/Chassis", "{\"Members\":[]}");
	refused(sensors, ERGON_NOT_SUPPORTED, "no chassis");
	http_mock_put(&site.mock, "/redfish/v1/Chassis",
	              "{\"Members\":[{\"@odata.id\":\"http://elsewhere/\"},5,{}]}");
	refused(sensors, ERGON_NOT_SUPPORTED, "no chassis");
	site.mock.user = "admin";
	site.mock.password = "secret";
	refused(sensors, ERGON_NO_PERMISSION, "give user and password_file");
	refused("redfish:http://127.0.0.1:1", ERGON_IO, "127.0.0.1");
}

/* A controller that accepts and never answers: an error after the timeout, no hang. */
static void silence_ends_in_time(void **state)
{
	(void)state;
	char text[300];
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof at;
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &length), 0);
	snprintf(text, sizeof text,
	         "{\"sensors\":[{\"driver\":\"redfish\",\"address\":\"http://127.0.0.1:%u\","
	         "\"timeout_s\":0.2}]}",
	         ntohs(at.sin_port));
	configure(text);
	refused("redfish", ERGON_IO, "no answer within 0.2 s");
	close(listener);
}

/* A certificate that nobody vouches for is refused, unless its issuer is named, or all is let go.
 */
static void certificates_are_verified(void **state)
{
	(void)state;
	char command[900], path[300], text[512], *key, *certificate;
	size_t length;
	snprintf(command, sizeof command,
	         "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext "
	         "subjectAltName=IP:127.0.0.1 -keyout '%s/key' -out '%s/cert' >/dev/null 2>&1",
	         site.dir, site.dir);
	if (system(command) != 0) {
		print_message("no openssl: certificates are not tried\n");
		skip();
	}
	snprintf(path, sizeof path, "%s/key", site.dir);
	assert_int_equal(file_read(path, &key, &length, NULL), ERGON_OK);
	snprintf(path, sizeof path, "%s/cert", site.dir);
	assert_int_equal(file_read(path, &certificate, &length, NULL), ERGON_OK);
	http_mock_start(&site.mock, key, certificate);
	site.mocked = true;
	put_tree("{\"EnvironmentMetrics\":{\"@odata.id\":"
	         "\"/redfish/v1/Chassis/1/EnvironmentMetrics\"}}");
	publish_environment();
	snprintf(text, sizeof text, "redfish:https://127.0.0.1:%u", site.mock.port);
	refused(text, ERGON_IO, "cannot be verified");
	snprintf(text, sizeof text,
	         "{\"sensors\":[{\"driver\":\"redfish\",\"address\":\"https://127.0.0.1:%u\","
	         "\"ca_file\":\"%s\"}]}",
	         site.mock.port, path);
	configure(text);
	meter_close(open_meter("redfish"));
	snprintf(text, sizeof text,
	         "{\"sensors\":[{\"driver\":\"redfish\",\"address\":\"https://127.0.0.1:%u\","
	         "\"insecure\":true}]}",
	         site.mock.port);
	configure(text);
	meter_close(open_meter("redfish"));
	free(key);
	free(certificate);
}

static void publish_tasmota(void)
{
	put_power("/cm?cmnd=Status 10", "{\"StatusSNS\":{\"ENERGY\":{\"Power\":%.1f}}}");
}
static void publish_shelly(void)
{
	put_power("/rpc/Shelly.GetStatus", "{\"switch:0\":{\"apower\":%.1f}}");
}
static void publish_old_shelly(void)
{
	put_power("/status", "{\"meters\":[{\"power\":%.1f,\"is_valid\":true}]}");
}

static void plugs_measure(void **state)
{
	(void)state;
	char sensors[128];
	serve();
	snprintf(sensors, sizeof sensors, "meter:tasmota:http://127.0.0.1:%u", site.mock.port);
	measure(sensors, publish_tasmota, "node");
	snprintf(sensors, sizeof sensors, "meter:shelly:http://127.0.0.1:%u", site.mock.port);
	measure(sensors, publish_old_shelly, "node");
	measure(sensors, publish_shelly, "node");
}

/* A plug that stops answering: a gap after a while, not the old value for ever. */
static void a_silent_plug_is_a_gap(void **state)
{
	(void)state;
	char sensors[128];
	struct measurement m = { 0 };
	serve();
	publish_shelly();
	snprintf(sensors, sizeof sensors, "meter:shelly:http://127.0.0.1:%u", site.mock.port);
	struct meter *meter = open_meter(sensors);
	assert_int_equal(meter_begin(meter, NULL), ERGON_OK);
	for (int i = 0; i < 300; i++) {
		site.mock.gone = i >= 100;
		site.clock.now_ns += 100 * NS_PER_MS;
		meter_tick(meter);
	}
	assert_int_equal(meter_end(meter, &m, NULL), ERGON_OK);
	assert_true(m.domains[0].gap_s > 10 && m.domains[0].gap_s < 20);
	assert_true(m.domains[0].covered_s > 10);
	measurement_fini(&m);
	meter_close(meter);
}

static int line_fd;

static void publish_line(void)
{
	char line[64];
	double t_s = seconds_from_ns(site.clock.now_ns) - 1;
	int length = snprintf(line, sizeof line, "U=230.1 I=0.5 P=%.1fW\r\n", power_at(t_s));
	assert_int_equal(write(line_fd, line, (size_t)length), length);
}

static void csv_measures(void **state)
{
	(void)state;
	char path[300], sensors[320];
	snprintf(path, sizeof path, "%s/trace.csv", site.dir);
	line_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	snprintf(sensors, sizeof sensors, "meter:csv:%s", path);
	measure(sensors, publish_line, "node");
	close(line_fd);
	refused("meter:csv:/nowhere/at/all", ERGON_NOT_FOUND, "No such file");
}

static void serial_lines_measure(void **state)
{
	(void)state;
	char sensors[320];
	line_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (line_fd < 0 || grantpt(line_fd) || unlockpt(line_fd)) {
		print_message("no pseudo-terminal here\n");
		skip();
	}
	snprintf(sensors, sizeof sensors, "meter:serial:%s", ptsname(line_fd));
	/* Opened once, so that the terminal is raw before the first line comes. */
	int other = open(ptsname(line_fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(other >= 0);
	measure(sensors, publish_line, "node");
	close(other);
	close(line_fd);
	refused("meter:serial:/dev/null", ERGON_BAD_INPUT, "no serial line");
}

/* With a clock that sleeps, slow sources are asked on a thread: a read never waits for them. */
static void reads_never_wait(void **state)
{
	(void)state;
	char sensors[128];
	struct meter *meter;
	struct ergon_error err = { 0 };
	serve();
	publish_shelly();
	snprintf(sensors, sizeof sensors, "meter:shelly:http://127.0.0.1:%u", site.mock.port);
	site.env.clock = site.real.clock;
	assert_int_equal(meter_open(&meter, &site.env,
	                            &(struct meter_options){ .sensors = sensors, .manual = true },
	                            &err),
	                 ERGON_OK);
	int before = site.mock.requests;
	assert_int_equal(meter_begin(meter, NULL), ERGON_OK);
	for (int i = 0; i < 1000; i++)
		meter_tick(meter);
	assert_true(site.mock.requests - before <= 2);
	assert_int_equal(meter_end(meter, NULL, NULL), ERGON_OK);
	meter_close(meter);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_file_is_read),
		TEST(bad_files_are_explained),
		TEST(absence_is_explained),
		TEST(lines_are_read),
		TEST(plugs_answers_are_read),
		TEST(redfish_measures),
		TEST(redfish_declares_its_window),
		TEST(redfish_troubles_are_explained),
		TEST(silence_ends_in_time),
		TEST(certificates_are_verified),
		TEST(plugs_measure),
		TEST(a_silent_plug_is_a_gap),
		TEST(csv_measures),
		TEST(serial_lines_measure),
		TEST(reads_never_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
