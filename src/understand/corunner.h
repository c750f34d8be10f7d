/* SPDX-License-Identifier: Apache-2.0
 *
 * A co-runner keeps processors busy beside a command with work whose nature is known: arithmetic
 * that never leaves the registers, or a stream through memory. What slows down beside the second
 * more than beside the first waits for memory: a probe that needs no counters and no privilege.
 */
#ifndef ERGON_UNDERSTAND_CORUNNER_H
#define ERGON_UNDERSTAND_CORUNNER_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "understand/kernels/kernel.h"

enum { CORUNNER_THREADS_MAX = 64 };

enum corunner_kind { CORUNNER_ARITHMETIC, CORUNNER_MEMORY };

struct corunner_thread {
	struct corunner *of;
	pthread_t thread;
	int cpu;
	void *state;
};

struct corunner {
	const struct kernel *kernel;
	struct kernel_config config;
	atomic_bool stop;
	struct corunner_thread threads[CORUNNER_THREADS_MAX];
	size_t count;
};

/* Starts one pinned thread on each of cpus. When it returns, all of them are at work. The corunner
 * must stay where it is until corunner_stop, which the caller calls whatever this returns. */
ERGON_MUST_USE enum ergon_code corunner_start(struct corunner *corunner,
                                              const struct ergon_env *env, enum corunner_kind kind,
                                              const cpu_set_t *cpus, struct ergon_error *err);
void corunner_stop(struct corunner *corunner);

#endif
