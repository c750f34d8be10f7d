/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "serve/relay_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a client may send, and what a server may answer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct channel channels[RELAY_CHANNELS_MAX];
	static struct relay_snapshot snapshot;
	unsigned char reply[RELAY_REPLY_MAX];
	struct relay_client client = { .left = RELAY_REQUESTS_PER_S };
	bool hang_up;
	snapshot.count = 40;
	snapshot.period_us = 100000;
	for (size_t i = 0; i < snapshot.count; i++)
		memcpy(channels[i].name, "gpu-0", 6);
	size_t length = relay_answer(channels, &snapshot, &client, 1, data, size, reply, &hang_up);
	if (length < 16 || length > sizeof reply)
		abort();

	uint32_t count, total, first = size ? data[0] % 64 : 0;
	static struct channel got[RELAY_CHANNELS_MAX];
	struct relay_snapshot seen;
	if (size &&
	    relay_get_channels(data + 1, size - 1, first, RELAY_CHANNELS_MAX, got, &count, &total))
		for (uint32_t i = 0; i < count; i++)
			if (strnlen(got[first + i].name, CHANNEL_NAME_SIZE) == CHANNEL_NAME_SIZE)
				abort();
	if (size && relay_get_snapshot(data + 1, size - 1, &seen) &&
	    seen.count > RELAY_CHANNELS_MAX)
		abort();
	return 0;
}
