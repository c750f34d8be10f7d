/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "measure/relay.h"

static void requests(void **state)
{
	(void)state;
	unsigned char bytes[RELAY_REQUEST_SIZE];
	struct relay_request back;
	assert_int_equal(relay_put_request(bytes, &(struct relay_request){ RELAY_DESCRIBE, 32 }),
	                 RELAY_REQUEST_SIZE);
	assert_true(relay_get_request(bytes, sizeof bytes, &back));
	assert_true(back.op == RELAY_DESCRIBE && back.first == 32);
	assert_false(relay_get_request(bytes, sizeof bytes - 1, &back));
	/* every bit matters but those of `first` that stay in range */
	for (int bit = 0; bit < RELAY_REQUEST_SIZE * 8; bit++) {
		unsigned char bad[RELAY_REQUEST_SIZE];
		memcpy(bad, bytes, sizeof bad);
		bad[bit / 8] ^= (unsigned char)(1u << (bit % 8));
		if (relay_get_request(bad, sizeof bad, &back))
			assert_true(bit / 8 == 8 || bit / 8 == 9);
	}
}

static void make_channels(struct channel *channels, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		channels[i] = (struct channel){ .resolution = 1000 + i,
			                        .relative_error = 0.02,
			                        .max_power_w = 700 };
		snprintf(channels[i].name, CHANNEL_NAME_SIZE, "gpu-%u", i);
		if (i % 2)
			snprintf(channels[i].twin_of, CHANNEL_NAME_SIZE, "gpu-%u", i - 1);
	}
}

static void channels_come_in_pages(void **state)
{
	(void)state;
	static struct channel channels[RELAY_CHANNELS_MAX], back[RELAY_CHANNELS_MAX];
	unsigned char reply[RELAY_REPLY_MAX];
	make_channels(channels, RELAY_CHANNELS_MAX);
	static const uint32_t totals[] = { 0, 1, 31, 32, 33, 100, RELAY_CHANNELS_MAX };
	for (size_t t = 0; t < sizeof totals / sizeof *totals; t++) {
		uint32_t first = 0, count = 0, total = 0;
		memset(back, 0, sizeof back);
		do {
			size_t size = relay_put_channels(reply, channels, totals[t], first, 100000);
			assert_true(size <= sizeof reply);
			assert_true(relay_get_channels(reply, size, first, RELAY_CHANNELS_MAX, back,
			                               &count, &total));
			assert_false(relay_get_channels(reply, size - 1, first, RELAY_CHANNELS_MAX,
			                                back, &count, &total));
			first += count;
		} while (first < total && count);
		assert_int_equal(total, totals[t]);
		for (uint32_t i = 0; i < total; i++) {
			assert_string_equal(back[i].name, channels[i].name);
			assert_string_equal(back[i].twin_of, channels[i].twin_of);
			assert_int_equal(back[i].resolution, channels[i].resolution);
			assert_int_equal(back[i].refresh_us, 100000);
			assert_close(back[i].max_power_w, 700, 1e-12);
		}
	}
	/* names that would spoil a terminal or a path are refused */
	uint32_t count, total;
	size_t size = relay_put_channels(reply, channels, 1, 0, 100000);
	reply[24] = '\033';
	assert_false(relay_get_channels(reply, size, 0, 1, back, &count, &total));
	reply[24] = '\0';
	assert_false(relay_get_channels(reply, size, 0, 1, back, &count, &total));
}

static void snapshots(void **state)
{
	(void)state;
	static struct relay_snapshot snapshot, back;
	unsigned char reply[RELAY_REPLY_MAX];
	struct rng rng;
	rng_init(&rng, 5);
	snapshot.epoch_ns = rng_u64(&rng);
	snapshot.time_ns = rng_u64(&rng);
	snapshot.period_us = 100000;
	snapshot.count = RELAY_CHANNELS_MAX;
	for (uint32_t i = 0; i < snapshot.count; i++) {
		snapshot.energy_uj[i] = rng_u64(&rng);
		snapshot.valid[i] = rng_u64(&rng) & 1;
	}
	size_t size = relay_put_snapshot(reply, &snapshot);
	assert_true(relay_get_snapshot(reply, size, &back));
	assert_memory_equal(&snapshot, &back, sizeof back);
	for (size_t shorter = 0; shorter < size; shorter++)
		assert_false(relay_get_snapshot(reply, shorter, &back));
	size = relay_put_status(reply, RELAY_READ, RELAY_TOO_OFTEN);
	assert_int_equal(relay_get_status(reply, size), RELAY_TOO_OFTEN);
	assert_false(relay_get_snapshot(reply, size, &back));
	assert_int_equal(relay_get_status(reply, 3), RELAY_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(channels_come_in_pages),
		cmocka_unit_test(snapshots),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
