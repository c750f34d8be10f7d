/* SPDX-License-Identifier: Apache-2.0 */
#include "model/predict.h"

#include <math.h>
#include <stdint.h>

#include "model/parallel.h"
#include "model/step.h"

static const double CLOCK_STEP = 5e-4; /* of boost: a thousandth of a step's time at most */
static const double UNTOUCHED = 0.7;   /* of the cap: no peak reaches it */
enum { SOLVER_STEPS = 40 };

static inline double smaller(double a, double b)
{
	return a < b ? a : b;
}

/* A phase that a limiter may hold: kernels of one kind. Weight is what it makes of the phase beside
 * the mean. */
struct held {
	double lowest, highest; /* clocks */
	double top_w, target_w; /* as the limiter sees it at the highest clock, and wants it */
	double weight;
	bool hot;
};

/* A limiter averages over some time. It tells phases apart that are longer, and sees of shorter
 * ones the mean: the weight does not depend on the clock, so that less clock is always less. Long
 * pauses between steps are not in its mean, short ones are. */
static double seen_power(const struct held *held, const struct plan *plan,
                         const struct moment *moment)
{
	double standing = plan->idle_w + plan->active_w, step = moment->step_s;
	double mean = standing + (moment->power_w - standing) * step / (step - plan->awaited_s);
	return mean + held->weight * ((held->hot ? moment->hot_w : moment->cool_w) - mean);
}

/* Where power would about meet the target, if all but idle, memory and fabric followed the clock
 * and the voltage squared: steep near the top, as the clock squared far below. */
static double first_guess(const struct plan *plan, const struct held *held,
                          const struct moment *top)
{
	double fixed = plan->idle_w + plan->active_w + top->memory_w;
	double share = (held->target_w - fixed) / (held->top_w - fixed);
	double slope = 1 + 2 * (1 - plan->cal->voltage_floor) * plan->cal->voltage_bend;
	return share > 0 ? share * (1 - (1 - share) / slope) + (1 - share) * sqrt(share) : 0;
}

/* The highest clock of a grid whose power is at most the target, or the lowest of all: power rises
 * with the clock. On a grid the answer does not depend on the way there, so a lower target never
 * gives a higher clock. The way is a secant within a bracket, which is halved where that does not
 * shrink. guess: a clock, where to begin. */
static double solve_clock(const struct plan *plan, const struct predict_settings *settings,
                          const struct held *held, double guess)
{
	double lowest = held->lowest, range = held->highest - lowest;
	double steps = ceil(range / CLOCK_STEP), low = 0, high = steps;
	double last = steps, last_w = held->top_w, width = 2 * steps;
	double next = (guess - lowest) / range * steps;
	for (int i = 0; i < SOLVER_STEPS && high - low > 1; i++) {
		bool slow = i % 2 && high - low > width / 2;
		width = i % 2 ? high - low : width;
		double at = floor(slow ? (low + high) / 2 : next);
		at = at >= low + 1 ? at : low + 1; /* NAN as well */
		at = at > high - 1 ? high - 1 : at;
		struct moment there;
		double clock = lowest + range * (at / steps);
		step_at(plan, settings, &(struct clocks){ clock, clock }, &there);
		double seen_w = seen_power(held, plan, &there);
		double slope = (seen_w - last_w) / (at - last);
		next = slope > 0 ? at + (held->target_w - seen_w) / slope : (low + high) / 2;
		last = at;
		last_w = seen_w;
		*(seen_w > held->target_w ? &high : &low) = at;
	}
	return lowest + (steps > 0 ? range * (low / steps) : 0);
}

/* *moment: at the clocks that are the answer. */
static struct clocks choose_clocks(const struct plan *plan, const struct predict_settings *settings,
                                   struct prediction *out, struct moment *moment)
{
	const struct device *device = plan->device;
	const struct calibration *cal = plan->cal;
	double lowest = isnan(device->min_hz) ? cal->min_clock : device->min_hz / device->boost_hz;
	double top = 1, guess = 0, q = cal->cap_sharpness;
	if (settings->clock_hz > 0)
		top = fmin(1, fmax(lowest, settings->clock_hz / device->boost_hz));
	double cap = settings->power_cap_w > 0 ? settings->power_cap_w : device->tdp_w;
	struct clocks clocks = { top, top };
	step_at(plan, settings, &clocks, moment);
	/* The limiter cuts peaks, so that a mean near the cap already lies below what it was. */
	cap *= cal->cap_reach;
	struct held held = { .lowest = lowest,
		             .highest = top,
		             .weight = plan->once_s / (plan->once_s + cal->limiter_s) };
	for (int phase = 0; phase < 2; phase++) {
		held.hot = phase == 0;
		if (!((held.hot ? moment->hot_s : moment->cool_s) > 0))
			continue;
		held.top_w = seen_power(&held, plan, moment);
		double over = held.top_w / cap;
		if (over < UNTOUCHED)
			continue;
		held.target_w = held.top_w * pow(1 + pow(over, q), -1 / q);
		guess = guess > 0 ? guess : top * first_guess(plan, &held, moment);
		guess = solve_clock(plan, settings, &held, guess);
		*(held.hot ? &clocks.hot : &clocks.cool) = guess;
		out->capped = true;
	}
	if (out->capped)
		step_at(plan, settings, &clocks, moment);
	out->at_minimum_clock = out->capped && smaller(clocks.hot, clocks.cool) <= lowest;
	return clocks;
}

/* Below this share of boost a limiter holds power. */
static const double HELD = 0.95;

static void fill_intervals(const struct plan *plan, const struct predict_settings *settings,
                           struct prediction *out)
{
	const struct calibration *of = plan->times->calibration;
	double unknown = plan->times->calibrated ? 0 : of->device_spread;
	struct doubt device = { -unknown, unknown };
	unsigned families = plan->times->families;
	bool held = out->capped && out->clock_hz < HELD * plan->device->boost_hz;
	out->time_class = spread_of_time(plan->workload, families, plan->device, settings, out);
	out->power_class = spread_of_power(plan->workload, families, out, held);
	out->unmeasured = !plan->times->calibrated;
	struct doubt time = spread_join(of->spreads[out->time_class], device);
	struct doubt power = spread_join(of->spreads[out->power_class], device);
	struct doubt energy = spread_join(time, power);
	out->time_low_s = out->step_time_s * exp(time.low);
	out->time_high_s = out->step_time_s * exp(time.high);
	out->power_low_w = out->power_w * exp(power.low);
	out->power_high_w = out->power_w * exp(power.high);
	out->energy_low_j = out->energy_per_step_j * exp(energy.low);
	out->energy_high_j = out->energy_per_step_j * exp(energy.high);
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
	fill_intervals(plan, settings, out);
}

static struct clocks run(struct plan *plan, const struct timetable *times,
                         const struct predict_settings *settings, struct prediction *prediction,
                         struct moment *moment)
{
	*prediction = (struct prediction){ 0 };
	plan_fill(plan, times, settings);
	struct clocks clocks = choose_clocks(plan, settings, prediction, moment);
	double kernels_s = moment->hot_s + moment->cool_s, mean = clocks.cool;
	if (kernels_s > 0)
		mean += (clocks.hot - clocks.cool) * (moment->hot_s / kernels_s);
	prediction->clock_hz = mean * plan->device->boost_hz;
	fill(plan, settings, moment, prediction);
	return clocks;
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

static void add_kernel(const struct plan *plan, size_t i, const struct clocks *clocks,
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
	bool hot = work.compute_s > work.memory_s;
	double clock = hot ? clocks->hot : clocks->cool, v = step_voltage(plan->cal, clock);
	double c = weight * work.compute_s / clock;
	double m = weight * work.memory_s * step_memory_slowdown(plan->cal, clock);
	double gap_s =
	    plan->workload->runtime == RUNTIME_GRAPH ? plan->cal->replay_s : plan->cal->launch_s;
	double launches = weight * kernel->launches, launch = launches * gap_s;
	double compute = c > m ? c : plan->cal->hidden * c;
	double memory = c > m ? plan->cal->hidden * m : m;
	double time = compute + memory + launch;
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
	double filled = hot ? plan->hot_filled : plan->cool_filled;
	double cool_v = step_voltage(plan->cal, clocks->cool);
	row->energy_j +=
	    time * (plan->idle_w + plan->active_w) +
	    (compute + memory) * filled * step_busy_power(plan, clock, v) +
	    plan->cal->launch_busy * launch * step_busy_power(plan, clocks->cool, cool_v);
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
	double v = step_voltage(plan->cal, clock);
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
			row->energy_j +=
			    time * plan->cal->link_busy * step_busy_power(plan, clock, v);
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
	struct clocks clocks = run(&plan, &table, settings, prediction, &moment);
	double largest[GROUPS_MAX] = { 0 };
	*breakdown = (struct breakdown){ .count = workload->group_count };
	for (size_t i = 0; i < workload->group_count; i++)
		breakdown->rows[i].group = workload->groups[i];
	for (size_t i = 0; i < table.count; i++)
		add_kernel(&plan, i, &clocks, settings, breakdown, largest);
	size_t kept = 0;
	for (size_t i = 0; i < breakdown->count; i++)
		if (breakdown->rows[i].time_s > 0)
			breakdown->rows[kept++] = breakdown->rows[i];
	breakdown->count = kept;
	add_rest(&plan, &moment, clocks.cool, breakdown);
}
