/* SPDX-License-Identifier: Apache-2.0 */
#include "report/write.h"

static void cell(struct text *out, const char *string, const char *after)
{
	csv_escape(out, string);
	text_puts(out, after);
}

void write_csv(const struct page *page, struct text *out)
{
	const char *title = "";
	text_puts(out, "section,part,table,row,column,value\n");
	for (size_t i = 0; i < page->count; i++) {
		const struct block *b = &page->blocks[i];
		if (b->kind == BLOCK_TITLE)
			title = b->text;
		for (size_t k = 0; b->table && k < b->table->count; k++) {
			cell(out, page_pillar_name(b->pillar), ",");
			cell(out, title, ",");
			cell(out, b->text, ",");
			text_printf(out, "%zu,", k / b->table->columns + 1);
			cell(out, b->table->heads[k % b->table->columns], ",");
			cell(out, b->table->cells[k], "\n");
		}
	}
}
