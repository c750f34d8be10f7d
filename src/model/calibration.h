/* SPDX-License-Identifier: Apache-2.0
 *
 * The predictor's few fitted constants. Each has a physical meaning and a unit, and is shared by
 * all models and devices: there is none for one model or one row. A device that was measured may
 * have factors on some of them (struct device_calibration); one that was not has none.
 *
 * They live in data/calibration/default.json with where each comes from; `ergon model fit` writes
 * such a file.
 */
#ifndef ERGON_MODEL_CALIBRATION_H
#define ERGON_MODEL_CALIBRATION_H

#include <stdbool.h>
#include <stddef.h>

#include "ergon/env.h"
#include "ergon/error.h"
#include "model/spread.h"
#include "spec/device.h"

/* field, unit, lower bound, upper bound, expected, width, meaning. The table is the struct, the
 * file format, the documentation and what can be fitted.
 *
 * Expected and width (one standard deviation, the same unit) are the prior, and every fit starts
 * from the expected value: what textbooks, data sheets and vendors' guides say before one looks at
 * any measurement. They are round numbers on purpose; never set them from a fit. */
#define CALIBRATION_FIELDS(X)                                                                      \
	X(gemm_vector, "1", 0.88, 1.0, 0.93, 0.03,                                                 \
	  "share of the float32 vector peak a large product reaches")                              \
	X(gemm_tensor, "1", 0.75, 0.95, 0.85, 0.05,                                                \
	  "share of the tensor peak a large product reaches")                                      \
	X(matrix_other, "1", 0.5, 1.0, 0.75, 0.1,                                                  \
	  "factor on the rate of matrix units of other vendors, whose power holds them down")      \
	X(conv_vector, "1", 0.6, 1.05, 0.9, 0.1, "the same for convolutions in float32")           \
	X(conv_tensor, "1", 0.4, 1.0, 0.75, 0.12, "the same for convolutions on tensor units")     \
	X(winograd, "1", 0.5, 1.0, 0.85, 0.1,                                                      \
	  "rate of fused 3x3 Winograd kernels over that of direct convolutions")                   \
	X(conv_weights, "1", 0.4, 1.05, 0.8, 0.15,                                                 \
	  "rate of the gradients of convolutions' weights over that of the others")                \
	X(conv_untried, "1", 0.5, 1.0, 0.8, 0.12,                                                  \
	  "rate of a convolution whose algorithm a rule picked, over the best of those tried")     \
	X(attention_flash, "1", 0.15, 0.9, 0.5, 0.12,                                              \
	  "share of the tensor peak of fused attention")                                           \
	X(flash_hopper, "1", 0.3, 1.2, 0.6, 0.15,                                                  \
	  "factor on it from Hopper on, whose units it feeds worse")                               \
	X(flash_early, "1", 0.3, 1, 0.6, 0.15,                                                     \
	  "factor on both before FlashAttention 2 (2307.08691)")                                   \
	X(k_half, "elements", 2, 64, 16, 10, "inner dimension at which a product reaches half")    \
	X(wave, "1", 0, 1, 0.9, 0.15, "part of an unfilled last wave of tiles that is lost")       \
	X(tile_bytes_per_clock, "B", 8, 256, 64, 40,                                               \
	  "operands that flow from L2 into one SM each clock, to its matrix units")                \
	X(tile_bytes_vector, "B", 6, 64, 20, 10, "the same to its vector units")                   \
	X(memory, "1", 0.84, 0.95, 0.88, 0.03,                                                     \
	  "share of the memory bandwidth that long kernels reach")                                 \
	X(memory_gddr, "1", 0.72, 0.92, 0.82, 0.05, "the same where the memory is GDDR")           \
	X(memory_old, "1", 0.8, 1.0, 0.88, 0.06,                                                   \
	  "factor on both before Volta (compute capability below 7)")                              \
	X(memory_in_model, "1", 0.6, 1, 0.85, 0.1,                                                 \
	  "of that, what kernels reach whose buffers are not those of the last run")               \
	X(memory_narrow, "1", 0.5, 1.1, 0.85, 0.1,                                                 \
	  "of that, what passes over 16-bit elements reach inside a model")                        \
	X(memory_clock, "1", 0.1, 1.0, 0.6, 0.2,                                                   \
	  "clock over boost below which SMs cannot use all bandwidth")                             \
	X(memory_half_s, "s", 0, 3e-6, 1e-6, 6e-7, "ramp of a kernel's memory stream")             \
	X(memory_gather, "1", 0.1, 1.0, 0.5, 0.25, "of that, what gathers and pooling reach")      \
	X(transposed, "1", 0.02, 1.0, 0.5, 0.25,                                                   \
	  "part of the operands of convolutions on matrix units that is copied, channels first")   \
	X(depthwise, "1", 0.05, 1.0, 0.25, 0.15, "of that, what depthwise convolutions reach")     \
	X(norm, "1", 0.6, 1.0, 0.9, 0.08, "of that, what norms reach")                             \
	X(l2_share, "1", 0.15, 0.5, 0.25, 0.1,                                                     \
	  "share of the L2 that still holds what the last kernel wrote")                           \
	X(l2_bytes_per_clock, "B", 12, 64, 24, 8, "L2 bandwidth of one SM and clock")              \
	X(hidden, "1", 0.02, 0.55, 0.3, 0.15,                                                      \
	  "part of the lesser of compute and memory that is not hidden")                           \
	X(launch_s, "s", 1e-6, 3e-6, 2e-6, 7e-7, "device time between two kernels")                \
	X(replay_s, "s", 0, 1e-5, 1.5e-6, 1e-6, "the same where a captured graph is replayed")     \
	X(sequence_s, "s", 0, 2e-4, 2e-5, 2e-5,                                                    \
	  "what a server's host takes between two steps for each sequence in flight")              \
	X(call_s, "s", 0, 1e-4, 1.5e-5, 1e-5,                                                      \
	  "launch of a kernel that is called alone and waited for, as in tables of kernels")       \
	X(pixel_s, "s", 0, 2e-6, 2e-7, 3e-7,                                                       \
	  "host time to encode and write a pixel of a result, while the device waits")             \
	X(choice_s, "s", 0, 1e-4, 1.5e-5, 1e-5,                                                    \
	  "what a library takes besides to choose how it does a product that is called alone")     \
	X(host_issue_s, "s", 1e-6, 6e-5, 3e-5, 1.5e-5, "host time to issue one operator, eager")   \
	X(host_compiled, "1", 0.05, 1, 0.35, 0.2, "the same with a compiled runtime, as a share")  \
	X(hook_s, "s", 0, 5e-3, 5e-4, 5e-4,                                                        \
	  "what hooks on the gradient of a tensor take, where a framework has them")               \
	X(host_step_s, "s", 0, 2e-2, 1e-3, 1e-3, "host time of a step besides operators")          \
	X(collate_s, "s", 1e-7, 1e-5, 1e-6, 1e-6,                                                  \
	  "host time to fetch and stack one sample of a table in memory, in Python")               \
	X(augment_s, "s", 5e-5, 6e-4, 3e-4, 1.5e-4,                                                \
	  "time in which one worker reads and augments a small image, in Python")                  \
	X(host_old, "1", 1, 2.5, 1.5, 0.4,                                                         \
	  "factor on host times beside GPUs from before Volta: their hosts are as old")            \
	X(queue, "1", 0, 1, 0.5, 0.25,                                                             \
	  "how much a host about as slow as the device delays it: queue (lesser / greater)^2")     \
	X(contention, "1", 0.02, 0.2, 0.1, 0.04,                                                   \
	  "time that a sum of gradients costs all the same which runs beside the backward pass, "  \
	  "as a share of it")                                                                      \
	X(contention_early, "1", 0.05, 1, 0.5, 0.25,                                               \
	  "the same with the add-ons of frameworks before 2023, which sum late or in between")     \
	X(contention_sharded, "1", 0.2, 0.8, 0.4, 0.08,                                            \
	  "the same where parameters are sharded: gathered beside every block")                    \
	X(worker_skew, "1", 0.005, 0.02, 0.015, 0.005,                                             \
	  "spread of the workers of one run, as a share of their step: all wait for the slowest")  \
	X(tensor_hidden, "1", 0.2, 0.95, 0.6, 0.15,                                                \
	  "part of tensor parallelism's sums that software since 2023 hides behind products")      \
	X(nvlink, "1", 0.4, 0.95, 0.75, 0.08,                                                      \
	  "share of a link's stated bandwidth that all-reduce gets")                               \
	X(nvlink_switch, "1", 0.5, 1.1, 0.8, 0.08,                                                 \
	  "the same where switches add up, from Hopper on")                                        \
	X(nvlink_send, "1", 0.5, 1.0, 0.8, 0.1, "the same of plain transfers")                     \
	X(pcie, "1", 0.1, 0.95, 0.75, 0.1, "the same over PCIe")                                   \
	X(pcie_staged, "1", 0.03, 0.95, 0.3, 0.15,                                                 \
	  "the same of cards without peer access, whose transfers cross the host's memory")        \
	X(network, "1", 0.3, 0.98, 0.75, 0.12, "the same between nodes, of their ports")           \
	X(network_hdr, "1", 0.28, 0.95, 0.4, 0.06,                                                 \
	  "the same of ports of 200 Gbit/s, before GPUs wrote to them as a rule")                  \
	X(ethernet_bps, "B/s", 2e8, 1.2e10, 1.25e9, 5e8,                                           \
	  "what a node without such ports reaches, with PCI Express 3; more with younger ones")    \
	X(collective_start_s, "s", 1e-6, 2e-4, 6e-5, 2e-5,                                         \
	  "start of a collective at full rate in a node: its first pieces fill the pipeline")      \
	X(collective_s, "s", 5e-7, 2e-5, 2e-6, 1e-6, "latency of one of its hops")                 \
	X(network_s, "s", 3e-6, 6e-5, 1.5e-5, 8e-6, "the same between nodes")                      \
	X(fp32_pj, "pJ", 8, 14, 11, 1.5,                                                           \
	  "energy of a float32 vector FLOP at 12 nm, boost voltage")                               \
	X(tensor_pj, "pJ", 0.6, 2.5, 1, 0.2, "energy of a tensor FLOP at 12 nm, 16-bit operands")  \
	X(process_exponent, "1", 0.4, 1, 0.7, 0.15,                                                \
	  "vector energy scales with (process / 12 nm) to this")                                   \
	X(clock_exponent, "1", 0, 1.5, 0.4, 0.2, "and with (boost clock / 1.4 GHz) to this")       \
	X(tensor_exponent, "1", 0, 1.0, 0.7, 0.15,                                                 \
	  "tensor energy scales with (process / 12 nm) to this")                                   \
	X(tf32, "1", 1.2, 3, 1.8, 0.4,                                                             \
	  "energy of a TF32 FLOP over that of a 16-bit one: wider operands")                       \
	X(hbm_pj, "pJ", 35, 80, 55, 12, "energy of a byte from HBM")                               \
	X(gddr_pj, "pJ", 90, 200, 130, 25, "energy of a byte from GDDR")                           \
	X(busy, "1", 0.25, 0.55, 0.4, 0.08,                                                        \
	  "clock tree and leakage of a busy device, share of its TDP")                             \
	X(launch_busy, "1", 0.02, 0.5, 0.15, 0.1,                                                  \
	  "part of that which launches and tiny kernels draw")                                     \
	X(link_busy, "1", 0.05, 1, 0.3, 0.2,                                                       \
	  "part of that which a device draws while it waits for its links")                        \
	X(fill_bytes, "B", 8192, 262144, 49152, 40000,                                             \
	  "traffic of a kernel that makes one SM busy all the while")                              \
	X(recurrent_busy, "1", 0.2, 1, 0.6, 0.2,                                                   \
	  "part of the SMs with a tile that a step of a recurrence keeps busy")                    \
	X(standby_hbm, "pJ", 5, 20, 10, 4,                                                         \
	  "draw of a device in use at any clock, idle power apart, over its HBM's bandwidth")      \
	X(standby_gddr, "pJ", 40, 90, 65, 12, "the same with GDDR memory")                         \
	X(idle, "1", 0.05, 0.18, 0.1, 0.03,                                                        \
	  "idle power as a share of TDP where nobody measured it")                                 \
	X(voltage_bend, "1", 5, 25, 12, 4,                                                         \
	  "voltage over that at boost: floor + (1 - floor) (clock / boost)^bend")                  \
	X(voltage_floor, "1", 0.7, 0.86, 0.78, 0.04,                                               \
	  "voltage of the lowest clocks, over that at boost")                                      \
	X(min_clock, "1", 0.1, 0.3, 0.18, 0.05,                                                    \
	  "lowest clock over boost that a power cap can force")                                    \
	X(cap_reach, "1", 0.88, 1.0, 0.96, 0.02,                                                   \
	  "mean power that a strictly binding cap allows, over it")                                \
	X(cap_sharpness, "1", 5, 30, 10, 5,                                                        \
	  "mean power under a cap: (P^-q + (reach cap)^-q)^(-1/q), P without cap")                 \
	X(limiter_s, "s", 0.005, 3, 0.3, 0.3,                                                      \
	  "time over which a power limiter averages: shorter phases it cannot tell apart")         \
	X(device_spread, "1", 0, 2, 0.12, 0.2,                                                     \
	  "80% interval of what nobody measured the device of: factor exp(+-x), besides")

/* What a calibrated device may scale, name, width and meaning: boards differ from their data sheets
 * in clocks they hold, in what their memory controller reaches and in silicon. 1 where nobody
 * measured the device; the prior of the logarithm is 0 with that width, so that few rows move them
 * little. What a constant states besides (unit, bounds, expected) is the same for all of these. */
#define DEVICE_FACTORS(X)                                                                          \
	X(vector, 0.12, "rate of matrix products on vector units")                                 \
	X(tensor, 0.12, "rate of matrix products and attention on tensor units")                   \
	X(conv, 0.12, "rate of convolutions, besides")                                             \
	X(memory, 0.12, "bandwidth of memory")                                                     \
	X(light, 0.12, "bandwidth of norms, gathers and depthwise convolutions, besides")          \
	X(flop_energy, 0.2, "energy of arithmetic")                                                \
	X(byte_energy, 0.2, "energy of memory traffic")                                            \
	X(standing, 0.2, "power of clocks and fabric")                                             \
	X(cap, 0.04, "mean power under a binding cap, over the cap")                               \
	X(host, 0.3, "time of the hosts in which it is found")

enum device_factor {
#define DEVICE_FACTOR_ID(name, width, meaning) DEVICE_FACTOR_##name,
	DEVICE_FACTORS(DEVICE_FACTOR_ID)
#undef DEVICE_FACTOR_ID
	    DEVICE_FACTOR_COUNT
};
enum { CALIBRATED_DEVICES_MAX = 64 };

struct device_calibration {
	char name[DEVICE_NAME_MAX]; /* as its data file calls it */
	double factor[DEVICE_FACTOR_COUNT];
};

struct calibration {
#define CALIBRATION_MEMBER(name, unit, low, high, expected, width, meaning) double name;
	CALIBRATION_FIELDS(CALIBRATION_MEMBER)
#undef CALIBRATION_MEMBER
	struct doubt spreads[SPREAD_COUNT];
	size_t device_count;
	struct device_calibration devices[CALIBRATED_DEVICES_MAX];
};

struct calibration_field {
	const char *name, *unit, *meaning;
	double low, high, expected, width;
};
enum {
#define CALIBRATION_COUNT_ONE(name, unit, low, high, expected, width, meaning)                     \
	CALIBRATION_AT_##name,
	CALIBRATION_FIELDS(CALIBRATION_COUNT_ONE)
#undef CALIBRATION_COUNT_ONE
	    CALIBRATION_COUNT
};
extern const struct calibration_field calibration_fields[CALIBRATION_COUNT];

/* The expected values: before any fit; no device is calibrated. */
void calibration_init(struct calibration *calibration);
/* env->data_dir/calibration/default.json; a field that it lacks keeps its expected value, one that
 * is outside its bounds is an error. */
ERGON_MUST_USE enum ergon_code calibration_load(const struct ergon_env *env,
                                                struct calibration *calibration,
                                                struct ergon_error *err);
ERGON_MUST_USE enum ergon_code calibration_parse(const char *text, size_t length, const char *file,
                                                 struct calibration *calibration,
                                                 struct ergon_error *err);

/* The row of a device, or NULL. */
const struct device_calibration *calibration_find_device(const struct calibration *calibration,
                                                         const char *device);
/* The constants as they are on one device: *out has no devices of its own. True where the device is
 * calibrated. */
bool calibration_for_device(const struct calibration *calibration, const char *device,
                            struct calibration *out);
/* What all devices share of a factor goes to the constants, within their bounds. */
void calibration_centre(struct calibration *calibration, enum device_factor factor);
/* Ends like a constant's: what is the same for all factors is filled in. */
extern const struct calibration_field device_factors[DEVICE_FACTOR_COUNT];

#endif
