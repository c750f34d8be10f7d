/* SPDX-License-Identifier: Apache-2.0 */
#include "base/grow.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool grow(void **items, size_t *capacity, size_t need, size_t size)
{
	if (need <= *capacity)
		return true;
	size_t wanted = *capacity < 8 ? 8 : *capacity * 2;
	if (wanted < need)
		wanted = need;
	if (wanted > SIZE_MAX / 2 / size)
		return false;
	unsigned char *moved = realloc(*items, wanted * size);
	if (!moved)
		return false;
	memset(moved + *capacity * size, 0, (wanted - *capacity) * size);
	*items = moved;
	*capacity = wanted;
	return true;
}

void text_append(struct text *text, const char *bytes, size_t length)
{
	if (text->failed)
		return;
	if (!GROW(text->data, text->capacity, text->length + length + 1)) {
		text->failed = true;
		return;
	}
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void text_puts(struct text *text, const char *string)
{
	text_append(text, string, strlen(string));
}

void text_printf(struct text *text, const char *format, ...)
{
	char small[256];
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int length = vsnprintf(small, sizeof small, format, args);
	if (length < 0) {
		text->failed = true;
	} else if ((size_t)length < sizeof small) {
		text_append(text, small, (size_t)length);
	} else {
		char *large = malloc((size_t)length + 1);
		if (large) {
			vsnprintf(large, (size_t)length + 1, format, again);
			text_append(text, large, (size_t)length);
			free(large);
		} else {
			text->failed = true;
		}
	}
	va_end(again);
	va_end(args);
}

void text_fini(struct text *text)
{
	free(text->data);
	*text = (struct text){ 0 };
}
