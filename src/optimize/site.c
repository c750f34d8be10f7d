/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/site.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/rng.h"
#include "base/suggest.h"
#include "base/units.h"
#include "optimize/sim/metrics.h"
#include "spec/grid.h"

enum { FAILURES_MAX = 10000000, PAIRS_MAX = 8 };

/* "name=low[:high]" pairs, each name at most once. */
struct pair {
	const char *name;
	double min, max;
	double low, high; /* NaN: not given */
};

static enum ergon_code bad_pair(const char *what, const char *text, const struct pair *pairs,
                                size_t count, struct ergon_error *err)
{
	const char *names[PAIRS_MAX];
	char hint[128], word[32];
	snprintf(word, sizeof word, "%.*s", (int)strcspn(text, "=,"), text);
	for (size_t i = 0; i < count; i++)
		names[i] = pairs[i].name;
	return ergon_fail(err, ERGON_BAD_INPUT, "%s: '%.40s' is not NAME=NUMBER%s", what, text,
	                  suggest_hint(hint, sizeof hint, word, names, count));
}

static bool read_range(char *text, struct pair *pair)
{
	char *colon = strchr(text, ':');
	if (colon)
		*colon = '\0';
	bool good = parse_real(text, &pair->low);
	pair->high = pair->low;
	if (good && colon)
		good = parse_real(colon + 1, &pair->high);
	return good && pair->low >= pair->min && pair->high <= pair->max && pair->low <= pair->high;
}

static enum ergon_code read_pairs(const char *what, const char *text, struct pair *pairs,
                                  size_t count, struct ergon_error *err)
{
	for (size_t i = 0; i < count; i++)
		pairs[i].low = pairs[i].high = NAN;
	for (const char *at = text;;) {
		char item[64], *equals;
		size_t length = strcspn(at, ","), i = 0;
		snprintf(item, sizeof item, "%.*s", (int)(length < 63 ? length : 63), at);
		equals = strchr(item, '=');
		if (equals)
			*equals = '\0';
		while (i < count && strcmp(pairs[i].name, item) != 0)
			i++;
		if (!equals || i == count)
			return bad_pair(what, at, pairs, count, err);
		if (!isnan(pairs[i].low) || !read_range(equals + 1, &pairs[i]))
			return ergon_fail(err, ERGON_BAD_INPUT,
			                  "%s: %s: one number from %g to %g, found '%.40s'", what,
			                  pairs[i].name, pairs[i].min, pairs[i].max, at);
		at += length;
		if (!*at)
			return ERGON_OK;
		at++;
	}
}

static enum ergon_code set_sleep(const char *text, struct cluster *cluster, struct ergon_error *err)
{
	enum { POWER, FALL, WAKE, WAKING, COUNT };
	struct pair pairs[COUNT] = { [POWER] = { .name = "power", .max = 1e6 },
		                     [FALL] = { .name = "fall", .max = 86400 },
		                     [WAKE] = { .name = "wake", .max = 86400 },
		                     [WAKING] = { .name = "waking", .max = 1e6 } };
	enum ergon_code code = read_pairs("--node-sleep", text, pairs, COUNT, err);
	if (code)
		return code;
	if (isnan(pairs[POWER].low) || isnan(pairs[WAKE].low))
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "--node-sleep: needs power=W and wake=SECONDS");
	for (size_t g = 0; g < cluster->group_count; g++) {
		struct cluster_group *group = &cluster->groups[g];
		double host_w = isnan(group->host_w) ? 0 : group->host_w;
		group->sleep_w = pairs[POWER].low;
		group->sleep_s = isnan(pairs[FALL].low) ? 0 : pairs[FALL].low;
		group->wake_s = pairs[WAKE].low;
		group->wake_w = pairs[WAKING].low;
		if (group->wake_w < host_w)
			return ergon_fail(err, ERGON_BAD_INPUT,
			                  "--node-sleep: waking=%g is below the host's %g W",
			                  group->wake_w, host_w);
	}
	return ERGON_OK;
}

static int by_time(const void *a, const void *b)
{
	const struct node_failure *x = a, *y = b;
	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return (x->node > y->node) - (x->node < y->node);
}

static enum ergon_code read_failures(const char *path, const struct cluster *cluster,
                                     struct arena *arena, struct site *site,
                                     struct ergon_error *err)
{
	struct csv csv;
	size_t time_at, node_at, repair_at;
	enum ergon_code code = csv_read(path, arena, &csv, err);
	if (!code)
		code = csv_need_column(&csv, "time_s", &time_at, err);
	if (!code)
		code = csv_need_column(&csv, "node", &node_at, err);
	if (!code)
		code = csv_need_column(&csv, "repair_s", &repair_at, err);
	if (code)
		return code;
	if (csv.rows > FAILURES_MAX)
		return ergon_fail_at(err, ERGON_BAD_INPUT, path, 0, "more than %d failures",
		                     FAILURES_MAX);
	site->failures = ARENA_ARRAY(arena, struct node_failure, csv.rows + 1);
	if (!site->failures)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t row = 0; row < csv.rows && !code; row++) {
		double time_s = 0, repair_s = 0;
		uint64_t node = 0;
		code = csv_real(&csv, row, time_at, 0, 4e9, &time_s, err);
		if (!code)
			code = csv_count(&csv, row, node_at, 0, cluster->nodes - 1, &node, err);
		if (!code)
			code = csv_real(&csv, row, repair_at, 0, 4e9, &repair_s, err);
		site->failures[site->failure_count++] =
		    (struct node_failure){ .time_ns = ns_from_seconds(time_s),
			                   .repair_ns = ns_from_seconds(repair_s),
			                   .node = (uint32_t)node };
	}
	qsort(site->failures, site->failure_count, sizeof *site->failures, by_time);
	return code;
}

static enum ergon_code find_failures(const char *what, const struct cluster *cluster,
                                     struct arena *arena, struct site *site,
                                     struct ergon_error *err)
{
	if (strcmp(what, "random") != 0)
		return read_failures(what, cluster, arena, site, err);
	for (size_t g = 0; g < cluster->group_count; g++)
		site->random_failures = site->random_failures || cluster->groups[g].mtbf_s > 0;
	return site->random_failures
	           ? ERGON_OK
	           : ergon_fail(err, ERGON_BAD_INPUT,
	                        "--failures random: no group of the cluster file states mtbf_h");
}

static bool names_a_file(const char *text)
{
	size_t length = strlen(text);
	return strchr(text, '/') || (length > 4 && strcmp(text + length - 4, ".csv") == 0) ||
	       (length > 5 && strcmp(text + length - 5, ".json") == 0);
}

static enum ergon_code find_carbon(const struct ergon_env *env, const char *what,
                                   struct arena *arena, struct series *carbon,
                                   struct ergon_error *err)
{
	double g_per_kwh;
	struct grid grid;
	char origin[300];
	if (names_a_file(what))
		return series_load(what, "g_per_kwh", 0, 5000, arena, carbon, err);
	if (parse_real(what, &g_per_kwh)) {
		if (!(g_per_kwh >= 0 && g_per_kwh <= 5000))
			return ergon_fail(err, ERGON_BAD_INPUT,
			                  "--carbon: 0 to 5000 g/kWh, found '%.40s'", what);
		return series_constant(g_per_kwh, what, arena, carbon, err);
	}
	enum ergon_code code = grid_find(env->data_dir, what, &grid, err);
	if (code)
		return code;
	snprintf(origin, sizeof origin, "%s, yearly mean (%.190s)", grid.name, grid.source);
	return series_constant(grid.g_per_kwh, origin, arena, carbon, err);
}

static enum ergon_code find_price(const char *what, struct arena *arena, struct series *price,
                                  struct ergon_error *err)
{
	double value;
	if (!parse_real(what, &value))
		return series_load(what, "price_per_kwh", -1e4, 1e4, arena, price, err);
	if (!(value >= -1e4 && value <= 1e4))
		return ergon_fail(err, ERGON_BAD_INPUT, "--price: -1e4 to 1e4 per kWh");
	return series_constant(value, what, arena, price, err);
}

enum ergon_code site_load(const struct ergon_env *env, const struct site_options *options,
                          struct cluster *cluster, struct arena *arena, struct site *site,
                          struct ergon_error *err)
{
	enum ergon_code code = ERGON_OK;
	*site = (struct site){ 0 };
	if (options->pue > 0)
		cluster->pue = options->pue;
	for (size_t g = 0; g < cluster->group_count; g++)
		if (isnan(cluster->groups[g].host_w))
			cluster->groups[g].host_w = options->host_w;
	if (options->sleep)
		code = set_sleep(options->sleep, cluster, err);
	if (!code && options->budget)
		code = series_load(options->budget, "power_w", 0, 1e12, arena, &site->budget, err);
	if (!code && options->carbon)
		code = find_carbon(env, options->carbon, arena, &site->carbon, err);
	if (!code && options->price)
		code = find_price(options->price, arena, &site->price, err);
	if (!code && options->failures)
		code = find_failures(options->failures, cluster, arena, site, err);
	return code;
}

void site_to_setup(const struct site *site, struct sim_setup *setup)
{
	setup->budget = site->budget.count ? &site->budget : NULL;
	setup->carbon = site->carbon.count ? &site->carbon : NULL;
	setup->price = site->price.count ? &site->price : NULL;
	setup->failures = site->failures;
	setup->failure_count = site->failure_count;
	setup->random_failures = site->random_failures;
}

enum ergon_code site_deadlines(const char *text, uint64_t seed, const struct cluster *cluster,
                               struct oracle *oracle, struct job_facts *jobs, uint32_t count,
                               struct ergon_error *err)
{
	enum { SLACK, SHARE, CRITICALITY, COUNT };
	struct pair pairs[COUNT] = { [SLACK] = { .name = "slack", .max = 1e6 },
		                     [SHARE] = { .name = "share", .max = 1 },
		                     [CRITICALITY] = { .name = "criticality", .max = 1e6 } };
	enum ergon_code code = read_pairs("--deadlines", text, pairs, COUNT, err);
	if (code)
		return code;
	if (isnan(pairs[SLACK].low) || isnan(pairs[SHARE].low))
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "--deadlines: needs slack=LOW:HIGH and share=PART");
	struct rng rng;
	rng_init(&rng, seed ^ UINT64_C(0x646561646c696e65));
	for (uint32_t i = 0; i < count; i++) {
		/* Two numbers a job, used or not: a job's deadline depends on no other's. */
		double chosen = rng_uniform(&rng), where = rng_uniform(&rng);
		struct job_facts *job = &jobs[i];
		double alone_s = metrics_alone_s(cluster, oracle, job);
		if (chosen >= pairs[SHARE].low || job->deadline_ns || !(alone_s > 0))
			continue;
		double slack = pairs[SLACK].low + where * (pairs[SLACK].high - pairs[SLACK].low);
		job->deadline_ns = job->arrival_ns + ns_from_seconds(slack * alone_s);
		job->urgent = true;
		if (!isnan(pairs[CRITICALITY].low))
			job->criticality = pairs[CRITICALITY].low;
	}
	return ERGON_OK;
}
