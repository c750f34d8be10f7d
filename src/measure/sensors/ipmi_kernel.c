/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel's IPMI device (linux/ipmi.h): a request goes in by one ioctl, its answer is waited for
 * with poll and taken by another.
 */
#include <errno.h>
#include <linux/ipmi.h>
#include <linux/ipmi_msgdefs.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/units.h"
#include "measure/sensors/dcmi.h"

static int device_ioctl(const struct ergon_env *env, int fd, unsigned long request, void *argument)
{
	return env->device_ioctl ? env->device_ioctl(env->device_user, fd, request, argument)
	                         : ioctl(fd, request, argument);
}

static int send_request(const struct ergon_env *env, int fd, long id)
{
	uint8_t data[] = DCMI_GET_POWER_DATA;
	struct ipmi_system_interface_addr to = { .addr_type = IPMI_SYSTEM_INTERFACE_ADDR_TYPE,
		                                 .channel = IPMI_BMC_CHANNEL };
	struct ipmi_req request = { .addr = (unsigned char *)&to,
		                    .addr_len = sizeof to,
		                    .msgid = id,
		                    .msg = { .netfn = DCMI_NETFN,
		                             .cmd = DCMI_GET_POWER,
		                             .data_len = sizeof data,
		                             .data = data } };
	return device_ioctl(env, fd, IPMICTL_SEND_COMMAND, &request) < 0 ? errno : 0;
}

/* One message from the queue; EAGAIN where it is another's answer, or none. */
static int take_answer(const struct ergon_env *env, int fd, long id, struct dcmi_power *power)
{
	uint8_t data[DCMI_ANSWER_MAX] = { 0 };
	struct ipmi_addr from = { 0 };
	struct ipmi_recv answer = { .addr = (unsigned char *)&from,
		                    .addr_len = sizeof from,
		                    .msg = { .data = data, .data_len = sizeof data } };
	if (device_ioctl(env, fd, IPMICTL_RECEIVE_MSG_TRUNC, &answer) < 0)
		return errno == EMSGSIZE ? EPROTO : errno;
	if (answer.recv_type != IPMI_RESPONSE_RECV_TYPE || answer.msgid != id)
		return EAGAIN; /* an answer that came too late */
	size_t length = answer.msg.data_len;
	return dcmi_parse(data, length < sizeof data ? length : sizeof data, power);
}

int ipmi_kernel_ask(const struct ergon_env *env, int fd, long id, double timeout_s,
                    struct dcmi_power *power)
{
	const struct ergon_clock *clock = env->clock;
	int error = send_request(env, fd, id);
	if (error)
		return error;
	uint64_t deadline_ns = clock->monotonic_ns(clock->user) + ns_from_seconds(timeout_s);
	for (int late = 0; late < 64; late++) {
		uint64_t now_ns = clock->monotonic_ns(clock->user);
		if (now_ns >= deadline_ns)
			return ETIMEDOUT;
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		int ready = poll(&wait, 1, (int)((deadline_ns - now_ns) / NS_PER_MS) + 1);
		if (ready < 0 && errno != EINTR)
			return errno;
		if (ready <= 0)
			continue;
		error = take_answer(env, fd, id, power);
		if (error != EAGAIN)
			return error;
	}
	return ETIMEDOUT;
}
