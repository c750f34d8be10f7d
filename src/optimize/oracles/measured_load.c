/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads the folders of the measured oracle.
 */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/units.h"
#include "optimize/oracles/measured_tables.h"

enum { APPLICATIONS_MAX = 256, EPOCHS_MAX = 100000 };

/* What the published experiments fix outside their files. slowdown, restart_s: Sia's, fitted by its
 * authors to runs on their machines (SOSP 2023, artifact). */
static const struct {
	const char *name;
	uint32_t epochs, gpus_limit;
	double max_local, slowdown, restart_s;
} known_applications[] = {
	{ "bert", 2, 0, 0, 1.2, 120 },   { "cifar10", 100, 0, 0, 1.8, 50 },
	{ "ncf", 10, 1, 0, 1.5, 15 },    { "imagenet", 90, 0, 0, 1.2, 250 },
	{ "yolov3", 50, 0, 8, 1.2, 80 }, { "deepspeech2", 80, 0, 0, 1.2, 25 },
};

static const struct {
	const char *suffix, *type;
} known_types[] = {
	{ "", "t4" },
	{ "-aws", "t4" },
	{ "-rtx", "rtx2080ti" },
	{ "-dgx-ext", "a100" },
	{ "-dgx", "a100" },
	{ "-azure", "v100" },
	{ "-quad", "quadro-rtx6000" },
};

uint64_t placement_key(const uint32_t *counts, uint32_t nodes)
{
	uint32_t digits[MEASURED_NODES_MAX];
	uint32_t n = 0;
	for (uint32_t i = 0; i < nodes; i++) {
		if (!counts[i])
			continue;
		if (n == MEASURED_NODES_MAX || counts[i] > 15)
			return 0;
		digits[n++] = counts[i];
	}
	uint64_t best = UINT64_MAX;
	for (uint32_t first = 0; first < n; first++) {
		uint64_t key = 0;
		for (uint32_t i = 0; i < n; i++)
			key = key << 4 | digits[(first + i) % n];
		if (key < best)
			best = key;
	}
	return n ? best : 0;
}

static enum ergon_code need_columns(const struct csv *csv, const char *const *names, size_t count,
                                    size_t *columns, struct ergon_error *err)
{
	enum ergon_code code = ERGON_OK;
	for (size_t i = 0; i < count && !code; i++)
		code = csv_need_column(csv, names[i], &columns[i], err);
	return code;
}

static int by_key_then_batch(const void *a, const void *b)
{
	const struct placement_row *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->local_batch > y->local_batch) - (x->local_batch < y->local_batch);
}

/* The digits of a placement cell. */
static enum ergon_code read_placement(const struct csv *csv, size_t row, size_t column,
                                      struct placement_row *out, double point[3],
                                      struct ergon_error *err)
{
	const char *text = csv_cell(csv, row, column);
	uint32_t counts[MEASURED_NODES_MAX], nodes = 0, gpus = 0;
	for (const char *c = text; *c; c++) {
		if (*c < '0' || *c > '9' || nodes == MEASURED_NODES_MAX)
			return ergon_fail_at(
			    err, ERGON_BAD_INPUT, csv->file, csv->line[row],
			    "placement: '%.40s' is not GPUs on each node as digits "
			    "(at most %d)",
			    text, MEASURED_NODES_MAX);
		gpus += counts[nodes++] = (uint32_t)(*c - '0');
	}
	out->key = placement_key(counts, nodes);
	if (!out->key)
		return ergon_fail_at(err, ERGON_BAD_INPUT, csv->file, csv->line[row],
		                     "placement: '%.40s' holds no GPU", text);
	point[0] = nodes;
	point[1] = gpus;
	return ERGON_OK;
}

/* Rows of equal (nodes, GPUs, local batch) become one point with their mean. */
struct averaged {
	double point[3], sum[2];
	size_t count, order;
};

static int by_point(const void *a, const void *b)
{
	const struct averaged *x = a, *y = b;
	for (int k = 0; k < 3; k++)
		if (x->point[k] != y->point[k])
			return x->point[k] < y->point[k] ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static size_t average(struct averaged *items, size_t count)
{
	qsort(items, count, sizeof *items, by_point);
	size_t made = 0;
	for (size_t i = 0; i < count; i++) {
		struct averaged *last = made ? &items[made - 1] : NULL;
		if (last && memcmp(last->point, items[i].point, sizeof last->point) == 0) {
			last->sum[0] += items[i].sum[0];
			last->sum[1] += items[i].sum[1];
			last->count++;
		} else {
			items[made++] = items[i];
		}
	}
	return made;
}

static enum ergon_code read_placements(const char *path, struct arena *arena,
                                       struct measured_table *table, struct averaged **points,
                                       size_t *point_count, struct ergon_error *err)
{
	static const char *const names[] = { "placement", "local_bsz", "step_time", "sync_time" };
	struct csv csv;
	size_t column[4];
	enum ergon_code code = csv_read(path, arena, &csv, err);
	if (!code)
		code = need_columns(&csv, names, 4, column, err);
	if (code)
		return code;
	if (csv.rows == 0)
		return ergon_fail_at(err, ERGON_BAD_INPUT, csv.file, 0, "no rows");
	table->rows = ARENA_ARRAY(arena, struct placement_row, csv.rows);
	*points = ARENA_ARRAY(arena, struct averaged, csv.rows);
	if (!table->rows || !*points)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	table->row_count = *point_count = csv.rows;
	for (size_t r = 0; r < csv.rows && !code; r++) {
		struct placement_row *row = &table->rows[r];
		struct averaged *point = &(*points)[r];
		code = read_placement(&csv, r, column[0], row, point->point, err);
		if (!code)
			code = csv_real(&csv, r, column[1], 1, 1e9, &row->local_batch, err);
		if (!code)
			code = csv_real(&csv, r, column[2], 1e-9, 1e6, &row->step_s, err);
		if (!code)
			code = csv_real(&csv, r, column[3], 0, 1e6, &row->sync_s, err);
		point->point[2] = row->local_batch;
		point->sum[0] = row->step_s;
		point->sum[1] = row->sync_s;
		point->count = 1;
		point->order = r;
	}
	if (code)
		return code;
	qsort(table->rows, table->row_count, sizeof *table->rows, by_key_then_batch);
	*point_count = average(*points, csv.rows);
	return ERGON_OK;
}

static enum ergon_code read_scalability(const char *path, struct arena *arena,
                                        struct averaged *measured, size_t measured_count,
                                        struct measured_table *table, struct ergon_error *err)
{
	static const char *const names[] = { "num_nodes", "num_replicas", "local_bsz", "step_time",
		                             "sync_time" };
	struct csv csv = { 0 };
	size_t column[5];
	enum ergon_code code = ERGON_OK;
	if (file_exists(path)) {
		code = csv_read(path, arena, &csv, err);
		if (!code)
			code = need_columns(&csv, names, 5, column, err);
		if (code)
			return code;
	}
	size_t count = measured_count + csv.rows;
	table->points = arena_alloc(arena, count, sizeof *table->points);
	table->values = arena_alloc(arena, count, sizeof *table->values);
	if (!table->points || !table->values)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	table->point_count = count;
	for (size_t i = 0; i < measured_count; i++) {
		memcpy(table->points[i], measured[i].point, sizeof table->points[i]);
		for (int v = 0; v < 2; v++)
			table->values[i][v] = measured[i].sum[v] / (double)measured[i].count;
	}
	for (size_t r = 0; r < csv.rows && !code; r++) {
		double *point = table->points[measured_count + r];
		double *value = table->values[measured_count + r];
		for (int k = 0; k < 3 && !code; k++)
			code = csv_real(&csv, r, column[k], 1, 1e9, &point[k], err);
		for (int v = 0; v < 2 && !code; v++)
			code = csv_real(&csv, r, column[3 + v], 0, 1e6, &value[v], err);
	}
	return code;
}

static void summarise(struct measured_table *table)
{
	table->min_local = INFINITY;
	for (size_t r = 0; r < table->row_count; r++) {
		const struct placement_row *row = &table->rows[r];
		table->min_local = fmin(table->min_local, row->local_batch);
		table->max_local = fmax(table->max_local, row->local_batch);
		double compute_s = row->step_s - row->sync_s;
		if (row->key == 1 && compute_s > 0)
			table->top_rate = fmax(table->top_rate, row->local_batch / compute_s);
	}
}

static enum ergon_code read_table(const char *folder, const char *suffix, const char *type,
                                  struct arena *arena, struct measured_application *app,
                                  struct ergon_error *err)
{
	char name[64], path[4096], scaling[4096];
	snprintf(name, sizeof name, "placements%s.csv", suffix);
	bool fits = file_join(path, sizeof path, folder, name);
	snprintf(name, sizeof name, "scalability%s.csv", suffix);
	fits = fits && file_join(scaling, sizeof scaling, folder, name);
	if (!fits || !file_exists(path))
		return ERGON_OK;
	for (uint32_t i = 0; i < app->table_count; i++)
		if (strcmp(app->tables[i].type, type) == 0)
			return ERGON_OK; /* an earlier folder or a fuller file has it */
	if (app->table_count == MEASURED_TYPES_MAX)
		return ergon_fail_at(err, ERGON_BAD_INPUT, path, 0, "more than %d types of GPU",
		                     MEASURED_TYPES_MAX);
	struct measured_table *table = &app->tables[app->table_count];
	struct averaged *points = NULL;
	size_t count = 0;
	table->type = type;
	enum ergon_code code = read_placements(path, arena, table, &points, &count, err);
	if (!code)
		code = read_scalability(scaling, arena, points, count, table, err);
	if (code)
		return code;
	summarise(table);
	for (size_t i = 0; i < sizeof known_applications / sizeof *known_applications; i++)
		if (strcmp(known_applications[i].name, app->name) == 0 &&
		    known_applications[i].max_local > 0)
			table->max_local = known_applications[i].max_local;
	app->table_count++;
	return ERGON_OK;
}

static enum ergon_code read_validation(const char *path, uint32_t batch, struct arena *arena,
                                       struct measured_application *app, struct ergon_error *err)
{
	static const char *const names[] = { "progress", "iteration", "grad_sqr", "grad_var" };
	struct csv csv;
	size_t column[4];
	enum ergon_code code = csv_read(path, arena, &csv, err);
	if (!code)
		code = need_columns(&csv, names, 4, column, err);
	if (code)
		return code;
	if (csv.rows == 0 || csv.rows > EPOCHS_MAX)
		return ergon_fail_at(err, ERGON_BAD_INPUT, csv.file, 0,
		                     "%zu epochs; expected 1 to %d", csv.rows, EPOCHS_MAX);
	if (app->validation_count == MEASURED_BATCHES_MAX)
		return ergon_fail_at(err, ERGON_BAD_INPUT, csv.file, 0, "more than %d batch sizes",
		                     MEASURED_BATCHES_MAX);
	struct validation *validation = &app->validations[app->validation_count];
	double **series[] = { &validation->progress, &validation->iteration, &validation->grad_sqr,
		              &validation->grad_var };
	validation->batch = batch;
	for (int k = 0; k < 4; k++) {
		*series[k] = ARENA_ARRAY(arena, double, csv.rows);
		if (!*series[k])
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
		for (size_t r = 0; r < csv.rows && !code; r++)
			code = csv_real(&csv, r, column[k], 0, 1e300, &(*series[k])[r], err);
	}
	if (code)
		return code;
	app->validation_count++;
	if (!app->epochs || csv.rows < app->epochs)
		app->epochs = (uint32_t)csv.rows;
	return ERGON_OK;
}

static int by_batch(const void *a, const void *b)
{
	const struct validation *x = a, *y = b;
	return (x->batch > y->batch) - (x->batch < y->batch);
}

static enum ergon_code read_validations(const char *folder, struct arena *arena,
                                        struct measured_application *app, struct ergon_error *err)
{
	DIR *dir = opendir(folder);
	if (!dir || app->validation_count) {
		if (dir)
			closedir(dir);
		return ERGON_OK;
	}
	enum ergon_code code = ERGON_OK;
	struct dirent *entry;
	while (!code && (entry = readdir(dir))) {
		unsigned batch;
		char end[8], path[4096];
		if (sscanf(entry->d_name, "validation-%9u%5s", &batch, end) == 2 && batch > 0 &&
		    strcmp(end, ".csv") == 0 && file_join(path, sizeof path, folder, entry->d_name))
			code = read_validation(path, batch, arena, app, err);
	}
	closedir(dir);
	qsort(app->validations, app->validation_count, sizeof *app->validations, by_batch);
	return code;
}

/* progress[e]: the least that any batch size needs to the end of epoch e. */
static enum ergon_code finish_application(struct measured_application *app, struct arena *arena,
                                          const char *folder, struct ergon_error *err)
{
	if (app->progress || !app->validation_count)
		return ERGON_OK;
	for (size_t i = 0; i < sizeof known_applications / sizeof *known_applications; i++)
		if (strcmp(known_applications[i].name, app->name) == 0) {
			if (app->epochs > known_applications[i].epochs)
				app->epochs = known_applications[i].epochs;
			app->gpus_limit = known_applications[i].gpus_limit;
		}
	app->progress = ARENA_ARRAY(arena, double, (size_t)app->epochs + 1);
	if (!app->progress)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (uint32_t e = 0; e < app->epochs; e++) {
		double least = INFINITY;
		for (uint32_t v = 0; v < app->validation_count; v++)
			least = fmin(least, app->validations[v].progress[e]);
		if (!(least > app->progress[e]))
			return ergon_fail_at(err, ERGON_BAD_INPUT, folder, 0,
			                     "validation files: progress does not rise at epoch %u",
			                     e + 1);
		app->progress[e + 1] = least;
	}
	return ERGON_OK;
}

static struct measured_application *application(struct measured_tables *tables, const char *name)
{
	for (size_t i = 0; i < tables->count; i++)
		if (strcmp(tables->applications[i].name, name) == 0)
			return &tables->applications[i];
	if (tables->count == tables->capacity)
		return NULL;
	struct measured_application *app = &tables->applications[tables->count];
	app->name = arena_strdup(tables->arena, name);
	return app->name ? app : NULL;
}

static enum ergon_code read_application(struct measured_tables *tables, const char *folder,
                                        const char *name, struct ergon_error *err)
{
	struct measured_application *app = application(tables, name);
	if (!app)
		return ergon_fail(err, ERGON_BAD_INPUT, "%s: more than %zu applications", folder,
		                  tables->capacity);
	enum ergon_code code = ERGON_OK;
	for (size_t i = 0; i < sizeof known_types / sizeof *known_types && !code; i++)
		code = read_table(folder, known_types[i].suffix, known_types[i].type, tables->arena,
		                  app, err);
	if (!code)
		code = read_validations(folder, tables->arena, app, err);
	if (!code)
		code = finish_application(app, tables->arena, folder, err);
	if (!code && (size_t)(app - tables->applications) == tables->count &&
	    (app->table_count || app->validation_count))
		tables->count++;
	return code;
}

static enum ergon_code read_folder(struct measured_tables *tables, const char *folder,
                                   struct ergon_error *err)
{
	struct dirent **names;
	int count = scandir(folder, &names, NULL, alphasort);
	if (count < 0)
		return ergon_fail(err, ERGON_NOT_FOUND,
		                  "no folder '%s' with an application's tables in each of its "
		                  "folders",
		                  folder);
	enum ergon_code code = ERGON_OK;
	for (int i = 0; i < count; i++) {
		char path[4096];
		if (!code && names[i]->d_name[0] != '.' &&
		    file_join(path, sizeof path, folder, names[i]->d_name) && file_is_dir(path))
			code = read_application(tables, path, names[i]->d_name, err);
		free(names[i]);
	}
	free(names);
	return code;
}

void measured_calibrate_sia(struct measured_tables *tables)
{
	for (size_t a = 0; a < tables->count; a++) {
		struct measured_application *app = &tables->applications[a];
		app->slowdown = 1;
		app->restart_s = 30;
		for (size_t i = 0; i < sizeof known_applications / sizeof *known_applications; i++)
			if (strcmp(known_applications[i].name, app->name) == 0) {
				app->slowdown = known_applications[i].slowdown;
				app->restart_s = known_applications[i].restart_s;
			}
	}
}

enum ergon_code measured_load(const char *folders, struct arena *arena,
                              struct measured_tables **out, struct ergon_error *err)
{
	struct measured_tables *tables = ARENA_NEW(arena, struct measured_tables);
	if (!tables)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	*tables = (struct measured_tables){ .arena = arena, .capacity = APPLICATIONS_MAX };
	tables->folders = arena_strdup(arena, folders);
	tables->applications = ARENA_ARRAY(arena, struct measured_application, APPLICATIONS_MAX);
	if (!tables->folders || !tables->applications)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (const char *at = folders;;) {
		size_t length = strcspn(at, ",");
		char *folder = arena_strndup(arena, at, length);
		if (!folder)
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
		enum ergon_code code = read_folder(tables, folder, err);
		if (code)
			return code;
		at += length;
		if (!*at)
			break;
		at++;
	}
	if (tables->count == 0)
		return ergon_fail(err, ERGON_NOT_FOUND, "no placements.csv in the folders of '%s'",
		                  folders);
	*out = tables;
	return ERGON_OK;
}
