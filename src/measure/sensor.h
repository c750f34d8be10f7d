/* SPDX-License-Identifier: Apache-2.0
 *
 * A sensor driver tells the meter what can be read on this machine and reads it.
 *
 * A driver owns one kind of source (RAPL zones under powercap, NVML boards, ...) and offers its
 * channels: single quantities with a unit, a behaviour and a place in the machine's containment
 * tree. The meter owns time: it decides when to read, differences counters, integrates powers and
 * adds up only channels that do not overlap. A driver never allocates after open(), never prints,
 * and never turns a failed read into a number: it clears `valid`.
 *
 * A channel's name is its path in the tree (tree.h): "package-0", "package-0/core",
 * "package-0/dram", "psys", "gpu-1", "node". Names of one meter are unique; the second sight of the
 * same silicon is called "package-0@mmio" and names its twin.
 *
 * To add a driver: one file beside this one, one line in sensors/sensors.c, one test with a fake of
 * its source. docs/add-a-sensor.md walks through it.
 */
#ifndef ERGON_MEASURE_SENSOR_H
#define ERGON_MEASURE_SENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ergon/env.h"
#include "ergon/error.h"

enum { CHANNEL_NAME_SIZE = 64, CHANNELS_MAX = 1024 };

/* How successive raw values of a channel relate to energy. */
enum channel_behaviour {
	CHANNEL_ENERGY_COUNTER, /* monotone, wraps at wrap_at_uj */
	CHANNEL_POWER_INSTANT,  /* valid at the moment of reading */
	CHANNEL_POWER_AVERAGE,  /* mean over the window_us before the reading */
};

/* Where a number comes from; printed beside every joule. */
enum provenance {
	PROVENANCE_MEASURED,   /* a physical sensor, or firmware's own energy model (RAPL) */
	PROVENANCE_MODELLED,   /* computed by ergon from activity and published constants */
	PROVENANCE_ATTRIBUTED, /* a share of one of the above */
};
const char *provenance_name(enum provenance provenance); /* "measured", ... */

struct channel {
	char name[CHANNEL_NAME_SIZE];
	char twin_of[CHANNEL_NAME_SIZE]; /* the same silicon's preferred channel, or "" */
	enum channel_behaviour behaviour;
	enum provenance provenance;
	uint64_t wrap_at_uj;   /* counters: the value that is never shown, 0 follows; 0: no wrap */
	uint32_t refresh_us;   /* the source changes no more often than this */
	uint32_t window_us;    /* averages only */
	uint32_t resolution;   /* least step of raw: uJ or uW; 0 unknown */
	double relative_error; /* 1 sigma, from documentation or calibration; 0 unknown */
	double observed_share; /* part of the time that the source looks at all; 0: all of it */
	double max_power_w;    /* a step that implies more is a fault, no energy; 0: 10 kW */
};

struct reading {
	uint64_t time_ns; /* CLOCK_MONOTONIC, taken beside this very read */
	uint64_t raw;     /* uJ for counters, uW for powers */
	int error;        /* errno of a failed read; 0 for a sentinel or a bad text */
	bool valid;
};

/* Whether a driver can be used here. */
enum sensor_state {
	SENSOR_READY,
	SENSOR_CLOSED, /* it is there, but not open to this user */
	SENSOR_ABSENT, /* the machine, or its kernel, has none */
};

/* Why not, and what would change it. */
struct sensor_reason {
	char text[256];  /* "no folder /sys/class/powercap: ..." */
	char grant[256]; /* the one command that grants it; "" where none can */
};

/* When the meter opens a driver on its own accord. */
enum sensor_use {
	SENSOR_ALWAYS,   /* wherever it is ready */
	SENSOR_SPARE,    /* another way to the same silicon: only for what no earlier one covers */
	SENSOR_RELAY,    /* another process's readings: where they show what none of ours does */
	SENSOR_FALLBACK, /* models: only for components that no measured channel covers */
	SENSOR_ON_REQUEST, /* only when it is named */
};

struct sensor_driver {
	const char *name;    /* as in `ergon sensors` and --sensors */
	const char *summary; /* one line, for help and docs */
	const char *takes;   /* what follows "NAME:" in --sensors ("FILE"); "[...]": it may be left
	                      * out; NULL for nothing */
	enum sensor_use use;
	size_t state_size; /* bytes the meter reserves for one open instance; zeroed */

	/* Is the source here and open? If not, says why in reason. Keeps nothing open. argument:
	 * see takes; may be NULL. */
	enum sensor_state (*probe)(const struct ergon_env *env, const char *argument,
	                           struct sensor_reason *reason);

	/* Opens every channel and describes it (channels come zeroed). Returns how many (at most
	 * max), or -1 with err filled, then nothing stays open. env outlives the instance. */
	int (*open)(void *state, const struct ergon_env *env, const char *argument,
	            struct channel *channels, int max, struct ergon_error *err);

	/* Reads all n channels in order of open(). Called at every deadline, from one thread at a
	 * time: no allocation, no formatted input or output, one system call a channel at most. */
	void (*read)(void *state, struct reading *readings, int n);

	/* Releases what open() took; called once, also after failed reads. */
	void (*close)(void *state);
};

/* Every driver compiled in, in the order in which twins are preferred. Ends with NULL. */
extern const struct sensor_driver *const sensor_drivers[];

/* The driver of that name (as far as ':'), or NULL. */
const struct sensor_driver *sensor_driver_find(const char *name);

#endif
