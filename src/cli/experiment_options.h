/* SPDX-License-Identifier: Apache-2.0
 *
 * What simulate and recommend both ask for: the trace, the cluster, the oracle and the rules.
 */
#ifndef ERGON_CLI_EXPERIMENT_OPTIONS_H
#define ERGON_CLI_EXPERIMENT_OPTIONS_H

#include "cli/command.h"
#include "optimize/simulate.h"

struct experiment_flags {
	const char *cluster, *trace, *format, *oracle, *objective;
	const char *power_budget, *carbon, *price, *failures, *node_sleep, *deadlines, *without,
	    *queues;
	uint64_t interval_ns, restart_ns, seed, checkpoint_ns, sleep_after_ns, delay_ns;
	double pue, host_w;
	bool lenient;
};

#define EXPERIMENT_ROW(type, flag, what, word, ...)                                                \
	{                                                                                          \
		.kind = what, .field = offsetof(type, flag), .value = word, __VA_ARGS__            \
	}
/* Rows of an options table; flags: a struct experiment_flags within type. Intervals differ by
 * command. */
#define EXPERIMENT_OPTIONS(type, flags, interval, restart)                                         \
	EXPERIMENT_ROW(type, flags.cluster, OPTION_TEXT, "CLUSTER", .name = "cluster",             \
	               .letter = 'c',                                                              \
	               .help = "NODESxGPUS:TYPE[,...], such as 16x4:t4, or a JSON file"),          \
	    EXPERIMENT_ROW(type, flags.trace, OPTION_TEXT, "FILE", .name = "trace", .letter = 't', \
	                   .help = "the jobs; - for standard input"),                              \
	    EXPERIMENT_ROW(type, flags.oracle, OPTION_TEXT, "ORACLE", .name = "oracle",            \
	                   .letter = 'o',                                                          \
	                   .help = "measured:DIR, sia:DIR, gavel:FILE, zeus:FILE, model, "         \
	                           "duration; default: by the trace"),                             \
	    EXPERIMENT_ROW(type, flags.interval_ns, OPTION_DURATION, "DURATION",                   \
	                   .name = "interval", .letter = 'i', .fallback = interval,                \
	                   .help = "decide every DURATION only; 0: whenever something happens",    \
	                   .max = 86400),                                                          \
	    EXPERIMENT_ROW(type, flags.restart_ns, OPTION_DURATION, "DURATION",                    \
	                   .name = "restart-cost", .fallback = restart,                            \
	                   .help = "time without progress after each change of placement",         \
	                   .max = 86400),                                                          \
	    EXPERIMENT_ROW(type, flags.power_budget, OPTION_TEXT, "POWER|FILE",                    \
	                   .name = "power-budget",                                                 \
	                   .help = "of the whole cluster, over time by a file (time_s or hour, "   \
	                           "power_w); charon keeps it, others are held against it"),       \
	    EXPERIMENT_ROW(type, flags.carbon, OPTION_TEXT, "GRID|G|FILE", .name = "carbon",       \
	                   .help = "carbon: a grid such as FR, g/kWh, or a file (time_s or hour, " \
	                           "g_per_kwh)"),                                                  \
	    EXPERIMENT_ROW(type, flags.price, OPTION_TEXT, "PRICE|FILE", .name = "price",          \
	                   .help = "of a kWh, or a file (time_s or hour, price_per_kwh)"),         \
	    EXPERIMENT_ROW(type, flags.pue, OPTION_REAL, "PUE", .name = "pue",                     \
	                   .help = "facility power over IT power", .min = 0, .max = 10),           \
	    EXPERIMENT_ROW(type, flags.host_w, OPTION_POWER, "POWER", .name = "host-power",        \
	                   .help = "of a node without its GPUs, where the cluster states none"),   \
	    EXPERIMENT_ROW(type, flags.node_sleep, OPTION_TEXT, "power=W,wake=S",                  \
	                   .name = "node-sleep",                                                   \
	                   .help = "all nodes can sleep: power=W,wake=S[,fall=S][,waking=W]"),     \
	    EXPERIMENT_ROW(                                                                        \
		type, flags.sleep_after_ns, OPTION_DURATION, "DURATION", .name = "sleep-after",    \
		.help = "under any policy, nodes idle for so long are sent to sleep", .max = 1e7), \
	    EXPERIMENT_ROW(type, flags.failures, OPTION_TEXT, "random|FILE", .name = "failures",   \
	                   .help = "of nodes: random by the cluster's mtbf_h, or a file (time_s, " \
	                           "node, repair_s)"),                                             \
	    EXPERIMENT_ROW(                                                                        \
		type, flags.checkpoint_ns, OPTION_DURATION, "DURATION", .name = "checkpoint",      \
		.help = "work between two checkpoints, where the trace states none", .max = 1e7),  \
	    EXPERIMENT_ROW(type, flags.delay_ns, OPTION_DURATION, "DURATION", .name = "delay",     \
	                   .help = "prometheus may put a start off so long for carbon or price",   \
	                   .max = 1e7),                                                            \
	    EXPERIMENT_ROW(type, flags.without, OPTION_TEXT, "LEVERS", .name = "without",          \
	                   .help = "keep prometheus from: count, batch, power, sleep, start"),     \
	    EXPERIMENT_ROW(type, flags.queues, OPTION_TEXT, "HOURS[,HOURS...]", .name = "queues",  \
	                   .help = "GPU hours at which tiresias's queues are left (default 16; "   \
	                           "tiresias-gittins 1,4,16)"),                                    \
	    EXPERIMENT_ROW(type, flags.deadlines, OPTION_TEXT, "slack=A:B,share=P",                \
	                   .name = "deadlines",                                                    \
	                   .help = "give a share of the jobs deadlines at A to B times their "     \
	                           "time alone [,criticality=C]"),                                 \
	    EXPERIMENT_ROW(type, flags.objective, OPTION_TEXT, "NAME", .name = "objective",        \
	                   .fallback = "edp",                                                      \
	                   .help = "edp, ed2p, energy, time, cost, co2, or A,B for T^A E^B"),      \
	    EXPERIMENT_ROW(type, flags.seed, OPTION_COUNT, "N", .name = "seed", .fallback = "1",   \
	                   .help = "of every random choice", .max = 1e15),                         \
	    EXPERIMENT_ROW(type, flags.format, OPTION_TEXT, "NAME", .name = "format",              \
	                   .help = "of the trace; default: found out from the file"),              \
	    EXPERIMENT_ROW(type, flags.lenient, OPTION_FLAG, NULL, .name = "lenient",              \
	                   .help = "skip and count malformed rows of the trace")

/* BAD_INPUT where the cluster or, where it is needed, the trace was not given. */
ERGON_MUST_USE enum ergon_code experiment_from_flags(const struct experiment_flags *flags,
                                                     bool needs_trace,
                                                     struct experiment_options *options,
                                                     struct ergon_error *err);

#endif
