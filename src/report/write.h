/* SPDX-License-Identifier: Apache-2.0
 *
 * A page in each of its formats, and how a text becomes harmless in them.
 */
#ifndef ERGON_REPORT_WRITE_H
#define ERGON_REPORT_WRITE_H

#include "base/grow.h"
#include "report/page.h"

void write_html(const struct page *page, struct text *out);
void write_markdown(const struct page *page, struct text *out);
/* One table of all tables: section, table, row, column, value. */
void write_csv(const struct page *page, struct text *out);

/* For element content and for attributes between double quotes. */
void html_escape(struct text *out, const char *string);
/* JSON that may stand inside <script>: no '<', '>' or '&' is left in it. */
void html_json(struct text *out, const json_t *value);
void markdown_escape(struct text *out, const char *string);
/* A cell by RFC 4180. */
void csv_escape(struct text *out, const char *string);

#endif
