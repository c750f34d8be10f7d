/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/phase_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static const double CELL_MAX = 1e18, DRIFT = 0.03;
enum { KINDS_MAX = 1000 }; /* what comes beyond counts as one more */

static enum ergon_code no_memory(struct ergon_error *err)
{
	return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

static enum ergon_code read_column(const struct csv *csv, const char *name, struct arena *arena,
                                   double **values, struct ergon_error *err)
{
	size_t column;
	enum ergon_code code = csv_need_column(csv, name, &column, err);
	if (code)
		return code;
	*values = ARENA_ARRAY(arena, double, csv->rows + 1);
	if (!*values)
		return no_memory(err);
	for (size_t i = 0; !code && i < csv->rows; i++)
		code = csv_real(csv, i, column, -CELL_MAX, CELL_MAX, &(*values)[i], err);
	return code;
}

static enum ergon_code read_times(const struct csv *csv, const char *name, struct arena *arena,
                                  struct phase_table *table, struct ergon_error *err)
{
	enum ergon_code code = read_column(csv, name, arena, &table->times_s, err);
	for (size_t i = 1; !code && i < csv->rows; i++)
		if (!(table->times_s[i] > table->times_s[i - 1]))
			code = ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, csv->line[i],
			                     "%s: expected a time after %g, found %g", name,
			                     table->times_s[i - 1], table->times_s[i]);
	return code;
}

/* Columns side by side, as phases_find wants them. */
static enum ergon_code read_series(const struct csv *csv, const char *list, struct arena *arena,
                                   struct phase_table *table, double **samples,
                                   struct ergon_error *err)
{
	double *columns[PHASE_DIMS_MAX];
	char *rest = arena_strdup(arena, list);
	if (!rest)
		return no_memory(err);
	while (rest) {
		const char *name = strsep(&rest, ",");
		if (table->dims == PHASE_DIMS_MAX)
			return ergon_fail(err, ERGON_BAD_INPUT, "--series: at most %d columns",
			                  PHASE_DIMS_MAX);
		enum ergon_code code = read_column(csv, name, arena, &columns[table->dims], err);
		if (code)
			return code;
		table->names[table->dims++] = name;
	}
	*samples = ARENA_ARRAY(arena, double, csv->rows * table->dims);
	if (!*samples)
		return no_memory(err);
	for (size_t i = 0; i < csv->rows; i++)
		for (size_t d = 0; d < table->dims; d++)
			(*samples)[i * table->dims + d] = columns[d][i];
	return ERGON_OK;
}

/* Do two phases have the same level? Within three standard errors of the difference, and 3% for
 * drift, in every dimension. */
static bool alike(const struct phase_table *t, const struct phase *a, const struct phase *b)
{
	double na = (double)(a->end - a->begin), nb = (double)(b->end - b->begin);
	for (size_t d = 0; d < t->dims; d++) {
		double error = t->phases.noise[d] * sqrt(1 / na + 1 / nb);
		double drift = DRIFT * fmax(fabs(a->mean[d]), fabs(b->mean[d]));
		if (fabs(a->mean[d] - b->mean[d]) > 3 * error + drift)
			return false;
	}
	return true;
}

static enum ergon_code find_kinds(struct phase_table *t, struct arena *arena,
                                  struct ergon_error *err)
{
	size_t n = t->phases.count;
	t->kind = ARENA_ARRAY(arena, unsigned, n);
	size_t *first = ARENA_ARRAY(arena, size_t, KINDS_MAX);
	if (!t->kind || !first)
		return no_memory(err);
	for (size_t p = 0; p < n; p++) {
		unsigned k = 0;
		while (k < t->kinds && !alike(t, &t->phases.items[first[k]], &t->phases.items[p]))
			k++;
		if (k == t->kinds && k < KINDS_MAX)
			first[t->kinds++] = p;
		t->kind[p] = k;
	}
	return ERGON_OK;
}

static enum ergon_code account(struct phase_table *t, struct arena *arena, struct ergon_error *err)
{
	size_t n = t->phases.count;
	t->begin_s = ARENA_ARRAY(arena, double, n);
	t->duration_s = ARENA_ARRAY(arena, double, n);
	t->energy_j = t->power_w ? ARENA_ARRAY(arena, double, n) : NULL;
	if (!t->begin_s || !t->duration_s || (t->power_w && !t->energy_j))
		return no_memory(err);
	for (size_t p = 0; p < n; p++) {
		const struct phase *phase = &t->phases.items[p];
		size_t last = phase->end < t->count ? phase->end : t->count - 1;
		t->begin_s[p] = t->times_s[phase->begin];
		t->duration_s[p] = t->times_s[last] - t->begin_s[p];
		for (size_t i = phase->begin; t->energy_j && i < last; i++)
			t->energy_j[p] += 0.5 * (t->power_w[i] + t->power_w[i + 1]) *
			                  (t->times_s[i + 1] - t->times_s[i]);
	}
	return ERGON_OK;
}

static enum ergon_code find_classes(const struct csv *csv, const struct phase_request *request,
                                    struct phase_table *t, struct arena *arena,
                                    struct ergon_error *err)
{
	struct phase_columns columns;
	enum ergon_code code = phase_columns_read(csv, arena, &columns, err);
	t->machine.idle_power_w = request->idle_power_w > 0 ? request->idle_power_w : (double)NAN;
	if (!code && request->profile)
		code = phase_machine_read(request->profile, &t->machine, err);
	if (code)
		return code;
	t->means = ARENA_ARRAY(arena, struct phase_means, t->phases.count);
	t->verdicts = ARENA_ARRAY(arena, struct workload_verdict, t->phases.count);
	if (!t->means || !t->verdicts)
		return no_memory(err);
	for (size_t p = 0; p < t->phases.count; p++) {
		const struct phase *phase = &t->phases.items[p];
		t->means[p] = phase_means_of(&columns, t->power_w, phase->begin, phase->end);
		t->verdicts[p] = phase_classify(&t->means[p], &t->machine);
	}
	return ERGON_OK;
}

enum ergon_code phase_table_analyse(const struct csv *csv, const struct phase_request *request,
                                    struct arena *arena, struct phase_table *table,
                                    struct ergon_error *err)
{
	double *samples;
	enum ergon_code code = ERGON_OK;
	*table = (struct phase_table){ 0 };
	if (csv->rows < 2)
		code = ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, 1,
		                     "expected two rows or more below the header");
	if (!code && !request->time)
		code = ergon_fail(err, ERGON_BAD_INPUT,
		                  "--time: expected the column that holds the time in seconds");
	const char *series = request->series ? request->series : request->power;
	if (!code && !series)
		code = ergon_fail(err, ERGON_BAD_INPUT,
		                  "expected --power COLUMN, --series COLUMNS or both");
	if (code)
		return code;
	table->file = csv->file;
	table->count = csv->rows;
	code = read_times(csv, request->time, arena, table, err);
	if (!code)
		code = read_series(csv, series, arena, table, &samples, err);
	if (!code && request->power)
		code = read_column(csv, request->power, arena, &table->power_w, err);
	if (!code)
		code = phases_find(samples, table->count, table->dims, &request->options,
		                   &table->phases, err);
	if (code)
		return code;
	double step_s =
	    (table->times_s[table->count - 1] - table->times_s[0]) / (double)(table->count - 1);
	if (table->count <= PHASES_EXACT_MAX)
		table->period_s =
		    step_s * (double)phases_period(samples, table->count, table->dims, 0.5);
	code = find_kinds(table, arena, err);
	if (!code)
		code = account(table, arena, err);
	return code ? code : find_classes(csv, request, table, arena, err);
}

enum ergon_code phase_table_read(const char *path, const struct phase_request *request,
                                 struct arena *arena, struct phase_table *table,
                                 struct ergon_error *err)
{
	struct csv csv;
	*table = (struct phase_table){ 0 };
	enum ergon_code code = csv_read(path, arena, &csv, err);
	return code ? code : phase_table_analyse(&csv, request, arena, table, err);
}

void phase_table_fini(struct phase_table *table)
{
	phases_fini(&table->phases);
}

static json_t *phase_to_json(const struct phase_table *t, size_t p)
{
	const struct phase *phase = &t->phases.items[p];
	json_t *means = json_object();
	for (size_t d = 0; d < t->dims; d++)
		json_object_set_new(means, t->names[d], json_number(phase->mean[d]));
	json_t *o = json_pack("{s:I, s:i, s:o, s:o, s:o}", "samples",
	                      (json_int_t)(phase->end - phase->begin), "kind", (int)t->kind[p],
	                      "begin_s", json_number(t->begin_s[p]), "time_s",
	                      json_number(t->duration_s[p]), "means", means);
	if (o && t->energy_j) {
		double e = t->energy_j[p], s = t->duration_s[p];
		json_object_set_new(o, "energy_j", json_number(e));
		json_object_set_new(o, "power_w", json_number(e / s));
		json_object_set_new(o, "edp_js", json_number(e * s));
	}
	const struct phase_means *m = &t->means[p];
	json_t *more = json_pack(
	    "{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "class",
	    workload_class_name(t->verdicts[p].class), "evidence", t->verdicts[p].because,
	    "flops_per_s", json_number(phase_flops_per_s(m)), "bytes_per_s",
	    json_number(m->of[PHASE_BYTES]), "ipc", json_number(m->of[PHASE_IPC]), "gpu_busy",
	    json_number(m->of[PHASE_GPU]), "cache_bytes_per_s", json_number(m->of[PHASE_CACHE]),
	    "stall_share", json_number(m->of[PHASE_STALL]));
	json_object_update(o, more);
	json_decref(more);
	return o;
}

json_t *phase_table_to_json(const struct phase_table *table)
{
	json_t *array = json_array(), *noise = json_object();
	for (size_t p = 0; p < table->phases.count; p++)
		json_array_append_new(array, phase_to_json(table, p));
	for (size_t d = 0; d < table->dims; d++)
		json_object_set_new(noise, table->names[d], json_number(table->phases.noise[d]));
	const struct phase_machine *m = &table->machine;
	json_t *roofs = !m->has_roofs
	                    ? json_null()
	                    : json_pack("{s:o, s:o, s:o, s:o}", "f64_flops_per_s",
	                                json_number(m->roofs.f64_flops_per_s), "f32_flops_per_s",
	                                json_number(m->roofs.f32_flops_per_s), "bytes_per_s",
	                                json_number(m->roofs.bytes_per_s), "cache_bytes_per_s",
	                                json_number(m->roofs.cache_bytes_per_s));
	return json_pack("{s:s, s:i, s:s, s:I, s:i, s:o, s:o, s:o, s:o}", "kind", "ergon.phases",
	                 "version", 1, "file", table->file, "samples", (json_int_t)table->count,
	                 "kinds", (int)table->kinds, "period_s",
	                 table->period_s > 0 ? json_real(table->period_s) : json_null(), "noise",
	                 noise, "roofs", roofs, "phases", array);
}
