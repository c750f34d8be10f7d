/* SPDX-License-Identifier: Apache-2.0
 *
 * What the readers of tables of kernels share: cells by column, and rows as kernels. A reader fills
 * *kernel for one launch and says NULL, or why the row cannot be predicted.
 */
#ifndef ERGON_MODEL_EVAL_KERNELS_H
#define ERGON_MODEL_EVAL_KERNELS_H

#include "model/eval_cases.h"

struct kernel_row {
	struct eval_builder *builder;
	const struct csv *csv;
	size_t row;
	struct eval_case *item;
};

/* "" and 0 where there is no such column or the cell is empty. */
const char *row_text(const struct kernel_row *row, const char *column);
double row_real(const struct kernel_row *row, const char *column);
/* The row's precision; the rate of kernel's products. */
const char *row_precision(const struct kernel_row *row, struct kernel *kernel,
                          const struct precision_facts **facts);
const char *row_product(const struct kernel_row *row, double m, double n, double k, double batch,
                        struct kernel *kernel);
/* A pass of `op` over elements of `width` bytes. */
const char *row_pass(const struct kernel_row *row, const char *op, double elements, double width,
                     struct kernel *kernel);

const char *lower_language_operator(const struct kernel_row *row, struct kernel *kernel);
const char *lower_recurrent(const struct kernel_row *row, struct kernel *kernel);
const char *lower_best_product(const struct kernel_row *row, struct kernel *kernel);
const char *lower_layer_profile(const struct kernel_row *row, struct kernel *kernel);

#endif
