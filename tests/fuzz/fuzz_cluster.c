/* SPDX-License-Identifier: Apache-2.0
 *
 * Any text as a cluster: refused with one line, or within the bounds.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spec/cluster.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct cluster cluster;
	struct ergon_error err = { 0 };
	arena_init(&arena);
	char *text = arena_strndup(&arena, (const char *)data, size);
	if (text && cluster_parse(text, &arena, &cluster, &err)) {
		if (!err.text[0])
			abort();
	} else if (text) {
		uint64_t gpus = 0;
		for (size_t g = 0; g < cluster.group_count; g++)
			gpus += (uint64_t)cluster.groups[g].nodes * cluster.groups[g].gpus_per_node;
		if (!cluster.group_count || gpus != cluster.gpus || gpus > CLUSTER_GPUS_MAX ||
		    cluster.nodes > CLUSTER_NODES_MAX)
			abort();
	}
	arena_fini(&arena);
	return 0;
}
