/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/stream.h"

#include <stdlib.h>

#include "base/cpu_time.h"

enum ergon_code stream_start(struct stream *stream, const struct ergon_env *env, uint64_t bytes,
                             struct ergon_error *err)
{
	struct kernel_config config = { .env = env,
		                        .size = bytes / 24 / 16 * 16,
		                        .precision = PRECISION_F64,
		                        .paradigm = PARADIGM_SIMD,
		                        .threads = 1,
		                        .isa = kernel_isa() };
	*stream = (struct stream){ .pass_bytes = 24 * (double)config.size };
	enum ergon_code code = kernel_find("triad", &stream->kernel, err);
	if (code)
		return code;
	stream->state = calloc(1, stream->kernel->state_size);
	if (!stream->state)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	code = stream->kernel->init(stream->state, &config, err);
	if (code) {
		free(stream->state);
		stream->state = NULL;
	}
	return code;
}

double stream_pass_s(struct stream *stream)
{
	double begin = cpu_time_s(CLOCK_THREAD_CPUTIME_ID);
	stream->kernel->run(stream->state, 1);
	return cpu_time_s(CLOCK_THREAD_CPUTIME_ID) - begin;
}

void stream_end(struct stream *stream)
{
	stream->kernel->fini(stream->state);
	free(stream->state);
	stream->state = NULL;
}
