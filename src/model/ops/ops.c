/* SPDX-License-Identifier: Apache-2.0
 *
 * Every operator that a model file may name. A new family is a file beside this one, a row here.
 */
#include "model/graph.h"

#define KEYS(...) ((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

const struct op op_table[] = {
	{ "conv", KEYS("out", "kernel", "stride", "pad", "groups", "bias", "transpose", "dilation"),
	  op_conv },
	{ "linear", KEYS("out", "bias", "tied", "split"), op_linear },
	{ "matmul", KEYS("m", "n", "k", "batch"), op_matmul },
	{ "attention",
	  KEYS("heads", "kv_heads", "head_dim", "context", "causal", "dropout", "bias", "window"),
	  op_attention },
	{ "batchnorm", KEYS(), op_batchnorm },
	{ "groupnorm", KEYS(), op_layernorm },
	{ "layernorm", KEYS("bias"), op_layernorm },
	{ "rmsnorm", KEYS(), op_layernorm },
	{ "relu", KEYS(), op_activation },
	{ "relu6", KEYS(), op_activation },
	{ "leakyrelu", KEYS(), op_activation },
	{ "gelu", KEYS(), op_activation },
	{ "silu", KEYS(), op_activation },
	{ "tanh", KEYS(), op_activation },
	{ "sigmoid", KEYS(), op_activation },
	{ "hardswish", KEYS(), op_activation },
	{ "glu", KEYS(), op_glu },
	{ "dropout", KEYS(), op_dropout },
	{ "softmax", KEYS(), op_softmax },
	{ "scale", KEYS("width"), op_elementwise },
	{ "rope", KEYS("width"), op_elementwise },
	{ "shuffle", KEYS(), op_copy },
	{ "copy", KEYS(), op_copy },
	{ "reshape", KEYS("c", "h", "w"), op_reshape },
	{ "flatten", KEYS(), op_reshape },
	{ "embedding", KEYS("rows", "width", "tables", "tokens", "positions", "sparse"),
	  op_embedding },
	{ "parameters", KEYS("elements"), op_embedding },
	{ "maxpool", KEYS("kernel", "stride", "pad", "ceil"), op_pool },
	{ "avgpool", KEYS("kernel", "stride", "pad", "ceil"), op_pool },
	{ "global_avgpool", KEYS(), op_global_pool },
	{ "upsample", KEYS("by"), op_upsample },
	{ "lstm", KEYS("hidden", "layers", "bidirectional", "bias"), op_recurrent },
	{ "gru", KEYS("hidden", "layers", "bidirectional", "bias"), op_recurrent },
	{ "rnn", KEYS("hidden", "layers", "bidirectional", "bias"), op_recurrent },
	{ "moe", KEYS("experts", "active", "ffn", "gated"), op_moe },
	{ "scan", KEYS("heads", "head_dim", "state", "groups"), op_scan },
	{ "exchange", KEYS(), op_exchange },
	{ "loss", KEYS("classes"), op_loss },
	{ "aggregate",
	  KEYS("mflops", "activations", "parameters", "layers", "norms", "gates", "dense",
	       "grouped"),
	  op_aggregate },
};
const size_t op_count = sizeof op_table / sizeof *op_table;
