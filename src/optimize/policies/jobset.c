/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/policies/jobset.h"

bool jobset_init(struct jobset *set, struct arena *arena, uint32_t capacity)
{
	uint32_t count = capacity;
	for (int level = 0; level < JOBSET_LEVELS; level++) {
		count = count / 64 + 1;
		set->words[level] = count;
		set->bits[level] = ARENA_ARRAY(arena, uint64_t, count);
		if (!set->bits[level])
			return false;
	}
	return true;
}

void jobset_add(struct jobset *set, uint32_t job)
{
	for (int level = 0; level < JOBSET_LEVELS; level++, job /= 64)
		set->bits[level][job / 64] |= UINT64_C(1) << (job % 64);
}

void jobset_remove(struct jobset *set, uint32_t job)
{
	for (int level = 0; level < JOBSET_LEVELS; level++, job /= 64) {
		set->bits[level][job / 64] &= ~(UINT64_C(1) << (job % 64));
		if (set->bits[level][job / 64])
			return;
	}
}

/* The first set bit of a level at `from` or above. */
static uint32_t next_at(const struct jobset *set, int level, uint32_t from)
{
	uint32_t word = from / 64;
	if (word >= set->words[level])
		return JOBSET_NONE;
	uint64_t here = set->bits[level][word] & (~UINT64_C(0) << (from % 64));
	if (here)
		return word * 64 + (uint32_t)__builtin_ctzll(here);
	if (level == JOBSET_LEVELS - 1) {
		for (word++; word < set->words[level] && !set->bits[level][word];)
			word++;
		if (word == set->words[level])
			return JOBSET_NONE;
	} else {
		word = next_at(set, level + 1, word + 1);
		if (word == JOBSET_NONE)
			return JOBSET_NONE;
	}
	return word * 64 + (uint32_t)__builtin_ctzll(set->bits[level][word]);
}

uint32_t jobset_next(const struct jobset *set, uint32_t from)
{
	return next_at(set, 0, from);
}
