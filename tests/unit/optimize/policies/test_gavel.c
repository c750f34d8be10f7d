/* SPDX-License-Identifier: Apache-2.0
 *
 * Gavel's policies and throughputs, on a case small enough for pencil and paper.
 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "optimize/solver/linear.h"
#include "support/simulated.h"

static struct simulated s;
static char oracle[1300];

/* Steps a second. Big gains tenfold from the V100, small twofold; huge runs on no K80. */
static const char throughputs[] =
    "{ \"v100\": { \"('big (batch size 8)', 1)\": { \"null\": 10 },\n"
    "              \"('small', 1)\": { \"null\": 2 },\n"
    "              \"('huge', 1)\": { \"null\": 1 } },\n"
    "  \"k80\":  { \"('big (batch size 8)', 1)\": { \"null\": 1.0015 },\n"
    "              \"('small', 1)\": { \"null\": 1 },\n"
    "              \"('huge', 1)\": { \"null\": 0 } } }\n";

static void load(const char *cluster, const char *rows)
{
	/* Gavel's form: type, command, folder, option, data, steps, GPUs, weight, SLO, arrival. */
	const struct experiment_options options = { .oracle = oracle, .trace_format = "gavel" };
	simulated_load(&s, cluster, rows, &options);
}

static void expect(const double *jct_s, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fabs(s.jct_s[i] - jct_s[i]) > 1e-6)
			fail_msg("job %zu takes %.9g s, not %.9g", i, s.jct_s[i], jct_s[i]);
}

static void need_solver(void)
{
	struct linear_solver *solver = linear_solver_new(&s.env);
	struct ergon_error err = { 0 };
	enum ergon_code code = linear_solver_open(solver, false, &err);
	linear_solver_free(solver);
	if (code) {
		print_message("%s: skipped\n", err.text);
		skip();
	}
}

/* With a for big's part on the V100: big has (1 + 9 a) / 5.5 of what equal shares give, small
 * (2 - a) / 1.5; both are 1 at a = 1/2. So they take turns: in two rounds of 360 s big does 3600 +
 * 360 steps, small 360 + 720. Ten such pairs are 7200 s. */
static void test_aware(void **state)
{
	(void)state;
	static const double jct_s[] = { 7200, 7200 };
	need_solver();
	load("1x1:v100,1x1:k80", "big (batch size 8)\tc\td\t-n\t0\t39600\t1\t1\t-1\t0\n"
	                         "small\tc\td\t-n\t0\t10800\t1\t1\t-1\t0\n");
	simulated_run(&s, "gavel");
	expect(jct_s, 2);
}

/* huge can only have the V100, so big is left with the K80: 360 whole steps of 360.54 a round. */
static void test_a_type_that_a_job_cannot_use(void **state)
{
	(void)state;
	need_solver();
	load("1x1:v100,1x1:k80", "huge\tc\td\t-n\t0\t720\t1\t1\t-1\t0\n"
	                         "huge\tc\td\t-n\t0\t720\t1\t1\t-1\t0\n");
	simulated_run(&s, "gavel");
	/* Two on one V100 by turns: 0-360, 360-720, 720-1080, 1080-1440. */
	assert_close(s.jct_s[0] + s.jct_s[1], 1080 + 1440, 1e-9);
	simulated_run(&s, "gavel-blind");
	assert_close(s.jct_s[0] + s.jct_s[1], 1080 + 1440, 1e-9);
}

/* The first takes the V100 for 720 s, the second the K80. When the first has ended the third gets
 * its GPU, to 1080; the fourth waits for the next allocation, at least 1920 s after that at 720: at
 * 2880, for it comes at the end of a round. */
static void test_fifo(void **state)
{
	(void)state;
	static const double jct_s[] = { 720, 3600, 1080, 3240 };
	load("1x1:v100,1x1:k80", "big (batch size 8)\tc\td\t-n\t0\t7200\t1\t1\t-1\t0\n"
	                         "small\tc\td\t-n\t0\t3600\t1\t1\t-1\t0\n"
	                         "big (batch size 8)\tc\td\t-n\t0\t3600\t1\t1\t-1\t0\n"
	                         "big (batch size 8)\tc\td\t-n\t0\t3600\t1\t1\t-1\t0\n");
	simulated_run(&s, "gavel-fifo");
	expect(jct_s, 4);
}

static void refuse(const char *cluster, const char *rows, const char *part)
{
	struct experiment x;
	struct ergon_error err = { 0 };
	put_file(s.folder, "jobs.csv", rows);
	const struct experiment_options options = {
		.cluster = cluster, .trace = s.trace, .trace_format = "gavel", .oracle = oracle
	};
	assert_int_not_equal(experiment_load(&s.env, &options, &x, &err), ERGON_OK);
	if (!strstr(err.text, part))
		fail_msg("'%s' does not say '%s'", err.text, part);
	experiment_fini(&x);
}

static void test_what_is_refused(void **state)
{
	(void)state;
	static const char good[] = "small\tc\td\t-n\t0\t3600\t1\t1\t-1\t0\n";
	refuse("1x1:p100", good, "no throughputs for GPU type 'p100'");
	refuse("1x1:v100", "tiny\tc\td\t-n\t0\t3600\t1\t1\t-1\t0\n", "('tiny', 1)");
	put_file(s.folder, "bad.json", "{ \"v100\": { \"('small', 1)\": { \"null\": -1 } } }");
	snprintf(oracle, sizeof oracle, "gavel:%s/bad.json", s.folder);
	refuse("1x1:v100", good, "null");
	put_file(s.folder, "bad.json", "[]");
	refuse("1x1:v100", good, "expected an object of GPU types");
}

static int setup(void **state)
{
	(void)state;
	simulated_init(&s);
	put_file(s.folder, "throughputs.json", throughputs);
	snprintf(oracle, sizeof oracle, "gavel:%s/throughputs.json", s.folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	simulated_fini(&s);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aware),
		cmocka_unit_test(test_a_type_that_a_job_cannot_use),
		cmocka_unit_test(test_fifo),
		cmocka_unit_test(test_what_is_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
