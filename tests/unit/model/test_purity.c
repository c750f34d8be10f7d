/* SPDX-License-Identifier: Apache-2.0
 *
 * A prediction allocates nothing, and any number of threads may ask at once.
 */
#include "support/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "model/predict.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTED 0
#endif
#endif
#ifndef COUNTED
#define COUNTED 1
#endif

static atomic_size_t allocations;

#if COUNTED
/* The C library's own, under the names that it exports for this purpose. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	allocations++;
	return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size)
{
	allocations++;
	return __libc_memalign(alignment, size);
}
#endif

enum { MODELS = 3, THREADS = 4, ROUNDS = 200 };

struct world {
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct arena arena;
	struct calibration calibration;
	const struct workload *workloads[MODELS];
	struct device device;
};

static struct predict_settings settings_of(int i)
{
	return (struct predict_settings){ .batch = 1 + i % 7,
		                          .gpus = 1 + (unsigned)i % 5,
		                          .pipeline = i % 3 == 1 ? 2 : 1,
		                          .accumulation = 4,
		                          .zero = (unsigned)i % 4,
		                          .recompute = (enum recompute)(i % RECOMPUTE_COUNT),
		                          .power_cap_w = i % 2 ? 200 : 0 };
}

static int set_up(void **state)
{
	static struct world world;
	static const char *const names[MODELS] = { "resnet50", "bert-base", "gpt3-175b" };
	struct workload_options options = { .precision = PRECISION_AMP_FP16 };
	ergon_env_init(&world.env, &world.storage);
	arena_init(&world.arena);
	assert_int_equal(calibration_load(&world.env, &world.calibration, NULL), ERGON_OK);
	assert_int_equal(device_load(&world.env, "a100", &world.device, NULL), ERGON_OK);
	for (size_t i = 0; i < MODELS; i++)
		assert_int_equal(workload_load(&world.env, names[i], &options, &world.arena,
		                               &world.workloads[i], NULL),
		                 ERGON_OK);
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	arena_fini(&((struct world *)*state)->arena);
	return 0;
}

static void ask_all(const struct world *world, struct prediction *out)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct predict_settings settings = settings_of(i);
		predict(world->workloads[i % MODELS], &world->device, &world->calibration,
		        &settings, &out[i]);
	}
}

static void predictions_allocate_nothing(void **state)
{
	static struct prediction out[ROUNDS];
	static struct breakdown breakdown;
	const struct world *world = *state;
	if (!COUNTED) {
		print_message("skipped: a sanitizer has the allocator\n");
		skip();
	}
	size_t before = allocations;
	void *volatile one = malloc(1);
	free(one);
	assert_int_equal(allocations, before + 1); /* the count counts */
	before = allocations;
	ask_all(world, out);
	struct predict_settings settings = settings_of(3);
	predict_explain(world->workloads[1], &world->device, &world->calibration, &settings,
	                &out[0], &breakdown);
	assert_int_equal(allocations, before);
	assert_true(out[ROUNDS - 1].step_time_s > 0 && breakdown.count > 0);
}

struct asker {
	const struct world *world;
	struct prediction out[ROUNDS];
	pthread_t thread;
};

static void *ask(void *user)
{
	struct asker *asker = user;
	ask_all(asker->world, asker->out);
	return NULL;
}

static void threads_get_the_same_bytes(void **state)
{
	static struct asker askers[THREADS];
	static struct prediction alone[ROUNDS];
	ask_all(*state, alone);
	for (size_t i = 0; i < THREADS; i++) {
		askers[i].world = *state;
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
		assert_memory_equal(askers[i].out, alone, sizeof alone);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(predictions_allocate_nothing),
		cmocka_unit_test(threads_get_the_same_bytes),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
