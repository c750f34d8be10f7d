/* SPDX-License-Identifier: Apache-2.0
 *
 * What a meter is made of; shared by meter.c (opening, sampling), window.c (windows, regions,
 * results) and stream.c (samples for a recorder). Nobody else includes it.
 */
#ifndef ERGON_MEASURE_METER_STATE_H
#define ERGON_MEASURE_METER_STATE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "measure/integrate.h"
#include "measure/meter.h"

enum { METER_INSTANCES_MAX = 32 };

struct instance {
	const struct sensor_driver *driver;
	void *state;
	size_t first, count; /* its channels */
};

/* Greatest mean power over at least `width` of covered time. */
struct peak {
	double energy_j; /* where the stretch began */
	uint64_t covered_ns;
	double best_w;
};

struct meter_region {
	struct meter_region *next;
	struct channel_sum *sums; /* [channels] at begin */
	struct peak *peaks;       /* [channels] */
	struct peak total_peak;
	uint64_t begin_ns, unix_ns, samples, late, cpu_ns, suspended_ns;
};

struct stream {
	uint64_t *times_ns;              /* [capacity] */
	int64_t *energy_uj;              /* [capacity * channels] */
	size_t capacity;                 /* a power of two; 0: no stream */
	atomic_uint_fast64_t head, tail; /* written by the sampler, by the drain */
	atomic_uint_fast64_t lost;
};

struct meter {
	const struct ergon_env *env;
	uint64_t interval_ns;
	bool manual, running;
	struct instance instances[METER_INSTANCES_MAX];
	size_t instance_count;
	struct channel *channels;       /* [channel_count] */
	struct reading *readings;       /* [channel_count] */
	struct integrator *integrators; /* [channel_count] */
	bool *in_peak;                  /* [channel_count]: counted in the total's peak */
	size_t channel_count;

	pthread_t thread;
	sem_t stop;
	pthread_mutex_t lock;         /* readings, integrators, regions */
	struct meter_region *regions; /* that are open; the whole window is one of them */
	struct meter_region *window;
	uint64_t samples, late, suspended_ns;
	uint64_t round_ns;        /* when the latest round began */
	uint64_t sleep_offset_ns; /* boot time - monotonic time at the last tick */
	struct stream stream;
};

/* One round: reads, integrates, streams. Takes the lock. retries: how often a channel whose text
 * was bad is read again (begin and end want every channel). */
void meter_round(struct meter *meter, int retries);

uint64_t meter_now_ns(const struct meter *meter);
uint64_t meter_cpu_ns(struct meter *meter); /* CPU time of the sampler thread so far */

ERGON_MUST_USE enum ergon_code stream_init(struct stream *stream, uint64_t interval_ns,
                                           size_t channels, struct ergon_error *err);
void stream_fini(struct stream *stream);
void stream_put(struct meter *meter, uint64_t time_ns);

#endif
