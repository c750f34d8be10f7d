/* SPDX-License-Identifier: Apache-2.0
 *
 * What `ergon serve --socket` and its clients say to each other: energies of a machine whose
 * sensors only root may read.
 *
 * A Unix socket of type SOCK_SEQPACKET; one message is one request or one reply, little endian:
 *
 *     request   "ERG1" u32 op  u32 first  u32 0                                     16 bytes
 *     reply     "ERG1" u32 op  u32 status u32 count, then by op                     16 bytes
 *       DESCRIBE  u32 total  u32 period_us, then count channels from number `first` on
 *       READ      u64 epoch_ns  u64 time_ns  u32 period_us  u32 0, then count x (u64 energy_uj,
 *                 u8 valid)
 *
 * Energies are counted since epoch_ns, when the server started; another epoch means that counting
 * began anew. Times are CLOCK_MONOTONIC. All clients see the same snapshot, which changes once a
 * period: asking more often shows nothing more (CVE-2020-8694: energy at a high rate tells what
 * other processes compute). A peer that is not permitted gets one reply of status FORBIDDEN, one
 * that sends anything else MALFORMED, and is hung up on.
 *
 * Pure functions on bytes; get functions accept no message that put functions cannot make.
 */
#ifndef ERGON_MEASURE_RELAY_H
#define ERGON_MEASURE_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "measure/sensor.h"

enum {
	RELAY_CHANNELS_MAX = 256,
	RELAY_PAGE = 32, /* channels in one DESCRIBE reply */
	RELAY_REQUEST_SIZE = 16,
	RELAY_REPLY_MAX = 8192,
};

enum relay_op { RELAY_NONE, RELAY_DESCRIBE, RELAY_READ };
enum relay_status { RELAY_OK, RELAY_MALFORMED, RELAY_FORBIDDEN, RELAY_TOO_OFTEN };

struct relay_request {
	enum relay_op op;
	uint32_t first; /* DESCRIBE */
};

struct relay_snapshot {
	uint64_t epoch_ns, time_ns;
	uint32_t period_us, count;
	uint64_t energy_uj[RELAY_CHANNELS_MAX];
	bool valid[RELAY_CHANNELS_MAX];
};

/* Each put returns the message's size; out holds RELAY_REQUEST_SIZE or RELAY_REPLY_MAX bytes. */
size_t relay_put_request(unsigned char *out, const struct relay_request *request);
bool relay_get_request(const unsigned char *in, size_t size, struct relay_request *request);

/* A reply that is a refusal and nothing else. */
size_t relay_put_status(unsigned char *out, enum relay_op op, enum relay_status status);
/* The status of any reply; MALFORMED where it is none. */
enum relay_status relay_get_status(const unsigned char *in, size_t size);

/* Channels first .. of all[total]; the rest of struct channel is the same for all: energy counters
 * without a wrap, refreshed once a period, measured. */
size_t relay_put_channels(unsigned char *out, const struct channel *all, uint32_t total,
                          uint32_t first, uint32_t period_us);
/* Into channels[first..], which has room for max; *total is how many there are in all. */
bool relay_get_channels(const unsigned char *in, size_t size, uint32_t first, uint32_t max,
                        struct channel *channels, uint32_t *count, uint32_t *total);

size_t relay_put_snapshot(unsigned char *out, const struct relay_snapshot *snapshot);
bool relay_get_snapshot(const unsigned char *in, size_t size, struct relay_snapshot *snapshot);

#endif
