/* SPDX-License-Identifier: Apache-2.0
 *
 * Judge the predictor on published measurements.
 *
 * A case is one measured number with the workload, device and settings that its row states, and
 * how the number follows from a prediction. Cases are built once (model/eval_cases.h); predicting
 * and grouping them is pure, so that a fit can do it thousands of times. A number that cannot be
 * predicted is a case with a reason: it is counted, never dropped.
 *
 * Error of a case: predicted / measured - 1. A group reports the mean and the median of its
 * absolute value, its 95th percentile, its signed mean (bias), and the share of measured numbers
 * inside the predicted 80% interval (coverage). A zero measurement has no relative error: such a
 * case is skipped with that reason.
 */
#ifndef ERGON_MODEL_EVAL_H
#define ERGON_MODEL_EVAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "model/calibration.h"
#include "model/predict.h"
#include "model/workload.h"
#include "spec/device.h"
#include "spec/measurements.h"

/* What of a prediction a metric looks at. */
enum eval_quantity {
	EVAL_STEP_TIME,
	EVAL_DEVICE_TIME, /* of a kernel on its own: the host does not count */
	EVAL_FORWARD_TIME,
	EVAL_BACKWARD_TIME,
	EVAL_COLLECTIVE_TIME,
	EVAL_WAITING_TIME, /* of a worker for its gradients: what stays exposed, and the slowest */
	EVAL_POWER,
	EVAL_ENERGY,
	EVAL_MEMORY,
};

/* How a table times a kernel, and so what its numbers hold besides the device's own time. */
enum eval_call {
	CALL_WAITED,   /* each call is waited for: the host's way to the launch is inside */
	CALL_QUEUED,   /* called again and again with one wait at the end: a launch */
	CALL_PROFILED, /* the device's own clock: nothing */
	CALL_PYTHON,   /* through an operator of a framework and back: the host issues it */
	CALL_HOOKED,   /* hooks in Python that synchronise before and after each layer */
};

struct eval_case {
	const char *file, *split, *metric;
	const struct measured_run *run; /* what the row states */
	long line;
	double measured;
	const struct workload *workload; /* NULL with a reason */
	const struct device *device;
	struct predict_settings settings;
	enum eval_quantity quantity;
	double scale; /* predicted number = scale * quantity; a rate: scale / quantity */
	bool rate;
	bool judge_only;     /* not for calibration */
	enum eval_call call; /* of a kernel on its own */
	double choices;      /* times that a library looks for a way before the launch */
	const char *reason;  /* why it cannot be predicted, or NULL */
};

struct eval_cases {
	struct eval_case *items; /* in the order of files and lines */
	size_t count;
};

struct eval_point {
	double predicted, low, high; /* in the unit of the metric */
	bool host;                   /* the host or the input pipeline holds the step up */
	enum spread_class class;     /* what the interval follows from */
	struct prediction prediction;
};
/* Nothing for a case with a reason. */
void eval_predict(const struct eval_case *item, const struct calibration *calibration,
                  struct eval_point *point);

/* low and high anew, with other spreads. */
void eval_interval(const struct eval_case *item, const struct calibration *calibration,
                   struct eval_point *point);

/* Columns that --by may add to file, split, metric and bound. */
enum eval_key {
	EVAL_BY_GPU,
	EVAL_BY_MODEL,
	EVAL_BY_PRECISION,
	EVAL_BY_SOURCE,
	EVAL_BY_TASK,
	EVAL_BY_GPUS,
	EVAL_BY_BATCH,
	EVAL_KEY_COUNT
};
/* "gpu,model" -> a set of bits 1 << enum eval_key. */
ERGON_MUST_USE enum ergon_code eval_keys_parse(const char *text, unsigned *keys,
                                               struct ergon_error *err);

struct eval_group {
	const char *file, *split, *metric;
	bool host;
	const char *keys[EVAL_KEY_COUNT]; /* NULL: not grouped by */
	size_t n;                         /* predicted */
	size_t skipped; /* counted with the device-bound ones: without a prediction, no bound */
	double mape, median_ape, p95_ape, bias, coverage80; /* NAN where n is 0 */
};
struct eval_reason {
	const char *file, *metric, *reason, *model; /* model: an example */
	size_t count;
};
/* Runs that differ only in the power cap: where is the least energy x time? */
struct eval_sweet_spots {
	size_t groups;      /* three caps or more, with time and power */
	size_t exact, near; /* predicted at the measured cap; at most one cap beside it */
	double edp_lost;    /* mean of measured EDP at the predicted cap over the least, - 1 */
	/* Of these, groups that draw more than their lowest cap when least capped. In the others no
	 * cap acts, and noise decides which one is best. */
	size_t binding, binding_near;
	double binding_edp_lost;
	/* Caps below the highest of each group, mean absolute relative errors: of the predictor,
	 * and of the power that was measured at the highest cap, clipped at the cap. */
	size_t capped;
	double time_error, power_error, clip_error;
};
struct eval_report {
	struct eval_group *groups;
	size_t group_count;
	struct eval_reason *reasons; /* most frequent first */
	size_t reason_count;
	size_t predicted, skipped;
	struct eval_sweet_spots sweet_spots;
	const char *holdout; /* NULL: the installed calibration */
	unsigned folds;
};
/* points: [cases->count]; those of cases with a reason are not looked at. */
ERGON_MUST_USE enum ergon_code eval_summarise(const struct eval_cases *cases,
                                              const struct eval_point *points, unsigned keys,
                                              struct arena *arena, struct eval_report *report,
                                              struct ergon_error *err);

/* Stable: kind "ergon.model-eval", version, groups[] { file, split, metric, bound, n, skipped,
 * mape, median_ape, p95_ape, bias, coverage80 }, skipped_reasons[]. NULL when memory is out. */
json_t *eval_to_json(const struct eval_report *report);
/* One line a case: what it states, measured, predicted, its interval, why it was skipped. Text is
 * malloc'd; NULL when memory is out. */
char *eval_rows_csv(const struct eval_cases *cases, const struct eval_point *points);
/* The page docs/accuracy.md from three reports on the same cases: constants fitted without each
 * configuration, without each model and without each GPU. Text is malloc'd; NULL when memory is
 * out.
 */
char *eval_markdown(const struct eval_report reports[3]);

/* Of eval_summarise. */
ERGON_MUST_USE enum ergon_code eval_find_sweet_spots(const struct eval_cases *cases,
                                                     const struct eval_point *points,
                                                     struct arena *arena,
                                                     struct eval_sweet_spots *spots,
                                                     struct ergon_error *err);

#endif
