/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/simulate_sweep.h"

#include <math.h>
#include <string.h>

#include "base/suggest.h"
#include "base/units.h"
#include "cli/document.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/wrap.h"

bool sweep_is_wanted(const struct sweep_flags *flags)
{
	return flags->axes || flags->traces || flags->seeds > 1 || flags->folder;
}

static enum ergon_code read_axes(const char *axes, struct campaign_options *options,
                                 struct ergon_error *err)
{
	static const char *const known[] = { "load" };
	options->loads[0] = 1;
	options->load_count = 1;
	if (!axes)
		return ERGON_OK;
	size_t length = strcspn(axes, "=");
	char name[32], hint[96];
	snprintf(name, sizeof name, "%.*s", (int)(length < 31 ? length : 31), axes);
	if (axes[length] != '=' || strcmp(name, "load") != 0)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "--sweep '%.40s': expected load=FROM:TO:STEP or load=A,B,...%s",
		                  axes, suggest_hint(hint, sizeof hint, name, known, 1));
	return campaign_parse_loads(axes + length + 1, options->loads, &options->load_count, err);
}

static double number(const json_t *point, const char *part, const char *metric, const char *what)
{
	const json_t *value =
	    json_object_get(json_object_get(json_object_get(point, part), metric), what);
	return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

/* "3.21 ± 0.15" in units of `scale`; "-" where it is not known. */
static char *spread(char *out, size_t size, const json_t *point, const char *metric, double scale)
{
	double mean = number(point, "metrics", metric, "mean") / scale;
	double half = number(point, "metrics", metric, "half_width_95") / scale;
	int digits = fabs(mean) >= 100 ? 0 : fabs(mean) >= 10 ? 1 : 2;
	if (!isfinite(mean))
		snprintf(out, size, "-");
	else if (isfinite(half))
		snprintf(out, size, "%.*f±%.*f", digits, mean, digits, half);
	else
		snprintf(out, size, "%.*f", digits, mean);
	return out;
}

static char *change(char *out, size_t size, const json_t *point, const char *metric)
{
	double mean = number(point, "change", metric, "mean") * 100;
	double half = number(point, "change", metric, "half_width_95") * 100;
	if (!isfinite(mean))
		snprintf(out, size, "-");
	else if (isfinite(half))
		snprintf(out, size, "%+.1f±%.1f%%", mean, half);
	else
		snprintf(out, size, "%+.1f%%", mean);
	return out;
}

/* A unit in which the largest mean of a metric reads well. */
struct scale {
	double unit;
	const char *name;
};

static struct scale scale_for(const json_t *document, const char *metric,
                              const struct scale *scales)
{
	double largest = 0;
	size_t index;
	const json_t *point;
	json_array_foreach(json_object_get(document, "points"), index, point)
	{
		double mean = number(point, "metrics", metric, "mean");
		largest = isfinite(mean) && mean > largest ? mean : largest;
	}
	while (scales[1].name && largest < 2 * scales->unit)
		scales++;
	return *scales;
}

static void print_points(struct cli *cli, const json_t *document)
{
	static const struct scale times[] = {
		{ 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" }, { 0, NULL }
	};
	static const struct scale energies[] = { { 1e12, "TJ" }, { 1e9, "GJ" }, { 1e6, "MJ" },
		                                 { 1e3, "kJ" },  { 1, "J" },    { 0, NULL } };
	struct scale time = scale_for(document, "jct_mean_s", times);
	struct scale energy = scale_for(document, "energy_j", energies);
	char jct_head[16], p99_head[16], energy_head[16];
	snprintf(jct_head, sizeof jct_head, "JCT, %s", time.name);
	snprintf(p99_head, sizeof p99_head, "p99, %s", time.name);
	snprintf(energy_head, sizeof energy_head, "energy, %s", energy.name);
	const char *const header[] = { "load",      "policy", jct_head,    p99_head,
		                       energy_head, "energy", "throughput" };
	struct table table;
	size_t index, l;
	const json_t *point, *load;
	table_init(&table, "llrrrrr", header);
	json_array_foreach(json_object_get(document, "loads"), l, load)
	{
		json_array_foreach(json_object_get(document, "points"), index, point)
		{
			char jct[48], p99[48], joules[48], less[48], rate[48];
			if (!json_equal(json_object_get(point, "load"), load))
				continue;
			table_row(&table, "%g\t%s\t%s\t%s\t%s\t%s\t%s", json_number_value(load),
			          json_string_value(json_object_get(point, "policy")),
			          spread(jct, sizeof jct, point, "jct_mean_s", time.unit),
			          spread(p99, sizeof p99, point, "jct_p99_s", time.unit),
			          spread(joules, sizeof joules, point, "energy_j", energy.unit),
			          change(less, sizeof less, point, "energy_j"),
			          change(rate, sizeof rate, point, "jobs_per_hour"));
		}
	}
	table_print(&table, cli->out);
	table_fini(&table);
}

static void print_failures(struct cli *cli, const json_t *document)
{
	size_t index;
	const json_t *point;
	json_array_foreach(json_object_get(document, "overall"), index, point)
	{
		json_int_t failed = json_integer_value(json_object_get(point, "failed"));
		char text[1400];
		if (!failed)
			continue;
		snprintf(text, sizeof text, "failed: %s, %lld of %lld runs: %s",
		         json_string_value(json_object_get(point, "policy")), (long long)failed,
		         (long long)json_integer_value(json_object_get(point, "runs")),
		         json_string_value(json_object_get(point, "failure")));
		wrap_print(cli->out, text, 0, 8);
	}
}

static void print_sweep(struct cli *cli, const struct campaign *c, const json_t *document)
{
	const json_t *oracle = json_object_get(document, "oracle");
	uint32_t traces = c->by_file ? c->trace_count / c->options.load_count : c->trace_count;
	char text[600];
	snprintf(text, sizeof text,
	         "%u runs on %.100s: %u trace%s%s, %u seed%s, all simulated. Means with 95%% "
	         "intervals; the last two columns against %s on the same traces.\n",
	         c->unit_count, c->options.base.cluster, traces, traces == 1 ? "" : "s",
	         c->by_file ? " a load" : "", c->options.seeds, c->options.seeds == 1 ? "" : "s",
	         c->options.policies[0]->name);
	wrap_print(cli->out, text, 0, 0);
	print_points(cli, document);
	fputc('\n', cli->out);
	print_failures(cli, document);
	const char *basis = json_string_value(json_object_get(oracle, "basis"));
	const char *power = json_string_value(json_object_get(oracle, "power_basis"));
	if (basis && power)
		fprintf(cli->out, "times:  %s\npowers: %s\n", basis, power);
}

static void show_progress(void *user, double done, const char *note)
{
	progress_update(user, done, note);
}

/* A sweep in which nothing succeeded has failed, with the first run's words. */
static enum ergon_code all_failed(const json_t *document, struct ergon_error *err)
{
	size_t index;
	const json_t *point, *first = NULL;
	json_array_foreach(json_object_get(document, "overall"), index, point)
	{
		if (json_integer_value(json_object_get(point, "failed")) <
		    json_integer_value(json_object_get(point, "runs")))
			return ERGON_OK;
		first = first ? first : point;
	}
	return ergon_fail(err, ERGON_INFEASIBLE, "no run succeeded; the first: %s",
	                  json_string_value(json_object_get(first, "failure")));
}

static enum ergon_code report(struct cli *cli, struct campaign *c, const char *json,
                              struct ergon_error *err)
{
	json_t *document = NULL;
	enum ergon_code code = campaign_to_json(c, &document, err);
	if (!code)
		code = all_failed(document, err);
	if (!code && document_shown(cli, json))
		print_sweep(cli, c, document);
	if (!code && json)
		return document_save(document, json, err);
	json_decref(document);
	return code;
}

int sweep_simulations(struct cli *cli, const struct sweep_flags *flags,
                      const struct experiment_options *base,
                      const struct scheduling_policy *const *policies, size_t count,
                      const char *json)
{
	struct campaign_options options = { .base = *base,
		                            .traces = flags->traces ? flags->traces : base->trace,
		                            .policy_count = (uint32_t)count,
		                            .seeds = (uint32_t)flags->seeds,
		                            .workers = (uint32_t)flags->workers,
		                            .folder = flags->folder };
	struct campaign campaign = { 0 };
	struct ergon_error err = { 0 };
	struct progress progress;
	for (size_t i = 0; i < count; i++)
		options.policies[i] = policies[i];
	enum ergon_code code = read_axes(flags->axes, &options, &err);
	if (code)
		return cli_fail(cli, "simulate", &err);
	code = campaign_open(cli->env, &options, &campaign, &err);
	if (!code) {
		/* One of a parallel job's processes draws. */
		struct cli silent = *cli;
		silent.interactive = cli->interactive && campaign.ranks.rank == 0;
		progress_begin(&progress, &silent, "simulate");
		campaign.progress = show_progress;
		campaign.progress_user = &progress;
		code = campaign_run(&campaign, &err);
		progress_end(&progress);
	}
	if (!code && campaign.found && !cli->quiet && campaign.ranks.rank == 0)
		fprintf(cli->errors, "simulate: %u of %u runs were done before, in %s\n",
		        campaign.found, campaign.unit_count, campaign.folder);
	if (!code && campaign_reports(&campaign)) {
		code = report(cli, &campaign, json, &err);
		campaign_reported(&campaign);
	}
	campaign_fini(&campaign);
	return code ? cli_fail(cli, "simulate", &err) : EXIT_DONE;
}
