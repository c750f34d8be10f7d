/* SPDX-License-Identifier: Apache-2.0
 *
 * Every lever of ergon, and what they share.
 */
#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "understand/levers/lever.h"

extern const struct lever lever_cpu_threads;
extern const struct lever lever_cpu_cores;
extern const struct lever lever_cpu_freq;
extern const struct lever lever_cpu_governor;
extern const struct lever lever_cpu_epp;
extern const struct lever lever_cpu_cap;
extern const struct lever lever_gpu_power;
extern const struct lever lever_gpu_clock;
extern const struct lever lever_gpu_memclock;
extern const struct lever lever_env;
extern const struct lever lever_arg;

const struct lever *const levers[] = {
	&lever_cpu_threads,  &lever_cpu_cores, &lever_cpu_freq,  &lever_cpu_governor,
	&lever_cpu_epp,      &lever_cpu_cap,   &lever_gpu_power, &lever_gpu_clock,
	&lever_gpu_memclock, &lever_env,       &lever_arg,       NULL,
};

enum { NAMES_MAX = 64, WORD_MAX = 1 << 20 };

/* Where the member of name begins; NULL where name does not name this lever. */
static const char *member_of(const struct lever *lever, const char *name)
{
	size_t length = strlen(lever->name);
	if (lever->family)
		return strncmp(lever->name, name, length) == 0 && name[length] != '\0'
		           ? name + length
		           : NULL;
	if (!lever->numbered)
		return strcmp(lever->name, name) == 0 ? "" : NULL;
	size_t before = strcspn(lever->name, "N");
	size_t digits =
	    strncmp(lever->name, name, before) == 0 ? strspn(name + before, "0123456789") : 0;
	bool named = digits >= 1 && digits <= 4 &&
	             strcmp(lever->name + before + 1, name + before + digits) == 0;
	return named ? name + before : NULL;
}

enum ergon_code lever_find(const char *name, const struct lever **lever, const char **member,
                           struct ergon_error *err)
{
	const char *names[NAMES_MAX];
	char shown[NAMES_MAX][32];
	size_t count = 0;
	for (const struct lever *const *l = levers; *l && count < NAMES_MAX; l++) {
		*member = member_of(*l, name);
		if (*member) {
			*lever = *l;
			return ERGON_OK;
		}
		snprintf(shown[count], sizeof shown[count], "%s%s", (*l)->name,
		         (*l)->family ? "NAME" : "");
		names[count] = shown[count];
		count++;
	}
	char hint[256];
	return ergon_fail(err, ERGON_NOT_FOUND, "no lever '%.60s'%s", name,
	                  suggest_hint(hint, sizeof hint, name, names, count));
}

static enum ergon_code no_memory(struct ergon_error *err)
{
	return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

enum ergon_code lever_set_environment(struct lever_child *child, const char *name,
                                      const char *value, struct ergon_error *err)
{
	size_t length = strlen(name), count = 0, at = 0;
	while (child->environment[count])
		count++;
	char **next = ARENA_ARRAY(child->arena, char *, count + 2);
	size_t size = length + strlen(value) + 2;
	char *entry = arena_alloc(child->arena, size, 1);
	if (!next || !entry)
		return no_memory(err);
	snprintf(entry, size, "%s=%s", name, value);
	for (size_t i = 0; i < count; i++) {
		const char *old = child->environment[i];
		if (strncmp(old, name, length) != 0 || old[length] != '=')
			next[at++] = child->environment[i];
	}
	next[at++] = entry;
	next[at] = NULL;
	child->environment = next;
	return ERGON_OK;
}

/* Points to "{name}" in text, or NULL. */
static const char *find_placeholder(const char *text, const char *name)
{
	size_t length = strlen(name);
	for (const char *at = text; (at = strchr(at, '{')); at++)
		if (strncmp(at + 1, name, length) == 0 && at[length + 1] == '}')
			return at;
	return NULL;
}

bool lever_placeholder_used(char *const *argv, const char *name)
{
	for (; *argv; argv++)
		if (find_placeholder(*argv, name))
			return true;
	return false;
}

static enum ergon_code replace_in_word(struct lever_child *child, char **word, const char *name,
                                       const char *value, size_t *count, struct ergon_error *err)
{
	size_t hole = strlen(name) + 2, fill = strlen(value), holes = 0;
	for (const char *at = *word; (at = find_placeholder(at, name)); at += hole)
		holes++;
	if (holes == 0)
		return ERGON_OK;
	if (holes > WORD_MAX || fill > WORD_MAX || strlen(*word) + holes * fill > WORD_MAX)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "an argument with {%.60s} filled in is over 1 MiB", name);
	char *next = arena_alloc(child->arena, strlen(*word) + holes * fill + 1, 1);
	if (!next)
		return no_memory(err);
	char *to = next;
	const char *from = *word;
	for (const char *at; (at = find_placeholder(from, name)); from = at + hole) {
		to = mempcpy(to, from, (size_t)(at - from));
		to = mempcpy(to, value, fill);
	}
	memcpy(to, from, strlen(from) + 1);
	*word = next;
	*count += holes;
	return ERGON_OK;
}

enum ergon_code lever_replace_argument(struct lever_child *child, const char *name,
                                       const char *value, size_t *count, struct ergon_error *err)
{
	*count = 0;
	for (char **word = child->argv; *word; word++) {
		enum ergon_code code = replace_in_word(child, word, name, value, count, err);
		if (code)
			return code;
	}
	return ERGON_OK;
}
