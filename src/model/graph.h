/* SPDX-License-Identifier: Apache-2.0
 *
 * Graph: how the layers of a model file become the kernels of a workload.
 *
 * Lowering walks the layers once with the shape of the running tensor: c channels (or width) by h
 * by w positions; a sequence of S tokens is c = d, h = S, w = 1. Each layer calls the function of
 * its operator family (one file each in model/ops/), which appends forward kernels, their backward
 * and the parameters, and leaves the output's shape. The rules of thumb of autograd are here:
 * a product saves its input and has two products as its backward; an activation saves what its
 * derivative needs; a tensor that is saved twice is counted once.
 *
 * Model file (data/models/NAME.json), all in one object:
 *   name, aliases, title, source, published { parameters, forward_flops, source }, optimizer,
 *   input { kind: image|tokens|features|signal, channels|width, resolution|sequence, height },
 *   dims { name: number or expression }, blocks { NAME: [layer...] }, layers [layer...]
 * A layer is { "op": NAME, ... } or one of
 *   { "repeat": N, "body": [...] }             the body N times; "shared": true: same parameters,
 *                                              "tied": true: those of an earlier block;
 *                                              "samples": N: the batch counts N-fold in there
 *   { "block": NAME, "with": { dims }, ... }   a named body with its own dimensions
 *   { "residual": [...], "shortcut": [...] }   x + body(x); the shortcut where shapes differ
 *   { "branches": [[...], ...], "join": "concat"|"add" }
 *   { "save": NAME } and { "concat": NAME }, { "load": NAME }
 * and may name its "group". Numbers may be expressions over dims, S (tokens), C, H, W (the running
 * shape) and ways (ranks that share a sample).
 */
#ifndef ERGON_MODEL_GRAPH_H
#define ERGON_MODEL_GRAPH_H

#include "base/json.h"
#include "model/workload.h"
#include "spec/expr.h"

enum { KERNELS_MAX = 2048, LAYERS_MAX = 20000, NESTING_MAX = 12, SLOTS_MAX = 24 };

struct tensor {
	double c, h, w;
	double share; /* ranks that hold a part each; 0 counts as 1 */
	bool saved;   /* already kept for the backward pass */
	bool grad;    /* something before it has parameters */
	bool fresh;   /* written by an elementwise kernel: a compiler fuses the next one */
};

static inline double tensor_elements(const struct tensor *x)
{
	return x->c * x->h * x->w / (x->share > 1 ? x->share : 1);
}

struct slot {
	const char *name;
	struct tensor x;
};

struct graph {
	const char *file;
	struct ergon_error *err;
	const struct workload_options *options;
	const struct precision_facts *facts;
	const struct scope *scope;
	const json_t *blocks;
	struct workload *out;
	struct kernel *kernels; /* [KERNELS_MAX] */
	size_t count, layers, nesting;
	unsigned repeats; /* repeated blocks around the current layer */
	bool scores;      /* inside materialised attention's scores */
	bool attended;    /* some attention came before */
	struct tensor x;
	double times;         /* equal layers that the current one stands for */
	double samples;       /* of the layers' batch for one of the step's (guidance: 2) */
	double weights_times; /* equal sets of parameters: fewer than times where shared */
	double sparse;        /* parameters of tables with sparse gradients */
	double ways;          /* tensor parallelism, at least 1 */
	double expert_ways;   /* data-parallel ranks that share experts, at least 1 */
	uint16_t group;
	struct slot slots[SLOTS_MAX];
	size_t slot_count;
	struct arena *arena;
};

/* One layer object as an operator reads it; errors name the file and the operator. */
struct layer {
	struct graph *graph;
	const json_t *object;
	const char *op;
	enum ergon_code code; /* the first error of any accessor below */
};
/* A number or an expression of the layer; absent: fallback. At least min, at most 1e12. */
double layer_number(struct layer *layer, const char *key, double fallback, double min);
double layer_need(struct layer *layer, const char *key, double min);
bool layer_flag(struct layer *layer, const char *key, bool fallback);
const char *layer_text(struct layer *layer, const char *key, const char *fallback);
void layer_fail(struct layer *layer, const char *format, ...) ERGON_PRINTF(2, 3);

/* A matrix product y[m, n] = x[m, k] w[k, n], `batch` of them, with a backward of two products. */
struct product {
	enum family family;
	double m, n, k, batch;
	enum batch_axis axis;    /* what a sample multiplies: M or BATCH */
	double in, out, weights; /* elements; in and out a sample */
	double weight_bytes;     /* of one; 0: as the precision says */
	bool second_is_input;    /* w is an activation as well (attention) */
	bool input_grad;
	bool winograd;
	bool vector;          /* no kernel for matrix units has this shape and layout */
	double taps, strides; /* of a convolution: positions of its window, and of a step; 0: 1 */
};
void graph_product(struct graph *graph, const struct product *product);

/* A pass over elements: forward and backward bytes in units of one element of an activation. */
struct pass {
	enum family family;
	double elements;          /* a sample */
	double row;               /* of a softmax: elements that are summed */
	double forward, backward; /* elements moved per element; backward 0: none */
	double flops;             /* vector FLOPs per element, forward; backward twice that */
	double forward_launches;  /* 0 counts as 1 */
	double backward_launches; /* 0 counts as 1 */
	bool elementwise;         /* a compiler fuses it with the elementwise pass before it */
};
void graph_pass(struct graph *graph, const struct pass *pass);

/* One kernel as it is; count, group are filled in; bytes in bytes. */
void graph_kernel(struct graph *graph, struct kernel kernel);
void graph_parameters(struct graph *graph, double elements, double tensors);
/* The running tensor is needed by the backward pass. */
void graph_save(struct graph *graph);
void graph_save_bytes(struct graph *graph, double bytes_per_sample);

/* The operator families: one row an operator that a model file may name. */
struct op {
	const char *name;
	const char *const *keys; /* besides "op" and "group"; ends with NULL */
	void (*lower)(struct layer *layer);
};
extern const struct op op_table[];
extern const size_t op_count;

void op_conv(struct layer *layer);
void op_linear(struct layer *layer);
void op_matmul(struct layer *layer);
void op_attention(struct layer *layer);
void op_batchnorm(struct layer *layer);
void op_layernorm(struct layer *layer);
void op_activation(struct layer *layer);
void op_glu(struct layer *layer);
void op_dropout(struct layer *layer);
void op_softmax(struct layer *layer);
void op_elementwise(struct layer *layer);
void op_copy(struct layer *layer);
void op_reshape(struct layer *layer);
void op_embedding(struct layer *layer);
void op_pool(struct layer *layer);
void op_global_pool(struct layer *layer);
void op_upsample(struct layer *layer);
void op_recurrent(struct layer *layer);
void op_moe(struct layer *layer);
void op_exchange(struct layer *layer);
void op_scan(struct layer *layer);
void op_loss(struct layer *layer);
void op_aggregate(struct layer *layer);

/* kernels: [KERNELS_MAX], zeroed. */
void graph_init(struct graph *graph, const char *file, const struct workload_options *options,
                struct workload *out, struct kernel *kernels, struct arena *arena,
                struct ergon_error *err);
/* Adds what belongs to the parameters, checks the whole, gives graph->out its kernels. */
ERGON_MUST_USE enum ergon_code graph_close(struct graph *graph);
/* After the layers: gradients' bookkeeping, casts of mixed precision, the optimizer. */
void graph_finish(struct graph *graph);

#endif
