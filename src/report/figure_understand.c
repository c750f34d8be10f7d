/* SPDX-License-Identifier: Apache-2.0
 *
 * Roofline (Williams, Waterman and Patterson 2009), and the trade-off between time and energy.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/figure.h"

enum { TITLE_CHARS = 64 };

json_t *figure_roofline(json_t *roofs, json_t *kernels)
{
	json_t *spec = figure_spec(
	    "{'description': 'Roofline: rate of work against arithmetic intensity',"
	    " 'height': 320,"
	    " 'encoding': {"
	    "  'x': {'field': 'intensity', 'type': 'quantitative',"
	    "        'title': 'Arithmetic intensity (FLOP per byte)',"
	    "        'scale': {'type': 'log', 'nice': false},"
	    "        'axis': {'format': '~g', 'labelOverlap': true, 'tickCount': 6}},"
	    "  'y': {'field': 'gflops', 'type': 'quantitative', 'title': 'GFLOP/s',"
	    "        'scale': {'type': 'log', 'nice': false, 'padding': 16},"
	    "        'axis': {'format': '~g', 'labelOverlap': true, 'tickCount': 6,"
	    "                 'grid': false}}},"
	    " 'layer': ["
	    "  {'mark': {'type': 'line', 'style': 'roof', 'clip': true},"
	    "   'encoding': {'detail': {'field': 'roof', 'type': 'nominal'}}},"
	    "  {'name': 'labels', 'transform': [{'filter': 'datum.label != null'}],"
	    "   'mark': {'type': 'text', 'style': 'label', 'align': 'left', 'dx': 14,"
	    "            'dy': 7},"
	    "   'encoding': {'text': {'field': 'label', 'type': 'nominal'}}},"
	    "  {'name': 'labels-peaks', 'transform': [{'filter': 'datum.peak != null'}],"
	    "   'mark': {'type': 'text', 'style': 'label', 'align': 'right', 'dy': -8},"
	    "   'encoding': {'text': {'field': 'peak', 'type': 'nominal'}}},"
	    "  {'mark': {'type': 'point', 'tooltip': true, 'filled': true, 'size': 75,"
	    "            'opacity': 0.95},"
	    "   'encoding': {"
	    "    'color': {'field': 'kernel', 'type': 'nominal', 'title': null, 'sort': null},"
	    "    'shape': {'field': 'paradigm', 'type': 'nominal', 'title': null,"
	    "              'sort': null},"
	    "    'tooltip': [{'field': 'kernel'}, {'field': 'paradigm'}, {'field': 'where'},"
	    "                {'field': 'gflops', 'type': 'quantitative', 'format': '.3~g',"
	    "                 'title': 'GFLOP/s'},"
	    "                {'field': 'intensity', 'type': 'quantitative', 'format': '.3~g',"
	    "                 'title': 'FLOP/byte'}]}}]}",
	    roofs);
	if (!spec) {
		json_decref(kernels);
		return NULL;
	}
	figure_layer_rows(spec, 3, kernels);
	figure_layer_needs(spec, 2, "peak");
	figure_layer_needs(spec, 1, "label");
	figure_layer_needs(spec, 0, "roof");
	return spec;
}

json_t *figure_energy_roofline(json_t *roofs, json_t *kernels)
{
	json_t *spec = figure_roofline(roofs, kernels);
	if (!spec)
		return NULL;
	figure_set(spec, "description",
	           json_string("Energy roofline: work per joule against arithmetic intensity"));
	figure_set(spec, "encoding.y.title", json_string("GFLOP per joule"));
	json_t *layers = json_object_get(spec, "layer");
	for (size_t i = 0; i < json_array_size(layers); i++) {
		json_t *tips = json_object_get(
		    json_object_get(json_array_get(layers, i), "encoding"), "tooltip");
		for (size_t k = 0; k < json_array_size(tips); k++) {
			json_t *tip = json_array_get(tips, k);
			const char *field = json_string_value(json_object_get(tip, "field"));
			if (field && strcmp(field, "gflops") == 0)
				json_object_set_new(tip, "title", json_string("GFLOP/J"));
		}
	}
	return spec;
}

/* Roles in the order of the legend; the script's palette follows it. */
static void tradeoff_span(json_t *spec, const json_t *points)
{
	double left = INFINITY, right = -INFINITY, low = INFINITY, high = -INFINITY;
	for (size_t i = 0; i < json_array_size(points); i++) {
		const json_t *p = json_array_get(points, i);
		double time = json_number_value(json_object_get(p, "time"));
		double energy = json_number_value(json_object_get(p, "energy"));
		const json_t *from = json_object_get(p, "energy_low");
		const json_t *to = json_object_get(p, "energy_high");
		left = fmin(left, time);
		right = fmax(right, time);
		low = fmin(low, from ? json_number_value(from) : energy);
		high = fmax(high, to ? json_number_value(to) : energy);
	}
	figure_span(spec, "x", left, right);
	figure_span(spec, "y", low, high);
}

json_t *figure_tradeoff(json_t *points, json_t *front, const char *time_unit,
                        const char *energy_unit)
{
	static const char *const roles[] = {
		"other setting",        "baseline", "on the front", "least energy", "least EDP",
		"least energy and EDP", NULL
	};
	figure_place_tags(points, "time", "energy");
	json_t *spec = figure_spec(
	    "{'description': 'Energy against time of every configuration', 'height': 320,"
	    " 'encoding': {"
	    "  'x': {'field': 'time', 'type': 'quantitative', 'axis': {'title': ''},"
	    "        'scale': {'zero': false, 'padding': 18, 'nice': false}},"
	    "  'y': {'field': 'energy', 'type': 'quantitative', 'axis': {'title': ''},"
	    "        'scale': {'zero': false, 'padding': 18, 'nice': false}}},"
	    " 'layer': ["
	    "  {'mark': {'type': 'line', 'style': 'front', 'interpolate': 'step-after'}},"
	    "  {'transform': [{'filter': {'field': 'energy_low', 'valid': true}}],"
	    "   'mark': {'type': 'rule', 'style': 'interval'},"
	    "   'encoding': {'y': {'field': 'energy_low', 'type': 'quantitative'},"
	    "                'y2': {'field': 'energy_high'}}},"
	    "  {'mark': {'type': 'point', 'tooltip': true, 'filled': true, 'size': 95,"
	    "            'opacity': 1},"
	    "   'encoding': {"
	    "    'color': {'field': 'role', 'type': 'nominal', 'title': null,"
	    "              'scale': {'range': 'roles'}},"
	    "    'shape': {'field': 'role', 'type': 'nominal', 'title': null,"
	    "      'scale': {'range': ['circle', 'square', 'circle', 'triangle-down', 'diamond',"
	    "                          'diamond']}},"
	    "    'tooltip': [{'field': 'label', 'title': 'setting'},"
	    "                {'field': 'role', 'title': 'role'},"
	    "                {'field': 'time', 'type': 'quantitative', 'format': '.4~g'},"
	    "                {'field': 'energy', 'type': 'quantitative', 'format': '.4~g'}]}},"
	    "  {'name': 'labels', 'transform': [{'filter': 'datum.tag != null'}],"
	    "   'mark': {'type': 'text', 'style': 'label', 'align': {'expr': 'datum.tag_side'},"
	    "            'dx': {'expr': 'datum.tag_x'}, 'dy': {'expr': 'datum.tag_y'}},"
	    "   'encoding': {'text': {'field': 'tag', 'type': 'nominal'}}}]}",
	    points);
	if (!spec) {
		json_decref(front);
		return NULL;
	}
	tradeoff_span(spec, points);
	json_t *encoding =
	    json_object_get(json_array_get(json_object_get(spec, "layer"), 2), "encoding");
	figure_legend_present(json_object_get(encoding, "color"), points, "role", roles);
	figure_legend_present(json_object_get(encoding, "shape"), points, "role", roles);
	figure_layer_needs(spec, 3, "tag");
	figure_layer_needs(spec, 1, "energy_low");
	figure_layer_rows(spec, 0, front);
	char title[TITLE_CHARS];
	snprintf(title, sizeof title, "Time (%s)", time_unit);
	figure_set(spec, "encoding.x.axis.title", json_string(title));
	snprintf(title, sizeof title, "Energy (%s)", energy_unit);
	figure_set(spec, "encoding.y.axis.title", json_string(title));
	return spec;
}
