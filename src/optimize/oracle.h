/* SPDX-License-Identifier: Apache-2.0
 *
 * The oracle says how fast a job goes and how much power its GPUs draw in any configuration.
 *
 * Kinds: measured tables (oracles/measured.h), the analytical model (oracles/model.h), and the
 * trace's own durations (oracles/duration.h). Every answer is computed once and cached, so a query
 * is O(1); the cache makes an oracle private to one thread. Whatever rests on an oracle's numbers
 * says so by oracle.name, .basis and .power_basis.
 *
 * An estimate that is not feasible (no such measurement, does not fit, not malleable) has rate NULL
 * and says why.
 */
#ifndef ERGON_OPTIMIZE_ORACLE_H
#define ERGON_OPTIMIZE_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "ergon/error.h"
#include "optimize/job.h"

struct estimate {
	const double *rate;    /* [epochs]: progress per second in each epoch; NULL: infeasible */
	const double *after_s; /* [epochs + 1]: seconds from the start of an epoch to the end; NULL
	                          where there is a single epoch */
	double iteration_s;    /* one optimiser step, accumulation included */
	double step_s, sync_s; /* of one micro-step: all of it, its communication */
	double power_w;        /* all GPUs of the job while it works */
	uint32_t atomic, accumulation,
	    batch;       /* per GPU and micro-step; extra micro-steps; in all */
	const char *why; /* not feasible: static text */
};

/* A configuration: where and how a job could run. nodes lists the GPUs on each node in order of
 * placement; only the counts matter. */
struct job_config {
	uint32_t group; /* of the cluster */
	uint32_t batch; /* 0: what the job asked for */
	uint32_t gpus, node_count;
	uint32_t setting;           /* of power: an index into oracle settings(); 0: free */
	const struct share *shares; /* NULL: packed, full nodes first */
	bool accumulate; /* at least one extra micro-step a step (Optimus's profile of one GPU) */
};

/* How the power of a GPU can be held down: a cap, or a clock where caps hardly reach below full
 * power. 0 in both: free. */
struct power_setting {
	double cap_w, clock_hz;
};
enum { POWER_SETTINGS_MAX = 32 };

/* What counts in a search for the least: joules times `energy`, seconds at time_w, GPU seconds at
 * gpu_w. */
struct price {
	double energy, time_w, gpu_w;
};

/* How far a job's batch can be varied. */
struct batch_limits {
	uint32_t initial, largest; /* total batch at which it converges as stated, and the most */
	uint32_t local_min, local_max; /* samples a GPU and micro-step */
	uint32_t fixed;                /* total batch that must not be varied; 0: none */
};

struct oracle;
struct oracle_ops {
	const struct estimate *(*estimate)(struct oracle *oracle, const struct job_facts *job,
	                                   const struct job_config *config);
	/* Batch sizes worth trying, ascending, into out[max]; returns how many. */
	uint32_t (*batches)(struct oracle *oracle, const struct job_facts *job, uint32_t *out,
	                    uint32_t max);
	/* Iterations left at the job's own batch, from its present epoch (Optimus). */
	double (*iterations_left)(struct oracle *oracle, const struct job_facts *job,
	                          uint32_t epoch);
	/* A count of GPUs above which the job's own batch cannot be split further. */
	uint32_t (*gpus_limit)(struct oracle *oracle, const struct job_facts *job);
	void (*limits)(struct oracle *oracle, const struct job_facts *job,
	               struct batch_limits *limits);
	/* Squared norm and variance of the gradient at a total batch in an epoch; NULL where the
	 * oracle knows nothing of convergence. */
	void (*gradient)(struct oracle *oracle, const struct job_facts *job, uint32_t batch,
	                 uint32_t epoch, double *sqr, double *var);
	/* Settings of power that a group's GPUs have for that job, into out[max]; the first is
	 * free. Returns how many. NULL: only free. Job_config.setting is an index into them, the
	 * same for all jobs of a group. */
	uint32_t (*settings)(struct oracle *oracle, const struct job_facts *job, uint32_t group,
	                     struct power_setting *out, uint32_t max);
	/* What no configuration on a group's GPUs can beat in each of the job's epochs, at each of
	 * the prices: lowers out[prices][epochs] to it. NULL: bound.c tries the oracle's counts,
	 * batches and settings one by one. held_w: what each GPU held draws beyond its power. */
	void (*least)(struct oracle *oracle, const struct job_facts *job, uint32_t group,
	              double held_w, const struct price *prices, uint32_t count, double *out);
	void (*fini)(struct oracle *oracle);
};

/* For oracles that know jobs at their own batch only: the callbacks of the same names. */
uint32_t oracle_own_batch(struct oracle *oracle, const struct job_facts *job, uint32_t *out,
                          uint32_t max);
void oracle_own_limits(struct oracle *oracle, const struct job_facts *job,
                       struct batch_limits *limits);

struct oracle {
	const struct oracle_ops *ops;
	const char *name;        /* "measured", "model", "duration" */
	const char *basis;       /* one line: what the times rest on */
	const char *power_basis; /* one line: what the powers rest on */
	uint64_t quantum_ns;     /* ends of epochs fall on multiples of it: 1 s as published for the
	                            measured tables, 1 ns elsewhere */
};

static inline const struct estimate *oracle_estimate(struct oracle *oracle,
                                                     const struct job_facts *job,
                                                     const struct job_config *config)
{
	return oracle->ops->estimate(oracle, job, config);
}

/* The job on `gpus` GPUs of a group, packed in as few nodes as can be. */
static inline const struct estimate *oracle_packed(struct oracle *oracle,
                                                   const struct job_facts *job, uint32_t group,
                                                   uint32_t gpus, uint32_t batch)
{
	struct job_config config = { .group = group, .gpus = gpus, .batch = batch };
	return oracle->ops->estimate(oracle, job, &config);
}

static inline uint32_t oracle_settings(struct oracle *oracle, const struct job_facts *job,
                                       uint32_t group, struct power_setting *out, uint32_t max)
{
	if (oracle->ops->settings)
		return oracle->ops->settings(oracle, job, group, out, max);
	*out = (struct power_setting){ 0 };
	return 1;
}

/* Seconds from progress (in epoch) to the end at this estimate. */
static inline double estimate_remaining_s(const struct estimate *estimate,
                                          const struct job_facts *job, uint32_t epoch,
                                          double progress)
{
	if (epoch >= job->epochs)
		return 0;
	double rest = (job_mark(job, epoch + 1) - progress) / estimate->rate[epoch];
	return (rest > 0 ? rest : 0) + (estimate->after_s ? estimate->after_s[epoch + 1] : 0);
}

#endif
