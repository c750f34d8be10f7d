/* SPDX-License-Identifier: Apache-2.0
 *
 * Sensors that must be told where they are: controllers on the network, wattmeters on a serial
 * line, smart plugs. One file names them, CONFIG_DIR/sensors.json:
 *
 *     {"sensors": [
 *       {"name": "bmc", "driver": "redfish", "address": "https://10.0.0.7",
 *        "user": "ergon", "password_file": "bmc.password", "ca_file": "/etc/ssl/bmc.pem"},
 *       {"driver": "ipmi_dcmi", "address": "10.0.0.7", "user": "ergon", "password_file": "..."},
 *       {"driver": "meter", "kind": "shelly", "address": "http://plug.lan", "channel": "node"}]}
 *
 * On the command line a sensor is named by what follows the driver's colon: the name of an entry
 * ("redfish:bmc") or an address ("redfish:https://10.0.0.7"), whose user and password then come
 * from the entry with the same host. Passwords are in the file, or in files that it names, never on
 * the command line and never in a document; a file with a password that others may read is refused.
 */
#ifndef ERGON_MEASURE_SENSORS_REMOTE_H
#define ERGON_MEASURE_SENSORS_REMOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "measure/sensor.h"

enum { REMOTE_SOURCES_MAX = 16 };

struct remote_source {
	char name[32];     /* "" where none was given */
	char driver[16];   /* "redfish" */
	char kind[16];     /* of a meter: "csv", "serial", "tasmota", "shelly"; of ipmi_dcmi:
	                    * "lan_2_0" (or ""), "lan_1_5" */
	char address[384]; /* URL, host[:port], device or file; no user, no password */
	char user[64], password[128];
	char ca_file[256];
	char channel[CHANNEL_NAME_SIZE]; /* place in the tree; "node" */
	bool insecure;                   /* TLS certificates are not verified */
	double interval_s;               /* between two requests */
	double timeout_s;                /* of one request */
	double window_s;                 /* the source's readings are means over this; 0: its own */
	double relative_error;           /* 1 sigma; 0: the driver's */
	unsigned baud, column;           /* serial; column of a line from 1, 0: the last number */
};

/* The entry of the command line's argument, or with NULL all entries of the driver. Returns how
 * many, 0 where the file is missing or names none; -1 with err filled. */
int remote_sources(const struct ergon_env *env, const char *driver, const char *argument,
                   struct remote_source *sources, int max, struct ergon_error *err);

/* The probe of a driver that lives from such entries: READY where there is one, ABSENT with the
 * file's path and an example entry where there is none, CLOSED where the file may not be read. */
enum sensor_state remote_probe(const struct ergon_env *env, const char *driver,
                               const char *argument, const char *example,
                               struct sensor_reason *reason);

/* As remote_sources, from the text of the file; name stands in errors. For tests and fuzzing. */
int remote_parse(const char *text, size_t length, const char *name, const char *driver,
                 struct remote_source *sources, int max, struct ergon_error *err);

/* "host" of "https://host:443/path", "host:623", "host"; "" where there is none. */
void remote_host(const char *address, char *host, size_t size);

/* Takes "csv:FILE" or an address apart into source: kind (where the driver has kinds) and address.
 * False with err where it holds a user or a password. */
bool remote_from_argument(const char *driver, const char *argument, struct remote_source *source,
                          struct ergon_error *err);

#endif
