/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "report/assets.h"
#include "report/write.h"

enum { HASH_CHARS = 48 };

static void element(struct text *out, const char *before, const char *string, const char *after)
{
	text_puts(out, before);
	html_escape(out, string);
	text_puts(out, after);
}

static void put_asset(struct text *out, enum report_asset which)
{
	struct asset asset = report_asset(which);
	text_append(out, asset.data, asset.length);
}

/* Only the scripts whose hashes are named may run, and nothing may be loaded from anywhere. */
static void policy(struct text *out)
{
	static const enum report_asset scripts[] = { ASSET_VEGA, ASSET_VEGA_LITE, ASSET_VEGA_EMBED,
		                                     ASSET_SCRIPT };
	char hash[HASH_CHARS];
	text_puts(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	               "script-src");
	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
		text_printf(out, " 'sha256-%s'", asset_hash(hash, sizeof hash, scripts[i]));
	text_puts(out, "; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; "
	               "form-action 'none'\">\n");
}

static void head(const struct page *page, struct text *out)
{
	text_puts(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
	policy(out);
	text_puts(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	               "<meta name=\"color-scheme\" content=\"light dark\">\n"
	               "<meta name=\"generator\" content=\"ergon\">\n");
	element(out, "<title>", page->title, "</title>\n<style>\n");
	put_asset(out, ASSET_STYLE);
	text_puts(out, "</style>\n</head>\n<body>\n");
}

static bool has_pillar(const struct page *page, enum page_pillar pillar)
{
	for (size_t i = 0; i < page->count; i++)
		if (page->blocks[i].pillar == pillar)
			return true;
	return false;
}

static void contents(const struct page *page, struct text *out)
{
	text_puts(out, "<nav aria-label=\"Sections\"><ol>\n");
	for (unsigned p = 0; p < PAGE_PILLARS; p++)
		if (has_pillar(page, p))
			text_printf(out, "<li><a href=\"#pillar-%u\">%s</a></li>\n", p + 1,
			            page_pillar_name(p));
	text_puts(out, "</ol>\n<button type=\"button\" id=\"theme\" hidden>Light or dark"
	               "</button></nav>\n");
}

static void answers(const struct page *page, struct text *out)
{
	if (page->answers_count == 0)
		return;
	text_puts(out, "<ul class=\"answers\" aria-label=\"In short\">\n");
	for (size_t i = 0; i < page->answers_count; i++) {
		const struct answer *a = &page->answers[i];
		element(out, "<li><p class=\"label\">", page_pillar_name(a->pillar), "</p>");
		element(out, "<p class=\"value\">", a->value, "</p>");
		element(out, "<p class=\"text\">", a->text, "</p>");
		if (a->source)
			element(out,
			        strcmp(a->source, "measured") == 0 ? "<p class=\"source measured\">"
			                                           : "<p class=\"source\">",
			        a->source, "</p>");
		text_puts(out, "</li>\n");
	}
	text_puts(out, "</ul>\n");
}

static void table_head(struct text *out, const struct page_table *t)
{
	text_puts(out, "<thead><tr>");
	for (size_t c = 0; c < t->columns; c++) {
		text_printf(out, "<th scope=\"col\"%s>", t->align[c] == 'r' ? " class=\"r\"" : "");
		element(out, "", t->heads[c], "</th>");
	}
	text_puts(out, "</tr></thead>\n<tbody>\n");
}

/* Wide tables scroll in their own box, which must then be reachable by keyboard. */
static void table(struct text *out, const char *caption, const struct page_table *t)
{
	if (!t || t->count == 0)
		return;
	element(out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"", caption,
	        "\"><table>\n");
	table_head(out, t);
	for (size_t i = 0; i < t->count; i++) {
		size_t c = i % t->columns;
		text_puts(out, c == 0               ? "<tr><th scope=\"row\">"
		               : t->align[c] == 'r' ? "<td class=\"r\">"
		                                    : "<td>");
		element(out, "", t->cells[i], c == 0 ? "</th>" : "</td>");
		if (c == t->columns - 1)
			text_puts(out, "</tr>\n");
	}
	text_puts(out, "</tbody></table></div>\n");
}

static void facts(struct text *out, const struct page_table *t)
{
	if (!t || t->count < 2)
		return;
	text_puts(out, "<dl class=\"facts\">\n");
	for (size_t i = 0; i + 1 < t->count; i += 2) {
		element(out, "<div><dt>", t->cells[i], "</dt>");
		element(out, "<dd>", t->cells[i + 1], "</dd></div>\n");
	}
	text_puts(out, "</dl>\n");
}

static void figure(struct text *out, const struct block *b, unsigned number)
{
	bool drawn = report_has_figures();
	text_printf(out, "<figure id=\"figure-%u\"%s>\n<figcaption>", number,
	            drawn ? " class=\"drawn\"" : "");
	text_printf(out, "<span class=\"number\">Figure %u.</span> ", number);
	element(out, "", b->text, "</figcaption>\n");
	if (drawn) {
		element(out, "<div class=\"plot\" aria-label=\"", b->text, "\"></div>\n");
		text_puts(out, "<script type=\"application/json\">");
		html_json(out, b->spec);
		text_puts(out, "</script>\n");
	}
	if (b->note)
		element(out, "<p class=\"note\">", b->note, "</p>\n");
	text_puts(out, "<div class=\"below\">");
	if (b->table && b->table->count > 0) {
		text_printf(out, "<details%s><summary>Data</summary>\n", drawn ? "" : " open");
		table(out, b->text, b->table);
		text_puts(out, "</details>\n");
	}
	text_puts(out, "</div></figure>\n");
}

/* Neighbouring figures share a row where there is room. */
static void block(struct text *out, const struct page *page, size_t i, unsigned *number)
{
	const struct block *b = &page->blocks[i];
	bool opens = b->kind == BLOCK_FIGURE &&
	             (i == 0 || b[-1].kind != BLOCK_FIGURE || b[-1].pillar != b->pillar);
	bool closes =
	    b->kind == BLOCK_FIGURE &&
	    (i + 1 == page->count || b[1].kind != BLOCK_FIGURE || b[1].pillar != b->pillar);
	switch (b->kind) {
	case BLOCK_TITLE:
		element(out, "<h3>", b->text, "</h3>\n");
		break;
	case BLOCK_TEXT:
		element(out, "<p>", b->text, "</p>\n");
		break;
	case BLOCK_REMARK:
		element(out, "<p class=\"remark\" role=\"note\">", b->text, "</p>\n");
		break;
	case BLOCK_FACTS:
		facts(out, b->table);
		break;
	case BLOCK_TABLE:
		element(out, "<p class=\"caption\">", b->text, "</p>\n");
		table(out, b->text, b->table);
		break;
	case BLOCK_FIGURE:
		if (opens)
			text_puts(out, "<div class=\"figures\">\n");
		figure(out, b, ++*number);
		if (closes)
			text_puts(out, "</div>\n");
		break;
	}
}

static void sections(const struct page *page, struct text *out)
{
	unsigned number = 0;
	for (unsigned p = 0; p < PAGE_PILLARS; p++) {
		if (!has_pillar(page, p))
			continue;
		text_printf(out, "<section id=\"pillar-%u\">\n<h2>%s</h2>\n", p + 1,
		            page_pillar_name(p));
		for (size_t i = 0; i < page->count; i++)
			if (page->blocks[i].pillar == p)
				block(out, page, i, &number);
		text_puts(out, "</section>\n");
	}
}

static void scripts(struct text *out)
{
	static const enum report_asset bundles[] = { ASSET_VEGA, ASSET_VEGA_LITE,
		                                     ASSET_VEGA_EMBED };
	for (size_t i = 0; report_has_figures() && i < sizeof bundles / sizeof *bundles; i++) {
		text_puts(out, "<script>");
		put_asset(out, bundles[i]);
		text_puts(out, "</script>\n");
	}
	text_puts(out, "<script>");
	put_asset(out, ASSET_SCRIPT);
	text_puts(out, "</script>\n");
}

static void foot(struct text *out)
{
	text_puts(out, "</main>\n<footer>\n<p>Written by ergon. This file is complete: it asks no "
	               "host for anything.</p>\n");
	struct asset licences = report_asset(ASSET_LICENCES);
	if (licences.length > 0) {
		text_puts(out, "<details><summary>Licences of the libraries that draw the "
		               "figures</summary>\n<pre tabindex=\"0\">");
		html_escape(out, licences.data); /* a zero byte follows every asset */
		text_puts(out, "</pre></details>\n");
	}
	text_puts(out, "</footer>\n");
}

void write_html(const struct page *page, struct text *out)
{
	head(page, out);
	text_puts(out, "<a class=\"skip\" href=\"#main\">Skip to the report</a>\n<header>\n"
	               "<p class=\"brand\">ergon</p>\n");
	element(out, "<h1>", page->title, "</h1>\n");
	if (page->lead)
		element(out, "<p class=\"lead\">", page->lead, "</p>\n");
	text_puts(out, "</header>\n<main id=\"main\">\n");
	answers(page, out);
	if (!report_has_figures())
		text_puts(out, "<p class=\"remark\" role=\"note\">Figures were left out when ergon "
		               "was built (npm or the package registry was missing); their data "
		               "stand here as tables.</p>\n");
	contents(page, out);
	sections(page, out);
	foot(out);
	scripts(out);
	text_puts(out, "</body>\n</html>\n");
}
