/* SPDX-License-Identifier: Apache-2.0
 *
 * The table that `ergon measure` and `ergon show` print: a pure function of the result document.
 */
#ifndef ERGON_CLI_MEASURE_TABLE_H
#define ERGON_CLI_MEASURE_TABLE_H

#include <stdio.h>

#include "base/json.h"
#include "measure/shares.h"

void measure_table_print(FILE *out, const json_t *document);

/* Whose energy it was; says so where the document does not know. */
void shares_table_print(FILE *out, const json_t *document, enum share_key by);

/* A number at a path of keys ("total", "energy_j"); 0 where it is absent. */
double document_number(const json_t *document, const char *outer, const char *key);

#endif
