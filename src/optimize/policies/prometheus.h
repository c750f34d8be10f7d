/* SPDX-License-Identifier: Apache-2.0
 *
 * What prometheus.c decides with and prometheus_prices.c finds: jobs, what each could run as, and
 * the prices at which all demands together fit.
 */
#ifndef ERGON_OPTIMIZE_POLICIES_PROMETHEUS_H
#define ERGON_OPTIMIZE_POLICIES_PROMETHEUS_H

#include "optimize/policies/curves.h"

enum { NOTHING = 0xffff, DEAR_POINTS = 20 };

struct choice {
	const struct curve *curve;
	uint32_t job, item; /* item: NOTHING where it gets no GPU */
	uint32_t epoch;
	uint32_t step; /* the item to grow to */
	double step_j; /* that this saves a GPU; 0: nothing */
	double part;
	double weight;    /* of its time */
	double restart_s; /* where it moves */
	double due_s;     /* left until its deadline; infinite: none */
	double key;       /* order: deadlines first, then GPU time left over weight */
	bool now_on;      /* holds GPUs */
};

struct prometheus {
	struct curves curves;
	struct policy_options options;
	struct choice *choices; /* [jobs] */
	uint32_t *order;        /* [jobs]: room for shedding */
	uint32_t *item_of;      /* [jobs]: item of the curve that it runs as */
	const struct curve **curve_of;
	uint32_t count;
	double price_w[CLUSTER_GROUPS_MAX]; /* of a GPU of each group */
	double host_w[CLUSTER_GROUPS_MAX];  /* a GPU's part of its node, where that could sleep */
	double idle_w[CLUSTER_GROUPS_MAX];
	double usual_w[CLUSTER_GROUPS_MAX]; /* the price over the last hours */
	double power_price;                 /* W of worth a W drawn */
	double worth_w;
	double energy_j, stay_s, last_power_w; /* so far; drawn since the last decision */
	/* Where energy counts as cost or carbon: the mean of its price from now on over 2^k
	 * minutes, over that of a day. */
	const struct series *series;
	double dear[DEAR_POINTS];
	const struct series *start_series; /* what a start may be put off for; NULL: nothing */
	uint64_t last_ns;
	uint64_t *idle_since_ns; /* [nodes]; 0: not idle */
	bool any_sleep;
};

/* Reads what electricity will cost or emit from now on; nothing where energy counts in joules. */
void prometheus_look_ahead(struct prometheus *p, uint64_t now_ns);
/* What a joule of the next time_s counts. */
double prometheus_dearness(const struct prometheus *p, double time_s);
bool prometheus_is_present(const struct policy_call *call, const struct choice *c,
                           const struct curve_item *item);
/* Sets every choice's item, and the prices of GPUs and power, so that all fits. */
void prometheus_find_prices(struct prometheus *p, const struct policy_call *call);

#endif
