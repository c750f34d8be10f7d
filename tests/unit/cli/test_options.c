/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

struct values {
	bool flag;
	const char *text;
	struct text_list list;
	uint64_t count, duration_ns;
	double real, power_w, fraction;
};
#define ROW(n, l, k, ...)                                                                          \
	{                                                                                          \
		.name = #n, .letter = l, .kind = k, .field = offsetof(struct values, n),           \
		.help = "a test's", __VA_ARGS__                                                    \
	}
static const struct option table[] = {
	ROW(flag, 'f', OPTION_FLAG, .value = NULL),
	ROW(text, 't', OPTION_TEXT, .value = "TEXT", .fallback = "default"),
	ROW(list, 'l', OPTION_LIST, .value = "ITEM"),
	ROW(count, 'c', OPTION_COUNT, .value = "N", .min = 1, .max = 1000, .fallback = "7"),
	{ .name = "interval",
	  .letter = 'i',
	  .kind = OPTION_DURATION,
	  .field = offsetof(struct values, duration_ns),
	  .value = "DURATION",
	  .help = "a test's",
	  .min = 0.0001,
	  .max = 60 },
	ROW(real, 'r', OPTION_REAL, .value = "X"),
	{ .name = "power-cap",
	  .kind = OPTION_POWER,
	  .field = offsetof(struct values, power_w),
	  .value = "POWER",
	  .help = "a test's" },
	ROW(fraction, 0, OPTION_FRACTION, .value = "SHARE", .min = 0, .max = 1),
	OPTION_END,
};
static const struct command plain = { .name = "try",
	                              .synopsis = "[options] FILE",
	                              .options = table,
	                              .options_size = sizeof(struct values),
	                              .operands_min = 0,
	                              .operands_max = 2 };
static const struct command runner = { .name = "measure",
	                               .synopsis = "[options] -- COMMAND [ARG...]",
	                               .options = table,
	                               .options_size = sizeof(struct values),
	                               .operands_min = 1,
	                               .operands_max = -1,
	                               .runs_command = true };

static int never_run(struct cli *cli, const void *options, char **operands, int count)
{
	(void)cli, (void)options, (void)operands, (void)count;
	return 1;
}
static const struct subcommand rows_of_several[] = {
	{ "look", "FILE", "a test's", "flag text", 1, 1, never_run },
	{ "make", NULL, "a test's", "count text", 0, 0, never_run },
	{ "all", "FILE...", "a test's", NULL, 1, -1, never_run },
	SUBCOMMAND_END,
};
static const struct command several = { .name = "try",
	                                .synopsis = "look|make|all [options]",
	                                .options = table,
	                                .options_size = sizeof(struct values),
	                                .operands_min = 1,
	                                .operands_max = -1,
	                                .subcommands = rows_of_several };

enum { WORDS_MAX = 16 };

struct parse {
	struct values values;
	struct global_options globals;
	struct ergon_error err;
	enum ergon_code code;
	bool help;
	char line[256];
	char *words[WORDS_MAX];
	char **operands;
	int count;
};

/* Parses the words of a line, separated by blanks ('_' stands for an empty word). */
static void parse(struct parse *p, const struct command *command, const char *line)
{
	*p = (struct parse){ 0 };
	snprintf(p->line, sizeof p->line, "%s", line);
	int argc = 0;
	char *save = NULL;
	for (char *word = strtok_r(p->line, " ", &save); word && argc < WORDS_MAX;
	     word = strtok_r(NULL, " ", &save)) {
		if (strcmp(word, "_") == 0)
			*word = '\0';
		p->words[argc++] = word;
	}
	p->code = options_parse(command, argc, p->words, &p->values, &p->globals, &p->operands,
	                        &p->count, &p->help, &p->err);
}

static void done(struct parse *p)
{
	options_fini(&plain, &p->values);
}

static void defaults_stand_until_given(void **state)
{
	(void)state;
	struct parse p;
	parse(&p, &plain, "");
	assert_int_equal(p.code, ERGON_OK);
	assert_string_equal(p.values.text, "default");
	assert_int_equal(p.values.count, 7);
	assert_false(p.values.flag);
	assert_int_equal(p.values.duration_ns, 0);
	assert_int_equal(p.count, 0);
	done(&p);
}

static void every_kind_in_every_spelling(void **state)
{
	(void)state;
	struct parse p;
	parse(&p, &plain,
	      "--flag --text=a=b -c9 --interval 2.5ms -r 1e3 --power-cap 1.2kW --fraction=5% "
	      "-l x --list y -lz");
	if (p.code)
		fail_msg("%s", p.err.text);
	assert_true(p.values.flag);
	assert_string_equal(p.values.text, "a=b");
	assert_int_equal(p.values.count, 9);
	assert_int_equal(p.values.duration_ns, 2500000);
	assert_close(p.values.real, 1000, 1e-15);
	assert_close(p.values.power_w, 1200, 1e-15);
	assert_close(p.values.fraction, 0.05, 1e-15);
	assert_int_equal(p.values.list.count, 3);
	assert_string_equal(p.values.list.items[0], "x");
	assert_string_equal(p.values.list.items[1], "y");
	assert_string_equal(p.values.list.items[2], "z");
	done(&p);
	parse(&p, &plain, "-c 1 -c 2 --text _ --text -dash");
	assert_int_equal(p.code, ERGON_OK);
	assert_int_equal(p.values.count, 2); /* the last one counts */
	assert_string_equal(p.values.text, "-dash");
	done(&p);
}

static void what_is_wrong_is_said(void **state)
{
	(void)state;
	static const struct {
		const char *line, *says;
	} rows[] = {
		{ "--count 0", "--count: expected a whole number from 1 to 1000, found '0'" },
		{ "--count 1001", "--count: expected a whole number from 1 to 1000, found '1001'" },
		{ "--count 2.5", "--count: expected a whole number from 1 to 1000, found '2.5'" },
		{ "--count -3", "--count: expected a whole number from 1 to 1000, found '-3'" },
		{ "-c", "--count: expected a whole number behind it" },
		{ "--count=", "--count: expected a whole number from 1 to 1000, found ''" },
		{ "--interval 1us", "--interval: expected a duration such as 100ms, 2.5s, 3m, 1h "
		                    "from 0.0001 to 60, found '1us'" },
		{ "--interval soon", "--interval: expected a duration such as 100ms, 2.5s, 3m, 1h "
		                     "from 0.0001 to 60, found 'soon'" },
		{ "--real -1", "--real: expected a number, found '-1'" },
		{ "--real nan", "--real: expected a number, found 'nan'" },
		{ "--real 1e999", "--real: expected a number, found '1e999'" },
		{ "--power-cap 3J",
		  "--power-cap: expected a power such as 250W or 1.2kW, found '3J'" },
		{ "--fraction 120%",
		  "--fraction: expected a fraction such as 5% or 0.05 from 0 to 1, found '120%'" },
		{ "--flag=yes", "--flag takes no value" },
		{ "--text", "--text: expected a text behind it" },
		{ "--cuont 3", "unknown option --cuont, did you mean --count?" },
		{ "--sysf /x", "unknown option --sysf, did you mean --sysfs?" },
		{ "--zzzzzz", "unknown option --zzzzzz; see ergon try --help" },
		{ "-z", "unknown option -z; see ergon try --help" },
		{ "a b c", "one word too many; usage: ergon try [options] FILE" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct parse p;
		print_message("ergon try %s\n", rows[i].line);
		parse(&p, &plain, rows[i].line);
		assert_int_equal(p.code, ERGON_BAD_INPUT);
		assert_string_equal(p.err.text, rows[i].says);
		done(&p);
	}
}

static void subcommands_take_their_own(void **state)
{
	(void)state;
	static const struct {
		const char *line, *says; /* NULL: accepted */
	} rows[] = {
		{ "look file --flag", NULL },
		{ "--text t look --quiet file", NULL },
		{ "make -c 3", NULL },
		{ "all a b c --flag --count 2 --real 1", NULL },
		{ "", "something is missing; usage: ergon try look|make|all [options]" },
		{ "lok file", "there is no 'ergon try lok', did you mean 'look'?" },
		{ "look file -c 3", "--count is not for ergon try look" },
		{ "--flag make", "--flag is not for ergon try make" },
		{ "look", "look: expected FILE behind it" },
		{ "look a b", "look: one word too many: 'b'" },
		{ "make a", "make: one word too many: 'a'" },
		{ "all", "all: expected FILE... behind it" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct parse p;
		print_message("ergon try %s\n", rows[i].line);
		parse(&p, &several, rows[i].line);
		assert_int_equal(p.code, rows[i].says ? ERGON_BAD_INPUT : ERGON_OK);
		if (rows[i].says)
			assert_string_equal(p.err.text, rows[i].says);
		done(&p);
	}
	char text[64];
	assert_string_equal(subcommands_that_take(text, sizeof text, &several, "count"),
	                    "make, all: ");
	assert_string_equal(subcommands_that_take(text, sizeof text, &several, "text"), "");
	assert_string_equal(subcommands_that_take(text, sizeof text, &plain, "text"), "");
	assert_string_equal(subcommand_find(&several, "make")->name, "make");
	assert_null(subcommand_find(&several, "mak"));
	assert_false(subcommand_takes(&rows_of_several[0], "fla"));
}

static void globals_may_follow_the_command(void **state)
{
	(void)state;
	struct parse p;
	parse(&p, &plain, "file --sysfs /fake/sys --quiet --data=d other");
	assert_int_equal(p.code, ERGON_OK);
	assert_string_equal(p.globals.sysfs, "/fake/sys");
	assert_string_equal(p.globals.data, "d");
	assert_true(p.globals.quiet);
	assert_null(p.globals.procfs);
	assert_int_equal(p.count, 2);
	assert_string_equal(p.operands[0], "file");
	assert_string_equal(p.operands[1], "other");
	done(&p);

	char first[] = "--procfs", second[] = "/p", third[] = "-q", fourth[] = "help";
	char *words[] = { first, second, third, fourth };
	struct global_options globals = { 0 };
	struct ergon_error err;
	int at = 0;
	assert_int_equal(options_parse_globals(4, words, &at, &globals, &err), ERGON_OK);
	assert_int_equal(at, 3);
	assert_string_equal(globals.procfs, "/p");
	assert_true(globals.quiet);
	at = 1;
	assert_int_equal(options_parse_globals(4, words, &at, &globals, &err), ERGON_OK);
	assert_int_equal(at, 1); /* the first word that is no option */
	char stray[] = "--count";
	words[0] = stray;
	at = 0;
	assert_int_equal(options_parse_globals(4, words, &at, &globals, &err), ERGON_BAD_INPUT);
}

static void operands_and_dashes(void **state)
{
	(void)state;
	struct parse p;
	parse(&p, &plain, "- -- --count");
	assert_int_equal(p.code, ERGON_OK);
	assert_int_equal(p.count, 2);
	assert_string_equal(p.operands[0], "-"); /* standard input */
	assert_string_equal(p.operands[1], "--count");
	assert_int_equal(p.values.count, 7);
	done(&p);
}

/* What a measured command is given must reach it untouched. */
static void the_measured_command_keeps_its_options(void **state)
{
	(void)state;
	struct parse p;
	parse(&p, &runner, "-c 3 -- sleep --count 5");
	assert_int_equal(p.code, ERGON_OK);
	assert_int_equal(p.values.count, 3);
	assert_int_equal(p.count, 3);
	assert_string_equal(p.operands[0], "sleep");
	assert_string_equal(p.operands[1], "--count");
	done(&p);
	parse(&p, &runner, "-c 3 sleep -c 5 --help");
	assert_int_equal(p.code, ERGON_OK);
	assert_false(p.help);
	assert_int_equal(p.values.count, 3);
	assert_int_equal(p.count, 4);
	assert_string_equal(p.operands[3], "--help");
	done(&p);
	parse(&p, &runner, "-- -- x");
	assert_int_equal(p.count, 2);
	assert_string_equal(p.operands[0], "--");
	done(&p);
	parse(&p, &runner, "-c 3");
	assert_int_equal(p.code, ERGON_BAD_INPUT);
	assert_string_equal(p.err.text, "something is missing; usage: ergon measure [options] -- "
	                                "COMMAND [ARG...]");
	done(&p);
}

static void help_needs_nothing_else(void **state)
{
	(void)state;
	struct parse p;
	parse(&p, &runner, "--help");
	assert_int_equal(p.code, ERGON_OK);
	assert_true(p.help);
	done(&p);
	parse(&p, &plain, "-c 2 -h --nonsense");
	assert_int_equal(p.code, ERGON_OK);
	assert_true(p.help);
	done(&p);
}

/* Rules that every row of the real table must obey. */
/* Every option that a row takes is one of the command's, and every option is taken by a row. */
static void subcommands_are_sound(const struct command *c)
{
	for (const struct subcommand *s = c->subcommands; s && s->name; s++) {
		char copy[512], *save = NULL;
		assert_non_null(s->run);
		assert_true(s->summary[strlen(s->summary) - 1] != '.');
		assert_int_equal(s->operands == NULL, s->operands_max == 0);
		snprintf(copy, sizeof copy, "%s", s->takes ? s->takes : "");
		for (char *word = strtok_r(copy, " ", &save); word;
		     word = strtok_r(NULL, " ", &save)) {
			const struct option *o = c->options;
			while (o->name && strcmp(o->name, word) != 0)
				o++;
			if (!o->name)
				fail_msg("%s %s takes --%s, which is none", c->name, s->name, word);
		}
	}
	for (const struct option *o = c->options; c->subcommands && o && o->name; o++) {
		bool taken = false;
		for (const struct subcommand *s = c->subcommands; s->name; s++)
			taken = taken || subcommand_takes(s, o->name);
		assert_true(taken);
	}
}

static void the_real_table_is_sound(void **state)
{
	(void)state;
	for (const struct command *const *c = commands; *c; c++) {
		print_message("ergon %s\n", (*c)->name);
		assert_non_null((*c)->summary);
		assert_non_null((*c)->synopsis);
		assert_true(((*c)->run != NULL) != ((*c)->subcommands != NULL));
		subcommands_are_sound(*c);
		assert_true((*c)->examples && strncmp((*c)->examples, "ergon ", 6) == 0);
		assert_true((*c)->summary[strlen((*c)->summary) - 1] != '.');
		for (const struct command *const *d = c + 1; *d; d++)
			assert_string_not_equal((*c)->name, (*d)->name);
		for (const struct option *o = (*c)->options; o && o->name; o++) {
			print_message("  --%s\n", o->name);
			assert_true(o->field < (*c)->options_size);
			assert_non_null(o->help);
			assert_true(o->help[strlen(o->help) - 1] != '.');
			assert_int_equal(o->value == NULL, o->kind == OPTION_FLAG);
			for (const struct option *q = o + 1; q->name; q++) {
				assert_string_not_equal(o->name, q->name);
				assert_true(!o->letter || o->letter != q->letter);
			}
			assert_true(strcmp(o->name, "help") != 0 && o->letter != 'h');
			for (const struct option *q = global_options; q->name; q++)
				assert_string_not_equal(o->name, q->name);
		}
		/* The defaults themselves must parse. */
		char *none[1] = { NULL }, **operands;
		void *options = calloc(1, (*c)->options_size + 1);
		struct global_options globals = { 0 };
		struct ergon_error err = { 0 };
		int count;
		bool help;
		char word[] = "--help";
		none[0] = word;
		if (options_parse(*c, 1, none, options, &globals, &operands, &count, &help, &err))
			fail_msg("%s", err.text);
		options_fini(*c, options);
		free(options);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_stand_until_given),
		cmocka_unit_test(every_kind_in_every_spelling),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(subcommands_take_their_own),
		cmocka_unit_test(globals_may_follow_the_command),
		cmocka_unit_test(operands_and_dashes),
		cmocka_unit_test(the_measured_command_keeps_its_options),
		cmocka_unit_test(help_needs_nothing_else),
		cmocka_unit_test(the_real_table_is_sound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
