/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sensors/dcmi.h"

#include <errno.h>
#include <string.h>

static unsigned word_at(const uint8_t *p)
{
	return (unsigned)p[0] | (unsigned)p[1] << 8;
}

/* Completion codes: IPMI 2.0, table 5-2. */
static int errno_of(uint8_t completion)
{
	switch (completion) {
	case 0x00:
		return 0;
	case 0xc0:
		return EBUSY;
	case 0xc3:
		return ETIMEDOUT;
	case 0xd4:
		return EACCES;
	case 0xc1:
	case 0xc2:
	case 0xcc:
	case 0xd5:
		return ENOTSUP;
	default:
		return EPROTO;
	}
}

int dcmi_parse(const uint8_t *answer, size_t length, struct dcmi_power *power)
{
	enum { ANSWER_SIZE = 19, ACTIVE = 0x40 };
	*power = (struct dcmi_power){ 0 };
	if (length < 1)
		return EPROTO;
	if (answer[0] != 0)
		return errno_of(answer[0]);
	if (length < ANSWER_SIZE || answer[1] != 0xdc)
		return EPROTO;
	power->now_w = word_at(answer + 2);
	power->average_w = word_at(answer + 8);
	power->period_ms = word_at(answer + 14) | (uint32_t)word_at(answer + 16) << 16;
	if (!(answer[18] & ACTIVE) || power->period_ms == 0)
		return ENODATA;
	return 0;
}

const char *dcmi_error_text(int error)
{
	switch (error) {
	case ENOTSUP:
		return "the controller has no DCMI power readings";
	case ENODATA:
		return "the controller's power measurement is switched off (sampling period 0)";
	case EACCES:
		return "the controller refuses: the user's privilege does not suffice";
	case EBUSY:
		return "the controller is busy";
	case ETIMEDOUT:
		return "the controller does not answer";
	case EPROTO:
		return "the controller's answer makes no sense";
	default:
		return strerror(error);
	}
}
