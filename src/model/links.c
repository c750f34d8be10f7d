/* SPDX-License-Identifier: Apache-2.0 */
#include "model/links.h"

#include <math.h>
#include <string.h>

/* Two protocols send flags with the data: a word of flag for each of data, or one for fifteen (LL
 * and LL128 of NCCL). Start, hop and share of the full rate, as NCCL's own planner has them (its
 * tuning tables; 88 GB/s on NVLink of 300, 141 on 450; LL128 fills few channels). */
static const struct protocol {
	double start_s, hop_s, share;
} small = { 6.6e-6, 0.6e-6, 0.3 }, middle = { 14e-6, 1.9e-6, 0.65 };
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

static double protocol_s(const struct protocol *protocol, double bps, double hops, double bytes)
{
	return protocol->start_s + hops * protocol->hop_s + bytes / (protocol->share * bps);
}

static double inside_s(const struct fabric *fabric, double hops, double bytes)
{
	const struct protocol full = { fabric->start_s, fabric->hop_s, 1 };
	double bps = fabric->inside_bps;
	return fmin(
	    fmin(protocol_s(&small, bps, hops, bytes), protocol_s(&middle, bps, hops, bytes)),
	    protocol_s(&full, bps, hops, bytes));
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
	    small.start_s + 2 * depth * fabric->net_s + 2 * (group.inside - 1) * fabric->hop_s;
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
	    small.start_s + (group.nodes - 1) * fabric->net_s + (ranks - group.nodes) * small.hop_s;
	return latency + slower_s(fabric, group, moved);
}

double all_to_all_s(const struct fabric *fabric, struct group group, double bytes)
{
	double ranks = group.inside * group.nodes;
	if (ranks <= 1)
		return 0;
	double start = small.start_s + (group.nodes > 1 ? fabric->net_s : fabric->hop_s);
	double near = (group.inside - 1) / ranks * bytes / fabric->send_bps;
	double far = (ranks - group.inside) / ranks * bytes * group.inside * group.rings;
	return start + fmax(near, group.nodes > 1 ? far / fabric->across_bps : 0);
}

double send_s(const struct fabric *fabric, bool same_node, double senders, double bytes)
{
	if (same_node)
		return small.start_s + fabric->hop_s + bytes / fabric->send_bps;
	return small.start_s + fabric->net_s + bytes * senders / fabric->across_bps;
}
