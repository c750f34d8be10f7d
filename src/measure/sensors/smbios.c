/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sensors/smbios.h"

#include <stdbool.h>

enum { TYPE_MEMORY_DEVICE = 17, TYPE_END = 127 };

static unsigned word_at(const uint8_t *p)
{
	return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static uint32_t dword_at(const uint8_t *p)
{
	return (uint32_t)word_at(p) | (uint32_t)word_at(p + 2) << 16;
}

/* DSP0134 7.18: size at 0x0c (0 empty, 0xffff unknown, bit 15: KiB, 0x7fff: see 0x1c), type at
 * 0x12, speed at 0x15, attributes (ranks) at 0x1b, configured speed at 0x20. */
static bool memory_device(const uint8_t *p, size_t length, struct memory_module *module)
{
	if (length < 0x15)
		return false;
	unsigned size = word_at(p + 0x0c);
	if (size == 0 || size == 0xffff)
		return false;
	*module = (struct memory_module){ .type = p[0x12] };
	if (size == 0x7fff && length >= 0x20)
		module->size_mib = dword_at(p + 0x1c) & 0x7fffffff;
	else if (size & 0x8000)
		module->size_mib = (size & 0x7fff) / 1024;
	else
		module->size_mib = size;
	if (length >= 0x17 && word_at(p + 0x15) != 0xffff)
		module->speed_mts = word_at(p + 0x15);
	if (length >= 0x1c)
		module->ranks = p[0x1b] & 0x0f;
	if (length >= 0x22 && word_at(p + 0x20) != 0 && word_at(p + 0x20) != 0xffff)
		module->speed_mts = word_at(p + 0x20);
	return module->size_mib > 0;
}

size_t smbios_modules(const uint8_t *table, size_t length, struct memory_module *modules,
                      size_t max)
{
	size_t at = 0, count = 0;
	while (at + 4 <= length) {
		unsigned type = table[at];
		size_t formatted = table[at + 1];
		if (formatted < 4 || at + formatted > length || type == TYPE_END)
			break;
		struct memory_module module;
		if (type == TYPE_MEMORY_DEVICE && memory_device(table + at, formatted, &module)) {
			if (count < max)
				modules[count] = module;
			count++;
		}
		/* Strings follow, each ended by 0, all of them by another 0. */
		at += formatted;
		while (at + 1 < length && (table[at] != 0 || table[at + 1] != 0))
			at++;
		at += 2;
	}
	return count;
}
