/* SPDX-License-Identifier: Apache-2.0
 *
 * Search: the configuration that does a given amount of training (or inference) with the least
 * energy, time, cost, CO2e or energy-delay product, and the Pareto front around it.
 *
 * The space is the product of devices x variants of the workload (precision, tensor and sequence
 * parallelism) x samples of a micro-batch x recomputation x GPUs x pipeline stages x ZeRO stage x
 * power cap. Configurations that mean nothing (GPUs that do not divide, stages without layers,
 * recomputation of nothing) are not part of it. Every other one is answered exactly as predict()
 * would; what is not evaluated is left out by one of three proofs only:
 *   - memory: it does not depend on the cap, and is known without timing a kernel;
 *   - time: a lower cap never shortens a step, so that a configuration whose time at the highest
 *     cap breaks a limit breaks it at all of them;
 *   - dominance: at any cap, time is at least that at the highest, and energy at least idle power
 *     over that time + memory traffic + arithmetic at the lowest voltage. Where some point is
 *     strictly better than that bound in both, no cap can reach the front.
 * The answer is that of brute force (a test compares them), and the same bytes on any number of
 * threads: work is cut into items, each with its own front, merged in order.
 *
 * Units: time s, energy J (GPUs x PUE), power W (all GPUs), memory bytes of one GPU, cost in the
 * currency of the prices, CO2e g. Everything is modelled.
 */
#ifndef ERGON_MODEL_SEARCH_H
#define ERGON_MODEL_SEARCH_H

#include <jansson.h>

#include "model/input.h"
#include "model/predict.h"

/* What can be minimised or limited: id, name, unit, meaning. */
#define SEARCH_METRICS(X)                                                                          \
	X(METRIC_TIME, "time", "s", "of all the work")                                             \
	X(METRIC_ENERGY, "energy", "J", "of all the work, GPUs x PUE")                             \
	X(METRIC_EDP, "edp", "J s", "energy x time")                                               \
	X(METRIC_COST, "cost", "", "energy x price + GPU hours x rent")                            \
	X(METRIC_CO2, "co2", "g", "energy x carbon intensity of the grid")                         \
	X(METRIC_POWER, "power", "W", "mean of all GPUs")                                          \
	X(METRIC_MEMORY, "memory", "B", "of one GPU")                                              \
	X(METRIC_GPUS, "gpus", "", "in all")                                                       \
	X(METRIC_STEP, "step", "s", "one optimizer step")
enum metric {
#define METRIC_ENUM(id, name, unit, meaning) id,
	SEARCH_METRICS(METRIC_ENUM)
#undef METRIC_ENUM
	    METRIC_COUNT
};
struct metric_facts {
	const char *name, *unit, *meaning;
};
extern const struct metric_facts search_metrics[METRIC_COUNT];

struct search_limits {
	double low[METRIC_COUNT], high[METRIC_COUNT]; /* inclusive; init: 0 and infinity */
};
void search_limits_init(struct search_limits *limits);
/* "time<24h, memory<80GB, gpus<=64": parts that all must hold; < and <=, > and >= mean the same
 * to a real number. Units: 90s 30m 24h 7d, kJ MJ Wh kWh MWh, W kW MW, GB GiB, g kg t. */
ERGON_MUST_USE enum ergon_code search_limits_parse(const char *text, struct search_limits *limits,
                                                   struct ergon_error *err);
/* energy, edp, time, cost or co2. */
ERGON_MUST_USE enum ergon_code search_objective_parse(const char *name, enum metric *objective,
                                                      struct ergon_error *err);

struct search_device {
	struct device device;
	double rent_per_hour; /* of one GPU */
};

struct search_variant {
	const struct workload *workload; /* of its precision and tensor parallelism */
	bool sequence_parallel;
};

struct search_space {
	const struct search_device *devices;
	const struct search_variant *variants;
	const double *batches;       /* samples of a micro-batch, of one model copy */
	const unsigned *gpus;        /* in all */
	const unsigned *pipelines;   /* stages */
	const unsigned *zeros;       /* 0 to 3 */
	const unsigned *recomputes;  /* enum recompute */
	const double *cap_fractions; /* of the way from the lowest to the highest limit, falling */
	size_t device_count, variant_count, batch_count, gpu_count, pipeline_count, zero_count,
	    recompute_count, cap_count;
	/* Samples a step; 0: free, then a pipeline gets four micro-batches a stage, else one. */
	double global_batch;
	unsigned node_gpus;
	double network_bps; /* 0: as such a node is sold */
};

struct search_request {
	struct search_space space;
	struct search_limits limits;
	enum metric objective;
	const struct calibration *calibration;
	double samples; /* that are to be processed */
	double pue, price_per_kwh, g_per_kwh;
	unsigned threads;            /* 0: all */
	bool exhaustive;             /* no proofs: every configuration is evaluated */
	struct input_pipeline input; /* of each node; zeroed: not considered */
	/* Now and then, from the calling thread; may be NULL. */
	void (*progress)(void *user, double done);
	void *user;
};

struct search_point {
	unsigned device, variant; /* of the space */
	struct predict_settings settings;
	unsigned gpus;
	uint64_t order; /* in the space: ties go to the first */
	double metric[METRIC_COUNT];
	double time_low_s, time_high_s, energy_low_j, energy_high_j; /* 80% intervals */
	enum cause bound;
};

struct search_result {
	struct search_point *front; /* [count], by rising time, falling second metric; malloc'd */
	size_t count;
	size_t best; /* of the front; SIZE_MAX: nothing is feasible */
	/* The front trades time against cost where cost is minimised, else against energy. */
	enum metric second;
	uint64_t configurations, evaluated, too_large, too_slow, dominated, infeasible;
	unsigned threads;
	/* Where nothing is feasible: what comes nearest to fitting, SIZE_MAX bytes none. */
	double least_memory_bytes, least_time_s;
};

enum { SEARCH_ITEMS_MAX = 4000000 };

ERGON_MUST_USE enum ergon_code search_run(const struct search_request *request,
                                          struct search_result *result, struct ergon_error *err);
void search_result_fini(struct search_result *result);

/* Kind "ergon.search". NULL when memory is out. */
json_t *search_to_json(const struct search_request *request, const struct search_result *result);

#endif
