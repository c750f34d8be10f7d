/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/units.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/wrap.h"
#include "understand/sweep.h"

struct options {
	struct text_list levers;
	uint64_t repeat, seed, budget_ns, cool_ns;
	double precision, slowdown;
	const char *json, *sensors;
	bool list, adaptive;
};

static const struct option options_table[] = {
	{ .name = "lever",
	  .letter = 'l',
	  .kind = OPTION_LIST,
	  .field = offsetof(struct options, levers),
	  .value = "NAME=VALUES",
	  .help = "what to vary: min:max:step or a,b,c; may be given several times" },
	{ .name = "repeat",
	  .letter = 'r',
	  .kind = OPTION_COUNT,
	  .field = offsetof(struct options, repeat),
	  .value = "N",
	  .help = "exactly N runs of each point (default: as --precision asks)",
	  .min = 1,
	  .max = 10000 },
	{ .name = "precision",
	  .letter = 'p',
	  .kind = OPTION_FRACTION,
	  .field = offsetof(struct options, precision),
	  .value = "PERCENT",
	  .fallback = "2%",
	  .help = "repeat until the 95% interval of the energy is this narrow",
	  .min = 1e-6,
	  .max = 1 },
	{ .name = "budget",
	  .letter = 'b',
	  .kind = OPTION_DURATION,
	  .field = offsetof(struct options, budget_ns),
	  .value = "DURATION",
	  .help = "start no run after this time; what was measured stands",
	  .min = 1e-3,
	  .max = 3e7 },
	{ .name = "slower",
	  .letter = 's',
	  .kind = OPTION_FRACTION,
	  .field = offsetof(struct options, slowdown),
	  .value = "PERCENT",
	  .fallback = "5%",
	  .help = "also show the point of least energy at most this much slower",
	  .max = 1000 },
	{ .name = "seed",
	  .kind = OPTION_COUNT,
	  .field = offsetof(struct options, seed),
	  .value = "N",
	  .fallback = "1",
	  .help = "of the random order",
	  .max = 9e15 },
	{ .name = "sensors",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct options, sensors),
	  .value = "LIST",
	  .help = "only these sensors; see ergon sensors" },
	{ .name = "adaptive",
	  .letter = 'a',
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct options, adaptive),
	  .help = "search for the least EDP instead of measuring every point" },
	{ .name = "cool-down",
	  .kind = OPTION_DURATION,
	  .field = offsetof(struct options, cool_ns),
	  .value = "DURATION",
	  .help = "before a run, wait so long at most until it is as cool as at the start",
	  .min = 1e-3,
	  .max = 86400 },
	{ .name = "list",
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct options, list),
	  .help = "list the levers" },
	OPTION_JSON(struct options),
	OPTION_END,
};

static void print_levers(struct cli *cli)
{
	static const char *const header[] = { "lever", "unit", "range", "privilege" };
	struct table t;
	table_init(&t, "llll", header);
	for (const struct lever *const *l = levers; *l; l++) {
		struct lever_range range;
		char text[64] = "any text";
		if ((*l)->range && (*l)->range(cli->env, "", &range, NULL) == ERGON_OK)
			snprintf(text, sizeof text, "%g to %g", range.min, range.max);
		else if ((*l)->range)
			snprintf(text, sizeof text, "absent here");
		table_row(&t, "%s%s\t%s\t%s\t%s", (*l)->name, (*l)->family ? "NAME" : "",
		          (*l)->unit ? (*l)->unit : "", text, (*l)->privilege);
	}
	table_print(&t, cli->out);
	table_fini(&t);
	fputc('\n', cli->out);
	for (const struct lever *const *l = levers; *l; l++) {
		struct lever_range range;
		struct ergon_error why = { 0 };
		char text[512];
		snprintf(text, sizeof text, "%s%s: %s", (*l)->name, (*l)->family ? "NAME" : "",
		         (*l)->summary);
		wrap_print(cli->out, text, 0, 2);
		fputs("  ", cli->out);
		snprintf(text, sizeof text, "restored: %s", (*l)->restored);
		wrap_print(cli->out, text, 2, 4);
		if ((*l)->range && (*l)->range(cli->env, "", &range, &why) != ERGON_OK) {
			fputs("  ", cli->out);
			snprintf(text, sizeof text, "absent: %s", why.text);
			wrap_print(cli->out, text, 2, 4);
		}
	}
}

static bool show_progress(void *user, double done, const char *note)
{
	progress_update(user, done, note);
	return true;
}

/* "1.23 J +-1.2%"; "-" for what is unknown. */
static void cell(char *out, size_t size, const struct sweep *sweep, const struct moments *m,
                 const char *unit)
{
	char value[32];
	double width = sweep_half_width(sweep, m) / m->mean;
	format_si(value, sizeof value, m->mean, unit);
	if (width >= 0)
		snprintf(out, size, "%s +-%.1f%%", value, 100 * width);
	else
		snprintf(out, size, "%s", value);
}

static void print_point(struct table *t, const struct sweep *sweep, size_t i)
{
	const struct sweep_point *p = &sweep->points[i];
	char setting[160], time[48], energy[48], power[32], edp[32], marks[8] = "";
	sweep_setting_text(sweep, p, setting, sizeof setting);
	if (p->count == 0) {
		char why[48] = "not run";
		if (p->failed)
			snprintf(why, sizeof why, "failed with %d", p->failed_status);
		table_row(t, "%.22s\t%s\t\t\t\t0\t", setting, why);
		return;
	}
	snprintf(marks, sizeof marks, "%s%s%s%s", p->pareto ? "*" : "",
	         i == sweep->baseline ? "b" : "", i == sweep->best.min_energy ? "e" : "",
	         i == sweep->best.min_edp ? "s" : "");
	cell(time, sizeof time, sweep, &p->time, "s");
	cell(energy, sizeof energy, sweep, &p->energy, "J");
	table_row(t, "%.22s\t%s\t%s\t%s\t%s\t%zu\t%s", setting, time, energy,
	          format_si(power, sizeof power, p->power.mean, "W"),
	          format_si(edp, sizeof edp, tradeoff_edp(sweep_mean(p)), "Js"), p->count, marks);
}

static void print_within(struct cli *cli, const struct sweep *sweep)
{
	if (sweep->within == TRADEOFF_NONE || sweep->within == sweep->best.min_edp)
		return;
	const struct sweep_point *p = &sweep->points[sweep->within];
	char setting[160], sentence[160];
	wrap_printf(cli->out, "", 0, "At most %g%% slower: %s at %s.",
	            100 * sweep->options.slowdown,
	            tradeoff_sentence(sentence, sizeof sentence, sweep_mean(p),
	                              sweep_mean(&sweep->points[sweep->baseline])),
	            sweep_setting_text(sweep, p, setting, sizeof setting));
}

static void print_cool_down(struct cli *cli, const struct sweep *sweep)
{
	bool machine = isfinite(sweep->baseline_c), gpu = isfinite(sweep->baseline_gpu_c);
	if (!machine && !gpu) {
		fprintf(cli->out, "No cool-down: sysfs shows no temperature here.\n");
		return;
	}
	fprintf(cli->out, "Waited %.0f s to cool down to", sweep->cooled_s);
	if (machine)
		fprintf(cli->out, " %.0f C", sweep->baseline_c);
	if (gpu)
		fprintf(cli->out, "%s %.0f C (GPU)", machine ? " and" : "", sweep->baseline_gpu_c);
	fprintf(cli->out, ".\n");
}

static void print_result(struct cli *cli, const struct sweep *sweep)
{
	static const char *const header[] = { "setting", "time", "energy", "power",
		                              "EDP",     "runs", "" };
	char sentence[512];
	wrap_printf(cli->out, "", 0, "%s.", sweep_sentence(sweep, sentence, sizeof sentence));
	print_within(cli, sweep);
	char curve[256], shown[300];
	snprintf(shown, sizeof shown, "The curve is %s.",
	         sweep_curve_text(sweep, curve, sizeof curve));
	if (*curve)
		wrap_print(cli->out, shown, 0, 0);
	if (sweep->options.cool_ns)
		print_cool_down(cli, sweep);
	if (sweep->has_energy)
		fprintf(cli->out, "Energy and power are %s.\n", provenance_name(sweep->provenance));
	fputc('\n', cli->out);
	struct table t;
	table_init(&t, "lrrrrrl", header);
	size_t outliers = 0;
	for (size_t i = 0; i < sweep->count; i++) {
		print_point(&t, sweep, i);
		outliers += sweep->points[i].outliers;
	}
	table_print(&t, cli->out);
	table_fini(&t);
	fprintf(cli->out, "\n* on the Pareto front, b baseline, e least energy, "
	                  "s least EDP (sweet spot)\n");
	if (sweep->searched)
		fprintf(cli->out, "%s: %zu runs; every point would take %zu or more\n",
		        sweep_search_name(sweep->search), sweep->runs, sweep_full_runs(sweep));
	else if (sweep->options.adaptive)
		fprintf(cli->out, "more than one valley: every point was measured\n");
	if (outliers)
		fprintf(cli->out, "%zu run%s stand%s out from the rest of %s point; kept\n",
		        outliers, outliers == 1 ? "" : "s", outliers == 1 ? "s" : "",
		        outliers == 1 ? "its" : "their");
	if (sweep->budget_spent)
		fprintf(cli->out, "the budget was spent before every point was known to %g%%\n",
		        100 * sweep->options.precision);
}

static enum ergon_code run_it(struct cli *cli, const struct options *o, struct sweep *sweep,
                              char **argv, struct ergon_error *err)
{
	struct progress progress;
	struct sweep_options options = { .precision = o->precision,
		                         .slowdown = o->slowdown,
		                         .repeat = o->repeat,
		                         .budget_ns = o->budget_ns,
		                         .cool_ns = o->cool_ns,
		                         .seed = o->seed,
		                         .adaptive = o->adaptive,
		                         .progress = show_progress,
		                         .user = &progress };
	progress_begin(&progress, cli, "sweep");
	enum ergon_code code =
	    sweep_init(sweep, cli->env, o->levers.items, o->levers.count, &options, err);
	if (code)
		return code;
	struct meter *meter;
	code = meter_open(&meter, cli->env, &(struct meter_options){ .sensors = o->sensors }, err);
	if (code)
		return code;
	code = sweep_command(sweep, cli->env, meter, argv, environ, err);
	progress_end(&progress);
	meter_close(meter);
	return code;
}

static int sweep_command_run(struct cli *cli, const void *options, char **operands, int count)
{
	const struct options *o = options;
	struct ergon_error err = { 0 };
	struct sweep sweep;
	if (o->list) {
		print_levers(cli);
		return EXIT_DONE;
	}
	if (count == 0) {
		ergon_fail(&err, ERGON_BAD_INPUT, "expected a command behind --");
		return cli_fail(cli, "sweep", &err);
	}
	operands[count] = NULL; /* a slot of argv: its words moved down over the options */
	enum ergon_code code = run_it(cli, o, &sweep, operands, &err);
	if (!code && o->json)
		code = document_save(sweep_to_json(&sweep), o->json, &err);
	int status = code ? cli_fail(cli, "sweep", &err) : EXIT_DONE;
	if (!code && document_shown(cli, o->json))
		print_result(cli, &sweep);
	if (!code && sweep.interrupted)
		status = 130;
	sweep_fini(&sweep);
	return status;
}

const struct command command_sweep = {
	.name = "sweep",
	.pillar = PILLAR_UNDERSTAND,
	.summary = "find the setting at which a command needs least energy",
	.synopsis = "--lever NAME=VALUES [options] -- COMMAND [ARG...]",
	.details =
	    "Runs the command at every combination of the levers' values, in a random order, "
	    "repeated "
	    "until the energy of each is known well enough, and shows which combinations are worth "
	    "having. The command's standard output is thrown away.\n\nValues: min:max:step; "
	    "min:max:N "
	    "with the words min or max, for N points; or a,b,c. {NAME} in the command stands for "
	    "the "
	    "value of arg:NAME, {cpu.threads} for that lever's. The baseline is the highest value "
	    "of "
	    "each numeric lever and the first of each other.",
	.examples = "ergon sweep --list\n"
		    "ergon sweep --lever cpu.threads=1:4 -- ergon kernel gemm --repeat 20\n"
		    "ergon sweep --lever arg:batch=16,32,64 -- python3 train.py --batch {batch}",
	.statuses = "130  interrupted; what was measured is shown",
	.options = options_table,
	.options_size = sizeof(struct options),
	.operands_min = 0,
	.operands_max = -1,
	.runs_command = true,
	.run = sweep_command_run,
};
