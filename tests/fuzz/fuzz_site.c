/* SPDX-License-Identifier: Apache-2.0
 *
 * What surrounds a simulation, any bytes as each of its files: series of budget, carbon and price,
 * failures, the short texts of the command line, and the tables behind the oracles gavel, zeus and
 * measured. The first byte chooses; ERGON_FUZZ_KIND=NAME gives one all the time
 * (bench/fuzz_readers.sh). Readers take paths, so the bytes go through a file in memory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ergon/env.h"
#include "optimize/oracles/gavel.h"
#include "optimize/oracles/zeus_traces.h"
#include "optimize/simulate.h"

#define PROMISE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static const char *const kinds[] = { "series",  "series-json",       "failures",
	                             "options", "gavel-throughputs", "zeus-traces",
	                             "tables" };
enum { KINDS = sizeof kinds / sizeof *kinds };

static char folder[64], path[160];

static void remove_files(void)
{
	static const char *const names[] = { "input",
		                             "input.json",
		                             "app/placements.csv",
		                             "app/scalability.csv",
		                             "app/validation-32.csv",
		                             "app/validation-64.csv",
		                             "app" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char name[160];
		snprintf(name, sizeof name, "%s/%s", folder, names[i]);
		(void)remove(name);
	}
	(void)rmdir(folder);
}

static void put(const char *name, const uint8_t *data, size_t size)
{
	if (!folder[0]) {
		char app[96];
		snprintf(folder, sizeof folder, "%s/ergon-fuzz-%d",
		         access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", (int)getpid());
		PROMISE(mkdir(folder, 0700) == 0);
		snprintf(app, sizeof app, "%s/app", folder);
		PROMISE(mkdir(app, 0700) == 0);
		atexit(remove_files);
	}
	snprintf(path, sizeof path, "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	PROMISE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void read_series(bool json, struct arena *arena)
{
	struct series series = { 0 };
	struct ergon_error err = { 0 };
	(void)json;
	if (series_load(path, "power_w", 0, 1e12, arena, &series, &err)) {
		PROMISE(err.text[0]);
		return;
	}
	PROMISE(series.count > 0 && series.count <= SERIES_POINTS_MAX);
	const uint64_t last = series.time_ns[series.count - 1];
	for (uint32_t i = 0; i < series.count; i++) {
		PROMISE(series.value[i] >= 0 && series.value[i] <= 1e12);
		PROMISE(!i || series.time_ns[i] > series.time_ns[i - 1]);
	}
	double least = series_least(&series, 0, last + 1), at = series_at(&series, last / 2);
	PROMISE(least <= at);
	PROMISE(series_next(&series, last / 2) > last / 2);
	PROMISE(series_integral(&series, 0, last) >= 0);
}

static void read_failures(const struct ergon_env *env, struct arena *arena)
{
	struct cluster cluster;
	struct site site = { 0 };
	struct ergon_error err = { 0 };
	PROMISE(!cluster_parse("3x2:t4", arena, &cluster, &err));
	const struct site_options options = { .failures = path, .host_w = (double)NAN };
	if (site_load(env, &options, &cluster, arena, &site, &err)) {
		PROMISE(err.text[0]);
		return;
	}
	for (uint32_t i = 0; i < site.failure_count; i++) {
		PROMISE(site.failures[i].node < cluster.nodes);
		PROMISE(!i || site.failures[i].time_ns >= site.failures[i - 1].time_ns);
	}
}

static const char trace_text[] = "name,arrival_s,gpus,application,batch,duration_s,work_steps\n"
				 "a,0,1,resnet50,32,60,100\nb,5,2,shufflenetv2,1024,90,50\n";

static void read_options(const char *text, const struct ergon_env *env, struct arena *arena)
{
	struct cluster cluster;
	struct site site = { 0 };
	struct ergon_error err = { 0 };
	PROMISE(!cluster_parse("3x2:t4", arena, &cluster, &err));
	const struct site_options options = { .sleep = text, .host_w = (double)NAN };
	if (site_load(env, &options, &cluster, arena, &site, &err))
		PROMISE(err.text[0]);
	struct job_facts job = { .gpus = 1, .epochs = 1, .work = 1 };
	if (site_deadlines(text, 1, &cluster, NULL, &job, 0, &err))
		PROMISE(err.text[0]);
	(void)job;
}

static void read_oracle(bool zeus, const struct ergon_env *env, struct arena *arena)
{
	struct cluster cluster;
	struct trace trace;
	struct ergon_error err = { 0 };
	struct model_library library;
	double full_w[CLUSTER_GROUPS_MAX] = { 300, 300 };
	PROMISE(!cluster_parse("2x2:v100,1x2:p100", arena, &cluster, &err));
	PROMISE(!trace_parse_text(trace_text, sizeof trace_text - 1, "trace", "ergon", false, arena,
	                          &trace, &err));
	if (model_library_init(&library, env, arena, &cluster, &err))
		return; /* ERGON_DATA_DIR points nowhere */
	struct job_facts jobs[2] = { 0 };
	for (uint32_t i = 0; i < 2; i++)
		jobs[i] = (struct job_facts){ .name = trace.jobs[i].name,
			                      .application = trace.jobs[i].application,
			                      .user = "",
			                      .gpus = 1 + i,
			                      .batch = i ? 1024 : 32,
			                      .work = 1,
			                      .epochs = 1,
			                      .trace_index = i,
			                      .gpus_min = 1 + i,
			                      .gpus_max = 1 + i };
	struct oracle *oracle = NULL;
	const struct gavel_query query = { path, &cluster, full_w, &library, &trace, 0 };
	enum ergon_code code =
	    zeus ? zeus_oracle(env, path, arena, &cluster, "trace", jobs, 2, &oracle, &err)
		 : gavel_oracle(arena, &query, jobs, 2, &oracle, &err);
	if (code) {
		PROMISE(err.text[0]);
	} else {
		for (uint32_t i = 0; i < 2; i++) {
			const struct estimate *e = oracle_packed(oracle, &jobs[i], 0, 1 + i, 0);
			PROMISE(!e->rate || e->rate[0] > 0);
			PROMISE(e->rate || e->why);
		}
	}
	if (oracle)
		oracle->ops->fini(oracle);
}

/* Four files, one after the other, parted by lines of "=". */
static void read_tables(const uint8_t *data, size_t size, struct arena *arena)
{
	static const char *const names[] = { "app/placements.csv", "app/scalability.csv",
		                             "app/validation-32.csv", "app/validation-64.csv" };
	for (size_t i = 0; i < 4; i++) {
		const uint8_t *end = size ? memmem(data, size, "\n=\n", 3) : NULL;
		size_t length = end && i < 3 ? (size_t)(end - data) + 1 : size;
		put(names[i], data, length);
		size_t step = end && i < 3 ? length + 2 : size;
		data += step;
		size -= step;
	}
	struct measured_tables *tables;
	struct ergon_error err = { 0 };
	if (measured_load(folder, arena, &tables, &err))
		PROMISE(err.text[0]);
}

static size_t kind_of(const uint8_t *data)
{
	const char *only = getenv("ERGON_FUZZ_KIND");
	for (size_t i = 0; only && i < KINDS; i++)
		if (strcmp(only, kinds[i]) == 0)
			return i;
	PROMISE(!only);
	return data[0] % KINDS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ergon_env env;
	static struct ergon_env_storage storage;
	if (!env.clock)
		ergon_env_init(&env, &storage);
	if (!size)
		return 0;
	size_t kind = kind_of(data);
	struct arena arena;
	arena_init(&arena);
	data++;
	size--;
	if (kind != 3 && kind != 6)
		put(kind == 1 || kind == 4 ? "input.json" : "input", data, size);
	if (kind <= 1)
		read_series(kind == 1, &arena);
	else if (kind == 2)
		read_failures(&env, &arena);
	else if (kind == 3)
		read_options(arena_strndup(&arena, (const char *)data, size), &env, &arena);
	else if (kind <= 5)
		read_oracle(kind == 5, &env, &arena);
	else
		read_tables(data, size, &arena);
	arena_fini(&arena);
	return 0;
}
