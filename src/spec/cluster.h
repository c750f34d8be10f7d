/* SPDX-License-Identifier: Apache-2.0
 *
 * A cluster: groups of equal nodes, each with a number of GPUs (or processors) of one type.
 *
 * Written in short as "16x4:t4,3x8:rtx2080ti" (nodes x GPUs a node : type), or as a JSON file:
 *     { "name": "lab", "pue": 1.2,
 *       "groups": [ { "type": "t4", "nodes": 16, "gpus_per_node": 4, "host_w": 120,
 *                     "gpu_idle_w": 10, "gpu_max_w": 70 } ] }
 * Powers are W; one that is not stated is NaN, and whoever needs it must find it elsewhere (the
 * device file) or say that it is missing. Nodes are numbered through the groups in order.
 * All texts live in the arena that was handed in.
 */
#ifndef ERGON_SPEC_CLUSTER_H
#define ERGON_SPEC_CLUSTER_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "ergon/error.h"

enum {
	CLUSTER_GROUPS_MAX = 64,
	CLUSTER_NODES_MAX = 1000000,
	CLUSTER_NODE_GPUS_MAX = 1024,
	CLUSTER_GPUS_MAX = 16777216,
};

struct cluster_group {
	const char *type; /* lower case: "t4", "cpu" */
	uint32_t nodes, gpus_per_node;
	double gpu_idle_w, gpu_max_w; /* one GPU, idle and at full load; NaN: not stated */
	double host_w;                /* a node without its GPUs; NaN: not stated */
};

struct cluster {
	const char *name; /* the text or the file it was read from */
	struct cluster_group groups[CLUSTER_GROUPS_MAX];
	size_t group_count;
	uint32_t nodes, gpus; /* in all */
	double pue;           /* facility power over IT power; 1 where not stated */
};

/* text is a file where it contains '/' or ends in ".json". */
ERGON_MUST_USE enum ergon_code cluster_load(const char *text, struct arena *arena,
                                            struct cluster *cluster, struct ergon_error *err);
/* The JSON form, once parsed; path is named in errors and becomes the cluster's name. */
ERGON_MUST_USE enum ergon_code cluster_from_json(const json_t *root, const char *path,
                                                 struct arena *arena, struct cluster *cluster,
                                                 struct ergon_error *err);
/* The short form only. */
ERGON_MUST_USE enum ergon_code cluster_parse(const char *text, struct arena *arena,
                                             struct cluster *cluster, struct ergon_error *err);

#endif
