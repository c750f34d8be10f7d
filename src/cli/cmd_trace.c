/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/grow.h"
#include "base/json.h"
#include "base/suggest.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/table.h"
#include "cli/wrap.h"
#include "optimize/traces/ergon_csv.h"
#include "optimize/traces/generate.h"
#include "optimize/traces/summary.h"
#include "spec/cluster.h"

struct options {
	const char *format, *output, *json, *cluster, *arrivals, *durations, *applications;
	uint64_t jobs, seed, users, gpus_max, from_ns, to_ns;
	double load, factor, urgent, malleable;
	bool lenient;
};

#define FIELD(member) .field = offsetof(struct options, member)
static const struct option options_table[] = {
	{ .name = "format",
	  .letter = 'f',
	  .kind = OPTION_TEXT,
	  FIELD(format),
	  .value = "NAME",
	  .help = "format of FILE; without it the file's first lines say" },
	{ .name = "lenient",
	  .kind = OPTION_FLAG,
	  FIELD(lenient),
	  .help = "skip and count malformed rows instead of stopping at the first" },
	{ .name = "output",
	  .letter = 'o',
	  .kind = OPTION_OUTPUT,
	  FIELD(output),
	  .value = "FILE",
	  .help = "where the trace goes, as CSV; standard output without it" },
	{ .name = "cluster",
	  .letter = 'c',
	  .kind = OPTION_TEXT,
	  FIELD(cluster),
	  .value = "CLUSTER",
	  .help = "cluster that loads refer to: nodes x GPUs : type, such as 16x4:t4" },
	{ .name = "jobs",
	  .letter = 'n',
	  .kind = OPTION_COUNT,
	  FIELD(jobs),
	  .value = "N",
	  .min = 1,
	  .max = 1e7,
	  .help = "how many to make (1000 without it) or to keep" },
	{ .name = "seed",
	  .kind = OPTION_COUNT,
	  FIELD(seed),
	  .value = "S",
	  .help = "of every random choice: the same seed, the same bytes" },
	{ .name = "load",
	  .letter = 'l',
	  .kind = OPTION_REAL,
	  FIELD(load),
	  .value = "L",
	  .min = 0.001,
	  .max = 100,
	  .help = "offered work over the cluster's capacity (of a generated one: 1 without it)" },
	{ .name = "factor",
	  .kind = OPTION_REAL,
	  FIELD(factor),
	  .value = "F",
	  .min = 1e-6,
	  .max = 1e6,
	  .help = "multiply the load by F, that is, divide the gaps by it" },
	{ .name = "from",
	  .kind = OPTION_DURATION,
	  FIELD(from_ns),
	  .value = "DURATION",
	  .help = "only jobs that arrive at this time or later" },
	{ .name = "to",
	  .kind = OPTION_DURATION,
	  FIELD(to_ns),
	  .value = "DURATION",
	  .help = "only jobs that arrive before" },
	{ .name = "arrivals",
	  .kind = OPTION_TEXT,
	  FIELD(arrivals),
	  .value = "PROCESS",
	  .help = "poisson (default), diurnal, bursty, heavy-tailed" },
	{ .name = "durations",
	  .kind = OPTION_TEXT,
	  FIELD(durations),
	  .value = "LAW",
	  .help = "philly (default), gavel, pareto, exponential" },
	{ .name = "applications",
	  .kind = OPTION_TEXT,
	  FIELD(applications),
	  .value = "MIX",
	  .help = "models (default), pollux, or a list NAME[:WEIGHT[:BATCH]],... of models" },
	{ .name = "max-gpus",
	  .kind = OPTION_COUNT,
	  FIELD(gpus_max),
	  .value = "N",
	  .min = 1,
	  .max = TRACE_UNITS_MAX,
	  .help = "GPUs of the largest job; those that ask for more are left out" },
	{ .name = "urgent",
	  .kind = OPTION_FRACTION,
	  FIELD(urgent),
	  .value = "PERCENT",
	  .max = 1,
	  .help = "share of jobs with a deadline" },
	{ .name = "malleable",
	  .kind = OPTION_FRACTION,
	  FIELD(malleable),
	  .value = "PERCENT",
	  .max = 1,
	  .help = "share of jobs that state a range of GPUs" },
	{ .name = "users",
	  .kind = OPTION_COUNT,
	  FIELD(users),
	  .value = "N",
	  .min = 1,
	  .max = 10000,
	  .help = "how many users (20 without it)" },
	OPTION_JSON(struct options),
	OPTION_END,
};

struct work {
	struct cli *cli;
	const struct options *options;
	struct arena *arena;
	struct trace trace;
	struct trace_summary summary;
	uint64_t units; /* of the cluster; 0: none named */
	struct ergon_error *err;
};

static enum ergon_code which_name(const char *option, const char *text, const char *const *names,
                                  size_t count, size_t *index, struct ergon_error *err)
{
	char hint[256];
	for (*index = 0; text && *index < count; ++*index)
		if (strcmp(names[*index], text) == 0)
			return ERGON_OK;
	*index = 0;
	if (!text)
		return ERGON_OK;
	return ergon_fail(err, ERGON_BAD_INPUT, "--%s: no '%.40s'%s", option, text,
	                  suggest_hint(hint, sizeof hint, text, names, count));
}

/* ---- actions: each leaves its trace in work->trace ---- */

static enum ergon_code do_nothing(struct work *work)
{
	(void)work;
	return ERGON_OK;
}

static enum ergon_code do_sample(struct work *work)
{
	const struct options *o = work->options;
	if (!o->jobs && !o->from_ns && !o->to_ns && !o->gpus_max)
		return ergon_fail(work->err, ERGON_BAD_INPUT,
		                  "sample: expected --jobs N, --from, --to or --max-gpus");
	if (o->to_ns && o->to_ns <= o->from_ns)
		return ergon_fail(work->err, ERGON_BAD_INPUT, "--to must be later than --from");
	if (o->from_ns || o->to_ns)
		trace_window(&work->trace, o->from_ns, o->to_ns ? o->to_ns : UINT64_MAX);
	if (o->gpus_max)
		trace_limit_width(&work->trace, o->gpus_max);
	if (work->trace.count == 0)
		return ergon_fail(work->err, ERGON_INFEASIBLE, "no job is left");
	if (o->jobs > work->trace.count)
		return ergon_fail(work->err, ERGON_INFEASIBLE,
		                  "--jobs %" PRIu64 ": there are only %zu", o->jobs,
		                  work->trace.count);
	if (o->jobs)
		trace_sample(&work->trace, o->jobs, o->seed);
	return ERGON_OK;
}

static enum ergon_code do_scale(struct work *work)
{
	const struct options *o = work->options;
	double factor = o->factor;
	if ((o->load > 0) == (o->factor > 0))
		return ergon_fail(work->err, ERGON_BAD_INPUT,
		                  "scale: expected either --factor F or --load L with --cluster");
	if (o->load > 0) {
		if (!work->units)
			return ergon_fail(work->err, ERGON_BAD_INPUT,
			                  "--load: expected --cluster beside it");
		struct trace_summary now;
		enum ergon_code code = trace_summarise(&work->trace, work->arena, &now, work->err);
		if (code)
			return code;
		factor = o->load / trace_offered_load(&now, (double)work->units);
		if (!isfinite(factor) || !(factor > 0))
			return ergon_fail(work->err, ERGON_INFEASIBLE,
			                  "the load cannot be known: %zu of %zu jobs state no "
			                  "duration; use --factor",
			                  now.unknown_durations, work->trace.count);
	}
	if (!trace_stretch(&work->trace, 1 / factor))
		return ergon_fail(work->err, ERGON_INFEASIBLE,
		                  "at this load the arrivals would take over 127 years");
	return ERGON_OK;
}

static enum ergon_code do_generate(struct work *work)
{
	const struct options *o = work->options;
	struct generate_options g = generate_defaults();
	size_t arrivals, durations;
	if (!work->units)
		return ergon_fail(work->err, ERGON_BAD_INPUT,
		                  "generate: expected --cluster, such as 16x4:t4");
	enum ergon_code code = which_name("arrivals", o->arrivals, arrival_names, ARRIVALS_COUNT,
	                                  &arrivals, work->err);
	if (!code)
		code = which_name("durations", o->durations, duration_names, DURATIONS_COUNT,
		                  &durations, work->err);
	if (code)
		return code;
	g.jobs = o->jobs ? o->jobs : 1000;
	g.seed = o->seed;
	g.load = o->load > 0 ? o->load : 1;
	g.cluster_gpus = work->units;
	g.gpus_max = o->gpus_max;
	g.arrivals = (enum arrival_process)arrivals;
	g.durations = (enum duration_law)durations;
	g.applications = o->applications;
	g.urgent = o->urgent;
	g.malleable = o->malleable;
	g.users = o->users ? (unsigned)o->users : g.users;
	return trace_generate(&g, work->arena, &work->trace, work->err);
}

/* ---- printing ---- */

static const char *unit_name(const struct trace *trace)
{
	return trace->unit == TRACE_GPUS ? "GPU" : "processor";
}

static void print_skips(FILE *out, const struct trace *trace)
{
	for (size_t i = 0; i < trace->skip_count; i++) {
		const struct trace_skip *skip = &trace->skips[i];
		fprintf(out, "skipped       %zu: %s%.40s", skip->count,
		        skip->malformed ? "malformed " : "", skip->reason);
		if (skip->first_line > 0)
			fprintf(out, ", first in line %ld", skip->first_line);
		fputc('\n', out);
	}
}

static void print_lead(FILE *out, const struct work *work)
{
	const struct trace *trace = &work->trace;
	const struct trace_summary *s = &work->summary;
	char span[32], demand[64];
	fprintf(out, "%zu job%s of up to %" PRIu64 " %s%s, arriving over %s (%s).\n", trace->count,
	        trace->count == 1 ? "" : "s", s->width_max, unit_name(trace),
	        s->width_max == 1 ? "" : "s",
	        format_duration(span, sizeof span, s->last_s - s->first_s), trace->format);
	if (isnan(s->mean_demand_units)) {
		fprintf(out, "Offered load: unknown (%zu durations not stated%s).\n",
		        s->unknown_durations, s->last_s > s->first_s ? "" : "; all arrive at once");
		return;
	}
	snprintf(demand, sizeof demand, "%.1f %ss on the mean", s->mean_demand_units,
	         unit_name(trace));
	if (work->units)
		fprintf(out, "Offered load: %.3f of %" PRIu64 " %ss (%s).\n",
		        trace_offered_load(s, (double)work->units), work->units, unit_name(trace),
		        demand);
	else
		fprintf(out, "Offered work: %s.\n", demand);
}

static void print_widths(FILE *out, const struct trace *trace, const struct trace_summary *s)
{
	const char *const header[] = { unit_name(trace), "jobs", "share", "" };
	struct table table;
	table_init(&table, "rrrl", header);
	for (unsigned i = 0; i < TRACE_WIDTHS; i++) {
		if (!s->widths[i])
			continue;
		char bar[41] = "", range[32];
		double share = (double)s->widths[i] / (double)trace->count;
		memset(bar, '#', (size_t)(share * 40 + 0.5));
		uint64_t from = UINT64_C(1) << i, to = 2 * from - 1;
		snprintf(range, sizeof range, from == to ? "%" PRIu64 : "%" PRIu64 "-%" PRIu64,
		         from, to);
		table_row(&table, "%s\t%zu\t%.1f%%\t%s", range, s->widths[i], 100 * share, bar);
	}
	table_print(&table, out);
	table_fini(&table);
}

enum { LABEL = 14 }; /* columns of a line's name */

static void print_info(FILE *out, const struct work *work)
{
	const struct trace *trace = &work->trace;
	const struct trace_summary *s = &work->summary;
	char a[32], b[32], c[32], d[32];
	print_lead(out, work);
	fprintf(out, "\nrows          %zu, %zu skipped\n", trace->rows, trace->skipped);
	print_skips(out, trace);
	char variation[32] = "";
	if (isfinite(s->gap_variation))
		snprintf(variation, sizeof variation, ", variation %.2f", s->gap_variation);
	wrap_printf(out, "arrivals", LABEL, "from %s to %s, mean gap %s%s",
	            format_duration(a, sizeof a, s->first_s),
	            format_duration(b, sizeof b, s->last_s),
	            format_duration(c, sizeof c, s->gap_mean_s), variation);
	if (s->unknown_durations < trace->count)
		wrap_printf(out, "duration", LABEL, "mean %s, p50 %s, p90 %s, max %s",
		            format_duration(a, sizeof a, s->duration_mean_s),
		            format_duration(b, sizeof b, s->duration_p50_s),
		            format_duration(c, sizeof c, s->duration_p90_s),
		            format_duration(d, sizeof d, s->duration_max_s));
	fprintf(out, "stated        %zu users, %zu deadlines, %zu urgent, %zu malleable\n",
	        s->users, s->deadlines, s->urgent, s->malleable);
	if (s->applications) {
		fprintf(out, "applications  %zu:", s->applications);
		for (unsigned i = 0; i < 3 && s->top[i].name; i++)
			fprintf(out, "%s %.14s %zu", i ? "," : "",
			        s->top[i].name[0] ? s->top[i].name : "(none)", s->top[i].jobs);
		fputs(s->applications > 3 ? ", ...\n" : "\n", out);
	}
	fputc('\n', out);
	print_widths(out, trace, s);
}

/* ---- running ---- */

static enum ergon_code write_trace(const struct work *work)
{
	const char *path = work->options->output;
	struct text text = { 0 };
	trace_write_csv(&work->trace, &text);
	enum ergon_code code = ERGON_OK;
	if (text.failed)
		code = ergon_fail(work->err, ERGON_NO_MEMORY, "out of memory for the trace");
	else if (path && strcmp(path, "-") != 0)
		code = file_write(path, text.data, text.length, work->err);
	else if (fwrite(text.data, 1, text.length, work->cli->out) != text.length)
		code = ergon_fail(work->err, ERGON_IO, "cannot write to standard output");
	text_fini(&text);
	return code;
}

struct action {
	bool reads, writes;
	enum ergon_code (*run)(struct work *work);
};

static enum ergon_code write_results(const struct action *action, struct work *work)
{
	const struct options *o = work->options;
	enum ergon_code code =
	    trace_summarise(&work->trace, work->arena, &work->summary, work->err);
	if (!code && action->writes)
		code = write_trace(work);
	if (!code && o->json)
		code = document_save(trace_to_json(&work->trace, &work->summary, work->units),
		                     o->json, work->err);
	bool stdout_taken = !document_shown(work->cli, o->json) ||
	                    (action->writes && (!o->output || !strcmp(o->output, "-")));
	if (code || stdout_taken || (action->writes && work->cli->quiet))
		return code;
	if (!action->writes) {
		print_info(work->cli->out, work);
		return ERGON_OK;
	}
	fprintf(work->cli->out, "Wrote %s.\n", o->output);
	print_lead(work->cli->out, work);
	return ERGON_OK;
}

static enum ergon_code check_output(const struct action *action, const struct options *options,
                                    struct ergon_error *err)
{
	bool trace_on_stdout =
	    action->writes && (!options->output || !strcmp(options->output, "-"));
	if (trace_on_stdout && document_alone(options->json))
		return ergon_fail(
		    err, ERGON_BAD_INPUT,
		    "--json - needs --output FILE: standard output holds one of them");
	return ERGON_OK;
}

static int act(struct cli *cli, const struct options *options, char **operands,
               const struct action *action)
{
	struct ergon_error err = { 0 };
	struct arena arena;
	arena_init(&arena);
	struct cluster cluster = { .gpus = 0 };
	struct work work = { .cli = cli, .options = options, .arena = &arena, .err = &err };
	enum ergon_code code = check_output(action, options, &err);
	if (!code && options->cluster)
		code = cluster_load(options->cluster, &arena, &cluster, &err);
	work.units = cluster.gpus;
	if (!code && action->reads)
		code = trace_load(operands[0], options->format, options->lenient, &arena,
		                  &work.trace, &err);
	if (!code)
		code = action->run(&work);
	if (!code)
		code = write_results(action, &work);
	arena_fini(&arena);
	return code ? cli_fail(cli, "trace", &err) : EXIT_DONE;
}

#define ACTION(name, ...)                                                                          \
	static int name(struct cli *cli, const void *options, char **operands, int count)          \
	{                                                                                          \
		(void)count;                                                                       \
		return act(cli, options, operands, &(struct action){ __VA_ARGS__ });               \
	}
ACTION(trace_info, true, false, do_nothing)
ACTION(trace_convert, true, true, do_nothing)
ACTION(trace_take_sample, true, true, do_sample)
ACTION(trace_scale, true, true, do_scale)
ACTION(trace_make, false, true, do_generate)

static const struct subcommand subcommands[] = {
	{ "info", "FILE", "count the jobs of FILE and what they ask for",
	  "format lenient cluster json", 1, 1, trace_info },
	{ "convert", "FILE", "write them in ergon's own CSV", "format lenient cluster json output",
	  1, 1, trace_convert },
	{ "sample", "FILE", "write a part of them",
	  "format lenient cluster json output jobs seed from to max-gpus", 1, 1,
	  trace_take_sample },
	{ "scale", "FILE", "write the same jobs at another load",
	  "format lenient cluster json output load factor", 1, 1, trace_scale },
	{ "generate", NULL,
	  "make a synthetic trace whose offered load on the cluster is exactly --load",
	  "cluster json output jobs seed load arrivals durations applications max-gpus urgent "
	  "malleable users",
	  0, 0, trace_make },
	SUBCOMMAND_END,
};

const struct command command_trace = {
	.name = "trace",
	.pillar = PILLAR_OPTIMIZE,
	.summary = "look at, convert, sample, scale or generate job traces",
	.synopsis = "info|convert|sample|scale FILE [options] | generate --cluster C [options]",
	.details =
	    "Formats are told apart by their first lines. Rows that hold no job to simulate (it "
	    "never ran, it asks for no GPU) are skipped and counted, with the reason; malformed "
	    "rows are an error unless --lenient is given. docs/trace-format.md has the laws of "
	    "generated traces and their sources.",
	.examples = "ergon trace info hpc2n.swf --cluster 240x1:cpu\n"
		    "ergon trace generate --jobs 1000 --load 0.8 --cluster 16x4:t4 -o jobs.csv\n"
		    "ergon trace scale jobs.csv --factor 1.5 --output busier.csv",
	.options = options_table,
	.options_size = sizeof(struct options),
	.operands_min = 1,
	.operands_max = -1,
	.subcommands = subcommands,
};
