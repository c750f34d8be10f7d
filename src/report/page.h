/* SPDX-License-Identifier: Apache-2.0
 *
 * A report before it has a format: answers, then sections in the order of the four pillars, each a
 * row of blocks (text, remark, facts, table, figure).
 *
 * section_*.c fill a page from documents, html.c, markdown.c and csv.c write it out. All texts are
 * copied into the page's arena, unescaped: whoever writes them out escapes them for its format. A
 * page that ran out of memory has `failed` set, which is looked at once, at the end.
 */
#ifndef ERGON_REPORT_PAGE_H
#define ERGON_REPORT_PAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "ergon/error.h"

enum page_pillar { PAGE_MEASURE, PAGE_UNDERSTAND, PAGE_MODEL, PAGE_OPTIMIZE, PAGE_PILLARS };

enum block_kind { BLOCK_TITLE, BLOCK_TEXT, BLOCK_REMARK, BLOCK_FACTS, BLOCK_TABLE, BLOCK_FIGURE };

enum { TABLE_CELLS_MAX = 16 };

struct page_table {
	const char *align;        /* one letter a column: l, r */
	const char *const *heads; /* [columns], static */
	size_t columns;
	const char **cells; /* [count], row by row */
	size_t count, capacity;
	struct page *page;
	struct page_table *next; /* of the page's tables */
};

struct block {
	enum block_kind kind;
	enum page_pillar pillar;
	const char *text; /* title, text, remark, caption of a table or figure */
	const char *note; /* of a figure: how to read it, what was left out; NULL for none */
	json_t *spec;     /* of a figure: Vega-Lite, owned by the page */
	struct page_table *table; /* facts, table, and the data behind a figure; may be NULL */
};

/* One answer of the strip at the top. */
struct answer {
	enum page_pillar pillar;
	const char *value;  /* "412 J" */
	const char *text;   /* "for 5.0 s of `make`" */
	const char *source; /* measured, modelled, ...; NULL for none */
};

struct page {
	struct arena arena;
	struct block *blocks;
	size_t count, capacity;
	struct answer *answers;
	size_t answers_count, answers_capacity;
	struct page_table *tables; /* all that were made, added or not */
	const char *title;
	const char *lead; /* the one sentence that answers first; NULL for none */
	bool simulated;   /* a simulation stands on it: advice need not bring its own */
	bool failed;
};

void page_init(struct page *page, const char *title);
void page_fini(struct page *page);

/* A printf into the page's arena; "" when memory is out. */
const char *page_text(struct page *page, const char *format, ...) ERGON_PRINTF(2, 3);

void page_add_title(struct page *page, enum page_pillar pillar, const char *text);
void page_add_text(struct page *page, enum page_pillar pillar, const char *text);
/* What a reader must not overlook: a modelled sensor, a row cut. */
void page_add_remark(struct page *page, enum page_pillar pillar, const char *text);
void page_add_answer(struct page *page, enum page_pillar pillar, const char *value,
                     const char *text, const char *source);

/* A table that belongs to the page; heads static, as many as align has letters. NULL
 * where memory is out, which every function that takes a table accepts. */
struct page_table *page_new_table(struct page *page, const char *align, const char *const *heads);
/* The next cell, row by row. NULL or "" is a dash. */
void table_cell(struct page_table *table, const char *text);
void table_printf(struct page_table *table, const char *format, ...) ERGON_PRINTF(2, 3);
void table_si(struct page_table *table, double value, const char *unit); /* NaN: a dash */
void table_number(struct page_table *table, double value, int digits);   /* significant digits */
size_t table_rows(const struct page_table *table);

void page_add_table(struct page *page, enum page_pillar pillar, const char *caption,
                    struct page_table *table);
/* Two columns: what, how much. */
void page_add_facts(struct page *page, enum page_pillar pillar, struct page_table *table);
/* Steals spec; a NULL spec (out of memory) fails the page. A figure without a single row is left
 * out; its table, where that has rows, stands alone. */
void page_add_figure(struct page *page, enum page_pillar pillar, const char *caption,
                     const char *note, json_t *spec, struct page_table *table);

const char *page_pillar_name(enum page_pillar pillar); /* "Measure" */

#endif
