/* SPDX-License-Identifier: Apache-2.0
 *
 * What the drivers of GPU vendors' libraries share: opening the library, explaining its absence,
 * the list of devices and where each channel comes from, a reading loop, a device that is lost or
 * appears, and a check of energy counters against power.
 *
 * A vendor's file declares its few entry points, fills one struct gpu_vendor and calls the four
 * functions below from its sensor_driver. Numbers: GPUs are numbered over the whole machine,
 * NVIDIA's first, then AMD's, then Intel's, so that gpu-0 of a driver and of hwmon are the same.
 */
#ifndef ERGON_MEASURE_SENSORS_GPU_H
#define ERGON_MEASURE_SENSORS_GPU_H

#include "measure/sensors/library.h"
#include "measure/sensors/sysfs.h"

enum { GPU_CHANNELS_MAX = 256, GPU_API_SLOTS = 24 };

/* api_of(set): the vendor's struct of function pointers. */
#define GPU_API(type)                                                                              \
	_Static_assert(sizeof(type) <= sizeof(void *[GPU_API_SLOTS]), "fits struct gpu_set");      \
	static const type *api_of(const struct gpu_set *set)                                       \
	{                                                                                          \
		return (const void *)set->api;                                                     \
	}

#define PCI_NVIDIA "0x10de"
#define PCI_AMD "0x1002"
#define PCI_INTEL "0x8086"

enum gpu_source {
	GPU_ENERGY,  /* a counter: uJ */
	GPU_INSTANT, /* power of the moment: uW */
	GPU_POWER,   /* power, a mean on some generations: uW */
	GPU_MODULE,  /* power of the whole module around it: uW */
	GPU_SHARE,   /* a partition's part of GPU_ENERGY or power, by its share */
};

struct gpu_device {
	void *handle;   /* or the device's index, as the vendor names it */
	unsigned index; /* of the vendor's list, for finding it again */
	enum gpu_source source;
	enum gpu_source whole; /* GPU_SHARE: where the whole GPU's comes from */
	double share;          /* GPU_SHARE: 0..1 */
	bool lost;
	uint64_t looked_ns; /* when it was last looked for */
};

struct gpu_set {
	const struct ergon_env *env;
	const struct gpu_vendor *vendor;
	void *library;
	void *api[GPU_API_SLOTS]; /* the vendor's struct of function pointers */
	int count, first_number;
	int listed; /* devices that the library listed at open */
	uint64_t counted_ns;
	bool told; /* that one has appeared */
	struct gpu_device devices[GPU_CHANNELS_MAX];
};

/* How a vendor's library numbers what went wrong; 0 stands for success in all of them. */
#define GPU_NO_STATUS INT64_MIN /* what it does not tell apart */
struct gpu_statuses {
	int64_t unsupported, no_permission, lost, no_module;
};

struct gpu_vendor {
	const char *driver;         /* "nvml" */
	const char *const *sonames; /* ends with NULL */
	const struct entry_point *entries;
	size_t entry_count;
	const char *brand;   /* "NVIDIA" */
	const char *pci;     /* PCI_NVIDIA */
	const char *install; /* the command that brings the library */
	bool check_counters; /* against power, for half a second at open */

	const char *module; /* of the kernel: "nvidia" */
	const char *grant;  /* the command that opens the devices to a user */
	struct gpu_statuses statuses;

	/* Initialises the library: its status. On failure nothing is left to undo. */
	int64_t (*start)(struct gpu_set *set);
	void (*stop)(struct gpu_set *set);
	int (*devices)(struct gpu_set *set); /* how many there are now; -1 on failure */
	/* Adds the channels of all devices by gpu_add. */
	void (*list)(struct gpu_set *set, struct channel *channels, int max);
	/* uJ or uW of a device; 0, or an errno value (ENODEV: it is gone; ENOTSUP). */
	int (*read)(struct gpu_set *set, const struct gpu_device *device, enum gpu_source source,
	            uint64_t *raw);
	/* The handle of device->index anew; false while it is gone. */
	bool (*find)(struct gpu_set *set, struct gpu_device *device);
};

/* The errno value of a status: ENOTSUP, EACCES, ENODEV (lost), else EIO; 0 for success. */
int gpu_errno(const struct gpu_set *set, int64_t status);

/* AMD's accumulators count in units that the call states: status and counter of such a call as
 * read() returns them. */
int gpu_ticks(const struct gpu_set *set, int64_t status, uint64_t ticks, float unit_uj,
              uint64_t *energy_uj);

/* The channel that the caller goes on to describe, named and with the common fields set; NULL where
 * max is reached. suffix: "" or "/mig-0". */
struct channel *gpu_add(struct gpu_set *set, struct channel *channels, int max,
                        const struct gpu_device *device, const char *kind, const char *suffix);

/* The first of the sources from GPU_ENERGY to GPU_POWER that can be read now; false for none. */
bool gpu_best_source(struct gpu_set *set, struct gpu_device *device);

/* Number of the vendor's first GPU: those of vendors named before come first. */
int gpu_first_number(const struct ergon_env *env, const char *pci);

enum sensor_state gpu_probe(const struct gpu_vendor *vendor, const struct ergon_env *env,
                            struct sensor_reason *reason);
int gpu_open(struct gpu_set *set, const struct gpu_vendor *vendor, const struct ergon_env *env,
             struct channel *channels, int max, struct ergon_error *err);
void gpu_read(void *set, struct reading *readings, int n);
void gpu_close(void *set);

/* A vendor as the driver of this name: when says how it is used beside others, what is its line of
 * help. */
#define GPU_DRIVER(vendor, title, when, what)                                                      \
	static enum sensor_state driver_probe(const struct ergon_env *env, const char *argument,   \
	                                      struct sensor_reason *reason)                        \
	{                                                                                          \
		(void)argument;                                                                    \
		return gpu_probe(&(vendor), env, reason);                                          \
	}                                                                                          \
	static int driver_open(void *state, const struct ergon_env *env, const char *argument,     \
	                       struct channel *channels, int max, struct ergon_error *err)         \
	{                                                                                          \
		(void)argument;                                                                    \
		return gpu_open(state, &(vendor), env, channels, max, err);                        \
	}                                                                                          \
	const struct sensor_driver sensor_##title = {                                              \
		.name = #title,                                                                    \
		.summary = (what),                                                                 \
		.use = (when),                                                                     \
		.state_size = sizeof(struct gpu_set),                                              \
		.probe = driver_probe,                                                             \
		.open = driver_open,                                                               \
		.read = gpu_read,                                                                  \
		.close = gpu_close,                                                                \
	}

#endif
