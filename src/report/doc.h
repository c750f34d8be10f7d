/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking into result documents without trusting them: what is absent or of another type is NaN,
 * NULL or empty, never an error and never zero.
 *
 * A path is keys joined by dots: "total.energy_j".
 */
#ifndef ERGON_REPORT_DOC_H
#define ERGON_REPORT_DOC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "report/page.h"

const json_t *doc_get(const json_t *document, const char *path); /* NULL where absent */
double doc_real(const json_t *document, const char *path);       /* NaN where absent */
/* The first of the paths (ends with NULL) that holds a number. */
double doc_real_of(const json_t *document, const char *const *paths);
const char *doc_text(const json_t *document, const char *path); /* NULL where absent; borrowed */
bool doc_flag(const json_t *document, const char *path);        /* false where absent */
size_t doc_size(const json_t *document, const char *path);      /* of an array; 0 where absent */
const json_t *doc_item(const json_t *document, const char *path, size_t index);

/* A number, text, list or flat object as a reader would write it: "4", "resnet50", "a, b",
 * "threads=4, n=2048". "" where absent. Lives in the page. */
const char *doc_show(struct page *page, const json_t *value);

/* A unit in which the largest of these durations reads well. */
struct time_unit {
	const char *name; /* "s", "min", "h", "d" */
	double seconds;
};
struct time_unit time_unit_for(double seconds);

/* "412 J", "3 min 20 s", "12%": into the page. */
const char *show_si(struct page *page, double value, const char *unit);
const char *show_duration(struct page *page, double seconds);
const char *show_percent(struct page *page, double fraction);
/* With a capital and a full stop. */
const char *show_sentence(struct page *page, const char *text);
/* "12% less", "3% more", "no less" of a against b. */
const char *show_change(struct page *page, double a, double b);

#endif
