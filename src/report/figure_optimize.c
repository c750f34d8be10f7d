/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies side by side: energy against completion time, who ran where and when, the distribution
 * of completion times, and what rises with the load.
 */
#include <math.h>
#include <stdio.h>

#include "report/figure.h"

enum { TITLE_CHARS = 64 };

static void set_title(json_t *spec, const char *path, const char *what, const char *unit)
{
	char title[TITLE_CHARS];
	snprintf(title, sizeof title, "%s (%s)", what, unit);
	figure_set(spec, path, json_string(title));
}

static void span_of(json_t *spec, const char *channel, const json_t *rows, const char *key)
{
	double low = INFINITY, high = -INFINITY;
	for (size_t i = 0; i < json_array_size(rows); i++) {
		double value = json_number_value(json_object_get(json_array_get(rows, i), key));
		low = fmin(low, value);
		high = fmax(high, value);
	}
	figure_span(spec, channel, low, high);
}

json_t *figure_policies(json_t *rows, const char *const *names, const char *time_unit,
                        const char *energy_unit)
{
	figure_place_tags(rows, "jct", "energy");
	json_t *spec = figure_spec(
	    "{'description': 'Energy against mean job completion time of each policy',"
	    " 'height': 300,"
	    " 'encoding': {"
	    "  'x': {'field': 'jct', 'type': 'quantitative', 'axis': {'title': ''},"
	    "        'scale': {'zero': false, 'padding': 22, 'nice': false}},"
	    "  'y': {'field': 'energy', 'type': 'quantitative', 'axis': {'title': ''},"
	    "        'scale': {'zero': false, 'padding': 22, 'nice': false}}},"
	    " 'layer': ["
	    "  {'mark': {'type': 'point', 'filled': true, 'size': 120, 'opacity': 1},"
	    "   'encoding': {"
	    "    'color': {'field': 'policy', 'type': 'nominal', 'title': null, 'sort': null},"
	    "    'tooltip': [{'field': 'policy'},"
	    "                {'field': 'jct', 'type': 'quantitative', 'format': '.4~g',"
	    "                 'title': 'mean JCT'},"
	    "                {'field': 'energy', 'type': 'quantitative', 'format': '.4~g'}]}},"
	    "  {'name': 'labels', 'transform': [{'filter': 'datum.tag != null'}],"
	    "   'mark': {'type': 'text', 'style': 'label', 'align': {'expr': 'datum.tag_side'},"
	    "            'dx': {'expr': 'datum.tag_x'}, 'dy': {'expr': 'datum.tag_y'}},"
	    "   'encoding': {'text': {'field': 'tag', 'type': 'nominal'}}}]}",
	    rows);
	if (!spec)
		return NULL;
	json_t *points = json_array_get(json_object_get(spec, "layer"), 0);
	figure_legend_present(json_object_get(json_object_get(points, "encoding"), "color"), rows,
	                      "policy", names);
	figure_layer_needs(spec, 1, "tag");
	span_of(spec, "x", rows, "jct");
	span_of(spec, "y", rows, "energy");
	set_title(spec, "encoding.x.axis.title", "Mean job completion time", time_unit);
	set_title(spec, "encoding.y.axis.title", "Energy", energy_unit);
	return spec;
}

json_t *figure_gantt(json_t *rows, size_t gpus, const char *unit)
{
	json_t *spec = figure_spec(
	    "{'description': 'Which job held which GPU and when', 'height': 300,"
	    " 'mark': {'type': 'rect', 'style': 'gantt', 'clip': true},"
	    " 'encoding': {"
	    "  'y': {'field': 'gpu', 'type': 'quantitative', 'title': 'GPU',"
	    "        'scale': {'domain': [0, 1], 'nice': false, 'reverse': true},"
	    "        'axis': {'grid': false, 'tickMinStep': 1}},"
	    "  'y2': {'field': 'gpu_end'},"
	    "  'x': {'field': 'begin', 'type': 'quantitative', 'axis': {'title': ''},"
	    "        'scale': {'nice': false}},"
	    "  'x2': {'field': 'end'},"
	    "  'color': {'field': 'kind', 'type': 'ordinal', 'title': null,"
	    "    'scale': {'domain': ['1 GPU', '2', '3 to 4', '5 to 8', '9 to 16', 'more'],"
	    "              'range': 'ramp'}},"
	    "  'tooltip': [{'field': 'job'},"
	    "              {'field': 'gpus', 'type': 'quantitative', 'title': 'GPUs in all'},"
	    "              {'field': 'begin', 'type': 'quantitative', 'format': '.4~g'},"
	    "              {'field': 'end', 'type': 'quantitative', 'format': '.4~g'}]}}",
	    rows);
	if (!spec)
		return NULL;
	figure_set(spec, "encoding.y.scale.domain", json_pack("[i, I]", 0, (json_int_t)gpus));
	set_title(spec, "encoding.x.axis.title", "Time", unit);
	return spec;
}

json_t *figure_cdf(json_t *rows, const char *const *names, const char *unit)
{
	json_t *spec = figure_spec(
	    "{'description': 'Share of jobs done within a completion time', 'height': 300,"
	    " 'params': [{'name': 'pick', 'select': {'type': 'point', 'fields': ['policy']},"
	    "             'bind': 'legend'}],"
	    " 'mark': {'type': 'line', 'tooltip': true, 'interpolate': 'step-after',"
	    "          'strokeWidth': 1.75},"
	    " 'encoding': {"
	    "  'x': {'field': 'jct', 'type': 'quantitative', 'axis': {'title': ''},"
	    "        'scale': {'type': 'log', 'nice': false}},"
	    "  'y': {'field': 'share', 'type': 'quantitative', 'title': 'Share of jobs done',"
	    "        'axis': {'format': '.0%', 'tickCount': 5},"
	    "        'scale': {'domain': [0, 1]}},"
	    "  'color': {'field': 'policy', 'type': 'nominal', 'title': null, 'sort': null},"
	    "  'opacity': {'condition': {'param': 'pick', 'value': 1}, 'value': 0.12}}}",
	    rows);
	if (!spec)
		return NULL;
	figure_legend_present(json_object_get(json_object_get(spec, "encoding"), "color"), rows,
	                      "policy", names);
	set_title(spec, "encoding.x.axis.title", "Job completion time", unit);
	return spec;
}

json_t *figure_load(json_t *rows, const char *const *names, const char *axis, const char *unit)
{
	json_t *spec = figure_spec(
	    "{'description': 'A quantity of each policy over the load, with 95% intervals',"
	    " 'height': 300,"
	    " 'encoding': {"
	    "  'x': {'field': 'at', 'type': 'quantitative', 'title': 'Load of the trace',"
	    "        'scale': {'zero': false, 'nice': false, 'padding': 12},"
	    "        'axis': {'tickCount': 6, 'format': '~g'}},"
	    "  'color': {'field': 'policy', 'type': 'nominal', 'title': null, 'sort': null}},"
	    " 'layer': ["
	    "  {'params': [{'name': 'pick', 'select': {'type': 'point', 'fields': ['policy']},"
	    "               'bind': 'legend'}],"
	    "   'mark': {'type': 'line', 'point': {'filled': true, 'size': 45}, 'strokeWidth': "
	    "1.75},"
	    "   'encoding': {"
	    "    'y': {'field': 'mean', 'type': 'quantitative', 'axis': {'title': ''}},"
	    "    'opacity': {'condition': {'param': 'pick', 'value': 1}, 'value': 0.12},"
	    "    'tooltip': [{'field': 'policy'}, {'field': 'load', 'type': 'quantitative'},"
	    "      {'field': 'mean', 'type': 'quantitative', 'format': '.4~g'},"
	    "      {'field': 'low', 'type': 'quantitative', 'format': '.4~g'},"
	    "      {'field': 'high', 'type': 'quantitative', 'format': '.4~g'}]}},"
	    "  {'mark': {'type': 'rule', 'strokeWidth': 1.25},"
	    "   'encoding': {"
	    "    'y': {'field': 'low', 'type': 'quantitative', 'title': ''},"
	    "    'y2': {'field': 'high'},"
	    "    'opacity': {'condition': {'param': 'pick', 'value': 0.55}, 'value': 0.06}}}]}",
	    rows);
	if (!spec)
		return NULL;
	figure_legend_present(json_object_get(json_object_get(spec, "encoding"), "color"), rows,
	                      "policy", names);
	set_title(spec, "layer.0.encoding.y.axis.title", axis, unit);
	return spec;
}
