/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows of a running meter, and what they amount to.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"
#include "base/units.h"
#include "measure/meter_state.h"
#include "measure/tree.h"

static void region_free(struct meter_region *region)
{
	if (!region)
		return;
	free(region->sums);
	free(region->peaks);
	free(region);
}

/* The whole window counts from the readings of begin; a region inside reads for itself. */
static void region_start(struct meter *meter, struct meter_region *region)
{
	bool inner = meter->window != NULL;
	if (inner)
		meter_round(meter, 0);
	pthread_mutex_lock(&meter->lock);
	const struct ergon_clock *clock = meter->env->clock;
	region->begin_ns = meter->round_ns; /* windows last from reading to reading */
	region->unix_ns = clock->realtime_ns(clock->user);
	region->samples = inner ? meter->samples - 1 : 0;
	region->late = meter->late;
	region->cpu_ns = inner ? meter_cpu_ns(meter) : 0;
	region->suspended_ns = meter->suspended_ns;
	double total_j = 0;
	for (size_t i = 0; i < meter->channel_count; i++) {
		const struct integrator *in = &meter->integrators[i];
		double energy_j = channel_sum_j(in->channel, &in->sum);
		region->sums[i] = in->sum;
		region->peaks[i] = (struct peak){ energy_j, in->sum.covered_ns, 0 };
		total_j += meter->in_peak[i] ? energy_j : 0;
	}
	region->total_peak = (struct peak){ total_j, region->begin_ns, 0 };
	region->next = meter->regions;
	meter->regions = region;
	pthread_mutex_unlock(&meter->lock);
}

enum ergon_code meter_region_begin(struct meter *meter, struct meter_region **out,
                                   struct ergon_error *err)
{
	*out = NULL;
	if (!meter->running)
		return ergon_fail(err, ERGON_INTERNAL, "a region needs a running meter");
	struct meter_region *region = calloc(1, sizeof *region);
	if (region) {
		region->sums = calloc(meter->channel_count + 1, sizeof *region->sums);
		region->peaks = calloc(meter->channel_count + 1, sizeof *region->peaks);
	}
	if (!region || !region->sums || !region->peaks) {
		region_free(region);
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	}
	region_start(meter, region);
	*out = region;
	return ERGON_OK;
}

/* What lies between the samples of a power: 95% by successive differences, which is exact for a
 * load that changes at random and wide for one that seldom does. A source that averages over all of
 * its refresh misses nothing between; a load that keeps step with the sampling cannot be told by
 * any statistic. */
static double between_half_j(const struct channel *channel, const struct channel_sum *sum,
                             const struct domain_energy *domain)
{
	if (channel->behaviour == CHANNEL_ENERGY_COUNTER)
		return 0;
	double seen = channel->refresh_us && channel->window_us
	                  ? fmin(1, (double)channel->window_us / channel->refresh_us)
	                  : 0;
	double looks = sum->steps;
	if (channel->refresh_us)
		looks = fmin(looks, domain->covered_s * 1e6 / channel->refresh_us);
	if (looks < 3) /* nothing to tell how much power changes */
		return (1 - seen) * domain->energy_j;
	return student_t_quantile(0.95, looks - 1) * (1 - seen) * sqrt(fmax(0, sum->step_j2) / 2);
}

/* Half the width of the interval that the true energy lies in, beside gaps: twice the sensor's own
 * error, and what the source may be behind by at either end of the window. */
static double half_width_j(const struct channel *channel, const struct domain_energy *domain,
                           double power_w, uint64_t interval_ns)
{
	double lag_s = (double)channel->refresh_us / 1e6;
	if (channel->behaviour == CHANNEL_ENERGY_COUNTER)
		return 2 * channel->relative_error * domain->energy_j + power_w * lag_s +
		       channel->resolution / 1e6;
	/* A mean is half its window late, a held value up to a refresh, and a sample half a step.
	 */
	double step_s = fmin(seconds_from_ns(interval_ns), domain->covered_s);
	if (channel->window_us)
		lag_s += (double)channel->window_us / 2e6;
	else
		lag_s = fmax(lag_s, step_s / 2);
	return 2 * channel->relative_error * domain->energy_j + power_w * lag_s;
}

/* What a source that looks part of the time may have missed: the standard error of the mean of what
 * it did see, with neighbours that are alike counted as fewer (first-order autocorrelation), at 95%
 * by Student's t. A load that keeps step with the source cannot be told by any statistic. */
static double unseen_half_j(const struct channel *channel, const struct channel_sum *sum,
                            const struct domain_energy *domain)
{
	if (channel->observed_share <= 0 || channel->observed_share >= 1)
		return 0;
	double unseen = 1 - channel->observed_share, n = sum->updates;
	if (n < 3) /* nothing to tell how much power changes: all that was not seen may differ */
		return unseen * domain->energy_j;
	double mean_w = sum->update_w / n;
	double variance = fmax(0, (sum->update_w2 - n * mean_w * mean_w) / (n - 1));
	if (variance <= 0)
		return 0;
	double lag = (sum->update_lag_w2 / n - mean_w * mean_w) / variance;
	lag = fmin(fmax(lag, 0), 0.99);
	double alike = fmax(2, n * (1 - lag) / (1 + lag));
	return student_t_quantile(0.95, fmax(1, alike - 1)) * sqrt(variance * unseen / alike) *
	       domain->covered_s;
}

static void fill_domain(const struct meter *meter, size_t i, const struct channel_sum *sum,
                        double peak_w, double duration_s, struct domain_energy *domain)
{
	const struct channel *channel = &meter->channels[i];
	*domain = (struct domain_energy){ .driver = meter_channel_driver(meter, i),
		                          .provenance = channel->provenance,
		                          .behaviour = channel->behaviour,
		                          .relative_error = channel->relative_error,
		                          .refresh_us = channel->refresh_us,
		                          .gaps = sum->gaps,
		                          .failures = sum->failures,
		                          .wraps = sum->wraps };
	memcpy(domain->name, channel->name, sizeof domain->name);
	memcpy(domain->duplicate_of, channel->twin_of, sizeof domain->duplicate_of);
	domain->valid = sum->steps > 0;
	domain->energy_j = channel_sum_j(channel, sum);
	domain->covered_s = seconds_from_ns(sum->covered_ns);
	domain->gap_s = seconds_from_ns(sum->gap_ns);
	domain->stuck_s = seconds_from_ns(sum->stuck_ns);
	if (domain->covered_s > 0)
		domain->average_power_w = domain->energy_j / domain->covered_s;
	domain->peak_power_w = fmax(peak_w, domain->average_power_w);
	double half_j = half_width_j(channel, domain, domain->peak_power_w, meter->interval_ns);
	domain->observed_share = channel->observed_share;
	domain->unseen_half_j = unseen_half_j(channel, sum, domain);
	half_j += domain->unseen_half_j;
	if (channel->observed_share <= 0)
		half_j += between_half_j(channel, sum, domain);
	/* A counter that showed nothing yet may be about to show all it can. */
	double missed_s = fmax(domain->gap_s, 0);
	double unseen_w = domain->peak_power_w;
	if (channel->behaviour == CHANNEL_ENERGY_COUNTER && sum->counter_uj == 0 &&
	    duration_s * 1e6 < 2.0 * channel->refresh_us) {
		unseen_w = channel->max_power_w > 0 ? channel->max_power_w : unseen_w;
		missed_s = duration_s;
	}
	domain->low_j = fmax(0, domain->energy_j - half_j);
	domain->high_j = domain->energy_j + half_j + missed_s * unseen_w;
}

/* Dies of one package that always show the same are one counter seen twice (AMD's multi-die
 * packages do so). Only within a package: two sockets may well run alike. */
static bool mirrors(const struct meter *meter, size_t a, size_t b)
{
	const struct integrator *x = &meter->integrators[a], *y = &meter->integrators[b];
	const char *name_x = meter->channels[a].name, *name_y = meter->channels[b].name;
	const char *die_x = strstr(name_x, "-die-"), *die_y = strstr(name_y, "-die-");
	if (!die_x || !die_y || die_x - name_x != die_y - name_y ||
	    strncmp(name_x, name_y, (size_t)(die_x - name_x)) != 0 ||
	    strcspn(die_x + 5, "/@") != strlen(die_x + 5) ||
	    strcspn(die_y + 5, "/@") != strlen(die_y + 5))
		return false;
	if (x->sum.steps < 4 || x->sum.counter_uj == 0)
		return false;
	/* Read one after the other: an update may fall between, at most one refresh of energy. */
	double difference = fabs((double)x->sum.counter_uj - (double)y->sum.counter_uj);
	double raw = fabs((double)x->last.raw - (double)y->last.raw);
	double allowed = 2 * fmax(x->fastest_w, y->fastest_w) * meter->channels[a].refresh_us;
	return difference <= allowed && raw <= allowed;
}

static struct domain_energy *domain_named(struct measurement *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->domains[i].name, name) == 0)
			return &m->domains[i];
	return NULL;
}

/* Of twins the one that missed less counts; the preferred one where they are equal. */
static void settle_twins(const struct meter *meter, struct measurement *m)
{
	for (size_t i = 0; i < m->count; i++)
		for (size_t k = i + 1; k < m->count; k++)
			if (!m->domains[i].duplicate_of[0] && !m->domains[k].duplicate_of[0] &&
			    mirrors(meter, i, k))
				memcpy(m->domains[k].duplicate_of, m->domains[i].name,
				       CHANNEL_NAME_SIZE);
	for (size_t i = 0; i < m->count; i++) {
		struct domain_energy *twin = &m->domains[i];
		if (!twin->duplicate_of[0])
			continue;
		struct domain_energy *first = domain_named(m, twin->duplicate_of);
		if (!first)
			twin->duplicate_of[0] = '\0';
		else if (!first->duplicate_of[0] && twin->valid &&
		         (!first->valid || first->gap_s > twin->gap_s)) {
			memcpy(first->duplicate_of, twin->name, CHANNEL_NAME_SIZE);
			twin->duplicate_of[0] = '\0';
		}
	}
}

static enum ergon_code add_up(struct measurement *m, struct ergon_error *err)
{
	struct tree_entry *entries = calloc(m->count + 1, sizeof *entries);
	if (!entries)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < m->count; i++)
		entries[i] = (struct tree_entry){
			.name = m->domains[i].name,
			.counts = m->domains[i].valid && !m->domains[i].duplicate_of[0],
			.energy_j = m->domains[i].energy_j,
		};
	tree_select(entries, m->count);
	double squares_low = 0, squares_high = 0, linear_low = 0, linear_high = 0, average = 0;
	for (size_t i = 0; i < m->count; i++) {
		struct domain_energy *d = &m->domains[i];
		d->in_total = entries[i].in_total;
		if (!d->in_total)
			continue;
		double low = d->energy_j - d->low_j, high = d->high_j - d->energy_j;
		m->energy_j += d->energy_j;
		average += d->average_power_w;
		if (d->provenance == PROVENANCE_MEASURED) {
			m->measured = true;
			squares_low += low * low;
			squares_high += high * high;
		} else { /* models err together */
			m->modelled = true;
			m->modelled_j += d->energy_j;
			linear_low += low;
			linear_high += high;
		}
	}
	m->low_j = fmax(0, m->energy_j - sqrt(squares_low) - linear_low);
	m->high_j = m->energy_j + sqrt(squares_high) + linear_high;
	m->average_power_w = average;
	free(entries);
	return ERGON_OK;
}

static enum ergon_code summarize(struct meter *meter, const struct meter_region *region,
                                 struct measurement *out, struct ergon_error *err)
{
	uint64_t end_ns = meter->round_ns;
	out->domains = calloc(meter->channel_count + 1, sizeof *out->domains);
	if (!out->domains)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	out->count = meter->channel_count;
	out->begin_ns = region->begin_ns;
	out->unix_ns = region->unix_ns;
	out->end_ns = end_ns;
	out->duration_s = seconds_from_ns(end_ns - region->begin_ns);
	out->interval_s = seconds_from_ns(meter->interval_ns);
	out->samples = meter->samples - region->samples;
	out->late = meter->late - region->late;
	out->own_cpu_s = seconds_from_ns(meter_cpu_ns(meter) - region->cpu_ns);
	out->suspended_s = seconds_from_ns(meter->suspended_ns - region->suspended_ns);
	for (size_t i = 0; i < out->count; i++) {
		struct integrator ended = meter->integrators[i];
		integrator_finish(&ended, end_ns);
		struct channel_sum sum = channel_sum_minus(&ended.sum, &region->sums[i]);
		fill_domain(meter, i, &sum, region->peaks[i].best_w, out->duration_s,
		            &out->domains[i]);
	}
	settle_twins(meter, out);
	enum ergon_code code = add_up(out, err);
	out->peak_power_w = fmax(region->total_peak.best_w, out->average_power_w);
	return code;
}

enum ergon_code meter_region_end(struct meter *meter, struct meter_region *region,
                                 struct measurement *out, struct ergon_error *err)
{
	meter_round(meter, region == meter->window ? 5 : 0);
	pthread_mutex_lock(&meter->lock);
	struct meter_region **link = &meter->regions;
	while (*link && *link != region)
		link = &(*link)->next;
	if (*link)
		*link = region->next;
	enum ergon_code code = out ? summarize(meter, region, out, err) : ERGON_OK;
	pthread_mutex_unlock(&meter->lock);
	region_free(region);
	return code;
}
