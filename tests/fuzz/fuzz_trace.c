/* SPDX-License-Identifier: Apache-2.0
 *
 * Every trace reader. The first byte chooses: bit 0 is lenient, the rest the format (beyond the
 * last: sniffed). Whatever was read must keep the readers' promises, and must come back the same
 * from ergon's own CSV.
 *
 * With ERGON_FUZZ_FORMAT=NAME every input goes to that reader, whatever its first byte says beyond
 * "lenient": bench/fuzz_readers.sh gives each its own time.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "optimize/traces/ergon_csv.h"
#include "optimize/traces/summary.h"

#define PROMISE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void check_jobs(const struct trace *trace)
{
	const uint64_t latest_ns = (uint64_t)(TRACE_TIME_MAX_S * 1e9);
	for (size_t i = 0; i < trace->count; i++) {
		const struct trace_job *job = &trace->jobs[i];
		uint32_t width = trace_job_width(trace, job);
		PROMISE(width >= 1 && width <= TRACE_UNITS_MAX);
		PROMISE(job->arrival_ns <= latest_ns && job->duration_ns <= latest_ns);
		PROMISE(job->name[0] && job->application && job->user && job->gpu_type);
		PROMISE(job->gpu_share > 0 && job->gpu_share <= 1 && job->priority >= 0);
		PROMISE(job->work_steps >= 0 && job->work_steps <= TRACE_STEPS_MAX);
	}
	PROMISE(trace->rows == trace->count + trace->skipped);
}

static void check_own_csv(const struct trace *trace, struct arena *arena)
{
	struct text first = { 0 }, second = { 0 };
	struct trace again;
	struct ergon_error err = { 0 };
	trace_write_csv(trace, &first);
	PROMISE(!first.failed);
	PROMISE(!trace_parse_text(first.data, first.length, "again", "ergon", false, arena, &again,
	                          &err));
	PROMISE(again.count == trace->count && again.unit == trace->unit);
	trace_write_csv(&again, &second);
	PROMISE(first.length == second.length &&
	        memcmp(first.data, second.data, first.length) == 0);
	text_fini(&first);
	text_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	size_t formats = 0;
	while (trace_readers[formats])
		formats++;
	const char *only = getenv("ERGON_FUZZ_FORMAT");
	size_t which = (data[0] >> 1) % (formats + 1);
	const char *format = which < formats ? trace_readers[which]->name : NULL;
	if (only) {
		PROMISE(trace_reader_find(only));
		format = only;
	}
	struct arena arena;
	arena_init(&arena);
	struct trace trace;
	struct trace_summary summary;
	struct ergon_error err = { 0 };
	if (!trace_parse_text((const char *)data + 1, size - 1, "fuzz", format, data[0] & 1, &arena,
	                      &trace, &err)) {
		check_jobs(&trace);
		check_own_csv(&trace, &arena);
		PROMISE(!trace_summarise(&trace, &arena, &summary, &err));
		json_t *json = trace_to_json(&trace, &summary, 64);
		PROMISE(json);
		json_decref(json);
		trace_sample(&trace, (trace.count + 1) / 2, size);
		(void)trace_stretch(&trace, 0.5);
	} else {
		PROMISE(err.code != ERGON_OK && err.text[0]);
	}
	arena_fini(&arena);
	return 0;
}
