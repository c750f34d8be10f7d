/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sensors/poller.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/units.h"

static uint64_t now_of(const struct poller *poller)
{
	return poller->env->clock->monotonic_ns(poller->env->clock->user);
}

static void fetch_once(struct poller *poller)
{
	struct reading values[POLLER_VALUES_MAX] = { { 0 } };
	poller->fetch(poller->source, values, poller->count);
	uint64_t now_ns = now_of(poller);
	pthread_mutex_lock(&poller->lock);
	for (int i = 0; i < poller->count; i++) {
		values[i].time_ns = now_ns;
		if (values[i].valid)
			poller->latest[i] = values[i];
		else if (values[i].error != EAGAIN)
			poller->latest[i].error = values[i].error;
	}
	pthread_mutex_unlock(&poller->lock);
}

static void *poll_on(void *user)
{
	struct poller *poller = user;
	prctl(PR_SET_NAME, "ergon-poller");
	uint64_t deadline_ns = now_of(poller);
	for (;;) {
		deadline_ns += poller->period_ns;
		uint64_t now_ns = now_of(poller);
		if (now_ns > deadline_ns) /* a slow answer: the next question a period later */
			deadline_ns = now_ns;
		struct timespec until = { .tv_sec = (time_t)(deadline_ns / NS_PER_S),
			                  .tv_nsec = (long)(deadline_ns % NS_PER_S) };
		int failed;
		do
			failed = sem_clockwait(&poller->stop, CLOCK_MONOTONIC, &until);
		while (failed && errno == EINTR);
		if (!failed)
			return NULL;
		fetch_once(poller);
	}
}

bool poller_start(struct poller *poller, const struct ergon_env *env, poller_fetch fetch,
                  void *source, const struct reading *first, int count, double period_s,
                  double timeout_s)
{
	*poller = (struct poller){ .env = env,
		                   .fetch = fetch,
		                   .source = source,
		                   .count = count,
		                   .period_ns = ns_from_seconds(period_s),
		                   .patience_ns = ns_from_seconds(3 * period_s + timeout_s),
		                   .threaded = env->clock->sleep_until != NULL };
	memcpy(poller->latest, first, (size_t)count * sizeof *first);
	poller->asked_ns = now_of(poller);
	for (int i = 0; i < count; i++)
		poller->latest[i].time_ns = poller->asked_ns;
	pthread_mutex_init(&poller->lock, NULL);
	sem_init(&poller->stop, 0, 0);
	if (!poller->threaded)
		return true;
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for the program's own threads */
	int failed = pthread_create(&poller->thread, NULL, poll_on, poller);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	poller->threaded = failed == 0;
	if (failed)
		poller_stop(poller);
	return failed == 0;
}

void poller_read(struct poller *poller, struct reading *readings, int n)
{
	uint64_t now_ns = now_of(poller);
	if (!poller->threaded && now_ns - poller->asked_ns >= poller->period_ns) {
		poller->asked_ns = now_ns;
		fetch_once(poller);
	}
	pthread_mutex_lock(&poller->lock);
	for (int i = 0; i < n; i++) {
		const struct reading *latest = &poller->latest[i];
		now_ns = now_of(poller);
		readings[i] = *latest;
		readings[i].valid =
		    latest->valid && now_ns - latest->time_ns <= poller->patience_ns;
		readings[i].error = readings[i].valid ? 0
		                    : latest->error   ? latest->error
		                                      : ETIMEDOUT;
		readings[i].time_ns = now_ns;
	}
	pthread_mutex_unlock(&poller->lock);
}

void poller_stop(struct poller *poller)
{
	if (poller->threaded) {
		sem_post(&poller->stop);
		pthread_join(poller->thread, NULL);
	}
	sem_destroy(&poller->stop);
	pthread_mutex_destroy(&poller->lock);
}
