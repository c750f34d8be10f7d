/* SPDX-License-Identifier: Apache-2.0
 *
 * How a step is spread over GPUs: what it sends, and what each GPU must hold.
 *
 * Ranks are placed as Megatron-LM does: tensor parallelism innermost, then data, then pipeline. A
 * ring over n ranks moves 2 (n-1)/n of the bytes in 2 (n-1) messages (Thakur et al. 2005); between
 * nodes all rings of a node share its links.
 */
#ifndef ERGON_MODEL_PARALLEL_H
#define ERGON_MODEL_PARALLEL_H

#include "model/links.h"
#include "model/predict.h"
#include "model/timetable.h"

struct layout {
	double tensor, pipeline, data; /* ranks */
	double expert;                 /* of the data-parallel ranks, those that share experts */
	double virtual_stages, micro;  /* stages a rank; micro-batches a step */
	double bubble;                 /* idle share on top of the stages' own time: (p-1)/(v m) */
};
void layout_init(struct layout *layout, const struct workload *workload,
                 const struct predict_settings *settings);

struct communication {
	double data_s;   /* gradients (and parameters where they are sharded), a step */
	double last_s;   /* the last part, which nothing hides */
	bool everywhere; /* hidden behind all of the step, not only the last backward pass */
};
void communication_init(struct communication *out, const struct layout *layout,
                        const struct workload *workload, const struct device *device,
                        const struct calibration *calibration,
                        const struct predict_settings *settings);
/* Whether the software is of the years since which frameworks overlap transfers with work. */
bool overlaps(const struct predict_settings *settings);

/* Of all sums of gradients of one model copy, what is sent after the last layer's are known. */
double last_bucket_share(const struct workload *workload);

/* What layers and stages wait for in a step: sums and exchanges among ranks that share a layer;
 * exchanges among ranks that share experts and what a stage passes on. weight: how often a GPU runs
 * the kernels of a class. */
struct layer_waits {
	double sums_s;  /* which software may hide behind products */
	double shown_s; /* which nothing hides */
};
void layer_waits_init(struct layer_waits *waits, const struct layout *layout,
                      const struct timetable *times, const double weight[KERNEL_CLASS_COUNT],
                      const struct predict_settings *settings);

/* Fills the *_bytes fields and fits; the fullest stage of a pipeline. */
void memory_fill(const struct layout *layout, const struct workload *workload,
                 const struct device *device, const struct predict_settings *settings,
                 struct prediction *out);

#endif
