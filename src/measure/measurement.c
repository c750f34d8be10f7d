/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/measurement.h"

#include <stdlib.h>
#include <string.h>

void measurement_fini(struct measurement *measurement)
{
	free(measurement->domains);
	*measurement = (struct measurement){ 0 };
}

enum ergon_code measurement_copy(struct measurement *to, const struct measurement *from,
                                 struct ergon_error *err)
{
	struct domain_energy *domains = calloc(from->count + 1, sizeof *domains);
	if (!domains)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	if (from->count)
		memcpy(domains, from->domains, from->count * sizeof *domains);
	*to = *from;
	to->domains = domains;
	return ERGON_OK;
}

const struct domain_energy *measurement_domain(const struct measurement *measurement,
                                               const char *name)
{
	for (size_t i = 0; i < measurement->count; i++)
		if (strcmp(measurement->domains[i].name, name) == 0)
			return &measurement->domains[i];
	return NULL;
}

/* What could not be read is unknown, which is not 0. */
static json_t *known(bool is_known, double value)
{
	return is_known ? json_real(value) : json_null();
}

static json_t *domain_to_json(const struct domain_energy *d)
{
	json_t *object = json_pack(
	    "{s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:s, s:b, s:b, s:f, s:f, s:f, s:f, s:i, s:i, s:i}",
	    "name", d->name, "energy_j", known(d->valid, d->energy_j), "energy_low_j",
	    known(d->valid, d->low_j), "energy_high_j", known(d->valid, d->high_j), "provenance",
	    provenance_name(d->provenance), "average_power_w", known(d->valid, d->average_power_w),
	    "peak_power_w", known(d->valid, d->peak_power_w), "driver", d->driver, "valid",
	    d->valid, "in_total", d->in_total, "relative_error", d->relative_error, "covered_s",
	    d->covered_s, "gap_s", d->gap_s, "stuck_s", d->stuck_s, "gaps", (int)d->gaps,
	    "failed_reads", (int)d->failures, "wraps", (int)d->wraps);
	if (object && d->observed_share > 0)
		json_object_set_new(object, "observed_share", json_real(d->observed_share));
	if (object && d->duplicate_of[0])
		json_object_set_new(object, "duplicate_of", json_string(d->duplicate_of));
	return object;
}

static const char *total_provenance(const struct measurement *m)
{
	if (m->measured)
		return m->modelled ? "measured and modelled" : "measured";
	return m->modelled ? "modelled" : "none";
}

json_t *measurement_to_json(const struct measurement *m)
{
	json_t *domains = json_array();
	for (size_t i = 0; i < m->count; i++)
		json_array_append_new(domains, domain_to_json(&m->domains[i]));
	bool any = m->measured || m->modelled;
	json_t *total = json_pack(
	    "{s:o, s:o, s:o, s:s, s:f, s:o, s:o, s:o}", "energy_j", known(any, m->energy_j),
	    "energy_low_j", known(any, m->low_j), "energy_high_j", known(any, m->high_j),
	    "provenance", total_provenance(m), "modelled_j", m->modelled_j, "average_power_w",
	    known(any, m->average_power_w), "peak_power_w", known(any, m->peak_power_w), "edp_js",
	    known(any, m->energy_j * m->duration_s));
	json_t *sampling = json_pack("{s:f, s:I, s:I, s:f, s:f}", "interval_s", m->interval_s,
	                             "samples", (json_int_t)m->samples, "late", (json_int_t)m->late,
	                             "own_cpu_s", m->own_cpu_s, "suspended_s", m->suspended_s);
	return json_pack("{s:f, s:f, s:o, s:o, s:o}", "duration_s", m->duration_s, "started_unix_s",
	                 (double)m->unix_ns / 1e9, "domains", domains, "total", total, "sampling",
	                 sampling);
}
