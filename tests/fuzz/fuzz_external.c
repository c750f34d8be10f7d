/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as the answers of a policy in another process: a small simulation goes on with them
 * until it ends or one is refused, and the auditor watches. The process is cat.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "ergon/env.h"
#include "optimize/simulate.h"

#define PROMISE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static char input[64], trace[64], command[96];

static void remove_files(void)
{
	(void)remove(input);
	(void)remove(trace);
}

static void put(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	PROMISE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void begin(struct experiment *x)
{
	static const char jobs[] = "name,arrival_s,gpus,application,duration_s\n"
				   "a,0,1,x,60\nb,10,2,x,120\nc,15,4,y,30\n";
	static struct ergon_env env;
	static struct ergon_env_storage storage;
	struct ergon_error err = { 0 };
	const char *where = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	snprintf(input, sizeof input, "%s/ergon-fuzz-answers-%d", where, (int)getpid());
	snprintf(trace, sizeof trace, "%s/ergon-fuzz-jobs-%d.csv", where, (int)getpid());
	snprintf(command, sizeof command, "cat %s", input);
	atexit(remove_files);
	put(trace, jobs, sizeof jobs - 1);
	ergon_env_init(&env, &storage);
	const struct experiment_options options = { .cluster = "2x2:t4,1x4:v100",
		                                    .trace = trace,
		                                    .oracle = "duration",
		                                    .external = command,
		                                    .external_patience_ns = NS_PER_S,
		                                    .audit = true };
	if (experiment_load(&env, &options, x, &err)) {
		fprintf(stderr, "%s (ERGON_DATA_DIR must be set)\n", err.text);
		exit(1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct experiment x;
	const struct scheduling_policy *policy;
	struct policy_result result;
	struct ergon_error err = { 0 };
	if (!x.count)
		begin(&x);
	put(input, data, size);
	PROMISE(!policy_find("external", &policy, &err));
	enum ergon_code code = experiment_run(&x, policy, &result, &err);
	PROMISE(code == ERGON_OK || err.text[0]);
	PROMISE(code != ERGON_INTERNAL); /* the auditor's verdict */
	if (!code)
		PROMISE(result.audited && result.metrics.jct_mean_s > 0);
	policy_result_fini(&result);
	return 0;
}
