/* SPDX-License-Identifier: Apache-2.0
 *
 * The energy label of a model as a picture for its model card: a pure function of the document that
 * `ergon label --json` writes.
 */
#ifndef ERGON_REPORT_LABEL_H
#define ERGON_REPORT_LABEL_H

#include <jansson.h>

#include "ergon/error.h"

/* An SVG of 420 x 560 that needs nothing else; *text is malloc'd. BAD_INPUT where the document is
 * of another kind. */
ERGON_MUST_USE enum ergon_code label_svg(const json_t *document, char **text,
                                         struct ergon_error *err);
/* The same inside a page that asks no host for anything, with the numbers as a table. */
ERGON_MUST_USE enum ergon_code label_html(const json_t *document, char **text,
                                          struct ergon_error *err);

#endif
