/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies side by side: energy against completion time, who ran where and when, and the
 * distribution of completion times.
 */
#include <stdio.h>

#include "report/figure.h"

enum { TITLE_CHARS = 64, LANE_PIXELS = 24, LANES_LEAST = 240 };

static void set_title(json_t *spec, const char *path, const char *what, const char *unit)
{
	char title[TITLE_CHARS];
	snprintf(title, sizeof title, "%s (%s)", what, unit);
	figure_set(spec, path, json_string(title));
}

json_t *figure_policies(json_t *rows, const char *time_unit, const char *energy_unit)
{
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
	    "  {'name': 'labels',"
	    "   'mark': {'type': 'text', 'style': 'label', 'align': 'left', 'dx': 9,"
	    "            'dy': -6},"
	    "   'encoding': {'text': {'field': 'tag', 'type': 'nominal'}}}]}",
	    rows);
	if (!spec)
		return NULL;
	set_title(spec, "encoding.x.axis.title", "Mean job completion time", time_unit);
	set_title(spec, "encoding.y.axis.title", "Energy", energy_unit);
	return spec;
}

json_t *figure_gantt(json_t *rows, size_t lanes, const char *unit)
{
	json_t *spec = figure_spec(
	    "{'description': 'Which job ran where and when', 'height': 200,"
	    " 'mark': {'type': 'bar', 'style': 'gantt', 'height': {'band': 0.84},"
	    "          'clip': true},"
	    " 'encoding': {"
	    "  'y': {'field': 'row', 'type': 'nominal', 'sort': null, 'title': null,"
	    "        'axis': {'labelOverlap': true, 'ticks': false}},"
	    "  'x': {'field': 'begin', 'type': 'quantitative', 'axis': {'title': ''},"
	    "        'scale': {'nice': false}},"
	    "  'x2': {'field': 'end'},"
	    "  'yOffset': {'field': 'slot', 'type': 'nominal'},"
	    "  'color': {'field': 'kind', 'type': 'nominal', 'title': null},"
	    "  'tooltip': [{'field': 'job'}, {'field': 'kind'}, {'field': 'row', 'title': "
	    "               'where'}, {'field': 'gpus', 'type': 'quantitative'},"
	    "              {'field': 'begin', 'type': 'quantitative', 'format': '.4~g'},"
	    "              {'field': 'end', 'type': 'quantitative', 'format': '.4~g'}]}}",
	    rows);
	if (!spec)
		return NULL;
	size_t height = lanes * LANE_PIXELS;
	figure_set(spec, "height",
	           json_integer((json_int_t)(height < LANES_LEAST ? LANES_LEAST : height)));
	set_title(spec, "encoding.x.axis.title", "Time", unit);
	return spec;
}

json_t *figure_cdf(json_t *rows, const char *unit)
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
	set_title(spec, "encoding.x.axis.title", "Job completion time", unit);
	return spec;
}
