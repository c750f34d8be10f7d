/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole calibration in stages, each on the rows that can tell its constants.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "model/calibrate.h"

/* Cases of one file, metric and device that a fit sees, whole runs and single kernels. */
enum { SHARE_MAX = 90, KERNELS_SHARE_MAX = 60, QUICK_SHARE_MAX = 24, QUICK_EVALUATIONS = 400 };

struct member {
	const char *key;
	size_t index;
};

static int by_key(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order = strcmp(x->key, y->key);
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* What a stage of the calibration moves, and the rows that can tell it. */
enum stage { STAGE_KERNELS, STAGE_TIME, STAGE_HOST, STAGE_POWER, STAGE_LINKS, STAGE_COUNT };

static enum stage stage_of_field(size_t field)
{
	switch (field) {
	case CALIBRATION_AT_gemm_vector:
	case CALIBRATION_AT_gemm_tensor:
	case CALIBRATION_AT_matrix_other:
	case CALIBRATION_AT_k_half:
	case CALIBRATION_AT_wave:
	case CALIBRATION_AT_tile_bytes_per_clock:
	case CALIBRATION_AT_tile_bytes_vector:
	case CALIBRATION_AT_memory:
	case CALIBRATION_AT_memory_gddr:
	case CALIBRATION_AT_memory_old:
	case CALIBRATION_AT_memory_half_s:
	case CALIBRATION_AT_norm:
	case CALIBRATION_AT_l2_share:
	case CALIBRATION_AT_l2_bytes_per_clock:
	case CALIBRATION_AT_hidden:
	case CALIBRATION_AT_call_s:
	case CALIBRATION_AT_choice_s:
		return STAGE_KERNELS;
	case CALIBRATION_AT_host_issue_s:
	case CALIBRATION_AT_host_compiled:
	case CALIBRATION_AT_host_step_s:
	case CALIBRATION_AT_hook_s:
	case CALIBRATION_AT_collate_s:
	case CALIBRATION_AT_host_old:
		return STAGE_HOST;
	case CALIBRATION_AT_augment_s: /* large batches: not the host, but pauses, tell */
		return STAGE_POWER;
	case CALIBRATION_AT_nvlink:
	case CALIBRATION_AT_nvlink_switch:
	case CALIBRATION_AT_tensor_hidden:
	case CALIBRATION_AT_pcie:
	case CALIBRATION_AT_pcie_staged:
	case CALIBRATION_AT_network:
	case CALIBRATION_AT_ethernet_bps:
	case CALIBRATION_AT_network_s:
	case CALIBRATION_AT_collective_s:
	case CALIBRATION_AT_collective_start_s:
	case CALIBRATION_AT_network_hdr:
	case CALIBRATION_AT_nvlink_send:
	case CALIBRATION_AT_contention:
	case CALIBRATION_AT_contention_early:
	case CALIBRATION_AT_contention_sharded:
	case CALIBRATION_AT_worker_skew:
		return STAGE_LINKS;
	default:
		return field >= CALIBRATION_AT_fp32_pj ? STAGE_POWER : STAGE_TIME;
	}
}

/* One GPU; or a model that is itself spread over GPUs, as large ones always are. */
static bool tells_devices(const struct eval_case *item)
{
	const struct predict_settings *s = &item->settings;
	if (item->quantity == EVAL_MEMORY || item->quantity == EVAL_COLLECTIVE_TIME ||
	    item->quantity == EVAL_WAITING_TIME)
		return false;
	return item->run->gpus <= 1 || s->zero || s->pipeline > 1 ||
	       item->workload->tensor_ways > 1;
}

static bool tells(enum stage stage, const struct eval_case *item,
                  const struct calibration *calibration)
{
	/* A time under a cap tells how power falls with the clock. */
	bool power = item->quantity == EVAL_POWER || item->quantity == EVAL_ENERGY;
	bool capped = !power && item->settings.power_cap_w > 0;
	/* An instrumented run waits for its slowest worker: next to a fast link that is all one
	 * sees. */
	if (stage == STAGE_LINKS && item->workload->runtime == RUNTIME_INSTRUMENTED &&
	    item->device->nvlink_bps > 0)
		return false;
	if (stage == STAGE_LINKS)
		return item->quantity == EVAL_COLLECTIVE_TIME ||
		       item->quantity == EVAL_WAITING_TIME ||
		       (item->quantity != EVAL_MEMORY && !power && item->run->gpus > 1);
	if (!tells_devices(item) || (power && stage != STAGE_POWER) ||
	    (stage == STAGE_POWER && !power && !capped))
		return false;
	/* What convolutions reach, their tables and whole models tell together. */
	if (item->quantity == EVAL_DEVICE_TIME)
		return stage == (item->workload->kernels[0].family == FAMILY_CONV ? STAGE_TIME
		                                                                  : STAGE_KERNELS);
	if (stage == STAGE_KERNELS)
		return false;
	if (power) /* the host's pauses tell what a device draws in them */
		return true;
	/* The host of a source is nobody's data sheet: it must not bend what is known of devices,
	 * nor a slow device the host. */
	struct eval_point point;
	eval_predict(item, calibration, &point);
	const struct prediction *p = &point.prediction;
	double share = p->host_time_s / p->device_time_s;
	return stage == STAGE_HOST ? share > 0.8 || item->workload->runtime == RUNTIME_INSTRUMENTED
	                           : share < 0.6 && item->workload->runtime != RUNTIME_INSTRUMENTED;
}

/* A time and the rate that was derived from it are one measurement. */
static bool repeats(const struct eval_cases *cases, size_t at)
{
	const struct eval_case *item = &cases->items[at];
	for (size_t i = at; i-- > 0 && cases->items[i].run == item->run;)
		if (cases->items[i].quantity == item->quantity && !cases->items[i].reason)
			return true;
	return false;
}

enum ergon_code calibrate_sample(const struct eval_cases *cases, bool thorough, bool *sampled,
                                 struct ergon_error *err)
{
	struct arena arena;
	arena_init(&arena);
	struct member *members = ARENA_ARRAY(&arena, struct member, cases->count + 1);
	enum ergon_code code =
	    members ? ERGON_OK : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	size_t count = 0;
	for (size_t i = 0; !code && i < cases->count; i++) {
		const struct eval_case *item = &cases->items[i];
		char key[320];
		sampled[i] = false;
		if (item->reason || item->judge_only || item->quantity == EVAL_MEMORY ||
		    repeats(cases, i))
			continue;
		snprintf(key, sizeof key, "%.120s|%.60s|%.60s|%d", item->file, item->metric,
		         item->device->name, tells_devices(item));
		const char *copy = arena_strdup(&arena, key);
		if (!copy)
			code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
		members[count++] = (struct member){ copy, i };
	}
	if (!code)
		qsort(members, count, sizeof *members, by_key);
	for (size_t begin = 0, end; !code && begin < count; begin = end) {
		for (end = begin; end < count; end++)
			if (strcmp(members[end].key, members[begin].key) != 0)
				break;
		bool kernels = cases->items[members[begin].index].quantity == EVAL_DEVICE_TIME;
		size_t most = !thorough ? QUICK_SHARE_MAX : kernels ? KERNELS_SHARE_MAX : SHARE_MAX;
		size_t size = end - begin, take = size < most ? size : most;
		for (size_t i = 0; i < take; i++)
			sampled[members[begin + i * size / take].index] = true;
	}
	arena_fini(&arena);
	return code;
}

struct work {
	const struct eval_cases *cases;
	const bool *used;
	bool thorough, stay;
	struct calibration *calibration;
	struct calibrate_result *result;
	bool *rows, *device_rows; /* [cases->count] */
};

static enum ergon_code run_stage(struct work *work, enum stage stage, struct ergon_error *err)
{
	bool fitted[CALIBRATION_COUNT];
	size_t count = 0, fields = 0;
	struct calibrate_result result;
	for (size_t i = 0; i < CALIBRATION_COUNT; i++)
		fields += fitted[i] = stage_of_field(i) == stage;
	for (size_t i = 0; i < work->cases->count; i++) {
		const struct eval_case *item = &work->cases->items[i];
		work->rows[i] =
		    work->used[i] && !item->reason && tells(stage, item, work->calibration);
		count += work->rows[i];
		/* A device is one, whether a kernel or a model runs on it. */
		bool either = stage == STAGE_KERNELS || stage == STAGE_TIME;
		/* Algorithms that rules pick for odd shapes are no trait of a device. */
		bool picked = item->quantity == EVAL_DEVICE_TIME && !item->reason &&
		              item->workload->kernels[0].family == FAMILY_CONV;
		work->device_rows[i] = (work->rows[i] && !picked) ||
		                       (either && work->used[i] && !item->reason && !picked &&
		                        tells(stage == STAGE_TIME ? STAGE_KERNELS : STAGE_TIME,
		                              item, work->calibration));
	}
	if (count <= fields) /* nobody can tell: as they were */
		return ERGON_OK;
	struct calibrate_options options = { .fitted = fitted,
		                             .used = work->rows,
		                             .device_used = work->device_rows,
		                             .evaluations = work->thorough ? 0 : QUICK_EVALUATIONS,
		                             .rounds = work->thorough ? 2 : 1,
		                             .stay = work->stay,
		                             .devices = stage == STAGE_TIME    ? CALIBRATE_RATES
		                                        : stage == STAGE_POWER ? CALIBRATE_ENERGIES
		                                        : stage == STAGE_HOST  ? CALIBRATE_HOSTS
		                                                               : 0 };
	enum ergon_code code = calibrate(work->cases, &options, work->calibration, &result, err);
	for (size_t i = 0; !code && i < CALIBRATION_COUNT; i++)
		if (fitted[i])
			work->result->fields[i] = result.fields[i];
	if (!code && stage == STAGE_TIME) {
		work->result->rms_before = result.rms_before;
		work->result->rms_after = result.rms_after;
	}
	work->result->cases += result.cases;
	work->result->evaluations += result.evaluations;
	return code;
}

static enum ergon_code run_stages(struct work *work, const enum stage *order, size_t count,
                                  struct ergon_error *err)
{
	enum ergon_code code = ERGON_OK;
	*work->result = (struct calibrate_result){ 0 };
	for (size_t i = 0; i < CALIBRATION_COUNT; i++)
		work->result->fields[i].low95 = work->result->fields[i].high95 = (double)NAN;
	work->rows = calloc(work->cases->count + 1, sizeof *work->rows);
	work->device_rows = calloc(work->cases->count + 1, sizeof *work->device_rows);
	if (!work->rows || !work->device_rows)
		code = ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	for (size_t i = 0; !code && i < count; i++)
		code = run_stage(work, order[i], err);
	free(work->rows);
	free(work->device_rows);
	return code;
}

enum ergon_code calibrate_all(const struct eval_cases *cases, const bool *used, bool thorough,
                              struct calibration *calibration, struct calibrate_result *result,
                              struct ergon_error *err)
{
	/* Powers throttle, and so do times look: rates are fitted again once power is known. */
	static const enum stage order[] = { STAGE_LINKS, STAGE_KERNELS, STAGE_TIME, STAGE_HOST,
		                            STAGE_POWER, STAGE_KERNELS, STAGE_TIME, STAGE_HOST,
		                            STAGE_POWER, STAGE_LINKS };
	struct work work = { .cases = cases,
		             .used = used,
		             .thorough = thorough,
		             .calibration = calibration,
		             .result = result };
	return run_stages(&work, order, sizeof order / sizeof *order, err);
}

enum ergon_code calibrate_describe(const struct eval_cases *cases, const bool *used,
                                   const struct calibration *calibration,
                                   struct calibrate_result *result, struct ergon_error *err)
{
	static const enum stage order[] = { STAGE_LINKS, STAGE_KERNELS, STAGE_TIME, STAGE_HOST,
		                            STAGE_POWER };
	struct calibration copy = *calibration;
	struct work work = {
		.cases = cases, .used = used, .stay = true, .calibration = &copy, .result = result
	};
	return run_stages(&work, order, sizeof order / sizeof *order, err);
}
