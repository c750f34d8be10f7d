/* SPDX-License-Identifier: Apache-2.0
 *
 * How many threads the command may start: the variables that OpenMP and the BLAS libraries read,
 * and {cpu.threads} in the command's words.
 */
#include <sched.h>
#include <unistd.h>

#include "base/units.h"

#include "understand/levers/lever.h"

static enum ergon_code threads_range(const struct ergon_env *env, const char *member,
                                     struct lever_range *range, struct ergon_error *err)
{
	(void)env;
	(void)member;
	(void)err;
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	*range = (struct lever_range){ 1, online > 0 ? (double)online : 1, true };
	return ERGON_OK;
}

static enum ergon_code threads_apply(struct lever_child *child, const char *member,
                                     const char *value, struct ergon_error *err)
{
	(void)member;
	static const char *const names[] = { "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
		                             "MKL_NUM_THREADS", "BLIS_NUM_THREADS" };
	size_t filled;
	enum ergon_code code = lever_replace_argument(child, "cpu.threads", value, &filled, err);
	for (size_t i = 0; !code && i < sizeof names / sizeof *names; i++)
		code = lever_set_environment(child, names[i], value, err);
	return code;
}

/* ---- cpu.cores: the same machine with fewer processors ---- */

static enum ergon_code cores_range(const struct ergon_env *env, const char *member,
                                   struct lever_range *range, struct ergon_error *err)
{
	(void)env;
	(void)member;
	(void)err;
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
	*range = (struct lever_range){ 1, count, true };
	return ERGON_OK;
}

static enum ergon_code cores_check(const struct ergon_env *env, const char *member,
                                   const char *value, struct ergon_error *err)
{
	struct lever_range range;
	uint64_t cores;
	enum ergon_code code = cores_range(env, member, &range, err);
	if (code)
		return code;
	if (!parse_u64(value, &cores) || cores > (uint64_t)range.max)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "lever cpu.cores: expected at most the %g that ergon may use, "
		                  "found %.40s",
		                  range.max, value);
	return ERGON_OK;
}

static enum ergon_code cores_apply(struct lever_child *child, const char *member, const char *value,
                                   struct ergon_error *err)
{
	(void)member;
	uint64_t cores;
	if (!parse_u64(value, &cores) || cores < 1 || cores > CPU_SETSIZE)
		return ergon_fail(err, ERGON_BAD_INPUT, "lever cpu.cores: found %.40s", value);
	child->cores = (unsigned)cores;
	size_t filled;
	return lever_replace_argument(child, "cpu.cores", value, &filled, err);
}

const struct lever lever_cpu_cores = {
	.name = "cpu.cores",
	.summary = "processors that the command may run on (affinity)",
	.unit = "",
	.privilege = "none",
	.restored = "nothing outside the command changes",
	.range = cores_range,
	.apply = cores_apply,
	.check = cores_check,
};

const struct lever lever_cpu_threads = {
	.name = "cpu.threads",
	.summary = "threads of the command: OMP_NUM_THREADS and its kin, {cpu.threads}",
	.unit = "",
	.privilege = "none",
	.restored = "nothing outside the command changes",
	.range = threads_range,
	.apply = threads_apply,
};
