/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/sim/metrics.h"

#include <math.h>

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
	return NAN;
}

static double span_s(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (double)(to_ns - from_ns) * 1e-9 : 0;
}

static void fairness(const struct sim_setup *setup, const double *jct_s, struct metrics *m)
{
	double sum = 0, inverse = 0, inverse_squared = 0;
	uint32_t count = 0;
	for (uint32_t i = 0; i < setup->count; i++) {
		double alone = metrics_alone_s(setup->cluster, setup->oracle, &setup->jobs[i]);
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
	uint32_t count = setup->count;
	double queued_s = 0, critical = 0, missed = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct job_state *state = &outcome->jobs[i];
		const struct job_facts *job = &setup->jobs[i];
		jct_s[i] = span_s(job->arrival_ns, state->end_ns);
		wait_s[i] = span_s(job->arrival_ns, state->start_ns);
		queued_s += jct_s[i];
		m->restarts += state->restarts;
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
	m->energy_per_job_j = m->energy_j / setup->count;
	m->edp_js = m->energy_j * m->jct_mean_s;
	m->power_mean_w = m->makespan_s > 0 ? m->energy_j / m->makespan_s : (double)NAN;
	m->power_peak_w = (double)outcome->peak_uw * 1e-6;
	supply(setup, outcome, gpu_s, m);
	m->over_budget_s = (double)outcome->over_budget_ns * 1e-9;
	return true;
}
