/* SPDX-License-Identifier: Apache-2.0
 *
 * Pollux (Qiao et al., OSDI 2021): goodput-adaptive co-scheduling, as in its artifact.
 *
 * The scheduler knows a job only by what it has seen of it: step times of the configurations that
 * it ran (fitted, pollux_fit.h) and the gradient statistics of its current epoch. Goodput is
 * throughput x statistical efficiency at the best of 50 geometrically spaced total batches. A job's
 * value is its goodput over that on a fair share of the cluster, scaled down by what a restart
 * costs it. The allocation comes from a genetic search, warm-started from the last (pollux_ga.h).
 * At every decision and at the end of each epoch a job takes the batch that is best by what is
 * known.
 *
 * On clusters of several types, as in Sia's experiments (SOSP 2023): Pollux knows nothing of types,
 * and searches over parts of nodes, each as large as the smallest node. What it saw on all types
 * goes into one fit. Of an allocation over several types a job keeps the GPUs of the type of which
 * it got most (of equals, the one on which it runs faster); the others stay idle for the round.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "optimize/policies/goodput.h"
#include "optimize/policies/pollux_ga.h"
#include "optimize/policies/service_order.h"
#include "optimize/policy.h"

enum {
	JOB_GPUS_MAX = 64,
	GENERATIONS = 3, /* where jobs have come or gone; the local search does for the rest */
};

static const double published_restart_s = 30;

/* What is known of one job. */
struct known {
	struct batch_limits limits;
	struct learned learned;
	uint32_t most_gpus;  /* that it ran on */
	uint32_t row;        /* in the last search, UINT32_MAX: none */
	bool stale;          /* the table must be emptied */
	double sqr, var;     /* of the gradient, in the current epoch */
	uint32_t epoch;      /* of the statistics */
	bool cautious;       /* its best batch cannot run on that type: the smallest is taken */
	struct table *table; /* NULL: not made yet */
	double fair;         /* goodput on the fair share */
	uint32_t fair_gpus;
};

/* Of a job that is not done; then of another. */
struct table {
	struct goodput_memo memo;
	double *value; /* goodput by (nodes, GPUs), or NaN */
	uint8_t *held; /* its row of the last plan */
};

struct pollux {
	struct ga ga;
	struct arena *arena;
	const struct policy_options *options;
	struct known *known; /* [jobs] */
	uint32_t *order, *old_row;
	struct ga_job *rows;
	struct table **free_tables; /* of jobs that are done, for reuse */
	struct splits *splits;
	uint32_t free_count, order_count;
	const struct policy_call *call;
	uint32_t last_arrived;
	uint32_t *node_of;    /* [ga.nodes]: the node that a part belongs to */
	uint8_t *room_of;     /* [ga.nodes]: its GPUs */
	struct share *shares; /* [nodes] */
	uint32_t share_gpus;  /* fair share */
};

/* Nodes in parts as large as the smallest node; of one type, the nodes themselves. */
static bool part_nodes(struct pollux *p, const struct policy_setup *setup)
{
	const struct cluster *cluster = setup->cluster->spec;
	uint32_t size = UINT32_MAX, parts = 0, at = 0, node = 0;
	for (size_t g = 0; g < cluster->group_count; g++)
		if (cluster->groups[g].gpus_per_node < size)
			size = cluster->groups[g].gpus_per_node;
	for (size_t g = 0; g < cluster->group_count; g++)
		parts += cluster->groups[g].nodes *
		         ((cluster->groups[g].gpus_per_node + size - 1) / size);
	p->node_of = ARENA_ARRAY(p->arena, uint32_t, parts);
	p->room_of = ARENA_ARRAY(p->arena, uint8_t, parts);
	uint8_t *type_of = ARENA_ARRAY(p->arena, uint8_t, parts);
	if (!type_of || parts > GA_NODES_MAX || size > GA_ELEMENT_MAX || !p->node_of ||
	    !p->room_of || !ga_init(&p->ga, p->arena, setup->options->seed, parts, size))
		return false;
	for (size_t g = 0; g < cluster->group_count; g++)
		for (uint32_t n = 0; n < cluster->groups[g].nodes; n++, node++)
			for (uint32_t left = cluster->groups[g].gpus_per_node; left; at++) {
				uint32_t room = left < size ? left : size;
				p->node_of[at] = node;
				p->room_of[at] = (uint8_t)room;
				p->ga.room[at] = (uint8_t)room;
				type_of[at] = (uint8_t)g;
				left -= room;
			}
	/* The network knows one node from several (pollux_fit.h). */
	p->ga.told_apart = p->ga.nodes < 2 ? p->ga.nodes : 2;
	p->ga.type_of = cluster->group_count > 1 ? type_of : NULL;
	return true;
}

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct pollux *p = state;
	const struct cluster *cluster = setup->cluster->spec;
	uint32_t count = setup->jobs->count;
	if (cluster->nodes > GA_NODES_MAX || cluster->groups[0].gpus_per_node > GA_ELEMENT_MAX)
		return ergon_fail(
		    err, ERGON_INFEASIBLE,
		    "policy pollux searches clusters of up to %d nodes of up to 64 GPUs",
		    GA_NODES_MAX);
	for (uint32_t i = 0; i < count; i++)
		if (!setup->jobs->facts[i].malleable)
			return ergon_fail(err, ERGON_INFEASIBLE,
			                  "policy pollux varies the number of GPUs, which job %s "
			                  "does not allow; use --oracle measured:DIR or model",
			                  setup->jobs->facts[i].name);
	p->arena = setup->arena;
	p->options = setup->options;
	p->known = ARENA_ARRAY(p->arena, struct known, count);
	p->order = ARENA_ARRAY(p->arena, uint32_t, count);
	p->old_row = ARENA_ARRAY(p->arena, uint32_t, count);
	p->rows = ARENA_ARRAY(p->arena, struct ga_job, count);
	p->free_tables = arena_alloc(p->arena, count, sizeof *p->free_tables);
	p->shares = ARENA_ARRAY(p->arena, struct share, cluster->nodes);
	if (!p->known || !p->order || !p->old_row || !p->rows || !p->free_tables || !p->shares)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	return part_nodes(p, setup)
	           ? ERGON_OK
	           : ergon_fail(err, ERGON_INFEASIBLE,
	                        "policy pollux searches over up to %d nodes of up to 64 GPUs, "
	                        "larger ones counting as several",
	                        GA_NODES_MAX);
}

static double goodput(const struct pollux *p, const struct known *k, uint32_t nodes, uint32_t gpus,
                      uint32_t *best_batch)
{
	return goodput_known(&k->table->memo, p->arena, &k->learned, k->sqr, k->var, nodes, gpus,
	                     best_batch);
}

static double ask(void *user, uint32_t row, uint32_t nodes, uint32_t gpus)
{
	struct pollux *p = user;
	struct known *k = &p->known[p->order[row]];
	/* Everything is scaled by nodes over GPUs of the cluster, as published. */
	double scale = (double)p->ga.nodes / p->ga.gpus;
	if (!k->learned.fitted)
		return scale * gpus / k->fair_gpus;
	return k->fair > 0 ? scale * goodput(p, k, nodes, gpus, NULL) / k->fair : 0;
}

/* Learns from a running job what its configuration has shown since the last look. */
static void observe(struct pollux *p, const struct policy_call *call, uint32_t job)
{
	struct known *k = &p->known[job];
	const struct job_state *state = &call->jobs->state[job];
	const struct estimate *e = state->estimate;
	uint32_t epochs = call->jobs->facts[job].epochs;
	uint32_t epoch = state->epoch < epochs ? state->epoch : epochs - 1;
	if (call->oracle->ops->gradient &&
	    (!k->learned.fitted || k->epoch != epoch || k->learned.seen_count == 0 || k->stale ||
	     call->oracle->ops->gradient)) {
		double sqr, var;
		call->oracle->ops->gradient(call->oracle, &call->jobs->facts[job], e->batch, epoch,
		                            &sqr, &var);
		if (sqr != k->sqr || var != k->var)
			k->stale = true;
		k->sqr = sqr;
		k->var = var;
	}
	if (state->gpus > k->most_gpus)
		k->most_gpus = state->gpus;
	const struct observation seen = { state->share_count, state->gpus, e->atomic,
		                          fmax(1e-9, e->step_s - e->sync_s), e->step_s };
	if (learned_add(&k->learned, p->arena, &seen))
		k->stale = true;
}

/* For the GPUs that the job holds. */
static uint32_t best_batch(const struct pollux *p, const struct known *k,
                           const struct job_state *now)
{
	uint32_t best = 0;
	if (k->limits.fixed)
		return k->limits.fixed;
	if (k->learned.fitted && !k->cautious &&
	    goodput(p, k, now->share_count, now->gpus, &best) > 0)
		return best < k->limits.largest ? best : k->limits.largest;
	uint32_t least = k->limits.local_min * now->gpus;
	return least > k->limits.initial ? least : k->limits.initial;
}

static uint32_t retune(void *state, const struct policy_call *call, uint32_t job)
{
	struct pollux *p = state;
	struct known *k = &p->known[job];
	const struct job_state *now = &call->jobs->state[job];
	if (now->status == JOB_RUNNING && now->epoch > 0 &&
	    now->progress >= job_mark(&call->jobs->facts[job], now->epoch) &&
	    now->segment_ns > now->debt_until_ns && p->call == NULL) {
		/* At the end of an epoch: what it ran with until now counts as seen. */
		struct job_state *past = (struct job_state *)(uintptr_t)now;
		past->epoch--;
		observe(p, call, job);
		past->epoch++;
	}
	return best_batch(p, k, now);
}

static struct table *take_table(struct pollux *p, size_t size)
{
	if (p->free_count)
		return p->free_tables[--p->free_count];
	struct table *table = ARENA_NEW(p->arena, struct table);
	if (!table)
		return NULL;
	table->value = ARENA_ARRAY(p->arena, double, size);
	table->held = ARENA_ARRAY(p->arena, uint8_t, p->ga.stride);
	return table->value && table->held ? table : NULL;
}

static bool make_table(struct pollux *p, struct known *k)
{
	size_t size = ((size_t)p->ga.told_apart + 1) * (p->ga.gpus + 1);
	if (!k->table) {
		k->table = take_table(p, size);
		if (!k->table)
			return false;
		memset(k->table->held, 0, p->ga.stride);
		memset(k->table->memo.seen_count, 0, sizeof k->table->memo.seen_count);
		k->table->memo.splits = splits_of(&p->splits, p->arena, &k->limits);
		if (!k->table->memo.splits)
			return false;
		k->stale = true;
	}
	if (k->fair_gpus != p->share_gpus) {
		k->fair_gpus = p->share_gpus;
		k->stale = true;
	}
	if (k->stale) {
		for (size_t i = 0; i < size; i++)
			k->table->value[i] = (double)NAN;
		k->fair = k->learned.fitted ? goodput(p, k, 1, k->fair_gpus, NULL) : 0;
		k->stale = false;
	}
	return true;
}

/* As the run has it; where restarts cost nothing, still the published 30 s, or jobs would move for
 * any gain. */
static double restart_s(const struct pollux *p, const struct job_facts *job)
{
	uint64_t cost_ns = job_restart_ns(job, p->options);
	return cost_ns ? (double)cost_ns / 1e9 : published_restart_s; /* 30 s exactly */
}

static void fill_row(struct pollux *p, const struct policy_call *call, uint32_t row)
{
	uint32_t job = p->order[row];
	const struct job_state *state = &call->jobs->state[job];
	struct known *k = &p->known[job];
	uint32_t most = 2 * k->most_gpus > 1 ? 2 * k->most_gpus : 1;
	uint32_t limit = k->limits.fixed && call->oracle->ops->gradient
	                     ? 1
	                     : k->limits.largest / k->limits.local_min;
	const struct job_facts *facts = &call->jobs->facts[job];
	double age_s = (double)(call->now_ns - facts->arrival_ns) * 1e-9;
	double cost_s = restart_s(p, facts), lost_s = cost_s * state->restarts;
	if (most > limit)
		most = limit;
	p->rows[row] = (struct ga_job){ .max_gpus = most < JOB_GPUS_MAX ? most : JOB_GPUS_MAX,
		                        .keep = fmax(age_s - lost_s, 0) / (age_s + cost_s),
		                        .value = k->table->value };
	if (state->gpus)
		memcpy(p->ga.base + (size_t)row * p->ga.stride, k->table->held, p->ga.stride);
}

static enum ergon_code prepare(struct pollux *p, const struct policy_call *call,
                               struct ergon_error *err)
{
	const struct jobs_view *jobs = call->jobs;
	for (; p->last_arrived < jobs->arrived; p->last_arrived++) {
		struct known *k = &p->known[p->last_arrived];
		k->row = UINT32_MAX;
		call->oracle->ops->limits(call->oracle, &jobs->facts[p->last_arrived], &k->limits);
	}
	for (uint32_t i = 0; i < p->order_count; i++) {
		struct known *k = &p->known[p->order[i]];
		if (jobs->state[p->order[i]].status == JOB_DONE && k->table) {
			p->free_tables[p->free_count++] = k->table;
			k->table = NULL;
		}
	}
	uint32_t rows = 0;
	for (uint32_t j = jobs->first; j != JOB_NONE; j = jobs->state[j].next) {
		const struct job_state *state = &jobs->state[j];
		p->order[rows++] = j;
		if (state->status == JOB_RUNNING && call->now_ns > state->segment_ns)
			observe(p, call, j);
	}
	service_order(call, p->order, rows);
	p->share_gpus = (p->ga.gpus + rows - 1) / rows;
	for (uint32_t i = 0; i < rows; i++) {
		p->old_row[i] = p->known[p->order[i]].row;
		p->known[p->order[i]].row = i;
		if (!make_table(p, &p->known[p->order[i]]))
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	p->order_count = rows;
	if (!ga_set_rows(&p->ga, p->old_row, rows))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	const uint8_t *nodes = call->cluster->node_state;
	for (uint32_t n = 0; nodes && n < p->ga.nodes; n++)
		p->ga.room[n] = nodes[p->node_of[n]] == NODE_DOWN ? 0 : p->room_of[n];
	for (uint32_t i = 0; i < rows; i++)
		fill_row(p, call, i);
	return ERGON_OK;
}

static bool row_is_kept(const struct pollux *p, const uint8_t *state, uint32_t row)
{
	size_t at = (size_t)row * p->ga.stride;
	return memcmp(state + at, p->ga.base + at, p->ga.stride) == 0;
}

/* A job that stays where it is goes on with the batch that is best by what is known now. */
static enum ergon_code adapt_batch(struct pollux *p, uint32_t job, struct plan *plan,
                                   struct ergon_error *err)
{
	const struct job_state *now = &p->call->jobs->state[job];
	uint32_t batch = now->gpus ? best_batch(p, &p->known[job], now) : now->batch;
	if (batch == now->batch)
		return ERGON_OK;
	const struct job_config config = { .group = now->group,
		                           .batch = batch,
		                           .gpus = now->gpus,
		                           .setting = now->setting,
		                           .node_count = now->share_count,
		                           .shares = now->shares };
	const struct job_facts *facts = &p->call->jobs->facts[job];
	if (!oracle_estimate(p->call->oracle, facts, &config)->rate)
		return ERGON_OK;
	memcpy(p->shares, now->shares, now->share_count * sizeof *p->shares);
	return plan_place_on(plan, job, p->shares, now->share_count, batch, err);
}

/* The row's GPUs, by node. */
static enum ergon_code place_row(struct pollux *p, uint32_t job, const uint8_t *row,
                                 struct plan *plan, struct ergon_error *err)
{
	uint32_t count = 0;
	for (uint32_t n = 0; n < p->ga.nodes; n++) {
		if (!row[n])
			continue;
		if (count && p->shares[count - 1].node == p->node_of[n])
			p->shares[count - 1].gpus += row[n];
		else
			p->shares[count++] = (struct share){ p->node_of[n], row[n] };
	}
	if (!count)
		return ERGON_OK;
	struct known *k = &p->known[job];
	memcpy(k->table->held, row, p->ga.stride);
	k->cautious = false;
	enum ergon_code code = plan_place_on(plan, job, p->shares, count, 0, err);
	if (code == ERGON_INFEASIBLE) {
		k->cautious = true;
		code = plan_place_on(plan, job, p->shares, count, 0, err);
	}
	/* Where nothing is known of a placement, the job waits for the next round. */
	return code == ERGON_INFEASIBLE ? ERGON_OK : code;
}

static enum ergon_code apply(struct pollux *p, const uint8_t *state, struct plan *plan,
                             struct ergon_error *err)
{
	enum ergon_code code = ERGON_OK;
	for (uint32_t i = 0; i < p->order_count; i++)
		if (!row_is_kept(p, state, i))
			plan_preempt(plan, p->order[i]);
	for (uint32_t i = 0; i < p->order_count && !code; i++)
		if (row_is_kept(p, state, i))
			code = adapt_batch(p, p->order[i], plan, err);
	for (uint32_t i = 0; i < p->order_count && !code; i++)
		if (!row_is_kept(p, state, i))
			code =
			    place_row(p, p->order[i], state + (size_t)i * p->ga.stride, plan, err);
	return code;
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct pollux *p = state;
	p->call = call;
	enum ergon_code code = prepare(p, call, err);
	if (!code) {
		bool news = call->wakeups & (WAKEUP_ARRIVAL | WAKEUP_END);
		p->ga.generations = news ? GENERATIONS : 3;
		p->ga.jobs = p->rows;
		p->ga.ask = ask;
		p->ga.user = p;
		code = apply(p, ga_search(&p->ga), plan, err);
	}
	p->call = NULL;
	return code;
}

const struct scheduling_policy policy_pollux = {
	.name = "pollux",
	.summary = "goodput by a genetic search over all jobs and nodes, knowing only what it saw",
	.source = "Qiao et al., OSDI 2021",
	.state_size = sizeof(struct pollux),
	.every_round = true,
	.init = init,
	.decide = decide,
	.retune = retune,
};
