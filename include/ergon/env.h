/* SPDX-License-Identifier: Apache-2.0
 *
 * The outside world as ergon sees it: where sysfs, procfs and devfs are rooted, how shared
 * libraries are opened, what time it is, where data files lie.
 *
 * Everything outside comes through one struct ergon_env that the caller owns and hands in. Tests,
 * containers and recordings hand in another one, so that faults are injected through the interface
 * that production uses. A struct ergon_env is constant while anything uses it; two may be in use at
 * once, in two threads.
 */
#ifndef ERGON_ENV_H
#define ERGON_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ergon_env;

/* Both clocks in integer nanoseconds. sleep_until returns early only on a signal (then false). */
struct ergon_clock {
	uint64_t (*monotonic_ns)(void *user); /* never steps back; stops in suspend */
	uint64_t (*boottime_ns)(void *user);  /* the same, but counts suspend: the gap shows it */
	uint64_t (*realtime_ns)(void *user);  /* since 1970-01-01 UTC; may step */
	bool (*sleep_until)(void *user, uint64_t monotonic_ns);
	void *user;
};

/* Opener of shared libraries. open returns NULL and sets *why (static or handle-owned text). */
struct ergon_dl {
	void *(*open)(void *user, const char *soname, const char **why);
	void *(*symbol)(void *user, void *handle, const char *name);
	void (*close)(void *user, void *handle);
	void *user;
};

enum ergon_log_level { ERGON_LOG_DEBUG, ERGON_LOG_INFO, ERGON_LOG_WARNING };

struct ergon_env {
	const char *sysfs_root;  /* "/sys" */
	const char *procfs_root; /* "/proc" */
	const char *devfs_root;  /* "/dev" */
	const char *data_dir;    /* the folder with devices/, models/, ...: read only */
	const char *state_dir;   /* the user's own: runs, calibrations; may not exist yet */
	const char *store_url;   /* a database for runs, or a folder; NULL: state_dir */
	const char *socket_path; /* of ergon serve, for sensors closed to us; NULL: not asked */
	const struct ergon_clock *clock;
	const struct ergon_dl *dl;
	/* Receives what a user should know but that is no error. May be NULL. */
	void (*log)(void *user, enum ergon_log_level level, const char *text);
	void *log_user;
	const char *config_dir; /* the user's sensors.json; NULL: none */
	/* ioctl on a device below devfs_root: 0 or more, or -1 with errno. NULL: the kernel's. */
	int (*device_ioctl)(void *user, int fd, unsigned long request, void *argument);
	/* perf_event_open of a struct perf_event_attr, likewise. */
	int (*perf_event_open)(void *user, void *attr, int pid, int cpu, int group,
	                       unsigned long flags);
	void *device_user; /* of both */
};

/* The real machine: /sys, /proc, /dev, dlopen, the kernel's clocks. data_dir is looked for in
 * $ERGON_DATA_DIR, beside the running program (../share/ergon, ../data), then where it was
 * installed; state_dir in $ERGON_STATE_DIR, $XDG_DATA_HOME/ergon, $HOME/.local/share/ergon;
 * config_dir in $ERGON_CONFIG_DIR, $XDG_CONFIG_HOME/ergon, $HOME/.config/ergon, and /etc/ergon
 * where the user has no sensors.json; socket_path is $ERGON_SOCKET or /run/ergon/ergon.sock.
 * Strings live in storage, which must outlive env. Never fails: a folder that is not there is
 * reported by whoever needs it. */
struct ergon_env_storage {
	char data_dir[1024];
	char state_dir[1024];
	char config_dir[1024];
};
void ergon_env_init(struct ergon_env *env, struct ergon_env_storage *storage);

#ifdef __cplusplus
}
#endif
#endif
