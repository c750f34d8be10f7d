/* SPDX-License-Identifier: Apache-2.0
 *
 * Sia (Subramanya et al., SOSP 2023): goodput over several types of GPU, by an integer program.
 *
 * Every round each job has one row of values, one for each configuration: on each type a power of
 * two of GPUs in a node, or whole nodes. A value is the goodput there over the least of the row;
 * other configurations than the present one are held down by the restart factor, the part of its
 * age that the job would not have lost to restarts. Values are raised to p = -0.5 and rounded to
 * two digits; the program minimises their sum with lambda = 1.1 for each job that gets nothing. At
 * most twice the GPUs that the job has run on so far; a job that is restarting stays as it is.
 *
 * What is known of a job: one GPU of each type from its beginning (Sia profiles them), and the
 * configurations that it ran. Where nothing was seen of several GPUs of a type, what was seen on
 * another is scaled by the ratio of the two on one GPU, and otherwise scaling is taken as perfect.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "optimize/policies/goodput.h"
#include "optimize/policy.h"
#include "optimize/solver/linear.h"

enum { CONFIGS_MAX = 512, JOB_GPUS_MAX = 64, SEEDS = 4, BATCHES_MAX = 64 };
static const double fairness_power = -0.5, no_allocation = 1.1, program_gap = 1e-4;

struct config {
	uint32_t group, nodes, gpus;
};

struct known {
	struct batch_limits limits;
	struct learned *by_group; /* [groups] */
	uint32_t *most;           /* [groups]: GPUs that it ran on */
	double sqr, var;
	bool begun;
};

struct sia {
	struct arena *arena;
	struct linear_solver *linear;
	const struct policy_options *options;
	uint32_t groups, config_count, seen;
	struct config configs[CONFIGS_MAX];
	struct known *known; /* [jobs] */
	uint32_t *order;     /* [jobs]: rows of the program */
	uint32_t *chosen;    /* [jobs]: by row, the configuration or CONFIGS_MAX */
	/* The program, for capacity rows. */
	uint32_t capacity;
	int *start, *index;
	double *value, *lower, *upper, *objective, *row_lower, *row_upper, *solution;
	unsigned char *integer;
	uint32_t *column_row, *column_config;
};

static void list_configs(struct sia *s, const struct cluster *cluster)
{
	for (uint32_t g = 0; g < s->groups; g++) {
		uint32_t node = cluster->groups[g].gpus_per_node;
		for (uint32_t n = 1; n < node && s->config_count < CONFIGS_MAX; n *= 2)
			s->configs[s->config_count++] = (struct config){ g, 1, n };
		for (uint32_t k = 1; k <= cluster->groups[g].nodes && k * node <= JOB_GPUS_MAX &&
		                     s->config_count < CONFIGS_MAX;
		     k++)
			s->configs[s->config_count++] = (struct config){ g, k, k * node };
	}
}

static enum ergon_code init(void *state, const struct policy_setup *setup, struct ergon_error *err)
{
	struct sia *s = state;
	uint32_t count = setup->jobs->count;
	s->arena = setup->arena;
	s->options = setup->options;
	s->linear = setup->services->linear;
	s->groups = (uint32_t)setup->cluster->spec->group_count;
	list_configs(s, setup->cluster->spec);
	for (uint32_t i = 0; i < count; i++)
		if (!setup->jobs->facts[i].malleable)
			return ergon_fail(err, ERGON_INFEASIBLE,
			                  "policy sia varies the number of GPUs, which job %s does "
			                  "not allow; use --oracle measured:DIR or model",
			                  setup->jobs->facts[i].name);
	s->known = ARENA_ARRAY(s->arena, struct known, count);
	s->order = ARENA_ARRAY(s->arena, uint32_t, count);
	s->chosen = ARENA_ARRAY(s->arena, uint32_t, count);
	if (!s->known || !s->order || !s->chosen)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (!s->linear)
		return ergon_fail(err, ERGON_NOT_SUPPORTED, "policy sia needs an integer solver");
	return linear_solver_open(s->linear, true, err);
}

static struct observation seen_in(const struct estimate *e, uint32_t nodes, uint32_t gpus)
{
	return (struct observation){ nodes, gpus, e->atomic, fmax(1e-9, e->step_s - e->sync_s),
		                     e->step_s };
}

static void gradient(struct known *k, const struct policy_call *call, uint32_t job, uint32_t batch,
                     uint32_t epoch)
{
	if (call->oracle->ops->gradient)
		call->oracle->ops->gradient(call->oracle, &call->jobs->facts[job], batch, epoch,
		                            &k->sqr, &k->var);
}

/* One GPU of each type, at a few batches. */
static bool profile(struct sia *s, const struct policy_call *call, uint32_t job)
{
	struct known *k = &s->known[job];
	const struct job_facts *facts = &call->jobs->facts[job];
	uint32_t batch[BATCHES_MAX];
	uint32_t count = call->oracle->ops->batches(call->oracle, facts, batch, BATCHES_MAX);
	k->by_group = ARENA_ARRAY(s->arena, struct learned, s->groups);
	k->most = ARENA_ARRAY(s->arena, uint32_t, s->groups);
	if (!k->by_group || !k->most)
		return false;
	call->oracle->ops->limits(call->oracle, facts, &k->limits);
	gradient(k, call, job, k->limits.initial, 0);
	for (uint32_t g = 0; g < s->groups; g++)
		for (uint32_t i = 0; i < count && i < SEEDS; i++) {
			const struct estimate *e =
			    oracle_packed(call->oracle, facts, g, 1, batch[i]);
			if (!e->rate)
				continue;
			struct observation seen = seen_in(e, 1, 1);
			learned_add(&k->by_group[g], s->arena, &seen);
		}
	k->begun = true;
	return true;
}

static void observe(struct sia *s, const struct policy_call *call, uint32_t job)
{
	struct known *k = &s->known[job];
	const struct job_state *state = &call->jobs->state[job];
	const struct observation seen = seen_in(state->estimate, state->share_count, state->gpus);
	gradient(k, call, job, state->estimate->batch, state->epoch);
	learned_add(&k->by_group[state->group], s->arena, &seen);
	if (state->gpus > k->most[state->group])
		k->most[state->group] = state->gpus;
}

/* The type from which to take how several GPUs scale: its own where it was seen on several. */
static uint32_t source_of(const struct sia *s, const struct known *k, uint32_t group)
{
	uint32_t best = group;
	for (uint32_t g = 0; g < s->groups; g++)
		if (k->most[g] > 1 && (k->most[best] <= 1 || k->most[g] > k->most[best]))
			best = g;
	return k->most[group] > 1 ? group : best;
}

static double goodput_on(const struct sia *s, const struct known *k, uint32_t group, uint32_t nodes,
                         uint32_t gpus)
{
	const struct learned *own = &k->by_group[group];
	if (!own->fitted)
		return 0;
	uint32_t from = source_of(s, k, group);
	if (gpus == 1 || from == group)
		return goodput_best(&k->limits, &own->fit, k->sqr, k->var, nodes, gpus, NULL);
	const struct learned *other = &k->by_group[from];
	double one = goodput_best(&k->limits, &own->fit, k->sqr, k->var, 1, 1, NULL);
	double one_there = goodput_best(&k->limits, &other->fit, k->sqr, k->var, 1, 1, NULL);
	double there = goodput_best(&k->limits, &other->fit, k->sqr, k->var, nodes, gpus, NULL);
	return one_there > 0 ? there * one / one_there : 0;
}

static uint32_t most_gpus(const struct sia *s, const struct known *k)
{
	uint32_t most = 1;
	for (uint32_t g = 0; g < s->groups; g++)
		if (2 * k->most[g] > most)
			most = 2 * k->most[g];
	uint32_t limit = k->limits.local_min ? k->limits.largest / k->limits.local_min : most;
	/* An application whose batch is fixed though its convergence is known cannot be split. */
	if (k->limits.fixed && k->sqr + k->var > 0)
		limit = 1;
	return most < limit ? most : limit ? limit : 1;
}

static double restart_factor(const struct sia *s, const struct policy_call *call, uint32_t job)
{
	const struct job_facts *facts = &call->jobs->facts[job];
	double age_s = (double)(call->now_ns - facts->arrival_ns) * 1e-9;
	double cost_s = (double)job_restart_ns(facts, s->options) * 1e-9;
	if (age_s < cost_s)
		return 1;
	double lost_s = cost_s * call->jobs->state[job].restarts;
	return age_s > 0 ? fmax(age_s - lost_s, 0) / (age_s + cost_s) : 1;
}

static bool make_room(struct sia *s, uint32_t jobs)
{
	if (jobs <= s->capacity)
		return true;
	uint32_t capacity = s->capacity ? s->capacity : 64;
	while (capacity < jobs)
		capacity *= 2;
	size_t columns = (size_t)capacity * s->config_count, rows = capacity + (size_t)s->groups;
	s->start = ARENA_ARRAY(s->arena, int, columns + 1);
	s->index = ARENA_ARRAY(s->arena, int, 2 * columns);
	s->value = ARENA_ARRAY(s->arena, double, 2 * columns);
	s->lower = ARENA_ARRAY(s->arena, double, columns);
	s->upper = ARENA_ARRAY(s->arena, double, columns);
	s->objective = ARENA_ARRAY(s->arena, double, columns);
	s->solution = ARENA_ARRAY(s->arena, double, columns);
	s->integer = ARENA_ARRAY(s->arena, unsigned char, columns);
	s->column_row = ARENA_ARRAY(s->arena, uint32_t, columns);
	s->column_config = ARENA_ARRAY(s->arena, uint32_t, columns);
	s->row_lower = ARENA_ARRAY(s->arena, double, rows);
	s->row_upper = ARENA_ARRAY(s->arena, double, rows);
	bool all = s->start && s->index && s->value && s->lower && s->upper && s->objective &&
	           s->solution && s->integer && s->column_row && s->column_config && s->row_lower &&
	           s->row_upper;
	s->capacity = all ? capacity : 0;
	return all;
}

static bool is_present(const struct job_state *state, const struct config *c)
{
	return state->gpus == c->gpus && state->group == c->group;
}

/* Adds the job's columns; those of one that is restarting leave it where it is. */
static void write_job(struct sia *s, const struct policy_call *call, uint32_t row, int *columns)
{
	uint32_t job = s->order[row];
	const struct known *k = &s->known[job];
	const struct job_state *state = &call->jobs->state[job];
	double goodput[CONFIGS_MAX] = { 0 }, least = (double)INFINITY;
	uint32_t most = most_gpus(s, k);
	bool stays = state->gpus && state->debt_until_ns > call->now_ns;
	for (uint32_t c = 0; c < s->config_count; c++) {
		const struct config *config = &s->configs[c];
		bool fits = config->gpus <= most || is_present(state, config);
		goodput[c] =
		    fits ? goodput_on(s, k, config->group, config->nodes, config->gpus) : 0;
		if (goodput[c] > 0 && goodput[c] < least)
			least = goodput[c];
	}
	double factor = state->started ? restart_factor(s, call, job) : 1;
	for (uint32_t c = 0; c < s->config_count; c++) {
		const struct config *config = &s->configs[c];
		bool present = is_present(state, config);
		if (!(goodput[c] > 0) || (stays && !present))
			continue;
		double value = goodput[c] / least;
		if (state->gpus && !present)
			value = fmax(value * factor, 1e-4);
		double cost = fmin(round(pow(value, fairness_power) * 100) / 100, 3000);
		int column = (*columns)++;
		s->start[column] = 2 * column;
		s->index[2 * column] = (int)row;
		s->value[2 * column] = 1;
		s->index[2 * column + 1] = (int)(call->jobs->active + config->group);
		s->value[2 * column + 1] = config->gpus;
		s->lower[column] = stays ? 1 : 0;
		s->upper[column] = 1;
		s->objective[column] = cost - no_allocation;
		s->integer[column] = 1;
		s->column_row[column] = row;
		s->column_config[column] = c;
	}
}

static enum ergon_code solve(struct sia *s, const struct policy_call *call, struct ergon_error *err)
{
	uint32_t jobs = call->jobs->active;
	int columns = 0;
	if (!make_room(s, jobs))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (uint32_t row = 0; row < jobs; row++) {
		write_job(s, call, row, &columns);
		s->row_lower[row] = -HUGE_VAL;
		s->row_upper[row] = 1;
		s->chosen[row] = CONFIGS_MAX;
	}
	s->start[columns] = 2 * columns;
	for (uint32_t g = 0; g < s->groups; g++) {
		s->row_lower[jobs + g] = -HUGE_VAL;
		s->row_upper[jobs + g] = pool_capacity(call->cluster->pool, g);
	}
	if (!columns)
		return ERGON_OK;
	const struct linear_program program = { .columns = columns,
		                                .rows = (int)(jobs + s->groups),
		                                .start = s->start,
		                                .index = s->index,
		                                .value = s->value,
		                                .lower = s->lower,
		                                .upper = s->upper,
		                                .objective = s->objective,
		                                .row_lower = s->row_lower,
		                                .row_upper = s->row_upper,
		                                .integer = s->integer,
		                                .gap = program_gap };
	enum ergon_code code = linear_solve(s->linear, &program, s->solution, err);
	for (int c = 0; c < columns && !code; c++)
		if (s->solution[c] > 0.5)
			s->chosen[s->column_row[c]] = s->column_config[c];
	return code;
}

static int by_size(const void *a, const void *b, void *user)
{
	const struct sia *s = user;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	uint32_t gx = s->configs[s->chosen[x]].gpus, gy = s->configs[s->chosen[y]].gpus;
	if (gx != gy)
		return gx > gy ? -1 : 1;
	return (x > y) - (x < y);
}

/* Jobs whose configuration stays keep their place; the others take theirs, large ones first. */
static enum ergon_code apply(struct sia *s, const struct policy_call *call, struct plan *plan,
                             struct ergon_error *err)
{
	uint32_t jobs = call->jobs->active, moves = 0;
	uint32_t *rows = s->column_row; /* the program is done with */
	for (uint32_t row = 0; row < jobs; row++) {
		const struct job_state *state = &call->jobs->state[s->order[row]];
		bool wanted = s->chosen[row] != CONFIGS_MAX;
		if (wanted && state->gpus && is_present(state, &s->configs[s->chosen[row]]))
			continue;
		plan_preempt(plan, s->order[row]);
		if (wanted)
			rows[moves++] = row;
	}
	qsort_r(rows, moves, sizeof *rows, by_size, s);
	for (uint32_t i = 0; i < moves; i++) {
		const struct config *c = &s->configs[s->chosen[rows[i]]];
		enum ergon_code code =
		    plan_place(plan, s->order[rows[i]], c->group, c->gpus, 0, SPREAD_PACKED, err);
		/* Nothing is known of the place that is left: it waits for the next round. */
		if (code && code != ERGON_INFEASIBLE)
			return code;
	}
	return ERGON_OK;
}

static enum ergon_code decide(void *state, const struct policy_call *call, struct plan *plan,
                              struct ergon_error *err)
{
	struct sia *s = state;
	const struct jobs_view *jobs = call->jobs;
	uint32_t rows = 0;
	for (; s->seen < jobs->arrived; s->seen++)
		if (!profile(s, call, s->seen))
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (uint32_t j = jobs->first; j != JOB_NONE; j = jobs->state[j].next) {
		s->order[rows++] = j;
		if (jobs->state[j].status == JOB_RUNNING &&
		    call->now_ns > jobs->state[j].segment_ns)
			observe(s, call, j);
	}
	enum ergon_code code = solve(s, call, err);
	return code ? code : apply(s, call, plan, err);
}

static uint32_t retune(void *state, const struct policy_call *call, uint32_t job)
{
	struct sia *s = state;
	const struct known *k = &s->known[job];
	const struct job_state *now = &call->jobs->state[job];
	uint32_t best = 0;
	if (k->limits.fixed)
		return k->limits.fixed;
	const struct learned *own = &k->by_group[now->group];
	const struct learned *from = &k->by_group[source_of(s, k, now->group)];
	const struct learned *use = own->fitted && now->gpus == 1 ? own : from;
	if (use->fitted && goodput_best(&k->limits, &use->fit, k->sqr, k->var, now->share_count,
	                                now->gpus, &best) > 0)
		return best;
	uint32_t least = k->limits.local_min * now->gpus;
	return least > k->limits.initial ? least : k->limits.initial;
}

const struct scheduling_policy policy_sia = {
	.name = "sia",
	.summary =
	    "goodput over several types of GPU, by an integer program; wants --interval 1min",
	.source = "Subramanya et al., SOSP 2023",
	.state_size = sizeof(struct sia),
	.every_round = true,
	.init = init,
	.decide = decide,
	.retune = retune,
};
