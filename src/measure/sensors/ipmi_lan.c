/* SPDX-License-Identifier: Apache-2.0
 *
 * IPMI over LAN through OpenIPMI (LGPL), opened at run time; its headers give the layout of
 * connections and of the event loop. RMCP+ (IPMI 2.0) unless the source's kind is "lan_1_5".
 * The privilege asked for is that of a user, which is all that a reading needs by the
 * specification; controllers that want more get what the account may have, operator, then admin.
 */
#include "measure/sensors/dcmi.h"

#include <stdlib.h>

#ifndef ERGON_HAVE_OPENIPMI

struct ipmi_lan {
	int none;
};

enum ergon_code ipmi_lan_open(struct ipmi_lan **lan, const struct ergon_env *env,
                              struct ergon_error *err)
{
	(void)env;
	*lan = NULL;
	return ergon_fail(err, ERGON_NOT_SUPPORTED,
	                  "ipmi_dcmi: this ergon was built without libopenipmi-dev: controllers on "
	                  "the network are out of reach");
}

void ipmi_lan_close(struct ipmi_lan *lan)
{
	free(lan);
}

int ipmi_lan_connect(struct ipmi_lan *lan, const struct remote_source *source,
                     struct ergon_error *err)
{
	(void)lan;
	ergon_fail(err, ERGON_NOT_SUPPORTED, "ipmi_dcmi: %.100s", source->address);
	return -1;
}

int ipmi_lan_ask(struct ipmi_lan *lan, int connection, struct dcmi_power *power)
{
	(void)lan;
	(void)connection;
	*power = (struct dcmi_power){ 0 };
	return -1;
}

#else

#include <OpenIPMI/ipmi_auth.h>
#include <OpenIPMI/ipmi_conn.h>
#include <OpenIPMI/ipmi_lan.h>
#include <OpenIPMI/os_handler.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "measure/sensors/library.h"

struct posix_api {
	os_handler_t *(*setup)(void);
};

struct openipmi_api {
	int (*init)(os_handler_t *handler);
	void (*shutdown)(void);
	int (*setup_con)(ipmi_lanp_parm_t *parms, unsigned count, os_handler_t *handlers,
	                 void *user_data, ipmi_con_t **con);
	ipmi_msgi_t *(*alloc_item)(void);
	void (*free_item)(ipmi_msgi_t *item);
};

struct connection {
	ipmi_con_t *con;
	const struct remote_source *source;
	bool reported, up, answered, closed;
	int error;
	uint8_t answer[DCMI_ANSWER_MAX];
	size_t length;
};

struct ipmi_lan {
	const struct ergon_env *env;
	void *posix_library, *library;
	struct posix_api posix;
	struct openipmi_api api;
	os_handler_t *handler;
	struct connection connections[REMOTE_SOURCES_MAX + 1];
	int count;
};

/* OpenIPMI would write its troubles to standard error. */
static void stay_silent(os_handler_t *handler, const char *format, enum ipmi_log_type_e type,
                        va_list arguments)
{
	(void)handler;
	(void)format;
	(void)type;
	(void)arguments;
}

static bool load(struct ipmi_lan *lan, char *why, size_t size)
{
	static const char *const posix[] = { "libOpenIPMIposix.so.0", NULL };
	static const char *const library[] = { "libOpenIPMI.so.0", NULL };
	static const struct entry_point posix_entries[] = {
		{ "ipmi_posix_setup_os_handler", offsetof(struct posix_api, setup), true },
	};
	static const struct entry_point entries[] = {
		{ "ipmi_init", offsetof(struct openipmi_api, init), true },
		{ "ipmi_shutdown", offsetof(struct openipmi_api, shutdown), true },
		{ "ipmi_lanp_setup_con", offsetof(struct openipmi_api, setup_con), true },
		{ "ipmi_alloc_msg_item", offsetof(struct openipmi_api, alloc_item), true },
		{ "ipmi_free_msg_item", offsetof(struct openipmi_api, free_item), true },
	};
	lan->library = library_open(lan->env, library, entries, sizeof entries / sizeof *entries,
	                            &lan->api, why, size);
	if (lan->library)
		lan->posix_library =
		    library_open(lan->env, posix, posix_entries, 1, &lan->posix, why, size);
	return lan->posix_library != NULL;
}

enum ergon_code ipmi_lan_open(struct ipmi_lan **out, const struct ergon_env *env,
                              struct ergon_error *err)
{
	char why[160];
	struct ipmi_lan *lan = *out = calloc(1, sizeof *lan);
	if (!lan)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	lan->env = env;
	if (!load(lan, why, sizeof why)) {
		ipmi_lan_close(lan);
		*out = NULL;
		return ergon_fail(err, ERGON_NOT_SUPPORTED,
		                  "ipmi_dcmi: needs OpenIPMI: sudo apt install libopenipmi0 (%s)",
		                  why);
	}
	lan->handler = lan->posix.setup();
	if (lan->handler)
		lan->handler->set_log_handler(lan->handler, stay_silent);
	if (!lan->handler || lan->api.init(lan->handler) != 0) {
		ipmi_lan_close(lan);
		*out = NULL;
		return ergon_fail(err, ERGON_NO_MEMORY, "ipmi_dcmi: OpenIPMI cannot start");
	}
	return ERGON_OK;
}

/* Runs the event loop until *done, at most timeout_s. */
static bool run_until(struct ipmi_lan *lan, const bool *done, double timeout_s)
{
	const struct ergon_clock *clock = lan->env->clock;
	uint64_t deadline_ns = clock->monotonic_ns(clock->user) + ns_from_seconds(timeout_s);
	while (!*done) {
		uint64_t now_ns = clock->monotonic_ns(clock->user);
		if (now_ns >= deadline_ns)
			return false;
		uint64_t left_us = (deadline_ns - now_ns) / NS_PER_US + 1;
		struct timeval wait = { .tv_sec = (time_t)(left_us / 1000000),
			                .tv_usec = (suseconds_t)(left_us % 1000000) };
		lan->handler->perform_one_op(lan->handler, &wait);
	}
	return true;
}

static void on_closed(ipmi_con_t *con, void *user)
{
	(void)con;
	((struct connection *)user)->closed = true;
}

static void disconnect(struct ipmi_lan *lan, struct connection *connection)
{
	if (!connection->con)
		return;
	if (connection->con->close_connection_done(connection->con, on_closed, connection) == 0)
		run_until(lan, &connection->closed, 1);
	connection->con = NULL;
}

void ipmi_lan_close(struct ipmi_lan *lan)
{
	if (!lan)
		return;
	for (int i = 0; i < lan->count; i++)
		disconnect(lan, &lan->connections[i]);
	if (lan->handler) {
		lan->api.shutdown();
		lan->handler->free_os_handler(lan->handler);
	}
	library_close(lan->env, lan->posix_library);
	library_close(lan->env, lan->library);
	free(lan);
}

static void on_change(ipmi_con_t *con, int error, unsigned port, int any_up, void *user)
{
	struct connection *connection = user;
	(void)con;
	(void)port;
	connection->reported = true;
	connection->error = error;
	connection->up = any_up != 0;
}

/* "10.0.0.7:623", "[fe80::1]:623", "bmc" */
static void split_port(const char *address, char *host, size_t size, char *port, size_t port_size)
{
	const char *colon = strrchr(address, ':');
	const char *bracket = strrchr(address, ']');
	remote_host(address, host, size);
	if (host[0] == '[')
		memmove(host, host + 1, strlen(host));
	snprintf(port, port_size, "%s",
	         colon && (!bracket || colon > bracket) && colon[1] ? colon + 1 : "623");
}

static int set_up(struct ipmi_lan *lan, struct connection *connection, int privilege)
{
	const struct remote_source *source = connection->source;
	char host[256], port[16], user[sizeof source->user], password[sizeof source->password];
	char *hosts[1] = { host }, *ports[1] = { port };
	split_port(source->address, host, sizeof host, port, sizeof port);
	memcpy(user, source->user, sizeof user);
	memcpy(password, source->password, sizeof password);
	bool old = strcmp(source->kind, "lan_1_5") == 0;
	ipmi_lanp_parm_t parms[] = {
		{ .parm_id = IPMI_LANP_PARMID_ADDRS, .parm_data = hosts, .parm_data_len = 1 },
		{ .parm_id = IPMI_LANP_PARMID_PORTS, .parm_data = ports, .parm_data_len = 1 },
		{ .parm_id = IPMI_LANP_PARMID_USERNAME,
		  .parm_data = user,
		  .parm_data_len = (unsigned)strlen(user) },
		{ .parm_id = IPMI_LANP_PARMID_PASSWORD,
		  .parm_data = password,
		  .parm_data_len = (unsigned)strlen(password) },
		{ .parm_id = IPMI_LANP_PARMID_PRIVILEGE, .parm_val = privilege },
		{ .parm_id = IPMI_LANP_PARMID_AUTHTYPE,
		  .parm_val = old ? (int)IPMI_AUTHTYPE_DEFAULT : IPMI_AUTHTYPE_RMCP_PLUS },
	};
	return lan->api.setup_con(parms, sizeof parms / sizeof *parms, lan->handler, NULL,
	                          &connection->con);
}

static int on_answer(ipmi_con_t *con, ipmi_msgi_t *item)
{
	struct connection *connection = item->data1;
	(void)con;
	size_t length = item->msg.data_len;
	if (length > sizeof connection->answer)
		length = sizeof connection->answer;
	if (length)
		memcpy(connection->answer, item->msg.data, length);
	connection->length = length;
	connection->answered = true;
	return IPMI_MSG_ITEM_NOT_USED;
}

static int ask(struct ipmi_lan *lan, struct connection *connection, struct dcmi_power *power)
{
	uint8_t data[] = DCMI_GET_POWER_DATA;
	ipmi_system_interface_addr_t to = { .addr_type = IPMI_SYSTEM_INTERFACE_ADDR_TYPE,
		                            .channel = IPMI_BMC_CHANNEL };
	ipmi_msg_t message = {
		.netfn = DCMI_NETFN, .cmd = DCMI_GET_POWER, .data = data, .data_len = sizeof data
	};
	ipmi_msgi_t *item = lan->api.alloc_item();
	if (!item)
		return ENOMEM;
	item->data1 = connection;
	connection->answered = false;
	int error = connection->con->send_command(connection->con, (ipmi_addr_t *)(void *)&to,
	                                          sizeof to, &message, on_answer, item);
	if (error) {
		lan->api.free_item(item);
		return error;
	}
	if (!run_until(lan, &connection->answered, connection->source->timeout_s))
		return ETIMEDOUT;
	return dcmi_parse(connection->answer, connection->length, power);
}

/* 0, or an errno value; then nothing is connected. */
static int connect_as(struct ipmi_lan *lan, struct connection *connection,
                      const struct remote_source *source, int privilege)
{
	*connection = (struct connection){ .source = source };
	int error = set_up(lan, connection, privilege);
	if (!error)
		error =
		    connection->con->add_con_change_handler(connection->con, on_change, connection);
	if (!error)
		error = connection->con->start_con(connection->con);
	if (!error && !run_until(lan, &connection->reported, source->timeout_s))
		error = ETIMEDOUT;
	if (!error && !connection->up)
		error = connection->error ? connection->error : EIO;
	if (error)
		disconnect(lan, connection);
	return error;
}

int ipmi_lan_connect(struct ipmi_lan *lan, const struct remote_source *source,
                     struct ergon_error *err)
{
	static const int privileges[] = { IPMI_PRIVILEGE_USER, IPMI_PRIVILEGE_OPERATOR,
		                          IPMI_PRIVILEGE_ADMIN };
	enum { PRIVILEGES = sizeof privileges / sizeof *privileges };
	struct connection *connection = &lan->connections[lan->count];
	struct dcmi_power power;
	int error = 0;
	for (int i = 0; i < PRIVILEGES; i++) {
		error = connect_as(lan, connection, source, privileges[i]);
		if (error)
			break;
		if (i + 1 == PRIVILEGES || ask(lan, connection, &power) != EACCES)
			return lan->count++;
		disconnect(lan, connection);
	}
	ergon_fail(err, error == ETIMEDOUT ? ERGON_IO : ERGON_NO_PERMISSION,
	           "ipmi_dcmi: %.120s: %s", source->address,
	           error == ETIMEDOUT
	               ? "no answer, or another password"
	               : "login refused: check user and password_file in sensors.json");
	return -1;
}

int ipmi_lan_ask(struct ipmi_lan *lan, int number, struct dcmi_power *power)
{
	return ask(lan, &lan->connections[number], power);
}

#endif
