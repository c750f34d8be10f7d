/* SPDX-License-Identifier: Apache-2.0
 *
 * From a document of one kind to its part of the page. Each function adds an answer, then blocks in
 * its pillar; it takes what the document has and never fails.
 */
#ifndef ERGON_REPORT_SECTION_H
#define ERGON_REPORT_SECTION_H

#include <jansson.h>

#include "report/page.h"

void section_measure(struct page *page, const json_t *document);
void section_compare(struct page *page, const json_t *document);
void section_bench(struct page *page, const json_t *document);
void section_sweep(struct page *page, const json_t *document);
void section_pareto(struct page *page, const json_t *document);
void section_phases(struct page *page, const json_t *document);
void section_characterize(struct page *page, const json_t *document);
void section_predict(struct page *page, const json_t *document);
void section_search(struct page *page, const json_t *document);
void section_explain(struct page *page, const json_t *document);
void section_generate(struct page *page, const json_t *document);
void section_label(struct page *page, const json_t *document);
void section_simulate(struct page *page, const json_t *document);
void section_simulate_sweep(struct page *page, const json_t *document);
/* Who held which GPU when, under one policy of a simulation. */
void section_gantt(struct page *page, const json_t *document, const json_t *policy);
void section_recommend(struct page *page, const json_t *document);

#endif
