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
	uint64_t interval_ns, restart_ns, seed;
	double power_budget_w;
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
	                   .help = "measured:DIR, model or duration; default: by the trace"),      \
	    EXPERIMENT_ROW(type, flags.interval_ns, OPTION_DURATION, "DURATION",                   \
	                   .name = "interval", .letter = 'i', .fallback = interval,                \
	                   .help = "decide every DURATION only; 0: whenever something happens",    \
	                   .max = 86400),                                                          \
	    EXPERIMENT_ROW(type, flags.restart_ns, OPTION_DURATION, "DURATION",                    \
	                   .name = "restart-cost", .fallback = restart,                            \
	                   .help = "time without progress after each change of placement",         \
	                   .max = 86400),                                                          \
	    EXPERIMENT_ROW(type, flags.power_budget_w, OPTION_POWER, "POWER",                      \
	                   .name = "power-budget",                                                 \
	                   .help = "of the whole cluster; charon keeps it, others are held "       \
	                           "against it"),                                                  \
	    EXPERIMENT_ROW(type, flags.objective, OPTION_TEXT, "NAME", .name = "objective",        \
	                   .fallback = "edp",                                                      \
	                   .help = "edp, ed2p, energy, time, or A,B for T^A E^B"),                 \
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
