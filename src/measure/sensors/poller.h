/* SPDX-License-Identifier: Apache-2.0
 *
 * Slow sources, asked on a thread of their own: a controller on the network may take seconds to
 * answer or not answer at all, and the sampler must not wait for it.
 *
 * poller_read hands out what was fetched last, as if it held until now (sample and hold), so that a
 * window is covered to its ends; the channel's refresh and window state how late that may be. A
 * value older than three periods and a timeout is invalid. Where the clock cannot sleep
 * (sleep_until is NULL: tests that turn the clock by hand) there is no thread, and poller_read
 * fetches when a period has passed.
 */
#ifndef ERGON_MEASURE_SENSORS_POLLER_H
#define ERGON_MEASURE_SENSORS_POLLER_H

#include <pthread.h>
#include <semaphore.h>

#include "measure/sensor.h"

enum { POLLER_VALUES_MAX = 16 };

/* Asks the source, which may block, and fills values[n]: raw, valid, error; times are set by the
 * poller. A source that has nothing new leaves error EAGAIN: the old value stands. */
typedef void (*poller_fetch)(void *source, struct reading *values, int n);

struct poller {
	const struct ergon_env *env;
	poller_fetch fetch;
	void *source;
	int count;
	uint64_t period_ns, patience_ns; /* a value may be as old as patience */
	bool threaded;
	pthread_t thread;
	sem_t stop;
	pthread_mutex_t lock;
	uint64_t asked_ns;
	struct reading latest[POLLER_VALUES_MAX];
};

/* first: what open() fetched already. False where no thread can be had. */
bool poller_start(struct poller *poller, const struct ergon_env *env, poller_fetch fetch,
                  void *source, const struct reading *first, int count, double period_s,
                  double timeout_s);
void poller_read(struct poller *poller, struct reading *readings, int n);
void poller_stop(struct poller *poller); /* waits for a request that is under way */

#endif
