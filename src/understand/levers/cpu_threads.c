/* SPDX-License-Identifier: Apache-2.0
 *
 * How many threads the command may start: the variables that OpenMP and the BLAS libraries read,
 * and {cpu.threads} in the command's words.
 */
#include <unistd.h>

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

const struct lever lever_cpu_threads = {
	.name = "cpu.threads",
	.summary = "threads of the command: OMP_NUM_THREADS and its kin, {cpu.threads}",
	.unit = "",
	.privilege = "none",
	.restored = "nothing outside the command changes",
	.range = threads_range,
	.apply = threads_apply,
};
