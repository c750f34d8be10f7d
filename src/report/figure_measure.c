/* SPDX-License-Identifier: Apache-2.0
 *
 * Power over time, energy by domain.
 */
#include <math.h>
#include <stdio.h>

#include "report/figure.h"

enum { BAR_PIXELS = 30, TITLE_CHARS = 64 };

static json_t *axis_title(const char *what, const char *unit)
{
	char title[TITLE_CHARS];
	snprintf(title, sizeof title, "%s (%s)", what, unit);
	return json_string(title);
}

json_t *figure_power(json_t *rows, double budget_w, const char *const *names, const char *unit,
                     bool steps)
{
	json_t *spec = figure_spec(
	    "{'description': 'Power over time', 'height': 260,"
	    " 'layer': [{"
	    "  'params': [{'name': 'pick', 'select': {'type': 'point', 'fields': ['series']},"
	    "              'bind': 'legend'}],"
	    "  'mark': {'type': 'line', 'tooltip': true, 'strokeWidth': 1.75},"
	    "  'encoding': {"
	    "   'x': {'field': 'time', 'type': 'quantitative', 'axis': {'title': ''},"
	    "         'scale': {'nice': false}},"
	    "   'y': {'field': 'power_w', 'type': 'quantitative', 'title': 'Power (W)',"
	    "         'scale': {'zero': true}},"
	    "   'color': {'field': 'series', 'type': 'nominal', 'sort': null, 'title': null},"
	    "   'opacity': {'condition': {'param': 'pick', 'value': 1}, 'value': 0.12}}}]}",
	    rows);
	if (!spec)
		return NULL;
	figure_set(spec, "layer.0.encoding.x.axis.title", axis_title("Time", unit));
	if (steps)
		figure_set(spec, "layer.0.mark.interpolate", json_string("step-after"));
	else
		figure_set(spec, "layer.0.mark.interpolate", json_string("linear"));
	json_t *line = json_array_get(json_object_get(spec, "layer"), 0);
	if (names)
		figure_legend_present(json_object_get(json_object_get(line, "encoding"), "color"),
		                      rows, "series", names);
	if (isfinite(budget_w) && budget_w > 0) {
		json_t *layers = json_object_get(spec, "layer");
		json_array_append_new(layers,
		                      json_pack("{s:{s:[{s:f}]}, s:{s:s, s:s}, s:{s:{s:s, s:s}}}",
		                                "data", "values", "budget_w", budget_w, "mark",
		                                "type", "rule", "style", "budget", "encoding", "y",
		                                "field", "budget_w", "type", "quantitative"));
		json_array_append_new(
		    layers,
		    json_pack("{s:{s:[{s:f}]}, s:{s:s, s:s, s:s, s:s, s:i, s:i, s:s}, "
		              "s:{s:{s:s, s:s}, s:{s:s}}}",
		              "data", "values", "budget_w", budget_w, "mark", "type", "text",
		              "style", "label", "align", "right", "baseline", "bottom", "dx", -2,
		              "dy", -3, "text", "budget", "encoding", "y", "field", "budget_w",
		              "type", "quantitative", "x", "value", "width"));
	}
	return spec;
}

json_t *figure_energy(json_t *rows, size_t count)
{
	json_t *spec = figure_spec(
	    "{'description': 'Energy by domain', 'height': 100,"
	    " 'encoding': {"
	    "  'y': {'field': 'domain', 'type': 'nominal', 'sort': null, 'title': null},"
	    "  'x': {'field': 'energy_j', 'type': 'quantitative', 'title': 'Energy (J)',"
	    "        'scale': {'zero': true}, 'axis': {'tickCount': 5}}},"
	    " 'layer': [{"
	    "  'mark': {'type': 'bar', 'tooltip': true, 'cornerRadiusEnd': 3,"
	    "           'height': {'band': 0.62}},"
	    "  'encoding': {'color': {'field': 'source', 'type': 'nominal', 'title': null,"
	    "    'scale': {'domain': ['measured', 'modelled', 'attributed'],"
	    "              'range': 'sources'}}}},"
	    "  {'mark': {'type': 'text', 'style': 'label', 'align': 'left', 'dx': 5},"
	    "   'encoding': {'text': {'field': 'shown', 'type': 'nominal'}}}]}",
	    rows);
	static const char *const sources[] = { "measured", "modelled", "attributed", NULL };
	json_t *bar = json_array_get(json_object_get(spec, "layer"), 0);
	figure_legend_present(json_object_get(json_object_get(bar, "encoding"), "color"), rows,
	                      "source", sources);
	figure_set(spec, "height", json_integer((json_int_t)(BAR_PIXELS * (count ? count : 1))));
	return spec;
}
