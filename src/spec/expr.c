/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/expr.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"

enum { DEPTH_MAX = 32 };

struct parser {
	const char *text, *at;
	const struct scope *scope;
	struct ergon_error *err;
	enum ergon_code code;
	int depth;
};

bool scope_set(struct scope *scope, const char *name, double value)
{
	size_t i = 0;
	while (i < scope->count && strcmp(scope->names[i], name) != 0)
		i++;
	if (i == SCOPE_NAMES_MAX)
		return false;
	scope->names[i] = name;
	scope->values[i] = value;
	if (i == scope->count)
		scope->count++;
	return true;
}

bool scope_get(const struct scope *scope, const char *name, size_t length, double *value)
{
	for (; scope; scope = scope->outer)
		for (size_t i = 0; i < scope->count; i++)
			if (strncmp(scope->names[i], name, length) == 0 &&
			    scope->names[i][length] == '\0') {
				*value = scope->values[i];
				return true;
			}
	return false;
}

static double sum(struct parser *parser);

static double fail(struct parser *parser, const char *expected)
{
	if (!parser->code)
		parser->code = ergon_fail(parser->err, ERGON_BAD_INPUT,
		                          "'%.60s' is no expression: expected %s at '%.20s'",
		                          parser->text, expected, parser->at);
	return 0;
}

static void skip_space(struct parser *parser)
{
	while (*parser->at == ' ')
		parser->at++;
}

static double name(struct parser *parser)
{
	const char *begin = parser->at;
	while (isalnum((unsigned char)*parser->at) || *parser->at == '_')
		parser->at++;
	double value = 0;
	if (scope_get(parser->scope, begin, (size_t)(parser->at - begin), &value) || parser->code)
		return value;
	const char *names[SCOPE_NAMES_MAX * 2];
	size_t count = 0;
	for (const struct scope *scope = parser->scope; scope; scope = scope->outer)
		for (size_t i = 0; i < scope->count && count < SCOPE_NAMES_MAX * 2; i++)
			names[count++] = scope->names[i];
	char hint[256], word[64];
	snprintf(word, sizeof word, "%.*s", (int)(parser->at - begin), begin);
	parser->code =
	    ergon_fail(parser->err, ERGON_BAD_INPUT, "no dimension '%s' in '%.60s'%s", word,
	               parser->text, suggest_hint(hint, sizeof hint, word, names, count));
	return 0;
}

static double atom(struct parser *parser)
{
	skip_space(parser);
	unsigned char c = (unsigned char)*parser->at;
	if (++parser->depth > DEPTH_MAX)
		return fail(parser, "fewer parentheses");
	double value = 0;
	if (c == '(') {
		parser->at++;
		value = sum(parser);
		skip_space(parser);
		if (*parser->at != ')')
			return fail(parser, "')'");
		parser->at++;
	} else if (c == '-') {
		parser->at++;
		value = -atom(parser);
	} else if (isdigit(c) || c == '.') {
		char *end;
		value = strtod(parser->at, &end);
		if (end == parser->at)
			return fail(parser, "a number");
		parser->at = end;
	} else if (isalpha(c) || c == '_') {
		value = name(parser);
	} else {
		return fail(parser, "a number or a name");
	}
	parser->depth--;
	skip_space(parser);
	return value;
}

static double product(struct parser *parser)
{
	double value = atom(parser);
	while (!parser->code && (*parser->at == '*' || *parser->at == '/')) {
		char op = *parser->at++;
		double right = atom(parser);
		if (op == '/' && right == 0)
			return fail(parser, "no division by zero");
		value = op == '*' ? value * right : value / right;
	}
	return value;
}

static double sum(struct parser *parser)
{
	double value = product(parser);
	while (!parser->code && (*parser->at == '+' || *parser->at == '-')) {
		char op = *parser->at++;
		double right = product(parser);
		value = op == '+' ? value + right : value - right;
	}
	return value;
}

enum ergon_code expr_eval(const char *text, const struct scope *scope, double *value,
                          struct ergon_error *err)
{
	struct parser parser = { .text = text, .at = text, .scope = scope, .err = err };
	if (strlen(text) >= EXPR_TEXT_MAX)
		return ergon_fail(err, ERGON_BAD_INPUT, "an expression of over %d characters",
		                  EXPR_TEXT_MAX - 1);
	*value = sum(&parser);
	if (!parser.code && *parser.at)
		fail(&parser, "an operator");
	if (!parser.code && !isfinite(*value))
		parser.code = ergon_fail(err, ERGON_BAD_INPUT, "'%.60s' is not finite", text);
	return parser.code;
}
