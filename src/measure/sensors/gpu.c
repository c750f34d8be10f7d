/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sensors/gpu.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

static const uint64_t look_interval_ns = NS_PER_S; /* for devices that went or came */

int gpu_first_number(const struct ergon_env *env, const char *pci)
{
	static const char *const order[] = { PCI_NVIDIA, PCI_AMD, PCI_INTEL };
	int number = 0;
	for (size_t i = 0; i < sizeof order / sizeof *order && strcmp(order[i], pci) != 0; i++)
		number += pci_display_count(env, order[i]);
	return number;
}

int gpu_errno(const struct gpu_set *set, int64_t status)
{
	const struct gpu_statuses *known = &set->vendor->statuses;
	return status == 0                      ? 0
	       : status == known->unsupported   ? ENOTSUP
	       : status == known->no_permission ? EACCES
	       : status == known->lost          ? ENODEV
	                                        : EIO;
}

int gpu_ticks(const struct gpu_set *set, int64_t status, uint64_t ticks, float unit_uj,
              uint64_t *energy_uj)
{
	int error = gpu_errno(set, status);
	if (!error && !(unit_uj > 0 && unit_uj < 1e6F))
		error = EIO;
	*energy_uj = error ? 0 : (uint64_t)((long double)ticks * (long double)unit_uj);
	return error;
}

static enum sensor_state started(const struct gpu_vendor *vendor, int64_t status,
                                 struct sensor_reason *reason)
{
	if (status == 0)
		return SENSOR_READY;
	if (status == vendor->statuses.no_module) {
		snprintf(reason->text, sizeof reason->text, "the %s driver is not loaded",
		         vendor->module);
		snprintf(reason->grant, sizeof reason->grant, "sudo modprobe %s", vendor->module);
		return SENSOR_ABSENT;
	}
	if (status == vendor->statuses.no_permission) {
		snprintf(reason->text, sizeof reason->text, "no permission on the devices of %s",
		         vendor->brand);
		snprintf(reason->grant, sizeof reason->grant, "%s", vendor->grant);
		return SENSOR_CLOSED;
	}
	snprintf(reason->text, sizeof reason->text, "%s does not start: status %" PRId64 " (%#x)",
	         vendor->driver, status, (unsigned)status);
	return SENSOR_ABSENT;
}

static enum sensor_state start(struct gpu_set *set, const struct gpu_vendor *vendor,
                               const struct ergon_env *env, struct sensor_reason *reason)
{
	char why[160];
	*reason = (struct sensor_reason){ "", "" };
	set->env = env;
	set->vendor = vendor;
	set->library = library_open(env, vendor->sonames, vendor->entries, vendor->entry_count,
	                            set->api, why, sizeof why);
	if (!set->library) {
		bool card = pci_display_count(env, vendor->pci) > 0;
		snprintf(reason->text, sizeof reason->text, "%s %s %s (%.120s)",
		         card ? "a card of" : "no card of", vendor->brand,
		         card ? "is there, but not its library" : "with its library here", why);
		if (card)
			snprintf(reason->grant, sizeof reason->grant, "%s", vendor->install);
		return SENSOR_ABSENT;
	}
	enum sensor_state state = started(vendor, vendor->start(set), reason);
	if (state != SENSOR_READY) {
		library_close(env, set->library);
		set->library = NULL;
	}
	return state;
}

static void stop(struct gpu_set *set)
{
	set->vendor->stop(set);
	library_close(set->env, set->library);
	set->library = NULL;
}

enum sensor_state gpu_probe(const struct gpu_vendor *vendor, const struct ergon_env *env,
                            struct sensor_reason *reason)
{
	struct gpu_set set = { 0 };
	enum sensor_state state = start(&set, vendor, env, reason);
	if (state != SENSOR_READY)
		return state;
	if (vendor->devices(&set) <= 0) {
		snprintf(reason->text, sizeof reason->text, "%s lists no GPU", vendor->driver);
		state = SENSOR_ABSENT;
	}
	stop(&set);
	return state;
}

struct channel *gpu_add(struct gpu_set *set, struct channel *channels, int max,
                        const struct gpu_device *device, const char *kind, const char *suffix)
{
	if (set->count >= max || set->count >= GPU_CHANNELS_MAX)
		return NULL;
	struct channel *channel = &channels[set->count];
	snprintf(channel->name, sizeof channel->name, "%s-%u%s", kind,
	         device->index + (unsigned)set->first_number, suffix);
	enum gpu_source source = device->source == GPU_SHARE ? device->whole : device->source;
	channel->behaviour = source == GPU_ENERGY ? CHANNEL_ENERGY_COUNTER : CHANNEL_POWER_INSTANT;
	channel->provenance = PROVENANCE_MEASURED;
	channel->max_power_w = 3000;
	set->devices[set->count++] = *device;
	return channel;
}

bool gpu_best_source(struct gpu_set *set, struct gpu_device *device)
{
	uint64_t raw;
	for (int s = GPU_ENERGY; s <= GPU_POWER; s++)
		if (set->vendor->read(set, device, (enum gpu_source)s, &raw) == 0) {
			device->source = (enum gpu_source)s;
			return true;
		}
	return false;
}

/* --- energy counters checked against power ----------------------------------- */

enum { CHECK_STEPS = 25 };
static const uint64_t check_step_ns = 20 * NS_PER_MS;

struct check {
	uint64_t first_uj, last_uj;
	double power_j;        /* integrated by the trapezoid */
	uint64_t power_uw;     /* seen last */
	uint64_t time_ns;      /* when */
	enum gpu_source power; /* where power comes from */
	bool counter, powered;
};

static void check_step(struct gpu_set *set, int i, struct check *check)
{
	const struct ergon_clock *clock = set->env->clock;
	uint64_t raw;
	if (set->devices[i].source != GPU_ENERGY)
		return;
	if (set->vendor->read(set, &set->devices[i], GPU_ENERGY, &raw) == 0) {
		if (!check->counter)
			check->first_uj = raw;
		check->last_uj = raw;
		check->counter = true;
	}
	uint64_t now_ns = clock->monotonic_ns(clock->user);
	check->power = GPU_INSTANT;
	bool powered = set->vendor->read(set, &set->devices[i], GPU_INSTANT, &raw) == 0;
	if (!powered) {
		check->power = GPU_POWER;
		powered = set->vendor->read(set, &set->devices[i], GPU_POWER, &raw) == 0;
	}
	if (!powered)
		return;
	if (check->powered)
		check->power_j += ((double)raw + (double)check->power_uw) / 2e6 *
		                  seconds_from_ns(now_ns - check->time_ns);
	check->power_uw = raw;
	check->time_ns = now_ns;
	check->powered = true;
}

static void say(const struct gpu_set *set, const char *text)
{
	if (set->env->log)
		set->env->log(set->env->log_user, ERGON_LOG_WARNING, text);
}

/* The second die of an MI250 has neither: its board's power is all on the first. A counter that is
 * off by more than half is no counter of this board's energy: power is taken instead. */
static void check_settle(struct gpu_set *set, int i, const struct check *check,
                         struct channel *channels)
{
	char text[256];
	struct channel *channel = &channels[i];
	double counted_j = (double)(check->last_uj - check->first_uj) / 1e6;
	if (set->devices[i].source != GPU_ENERGY || !check->counter)
		return;
	if (counted_j == 0 && check->power_j == 0 && i > 0) {
		snprintf(channel->twin_of, sizeof channel->twin_of, "%s", channels[i - 1].name);
		return;
	}
	if (!check->powered || check->power_j <= 0 ||
	    fabs(counted_j - check->power_j) <= 0.5 * check->power_j)
		return;
	snprintf(text, sizeof text,
	         "%s: the energy counter of %s gave %.3g J where its power gave %.3g J: power is "
	         "taken",
	         set->vendor->driver, channel->name, counted_j, check->power_j);
	say(set, text);
	set->devices[i].source = check->power;
	channel->behaviour = CHANNEL_POWER_INSTANT;
}

static void check_counters(struct gpu_set *set, struct channel *channels)
{
	const struct ergon_clock *clock = set->env->clock;
	struct check checks[GPU_CHANNELS_MAX] = { 0 };
	uint64_t start_ns = clock->monotonic_ns(clock->user);
	for (int step = 0; step <= CHECK_STEPS; step++) {
		if (step && clock->sleep_until)
			clock->sleep_until(clock->user, start_ns + (uint64_t)step * check_step_ns);
		for (int i = 0; i < set->count; i++)
			check_step(set, i, &checks[i]);
	}
	for (int i = 0; i < set->count; i++)
		check_settle(set, i, &checks[i], channels);
}

/* --- the driver's functions ----------------------------------------------------- */

int gpu_open(struct gpu_set *set, const struct gpu_vendor *vendor, const struct ergon_env *env,
             struct channel *channels, int max, struct ergon_error *err)
{
	struct sensor_reason reason;
	if (start(set, vendor, env, &reason) != SENSOR_READY) {
		ergon_fail(err, ERGON_NOT_SUPPORTED, "%s: %s", vendor->driver, reason.text);
		return -1;
	}
	set->first_number = gpu_first_number(env, vendor->pci);
	set->listed = vendor->devices(set);
	if (set->listed > 0)
		vendor->list(set, channels, max);
	if (set->count == 0) {
		ergon_fail(err, ERGON_NOT_SUPPORTED, "%s: no GPU supports energy or power readings",
		           vendor->driver);
		stop(set);
		return -1;
	}
	if (vendor->check_counters)
		check_counters(set, channels);
	return set->count;
}

/* One that fell off the bus may come back, with its counter at zero: its handle is asked for anew,
 * once a second. */
static void look_again(struct gpu_set *set, struct gpu_device *device, uint64_t now_ns)
{
	if (!device->lost || now_ns - device->looked_ns < look_interval_ns)
		return;
	device->looked_ns = now_ns;
	device->lost = !set->vendor->find(set, device);
}

static void notice_new(struct gpu_set *set, uint64_t now_ns)
{
	char text[160];
	if (set->told || now_ns - set->counted_ns < look_interval_ns)
		return;
	set->counted_ns = now_ns;
	int now = set->vendor->devices(set);
	if (now <= set->listed)
		return;
	set->told = true;
	snprintf(text, sizeof text,
	         "%s: a GPU has appeared (%d where %d were): it counts from the next start on",
	         set->vendor->driver, now, set->listed);
	say(set, text);
}

void gpu_read(void *state, struct reading *readings, int n)
{
	struct gpu_set *set = state;
	const struct ergon_clock *clock = set->env->clock;
	for (int i = 0; i < n; i++) {
		struct gpu_device *device = &set->devices[i];
		struct reading *reading = &readings[i];
		reading->raw = 0;
		look_again(set, device, clock->monotonic_ns(clock->user));
		reading->error =
		    device->lost ? ENODEV
				 : set->vendor->read(set, device,
		                                     device->source == GPU_SHARE ? device->whole
		                                                                 : device->source,
		                                     &reading->raw);
		reading->valid = reading->error == 0;
		reading->time_ns = clock->monotonic_ns(clock->user);
		if (device->source == GPU_SHARE)
			reading->raw = (uint64_t)((double)reading->raw * device->share);
		device->lost = device->lost || reading->error == ENODEV;
	}
	if (n > 0)
		notice_new(set, readings[n - 1].time_ns);
}

void gpu_close(void *state)
{
	stop(state);
}
