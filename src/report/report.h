/* SPDX-License-Identifier: Apache-2.0
 *
 * A report: result documents in, one file out.
 *
 * It is a pure function of the documents (JSON objects whose "kind" is ergon.measure, ergon.bench,
 * ergon.sweep, ergon.pareto, ergon.predict, ergon.simulate or ergon.recommend, as `--json` writes
 * them): the same documents give the same bytes, whatever their order. Nothing is read besides
 * them. Fields that a document lacks are left out of the report, or shown as "-"; a document that
 * is no object of a known kind is an error that names it.
 *
 * The HTML is one file that asks no host for anything: style, script, figures and their data are in
 * it, and its content security policy lets nothing else run. Texts from documents are data, never
 * markup.
 */
#ifndef ERGON_REPORT_REPORT_H
#define ERGON_REPORT_REPORT_H

#include <jansson.h>
#include <stddef.h>

#include "base/grow.h"
#include "ergon/error.h"

enum report_format { REPORT_HTML, REPORT_MARKDOWN, REPORT_CSV };

struct report_input {
	const char *name; /* of the file, for errors */
	const json_t *document;
};

/* Appends the report to *out. title may be NULL. */
ERGON_MUST_USE enum ergon_code report_render(const struct report_input *inputs, size_t count,
                                             enum report_format format, const char *title,
                                             struct text *out, struct ergon_error *err);

/* "html", "md", "csv", with suggestions in the error. */
ERGON_MUST_USE enum ergon_code report_parse_format(const char *name, enum report_format *format,
                                                   struct ergon_error *err);

#endif
