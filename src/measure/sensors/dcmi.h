/* SPDX-License-Identifier: Apache-2.0
 *
 * DCMI "Get Power Reading" (Data Center Manageability Interface 1.5, 6.6.1): the command, its
 * answer, and the two ways to a controller: the kernel's /dev/ipmiN and the network (OpenIPMI).
 */
#ifndef ERGON_MEASURE_SENSORS_DCMI_H
#define ERGON_MEASURE_SENSORS_DCMI_H

#include <stddef.h>
#include <stdint.h>

#include "measure/sensor.h"
#include "measure/sensors/remote.h"

enum { DCMI_NETFN = 0x2c, DCMI_GET_POWER = 0x02, DCMI_ANSWER_MAX = 64 };
#define DCMI_GET_POWER_DATA                                                                        \
	{                                                                                          \
		0xdc, 0x01, 0x00, 0x00                                                             \
	}

struct dcmi_power {
	unsigned now_w, average_w;
	uint32_t period_ms; /* over which minimum, maximum and average are taken */
};

/* The answer, from its completion code on. 0, or an errno value: ENOTSUP (no DCMI, or no power
 * management), ENODATA (measurement is switched off: inactive, or a sampling period of 0), EACCES,
 * EBUSY, EPROTO. */
int dcmi_parse(const uint8_t *answer, size_t length, struct dcmi_power *power);

/* For people: what such an errno value means here. */
const char *dcmi_error_text(int error);

/* The kernel's interface, an open /dev/ipmiN. Sends the command and waits for its answer for at
 * most timeout_s. 0, or an errno value. */
int ipmi_kernel_ask(const struct ergon_env *env, int fd, long id, double timeout_s,
                    struct dcmi_power *power);

/* Controllers on the network, through libOpenIPMI. One at a time in a process: the library has
 * global state. All calls from one thread at a time. */
struct ipmi_lan;
ERGON_MUST_USE enum ergon_code ipmi_lan_open(struct ipmi_lan **lan, const struct ergon_env *env,
                                             struct ergon_error *err);
void ipmi_lan_close(struct ipmi_lan *lan);
/* Logs in; returns the number of the connection, or -1 with err filled. source is borrowed. */
int ipmi_lan_connect(struct ipmi_lan *lan, const struct remote_source *source,
                     struct ergon_error *err);
int ipmi_lan_ask(struct ipmi_lan *lan, int connection, struct dcmi_power *power);

#endif
