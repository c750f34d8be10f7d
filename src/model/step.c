/* SPDX-License-Identifier: Apache-2.0 */
#include "model/step.h"

#include <math.h>
#include <string.h>

static const double BACKWARD_SHARE = 0.6; /* of a host-bound step */
static const double PJ = 1e-12;
static const double VOLTA = 7.0; /* compute capability; other vendors have none */

static double idle_power(const struct device *device, const struct calibration *cal)
{
	return isnan(device->idle_w) ? cal->idle * device->tdp_w : device->idle_w;
}

/* fmax() and fmin() are calls, for the sake of NaN; here no operand is one. */
static inline double larger(double a, double b)
{
	return a > b ? a : b;
}

static inline double smaller(double a, double b)
{
	return a < b ? a : b;
}

/* What a device in use draws besides idle power and its FLOPs and bytes, at any clock and through
 * gaps as well: its memory's interface runs at full clock, read or not. */
static double active_power(const struct device *device, const struct calibration *cal)
{
	bool hbm = strncmp(device->memory_type, "HBM", 3) == 0;
	double j = PJ * (hbm ? cal->standby_hbm : cal->standby_gddr);
	return device->memory_bandwidth_bps * j;
}

double step_busy_power(const struct plan *plan, double clock, double v)
{
	return plan->device->tdp_w * plan->cal->busy * clock * v * v;
}

double step_voltage(const struct calibration *cal, double clock)
{
	double bent = clock < 1 ? pow(clock, cal->voltage_bend) : 1;
	return cal->voltage_floor + (1 - cal->voltage_floor) * bent;
}

/* How often the rows of a class run on one GPU in a step. */
static void weigh(struct plan *plan, const struct predict_settings *settings)
{
	const struct layout *layout = &plan->layout;
	double once = layout->micro / layout->pipeline;
	for (int class = 0; class < KERNEL_CLASS_COUNT; class ++)
		plan->weight[class] = once;
	plan->weight[KERNEL_OPTIMIZER] =
	    1 / layout->pipeline / (settings->zero >= 1 ? layout->data : 1);
	if (plan->workload->infer || settings->recompute == RECOMPUTE_NONE)
		return;
	bool full = settings->recompute == RECOMPUTE_FULL;
	plan->weight[full ? KERNEL_FORWARD_REPEATED : KERNEL_FORWARD_SCORES] *= 2;
	plan->weight[KERNEL_FORWARD_REPEATED_SCORES] *= 2;
}

static void add_sums(struct row_sums *sums, const struct row_sums *more, double weight)
{
	sums->compute_s += weight * more->compute_s;
	sums->memory_s += weight * more->memory_s;
	sums->compute_j += weight * more->compute_j;
	sums->memory_j += weight * more->memory_j;
	sums->kernels_s += weight * more->kernels_s;
	sums->busy_s += weight * more->busy_s;
}

/* Of a step: each class as often as it runs. */
static void sum_classes(struct plan *plan, double *launches, double *issues)
{
	struct row_sums hot = { 0 }, cool = { 0 };
	plan->flops = plan->once_s = plan->stay_compute_s = plan->stay_memory_s = 0;
	for (int class = 0; class < KERNEL_CLASS_COUNT; class ++) {
		const struct class_sums *sums = &plan->times->sums[class];
		double weight = plan->weight[class];
		*launches += weight * sums->launches;
		*issues += weight * sums->issues;
		plan->flops += weight * sums->flops;
		plan->once_s += sums->once_s;
		plan->stay_compute_s += weight * sums->stay_compute_s;
		plan->stay_memory_s += weight * sums->stay_memory_s;
		add_sums(&hot, &sums->hot, weight);
		add_sums(&cool, &sums->cool, weight);
	}
	plan->hot = hot;
	plan->cool = cool;
	plan->compute_j = hot.compute_j + cool.compute_j;
	plan->memory_j = hot.memory_j + cool.memory_j;
	plan->hot_filled = hot.kernels_s > 0 ? hot.busy_s / hot.kernels_s : 1;
	plan->cool_filled = cool.kernels_s > 0 ? smaller(cool.busy_s / cool.kernels_s, 1) : 1;
}

void plan_fill(struct plan *plan, const struct timetable *times,
               const struct predict_settings *settings)
{
	const struct workload *workload = times->workload;
	const struct calibration *cal = &times->constants;
	plan->times = times;
	plan->workload = workload;
	plan->device = times->device;
	plan->cal = cal;
	layout_init(&plan->layout, workload, settings);
	communication_init(&plan->communication, &plan->layout, workload, plan->device, cal,
	                   settings);
	plan->tuned = workload->runtime == RUNTIME_COMPILED && overlaps(settings);
	/* AdaptDL is a layer on the framework's own way. */
	plan->late_sums = !overlaps(settings) && workload->runtime != RUNTIME_INSTRUMENTED;
	weigh(plan, settings);
	struct layer_waits waits;
	layer_waits_init(&waits, &plan->layout, times, plan->weight, settings);
	/* Nothing to hide behind in a step of one token, nor before an attention that waits. */
	bool hides = !workload->infer && overlaps(settings);
	plan->tensor_s = waits.sums_s * (hides ? 1 - cal->tensor_hidden : 1) + waits.shown_s;
	plan->idle_w = idle_power(plan->device, cal);
	plan->active_w = active_power(plan->device, cal);
	double launches = 0, issues = 0;
	sum_classes(plan, &launches, &issues);
	bool replayed = workload->runtime == RUNTIME_GRAPH;
	plan->waits_s = 0;
	if (workload->serves)
		plan->waits_s = times->batch * cal->sequence_s;
	plan->launch_s = launches * (replayed ? cal->replay_s : cal->launch_s);
	if (workload->runtime == RUNTIME_INSTRUMENTED) /* the device waits while hooks run */
		plan->launch_s += workload->parameter_tensors * cal->hook_s;
	double issue_s = cal->host_issue_s;
	if (workload->runtime == RUNTIME_COMPILED)
		issue_s *= cal->host_compiled;
	double issued_s = replayed ? 0 : issues * issue_s;
	double old = plan->device->compute_capability < VOLTA ? cal->host_old : 1;
	plan->awaited_s = old * settings->awaited * cal->augment_s +
	                  times->batch * settings->pixels * cal->pixel_s;
	plan->host_s = old * (cal->host_step_s + issued_s + settings->collated * cal->collate_s);
}

double step_memory_slowdown(const struct calibration *cal, double clock)
{
	return larger(1, cal->memory_clock / clock);
}

/* Of rows that are hot at boost, which are so at every clock, and of those that stay cool: the
 * longer of compute and memory counts in full, of the other what is not hidden. */
static inline double sum_compute(const struct row_sums *hot, double stay_s, double hidden,
                                 const double slow[2])
{
	return hot->compute_s * slow[1] + hidden * stay_s * slow[0];
}

static inline double sum_memory(const struct row_sums *hot, double stay_s, double hidden,
                                const double starved[2])
{
	return hidden * hot->memory_s * starved[1] + stay_s * starved[0];
}

/* The rows of a class that turn, each once. */
static void add_turning(const struct timetable *times, const struct class_sums *sums, double weight,
                        double slow, double starved, struct moment *moment)
{
	double hidden = times->constants.hidden, compute = 0, memory = 0;
	for (size_t i = sums->from; i < sums->to; i++) {
		double c = times->compute_s[i] * slow, m = times->memory_s[i] * starved;
		compute += c > m ? c : hidden * c;
		memory += c > m ? hidden * m : m;
	}
	moment->compute_s += weight * compute;
	moment->memory_s += weight * memory;
	if (sums == &times->sums[KERNEL_BACKWARD])
		moment->backward_s += weight * (compute + memory);
}

/* Seconds of all kernels of a step without launches. */
static void time_kernels(const struct plan *plan, const struct clocks *clocks,
                         struct moment *moment)
{
	const struct timetable *times = plan->times;
	const struct class_sums *back = &times->sums[KERNEL_BACKWARD];
	double hidden = plan->cal->hidden;
	const double slow[2] = { 1 / clocks->cool, 1 / clocks->hot };
	const double starved[2] = { step_memory_slowdown(plan->cal, clocks->cool),
		                    step_memory_slowdown(plan->cal, clocks->hot) };
	moment->compute_s = sum_compute(&plan->hot, plan->stay_compute_s, hidden, slow);
	moment->memory_s = sum_memory(&plan->hot, plan->stay_memory_s, hidden, starved);
	moment->backward_s = plan->weight[KERNEL_BACKWARD] *
	                     (sum_compute(&back->hot, back->stay_compute_s, hidden, slow) +
	                      sum_memory(&back->hot, back->stay_memory_s, hidden, starved));
	for (int class = 0; class < KERNEL_CLASS_COUNT; class ++)
		if (times->sums[class].from < times->sums[class].to)
			add_turning(times, &times->sums[class], plan->weight[class], slow[0],
			            starved[0], moment);
	moment->device_s = plan->launch_s + moment->compute_s + moment->memory_s;
	moment->hot_s =
	    plan->hot.compute_s * slow[1] + plan->cal->hidden * plan->hot.memory_s * starved[1];
	moment->cool_s = larger(moment->device_s - plan->launch_s - moment->hot_s, 0);
}

/* What gradients cost a step: what does not fit behind the work that they may hide behind, the last
 * bucket at least, and a share of what does, since transfers take memory bandwidth and SMs from the
 * kernels beside them. The work is the last micro-batch's backward pass, or all of it where
 * parameters are gathered too. */
static double exposed_s(const struct plan *plan, double backward_s, double all_s)
{
	const struct communication *c = &plan->communication;
	/* A stage's parts are done one by one while its pipeline drains. */
	double last = smaller(plan->layout.pipeline, plan->layout.micro) / plan->layout.micro;
	double behind = c->everywhere || plan->tuned ? all_s : backward_s * last;
	double slows = c->everywhere     ? plan->cal->contention_sharded
	               : plan->late_sums ? plan->cal->contention_early
	                                 : plan->cal->contention;
	return larger(c->data_s - (1 - slows) * smaller(c->data_s, behind), c->last_s);
}

/* The slower of device and host decides; but kernels are of unequal length, so that the queue
 * between them runs empty at times although the host is faster on average. Rises with both. */
static double side_by_side(const struct plan *plan, double device_s, double host_s)
{
	double less = smaller(device_s, host_s), more = larger(device_s, host_s);
	return more > 0 ? more + plan->cal->queue * less * less / more : 0;
}

static void fill_power(const struct plan *plan, const struct clocks *clocks, struct moment *moment)
{
	bool one = clocks->hot == clocks->cool;
	double v = step_voltage(plan->cal, clocks->cool);
	double hot_v = one ? v : step_voltage(plan->cal, clocks->hot);
	double busy_w = step_busy_power(plan, clocks->cool, v);
	double hot_busy_w = step_busy_power(plan, clocks->hot, hot_v) * plan->hot_filled;
	double cool_busy_w = busy_w * plan->cool_filled;
	double hot_j = plan->hot.compute_j * hot_v * hot_v;
	double cool_j = plan->cool.compute_j * v * v;
	double step = moment->step_s, standing_w = plan->idle_w + plan->active_w;
	/* A launch keeps few of the SMs busy, and so does a product of few tiles. */
	double busy_j =
	    moment->hot_s * hot_busy_w + moment->cool_s * cool_busy_w +
	    (plan->cal->link_busy * moment->exposed_s + plan->cal->launch_busy * plan->launch_s) *
		busy_w;
	moment->static_w = plan->active_w + busy_j / step;
	moment->compute_w = (hot_j + cool_j) / step;
	moment->memory_w = plan->memory_j / step;
	moment->power_w = plan->idle_w + moment->static_w + moment->compute_w + moment->memory_w;
	moment->hot_w = moment->cool_w = standing_w;
	if (moment->hot_s > 0)
		moment->hot_w += hot_busy_w + (hot_j + plan->hot.memory_j) / moment->hot_s;
	if (moment->cool_s > 0)
		moment->cool_w += cool_busy_w + (cool_j + plan->cool.memory_j) / moment->cool_s;
}

void step_at(const struct plan *plan, const struct predict_settings *settings,
             const struct clocks *clocks, struct moment *moment)
{
	time_kernels(plan, clocks, moment);
	/* Stages wait while the pipeline fills and drains; so do those who wait for their layers'
	 * sums. The host issues what a stage runs. */
	double bubble = 1 + plan->layout.bubble;
	double device = moment->device_s + plan->tensor_s, host = plan->host_s + plan->tensor_s;
	double kernels = side_by_side(plan, moment->device_s, plan->host_s);
	double stage = side_by_side(plan, device, host), busy = stage * bubble;
	/* Two timelines, each of which only gets shorter with a faster device: kernels in a row,
	 * and the host issuing them. Gradients travel behind the backward part of either. */
	double finished = side_by_side(
	    plan, device * bubble + exposed_s(plan, moment->backward_s, moment->device_s),
	    host * bubble + exposed_s(plan, BACKWARD_SHARE * plan->host_s, plan->host_s));
	moment->exposed_s = finished - busy + stage - kernels;
	finished += plan->waits_s;
	moment->step_s = larger(finished, settings->loading_s) + plan->awaited_s;
	moment->cause_s[CAUSE_HOST] = kernels - moment->device_s + plan->waits_s;
	moment->cause_s[CAUSE_PIPELINE] = busy - stage;
	moment->cause_s[CAUSE_COMMUNICATION] = moment->exposed_s;
	moment->cause_s[CAUSE_LOADING] = moment->step_s - finished;
	fill_power(plan, clocks, moment);
}
