/* SPDX-License-Identifier: Apache-2.0
 *
 * The input pipeline as a third bound of a step, beside the device and the host that feeds it: how
 * fast samples can be read from storage and prepared by the processor cores of a node.
 *
 * Stages run side by side and ahead of the device (as prefetching loaders do), so the slowest alone
 * counts. All numbers are of one node; 0 means not considered.
 */
#ifndef ERGON_MODEL_INPUT_H
#define ERGON_MODEL_INPUT_H

#include "model/predict.h"

struct input_pipeline {
	double samples_per_s;    /* as measured, of all of it */
	double bytes_per_sample; /* read from storage */
	double storage_bps;
	double cpu_s_per_sample; /* decoding and augmentation, of one core */
	double cores;
};

enum input_stage { INPUT_NONE, INPUT_RATE, INPUT_STORAGE, INPUT_CPU };
const char *input_stage_name(enum input_stage stage);

/* Seconds that the samples of a step need; *stage (may be NULL): which stage that is. */
double input_step_s(const struct input_pipeline *input, const struct workload *workload,
                    const struct predict_settings *settings, enum input_stage *stage);

#endif
