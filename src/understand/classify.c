/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/classify.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Lines between the classes. Busy: below a tenth of one processor nothing computes. Sensitivity:
 * the halves between "all of the time" and "none of it". Neighbour: a slowdown beyond what
 * unequal arithmetic would make; 1.05 is the noise of a shared last cache. */
static const double BUSY_LEAST = 0.1, GPU_BUSY = 0.5;
static const double CLOCK_COMPUTE = 0.7, CLOCK_MEMORY = 0.35;
static const double NEIGHBOUR_MEMORY = 1.15, NEIGHBOUR_NONE = 1.08;
/* On processors shared with three others a timed command gets a quarter of its CPU time; the same
 * work takes about the same, whatever the caches lose. */
static const double TIMED = 0.75;
/* Shares of the roofs. Loops of real programs reach 60-90% of a roof that they are bound by
 * (Williams, Waterman and Patterson 2009, section 5). */
static const double NEAR_BANDWIDTH = 0.6, NEAR_COMPUTE = 0.5, NEAR_CACHE = 0.5, FAR = 0.2;
static const double STALLED = 0.4, BUSY_IPC = 1.5;
/* Time that new pages take at the speed of a stream. Pages are what is seen: scattered accesses
 * count a page for a line, so bandwidth and latency look alike until far more was touched than can
 * have been read; and accesses to pages that were just touched do not show at all, so that a few
 * new pages mean little memory time only where the caches hold those that it comes back to. */
static const double TOUCH_MEMORY = 0.35, TOUCH_NONE = 0.25, TRAFFIC_NONE = 0.1, TOUCH_SCATTERED = 2;
static const double HUGE_SHARE = 0.1; /* from here on, marks may be stale (page_marks.h) */
static const double BLOCKS_IO = 2000, WAITS_IO = 100; /* a second */
/* What sleeps or waits is hardly ever preempted; a command that is, more often than it waits, has
 * little CPU time because others have it. */
static const double PREEMPTED = 4;

const char *workload_class_name(enum workload_class class)
{
	static const char *const names[] = { "unknown",
		                             "idle",
		                             "I/O- or communication-bound",
		                             "compute-bound",
		                             "compute- or cache-bound",
		                             "memory-bound",
		                             "memory-bandwidth-bound",
		                             "memory-latency-bound",
		                             "cache-bound",
		                             "mixed" };
	return names[class];
}

static bool known(struct probe_ratio r)
{
	return isfinite(r.ratio) && isfinite(r.half_width);
}

static bool above(struct probe_ratio r, double line)
{
	return r.ratio - r.half_width > line;
}

static bool below(struct probe_ratio r, double line)
{
	return r.ratio + r.half_width < line;
}

bool class_gpu_is_busy(const struct class_evidence *e)
{
	return e->gpu.busy >= GPU_BUSY; /* false for NaN */
}

static struct workload_verdict by_clock(const struct class_evidence *e)
{
	struct workload_verdict v = { .class = CLASS_UNKNOWN };
	struct probe_ratio r = e->clock;
	bool gpu = class_gpu_is_busy(e);
	if (above(r, CLOCK_COMPUTE))
		v.class = CLASS_COMPUTE;
	else if (below(r, CLOCK_MEMORY))
		v.class = CLASS_MEMORY;
	else if (above(r, CLOCK_MEMORY) && below(r, CLOCK_COMPUTE))
		v.class = CLASS_MIXED;
	snprintf(v.because, sizeof v.because, "%.0f%% (+-%.0f) of a change of %s shows in its %s%s",
	         100 * r.ratio, 100 * r.half_width, gpu ? "the GPU's clock" : "clock",
	         gpu ? "time" : "CPU time",
	         v.class ? "" : ": the interval lies across a line; more repeats would tell");
	return v;
}

bool class_neighbour_tells(struct probe_ratio control)
{
	return known(control) && above(control, NEIGHBOUR_MEMORY);
}

bool class_is_timed(double alone_cpu_s, double crowded_cpu_s)
{
	return crowded_cpu_s < TIMED * alone_cpu_s;
}

static struct workload_verdict by_neighbour(const struct class_evidence *e)
{
	struct workload_verdict v = { .class = CLASS_UNKNOWN };
	struct probe_ratio r = e->neighbour;
	if (above(r, NEIGHBOUR_MEMORY))
		v.class = CLASS_MEMORY;
	else if (below(r, NEIGHBOUR_NONE) && class_neighbour_tells(e->neighbour_control))
		v.class = CLASS_COMPUTE_OR_CACHE;
	snprintf(v.because, sizeof v.because,
	         "beside a memory stream it takes %.2f (+-%.2f) times the CPU time as beside "
	         "arithmetic, a stream of ours %.2f times%s",
	         r.ratio, r.half_width, e->neighbour_control.ratio,
	         v.class ? "" : ": too little to tell");
	return v;
}

/* Shares of the peaks that the driver's profiler states, by the lines of the roofs. */
static struct workload_verdict by_gpu_units(const struct class_evidence *e)
{
	struct workload_verdict v = { .class = CLASS_UNKNOWN };
	const struct gpu_use *g = &e->gpu;
	double arithmetic = fmax(fmax(g->tensor, g->fp64), fmax(g->fp32, g->fp16));
	if (g->dram >= NEAR_BANDWIDTH)
		v.class = CLASS_BANDWIDTH;
	else if (arithmetic >= NEAR_COMPUTE)
		v.class = CLASS_COMPUTE;
	snprintf(v.because, sizeof v.because,
	         "GPU %u was busy %.0f%% of the time, %.0f%% of its multiprocessors; its memory at "
	         "%.0f%% of the peak bandwidth, its busiest arithmetic unit %.0f%% of the time%s",
	         g->gpu, 100 * g->busy, 100 * g->sm, 100 * g->dram, 100 * arithmetic,
	         v.class ? "" : ": near no roof, so by latency, launches or the host");
	return v;
}

static struct workload_verdict on_gpu(const struct class_evidence *e)
{
	struct workload_verdict v = { .class = CLASS_UNKNOWN };
	if (known(e->clock))
		v = by_clock(e);
	if (!v.class && isfinite(e->gpu.dram))
		v = by_gpu_units(e);
	if (!v.class && !v.because[0])
		snprintf(v.because, sizeof v.because,
		         "GPU %u was busy %.0f%% of the time, its memory %.0f%%: utilisation does "
		         "not say what with; %.150s; %.180s",
		         e->gpu.gpu, 100 * e->gpu.busy, 100 * e->gpu.memory_busy, e->no_clock,
		         e->no_gpu_units[0] ? e->no_gpu_units : "its driver profiles no units");
	return v;
}

/* NaN where it is not known: a machine that runs always reads something. */
static double traffic_share(const struct class_evidence *e)
{
	if (!(e->read_bytes_per_s > 0))
		return (double)NAN;
	return (e->read_bytes_per_s + e->written_bytes_per_s) / e->roofs.bytes_per_s;
}

/* What others moved is in it, so a little is little for certain. */
static struct workload_verdict by_traffic(const struct class_evidence *e)
{
	struct workload_verdict v = { .class = CLASS_UNKNOWN };
	double share = traffic_share(e);
	if (share >= NEAR_BANDWIDTH)
		v.class = CLASS_BANDWIDTH;
	else if (share < TRAFFIC_NONE)
		v.class = CLASS_COMPUTE_OR_CACHE;
	snprintf(v.because, sizeof v.because,
	         "the memory controllers moved %.3g GB/s meanwhile, %.0f%% of what this machine "
	         "can stream%s",
	         (e->read_bytes_per_s + e->written_bytes_per_s) * 1e-9, 100 * share,
	         v.class ? "" : ": neither little nor near the roof");
	return v;
}

static struct workload_verdict by_counters(const struct class_evidence *e)
{
	struct workload_verdict v = { .class = CLASS_UNKNOWN };
	const struct counter_summary *c = &e->counters;
	double flops_roof =
	    c->f32_share > 0.5 ? e->roofs.f32_flops_per_s : e->roofs.f64_flops_per_s;
	double flops = c->flops_per_s / flops_roof, bytes = c->bytes_per_s / e->roofs.bytes_per_s;
	if (isfinite(traffic_share(e))) /* prefetched lines are in it, misses do not count them */
		bytes = traffic_share(e);
	double cache = c->cache_bytes_per_s / e->roofs.cache_bytes_per_s;
	if (bytes >= NEAR_BANDWIDTH)
		v.class = CLASS_BANDWIDTH;
	else if (flops >= NEAR_COMPUTE)
		v.class = CLASS_COMPUTE;
	else if (c->stall_share >= STALLED)
		v.class = CLASS_LATENCY;
	else if (cache >= NEAR_CACHE)
		v.class = CLASS_CACHE;
	else if (c->ipc >= BUSY_IPC && bytes < FAR)
		v.class = CLASS_COMPUTE;
	int used = 0;
	if (isfinite(c->ipc))
		used = snprintf(v.because, sizeof v.because, "%.2f instructions a cycle", c->ipc);
	if (isfinite(flops))
		used += snprintf(v.because + used, sizeof v.because - (size_t)used,
		                 "%s%.0f%% of the arithmetic roof", used ? ", " : "", 100 * flops);
	if (isfinite(bytes))
		used += snprintf(v.because + used, sizeof v.because - (size_t)used,
		                 "%s%.0f%% of the memory bandwidth", used ? ", " : "", 100 * bytes);
	if (isfinite(c->stall_share))
		used += snprintf(v.because + used, sizeof v.because - (size_t)used,
		                 "%s%.0f%% of the cycles stalled on loads from memory",
		                 used ? ", " : "", 100 * c->stall_share);
	if (v.class == CLASS_CACHE)
		used += snprintf(v.because + used, sizeof v.because - (size_t)used,
		                 "%s%.0f%% of the last cache's bandwidth", used ? ", " : "",
		                 100 * cache);
	snprintf(v.because + used, sizeof v.because - (size_t)used, "%s%s",
	         c->scaled ? " (counters took turns)" : "",
	         v.class ? "" : ": near no roof of this machine");
	return v;
}

/* What the caches hold for certain: what was measured, and never more than half of the last cache;
 * the rest is for what the pages do not show, and for others. */
static double held_bytes(const struct class_evidence *e)
{
	const struct class_roofs *r = &e->roofs;
	return r->reach_bytes > 0 ? fmin(r->reach_bytes, r->cache_bytes / 2) : r->cache_bytes / 2;
}

static struct workload_verdict by_footprint(const struct class_evidence *e)
{
	struct workload_verdict v = { .class = CLASS_UNKNOWN };
	const struct footprint *f = &e->footprint;
	double held = held_bytes(e);
	bool stale = f->huge_share > HUGE_SHARE;
	if (f->set_bytes <= held && !stale) {
		v.class = CLASS_COMPUTE_OR_CACHE;
		snprintf(v.because, sizeof v.because,
		         "in 0.1 s it touches %.3g MB, which the caches hold: here they reach to "
		         "%.3g MB",
		         f->set_bytes * 1e-6, held * 1e-6);
		return v;
	}
	if (e->stream.absent[0]) {
		snprintf(
		    v.because, sizeof v.because,
		    "in 0.1 s it touches %.3g MB, more than the caches hold for certain; %.150s",
		    f->set_bytes * 1e-6, e->stream.absent);
		return v;
	}
	struct footprint_share share = footprint_share(f, &e->stream);
	if (share.low > TOUCH_SCATTERED)
		v.class = CLASS_LATENCY;
	else if (share.low >= TOUCH_MEMORY)
		v.class = CLASS_MEMORY;
	else if (share.high < TOUCH_NONE &&
	         (f->window_bytes <= held || footprint_kept(f, &e->stream) <= held))
		v.class = CLASS_COMPUTE_OR_CACHE;
	int used = snprintf(v.because, sizeof v.because, "new pages keep it busy for %.0f%% to ",
	                    100 * share.low);
	if (share.high < 1)
		used += snprintf(v.because + used, sizeof v.because - (size_t)used, "%.0f%%",
		                 100 * share.high);
	else
		used += snprintf(v.because + used, sizeof v.because - (size_t)used, "all");
	snprintf(
	    v.because + used, sizeof v.because - (size_t)used,
	    " of its time, at the speed of a stream watched beside it (%.3g GB a CPU second)%s",
	    e->stream.free.value * 1e-9,
	    v.class == CLASS_LATENCY ? ": more than it can have read, so it needs only parts of "
				       "each, one after the other"
	    : v.class                ? ""
	    : stale                  ? "; huge pages hide how many more"
	    : share.high < TOUCH_MEMORY
		? "; what it does with the pages it has, in the caches or beyond, they "
		  "do not show"
		: ": neither little nor much");
	return v;
}

static struct workload_verdict not_busy(const struct class_evidence *e)
{
	struct workload_verdict v = { .class = CLASS_IDLE };
	if (e->blocks_per_s > BLOCKS_IO || e->waits_per_s > WAITS_IO)
		v.class = CLASS_IO;
	snprintf(v.because, sizeof v.because,
	         "it used %.1f%% of one processor, moved %.3g MB/s to and from disk and waited "
	         "%.0f times a second",
	         100 * e->busy, e->blocks_per_s * 512e-6, e->waits_per_s);
	size_t used = strlen(v.because);
	if (isfinite(e->gpu.busy))
		snprintf(v.because + used, sizeof v.because - used,
		         "; GPU %u was busy %.0f%% of the time", e->gpu.gpu, 100 * e->gpu.busy);
	return v;
}

struct workload_verdict classify(const struct class_evidence *e)
{
	struct workload_verdict v = { .class = CLASS_UNKNOWN };
	if (class_gpu_is_busy(e))
		return on_gpu(e);
	bool kept_waiting = e->preempted_per_s > fmax(PREEMPTED, e->waits_per_s);
	if (e->busy < BUSY_LEAST && !kept_waiting)
		return not_busy(e);
	if (known(e->clock))
		v = by_clock(e);
	if (!v.class && e->has_counters)
		v = by_counters(e);
	if (!v.class && isfinite(traffic_share(e)))
		v = by_traffic(e);
	if (!v.class && e->footprint.samples > 0 && !e->no_footprint[0])
		v = by_footprint(e);
	if (!v.class && known(e->neighbour))
		v = by_neighbour(e);
	if (!v.class && !v.because[0])
		snprintf(v.because, sizeof v.because,
		         "no probe was possible: %.150s; %.150s; %.150s", e->no_clock,
		         e->no_footprint, e->no_neighbour);
	return v;
}
