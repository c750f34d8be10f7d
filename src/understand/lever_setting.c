/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/lever_setting.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

struct parser {
	const struct ergon_env *env;
	struct arena *arena;
	struct lever_setting *setting;
	struct ergon_error *err;
	struct lever_range range;
	bool ranged; /* range holds what the machine offers */
};

static enum ergon_code no_memory(struct parser *p)
{
	return ergon_fail(p->err, ERGON_NO_MEMORY, "out of memory");
}

static enum ergon_code bad(struct parser *p, const char *expected, const char *found)
{
	return ergon_fail(p->err, ERGON_BAD_INPUT, "lever %.60s: expected %s, found '%.60s'",
	                  p->setting->name, expected, found);
}

static enum ergon_code add(struct parser *p, const char *value)
{
	struct lever_setting *s = p->setting;
	if (*value == '\0')
		return bad(p, "values", "an empty one");
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->values[i], value) == 0)
			return bad(p, "each value once", value);
	if (s->count == LEVER_VALUES_MAX)
		return ergon_fail(p->err, ERGON_BAD_INPUT, "lever %.60s: at most %d values",
		                  s->name, LEVER_VALUES_MAX);
	s->values[s->count++] = value;
	return ERGON_OK;
}

static enum ergon_code add_number(struct parser *p, double number)
{
	char text[40];
	snprintf(text, sizeof text, "%.12g", number);
	const char *kept = arena_strdup(p->arena, text);
	return kept ? add(p, kept) : no_memory(p);
}

static enum ergon_code parse_list(struct parser *p, char *list)
{
	enum ergon_code code = ERGON_OK;
	while (!code && list)
		code = add(p, strsep(&list, ","));
	return code;
}

/* The machine's limits, asked for once. */
static enum ergon_code need_range(struct parser *p)
{
	const struct lever_setting *s = p->setting;
	if (p->ranged)
		return ERGON_OK;
	if (!s->lever->range)
		return ergon_fail(p->err, ERGON_BAD_INPUT,
		                  "lever %.60s: it has no min and max; expected numbers", s->name);
	p->ranged = true;
	return s->lever->range(p->env, s->member, &p->range, p->err);
}

static enum ergon_code parse_bound(struct parser *p, const char *text, double *value, bool *word)
{
	bool min = strcmp(text, "min") == 0, max = strcmp(text, "max") == 0;
	if (!min && !max)
		return parse_real(text, value) ? ERGON_OK
		                               : bad(p, "min:max:step, all numbers", text);
	enum ergon_code code = need_range(p);
	*value = min ? p->range.min : p->range.max;
	*word = true;
	return code;
}

static enum ergon_code parse_points(struct parser *p, double low, double high, const char *points)
{
	uint64_t count = 2;
	if (points && (!parse_u64(points, &count) || count < 1 || count > LEVER_VALUES_MAX))
		return bad(p, "a number of points from 1 to 1000", points);
	enum ergon_code code = ERGON_OK;
	double last = (double)NAN;
	for (uint64_t i = 0; !code && i < count; i++) {
		double at =
		    count == 1 ? high : low + (high - low) * (double)i / (double)(count - 1);
		if (p->ranged && p->range.whole)
			at = round(at);
		if (p->setting->lever->nearest)
			at = p->setting->lever->nearest(p->env, p->setting->member, at);
		if (at == last)
			continue; /* the machine has fewer values than points */
		last = at;
		code = add_number(p, at);
	}
	return code;
}

static enum ergon_code parse_range(struct parser *p, char *text)
{
	char *rest = text, *low_text = strsep(&rest, ":"), *high_text = strsep(&rest, ":");
	const char *step_text = strsep(&rest, ":");
	double low, high, step = 1;
	bool word = false;
	if (rest)
		return bad(p, "min:max:step", rest);
	enum ergon_code code = parse_bound(p, low_text, &low, &word);
	if (!code)
		code = parse_bound(p, high_text, &high, &word);
	if (code)
		return code;
	if (low > high)
		return ergon_fail(p->err, ERGON_BAD_INPUT,
		                  "lever %.60s: the range from %g to %g is empty", p->setting->name,
		                  low, high);
	if (word)
		return parse_points(p, low, high, step_text);
	if (step_text && (!parse_real(step_text, &step) || step <= 0))
		return bad(p, "a positive step", step_text);
	double count = floor((high - low) / step + 1e-9) + 1;
	if (count > LEVER_VALUES_MAX)
		return ergon_fail(p->err, ERGON_BAD_INPUT, "lever %.60s: %.3g values; at most %d",
		                  p->setting->name, count, LEVER_VALUES_MAX);
	for (int i = 0; !code && i < (int)count; i++)
		code = add_number(p, low + i * step);
	return code;
}

/* A colon makes a range, unless the lever takes any text and this is no range. */
static bool is_range(const struct lever *lever, const char *text)
{
	if (strchr(text, ',') || !strchr(text, ':'))
		return false;
	if (lever->unit)
		return true;
	for (; *text; text++)
		if (!strchr("0123456789.:+-eE", *text))
			return false;
	return true;
}

static enum ergon_code check_numbers(struct parser *p)
{
	struct lever_setting *s = p->setting;
	if (!s->lever->unit)
		return ERGON_OK;
	s->numbers = ARENA_ARRAY(p->arena, double, s->count);
	if (!s->numbers)
		return no_memory(p);
	enum ergon_code code = s->lever->range ? need_range(p) : ERGON_OK;
	for (size_t i = 0; !code && i < s->count; i++) {
		if (!parse_real(s->values[i], &s->numbers[i]) || s->numbers[i] < 0)
			return bad(p, "numbers that are not negative", s->values[i]);
		if (p->ranged && p->range.whole &&
		    (s->numbers[i] != floor(s->numbers[i]) || s->numbers[i] > 1e9))
			return bad(p, "whole numbers", s->values[i]);
		if (p->ranged && s->numbers[i] < p->range.min)
			return ergon_fail(p->err, ERGON_BAD_INPUT,
			                  "lever %.60s: expected at least %g, found %s", s->name,
			                  p->range.min, s->values[i]);
		/* Levers of the command may go beyond the machine: more threads than cores. */
		if (p->ranged && s->lever->set && s->numbers[i] > p->range.max)
			return ergon_fail(p->err, ERGON_BAD_INPUT,
			                  "lever %.60s: expected at most %g, found %s", s->name,
			                  p->range.max, s->values[i]);
	}
	return code;
}

enum ergon_code lever_setting_parse(const char *text, const struct ergon_env *env,
                                    struct arena *arena, struct lever_setting *setting,
                                    struct ergon_error *err)
{
	*setting = (struct lever_setting){ 0 };
	struct parser p = { .env = env, .arena = arena, .setting = setting, .err = err };
	const char *equals = strchr(text, '=');
	if (!equals || equals == text || equals[1] == '\0')
		return ergon_fail(
		    err, ERGON_BAD_INPUT,
		    "--lever: expected NAME=MIN:MAX:STEP or NAME=A,B,C, found '%.60s'", text);
	setting->name = arena_strndup(arena, text, (size_t)(equals - text));
	char *values = arena_strdup(arena, equals + 1);
	setting->values = ARENA_ARRAY(arena, const char *, LEVER_VALUES_MAX);
	if (!setting->name || !values || !setting->values)
		return no_memory(&p);
	enum ergon_code code = lever_find(setting->name, &setting->lever, &setting->member, err);
	if (code)
		return code;
	code = is_range(setting->lever, values) ? parse_range(&p, values) : parse_list(&p, values);
	if (!code)
		code = check_numbers(&p);
	for (size_t i = 0; !code && setting->lever->check && i < setting->count; i++)
		code = setting->lever->check(env, setting->member, setting->values[i], err);
	return code;
}
