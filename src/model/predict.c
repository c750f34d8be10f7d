/* SPDX-License-Identifier: Apache-2.0 */
#include "model/predict.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "model/parallel.h"
#include "model/timetable.h"

static const double CLOCK_STEP = 5e-4;    /* of boost: a thousandth of a step's time at most */
static const double UNTOUCHED = 0.7;      /* of the cap: no peak reaches it */
static const double BACKWARD_SHARE = 0.6; /* of a host-bound step */
static const double HOST_FROM = 0.5;      /* host over device time, where the host is felt */
static const double FELT_SHARE = 0.1;     /* of a step, a phase that a limiter half sees */
static const double PJ = 1e-12;
static const double VOLTA = 7.0; /* compute capability; other vendors have none */
enum { SOLVER_STEPS = 40 };

/* One step as it is spread over GPUs. */
struct plan {
	const struct timetable *times;
	const struct workload *workload;
	const struct device *device;
	const struct calibration *cal; /* as it is on this device */
	struct layout layout;
	struct communication communication;
	double weight[KERNEL_CLASS_COUNT]; /* how often a GPU runs the rows of a class in a step */
	double tensor_s;                   /* all-reduces inside layers, which nothing hides */
	double launch_s, host_s, awaited_s;
	double waits_s; /* a server's host between two steps */
	bool late_sums; /* software from before frameworks sent gradients on their own */
	bool tuned;     /* software that sends gradients and parameters behind the whole step */
	double flops, compute_j, memory_j;
	/* Rows that compute holds up at boost, and others; the shares of the SMs that both fill. */
	struct row_sums hot, cool;
	double hot_filled, cool_filled;
	double idle_w, active_w;
};

/* Everything at one clock (as a share of boost). */
struct moment {
	double device_s, compute_s, memory_s, backward_s, exposed_s, step_s;
	double cause_s[CAUSE_COUNT];
	double hot_s, cool_s; /* of device_s, by what holds the kernels up at boost */
	double static_w, compute_w, memory_w, power_w;
	double v2, busy_w; /* voltage over that at boost, squared; clock tree of all SMs */
};

/* What a power limiter looks at: the mean, or the hottest phase where phases are long. Weights are
 * those at the highest clock, so that less clock is always less. */
struct limiter {
	double hot_share, cool_share, launch_share; /* of the step */
	double hot_weight, cool_weight;             /* of the hotter phase in what it sees */
};

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

/* Clock tree and leakage, while kernels run. */
static double busy_power(const struct plan *plan, double clock, double v)
{
	return plan->device->tdp_w * plan->cal->busy * clock * v * v;
}

/* Voltage over that at boost: steep where the last megahertz are bought, nearly flat at low clocks
 * (Guerreiro et al. 2019 measure both ends). */
static double voltage(const struct calibration *cal, double clock)
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
	plan->flops = 0;
	for (int class = 0; class < KERNEL_CLASS_COUNT; class ++) {
		const struct class_sums *sums = &plan->times->sums[class];
		double weight = plan->weight[class];
		*launches += weight * sums->launches;
		*issues += weight * sums->issues;
		plan->flops += weight * sums->flops;
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

static void plan_fill(struct plan *plan, const struct timetable *times,
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

/* At low clocks the SMs issue too few requests to use all of the memory's bandwidth. */
static double memory_slowdown(const struct calibration *cal, double clock)
{
	return larger(1, cal->memory_clock / clock);
}

/* Of a class, each row once, at one clock: the longer of compute and memory counts in full, of the
 * other what is not hidden. Rows that are hot at boost are so at every clock; others stay as they
 * are, or turn. */
static void time_class(const struct timetable *times, int class, double slow, double starved,
                       double *compute_s, double *memory_s)
{
	const struct class_sums *sums = &times->sums[class];
	double hidden = times->constants.hidden;
	double compute = (sums->hot.compute_s + hidden * sums->stay_compute_s) * slow;
	double memory = (hidden * sums->hot.memory_s + sums->stay_memory_s) * starved;
	for (size_t i = sums->from; i < sums->to; i++) {
		double c = times->compute_s[i] * slow, m = times->memory_s[i] * starved;
		compute += c > m ? c : hidden * c;
		memory += c > m ? hidden * m : m;
	}
	*compute_s = compute;
	*memory_s = memory;
}

/* Seconds of all kernels of a step without launches. */
static void time_kernels(const struct plan *plan, double clock, struct moment *moment)
{
	double slow = 1 / clock, starved = memory_slowdown(plan->cal, clock);
	moment->compute_s = moment->memory_s = 0;
	for (int class = 0; class < KERNEL_CLASS_COUNT; class ++) {
		double compute_s, memory_s, weight = plan->weight[class];
		time_class(plan->times, class, slow, starved, &compute_s, &memory_s);
		moment->compute_s += weight * compute_s;
		moment->memory_s += weight * memory_s;
		if (class == KERNEL_BACKWARD)
			moment->backward_s = weight * (compute_s + memory_s);
	}
	moment->device_s = plan->launch_s + moment->compute_s + moment->memory_s;
	moment->hot_s =
	    plan->hot.compute_s * slow + plan->cal->hidden * plan->hot.memory_s * starved;
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

static void at_clock(const struct plan *plan, const struct predict_settings *settings, double clock,
                     struct moment *moment)
{
	time_kernels(plan, clock, moment);
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
	double v = voltage(plan->cal, clock), step = moment->step_s;
	moment->v2 = v * v;
	moment->busy_w = busy_power(plan, clock, v);
	moment->cool_s = larger(moment->device_s - plan->launch_s - moment->hot_s, 0);
	/* A launch keeps few of the SMs busy, and so does a product of few tiles. */
	double busy_s = moment->hot_s * plan->hot_filled + moment->cool_s * plan->cool_filled +
	                plan->cal->link_busy * moment->exposed_s +
	                plan->cal->launch_busy * plan->launch_s;
	moment->static_w = plan->active_w + moment->busy_w * busy_s / step;
	moment->compute_w = plan->compute_j * moment->v2 / step;
	moment->memory_w = plan->memory_j / step;
	moment->power_w = plan->idle_w + moment->static_w + moment->compute_w + moment->memory_w;
}

static void limiter_init(struct limiter *limiter, const struct plan *plan, const struct moment *top)
{
	double step = top->step_s;
	*limiter = (struct limiter){ .hot_share = top->hot_s / step,
		                     .cool_share = top->cool_s / step,
		                     .launch_share = plan->launch_s / step };
	double hot_w = top->hot_s > 0 ? (plan->hot.compute_j + plan->hot.memory_j) / top->hot_s : 0;
	double cool_j = plan->compute_j + plan->memory_j - plan->hot.compute_j - plan->hot.memory_j;
	double cool_w = top->cool_s > 0 ? cool_j / top->cool_s : 0;
	double share = hot_w > cool_w ? limiter->hot_share : limiter->cool_share;
	double weight = step / (step + plan->cal->limiter_s) * share / (share + FELT_SHARE);
	*(hot_w > cool_w ? &limiter->hot_weight : &limiter->cool_weight) = weight;
}

/* Power as the limiter sees it, in W. */
static double limited_power(const struct limiter *limiter, const struct plan *plan,
                            const struct moment *moment)
{
	double busy = moment->busy_w;
	double hot_j = plan->hot.compute_j * moment->v2 + plan->hot.memory_j;
	double cool_j = (plan->compute_j - plan->hot.compute_j) * moment->v2 + plan->memory_j -
	                plan->hot.memory_j;
	double hot = busy * plan->hot_filled, cool = busy * plan->cool_filled;
	if (moment->hot_s > 0)
		hot += hot_j / moment->hot_s;
	if (moment->cool_s > 0)
		cool += cool_j / moment->cool_s;
	double mean = limiter->hot_share * hot + limiter->cool_share * cool +
	              limiter->launch_share * plan->cal->launch_busy * busy;
	double mean_weight = 1 - limiter->hot_weight - limiter->cool_weight;
	double seen = plan->idle_w + plan->active_w + mean_weight * mean +
	              limiter->hot_weight * hot + limiter->cool_weight * cool;
	/* Hot phases grow longer at lower clocks: no less than the mean as it then is. */
	return larger(seen, moment->power_w);
}

/* Where power would meet the target if all but idle, memory and fabric grew with the clock squared.
 */
static double first_guess(const struct plan *plan, double target_w, double top_w,
                          const struct moment *top)
{
	double fixed = plan->idle_w + plan->active_w + top->memory_w;
	double share = (target_w - fixed) / (top_w - fixed);
	return share > 0 ? sqrt(share) : 0;
}

/* The highest clock of a grid whose power is at most the target, or the lowest of all: power rises
 * with the clock. On a grid the answer does not depend on the way there, so a lower target never
 * gives a higher clock. The way is a secant within a bracket, which is halved where that does not
 * shrink. *moment: in, at the highest clock, where power is over the target; out, at the answer. */
static double solve_clock(const struct plan *plan, const struct predict_settings *settings,
                          const struct limiter *limiter, double target_w, double lowest,
                          double highest, struct moment *moment)
{
	double steps = ceil((highest - lowest) / CLOCK_STEP), low = 0, high = steps;
	double top_w = limited_power(limiter, plan, moment);
	double last = steps, last_w = top_w, width = 2 * steps, range = highest - lowest;
	double next =
	    (first_guess(plan, target_w, top_w, moment) * highest - lowest) / range * steps;
	bool found = false;
	for (int i = 0; i < SOLVER_STEPS && high - low > 1; i++) {
		bool slow = i % 2 && high - low > width / 2;
		width = i % 2 ? high - low : width;
		double guess = floor(slow ? (low + high) / 2 : next);
		guess = guess >= low + 1 ? guess : low + 1; /* NAN as well */
		guess = guess > high - 1 ? high - 1 : guess;
		struct moment there;
		double clock = lowest + range * (guess / steps);
		at_clock(plan, settings, clock, &there);
		double seen_w = limited_power(limiter, plan, &there);
		double slope = (seen_w - last_w) / (guess - last);
		next = slope > 0 ? guess + (target_w - seen_w) / slope : (low + high) / 2;
		last = guess;
		last_w = seen_w;
		if (seen_w > target_w) {
			high = guess;
		} else {
			low = guess;
			*moment = there;
			found = true;
		}
	}
	if (!found)
		at_clock(plan, settings, lowest, moment);
	return lowest + (steps > 0 ? range * (low / steps) : 0);
}

static double choose_clock(const struct plan *plan, const struct predict_settings *settings,
                           struct prediction *out, struct moment *moment)
{
	const struct device *device = plan->device;
	double lowest =
	    isnan(device->min_hz) ? plan->cal->min_clock : device->min_hz / device->boost_hz;
	double top = 1;
	if (settings->clock_hz > 0)
		top = fmin(1, fmax(lowest, settings->clock_hz / device->boost_hz));
	double cap = settings->power_cap_w > 0 ? settings->power_cap_w : device->tdp_w;
	at_clock(plan, settings, top, moment);
	/* The limiter cuts peaks, so that a mean near the cap already lies below what it was. */
	cap *= plan->cal->cap_reach;
	struct limiter limiter;
	limiter_init(&limiter, plan, moment);
	double seen_w = limited_power(&limiter, plan, moment);
	double over = seen_w / cap, q = plan->cal->cap_sharpness;
	if (over < UNTOUCHED)
		return top;
	double target = seen_w * pow(1 + pow(over, q), -1 / q);
	out->capped = true;
	double clock = solve_clock(plan, settings, &limiter, target, lowest, top, moment);
	out->at_minimum_clock = clock <= lowest;
	return clock;
}

/* Of the doubt about power, what a limiter leaves that holds the clock below this share of boost.
 */
static const double HELD = 0.95, HELD_DOUBT = 0.6;

/* Independent doubts add up as squares: of the model, of hosts, of a device that nobody measured.
 */
static void fill_intervals(const struct plan *plan, struct prediction *out)
{
	const struct calibration *cal = plan->cal;
	double ratio = out->device_time_s > 0 ? out->host_time_s / out->device_time_s : 1;
	double host = cal->host_spread * fmin(fmax((ratio - HOST_FROM) / (1 - HOST_FROM), 0), 1);
	double device = plan->times->calibrated ? 0 : cal->device_spread;
	double time2 = cal->time_spread * cal->time_spread + host * host + device * device;
	bool held = out->capped && out->clock_hz < HELD * plan->device->boost_hz;
	out->power_doubt = held ? HELD_DOUBT : 1;
	double spread = cal->power_spread * out->power_doubt;
	double power2 = spread * spread + device * device;
	double time = exp(sqrt(time2)), power = exp(sqrt(power2)),
	       energy = exp(sqrt(time2 + power2));
	out->time_low_s = out->step_time_s / time;
	out->time_high_s = out->step_time_s * time;
	out->power_low_w = out->power_w / power;
	out->power_high_w = out->power_w * power;
	out->energy_low_j = out->energy_per_step_j / energy;
	out->energy_high_j = out->energy_per_step_j * energy;
}

static void fill(const struct plan *plan, const struct predict_settings *settings,
                 const struct moment *moment, struct prediction *out)
{
	const struct workload *workload = plan->workload;
	const struct layout *layout = &plan->layout;
	double gpus = layout->data * layout->pipeline * layout->tensor;
	out->step_time_s = moment->step_s;
	out->power_w = moment->power_w;
	out->energy_per_step_j = moment->power_w * moment->step_s * gpus;
	out->samples = settings->batch * layout->micro * layout->data;
	out->tokens = out->samples * workload->tokens;
	out->flops = plan->flops;
	out->device_time_s = moment->device_s;
	out->host_time_s = plan->host_s;
	out->communication_time_s = plan->communication.data_s + plan->tensor_s;
	out->cause_s[CAUSE_COMPUTE] = moment->compute_s;
	out->cause_s[CAUSE_MEMORY] = moment->memory_s;
	out->cause_s[CAUSE_LAUNCH] = plan->launch_s;
	out->cause_s[CAUSE_HOST] = moment->cause_s[CAUSE_HOST];
	out->cause_s[CAUSE_COMMUNICATION] = moment->cause_s[CAUSE_COMMUNICATION];
	out->cause_s[CAUSE_LOADING] = moment->cause_s[CAUSE_LOADING];
	out->cause_s[CAUSE_PIPELINE] = moment->cause_s[CAUSE_PIPELINE];
	out->bound = CAUSE_COMPUTE;
	for (int cause = 0; cause < CAUSE_COUNT; cause++) {
		if (out->cause_s[cause] > out->cause_s[out->bound])
			out->bound = (enum cause)cause;
	}
	out->idle_w = plan->idle_w;
	out->static_w = moment->static_w;
	out->compute_w = moment->compute_w;
	out->memory_w = moment->memory_w;
	memory_fill(&plan->layout, workload, plan->device, settings, out);
	fill_intervals(plan, out);
}

static double run(struct plan *plan, const struct timetable *times,
                  const struct predict_settings *settings, struct prediction *prediction,
                  struct moment *moment)
{
	*prediction = (struct prediction){ 0 };
	plan_fill(plan, times, settings);
	double clock = choose_clock(plan, settings, prediction, moment);
	prediction->clock_hz = clock * plan->device->boost_hz;
	fill(plan, settings, moment, prediction);
	return clock;
}

void predict_timed(const struct timetable *table, const struct predict_settings *settings,
                   struct prediction *prediction)
{
	struct plan plan;
	struct moment moment;
	run(&plan, table, settings, prediction, &moment);
}

void predict(const struct workload *workload, const struct device *device,
             const struct calibration *calibration, const struct predict_settings *settings,
             struct prediction *prediction)
{
	struct timetable table;
	timetable_fill(&table, workload, device, calibration, settings->batch);
	predict_timed(&table, settings, prediction);
}

static void add_kernel(const struct plan *plan, size_t i, double clock,
                       const struct predict_settings *settings, struct breakdown *breakdown,
                       double largest[GROUPS_MAX])
{
	const struct kernel *kernel = &plan->workload->kernels[i];
	struct breakdown_row *row = &breakdown->rows[kernel->group];
	struct work work;
	kernel_work(&plan->times->machine, kernel, settings->batch, &work);
	if (kernel->family == FAMILY_COLLECTIVE) /* stands in the row of communication */
		return;
	double often = plan->weight[kernel_class(kernel)], weight = often * kernel->count;
	double c = weight * work.compute_s / clock;
	double m = weight * work.memory_s * memory_slowdown(plan->cal, clock);
	double gap_s =
	    plan->workload->runtime == RUNTIME_GRAPH ? plan->cal->replay_s : plan->cal->launch_s;
	double launches = weight * kernel->launches, launch = launches * gap_s;
	double compute = c > m ? c : plan->cal->hidden * c;
	double memory = c > m ? plan->cal->hidden * m : m;
	double time = compute + memory + launch, v = voltage(plan->cal, clock);
	row->cause_s[CAUSE_COMPUTE] += compute;
	row->cause_s[CAUSE_MEMORY] += memory;
	row->cause_s[CAUSE_LAUNCH] += launch;
	row->time_s += time;
	row->flops += weight * work.flops;
	row->bytes += weight * work.bytes;
	row->dram_bytes += weight * work.dram_bytes;
	row->launches += launches;
	row->energy_j += weight * (work.flops * plan->times->machine.flop_j[kernel->rate] * v * v +
	                           work.dram_bytes * plan->times->machine.byte_j);
	bool hot = work.compute_s > work.memory_s;
	double filled = hot ? plan->hot_filled : plan->cool_filled;
	row->energy_j += time * (plan->idle_w + plan->active_w) +
	                 ((compute + memory) * filled + plan->cal->launch_busy * launch) *
	                     busy_power(plan, clock, v);
	breakdown->family_s[kernel->family] += time;
	breakdown->phase_s[kernel->phase] += time;
	if (time > largest[kernel->group]) {
		largest[kernel->group] = time;
		row->family = (enum family)kernel->family;
	}
}

/* Time that no kernel fills, as rows of their own. */
static void add_rest(const struct plan *plan, const struct moment *moment, double clock,
                     struct breakdown *breakdown)
{
	static const struct {
		enum cause cause;
		const char *name;
		bool busy;
	} rests[] = { { CAUSE_COMMUNICATION, "communication", true },
		      { CAUSE_HOST, "host", false },
		      { CAUSE_PIPELINE, "pipeline", false },
		      { CAUSE_LOADING, "loading", false } };
	double v = voltage(plan->cal, clock);
	for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
		double time = moment->cause_s[rests[i].cause];
		if (time <= 0)
			continue;
		struct breakdown_row *row = &breakdown->rows[breakdown->count++];
		*row =
		    (struct breakdown_row){ .group = rests[i].name, .family = FAMILY_COLLECTIVE };
		row->time_s = row->cause_s[rests[i].cause] = time;
		row->energy_j = time * (plan->idle_w + plan->active_w);
		if (rests[i].busy)
			row->energy_j += time * plan->cal->link_busy * busy_power(plan, clock, v);
	}
}

void predict_explain(const struct workload *workload, const struct device *device,
                     const struct calibration *calibration, const struct predict_settings *settings,
                     struct prediction *prediction, struct breakdown *breakdown)
{
	struct timetable table;
	struct plan plan;
	struct moment moment;
	timetable_fill(&table, workload, device, calibration, settings->batch);
	double clock = run(&plan, &table, settings, prediction, &moment);
	double largest[GROUPS_MAX] = { 0 };
	*breakdown = (struct breakdown){ .count = workload->group_count };
	for (size_t i = 0; i < workload->group_count; i++)
		breakdown->rows[i].group = workload->groups[i];
	for (size_t i = 0; i < table.count; i++)
		add_kernel(&plan, i, clock, settings, breakdown, largest);
	size_t kept = 0;
	for (size_t i = 0; i < breakdown->count; i++)
		if (breakdown->rows[i].time_s > 0)
			breakdown->rows[kept++] = breakdown->rows[i];
	breakdown->count = kept;
	add_rest(&plan, &moment, clock, breakdown);
}
