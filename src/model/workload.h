/* SPDX-License-Identifier: Apache-2.0
 *
 * A workload: one training (or inference) step of a model as a short table of kernels.
 *
 * It comes from a model file (data/models/, see spec/layers.h) whose layers are lowered by the
 * operator families of model/ops/: forward kernels, their backward by rule, the optimizer, the
 * casts of mixed precision. Equal kernels are one row with a count. Rows are per sample: a
 * prediction scales them by its batch, so that one workload serves every batch size, device, number
 * of GPUs and power cap. Immutable once built; any number of threads may read it.
 */
#ifndef ERGON_MODEL_WORKLOAD_H
#define ERGON_MODEL_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "ergon/env.h"
#include "ergon/error.h"
#include "spec/precision.h"

/* Operator families: how the time of a kernel saturates. */
#define FAMILIES(X)                                                                                \
	X(FAMILY_GEMM, "gemm")                                                                     \
	X(FAMILY_CONV, "convolution")                                                              \
	X(FAMILY_DEPTHWISE, "depthwise convolution")                                               \
	X(FAMILY_ATTENTION, "attention")                                                           \
	X(FAMILY_NORM, "norm")                                                                     \
	X(FAMILY_SOFTMAX, "softmax")                                                               \
	X(FAMILY_ELEMENTWISE, "elementwise")                                                       \
	X(FAMILY_EMBEDDING, "embedding")                                                           \
	X(FAMILY_POOLING, "pooling")                                                               \
	X(FAMILY_RECURRENT, "recurrent")                                                           \
	X(FAMILY_LOSS, "loss")                                                                     \
	X(FAMILY_OPTIMIZER, "optimizer")                                                           \
	X(FAMILY_CAST, "cast")                                                                     \
	X(FAMILY_LAYOUT, "change of layout")                                                       \
	X(FAMILY_COLLECTIVE, "collective")
#define FAMILY_ENUM(id, text) id,
enum family { FAMILIES(FAMILY_ENUM) FAMILY_COUNT };
#undef FAMILY_ENUM
const char *family_name(enum family family);

enum phase { PHASE_FORWARD, PHASE_BACKWARD, PHASE_OPTIMIZER, PHASE_COUNT };

/* Which dimension of a product the batch multiplies. */
enum batch_axis { AXIS_NONE, AXIS_M, AXIS_N, AXIS_K, AXIS_BATCH };

/* What a kernel of FAMILY_COLLECTIVE does: a sum over tensor-parallel ranks, an exchange among
 * them, the same among ranks that share experts, a transfer between two. */
enum collective { COLLECTIVE_SUM, COLLECTIVE_EXCHANGE, COLLECTIVE_EXPERTS, COLLECTIVE_SEND };

struct kernel {
	double flops;       /* a launch, per sample */
	double flops_fixed; /* a launch, whatever the batch */
	double bytes;       /* a launch, per sample: to and from memory, each operand once */
	double bytes_fixed;
	double m, n, k, batch; /* of a matrix product, at one sample; 0 for other families */
	double row_bytes; /* softmax and scalar kernels: what one block of threads works through */
	double waste;     /* multiplications with zeros over those that count; 0: none */
	double outputs;   /* channels that a convolution writes, where its shape does not tell */
	double accesses;  /* loads and stores of single elements, per sample; 0: of whole vectors */
	double count;     /* equal kernels a step */
	double launches;  /* device launches of each: 0 where fused into another */
	double issue;     /* framework operators a launch costs the host (0: fused away) */
	enum rate rate;
	uint8_t family, phase, axis, collective;
	bool narrow;   /* a pass over elements of 16 bits */
	bool repeated; /* of a repeated block: full recomputation runs it again */
	bool scores;   /* of attention's scores: selective recomputation runs it again */
	bool early;    /* fused attention of the first generation */
	bool winograd; /* a 3x3 convolution of stride 1 in float32 may use fewer multiplications */
	uint16_t group;
};

/* What decides how often a step runs a kernel: recomputation repeats parts of the forward pass, and
 * the optimizer runs once whatever is accumulated. */
enum kernel_class {
	KERNEL_FORWARD,
	KERNEL_FORWARD_SCORES,
	KERNEL_FORWARD_REPEATED,
	KERNEL_FORWARD_REPEATED_SCORES,
	KERNEL_BACKWARD,
	KERNEL_OPTIMIZER,
	KERNEL_CLASS_COUNT
};
static inline enum kernel_class kernel_class(const struct kernel *kernel)
{
	if (kernel->phase != PHASE_FORWARD)
		return kernel->phase == PHASE_BACKWARD ? KERNEL_BACKWARD : KERNEL_OPTIMIZER;
	return (enum kernel_class)((kernel->repeated ? 2 : 0) + (kernel->scores ? 1 : 0));
}

enum { GROUPS_MAX = 48 };
enum optimizer_kind {
	OPTIMIZER_SGD, /* with momentum */
	OPTIMIZER_ADAM,
	OPTIMIZER_ADAMW,
	OPTIMIZER_ADADELTA,
	OPTIMIZER_LAMB,
	OPTIMIZER_NONE,
	OPTIMIZER_COUNT
};
enum runtime {
	RUNTIME_EAGER,
	RUNTIME_COMPILED,
	RUNTIME_INSTRUMENTED, /* eager, with hooks on every gradient (AdaptDL) */
	RUNTIME_GRAPH,        /* compiled, captured once and replayed by one call */
	RUNTIME_COUNT
};
/* Of images in memory: channels last is what matrix units read; channels first has copies around
 * convolutions. */
enum layout_kind { LAYOUT_NHWC, LAYOUT_NCHW, LAYOUT_COUNT };
enum attention_kind { ATTENTION_MATERIALISED, ATTENTION_FLASH, ATTENTION_FLASH1, ATTENTION_COUNT };
ERGON_MUST_USE enum ergon_code optimizer_parse(const char *name, enum optimizer_kind *kind,
                                               struct ergon_error *err);
ERGON_MUST_USE enum ergon_code runtime_parse(const char *name, enum runtime *runtime,
                                             struct ergon_error *err);
ERGON_MUST_USE enum ergon_code attention_parse(const char *name, enum attention_kind *kind,
                                               struct ergon_error *err);
ERGON_MUST_USE enum ergon_code layout_parse(const char *name, enum layout_kind *kind,
                                            struct ergon_error *err);
const char *optimizer_name(enum optimizer_kind kind);
const char *runtime_name(enum runtime runtime);
/* Chains of elementwise kernels are one. */
static inline bool runtime_fuses(enum runtime runtime)
{
	return runtime == RUNTIME_COMPILED || runtime == RUNTIME_GRAPH;
}

struct workload_options {
	enum precision precision;
	enum optimizer_kind optimizer;
	bool optimizer_given; /* false: as the model file says */
	enum runtime runtime;
	enum attention_kind attention;
	enum layout_kind layout;
	bool infer;             /* forward only */
	uint64_t sequence;      /* tokens a sample; 0: as the model file says */
	uint64_t resolution;    /* pixels a side; 0: as the model file says */
	unsigned tensor_ways;   /* tensor parallelism; 0 and 1: none */
	unsigned expert_ways;   /* data-parallel ranks that share experts; 0 and 1: none */
	bool sequence_parallel; /* norms and dropout split along the sequence as well */
	/* "layers=24,d=1024": dimensions that replace those of the model file; may be NULL. */
	const char *dims;
	/* Generation, token by token: each sample is one token (or a few: `sequence`) that attends
	 * to so many cached ones; 0: whole sequences. */
	uint64_t context;
	double sequences; /* that generate at once, where experts are chosen; 0: many */
	/* Tokens of prompts that a step works on beside each sequence's one. */
	double prefill;
};

struct workload {
	const char *name, *title;
	const struct kernel *kernels; /* [count], ordered by class, so by phase */
	size_t count;
	const char *groups[GROUPS_MAX]; /* names of layer groups */
	size_t group_count;
	enum precision precision;
	enum optimizer_kind optimizer;
	enum runtime runtime;
	bool infer;
	bool alone;                    /* one kernel, run again and again over the same buffers */
	uint64_t sequence, resolution; /* as used; 0 where it has no meaning */
	double parameters;             /* trainable elements (of one tensor-parallel rank) */
	double tables;                 /* of these: rows of embeddings */
	double expert_parameters;      /* of these: experts that data-parallel ranks share */
	double forward_flops;          /* a sample */
	double step_flops;             /* a sample: forward, backward */
	double activation_bytes;       /* a sample, kept for the backward pass */
	double largest_bytes;          /* a sample: the widest layer, for workspace */
	double tokens;                 /* a sample; 0 for images */
	double parameter_tensors;
	double layers;         /* of the repeated block with most to keep; 0: none */
	double boundary_bytes; /* a sample: what passes between two of these blocks */
	double block_bytes;    /* a sample: kept inside all of them */
	double loss_bytes;     /* a sample: kept by the loss, in float32 */
	double score_bytes;    /* a sample: kept by materialised attention scores */
	double cache_bytes;    /* inference: keys and values of one token, kept for later ones */
	bool generates;        /* attention that looks back only, over its own tokens */
	bool serves;           /* a step of generation by a server: one token a sequence */
	unsigned tensor_ways, expert_ways;
};

/* Finds `name` in env->data_dir/models as device_load does, lowers it. *workload lives in arena. */
ERGON_MUST_USE enum ergon_code workload_load(const struct ergon_env *env, const char *name,
                                             const struct workload_options *options,
                                             struct arena *arena, const struct workload **workload,
                                             struct ergon_error *err);
/* From a model file's text. */
ERGON_MUST_USE enum ergon_code workload_parse(const char *text, size_t length, const char *file,
                                              const struct workload_options *options,
                                              struct arena *arena, const struct workload **workload,
                                              struct ergon_error *err);
ERGON_MUST_USE enum ergon_code model_list(const struct ergon_env *env, struct arena *arena,
                                          const char *const **names, size_t *count,
                                          struct ergon_error *err);

#endif
