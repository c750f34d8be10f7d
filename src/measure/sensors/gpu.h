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

struct gpu_vendor {
	const char *driver;         /* "nvml" */
	const char *const *sonames; /* ends with NULL */
	const struct entry_point *entries;
	size_t entry_count;
	const char *brand;   /* "NVIDIA" */
	const char *pci;     /* PCI_NVIDIA */
	const char *install; /* the command that brings the library */
	bool check_counters; /* against power, for half a second at open */

	/* Initialises the library. On failure the reason is filled and nothing is left to undo. */
	enum sensor_state (*start)(struct gpu_set *set, struct sensor_reason *reason);
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

/* The functions of a sensor_driver for a vendor: gpu_probe and gpu_open take it as argument. */
#define GPU_DRIVER(vendor)                                                                         \
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
	}

#endif
