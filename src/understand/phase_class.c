/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/phase_class.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"

/* A rate this far above a roof was not measured on the machine of the profile; a share this small
 * of a roof, or of the time, is what an idle machine does anyway. */
static const double ABOVE_ROOF = 1.1, AT_REST = 0.05;
/* Of the same level as idle: as two phases of one kind (phase_table.c). Where the standard error is
 * more than a tenth of the idle power, the noise hides the difference. */
static const double ERRORS = 3, DRIFT = 0.03, ERROR_MOST = 0.1;
static const double RATE_MAX = 1e24;

/* Whole names only: net_bytes_per_s is no traffic to memory. */
static const struct known_column {
	const char *name;
	enum phase_quantity quantity;
	double scale;
} known_columns[] = {
	{ "ipc", PHASE_IPC, 1 },
	{ "instructions_per_cycle", PHASE_IPC, 1 },
	{ "bytes_per_s", PHASE_BYTES, 1 },
	{ "memory_bytes_per_s", PHASE_BYTES, 1 },
	{ "dram_bytes_per_s", PHASE_BYTES, 1 },
	{ "B/s", PHASE_BYTES, 1 },
	{ "GB/s", PHASE_BYTES, 1e9 },
	{ "gbps", PHASE_BYTES, 1e9 }, /* as in `ergon bench` */
	{ "gb_per_s", PHASE_BYTES, 1e9 },
	{ "bandwidth_gb_per_s", PHASE_BYTES, 1e9 },
	{ "flops_per_s", PHASE_FLOPS, 1 },
	{ "FLOP/s", PHASE_FLOPS, 1 },
	{ "gflops", PHASE_FLOPS, 1e9 },
	{ "GFLOP/s", PHASE_FLOPS, 1e9 },
	{ "f64_flops_per_s", PHASE_F64, 1 },
	{ "f64_gflops", PHASE_F64, 1e9 },
	{ "f32_flops_per_s", PHASE_F32, 1 },
	{ "f32_gflops", PHASE_F32, 1e9 },
	{ "gpu_busy", PHASE_GPU, 1 },
	{ "gpu_util", PHASE_GPU, 1 },
	{ "gpu_utilization", PHASE_GPU, 1 },
	{ "gpu_utilisation", PHASE_GPU, 1 },
	{ "cache_bytes_per_s", PHASE_CACHE, 1 },
	{ "llc_bytes_per_s", PHASE_CACHE, 1 },
	{ "l3_bytes_per_s", PHASE_CACHE, 1 },
	{ "cache_gb_per_s", PHASE_CACHE, 1e9 },
	{ "l3_gb_per_s", PHASE_CACHE, 1e9 },
	{ "stall_share", PHASE_STALL, 1 }, /* as in `ergon characterize` */
	{ "memory_stall_share", PHASE_STALL, 1 },
	{ "stalls_l3_miss_share", PHASE_STALL, 1 },
};

static int find_known(const struct csv *csv, size_t column)
{
	for (size_t k = 0; k < sizeof known_columns / sizeof *known_columns; k++)
		if (strcasecmp(csv->header[column], known_columns[k].name) == 0)
			return (int)k;
	return -1;
}

static double cell_of(const struct csv *csv, size_t row, size_t column)
{
	const char *text = csv_cell(csv, row, column);
	char *end;
	double value = strtod(text, &end);
	bool good = end != text && !*end && value >= 0 && value <= RATE_MAX;
	return good ? value : (double)NAN;
}

enum ergon_code phase_columns_read(const struct csv *csv, struct arena *arena,
                                   struct phase_columns *columns, struct ergon_error *err)
{
	*columns = (struct phase_columns){ 0 };
	for (size_t c = 0; c < csv->columns; c++) {
		int k = find_known(csv, c);
		if (k < 0 || columns->name[known_columns[k].quantity])
			continue;
		enum phase_quantity q = known_columns[k].quantity;
		double *values = ARENA_ARRAY(arena, double, csv->rows + 1), most = 0;
		if (!values)
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
		for (size_t i = 0; i < csv->rows; i++) {
			values[i] = known_columns[k].scale * cell_of(csv, i, c);
			most = fmax(most, values[i]);
		}
		bool share = q == PHASE_GPU || q == PHASE_STALL;
		for (size_t i = 0; share && most > 1 && i < csv->rows; i++)
			values[i] /= 100; /* percent */
		columns->name[q] = csv->header[c];
		columns->values[q] = values;
	}
	return ERGON_OK;
}

struct phase_means phase_means_of(const struct phase_columns *columns, const double *power_w,
                                  size_t begin, size_t end)
{
	struct phase_means m = { .power_w = (double)NAN, .power_error_w = (double)NAN };
	double n = (double)(end - begin), squares = 0;
	for (int q = 0; q < PHASE_QUANTITIES; q++) {
		m.of[q] = columns->values[q] ? 0 : (double)NAN;
		for (size_t i = begin; columns->values[q] && i < end; i++)
			m.of[q] += columns->values[q][i] / n;
	}
	if (!power_w)
		return m;
	m.power_w = 0;
	for (size_t i = begin; i < end; i++) {
		double step = i > begin ? power_w[i] - power_w[i - 1] : 0;
		m.power_w += power_w[i] / n;
		squares += step * step;
	}
	if (n >= 3)
		m.power_error_w = sqrt(squares / (n - 1) / 2 / n);
	return m;
}

double phase_flops_per_s(const struct phase_means *m)
{
	double f64 = m->of[PHASE_F64], f32 = m->of[PHASE_F32];
	if (isfinite(f64) || isfinite(f32))
		return (isfinite(f64) ? f64 : 0) + (isfinite(f32) ? f32 : 0);
	return m->of[PHASE_FLOPS];
}

static double number_of(const json_t *object, const char *key)
{
	double value = json_number_value(json_object_get(object, key));
	return value > 0 ? value : (double)NAN;
}

/* The cache before memory: what the profile has of the highest level. */
static double last_cache(const json_t *bytes)
{
	static const char *const levels[] = { "L4", "L3", "L2" };
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
		if (json_object_get(bytes, levels[i]))
			return number_of(bytes, levels[i]);
	return (double)NAN;
}

enum ergon_code phase_machine_from_json(const json_t *root, const char *name,
                                        struct phase_machine *machine, struct ergon_error *err)
{
	json_t *roofs, *flops, *bytes;
	const char *kind = "";
	const struct json_place top = { name, "" }, at = { name, "roofs" };
	enum ergon_code code = json_need_text(root, top, "kind", &kind, err);
	if (!code && strcmp(kind, "ergon.bench") != 0)
		code = ergon_fail_at(err, ERGON_BAD_INPUT, name, 0,
		                     "kind: expected \"ergon.bench\" (a profile of `ergon bench "
		                     "--json FILE`), found \"%.60s\"",
		                     kind);
	if (!code)
		code = json_need_object(root, top, "roofs", &roofs, err);
	if (!code)
		code = json_need_object(roofs, at, "flops_per_s", &flops, err);
	if (!code)
		code = json_need_object(roofs, at, "bytes_per_s", &bytes, err);
	if (!code) {
		machine->has_roofs = true;
		machine->roofs = (struct class_roofs){ .f64_flops_per_s = number_of(flops, "f64"),
			                               .f32_flops_per_s = number_of(flops, "f32"),
			                               .bytes_per_s = number_of(bytes, "DRAM"),
			                               .cache_bytes_per_s = last_cache(bytes),
			                               .cache_bytes = (double)NAN };
	}
	return code;
}

enum ergon_code phase_machine_read(const char *path, struct phase_machine *machine,
                                   struct ergon_error *err)
{
	json_t *root;
	enum ergon_code code = json_load(path, &root, err);
	if (code)
		return code;
	code = phase_machine_from_json(root, path, machine, err);
	json_decref(root);
	return code;
}

static struct workload_verdict unknown(const char *because)
{
	struct workload_verdict v = { .class = CLASS_UNKNOWN };
	snprintf(v.because, sizeof v.because, "%s", because);
	return v;
}

static struct workload_verdict against_roofs(const struct phase_means *m, double f32_share,
                                             const struct phase_machine *machine)
{
	const double none = (double)NAN, flops = phase_flops_per_s(m);
	struct class_evidence e = {
		.busy = none, /* the series does not tell; NaN lies on no side of a line */
		.clock = { none, none },
		.neighbour = { none, none },
		.counters = { .ipc = m->of[PHASE_IPC],
		              .flops_per_s = flops,
		              .f32_share = f32_share,
		              .bytes_per_s = m->of[PHASE_BYTES],
		              .cache_bytes_per_s = m->of[PHASE_CACHE],
		              .intensity = flops / m->of[PHASE_BYTES],
		              .stall_share = m->of[PHASE_STALL] },
		.has_counters = true,
		.roofs = machine->roofs,
	};
	return classify(&e);
}

static struct workload_verdict by_rates(const struct phase_means *m,
                                        const struct phase_machine *machine)
{
	double flops = phase_flops_per_s(m), bytes = m->of[PHASE_BYTES];
	bool of_one = isfinite(m->of[PHASE_F64]) || isfinite(m->of[PHASE_F32]);
	if (!isfinite(flops) && !isfinite(bytes) && !isfinite(m->of[PHASE_IPC]) &&
	    !isfinite(m->of[PHASE_CACHE]) && !isfinite(m->of[PHASE_STALL]))
		return unknown(isfinite(m->of[PHASE_GPU])
		                   ? "utilisation does not tell what limits it: that needs columns "
		                     "such as bytes_per_s, flops_per_s and ipc"
		                   : "power does not tell what limits it: that needs columns such "
		                     "as bytes_per_s, flops_per_s and ipc");
	if (!machine->has_roofs)
		return unknown("its rates are known, the machine's roofs are not: give --profile");
	const struct class_roofs *r = &machine->roofs;
	if (bytes > ABOVE_ROOF * r->bytes_per_s ||
	    m->of[PHASE_CACHE] > ABOVE_ROOF * r->cache_bytes_per_s ||
	    m->of[PHASE_F64] > ABOVE_ROOF * r->f64_flops_per_s ||
	    flops > ABOVE_ROOF * fmax(r->f64_flops_per_s, r->f32_flops_per_s))
		return unknown("a rate is above the roof of the profile: another machine's?");
	double f32 = isfinite(m->of[PHASE_F32]) ? m->of[PHASE_F32] : 0;
	struct workload_verdict v =
	    against_roofs(m, of_one && flops > 0 ? f32 / flops : 0, machine);
	if (of_one || !isfinite(flops))
		return v;
	struct workload_verdict single = against_roofs(m, 1, machine);
	if (single.class == v.class)
		return v;
	if (!isfinite(r->f64_flops_per_s) || !isfinite(r->f32_flops_per_s))
		return unknown("the profile lacks the roof of f64 or f32, and the column of the "
		               "FLOPs names no precision");
	v = unknown("");
	snprintf(v.because, sizeof v.because,
	         "%.0f%% of the f64 roof or %.0f%% of the f32 roof: name the column "
	         "f64_flops_per_s or f32_flops_per_s",
	         100 * flops / r->f64_flops_per_s, 100 * flops / r->f32_flops_per_s);
	return v;
}

/* Does anything but the power say that work is done? */
static bool works(const struct phase_means *m, const struct phase_machine *machine)
{
	const struct class_roofs *r = &machine->roofs;
	return m->of[PHASE_GPU] > AT_REST ||
	       (machine->has_roofs &&
	        (m->of[PHASE_BYTES] > AT_REST * r->bytes_per_s ||
	         m->of[PHASE_CACHE] > AT_REST * r->cache_bytes_per_s ||
	         phase_flops_per_s(m) > AT_REST * fmin(r->f64_flops_per_s, r->f32_flops_per_s)));
}

static bool at_rest(const struct phase_means *m, double idle_w)
{
	return m->power_error_w <= ERROR_MOST * idle_w &&
	       fabs(m->power_w - idle_w) <= ERRORS * m->power_error_w + DRIFT * idle_w;
}

struct workload_verdict phase_classify(const struct phase_means *m,
                                       const struct phase_machine *machine)
{
	struct workload_verdict v = by_rates(m, machine);
	if (v.class || !isfinite(machine->idle_power_w) || !at_rest(m, machine->idle_power_w))
		return v;
	if (works(m, machine)) {
		v = unknown("");
		snprintf(v.because, sizeof v.because,
		         "%.3g W is the idle power given, but its rates or its GPU are not at rest",
		         m->power_w);
		return v;
	}
	v.class = CLASS_IDLE;
	snprintf(v.because, sizeof v.because,
	         "%.4g W (+-%.2g), where the idle power given is %.4g W", m->power_w,
	         ERRORS * m->power_error_w, machine->idle_power_w);
	return v;
}
