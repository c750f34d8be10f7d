/* SPDX-License-Identifier: Apache-2.0
 *
 * Measured kernels and collectives as cases: each row is a workload of one kernel, and the device's
 * time for it is compared. They pin the physics that whole runs only show in sums.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/eval_kernels.h"

/* A schema by the columns that only it has, and where its number stands. */
struct kernel_schema {
	const char *marks[4]; /* columns that must be there */
	const char *value, *unit_column;
	double unit;        /* of value, in s; 0: unit_column names it, or metric */
	const char *metric; /* NULL: latency_ms, or the unit */
	/* Fills the case's kernel, or returns why not. */
	const char *(*lower)(const struct kernel_row *row, struct kernel *kernel);
};

const char *row_text(const struct kernel_row *row, const char *column)
{
	int at = csv_column(row->csv, column);
	return at < 0 ? "" : csv_cell(row->csv, row->row, (size_t)at);
}

double row_real(const struct kernel_row *row, const char *column)
{
	int at = csv_column(row->csv, column);
	double value;
	if (at < 0 || csv_real(row->csv, row->row, (size_t)at, 0, 1e15, &value, NULL))
		return 0;
	return value;
}

const char *row_precision(const struct kernel_row *row, struct kernel *kernel,
                          const struct precision_facts **facts)
{
	enum precision precision;
	const char *text = row_text(row, "precision");
	bool stored = strcmp(text, "fp16_storage_fp32_math") == 0;
	if (!eval_precision(stored ? "fp16" : text, &precision))
		return eval_reason(row->builder, "precision '%s' is not modelled", text);
	*facts = precision_facts(precision);
	kernel->rate = stored ? RATE_FP32 : (*facts)->matrix;
	return NULL;
}

const char *row_product(const struct kernel_row *row, double m, double n, double k, double batch,
                        struct kernel *kernel)
{
	const struct precision_facts *facts;
	const char *reason = row_precision(row, kernel, &facts);
	if (reason)
		return reason;
	if (!(m > 0 && n > 0 && k > 0 && batch > 0))
		return "a dimension of the product is not stated";
	kernel->family = FAMILY_GEMM;
	kernel->axis = AXIS_NONE;
	kernel->m = m;
	kernel->n = n;
	kernel->k = k;
	kernel->batch = batch;
	kernel->flops = 2 * m * n * k * batch;
	kernel->bytes = facts->activation_bytes * batch * (m * k + k * n + m * n);
	return NULL;
}

/* The grids of the kernels show that n is the inner dimension there, and k the width of the
 * result (1600 x 4096 by 50272 with tiles of 64 x 128 has 25 * 393 blocks). */
static const char *lower_neusight_product(const struct kernel_row *row, struct kernel *kernel)
{
	double batch = row_real(row, "batch");
	/* A linear layer transposes its weights' view and adds its bias besides. */
	row->item->choices = strcmp(row_text(row, "op"), "linear") == 0 ? 2 : 1;
	return row_product(row, row_real(row, "m"), row_real(row, "k"), row_real(row, "n"),
	                   batch > 0 ? batch : 1, kernel);
}

static const char *lower_product(const struct kernel_row *row, struct kernel *kernel)
{
	/* Called again and again, with one wait at the end. */
	if (strcmp(row_text(row, "source"), "deepbench") == 0)
		row->item->call = CALL_QUEUED;
	row->item->choices = 1;
	return row_product(row, row_real(row, "m"), row_real(row, "n"), row_real(row, "k"), 1,
	                   kernel);
}

/* Elements read and written for one element of the result, by operator. */
const char *row_pass(const struct kernel_row *row, const char *op, double elements, double width,
                     struct kernel *kernel)
{
	static const struct {
		const char *op;
		enum family family;
		double moved;
	} passes[] = {
		{ "add", FAMILY_ELEMENTWISE, 3 },  { "mul", FAMILY_ELEMENTWISE, 3 },
		{ "div", FAMILY_ELEMENTWISE, 3 },  { "pow", FAMILY_ELEMENTWISE, 3 },
		{ "addu", FAMILY_ELEMENTWISE, 2 }, { "mulu", FAMILY_ELEMENTWISE, 2 },
		{ "divu", FAMILY_ELEMENTWISE, 2 }, { "powu", FAMILY_ELEMENTWISE, 2 },
		{ "tanh", FAMILY_ELEMENTWISE, 2 }, { "relu", FAMILY_ELEMENTWISE, 2 },
		{ "gelu", FAMILY_ELEMENTWISE, 2 }, { "ln", FAMILY_NORM, 2.8 },
		{ "layernorm", FAMILY_NORM, 2.8 }, { "softmax", FAMILY_SOFTMAX, 2 },
		{ "batchnorm", FAMILY_NORM, 3 },   { "dropout", FAMILY_ELEMENTWISE, 2.25 },
		{ "gather", FAMILY_EMBEDDING, 2 },
	};
	if (!(elements > 0))
		return "the size of the tensor is not stated";
	for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
		if (strcmp(op, passes[i].op) != 0)
			continue;
		kernel->family = (uint8_t)passes[i].family;
		kernel->axis = AXIS_NONE;
		kernel->flops = elements;
		kernel->bytes = passes[i].moved * elements * width;
		return NULL;
	}
	return eval_reason(row->builder, "operator '%s' is not modelled", op);
}

static const char *lower_membound(const struct kernel_row *row, struct kernel *kernel)
{
	const struct precision_facts *facts;
	const char *reason = row_precision(row, kernel, &facts);
	if (reason)
		return reason;
	kernel->row_bytes = row_real(row, "cols") * facts->activation_bytes;
	return row_pass(row, row_text(row, "op"), row_real(row, "rows") * row_real(row, "cols"),
	                facts->activation_bytes, kernel);
}

static const char *lower_llmcompass(const struct kernel_row *row, struct kernel *kernel)
{
	const char *op = row_text(row, "op"), *unit = row_text(row, "unit");
	const struct precision_facts *facts;
	const char *reason = row_precision(row, kernel, &facts);
	if (reason)
		return reason;
	double m = row_real(row, "m"), n = row_real(row, "n");
	double elements = m * (n > 0 ? n : 1);
	kernel->row_bytes = n * facts->activation_bytes;
	if (strcmp(op, "matmul") == 0)
		reason = lower_product(row, kernel);
	else
		reason = row_pass(row, op, elements, facts->activation_bytes, kernel);
	if (strcmp(op, "gelu") == 0 || strcmp(op, "layernorm") == 0)
		row->item->call = CALL_PYTHON;
	if (strcmp(unit, "ms") == 0) {
		row->item->scale = 1e3;
	} else if (strcmp(unit, "Gelements/s") == 0) {
		row->item->scale = elements / 1e9;
		row->item->rate = true;
	} else if (strcmp(unit, "TFLOP/s") == 0) {
		row->item->scale = kernel->flops / 1e12;
		row->item->rate = true;
	} else if (!reason) {
		reason = eval_reason(row->builder, "unit '%s' is not known", unit);
	}
	return reason;
}

/* A library looks through its algorithms, and each has more than one kernel. */
static const double CONV_CHOICES = 9;

/* Implicit GEMM: the result's positions by output channels by the window. Its two backward passes
 * are products of the same size with other inner dimensions. */
static const char *lower_conv(const struct kernel_row *row, struct kernel *kernel)
{
	const struct precision_facts *facts;
	const char *direction = row_text(row, "direction");
	double batch = row_real(row, "n"), c = row_real(row, "c_in");
	double h = row_real(row, "h_in"), w = row_real(row, "w_in");
	double out_c = row_real(row, "c_out"), kh = row_real(row, "kh");
	double kw = row_real(row, "kw"), pad = row_real(row, "pad");
	double stride = row_real(row, "stride");
	const char *reason = row_precision(row, kernel, &facts);
	if (reason)
		return reason;
	double out_h = floor((h + 2 * pad - kh) / stride) + 1;
	double out_w = floor((w + 2 * pad - kw) / stride) + 1;
	if (!(batch > 0 && c > 0 && out_c > 0 && kh > 0 && kw > 0 && out_h > 0 && out_w > 0))
		return "a dimension of the convolution is not stated";
	double places = out_h * out_w, window = c * kh * kw; /* of a sample */
	row->item->settings.batch = batch;
	if (strcmp(row_text(row, "source"), "deepbench") == 0)
		row->item->call = CALL_QUEUED;
	row->item->choices = CONV_CHOICES;
	kernel->family = FAMILY_CONV;
	kernel->axis = AXIS_M;
	kernel->batch = 1;
	kernel->m = places;
	kernel->n = out_c;
	kernel->k = window;
	kernel->phase = PHASE_FORWARD;
	if (strcmp(direction, "bwd_data") == 0) {
		kernel->m = h * w;
		kernel->n = c;
		kernel->k = out_c * kh * kw / (stride * stride);
		/* Positions that no window starts at are filled with zeros and multiplied. */
		kernel->waste = fmax(stride * stride / (kh * kw) - 1, 0);
	} else if (strcmp(direction, "bwd_weight") == 0) {
		kernel->m = out_c;
		kernel->n = window;
		kernel->k = places;
		kernel->axis = AXIS_K;
	}
	kernel->flops = 2 * places * out_c * window;
	kernel->bytes = facts->activation_bytes * (c * h * w + places * out_c);
	kernel->bytes_fixed = facts->activation_bytes * window * out_c;
	kernel->winograd = kh == 3 && kw == 3 && stride == 1 && kernel->rate == RATE_FP32;
	kernel->outputs = out_c;
	/* Matrix units take 8 channels at once. */
	if (kernel->rate != RATE_FP32 && strcmp(direction, "fwd") == 0)
		kernel->waste = ceil(c / 8) * 8 / c - 1;
	return NULL;
}

static const struct kernel_schema schemas[] = {
	{ { "batch", "m", "block_threads", "set" },
	  "latency_ms",
	  NULL,
	  1e-3,
	  NULL,
	  lower_neusight_product },
	{ { "rows", "cols", "block_threads", "set" },
	  "latency_ms",
	  NULL,
	  1e-3,
	  NULL,
	  lower_membound },
	{ { "c_in", "c_out", "kh", "direction" }, "latency_ms", NULL, 1e-3, NULL, lower_conv },
	{ { "trans_a", "m", "n", "k" }, "latency_ms", NULL, 1e-3, NULL, lower_product },
	{ { "op", "m", "value", "unit" }, "value", "unit", 0, NULL, lower_llmcompass },
	{ { "cell", "hidden", "timesteps", "direction" },
	  "latency_ms",
	  NULL,
	  1e-3,
	  NULL,
	  lower_recurrent },
	{ { "num_tokens", "d_model", "kv_heads", "tp" },
	  "latency_ms",
	  NULL,
	  1e-3,
	  NULL,
	  lower_language_operator },
	{ { "best_shape_mxnxk", "theory_tflops", "precision", "gpu" },
	  "best_tflops",
	  NULL,
	  0,
	  "best_tflops",
	  lower_best_product },
	{ { "node", "layer", "activation_bytes", "op" },
	  "fwd_ms",
	  NULL,
	  1e-3,
	  "fwd_ms",
	  lower_layer_profile },
};

static const struct kernel_schema *schema_of(const struct csv *csv)
{
	for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
		size_t found = 0;
		while (found < 4 && csv_column(csv, schemas[i].marks[found]) >= 0)
			found++;
		if (found == 4)
			return &schemas[i];
	}
	return NULL;
}

bool eval_kernels_fit(const struct csv *csv)
{
	return schema_of(csv) != NULL;
}

const struct workload *eval_one_kernel(struct eval_builder *builder, const struct kernel *kernel,
                                       unsigned ranks)
{
	struct kernel *copy = ARENA_NEW(builder->arena, struct kernel);
	struct workload *workload = ARENA_NEW(builder->arena, struct workload);
	if (!copy || !workload)
		return NULL;
	*copy = *kernel;
	copy->count = kernel->count > 1 ? kernel->count : 1;
	copy->launches = copy->issue = kernel->launches > 1 ? kernel->launches : 1;
	*workload = (struct workload){ .name = "kernel",
		                       .title = "one kernel",
		                       .kernels = copy,
		                       .count = 1,
		                       .groups = { "kernel" },
		                       .group_count = 1,
		                       .infer = true,
		                       .alone = true,
		                       .tensor_ways = ranks,
		                       .forward_flops = kernel->flops,
		                       .step_flops = kernel->flops };
	return workload;
}

/* A table may name a device by its memory, or say that it was not stated. */
static const char *device_of(struct eval_builder *builder, const char *gpu)
{
	char plain[64];
	size_t length = strcspn(gpu, " (");
	if (length == strlen(gpu) || length >= sizeof plain)
		return gpu;
	snprintf(plain, sizeof plain, "%.*s", (int)length, gpu);
	return arena_strdup(builder->arena, plain);
}

static const struct measured_run *label(const struct kernel_row *at)
{
	const struct csv *csv = at->csv;
	size_t row = at->row;
	char id[32], config[192];
	const char *direction = row_text(at, "direction"), *op = row_text(at, "op");
	struct measured_run *run = ARENA_NEW(at->builder->arena, struct measured_run);
	if (!run)
		return NULL;
	snprintf(id, sizeof id, "line-%ld", csv->line[row]);
	size_t used = 0;
	config[0] = '\0';
	for (size_t i = 0; i < csv->columns && used + 1 < sizeof config; i++) {
		static const char *const left_out[] = { "source",     "gpu",   "precision",
			                                "latency_ms", "value", "split" };
		bool skip = !csv_cell(csv, row, i)[0];
		for (size_t j = 0; j < sizeof left_out / sizeof *left_out; j++)
			skip |= strcmp(csv->header[i], left_out[j]) == 0;
		if (!skip)
			used += (size_t)snprintf(config + used, sizeof config - used, "%s%s=%s",
			                         used ? ";" : "", csv->header[i],
			                         csv_cell(csv, row, i));
	}
	*run = (struct measured_run){ .id = arena_strdup(at->builder->arena, id),
		                      .source = row_text(at, "source"),
		                      .gpu = device_of(at->builder, row_text(at, "gpu")),
		                      .model = op[0] ? op : "gemm",
		                      .task = direction,
		                      .precision = row_text(at, "precision"),
		                      .config = arena_strdup(at->builder->arena, config),
		                      .size = "",
		                      .gpus = 1,
		                      .batch = (double)NAN,
		                      .power_limit_w = (double)NAN,
		                      .line = csv->line[row] };
	return run->id && run->config && run->gpu ? run : NULL;
}

static const double UNCAPPED_W = 1e9, PAUSED = 1.4;

static enum ergon_code add_kernel(struct eval_builder *builder, const struct csv *csv,
                                  const struct kernel_schema *schema, size_t row, size_t column)
{
	struct eval_case *item = eval_add(builder);
	struct kernel kernel = { 0 };
	struct kernel_row at = { builder, csv, row, item };
	if (!item || !(item->run = label(&at)))
		return ergon_fail(builder->err, ERGON_NO_MEMORY, "out of memory");
	item->file = file_base_name(csv->file);
	item->split = row_text(&at, "split");
	item->line = csv->line[row];
	item->metric = schema->metric ? schema->metric : schema->unit > 0 ? "latency_ms" : "value";
	item->quantity = EVAL_DEVICE_TIME;
	item->settings = (struct predict_settings){ .batch = 1, .gpus = 1 };
	item->scale = schema->unit > 0 ? 1 / schema->unit : 1;
	enum ergon_code code = csv_real(csv, row, column, 0, 1e15, &item->measured, builder->err);
	if (code)
		return code;
	if (schema->unit_column)
		item->metric = row_text(&at, schema->unit_column);
	item->reason = schema->lower(&at, &kernel);
	if (!item->reason)
		item->device = eval_device(builder, item->run->gpu, &item->reason);
	/* Tables repeat a product until the clock has settled, with pauses; only vector units were
	 * seen to slow down. */
	if (!item->reason && kernel.family == FAMILY_GEMM && kernel.rate == RATE_FP32)
		item->settings.power_cap_w = PAUSED * item->device->tdp_w;
	else
		item->settings.power_cap_w = UNCAPPED_W;
	if (!item->reason && !(item->measured > 0))
		item->reason = "the measured number is 0";
	if (!item->reason && !(item->workload = eval_one_kernel(builder, &kernel, 1)))
		return ergon_fail(builder->err, ERGON_NO_MEMORY, "out of memory");
	return ERGON_OK;
}

enum ergon_code eval_add_kernels(struct eval_builder *builder, const struct csv *csv)
{
	const struct kernel_schema *schema = schema_of(csv);
	size_t column;
	enum ergon_code code = csv_need_column(csv, schema->value, &column, builder->err);
	for (size_t row = 0; !code && row < csv->rows; row++)
		code = add_kernel(builder, csv, schema, row, column);
	return code;
}
