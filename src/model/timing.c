/* SPDX-License-Identifier: Apache-2.0 */
#include "model/timing.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "model/pair.h"

static const double PJ = 1e-12;
static const double REFERENCE_NM = 12, REFERENCE_HZ = 1.4e9;
static const double HOPPER = 9.0; /* neighbouring SMs share the operands that they read */
static const double THIN = 32;
static const double VOLTA = 7.0; /* compute capability */
static const double PASCAL = 6.0, TURING = 7.5, AMPERE = 8.0;
static const double MAXWELL = 5.0, KEPLER_ISSUE = 2.0 / 3;

/* Threads of an SM that wait for one element each: 2048, 600 clocks for an access (Mei and Chu 2017
 * measure 400 to 600, more under load). */
static const double ACCESSES_PER_CLOCK = 3.3;
/* A block of 1024 threads walks along its row: two accesses in a row a step. */
static const double STEP_CLOCKS = 1050, STEP_BYTES = 2048;
/* Softmax has blocks of 512 threads for long rows. */
static const double ROW_THREADS = 512, SM_THREADS = 2048, TURING_THREADS = 1024,
		    GAMING_THREADS = 1536;

static void rows_init(struct machine *machine, const struct device *device)
{
	double cc = device->compute_capability, clocks = device->boost_hz * device->sm_count;
	bool gaming = cc == 8.6 || cc == 8.9 || cc >= 12;
	double threads = cc == TURING ? TURING_THREADS : gaming ? GAMING_THREADS : SM_THREADS;
	/* Before Volta, and at other vendors, loads pass by the first cache or it is tiny. */
	machine->l1_bytes = cc >= VOLTA ? device->smem_bytes : 0;
	machine->row_blocks = threads / ROW_THREADS;
	machine->access_s = 1 / (ACCESSES_PER_CLOCK * clocks);
	machine->row_byte_s = STEP_CLOCKS / STEP_BYTES / device->boost_hz;
}

/* A warp holds a row of up to 4 KB in its registers; longer ones are read for their largest
 * element, for their sum and for the result, the second and third time from the first cache where
 * the rows of all blocks find room. */
static const double HELD_BYTES = 4096, HELD = 1.12, CACHED = 1.37, REREAD = 2;

double softmax_passes(const struct machine *machine, double row_bytes)
{
	if (row_bytes <= HELD_BYTES)
		return HELD;
	return machine->row_blocks * row_bytes < machine->l1_bytes ? CACHED : REREAD;
}

void machine_init(struct machine *machine, const struct device *device,
                  const struct calibration *cal)
{
	*machine = (struct machine){ .sms = device->sm_count };
	for (int rate = 0; rate < RATE_COUNT; rate++)
		machine->sm_rate[rate] = device->peak_flops[rate] / device->sm_count;
	machine->sm_rate[RATE_FP32] = device->matrix_fp32_flops / device->sm_count;
	if (isnan(device->compute_capability))
		for (int rate = RATE_FP32; rate < RATE_COUNT; rate++)
			machine->sm_rate[rate] *= cal->matrix_other;
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
		                              [FAMILY_LAYOUT] = cal->transposed };
	for (int family = 0; family < FAMILY_COUNT; family++)
		machine->byte_s[family] =
		    passes[family] > 0 ? machine->memory_s * passes[family] : machine->memory_s;
	double l2_bps = cal->l2_bytes_per_clock * device->sm_count * device->boost_hz;
	machine->l2_s = fmin(1 / l2_bps, second);
	machine->l2_resident = cal->l2_share * device->l2_bytes;
	machine->ramp_s = cal->memory_half_s;
	machine->narrow = 1;
	rows_init(machine, device);
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
	machine->operand_s[0] = 1 / (cal->tile_bytes_vector * device->boost_hz);
	machine->operand_s[1] = 1 / (cal->tile_bytes_per_clock * device->boost_hz);
	double cc = device->compute_capability;
	machine->batched_wide = cc >= PASCAL && cc < VOLTA    ? 64
	                        : cc >= AMPERE && cc < HOPPER ? 128
	                                                      : 0;
	machine->weights_slower = 1 / cal->conv_weights;
	machine->clusters = device->compute_capability >= HOPPER;
	machine->k_half = cal->k_half;
	machine->wave = cal->wave;
	/* Kepler has too few registers for the transforms. */
	machine->winograd = device->compute_capability < MAXWELL ? 0 : cal->winograd;
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

void machine_alone(struct machine *machine, const struct calibration *calibration)
{
	for (int tensor = 0; tensor < 2; tensor++)
		machine->efficiency[tensor][FAMILY_CONV] *= calibration->conv_untried;
}

void machine_in_model(struct machine *machine, const struct calibration *calibration)
{
	double slower = 1 / calibration->memory_in_model;
	machine->memory_s *= slower;
	machine->narrow = 1 / calibration->memory_narrow;
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
	return machine->operand_s[on_tensor_units(kernel)] * operand_bytes[kernel->rate];
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
static const double WEIGHTS_MOVED = 5, TENSORS_MOVED = 3;
/* Input channels that filling a fused tile's pipeline takes: its transforms run first. */
static const double WINOGRAD_HALF = 12;

/* The 36 products of Winograd's minimal filtering in tiles of 4x4, with the transformed tensors in
 * memory between kernels. */
static double winograd_apart_s(const struct machine *machine, const struct kernel *kernel,
                               const struct shape *shape, double images, double inputs,
                               double outputs)
{
	static const struct tiles tiles = { { 1.0 / 128, 1.0 / 64 }, { 1.0 / 128, 1.0 / 64 } };
	const double *step_s = machine->step_s[kernel->rate][product_of(kernel)];
	pair unused,
	    products = tiled_s(machine, shape, tiles,
	                       (pair){ step_s[TILE_128_128], step_s[TILE_64_64] }, &unused);
	double moved =
	    TENSORS_MOVED * images * (inputs + outputs) + WEIGHTS_MOVED * inputs * outputs;
	return smaller(products[0], products[1]) + 36 * 4 * moved * machine->memory_s;
}

/* A 3x3 convolution of stride 1 by Winograd's minimal filtering (Lavin and Gray 2015, arXiv
 * 1509.09308): tiles of 2x2 results from 16 products in one kernel, or of 4x4 from 36. A tile that
 * sticks out of the image is lost, and weights are transformed in every call. */
static double winograd_s(const struct machine *machine, const struct kernel *kernel, double batch)
{
	double side = sqrt(kernel->m), inputs = kernel->k / 9, outputs = kernel->n;
	double twos = round_up(side / 2), fours = round_up(side / 4);
	double weights = 4 * WEIGHTS_MOVED * inputs * outputs * machine->memory_s;
	double flop_s = seconds_a_flop(machine, kernel) / machine->winograd, half = machine->k_half;
	const struct shape fused = { twos * twos * batch, outputs, 16 * inputs, 1, true,
		                     16 * WINOGRAD_HALF };
	const struct shape apart = { fours * fours * batch, outputs, inputs, 36, true, half };
	const struct tiles small = { { 1.0 / 32, 1.0 / 32 }, { 1.0 / 32, 1.0 / 32 } };
	pair unused, small_s = pair_of(2 * 32 * 32 * flop_s);
	double in_one = tiled_s(machine, &fused, small, small_s, &unused)[0] + 16 * weights;
	return smaller(in_one, winograd_apart_s(machine, kernel, &apart, apart.m, inputs, outputs));
}

/* The gradient of the weights: the same transforms and 36 products, of which the images are the
 * inner dimension. */
static double winograd_weights_s(const struct machine *machine, const struct kernel *kernel,
                                 double batch)
{
	double fours = round_up(sqrt(kernel->k) / 4), outputs = kernel->outputs;
	double inputs = kernel->m * kernel->n / (9 * outputs), images = fours * fours * batch;
	const struct shape apart = { inputs, outputs, images, 36, false, machine->k_half };
	return winograd_apart_s(machine, kernel, &apart, images, inputs, outputs);
}

/* Batched products in float32 have one tile in libraries for Ampere, another in those for Pascal,
 * as the names of the kernels in tables show; elsewhere there is a choice. */
static double fixed_tile_s(const struct machine *machine, const struct kernel *kernel,
                           const struct shape *shape, double *filled)
{
	static const struct tiles half = { { 1.0 / 128, 1.0 / 64 }, { 1.0 / 64, 1.0 / 128 } };
	static const struct tiles whole = { { 1.0 / 128, 1.0 / 128 }, { 1.0 / 128, 1.0 / 128 } };
	const double *step_s = machine->step_s[kernel->rate][product_of(kernel)];
	bool narrow = machine->batched_wide < 128;
	pair share;
	pair seconds = tiled_s(machine, shape, narrow ? half : whole,
	                       pair_of(step_s[narrow ? TILE_128_64 : TILE_128_128]), &share);
	*filled = share[0];
	return smaller(seconds[0], seconds[1]);
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
		.whole = conv ? kernel->axis != AXIS_K : count > 1,
		/* of fused attention's two products, the second has the context inside */
		.k_half = fused ? 0 : machine->k_half,
	};
	bool fixed = !on_tensor_units(kernel) && !conv && count > 1 && machine->batched_wide > 0;
	double share, best = fixed ? fixed_tile_s(machine, kernel, &shape, &share)
	                           : best_tiles_s(machine, kernel, &shape, &share);
	if (conv && kernel->axis == AXIS_K)
		best *= machine->weights_slower;
	if (kernel->winograd && machine->winograd > 0)
		best = smaller(best, kernel->axis == AXIS_M
		                         ? winograd_s(machine, kernel, batch)
		                         : winograd_weights_s(machine, kernel, batch));
	best *= 1 + kernel->waste;
	share = smaller(share, 1);
	*filled = kernel->family == FAMILY_RECURRENT ? share * machine->recurrent_busy : share;
	best *= kernel->early ? machine->early : 1;
	/* A fused attention kernel has the FLOPs of several products. */
	return best * (flops / plain);
}
