/* SPDX-License-Identifier: Apache-2.0
 *
 * The known stream that a command's footprint is held against (footprint.h), measured in CPU time,
 * which other programs' load does not lengthen, and here and now.
 */
#ifndef ERGON_UNDERSTAND_STREAM_CONTROL_H
#define ERGON_UNDERSTAND_STREAM_CONTROL_H

#include <stdint.h>

#include "ergon/env.h"
#include "understand/footprint.h"

/* STREAM triads in so many processes of ours, watched and unwatched in turn; a second or two.
 * bytes: their memory in all, several times the last cache. Never fails: control.absent tells. */
void stream_control_measure(struct stream_control *control, const struct ergon_env *env,
                            unsigned processes, uint64_t bytes);

#endif
