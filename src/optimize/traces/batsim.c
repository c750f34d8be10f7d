/* SPDX-License-Identifier: Apache-2.0
 *
 * Batsim's JSON workloads: "jobs" with id, subtime (s), walltime (s; the user's limit), res
 * (resources: they count as processors) and profile, and "profiles" by name.
 *
 * A profile of type delay states the job's duration. Other types state flops and bytes, whose time
 * depends on the machine: the duration is then unknown, and the profile's name stands as the
 * application. JSON keeps no line numbers: places are named as jobs[3].
 */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/units.h"
#include "optimize/traces/scan.h"

static enum ergon_code name_of(struct trace_parse *parse, const json_t *job,
                               struct json_place place, const char **name)
{
	const json_t *id = json_object_get(job, "id");
	char digits[32];
	const char *text = json_string_value(id);
	if (json_is_integer(id)) {
		snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(id));
		text = digits;
	}
	if (!text || !text[0] || !scan_utf8(text, strlen(text)))
		return ergon_fail_at(
		    parse->err, ERGON_BAD_INPUT, parse->file, 0,
		    "%s.id: expected a number or a text without control characters", place.at);
	*name = arena_strdup(parse->arena, text);
	return *name ? ERGON_OK
	             : ergon_fail_at(parse->err, ERGON_NO_MEMORY, parse->file, 0, "out of memory");
}

/* walltime: absent, or negative, where the user stated none. */
static enum ergon_code read_walltime(struct trace_parse *parse, const json_t *json,
                                     struct json_place place, struct trace_job *job)
{
	double walltime_s = -1;
	enum ergon_code code = json_want_real(json, place, "walltime", -1e12, TRACE_TIME_MAX_S,
	                                      &walltime_s, parse->err);
	if (!code && walltime_s > 0)
		job->requested_ns = ns_from_seconds(walltime_s);
	return code;
}

static enum ergon_code read_profile(struct trace_parse *parse, const json_t *json,
                                    const json_t *profiles, struct json_place place,
                                    struct trace_job *job)
{
	const char *name, *type;
	enum ergon_code code = json_need_text(json, place, "profile", &name, parse->err);
	if (code)
		return code;
	const json_t *profile = json_object_get(profiles, name);
	if (!json_is_object(profile) || !scan_utf8(name, strlen(name)))
		return ergon_fail_at(parse->err, ERGON_BAD_INPUT, parse->file, 0,
		                     "%s.profile: no '%.60s' among the profiles", place.at, name);
	char at[128];
	snprintf(at, sizeof at, "profiles.%.60s", name);
	struct json_place there = { parse->file, at };
	code = json_need_text(profile, there, "type", &type, parse->err);
	if (!code && strcmp(type, "delay") == 0) {
		double delay_s;
		code = json_need_real(profile, there, "delay", 0, TRACE_TIME_MAX_S, &delay_s,
		                      parse->err);
		if (!code)
			job->duration_ns = delay_s >= 1e-9 ? ns_from_seconds(delay_s) : 1;
	}
	if (code)
		return code;
	job->application = arena_strdup(parse->arena, name);
	return job->application
	           ? ERGON_OK
	           : ergon_fail_at(parse->err, ERGON_NO_MEMORY, parse->file, 0, "out of memory");
}

static enum ergon_code one_job(struct trace_parse *parse, const json_t *json, size_t index,
                               const json_t *profiles)
{
	char at[32];
	snprintf(at, sizeof at, "jobs[%zu]", index);
	struct json_place place = { parse->file, at };
	parse->line = 0;
	parse->bad_field = "job";
	if (!json_is_object(json))
		return ergon_fail_at(parse->err, ERGON_BAD_INPUT, parse->file, 0,
		                     "%s: expected an object", at);
	struct trace_job job = trace_job_init(parse);
	double submitted_s;
	uint64_t resources;
	enum ergon_code code = name_of(parse, json, place, &job.name);
	if (!code)
		code = json_need_real(json, place, "subtime", 0, TRACE_TIME_MAX_S, &submitted_s,
		                      parse->err);
	if (!code)
		code =
		    json_need_count(json, place, "res", 1, TRACE_UNITS_MAX, &resources, parse->err);
	if (!code)
		code = read_walltime(parse, json, place, &job);
	if (!code)
		code = read_profile(parse, json, profiles, place, &job);
	if (code)
		return code;
	job.arrival_ns = ns_from_seconds(submitted_s);
	job.cpus = (uint32_t)resources;
	return trace_add(parse, &job);
}

static enum ergon_code read_jobs(struct trace_parse *parse, const json_t *root)
{
	struct json_place place = { parse->file, "" };
	json_t *jobs, *profiles;
	const json_t *job;
	size_t i;
	enum ergon_code code = json_need_array(root, place, "jobs", &jobs, parse->err);
	if (!code)
		code = json_need_object(root, place, "profiles", &profiles, parse->err);
	if (code)
		return code;
	json_array_foreach(jobs, i, job)
	{
		code = trace_row_done(parse, one_job(parse, job, i, profiles));
		if (code)
			return code;
	}
	return ERGON_OK;
}

static enum ergon_code read_batsim(struct trace_parse *parse)
{
	json_t *root;
	enum ergon_code code =
	    json_parse(parse->p, (size_t)(parse->end - parse->p), parse->file, &root, parse->err);
	if (code)
		return code;
	code = json_is_object(root) ? read_jobs(parse, root)
	                            : ergon_fail_at(parse->err, ERGON_BAD_INPUT, parse->file, 1,
	                                            "expected an object with jobs and profiles");
	json_decref(root);
	return code;
}

static int sniff(const char *head, size_t length)
{
	if (sniff_first(head, length) != '{')
		return 0;
	if (memmem(head, length, "\"subtime\"", 9))
		return 95;
	return memmem(head, length, "\"nb_res\"", 8) ? 60 : 0;
}

const struct trace_reader trace_reader_batsim = {
	.name = "batsim",
	.summary = "Batsim's workloads (JSON)",
	.extensions = "json",
	.source = "Dutot et al., JSSPP 2016",
	.sniff = sniff,
	.read = read_batsim,
};
