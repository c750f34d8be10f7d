/* SPDX-License-Identifier: Apache-2.0
 *
 * The words of a search: metrics, limits with units.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/suggest.h"
#include "base/units.h"
#include "model/search.h"

const struct metric_facts search_metrics[METRIC_COUNT] = {
#define METRIC_ROW(id, name, unit, meaning) { name, unit, meaning },
	SEARCH_METRICS(METRIC_ROW)
#undef METRIC_ROW
};

static const struct unit {
	const char *name;
	double factor;
	enum metric metric; /* METRIC_STEP shares those of time */
} units[] = {
	{ "us", 1e-6, METRIC_TIME },
	{ "ms", 1e-3, METRIC_TIME },
	{ "s", 1, METRIC_TIME },
	{ "m", 60, METRIC_TIME },
	{ "min", 60, METRIC_TIME },
	{ "h", 3600, METRIC_TIME },
	{ "d", 86400, METRIC_TIME },
	{ "J", 1, METRIC_ENERGY },
	{ "kJ", 1e3, METRIC_ENERGY },
	{ "MJ", 1e6, METRIC_ENERGY },
	{ "GJ", 1e9, METRIC_ENERGY },
	{ "Wh", 3600, METRIC_ENERGY },
	{ "kWh", 3.6e6, METRIC_ENERGY },
	{ "MWh", 3.6e9, METRIC_ENERGY },
	{ "GWh", 3.6e12, METRIC_ENERGY },
	{ "W", 1, METRIC_POWER },
	{ "kW", 1e3, METRIC_POWER },
	{ "MW", 1e6, METRIC_POWER },
	{ "B", 1, METRIC_MEMORY },
	{ "MB", 1e6, METRIC_MEMORY },
	{ "GB", 1e9, METRIC_MEMORY },
	{ "TB", 1e12, METRIC_MEMORY },
	{ "MiB", 1048576.0, METRIC_MEMORY },
	{ "GiB", 1073741824.0, METRIC_MEMORY },
	{ "g", 1, METRIC_CO2 },
	{ "kg", 1e3, METRIC_CO2 },
	{ "t", 1e6, METRIC_CO2 },
};

void search_limits_init(struct search_limits *limits)
{
	for (int metric = 0; metric < METRIC_COUNT; metric++) {
		limits->low[metric] = 0;
		limits->high[metric] = INFINITY;
	}
}

static enum ergon_code find_metric(const char *name, int first, int count, enum metric *metric,
                                   struct ergon_error *err)
{
	const char *names[METRIC_COUNT];
	char hint[160];
	for (int i = 0; i < count; i++) {
		names[i] = search_metrics[first + i].name;
		if (strcasecmp(names[i], name) == 0) {
			*metric = (enum metric)(first + i);
			return ERGON_OK;
		}
	}
	return ergon_fail(err, ERGON_BAD_INPUT, "no quantity '%.40s'%s", name,
	                  suggest_hint(hint, sizeof hint, name, names, (size_t)count));
}

enum ergon_code search_objective_parse(const char *name, enum metric *objective,
                                       struct ergon_error *err)
{
	return find_metric(name, METRIC_TIME, METRIC_CO2 + 1, objective, err);
}

static void list_units(char *out, size_t size, enum metric metric)
{
	size_t used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (units[i].metric == metric && used < size)
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
			                         units[i].name);
}

/* "24h" in the unit of the metric; a bare number is in the base unit. */
static enum ergon_code read_value(const char *text, enum metric metric, double *value,
                                  struct ergon_error *err)
{
	enum metric kind = metric == METRIC_STEP ? METRIC_TIME : metric;
	char number[64], known[96];
	size_t digits = strspn(text, "0123456789.eE+-");
	double factor = 0;
	/* "5e3" is a number, "5 E" is not: an exponent needs a digit behind it */
	while (digits > 0 && strchr("eE+-", text[digits - 1]))
		digits--;
	const char *unit = text + digits + strspn(text + digits, " ");
	if (!*unit)
		factor = 1;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (units[i].metric == kind && strcmp(units[i].name, unit) == 0)
			factor = units[i].factor;
	if (digits < sizeof number) {
		memcpy(number, text, digits);
		number[digits] = '\0';
		if (factor > 0 && parse_real(number, value) && *value >= 0) {
			*value *= factor;
			return ERGON_OK;
		}
	}
	list_units(known, sizeof known, kind);
	return ergon_fail(err, ERGON_BAD_INPUT, "limit of %s: expected a number%s%s, found '%.40s'",
	                  search_metrics[metric].name, *known ? " with one of " : "", known, text);
}

/* One "name<value"; text is changed. */
static enum ergon_code read_limit(char *text, struct search_limits *limits, struct ergon_error *err)
{
	size_t name = strcspn(text, "<>=");
	char sign = text[name];
	if (sign != '<' && sign != '>')
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "limit '%.60s': expected NAME<VALUE or NAME>VALUE", text);
	const char *value_text = text + name + 1;
	value_text += *value_text == '=';
	value_text += strspn(value_text, " ");
	while (name > 0 && text[name - 1] == ' ')
		name--;
	text[name] = '\0';
	enum metric metric = METRIC_TIME;
	double value;
	enum ergon_code code = find_metric(text, 0, METRIC_COUNT, &metric, err);
	if (code || (code = read_value(value_text, metric, &value, err)))
		return code;
	if (sign == '<')
		limits->high[metric] = fmin(limits->high[metric], value);
	else
		limits->low[metric] = fmax(limits->low[metric], value);
	if (limits->low[metric] > limits->high[metric])
		return ergon_fail(err, ERGON_BAD_INPUT, "limits of %s: at least %g and at most %g",
		                  search_metrics[metric].name, limits->low[metric],
		                  limits->high[metric]);
	return ERGON_OK;
}

enum ergon_code search_limits_parse(const char *text, struct search_limits *limits,
                                    struct ergon_error *err)
{
	char part[128];
	while (*text) {
		text += strspn(text, ", ");
		size_t length = strcspn(text, ",");
		if (!length)
			break;
		if (length >= sizeof part)
			return ergon_fail(err, ERGON_BAD_INPUT, "limit '%.60s...' is too long",
			                  text);
		memcpy(part, text, length);
		while (length > 0 && part[length - 1] == ' ')
			length--;
		part[length] = '\0';
		enum ergon_code code = read_limit(part, limits, err);
		if (code)
			return code;
		text += strcspn(text, ",");
	}
	return ERGON_OK;
}
