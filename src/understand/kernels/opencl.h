/* SPDX-License-Identifier: Apache-2.0
 *
 * One kernel on an OpenCL device: any vendor's GPU, else whatever the loader shows (PoCL makes a
 * processor one). libOpenCL.so.1 is opened at run time; entry points and constants are declared in
 * opencl.c after the OpenCL 1.2 specification (Khronos 2012). The kernels' text is embedded
 * (opencl_text.c) and compiled by the device's own compiler.
 *
 * A kernel of ours takes one output buffer, up to three inputs, indexes and three numbers; parts
 * that it does not use are left out by name.
 */
#ifndef ERGON_UNDERSTAND_OPENCL_H
#define ERGON_UNDERSTAND_OPENCL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "understand/kernels/kernel.h"

enum { OPENCL_BUFFERS = 5 }; /* out, three inputs, indexes */

struct opencl;

struct opencl_work {
	const char *name; /* of the kernel in the text */
	enum precision precision;
	size_t bytes[OPENCL_BUFFERS];     /* 0: not used */
	const void *from[OPENCL_BUFFERS]; /* copied to the device; NULL: left as it is */
	uint64_t n;                       /* the kernel's size */
	size_t items;                     /* work items of one pass */
	size_t group;                     /* items of a work group; 0: the device's choice */
	bool square;                      /* items in two dimensions, group in each */
};

/* NOT_SUPPORTED with the reason: no loader, no device, no double precision. */
ERGON_MUST_USE enum ergon_code opencl_open(struct opencl **cl, const struct ergon_env *env,
                                           const struct opencl_work *work, struct ergon_error *err);
/* One after the other; returns when all are done. False: the device failed. */
bool opencl_run(struct opencl *cl, uint64_t passes);
/* The output buffer to and from the host. */
bool opencl_read(struct opencl *cl, void *to);
bool opencl_write(struct opencl *cl, const void *from);
void opencl_close(struct opencl *cl); /* NULL is fine */

/* "PoCL: cpu-Intel...", for people. */
const char *opencl_device(const struct opencl *cl);
/* The device that kernels would run on, or why there is none. */
bool opencl_describe(const struct ergon_env *env, char *text, size_t size);

/* The text of all kernels; wants REAL and the constants of simple.h defined. */
extern const char *const opencl_text;

#endif
