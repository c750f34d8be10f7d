/* SPDX-License-Identifier: Apache-2.0
 *
 * Zeus by Pollux's genetic search: all jobs and nodes at once, instead of one job after the other.
 * A job's value is by how much its objective on the allocation beats that on a fair share of the
 * cluster: the geometric mean of the ratios of T and E with the weights a and b, which with b = 0
 * is Pollux's speed-up in time. Unlike Pollux it asks the oracle, as every variant of Zeus does.
 * Restarts scale a value down as in Pollux; search and repair are pollux_ga.h.
 *
 * Malleable jobs on GPUs of one type: an allocation is told by its nodes and GPUs alone.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "optimize/policies/energy.h"
#include "optimize/policies/pollux_ga.h"
#include "optimize/policies/service_order.h"
#include "optimize/policy.h"

enum { BATCHES_MAX = 64, GENERATIONS = 3 };

struct genetic_job {
	double *value; /* by (nodes, GPUs), or NaN; NULL: not made yet */
	uint8_t *held; /* its row of the last plan; lies behind value */
	double fair;   /* score on the fair share */
	uint32_t epoch, fair_gpus, row;
};

struct genetic {
	struct ga ga;
	struct arena *arena;
	const struct policy_options *options;
	const struct series *weight; /* of a joule over time; NULL: 1 */
	const struct policy_call *call;
	struct genetic_job *jobs; /* [jobs] */
	struct ga_job *rows;      /* [jobs] */
	uint32_t *order, *old_row;
	double **free_tables; /* of jobs that are done, for reuse */
	struct share *shares; /* [nodes] */
	uint32_t free_count, order_count, share_gpus;
};

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct genetic *g = state;
	const struct cluster *cluster = setup->cluster->spec;
	uint32_t count = setup->jobs->count, node_gpus = cluster->groups[0].gpus_per_node;
	if (cluster->group_count > 1 || cluster->nodes > GA_NODES_MAX || node_gpus > GA_ELEMENT_MAX)
		return ergon_fail(err, ERGON_INFEASIBLE,
		                  "policy zeus-genetic searches up to %d nodes of up to %d GPUs of "
		                  "one type; zeus takes any",
		                  GA_NODES_MAX, GA_ELEMENT_MAX);
	for (uint32_t i = 0; i < count; i++)
		if (!setup->jobs->facts[i].malleable)
			return ergon_fail(err, ERGON_INFEASIBLE,
			                  "policy zeus-genetic varies the number of GPUs, which "
			                  "job %s does not allow; zeus takes any",
			                  setup->jobs->facts[i].name);
	g->arena = setup->arena;
	g->options = setup->options;
	g->weight = energy_series(setup);
	g->jobs = ARENA_ARRAY(g->arena, struct genetic_job, count);
	g->rows = ARENA_ARRAY(g->arena, struct ga_job, count);
	g->order = ARENA_ARRAY(g->arena, uint32_t, count);
	g->old_row = ARENA_ARRAY(g->arena, uint32_t, count);
	g->free_tables = ARENA_ARRAY(g->arena, double *, count);
	g->shares = ARENA_ARRAY(g->arena, struct share, cluster->nodes);
	if (!g->jobs || !g->rows || !g->order || !g->old_row || !g->free_tables || !g->shares ||
	    !ga_init(&g->ga, g->arena, setup->options->seed, cluster->nodes, node_gpus))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (uint32_t i = 0; i < count; i++)
		g->jobs[i].row = UINT32_MAX;
	return ERGON_OK;
}

/* ln(T^a E^b) ^ (1 / (a + b)) of the work from the start of the epoch; infinite: infeasible. */
static double score(const struct genetic *g, uint32_t job, const struct estimate *e)
{
	const struct job_facts *facts = &g->call->jobs->facts[job];
	uint32_t epoch = g->call->jobs->state[job].epoch;
	double a = g->options->time_weight, b = g->options->energy_weight;
	if (!e->rate)
		return (double)INFINITY;
	double time_s = fmax(estimate_remaining_s(e, facts, epoch, job_mark(facts, epoch)), 1e-12);
	if (g->weight)
		return (a * log(time_s) +
		        b * log(energy_counted(g->weight, g->call->now_ns, time_s, e->power_w))) /
		       (a + b);
	return log(time_s) + b / (a + b) * log(fmax(e->power_w, 1e-12));
}

/* The best batch on so many GPUs of so many nodes: even shares, the first nodes one more. */
static double best(struct genetic *g, uint32_t job, uint32_t nodes, uint32_t gpus, uint32_t *batch)
{
	const struct job_facts *facts = &g->call->jobs->facts[job];
	struct oracle *oracle = g->call->oracle;
	uint32_t batches[BATCHES_MAX];
	uint32_t count = oracle->ops->batches(oracle, facts, batches, BATCHES_MAX);
	double least = (double)INFINITY;
	for (uint32_t n = 0; n < nodes; n++)
		g->shares[n] = (struct share){ n, gpus / nodes + (n < gpus % nodes) };
	for (uint32_t i = 0; i < count; i++) {
		const struct job_config config = {
			.batch = batches[i], .gpus = gpus, .node_count = nodes, .shares = g->shares
		};
		double s = score(g, job, oracle_estimate(oracle, facts, &config));
		if (s < least) {
			least = s;
			*batch = batches[i];
		}
	}
	return least;
}

static double ask(void *user, uint32_t row, uint32_t nodes, uint32_t gpus)
{
	struct genetic *g = user;
	uint32_t batch, job = g->order[row];
	double s = best(g, job, nodes, gpus, &batch);
	/* Scaled by nodes over GPUs of the cluster, as Pollux's values are. */
	return isfinite(s) ? exp(g->jobs[job].fair - s) * g->ga.nodes / g->ga.gpus : 0;
}

/* The fair share in as few nodes as can be; a job that cannot use it: the most that it can. */
static double fair_score(struct genetic *g, uint32_t job)
{
	uint32_t batch;
	for (uint32_t gpus = g->share_gpus; gpus > 0; gpus--) {
		double s =
		    best(g, job, (gpus + g->ga.node_gpus - 1) / g->ga.node_gpus, gpus, &batch);
		if (isfinite(s))
			return s;
	}
	return 0;
}

static bool make_table(struct genetic *g, uint32_t job)
{
	struct genetic_job *k = &g->jobs[job];
	size_t size = ((size_t)g->ga.nodes + 1) * (g->ga.gpus + 1);
	uint32_t epoch = g->call->jobs->state[job].epoch;
	bool fresh = !k->value;
	if (fresh) {
		k->value = g->free_count
		               ? g->free_tables[--g->free_count]
		               : ARENA_ARRAY(g->arena, double, size + g->ga.stride / 8 + 1);
		if (!k->value)
			return false;
		k->held = (uint8_t *)(k->value + size);
		memset(k->held, 0, g->ga.stride);
	}
	if (!fresh && !g->weight && k->epoch == epoch && k->fair_gpus == g->share_gpus)
		return true;
	k->epoch = epoch;
	k->fair_gpus = g->share_gpus;
	k->fair = fair_score(g, job);
	for (size_t i = 0; i < size; i++)
		k->value[i] = (double)NAN;
	return true;
}

static void fill_row(struct genetic *g, uint32_t row)
{
	uint32_t job = g->order[row];
	const struct job_facts *facts = &g->call->jobs->facts[job];
	const struct job_state *state = &g->call->jobs->state[job];
	double age_s = (double)(g->call->now_ns - facts->arrival_ns) * 1e-9;
	double restart_s = (double)job_restart_ns(facts, g->options) * 1e-9;
	g->rows[row] = (struct ga_job){
		.max_gpus = facts->gpus_max < g->ga.gpus ? facts->gpus_max : g->ga.gpus,
		.keep = age_s + restart_s > 0
		            ? fmax(age_s - restart_s * state->restarts, 0) / (age_s + restart_s)
		            : 1,
		.value = g->jobs[job].value,
	};
	if (state->gpus)
		memcpy(g->ga.base + (size_t)row * g->ga.stride, g->jobs[job].held, g->ga.stride);
}

static void reclaim_tables(struct genetic *g)
{
	for (uint32_t i = 0; i < g->order_count; i++) {
		struct genetic_job *k = &g->jobs[g->order[i]];
		if (g->call->jobs->state[g->order[i]].status == JOB_DONE && k->value) {
			g->free_tables[g->free_count++] = k->value;
			k->value = NULL;
		}
	}
}

static enum ergon_code prepare(struct genetic *g, struct ergon_error *err)
{
	const struct jobs_view *jobs = g->call->jobs;
	const uint8_t *nodes = g->call->cluster->node_state;
	uint32_t rows = 0;
	reclaim_tables(g);
	for (uint32_t j = jobs->first; j != JOB_NONE; j = jobs->state[j].next)
		g->order[rows++] = j;
	g->order_count = rows;
	if (rows == 0)
		return ERGON_OK;
	service_order(g->call, g->order, rows);
	g->share_gpus = (g->ga.gpus + rows - 1) / rows;
	for (uint32_t i = 0; i < rows; i++) {
		g->old_row[i] = g->jobs[g->order[i]].row;
		g->jobs[g->order[i]].row = i;
		if (!make_table(g, g->order[i]))
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	if (!ga_set_rows(&g->ga, g->old_row, rows))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (uint32_t n = 0; nodes && n < g->ga.nodes; n++)
		g->ga.room[n] = nodes[n] == NODE_DOWN ? 0 : (uint8_t)g->ga.node_gpus;
	for (uint32_t i = 0; i < rows; i++)
		fill_row(g, i);
	return ERGON_OK;
}

/* The row's GPUs by node; a placement of which nothing is known leaves the job waiting. A job that
 * stays where it is may want another batch: that costs no restart. */
static enum ergon_code place_or_keep(struct genetic *g, uint32_t job, const uint8_t *row, bool kept,
                                     struct plan *plan, struct ergon_error *err)
{
	uint32_t count = 0, gpus = 0, batch = 0;
	for (uint32_t n = 0; n < g->ga.nodes; n++) {
		count += row[n] != 0;
		gpus += row[n];
	}
	if (!gpus || !isfinite(best(g, job, count, gpus, &batch)) ||
	    (kept && batch == g->call->jobs->state[job].batch))
		return ERGON_OK;
	count = 0;
	for (uint32_t n = 0; n < g->ga.nodes; n++)
		if (row[n])
			g->shares[count++] = (struct share){ n, row[n] };
	memcpy(g->jobs[job].held, row, g->ga.stride);
	enum ergon_code code = plan_place_on(plan, job, g->shares, count, batch, err);
	return code == ERGON_INFEASIBLE ? ERGON_OK : code;
}

static enum ergon_code apply(struct genetic *g, const uint8_t *state, struct plan *plan,
                             struct ergon_error *err)
{
	enum ergon_code code = ERGON_OK;
	for (int kept = -1; kept < 2; kept++) /* first who leaves, then who stays, then who comes */
		for (uint32_t i = 0; i < g->order_count && !code; i++) {
			const uint8_t *row = state + (size_t)i * g->ga.stride;
			const uint8_t *base = g->ga.base + (size_t)i * g->ga.stride;
			bool same = memcmp(row, base, g->ga.stride) == 0;
			if (kept < 0 && !same)
				plan_preempt(plan, g->order[i]);
			else if (kept >= 0 && same == (kept == 0))
				code = place_or_keep(g, g->order[i], row, same, plan, err);
		}
	return code;
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct genetic *g = state;
	g->call = call;
	enum ergon_code code = prepare(g, err);
	if (!code && g->order_count) {
		g->ga.generations = GENERATIONS;
		g->ga.jobs = g->rows;
		g->ga.ask = ask;
		g->ga.user = g;
		code = apply(g, ga_search(&g->ga), plan, err);
	}
	g->call = NULL;
	return code;
}

const struct scheduling_policy policy_zeus_genetic = {
	.name = "zeus-genetic",
	.summary = "least energy-delay product by Pollux's genetic search over all jobs and nodes",
	.source = "EAS-Sim: energy-aware variant of Pollux's search",
	.state_size = sizeof(struct genetic),
	.every_round = true,
	.init = init,
	.decide = decide,
};
