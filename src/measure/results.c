/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/results.h"

#include <math.h>

#include "base/stats.h"
#include "base/units.h"

static void add_domain(struct domain_energy *sum, const struct domain_energy *one)
{
	sum->valid = sum->valid || one->valid;
	sum->energy_j += one->energy_j;
	sum->low_j += one->low_j;
	sum->high_j += one->high_j;
	sum->average_power_w += one->average_power_w;
	sum->peak_power_w = fmax(sum->peak_power_w, one->peak_power_w);
	sum->covered_s += one->covered_s;
	sum->gap_s += one->gap_s;
	sum->stuck_s += one->stuck_s;
	sum->gaps += one->gaps;
	sum->failures += one->failures;
	sum->wraps += one->wraps;
	sum->unseen_half_j += one->unseen_half_j;
}

static void divide_domain(struct domain_energy *sum, double n)
{
	sum->energy_j /= n;
	sum->low_j /= n;
	sum->high_j /= n;
	sum->average_power_w /= n;
	sum->covered_s /= n;
	sum->gap_s /= n;
	sum->stuck_s /= n;
	sum->unseen_half_j /= n;
}

/* Runs at shifted phase show a source that looks part of the time different parts of the load: how
 * much they differ tells how far their mean may be off. At evenly shifted phases that is more than
 * it is, for together they leave out less than chance would. */
static double spread_half_j(const struct run_result *results, size_t count, size_t d)
{
	double sum_j = 0, square_j = 0, n = (double)count;
	for (size_t i = 0; i < count; i++)
		sum_j += results[i].energy.domains[d].energy_j;
	for (size_t i = 0; i < count; i++)
		square_j += pow(results[i].energy.domains[d].energy_j - sum_j / n, 2);
	return student_t_quantile(0.95, n - 1) * sqrt(square_j / (n - 1) / n);
}

/* What one run cannot know for want of looking, several can. */
static void narrow(struct measurement *m, const struct run_result *results, size_t count)
{
	enum { RUNS_NEEDED = 4 };
	for (size_t d = 0; count >= RUNS_NEEDED && d < m->count; d++) {
		struct domain_energy *domain = &m->domains[d];
		if (domain->unseen_half_j <= 0 || !domain->valid)
			continue;
		double half_j = spread_half_j(results, count, d);
		double less_j = domain->unseen_half_j - half_j;
		if (less_j <= 0)
			continue;
		domain->low_j = fmin(domain->low_j + less_j, domain->energy_j);
		domain->high_j = fmax(domain->high_j - less_j, domain->energy_j);
		domain->unseen_half_j = half_j;
		if (domain->in_total) {
			/* The total's width is the root of its domains' squares (window.c). */
			double low = m->energy_j - m->low_j, high = m->high_j - m->energy_j;
			double own = domain->energy_j - domain->low_j + less_j;
			double shrunk = sqrt(fmax(0, low * low - own * own + pow(own - less_j, 2)));
			m->low_j = m->energy_j - fmin(low, shrunk);
			own = domain->high_j - domain->energy_j + less_j;
			shrunk = sqrt(fmax(0, high * high - own * own + pow(own - less_j, 2)));
			m->high_j = m->energy_j + fmin(high, shrunk);
		}
	}
}

/* Peaks are the greatest of all runs, counts are summed, the rest is the mean. */
static enum ergon_code mean_of(const struct run_result *results, size_t count,
                               struct run_result *mean)
{
	*mean = results[0];
	mean->shares = mean->series = NULL; /* of one run only */
	if (measurement_copy(&mean->energy, &results[0].energy, NULL))
		return ERGON_NO_MEMORY;
	struct measurement *m = &mean->energy;
	for (size_t i = 1; i < count; i++) {
		const struct measurement *one = &results[i].energy;
		for (size_t d = 0; d < m->count && d < one->count; d++)
			add_domain(&m->domains[d], &one->domains[d]);
		m->duration_s += one->duration_s;
		m->energy_j += one->energy_j;
		m->low_j += one->low_j;
		m->high_j += one->high_j;
		m->average_power_w += one->average_power_w;
		m->modelled_j += one->modelled_j;
		m->peak_power_w = fmax(m->peak_power_w, one->peak_power_w);
		m->samples += one->samples;
		m->late += one->late;
		m->own_cpu_s += one->own_cpu_s;
		m->suspended_s += one->suspended_s;
		m->measured = m->measured || one->measured;
		m->modelled = m->modelled || one->modelled;
		mean->user_s += results[i].user_s;
		mean->system_s += results[i].system_s;
		mean->machine_cpu_s += results[i].machine_cpu_s;
		if (results[i].status)
			mean->status = results[i].status;
	}
	double n = (double)count;
	for (size_t d = 0; d < m->count; d++)
		divide_domain(&m->domains[d], n);
	m->duration_s /= n;
	m->energy_j /= n;
	m->low_j /= n;
	m->high_j /= n;
	m->average_power_w /= n;
	m->modelled_j /= n;
	narrow(m, results, count);
	mean->user_s /= n;
	mean->system_s /= n;
	mean->machine_cpu_s /= n;
	return ERGON_OK;
}

static json_t *spread(const struct run_result *results, size_t count)
{
	double sum_j = 0, sum_s = 0, square_j = 0, square_s = 0;
	json_t *runs = json_array();
	for (size_t i = 0; i < count; i++) {
		sum_j += results[i].energy.energy_j;
		sum_s += results[i].energy.duration_s;
		json_array_append_new(runs, json_pack("{s:f, s:f, s:i}", "duration_s",
		                                      results[i].energy.duration_s, "energy_j",
		                                      results[i].energy.energy_j, "exit_status",
		                                      results[i].status));
	}
	double n = (double)count, mean_j = sum_j / n, mean_s = sum_s / n;
	for (size_t i = 0; i < count; i++) {
		square_j += pow(results[i].energy.energy_j - mean_j, 2);
		square_s += pow(results[i].energy.duration_s - mean_s, 2);
	}
	double deviation_j = sqrt(square_j / (n - 1)), deviation_s = sqrt(square_s / (n - 1));
	double t = student_t_quantile(0.95, n - 1);
	return json_pack("{s:I, s:f, s:f, s:f, s:f, s:o}", "count", (json_int_t)count,
	                 "energy_stddev_j", deviation_j, "energy_ci95_j", t * deviation_j / sqrt(n),
	                 "duration_stddev_s", deviation_s, "duration_ci95_s",
	                 t * deviation_s / sqrt(n), "runs", runs);
}

json_t *run_results_to_json(const struct run_result *results, size_t count)
{
	if (count == 1)
		return run_result_to_json(&results[0]);
	struct run_result mean;
	if (mean_of(results, count, &mean))
		return NULL;
	json_t *document = run_result_to_json(&mean);
	if (document && json_object_set_new(document, "repeat", spread(results, count))) {
		json_decref(document);
		document = NULL;
	}
	measurement_fini(&mean.energy);
	return document;
}

bool run_json_add_costs(json_t *document, const struct grid *grid, double price_per_kwh)
{
	const json_t *energy = json_object_get(json_object_get(document, "total"), "energy_j");
	if (!json_is_number(energy))
		return true; /* of an unknown energy nothing follows */
	double energy_j = json_number_value(energy);
	double kwh = energy_j / J_PER_KWH;
	json_t *carbon = json_pack("{s:f, s:s, s:s, s:f, s:s}", "g_co2e", kwh * grid->g_per_kwh,
	                           "grid", grid->code, "grid_name", grid->name, "g_per_kwh",
	                           grid->g_per_kwh, "source", grid->source);
	if (json_object_set_new(document, "carbon", carbon))
		return false;
	if (price_per_kwh <= 0)
		return true;
	return json_object_set_new(document, "cost",
	                           json_pack("{s:f, s:f}", "amount", kwh * price_per_kwh,
	                                     "price_per_kwh", price_per_kwh)) == 0;
}
