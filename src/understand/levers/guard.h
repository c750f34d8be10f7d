/* SPDX-License-Identifier: Apache-2.0
 *
 * The guard puts the machine back as it was found, whatever becomes of ergon.
 *
 * A small process of its own holds what the levers saved. It does nothing until ergon asks it to
 * restore, or until the pipe between the two closes because ergon is gone: after an error, Ctrl-C,
 * kill -9. It stands in a session of its own and ignores the signals that a terminal sends. Should
 * the guard itself be killed, guard_release() restores from this side. Only the death of both at
 * once (power cut, the whole control group killed) leaves a setting behind.
 *
 * A setting behind a vendor's library (a GPU's power limit) is put back through that library: the
 * guard opens it at its start, for itself, so that restoring takes one call and no more.
 *
 * Writes are carried out in order and tried again as long as some of them fail and others succeed:
 * limits that bound each other (least and highest clock) come right that way in any order.
 */
#ifndef ERGON_UNDERSTAND_GUARD_H
#define ERGON_UNDERSTAND_GUARD_H

#include <sys/types.h>

#include "understand/levers/lever.h"

struct guard {
	const struct lever_saved *saved; /* borrowed until release */
	pid_t pid;                       /* 0: none is running */
	int request_fd, answer_fd;
};

/* Call before the first setting is changed. Nothing saved: no process. */
ERGON_MUST_USE enum ergon_code guard_start(struct guard *guard, const struct lever_saved *saved,
                                           struct ergon_error *err);
/* Restores, waits until it is done, and says what could not be restored. */
ERGON_MUST_USE enum ergon_code guard_release(struct guard *guard, struct ergon_error *err);

/* Carries out the writes now; index of the first that failed for good, or count. forked: as
 * lever_device.open has it. */
size_t lever_write_all(const struct lever_saved *saved, bool forked);
/* One write of a line to a file of sysfs. False with errno. */
bool lever_write_text(const char *path, const char *text);
/* Appends what the file at path holds. */
ERGON_MUST_USE enum ergon_code lever_save_file(struct lever_saved *saved, const char *path,
                                               struct ergon_error *err);
/* Appends a setting that is kept behind a device. */
ERGON_MUST_USE enum ergon_code lever_save_device(struct lever_saved *saved,
                                                 const struct ergon_env *env,
                                                 const struct lever_device *device,
                                                 const char *name, const char *text,
                                                 struct ergon_error *err);
void lever_saved_fini(struct lever_saved *saved);

#endif
