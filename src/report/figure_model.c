/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the time of a predicted step goes.
 */
#include <stdio.h>

#include "report/figure.h"

enum { BAR_PIXELS = 26, TITLE_CHARS = 64 };

json_t *figure_breakdown(json_t *rows, size_t count, const char *unit)
{
	json_t *spec = figure_spec(
	    "{'description': 'Time of a step by part and by what holds it back',"
	    " 'height': 100,"
	    " 'mark': {'type': 'bar', 'tooltip': true, 'height': {'band': 0.66}},"
	    " 'encoding': {"
	    "  'y': {'field': 'part', 'type': 'nominal', 'sort': null, 'title': null},"
	    "  'x': {'field': 'time', 'type': 'quantitative', 'axis': {'title': '',"
	    "        'tickCount': 5}},"
	    "  'color': {'field': 'cause', 'type': 'nominal', 'title': null, 'sort': null},"
	    "  'order': {'field': 'order', 'type': 'quantitative'},"
	    "  'tooltip': [{'field': 'part'}, {'field': 'cause'},"
	    "              {'field': 'time', 'type': 'quantitative', 'format': '.4~g'}]}}",
	    rows);
	char title[TITLE_CHARS];
	snprintf(title, sizeof title, "Time (%s)", unit);
	figure_set(spec, "encoding.x.axis.title", json_string(title));
	figure_set(spec, "height", json_integer((json_int_t)(BAR_PIXELS * (count ? count : 1))));
	return spec;
}
