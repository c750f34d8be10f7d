/* SPDX-License-Identifier: Apache-2.0 */
#include "report/page.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/units.h"
#include "report/figure.h"

enum { NUMBER_CHARS = 64 };

void page_init(struct page *page, const char *title)
{
	*page = (struct page){ 0 };
	arena_init(&page->arena);
	page->title = page_text(page, "%s", title);
}

void page_fini(struct page *page)
{
	for (size_t i = 0; i < page->count; i++)
		json_decref(page->blocks[i].spec);
	for (struct page_table *table = page->tables; table; table = table->next)
		free(table->cells);
	free(page->blocks);
	free(page->answers);
	arena_fini(&page->arena);
	*page = (struct page){ 0 };
}

static const char *format_into(struct page *page, const char *format, va_list arguments)
{
	va_list again;
	va_copy(again, arguments);
	int length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	char *copy = length < 0 ? NULL : arena_alloc(&page->arena, (size_t)length + 1, 1);
	if (!copy) {
		page->failed = true;
		return "";
	}
	vsnprintf(copy, (size_t)length + 1, format, arguments);
	return copy;
}

const char *page_text(struct page *page, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	const char *text = format_into(page, format, arguments);
	va_end(arguments);
	return text;
}

static struct block *add(struct page *page, enum block_kind kind, enum page_pillar pillar,
                         const char *text)
{
	if (!GROW(page->blocks, page->capacity, page->count + 1)) {
		page->failed = true;
		return NULL;
	}
	struct block *block = &page->blocks[page->count++];
	*block = (struct block){ .kind = kind, .pillar = pillar };
	block->text = page_text(page, "%s", text ? text : "");
	return block;
}

void page_add_title(struct page *page, enum page_pillar pillar, const char *text)
{
	add(page, BLOCK_TITLE, pillar, text);
}

void page_add_text(struct page *page, enum page_pillar pillar, const char *text)
{
	add(page, BLOCK_TEXT, pillar, text);
}

void page_add_remark(struct page *page, enum page_pillar pillar, const char *text)
{
	add(page, BLOCK_REMARK, pillar, text);
}

void page_add_answer(struct page *page, enum page_pillar pillar, const char *value,
                     const char *text, const char *source)
{
	if (!GROW(page->answers, page->answers_capacity, page->answers_count + 1)) {
		page->failed = true;
		return;
	}
	page->answers[page->answers_count++] =
	    (struct answer){ .pillar = pillar,
		             .value = page_text(page, "%s", value),
		             .text = page_text(page, "%s", text),
		             .source = source ? page_text(page, "%s", source) : NULL };
}

struct page_table *page_new_table(struct page *page, const char *align, const char *const *heads)
{
	struct page_table *table = ARENA_NEW(&page->arena, struct page_table);
	if (!table) {
		page->failed = true;
		return NULL;
	}
	*table = (struct page_table){
		.align = align,
		.heads = heads,
		.columns = strlen(align),
		.page = page,
		.next = page->tables,
	};
	page->tables = table;
	return table;
}

void table_cell(struct page_table *table, const char *text)
{
	if (!table)
		return;
	if (!GROW(table->cells, table->capacity, table->count + 1)) {
		table->page->failed = true;
		return;
	}
	table->cells[table->count++] = page_text(table->page, "%s", text && *text ? text : "-");
}

void table_printf(struct page_table *table, const char *format, ...)
{
	if (!table)
		return;
	va_list arguments;
	va_start(arguments, format);
	table_cell(table, format_into(table->page, format, arguments));
	va_end(arguments);
}

void table_si(struct page_table *table, double value, const char *unit)
{
	char text[NUMBER_CHARS];
	table_cell(table, format_si(text, sizeof text, value, unit));
}

void table_number(struct page_table *table, double value, int digits)
{
	if (isfinite(value))
		table_printf(table, "%.*g", digits, value);
	else
		table_cell(table, NULL);
}

size_t table_rows(const struct page_table *table)
{
	return table ? table->count / table->columns : 0;
}

static void attach(struct block *block, struct page_table *table)
{
	if (block)
		block->table = table;
}

void page_add_table(struct page *page, enum page_pillar pillar, const char *caption,
                    struct page_table *table)
{
	attach(add(page, BLOCK_TABLE, pillar, caption), table);
}

void page_add_facts(struct page *page, enum page_pillar pillar, struct page_table *table)
{
	attach(add(page, BLOCK_FACTS, pillar, NULL), table);
}

void page_add_figure(struct page *page, enum page_pillar pillar, const char *caption,
                     const char *note, json_t *spec, struct page_table *table)
{
	if (spec && figure_is_empty(spec)) {
		json_decref(spec);
		if (table_rows(table) > 0)
			page_add_table(page, pillar, caption, table);
		return;
	}
	struct block *block = spec ? add(page, BLOCK_FIGURE, pillar, caption) : NULL;
	attach(block, table);
	if (!block) {
		json_decref(spec);
		page->failed = true;
		return;
	}
	block->spec = spec;
	block->note = note ? page_text(page, "%s", note) : NULL;
}

const char *page_pillar_name(enum page_pillar pillar)
{
	static const char *const names[PAGE_PILLARS] = { "Measure", "Understand", "Model",
		                                         "Optimize" };
	return names[pillar];
}
