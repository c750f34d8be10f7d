/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/suggest.h"
#include "base/units.h"
#include "cli/command.h"

enum { OPTIONS_MAX = 64 };

#define FOLDER(n, text)                                                                            \
	{                                                                                          \
		.name = #n, .kind = OPTION_TEXT, .field = offsetof(struct global_options, n),      \
		.value = "DIR", .help = text                                                       \
	}
const struct option global_options[] = {
	FOLDER(sysfs, "read sensors and topology below DIR instead of /sys"),
	FOLDER(procfs, "read processes and CPU times below DIR instead of /proc"),
	FOLDER(devfs, "open devices below DIR instead of /dev"),
	FOLDER(data, "read devices, models and grids from DIR"),
	FOLDER(state, "keep runs and calibrations in DIR"),
	{ .name = "store",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct global_options, store),
	  .value = "URL",
	  .help = "keep runs in the database postgres://... instead of the state folder" },
	{ .name = "quiet",
	  .letter = 'q',
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct global_options, quiet),
	  .help = "no progress bar, no remarks; no table where --json or the history has it" },
	OPTION_END,
};

static const char *kind_expectation(const struct option *option)
{
	switch (option->kind) {
	case OPTION_COUNT:
		return "a whole number";
	case OPTION_REAL:
		return "a number";
	case OPTION_DURATION:
		return "a duration such as 100ms, 2.5s, 3m, 1h";
	case OPTION_POWER:
		return "a power such as 250W or 1.2kW";
	case OPTION_FRACTION:
		return "a fraction such as 5% or 0.05";
	default:
		return "a text";
	}
}

static enum ergon_code bad_value(const struct option *option, const char *text,
                                 struct ergon_error *err)
{
	if (option->min == 0 && option->max == 0)
		return ergon_fail(err, ERGON_BAD_INPUT, "--%s: expected %s, found '%.60s'",
		                  option->name, kind_expectation(option), text);
	return ergon_fail(err, ERGON_BAD_INPUT, "--%s: expected %s from %g to %g, found '%.60s'",
	                  option->name, kind_expectation(option), option->min, option->max, text);
}

static bool in_range(const struct option *option, double value)
{
	if (option->min == 0 && option->max == 0)
		return value >= 0;
	return value >= option->min && value <= option->max;
}

static bool number_of(const struct option *option, const char *text, double *value, uint64_t *whole)
{
	switch (option->kind) {
	case OPTION_COUNT:
		if (!parse_u64(text, whole))
			return false;
		*value = (double)*whole;
		return true;
	case OPTION_DURATION:
		if (!parse_duration_ns(text, whole))
			return false;
		*value = seconds_from_ns(*whole);
		return true;
	case OPTION_POWER:
		return parse_power_w(text, value);
	case OPTION_FRACTION:
		return parse_fraction(text, value);
	default:
		return parse_real(text, value);
	}
}

static enum ergon_code append(struct text_list *list, const char *text, struct ergon_error *err)
{
	const char **items = realloc(list->items, (list->count + 1) * sizeof *items);
	if (!items)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	items[list->count++] = text;
	list->items = items;
	return ERGON_OK;
}

static enum ergon_code store(const struct option *option, const char *text, void *options,
                             struct ergon_error *err)
{
	void *field = (char *)options + option->field;
	double value;
	uint64_t whole = 0;
	switch (option->kind) {
	case OPTION_FLAG:
		*(bool *)field = true;
		return ERGON_OK;
	case OPTION_TEXT:
	case OPTION_OUTPUT:
		*(const char **)field = text;
		return ERGON_OK;
	case OPTION_LIST:
		return append(field, text, err);
	default:
		break;
	}
	if (!number_of(option, text, &value, &whole) || !in_range(option, value))
		return bad_value(option, text, err);
	if (option->kind == OPTION_COUNT || option->kind == OPTION_DURATION)
		*(uint64_t *)field = whole;
	else
		*(double *)field = value;
	return ERGON_OK;
}

static enum ergon_code unknown(const struct command *command, const char *name,
                               struct ergon_error *err)
{
	const char *names[OPTIONS_MAX];
	size_t count = 0;
	for (const struct option *o = command->options; o && o->name && count < OPTIONS_MAX; o++)
		names[count++] = o->name;
	for (const struct option *o = global_options; o->name && count < OPTIONS_MAX; o++)
		names[count++] = o->name;
	const char *near = suggest(name, names, count);
	if (near)
		return ergon_fail(err, ERGON_BAD_INPUT, "unknown option --%s, did you mean --%s?",
		                  name, near);
	return ergon_fail(err, ERGON_BAD_INPUT, "unknown option --%s; see ergon %s%s--help", name,
	                  command->name, command->name[0] ? " " : "");
}

const struct subcommand *subcommand_find(const struct command *command, const char *name)
{
	for (const struct subcommand *s = command->subcommands; s && s->name; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

bool subcommand_takes(const struct subcommand *subcommand, const char *option)
{
	size_t length = strlen(option);
	const char *p = subcommand->takes;
	if (!p)
		return true;
	for (; *p; p += strspn(p, " ")) {
		size_t one = strcspn(p, " ");
		if (one == length && strncmp(p, option, one) == 0)
			return true;
		p += one;
	}
	return false;
}

const char *subcommands_that_take(char *out, size_t size, const struct command *command,
                                  const char *option)
{
	size_t used = 0;
	bool all = true;
	out[0] = '\0';
	for (const struct subcommand *s = command->subcommands; s && s->name; s++) {
		if (!subcommand_takes(s, option))
			all = false;
		else if (used < size)
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
			                         s->name);
	}
	if (all)
		out[0] = '\0';
	else if (used < size)
		snprintf(out + used, size - used, ": ");
	return out;
}

static const struct option *find(const struct option *options, const char *name, size_t length,
                                 char letter)
{
	for (const struct option *o = options; o && o->name; o++) {
		if (letter && o->letter == letter)
			return o;
		if (!letter && strlen(o->name) == length && strncmp(o->name, name, length) == 0)
			return o;
	}
	return NULL;
}

static enum ergon_code set_defaults(const struct command *command, void *options,
                                    struct ergon_error *err)
{
	for (const struct option *o = command->options; o && o->name; o++) {
		if (!o->fallback)
			continue;
		enum ergon_code code = store(o, o->fallback, options, err);
		if (code)
			return code;
	}
	return ERGON_OK;
}

/* --name value, --name=value, -x value, -xvalue; *at moves behind what was taken. */
static enum ergon_code one_option(const struct command *command, int argc, char **argv, int *at,
                                  void *options, struct global_options *globals, uint64_t *given,
                                  struct ergon_error *err)
{
	const char *word = argv[*at];
	bool is_long = word[1] == '-';
	const char *name = word + (is_long ? 2 : 1);
	const char *equals = is_long ? strchr(name, '=') : NULL;
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	char letter = is_long ? 0 : word[1];
	void *target = options;
	const struct option *option = find(command->options, name, length, letter);
	if (option) {
		if (option - command->options < OPTIONS_MAX)
			*given |= UINT64_C(1) << (option - command->options);
	} else {
		option = find(global_options, name, length, letter);
		target = globals;
	}
	if (!option) {
		char copy[64];
		if (length >= sizeof copy)
			length = sizeof copy - 1;
		memcpy(copy, name, length);
		copy[length] = '\0';
		if (!is_long)
			return ergon_fail(err, ERGON_BAD_INPUT,
			                  "unknown option -%c; see ergon %s%s--help", word[1],
			                  command->name, command->name[0] ? " " : "");
		return unknown(command, copy, err);
	}
	const char *value = equals ? equals + 1 : NULL;
	if (!is_long && word[2])
		value = word + 2;
	if (option->kind == OPTION_FLAG) {
		if (value)
			return ergon_fail(err, ERGON_BAD_INPUT, "--%s takes no value",
			                  option->name);
	} else if (!value) {
		if (*at + 1 >= argc)
			return ergon_fail(err, ERGON_BAD_INPUT, "--%s: expected %s behind it",
			                  option->name, kind_expectation(option));
		value = argv[++*at];
	}
	++*at;
	return store(option, value, target, err);
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* The first operand names a row of the command, which takes these options and so many operands. */
static enum ergon_code check_subcommand(const struct command *command, char **operands, int count,
                                        uint64_t given, struct ergon_error *err)
{
	const char *names[OPTIONS_MAX];
	size_t n = 0;
	char hint[256];
	for (const struct subcommand *s = command->subcommands; s->name && n < OPTIONS_MAX; s++)
		names[n++] = s->name;
	const struct subcommand *s = subcommand_find(command, operands[0]);
	if (!s)
		return ergon_fail(err, ERGON_BAD_INPUT, "there is no 'ergon %s %.40s'%s",
		                  command->name, operands[0],
		                  suggest_hint(hint, sizeof hint, operands[0], names, n));
	for (size_t i = 0; i < OPTIONS_MAX && given >> i; i++)
		if (given >> i & 1 && !subcommand_takes(s, command->options[i].name))
			return ergon_fail(err, ERGON_BAD_INPUT, "--%s is not for ergon %s %s",
			                  command->options[i].name, command->name, s->name);
	if (count - 1 < s->operands_min)
		return ergon_fail(err, ERGON_BAD_INPUT, "%s: expected %s behind it", s->name,
		                  s->operands);
	if (s->operands_max >= 0 && count - 1 > s->operands_max)
		return ergon_fail(err, ERGON_BAD_INPUT, "%s: one word too many: '%.60s'", s->name,
		                  operands[s->operands_max + 1]);
	return ERGON_OK;
}

static enum ergon_code check_count(const struct command *command, int count,
                                   struct ergon_error *err)
{
	if (count < command->operands_min)
		return ergon_fail(err, ERGON_BAD_INPUT, "something is missing; usage: ergon %s %s",
		                  command->name, command->synopsis);
	if (command->operands_max >= 0 && count > command->operands_max)
		return ergon_fail(err, ERGON_BAD_INPUT, "one word too many; usage: ergon %s %s",
		                  command->name, command->synopsis);
	return ERGON_OK;
}

enum ergon_code options_parse_globals(int argc, char **argv, int *at,
                                      struct global_options *globals, struct ergon_error *err)
{
	static const struct command none = { .name = "", .synopsis = "COMMAND" };
	uint64_t given = 0;
	while (*at < argc && argv[*at][0] == '-' && argv[*at][1] != '\0') {
		enum ergon_code code =
		    one_option(&none, argc, argv, at, NULL, globals, &given, err);
		if (code)
			return code;
	}
	return ERGON_OK;
}

enum ergon_code options_parse(const struct command *command, int argc, char **argv, void *options,
                              struct global_options *globals, char ***operands, int *count,
                              bool *help, struct ergon_error *err)
{
	*help = false;
	*count = 0;
	*operands = argv;
	enum ergon_code code = set_defaults(command, options, err);
	int at = 0;
	uint64_t given = 0; /* a bit for each option of the command's table */
	while (!code && at < argc) {
		const char *word = argv[at];
		if (strcmp(word, "--") == 0 || (word[0] != '-' && command->runs_command)) {
			at += word[0] == '-';
			break;
		}
		if (is_help(word)) {
			*help = true;
			return ERGON_OK;
		}
		if (word[0] != '-' || word[1] == '\0') {
			argv[(*count)++] = argv[at++]; /* an operand: kept at the front */
			continue;
		}
		code = one_option(command, argc, argv, &at, options, globals, &given, err);
	}
	if (code)
		return code;
	while (at < argc)
		argv[(*count)++] = argv[at++];
	code = check_count(command, *count, err);
	if (!code && command->subcommands)
		code = check_subcommand(command, *operands, *count, given, err);
	return code;
}

void options_fini(const struct command *command, void *options)
{
	for (const struct option *o = command->options; o && o->name; o++)
		if (o->kind == OPTION_LIST)
			free(((struct text_list *)(void *)((char *)options + o->field))->items);
}
