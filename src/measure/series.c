/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

void series_begin(struct series *series, size_t channels)
{
	if (series->channels != channels || !series->times_ns) {
		series_fini(series);
		series->channels = channels;
		series->times_ns = calloc(SERIES_POINTS_MAX, sizeof *series->times_ns);
		series->energy_uj =
		    calloc(SERIES_POINTS_MAX * (channels + 1), sizeof *series->energy_uj);
		series->failed = !series->times_ns || !series->energy_uj;
	}
	series->count = series->left_out = 0;
	series->stride = 1;
}

void series_fini(struct series *series)
{
	free(series->times_ns);
	free(series->energy_uj);
	*series = (struct series){ 0 };
}

/* Every other point goes; the first stays. */
static void thin(struct series *series)
{
	size_t n = series->channels;
	series->count = (series->count + 1) / 2;
	for (size_t i = 1; i < series->count; i++) {
		series->times_ns[i] = series->times_ns[2 * i];
		memcpy(series->energy_uj + i * n, series->energy_uj + 2 * i * n,
		       n * sizeof *series->energy_uj);
	}
	series->stride *= 2;
	series->left_out = 0;
}

void series_take(struct series *series, const struct meter_sample *sample)
{
	if (series->failed || !series->times_ns)
		return;
	if (series->count && ++series->left_out < series->stride)
		return;
	if (series->count == SERIES_POINTS_MAX) {
		thin(series);
		series->left_out = 1; /* as many as before the last one that was kept */
		if (series->left_out < series->stride)
			return;
	}
	series->left_out = 0;
	series->times_ns[series->count] = sample->time_ns;
	if (series->channels)
		memcpy(series->energy_uj + series->count * series->channels, sample->energy_uj,
		       series->channels * sizeof *series->energy_uj);
	series->count++;
}

/* Mean power of one channel up to point i; NaN where either end lies in a gap. */
static double power_w(const struct series *series, size_t i, size_t channel)
{
	int64_t before = series->energy_uj[(i - 1) * series->channels + channel];
	int64_t now = series->energy_uj[i * series->channels + channel];
	double seconds = seconds_from_ns(series->times_ns[i] - series->times_ns[i - 1]);
	if (before < 0 || now < 0 || seconds <= 0)
		return (double)NAN;
	return (double)(now - before) / 1e6 / seconds;
}

/* The counted channels, greatest energy first. */
static size_t choose(const struct series *series, const struct measurement *m, size_t *chosen)
{
	size_t count = 0;
	for (size_t i = 0; i < m->count && i < series->channels; i++) {
		if (!m->domains[i].in_total)
			continue;
		size_t at = count;
		if (count == SERIES_DOMAINS_MAX) {
			at = count - 1; /* the smallest so far makes room, or stays */
			if (m->domains[chosen[at]].energy_j >= m->domains[i].energy_j)
				continue;
		} else {
			count++;
		}
		chosen[at] = i;
		while (at > 0 && m->domains[chosen[at - 1]].energy_j < m->domains[i].energy_j) {
			chosen[at] = chosen[at - 1];
			chosen[--at] = i;
		}
	}
	return count;
}

json_t *series_to_json(const struct series *series, const struct measurement *m)
{
	size_t chosen[SERIES_DOMAINS_MAX];
	if (series->failed || series->count < 2)
		return NULL;
	size_t n = choose(series, m, chosen);
	json_t *times = json_array(), *powers = json_object(), *total = json_array();
	for (size_t i = 1; i < series->count; i++) {
		double sum_w = 0;
		for (size_t c = 0; c < m->count && c < series->channels; c++)
			if (m->domains[c].in_total)
				sum_w += power_w(series, i, c);
		json_array_append_new(
		    times, json_real(seconds_from_ns(series->times_ns[i] - series->times_ns[0])));
		json_array_append_new(total, json_number(sum_w));
	}
	json_object_set_new(powers, "total", total);
	for (size_t k = 0; k < n; k++) {
		json_t *list = json_array();
		for (size_t i = 1; i < series->count; i++)
			json_array_append_new(list, json_number(power_w(series, i, chosen[k])));
		json_object_set_new(powers, m->domains[chosen[k]].name, list);
	}
	return json_pack("{s:o, s:o}", "time_s", times, "power_w", powers);
}
