/* SPDX-License-Identifier: Apache-2.0
 *
 * A lever is something that a sweep may vary: a setting of the command or of the machine.
 *
 * A lever of the command (threads, an environment variable, an argument) changes only what the
 * started process sees; nothing needs restoring. A lever of the machine (clock, governor, power
 * cap) changes what every process sees; it says how it is put back, and save() hands out the state
 * that was found as plain writes, which the guard process (guard.h) carries out whatever becomes of
 * ergon. A value is a text, as a user gives it; a lever with a unit takes numbers only.
 *
 * A family ("env:", "arg:") is named with a member behind it: "env:OMP_PROC_BIND". A numbered lever
 * ("gpuN.power") is named with a number in the N's place: "gpu0.power"; its member begins there.
 *
 * To add a lever: one file beside this one, one line in levers.c, one test.
 */
#ifndef ERGON_UNDERSTAND_LEVER_H
#define ERGON_UNDERSTAND_LEVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "ergon/env.h"
#include "ergon/error.h"

/* What a command will be started with; all in the arena. argv and environment end with NULL. */
struct lever_child {
	struct arena *arena;
	char **argv;
	char **environment;
	unsigned cores; /* it may run on the first so many processors; 0: all of ours */
};

struct lever_range {
	double min, max; /* in the lever's unit */
	bool whole;      /* whole numbers only */
};

struct lever_write;

/* Where a setting is kept that is no file: behind a vendor's library. */
struct lever_device {
	const char *name;
	/* In the process that restores. forked: it was forked from one that may have used the
	 * library, whose state it must not rely on. NULL: the library cannot be used any more. */
	void *(*open)(const struct ergon_env *env, bool forked);
	bool (*write)(void *handle, const struct lever_write *write);
	bool (*holds)(void *handle, const struct lever_write *write); /* as far as can be read */
	void (*close)(void *handle);
};

/* A setting and the text that it held, without the newline. */
struct lever_write {
	const struct lever_device *device; /* NULL: path is a file */
	char path[256];                    /* or the lever's name */
	char text[128];
};
enum { LEVER_WRITES_MAX = 4096, LEVER_DEVICES_MAX = 4 };

struct lever_saved {
	const struct ergon_env *env; /* of the devices; borrowed */
	struct lever_write *writes;  /* malloc'd; in the order in which they must be carried out */
	size_t count, capacity;
};

struct lever {
	const char *name; /* "cpu.threads", or a family: "env:" */
	const char *summary;
	const char *unit;      /* "" for a plain number; NULL: any text */
	const char *privilege; /* what it takes to set it: "none" */
	const char *restored;  /* how it is put back */
	bool family, numbered;

	/* Numbers only: what this machine offers. NOT_SUPPORTED with the reason where it has none.
	 */
	ERGON_MUST_USE enum ergon_code (*range)(const struct ergon_env *env, const char *member,
	                                        struct lever_range *range, struct ergon_error *err);

	/* The value that the machine really has nearest to number, for points that min and max
	 * spread; NULL: any will do. */
	double (*nearest)(const struct ergon_env *env, const char *member, double number);

	/* Levers of the command: changes what it will be started with; else NULL. */
	ERGON_MUST_USE enum ergon_code (*apply)(struct lever_child *child, const char *member,
	                                        const char *value, struct ergon_error *err);

	/* Levers of the machine: NULL for those of the command. save() appends to saved what set()
	 * may change; check() refuses a value before anything is touched. */
	ERGON_MUST_USE enum ergon_code (*check)(const struct ergon_env *env, const char *member,
	                                        const char *value, struct ergon_error *err);
	ERGON_MUST_USE enum ergon_code (*save)(const struct ergon_env *env, const char *member,
	                                       struct lever_saved *saved, struct ergon_error *err);
	ERGON_MUST_USE enum ergon_code (*set)(const struct ergon_env *env, const char *member,
	                                      const char *value, struct ergon_error *err);
};

/* Every lever, in the order of help; ends with NULL. */
extern const struct lever *const levers[];

/* Finds the lever of "cpu.threads" or "env:NAME"; member points into name ("" where there is
 * none). NOT_FOUND with a suggestion. */
ERGON_MUST_USE enum ergon_code lever_find(const char *name, const struct lever **lever,
                                          const char **member, struct ergon_error *err);

/* Sets NAME=value in the child's environment. */
ERGON_MUST_USE enum ergon_code lever_set_environment(struct lever_child *child, const char *name,
                                                     const char *value, struct ergon_error *err);
/* Replaces every {name} in the child's arguments; *count: how many. */
ERGON_MUST_USE enum ergon_code lever_replace_argument(struct lever_child *child, const char *name,
                                                      const char *value, size_t *count,
                                                      struct ergon_error *err);
/* Does any argument hold {name}? */
bool lever_placeholder_used(char *const *argv, const char *name);

#endif
