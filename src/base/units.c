/* SPDX-License-Identifier: Apache-2.0 */
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	double factor;
};

static const struct unit duration_units[] = { { "ns", 1e-9 }, { "us", 1e-6 }, { "ms", 1e-3 },
	                                      { "s", 1 },     { "min", 60 },  { "m", 60 },
	                                      { "h", 3600 },  { "d", 86400 }, { NULL, 0 } };
static const struct unit power_units[] = {
	{ "mW", 1e-3 }, { "W", 1 }, { "kW", 1e3 }, { "MW", 1e6 }, { NULL, 0 }
};
static const struct unit fraction_units[] = { { "%", 0.01 }, { NULL, 0 } };
static const struct unit byte_units[] = { { "B", 1 },
	                                  { "K", 1024 },
	                                  { "KiB", 1024 },
	                                  { "KB", 1e3 },
	                                  { "M", 1048576 },
	                                  { "MiB", 1048576 },
	                                  { "MB", 1e6 },
	                                  { "G", 1073741824 },
	                                  { "GiB", 1073741824 },
	                                  { "GB", 1e9 },
	                                  { "T", 1099511627776 },
	                                  { "TiB", 1099511627776 },
	                                  { "TB", 1e12 },
	                                  { NULL, 0 } };

/* The number at the head of text, by strtod but without hex, "inf" and "nan". */
static bool number_head(const char *text, double *value, const char **rest)
{
	const char *digits = text + (*text == '-' || *text == '+');
	if (!isdigit((unsigned char)*digits) &&
	    !(*digits == '.' && isdigit((unsigned char)digits[1])))
		return false;
	if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
		return false;
	char *end;
	errno = 0;
	*value = strtod(text, &end);
	*rest = end;
	return isfinite(*value);
}

static bool parse_with_unit(const char *text, const struct unit *units, double *value)
{
	const char *rest;
	double number;
	if (!number_head(text, &number, &rest))
		return false;
	if (*rest == '\0') {
		*value = number;
		return true;
	}
	for (const struct unit *unit = units; unit->name; unit++)
		if (strcmp(rest, unit->name) == 0) {
			*value = number * unit->factor;
			return isfinite(*value);
		}
	return false;
}

bool parse_real(const char *text, double *value)
{
	static const struct unit none[] = { { NULL, 0 } };
	return parse_with_unit(text, none, value);
}

bool parse_u64(const char *text, uint64_t *value)
{
	if (*text == '\0')
		return false;
	uint64_t number = 0;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return false;
		unsigned digit = (unsigned)(*text - '0');
		if (number > (UINT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*value = number;
	return true;
}

bool parse_i64(const char *text, int64_t *value)
{
	bool negative = *text == '-';
	uint64_t size;
	if (!parse_u64(text + (negative || *text == '+'), &size))
		return false;
	if (size > (uint64_t)INT64_MAX + negative)
		return false;
	*value = negative ? (int64_t)(0 - size) : (int64_t)size;
	return true;
}

bool parse_duration_ns(const char *text, uint64_t *ns)
{
	double seconds;
	if (!parse_with_unit(text, duration_units, &seconds) || seconds < 0 || seconds > 1.8e10)
		return false;
	*ns = ns_from_seconds(seconds);
	return true;
}

bool parse_power_w(const char *text, double *power_w)
{
	return parse_with_unit(text, power_units, power_w);
}

bool parse_fraction(const char *text, double *fraction)
{
	return parse_with_unit(text, fraction_units, fraction);
}

bool parse_bytes(const char *text, uint64_t *bytes)
{
	double value;
	if (!parse_with_unit(text, byte_units, &value) || value < 0 || value > 9e18)
		return false;
	*bytes = (uint64_t)llround(value);
	return true;
}

double seconds_from_ns(uint64_t ns)
{
	return (double)ns * 1e-9;
}

uint64_t ns_from_seconds(double seconds)
{
	if (!(seconds > 0))
		return 0;
	if (seconds >= 18446744073.0)
		return UINT64_MAX;
	return (uint64_t)(seconds * 1e9 + 0.5);
}

char *format_si(char *out, size_t size, double value, const char *unit)
{
	static const char *const prefixes[] = { "f", "p", "n", "u", "m", "",
		                                "k", "M", "G", "T", "P", "E" };
	if (!isfinite(value)) {
		snprintf(out, size, "-");
		return out;
	}
	int index = 5;
	double scaled = value;
	while (fabs(scaled) >= 999.5 && index < 11) {
		scaled /= 1000;
		index++;
	}
	while (scaled != 0 && fabs(scaled) < 0.9995 && index > 0) {
		scaled *= 1000;
		index--;
	}
	int decimals = fabs(scaled) >= 99.95 ? 0 : fabs(scaled) >= 9.995 ? 1 : 2;
	if (scaled == 0)
		decimals = 0;
	snprintf(out, size, "%.*f %s%s", decimals, scaled, prefixes[index], unit);
	return out;
}

char *format_duration(char *out, size_t size, double seconds)
{
	if (!isfinite(seconds)) {
		snprintf(out, size, "-");
	} else if (fabs(seconds) < 60) {
		format_si(out, size, seconds, "s");
	} else if (seconds < 3600) {
		long whole = lround(seconds);
		snprintf(out, size, "%ld min %02ld s", whole / 60, whole % 60);
	} else if (seconds < 48 * 3600) {
		long minutes = lround(seconds / 60);
		snprintf(out, size, "%ld h %02ld min", minutes / 60, minutes % 60);
	} else {
		long hours = lround(seconds / 3600);
		snprintf(out, size, "%ld d %ld h", hours / 24, hours % 24);
	}
	return out;
}
