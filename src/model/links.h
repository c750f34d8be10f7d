/* SPDX-License-Identifier: Apache-2.0
 *
 * Links: how long collectives between GPUs take, from what joins them.
 *
 * A fabric is what a group of ranks sees: bytes a second inside a node (one direction of one GPU),
 * bytes a second of a node to others (one direction), and the latencies of one hop of each. Times
 * are seconds, sizes bytes. A collective is the faster of two protocols (NCCL): one sends flags
 * with the data, so that nobody waits for a whole piece but part of the bandwidth is lost; the
 * other sends pieces at full rate, after a start in which the first of them fill the pipeline.
 * Algorithms: rings (Thakur et al. 2005), trees between nodes where a ring's latency would be felt
 * (Sanders et al. 2009), pairwise exchange. All rise with bytes and fall with bandwidth.
 */
#ifndef ERGON_MODEL_LINKS_H
#define ERGON_MODEL_LINKS_H

#include "model/predict.h"

struct fabric {
	double inside_bps;   /* of one GPU, what sums reach */
	double send_bps;     /* the same, what plain transfers reach */
	double across_bps;   /* of a node */
	double start_s;      /* of a collective inside a node, at full rate */
	double hop_s, net_s; /* from one rank to the next, in a node and between nodes */
};

/* GPUs that share a node. */
double links_node_gpus(const struct predict_settings *settings);

/* Of the network, a GPU, in a node as it is sold; 0: Ethernet. */
double links_port_bps(const struct device *device);

/* As `ranks` of a node see it. */
void fabric_init(struct fabric *fabric, const struct device *device,
                 const struct calibration *calibration, const struct predict_settings *settings,
                 double ranks);

/* Ranks of one collective: so many in each of so many nodes. Other groups of the same node talk at
 * the same time: `rings` of them share what leaves it. */
struct group {
	double inside, nodes, rings;
};

/* A sum of `bytes` that all ranks hold afterwards. */
double all_reduce_s(const struct fabric *fabric, struct group group, double bytes);
/* Each rank ends with `bytes` of which it had its share; or the reverse, with a sum. */
double gather_s(const struct fabric *fabric, struct group group, double bytes);
/* Each rank sends `bytes` in all, equal parts to each rank, itself included. */
double all_to_all_s(const struct fabric *fabric, struct group group, double bytes);
/* From one rank to another, of the same node or of another one; `senders` share the node's ports.
 */
double send_s(const struct fabric *fabric, bool same_node, double senders, double bytes);

#endif
