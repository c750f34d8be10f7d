/* SPDX-License-Identifier: Apache-2.0
 *
 * A device: what a GPU (or another accelerator) can do at most, as plain numbers.
 *
 * One file of data/devices/ describes one device; every number there names its source. A struct
 * device is a value: it holds no pointers, can be copied, changed (whatif) and shared by threads.
 * Rates are dense peaks at the boost clock; bandwidths are decimal; what a file does not state is
 * NAN here, unless the field says otherwise.
 */
#ifndef ERGON_SPEC_DEVICE_H
#define ERGON_SPEC_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "ergon/env.h"
#include "ergon/error.h"
#include "spec/precision.h"

enum { DEVICE_NAME_MAX = 48 };

struct device {
	char name[DEVICE_NAME_MAX];         /* "A100-SXM4-80GB" */
	char vendor[16];                    /* "NVIDIA" */
	char architecture[DEVICE_NAME_MAX]; /* "Ampere" */
	double compute_capability;          /* 8.0; NAN for other vendors */
	double sm_count;                    /* streaming multiprocessors or compute units */
	double base_hz, boost_hz;           /* base may be NAN */
	double min_hz;                      /* the lowest clock that a power cap can force */
	double memory_hz; /* at full bandwidth, as the vendor's tools show it; NAN: not stated */
	/* Multiply-adds count as two. A rate that the device lacks holds the rate that the work
	 * falls back to, and native[] is false. FP16 is with float32 accumulation. */
	double peak_flops[RATE_COUNT];
	bool native[RATE_COUNT];
	double matrix_fp32_flops; /* of products in float32: matrix units where there are any */
	double memory_bytes, memory_bandwidth_bps; /* bytes, bytes/s */
	char memory_type[16];                      /* "HBM2", "GDDR6" */
	double l2_bytes;                           /* 0 where not stated */
	double smem_bytes;                         /* shared memory and L1 of one SM */
	double nvlink_bps;                         /* sum over links, both directions; 0: none */
	double pcie_bps;                           /* one direction */
	double pcie_peer; /* 0: cards reach each other through the host's memory alone; 1 */
	double node_gpus; /* that share a machine as it is sold; 8 where not stated */
	double tdp_w, power_limit_min_w, power_limit_max_w;
	double idle_w;     /* measured by somebody, or NAN */
	double process_nm; /* marketing name of the node */
	double year;
};

/* Finds `name` (file name, "name" or one of "aliases"; case is ignored) in env->data_dir/devices.
 * A name that holds '/' or ends in .json is a path. ERGON_NOT_FOUND carries a suggestion. */
ERGON_MUST_USE enum ergon_code device_load(const struct ergon_env *env, const char *name,
                                           struct device *device, struct ergon_error *err);
/* Parses one device file's text; file names it in errors. */
ERGON_MUST_USE enum ergon_code device_parse(const char *text, size_t length, const char *file,
                                            struct device *device, struct ergon_error *err);
/* The names of all devices in order of name, in arena. */
ERGON_MUST_USE enum ergon_code device_list(const struct ergon_env *env, struct arena *arena,
                                           const char *const **names, size_t *count,
                                           struct ergon_error *err);
/* Sets one number by its name in the data file ("l2_mb", "memory_bandwidth_gbs", "sm_count",
 * "peak_tflops.fp32"), as `whatif --set` does. */
ERGON_MUST_USE enum ergon_code device_set(struct device *device, const char *field, double value,
                                          struct ergon_error *err);

#endif
