/* SPDX-License-Identifier: Apache-2.0
 *
 * What holds for every trace reader: sniffing, errors with their line, lenient counting.
 */
#include <math.h>
#include <string.h>

#include "optimize/traces/ergon_csv.h"
#include "optimize/traces/trace.h"
#include "support/support.h"

static enum ergon_code parse(const char *text, const char *format, bool lenient,
                             struct arena *arena, struct trace *trace, struct ergon_error *err)
{
	return trace_parse_text(text, strlen(text), "jobs.txt", format, lenient, arena, trace, err);
}

static void pollux_rows(void **state)
{
	(void)state;
	static const char text[] = "name,time,application,num_replicas,batch_size\n"
				   "bert-0,107,bert,6,192\r\n"
				   "ncf-1,487.661836,ncf,1,32768";
	struct arena arena;
	arena_init(&arena);
	struct trace trace;
	struct ergon_error err = { 0 };
	assert_int_equal(parse(text, NULL, false, &arena, &trace, &err), ERGON_OK);
	assert_string_equal(trace.format, "pollux");
	assert_int_equal(trace.unit, TRACE_GPUS);
	assert_int_equal(trace.count, 2);
	assert_int_equal(trace.rows, 2);
	assert_true(isnan(trace.zero_unix_s));
	const struct trace_job *job = &trace.jobs[0];
	assert_string_equal(job->name, "bert-0");
	assert_string_equal(job->application, "bert");
	assert_int_equal(job->arrival_ns, 107000000000);
	assert_int_equal(job->gpus, 6);
	assert_int_equal(job->batch, 192);
	assert_int_equal(job->duration_ns, 0);
	assert_int_equal(job->line, 2);
	assert_int_equal(trace.jobs[1].arrival_ns, 487661836000);
	assert_int_equal(trace_job_width(&trace, &trace.jobs[1]), 1);
	arena_fini(&arena);
}

static void swf_rows(void **state)
{
	(void)state;
	static const char text[] = "; Version: 2.2\n; UnixStartTime: 1027839845\n;\n"
				   "  1   0 5 100 30 31405 -1 32 37980 -1 1 7 1 4 -1 1 -1 -1\n"
				   "  2   8 5  -1 30 31039 -1 30 37980 -1 -1 1 1 -1 -1 1 -1 -1\n"
				   "  3  12 5   0 16 552.21 -1 -1 -1 -1 1 -1 1 -1 -1 1 -1 -1\n"
				   "  4  13 5  10 -1 1 -1 -1 -1 -1 1 -1 1 -1 -1 1 -1 -1\n";
	struct arena arena;
	arena_init(&arena);
	struct trace trace;
	struct ergon_error err = { 0 };
	assert_int_equal(parse(text, NULL, false, &arena, &trace, &err), ERGON_OK);
	assert_string_equal(trace.format, "swf");
	assert_int_equal(trace.unit, TRACE_PROCESSORS);
	assert_true(trace.zero_unix_s == 1027839845.0);
	assert_int_equal(trace.rows, 4);
	assert_int_equal(trace.count, 2);
	assert_int_equal(trace.skipped, 2);
	assert_int_equal(trace.skip_count, 2);
	assert_string_equal(trace.skips[0].reason, "never ran (run time -1)");
	assert_int_equal(trace.skips[0].first_line, 5);
	assert_string_equal(trace.skips[1].reason, "asks for no processor");
	assert_int_equal(trace.jobs[0].cpus, 32);
	assert_int_equal(trace.jobs[0].requested_ns, 37980000000000);
	assert_string_equal(trace.jobs[0].user, "7");
	assert_string_equal(trace.jobs[0].application, "4");
	assert_int_equal(trace.jobs[1].cpus, 16); /* none asked for: used */
	assert_int_equal(trace.jobs[1].cpus_used, 16);
	assert_int_equal(trace.jobs[1].duration_ns, 1);
	assert_string_equal(trace.jobs[1].user, "");
	arena_fini(&arena);
}

static void lenient_counts_bad_rows(void **state)
{
	(void)state;
	static const char text[] = "name,time,application,num_replicas,batch_size\n"
				   "a,1,bert,0,8\n"
				   "b,2,bert,1,8\n"
				   "c,3,bert,-1,8\n"
				   "d,4,bert,1\n";
	struct arena arena;
	arena_init(&arena);
	struct trace trace;
	struct ergon_error err = { 0 };
	assert_int_equal(parse(text, NULL, false, &arena, &trace, &err), ERGON_BAD_INPUT);
	assert_int_equal(err.line, 2);
	assert_non_null(strstr(err.text, "num_replicas"));
	assert_int_equal(parse(text, NULL, true, &arena, &trace, &err), ERGON_OK);
	assert_int_equal(trace.count, 1);
	assert_int_equal(trace.skipped, 3);
	assert_int_equal(trace.skip_count, 2);
	assert_string_equal(trace.skips[0].reason, "num_replicas");
	assert_int_equal(trace.skips[0].count, 2);
	assert_true(trace.skips[0].malformed);
	arena_fini(&arena);
}

/* text, format, line of the error, a word in it */
static const struct bad_case {
	const char *text, *format;
	long line;
	const char *word;
} bad_cases[] = {
	{ "", NULL, 0, "empty" },
	{ "hello\nworld\n", NULL, 1, "not a job trace" },
	{ "a,b\n", "polux", 0, "did you mean 'pollux'" },
	{ "name,time,application,num_replicas\n", "pollux", 1, "batch_size" },
	{ "name,time,application,num_replicas,batch_size\n", NULL, 0, "no job" },
	{ "name,time,application,num_replicas,batch_size\na,nan,x,1,1\n", NULL, 2, "time" },
	{ "name,time,application,num_replicas,batch_size\na,-1,x,1,1\n", NULL, 2, "time" },
	{ "name,time,application,num_replicas,batch_size\na,1e300,x,1,1\n", NULL, 2, "time" },
	{ "name,time,application,num_replicas,batch_size\na,0x10,x,1,1\n", NULL, 2, "time" },
	{ "name,time,application,num_replicas,batch_size\na,1,x,99999999999,1\n", NULL, 2,
	  "num_replicas" },
	{ "name,time,application,num_replicas,batch_size\na,1,x,1,1,1\n", NULL, 2, "5 cells" },
	{ "name,time,application,num_replicas,batch_size\na,1,\"x,1,1\n", NULL, 2, "quoted" },
	{ "name,time,application,num_replicas,batch_size\na,1,\xff,1,1\n", NULL, 2, "UTF-8" },
	{ "name,name,time,application,num_replicas,batch_size\n", "pollux", 1, "twice" },
	{ "1 2 3\n", "swf", 1, "18 fields" },
	{ "1 0 0 1 1 1 1 1 1 1 1 1 1 1 1 1 1 x\n", "swf", 1, "think time" },
	{ "1 0 0 -2 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n", "swf", 1, "run time" },
	{ "1 -5 0 2 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n", "swf", 1, "submit time" },
	{ "1 0 0 inf 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n", "swf", 1, "run time" },
	{ "1 0 0 1 1.5 1 1 1 1 1 1 1 1 1 1 1 1 1\n", "swf", 1, "processors used" },
	{ "; only a header\n", NULL, 0, "no job" },
	{ "arrival_s,gpu\n0,1\n", NULL, 1, "did you mean 'gpus'" },
	{ "arrival_s,gpus\n,1\n", NULL, 2, "arrival_s" },
	{ "arrival_s,gpus\n0,0\n", NULL, 2, "asks for nothing" },
	{ "arrival_s,gpus,gpus_min,gpus_max\n0,4,5,8\n", NULL, 2, "gpus_min" },
	{ "arrival_s,gpus,deadline_s\n5,4,4\n", NULL, 2, "deadline_s" },
	{ "arrival_s,gpus,urgent\n5,4,yes\n", NULL, 2, "urgent" },
	{ "arrival_s,gpus,batch_mode\n5,4,odd\n", NULL, 2, "batch_mode" },
	{ "arrival_s,gpus,gpu_share\n5,4,1.5\n", NULL, 2, "gpu_share" },
};

static void bad_input_names_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad_cases / sizeof bad_cases[0]; i++) {
		const struct bad_case *c = &bad_cases[i];
		struct arena arena;
		arena_init(&arena);
		struct trace trace;
		struct ergon_error err = { 0 };
		enum ergon_code code = parse(c->text, c->format, false, &arena, &trace, &err);
		if (code == ERGON_OK || err.line != c->line || !strstr(err.text, c->word))
			fail_msg("case %zu: code %d, line %ld, '%s'", i, code, err.line, err.text);
		assert_null(trace.jobs);
		arena_fini(&arena);
	}
}

static void binary_is_refused(void **state)
{
	(void)state;
	static const char text[] = "name,time,application,num_replicas,batch_size\na,\0,b,1,1\n";
	struct arena arena;
	arena_init(&arena);
	struct trace trace;
	struct ergon_error err = { 0 };
	assert_int_equal(
	    trace_parse_text(text, sizeof text - 1, "x", NULL, true, &arena, &trace, &err),
	    ERGON_BAD_INPUT);
	assert_int_equal(err.line, 2);
	arena_fini(&arena);
}

static void own_csv_reads_back_the_same(void **state)
{
	(void)state;
	static const char text[] =
	    "name,arrival_s,gpus,cpus,cpus_used,nodes,application,batch,duration_s,requested_s,"
	    "deadline_s,"
	    "urgent,user,work_steps,priority,gpu_type,gpu_share,gpus_min,gpus_max,batch_min,"
	    "batch_max,batch_mode\n"
	    "\"a \"\"quoted\"\", name\",0.000000001,4,8,6,1,resnet50,256,3600.5,7200,9000,1,"
	    "alice,1000000,2.5,a100|h100,0.5,1,8,32,1024,gns\n"
	    "\"#2\",4000000000,1,,,,,,,,,,,,,,,,,,,\n";
	struct arena arena;
	arena_init(&arena);
	struct trace trace, again;
	struct ergon_error err = { 0 };
	assert_int_equal(parse(text, NULL, false, &arena, &trace, &err), ERGON_OK);
	assert_string_equal(trace.jobs[0].name, "a \"quoted\", name");
	assert_int_equal(trace.jobs[0].arrival_ns, 1);
	assert_int_equal(trace.jobs[0].batch_mode, TRACE_BATCH_GNS);
	assert_true(trace.jobs[0].urgent && trace.jobs[0].priority == 2.5);
	assert_true(trace.jobs[1].priority == 1 && trace.jobs[1].gpu_share == 1);
	struct text out = { 0 };
	trace_write_csv(&trace, &out);
	assert_false(out.failed);
	assert_string_equal(out.data, text);
	assert_int_equal(parse(out.data, "ergon", false, &arena, &again, &err), ERGON_OK);
	assert_int_equal(again.count, 2);
	assert_string_equal(again.jobs[1].name, "#2");
	text_fini(&out);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pollux_rows),
		cmocka_unit_test(swf_rows),
		cmocka_unit_test(lenient_counts_bad_rows),
		cmocka_unit_test(bad_input_names_its_place),
		cmocka_unit_test(binary_is_refused),
		cmocka_unit_test(own_csv_reads_back_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
