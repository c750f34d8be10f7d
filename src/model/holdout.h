/* SPDX-License-Identifier: Apache-2.0
 *
 * Cross-validation: every case is predicted with constants that were fitted without its group.
 *
 * Groups are networks (by the zoo's name, so that one network under several names in several files
 * is one group), GPUs, or configurations at random; a run's time, power and energy stay together,
 * at all power caps that it was measured at, and a kernel or collective of a table counts as a
 * configuration of its own unless GPUs are held out. Each fold fits all constants from their
 * expected values, which no measurement set, and the factors of its devices, to a sample of the
 * cases outside the fold (see calibrate_sample). Deterministic; folds are fitted in parallel.
 */
#ifndef ERGON_MODEL_HOLDOUT_H
#define ERGON_MODEL_HOLDOUT_H

#include "model/eval.h"

enum holdout { HOLDOUT_NONE, HOLDOUT_MODEL, HOLDOUT_GPU, HOLDOUT_RANDOM, HOLDOUT_COUNT };
ERGON_MUST_USE enum ergon_code holdout_parse(const char *name, enum holdout *holdout,
                                             struct ergon_error *err);
const char *holdout_name(enum holdout holdout);

enum { HOLDOUT_FOLDS_MAX = 200 };

/* folds: 0 is one a group for GPUs and 10 else; *folds becomes what it was. points:
 * [cases->count]. */
ERGON_MUST_USE enum ergon_code holdout_predict(const struct eval_cases *cases, enum holdout holdout,
                                               unsigned *folds, struct eval_point *points,
                                               struct ergon_error *err);

#endif
