/* SPDX-License-Identifier: Apache-2.0
 *
 * Roofline (Williams, Waterman and Patterson 2009), and the trade-off between time and energy.
 */
#include <stdio.h>

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

/* Roles in the order of the legend; the script's palette follows it. */
json_t *figure_tradeoff(json_t *points, json_t *front, const char *time_unit,
                        const char *energy_unit)
{
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
	    "      'scale': {'domain': ['other setting', 'baseline', 'on the front', 'least "
	    "energy',"
	    "                           'least EDP'], 'range': 'roles'}},"
	    "    'shape': {'field': 'role', 'type': 'nominal', 'title': null,"
	    "      'scale': {'domain': ['other setting', 'baseline', 'on the front', 'least "
	    "energy',"
	    "                           'least EDP'],"
	    "                'range': ['circle', 'square', 'circle', 'triangle-down',"
	    "                          'diamond']}},"
	    "    'tooltip': [{'field': 'label', 'title': 'setting'},"
	    "                {'field': 'role', 'title': 'role'},"
	    "                {'field': 'time', 'type': 'quantitative', 'format': '.4~g'},"
	    "                {'field': 'energy', 'type': 'quantitative', 'format': '.4~g'}]}},"
	    "  {'name': 'labels', 'transform': [{'filter': 'datum.tag != null'}],"
	    "   'mark': {'type': 'text', 'style': 'label', 'align': 'left', 'dx': 9, 'dy': -7},"
	    "   'encoding': {'text': {'field': 'tag', 'type': 'nominal'}}}]}",
	    points);
	if (!spec) {
		json_decref(front);
		return NULL;
	}
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
