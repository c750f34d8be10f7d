/* SPDX-License-Identifier: Apache-2.0
 *
 * What predict, whatif, explain, label and search ask for alike: a model, how it is run, a device.
 */
#ifndef ERGON_CLI_MODEL_OPTIONS_H
#define ERGON_CLI_MODEL_OPTIONS_H

#include "cli/command.h"
#include "model/document.h"
#include "model/input.h"

struct model_flags {
	const char *model, *device, *precision, *optimizer, *runtime, *attention, *layout, *dims;
	const char *calibration, *recompute;
	double batch, power_cap_w, network_gbits;
	uint64_t gpus, node_gpus, era, sequence, resolution, accumulate, loading_ns;
	uint64_t tensor, pipeline, virtual_stages, zero, expert_ranks;
	double input_rate, input_kb, input_cpu_ms, input_cores, storage_mbs;
	bool infer, sequence_parallel, bridge;
};

/* clang-format off */
/* Rows of an options table; flags: a struct model_flags within type. */
#define MODEL_OPTION(type, flags) \
	{ "model", 'm', OPTION_TEXT, offsetof(type, flags.model), "NAME", NULL, \
	  "a model of the zoo, or a file: ours, a Hugging Face config.json (or its " \
	  "folder), an ONNX model; or totals: params=,flops=,activations=", 0, 0 }

/* How the model is run; with and without its precision. */
#define WORKLOAD_OPTIONS(type, flags) \
	{ "precision", 'p', OPTION_TEXT, offsetof(type, flags.precision), "P", NULL, \
	  "fp32, tf32, fp16, bf16, amp_fp16, amp_bf16, fp8 or fp64 (default: " \
	  "fp32; bf16 to generate)", 0, 0 }, \
	SHAPE_OPTIONS(type, flags)

#define SHAPE_OPTIONS(type, flags) \
	{ "seq", 's', OPTION_COUNT, offsetof(type, flags.sequence), "N", NULL, \
	  "tokens (or frames) a sample (default: the model's)", 1, 10000000 }, \
	{ "resolution", 'r', OPTION_COUNT, offsetof(type, flags.resolution), "N", NULL, \
	  "pixels a side (default: the model's)", 1, 100000 }, \
	{ "optimizer", 0, OPTION_TEXT, offsetof(type, flags.optimizer), "NAME", NULL, \
	  "sgd, adam, adamw, adadelta, lamb or none (default: the model's)", 0, 0 }, \
	{ "runtime", 0, OPTION_TEXT, offsetof(type, flags.runtime), "NAME", NULL, \
	  "eager, compiled (elementwise chains fused), or instrumented (hooks on " \
	  "gradients) (default: eager; compiled to generate)", 0, 0 }, \
	{ "attention", 0, OPTION_TEXT, offsetof(type, flags.attention), "KIND", NULL, \
	  "materialised, flash or flash1, its first version (default: materialised; " \
	  "flash to generate)", 0, 0 }, \
	{ "layout", 0, OPTION_TEXT, offsetof(type, flags.layout), "KIND", NULL, \
	  "of images: nhwc, or nchw with copies around convolutions (default: nhwc)", 0, 0 }, \
	{ "infer", 0, OPTION_FLAG, offsetof(type, flags.infer), NULL, NULL, \
	  "forward pass only", 0, 0 }, \
	{ "dims", 0, OPTION_TEXT, offsetof(type, flags.dims), "NAME=N,...", NULL, \
	  "replace dimensions of the model: layers=24,d=1024", 0, 0 }, \
	{ "calibration", 0, OPTION_TEXT, offsetof(type, flags.calibration), "FILE", NULL, \
	  "constants of the predictor (default: data/calibration/default.json)", 0, 0 }

/* On what, and how it is spread. */
#define PLACE_OPTIONS(type, flags) \
	{ "device", 'd', OPTION_TEXT, offsetof(type, flags.device), "NAME", NULL, \
	  "a device of data/devices, or a device file", 0, 0 }, \
	{ "batch", 'b', OPTION_REAL, offsetof(type, flags.batch), "N", "32", \
	  "samples per GPU (per model copy and micro-batch, where it is split)", \
	  0.001, 1e7 }, \
	{ "gpus", 'g', OPTION_COUNT, offsetof(type, flags.gpus), "N", "1", \
	  "all GPUs; a multiple of tensor x pipeline, the rest is data parallel", \
	  1, 1000000 }, \
	{ "tensor", 't', OPTION_COUNT, offsetof(type, flags.tensor), "N", "1", \
	  "tensor-parallel ranks", 1, 1024 }, \
	{ "sequence-parallel", 0, OPTION_FLAG, offsetof(type, flags.sequence_parallel), NULL, NULL, \
	  "norms and dropout split among the tensor-parallel ranks too", 0, 0 }, \
	{ "expert-ranks", 0, OPTION_COUNT, offsetof(type, flags.expert_ranks), "N", "1", \
	  "data-parallel ranks that share a mixture's experts in training", 1, 4096 }, \
	{ "pipeline", 0, OPTION_COUNT, offsetof(type, flags.pipeline), "N", "1", \
	  "pipeline stages", 1, 4096 }, \
	{ "virtual", 0, OPTION_COUNT, offsetof(type, flags.virtual_stages), "N", "1", \
	  "interleaved stages of a pipeline rank", 1, 1024 }, \
	{ "zero", 0, OPTION_COUNT, offsetof(type, flags.zero), "0..3", "0", \
	  "sharded among data-parallel ranks: 1 optimizer, 2 gradients too, 3 " \
	  "parameters too", 0, 3 }, \
	{ "recompute", 0, OPTION_TEXT, offsetof(type, flags.recompute), "KIND", "none", \
	  "none, selective (attention scores) or full (blocks)", 0, 0 }, \
	{ "power-cap", 0, OPTION_POWER, offsetof(type, flags.power_cap_w), "POWER", NULL, \
	  "limit of one GPU's board power (default: the device's own)", 1, 1e5 }, \
	{ "accumulate", 0, OPTION_COUNT, offsetof(type, flags.accumulate), "N", "1", \
	  "micro-batches before the optimizer's step", 1, 100000 }, \
	{ "node-gpus", 0, OPTION_COUNT, offsetof(type, flags.node_gpus), "N", "8", \
	  "GPUs that share a node", 1, 1024 }, \
	{ "bridge", 0, OPTION_FLAG, offsetof(type, flags.bridge), NULL, NULL, \
	  "an NVLink bridge joins two cards", 0, 0 }, \
	{ "network", 0, OPTION_REAL, offsetof(type, flags.network_gbits), "GBIT/S", NULL, \
	  "links of a node to the others (default: as such a node is sold)", 0.01, 1e5 }, \
	{ "era", 0, OPTION_COUNT, offsetof(type, flags.era), "YEAR", NULL, \
	  "the software's year: before 2023 nothing hides tensor parallelism's sums (default: of " \
	  "today)", 2000, 2100 }, \
	{ "loading", 0, OPTION_DURATION, offsetof(type, flags.loading_ns), "DURATION", NULL, \
	  "time the input pipeline needs for a step", 0, 1e5 }

/* The input pipeline of one node. */
#define INPUT_OPTIONS(type, flags) \
	{ "input", 0, OPTION_REAL, offsetof(type, flags.input_rate), "SAMPLES/S", NULL, \
	  "samples a second that a node's input pipeline delivers", 1e-6, 1e12 }, \
	{ "input-kb", 0, OPTION_REAL, offsetof(type, flags.input_kb), "KB", NULL, \
	  "or what it must do: KB of a sample read from storage", 0, 1e12 }, \
	{ "storage", 0, OPTION_REAL, offsetof(type, flags.storage_mbs), "MB/S", NULL, \
	  "at this bandwidth", 1e-6, 1e9 }, \
	{ "input-cpu", 0, OPTION_REAL, offsetof(type, flags.input_cpu_ms), "MS", NULL, \
	  "and CPU time of a sample (decoding, augmentation)", 0, 1e9 }, \
	{ "input-cores", 0, OPTION_REAL, offsetof(type, flags.input_cores), "N", "8", \
	  "on this many cores", 1, 1e6 }

/* clang-format on */

/* "--NAME is needed" where value is NULL. */
ERGON_MUST_USE enum ergon_code option_needed(const char *value, const char *name,
                                             struct ergon_error *err);
/* path, or the default where it is NULL. */
ERGON_MUST_USE enum ergon_code calibration_from(struct cli *cli, const char *path,
                                                struct calibration *calibration,
                                                struct ergon_error *err);
ERGON_MUST_USE enum ergon_code workload_from_flags(const struct model_flags *flags,
                                                   struct workload_options *options,
                                                   struct ergon_error *err);
void input_from_flags(const struct model_flags *flags, struct input_pipeline *input);
/* "l2_mb=80": onto the device. */
ERGON_MUST_USE enum ergon_code change_device(const struct text_list *changes, struct device *device,
                                             struct ergon_error *err);

/* A prediction that somebody asked for, with all that it rests on. */
struct asked {
	struct device device;
	struct calibration calibration;
	struct predict_request request; /* of the device above */
	struct prediction prediction;
	struct breakdown breakdown;
	enum input_stage input; /* what the input pipeline is bound by */
};
/* Loads, checks and predicts. changes: of the device, may be NULL. *asked must not move. */
ERGON_MUST_USE enum ergon_code predict_asked(struct cli *cli, const struct model_flags *flags,
                                             const struct text_list *changes, struct arena *arena,
                                             struct asked *asked, struct ergon_error *err);

#endif
