/* SPDX-License-Identifier: Apache-2.0
 *
 * Which application a generated job trains, and at which batch size.
 *
 * A mix is a list of applications with weights and a batch a GPU. The built-in one "pollux"
 * chooses by the job's GPU time instead, as the Pollux authors did to turn the Philly trace into
 * their workloads; its names are those of their measured tables.
 */
#ifndef ERGON_OPTIMIZE_TRACES_MIX_H
#define ERGON_OPTIMIZE_TRACES_MIX_H

#include "optimize/traces/trace.h"

struct mix_item {
	const char *application;
	double weight;
	uint32_t batch_per_gpu; /* samples */
	uint32_t batch_max;     /* in all; 0: none */
	double gpu_hours_max;   /* taken for jobs up to so much work; of a mix by GPU time */
};
enum { MIX_ITEMS_MAX = 64 };
struct mix {
	struct mix_item items[MIX_ITEMS_MAX];
	size_t count;
	double weight;    /* sum */
	bool by_gpu_time; /* weights only decide among items with the same gpu_hours_max */
};

/* text: "models", "pollux" or "NAME[:WEIGHT[:BATCH]],..."; NULL is "models". */
ERGON_MUST_USE enum ergon_code mix_parse(const char *text, struct arena *arena, struct mix *mix,
                                         struct ergon_error *err);
/* Sets application and batch; gpus and duration_ns must be set. u: uniform on [0, 1). */
void mix_assign(const struct mix *mix, struct trace_job *job, double u);

#endif
