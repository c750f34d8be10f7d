/* SPDX-License-Identifier: Apache-2.0
 *
 * Every format: one good trace looked at field by field, and rows that break it. The traces are
 * made up.
 */
#include <stdio.h>
#include <string.h>

#include "optimize/traces/trace.h"
#include "support/support.h"

#define GAVEL10 "ResNet-18 (batch size 64)\tpython3 main.py\timages\t--steps\t1\t"
#define GAVEL7 "A3C\tpython3 main.py\t--steps\t1\t"
#define SHOCK "LM (batch size 10)\tpython3 main.py\tlm\t--steps\t1\t"
#define PHILLY "timestamp,duration,num_gpus,gpu_time,cluster\n"
#define HELIOS                                                                                     \
	"job_id,user,vc,gpu_num,cpu_num,node_num,state,submit_time,start_time,end_time,"           \
	"duration,queue\n"
#define TIRESIAS "job_id,num_gpu,submit_time,iterations,model_name,duration,interval\n"
#define PODS                                                                                       \
	"name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,"        \
	"deletion_time,scheduled_time\n"
#define SACCT "JobID|JobName|User|Submit|End|ElapsedRaw|TimelimitRaw|NCPUS|ReqTRES|State\n"
#define ATTEMPT(begin, end)                                                                        \
	"{\"start_time\": " begin ", \"end_time\": " end                                           \
	", \"detail\": [{\"ip\": \"m1\", \"gpus\": [\"gpu0\", \"gpu1\"]}, {\"ip\": \"m2\", "       \
	"\"gpus\": [\"gpu3\"]}]}"
#define PHILLY_JOB(id, attempts)                                                                   \
	"{\"status\": \"Pass\", \"vc\": \"aa\", \"jobid\": " id ", \"user\": \"u\\u00e9\",\n"      \
	" \"submitted_time\": \"2017-10-07 01:11:39\", \"attempts\": [" attempts "]}"
#define BATSIM(jobs)                                                                               \
	"{\"nb_res\": 4, \"jobs\": [" jobs "], \"profiles\": {\"nap\": {\"type\": \"delay\", "     \
	"\"delay\": 12.5}, \"work\": {\"type\": \"parallel_homogeneous\", \"cpu\": 5e8, "          \
	"\"com\": 0}, \"bad\": {\"type\": \"delay\", \"delay\": -1}}}"

/* text; then what the job `which` must hold. */
static const struct good_case {
	const char *format, *text;
	size_t count, skipped, which;
	const char *name, *application, *user, *gpu_type;
	double arrival_s, duration_s, requested_s, deadline_s, work_steps, priority, share;
	uint32_t gpus, cpus, nodes, batch, line;
} good_cases[] = {
	{ .format = "gavel",
	  .text = GAVEL10 "1000\t2\t1\t-1.000000\t0\n" GAVEL10 "5\t4\t2.5\t-1\t12.250000\n",
	  .count = 2,
	  .which = 1,
	  .name = "job-2",
	  .application = "ResNet-18",
	  .arrival_s = 12.25,
	  .work_steps = 5,
	  .priority = 2.5,
	  .share = 1,
	  .gpus = 4,
	  .batch = 64,
	  .line = 2 },
	{ .format = "gavel",
	  .text = GAVEL7 "14612\t11.000000\t8\n",
	  .count = 1,
	  .name = "job-1",
	  .application = "A3C",
	  .arrival_s = 11,
	  .work_steps = 14612,
	  .priority = 1,
	  .share = 1,
	  .gpus = 8,
	  .line = 1 },
	{ .format = "shockwave",
	  .text = SHOCK "134583\t1\tgns\t1\t1.5\t1418\t55\n",
	  .count = 1,
	  .name = "job-1",
	  .application = "LM",
	  .arrival_s = 55,
	  .duration_s = 1418,
	  .deadline_s = 55 + 1.5 * 1418,
	  .work_steps = 134583,
	  .priority = 1,
	  .share = 1,
	  .gpus = 1,
	  .batch = 10,
	  .line = 1 },
	{ .format = "philly",
	  .text = PHILLY "2017-09-28 06:32:04,11810.0,8,94480.0,abc\n"
	                 "2017-09-28 06:31:59,0.5,1.0,0.5,abc\n"
	                 "2017-09-28 06:31:58,7,0,0,abc\n",
	  .count = 2,
	  .skipped = 1,
	  .name = "job-2",
	  .user = "abc",
	  .arrival_s = 5,
	  .duration_s = 11810,
	  .priority = 1,
	  .share = 1,
	  .gpus = 8,
	  .line = 2 },
	{ .format = "philly-json",
	  .text = "[" PHILLY_JOB("\"a\"", "") ",\n" PHILLY_JOB(
	      "\"b\"",
	      ATTEMPT("\"2017-10-07 01:12:00\"", "\"2017-10-07 01:13:30\"") ", " ATTEMPT(
		  "\"2017-10-07 02:00:00\"",
		  "\"2017-10-07 02:00:10\"") ", " ATTEMPT("\"2017-10-07 03:00:00\"",
	                                                  "null")) ",\n" PHILLY_JOB("\"c\"",
	                                                                            ATTEMPT(
											"null",
											"\"None"
											"\"")) "]"
	                                                                                       "\n",
	  .count = 1,
	  .skipped = 2,
	  .name = "b",
	  .user = "u\u00e9",
	  .duration_s = 100,
	  .priority = 1,
	  .share = 1,
	  .gpus = 3,
	  .line = 3 },
	{ .format = "helios",
	  .text = HELIOS "7,ua,vcb,0,1,1,FAILED,2020-06-09 18:41:00,,,3,0\n"
	                 "8,ua,vcb,16,64,2,COMPLETED,2020-06-09 18:41:27,2020-06-09 18:41:27,"
	                 "2020-06-09 18:45:36,249,0\n",
	  .count = 1,
	  .skipped = 1,
	  .name = "8",
	  .user = "ua",
	  .duration_s = 249,
	  .priority = 1,
	  .share = 1,
	  .gpus = 16,
	  .cpus = 64,
	  .nodes = 2,
	  .line = 3 },
	{ .format = "tiresias",
	  .text = TIRESIAS "0,8,30,133,vgg11,147,23\n",
	  .count = 1,
	  .name = "0",
	  .application = "vgg11",
	  .arrival_s = 30,
	  .duration_s = 147,
	  .work_steps = 133,
	  .priority = 1,
	  .share = 1,
	  .gpus = 8,
	  .line = 2 },
	{ .format = "alibaba-2023",
	  .text = PODS "p0,6000,1,0,0,,LS,Running,0,10,0\n"
	               "p1,6500,1,1,460,V100M16|T4,BE,Running,427061,427161.5,427071\n"
	               "p2,1,1,1,1000,,BE,Pending,5,9,\n",
	  .count = 1,
	  .skipped = 2,
	  .name = "p1",
	  .gpu_type = "V100M16|T4",
	  .arrival_s = 427061,
	  .duration_s = 90.5,
	  .priority = 1,
	  .share = 0.46,
	  .gpus = 1,
	  .cpus = 7,
	  .line = 3 },
	{ .format = "alibaba-2020",
	  .text = "j1,ps,1.0,Terminated,100.0,200.0,600.0,2.9,,\n"
	          "j1,worker,2.0,Terminated,110.0,200.0,600.0,29.296875,50.0,MISC\n"
	          "j2,tensorflow,1.0,Failed,,,600.0,29.2,100.0,T4\n",
	  .count = 1,
	  .skipped = 2,
	  .name = "j1/worker",
	  .gpu_type = "MISC",
	  .arrival_s = 110,
	  .duration_s = 90,
	  .priority = 1,
	  .share = 0.5,
	  .gpus = 2,
	  .cpus = 12,
	  .line = 2 },
	{ .format = "batsim",
	  .text = BATSIM("{\"id\": 0, \"subtime\": 57.25, \"walltime\": 300, \"res\": 2, "
	                 "\"profile\": \"nap\"}, {\"id\": \"w!1\", \"subtime\": 60, "
	                 "\"walltime\": -1, \"res\": 4, \"profile\": \"work\"}"),
	  .count = 2,
	  .name = "0",
	  .application = "nap",
	  .arrival_s = 57.25,
	  .duration_s = 12.5,
	  .requested_s = 300,
	  .priority = 1,
	  .share = 1,
	  .cpus = 2 },
	{ .format = "sacct",
	  .text =
	      SACCT "10|train|ann|2024-02-28T23:59:50|2024-02-29T01:00:00|3600|120|16|"
	            "billing=16,cpu=16,gres/gpu:a100=4,gres/gpu=4,mem=64G,node=2|COMPLETED\n"
	            "10.batch|batch||2024-02-28T23:59:50|2024-02-29T01:00:00|3600||16||COMPLETED\n"
	            "11|x|bob|2024-02-29T00:00:00|Unknown|5|UNLIMITED|1|cpu=1|RUNNING\n"
	            "12|x|bob|2024-02-29T00:00:00|2024-02-29T00:00:00|0|60|1|gres/gpu=1|"
	            "CANCELLED by 5\n"
	            "13|cpu|bob|2024-02-29T00:00:05|2024-02-29T00:01:00|5|60|1|cpu=1|FAILED\n",
	  .count = 1,
	  .skipped = 4,
	  .name = "10",
	  .application = "train",
	  .user = "ann",
	  .gpu_type = "a100",
	  .duration_s = 3600,
	  .requested_s = 7200,
	  .priority = 1,
	  .share = 1,
	  .gpus = 4,
	  .cpus = 16,
	  .nodes = 2,
	  .line = 2 },
	{ .format = "sacct",
	  .text = "JobID|Submit|Elapsed|Timelimit|\n5|2024-03-01T00:00:00|1-02:03:04|30:00|\n",
	  .count = 0 },
	{ .format = "sacct",
	  .text = "JobID|Submit|Elapsed|Timelimit|ReqCPUS|\n"
	          "5|2024-03-01T00:00:00|1-02:03:04|30:00|3|\n",
	  .count = 1,
	  .name = "5",
	  .duration_s = 93784,
	  .requested_s = 1800,
	  .priority = 1,
	  .share = 1,
	  .cpus = 3,
	  .line = 2 },
};

static void check_job(size_t i, const struct good_case *c, const struct trace_job *job)
{
	const char *const texts[4][2] = { { job->name, c->name },
		                          { job->application, c->application },
		                          { job->user, c->user },
		                          { job->gpu_type, c->gpu_type } };
	for (size_t k = 0; k < 4; k++)
		if (strcmp(texts[k][0], texts[k][1] ? texts[k][1] : ""))
			fail_msg("case %zu, text %zu: '%s'", i, k, texts[k][0]);
	const double numbers[][2] = {
		{ (double)job->arrival_ns * 1e-9, c->arrival_s },
		{ (double)job->duration_ns * 1e-9, c->duration_s },
		{ (double)job->requested_ns * 1e-9, c->requested_s },
		{ (double)job->deadline_ns * 1e-9, c->deadline_s },
		{ job->work_steps, c->work_steps },
		{ job->priority, c->priority },
		{ job->gpu_share, c->share },
		{ job->gpus, c->gpus },
		{ job->cpus, c->cpus },
		{ job->nodes, c->nodes },
		{ job->batch, c->batch },
		{ job->line, c->line },
	};
	for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
		double off = numbers[k][0] - numbers[k][1];
		if (off > 1e-9 || off < -1e-9)
			fail_msg("case %zu, number %zu: %g", i, k, numbers[k][0]);
	}
}

static void every_format_field_by_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good_cases / sizeof good_cases[0]; i++) {
		const struct good_case *c = &good_cases[i];
		struct arena arena;
		arena_init(&arena);
		struct trace trace;
		struct ergon_error err = { 0 };
		enum ergon_code code = trace_parse_text(c->text, strlen(c->text), "t", NULL, false,
		                                        &arena, &trace, &err);
		if (c->count == 0) {
			assert_int_equal(code, ERGON_BAD_INPUT); /* asks for nothing */
			arena_fini(&arena);
			continue;
		}
		if (code)
			fail_msg("case %zu: line %ld: %s", i, err.line, err.text);
		assert_string_equal(trace.format, c->format);
		if (trace.count != c->count || trace.skipped != c->skipped)
			fail_msg("case %zu: %zu jobs, %zu skipped", i, trace.count, trace.skipped);
		check_job(i, c, &trace.jobs[c->which]);
		arena_fini(&arena);
	}
}

/* format, text, line of the error (0: none), a word in it */
static const struct bad_case {
	const char *format, *text;
	long line;
	const char *word;
} bad_cases[] = {
	{ "gavel", GAVEL10 "1000\t2\t1\t-1\n", 1, "10 or 7" },
	{ "gavel", GAVEL10 "1000\t2\t1\t-1\t0\n" GAVEL7 "5\t1\t1\n", 2, "expected 10" },
	{ "gavel", GAVEL10 "-1\t2\t1\t-1\t0\n", 1, "total steps" },
	{ "gavel", GAVEL10 "1e99\t2\t1\t-1\t0\n", 1, "total steps" },
	{ "gavel", GAVEL10 "10\t0\t1\t-1\t0\n", 1, "GPUs" },
	{ "gavel", GAVEL10 "10\t2\t1\t-2\t0\n", 1, "SLO" },
	{ "gavel", GAVEL10 "10\t2\t1\t-1\tnan\n", 1, "arrival" },
	/* ten digits, and more nanoseconds than 63 bits hold */
	{ "gavel", GAVEL10 "10\t2\t1\t-1\t9342177360\n", 1, "arrival" },
	{ "gavel", GAVEL10 "10\t2\t1\t-1\t9223372036.9\n", 1, "arrival" },
	{ "gavel", "X (batch size 0)\tc\t-n\t1\t5\t1\t1\n", 1, "batch size" },
	{ "gavel", "X (batch size 5\tc\t-n\t1\t5\t1\t1\n", 1, "job type" },
	{ "gavel", "X\tc\t-n\t2\t5\t1\t1\n", 1, "data directory" },
	{ "shockwave", SHOCK "134583\t1\tgns\t1\t-1\t1418\n", 1, "12" },
	{ "shockwave", SHOCK "134583\t1\tgnu\t1\t-1\t1418\t0\n", 1, "mode" },
	{ "shockwave", SHOCK "134583\t1\tgns\t1\t-1\t-1418\t0\n", 1, "duration" },
	{ "shockwave", SHOCK "134583\t1\tgns\t1\t1.2\t4000000000\t0\n", 1, "SLO" },
	{ "shockwave", SHOCK "134583\t1\tgns\tinf\t-1\t1418\t0\n", 1, "weight" },
	{ "philly", PHILLY "2017-02-29 06:32:04,1,8,8,a\n", 2, "timestamp" },
	{ "philly", PHILLY "2017-09-28 06:32,1,8,8,a\n", 2, "timestamp" },
	{ "philly", PHILLY "2017-09-28 06:32:04,-1,8,8,a\n", 2, "duration" },
	{ "philly", PHILLY "2017-09-28 06:32:04,1,8.5,8,a\n", 2, "num_gpus" },
	{ "philly", PHILLY "2017-09-28 06:32:04,1,8,8\n", 2, "5 cells" },
	{ "philly", PHILLY "2017-09-28 06:32:04,1,8,nan,a\n", 2, "gpu_time" },
	{ "philly-json", "{}", 1, "JSON list" },
	{ "philly-json", "[]", 0, "no job" },
	{ "philly-json", "[{\"a\": 1}", 1, "attempts" },
	{ "philly-json", "[\n{\"jobid\": \"x\", ", 2, "closed" },
	{ "philly-json", "[" PHILLY_JOB("\"a\"", "") " " PHILLY_JOB("\"b\"", "") "]", 2, "','" },
	{ "philly-json", "[" PHILLY_JOB("\"a\"", "") "] x", 2, "nothing behind" },
	{ "philly-json", "[" PHILLY_JOB("5", "") "]", 1, "jobid" },
	{ "philly-json", "[{\"jobid\": x}]", 1, "not JSON" },
	{ "philly-json", "[5]", 1, "a job" },
	{ "philly-json",
	  "[" PHILLY_JOB("\"a\"",
	                 ATTEMPT("\"2017-10-07 01:12:00\"", "\"2017-10-07 01:11:59\"")) "]",
	  1, "end_time" },
	{ "philly-json", "[" PHILLY_JOB("\"a\"", ATTEMPT("\"yesterday\"", "\"today\"")) "]", 1,
	  "start_time" },
	{ "helios", HELIOS "8,ua,vcb,-16,64,2,C,2020-06-09 18:41:27,,,249,0\n", 2, "gpu_num" },
	{ "helios", HELIOS "8,ua,vcb,16,64,2,C,2020-06-09 24:41:27,,,249,0\n", 2, "submit_time" },
	{ "helios", HELIOS "8,ua,vcb,16,64,2,C,2020-06-09 18:41:27,,,,0\n", 2, "duration" },
	{ "helios", HELIOS ",ua,vcb,16,64,2,C,2020-06-09 18:41:27,,,1,0\n", 2, "job_id" },
	{ "helios", "job_id,gpu_num,submit_time\n", 1, "duration" },
	{ "tiresias", TIRESIAS "0,8,30,133,vgg11\n", 2, "7 cells" },
	{ "tiresias", TIRESIAS "0,0,30,133,vgg11,147,23\n", 2, "num_gpu" },
	{ "tiresias", TIRESIAS "0,8,x,133,vgg11,147,23\n", 2, "submit_time" },
	{ "tiresias", TIRESIAS "0,8,30,-133,vgg11,147,23\n", 2, "iterations" },
	{ "alibaba-2023", PODS "p,1,1,1,1001,,BE,R,0,9,1\n", 2, "gpu_milli" },
	{ "alibaba-2023", PODS "p,1,1,1,0,,BE,R,0,9,1\n", 2, "gpu_milli" },
	{ "alibaba-2023", PODS "p,1,1,1,1000,,BE,R,5,9,1\n", 2, "deletion_time" },
	{ "alibaba-2023", PODS "p,1,1,99999999,1000,,BE,R,0,9,1\n", 2, "num_gpu" },
	{ "alibaba-2023", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\np,1,1,1,1000\n", 1,
	  "creation_time" },
	{ "alibaba-2020", "j,w,2.0,Terminated,110.0,200.0,600.0,29.2,50.0\n", 1, "10 cells" },
	{ "alibaba-2020", "j,w,0.5,Terminated,110.0,200.0,600.0,29.2,50.0,T4\n", 1, "inst_num" },
	{ "alibaba-2020", "j,w,2.0,Terminated,210.0,200.0,600.0,29.2,50.0,T4\n", 1, "end_time" },
	{ "alibaba-2020", "j,w,2.0,Terminated,110.0,200.0,600.0,29.2,nan,T4\n", 1, "plan_gpu" },
	{ "batsim", "[1]", 1, "an object" },
	{ "batsim", "{\"jobs\": [", 1, "" },
	{ "batsim", "{\"jobs\": 5, \"profiles\": {}}", 0, "jobs" },
	{ "batsim", BATSIM("7"), 0, "jobs[0]" },
	{ "batsim", BATSIM("{\"id\": 0, \"subtime\": -1, \"res\": 2, \"profile\": \"nap\"}"), 0,
	  "subtime" },
	{ "batsim", BATSIM("{\"id\": 0, \"subtime\": 1, \"res\": 0, \"profile\": \"nap\"}"), 0,
	  "res" },
	{ "batsim", BATSIM("{\"id\": 0, \"subtime\": 1, \"res\": 2, \"profile\": \"none\"}"), 0,
	  "no 'none'" },
	{ "batsim", BATSIM("{\"id\": 0, \"subtime\": 1, \"res\": 2, \"profile\": \"bad\"}"), 0,
	  "delay" },
	{ "batsim", BATSIM("{\"id\": [], \"subtime\": 1, \"res\": 2, \"profile\": \"nap\"}"), 0,
	  "id" },
	{ "sacct", "JobID|ElapsedRaw\n", 1, "Submit" },
	{ "sacct", SACCT "10|t|a|2024-02-30T00:00:00|x|1|1|1||C\n", 2, "Submit" },
	{ "sacct", SACCT "10|t|a|2024-02-20T00:00:00|x|-1|1|1||C\n", 2, "ElapsedRaw" },
	{ "sacct", SACCT "10|t|a|2024-02-20T00:00:00|x|1|1|1|gres/gpu|C\n", 2, "TRES" },
	{ "sacct", SACCT "10|t|a|2024-02-20T00:00:00|x|1|1|1|gres/gpu=x|C\n", 2, "TRES" },
	{ "sacct", SACCT "10|t|a|2024-02-20T00:00:00|x|1|1|1\n", 2, "10 cells" },
	{ "sacct", "JobID|Submit|Elapsed\n5|2024-03-01T00:00:00|1-2-3\n", 2, "Elapsed" },
	{ "sacct", "JobID|Submit|Elapsed\n5|2024-03-01T00:00:00|\n", 2, "Elapsed" },
};

static void broken_rows_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad_cases / sizeof bad_cases[0]; i++) {
		const struct bad_case *c = &bad_cases[i];
		struct arena arena;
		arena_init(&arena);
		struct trace trace;
		struct ergon_error err = { 0 };
		enum ergon_code code = trace_parse_text(c->text, strlen(c->text), "t", c->format,
		                                        false, &arena, &trace, &err);
		if (code != ERGON_BAD_INPUT || err.line != c->line || !strstr(err.text, c->word))
			fail_msg("case %zu (%s): code %d, line %ld, '%s'", i, c->format, code,
			         err.line, err.text);
		arena_fini(&arena);
	}
}

/* Every prefix of every good trace, under every format: an answer, and no row lost uncounted. */
static void truncated_under_every_format(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good_cases / sizeof good_cases[0]; i++) {
		const char *text = good_cases[i].text;
		for (size_t length = 0; length < strlen(text); length += 7)
			for (const struct trace_reader *const *r = trace_readers; *r; r++) {
				struct arena arena;
				arena_init(&arena);
				struct trace trace;
				struct ergon_error err = { 0 };
				enum ergon_code code = trace_parse_text(
				    text, length, "t", (*r)->name, true, &arena, &trace, &err);
				if (code)
					assert_int_equal(code, ERGON_BAD_INPUT);
				else
					assert_int_equal(trace.rows, trace.count + trace.skipped);
				arena_fini(&arena);
			}
	}
}

static void shared_traces_load(void **state)
{
	(void)state;
	static const struct {
		const char *path, *format;
		size_t count, skipped;
	} files[] = {
		{ "traces/pollux/workloads/workload-6.csv", "pollux", 160, 0 },
		{ "traces/pollux/workloads-2.0/workload-1.csv", "pollux", 320, 0 },
		{ "traces/swf/hpc2n.swf", "swf", 3145, 25 },
		{ "traces/gavel/generated/poisson_seed0_mean750s.trace", "gavel", 5297, 0 },
		{ "traces/gavel/traces/physical_cluster/max_min_fairness.trace", "gavel", 96, 0 },
		{ "traces/gavel/traces/msr/seed=0/11cb48.trace", "gavel", 2000, 0 },
		{ "traces/philly/11cb48.csv", "philly", 16091, 0 },
		{ "traces/tiresias/60_job.csv", "tiresias", 60, 0 },
		{ "traces/alibaba/openb_pod_list_default.csv", "alibaba-2023", 6203, 1949 },
		{ "traces/batsim/example_workload_hpc_seed1_jobs250.json", "batsim", 250, 0 },
		{ "traces/sia/workloads/scale/scale_8x/workload-1.csv", "pollux", 1280, 0 },
	};
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		const char *path = shared_data(files[i].path);
		if (!path) {
			print_message("%s is not here\n", files[i].path);
			skip();
		}
		struct arena arena;
		arena_init(&arena);
		struct trace trace;
		struct ergon_error err = { 0 };
		if (trace_load(path, NULL, false, &arena, &trace, &err))
			fail_msg("%s:%ld: %s", path, err.line, err.text);
		assert_string_equal(trace.format, files[i].format);
		assert_int_equal(trace.count, files[i].count);
		assert_int_equal(trace.skipped, files[i].skipped);
		arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format_field_by_field),
		cmocka_unit_test(broken_rows_are_named),
		cmocka_unit_test(truncated_under_every_format),
		cmocka_unit_test(shared_traces_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
