/* SPDX-License-Identifier: Apache-2.0
 *
 * Campaigns: loads, claims, and that a result is what its runs say.
 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "optimize/campaign/campaign.h"
#include "optimize/campaign/folder.h"
#include "optimize/traces/summary.h"

static char scratch[1024];
static struct ergon_env env;
static struct ergon_env_storage storage;

static void loads(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t count; /* 0: refused */
		double first, last;
	} rows[] = {
		{ "0.5:2:0.5", 4, 0.5, 2 },
		{ "0.1:0.5:0.1", 5, 0.1, 0.5 },
		{ "1", 1, 1, 1 },
		{ "2,0.25", 2, 2, 0.25 },
		{ "1:1:1", 1, 1, 1 },
		{ "0:1:1", 0, 0, 0 },
		{ "1:0.5:0.1", 0, 0, 0 },
		{ "0.1:1:0", 0, 0, 0 },
		{ "0.001:1:0.001", 0, 0, 0 },
		{ "1,1", 0, 0, 0 },
		{ "a", 0, 0, 0 },
		{ "", 0, 0, 0 },
		{ "1:2", 0, 0, 0 },
		{ "1:2:1:1", 0, 0, 0 },
		{ "nan", 0, 0, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		double found[CAMPAIGN_LOADS_MAX];
		uint32_t count = 0;
		struct ergon_error err = { 0 };
		enum ergon_code code = campaign_parse_loads(rows[i].text, found, &count, &err);
		assert_int_equal(code, rows[i].count ? ERGON_OK : ERGON_BAD_INPUT);
		if (code)
			continue;
		assert_int_equal(count, rows[i].count);
		assert_true(found[0] == rows[i].first && found[count - 1] == rows[i].last);
	}
}

static struct campaign_options options_for(const char *folder)
{
	static char trace[1200];
	put_file(scratch, "jobs.csv",
	         "name,arrival_s,gpus,duration_s,deadline_s\n"
	         "a,0,2,100,\nb,10,1,50,\nc,20,4,30,90\nd,35,1,10,60\ne,70,2,25,\n");
	snprintf(trace, sizeof trace, "%s/jobs.csv", scratch);
	struct campaign_options options = {
		.base = { .cluster = "2x2:cpu", .oracle = "duration", .seed = 5, .audit = true },
		.traces = trace,
		.loads = { 0.5, 1 },
		.load_count = 2,
		.policy_count = 2,
		.seeds = 3,
		.workers = 2,
		.folder = folder
	};
	options.base.site.host_w = NAN;
	assert_int_equal(policy_find("fifo", &options.policies[0], NULL), ERGON_OK);
	assert_int_equal(policy_find("easy", &options.policies[1], NULL), ERGON_OK);
	return options;
}

static double metric_of(const json_t *run)
{
	return json_number_value(json_object_get(json_object_get(run, "metrics"), "energy_j"));
}

static double number_at(const json_t *point, const char *part, const char *what)
{
	return json_number_value(
	    json_object_get(json_object_get(json_object_get(point, part), "energy_j"), what));
}

/* Mean and interval of one point from the document's own runs, by the textbook; t of 2 degrees of
 * freedom at 95% is 4.302653. */
static void check_point(const json_t *document, const json_t *point)
{
	double values[3], pairs[3], first = 0;
	size_t n = 0, index;
	const json_t *run;
	bool is_first = strcmp(json_string_value(json_object_get(point, "policy")), "fifo") == 0;
	json_array_foreach(json_object_get(document, "runs"), index, run)
	{
		if (!json_equal(json_object_get(run, "load"), json_object_get(point, "load")))
			continue;
		if (strcmp(json_string_value(json_object_get(run, "policy")), "fifo") == 0)
			first = metric_of(run);
		if (!json_equal(json_object_get(run, "policy"), json_object_get(point, "policy")))
			continue;
		assert_true(n < 3);
		values[n] = metric_of(run);
		pairs[n++] = metric_of(run) / first - 1;
	}
	assert_int_equal(n, 3);
	const double *sets[] = { values, pairs };
	static const char *const parts[] = { "metrics", "change" };
	for (int k = 0; k < (is_first ? 1 : 2); k++) {
		const double *v = sets[k];
		double mean = (v[0] + v[1] + v[2]) / 3, squares = 0;
		for (size_t i = 0; i < 3; i++)
			squares += (v[i] - mean) * (v[i] - mean);
		double half = 4.302652730 * sqrt(squares / 2 / 3);
		assert_true(fabs(number_at(point, parts[k], "mean") - mean) <=
		            1e-12 * (1 + fabs(mean)));
		assert_true(fabs(number_at(point, parts[k], "half_width_95") - half) <=
		            1e-8 * (1 + half));
	}
}

static char *outcome_of(const char *folder, uint32_t *found)
{
	struct campaign_options options = options_for(folder);
	struct campaign campaign;
	struct ergon_error err = { 0 };
	json_t *document = NULL;
	enum ergon_code code = campaign_open(&env, &options, &campaign, &err);
	if (!code)
		code = campaign_run(&campaign, &err);
	if (!code)
		code = campaign_to_json(&campaign, &document, &err);
	if (code)
		fail_msg("%s", err.text);
	assert_true(campaign_reports(&campaign));
	*found = campaign.found;
	assert_int_equal(campaign.unit_count, 12);
	assert_int_equal(json_array_size(json_object_get(document, "points")), 4);
	size_t index;
	const json_t *point;
	json_array_foreach(json_object_get(document, "points"), index, point)
	    check_point(document, point);
	char *text = json_text(document);
	json_decref(document);
	campaign_fini(&campaign);
	return text;
}

static void result_is_what_the_runs_say(void **state)
{
	(void)state;
	char folder[1200];
	uint32_t found;
	snprintf(folder, sizeof folder, "%s/one", scratch);
	char *fresh = outcome_of(folder, &found);
	assert_int_equal(found, 0);
	char *again = outcome_of(folder, &found);
	assert_int_equal(found, 12);
	assert_string_equal(fresh, again);
	free(fresh);
	free(again);
}

static void claims(void **state)
{
	(void)state;
	struct campaign_folder a, b;
	char path[1200], claim[1300];
	struct ergon_error err = { 0 };
	json_t *what = json_pack("{s:i}", "what", 1), *other = json_pack("{s:i}", "what", 2);
	snprintf(path, sizeof path, "%s/folder", scratch);
	assert_int_equal(campaign_folder_open(&a, path, "here", 1, what, &err), ERGON_OK);
	assert_int_equal(campaign_folder_open(&b, path, "there", 2, what, &err), ERGON_OK);
	assert_true(campaign_claim(&a, "7"));
	assert_false(campaign_claim(&b, "7"));
	assert_false(campaign_claim(&a, "7"));
	campaign_unclaim(&a, "7");
	assert_true(campaign_claim(&b, "7"));
	/* Of a process of this machine that is gone: nobody's. */
	snprintf(claim, sizeof claim, "%s/claims", path);
	put_file(claim, "8", "here-999999999-1");
	assert_true(campaign_claim(&a, "8"));
	/* Of a machine that has no sign of life: nobody's either. */
	put_file(claim, "9", "elsewhere-1-1");
	assert_true(campaign_claim(&a, "9"));
	assert_false(campaign_is_done(&a, 9));
	assert_int_equal(campaign_put(&a, 9, other, &err), ERGON_OK);
	assert_true(campaign_is_done(&b, 9));
	json_t *back = NULL;
	assert_int_equal(campaign_get(&b, 9, &back, &err), ERGON_OK);
	assert_true(json_equal(back, other));
	json_decref(back);
	struct campaign_folder c;
	assert_int_equal(campaign_folder_open(&c, path, "here", 3, other, &err), ERGON_BAD_INPUT);
	json_decref(what);
	json_decref(other);
}

static void resampling(void **state)
{
	(void)state;
	static const char text[] = "name,arrival_s,gpus,duration_s,deadline_s\n"
				   "a,5,1,1,7\nb,10,1,2,13\nc,40,1,3,44\nd,41,1,4,46\n";
	struct arena arena;
	struct trace trace;
	struct ergon_error err = { 0 };
	arena_init(&arena);
	uint64_t gaps = 0;
	for (uint64_t seed = 1; seed < 50; seed++) {
		assert_int_equal(
		    trace_parse_text(text, sizeof text - 1, "t", NULL, false, &arena, &trace, &err),
		    ERGON_OK);
		assert_true(trace_resample(&trace, seed));
		assert_int_equal(trace.count, 4);
		assert_int_equal(trace.jobs[0].arrival_ns, 5000000000);
		assert_int_equal(trace.jobs[3].arrival_ns, 41000000000);
		for (size_t i = 0; i < 4; i++) {
			/* A job keeps its own distance to its deadline: 2, 3, 4, 5 s for a to d. */
			uint64_t kind = (uint64_t)(trace.jobs[i].name[0] - 'a');
			assert_int_equal(trace.jobs[i].deadline_ns - trace.jobs[i].arrival_ns,
			                 (2 + kind) * 1000000000);
			assert_int_equal(trace.jobs[i].duration_ns, (1 + kind) * 1000000000);
		}
		gaps |= UINT64_C(1)
		        << ((trace.jobs[1].arrival_ns - trace.jobs[0].arrival_ns) / 1000000000);
	}
	/* Every gap has stood first: 1, 5 and 30 s. */
	assert_true(gaps == (UINT64_C(1) << 1 | UINT64_C(1) << 5 | UINT64_C(1) << 30));
	arena_fini(&arena);
}

static int setup(void **state)
{
	(void)state;
	ergon_env_init(&env, &storage);
	scratch_make(scratch, sizeof scratch);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_remove(scratch);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads),
		cmocka_unit_test(claims),
		cmocka_unit_test(resampling),
		cmocka_unit_test(result_is_what_the_runs_say),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
