/* SPDX-License-Identifier: Apache-2.0 */
#include "model/timing.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "model/pair.h"

static const double PJ = 1e-12;
static const double REFERENCE_NM = 12, REFERENCE_HZ = 1.4e9;
static const double HOPPER = 9.0; /* neighbouring SMs share the operands that they read */
static const double FEWER = 2.25; /* multiplications, in tiles of 2x2 */
static const double THIN = 32;
static const double VOLTA = 7.0; /* compute capability */
static const double MAXWELL = 5.0, KEPLER_ISSUE = 2.0 / 3;

void machine_init(struct machine *machine, const struct device *device,
                  const struct calibration *cal)
{
	*machine = (struct machine){ .sms = device->sm_count };
	for (int rate = 0; rate < RATE_COUNT; rate++)
		machine->sm_rate[rate] = device->peak_flops[rate] / device->sm_count;
	machine->sm_rate[RATE_FP32] = device->matrix_fp32_flops / device->sm_count;
	machine->vector_rate = device->peak_flops[RATE_FP32];
	/* Kepler has 192 lanes an SM and issues to 128 of them, unless pairs of instructions are
	 * independent (NVIDIA 2012, Kepler GK110 white paper: four schedulers of 32). */
	if (device->compute_capability < MAXWELL)
		machine->sm_rate[RATE_FP32] *= KEPLER_ISSUE;
	double second = 1 / device->memory_bandwidth_bps;
	bool hbm = strncmp(device->memory_type, "HBM", 3) == 0;
	double reached = hbm ? cal->memory : cal->memory_gddr;
	if (device->compute_capability < VOLTA) /* false where it is NAN */
		reached *= cal->memory_old;
	machine->memory_s = second / reached;
	machine->stream_s = machine->memory_s;
	double gather = 1 / cal->memory_gather, norm = 1 / cal->norm;
	const double passes[FAMILY_COUNT] = { [FAMILY_DEPTHWISE] = 1 / cal->depthwise,
		                              [FAMILY_EMBEDDING] = gather,
		                              [FAMILY_POOLING] = gather,
		                              [FAMILY_NORM] = norm,
		                              [FAMILY_SOFTMAX] = norm,
		                              [FAMILY_LAYOUT] = cal->transposed };
	for (int family = 0; family < FAMILY_COUNT; family++)
		machine->byte_s[family] =
		    passes[family] > 0 ? machine->memory_s * passes[family] : machine->memory_s;
	double l2_bps = cal->l2_bytes_per_clock * device->sm_count * device->boost_hz;
	machine->l2_s = fmin(1 / l2_bps, second);
	machine->l2_resident = cal->l2_share * device->l2_bytes;
	machine->ramp_s = cal->memory_half_s;
	machine->recurrent_busy = cal->recurrent_busy;
	machine->fill = 1 / (cal->fill_bytes * device->sm_count);
	for (int family = 0; family < FAMILY_COUNT; family++) {
		machine->efficiency[0][family] = cal->gemm_vector;
		machine->efficiency[1][family] = cal->gemm_tensor;
	}
	machine->efficiency[0][FAMILY_CONV] = cal->conv_vector;
	machine->efficiency[1][FAMILY_CONV] = cal->conv_tensor;
	machine->efficiency[1][FAMILY_ATTENTION] = cal->attention_flash;
	if (device->compute_capability >= HOPPER)
		machine->efficiency[1][FAMILY_ATTENTION] *= cal->flash_hopper;
	machine->early = 1 / cal->flash_early;
	machine->operand_s = 1 / (cal->tile_bytes_per_clock * device->boost_hz);
	machine->clusters = device->compute_capability >= HOPPER;
	machine->k_half = cal->k_half;
	machine->wave = cal->wave;
	/* Kepler has too few registers for the transforms. */
	machine->winograd = device->compute_capability < MAXWELL ? 0 : cal->winograd / FEWER;
	double process = pow(device->process_nm / REFERENCE_NM, cal->process_exponent);
	double fast = pow(device->boost_hz / REFERENCE_HZ, cal->clock_exponent);
	double shrink = pow(device->process_nm / REFERENCE_NM, cal->tensor_exponent);
	double vector = cal->fp32_pj * process * fast * PJ,
	       tensor = cal->tensor_pj * shrink * fast * PJ;
	double scale[RATE_COUNT] = {
		[RATE_TF32] = cal->tf32, [RATE_FP16] = 1, [RATE_BF16] = 1, [RATE_FP8] = 0.5
	};
	for (int rate = 0; rate < RATE_COUNT; rate++)
		machine->flop_j[rate] =
		    device->native[rate] && scale[rate] > 0 ? tensor * scale[rate] : vector;
	machine->flop_j[RATE_FP64] = 2 * vector;
	machine->byte_j = (hbm ? cal->hbm_pj : cal->gddr_pj) * PJ;
}

void machine_in_model(struct machine *machine, const struct calibration *calibration)
{
	double slower = 1 / calibration->memory_in_model;
	machine->memory_s *= slower;
	for (int family = 0; family < FAMILY_COUNT; family++)
		machine->byte_s[family] *= slower;
}

/* fmin() is a call, for the sake of NaN; here no operand is one. */
static inline double smaller(double a, double b)
{
	return a < b ? a : b;
}

/* ceil() without a call into libm. */
static inline double round_up(double value)
{
	return pair_up(pair_of(value))[0];
}

/* A product of m x k by k x n, `count` of them. */
struct shape {
	double m, n, k, count;
	bool whole; /* the inner dimension is not split: results of convolutions */
	double k_half;
};

/* Two tiles: 1 / rows and 1 / columns, which are powers of two, so that these are exact. */
struct tiles {
	pair rows, columns;
};

/* Seconds of all tiles of either size on the SMs, with the inner dimension split where tiles are
 * few; k_half steps stand for filling and draining a tile's pipeline. *filled: share of the SMs
 * that have one. */
static inline pair tiled_s(const struct machine *machine, const struct shape *shape,
                           struct tiles sides, pair step_s, pair *filled)
{
	pair rows = pair_up(pair_of(shape->m) * sides.rows);
	pair columns = pair_up(pair_of(shape->n) * sides.columns);
	pair tiles = rows * columns * pair_of(shape->count), sms = pair_of(machine->sms);
	pair exact = tiles / sms, k = pair_of(shape->k);
	pair_bits few = tiles < sms;
	*filled = pair_of(1);
	if (few[0] | few[1]) {
		pair one = pair_of(1), split = one;
		if (!shape->whole)
			split = pair_larger(
			    one, pair_smaller(pair_down(sms / tiles), k * pair_of(1.0 / 256)));
		pair busy = tiles * split / sms;
		*filled = pair_choose(few, busy, one);
		exact = pair_choose(few, pair_larger(busy, one), exact);
		k = pair_choose(few, k / split, k);
	}
	pair waves = exact + pair_of(machine->wave) * (pair_up(exact) - exact);
	return waves * (k + pair_of(shape->k_half)) * step_s;
}

/* A tile of Tm x Tn does 2 Tm Tn FLOPs and reads Tm + Tn operands for each of its k steps. Loads
 * run ahead of the arithmetic, imperfectly. */
static double tile_step_s(double tall, double wide, double flop_s, double operand_s)
{
	double arithmetic_s = 2 * tall * wide * flop_s, loads_s = (tall + wide) * operand_s;
	return sqrt(arithmetic_s * arithmetic_s + loads_s * loads_s);
}

static inline bool on_tensor_units(const struct kernel *kernel)
{
	return kernel->rate != RATE_FP32 && kernel->rate != RATE_FP64;
}

static double seconds_a_flop(const struct machine *machine, const struct kernel *kernel)
{
	return 1 / (machine->sm_rate[kernel->rate] *
	            machine->efficiency[on_tensor_units(kernel)][kernel->family]);
}

static double seconds_an_operand(const struct machine *machine, const struct kernel *kernel)
{
	static const double operand_bytes[RATE_COUNT] = { 8, 4, 4, 2, 2, 1 };
	return machine->operand_s * operand_bytes[kernel->rate];
}

void machine_meet_product(struct machine *machine, const struct kernel *kernel)
{
	static const double sides[TILE_COUNT][2] = {
		[TILE_128_128] = { 128, 128 },      [TILE_64_64] = { 64, 64 },
		[TILE_128_64] = { 128, 64 },        [TILE_256_128] = { 256, 128 },
		[TILE_256_256] = { 256, 256 },      [TILE_THIN_ROWS] = { THIN, 128 },
		[TILE_THIN_COLUMNS] = { 128, THIN }
	};
	enum product_kind product = product_of(kernel);
	double flop_s = seconds_a_flop(machine, kernel);
	double operand_s = seconds_an_operand(machine, kernel);
	for (int tile = 0; tile < TILE_COUNT; tile++)
		machine->step_s[kernel->rate][product][tile] =
		    tile_step_s(sides[tile][0], sides[tile][1], flop_s, operand_s);
	if (!machine->clusters)
		machine->step_s[kernel->rate][product][TILE_256_256] = (double)INFINITY;
	machine->met[kernel->rate][product] = true;
}

/* How often transforms move the weights and the tensors: they are strided, and written once. */
static const double WEIGHTS_MOVED = 4, TENSORS_MOVED = 3;

/* A 3x3 convolution of stride 1 by Winograd's minimal filtering (Lavin and Gray 2015, arXiv
 * 1509.09308): tiles of 2x2 results from 16 products in one kernel, or of 4x4 from 36, with the
 * transformed tensors in memory between kernels. A tile that sticks out of the image is lost, and
 * weights are transformed in every call. */
static double winograd_s(const struct machine *machine, const struct kernel *kernel, double batch)
{
	double side = sqrt(kernel->m), inputs = kernel->k / 9, outputs = kernel->n;
	double twos = round_up(side / 2), fours = round_up(side / 4);
	double weights = 4 * WEIGHTS_MOVED * inputs * outputs * machine->memory_s;
	double flop_s = seconds_a_flop(machine, kernel) / machine->winograd;
	double operand_s = seconds_an_operand(machine, kernel);
	double rows = fours * fours * batch, half = machine->k_half;
	const struct shape fused = { twos * twos * batch, outputs, 16 * inputs, 1, true, half };
	const struct shape apart = { rows, outputs, inputs, 36, true, half };
	const struct tiles small = { { 1.0 / 32, 1.0 / 32 }, { 1.0 / 32, 1.0 / 32 } };
	const struct tiles large = { { 1.0 / 128, 1.0 / 64 }, { 1.0 / 128, 1.0 / 64 } };
	const pair large_s = { tile_step_s(128, 128, flop_s, operand_s),
		               tile_step_s(64, 64, flop_s, operand_s) };
	pair unused, small_s = pair_of(tile_step_s(32, 32, flop_s, operand_s));
	double in_one = tiled_s(machine, &fused, small, small_s, &unused)[0] + 16 * weights;
	pair products = tiled_s(machine, &apart, large, large_s, &unused);
	double moved = 36 * 4 * TENSORS_MOVED * rows * (inputs + outputs);
	return smaller(in_one, smaller(products[0], products[1]) + moved * machine->memory_s +
	                           36 * weights);
}

/* Seconds with the tiles that suit best. *filled: share of the SMs that have one, of the smallest
 * tiles, which tell. */
static double best_tiles_s(const struct machine *machine, const struct kernel *kernel,
                           const struct shape *shape, double *filled)
{
	static const struct tiles square = { { 1.0 / 128, 1.0 / 64 }, { 1.0 / 128, 1.0 / 64 } };
	static const struct tiles large = { { 1.0 / 256, 1.0 / 256 }, { 1.0 / 128, 1.0 / 256 } };
	static const struct tiles half = { { 1.0 / 128, 1.0 / 128 }, { 1.0 / 64, 1.0 / 64 } };
	static const struct tiles thin = { { 1.0 / 32, 1.0 / 128 }, { 1.0 / 128, 1.0 / 32 } };
	const double *step_s = machine->step_s[kernel->rate][product_of(kernel)];
	pair share, unused;
	pair squares = tiled_s(machine, shape, square,
	                       (pair){ step_s[TILE_128_128], step_s[TILE_64_64] }, &share);
	pair others;
	if (!on_tensor_units(kernel)) {
		others = tiled_s(machine, shape, half, pair_of(step_s[TILE_128_64]), &unused);
	} else {
		others = tiled_s(machine, shape, large,
		                 (pair){ step_s[TILE_256_128], step_s[TILE_256_256] }, &unused);
	}
	pair both = pair_smaller(squares, others);
	double best = smaller(both[0], both[1]);
	*filled = share[1];
	if (shape->m > THIN && shape->n > THIN)
		return best;
	/* libraries have tiles for a few rows, or columns */
	pair thins = tiled_s(machine, shape, thin,
	                     (pair){ step_s[TILE_THIN_ROWS], step_s[TILE_THIN_COLUMNS] }, &share);
	for (int i = 0; i < 2; i++) {
		if ((i ? shape->n : shape->m) > THIN)
			continue;
		best = smaller(best, thins[i]);
		*filled = share[i];
	}
	return best;
}

double product_s(const struct machine *machine, const struct kernel *kernel, double batch,
                 double flops, double *filled)
{
	double m = kernel->m, n = kernel->n, k = kernel->k, count = kernel->batch;
	switch ((enum batch_axis)kernel->axis) {
	case AXIS_M:
		m *= batch;
		break;
	case AXIS_N:
		n *= batch;
		break;
	case AXIS_K:
		k *= batch;
		break;
	case AXIS_BATCH:
		count *= batch;
		break;
	case AXIS_NONE:
		break;
	}
	double plain = 2 * m * n * k * count;
	if (!(plain > 0)) {
		*filled = 0;
		return 0;
	}
	bool conv = kernel->family == FAMILY_CONV, fused = kernel->family == FAMILY_ATTENTION;
	const struct shape shape = {
		.m = m,
		.n = n,
		.k = k,
		.count = count,
		.whole = conv && kernel->axis != AXIS_K,
		/* of fused attention's two products, the second has the context inside */
		.k_half = fused ? 0 : machine->k_half,
	};
	double share, best = best_tiles_s(machine, kernel, &shape, &share);
	if (kernel->winograd && machine->winograd > 0 && kernel->axis == AXIS_M)
		best = smaller(best, winograd_s(machine, kernel, batch));
	share = smaller(share, 1);
	*filled = kernel->family == FAMILY_RECURRENT ? share * machine->recurrent_busy : share;
	best *= kernel->early ? machine->early : 1;
	/* A fused attention kernel has the FLOPs of several products. */
	return best * (flops / plain);
}
