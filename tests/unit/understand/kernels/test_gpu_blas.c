/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/kernels/gpu_blas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

/* Both vendors' libraries, made up: their memory is the host's, their products are sums. */
enum { NOT_READY = 7, CUDA_PLAIN = 0, ROCM_PLAIN = 111 };
static struct {
	const char *vendor; /* "cu" or "hip"; NULL: none is installed */
	int gpus, fails;    /* fails: status of the products */
	int allocated, handles, libraries, synchronized;
	int plain;
} fake;

static int count(int *gpus)
{
	*gpus = fake.gpus;
	return 0;
}
static int allocate(void **memory, size_t bytes)
{
	*memory = malloc(bytes);
	fake.allocated++;
	return 0;
}
static int release(void *memory)
{
	free(memory);
	fake.allocated--;
	return 0;
}
static int copy(void *to, const void *from, size_t bytes, int kind)
{
	assert_true(kind == 1 || kind == 2);
	memcpy(to, from, bytes);
	return 0;
}
static int synchronize(void)
{
	fake.synchronized++;
	return 0;
}
static int create(void **handle)
{
	*handle = &fake;
	fake.handles++;
	return 0;
}
static int destroy(void *handle)
{
	assert_ptr_equal(handle, &fake);
	fake.handles--;
	return 0;
}

#define PRODUCT(name, type)                                                                        \
	static int name(void *handle, int ta, int tb, int m, int n, int k, const type *alpha,      \
	                const type *a, int lda, const type *b, int ldb, const type *beta, type *c, \
	                int ldc)                                                                   \
	{                                                                                          \
		assert_ptr_equal(handle, &fake);                                                   \
		assert_int_equal(ta, fake.plain);                                                  \
		assert_int_equal(tb, fake.plain);                                                  \
		assert_true(*alpha == 1 && *beta == 0);                                            \
		if (fake.fails)                                                                    \
			return fake.fails;                                                         \
		for (int j = 0; j < n; j++)                                                        \
			for (int i = 0; i < m; i++) {                                              \
				type sum = 0;                                                      \
				for (int p = 0; p < k; p++)                                        \
					sum += a[i + p * lda] * b[p + j * ldb];                    \
				c[i + j * ldc] = sum;                                              \
			}                                                                          \
		return 0;                                                                          \
	}
PRODUCT(product_f64, double)
PRODUCT(product_f32, float)

static void *open_it(void *user, const char *soname, const char **why)
{
	(void)user;
	*why = "no such file";
	if (!fake.vendor)
		return NULL;
	bool cuda = strcmp(fake.vendor, "cu") == 0;
	bool known =
	    cuda
		? strcmp(soname, "libcudart.so.12") == 0 || strcmp(soname, "libcublas.so.12") == 0
		: strcmp(soname, "libamdhip64.so.6") == 0 || strcmp(soname, "librocblas.so.4") == 0;
	fake.libraries += known;
	return known ? &fake : NULL;
}

static void close_it(void *user, void *handle)
{
	(void)user;
	assert_ptr_equal(handle, &fake);
	fake.libraries--;
}

static void *symbol(void *user, void *handle, const char *name)
{
	static const struct {
		const char *cuda, *rocm;
		void *function;
	} table[] = {
		{ "cudaGetDeviceCount", "hipGetDeviceCount", count },
		{ "cudaMalloc", "hipMalloc", allocate },
		{ "cudaFree", "hipFree", release },
		{ "cudaMemcpy", "hipMemcpy", copy },
		{ "cudaDeviceSynchronize", "hipDeviceSynchronize", synchronize },
		{ "cublasCreate_v2", "rocblas_create_handle", create },
		{ "cublasDestroy_v2", "rocblas_destroy_handle", destroy },
		{ "cublasDgemm_v2", "rocblas_dgemm", product_f64 },
		{ "cublasSgemm_v2", "rocblas_sgemm", product_f32 },
	};
	(void)user;
	(void)handle;
	bool cuda = strcmp(fake.vendor, "cu") == 0;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(cuda ? table[i].cuda : table[i].rocm, name) == 0)
			return table[i].function;
	return NULL;
}

static struct ergon_dl dl = { .open = open_it, .symbol = symbol, .close = close_it };
static struct ergon_env env = { .dl = &dl };

static void begin(const char *vendor, int gpus)
{
	memset(&fake, 0, sizeof fake);
	fake.vendor = vendor;
	fake.gpus = gpus;
	fake.plain = vendor && strcmp(vendor, "hip") == 0 ? ROCM_PLAIN : CUDA_PLAIN;
}

static void all_is_given_back(void)
{
	assert_int_equal(fake.allocated, 0);
	assert_int_equal(fake.handles, 0);
	assert_int_equal(fake.libraries, 0);
}

static const struct kernel *gemm(void)
{
	const struct kernel *k;
	assert_int_equal(kernel_find("gemm", &k, NULL), ERGON_OK);
	return k;
}

static void products_are_checked(void **state)
{
	(void)state;
	static const char *const vendors[] = { "cu", "hip" };
	for (size_t v = 0; v < 2; v++)
		for (unsigned precision = PRECISION_F64; precision <= PRECISION_F32; precision++) {
			begin(vendors[v], 1);
			struct kernel_config c = {
				&env, 33, precision, PARADIGM_GPU, 1, ISA_GENERIC
			};
			void *s = calloc(1, gemm()->state_size);
			double error, allowed;
			assert_int_equal(kernel_check_config(gemm(), &c, NULL), ERGON_OK);
			assert_int_equal(gemm()->init(s, &c, NULL), ERGON_OK);
			gemm()->run(s, 3);
			assert_int_equal(fake.synchronized, 1);
			gemm()->check(s, &error, &allowed);
			assert_true(error <= allowed);
			gemm()->check(s, &error, &allowed); /* no run in between */
			assert_true(error > allowed);
			fake.fails = NOT_READY;
			gemm()->run(s, 1);
			gemm()->check(s, &error, &allowed);
			assert_true(isinf(error));
			gemm()->fini(s);
			free(s);
			all_is_given_back();
		}
}

static void says_why(const char *expected)
{
	struct kernel_config c = { &env, 33, PRECISION_F64, PARADIGM_GPU, 1, ISA_GENERIC };
	struct ergon_error err = { 0 };
	char text[256];
	void *s = calloc(1, gemm()->state_size);
	assert_int_equal(gemm()->init(s, &c, &err), ERGON_NOT_SUPPORTED);
	if (!strstr(err.text, expected))
		fail_msg("no '%s' in '%s'", expected, err.text);
	free(s);
	assert_false(gpu_blas_describe(&env, text, sizeof text));
	assert_non_null(strstr(text, expected));
	all_is_given_back();
}

static void what_is_absent_says_so(void **state)
{
	(void)state;
	begin(NULL, 0);
	says_why("no such file");
	begin("cu", 0);
	says_why("cuBLAS is there, but finds no GPU (status 0)");
	begin("hip", 0);
	says_why("rocBLAS is there, but finds no GPU (status 0)");
	begin("hip", 2);
	char text[256];
	assert_true(gpu_blas_describe(&env, text, sizeof text));
	assert_string_equal(text, "rocBLAS, 2 GPUs");
	all_is_given_back();
	struct kernel_config c = { &env, 33, PRECISION_BF16, PARADIGM_GPU, 1, ISA_GENERIC };
	assert_int_equal(kernel_check_config(gemm(), &c, NULL), ERGON_BAD_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(products_are_checked),
		cmocka_unit_test(what_is_absent_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
