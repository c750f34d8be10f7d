/* SPDX-License-Identifier: Apache-2.0
 *
 * Themis (Mahajan et al., NSDI 2020): the job whose finish-time fairness is worst goes next, on
 * what it asked for (a malleable one on less where that is all there is), in the place that ends it
 * soonest. GPUs are leased for 20 minutes.
 *
 * themis-auction adds the paper's auction with partial allocation. What is on offer goes first to
 * the fifth of the contenders that is worst off (fairness knob 0.8). Each bids, for every number of
 * GPUs, V = 1 / rho; with none it waits for a lease and then runs as it asked. The allocation that
 * maximises the product of all V is found by giving GPUs to the largest gain of ln V per GPU. Each
 * bidder i then gets the part c_i of it: the product of the others' V with i there, over that
 * without i. So nobody gains by a false bid. What the hidden payments leave over goes to whoever is
 * worst off, so that no GPU is idle that somebody could use.
 */
#include <math.h>
#include <stdlib.h>

#include "optimize/policies/fair.h"
#include "optimize/policies/rigid.h"

enum { BIDDERS_MAX = 64 };
static const double fairness_knob = 0.8;

static double worst_off_first(const struct fair *fair, double objective, double rho)
{
	(void)fair;
	(void)objective;
	return -rho;
}

static const struct fair_rules rules = { fair_best_as_asked, worst_off_first, true };

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	return fair_init(state, setup, &rules, 1, 0, err);
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	return fair_decide(state, call, plan, err);
}

/* One bidder's part in an auction. */
struct bid {
	struct contender *contender;
	double nothing; /* ln V with no GPU */
	uint32_t group, gpus;
	double value; /* ln V of that */
};

struct auction {
	struct fair *fair;
	const struct policy_call *call;
	struct bid bids[BIDDERS_MAX];
	uint32_t count;
	uint32_t won[BIDDERS_MAX], won_group[BIDDERS_MAX]; /* with everybody there */
	double value[BIDDERS_MAX];
};

/* ln V of so many GPUs of a group; -infinite where the job cannot run so. */
static double value_of(const struct auction *a, const struct bid *bid, uint32_t group,
                       uint32_t gpus)
{
	uint32_t job = bid->contender->job;
	const struct job_facts *facts = &a->call->jobs->facts[job];
	const struct job_state *state = &a->call->jobs->state[job];
	bool stays = state->gpus == gpus && state->group == group;
	const struct estimate *e =
	    stays ? state->estimate : oracle_packed(a->call->oracle, facts, group, gpus, 0);
	if (!e->rate)
		return -(double)INFINITY;
	double left_s = estimate_remaining_s(e, facts, state->epoch,
	                                     job_progress_now(facts, state, a->call->now_ns));
	left_s += stays ? 0 : search_restart_s(&a->fair->search, facts);
	return -log(fmax(fair_rho(a->fair, a->call, job, left_s), 1e-12));
}

/* The step, for one bidder, with the largest gain of ln V per GPU within left. */
static double best_step(const struct auction *a, const struct bid *bid, const uint32_t *left,
                        struct bid *next)
{
	const struct job_facts *facts = &a->call->jobs->facts[bid->contender->job];
	double best = 0;
	for (uint32_t g = 0; g < a->call->cluster->pool->group_count; g++) {
		if (bid->gpus && g != bid->group)
			continue;
		uint32_t from = facts->malleable ? bid->gpus + 1 : facts->gpus;
		for (uint32_t n = from; n <= facts->gpus && n - bid->gpus <= left[g]; n++) {
			if (n <= bid->gpus)
				break;
			double value = value_of(a, bid, g, n);
			double gain = (value - bid->value) / (n - bid->gpus);
			if (!(gain > best))
				continue;
			best = gain;
			*next = *bid;
			next->group = g;
			next->gpus = n;
			next->value = value;
		}
	}
	return best;
}

/* Maximises the sum of ln V without bidder `out` (count: with all); left is used up. */
static void allocate(struct auction *a, uint32_t out, uint32_t *left)
{
	struct bid steps[BIDDERS_MAX];
	double gain[BIDDERS_MAX];
	for (uint32_t i = 0; i < a->count; i++) {
		a->bids[i].gpus = 0;
		a->bids[i].value = a->bids[i].nothing;
		gain[i] = i == out ? 0 : best_step(a, &a->bids[i], left, &steps[i]);
	}
	for (;;) {
		uint32_t next = out;
		double most = 0;
		for (uint32_t i = 0; i < a->count; i++)
			if (gain[i] > most) {
				most = gain[i];
				next = i;
			}
		if (!(most > 0))
			return;
		struct bid *bid = &a->bids[next];
		uint32_t more = steps[next].gpus - bid->gpus, group = steps[next].group;
		if (more <= left[group]) {
			left[group] -= more;
			*bid = steps[next];
		}
		gain[next] = best_step(a, bid, left, &steps[next]);
	}
}

/* The most GPUs, no more than wanted, with which the job can run in the group. */
static uint32_t runnable(const struct auction *a, const struct bid *bid, uint32_t group,
                         uint32_t wanted)
{
	const struct job_facts *facts = &a->call->jobs->facts[bid->contender->job];
	if (!facts->malleable)
		return wanted >= facts->gpus ? facts->gpus : 0;
	while (wanted && !isfinite(value_of(a, bid, group, wanted)))
		wanted--;
	return wanted;
}

/* Bidder i's part of what it won, by what its presence costs the others. */
static double payment(struct auction *a, uint32_t i, const uint32_t *offer)
{
	uint32_t left[CLUSTER_GROUPS_MAX];
	double with = 0, without = 0;
	for (uint32_t g = 0; g < a->call->cluster->pool->group_count; g++)
		left[g] = offer[g];
	allocate(a, i, left);
	for (uint32_t k = 0; k < a->count; k++) {
		if (k == i)
			continue;
		with += a->value[k];
		without += a->bids[k].value;
	}
	return fmin(1, exp(with - without));
}

static void settle(const struct auction *a, uint32_t i, uint32_t gpus, uint32_t *left)
{
	struct contender *c = a->bids[i].contender;
	const struct job_state *state = &a->call->jobs->state[c->job];
	uint32_t group = a->won_group[i];
	c->settled = c->fits = true;
	c->stays = state->gpus == gpus && state->group == group;
	c->how = (struct candidate){ .group = group, .gpus = gpus };
	left[group] -= gpus;
}

static int by_score(const void *a, const void *b)
{
	const struct contender *x = a, *y = b;
	if (x->score != y->score)
		return x->score < y->score ? -1 : 1;
	return (x->job > y->job) - (x->job < y->job);
}

/* Of what is on offer to the worst-off contenders; left is what they leave. */
static void hold_auction(struct fair *fair, const struct policy_call *call, uint32_t *left)
{
	uint32_t offer[CLUSTER_GROUPS_MAX], groups = call->cluster->pool->group_count;
	struct auction a = { .fair = fair, .call = call };
	for (uint32_t i = 0; i < fair->count; i++) {
		struct contender *c = &fair->contenders[i];
		c->score = -fair_rho(fair, call, c->job, rigid_left_s(call, c->job));
	}
	qsort(fair->contenders, fair->count, sizeof *fair->contenders, by_score);
	uint32_t bidders = (uint32_t)ceil(fair->count * (1 - fairness_knob) - 1e-9);
	for (; a.count < bidders && a.count < BIDDERS_MAX; a.count++) {
		struct contender *c = &fair->contenders[a.count];
		double wait_s = (double)fair->lease_ns * 1e-9 + rigid_left_s(call, c->job);
		a.bids[a.count] = (struct bid){
			.contender = c,
			.nothing = -log(fair_rho(fair, call, c->job, wait_s)),
		};
	}
	for (uint32_t g = 0; g < groups; g++)
		offer[g] = left[g];
	allocate(&a, a.count, left);
	for (uint32_t i = 0; i < a.count; i++) {
		a.won[i] = a.bids[i].gpus;
		a.won_group[i] = a.bids[i].group;
		a.value[i] = a.bids[i].value;
	}
	for (uint32_t g = 0; g < groups; g++)
		left[g] = offer[g];
	for (uint32_t i = 0; i < a.count; i++) {
		if (!a.won[i])
			continue;
		double part = payment(&a, i, offer);
		uint32_t gpus = (uint32_t)floor(part * a.won[i] + 1e-9);
		gpus = runnable(&a, &a.bids[i], a.won_group[i], gpus);
		if (gpus)
			settle(&a, i, gpus, left);
	}
}

static enum ergon_code decide_by_auction(void *state, const struct policy_call *call,
                                         struct plan *plan, struct ergon_error *err)
{
	struct fair *fair = state;
	uint32_t left[CLUSTER_GROUPS_MAX];
	fair_gather(fair, call, left);
	hold_auction(fair, call, left);
	fair_share_out(fair, call, plan, left);
	return fair_apply(fair, call, plan, err);
}

const struct scheduling_policy policy_themis = {
	.name = "themis",
	.summary = "the job with the worst finish-time fairness next, leases of 20 minutes",
	.source = "Mahajan et al., NSDI 2020",
	.state_size = sizeof(struct fair),
	.every_round = true,
	.init = init,
	.decide = decide,
};

const struct scheduling_policy policy_themis_auction = {
	.name = "themis-auction",
	.summary = "themis with its auction: bids by fairness, partial allocation",
	.source = "Mahajan et al., NSDI 2020",
	.state_size = sizeof(struct fair),
	.every_round = true,
	.init = init,
	.decide = decide_by_auction,
};
