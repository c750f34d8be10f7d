/* SPDX-License-Identifier: Apache-2.0
 *
 * Times of single kernels: what each rule of model/timing.h says of shapes on either side of it.
 */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "model/timing.h"
#include "spec/device.h"

struct world {
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct calibration calibration;
};

static int set_up(void **state)
{
	static struct world world;
	ergon_env_init(&world.env, &world.storage);
	calibration_init(&world.calibration);
	*state = &world;
	return 0;
}

static struct machine machine_of(const struct world *world, const char *name)
{
	struct device device;
	struct machine machine;
	assert_int_equal(device_load(&world->env, name, &device, NULL), ERGON_OK);
	machine_init(&machine, &device, &world->calibration);
	return machine;
}

static struct work time_of(struct machine *machine, const struct kernel *kernel, double batch)
{
	struct work work;
	machine_meet(machine, kernel);
	kernel_work(machine, kernel, batch, &work);
	assert_true(isfinite(work.compute_s) && isfinite(work.memory_s));
	return work;
}

/* 4 KB stay in registers, then rows are read again from the first cache, then from memory. */
static void softmax_reads_long_rows_again(void **state)
{
	struct machine volta = machine_of(*state, "v100"), pascal = machine_of(*state, "p100");
	double held = softmax_passes(&volta, 4096), cached = softmax_passes(&volta, 8192);
	double missed = softmax_passes(&volta, 65536);
	assert_true(held < cached && cached < missed);
	assert_close(softmax_passes(&pascal, 4096), held, 1e-12);
	assert_close(softmax_passes(&pascal, 8192), missed, 1e-12); /* loads pass by its cache */
	struct kernel kernel = { .bytes = 1e9, .launches = 1, .family = FAMILY_SOFTMAX };
	kernel.row_bytes = 4096;
	double short_s = time_of(&volta, &kernel, 1).memory_s;
	kernel.row_bytes = 65536;
	assert_true(time_of(&volta, &kernel, 1).memory_s > 1.5 * short_s);
}

static struct kernel conv3(double channels, double side)
{
	return (struct kernel){ .flops = 2 * side * side * channels * channels * 9,
		                .bytes = 8 * side * side * channels,
		                .bytes_fixed = 36 * channels * channels,
		                .m = side * side,
		                .n = channels,
		                .k = 9 * channels,
		                .batch = 1,
		                .outputs = channels,
		                .launches = 1,
		                .rate = RATE_FP32,
		                .family = FAMILY_CONV,
		                .axis = AXIS_M };
}

/* Fewer multiplications pay where the transforms of tensors and weights do not eat them up. */
static void winograd_pays_with_many_channels(void **state)
{
	struct machine machine = machine_of(*state, "v100");
	double gain[2];
	for (int i = 0; i < 2; i++) {
		struct kernel kernel = conv3(i ? 256 : 8, 56);
		double direct = time_of(&machine, &kernel, 32).compute_s;
		kernel.winograd = true;
		gain[i] = direct / time_of(&machine, &kernel, 32).compute_s;
	}
	assert_true(gain[0] >= 1 && gain[0] < 1.5);
	assert_true(gain[1] > 1.5 && gain[1] < 4);
	/* the gradient of the weights: positions are the inner dimension */
	struct kernel weights = conv3(256, 56);
	weights.m = 9 * 256;
	weights.k = 56 * 56;
	weights.axis = AXIS_K;
	double direct = time_of(&machine, &weights, 32).compute_s;
	weights.winograd = true;
	assert_true(time_of(&machine, &weights, 32).compute_s < direct / 1.5);
	struct machine kepler = machine_of(*state, "k80");
	struct kernel kernel = conv3(256, 56);
	double plain = time_of(&kepler, &kernel, 32).compute_s;
	kernel.winograd = true;
	assert_close(time_of(&kepler, &kernel, 32).compute_s, plain, 1e-12);
}

/* Of small batched products in float32, libraries for Ampere compute whole tiles of 128 x 128. */
static void batched_products_have_one_tile_on_ampere(void **state)
{
	struct kernel small = { .flops = 2 * 64 * 64 * 512,
		                .m = 64,
		                .n = 64,
		                .k = 512,
		                .batch = 1,
		                .rate = RATE_FP32,
		                .family = FAMILY_GEMM,
		                .axis = AXIS_BATCH };
	struct kernel large = small;
	large.m = large.n = 128;
	large.flops *= 4;
	struct machine ampere = machine_of(*state, "a100"), volta = machine_of(*state, "v100");
	assert_close(time_of(&ampere, &small, 4096).compute_s,
	             time_of(&ampere, &large, 4096).compute_s, 1e-9);
	assert_true(time_of(&volta, &small, 4096).compute_s <
	            0.6 * time_of(&volta, &large, 4096).compute_s);
	small.rate = large.rate = RATE_FP16;
	assert_true(time_of(&ampere, &small, 4096).compute_s <
	            0.9 * time_of(&ampere, &large, 4096).compute_s);
}

/* One block walks along a row: a row takes its time however few there are; many are bound by the
 * accesses of all SMs. */
static void scalar_kernels_take_a_row_at_least(void **state)
{
	struct machine machine = machine_of(*state, "a100");
	struct kernel kernel = { .bytes = 4 * 8192,
		                 .accesses = 3 * 8192,
		                 .row_bytes = 2 * 8192,
		                 .launches = 1,
		                 .family = FAMILY_NORM };
	double one = time_of(&machine, &kernel, 1).memory_s;
	double few = time_of(&machine, &kernel, 32).memory_s;
	double many = time_of(&machine, &kernel, 4096).memory_s;
	assert_close(one, few, 1e-9);
	assert_true(many > 10 * one);
	kernel.accesses = 0;
	assert_true(time_of(&machine, &kernel, 1).memory_s < one / 2);
}

/* Zeros between the strides of a 1x1 convolution are multiplied, its channels counted in eights. */
static void convolutions_waste(void **state)
{
	static const char text[] =
	    "{\"name\":\"x\",\"title\":\"x\",\"source\":\"test\",\"optimizer\":\"sgd\","
	    "\"input\":{\"kind\":\"image\",\"channels\":3,\"resolution\":32},\"layers\":["
	    "{\"op\":\"conv\",\"out\":16,\"kernel\":3},"
	    "{\"op\":\"conv\",\"out\":32,\"kernel\":1,\"stride\":2}]}";
	struct workload_options options = { .precision = PRECISION_AMP_FP16 };
	const struct workload *workload;
	struct arena arena;
	struct ergon_error err = { 0 };
	size_t eights = 0, zeros = 0;
	(void)state;
	arena_init(&arena);
	if (workload_parse(text, sizeof text - 1, "x.json", &options, &arena, &workload, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < workload->count; i++) {
		const struct kernel *kernel = &workload->kernels[i];
		if (kernel->family != FAMILY_CONV)
			continue;
		eights += kernel->phase == PHASE_FORWARD && fabs(kernel->waste - 5.0 / 3) < 1e-9;
		zeros += kernel->phase == PHASE_BACKWARD && kernel->waste == 3;
	}
	assert_int_equal(eights, 1);
	assert_int_equal(zeros, 1);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(softmax_reads_long_rows_again),
		cmocka_unit_test(winograd_pays_with_many_channels),
		cmocka_unit_test(batched_products_have_one_tile_on_ampere),
		cmocka_unit_test(scalar_kernels_take_a_row_at_least),
		cmocka_unit_test(convolutions_waste),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
