/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "understand/classify.h"

static json_t *ratio_to_json(struct probe_ratio r, const char *absent)
{
	return json_pack("{s:o, s:o, s:s?}", "ratio", json_number(r.ratio), "half_width",
	                 json_number(r.half_width), "absent_because", *absent ? absent : NULL);
}

static json_t *footprint_to_json(const struct class_evidence *e)
{
	bool seen = e->footprint.samples > 0 && !e->no_footprint[0];
	const double nan = (double)NAN;
	bool held = seen && isfinite(e->stream.free.value) && !e->stream.absent[0];
	struct footprint_share share = { nan, nan };
	if (held)
		share = footprint_share(&e->footprint, &e->stream);
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s?}",
	                 "samples", (json_int_t)e->footprint.samples, "set_bytes",
	                 json_number(seen ? e->footprint.set_bytes : nan), "window_bytes",
	                 json_number(seen ? e->footprint.window_bytes : nan), "kept_bytes",
	                 json_number(held ? footprint_kept(&e->footprint, &e->stream) : nan),
	                 "rate_bytes_per_s", json_number(seen ? e->footprint.rate.value : nan),
	                 "rate_half_width", json_number(seen ? e->footprint.rate.half_width : nan),
	                 "huge_pages_share", json_number(seen ? e->footprint.huge_share : nan),
	                 "stream_watched_bytes_per_s",
	                 json_number(held ? e->stream.watched.value : nan), "stream_bytes_per_s",
	                 json_number(held ? e->stream.free.value : nan), "share_low",
	                 json_number(share.low), "share_high", json_number(share.high),
	                 "last_cache_bytes", json_number(e->roofs.cache_bytes), "cache_reach_bytes",
	                 json_number(e->roofs.reach_bytes > 0 ? e->roofs.reach_bytes : nan),
	                 "absent_because", e->no_footprint[0] ? e->no_footprint : NULL);
}

static json_t *counts_to_json(const struct characterization *c)
{
	const struct class_evidence *e = &c->evidence;
	const struct counter_summary *s = &e->counters;
	const double nan = (double)NAN;
	bool has = e->has_counters;
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:s?}", "ipc",
	                 json_number(has ? s->ipc : nan), "flops_per_s",
	                 json_number(has ? s->flops_per_s : nan), "bytes_per_s",
	                 json_number(has ? s->bytes_per_s : nan), "intensity",
	                 json_number(has ? s->intensity : nan), "stall_share",
	                 json_number(has ? s->stall_share : nan), "took_turns", has && s->scaled,
	                 "events", counters_to_json(&c->counters), "absent_because",
	                 e->no_counters[0] ? e->no_counters : NULL);
}

static json_t *traffic_to_json(const struct class_evidence *e)
{
	return json_pack("{s:o, s:o, s:s?}", "read_bytes_per_s", json_number(e->read_bytes_per_s),
	                 "written_bytes_per_s", json_number(e->written_bytes_per_s),
	                 "absent_because", e->no_traffic[0] ? e->no_traffic : NULL);
}

/* null: no GPU was seen. */
static json_t *gpu_to_json(const struct class_evidence *e)
{
	const struct gpu_use *g = &e->gpu;
	if (!isfinite(g->busy))
		return json_null();
	return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s?}", "gpu", (int)g->gpu,
	                 "busy", json_number(g->busy), "memory_busy", json_number(g->memory_busy),
	                 "sm", json_number(g->sm), "tensor", json_number(g->tensor), "fp64",
	                 json_number(g->fp64), "fp32", json_number(g->fp32), "fp16",
	                 json_number(g->fp16), "memory_bandwidth", json_number(g->dram),
	                 "units_absent_because", e->no_gpu_units[0] ? e->no_gpu_units : NULL);
}

json_t *characterization_to_json(const struct characterization *c)
{
	const struct class_evidence *e = &c->evidence;
	const struct class_roofs *r = &e->roofs;
	json_t *evidence = json_pack(
	    "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o, s:o, "
	    "s:o}}",
	    "gpu", gpu_to_json(e), "memory_controllers", traffic_to_json(e), "busy_processors",
	    json_number(e->busy), "processors", json_number(e->processors), "disk_blocks_per_s",
	    json_number(e->blocks_per_s), "waits_per_s", json_number(e->waits_per_s),
	    "preempted_per_s", json_number(e->preempted_per_s), "clock_sensitivity",
	    ratio_to_json(e->clock, e->no_clock), "slowdown_beside_memory",
	    ratio_to_json(e->neighbour, e->no_neighbour), "slowdown_of_a_stream",
	    ratio_to_json(e->neighbour_control, ""), "counters", counts_to_json(c), "footprint",
	    footprint_to_json(e), "roofs", "f64_flops_per_s", json_number(r->f64_flops_per_s),
	    "f32_flops_per_s", json_number(r->f32_flops_per_s), "bytes_per_s",
	    json_number(r->bytes_per_s), "bytes_per_cpu_s", json_number(r->bytes_per_cpu_s),
	    "cache_bytes_per_s", json_number(r->cache_bytes_per_s));
	return json_pack(
	    "{s:s, s:i, s:s, s:s, s:s, s:o, s:o, s:b, s:o}", "kind", "ergon.characterize",
	    "version", 1, "command", c->command, "class", workload_class_name(c->verdict.class),
	    "because", c->verdict.because, "evidence", evidence, "time_s",
	    json_number(c->plain.duration_s), "interrupted", c->interrupted, "energy_j",
	    json_number(c->plain.measured || c->plain.modelled ? c->plain.energy_j : (double)NAN));
}
