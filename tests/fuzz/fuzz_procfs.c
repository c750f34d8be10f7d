/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "measure/procfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct procfs_stat stat;
	struct procfs_cgroup cgroup;
	const char *text = (const char *)data;
	if (procfs_parse_stat(text, size, &stat) &&
	    (strnlen(stat.name, sizeof stat.name) == sizeof stat.name || stat.pid < 0 ||
	     stat.ppid < 0 || stat.cpu < 0))
		abort();
	if (procfs_parse_cgroup(text, size, &cgroup) &&
	    (strnlen(cgroup.path, sizeof cgroup.path) == sizeof cgroup.path ||
	     strnlen(cgroup.container, sizeof cgroup.container) == sizeof cgroup.container ||
	     strnlen(cgroup.job, sizeof cgroup.job) == sizeof cgroup.job))
		abort();
	return 0;
}
