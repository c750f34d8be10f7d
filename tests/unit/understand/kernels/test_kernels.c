/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/kernels/kernel.h"

#include <stdlib.h>
#include <string.h>

#include "support/support.h"
#include "understand/kernels/dotacc.h"
#include "understand/kernels/gemm_narrow.h"

/* What PoCL and its compiler leave behind is not ours to free (read by the leak sanitizer). */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libpocl\nleak:libOpenCL\nleak:libLLVM\nleak:libclang\nleak:kcache\n";
}

static struct ergon_env env;
static struct ergon_env_storage storage;

/* Sizes that leave remainders of every vector, tile and block. */
static const uint64_t sizes[] = { 16, 17, 63, 65, 129, 200, 257, 333 };

static void one(const struct kernel *k, struct kernel_config config)
{
	struct ergon_error err = { 0 };
	void *state = calloc(1, k->state_size);
	assert_int_equal(kernel_check_config(k, &config, &err), ERGON_OK);
	enum ergon_code code = k->init(state, &config, &err);
	if (code == ERGON_NOT_SUPPORTED) {
		print_message("%s %s: %s\n", k->name, paradigm_name(config.paradigm), err.text);
		free(state);
		return;
	}
	assert_int_equal(code, ERGON_OK);
	for (int i = 0; i < 2; i++) {
		double error, allowed;
		k->run(state, 1);
		k->check(state, &error, &allowed);
		if (!(error <= allowed))
			fail_msg("%s %s %s %s size %llu: error %g, allowed %g", k->name,
			         paradigm_name(config.paradigm), precision_name(config.precision),
			         isa_name(config.isa), (unsigned long long)config.size, error,
			         allowed);
	}
	/* A run that did not happen is found out. */
	double error, allowed;
	k->check(state, &error, &allowed);
	assert_true(error > allowed);
	k->fini(state);
	free(state);
}

/* Beyond a few MB a size would test the machine, not the kernel. */
static void try_size(const struct kernel *k, struct kernel_config config)
{
	/* A device's compiler takes its time over every shape. */
	if (config.paradigm == PARADIGM_OPENCL &&
	    config.size != (config.precision == PRECISION_F64 ? 17 : 129))
		return;
	if (config.size >= k->size_min && k->footprint(&config) < 3e6)
		one(k, config);
}

static void every_variant_agrees_with_its_reference(void **state)
{
	(void)state;
	for (const struct kernel *const *k = kernels; *k; k++)
		for (unsigned paradigm = 0; paradigm < PARADIGM_COUNT; paradigm++)
			for (unsigned precision = 0; precision < PRECISION_COUNT; precision++) {
				if (!((*k)->paradigms & BIT(paradigm)) ||
				    !((*k)->precisions & BIT(precision)) ||
				    !paradigm_has_precision(paradigm, precision))
					continue;
				enum isa top = kernel_isa();
				enum isa from = paradigm == PARADIGM_SIMD && top != ISA_GENERIC
				                    ? ISA_SSE2
				                    : top;
				for (enum isa isa = from; isa <= top; isa++)
					for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
						try_size(*k,
						         (struct kernel_config){
							     &env, sizes[s], precision, paradigm,
							     paradigm_is_parallel(paradigm) ? 3 : 1,
							     isa });
			}
}

static void work_is_stated(void **state)
{
	(void)state;
	const struct kernel *triad, *gemm;
	assert_int_equal(kernel_find("triad", &triad, NULL), ERGON_OK);
	assert_int_equal(kernel_find("gemm", &gemm, NULL), ERGON_OK);
	struct kernel_config c = { .env = &env, .size = 1000, .precision = PRECISION_F32 };
	assert_close(triad->flops(&c), 2000, 0);
	assert_close(triad->bytes(&c), 12000, 0);
	assert_close(gemm->flops(&c), 2e9, 0);
	assert_close(gemm->bytes(&c), 12e6, 0);
}

static void bad_names(void **state)
{
	(void)state;
	const struct kernel *k;
	enum precision precision;
	enum paradigm paradigm;
	struct ergon_error err = { 0 };
	assert_int_equal(kernel_find("triat", &k, &err), ERGON_NOT_FOUND);
	assert_string_equal(err.text, "no kernel 'triat', did you mean 'triad'?");
	assert_int_equal(precision_find("f16", &precision, &err), ERGON_BAD_INPUT);
	assert_int_equal(paradigm_find("openpm", &paradigm, &err), ERGON_BAD_INPUT);
	assert_non_null(strstr(err.text, "did you mean 'openmp'?"));
	struct kernel_config c = { .env = &env, .size = 0, .threads = 1 };
	assert_int_equal(kernel_find("gemm", &k, NULL), ERGON_OK);
	assert_int_equal(kernel_check_config(k, &c, &err), ERGON_BAD_INPUT);
	c = (struct kernel_config){ &env, 64, PRECISION_INT8, PARADIGM_BLAS, 1, kernel_isa() };
	assert_int_equal(kernel_check_config(k, &c, &err), ERGON_BAD_INPUT);
	assert_string_equal(err.text,
	                    "gemm of int8 is not in blas: expected scalar, simd or openmp");
}

static void *no_library(void *user, const char *soname, const char **why)
{
	(void)user;
	(void)soname;
	*why = "no such file";
	return NULL;
}

static void an_absent_library_says_so(void **state)
{
	(void)state;
	struct ergon_env bare = env;
	struct ergon_dl dl = { .open = no_library };
	bare.dl = &dl;
	const struct kernel *gemm;
	assert_int_equal(kernel_find("gemm", &gemm, NULL), ERGON_OK);
	struct kernel_config c = { &bare, 64, PRECISION_F64, PARADIGM_BLAS, 1, kernel_isa() };
	struct ergon_error err = { 0 };
	void *s = calloc(1, gemm->state_size);
	assert_int_equal(gemm->init(s, &c, &err), ERGON_NOT_SUPPORTED);
	assert_string_equal(err.text, "OpenBLAS is absent: no such file");
	free(s);
	const struct kernel *triad;
	assert_int_equal(kernel_find("triad", &triad, NULL), ERGON_OK);
	c.paradigm = PARADIGM_OPENCL;
	s = calloc(1, triad->state_size);
	assert_int_equal(triad->init(s, &c, &err), ERGON_NOT_SUPPORTED);
	assert_non_null(strstr(err.text, "OpenCL is absent: no such file"));
	free(s);
	char text[256];
	assert_false(paradigm_available(PARADIGM_OPENCL, &bare, text, sizeof text));
	assert_non_null(strstr(text, "ocl-icd-libopencl1"));
}

/* The kernel takes the best unit; the others must count right too. */
static void units_of_small_types_agree(void **state)
{
	(void)state;
	static _Alignas(64) char from[DOTACC_SUMS_MAX * 4], to[DOTACC_SUMS_MAX * 4];
	for (unsigned unit = 0; unit < DOTACC_UNITS; unit++)
		for (unsigned precision = PRECISION_BF16; precision <= PRECISION_INT8;
		     precision++) {
			struct dotacc_loop loop;
			struct ergon_error err = { 0 };
			if (dotacc_find(unit, precision, &loop, &err)) {
				assert_int_equal(err.code, ERGON_NOT_SUPPORTED);
				print_message("%s: %s\n", precision_name(precision), err.text);
				continue;
			}
			loop.run(from, to, 1000); /* from zeros */
			for (size_t i = 0; i < loop.sums; i++) {
				double found = precision == PRECISION_BF16
				                   ? (double)((float *)(void *)to)[i]
				                   : ((int32_t *)(void *)to)[i];
				assert_close(found, 1000.0 * loop.increment, 0);
			}
		}
}

static void put_one(char *packed, enum precision precision, size_t i, int value)
{
	if (precision == PRECISION_BF16) {
		union {
			float value;
			uint32_t bits;
		} f = { (float)value };
		((uint16_t *)(void *)packed)[i] = (uint16_t)(f.bits >> 16);
	} else {
		((int8_t *)(void *)packed)[i] = (int8_t)value;
	}
}

/* gemm takes AMX where it can; AVX-512 must come to the same numbers, sum by sum. */
static void units_of_narrow_gemm_agree(void **state)
{
	(void)state;
	enum { STEPS = 3, LDC = 40 };
	static _Alignas(64) char a[STEPS * NARROW_STEP_BYTES], b[STEPS * NARROW_STEP_BYTES];
	static int32_t found[2][NARROW_PANEL * LDC];
	for (unsigned precision = PRECISION_BF16; precision <= PRECISION_INT8; precision++) {
		size_t count = sizeof a / precision_bytes(precision);
		for (size_t i = 0; i < count; i++) {
			put_one(a, precision, i, (int)(i * 7 % 23));
			put_one(b, precision, i, (int)(i * 5 % 19) - 9);
		}
		for (unsigned amx = 0; amx < 2; amx++) {
			struct narrow_unit unit;
			struct ergon_error err = { 0 };
			if (narrow_find(precision, amx, &unit, &err)) {
				print_message("%s: %s\n", precision_name(precision), err.text);
				return;
			}
			memset(found[amx], 0x55, sizeof found[amx]);
			unit.begin();
			unit.micro(1, a, b, found[amx], LDC, true);
			unit.micro(STEPS - 1, a + NARROW_STEP_BYTES, b + NARROW_STEP_BYTES,
			           found[amx], LDC, false);
			unit.end();
		}
		assert_memory_equal(found[0], found[1], sizeof found[0]);
		assert_int_equal(found[0][NARROW_PANEL], 0x55555555); /* beyond the block */
	}
}

int main(void)
{
	ergon_env_init(&env, &storage);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_variant_agrees_with_its_reference),
		cmocka_unit_test(units_of_small_types_agree),
		cmocka_unit_test(units_of_narrow_gemm_agree),
		cmocka_unit_test(work_is_stated),
		cmocka_unit_test(bad_names),
		cmocka_unit_test(an_absent_library_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
