/* SPDX-License-Identifier: Apache-2.0
 *
 * A recording played back as if it happened now: `--sensors replay:FILE`. Time zero is the first
 * read. Between samples values are interpolated; in a recorded gap, and behind the end, nothing is
 * valid.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "measure/record.h"
#include "measure/sensors/sysfs.h"

struct replay {
	const struct ergon_env *env;
	struct arena arena;
	struct record record;
	uint64_t begin_ns; /* 0: not yet read */
	size_t at;         /* the sample at or before the latest read */
};

static enum sensor_state replay_probe(const struct ergon_env *env, const char *argument,
                                      struct sensor_reason *reason)
{
	(void)env;
	*reason = (struct sensor_reason){ "", "" };
	if (argument && access(argument, R_OK) == 0)
		return SENSOR_READY;
	if (argument)
		snprintf(reason->text, sizeof reason->text, "cannot read '%.200s'", argument);
	else
		snprintf(reason->text, sizeof reason->text,
		         "plays a recording: name one with --sensors replay:FILE");
	return SENSOR_ABSENT;
}

static uint32_t typical_step_us(const struct record *record)
{
	double span_s = record->time_s[record->sample_count - 1] - record->time_s[0];
	double step_s = record->sample_count > 1 ? span_s / (double)(record->sample_count - 1) : 0;
	return step_s < 4000 ? (uint32_t)lround(step_s * 1e6) : UINT32_C(4000000000);
}

static int replay_open(void *state, const struct ergon_env *env, const char *argument,
                       struct channel *channels, int max, struct ergon_error *err)
{
	struct replay *replay = state;
	replay->env = env;
	arena_init(&replay->arena);
	if (record_read(argument, &replay->arena, &replay->record, err)) {
		arena_fini(&replay->arena);
		return -1;
	}
	int count = (int)replay->record.channel_count;
	if (count > max) {
		ergon_fail(err, ERGON_BAD_INPUT, "replay: more channels than fit (%d)", max);
		arena_fini(&replay->arena);
		return -1;
	}
	for (int i = 0; i < count; i++) {
		const struct record_channel *from = &replay->record.channels[i];
		snprintf(channels[i].name, sizeof channels[i].name, "%s", from->name);
		channels[i].behaviour =
		    from->is_power ? CHANNEL_POWER_INSTANT : CHANNEL_ENERGY_COUNTER;
		channels[i].provenance = from->provenance;
		channels[i].refresh_us = typical_step_us(&replay->record);
		channels[i].resolution = 1;
		channels[i].max_power_w = 1e7;
	}
	return count;
}

static void replay_read(void *state, struct reading *readings, int n)
{
	struct replay *replay = state;
	const struct record *record = &replay->record;
	const struct ergon_clock *clock = replay->env->clock;
	uint64_t now_ns = clock->monotonic_ns(clock->user);
	if (!replay->begin_ns)
		replay->begin_ns = now_ns;
	double time_s = record->time_s[0] + seconds_from_ns(now_ns - replay->begin_ns);
	while (replay->at + 1 < record->sample_count && record->time_s[replay->at + 1] <= time_s)
		replay->at++;
	size_t next = replay->at + 1 < record->sample_count ? replay->at + 1 : replay->at;
	double span_s = record->time_s[next] - record->time_s[replay->at];
	double part = span_s > 0 ? (time_s - record->time_s[replay->at]) / span_s : 0;
	bool over = next == replay->at && time_s > record->time_s[replay->at];
	for (int i = 0; i < n; i++) {
		double a = record->values[replay->at * record->channel_count + (size_t)i];
		double b = record->values[next * record->channel_count + (size_t)i];
		double value = part > 0 ? a + (b - a) * part : a;
		bool valid = !over && !isnan(value) && value >= 0;
		readings[i] = (struct reading){ now_ns, valid ? (uint64_t)llround(value * 1e6) : 0,
			                        0, valid };
	}
}

static void replay_close(void *state)
{
	arena_fini(&((struct replay *)state)->arena);
}

const struct sensor_driver sensor_replay = {
	.name = "replay",
	.summary = "a recorded run, played back",
	.takes = "FILE",
	.use = SENSOR_ON_REQUEST,
	.state_size = sizeof(struct replay),
	.probe = replay_probe,
	.open = replay_open,
	.read = replay_read,
	.close = replay_close,
};
