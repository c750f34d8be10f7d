/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables of layers as kernels: operators of language models, recurrent layers, layers of a
 * profile, the best products of a search.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/eval_kernels.h"

static const double GATHER_WAITS = 3.3; /* accesses that one of a gather takes the time of */

/* The kernels of a server (vLLM's of 2023): a block walks along each token's row, one 16-bit
 * element an access. */
static const char *by_elements(const struct kernel_row *row, const char *op, double touches,
                               double width, struct kernel *kernel)
{
	double tokens = row_real(row, "num_tokens");
	kernel->accesses = touches * tokens * width;
	kernel->row_bytes = 2 * width;
	return row_pass(row, op, tokens * width, 2, kernel);
}

/* One operator of a transformer layer of one tensor-parallel rank, as a profiler sees it. */
const char *lower_language_operator(const struct kernel_row *row, struct kernel *kernel)
{
	const char *op = row_text(row, "op");
	double ways = row_real(row, "tp"), tokens = row_real(row, "num_tokens");
	double d = row_real(row, "d_model"), ffn = row_real(row, "ffn");
	double heads = row_real(row, "heads"), kv = row_real(row, "kv_heads");
	const struct precision_facts *facts;
	const char *reason = row_precision(row, kernel, &facts);
	if (reason)
		return reason;
	if (!(ways >= 1 && tokens > 0 && d > 0 && ffn > 0 && heads > 0 && kv > 0))
		return "a dimension of the model is not stated";
	double width = facts->activation_bytes, head = d / heads, share = fmax(kv / ways, 1);
	double qkv = (heads / ways + 2 * share) * head;
	/* Older models of the table have one projection up, which their ffn = 4 d shows. */
	double up = ffn == 4 * d ? ffn : 2 * ffn;
	row->item->call = CALL_PROFILED;
	if (strcmp(op, "attn_pre_proj") == 0)
		return row_product(row, tokens, qkv, d, 1, kernel);
	if (strcmp(op, "attn_post_proj") == 0)
		return row_product(row, tokens, d, d / ways, 1, kernel);
	if (strcmp(op, "mlp_up_proj") == 0)
		return row_product(row, tokens, up / ways, d, 1, kernel);
	if (strcmp(op, "mlp_down_proj") == 0)
		return row_product(row, tokens, d, ffn / ways, 1, kernel);
	if (strcmp(op, "add") == 0)
		return row_pass(row, "add", tokens * d, width, kernel);
	if (strcmp(op, "emb") == 0) { /* the index is fetched first, and divided */
		kernel->accesses = 2 * GATHER_WAITS * tokens * d;
		return row_pass(row, "gather", tokens * d, width, kernel);
	}
	if (strcmp(op, "input_layernorm") == 0)
		return by_elements(row, "layernorm", 3, d, kernel);
	if (strcmp(op, "mlp_act") == 0)
		return by_elements(row, up > ffn ? "mul" : "gelu", up > ffn ? 3 : 2, ffn / ways,
		                   kernel);
	if (strcmp(op, "attn_rope") == 0)
		return by_elements(row, "addu", 2, qkv - share * head, kernel);
	return eval_reason(row->builder, "operator '%s' is not modelled", op);
}

/* Products in parts, their sums, each gate, the state: every one waits for those before. */
static const double STEP_LAUNCHES = 12;

/* All time steps of one layer, and one of its three passes. */
const char *lower_recurrent(const struct kernel_row *row, struct kernel *kernel)
{
	const char *cell = row_text(row, "cell"), *direction = row_text(row, "direction");
	double hidden = row_real(row, "hidden"), batch = row_real(row, "batch");
	double steps = row_real(row, "timesteps");
	double gates = strcmp(cell, "lstm") == 0 ? 4 : strcmp(cell, "gru") == 0 ? 3 : 1;
	const struct precision_facts *facts;
	const char *reason = row_precision(row, kernel, &facts);
	if (reason)
		return reason;
	if (!(hidden > 0 && batch > 0 && steps > 0 && steps <= 1e6))
		return "a dimension of the layer is not stated";
	row->item->call = CALL_QUEUED;
	/* DeepBench has the layer take its inputs as they are (cuDNN: skip input): what is left are
	 * the recurrent products, one a step, of which the weights' gradient is one in all. */
	if (strcmp(direction, "bwd_weight") == 0)
		return row_product(row, hidden, gates * hidden, batch * steps, 1, kernel);
	reason = row_product(row, batch, gates * hidden, hidden, 1, kernel);
	kernel->family = FAMILY_RECURRENT;
	kernel->bytes = facts->activation_bytes * batch * hidden * (2 + 2 * gates);
	kernel->bytes_fixed = facts->activation_bytes * gates * hidden * hidden;
	kernel->count = steps;
	kernel->launches = STEP_LAUNCHES;
	return reason;
}

/* "1024x10240x5120": the shape that reached most. */
const char *lower_best_product(const struct kernel_row *row, struct kernel *kernel)
{
	const char *text = row_text(row, "best_shape_mxnxk");
	double sides[3] = { 0 };
	for (int i = 0; i < 3 && *text; i++) {
		char *end;
		sides[i] = strtod(text, &end);
		text = *end == 'x' ? end + 1 : end;
	}
	const char *reason = row_product(row, sides[0], sides[1], sides[2], 1, kernel);
	row->item->call = CALL_PROFILED;
	row->item->rate = true;
	row->item->scale = kernel->flops / 1e12;
	return reason;
}

/* The forward time of a layer of which the output's bytes are stated. */
const char *lower_layer_profile(const struct kernel_row *row, struct kernel *kernel)
{
	const char *op = row_text(row, "op");
	double bytes = row_real(row, "activation_bytes");
	kernel->rate = RATE_FP32;
	row->item->call = CALL_HOOKED;
	if (!(bytes > 0))
		return "the size of the output is not stated";
	if (strcmp(op, "ReLU") == 0)
		return row_pass(row, "relu", bytes / 4, 4, kernel);
	if (strcmp(op, "BatchNorm2d") == 0)
		return row_pass(row, "batchnorm", bytes / 4, 4, kernel);
	if (strcmp(op, "Dropout") == 0)
		return row_pass(row, "dropout", bytes / 4, 4, kernel);
	return "the sizes of the layer's input are not stated";
}
