/* SPDX-License-Identifier: Apache-2.0
 *
 * A job as the simulator knows it: what never changes (struct job_facts) and where it stands now
 * (struct job_state).
 *
 * Jobs are numbered in order of arrival, ties in order of the trace, so that the jobs that have
 * arrived are 0 .. arrived - 1. Progress is counted in units of the oracle's choice; a job with
 * several epochs passes through the marks progress[0] = 0 < ... <= progress[epochs], one with a
 * single epoch ends at `work`. Times are ns from the trace's zero.
 */
#ifndef ERGON_OPTIMIZE_JOB_H
#define ERGON_OPTIMIZE_JOB_H

#include <stdbool.h>
#include <stdint.h>

#define JOB_NONE UINT32_MAX

struct job_facts {
	const char *name, *application, *user; /* user: or tenant, or virtual cluster */
	uint64_t arrival_ns;
	uint64_t duration_ns;   /* as the trace has it, on what it asked for; 0: not stated */
	uint64_t estimate_ns;   /* what its user said it would take, else duration_ns */
	uint64_t deadline_ns;   /* 0: none */
	uint64_t restart_ns;    /* own restart cost; 0: that of the run (job_restart_ns) */
	uint64_t checkpoint_ns; /* work between checkpoints; 0: that of the run */
	double criticality;     /* weight among jobs; 1 where the trace states none */
	double work;            /* progress at the end */
	const double *progress; /* [epochs + 1]; NULL where epochs is 1 */
	uint32_t epochs;
	uint32_t gpus;               /* asked for */
	uint32_t batch;              /* asked for, samples in all; 0: not stated */
	uint32_t gpus_min, gpus_max; /* what it can use at all */
	uint32_t application_id;     /* the oracle's */
	uint32_t line;               /* in the trace's file */
	uint32_t trace_index;
	bool urgent;
	bool malleable; /* count and batch may differ from what was asked for */
};

/* GPUs of one job on one node. */
struct share {
	uint32_t node, gpus;
};

struct estimate;

enum job_status { JOB_FUTURE, JOB_PENDING, JOB_RUNNING, JOB_DONE };

struct job_state {
	uint8_t status; /* enum job_status */
	uint8_t share_class;
	bool in_debt; /* restarting: holds its GPUs and makes no progress before debt_until_ns */
	bool started;
	uint32_t group; /* of nodes, while it runs */
	uint32_t gpus, share_count;
	uint32_t batch;   /* asked of the oracle */
	uint32_t setting; /* of power, an index into the oracle's; 0: free */
	uint32_t epoch;
	uint32_t restarts;               /* changes of placement after the first start */
	uint32_t preemptions;            /* times it lost all GPUs to others */
	uint32_t failures;               /* of nodes while it ran on them */
	struct share *shares;            /* [share_count], in the order in which they were taken */
	const struct estimate *estimate; /* of the running configuration */
	double progress;                 /* at segment_ns */
	uint64_t segment_ns, debt_until_ns;
	uint64_t start_ns, end_ns; /* first start, completion */
	uint64_t held_since_ns;    /* GPUs held and power drawn are settled up to here */
	uint64_t ran_ns;           /* GPUs held, up to held_since_ns */
	uint64_t attained_gpu_ns;  /* GPU time held, up to held_since_ns */
	uint64_t restart_gpu_ns;   /* of it, restarting */
	int64_t power_uw;          /* drawn now by its GPUs */
	unsigned __int128 energy;  /* uW x ns, up to held_since_ns */
	/* What a failure would leave: as of the last checkpoint, which was saved_ns. */
	double saved_progress;
	uint32_t saved_epoch;
	uint64_t saved_ns;
	uint64_t lost_gpu_ns;    /* work that failures have thrown away */
	uint32_t next, previous; /* all that have arrived and are not done, by arrival */
	uint32_t pending_next, pending_previous; /* those among them without GPUs */
};

static inline double job_mark(const struct job_facts *job, uint32_t epoch)
{
	if (epoch >= job->epochs)
		return job->work;
	return job->progress ? job->progress[epoch] : 0;
}

#endif
