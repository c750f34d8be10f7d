/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/meter.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/suggest.h"
#include "base/units.h"
#include "measure/meter_state.h"
#include "measure/tree.h"

static const uint64_t default_interval_ns = 100 * NS_PER_MS;
static const uint64_t least_interval_ns = 100 * NS_PER_US;

uint64_t meter_now_ns(const struct meter *meter)
{
	return meter->env->clock->monotonic_ns(meter->env->clock->user);
}

/* --- opening ------------------------------------------------------------ */

static const char *argument_of(const char *name)
{
	const char *colon = strchr(name, ':');
	return colon ? colon + 1 : NULL;
}

static bool name_taken(const struct meter *meter, const char *name, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(meter->channels[i].name, name) == 0)
			return true;
	return false;
}

/* A name that an earlier driver gave is the same silicon seen again: "package-0@rapl_perf". */
static void settle_names(struct meter *meter, const struct sensor_driver *driver, size_t first,
                         size_t count)
{
	for (size_t i = first; i < first + count; i++) {
		struct channel *channel = &meter->channels[i];
		if (!name_taken(meter, channel->name, i))
			continue;
		char plain[CHANNEL_NAME_SIZE];
		snprintf(plain, sizeof plain, "%s", channel->name);
		if (!channel->twin_of[0])
			snprintf(channel->twin_of, sizeof channel->twin_of, "%s", plain);
		plain[CHANNEL_NAME_SIZE - 24] = '\0';
		for (int n = 1; name_taken(meter, channel->name, i); n++)
			snprintf(channel->name, sizeof channel->name,
			         n == 1 ? "%s@%.16s" : "%s@%.16s-%d", plain, driver->name, n);
	}
}

/* A battery feeds all of a laptop, yet says so every few seconds only: where any package is
 * measured, it is not asked. */
static bool covers(const char *name, enum tree_kind wanted)
{
	if (wanted == TREE_NODE)
		return tree_covers(name, TREE_PACKAGE);
	return tree_covers(name, wanted);
}

static bool measured_already(const struct meter *meter, size_t first, const char *name)
{
	for (size_t k = 0; k < first; k++)
		if (meter->channels[k].provenance == PROVENANCE_MEASURED &&
		    covers(meter->channels[k].name, tree_kind(name)))
			return true;
	return false;
}

/* Are these channels to be left out? Two ways to one silicon are not mixed: a spare or a model is
 * taken only where measured channels account for nothing that it stands for. A relay is left out
 * only where they account for all of it: its channels have the same names, and show as twins. */
static bool already_covered(const struct meter *meter, enum sensor_use use, size_t first,
                            size_t count)
{
	size_t covered = 0;
	for (size_t i = first; i < first + count; i++)
		covered += measured_already(meter, first, meter->channels[i].name);
	return use == SENSOR_RELAY ? covered == count : covered > 0;
}

static enum ergon_code open_driver(struct meter *meter, const struct sensor_driver *driver,
                                   const char *argument, bool named, struct ergon_error *err)
{
	if (meter->instance_count == METER_INSTANCES_MAX)
		return ergon_fail(err, ERGON_BAD_INPUT, "more than %d sensors",
		                  METER_INSTANCES_MAX);
	struct instance *instance = &meter->instances[meter->instance_count];
	size_t first = meter->channel_count;
	void *state = calloc(1, driver->state_size + 1);
	if (!state)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	int count = driver->open(state, meter->env, argument, meter->channels + first,
	                         (int)(CHANNELS_MAX - first), err);
	if (count < 0) {
		free(state);
		return err ? err->code : ERGON_IO;
	}
	if (!named && driver->use != SENSOR_ALWAYS &&
	    already_covered(meter, driver->use, first, (size_t)count)) {
		driver->close(state);
		free(state);
		memset(meter->channels + first, 0, (size_t)count * sizeof *meter->channels);
		return ERGON_OK;
	}
	*instance = (struct instance){ driver, state, first, (size_t)count };
	meter->instance_count++;
	meter->channel_count += (size_t)count;
	settle_names(meter, driver, first, (size_t)count);
	return ERGON_OK;
}

static enum ergon_code unknown_driver(const char *name, struct ergon_error *err)
{
	const char *names[64];
	size_t count = 0;
	for (const struct sensor_driver *const *d = sensor_drivers; *d && count < 64; d++)
		names[count++] = (*d)->name;
	char hint[256];
	return ergon_fail(err, ERGON_NOT_FOUND, "no sensor '%.60s'%s", name,
	                  suggest_hint(hint, sizeof hint, name, names, count));
}

static enum ergon_code open_named(struct meter *meter, const char *word, struct ergon_error *err)
{
	const struct sensor_driver *driver = sensor_driver_find(word);
	if (!driver)
		return unknown_driver(word, err);
	const char *argument = argument_of(word);
	if (driver->takes && driver->takes[0] != '[' && !argument)
		return ergon_fail(err, ERGON_BAD_INPUT, "sensor '%s' wants %s:%s", driver->name,
		                  driver->name, driver->takes);
	struct sensor_reason reason = { "", "" };
	if (driver->probe(meter->env, argument, &reason) != SENSOR_READY)
		return ergon_fail(err, ERGON_NOT_SUPPORTED, "sensor '%s': %s%s%s", driver->name,
		                  reason.text, reason.grant[0] ? "; to grant it: " : "",
		                  reason.grant);
	return open_driver(meter, driver, argument, true, err);
}

static enum ergon_code open_list(struct meter *meter, const char *list, struct ergon_error *err)
{
	char *copy = strdup(list);
	if (!copy)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = ERGON_OK;
	char *rest = copy, *word;
	while (!code && (word = strsep(&rest, ",")))
		code = open_named(meter, word, err);
	free(copy);
	return code;
}

/* Our own sensors first, then what another process reads, models last. */
static int turn_of(enum sensor_use use)
{
	return use == SENSOR_FALLBACK ? 2 : use == SENSOR_RELAY ? 1 : 0;
}

/* Everything that is ready; a driver whose open fails is left out with a remark. */
static void open_all(struct meter *meter, const char *dram_model)
{
	for (int turn = 0; turn <= 2; turn++)
		for (const struct sensor_driver *const *d = sensor_drivers; *d; d++) {
			struct sensor_reason reason;
			struct ergon_error err = { 0 };
			if (turn_of((*d)->use) != turn || (*d)->use == SENSOR_ON_REQUEST ||
			    (*d)->probe(meter->env, NULL, &reason) != SENSOR_READY)
				continue;
			const char *argument =
			    strcmp((*d)->name, "dram_model") == 0 ? dram_model : NULL;
			if (open_driver(meter, *d, argument, false, &err) && meter->env->log)
				meter->env->log(meter->env->log_user, ERGON_LOG_WARNING, err.text);
		}
}

/* The channels whose sum gives the total's peak power: as if each counted. */
static void choose_peak_set(struct meter *meter)
{
	struct tree_entry entries[CHANNELS_MAX];
	for (size_t i = 0; i < meter->channel_count; i++)
		entries[i] = (struct tree_entry){ .name = meter->channels[i].name,
			                          .counts = !meter->channels[i].twin_of[0] };
	tree_select(entries, meter->channel_count);
	for (size_t i = 0; i < meter->channel_count; i++)
		meter->in_peak[i] = entries[i].in_total;
}

/* Half the time in which the fastest believable load would carry a counter round. */
static uint64_t keeper_interval_ns(const struct channel *channel)
{
	if (channel->behaviour != CHANNEL_ENERGY_COUNTER || !channel->wrap_at_uj)
		return UINT64_MAX;
	double limit_w = channel->max_power_w > 0 ? channel->max_power_w : 10e3;
	uint64_t half_ns = ns_from_seconds((double)channel->wrap_at_uj / 1e6 / limit_w / 2);
	return half_ns < 10 * NS_PER_MS ? 10 * NS_PER_MS : half_ns;
}

static bool should_move(const struct channel *channel)
{
	enum tree_kind kind = tree_kind(channel->name);
	return kind != TREE_CORE && kind != TREE_UNCORE && kind != TREE_OTHER;
}

static enum ergon_code allocate(struct meter *meter, struct ergon_error *err)
{
	size_t n = meter->channel_count + 1;
	meter->readings = calloc(n, sizeof *meter->readings);
	meter->integrators = calloc(n, sizeof *meter->integrators);
	meter->in_peak = calloc(n, sizeof *meter->in_peak);
	if (!meter->readings || !meter->integrators || !meter->in_peak)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < meter->channel_count; i++) {
		uint64_t keeper_ns = keeper_interval_ns(&meter->channels[i]);
		if (keeper_ns < meter->interval_ns)
			meter->interval_ns = keeper_ns;
	}
	for (size_t i = 0; i < meter->channel_count; i++)
		integrator_init(&meter->integrators[i], &meter->channels[i], meter->interval_ns,
		                should_move(&meter->channels[i]));
	choose_peak_set(meter);
	return ERGON_OK;
}

enum ergon_code meter_open(struct meter **out, const struct ergon_env *env,
                           const struct meter_options *options, struct ergon_error *err)
{
	*out = NULL;
	struct meter *meter = calloc(1, sizeof *meter);
	if (!meter)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	pthread_mutex_init(&meter->lock, NULL);
	sem_init(&meter->stop, 0, 0);
	meter->env = env;
	meter->manual = options->manual;
	meter->interval_ns = options->interval_ns ? options->interval_ns : default_interval_ns;
	if (meter->interval_ns < least_interval_ns)
		meter->interval_ns = least_interval_ns;
	meter->channels = calloc(CHANNELS_MAX, sizeof *meter->channels);
	enum ergon_code code =
	    meter->channels ? ERGON_OK : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	struct ergon_error local = { 0 };
	if (!code && options->sensors)
		code = open_list(meter, options->sensors, err ? err : &local);
	else if (!code)
		open_all(meter, options->dram_model);
	if (!code)
		code = allocate(meter, err);
	if (!code && options->stream)
		code = stream_init(&meter->stream, meter->interval_ns, meter->channel_count, err);
	if (code)
		meter_close(meter);
	else
		*out = meter;
	return code;
}

void meter_close(struct meter *meter)
{
	if (!meter)
		return;
	if (meter->running && meter_end(meter, NULL, NULL) != ERGON_OK)
		meter->running = false;
	for (size_t i = 0; i < meter->instance_count; i++) {
		meter->instances[i].driver->close(meter->instances[i].state);
		free(meter->instances[i].state);
	}
	stream_fini(&meter->stream);
	sem_destroy(&meter->stop);
	pthread_mutex_destroy(&meter->lock);
	free(meter->channels);
	free(meter->readings);
	free(meter->integrators);
	free(meter->in_peak);
	free(meter);
}

size_t meter_channel_count(const struct meter *meter)
{
	return meter->channel_count;
}

const struct channel *meter_channel(const struct meter *meter, size_t index)
{
	return &meter->channels[index];
}

const char *meter_channel_driver(const struct meter *meter, size_t index)
{
	for (size_t i = 0; i < meter->instance_count; i++)
		if (index - meter->instances[i].first < meter->instances[i].count)
			return meter->instances[i].driver->name;
	return "";
}

uint64_t meter_interval_ns(const struct meter *meter)
{
	return meter->interval_ns;
}

/* --- sampling ----------------------------------------------------------- */

/* Did the machine sleep since the last round? CLOCK_BOOTTIME counts suspend, CLOCK_MONOTONIC does
 * not; reading them takes two calls, so up to a millisecond of difference is scheduling. */
static bool slept(struct meter *meter)
{
	const struct ergon_clock *clock = meter->env->clock;
	uint64_t monotonic_ns = clock->monotonic_ns(clock->user);
	uint64_t offset_ns = clock->boottime_ns(clock->user) - monotonic_ns;
	uint64_t grown_ns = offset_ns - meter->sleep_offset_ns;
	if ((int64_t)grown_ns < (int64_t)(50 * NS_PER_MS))
		return false;
	meter->sleep_offset_ns = offset_ns;
	meter->suspended_ns += grown_ns;
	return true;
}

static void peak_update(struct peak *peak, double energy_j, uint64_t covered_ns, uint64_t width_ns)
{
	uint64_t passed_ns = covered_ns - peak->covered_ns;
	if (passed_ns < width_ns)
		return;
	double power_w = (energy_j - peak->energy_j) / seconds_from_ns(passed_ns);
	if (power_w > peak->best_w)
		peak->best_w = power_w;
	peak->energy_j = energy_j;
	peak->covered_ns = covered_ns;
}

/* A stretch must be long beside the counter's refresh, or one update too many looks like power. */
static uint64_t peak_width_ns(const struct meter *meter, const struct channel *channel)
{
	uint64_t width_ns = meter->interval_ns - meter->interval_ns / 8;
	uint64_t refresh_ns = (uint64_t)channel->refresh_us * 20 * NS_PER_US;
	if (channel->behaviour == CHANNEL_ENERGY_COUNTER && width_ns < refresh_ns)
		return refresh_ns;
	return width_ns;
}

static void update_peaks(struct meter *meter, uint64_t now_ns)
{
	for (struct meter_region *region = meter->regions; region; region = region->next) {
		double total_j = 0;
		uint64_t total_width_ns = meter->interval_ns - meter->interval_ns / 8;
		for (size_t i = 0; i < meter->channel_count; i++) {
			const struct integrator *in = &meter->integrators[i];
			uint64_t width_ns = peak_width_ns(meter, in->channel);
			double energy_j = channel_sum_j(in->channel, &in->sum);
			peak_update(&region->peaks[i], energy_j, in->sum.covered_ns, width_ns);
			if (meter->in_peak[i]) {
				total_j += energy_j;
				if (total_width_ns < width_ns)
					total_width_ns = width_ns;
			}
		}
		peak_update(&region->total_peak, total_j, now_ns, total_width_ns);
	}
}

static void read_all(struct meter *meter, int retries)
{
	for (size_t i = 0; i < meter->instance_count; i++) {
		struct instance *instance = &meter->instances[i];
		struct reading *readings = meter->readings + instance->first;
		instance->driver->read(instance->state, readings, (int)instance->count);
		for (int again = 0; again < retries; again++) {
			bool bad = false;
			for (size_t k = 0; k < instance->count; k++)
				bad = bad || (!readings[k].valid && readings[k].error == 0);
			if (!bad)
				break;
			nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
			instance->driver->read(instance->state, readings, (int)instance->count);
		}
	}
}

void meter_round(struct meter *meter, int retries)
{
	pthread_mutex_lock(&meter->lock);
	bool suspended = slept(meter);
	uint64_t now_ns = meter_now_ns(meter);
	read_all(meter, retries);
	for (size_t i = 0; i < meter->channel_count; i++)
		integrator_step(&meter->integrators[i], &meter->readings[i], suspended);
	meter->samples++;
	meter->round_ns = now_ns;
	update_peaks(meter, now_ns);
	if (meter->stream.capacity)
		stream_put(meter, now_ns);
	pthread_mutex_unlock(&meter->lock);
}

void meter_tick(struct meter *meter)
{
	meter_round(meter, 0);
}

static void *sampler(void *user)
{
	struct meter *meter = user;
	prctl(PR_SET_NAME, "ergon-sampler");
	prctl(PR_SET_TIMERSLACK, 1UL); /* the kernel may otherwise wake us 50 us late */
	uint64_t deadline_ns = meter_now_ns(meter);
	for (;;) {
		deadline_ns += meter->interval_ns;
		uint64_t now_ns = meter_now_ns(meter);
		if (now_ns > deadline_ns + meter->interval_ns) {
			uint64_t missed = (now_ns - deadline_ns) / meter->interval_ns;
			meter->late += missed;
			deadline_ns += missed * meter->interval_ns;
		}
		struct timespec until = { .tv_sec = (time_t)(deadline_ns / NS_PER_S),
			                  .tv_nsec = (long)(deadline_ns % NS_PER_S) };
		int failed;
		do
			failed = sem_clockwait(&meter->stop, CLOCK_MONOTONIC, &until);
		while (failed && errno == EINTR);
		if (!failed)
			return NULL;
		meter_round(meter, 0);
	}
}

uint64_t meter_cpu_ns(struct meter *meter)
{
	clockid_t clock;
	struct timespec t;
	if (meter->manual || pthread_getcpuclockid(meter->thread, &clock) ||
	    clock_gettime(clock, &t))
		return 0;
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static enum ergon_code start_thread(struct meter *meter, struct ergon_error *err)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for the program's own threads */
	int failed = pthread_create(&meter->thread, NULL, sampler, meter);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (failed)
		return ergon_fail(err, ERGON_IO, "cannot start the sampler thread: %s",
		                  strerror(failed));
	return ERGON_OK;
}

enum ergon_code meter_begin(struct meter *meter, struct ergon_error *err)
{
	if (meter->running)
		return ergon_fail(err, ERGON_INTERNAL, "the meter is running already");
	const struct ergon_clock *clock = meter->env->clock;
	uint64_t now_ns = meter_now_ns(meter);
	meter->samples = meter->late = meter->suspended_ns = 0;
	meter->sleep_offset_ns = clock->boottime_ns(clock->user) - now_ns;
	for (size_t i = 0; i < meter->channel_count; i++)
		integrator_begin(&meter->integrators[i], now_ns);
	while (sem_trywait(&meter->stop) == 0)
		continue;
	enum ergon_code code = ERGON_OK;
	meter_round(meter, 5);
	if (!meter->manual)
		code = start_thread(meter, err);
	if (code)
		return code;
	meter->running = true;
	code = meter_region_begin(meter, &meter->window, err);
	if (code && meter_end(meter, NULL, NULL))
		return code;
	return code;
}

enum ergon_code meter_end(struct meter *meter, struct measurement *out, struct ergon_error *err)
{
	if (!meter->running)
		return ergon_fail(err, ERGON_INTERNAL, "the meter is not running");
	enum ergon_code code = ERGON_OK;
	if (meter->window)
		code = meter_region_end(meter, meter->window, out, err);
	meter->window = NULL;
	meter->running = false;
	if (!meter->manual) {
		sem_post(&meter->stop);
		pthread_join(meter->thread, NULL);
	}
	return code;
}
