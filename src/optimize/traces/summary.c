/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/traces/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/rng.h"
#include "base/stats.h"
#include "base/units.h"

static enum ergon_code no_memory(struct ergon_error *err)
{
	return ergon_fail(err, ERGON_NO_MEMORY, "out of memory for the summary");
}

static void arrivals_of(const struct trace *trace, double *times, struct trace_summary *s)
{
	for (size_t i = 0; i < trace->count; i++)
		times[i] = seconds_from_ns(trace->jobs[i].arrival_ns);
	stats_sort(times, trace->count);
	s->first_s = times[0];
	s->last_s = times[trace->count - 1];
	struct moments gaps = { 0 };
	for (size_t i = 1; i < trace->count; i++)
		moments_add(&gaps, times[i] - times[i - 1]);
	s->gap_mean_s = trace->count > 1 ? gaps.mean : (double)NAN;
	s->gap_variation = gaps.mean > 0 ? moments_stddev(&gaps) / gaps.mean : (double)NAN;
}

static void durations_of(const struct trace *trace, double *values, struct trace_summary *s)
{
	size_t known = 0;
	for (size_t i = 0; i < trace->count; i++) {
		const struct trace_job *job = &trace->jobs[i];
		if (job->duration_ns == 0)
			continue;
		values[known++] = seconds_from_ns(job->duration_ns);
		s->work_unit_s += trace_job_width(trace, job) * job->gpu_share * values[known - 1];
	}
	s->unknown_durations = trace->count - known;
	stats_sort(values, known);
	s->duration_mean_s = stats_mean(values, known);
	s->duration_p50_s = stats_quantile_sorted(values, known, 0.5);
	s->duration_p90_s = stats_quantile_sorted(values, known, 0.9);
	s->duration_p99_s = stats_quantile_sorted(values, known, 0.99);
	s->duration_max_s = known ? values[known - 1] : (double)NAN;
	bool measurable = s->unknown_durations == 0 && s->last_s > s->first_s;
	s->mean_demand_units = measurable ? s->work_unit_s / (s->last_s - s->first_s) : (double)NAN;
}

static void count_flags(const struct trace *trace, struct trace_summary *s)
{
	for (size_t i = 0; i < trace->count; i++) {
		const struct trace_job *job = &trace->jobs[i];
		uint32_t width = trace_job_width(trace, job);
		unsigned bucket = 0;
		while (width >> (bucket + 1))
			bucket++;
		s->widths[bucket < TRACE_WIDTHS ? bucket : TRACE_WIDTHS - 1]++;
		if (width > s->width_max)
			s->width_max = width;
		s->urgent += job->urgent;
		s->deadlines += job->deadline_ns > 0;
		s->malleable += job->gpus_max > job->gpus_min;
		s->fractional += job->gpu_share < 1;
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Distinct texts; sorts them. */
static size_t distinct(const char **texts, size_t count)
{
	qsort(texts, count, sizeof *texts, by_text);
	size_t found = 0;
	for (size_t i = 0; i < count; i++)
		found += texts[i][0] && (i == 0 || strcmp(texts[i], texts[i - 1]));
	return found;
}

static int by_name(const void *a, const void *b)
{
	const struct trace_application *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static int by_jobs(const void *a, const void *b)
{
	const struct trace_application *x = a, *y = b;
	if (x->jobs != y->jobs)
		return x->jobs < y->jobs ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* all: room for one a job. Equal names are merged once they stand side by side. */
static void applications_of(const struct trace *trace, struct trace_application *all,
                            struct trace_summary *s)
{
	for (size_t i = 0; i < trace->count; i++) {
		const struct trace_job *job = &trace->jobs[i];
		double work = trace_job_width(trace, job) * job->gpu_share *
		              seconds_from_ns(job->duration_ns);
		all[i] = (struct trace_application){ job->application, 1, work };
	}
	qsort(all, trace->count, sizeof *all, by_name);
	size_t count = 0;
	for (size_t i = 0; i < trace->count; i++) {
		if (count == 0 || strcmp(all[count - 1].name, all[i].name)) {
			all[count++] = all[i];
			continue;
		}
		all[count - 1].jobs++;
		all[count - 1].work_unit_s += all[i].work_unit_s;
	}
	s->applications = count - (all[0].name[0] == '\0');
	qsort(all, count, sizeof *all, by_jobs);
	for (size_t i = 0; i < count && i < TRACE_APPLICATIONS; i++)
		s->top[i] = all[i];
}

enum ergon_code trace_summarise(const struct trace *trace, struct arena *arena,
                                struct trace_summary *summary, struct ergon_error *err)
{
	*summary = (struct trace_summary){ 0 };
	double *values = ARENA_ARRAY(arena, double, trace->count);
	const char **users = ARENA_ARRAY(arena, const char *, trace->count);
	struct trace_application *all = ARENA_ARRAY(arena, struct trace_application, trace->count);
	if (!values || !users || !all)
		return no_memory(err);
	arrivals_of(trace, values, summary);
	durations_of(trace, values, summary);
	count_flags(trace, summary);
	applications_of(trace, all, summary);
	for (size_t i = 0; i < trace->count; i++)
		users[i] = trace->jobs[i].user;
	summary->users = distinct(users, trace->count);
	return ERGON_OK;
}

double trace_offered_load(const struct trace_summary *summary, double units)
{
	return units > 0 ? summary->mean_demand_units / units : (double)NAN;
}

/* ---- JSON ---- */

static json_t *skips_json(const struct trace *trace)
{
	json_t *list = json_array();
	for (size_t i = 0; i < trace->skip_count; i++) {
		const struct trace_skip *skip = &trace->skips[i];
		json_array_append_new(
		    list, json_pack("{s:s, s:I, s:I, s:b}", "reason", skip->reason, "count",
		                    (json_int_t)skip->count, "first_line",
		                    (json_int_t)skip->first_line, "malformed", skip->malformed));
	}
	return list;
}

static json_t *widths_json(const struct trace_summary *s)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < TRACE_WIDTHS; i++)
		if (s->widths[i])
			json_array_append_new(list, json_pack("{s:I, s:I, s:I}", "from",
			                                      (json_int_t)1 << i, "to",
			                                      ((json_int_t)1 << (i + 1)) - 1,
			                                      "jobs", (json_int_t)s->widths[i]));
	return list;
}

static json_t *applications_json(const struct trace_summary *s)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < TRACE_APPLICATIONS && s->top[i].name; i++)
		json_array_append_new(list,
		                      json_pack("{s:s, s:I, s:o}", "name", s->top[i].name, "jobs",
		                                (json_int_t)s->top[i].jobs, "work_unit_s",
		                                json_number(s->top[i].work_unit_s)));
	return list;
}

static json_t *duration_json(const struct trace_summary *s)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "mean_s",
	                 json_number(s->duration_mean_s), "p50_s", json_number(s->duration_p50_s),
	                 "p90_s", json_number(s->duration_p90_s), "p99_s",
	                 json_number(s->duration_p99_s), "max_s", json_number(s->duration_max_s),
	                 "unknown", (json_int_t)s->unknown_durations);
}

json_t *trace_to_json(const struct trace *trace, const struct trace_summary *s, uint64_t units)
{
	json_t *root =
	    json_pack("{s:s, s:i, s:s, s:s, s:s, s:I, s:I, s:I, s:o}", "kind", "ergon.trace",
	              "version", 1, "file", trace->file, "format", trace->format, "unit",
	              trace->unit == TRACE_GPUS ? "gpus" : "processors", "jobs",
	              (json_int_t)trace->count, "rows", (json_int_t)trace->rows, "skipped",
	              (json_int_t)trace->skipped, "skips", skips_json(trace));
	if (!root)
		return NULL;
	json_t *rest = json_pack(
	    "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:I, s:o, s:I, s:I, s:I, s:I, s:I}",
	    "zero_unix_s", json_number(trace->zero_unix_s), "first_arrival_s",
	    json_number(s->first_s), "last_arrival_s", json_number(s->last_s), "gap_mean_s",
	    json_number(s->gap_mean_s), "gap_variation", json_number(s->gap_variation), "duration",
	    duration_json(s), "work_unit_s", json_number(s->work_unit_s), "width_max",
	    (json_int_t)s->width_max, "widths", widths_json(s), "applications",
	    (json_int_t)s->applications, "top_applications", applications_json(s), "users",
	    (json_int_t)s->users, "urgent", (json_int_t)s->urgent, "deadlines",
	    (json_int_t)s->deadlines, "malleable", (json_int_t)s->malleable, "fractional",
	    (json_int_t)s->fractional);
	json_object_update(root, rest);
	json_decref(rest);
	json_object_set_new(root, "mean_demand_units", json_number(s->mean_demand_units));
	json_object_set_new(root, "cluster_units",
	                    units ? json_integer((json_int_t)units) : json_null());
	json_object_set_new(root, "offered_load",
	                    json_number(trace_offered_load(s, (double)units)));
	return root;
}

/* ---- traces from traces ---- */

static void shift(struct trace_job *job, uint64_t by_ns)
{
	job->arrival_ns -= by_ns;
	if (job->deadline_ns)
		job->deadline_ns = job->deadline_ns > by_ns ? job->deadline_ns - by_ns : 1;
}

void trace_window(struct trace *trace, uint64_t from_ns, uint64_t to_ns)
{
	size_t kept = 0;
	for (size_t i = 0; i < trace->count; i++) {
		struct trace_job job = trace->jobs[i];
		if (job.arrival_ns < from_ns || job.arrival_ns >= to_ns)
			continue;
		shift(&job, from_ns);
		trace->jobs[kept++] = job;
	}
	trace->count = kept;
	trace->zero_unix_s += seconds_from_ns(from_ns);
}

void trace_sample(struct trace *trace, size_t count, uint64_t seed)
{
	struct rng rng;
	rng_init(&rng, seed);
	size_t kept = 0, total = trace->count;
	for (size_t i = 0; i < total && kept < count; i++)
		if (rng_below(&rng, total - i) < count - kept)
			trace->jobs[kept++] = trace->jobs[i];
	trace->count = kept;
}

bool trace_stretch(struct trace *trace, double factor)
{
	uint64_t first = UINT64_MAX, last = 0;
	for (size_t i = 0; i < trace->count; i++) {
		uint64_t at = trace->jobs[i].arrival_ns;
		first = at < first ? at : first;
		last = at > last ? at : last;
	}
	if (!(factor > 0) || trace->count == 0 ||
	    seconds_from_ns(last - first) * factor + seconds_from_ns(first) > TRACE_TIME_MAX_S)
		return false;
	for (size_t i = 0; i < trace->count; i++) {
		struct trace_job *job = &trace->jobs[i];
		uint64_t margin =
		    job->deadline_ns > job->arrival_ns ? job->deadline_ns - job->arrival_ns : 0;
		/* whole milliseconds: the same bytes everywhere */
		double gap_ms = (double)(job->arrival_ns - first) * 1e-6 * factor;
		job->arrival_ns = first + (uint64_t)(gap_ms + 0.5) * NS_PER_MS;
		if (job->deadline_ns)
			job->deadline_ns = job->arrival_ns + margin;
	}
	return true;
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

bool trace_resample(struct trace *trace, uint64_t seed)
{
	size_t n = trace->count;
	uint64_t *times = malloc((n ? n : 1) * sizeof *times);
	struct trace_job *drawn = malloc((n ? n : 1) * sizeof *drawn);
	if (!times || !drawn || n == 0) {
		free(times);
		free(drawn);
		return n == 0;
	}
	struct rng rng;
	rng_init(&rng, seed);
	for (size_t i = 0; i < n; i++)
		times[i] = trace->jobs[i].arrival_ns;
	qsort(times, n, sizeof *times, by_time);
	uint64_t at = times[0];
	for (size_t i = 0; i + 1 < n; i++)
		times[i] = times[i + 1] - times[i];
	for (size_t i = n - 1; i > 1; i--) {
		size_t j = (size_t)rng_below(&rng, i);
		uint64_t gap = times[i - 1];
		times[i - 1] = times[j];
		times[j] = gap;
	}
	for (size_t i = 0; i < n; i++) {
		struct trace_job *job = &drawn[i];
		*job = trace->jobs[rng_below(&rng, n)];
		if (job->deadline_ns)
			job->deadline_ns = at + (job->deadline_ns > job->arrival_ns
			                             ? job->deadline_ns - job->arrival_ns
			                             : 0);
		job->arrival_ns = at;
		if (i + 1 < n)
			at += times[i];
	}
	memcpy(trace->jobs, drawn, n * sizeof *drawn);
	free(times);
	free(drawn);
	return true;
}

size_t trace_limit_width(struct trace *trace, uint64_t units)
{
	size_t kept = 0;
	for (size_t i = 0; i < trace->count; i++)
		if (trace_job_width(trace, &trace->jobs[i]) <= units)
			trace->jobs[kept++] = trace->jobs[i];
	size_t dropped = trace->count - kept;
	trace->count = kept;
	return dropped;
}
