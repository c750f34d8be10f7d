/* SPDX-License-Identifier: Apache-2.0 */
#include "report/write.h"

static void line(struct text *out, const char *before, const char *string, const char *after)
{
	text_puts(out, before);
	markdown_escape(out, string);
	text_puts(out, after);
}

static void table(struct text *out, const struct page_table *t)
{
	if (!t || t->count == 0)
		return;
	for (size_t c = 0; c < t->columns; c++)
		line(out, c ? " | " : "| ", t->heads[c], "");
	text_puts(out, " |\n");
	for (size_t c = 0; c < t->columns; c++)
		text_puts(out, t->align[c] == 'r' ? "|---:" : "|:---");
	text_puts(out, "|\n");
	for (size_t i = 0; i < t->count; i++)
		line(out, i % t->columns ? " | " : "| ", t->cells[i],
		     i % t->columns == t->columns - 1 ? " |\n" : "");
	text_puts(out, "\n");
}

static void block(struct text *out, const struct block *b)
{
	switch (b->kind) {
	case BLOCK_TITLE:
		line(out, "### ", b->text, "\n\n");
		break;
	case BLOCK_TEXT:
		line(out, "", b->text, "\n\n");
		break;
	case BLOCK_REMARK:
		line(out, "> ", b->text, "\n\n");
		break;
	case BLOCK_FACTS:
		table(out, b->table);
		break;
	case BLOCK_TABLE:
	case BLOCK_FIGURE:
		line(out, "**", b->text, "**\n\n");
		if (b->note)
			line(out, "", b->note, "\n\n");
		table(out, b->table);
		break;
	}
}

void write_markdown(const struct page *page, struct text *out)
{
	line(out, "# ", page->title, "\n\n");
	if (page->lead)
		line(out, "", page->lead, "\n\n");
	for (size_t i = 0; i < page->answers_count; i++) {
		const struct answer *a = &page->answers[i];
		line(out, "- **", page_pillar_name(a->pillar), "**: ");
		line(out, "", a->value, " ");
		line(out, "", a->text, "");
		if (a->source)
			line(out, " (", a->source, ")");
		text_puts(out, "\n");
	}
	int pillar = -1;
	for (size_t i = 0; i < page->count; i++) {
		if ((int)page->blocks[i].pillar != pillar) {
			pillar = (int)page->blocks[i].pillar;
			text_puts(out, "\n");
			line(out, "## ", page_pillar_name(page->blocks[i].pillar), "\n\n");
		}
		block(out, &page->blocks[i]);
	}
}
