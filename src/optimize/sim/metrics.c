/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/sim/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "base/stats.h"

double metrics_alone_s(const struct cluster *cluster, struct oracle *oracle,
                       const struct job_facts *job)
{
	for (uint32_t g = 0; g < cluster->group_count; g++) {
		const struct cluster_group *group = &cluster->groups[g];
		if (job->gpus > group->nodes * group->gpus_per_node)
			continue;
		const struct estimate *estimate = oracle_packed(oracle, job, g, job->gpus, 0);
		if (estimate->rate)
			return estimate_remaining_s(estimate, job, 0, 0);
	}
	return (double)NAN;
}

static double span_s(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (double)(to_ns - from_ns) * 1e-9 : 0;
}

/* The jobs whose times are looked at: from *first, how many. */
static uint32_t window(const struct sim_setup *setup, uint32_t *first)
{
	*first = setup->window_count ? setup->window_first : 0;
	return setup->window_count ? setup->window_count : setup->count;
}

static void fairness(const struct sim_setup *setup, const double *jct_s, struct metrics *m)
{
	double sum = 0, inverse = 0, inverse_squared = 0;
	uint32_t count = 0, first, jobs = window(setup, &first);
	for (uint32_t i = 0; i < jobs; i++) {
		double alone =
		    metrics_alone_s(setup->cluster, setup->oracle, &setup->jobs[first + i]);
		m->useful_gpu_s += alone * setup->jobs[first + i].gpus;
		if (!(alone > 0) || !(jct_s[i] > 0))
			continue;
		double rho = jct_s[i] / alone;
		sum += rho;
		m->rho_max = count ? fmax(m->rho_max, rho) : rho;
		inverse += 1 / rho;
		inverse_squared += 1 / (rho * rho);
		count++;
	}
	m->rho_mean = count ? sum / count : (double)NAN;
	m->rho_max = count ? m->rho_max : (double)NAN;
	m->jain = count ? inverse * inverse / (count * inverse_squared) : (double)NAN;
}

static void times(const struct sim_setup *setup, const struct sim_outcome *outcome, double *jct_s,
                  double *wait_s, struct metrics *m)
{
	uint32_t first, count = window(setup, &first);
	double queued_s = 0, critical = 0, missed = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct job_state *state = &outcome->jobs[first + i];
		const struct job_facts *job = &setup->jobs[first + i];
		jct_s[i] = span_s(job->arrival_ns, state->end_ns);
		wait_s[i] = span_s(job->arrival_ns, state->start_ns);
		queued_s += jct_s[i];
		m->restarts += state->restarts;
		m->preemptions += state->preemptions;
		m->restart_gpu_s += (double)state->restart_gpu_ns * 1e-9;
		if (job->deadline_ns) {
			double late_s = span_s(job->deadline_ns, state->end_ns);
			m->deadlines++;
			m->deadline_misses += late_s > 0;
			m->lateness_max_s = fmax(m->lateness_max_s, late_s);
			m->lateness_mean_s += late_s;
			critical += job->criticality;
			missed += late_s > 0 ? job->criticality : 0;
		}
		/* GPUs vary over a malleable job's life; the time it ran is kept by the engine. */
		queued_s -= (double)state->ran_ns * 1e-9;
	}
	m->queued_mean_s = queued_s / count;
	if (m->deadlines)
		m->lateness_mean_s /= (double)m->deadlines;
	m->missed_criticality = critical > 0 ? missed / critical : 0;
	m->jct_mean_s = stats_mean(jct_s, count);
	m->wait_mean_s = stats_mean(wait_s, count);
	fairness(setup, jct_s, m);
	stats_sort(jct_s, count);
	stats_sort(wait_s, count);
	m->jct_p50_s = stats_quantile_sorted(jct_s, count, 0.5);
	m->jct_p95_s = stats_quantile_sorted(jct_s, count, 0.95);
	m->jct_p99_s = stats_quantile_sorted(jct_s, count, 0.99);
	m->jct_max_s = jct_s[count - 1];
	for (int i = 0; i <= METRICS_QUANTILES; i++)
		m->jct_quantiles_s[i] =
		    stats_quantile_sorted(jct_s, count, (double)i / METRICS_QUANTILES);
	m->wait_p95_s = stats_quantile_sorted(wait_s, count, 0.95);
	m->wait_max_s = wait_s[count - 1];
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Of the number of jobs in the system, over the time in which jobs arrive (begin to end). */
static void backlog_growth(const struct sim_setup *setup, const struct sim_outcome *outcome,
                           uint64_t begin_ns, uint64_t end_ns, struct metrics *m)
{
	uint64_t half_ns = begin_ns + (end_ns - begin_ns) / 2;
	double width_s = span_s(half_ns, end_ns), middle_s = width_s / 2, moment = 0, all_s = 0;
	uint32_t arrived = 0;
	for (uint32_t i = 0; i < setup->count; i++) {
		uint64_t from = setup->jobs[i].arrival_ns, to = outcome->jobs[i].end_ns;
		to = to < end_ns ? to : end_ns;
		all_s += span_s(from, to);
		arrived += from >= half_ns;
		if (to <= half_ns)
			continue;
		double a = span_s(half_ns, from) - middle_s, b = span_s(half_ns, to) - middle_s;
		moment += (b * b - a * a) / 2;
	}
	m->backlog_mean = end_ns > begin_ns ? all_s / span_s(begin_ns, end_ns) : (double)NAN;
	/* slope = covariance of (t, N) over variance of t, which is width^2 / 12 */
	double slope = 12 * moment / (width_s * width_s * width_s);
	m->backlog_growth = width_s > 0 && arrived ? slope / (arrived / width_s) : (double)NAN;
}

static bool backlog(const struct sim_setup *setup, const struct sim_outcome *outcome,
                    struct arena *arena, struct metrics *m)
{
	uint32_t count = setup->count, open = 0, most = 0;
	uint64_t *ends = ARENA_ARRAY(arena, uint64_t, count);
	if (!ends)
		return false;
	for (uint32_t i = 0; i < count; i++)
		ends[i] = outcome->jobs[i].end_ns;
	qsort(ends, count, sizeof *ends, by_time);
	for (uint32_t i = 0, done = 0; i < count; i++) {
		while (done < count && ends[done] <= setup->jobs[i].arrival_ns)
			done++;
		open = i + 1 - done;
		most = open > most ? open : most;
	}
	m->backlog_max = most;
	backlog_growth(setup, outcome, setup->jobs[0].arrival_ns, setup->jobs[count - 1].arrival_ns,
	               m);
	return true;
}

static void supply(const struct sim_setup *setup, const struct sim_outcome *outcome, double gpu_s,
                   struct metrics *m)
{
	double lost_s = 0, node_s = m->makespan_s * setup->cluster->nodes;
	for (uint32_t i = 0; i < setup->count; i++)
		lost_s += (double)outcome->jobs[i].lost_gpu_ns * 1e-9;
	m->facility_j = m->energy_j * setup->cluster->pue;
	m->carbon_g = setup->carbon ? outcome->carbon_g : (double)NAN;
	m->cost = setup->price ? outcome->cost : (double)NAN;
	m->lost_gpu_s = lost_s;
	m->lost_share = gpu_s > 0 ? lost_s / gpu_s : 0;
	m->failures = outcome->failures;
	m->sleeps = outcome->sleeps;
	m->wakes = outcome->wakes;
	m->asleep_share = node_s > 0 ? (double)outcome->asleep_node_ns * 1e-9 / node_s : 0;
	m->down_share = node_s > 0 ? (double)outcome->down_node_ns * 1e-9 / node_s : 0;
}

static void account(const struct sim_setup *setup, const struct sim_outcome *outcome,
                    struct metrics *m)
{
	m->host_j = (double)outcome->host_energy * 1e-15;
	m->free_gpu_j = (double)(outcome->idle_energy - outcome->host_energy) * 1e-15;
	for (size_t g = 0; g < setup->cluster->group_count; g++) {
		double held_s = (double)outcome->held_gpu_ns[g] * 1e-9;
		double restart_s = (double)outcome->restart_gpu_ns[g] * 1e-9;
		m->restart_j += restart_s * setup->gpu_idle_w[g];
		m->static_j += (held_s - restart_s) * setup->gpu_idle_w[g];
	}
	m->dynamic_j = m->active_j - m->restart_j - m->static_j;
}

bool metrics_of(const struct sim_setup *setup, const struct sim_outcome *outcome,
                struct arena *arena, struct metrics *m)
{
	*m = (struct metrics){ 0 };
	double *jct_s = ARENA_ARRAY(arena, double, setup->count);
	double *wait_s = ARENA_ARRAY(arena, double, setup->count);
	if (!jct_s || !wait_s)
		return false;
	times(setup, outcome, jct_s, wait_s, m);
	m->makespan_end_s = (double)outcome->end_ns * 1e-9;
	m->makespan_s = span_s(outcome->begin_ns, outcome->end_ns);
	double gpu_s = 0;
	for (uint32_t i = 0; i < setup->count; i++)
		gpu_s += (double)outcome->jobs[i].attained_gpu_ns * 1e-9;
	double there_s = m->makespan_s * setup->cluster->gpus;
	m->utilisation = there_s > 0 ? gpu_s / there_s : 0;
	m->jobs_per_hour = m->makespan_s > 0 ? setup->count / m->makespan_s * 3600 : (double)NAN;
	m->energy_j = (double)outcome->energy * 1e-15;
	m->idle_j = (double)outcome->idle_energy * 1e-15;
	m->active_j = (double)(outcome->energy - outcome->idle_energy) * 1e-15;
	account(setup, outcome, m);
	m->energy_per_job_j = m->energy_j / setup->count;
	m->edp_js = m->energy_j * m->jct_mean_s;
	m->power_mean_w = m->makespan_s > 0 ? m->energy_j / m->makespan_s : (double)NAN;
	m->power_peak_w = (double)outcome->peak_uw * 1e-6;
	supply(setup, outcome, gpu_s, m);
	double budget_w = setup->options.power_budget_w;
	m->budget_use_mean = isfinite(budget_w) ? m->power_mean_w / budget_w : (double)NAN;
	m->budget_use_peak = isfinite(budget_w) ? m->power_peak_w / budget_w : (double)NAN;
	double hours = m->makespan_s / 3600, useful_h = m->useful_gpu_s / 3600;
	m->useful_gpu_h_per_hour = hours > 0 ? useful_h / hours : (double)NAN;
	m->energy_per_useful_gpu_h_j = useful_h > 0 ? m->energy_j / useful_h : (double)NAN;
	m->over_budget_s = (double)outcome->over_budget_ns * 1e-9;
	return backlog(setup, outcome, arena, m);
}
