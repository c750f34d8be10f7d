/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/kernels/opencl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "understand/kernels/fma.h"
#include "understand/kernels/simple.h"

enum { PLATFORMS_MAX = 16, DEVICES_MAX = 16, NAME_SIZE = 200, LOG_SIZE = 4096 };

/* cl.h of OpenCL 1.2 */
enum {
	CL_SUCCESS = 0,
	CL_DEVICE_NOT_FOUND = -1,
	CL_PLATFORM_NAME = 0x0902,
	CL_DEVICE_TYPE_GPU = 1 << 2,
	CL_DEVICE_NAME = 0x102B,
	CL_DEVICE_DOUBLE_FP_CONFIG = 0x1032,
	CL_MEM_READ_WRITE = 1 << 0,
	CL_MEM_COPY_HOST_PTR = 1 << 5,
	CL_PROGRAM_BUILD_LOG = 0x1183
};
static const uint64_t CL_DEVICE_TYPE_ALL = 0xFFFFFFFF;

typedef struct cl_object *cl_object; /* platform, device, context, queue, program, kernel, buffer */

struct cl_api {
	int32_t (*platforms)(uint32_t, cl_object *, uint32_t *);
	int32_t (*platform_info)(cl_object, uint32_t, size_t, void *, size_t *);
	int32_t (*devices)(cl_object, uint64_t, uint32_t, cl_object *, uint32_t *);
	int32_t (*device_info)(cl_object, uint32_t, size_t, void *, size_t *);
	cl_object (*context)(const intptr_t *, uint32_t, const cl_object *, void *, void *,
	                     int32_t *);
	cl_object (*queue)(cl_object, cl_object, uint64_t, int32_t *);
	cl_object (*program)(cl_object, uint32_t, const char *const *, const size_t *, int32_t *);
	int32_t (*build)(cl_object, uint32_t, const cl_object *, const char *, void *, void *);
	int32_t (*build_info)(cl_object, cl_object, uint32_t, size_t, void *, size_t *);
	cl_object (*kernel)(cl_object, const char *, int32_t *);
	int32_t (*argument)(cl_object, uint32_t, size_t, const void *);
	cl_object (*buffer)(cl_object, uint64_t, size_t, void *, int32_t *);
	int32_t (*enqueue)(cl_object, cl_object, uint32_t, const size_t *, const size_t *,
	                   const size_t *, uint32_t, const cl_object *, cl_object *);
	int32_t (*read)(cl_object, cl_object, uint32_t, size_t, size_t, void *, uint32_t,
	                const cl_object *, cl_object *);
	int32_t (*write)(cl_object, cl_object, uint32_t, size_t, size_t, const void *, uint32_t,
	                 const cl_object *, cl_object *);
	int32_t (*finish)(cl_object);
	int32_t (*release_buffer)(cl_object);
	int32_t (*release_kernel)(cl_object);
	int32_t (*release_program)(cl_object);
	int32_t (*release_queue)(cl_object);
	int32_t (*release_context)(cl_object);
};

struct opencl {
	const struct ergon_env *env;
	void *library;
	struct cl_api api;
	cl_object device, context, queue, program, kernel;
	cl_object buffers[OPENCL_BUFFERS];
	struct opencl_work work;
	char name[NAME_SIZE + 64];
};

/* ---- the library ---- */

static bool resolve(struct opencl *cl)
{
	struct cl_api *a = &cl->api;
	const struct {
		const char *name;
		void **slot;
	} symbols[] = {
		{ "clGetPlatformIDs", (void **)&a->platforms },
		{ "clGetPlatformInfo", (void **)&a->platform_info },
		{ "clGetDeviceIDs", (void **)&a->devices },
		{ "clGetDeviceInfo", (void **)&a->device_info },
		{ "clCreateContext", (void **)&a->context },
		{ "clCreateCommandQueue", (void **)&a->queue },
		{ "clCreateProgramWithSource", (void **)&a->program },
		{ "clBuildProgram", (void **)&a->build },
		{ "clGetProgramBuildInfo", (void **)&a->build_info },
		{ "clCreateKernel", (void **)&a->kernel },
		{ "clSetKernelArg", (void **)&a->argument },
		{ "clCreateBuffer", (void **)&a->buffer },
		{ "clEnqueueNDRangeKernel", (void **)&a->enqueue },
		{ "clEnqueueReadBuffer", (void **)&a->read },
		{ "clEnqueueWriteBuffer", (void **)&a->write },
		{ "clFinish", (void **)&a->finish },
		{ "clReleaseMemObject", (void **)&a->release_buffer },
		{ "clReleaseKernel", (void **)&a->release_kernel },
		{ "clReleaseProgram", (void **)&a->release_program },
		{ "clReleaseCommandQueue", (void **)&a->release_queue },
		{ "clReleaseContext", (void **)&a->release_context },
	};
	const struct ergon_dl *dl = cl->env->dl;
	for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
		*symbols[i].slot = dl->symbol(dl->user, cl->library, symbols[i].name);
		if (!*symbols[i].slot)
			return false;
	}
	return true;
}

static enum ergon_code open_library(struct opencl *cl, struct ergon_error *err)
{
	const char *why = "";
	const struct ergon_dl *dl = cl->env->dl;
	cl->library = dl ? dl->open(dl->user, "libOpenCL.so.1", &why) : NULL;
	if (!cl->library)
		return ergon_fail(err, ERGON_NOT_SUPPORTED,
		                  "OpenCL is absent: %.200s (package ocl-icd-libopencl1)",
		                  why ? why : "no reason given");
	if (!resolve(cl))
		return ergon_fail(err, ERGON_NOT_SUPPORTED, "libOpenCL.so.1 is older than 1.2");
	return ERGON_OK;
}

/* ---- the device: the first GPU, else the first of any kind ---- */

static bool find_device(struct opencl *cl, uint64_t type)
{
	cl_object platforms[PLATFORMS_MAX], devices[DEVICES_MAX];
	uint32_t count = 0, found = 0;
	char platform[NAME_SIZE / 2] = "", device[NAME_SIZE / 2] = "";
	if (cl->api.platforms(PLATFORMS_MAX, platforms, &count) != CL_SUCCESS)
		return false;
	for (uint32_t i = 0; i < count && i < PLATFORMS_MAX; i++) {
		if (cl->api.devices(platforms[i], type, DEVICES_MAX, devices, &found) !=
		        CL_SUCCESS ||
		    found == 0)
			continue;
		cl->device = devices[0];
		(void)cl->api.platform_info(platforms[i], CL_PLATFORM_NAME, sizeof platform - 1,
		                            platform, NULL);
		(void)cl->api.device_info(devices[0], CL_DEVICE_NAME, sizeof device - 1, device,
		                          NULL);
		snprintf(cl->name, sizeof cl->name, "%s: %s", platform, device);
		return true;
	}
	return false;
}

static enum ergon_code choose_device(struct opencl *cl, struct ergon_error *err)
{
	if (find_device(cl, CL_DEVICE_TYPE_GPU) || find_device(cl, CL_DEVICE_TYPE_ALL))
		return ERGON_OK;
	return ergon_fail(err, ERGON_NOT_SUPPORTED,
	                  "OpenCL shows no device: install its driver, or pocl-opencl-icd to use "
	                  "the processor");
}

bool opencl_describe(const struct ergon_env *env, char *text, size_t size)
{
	struct opencl cl = { .env = env };
	struct ergon_error why = { 0 };
	enum ergon_code code = open_library(&cl, &why);
	if (!code)
		code = choose_device(&cl, &why);
	snprintf(text, size, "%s", code ? why.text : cl.name);
	return code == ERGON_OK;
}

const char *opencl_device(const struct opencl *cl)
{
	return cl->name;
}

/* ---- the program ---- */

static enum ergon_code failed(const char *what, int32_t status, struct ergon_error *err)
{
	return ergon_fail(err, ERGON_NOT_SUPPORTED, "OpenCL: %s fails with status %d", what,
	                  (int)status);
}

static enum ergon_code build(struct opencl *cl, struct ergon_error *err)
{
	char options[512], log[LOG_SIZE] = "";
	bool wide = cl->work.precision == PRECISION_F64;
	int32_t status;
	uint64_t doubles = 0;
	(void)cl->api.device_info(cl->device, CL_DEVICE_DOUBLE_FP_CONFIG, sizeof doubles, &doubles,
	                          NULL);
	if (wide && doubles == 0)
		return ergon_fail(err, ERGON_NOT_SUPPORTED, "%s has no double precision", cl->name);
	snprintf(options, sizeof options,
	         "-DREAL=%s -DWIDE=%d -DSPMV_ROW=%d -DROW_ELEMENTS=%d -DMONTECARLO_DRAWS=%d "
	         "-DBAG=%d -DWIDTH=%d -DCHANNELS=%d -DFMA_CHAINS=%d",
	         wide ? "double" : "float", wide, SPMV_ROW, ROW_ELEMENTS, MONTECARLO_DRAWS, BAG,
	         WIDTH, CHANNELS, FMA_CHAINS);
	const char *text = opencl_text;
	cl->program = cl->api.program(cl->context, 1, &text, NULL, &status);
	if (!cl->program)
		return failed("clCreateProgramWithSource", status, err);
	status = cl->api.build(cl->program, 1, &cl->device, options, NULL, NULL);
	if (status != CL_SUCCESS) {
		(void)cl->api.build_info(cl->program, cl->device, CL_PROGRAM_BUILD_LOG,
		                         sizeof log - 1, log, NULL);
		return ergon_fail(err, ERGON_NOT_SUPPORTED,
		                  "OpenCL: the kernels do not compile on %.80s: %.300s", cl->name,
		                  log);
	}
	cl->kernel = cl->api.kernel(cl->program, cl->work.name, &status);
	return cl->kernel ? ERGON_OK : failed(cl->work.name, status, err);
}

static enum ergon_code make_buffers(struct opencl *cl, struct ergon_error *err)
{
	const struct opencl_work *w = &cl->work;
	int32_t status = CL_SUCCESS;
	for (uint32_t i = 0; i < OPENCL_BUFFERS; i++) {
		/* A buffer that is not used still has a place among the arguments. */
		size_t bytes = w->bytes[i] ? w->bytes[i] : 64;
		cl->buffers[i] =
		    cl->api.buffer(cl->context, CL_MEM_READ_WRITE, bytes, NULL, &status);
		if (!cl->buffers[i])
			return failed("clCreateBuffer", status, err);
		if (w->bytes[i] && w->from[i])
			status = cl->api.write(cl->queue, cl->buffers[i], 1, 0, bytes, w->from[i],
			                       0, NULL, NULL);
		if (status == CL_SUCCESS)
			status =
			    cl->api.argument(cl->kernel, i, sizeof(cl_object), &cl->buffers[i]);
		if (status != CL_SUCCESS)
			return failed("the set-up", status, err);
	}
	status = cl->api.argument(cl->kernel, OPENCL_BUFFERS, sizeof w->n, &w->n);
	return status == CL_SUCCESS ? ERGON_OK : failed("clSetKernelArg", status, err);
}

enum ergon_code opencl_open(struct opencl **out, const struct ergon_env *env,
                            const struct opencl_work *work, struct ergon_error *err)
{
	int32_t status;
	struct opencl *cl = calloc(1, sizeof *cl);
	*out = NULL;
	if (!cl)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	cl->env = env;
	cl->work = *work;
	enum ergon_code code = open_library(cl, err);
	if (!code)
		code = choose_device(cl, err);
	if (!code) {
		cl->context = cl->api.context(NULL, 1, &cl->device, NULL, NULL, &status);
		if (cl->context)
			cl->queue = cl->api.queue(cl->context, cl->device, 0, &status);
		if (!cl->queue)
			code = failed("clCreateContext", status, err);
	}
	if (!code)
		code = build(cl, err);
	if (!code)
		code = make_buffers(cl, err);
	if (code)
		opencl_close(cl);
	else
		*out = cl;
	return code;
}

void opencl_close(struct opencl *cl)
{
	if (!cl)
		return;
	const struct cl_api *a = &cl->api;
	for (int i = 0; i < OPENCL_BUFFERS; i++)
		if (cl->buffers[i])
			(void)a->release_buffer(cl->buffers[i]);
	if (cl->kernel)
		(void)a->release_kernel(cl->kernel);
	if (cl->program)
		(void)a->release_program(cl->program);
	if (cl->queue)
		(void)a->release_queue(cl->queue);
	if (cl->context)
		(void)a->release_context(cl->context);
	/* The library stays: drivers behind it have threads and exit handlers of their own, and do
	 * not survive being unloaded. */
	free(cl);
}

bool opencl_run(struct opencl *cl, uint64_t passes)
{
	const struct opencl_work *w = &cl->work;
	size_t group = w->group ? w->group : 1;
	size_t rounded = (w->items + group - 1) / group * group;
	const size_t items[2] = { rounded, rounded }, groups[2] = { group, group };
	int32_t status = CL_SUCCESS;
	for (uint64_t i = 0; i < passes && status == CL_SUCCESS; i++) {
		status = cl->api.enqueue(cl->queue, cl->kernel, w->square ? 2 : 1, NULL, items,
		                         w->group ? groups : NULL, 0, NULL, NULL);
		/* Some queues take no more than so many commands. */
		if (status == CL_SUCCESS && i % 256 == 255)
			status = cl->api.finish(cl->queue);
	}
	int32_t finished = cl->api.finish(cl->queue);
	return status == CL_SUCCESS && finished == CL_SUCCESS;
}

bool opencl_read(struct opencl *cl, void *to)
{
	return cl->api.read(cl->queue, cl->buffers[0], 1, 0, cl->work.bytes[0], to, 0, NULL,
	                    NULL) == CL_SUCCESS;
}

bool opencl_write(struct opencl *cl, const void *from)
{
	return cl->api.write(cl->queue, cl->buffers[0], 1, 0, cl->work.bytes[0], from, 0, NULL,
	                     NULL) == CL_SUCCESS;
}
