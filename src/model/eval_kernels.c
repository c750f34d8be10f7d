/* SPDX-License-Identifier: Apache-2.0
 *
 * Measured kernels and collectives as cases: each row is a workload of one kernel, and the device's
 * time for it is compared. They pin the physics that whole runs only show in sums.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/eval_cases.h"

/* A schema by the columns that only it has, and where its number stands. */
struct kernel_schema {
	const char *marks[4]; /* columns that must be there */
	const char *value, *unit_column;
	double unit; /* of value, in s; 0: unit_column names it */
	/* Fills the case's kernel, or returns why not. */
	const char *(*lower)(struct eval_builder *builder, const struct csv *csv, size_t row,
	                     struct kernel *kernel, struct eval_case *item);
};

static const char *text_of(const struct csv *csv, size_t row, const char *column)
{
	int at = csv_column(csv, column);
	return at < 0 ? "" : csv_cell(csv, row, (size_t)at);
}

/* 0 where the cell is empty or no such column. */
static double real_of(const struct csv *csv, size_t row, const char *column)
{
	int at = csv_column(csv, column);
	double value;
	if (at < 0 || csv_real(csv, row, (size_t)at, 0, 1e15, &value, NULL))
		return 0;
	return value;
}

static const char *set_precision(struct eval_builder *builder, const struct csv *csv, size_t row,
                                 struct kernel *kernel, const struct precision_facts **facts)
{
	enum precision precision;
	const char *text = text_of(csv, row, "precision");
	if (!eval_precision(text, &precision))
		return eval_reason(builder, "precision '%s' is not modelled", text);
	*facts = precision_facts(precision);
	kernel->rate = (*facts)->matrix;
	return NULL;
}

static const char *fill_product(struct eval_builder *builder, const struct csv *csv, size_t row,
                                double m, double n, double k, double batch, struct kernel *kernel)
{
	const struct precision_facts *facts;
	const char *reason = set_precision(builder, csv, row, kernel, &facts);
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
static const char *lower_neusight_product(struct eval_builder *builder, const struct csv *csv,
                                          size_t row, struct kernel *kernel, struct eval_case *item)
{
	(void)item;
	double batch = real_of(csv, row, "batch");
	return fill_product(builder, csv, row, real_of(csv, row, "m"), real_of(csv, row, "k"),
	                    real_of(csv, row, "n"), batch > 0 ? batch : 1, kernel);
}

static const char *lower_product(struct eval_builder *builder, const struct csv *csv, size_t row,
                                 struct kernel *kernel, struct eval_case *item)
{
	(void)item;
	return fill_product(builder, csv, row, real_of(csv, row, "m"), real_of(csv, row, "n"),
	                    real_of(csv, row, "k"), 1, kernel);
}

/* Elements read and written for one element of the result, by operator. */
static const char *fill_pass(struct eval_builder *builder, const char *op, double elements,
                             double width, struct kernel *kernel)
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
		{ "gelu", FAMILY_ELEMENTWISE, 2 }, { "ln", FAMILY_NORM, 2 },
		{ "layernorm", FAMILY_NORM, 2 },   { "softmax", FAMILY_SOFTMAX, 2 },
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
	return eval_reason(builder, "operator '%s' is not modelled", op);
}

static const char *lower_membound(struct eval_builder *builder, const struct csv *csv, size_t row,
                                  struct kernel *kernel, struct eval_case *item)
{
	const struct precision_facts *facts;
	const char *reason = set_precision(builder, csv, row, kernel, &facts);
	(void)item;
	if (reason)
		return reason;
	return fill_pass(builder, text_of(csv, row, "op"),
	                 real_of(csv, row, "rows") * real_of(csv, row, "cols"),
	                 facts->activation_bytes, kernel);
}

static const char *lower_llmcompass(struct eval_builder *builder, const struct csv *csv, size_t row,
                                    struct kernel *kernel, struct eval_case *item)
{
	const char *op = text_of(csv, row, "op"), *unit = text_of(csv, row, "unit");
	const struct precision_facts *facts;
	const char *reason = set_precision(builder, csv, row, kernel, &facts);
	if (reason)
		return reason;
	double m = real_of(csv, row, "m"), n = real_of(csv, row, "n");
	double elements = m * (n > 0 ? n : 1);
	if (strcmp(op, "matmul") == 0)
		reason = lower_product(builder, csv, row, kernel, item);
	else
		reason = fill_pass(builder, op, elements, facts->activation_bytes, kernel);
	if (strcmp(unit, "ms") == 0) {
		item->scale = 1e3;
	} else if (strcmp(unit, "Gelements/s") == 0) {
		item->scale = elements / 1e9;
		item->rate = true;
	} else if (strcmp(unit, "TFLOP/s") == 0) {
		item->scale = kernel->flops / 1e12;
		item->rate = true;
	} else if (!reason) {
		reason = eval_reason(builder, "unit '%s' is not known", unit);
	}
	return reason;
}

/* Implicit GEMM: the result's positions by output channels by the window. Its two backward passes
 * are products of the same size with other inner dimensions. */
static const char *lower_conv(struct eval_builder *builder, const struct csv *csv, size_t row,
                              struct kernel *kernel, struct eval_case *item)
{
	const struct precision_facts *facts;
	const char *direction = text_of(csv, row, "direction");
	double batch = real_of(csv, row, "n"), c = real_of(csv, row, "c_in");
	double h = real_of(csv, row, "h_in"), w = real_of(csv, row, "w_in");
	double out_c = real_of(csv, row, "c_out"), kh = real_of(csv, row, "kh");
	double kw = real_of(csv, row, "kw"), pad = real_of(csv, row, "pad");
	double stride = real_of(csv, row, "stride");
	const char *reason = set_precision(builder, csv, row, kernel, &facts);
	(void)item;
	if (reason)
		return reason;
	double out_h = floor((h + 2 * pad - kh) / stride) + 1;
	double out_w = floor((w + 2 * pad - kw) / stride) + 1;
	if (!(batch > 0 && c > 0 && out_c > 0 && kh > 0 && kw > 0 && out_h > 0 && out_w > 0))
		return "a dimension of the convolution is not stated";
	double places = batch * out_h * out_w, window = c * kh * kw;
	kernel->family = FAMILY_CONV;
	kernel->axis = AXIS_NONE;
	kernel->batch = 1;
	kernel->m = places;
	kernel->n = out_c;
	kernel->k = window;
	kernel->phase = PHASE_FORWARD;
	if (strcmp(direction, "bwd_data") == 0) {
		kernel->m = batch * h * w;
		kernel->n = c;
		kernel->k = out_c * kh * kw / (stride * stride);
	} else if (strcmp(direction, "bwd_weight") == 0) {
		kernel->m = out_c;
		kernel->n = window;
		kernel->k = places;
	}
	kernel->flops = 2 * places * out_c * window;
	kernel->bytes =
	    facts->activation_bytes * (batch * c * h * w + places * out_c + window * out_c);
	kernel->winograd = kh == 3 && kw == 3 && stride == 1 && kernel->rate == RATE_FP32 &&
	                   strcmp(direction, "bwd_weight") != 0;
	return NULL;
}

static const struct kernel_schema schemas[] = {
	{ { "batch", "m", "block_threads", "set" },
	  "latency_ms",
	  NULL,
	  1e-3,
	  lower_neusight_product },
	{ { "rows", "cols", "block_threads", "set" }, "latency_ms", NULL, 1e-3, lower_membound },
	{ { "c_in", "c_out", "kh", "direction" }, "latency_ms", NULL, 1e-3, lower_conv },
	{ { "trans_a", "m", "n", "k" }, "latency_ms", NULL, 1e-3, lower_product },
	{ { "op", "m", "value", "unit" }, "value", "unit", 0, lower_llmcompass },
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
	copy->count = 1;
	copy->launches = copy->issue = 1;
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

static const struct measured_run *label(struct eval_builder *builder, const struct csv *csv,
                                        size_t row)
{
	char id[32], config[192];
	const char *direction = text_of(csv, row, "direction"), *op = text_of(csv, row, "op");
	struct measured_run *run = ARENA_NEW(builder->arena, struct measured_run);
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
	*run = (struct measured_run){ .id = arena_strdup(builder->arena, id),
		                      .source = text_of(csv, row, "source"),
		                      .gpu = text_of(csv, row, "gpu"),
		                      .model = op[0] ? op : "gemm",
		                      .task = direction,
		                      .precision = text_of(csv, row, "precision"),
		                      .config = arena_strdup(builder->arena, config),
		                      .size = "",
		                      .gpus = 1,
		                      .batch = NAN,
		                      .power_limit_w = NAN,
		                      .line = csv->line[row] };
	return run->id && run->config ? run : NULL;
}

static enum ergon_code add_kernel(struct eval_builder *builder, const struct csv *csv,
                                  const struct kernel_schema *schema, size_t row, size_t column)
{
	struct eval_case *item = eval_add(builder);
	struct kernel kernel = { 0 };
	if (!item || !(item->run = label(builder, csv, row)))
		return ergon_fail(builder->err, ERGON_NO_MEMORY, "out of memory");
	item->file = file_base_name(csv->file);
	item->split = text_of(csv, row, "split");
	item->line = csv->line[row];
	item->metric = schema->unit > 0 ? "latency_ms" : "value";
	item->quantity = EVAL_DEVICE_TIME;
	item->settings = (struct predict_settings){ .batch = 1, .gpus = 1 };
	item->scale = schema->unit > 0 ? 1 / schema->unit : 1;
	enum ergon_code code = csv_real(csv, row, column, 0, 1e15, &item->measured, builder->err);
	if (code)
		return code;
	if (schema->unit_column)
		item->metric = text_of(csv, row, schema->unit_column);
	item->reason = schema->lower(builder, csv, row, &kernel, item);
	if (!item->reason)
		item->device = eval_device(builder, item->run->gpu, &item->reason);
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
