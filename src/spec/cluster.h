/* SPDX-License-Identifier: Apache-2.0
 *
 * A cluster: groups of equal nodes, each with a number of GPUs (or processors) of one type.
 *
 * Written in short as "16x4:t4,3x8:rtx2080ti" (nodes x GPUs a node : type), or as a JSON file:
 *     { "name": "lab", "pue": 1.2,
 *       "groups": [ { "type": "t4", "nodes": 16, "gpus_per_node": 4, "host_w": 120,
 *                     "gpu_idle_w": 10, "gpu_max_w": 70,
 *                     "sleep_w": 8, "sleep_s": 10, "wake_s": 120, "wake_w": 150,
 *                     "mtbf_h": 5000, "repair_h": 4,
 *                     "link_gbs": 3.1, "rack_nodes": 8, "rack_link_gbs": 12.5 } ] }
 * Powers are W; one that is not stated is NaN, and whoever needs it must find it elsewhere (the
 * device file) or say that it is missing. Nodes are numbered through the groups in order.
 *
 * Sleep: a node that holds no job may be sent to sleep. It then draws what it drew for sleep_s,
 * after that sleep_w in all, GPUs included; woken, its host draws wake_w for wake_s and its GPUs
 * their idle power, and only then can jobs run on it. Without sleep_w nodes do not sleep.
 * Failures: nodes fail at random, mtbf_h hours apart in the mean for one node (exponential), and
 * come back after repair_h; meanwhile they draw what an idle node draws, as someone reboots them.
 * Links: link_gbs is what one node can send to others of its rack, gigabytes a second, one
 * direction; rack_link_gbs what a rack's nodes together can send to other racks.
 * All texts live in the arena that was handed in.
 */
#ifndef ERGON_SPEC_CLUSTER_H
#define ERGON_SPEC_CLUSTER_H

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
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
	double sleep_w;               /* a sleeping node, GPUs included; NaN: it cannot sleep */
	double sleep_s, wake_s;       /* to fall asleep, to wake up */
	double wake_w;                /* a waking node without its GPUs; NaN: host_w */
	double mtbf_s, repair_s;      /* of one node; NaN: it does not fail */
	double link_bps;              /* bytes/s of a node to others, one direction; 0: as sold */
	uint32_t rack_nodes;          /* nodes a rack; 0: no racks */
	double rack_link_bps; /* bytes/s of a rack to others; 0: no narrower than link_bps */
};

static inline bool cluster_group_sleeps(const struct cluster_group *group)
{
	return !isnan(group->sleep_w);
}

/* A group about which nothing but its size and type is known. */
struct cluster_group cluster_group_plain(void);

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
