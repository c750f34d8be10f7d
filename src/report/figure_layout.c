/* SPDX-License-Identifier: Apache-2.0
 *
 * What a specification cannot say for itself: where texts have room, how far an axis should reach,
 * which entries a legend needs.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/figure.h"

/* A plot of usual size; on a wider one texts only come to lie further apart. */
static const double plot_width = 430, plot_height = 240, char_width = 6.6, text_height = 13,
		    point_radius = 7;
/* Room that the axes leave around the points. */
static const double margin_x = 22, margin_y = 22;

enum { TAGS_MAX = 64, PLACES = 4 };

struct box {
	double left, top, right, bottom;
};

static bool apart(const struct box *a, const struct box *b)
{
	return a->right < b->left || b->right < a->left || a->bottom < b->top || b->bottom < a->top;
}

static double number(const json_t *row, const char *key)
{
	return json_number_value(json_object_get(row, key));
}

struct span {
	double low, high;
};

static struct span span_of(const json_t *rows, const char *key)
{
	struct span s = { INFINITY, -INFINITY };
	for (size_t i = 0; i < json_array_size(rows); i++) {
		s.low = fmin(s.low, number(json_array_get(rows, i), key));
		s.high = fmax(s.high, number(json_array_get(rows, i), key));
	}
	double least = fabs(s.high) / 10;
	if (s.high - s.low < least) {
		double middle = (s.high + s.low) / 2;
		s = (struct span){ middle - least / 2, middle + least / 2 };
	}
	return s;
}

static double pixel(double value, struct span span, double margin, double size)
{
	double width = span.high - span.low;
	return margin + (width > 0 ? (value - span.low) / width : 0.5) * (size - 2 * margin);
}

static bool is_free(const struct box *boxes, size_t count, const struct box *box, size_t own)
{
	if (box->left < 0 || box->top < 0 || box->bottom > plot_height)
		return false;
	for (size_t i = 0; i < count; i++)
		if (i != own && !apart(&boxes[i], box))
			return false;
	return true;
}

/* Offsets of the text's left end and of its middle line, best first. */
static void place_one(json_t *row, struct box *boxes, size_t *count, size_t own, double width)
{
	double x = (boxes[own].left + boxes[own].right) / 2;
	double y = (boxes[own].top + boxes[own].bottom) / 2;
	const struct {
		double x, y;
	} places[PLACES] = { { 10, -6 }, { 10, 9 }, { -10 - width, -6 }, { -10 - width, 9 } };
	for (size_t i = 0; i < PLACES; i++) {
		double left = x + places[i].x, middle = y + places[i].y;
		struct box box = { left, middle - text_height / 2, left + width,
			           middle + text_height / 2 };
		if (!is_free(boxes, *count, &box, own))
			continue;
		boxes[(*count)++] = box;
		/* To the left texts end at the point: their width is only estimated here. */
		json_object_set_new(row, "tag_side",
		                    json_string(places[i].x > 0 ? "left" : "right"));
		json_object_set_new(row, "tag_x", json_integer(places[i].x > 0 ? 9 : -9));
		json_object_set_new(row, "tag_y", json_integer((json_int_t)places[i].y));
		return;
	}
	json_object_del(row, "tag");
}

void figure_place_tags(json_t *rows, const char *x, const char *y)
{
	struct span across = span_of(rows, x), down = span_of(rows, y);
	size_t points = json_array_size(rows), count = 0, tags = 0;
	struct box *boxes = calloc(points + TAGS_MAX, sizeof *boxes);
	if (!boxes)
		return;
	for (; count < points; count++) {
		const json_t *row = json_array_get(rows, count);
		double px = pixel(number(row, x), across, margin_x, plot_width);
		double py = plot_height - pixel(number(row, y), down, margin_y, plot_height);
		boxes[count] = (struct box){ px - point_radius, py - point_radius,
			                     px + point_radius, py + point_radius };
	}
	for (size_t i = 0; i < points; i++) {
		json_t *row = json_array_get(rows, i);
		const char *tag = json_string_value(json_object_get(row, "tag"));
		if (!tag)
			continue;
		if (tags++ < TAGS_MAX)
			place_one(row, boxes, &count, i, char_width * (double)strlen(tag));
		else
			json_object_del(row, "tag");
	}
	free(boxes);
}

void figure_span(json_t *spec, const char *channel, double low, double high)
{
	double least = fabs(high) / 10;
	if (!(low <= high) || !isfinite(low) || !isfinite(high))
		return;
	if (high - low < least) {
		double middle = (low + high) / 2;
		low = middle - least / 2;
		high = middle + least / 2;
	}
	json_t *scale =
	    json_object_get(json_object_get(json_object_get(spec, "encoding"), channel), "scale");
	if (scale && high > low)
		json_object_set_new(scale, "domain", json_pack("[f, f]", low, high));
}

void figure_legend_present(json_t *channel, const json_t *rows, const char *field,
                           const char *const *names)
{
	json_t *present = json_array(), *domain = json_array();
	for (const char *const *name = names; *name; name++)
		json_array_append_new(domain, json_string(*name));
	json_t *scale = json_object_get(channel, "scale");
	if (scale)
		json_object_set(scale, "domain", domain);
	else
		json_object_set_new(channel, "scale", json_pack("{s:O}", "domain", domain));
	json_decref(domain);
	for (; *names; names++)
		for (size_t i = 0; i < json_array_size(rows); i++) {
			const char *value =
			    json_string_value(json_object_get(json_array_get(rows, i), field));
			if (!value || strcmp(value, *names) != 0)
				continue;
			json_array_append_new(present, json_string(value));
			break;
		}
	json_object_set_new(channel, "legend", json_pack("{s:o}", "values", present));
}
