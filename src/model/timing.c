/* SPDX-License-Identifier: Apache-2.0 */
#include "model/timing.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

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
	machine->gather_s = machine->memory_s / cal->memory_gather;
	machine->depthwise_s = machine->memory_s / cal->depthwise;
	machine->norm_s = machine->memory_s / cal->norm;
	machine->layout_s = machine->memory_s * cal->transposed;
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
	machine->gather_s *= slower;
	machine->depthwise_s *= slower;
	machine->norm_s *= slower;
	machine->layout_s *= slower;
}

struct tile_rate {
	double flop_s;    /* seconds a FLOP of one SM */
	double operand_s; /* seconds an element of an operand */
	bool whole;       /* the inner dimension is not split: results of convolutions */
	double k_half;
};

/* fmax() and fmin() are calls, for the sake of NaN; here no operand is one. */
static inline double larger(double a, double b)
{
	return a > b ? a : b;
}

static inline double smaller(double a, double b)
{
	return a < b ? a : b;
}

/* ceil() without a call into libm: shapes are far below 2^62. */
static inline double round_up(double value)
{
	double whole = (double)(int64_t)value;
	return whole < value ? whole + 1 : whole;
}

/* Seconds of all tiles on the SMs, with the inner dimension split where tiles are few. A tile of
 * Tm x Tn does 2 Tm Tn FLOPs and reads Tm + Tn operands for each of its k steps; k_half steps stand
 * for filling and draining its pipeline. Tile sides are powers of two: their inverses are exact. */
static inline double tiled_s(const struct machine *machine, const double shape[4], double tall,
                             double wide, const struct tile_rate *rate, double *filled)
{
	double tiles = round_up(shape[0] * (1 / tall)) * round_up(shape[1] * (1 / wide)) * shape[3];
	double k = shape[2], exact = 1;
	*filled = 1;
	if (tiles < machine->sms) {
		double room = (double)(int64_t)(machine->sms / tiles);
		double split = rate->whole ? 1 : larger(1, smaller(room, k * (1.0 / 256)));
		*filled = tiles * split / machine->sms;
		exact = larger(*filled, 1);
		k /= split;
	} else {
		exact = tiles / machine->sms;
	}
	double waves = exact + machine->wave * (round_up(exact) - exact);
	double flop_s = 2 * tall * wide * rate->flop_s;
	double operand_s = (tall + wide) * rate->operand_s;
	/* Loads run ahead of the arithmetic, imperfectly. */
	double step_s = sqrt(flop_s * flop_s + operand_s * operand_s);
	return waves * (k + rate->k_half) * step_s;
}

/* How often transforms move the weights and the tensors: they are strided, and written once. */
static const double WEIGHTS_MOVED = 4, TENSORS_MOVED = 3;

/* A 3x3 convolution of stride 1 by Winograd's minimal filtering (Lavin and Gray 2015, arXiv
 * 1509.09308): tiles of 2x2 results from 16 products in one kernel, or of 4x4 from 36, with the
 * transformed tensors in memory between kernels. A tile that sticks out of the image is lost, and
 * weights are transformed in every call. */
static double winograd_s(const struct machine *machine, const struct kernel *kernel, double batch,
                         const struct tile_rate *rate)
{
	double side = sqrt(kernel->m), inputs = kernel->k / 9, outputs = kernel->n, unused;
	struct tile_rate slower = { rate->flop_s / machine->winograd, rate->operand_s, true,
		                    rate->k_half };
	double twos = round_up(side / 2), fours = round_up(side / 4);
	double weights = 4 * WEIGHTS_MOVED * inputs * outputs * machine->memory_s;
	const double fused[4] = { twos * twos * batch, outputs, 16 * inputs, 1 };
	const double apart[4] = { fours * fours * batch, outputs, inputs, 36 };
	double in_one = tiled_s(machine, fused, 32, 32, &slower, &unused) + 16 * weights;
	double products = smaller(tiled_s(machine, apart, 128, 128, &slower, &unused),
	                          tiled_s(machine, apart, 64, 64, &slower, &unused));
	double moved = 36 * 4 * TENSORS_MOVED * apart[0] * (inputs + outputs);
	return smaller(in_one, products + moved * machine->memory_s + 36 * weights);
}

static double product_s(const struct machine *machine, const struct kernel *kernel, double batch,
                        double *filled)
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
	bool tensor = kernel->rate != RATE_FP32 && kernel->rate != RATE_FP64;
	static const double operand_bytes[RATE_COUNT] = { 8, 4, 4, 2, 2, 1 };
	struct tile_rate rate = {
		.flop_s = 1 / (machine->sm_rate[kernel->rate] *
		               machine->efficiency[tensor][kernel->family]),
		.operand_s = machine->operand_s * operand_bytes[kernel->rate],
		.whole = kernel->family == FAMILY_CONV && kernel->axis != AXIS_K,
		/* of fused attention's two products, the second has the context inside */
		.k_half = kernel->family == FAMILY_ATTENTION ? 0 : machine->k_half,
	};
	const double shape[4] = { m, n, k, count };
	double share; /* of the SMs that have a tile: the smallest tiles tell */
	double best = tiled_s(machine, shape, 128, 128, &rate, &share);
	if (tensor && machine->clusters)
		best = smaller(best, tiled_s(machine, shape, 256, 256, &rate, &share));
	if (tensor)
		best = smaller(best, tiled_s(machine, shape, 256, 128, &rate, &share));
	else
		best = smaller(best, tiled_s(machine, shape, 128, 64, &rate, &share));
	best = smaller(best, tiled_s(machine, shape, 64, 64, &rate, &share));
	if (m <= THIN) /* libraries have tiles for a few rows, or columns */
		best = smaller(best, tiled_s(machine, shape, THIN, 128, &rate, &share));
	if (n <= THIN)
		best = smaller(best, tiled_s(machine, shape, 128, THIN, &rate, &share));
	if (kernel->winograd && machine->winograd > 0 && kernel->axis == AXIS_M)
		best = smaller(best, winograd_s(machine, kernel, batch, &rate));
	*filled = smaller(share, 1);
	best *= kernel->early ? machine->early : 1;
	/* A fused attention kernel has the FLOPs of several products. */
	double flops = kernel->flops * batch + kernel->flops_fixed;
	double plain = 2 * m * n * k * count;
	return plain > 0 ? best * (flops / plain) : 0;
}

void kernel_work(const struct machine *machine, const struct kernel *kernel, double batch,
                 struct work *work)
{
	work->flops = kernel->flops * batch + kernel->flops_fixed;
	work->bytes = kernel->bytes * batch + kernel->bytes_fixed;
	double byte_s = machine->memory_s;
	work->compute_s = work->flops / machine->vector_rate;
	work->filled = smaller(work->bytes * machine->fill, 1);
	switch ((enum family)kernel->family) {
	case FAMILY_GEMM:
	case FAMILY_CONV:
	case FAMILY_ATTENTION:
	case FAMILY_RECURRENT:
		work->compute_s = product_s(machine, kernel, batch, &work->filled);
		if (kernel->family == FAMILY_RECURRENT)
			work->filled *= machine->recurrent_busy;
		break;
	case FAMILY_DEPTHWISE:
		byte_s = machine->depthwise_s;
		break;
	case FAMILY_EMBEDDING:
	case FAMILY_POOLING:
		byte_s = machine->gather_s;
		break;
	case FAMILY_NORM:
	case FAMILY_SOFTMAX:
		byte_s = machine->norm_s;
		break;
	case FAMILY_LAYOUT:
		byte_s = machine->layout_s;
		break;
	default:
		break;
	}
	double resident = smaller(work->bytes, machine->l2_resident);
	work->dram_bytes = work->bytes - resident;
	double streamed = kernel->k > 0 ? smaller(kernel->bytes_fixed, work->dram_bytes) : 0;
	if (kernel->family == FAMILY_ATTENTION && !(kernel->m > 0)) /* a cache of keys, one query */
		streamed = work->dram_bytes;
	work->memory_s = (work->dram_bytes - streamed) * byte_s + streamed * machine->stream_s +
	                 resident * machine->l2_s + (kernel->launches > 0 ? machine->ramp_s : 0);
}
