/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/export.h"

#include <math.h>
#include <string.h>

#include "base/suggest.h"

static const char *const format_names[EXPORT_FORMATS] = { "csv", "json", "influx", "perfetto" };

enum ergon_code export_format_find(const char *name, enum export_format *format,
                                   struct ergon_error *err)
{
	for (int i = 0; i < EXPORT_FORMATS; i++)
		if (strcmp(format_names[i], name) == 0) {
			*format = (enum export_format)i;
			return ERGON_OK;
		}
	char hint[256];
	return ergon_fail(err, ERGON_NOT_FOUND, "no format '%.40s'%s", name,
	                  suggest_hint(hint, sizeof hint, name, format_names, EXPORT_FORMATS));
}

static double value_at(const struct record *record, size_t sample, size_t channel)
{
	return record->values[sample * record->channel_count + channel];
}

/* Power in the step that ends at this sample; NaN where one of its ends is a gap. */
static double power_w(const struct record *record, size_t sample, size_t channel)
{
	double now = value_at(record, sample, channel);
	if (record->channels[channel].is_power || isnan(now))
		return now;
	if (sample == 0)
		return (double)NAN;
	return (now - value_at(record, sample - 1, channel)) /
	       (record->time_s[sample] - record->time_s[sample - 1]);
}

static const char *quantity(const struct record_channel *channel)
{
	return channel->is_power ? "power_w" : "energy_j";
}

/* With a backslash before each of `special`. */
static void put_escaped(struct text *text, const char *word, const char *special)
{
	for (const char *c = word; *c; c++) {
		if (strchr(special, *c))
			text_puts(text, "\\");
		text_append(text, c, 1);
	}
}

static void put_csv(const struct record *record, struct text *text)
{
	text_puts(text, "time_s");
	for (size_t c = 0; c < record->channel_count; c++)
		text_printf(text, ",%s:%s", record->channels[c].name,
		            quantity(&record->channels[c]));
	text_puts(text, "\n");
	for (size_t i = 0; i < record->sample_count; i++) {
		text_printf(text, "%.9f", record->time_s[i]);
		for (size_t c = 0; c < record->channel_count; c++) {
			double value = value_at(record, i, c);
			if (isnan(value))
				text_puts(text, ",");
			else
				text_printf(text, ",%.6f", value);
		}
		text_puts(text, "\n");
	}
}

static void put_json(const struct record *record, struct text *text)
{
	text_puts(text, "{\"kind\":\"ergon.record\",\"version\":1,\"channels\":[");
	for (size_t c = 0; c < record->channel_count; c++) {
		text_printf(text, "%s{\"name\":\"", c ? "," : "");
		put_escaped(text, record->channels[c].name, "\"\\");
		text_printf(text, "\",\"quantity\":\"%s\",\"provenance\":\"%s\"}",
		            quantity(&record->channels[c]),
		            provenance_name(record->channels[c].provenance));
	}
	text_puts(text, "],\n\"samples\":[");
	for (size_t i = 0; i < record->sample_count; i++) {
		text_printf(text, "%s\n[%.9f", i ? "," : "", record->time_s[i]);
		for (size_t c = 0; c < record->channel_count; c++) {
			double value = value_at(record, i, c);
			if (isnan(value))
				text_puts(text, ",null");
			else
				text_printf(text, ",%.6f", value);
		}
		text_puts(text, "]");
	}
	text_puts(text, "]}\n");
}

static void put_influx(const struct record *record, int64_t begin_unix_ns, struct text *text)
{
	for (size_t i = 0; i < record->sample_count; i++) {
		int64_t time_ns = begin_unix_ns + (int64_t)llround(record->time_s[i] * 1e9);
		for (size_t c = 0; c < record->channel_count; c++) {
			const struct record_channel *channel = &record->channels[c];
			double value = value_at(record, i, c), power = power_w(record, i, c);
			if (isnan(value))
				continue;
			text_puts(text, "ergon,domain=");
			put_escaped(text, channel->name, ", =");
			text_printf(text, ",provenance=%s %s=%.6f",
			            provenance_name(channel->provenance), quantity(channel), value);
			if (!channel->is_power && !isnan(power))
				text_printf(text, ",power_w=%.6f", power);
			text_printf(text, " %lld\n", (long long)time_ns);
		}
	}
}

static void put_perfetto(const struct record *record, struct text *text)
{
	bool first = true;
	text_puts(text, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
	for (size_t i = 0; i < record->sample_count; i++)
		for (size_t c = 0; c < record->channel_count; c++) {
			double power = power_w(record, i, c);
			if (isnan(power))
				continue;
			text_printf(text, "%s\n{\"ph\":\"C\",\"pid\":1,\"ts\":%.3f,\"name\":\"",
			            first ? "" : ",",
			            1e6 * (record->channels[c].is_power || i == 0
			                       ? record->time_s[i]
			                       : record->time_s[i - 1]));
			put_escaped(text, record->channels[c].name, "\"\\");
			text_printf(text, "\",\"args\":{\"W\":%.6f}}", power);
			first = false;
		}
	text_puts(text, "]}\n");
}

enum ergon_code export_text(const struct record *record, enum export_format format,
                            int64_t begin_unix_ns, struct text *text, struct ergon_error *err)
{
	switch (format) {
	case EXPORT_CSV:
		put_csv(record, text);
		break;
	case EXPORT_JSON:
		put_json(record, text);
		break;
	case EXPORT_INFLUX:
		put_influx(record, begin_unix_ns, text);
		break;
	case EXPORT_PERFETTO:
	default:
		put_perfetto(record, text);
	}
	if (text->failed)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	return ERGON_OK;
}
