/* SPDX-License-Identifier: Apache-2.0
 *
 * Any text as a number with a unit: what is taken is finite and in range.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "base/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "fifo", "tiresias", "optimus" };
	char text[256], out[64];
	if (size >= sizeof text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	double value = 0;
	uint64_t whole = 0;
	int64_t integer = 0;
	if (parse_real(text, &value) && !isfinite(value))
		abort();
	if (parse_power_w(text, &value) && !isfinite(value))
		abort();
	if (parse_fraction(text, &value) && !isfinite(value))
		abort();
	if (parse_duration_ns(text, &whole) &&
	    strlen(format_duration(out, sizeof out, 1e-9 * (double)whole)) == 0)
		abort();
	if (parse_bytes(text, &whole) &&
	    strlen(format_si(out, sizeof out, (double)whole, "B")) == 0)
		abort();
	if (parse_i64(text, &integer) && integer >= 0 && text[0] != '-' && text[0] != '+' &&
	    (!parse_u64(text, &whole) || whole != (uint64_t)integer))
		abort();
	suggest_hint(out, sizeof out, text, names, 3);
	if (strlen(out) >= sizeof out)
		abort();
	return 0;
}
