/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/arena.h"
#include "base/suggest.h"
#include "base/units.h"
#include "optimize/traces/generate.h"

enum { VALUE_MAX = 48 };

static bool read_name(const char *value, const char *const *names, size_t count, unsigned *index)
{
	for (*index = 0; *index < count; ++*index)
		if (strcmp(names[*index], value) == 0)
			return true;
	return false;
}

static bool read_users(const char *value, unsigned *users)
{
	uint64_t number;
	if (!parse_u64(value, &number) || number > 10000)
		return false;
	*users = (unsigned)number;
	return true;
}

static const char *const keys[] = { "jobs",     "seed",   "load",      "arrivals", "durations",
	                            "max-gpus", "urgent", "malleable", "users" };
enum { KEYS = sizeof keys / sizeof keys[0] };

/* key: an index into keys[]. */
static bool set(struct generate_options *o, size_t key, const char *value)
{
	unsigned index;
	switch (key) {
	case 0:
		return parse_u64(value, &o->jobs);
	case 1:
		return parse_u64(value, &o->seed);
	case 2:
		return parse_real(value, &o->load);
	case 3:
		if (!read_name(value, arrival_names, ARRIVALS_COUNT, &index))
			return false;
		o->arrivals = (enum arrival_process)index;
		return true;
	case 4:
		if (!read_name(value, duration_names, DURATIONS_COUNT, &index))
			return false;
		o->durations = (enum duration_law)index;
		return true;
	case 5:
		return parse_u64(value, &o->gpus_max);
	case 6:
		return parse_fraction(value, &o->urgent);
	case 7:
		return parse_fraction(value, &o->malleable);
	default:
		return read_users(value, &o->users);
	}
}

enum ergon_code generate_parse(const char *text, struct generate_options *options,
                               struct ergon_error *err)
{
	char key[VALUE_MAX], value[VALUE_MAX], hint[256];
	for (const char *p = text; *p;) {
		size_t length = strcspn(p, ","), name = strcspn(p, "=,");
		if (name == length || name >= VALUE_MAX || length - name > VALUE_MAX)
			return ergon_fail(err, ERGON_BAD_INPUT,
			                  "generated trace: expected KEY=VALUE, found '%.40s'", p);
		memcpy(key, p, name);
		key[name] = '\0';
		memcpy(value, p + name + 1, length - name - 1);
		value[length - name - 1] = '\0';
		size_t which = 0;
		while (which < KEYS && strcmp(keys[which], key) != 0)
			which++;
		if (which == KEYS)
			return ergon_fail(err, ERGON_BAD_INPUT, "generated trace: no '%s'%s", key,
			                  suggest_hint(hint, sizeof hint, key, keys, KEYS));
		if (!set(options, which, value))
			return ergon_fail(err, ERGON_BAD_INPUT,
			                  "generated trace: %s cannot be '%s'", key, value);
		p += length + (p[length] == ',');
	}
	return ERGON_OK;
}

enum ergon_code trace_default(uint64_t cluster_gpus, struct arena *arena, struct trace *trace,
                              struct ergon_error *err)
{
	struct generate_options options = generate_defaults();
	options.jobs = 160;
	options.seed = 1;
	options.cluster_gpus = cluster_gpus;
	options.arrivals = ARRIVALS_DIURNAL;
	options.urgent = 0.1;
	options.malleable = 1;
	return trace_generate(&options, arena, trace, err);
}
