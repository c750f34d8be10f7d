/* SPDX-License-Identifier: Apache-2.0
 *
 * A sweep: the same command at every combination of lever values, measured until it is known well
 * enough what each costs in time and energy.
 *
 * Order: one warm-up run that does not count, then rounds. A round visits, in a fresh random order
 * (seeded), every point that still needs a run, so that drift of the machine spreads over all
 * points instead of favouring some. A point is done when it has sweep_options.repeat runs or, if
 * that is 0, at least three and the confidence interval of its mean energy is within precision (or
 * SWEEP_RUNS_MAX). When the budget is spent the sweep stops; what was measured stands. Outliers are
 * counted, never dropped.
 *
 * Where no energy can be read at all, time is still measured; the energies are NaN, no front is
 * drawn, and the result says so.
 *
 * Adaptively, only what the search for the least EDP needs is measured: golden section
 * (sweep_adaptive.c); where the points along a lever show more than one valley, Bayesian search
 * (sweep_bayes.c), for one or two levers; else the full grid is measured after all.
 *
 * How a run is made is the caller's: sweep_run() calls measure() (an emulated machine in tests);
 * sweep_command() starts a real command under the meter.
 */
#ifndef ERGON_UNDERSTAND_SWEEP_H
#define ERGON_UNDERSTAND_SWEEP_H

#include <jansson.h>

#include "base/arena.h"
#include "base/stats.h"
#include "measure/meter.h"
#include "understand/lever_setting.h"
#include "understand/pareto.h"

enum { SWEEP_POINTS_MAX = 10000, SWEEP_RUNS_MAX = 50 };

struct sweep_options {
	double precision;   /* half width of the energy's interval over its mean; 0: 0.02 */
	double confidence;  /* 0: 0.95 */
	double slowdown;    /* of the "at most so much slower" point; as given */
	uint64_t repeat;    /* exactly so many runs a point; 0: as precision asks */
	uint64_t budget_ns; /* 0: none */
	uint64_t seed;
	uint64_t cool_ns; /* before a run, wait so long at most for the temperature of the start */
	bool no_warm_up;
	bool cpu_time; /* times are CPU seconds of the command: for probes on shared machines */
	bool adaptive; /* measure only what the search for the least EDP needs */
	/* Told after each run; false ends the sweep as if the budget were spent. May be NULL. */
	bool (*progress)(void *user, double done, const char *note);
	void *user;
};

struct sweep_sample {
	double time_s, energy_j; /* energy NaN where nothing could be read */
	enum provenance provenance;
	int status; /* of the command; not 0: failed, and the rest counts for nothing */
};

struct sweep_point {
	uint32_t setting[SWEEP_LEVERS_MAX]; /* index into each lever's values */
	struct sweep_sample *samples;       /* [count]; malloc'd */
	size_t count, capacity;
	size_t failed;     /* runs whose command failed */
	int failed_status; /* of the last of them */
	struct moments time, energy, power, edp;
	size_t outliers; /* runs whose energy stands out: modified z-score above 3.5 */
	bool precise;    /* the interval is as narrow as asked for */
	bool pareto;
};

/* How an adaptive sweep found its point of least EDP. */
enum sweep_search {
	SEARCH_NONE,   /* every point was measured */
	SEARCH_GOLDEN, /* golden section: one valley along every lever */
	SEARCH_BAYES   /* Bayesian search: there were several */
};
const char *sweep_search_name(enum sweep_search search);

struct sweep {
	struct arena arena;
	struct lever_setting levers[SWEEP_LEVERS_MAX];
	size_t lever_count;
	struct sweep_options options;
	struct sweep_point *points; /* [count] the full grid, the last lever fastest */
	size_t count;
	size_t runs; /* that count, failed ones included */
	bool has_energy, budget_spent, interrupted;
	bool searched;            /* adaptively: points without a run were not needed */
	enum sweep_search search; /* how */
	enum provenance provenance;
	double wall_s;
	double baseline_c;     /* temperature at the start; NaN: not shown or not asked for */
	double baseline_gpu_c; /* of the GPUs that levers set, likewise */
	double cooled_s;       /* spent waiting for them */
	char *command;         /* for people; NULL for an emulated run */
	/* Results; TRADEOFF_NONE where no point has a run. */
	size_t baseline, within;
	struct tradeoff_best best;
};

/* specs: texts of --lever, at least one. The caller calls sweep_fini whatever this returns. */
ERGON_MUST_USE enum ergon_code sweep_init(struct sweep *sweep, const struct ergon_env *env,
                                          const char *const *specs, size_t count,
                                          const struct sweep_options *options,
                                          struct ergon_error *err);
void sweep_fini(struct sweep *sweep);

/* One run at a point. A failed command is a sample with a status, not an error. */
typedef enum ergon_code (*sweep_measure)(void *user, const struct sweep *sweep,
                                         const struct sweep_point *point,
                                         struct sweep_sample *sample, struct ergon_error *err);
ERGON_MUST_USE enum ergon_code sweep_run(struct sweep *sweep, const struct ergon_env *env,
                                         sweep_measure measure, void *user,
                                         struct ergon_error *err);

/* Runs argv at every point, its standard output thrown away. environment as execve takes it. */
ERGON_MUST_USE enum ergon_code sweep_command(struct sweep *sweep, const struct ergon_env *env,
                                             struct meter *meter, char *const argv[],
                                             char *const environment[], struct ergon_error *err);

/* Mean time and energy of a point; has no meaning while its count is 0. */
struct tradeoff_point sweep_mean(const struct sweep_point *point);
/* Half width of an interval of the sweep's confidence; NaN below two runs. */
double sweep_half_width(const struct sweep *sweep, const struct moments *moments);

/* Runs that the full grid takes at the least. */
size_t sweep_full_runs(const struct sweep *sweep);

/* "cpu.threads 1, env:MODE b" into out; returns out. */
char *sweep_setting_text(const struct sweep *sweep, const struct sweep_point *point, char *out,
                         size_t size);
/* "19% less energy at 3% more time at cpu.threads 1", with what the noise allows to say. */
char *sweep_sentence(const struct sweep *sweep, char *out, size_t size);

/* How time answers to the lever, for one lever of numbers with a unit; "" otherwise. */
char *sweep_curve_text(const struct sweep *sweep, char *out, size_t size);

/* The document "ergon.sweep". NULL: out of memory. */
json_t *sweep_to_json(const struct sweep *sweep);

#endif
