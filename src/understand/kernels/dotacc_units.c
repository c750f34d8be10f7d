/* SPDX-License-Identifier: Apache-2.0
 *
 * AVX512-BF16 and AVX512-VNNI, and AMX: Intel, Architecture Instruction Set Extensions Programming
 * Reference, chapters 2 and 3; the permission for tiles: Documentation/arch/x86/xstate.rst of
 * Linux.
 */
#include "understand/kernels/dotacc.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHAINS = 12, TILES = 6, TILE_SUMS = 256 };
enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

#define AVX512_LOOP(name, features, vec, load, store, factors, dot)                                \
	__attribute__((target(features))) static void name(const void *from, void *to,             \
	                                                   uint64_t turns)                         \
	{                                                                                          \
		vec x[CHAINS];                                                                     \
		const __m512i a = factors;                                                         \
		for (int i = 0; i < CHAINS; i++)                                                   \
			x[i] = load((const char *)from + 64 * i);                                  \
		for (uint64_t t = 0; t < turns; t++)                                               \
			for (int i = 0; i < CHAINS; i++)                                           \
				x[i] = dot;                                                        \
		for (int i = 0; i < CHAINS; i++)                                                   \
			store((char *)to + 64 * i, x[i]);                                          \
	}

/* 0x3f80 is 1 in bf16. */
AVX512_LOOP(bf16_avx512, "avx512f,avx512bf16", __m512, _mm512_load_ps, _mm512_store_ps,
            _mm512_set1_epi32(0x3f803f80), _mm512_dpbf16_ps(x[i], (__m512bh)a, (__m512bh)a))
AVX512_LOOP(int8_avx512, "avx512f,avx512vnni", __m512i, _mm512_load_si512, _mm512_store_si512,
            _mm512_set1_epi32(0x01010101), _mm512_dpbusd_epi32(x[i], a, a))

struct tile_config {
	uint8_t palette, start_row, reserved[14];
	uint16_t bytes_a_row[16];
	uint8_t rows[16];
} __attribute__((aligned(64)));

#define AMX_LOOP(name, dot)                                                                        \
	__attribute__((target("amx-tile,amx-bf16,amx-int8"))) static void name(                    \
	    const void *from, void *to, const void *factors, uint64_t turns)                       \
	{                                                                                          \
		const char *f = from;                                                              \
		char *t = to;                                                                      \
		_tile_loadd(0, f, 64);                                                             \
		_tile_loadd(1, f + 1024, 64);                                                      \
		_tile_loadd(2, f + 2048, 64);                                                      \
		_tile_loadd(3, f + 3072, 64);                                                      \
		_tile_loadd(4, f + 4096, 64);                                                      \
		_tile_loadd(5, f + 5120, 64);                                                      \
		_tile_loadd(6, factors, 64);                                                       \
		_tile_loadd(7, factors, 64);                                                       \
		for (uint64_t i = 0; i < turns; i++) {                                             \
			dot(0, 6, 7);                                                              \
			dot(1, 6, 7);                                                              \
			dot(2, 6, 7);                                                              \
			dot(3, 6, 7);                                                              \
			dot(4, 6, 7);                                                              \
			dot(5, 6, 7);                                                              \
		}                                                                                  \
		_tile_stored(0, t, 64);                                                            \
		_tile_stored(1, t + 1024, 64);                                                     \
		_tile_stored(2, t + 2048, 64);                                                     \
		_tile_stored(3, t + 3072, 64);                                                     \
		_tile_stored(4, t + 4096, 64);                                                     \
		_tile_stored(5, t + 5120, 64);                                                     \
	}
AMX_LOOP(bf16_tiles, _tile_dpbf16ps)
AMX_LOOP(int8_tiles, _tile_dpbssd)

typedef void (*tile_loop)(const void *from, void *to, const void *factors, uint64_t turns);

/* The intrinsics do not tell the compiler that they read and write memory. */
__attribute__((target("amx-tile"))) void dotacc_configure_tiles(void)
{
	struct tile_config config = { .palette = 1 };
	for (int i = 0; i < 8; i++) {
		config.bytes_a_row[i] = 64;
		config.rows[i] = 16;
	}
	__asm__ volatile("" : : "r"(&config) : "memory");
	_tile_loadconfig(&config);
}

__attribute__((target("amx-tile"))) static void with_tiles(tile_loop loop, uint32_t factor,
                                                           const void *from, void *to,
                                                           uint64_t turns)
{
	uint32_t factors[TILE_SUMS] __attribute__((aligned(64)));
	for (int i = 0; i < TILE_SUMS; i++)
		factors[i] = factor;
	__asm__ volatile("" : : "r"(factors) : "memory");
	dotacc_configure_tiles();
	loop(from, to, factors, turns);
	_tile_release();
	__asm__ volatile("" : : : "memory");
}

static void bf16_amx(const void *from, void *to, uint64_t turns)
{
	with_tiles(bf16_tiles, 0x3f803f80, from, to, turns);
}

static void int8_amx(const void *from, void *to, uint64_t turns)
{
	with_tiles(int8_tiles, 0x01010101, from, to, turns);
}

struct features {
	bool avx512_bf16, avx512_vnni, amx_bf16, amx_int8;
};

static struct features features(void)
{
	struct features f = { 0 };
	unsigned a, b, c, d;
	if (kernel_isa() != ISA_AVX512 || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
		return f;
	f.avx512_vnni = c >> 11 & 1;
	f.amx_bf16 = (d >> 22 & 1) && (d >> 24 & 1);
	f.amx_int8 = (d >> 25 & 1) && (d >> 24 & 1);
	if (__get_cpuid_count(7, 1, &a, &b, &c, &d))
		f.avx512_bf16 = a >> 5 & 1;
	return f;
}

enum ergon_code dotacc_find(enum dotacc_unit unit, enum precision precision,
                            struct dotacc_loop *loop, struct ergon_error *err)
{
	struct features f = features();
	bool bf16 = precision == PRECISION_BF16;
	if (unit == DOTACC_AMX) {
		if (!(bf16 ? f.amx_bf16 : f.amx_int8))
			return ergon_fail(err, ERGON_NOT_SUPPORTED, "this processor has no AMX");
		if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) != 0)
			return ergon_fail(err, ERGON_NOT_SUPPORTED,
			                  "the operating system does not grant AMX tiles");
		*loop = (struct dotacc_loop){ bf16 ? bf16_amx : int8_amx, TILES * TILE_SUMS,
			                      bf16 ? 32 : 64 };
		return ERGON_OK;
	}
	if (!(bf16 ? f.avx512_bf16 : f.avx512_vnni))
		return ergon_fail(err, ERGON_NOT_SUPPORTED, "this processor has no %s",
		                  bf16 ? "AVX512-BF16" : "AVX512-VNNI");
	*loop = (struct dotacc_loop){ bf16 ? bf16_avx512 : int8_avx512, CHAINS * 16, bf16 ? 2 : 4 };
	return ERGON_OK;
}

#else

enum ergon_code dotacc_find(enum dotacc_unit unit, enum precision precision,
                            struct dotacc_loop *loop, struct ergon_error *err)
{
	(void)unit;
	(void)precision;
	(void)loop;
	return ergon_fail(err, ERGON_NOT_SUPPORTED,
	                  "bf16 and int8 are known here for x86-64 processors only");
}
#endif
