/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/integrate.h"

#include <math.h>

#include "base/units.h"

static const double default_max_power_w = 10e3;
static const double uj_per_j = 1e6;

void integrator_init(struct integrator *integrator, const struct channel *channel,
                     uint64_t interval_ns, bool must_move)
{
	*integrator = (struct integrator){ .channel = channel,
		                           .interval_ns = interval_ns,
		                           .must_move = must_move };
}

void integrator_begin(struct integrator *integrator, uint64_t now_ns)
{
	integrator_init(integrator, integrator->channel, integrator->interval_ns,
	                integrator->must_move);
	integrator->begin_ns = now_ns;
}

static void restart(struct integrator *in, const struct reading *reading, uint64_t lost_ns)
{
	if (lost_ns > 0) {
		in->sum.gap_ns += lost_ns;
		in->sum.gaps++;
	}
	in->last = *reading;
	in->started = true;
	in->in_gap = false;
	in->moved_ns = reading->time_ns;
}

static double max_power_w(const struct channel *channel)
{
	return channel->max_power_w > 0 ? channel->max_power_w : default_max_power_w;
}

/* May the counter have gone round more than once since `last`? Regular steps cannot: the meter
 * reads at least twice a wrap. After missed reads the fastest step seen so far decides (twice as
 * fast is allowed for), or the channel's limit where none was seen. */
static bool ambiguous(const struct integrator *in, uint64_t step_ns)
{
	if (!in->channel->wrap_at_uj || step_ns < 3 * in->interval_ns)
		return false;
	double fastest_w = in->fastest_w > 0 ? 2 * in->fastest_w : max_power_w(in->channel);
	return fastest_w * seconds_from_ns(step_ns) * uj_per_j > (double)in->channel->wrap_at_uj;
}

/* The exact difference; false where none makes sense. */
static bool counter_delta(const struct integrator *in, const struct reading *reading,
                          uint64_t step_ns, uint64_t *delta_uj, bool *wrapped)
{
	uint64_t wrap = in->channel->wrap_at_uj;
	*wrapped = reading->raw < in->last.raw;
	if (!*wrapped)
		*delta_uj = reading->raw - in->last.raw;
	else if (wrap > in->last.raw)
		*delta_uj = wrap - in->last.raw + reading->raw;
	else
		return false;
	/* A counter shows at once what it gathered since its own last update. */
	double longest_s = seconds_from_ns(step_ns + (uint64_t)in->channel->refresh_us * NS_PER_US);
	double limit_uj = max_power_w(in->channel) * longest_s * uj_per_j;
	return (double)*delta_uj <= limit_uj + in->channel->resolution;
}

static void note_motion(struct integrator *in, uint64_t now_ns, uint64_t delta_uj)
{
	uint64_t patience_ns = (uint64_t)in->channel->refresh_us * 50 * NS_PER_US;
	if (patience_ns < 2 * NS_PER_S)
		patience_ns = 2 * NS_PER_S;
	if (delta_uj > 0) {
		if (in->must_move && now_ns - in->moved_ns > patience_ns)
			in->sum.stuck_ns += now_ns - in->moved_ns;
		in->moved_ns = now_ns;
	}
}

static void note_update(struct integrator *in, double power_w)
{
	in->sum.updates++;
	in->sum.update_w += power_w;
	in->sum.update_w2 += power_w * power_w;
	in->sum.update_lag_w2 += power_w * in->previous_w;
	in->previous_w = power_w;
}

static void counter_step(struct integrator *in, const struct reading *reading, uint64_t step_ns)
{
	uint64_t delta_uj;
	bool wrapped;
	if (!counter_delta(in, reading, step_ns, &delta_uj, &wrapped) || ambiguous(in, step_ns)) {
		restart(in, reading, step_ns);
		return;
	}
	double power_w = (double)delta_uj / uj_per_j / seconds_from_ns(step_ns);
	if (step_ns >= in->interval_ns / 2 && power_w > in->fastest_w)
		in->fastest_w = power_w;
	if (delta_uj > 0 && in->channel->observed_share > 0)
		note_update(in, (double)delta_uj / uj_per_j /
		                    seconds_from_ns(reading->time_ns - in->moved_ns));
	note_motion(in, reading->time_ns, delta_uj);
	in->sum.counter_uj += delta_uj;
	in->sum.wraps += wrapped;
	in->sum.covered_ns += step_ns;
	in->sum.steps++;
	in->last = *reading;
	in->in_gap = false;
}

static uint64_t power_gap_limit_ns(const struct integrator *in)
{
	uint64_t refresh_ns = (uint64_t)in->channel->refresh_us * NS_PER_US;
	uint64_t limit = 4 * in->interval_ns;
	if (limit < 4 * refresh_ns)
		limit = 4 * refresh_ns;
	return limit < NS_PER_S / 2 ? NS_PER_S / 2 : limit;
}

static void power_step(struct integrator *in, const struct reading *reading, uint64_t step_ns)
{
	double limit_uw = max_power_w(in->channel) * 1e6;
	if ((double)reading->raw > limit_uw) { /* no power this channel can have: a bad reading */
		in->sum.failures++;
		in->in_gap = true;
		return;
	}
	if (step_ns > power_gap_limit_ns(in)) {
		restart(in, reading, step_ns);
		return;
	}
	if (in->channel->observed_share > 0 &&
	    reading->time_ns - in->moved_ns >= (uint64_t)in->channel->refresh_us * NS_PER_US) {
		note_update(in, (double)reading->raw / 1e6);
		in->moved_ns = reading->time_ns;
	}
	double mean_w = ((double)in->last.raw + (double)reading->raw) / 2 / 1e6;
	double change_w = ((double)reading->raw - (double)in->last.raw) / 1e6;
	double seen_s = fmax(seconds_from_ns(step_ns), (double)in->channel->refresh_us / 1e6);
	in->sum.step_j2 += change_w * seen_s * change_w * seen_s;
	in->sum.power_j += mean_w * seconds_from_ns(step_ns);
	in->sum.covered_ns += step_ns;
	in->sum.steps++;
	in->last = *reading;
	in->in_gap = false;
}

void integrator_step(struct integrator *in, const struct reading *reading, bool suspended)
{
	if (!reading->valid) {
		in->sum.failures++;
		in->in_gap = true;
		return;
	}
	if (!in->started) {
		uint64_t lost_ns =
		    reading->time_ns > in->begin_ns ? reading->time_ns - in->begin_ns : 0;
		/* The first reading of a window is its begin, not a gap. */
		restart(in, reading, in->sum.failures ? lost_ns : 0);
		return;
	}
	if (reading->time_ns <= in->last.time_ns)
		return;
	uint64_t step_ns = reading->time_ns - in->last.time_ns;
	if (suspended)
		restart(in, reading, step_ns);
	else if (in->channel->behaviour == CHANNEL_ENERGY_COUNTER)
		counter_step(in, reading, step_ns);
	else
		power_step(in, reading, step_ns);
}

void integrator_finish(struct integrator *in, uint64_t now_ns)
{
	uint64_t from_ns = in->started ? in->last.time_ns : in->begin_ns;
	if ((!in->started || in->in_gap) && now_ns > from_ns) {
		in->sum.gap_ns += now_ns - from_ns;
		in->sum.gaps++;
	}
	if (in->started && in->must_move && in->channel->behaviour == CHANNEL_ENERGY_COUNTER &&
	    !in->in_gap &&
	    now_ns >
	        in->moved_ns + 2 * NS_PER_S + (uint64_t)in->channel->refresh_us * 50 * NS_PER_US)
		in->sum.stuck_ns += now_ns - in->moved_ns;
}

double channel_sum_j(const struct channel *channel, const struct channel_sum *sum)
{
	return channel->behaviour == CHANNEL_ENERGY_COUNTER ? (double)sum->counter_uj / uj_per_j
	                                                    : sum->power_j;
}

struct channel_sum channel_sum_minus(const struct channel_sum *after,
                                     const struct channel_sum *before)
{
	return (struct channel_sum){
		.counter_uj = after->counter_uj - before->counter_uj,
		.power_j = after->power_j - before->power_j,
		.covered_ns = after->covered_ns - before->covered_ns,
		.gap_ns = after->gap_ns - before->gap_ns,
		.stuck_ns = after->stuck_ns - before->stuck_ns,
		.steps = after->steps - before->steps,
		.gaps = after->gaps - before->gaps,
		.failures = after->failures - before->failures,
		.wraps = after->wraps - before->wraps,
		.updates = after->updates - before->updates,
		.update_w = after->update_w - before->update_w,
		.update_w2 = after->update_w2 - before->update_w2,
		.update_lag_w2 = after->update_lag_w2 - before->update_lag_w2,
		.step_j2 = after->step_j2 - before->step_j2,
	};
}
