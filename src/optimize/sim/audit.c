/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/sim/audit.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "optimize/sim/audit_state.h"

/* Rates are doubles: sums over a run agree to this part of the work. */
static const double work_slack = 1e-7;

void audit_fault(struct audit *audit, uint64_t time_ns, uint32_t job, const char *format, ...)
{
	if (audit->faults++)
		return;
	char what[300];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(what, sizeof what, format, arguments);
	va_end(arguments);
	const char *name = job < audit->setup->count ? audit->setup->jobs[job].name : "-";
	ergon_fail(&audit->first, ERGON_INTERNAL, "audit: at %.9g s, job %s: %s",
	           (double)time_ns * 1e-9, name, what);
}

enum ergon_code audit_init(struct audit *audit, const struct sim_setup *setup, struct arena *arena,
                           struct ergon_error *err)
{
	const struct cluster *cluster = setup->cluster;
	*audit = (struct audit){ .setup = setup };
	audit->jobs = ARENA_ARRAY(arena, struct audit_job, setup->count);
	audit->used = ARENA_ARRAY(arena, uint32_t, cluster->nodes);
	audit->node_group = ARENA_ARRAY(arena, uint32_t, cluster->nodes);
	audit->idle_uw = ARENA_ARRAY(arena, int64_t, cluster->group_count);
	if (!audit->jobs || !audit->used || !audit->node_group || !audit->idle_uw ||
	    !audit_nodes_init(audit, arena))
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	uint32_t node = 0;
	for (uint32_t g = 0; g < cluster->group_count; g++) {
		const struct cluster_group *group = &cluster->groups[g];
		for (uint32_t n = 0; n < group->nodes; n++)
			audit->node_group[node++] = g;
		audit->idle_uw[g] = llrint(setup->gpu_idle_w[g] * 1e6);
		audit->nodes_uw +=
		    (llrint(setup->host_w[g] * 1e6) + audit->idle_uw[g] * group->gpus_per_node) *
		    group->nodes;
	}
	/* The books open at the first arrival, with an idle cluster. */
	audit->now_ns = setup->jobs[0].arrival_ns;
	audit->reported_uw = audit->nodes_uw;
	return ERGON_OK;
}

/* GPUs of a node come to be held, or no longer are. */
static void use(struct audit *audit, uint32_t node, int32_t gpus)
{
	if (audit->nodes) {
		int64_t before_uw = audit_node_draw(audit, node);
		audit->used[node] += (uint32_t)gpus;
		audit_node_changed(audit, node, before_uw);
		return;
	}
	audit->used[node] += (uint32_t)gpus;
	audit->nodes_uw -= audit->idle_uw[audit->node_group[node]] * gpus;
}

static void book_supply(struct audit *audit, int64_t power_uw, uint64_t to_ns)
{
	const struct sim_setup *setup = audit->setup;
	double facility_w = (double)power_uw * 1e-6 * setup->cluster->pue;
	if (setup->carbon)
		audit->carbon_g +=
		    facility_w / 3.6e6 * series_integral(setup->carbon, audit->now_ns, to_ns);
	if (setup->price)
		audit->cost +=
		    facility_w / 3.6e6 * series_integral(setup->price, audit->now_ns, to_ns);
}

/* Time moves on: what was true until now is booked. */
static void advance(struct audit *audit, const struct sim_event *event)
{
	AUDIT_LAW(event->time_ns >= audit->now_ns, "time runs back from %.9g s",
	          (double)audit->now_ns * 1e-9);
	if (event->time_ns <= audit->now_ns)
		return;
	int64_t power = audit->nodes_uw + audit->jobs_uw;
	AUDIT_LAW(power == audit->reported_uw, "power was %.6f W, reported as %.6f W",
	          (double)power * 1e-6, (double)audit->reported_uw * 1e-6);
	double budget_w = audit->setup->options.power_budget_w;
	if (audit->setup->budget)
		budget_w = series_least(audit->setup->budget, audit->now_ns, event->time_ns);
	book_supply(audit, power, event->time_ns);
	if (audit->setup->policy->needs_budget)
		AUDIT_LAW((double)power * 1e-6 <= budget_w + 1e-6,
		          "power was %.3f W, the budget %.3f W", (double)power * 1e-6, budget_w);
	audit->energy += (unsigned __int128)power * (event->time_ns - audit->now_ns);
	audit->now_ns = event->time_ns;
}

/* Books the job's energy and GPU time up to now. */
static void book(struct audit_job *job, uint64_t now_ns)
{
	uint64_t span = now_ns - job->since_ns;
	job->energy += (unsigned __int128)job->power_uw * span;
	job->gpu_ns += span * job->gpus;
	job->since_ns = now_ns;
}

/* Progress by our own reckoning. */
static double expected_progress(const struct audit_job *job, uint64_t now_ns)
{
	if (!job->working || now_ns <= job->segment_ns || !job->estimate)
		return job->progress;
	return job->progress +
	       job->estimate->rate[job->epoch] * (double)(now_ns - job->segment_ns) * 1e-9;
}

static void take(struct audit *audit, const struct sim_event *event)
{
	struct audit_job *job = &audit->jobs[event->job];
	const struct cluster *cluster = audit->setup->cluster;
	uint32_t sum = 0;
	AUDIT_LAW(job->status == JOB_PENDING,
	          "starts, but has not arrived, or runs already, or is done");
	AUDIT_LAW(event->group < cluster->group_count, "runs on no known type");
	AUDIT_LAW(event->gpus > 0, "starts with no GPU");
	for (uint32_t i = 0; i < event->share_count; i++) {
		struct share share = event->shares[i];
		if (share.node >= cluster->nodes) {
			AUDIT_LAW(false, "holds node %u, which is not there", share.node);
			continue;
		}
		use(audit, share.node, (int32_t)share.gpus);
		sum += share.gpus;
		uint32_t g = audit->node_group[share.node];
		AUDIT_LAW(audit->used[share.node] <= cluster->groups[g].gpus_per_node,
		          "node %u: %u of its %u GPUs are held", share.node,
		          audit->used[share.node], cluster->groups[g].gpus_per_node);
		AUDIT_LAW(g == event->group, "node %u is of another type", share.node);
	}
	AUDIT_LAW(sum == event->gpus, "gang of %u GPUs, %u held", event->gpus, sum);
	uint64_t debt = job_restart_ns(&audit->setup->jobs[event->job], &audit->setup->options);
	uint64_t up_ns = audit_call_nodes(audit, event);
	AUDIT_LAW(event->debt_until_ns == up_ns + debt, "restart not charged, or not the waking");
	AUDIT_LAW(event->estimate && event->estimate->rate, "runs in an impossible configuration");
	AUDIT_LAW(fabs(event->progress - job->progress) <= work_slack * (job->progress + 1),
	          "progress %.9g became %.9g while it waited", job->progress, event->progress);
	AUDIT_LAW(event->epoch == job->epoch, "epoch %u became %u while it waited", job->epoch,
	          event->epoch);
	job->status = JOB_RUNNING;
	job->working = event->debt_until_ns == event->time_ns;
	if (job->working)
		audit_all_up(audit, event);
	job->group = event->group;
	job->gpus = event->gpus;
	job->since_ns = event->time_ns;
	job->debt_until_ns = job->segment_ns = job->saved_ns = event->debt_until_ns;
	job->saved_progress = event->progress;
	job->saved_epoch = event->epoch;
}

static void give_back(struct audit *audit, const struct sim_event *event)
{
	struct audit_job *job = &audit->jobs[event->job];
	const struct cluster *cluster = audit->setup->cluster;
	uint32_t sum = 0;
	for (uint32_t i = 0; i < event->share_count; i++) {
		struct share share = event->shares[i];
		if (share.node >= cluster->nodes || audit->used[share.node] < share.gpus) {
			AUDIT_LAW(false, "gives back GPUs that it does not hold");
			continue;
		}
		use(audit, share.node, -(int32_t)share.gpus);
		sum += share.gpus;
	}
	AUDIT_LAW(sum == job->gpus, "held %u GPUs, gives %u back", job->gpus, sum);
	job->gpus = 0;
	job->working = false;
}

/* Finds the last checkpoint up to the event, before progress and epoch move on. */
static void find_checkpoint(struct audit *audit, const struct sim_event *event)
{
	struct audit_job *job = &audit->jobs[event->job];
	const struct job_facts *facts = &audit->setup->jobs[event->job];
	uint64_t period =
	    facts->checkpoint_ns ? facts->checkpoint_ns : audit->setup->options.checkpoint_ns;
	if (!audit->nodes || !period || !job->working || job->epoch >= facts->epochs)
		return;
	while (job->saved_ns + period <= event->time_ns) {
		job->saved_ns += period;
		double span_s = (double)(job->saved_ns - job->segment_ns) * 1e-9;
		double at = job->progress + job->estimate->rate[job->epoch] * span_s;
		if (job->saved_ns >= job->segment_ns)
			job->saved_progress = fmin(at, job_mark(facts, job->epoch + 1));
		job->saved_epoch = job->epoch;
	}
}

static void lose(struct audit *audit, const struct sim_event *event)
{
	struct audit_job *job = &audit->jobs[event->job];
	AUDIT_LAW(job->status == JOB_RUNNING, "loses GPUs to a failure without running");
	find_checkpoint(audit, event);
	AUDIT_LAW(event->epoch == job->saved_epoch && fabs(event->progress - job->saved_progress) <=
	                                                  work_slack * (job->saved_progress + 1),
	          "a failure leaves it at %.9g in epoch %u, its checkpoint at %.9g in epoch %u",
	          event->progress, event->epoch, job->saved_progress, job->saved_epoch);
	if (event->time_ns > job->saved_ns)
		job->lost_gpu_ns += (event->time_ns - job->saved_ns) * job->gpus;
	job->progress = event->progress;
	job->epoch = event->epoch;
	job->segment_ns = event->time_ns;
}

/* An epoch or the job is over: the mark must have been reached, to a quantum of time. */
static void cross(struct audit *audit, const struct sim_event *event)
{
	struct audit_job *job = &audit->jobs[event->job];
	const struct job_facts *facts = &audit->setup->jobs[event->job];
	find_checkpoint(audit, event);
	AUDIT_LAW(job->status == JOB_RUNNING && job->working, "makes progress without running");
	AUDIT_LAW(event->epoch == job->epoch + 1 && event->epoch <= facts->epochs,
	          "epoch %u after %u of %u", event->epoch, job->epoch, facts->epochs);
	if (job->status == JOB_RUNNING && job->working && job->epoch < facts->epochs) {
		double mark = job_mark(facts, job->epoch + 1);
		double got = expected_progress(job, event->time_ns);
		double quantum_s = (double)audit->setup->oracle->quantum_ns * 1e-9;
		double slack = work_slack * (mark + 1) +
		               0.5000001 * quantum_s * job->estimate->rate[job->epoch];
		AUDIT_LAW(fabs(got - mark) <= slack, "work not conserved: %.9g of %.9g done", got,
		          mark);
		AUDIT_LAW(event->progress == mark, "progress %.9g after the mark %.9g",
		          event->progress, mark);
	}
	job->epoch = event->epoch;
	job->progress = event->progress;
	job->segment_ns = event->time_ns;
}

static void settle(struct audit *audit, const struct sim_event *event)
{
	struct audit_job *job = &audit->jobs[event->job];
	double got = expected_progress(job, event->time_ns);
	double mark = job_mark(&audit->setup->jobs[event->job], job->epoch + 1);
	if (got > mark)
		got = mark;
	AUDIT_LAW(fabs(got - event->progress) <= work_slack * (mark + 1),
	          "work not conserved: progress %.9g, reported as %.9g", got, event->progress);
	job->progress = event->progress;
	if (event->time_ns > job->segment_ns)
		job->segment_ns = event->time_ns;
}

static void account(struct audit *audit, const struct sim_event *event)
{
	struct audit_job *job = &audit->jobs[event->job];
	const struct job_facts *facts = &audit->setup->jobs[event->job];
	switch (event->kind) {
	case SIM_ARRIVE:
		AUDIT_LAW(job->status == JOB_FUTURE, "arrives twice");
		AUDIT_LAW(event->time_ns >= facts->arrival_ns, "arrives before its time");
		job->status = JOB_PENDING;
		break;
	case SIM_PLACE:
		take(audit, event);
		break;
	case SIM_WORK:
		AUDIT_LAW(event->time_ns == job->debt_until_ns && !job->working,
		          "restart cut short");
		job->working = true;
		audit_all_up(audit, event);
		break;
	case SIM_RETUNE:
		find_checkpoint(audit, event);
		settle(audit, event);
		break;
	case SIM_EPOCH:
		cross(audit, event);
		break;
	case SIM_STOP:
		AUDIT_LAW(job->status == JOB_RUNNING, "is stopped without running");
		settle(audit, event);
		give_back(audit, event);
		job->status = JOB_PENDING;
		break;
	case SIM_LOSE:
		lose(audit, event);
		give_back(audit, event);
		job->status = JOB_PENDING;
		break;
	case SIM_END:
		cross(audit, event);
		AUDIT_LAW(job->epoch == facts->epochs, "ends in epoch %u of %u", job->epoch,
		          facts->epochs);
		give_back(audit, event);
		job->status = JOB_DONE;
		break;
	default:
		break;
	}
}

static int64_t lawful_power(const struct audit *audit, const struct sim_event *event)
{
	const struct audit_job *job = &audit->jobs[event->job];
	if (job->status != JOB_RUNNING || !event->estimate)
		return 0;
	return job->working ? llrint(event->estimate->power_w * 1e6)
	                    : audit->idle_uw[job->group] * job->gpus;
}

void audit_hear(void *user, const struct sim_event *event)
{
	struct audit *audit = user;
	if (event->kind >= SIM_FALL) {
		advance(audit, event);
		audit_node_event(audit, event);
		audit->reported_uw = event->cluster_power_uw;
		return;
	}
	if (event->job >= audit->setup->count) {
		AUDIT_LAW(false, "no such job (%u)", event->job);
		return;
	}
	struct audit_job *job = &audit->jobs[event->job];
	advance(audit, event);
	if (event->time_ns < audit->now_ns)
		return;
	if (job->status == JOB_RUNNING)
		book(job, event->time_ns);
	account(audit, event);
	AUDIT_LAW(event->job_power_uw == lawful_power(audit, event),
	          "draws %.6f W, should draw %.6f W", (double)event->job_power_uw * 1e-6,
	          (double)lawful_power(audit, event) * 1e-6);
	audit->jobs_uw += event->job_power_uw - job->power_uw;
	job->power_uw = event->job_power_uw;
	job->estimate = event->estimate;
	audit->reported_uw = event->cluster_power_uw;
}

static void close_job(struct audit *audit, const struct sim_outcome *outcome, uint32_t id)
{
	const struct audit_job *job = &audit->jobs[id];
	const struct job_state *state = &outcome->jobs[id];
	/* LAW speaks of an event: the end of the run, for this job. */
	const struct sim_event end = { .time_ns = outcome->end_ns, .job = id }, *event = &end;
	AUDIT_LAW(job->status == JOB_DONE && state->status == JOB_DONE, "is not accounted for");
	AUDIT_LAW(job->energy == state->energy, "energy: %.9g J by the audit, %.9g J reported",
	          (double)job->energy * 1e-15, (double)state->energy * 1e-15);
	AUDIT_LAW(job->lost_gpu_ns == state->lost_gpu_ns,
	          "lost GPU time: %.9g s by the audit, %.9g s reported",
	          (double)job->lost_gpu_ns * 1e-9, (double)state->lost_gpu_ns * 1e-9);
	AUDIT_LAW(job->gpu_ns == state->attained_gpu_ns,
	          "GPU time: %.9g s by the audit, %.9g s reported", (double)job->gpu_ns * 1e-9,
	          (double)state->attained_gpu_ns * 1e-9);
	AUDIT_LAW(state->start_ns >= audit->setup->jobs[id].arrival_ns &&
	              state->end_ns >= state->start_ns,
	          "ends before it starts");
}

/* Sums of doubles in another order. */
static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

enum ergon_code audit_close(struct audit *audit, const struct sim_outcome *outcome,
                            struct ergon_error *err)
{
	const struct sim_event end = { .time_ns = outcome->end_ns, .job = UINT32_MAX };
	const struct sim_event *event = &end;
	unsigned __int128 sum = outcome->idle_energy;
	for (uint32_t i = 0; i < audit->setup->count; i++) {
		close_job(audit, outcome, i);
		sum += outcome->jobs[i].energy;
	}
	for (size_t n = 0; n < audit->setup->cluster->nodes; n++)
		AUDIT_LAW(audit->used[n] == 0, "node %zu: GPUs held after the end", n);
	AUDIT_LAW(outcome->done == audit->setup->count, "%u of %u jobs done", outcome->done,
	          audit->setup->count);
	AUDIT_LAW(audit->energy == outcome->energy,
	          "energy: integral of power %.12g J, reported %.12g J",
	          (double)audit->energy * 1e-15, (double)outcome->energy * 1e-15);
	AUDIT_LAW(sum == outcome->energy,
	          "energy: sum over jobs and idle %.12g J, reported %.12g J", (double)sum * 1e-15,
	          (double)outcome->energy * 1e-15);
	AUDIT_LAW(near(audit->carbon_g, outcome->carbon_g), "carbon: %.12g g by the audit, %.12g",
	          audit->carbon_g, outcome->carbon_g);
	AUDIT_LAW(near(audit->cost, outcome->cost), "cost: %.12g by the audit, %.12g reported",
	          audit->cost, outcome->cost);
	AUDIT_LAW(audit->failures == outcome->failures,
	          "%" PRIu64 " failures seen, %" PRIu64 " reported", audit->failures,
	          outcome->failures);
	AUDIT_LAW(audit->now_ns == outcome->end_ns, "the last end is not the end of the run");
	if (audit->faults == 0)
		return ERGON_OK;
	if (err)
		*err = audit->first;
	return ERGON_INTERNAL;
}
