/* SPDX-License-Identifier: Apache-2.0
 *
 * Predictions for a terminal of 80 columns.
 */
#ifndef ERGON_CLI_PREDICT_TABLE_H
#define ERGON_CLI_PREDICT_TABLE_H

#include <stdio.h>

#include "model/compare.h"
#include "model/sensitivity.h"

/* The answer: time, power, energy, memory; label stands before it. */
void print_prediction(FILE *out, const char *label, const struct predict_request *request,
                      const struct prediction *prediction);
/* By layer group, and the three biggest reasons. */
void print_why(FILE *out, const struct predict_request *request,
               const struct prediction *prediction, const struct breakdown *breakdown);
/* By cause, with what would shorten each. */
void print_causes(FILE *out, const struct prediction *prediction);
void print_comparison(FILE *out, const struct compare_side *a, const struct compare_side *b,
                      const struct comparison *comparison);
void print_sensitivities(FILE *out, const struct sensitivity *items, size_t count);

#endif
