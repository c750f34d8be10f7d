/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/relay.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"

enum {
	HEAD = 16,
	CHANNEL_BYTES = 2 * CHANNEL_NAME_SIZE + 4 + 8 + 8,
	CHANNELS_HEAD = HEAD + 8,
	SNAPSHOT_HEAD = HEAD + 24,
	ENERGY_BYTES = 9,
};
_Static_assert(CHANNELS_HEAD + RELAY_PAGE * CHANNEL_BYTES <= RELAY_REPLY_MAX, "page");
_Static_assert(SNAPSHOT_HEAD + RELAY_CHANNELS_MAX * ENERGY_BYTES <= RELAY_REPLY_MAX, "snapshot");

static const unsigned char magic[4] = { 'E', 'R', 'G', '1' };

static void put_head(unsigned char *out, uint32_t a, uint32_t b, uint32_t c)
{
	memcpy(out, magic, sizeof magic);
	put_u32(out + 4, a);
	put_u32(out + 8, b);
	put_u32(out + 12, c);
}

static bool good_head(const unsigned char *in, size_t size)
{
	return size >= HEAD && memcmp(in, magic, sizeof magic) == 0;
}

size_t relay_put_request(unsigned char *out, const struct relay_request *request)
{
	put_head(out, request->op, request->first, 0);
	return RELAY_REQUEST_SIZE;
}

bool relay_get_request(const unsigned char *in, size_t size, struct relay_request *request)
{
	if (size != RELAY_REQUEST_SIZE || !good_head(in, size) || get_u32(in + 12) != 0)
		return false;
	uint32_t op = get_u32(in + 4), first = get_u32(in + 8);
	if ((op != RELAY_DESCRIBE && op != RELAY_READ) || first > RELAY_CHANNELS_MAX ||
	    (op == RELAY_READ && first != 0))
		return false;
	*request = (struct relay_request){ (enum relay_op)op, first };
	return true;
}

size_t relay_put_status(unsigned char *out, enum relay_op op, enum relay_status status)
{
	put_head(out, op, status, 0);
	return HEAD;
}

enum relay_status relay_get_status(const unsigned char *in, size_t size)
{
	if (!good_head(in, size) || get_u32(in + 8) > RELAY_TOO_OFTEN)
		return RELAY_MALFORMED;
	return (enum relay_status)get_u32(in + 8);
}

size_t relay_put_channels(unsigned char *out, const struct channel *all, uint32_t total,
                          uint32_t first, uint32_t period_us)
{
	uint32_t count = first < total ? total - first : 0;
	if (count > RELAY_PAGE)
		count = RELAY_PAGE;
	put_head(out, RELAY_DESCRIBE, RELAY_OK, count);
	put_u32(out + HEAD, total);
	put_u32(out + HEAD + 4, period_us);
	for (uint32_t i = 0; i < count; i++) {
		const struct channel *channel = &all[first + i];
		unsigned char *at = out + CHANNELS_HEAD + i * CHANNEL_BYTES;
		memset(at, 0, 2 * CHANNEL_NAME_SIZE);
		memcpy(at, channel->name, strnlen(channel->name, CHANNEL_NAME_SIZE - 1));
		memcpy(at + CHANNEL_NAME_SIZE, channel->twin_of,
		       strnlen(channel->twin_of, CHANNEL_NAME_SIZE - 1));
		at += 2 * CHANNEL_NAME_SIZE;
		put_u32(at, channel->resolution);
		put_f64(at + 4, channel->relative_error);
		put_f64(at + 12, channel->max_power_w);
	}
	return CHANNELS_HEAD + count * CHANNEL_BYTES;
}

/* A printable name without blanks at either end; "" is one if empty is allowed. */
static bool get_name(const unsigned char *at, char *out, bool empty)
{
	size_t length = strnlen((const char *)at, CHANNEL_NAME_SIZE);
	if (length == CHANNEL_NAME_SIZE || (length == 0 && !empty))
		return false;
	for (size_t i = 0; i < CHANNEL_NAME_SIZE; i++)
		if (i < length ? at[i] <= ' ' || at[i] > '~' : at[i] != 0)
			return false;
	memcpy(out, at, CHANNEL_NAME_SIZE);
	return true;
}

static bool get_channel(const unsigned char *at, uint32_t period_us, struct channel *channel)
{
	memset(channel, 0, sizeof *channel);
	if (!get_name(at, channel->name, false) ||
	    !get_name(at + CHANNEL_NAME_SIZE, channel->twin_of, true))
		return false;
	at += 2 * CHANNEL_NAME_SIZE;
	channel->behaviour = CHANNEL_ENERGY_COUNTER;
	channel->provenance = PROVENANCE_MEASURED;
	channel->refresh_us = period_us;
	channel->resolution = get_u32(at);
	channel->relative_error = get_f64(at + 4);
	channel->max_power_w = get_f64(at + 12);
	return channel->relative_error >= 0 && channel->relative_error <= 1 &&
	       channel->max_power_w >= 0 && channel->max_power_w <= 1e9;
}

bool relay_get_channels(const unsigned char *in, size_t size, uint32_t first, uint32_t max,
                        struct channel *channels, uint32_t *count, uint32_t *total)
{
	if (size < CHANNELS_HEAD || relay_get_status(in, size) != RELAY_OK ||
	    get_u32(in + 4) != RELAY_DESCRIBE)
		return false;
	uint32_t n = get_u32(in + 12), all = get_u32(in + HEAD), period_us = get_u32(in + HEAD + 4);
	uint32_t left = first < all ? all - first : 0;
	if (all > RELAY_CHANNELS_MAX || n != (left < RELAY_PAGE ? left : RELAY_PAGE) ||
	    size != CHANNELS_HEAD + (size_t)n * CHANNEL_BYTES || period_us == 0)
		return false;
	for (uint32_t i = 0; i < n && first + i < max; i++)
		if (!get_channel(in + CHANNELS_HEAD + i * CHANNEL_BYTES, period_us,
		                 &channels[first + i]))
			return false;
	*count = n;
	*total = all;
	return true;
}

size_t relay_put_snapshot(unsigned char *out, const struct relay_snapshot *snapshot)
{
	put_head(out, RELAY_READ, RELAY_OK, snapshot->count);
	put_u64(out + HEAD, snapshot->epoch_ns);
	put_u64(out + HEAD + 8, snapshot->time_ns);
	put_u32(out + HEAD + 16, snapshot->period_us);
	put_u32(out + HEAD + 20, 0);
	for (uint32_t i = 0; i < snapshot->count; i++) {
		unsigned char *at = out + SNAPSHOT_HEAD + i * ENERGY_BYTES;
		put_u64(at, snapshot->energy_uj[i]);
		at[8] = snapshot->valid[i];
	}
	return SNAPSHOT_HEAD + snapshot->count * ENERGY_BYTES;
}

bool relay_get_snapshot(const unsigned char *in, size_t size, struct relay_snapshot *snapshot)
{
	if (size < SNAPSHOT_HEAD || relay_get_status(in, size) != RELAY_OK ||
	    get_u32(in + 4) != RELAY_READ)
		return false;
	uint32_t n = get_u32(in + 12);
	if (n > RELAY_CHANNELS_MAX || size != SNAPSHOT_HEAD + (size_t)n * ENERGY_BYTES)
		return false;
	snapshot->epoch_ns = get_u64(in + HEAD);
	snapshot->time_ns = get_u64(in + HEAD + 8);
	snapshot->period_us = get_u32(in + HEAD + 16);
	snapshot->count = n;
	for (uint32_t i = 0; i < n; i++) {
		const unsigned char *at = in + SNAPSHOT_HEAD + i * ENERGY_BYTES;
		if (at[8] > 1)
			return false;
		snapshot->energy_uj[i] = get_u64(at);
		snapshot->valid[i] = at[8] == 1;
	}
	return snapshot->period_us > 0 && get_u32(in + HEAD + 20) == 0;
}
