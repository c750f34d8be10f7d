/* SPDX-License-Identifier: Apache-2.0
 *
 * The machine profile: what this machine can do at most, and what that costs.
 *
 * bench_run() spends a budget of time on a fixed plan: the machine at rest, the fma roof, gemm in
 * every paradigm and precision, triad and a pointer chase at every level of the memory hierarchy.
 * Each is a kernel run with its checked result, interval and energy. From them come the roofs (the
 * fastest batch of the best kernel) and the energy of a FLOP and of a byte, whole and above idle.
 *
 * A budget that allows for it is spent in several rounds through the plan, up to BENCH_ROUNDS_MAX:
 * intervals then tell how much a result varies over minutes, not only within a fraction of a
 * second.
 *
 * Power is measured where a sensor is, else modelled, and marked so; performance is always real.
 */
#ifndef ERGON_UNDERSTAND_BENCH_H
#define ERGON_UNDERSTAND_BENCH_H

#include <jansson.h>

#include "measure/meter.h"
#include "understand/kernel_run.h"
#include "understand/machine.h"

enum { BENCH_CELLS_MAX = 256, BENCH_ROUNDS_MAX = 5 };

struct bench_options {
	uint64_t budget_ns;         /* 0: 60 s */
	const char *const *kernels; /* names; none: all */
	size_t kernel_count;
	struct meter *meter; /* open, not running; NULL: no energy */
	bool (*progress)(void *user, double done, const char *note); /* false: stop */
	void *user;
};

struct bench_cell {
	const struct kernel *kernel;
	struct kernel_config config;
	const char *level; /* "L1", ..., "DRAM"; NULL for arithmetic */
	bool ran;
	bool left_out;     /* for want of time */
	char skipped[256]; /* why it did not run; "" where it did */
	struct kernel_run run;
	struct moments rounds; /* mean time of a pass in each round */
};

/* What one FLOP or byte costs; NaN where unknown. */
struct bench_cost {
	double total_j, dynamic_j; /* with and without the power at rest */
};

struct bench {
	struct machine machine;
	struct bench_cell cells[BENCH_CELLS_MAX];
	size_t count;
	bool has_energy, has_idle, interrupted;
	enum provenance provenance;
	unsigned rounds;      /* through the plan, as planned */
	unsigned rounds_done; /* that every cell that ran had */
	double idle_power_w, idle_low_w, idle_high_w;
	double wall_s;
};

/* kernel names are checked first: NOT_FOUND with a suggestion. *bench is large: keep it off the
 * stack. Nothing needs freeing. */
ERGON_MUST_USE enum ergon_code bench_run(struct bench *bench, const struct ergon_env *env,
                                         const struct bench_options *options,
                                         struct ergon_error *err);

/* The best cell of a precision (arithmetic) or of a level (triad); NULL where none ran. */
const struct bench_cell *bench_flops_roof(const struct bench *bench, enum precision precision);
const struct bench_cell *bench_bytes_roof(const struct bench *bench, const char *level);

/* Seconds from a load to the one that needs its result, of the fastest batch; NaN where none ran.
 */
double bench_latency_s(const struct bench *bench, const char *level);
/* Is a cell one of those that latency comes from? Its bytes are no traffic that a roof is made of.
 */
bool bench_is_latency(const struct bench_cell *cell);

/* Energy per FLOP or per byte of a cell, by the rate it reached. */
struct bench_cost bench_cost(const struct bench *bench, const struct bench_cell *cell,
                             double per_pass);

/* The document "ergon.bench". NULL: out of memory. */
json_t *bench_to_json(const struct bench *bench);

/* Keeps the document as STATE_DIR/machine.json; path receives where. */
ERGON_MUST_USE enum ergon_code bench_save(const struct bench *bench, const struct ergon_env *env,
                                          char *path, size_t size, struct ergon_error *err);

#endif
