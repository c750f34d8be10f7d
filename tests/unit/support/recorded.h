/* SPDX-License-Identifier: Apache-2.0
 *
 * A simulated run with every event that it told, so that a test can plant a fault in the record and
 * play it to a fresh auditor. Forty jobs on four nodes of four GPUs of 10 to 70 W.
 */
#ifndef SUPPORT_RECORDED_H
#define SUPPORT_RECORDED_H

#include "base/arena.h"
#include "optimize/sim/audit.h"

enum { RECORDED_JOBS = 40, RECORDED_EVENTS = 8192, RECORDED_SHARES = 16, RECORDED_FAILURES = 6 };

struct record {
	struct sim_event events[RECORDED_EVENTS];
	struct share shares[RECORDED_EVENTS][RECORDED_SHARES]; /* of the event of the same index */
	struct estimate estimates[RECORDED_EVENTS];            /* for a test that plants some */
	size_t count;
};

struct recorded {
	struct arena arena;
	struct cluster cluster;
	struct job_facts jobs[RECORDED_JOBS];
	double idle_w[1], max_w[1], host_w[1];
	struct node_failure failures[RECORDED_FAILURES];
	struct series budget, carbon, price;
	struct sim_setup setup;
	struct sim_outcome outcome;
	struct record *record;
};

/* Jobs arrive gap_s apart; what the caller changes in the jobs, the cluster or the setup before
 * recorded_run is what runs. */
void recorded_init(struct recorded *r, const char *policy, double gap_s);
void recorded_run(struct recorded *r);
void recorded_fini(struct recorded *r);

/* Plays the record to a fresh auditor: what that says. */
enum ergon_code recorded_play(struct recorded *r, struct ergon_error *err);

/* The n-th event of a kind; fails the test where there is none. */
struct sim_event *recorded_nth(struct record *record, enum sim_event_kind kind, size_t n);
/* Puts the event in twice, or takes it out. */
void recorded_repeat(struct record *record, struct sim_event *event);
void recorded_drop(struct record *record, struct sim_event *event);

#endif
