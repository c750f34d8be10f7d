/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/corunner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "understand/machine.h"

static const double STREAM_MAX_BYTES = 768e6;

static void *work(void *user)
{
	struct corunner_thread *t = user;
	while (!atomic_load_explicit(&t->of->stop, memory_order_relaxed))
		t->of->kernel->run(t->state, 1);
	return NULL;
}

/* Larger than the last cache, so that the stream comes from memory. */
static uint64_t stream_elements(const struct ergon_env *env)
{
	struct machine machine;
	machine_describe(&machine, env);
	double last = 32e6;
	if (machine.cache_count)
		last = (double)machine.caches[machine.cache_count - 1].bytes;
	double bytes = fmin(2 * last, STREAM_MAX_BYTES);
	if (machine.memory_available_bytes)
		bytes = fmin(bytes, (double)machine.memory_available_bytes / 16);
	return (uint64_t)fmax(bytes / 24, 1 << 16) / 16 * 16;
}

static enum ergon_code start_thread(struct corunner *c, int cpu, struct ergon_error *err)
{
	struct corunner_thread *t = &c->threads[c->count];
	*t = (struct corunner_thread){ .of = c, .cpu = cpu };
	t->state = aligned_alloc(64, (c->kernel->state_size + 63) / 64 * 64);
	if (!t->state)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = c->kernel->init(t->state, &c->config, err);
	if (code) {
		free(t->state);
		return code;
	}
	pthread_attr_t attributes;
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	pthread_attr_init(&attributes);
	pthread_attr_setaffinity_np(&attributes, sizeof one, &one);
	int error = pthread_create(&t->thread, &attributes, work, t);
	pthread_attr_destroy(&attributes);
	if (error) {
		c->kernel->fini(t->state);
		free(t->state);
		return ergon_fail(err, ERGON_IO, "cannot start a thread: %s", strerror(error));
	}
	c->count++;
	return ERGON_OK;
}

enum ergon_code corunner_start(struct corunner *corunner, const struct ergon_env *env,
                               enum corunner_kind kind, const cpu_set_t *cpus,
                               struct ergon_error *err)
{
	*corunner = (struct corunner){ .config = { .env = env,
		                                   .size = 1 << 12,
		                                   .precision = PRECISION_F64,
		                                   .paradigm = PARADIGM_SIMD,
		                                   .threads = 1,
		                                   .isa = kernel_isa() } };
	bool memory = kind == CORUNNER_MEMORY;
	enum ergon_code code = kernel_find(memory ? "triad" : "fma", &corunner->kernel, err);
	if (memory)
		corunner->config.size = stream_elements(env);
	for (int cpu = 0; !code && cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, cpus) && corunner->count < CORUNNER_THREADS_MAX)
			code = start_thread(corunner, cpu, err);
	return code;
}

void corunner_stop(struct corunner *corunner)
{
	atomic_store(&corunner->stop, true);
	for (size_t i = 0; i < corunner->count; i++) {
		pthread_join(corunner->threads[i].thread, NULL);
		corunner->kernel->fini(corunner->threads[i].state);
		free(corunner->threads[i].state);
	}
	corunner->count = 0;
}
