/* SPDX-License-Identifier: Apache-2.0
 *
 * Package power without a sensor: idle power, and busy time times what a busy CPU adds.
 *
 *     E = sum over CPUs of [ P_idle dt + (P_full - P_idle) (f / f_max)^k t_busy ]
 *
 * The powers of a logical CPU come from data/devices/cpu (spec/cpu_power.h), busy time from
 * /proc/stat, the frequency from cpufreq where the kernel shows it (one CPU a round, in turn, since
 * asking may interrupt that CPU). A virtual machine is charged for the CPUs that it sees. Modelled,
 * with the data's error band: this is what remains where the host keeps its counters to itself.
 *
 * Where `ergon calibrate cpu` has fitted a model on this very processor (power_fit.h), that one is
 * used instead, with the error that its cross-validation found.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/units.h"
#include "measure/calibrate_power.h"
#include "measure/sensors/activity.h"
#include "measure/sensors/cpuinfo.h"
#include "measure/sensors/sysfs.h"
#include "spec/cpu_power.h"

struct cpu_model {
	const struct ergon_env *env;
	struct cpu_power power;
	int sockets;
	struct activity activity;
	uint16_t socket_of[CPUINFO_CPUS_MAX]; /* by CPU number */
	uint64_t before_ticks[ACTIVITY_CPUS_MAX];
	uint16_t before_number[ACTIVITY_CPUS_MAX];
	int before_count;
	uint64_t before_ns;
	double energy_j[CPUINFO_SOCKETS_MAX];
	struct sysfs_number *frequencies; /* [frequency_count], by place in activity */
	double *speed_up;                 /* [frequency_count]: (f / f_max)^k as last seen */
	double max_khz;
	int frequency_count, next_frequency;
	struct features *features; /* NULL: no fitted model */
	struct power_model fitted;
	double before[FEATURE_COUNT];
	bool begun;
};

static void open_frequencies(struct cpu_model *model)
{
	char path[SYSFS_PATH_SIZE], name[96];
	uint64_t max_khz;
	int n = model->activity.count;
	snprintf(name, sizeof name, "devices/system/cpu/cpu%d/cpufreq/cpuinfo_max_freq",
	         model->activity.number[0]);
	if (!sysfs_path(path, sizeof path, model->env->sysfs_root, name) ||
	    !file_read_u64(path, &max_khz) || max_khz == 0)
		return;
	model->frequencies = calloc((size_t)n, sizeof *model->frequencies);
	model->speed_up = calloc((size_t)n, sizeof *model->speed_up);
	if (!model->frequencies || !model->speed_up)
		return;
	model->max_khz = (double)max_khz;
	for (int i = 0; i < n; i++) {
		model->speed_up[i] = 1;
		model->frequencies[i].fd = -1;
		snprintf(name, sizeof name, "devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq",
		         model->activity.number[i]);
		if (sysfs_path(path, sizeof path, model->env->sysfs_root, name))
			(void)!sysfs_number_open(&model->frequencies[i], path);
	}
	model->frequency_count = n;
}

static enum sensor_state cpu_model_probe(const struct ergon_env *env, const char *argument,
                                         struct sensor_reason *reason)
{
	(void)argument;
	char path[SYSFS_PATH_SIZE];
	*reason = (struct sensor_reason){ "", "" };
	if (sysfs_path(path, sizeof path, env->procfs_root, "stat") && access(path, R_OK) == 0)
		return SENSOR_READY;
	snprintf(reason->text, sizeof reason->text, "cannot read %s/stat: %s", env->procfs_root,
	         strerror(errno));
	return SENSOR_ABSENT;
}

static void describe(const struct cpu_model *model, int socket, struct channel *channel)
{
	snprintf(channel->name, sizeof channel->name, "package-%d", socket);
	channel->behaviour = CHANNEL_ENERGY_COUNTER;
	channel->provenance = PROVENANCE_MODELLED;
	channel->refresh_us = (uint32_t)lround(model->activity.tick_s * 1e6);
	channel->resolution = 1;
	channel->relative_error =
	    model->features ? model->fitted.relative_error : model->power.relative_error;
	channel->max_power_w = 100e3; /* a model has no bad reading; a late tick is no fault */
}

static void cpu_model_close(void *state)
{
	struct cpu_model *model = state;
	for (int i = 0; i < model->frequency_count; i++)
		sysfs_number_close(&model->frequencies[i]);
	free(model->frequencies);
	free(model->speed_up);
	features_close(model->features);
	activity_close(&model->activity);
}

static void open_fitted(struct cpu_model *model)
{
	model->features = features_open(model->env);
	if (power_model_kept(model->env, POWER_OF_CPU, model->features, &model->fitted))
		return;
	features_close(model->features);
	model->features = NULL;
}

static int cpu_model_open(void *state, const struct ergon_env *env, const char *argument,
                          struct channel *channels, int max, struct ergon_error *err)
{
	(void)argument;
	struct cpu_model *model = state;
	struct cpu_identity cpu;
	model->env = env;
	model->sockets = cpuinfo_read(env, &cpu, model->socket_of);
	if (!model->sockets || !activity_open(&model->activity, env)) {
		ergon_fail(err, ERGON_NOT_SUPPORTED, "cpu_model: cannot read %s/stat and cpuinfo",
		           env->procfs_root);
		return -1;
	}
	if (cpu_power_find(env->data_dir, &cpu, &model->power, err)) {
		cpu_model_close(model);
		return -1;
	}
	open_frequencies(model);
	open_fitted(model);
	if (model->sockets > max)
		model->sockets = max;
	for (int i = 0; i < model->sockets; i++)
		describe(model, i, &channels[i]);
	return model->sockets;
}

/* One CPU a round. */
static void update_frequency(struct cpu_model *model)
{
	if (model->frequency_count == 0)
		return;
	int i = model->next_frequency;
	struct reading reading;
	model->next_frequency = (i + 1) % model->frequency_count;
	sysfs_number_read(&model->frequencies[i], model->env->clock, &reading);
	if (reading.valid)
		model->speed_up[i] = pow(fmin((double)reading.raw / model->max_khz, 1.2),
		                         model->power.frequency_exponent);
}

static void account(struct cpu_model *model, uint64_t now_ns)
{
	const struct activity *activity = &model->activity;
	double dt_s = seconds_from_ns(now_ns - model->before_ns);
	double extra_w = model->power.full_w - model->power.idle_w;
	int before = 0;
	for (int i = 0; i < activity->count; i++) {
		uint16_t socket = model->socket_of[activity->number[i]];
		if (socket >= model->sockets)
			socket = (uint16_t)(model->sockets - 1);
		/* CPUs come in ascending order; one may have gone or come since. */
		while (before < model->before_count &&
		       model->before_number[before] < activity->number[i])
			before++;
		double busy_s = 0;
		if (before < model->before_count &&
		    model->before_number[before] == activity->number[i] &&
		    activity->busy_ticks[i] > model->before_ticks[before])
			busy_s = (double)(activity->busy_ticks[i] - model->before_ticks[before]) *
			         activity->tick_s;
		double speed_up = i < model->frequency_count ? model->speed_up[i] : 1;
		model->energy_j[socket] += model->power.idle_w * dt_s + extra_w * speed_up * busy_s;
	}
}

/* The fitted model knows all packages together: each gets an equal part. */
static void read_fitted(struct cpu_model *model, struct reading *readings, int n)
{
	const struct ergon_clock *clock = model->env->clock;
	double now[FEATURE_COUNT], change[FEATURE_COUNT];
	bool good = features_read(model->features, now);
	uint64_t now_ns = clock->monotonic_ns(clock->user);
	for (int k = 0; good && k < FEATURE_COUNT; k++)
		change[k] = now[k] - model->before[k];
	double energy_j =
	    good && model->begun ? power_model_j(&model->fitted, change) / model->sockets : 0;
	if (good) {
		memcpy(model->before, now, sizeof now);
		model->begun = true;
	}
	for (int i = 0; i < n; i++) {
		model->energy_j[i] += energy_j;
		readings[i] = (struct reading){ now_ns, (uint64_t)(model->energy_j[i] * 1e6),
			                        good ? 0 : EIO, good };
	}
}

static void cpu_model_read(void *state, struct reading *readings, int n)
{
	struct cpu_model *model = state;
	const struct ergon_clock *clock = model->env->clock;
	int error;
	if (model->features) {
		read_fitted(model, readings, n);
		return;
	}
	bool good = activity_read(&model->activity, &error);
	uint64_t now_ns = clock->monotonic_ns(clock->user);
	if (good) {
		update_frequency(model);
		if (model->before_ns)
			account(model, now_ns);
		model->before_ns = now_ns;
		model->before_count = model->activity.count;
		memcpy(model->before_ticks, model->activity.busy_ticks,
		       (size_t)model->before_count * sizeof *model->before_ticks);
		memcpy(model->before_number, model->activity.number,
		       (size_t)model->before_count * sizeof *model->before_number);
	}
	for (int i = 0; i < n; i++)
		readings[i] =
		    (struct reading){ now_ns, (uint64_t)(model->energy_j[i] * 1e6), error, good };
}

const struct sensor_driver sensor_cpu_model = {
	.name = "cpu_model",
	.summary = "model of package power from busy time, where no sensor is open",
	.use = SENSOR_FALLBACK,
	.state_size = sizeof(struct cpu_model),
	.probe = cpu_model_probe,
	.open = cpu_model_open,
	.read = cpu_model_read,
	.close = cpu_model_close,
};
