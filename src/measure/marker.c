/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/marker.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

enum { EDGES_MAX = 8192 };

size_t marker_edges(double *edges_s, size_t max, double seconds)
{
	const double golden = 0.6180339887498949;
	double at_s = 0;
	size_t count = 0;
	for (size_t i = 0; count < max; i++) {
		double part = fmod((double)(i + 1) * golden, 1);
		if (at_s > seconds)
			break;
		edges_s[count++] = at_s;
		at_s += 1 + 4 * part;
	}
	if (count % 2 && count < max && edges_s[count - 1] < seconds)
		edges_s[count++] = seconds;
	return count & ~(size_t)1;
}

struct marker {
	const struct ergon_env *env;
	double edges_s[EDGES_MAX];
	size_t count;
	uint64_t begin_ns;
	const volatile bool *stop;
	atomic_uint_fast64_t sink; /* so that the busy loop is not optimised away */
};

static void be_busy_until(struct marker *marker, uint64_t until_ns)
{
	const struct ergon_clock *clock = marker->env->clock;
	uint64_t value = 1;
	while (!*marker->stop && clock->monotonic_ns(clock->user) < until_ns)
		for (int i = 0; i < 20000; i++)
			value = value * UINT64_C(6364136223846793005) + 1442695040888963407;
	atomic_fetch_add(&marker->sink, value);
}

static void *play(void *user)
{
	struct marker *marker = user;
	const struct ergon_clock *clock = marker->env->clock;
	for (size_t i = 0; i + 1 < marker->count && !*marker->stop; i += 2) {
		uint64_t from_ns = marker->begin_ns + ns_from_seconds(marker->edges_s[i]);
		while (!*marker->stop && clock->monotonic_ns(clock->user) < from_ns) {
			uint64_t now_ns = clock->monotonic_ns(clock->user);
			uint64_t nap_ns = now_ns + 100 * NS_PER_MS;
			clock->sleep_until(clock->user, nap_ns < from_ns ? nap_ns : from_ns);
		}
		be_busy_until(marker, marker->begin_ns + ns_from_seconds(marker->edges_s[i + 1]));
	}
	return NULL;
}

enum ergon_code marker_play(const struct ergon_env *env, double seconds, unsigned threads,
                            const volatile bool *stop, struct ergon_error *err)
{
	enum { THREADS_MAX = 4096 };
	if (threads < 1 || threads > THREADS_MAX)
		return ergon_fail(err, ERGON_BAD_INPUT, "the marker takes 1 to %d threads",
		                  THREADS_MAX);
	struct marker *marker = calloc(1, sizeof *marker);
	pthread_t *others = calloc(threads, sizeof *others);
	enum ergon_code code = ERGON_OK;
	if (marker && others) {
		unsigned started = 0;
		marker->env = env;
		marker->stop = stop;
		marker->count = marker_edges(marker->edges_s, EDGES_MAX, seconds);
		marker->begin_ns = env->clock->monotonic_ns(env->clock->user);
		while (started + 1 < threads &&
		       pthread_create(&others[started], NULL, play, marker) == 0)
			started++;
		play(marker);
		for (unsigned i = 0; i < started; i++)
			pthread_join(others[i], NULL);
	} else {
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	free(marker);
	free(others);
	return code;
}
