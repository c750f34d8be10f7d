/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers in files and messages: little endian, whatever the machine.
 */
#ifndef ERGON_BASE_BYTES_H
#define ERGON_BASE_BYTES_H

#include <stdint.h>
#include <string.h>

static inline void put_u32(unsigned char *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(value >> (8 * i));
}

static inline void put_u64(unsigned char *at, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		at[i] = (unsigned char)(value >> (8 * i));
}

static inline uint32_t get_u32(const unsigned char *at)
{
	uint32_t value = 0;
	for (int i = 0; i < 4; i++)
		value |= (uint32_t)at[i] << (8 * i);
	return value;
}

static inline uint64_t get_u64(const unsigned char *at)
{
	uint64_t value = 0;
	for (int i = 0; i < 8; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

/* IEEE 754 binary64 by its bits. */
static inline void put_f64(unsigned char *at, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	put_u64(at, bits);
}

static inline double get_f64(const unsigned char *at)
{
	uint64_t bits = get_u64(at);
	double value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

#endif
