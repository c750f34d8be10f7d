/* SPDX-License-Identifier: Apache-2.0
 *
 * From files of measurements to the cases of an evaluation (model/eval.h), or of a fit.
 *
 * Two schemas are known by their headers: whole runs (spec/measurements.h) and single operators
 * (one row a kernel or a collective: neusight_gemm, neusight_membound, conv_kernels, llmcompass,
 * deepbench_gemm, collectives). A run's network is found by data/model_names.json; everything else
 * comes from what its row states. Equal workloads are built once.
 */
#ifndef ERGON_MODEL_EVAL_CASES_H
#define ERGON_MODEL_EVAL_CASES_H

#include "ergon/env.h"
#include "model/eval.h"

/* Everything lives in arena. A file that cannot be read, that has none of the schemas or a bad
 * cell is an error; a row that cannot be predicted is a case with a reason. */
ERGON_MUST_USE enum ergon_code eval_cases_load(const struct ergon_env *env,
                                               const char *const *paths, size_t path_count,
                                               struct arena *arena, struct eval_cases *cases,
                                               struct ergon_error *err);

/* ---- for the readers of one schema each (eval_runs.c, eval_kernels.c) ---- */

struct model_names;
struct eval_builder {
	const struct ergon_env *env;
	struct arena *arena;
	struct ergon_error *err;
	const struct model_names *names;
	struct eval_case *items; /* malloc'd while it grows */
	size_t count, capacity;
	struct eval_known_device *devices;
	size_t device_count, device_capacity;
	struct eval_known_workload *workloads;
	size_t workload_count, workload_capacity;
};
/* A new case at the end, zeroed but for file, split, metric; NULL when memory is out. */
struct eval_case *eval_add(struct eval_builder *builder);
/* NULL where there is no device file of that name: *reason then says so (unless memory is out). */
const struct device *eval_device(struct eval_builder *builder, const char *name,
                                 const char **reason);
const struct workload *eval_workload(struct eval_builder *builder, const char *name,
                                     const struct workload_options *options, const char **reason);
/* A text in the arena, or one that says that memory is out. */
const char *eval_reason(struct eval_builder *builder, const char *format, ...) ERGON_PRINTF(2, 3);
/* The precision as sources name it ("fp32_tf32default", "fp16_mixed"); false where unknown. */
bool eval_precision(const char *text, enum precision *precision);

ERGON_MUST_USE enum ergon_code eval_add_runs(struct eval_builder *builder,
                                             const struct measurements *measurements);
/* A workload of that kernel and nothing else, over so many tensor-parallel ranks; NULL when memory
 * is out. */
const struct workload *eval_one_kernel(struct eval_builder *builder, const struct kernel *kernel,
                                       unsigned ranks);
bool eval_collectives_fit(const struct csv *csv);
ERGON_MUST_USE enum ergon_code eval_add_collectives(struct eval_builder *builder,
                                                    const struct csv *csv);
bool eval_kernels_fit(const struct csv *csv);
ERGON_MUST_USE enum ergon_code eval_add_kernels(struct eval_builder *builder,
                                                const struct csv *csv);

#endif
