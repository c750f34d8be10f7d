/* SPDX-License-Identifier: Apache-2.0
 *
 * Any text as a cluster, in the short form or (from its first brace on) as a JSON file: refused
 * with one line, or within the bounds.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "spec/cluster.h"

static void check(const struct cluster *cluster)
{
	uint64_t gpus = 0, nodes = 0;
	for (size_t g = 0; g < cluster->group_count; g++) {
		const struct cluster_group *group = &cluster->groups[g];
		gpus += (uint64_t)group->nodes * group->gpus_per_node;
		nodes += group->nodes;
		if (!group->type || !group->type[0] || group->gpu_idle_w < 0 || group->host_w < 0 ||
		    group->gpu_idle_w > group->gpu_max_w)
			abort();
	}
	if (!cluster->group_count || gpus != cluster->gpus || nodes != cluster->nodes ||
	    gpus > CLUSTER_GPUS_MAX || nodes > CLUSTER_NODES_MAX || !(cluster->pue >= 1))
		abort();
}

static enum ergon_code parse(const char *text, size_t size, struct arena *arena,
                             struct cluster *cluster, struct ergon_error *err)
{
	if (text[0] != '{')
		return cluster_parse(text, arena, cluster, err);
	json_t *root = NULL;
	enum ergon_code code = json_parse(text, size, "fuzz.json", &root, err);
	if (!code)
		code = cluster_from_json(root, "fuzz.json", arena, cluster, err);
	json_decref(root);
	return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct cluster cluster;
	struct ergon_error err = { 0 };
	arena_init(&arena);
	char *text = arena_strndup(&arena, (const char *)data, size);
	if (text && !parse(text, size, &arena, &cluster, &err))
		check(&cluster);
	else if (text && !err.text[0])
		abort();
	arena_fini(&arena);
	return 0;
}
