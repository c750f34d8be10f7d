/* SPDX-License-Identifier: Apache-2.0
 *
 * What a campaign consists of: its traces, its units, and the description by which workers know
 * that they mean the same one.
 */
#include "optimize/campaign/campaign.h"

#include <dirent.h>
#include <glob.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/units.h"
#include "optimize/campaign/folder.h"

static const char placeholder[] = "{load}";

static enum ergon_code bad_loads(const char *text, struct ergon_error *err)
{
	return ergon_fail(
	    err, ERGON_BAD_INPUT,
	    "load '%.60s' is neither FROM:TO:STEP nor a list such as 0.5,1,2 (above 0, "
	    "up to 1000, at most %d of them)",
	    text, CAMPAIGN_LOADS_MAX);
}

static bool load_is_good(double load)
{
	return load > 0 && load <= 1000;
}

static enum ergon_code parse_range(const char *text, double *loads, uint32_t *count,
                                   struct ergon_error *err)
{
	double part[3];
	char copy[96];
	snprintf(copy, sizeof copy, "%s", text);
	char *save = NULL, *word = strtok_r(copy, ":", &save);
	size_t n = 0;
	for (; word && n < 3; word = strtok_r(NULL, ":", &save))
		if (!parse_real(word, &part[n++]))
			return bad_loads(text, err);
	if (n != 3 || word || !load_is_good(part[0]) || !load_is_good(part[1]) || !(part[2] > 0) ||
	    part[1] < part[0] || (part[1] - part[0]) / part[2] > CAMPAIGN_LOADS_MAX - 1)
		return bad_loads(text, err);
	uint32_t steps = (uint32_t)((part[1] - part[0]) / part[2] + 1e-9);
	*count = steps + 1;
	/* Nine digits: 0.1:0.5:0.1 names its third load 0.3. */
	for (uint32_t i = 0; i <= steps; i++)
		loads[i] = rint((part[0] + i * part[2]) * 1e9) * 1e-9;
	for (uint32_t i = 0; i <= steps; i++) {
		char digits[32];
		snprintf(digits, sizeof digits, "%.9g", loads[i]);
		loads[i] = strtod(digits, NULL);
	}
	return ERGON_OK;
}

enum ergon_code campaign_parse_loads(const char *text, double *loads, uint32_t *count,
                                     struct ergon_error *err)
{
	*count = 0;
	if (strlen(text) > 90)
		return bad_loads(text, err);
	if (strchr(text, ':'))
		return parse_range(text, loads, count, err);
	char copy[96];
	snprintf(copy, sizeof copy, "%s", text);
	char *save = NULL;
	for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		double load;
		if (*count == CAMPAIGN_LOADS_MAX || !parse_real(word, &load) || !load_is_good(load))
			return bad_loads(text, err);
		for (uint32_t i = 0; i < *count; i++)
			if (loads[i] == load)
				return ergon_fail(err, ERGON_BAD_INPUT, "load %g is named twice",
				                  load);
		loads[(*count)++] = load;
	}
	return *count ? ERGON_OK : bad_loads(text, err);
}

/* The pattern with every {load} replaced. */
static bool fill_in(char *out, size_t size, const char *pattern, double load)
{
	size_t length = 0;
	for (const char *at = pattern; *at && length < size;) {
		bool here = strncmp(at, placeholder, sizeof placeholder - 1) == 0;
		int n = here ? snprintf(out + length, size - length, "%g", load)
		             : snprintf(out + length, size - length, "%c", *at);
		length += (size_t)n;
		at += here ? sizeof placeholder - 1 : 1;
	}
	return length < size;
}

static enum ergon_code add_traces(struct campaign *c, uint32_t load, struct ergon_error *err)
{
	char pattern[4096];
	if (!fill_in(pattern, sizeof pattern, c->options.traces, c->options.loads[load]))
		return ergon_fail(err, ERGON_BAD_INPUT, "--traces: too long a pattern");
	glob_t found;
	int status = glob(pattern, 0, NULL, &found); /* sorted by name, as the locale has it: C */
	if (status != 0 && status != GLOB_NOMATCH)
		return ergon_fail(err, ERGON_IO, "--traces '%.200s': cannot be searched", pattern);
	enum ergon_code code = ERGON_OK;
	if (status == GLOB_NOMATCH)
		code = ergon_fail(err, ERGON_NOT_FOUND, "--traces '%.200s': no such file", pattern);
	else if (c->trace_count + found.gl_pathc > CAMPAIGN_TRACES_MAX)
		code = ergon_fail(err, ERGON_BAD_INPUT, "--traces: more than %d files",
		                  CAMPAIGN_TRACES_MAX);
	for (size_t i = 0; !code && i < found.gl_pathc; i++) {
		c->traces[c->trace_count] = arena_strdup(&c->arena, found.gl_pathv[i]);
		if (!c->traces[c->trace_count++])
			code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	if (status == 0)
		globfree(&found);
	return code;
}

static enum ergon_code list_units(struct campaign *c, struct ergon_error *err)
{
	const struct campaign_options *o = &c->options;
	c->traces = ARENA_ARRAY(&c->arena, const char *, CAMPAIGN_TRACES_MAX);
	c->load_traces = ARENA_ARRAY(&c->arena, uint32_t, (size_t)o->load_count + 1);
	if (!c->traces || !c->load_traces)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	c->by_file = strstr(o->traces, placeholder) != NULL;
	uint64_t units = 0;
	for (uint32_t l = 0; l < o->load_count; l++) {
		c->load_traces[l] = c->trace_count;
		enum ergon_code code = ERGON_OK;
		if (l == 0 || c->by_file)
			code = add_traces(c, l, err);
		else
			c->load_traces[l] = 0;
		if (code)
			return code;
		uint32_t here = c->trace_count - c->load_traces[l];
		units += (uint64_t)here * o->seeds * o->policy_count;
	}
	c->load_traces[o->load_count] = c->trace_count;
	if (units > CAMPAIGN_UNITS_MAX)
		return ergon_fail(err, ERGON_BAD_INPUT, "%" PRIu64 " runs; at most %d", units,
		                  CAMPAIGN_UNITS_MAX);
	c->units = ARENA_ARRAY(&c->arena, struct campaign_unit, units);
	if (!c->units)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (uint32_t l = 0; l < o->load_count; l++) {
		uint32_t end = c->by_file ? c->load_traces[l + 1] : c->trace_count;
		for (uint32_t t = c->load_traces[l]; t < end; t++)
			for (uint32_t s = 0; s < o->seeds; s++)
				for (uint32_t p = 0; p < o->policy_count; p++)
					c->units[c->unit_count++] =
					    (struct campaign_unit){ l, t, s, p };
	}
	return ERGON_OK;
}

/* FNV-1a, 64 bits: tells accidental differences apart, and that is all it is for. */
static uint64_t digest(uint64_t hash, const char *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)data[i]) * UINT64_C(0x100000001b3);
	return hash;
}
static const uint64_t digest_begin = UINT64_C(0xcbf29ce484222325);

static enum ergon_code digest_file(const char *path, uint64_t *hash, struct ergon_error *err)
{
	char *data;
	size_t length;
	enum ergon_code code = file_read(path, &data, &length, err);
	if (code)
		return code;
	*hash = digest(*hash, data, length);
	free(data);
	return ERGON_OK;
}

/* Names and sizes of the files of a folder and those below, in any order. */
static uint64_t digest_folder(const char *path, int depth)
{
	uint64_t sum = 0;
	DIR *folder = opendir(path);
	if (!folder)
		return 0;
	for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
		char below[4096];
		struct stat about;
		if (entry->d_name[0] == '.' ||
		    !file_join(below, sizeof below, path, entry->d_name) ||
		    stat(below, &about) != 0)
			continue;
		uint64_t hash = digest(digest_begin, entry->d_name, strlen(entry->d_name));
		if (S_ISDIR(about.st_mode))
			hash ^= depth > 0 ? digest_folder(below, depth - 1) : 0;
		else
			hash = hash * UINT64_C(0x100000001b3) + (uint64_t)about.st_size;
		sum += hash;
	}
	closedir(folder);
	return sum;
}

static json_t *digest_json(uint64_t hash)
{
	char text[20];
	snprintf(text, sizeof text, "%016" PRIx64, hash);
	return json_string(text);
}

static enum ergon_code describe_files(const struct campaign *c, json_t *d, struct ergon_error *err)
{
	const struct campaign_options *o = &c->options;
	const char *oracle = o->base.oracle, *cluster = o->base.cluster;
	uint64_t hash = digest_begin;
	json_t *traces = json_array();
	json_object_set_new(d, "traces", traces);
	for (uint32_t i = 0; i < c->trace_count; i++) {
		hash = digest_begin;
		enum ergon_code code = digest_file(c->traces[i], &hash, err);
		if (code)
			return code;
		json_array_append_new(traces, json_pack("{s:s, s:o}", "file", c->traces[i],
		                                        "digest", digest_json(hash)));
	}
	hash = digest_begin;
	if (strchr(cluster, '/') || strstr(cluster, ".json")) {
		enum ergon_code code = digest_file(cluster, &hash, err);
		if (code)
			return code;
	}
	json_object_set_new(d, "cluster_digest", digest_json(hash));
	hash = digest_begin;
	if (oracle && strchr(oracle, ':')) {
		char folders[4096];
		snprintf(folders, sizeof folders, "%s", strchr(oracle, ':') + 1);
		char *save = NULL;
		for (char *one = strtok_r(folders, ",", &save); one;
		     one = strtok_r(NULL, ",", &save))
			hash += digest_folder(one, 3);
	}
	json_object_set_new(d, "oracle_digest", digest_json(hash));
	/* The program itself, so that outcomes of another build are not taken for this one's. */
	hash = digest_begin;
	enum ergon_code code = digest_file("/proc/self/exe", &hash, err);
	json_object_set_new(d, "program_digest", digest_json(hash));
	json_object_set_new(d, "data_digest", digest_json(digest_folder(c->env->data_dir, 3)));
	return code;
}

/* A name, a number or a file: the text, and the digest of what it names if that is a file. */
static enum ergon_code describe_source(json_t *d, const char *key, const char *text,
                                       struct ergon_error *err)
{
	uint64_t hash = digest_begin;
	if (!text)
		return ERGON_OK;
	if (file_exists(text) && !file_is_dir(text)) {
		enum ergon_code code = digest_file(text, &hash, err);
		if (code)
			return code;
	}
	json_object_set_new(d, key,
	                    json_pack("{s:s, s:o}", "text", text, "digest", digest_json(hash)));
	return ERGON_OK;
}

static enum ergon_code describe_site(const struct campaign *c, json_t *d, struct ergon_error *err)
{
	const struct experiment_options *b = &c->options.base;
	const struct site_options *site = &b->site;
	const struct {
		const char *key, *text;
	} sources[] = { { "budget", site->budget },  { "carbon", site->carbon },
		        { "price", site->price },    { "failures", site->failures },
		        { "sleep", site->sleep },    { "deadlines", b->deadlines },
		        { "external", b->external }, { "without", b->without },
		        { "queues", b->queues } };
	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
		enum ergon_code code = describe_source(d, sources[i].key, sources[i].text, err);
		if (code)
			return code;
	}
	json_object_set_new(d, "pue", json_number(site->pue));
	json_object_set_new(d, "host_w", json_number(site->host_w));
	json_object_set_new(d, "sleep_after_ns", json_integer((json_int_t)site->sleep_after_ns));
	json_object_set_new(d, "checkpoint_ns", json_integer((json_int_t)site->checkpoint_ns));
	json_object_set_new(d, "delay_ns", json_integer((json_int_t)site->delay_ns));
	return ERGON_OK;
}

static enum ergon_code describe(struct campaign *c, struct ergon_error *err)
{
	const struct campaign_options *o = &c->options;
	const struct experiment_options *b = &o->base;
	json_t *loads = json_array(), *policies = json_array();
	for (uint32_t i = 0; i < o->load_count; i++)
		json_array_append_new(loads, json_real(o->loads[i]));
	for (uint32_t i = 0; i < o->policy_count; i++)
		json_array_append_new(policies, json_string(o->policies[i]->name));
	c->description = json_pack(
	    "{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:b, s:b, s:b, s:b, s:I, s:I, s:I, s:f, s:I, s:o, "
	    "s:o}",
	    "kind", "ergon.campaign", "cluster", b->cluster, "pattern", o->traces, "trace_format",
	    b->trace_format, "oracle", b->oracle, "objective", b->objective, "lenient",
	    (int)b->lenient, "whole_nodes", (int)b->whole_nodes, "used", (int)b->used, "audit",
	    (int)b->audit, "seed", (json_int_t)b->seed, "interval_ns", (json_int_t)b->interval_ns,
	    "restart_ns", (json_int_t)b->restart_ns, "power_budget_w", b->power_budget_w, "seeds",
	    (json_int_t)o->seeds, "loads", loads, "policies", policies);
	if (!c->description)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = describe_site(c, c->description, err);
	return code ? code : describe_files(c, c->description, err);
}

static enum ergon_code name_folder(struct campaign *c, struct ergon_error *err)
{
	if (c->options.folder) {
		snprintf(c->folder, sizeof c->folder, "%s", c->options.folder);
		return ERGON_OK;
	}
	char *text = json_dumps(c->description, JSON_COMPACT);
	if (!text)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	uint64_t hash = digest(digest_begin, text, strlen(text));
	free(text);
	int n = snprintf(c->folder, sizeof c->folder, "%s/campaigns/%016" PRIx64, c->env->state_dir,
	                 hash);
	return n > 0 && (size_t)n < sizeof c->folder
	           ? ERGON_OK
	           : ergon_fail(err, ERGON_BAD_INPUT, "the state folder has too long a path");
}

enum ergon_code campaign_open(const struct ergon_env *env, const struct campaign_options *options,
                              struct campaign *c, struct ergon_error *err)
{
	*c = (struct campaign){ .options = *options, .env = env };
	arena_init(&c->arena);
	if (strcmp(options->traces, "-") == 0)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "a sweep reads its traces many times: name files, not -");
	enum ergon_code code = ranks_find(&c->ranks, NULL, NULL, err);
	if (!code)
		code = list_units(c, err);
	if (!code)
		code = describe(c, err);
	return code ? code : name_folder(c, err);
}

void campaign_fini(struct campaign *c)
{
	if (c->shared)
		campaign_folder_leave(c->shared);
	json_decref(c->description);
	arena_fini(&c->arena);
	*c = (struct campaign){ 0 };
}
