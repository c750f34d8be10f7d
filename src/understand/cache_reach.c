/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/cache_reach.h"

#include <math.h>
#include <sys/mman.h>

#include "base/cpu_time.h"
#include "base/rng.h"
#include "base/stats.h"

enum { SIZES = 16, PASSES = 7, STEPS = 1 << 14, LINE = 64, HUGE_PAGE = 2 << 20 };
static const double NEARER = 0.75; /* of the time of a load from memory */

struct line {
	uint32_t next;
	char rest[LINE - sizeof(uint32_t)];
};

/* One cycle through all lines, in an order that no prefetcher knows (Sattolo 1986). */
static void link_lines(struct line *lines, uint32_t count)
{
	struct rng rng;
	rng_init(&rng, count);
	for (uint32_t i = 0; i < count; i++)
		lines[i].next = i;
	for (uint32_t i = count - 1; i > 0; i--) {
		uint32_t j = (uint32_t)rng_below(&rng, i), next = lines[i].next;
		lines[i].next = lines[j].next;
		lines[j].next = next;
	}
}

static uint32_t follow(const struct line *lines, uint32_t at, uint32_t steps)
{
	for (uint32_t i = 0; i < steps; i++)
		at = lines[at].next;
	return at;
}

/* The median of several passes, after one over all lines that fit a cache. */
static double load_time_s(struct line *lines, uint64_t bytes)
{
	double times[PASSES];
	uint32_t count = (uint32_t)(bytes / LINE);
	link_lines(lines, count);
	uint32_t at = follow(lines, 0, count < 16 * STEPS ? count : 16 * STEPS);
	for (int i = 0; i < PASSES; i++) {
		double begin = cpu_time_s(CLOCK_THREAD_CPUTIME_ID);
		at = follow(lines, at, STEPS);
		times[i] = (cpu_time_s(CLOCK_THREAD_CPUTIME_ID) - begin) / STEPS;
	}
	return at < count ? stats_median(times, PASSES) : (double)NAN;
}

double cache_reach_of(const uint64_t *bytes, const double *load_s, size_t count)
{
	double reach = 0;
	for (size_t i = 0; i + 1 < count && load_s[i] < NEARER * load_s[count - 1]; i++)
		reach = (double)bytes[i];
	return reach;
}

double cache_reach_measure(const struct machine *machine)
{
	uint64_t bytes[SIZES];
	double load_s[SIZES];
	size_t count = 0, caches = machine->cache_count;
	if (caches < 1)
		return 0;
	uint64_t memory = 2 * machine->caches[caches - 1].bytes;
	if (memory > UINT64_C(1) << 36) /* lines are numbered by 32 bits */
		memory = UINT64_C(1) << 36;
	if (machine->memory_available_bytes > 0 && memory > machine->memory_available_bytes / 8)
		memory = machine->memory_available_bytes / 8;
	/* From half of what the core has for itself, in octaves. */
	for (uint64_t b = machine->caches[caches > 1 ? caches - 2 : 0].bytes / 2;
	     b < memory && count + 1 < SIZES; b *= 2)
		bytes[count++] = b;
	bytes[count++] = memory;
	size_t size = (size_t)memory + HUGE_PAGE;
	void *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		return 0;
	madvise(area, size, MADV_HUGEPAGE);
	void *from = (char *)area + (HUGE_PAGE - (uintptr_t)area % HUGE_PAGE) % HUGE_PAGE;
	for (size_t i = 0; i < count; i++)
		load_s[i] = load_time_s(from, bytes[i]);
	munmap(area, size);
	/* The chase needs a little beside it, so the whole of a core's own cache never looks near.
	 */
	return fmax(2 * (double)bytes[0], cache_reach_of(bytes, load_s, count));
}
