/* SPDX-License-Identifier: Apache-2.0 */
#include "model/links.h"

#include <math.h>
#include <string.h>

/* The protocol of small messages: half of each word is a flag. Its start, hops and share of a
 * link's rate as NCCL's own planner has them (its tuning tables: 6.6 us and 0.6 us a hop; 88 GB/s
 * on NVLink of 300, 141 on 450). */
static const double SMALL_START_S = 6.6e-6, SMALL_HOP_S = 0.6e-6, SMALL_SHARE = 0.3;
static const double AMPERE_SUM = 600e9, HOPPER_SUM = 900e9; /* of NVLink */
static const double PCIE3_BPS = 15.75e9;
enum { DEFAULT_NODE_GPUS = 8 };

double links_node_gpus(const struct predict_settings *settings)
{
	return settings->node_gpus ? settings->node_gpus : DEFAULT_NODE_GPUS;
}

static bool is_card(const struct device *device)
{
	return strncmp(device->memory_type, "GDDR", 4) == 0 || strstr(device->name, "PCIE");
}

/* A node as it is sold: one 400 Gbit/s port a GPU beside 900 GB/s of NVLink, one of 200 beside 600;
 * others hang on the Ethernet of a data centre. */
double links_port_bps(const struct device *device)
{
	double sum = is_card(device) ? 0 : device->nvlink_bps;
	return sum >= HOPPER_SUM ? 50e9 : sum >= AMPERE_SUM ? 25e9 : 0;
}

/* What leaves a node. Ethernet goes through the host, which is as young as its PCI Express. */
static void set_network(struct fabric *fabric, const struct device *device,
                        const struct calibration *cal, const struct predict_settings *settings)
{
	double port = links_port_bps(device), node = port * links_node_gpus(settings);
	if (settings->network_bps > 0) {
		fabric->across_bps = settings->network_bps * cal->network;
	} else if (port > 0) {
		bool early = device->nvlink_bps < HOPPER_SUM;
		fabric->across_bps = node * (early ? cal->network_hdr : cal->network);
	} else {
		fabric->across_bps = cal->ethernet_bps * (device->pcie_bps / PCIE3_BPS);
	}
}

/* Cards have no link to each other, unless somebody bought a bridge; that joins two. Some cards,
 * and some virtual machines, lack peer access as well: what they send goes through the host's
 * memory. */
void fabric_init(struct fabric *fabric, const struct device *device, const struct calibration *cal,
                 const struct predict_settings *settings, double ranks)
{
	bool card = is_card(device);
	fabric->start_s = cal->collective_start_s;
	fabric->hop_s = cal->collective_s;
	fabric->net_s = cal->network_s;
	set_network(fabric, device, cal, settings);
	bool joined = device->nvlink_bps > 0 && (!card || (ranks <= 2 && settings->bridge));
	if (settings->staged || !joined) {
		bool peers = device->pcie_peer > 0 && !settings->staged;
		double share = peers ? cal->pcie : cal->pcie_staged;
		fabric->inside_bps = device->pcie_bps * share;
		fabric->send_bps = fabric->inside_bps;
		return;
	}
	/* Hopper's switches add up what passes through them (SHARP). */
	double share = device->nvlink_bps >= HOPPER_SUM ? cal->nvlink_switch : cal->nvlink;
	fabric->inside_bps = device->nvlink_bps / 2 * share;
	fabric->send_bps = device->nvlink_bps / 2 * cal->nvlink_send;
}

static double inside_s(const struct fabric *fabric, double hops, double bytes)
{
	double small =
	    SMALL_START_S + hops * SMALL_HOP_S + bytes / (SMALL_SHARE * fabric->inside_bps);
	double full = fabric->start_s + hops * fabric->hop_s + bytes / fabric->inside_bps;
	return fmin(small, full);
}

/* Links of both kinds work at the same time, on pieces in turn: the slower one decides. */
static double slower_s(const struct fabric *fabric, struct group group, double bytes)
{
	double outside = bytes * group.rings / fabric->across_bps;
	return group.inside > 1 ? fmax(bytes / fabric->inside_bps, outside) : outside;
}

double all_reduce_s(const struct fabric *fabric, struct group group, double bytes)
{
	double ranks = group.inside * group.nodes;
	if (ranks <= 1)
		return 0;
	double moved = 2 * (ranks - 1) / ranks * bytes;
	if (group.nodes <= 1)
		return inside_s(fabric, 2 * (ranks - 1), moved);
	double depth = fmin(group.nodes - 1, ceil(log2(group.nodes)));
	double latency =
	    SMALL_START_S + 2 * depth * fabric->net_s + 2 * (group.inside - 1) * fabric->hop_s;
	return latency + slower_s(fabric, group, moved);
}

double gather_s(const struct fabric *fabric, struct group group, double bytes)
{
	double ranks = group.inside * group.nodes;
	if (ranks <= 1)
		return 0;
	double moved = (ranks - 1) / ranks * bytes;
	if (group.nodes <= 1)
		return inside_s(fabric, ranks - 1, moved);
	/* A ring through all of them: there is no tree of parts that differ. */
	double latency =
	    SMALL_START_S + (group.nodes - 1) * fabric->net_s + (ranks - group.nodes) * SMALL_HOP_S;
	return latency + slower_s(fabric, group, moved);
}

double all_to_all_s(const struct fabric *fabric, struct group group, double bytes)
{
	double ranks = group.inside * group.nodes;
	if (ranks <= 1)
		return 0;
	double start = SMALL_START_S + (group.nodes > 1 ? fabric->net_s : fabric->hop_s);
	double near = (group.inside - 1) / ranks * bytes / fabric->send_bps;
	double far = (ranks - group.inside) / ranks * bytes * group.inside * group.rings;
	return start + fmax(near, group.nodes > 1 ? far / fabric->across_bps : 0);
}

double send_s(const struct fabric *fabric, bool same_node, double senders, double bytes)
{
	if (same_node)
		return SMALL_START_S + fabric->hop_s + bytes / fabric->send_bps;
	return SMALL_START_S + fabric->net_s + bytes * senders / fabric->across_bps;
}
