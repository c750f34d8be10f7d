/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a configuration was chosen: the candidates that a policy looked at for one job at one moment,
 * with time, power and objective of the work that was left, and what spoke against each.
 */
#ifndef ERGON_OPTIMIZE_POLICIES_EXPLAIN_H
#define ERGON_OPTIMIZE_POLICIES_EXPLAIN_H

#include <stdint.h>

enum fate {
	FATE_CHOSEN,
	FATE_WORSE,       /* fits, but its objective is higher */
	FATE_NO_ROOM,     /* not that many GPUs of the type are free */
	FATE_OVER_BUDGET, /* the cluster's power would exceed the budget */
	FATE_LATE,        /* would miss the deadline */
	FATES
};
extern const char *const fate_texts[FATES];

struct explained {
	uint32_t group, gpus, batch;
	double time_s, power_w;
	double score; /* ln(T^a E^b) */
	enum fate fate;
};

struct explanation {
	uint64_t time_ns;
	uint32_t job;
	const struct explained *candidates; /* [count], best score first */
	uint32_t count;
	int chosen; /* index, or -1: the job waits */
};

#endif
