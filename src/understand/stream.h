/* SPDX-License-Identifier: Apache-2.0
 *
 * A STREAM triad of ours on one thread: what is bound by memory for certain, for probes to be held
 * against.
 */
#ifndef ERGON_UNDERSTAND_STREAM_H
#define ERGON_UNDERSTAND_STREAM_H

#include <stdint.h>

#include "understand/kernels/kernel.h"

struct stream {
	const struct kernel *kernel;
	void *state;
	double pass_bytes; /* that a pass moves: its three arrays */
};

/* bytes: of its arrays, at most. Nothing is held after a failure. */
enum ergon_code stream_start(struct stream *stream, const struct ergon_env *env, uint64_t bytes,
                             struct ergon_error *err);
double stream_pass_s(struct stream *stream); /* runs one; the CPU time that it took */
void stream_end(struct stream *stream);

#endif
