/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sensors/meter_line.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

static const double most_power_w = 1e6;

/* "P=121.9W" */
static bool field_power(const char *field, size_t length, double *power_w)
{
	char text[64];
	for (size_t i = length; i > 0; i--)
		if (field[i - 1] == '=' || field[i - 1] == ':') {
			field += i;
			length -= i;
			break;
		}
	if (length == 0 || length >= sizeof text)
		return false;
	memcpy(text, field, length);
	text[length] = '\0';
	double scale = 1;
	if (text[length - 1] == 'W') {
		text[--length] = '\0';
		if (length && (text[length - 1] == 'm' || text[length - 1] == 'k')) {
			scale = text[length - 1] == 'm' ? 1e-3 : 1e3;
			text[--length] = '\0';
		}
	}
	if (!parse_real(text, power_w))
		return false;
	*power_w *= scale;
	return *power_w >= 0 && *power_w <= most_power_w;
}

bool meter_line_power(const char *line, size_t length, unsigned column, double *power_w)
{
	static const char separators[] = ",; \t\r\n";
	bool found = false;
	unsigned number = 0;
	for (size_t at = 0; at < length;) {
		size_t end = at;
		while (end < length && !memchr(separators, line[end], sizeof separators - 1))
			end++;
		/* Blanks may be many; commas part empty fields, too. */
		bool blank = end == at && (line[at] == ' ' || line[at] == '\t' ||
		                           line[at] == '\r' || line[at] == '\n');
		double value;
		if (!blank) {
			number++;
			bool good = field_power(line + at, end - at, &value);
			if (column && number == column) {
				*power_w = good ? value : 0;
				return good;
			}
			if (!column && good) {
				*power_w = value;
				found = true;
			}
		}
		at = end + 1;
	}
	return found;
}

static bool add(const json_t *value, double *sum_w)
{
	if (!json_is_number(value))
		return false;
	double power_w = fabs(json_number_value(value)); /* a plug the other way round */
	if (!(power_w <= most_power_w))
		return false;
	*sum_w += power_w;
	return true;
}

bool tasmota_power(const json_t *answer, double *power_w)
{
	const json_t *power = json_object_get(
	    json_object_get(json_object_get(answer, "StatusSNS"), "ENERGY"), "Power");
	const json_t *value;
	size_t i;
	*power_w = 0;
	if (json_is_number(power))
		return add(power, power_w);
	json_array_foreach(power, i, value) if (!add(value, power_w)) return false;
	return json_array_size(power) > 0;
}

bool shelly_power(const json_t *answer, double *power_w)
{
	static const struct {
		const char *component, *field;
	} parts[] = {
		{ "switch:", "apower" },
		{ "pm1:", "apower" },
		{ "em:", "total_act_power" },
		{ "em1:", "act_power" },
	};
	const char *key;
	json_t *value;
	size_t i;
	int found = 0;
	*power_w = 0;
	json_object_foreach((json_t *)(uintptr_t)answer, key, value)
	{
		for (i = 0; i < sizeof parts / sizeof *parts; i++)
			if (strncmp(key, parts[i].component, strlen(parts[i].component)) == 0)
				found += add(json_object_get(value, parts[i].field), power_w);
		if (strcmp(key, "meters") != 0 && strcmp(key, "emeters") != 0)
			continue;
		const json_t *meter;
		json_array_foreach(value, i, meter)
		{
			const json_t *valid = json_object_get(meter, "is_valid");
			if (!json_is_false(valid))
				found += add(json_object_get(meter, "power"), power_w);
		}
	}
	return found > 0;
}
