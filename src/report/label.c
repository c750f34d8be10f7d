/* SPDX-License-Identifier: Apache-2.0 */
#include "report/label.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/grow.h"
#include "base/units.h"
#include "report/doc.h"
#include "report/write.h"

enum { CLASSES = 7, WIDE = 420, BAR_TOP = 112, BAR_HEIGHT = 22, BAR_STEP = 26 };

/* The colours of energy labels, green to red, dark enough under white letters. */
static const char *const colours[CLASSES] = { "#00843d", "#3f9c35", "#7a9a01", "#b58500",
	                                      "#d0691c", "#cc4b1f", "#b3202c" };

/* One line of text, escaped, cut to `most` characters. */
static void put_line(struct text *out, double x, double y, double size, const char *weight,
                     const char *anchor, const char *colour, const char *line, size_t most)
{
	char cut[160];
	size_t length = strlen(line);
	if (most > sizeof cut - 4)
		most = sizeof cut - 4;
	if (length > most) {
		size_t at = most;
		while (at > 0 && ((unsigned char)line[at] & 0xc0) == 0x80)
			at--; /* not within a character */
		snprintf(cut, sizeof cut, "%.*s...", (int)at, line);
		line = cut;
	}
	text_printf(out,
	            "<text x=\"%g\" y=\"%g\" font-size=\"%g\" font-weight=\"%s\" "
	            "text-anchor=\"%s\" fill=\"%s\">",
	            x, y, size, weight, anchor, colour);
	html_escape(out, line);
	text_puts(out, "</text>\n");
}

static void put_classes(struct text *out, const json_t *document)
{
	const json_t *class = doc_get(document, "class");
	const char *letter = doc_text(class, "letter");
	for (int i = 0; i < CLASSES; i++) {
		int y = BAR_TOP + i * BAR_STEP, width = 70 + i * 22;
		char name[2] = { (char)('A' + i), '\0' };
		text_printf(out, "<path d=\"M24 %d h%d l11 %d l-11 %d h-%d z\" fill=\"%s\"/>\n", y,
		            width, BAR_HEIGHT / 2, BAR_HEIGHT / 2, width, colours[i]);
		put_line(out, 34, y + 16, 15, "bold", "start", "#fff", name, 1);
		if (letter && letter[0] == name[0]) {
			text_printf(
			    out, "<path d=\"M396 %d h-74 l-16 %d l16 %d h74 z\" fill=\"#111\"/>\n",
			    y - 6, BAR_HEIGHT / 2 + 6, BAR_HEIGHT / 2 + 6);
			put_line(out, 356, y + 19, 24, "bold", "middle", "#fff", name, 1);
		}
	}
	if (!letter || letter[0] < 'A' || letter[0] > 'G')
		put_line(out, 396, BAR_TOP + 16, 12, "normal", "end", "#333",
		         "no class: no reference of its kind", 60);
}

static const char *energy_text(char *out, size_t size, double energy_j)
{
	if (energy_j >= 3.6e5)
		return format_si(out, size, energy_j / 3600, "Wh");
	return format_si(out, size, energy_j, "J");
}

static double item_real(const json_t *object, const char *key, size_t index)
{
	return json_number_value(doc_item(object, key, index));
}

static void put_training(struct text *out, const json_t *document)
{
	const json_t *training = doc_get(document, "training");
	char line[224], a[40], b[40], c[40];
	put_line(out, 24, 326, 12, "normal", "start", "#555", "Training, in all", 60);
	put_line(out, 24, 356, 28, "bold", "start", "#111",
	         energy_text(a, sizeof a, doc_real(training, "energy_j")), 40);
	snprintf(line, sizeof line, "80%%: %s to %s",
	         energy_text(a, sizeof a, item_real(training, "energy_interval80_j", 0)),
	         energy_text(b, sizeof b, item_real(training, "energy_interval80_j", 1)));
	put_line(out, 396, 356, 12, "normal", "end", "#555", line, 60);
	double gpus = doc_real(document, "gpus"), grams = doc_real(training, "co2_g");
	format_si(c, sizeof c, grams >= 1e6 ? grams / 1e6 : grams, grams >= 1e6 ? "t" : "g");
	snprintf(line, sizeof line, "%s on %.0f GPU%s, %s CO2e, cost %.4g",
	         format_duration(a, sizeof a, doc_real(training, "time_s")), gpus,
	         gpus == 1 ? "" : "s", c, doc_real(training, "cost"));
	put_line(out, 24, 378, 13, "normal", "start", "#111", line, 62);
	const char *target = doc_text(training, "target");
	snprintf(line, sizeof line, "to %.120s", target ? target : "an unstated target");
	put_line(out, 24, 398, 12, "normal", "start", "#555", line, 66);
}

static void put_inference(struct text *out, const json_t *document)
{
	const json_t *inference = doc_get(document, "inference");
	char line[224], a[40], b[40];
	const char *unit = doc_text(inference, "unit");
	snprintf(line, sizeof line, "Inference, 1,000 %.40s", unit ? unit : "samples");
	put_line(out, 24, 430, 12, "normal", "start", "#555", line, 60);
	put_line(out, 24, 460, 28, "bold", "start", "#111",
	         energy_text(a, sizeof a, doc_real(inference, "energy_per_1000_j")), 40);
	snprintf(line, sizeof line, "80%%: %s to %s",
	         energy_text(a, sizeof a, item_real(inference, "energy_per_1000_interval80_j", 0)),
	         energy_text(b, sizeof b, item_real(inference, "energy_per_1000_interval80_j", 1)));
	put_line(out, 396, 460, 12, "normal", "end", "#555", line, 60);
}

static void put_small_print(struct text *out, const json_t *document)
{
	const json_t *class = doc_get(document, "class"), *terms = doc_get(document, "terms");
	const char *device = doc_text(document, "device"), *grid = doc_text(terms, "grid");
	const char *precision = doc_text(document, "precision");
	const char *reference = doc_text(class, "reference");
	char line[224];
	snprintf(line, sizeof line, "%.48s, %.16s; grid %.16s, %.4g g/kWh; PUE %.4g",
	         device ? device : "?", precision ? precision : "?", grid ? grid : "?",
	         doc_real(terms, "g_per_kwh"), doc_real(terms, "pue"));
	put_line(out, 24, 494, 11, "normal", "start", "#555", line, 72);
	if (reference)
		snprintf(line, sizeof line, "Class: energy of inference over that of %.48s: %.3g",
		         reference, doc_real(class, "index"));
	else
		snprintf(line, sizeof line, "No class");
	put_line(out, 24, 512, 11, "normal", "start", "#555", line, 72);
	put_line(out, 24, 530, 11, "normal", "start", "#555",
	         "A to 1/4, B to 1/2, C to 1, D to 2, E to 4, F to 8, G above", 72);
	put_line(out, 24, 548, 11, "normal", "start", "#555",
	         "Modelled before training, not measured. ergon label", 72);
}

static enum ergon_code check_kind(const json_t *document, struct ergon_error *err)
{
	const char *kind = doc_text(document, "kind");
	if (kind && strcmp(kind, "ergon.label") == 0)
		return ERGON_OK;
	return ergon_fail(err, ERGON_BAD_INPUT,
	                  "expected a document of kind ergon.label, found %.40s",
	                  kind ? kind : "none");
}

static void draw(struct text *out, const json_t *document)
{
	char line[96];
	const char *model = doc_text(document, "model"), *title = doc_text(document, "title");
	char a[40];
	text_printf(out,
	            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d 560\" width=\"%d\" "
	            "height=\"560\" role=\"img\" font-family=\"Helvetica, Arial, sans-serif\">\n"
	            "<title>Energy label of ",
	            WIDE, WIDE);
	html_escape(out, model ? model : "a model");
	text_printf(out,
	            "</title>\n<rect x=\"1\" y=\"1\" width=\"%d\" height=\"558\" rx=\"10\" "
	            "fill=\"#fff\" stroke=\"#111\" stroke-width=\"2\"/>\n",
	            WIDE - 2);
	put_line(out, 24, 38, 14, "bold", "start", "#555", "ENERGY, PREDICTED", 40);
	put_line(out, 24, 68, 24, "bold", "start", "#111", model ? model : "?", 28);
	double parameters = doc_real(document, "parameters");
	if (parameters >= 1e9)
		snprintf(a, sizeof a, "%.3g billion", parameters / 1e9);
	else
		snprintf(a, sizeof a, "%.3g million", parameters / 1e6);
	snprintf(line, sizeof line, "%s parameters", a);
	put_line(out, 24, 90, 12, "normal", "start", "#555", title && *title ? title : line, 66);
	put_line(out, 396, 38, 12, "normal", "end", "#555", line, 40);
	put_classes(out, document);
	text_puts(out, "<path d=\"M24 306 h372 M24 412 h372 M24 474 h372\" stroke=\"#ccc\"/>\n");
	put_training(out, document);
	put_inference(out, document);
	put_small_print(out, document);
	text_puts(out, "</svg>\n");
}

static enum ergon_code hand_over(struct text *out, char **text, struct ergon_error *err)
{
	if (out->failed) {
		text_fini(out);
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	*text = out->data;
	return ERGON_OK;
}

enum ergon_code label_svg(const json_t *document, char **text, struct ergon_error *err)
{
	struct text out = { 0 };
	enum ergon_code code = check_kind(document, err);
	if (code)
		return code;
	draw(&out, document);
	return hand_over(&out, text, err);
}

enum ergon_code label_html(const json_t *document, char **text, struct ergon_error *err)
{
	struct text out = { 0 };
	enum ergon_code code = check_kind(document, err);
	const char *source = doc_text(doc_get(document, "training"), "recipe_source");
	if (code)
		return code;
	text_puts(&out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
	                "<meta name=\"viewport\" content=\"width=device-width\">\n<title>Energy "
	                "label</title>\n<style>body{font-family:Helvetica,Arial,sans-serif;"
	                "max-width:44em;margin:2em auto;padding:0 1em}svg{max-width:100%;"
	                "height:auto}</style>\n</head>\n<body>\n");
	draw(&out, document);
	text_puts(&out, "<p>Length of training: ");
	html_escape(&out, source ? source : "not stated");
	text_puts(&out, "</p>\n<script type=\"application/json\" id=\"label\">");
	html_json(&out, document);
	text_puts(&out, "</script>\n</body>\n</html>\n");
	return hand_over(&out, text, err);
}
