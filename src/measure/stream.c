/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples on their way from the sampler to a recorder: a ring with one writer (under the meter's
 * lock) and one reader (meter_drain). The writer never waits: what finds no room is counted.
 */
#include <stdlib.h>

#include "base/units.h"
#include "measure/meter_state.h"

enum { STREAM_BYTES_MAX = 64 << 20 };

enum ergon_code stream_init(struct stream *stream, uint64_t interval_ns, size_t channels,
                            struct ergon_error *err)
{
	/* Eight seconds of samples, so that a recorder may stall that long. */
	size_t want = (size_t)(8 * NS_PER_S / interval_ns) + 64, capacity = 64;
	size_t bytes = (channels + 1) * sizeof(int64_t);
	while (capacity < want && capacity * 2 * bytes <= STREAM_BYTES_MAX)
		capacity *= 2;
	stream->times_ns = calloc(capacity, sizeof *stream->times_ns);
	stream->energy_uj = calloc(capacity * (channels + 1), sizeof *stream->energy_uj);
	if (!stream->times_ns || !stream->energy_uj)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	stream->capacity = capacity;
	return ERGON_OK;
}

void stream_fini(struct stream *stream)
{
	free(stream->times_ns);
	free(stream->energy_uj);
}

void stream_put(struct meter *meter, uint64_t time_ns)
{
	struct stream *stream = &meter->stream;
	uint64_t head = atomic_load_explicit(&stream->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&stream->tail, memory_order_acquire);
	if (head - tail == stream->capacity) {
		atomic_fetch_add_explicit(&stream->lost, 1, memory_order_relaxed);
		return;
	}
	size_t slot = (size_t)(head & (stream->capacity - 1));
	int64_t *energy_uj = stream->energy_uj + slot * meter->channel_count;
	stream->times_ns[slot] = time_ns;
	for (size_t i = 0; i < meter->channel_count; i++) {
		const struct integrator *in = &meter->integrators[i];
		int64_t sum_uj = in->channel->behaviour == CHANNEL_ENERGY_COUNTER
		                     ? (int64_t)in->sum.counter_uj
		                     : (int64_t)(in->sum.power_j * 1e6);
		energy_uj[i] = in->in_gap || !in->started ? -1 - sum_uj : sum_uj;
	}
	atomic_store_explicit(&stream->head, head + 1, memory_order_release);
}

uint64_t meter_drain(struct meter *meter, void (*take)(void *user, const struct meter_sample *),
                     void *user)
{
	struct stream *stream = &meter->stream;
	uint64_t tail = atomic_load_explicit(&stream->tail, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&stream->head, memory_order_acquire);
	for (; tail != head; tail++) {
		size_t slot = (size_t)(tail & (stream->capacity - 1));
		struct meter_sample sample = { stream->times_ns[slot],
			                       stream->energy_uj + slot * meter->channel_count };
		take(user, &sample);
		atomic_store_explicit(&stream->tail, tail + 1, memory_order_release);
	}
	return atomic_exchange_explicit(&stream->lost, 0, memory_order_relaxed);
}
