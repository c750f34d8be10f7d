/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sensors/remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/suggest.h"

static const char *const drivers[] = { "redfish", "ipmi_dcmi", "meter", NULL };
static const char *const kinds[] = { "csv", "serial", "tasmota", "shelly", NULL };
static const char *const ipmi_kinds[] = { "lan_2_0", "lan_1_5", NULL };

static bool one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

static void defaults(const char *driver, struct remote_source *source)
{
	*source = (struct remote_source){ .interval_s = 1, .timeout_s = 5, .baud = 9600 };
	snprintf(source->driver, sizeof source->driver, "%s", driver);
	snprintf(source->channel, sizeof source->channel, "node");
}

void remote_host(const char *address, char *host, size_t size)
{
	const char *start = strstr(address, "://");
	start = start ? start + 3 : address;
	size_t length = strcspn(start, "/?#");
	if (start[0] == '[') /* an IPv6 address in brackets */
		length = strcspn(start, "]");
	else
		length = length < strcspn(start, ":") ? length : strcspn(start, ":");
	snprintf(host, size, "%.*s", (int)length, start[0] == '/' ? "" : start);
}

/* "https://user:password@host": seen by everyone who lists processes, and kept in histories. */
static bool holds_credentials(const char *address)
{
	const char *start = strstr(address, "://");
	if (!start)
		return false;
	size_t length = strcspn(start + 3, "/?#");
	return memchr(start + 3, '@', length) != NULL;
}

static enum ergon_code copy_text(const json_t *object, struct json_place place, const char *key,
                                 char *out, size_t size, struct ergon_error *err)
{
	const char *text = NULL;
	enum ergon_code code = json_want_text(object, place, key, &text, err);
	if (code || !text)
		return code;
	if (strlen(text) >= size)
		return ergon_fail_at(err, ERGON_BAD_INPUT, place.file, 0,
		                     "%s.%s: expected at most %zu characters", place.at, key,
		                     size - 1);
	snprintf(out, size, "%s", text);
	return ERGON_OK;
}

/* Whoever may read a password may use it. */
static enum ergon_code check_mode(const char *path, struct ergon_error *err)
{
	struct stat st;
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077))
		return ergon_fail_at(err, ERGON_NO_PERMISSION, path, 0,
		                     "it holds a password that others may read: chmod 600 it");
	return ERGON_OK;
}

static enum ergon_code read_password(const char *file, const char *password_file,
                                     struct remote_source *source, struct ergon_error *err)
{
	char path[512], text[sizeof source->password + 1];
	const char *slash = strrchr(file, '/');
	int folder = slash && password_file[0] != '/' ? (int)(slash - file) + 1 : 0;
	snprintf(path, sizeof path, "%.*s%s", folder, file, password_file);
	enum ergon_code code = check_mode(path, err);
	if (code)
		return code;
	if (!file_read_small(path, text, sizeof text))
		return ergon_fail_at(err, errno == EACCES ? ERGON_NO_PERMISSION : ERGON_NOT_FOUND,
		                     path, 0, "cannot read the password: %s", strerror(errno));
	if (strlen(text) >= sizeof source->password)
		return ergon_fail_at(err, ERGON_BAD_INPUT, path, 0,
		                     "expected a password of at most %zu characters",
		                     sizeof source->password - 1);
	memcpy(source->password, text, strlen(text) + 1);
	return ERGON_OK;
}

static enum ergon_code check_word(const char *file, const char *at, const char *what,
                                  const char *word, const char *const *words,
                                  struct ergon_error *err)
{
	char hint[256];
	size_t count = 0;
	while (words[count])
		count++;
	if (one_of(word, words))
		return ERGON_OK;
	return ergon_fail_at(err, ERGON_BAD_INPUT, file, 0, "%s.%s: unknown '%.40s'%s", at, what,
	                     word, suggest_hint(hint, sizeof hint, word, words, count));
}

static enum ergon_code parse_texts(const json_t *object, struct json_place place,
                                   struct remote_source *s, struct ergon_error *err)
{
	const struct {
		const char *key;
		char *out;
		size_t size;
	} texts[] = {
		{ "name", s->name, sizeof s->name },
		{ "kind", s->kind, sizeof s->kind },
		{ "user", s->user, sizeof s->user },
		{ "address", s->address, sizeof s->address },
		{ "ca_file", s->ca_file, sizeof s->ca_file },
		{ "channel", s->channel, sizeof s->channel },
		{ "password", s->password, sizeof s->password },
	};
	enum ergon_code code = ERGON_OK;
	for (size_t i = 0; i < sizeof texts / sizeof *texts && !code; i++)
		code = copy_text(object, place, texts[i].key, texts[i].out, texts[i].size, err);
	return code;
}

static enum ergon_code parse_numbers(const json_t *object, struct json_place place,
                                     struct remote_source *s, struct ergon_error *err)
{
	const struct {
		const char *key;
		double min, max;
		double *out;
	} reals[] = {
		{ "interval_s", 0.01, 3600, &s->interval_s },
		{ "timeout_s", 0.1, 60, &s->timeout_s },
		{ "window_s", 0, 3600, &s->window_s },
		{ "relative_error", 0, 1, &s->relative_error },
	};
	enum ergon_code code = ERGON_OK;
	for (size_t i = 0; i < sizeof reals / sizeof *reals && !code; i++)
		code = json_want_real(object, place, reals[i].key, reals[i].min, reals[i].max,
		                      reals[i].out, err);
	uint64_t baud = s->baud, column = 0;
	if (code || (code = json_want_count(object, place, "baud", 300, 4000000, &baud, err)) ||
	    (code = json_want_count(object, place, "column", 1, 64, &column, err)))
		return code;
	s->baud = (unsigned)baud;
	s->column = (unsigned)column;
	return json_want_bool(object, place, "insecure", &s->insecure, err);
}

static enum ergon_code parse_entry(const json_t *object, struct json_place place, const char *text,
                                   struct remote_source *source, struct ergon_error *err)
{
	static const char *const known[] = {
		"name",      "driver",         "kind",     "address",  "user", "password",
		"ca_file",   "password_file",  "channel",  "insecure", "baud", "interval_s",
		"timeout_s", "relative_error", "window_s", "column",   NULL
	};
	const char *driver = NULL, *address = NULL, *password_file = NULL;
	enum ergon_code code;
	if ((code = json_only_keys(object, place, known, err)) ||
	    (code = json_need_text(object, place, "driver", &driver, err)) ||
	    (code = check_word(place.file, place.at, "driver", driver, drivers, err)) ||
	    (code = json_need_text(object, place, "address", &address, err)))
		return code;
	defaults(driver, source);
	if ((code = parse_texts(object, place, source, err)) ||
	    (code = parse_numbers(object, place, source, err)) ||
	    (code = json_want_text(object, place, "password_file", &password_file, err)))
		return code;
	if (strcmp(driver, "meter") == 0 &&
	    (code = check_word(place.file, place.at, "kind", source->kind, kinds, err)))
		return code;
	if (strcmp(driver, "ipmi_dcmi") == 0 && source->kind[0] &&
	    (code = check_word(place.file, place.at, "kind", source->kind, ipmi_kinds, err)))
		return code;
	if (holds_credentials(source->address))
		return ergon_fail_at(err, ERGON_BAD_INPUT, place.file, 0,
		                     "%s.address: user and password have fields of their own",
		                     place.at);
	if (!source->channel[0])
		return ergon_fail_at(err, ERGON_BAD_INPUT, place.file, 0,
		                     "%s.channel: expected a name such as node", place.at);
	/* text: the file was handed over as such, there is no folder to look in. */
	if (source->password[0] && !text && (code = check_mode(place.file, err)))
		return code;
	return password_file && !text ? read_password(place.file, password_file, source, err)
	                              : ERGON_OK;
}

static int parse_root(const json_t *root, const char *file, const char *text, const char *driver,
                      struct remote_source *sources, int max, struct ergon_error *err)
{
	static const char *const known[] = { "sensors", NULL };
	json_t *list, *entry;
	size_t i;
	int count = 0;
	struct json_place place = { file, "" };
	if (json_only_keys(root, place, known, err) ||
	    json_need_array(root, place, "sensors", &list, err))
		return -1;
	json_array_foreach(list, i, entry)
	{
		char at[32];
		struct remote_source source;
		snprintf(at, sizeof at, "sensors[%zu]", i);
		if (!json_is_object(entry)) {
			ergon_fail_at(err, ERGON_BAD_INPUT, file, 0, "%s: expected an object", at);
			return -1;
		}
		if (parse_entry(entry, (struct json_place){ file, at }, text, &source, err))
			return -1;
		if (driver && strcmp(source.driver, driver) != 0)
			continue;
		if (count == max) {
			ergon_fail_at(err, ERGON_BAD_INPUT, file, 0,
			              "more than %d sensors of driver %s", max, driver);
			return -1;
		}
		sources[count++] = source;
	}
	return count;
}

int remote_parse(const char *text, size_t length, const char *name, const char *driver,
                 struct remote_source *sources, int max, struct ergon_error *err)
{
	json_t *root;
	if (json_parse(text, length, name, &root, err))
		return -1;
	int count = parse_root(root, name, text, driver, sources, max, err);
	json_decref(root);
	return count;
}

static bool config_path(const struct ergon_env *env, char *path, size_t size)
{
	return env->config_dir && file_join(path, size, env->config_dir, "sensors.json");
}

static int from_file(const struct ergon_env *env, const char *driver, struct remote_source *sources,
                     int max, struct ergon_error *err)
{
	char path[1100];
	json_t *root;
	if (!config_path(env, path, sizeof path) || (access(path, R_OK) != 0 && errno == ENOENT))
		return 0;
	if (json_load(path, &root, err))
		return -1;
	int count = parse_root(root, path, NULL, driver, sources, max, err);
	json_decref(root);
	return count;
}

bool remote_from_argument(const char *driver, const char *argument, struct remote_source *source,
                          struct ergon_error *err)
{
	defaults(driver, source);
	const char *address = argument;
	if (strcmp(driver, "meter") == 0) {
		size_t length = strcspn(argument, ":");
		if (argument[length] && length < sizeof source->kind) {
			snprintf(source->kind, sizeof source->kind, "%.*s", (int)length, argument);
			address = argument + length + 1;
		}
		if (check_word("--sensors", "meter", "kind", source->kind, kinds, err))
			return false;
	}
	if (holds_credentials(address)) {
		ergon_fail(err, ERGON_BAD_INPUT,
		           "%s: a user or password in the address would be seen by all: put them "
		           "into sensors.json",
		           driver);
		return false;
	}
	if (!address[0] || strlen(address) >= sizeof source->address) {
		ergon_fail(err, ERGON_BAD_INPUT, "%s: expected an address of 1 to %zu characters",
		           driver, sizeof source->address - 1);
		return false;
	}
	snprintf(source->address, sizeof source->address, "%s", address);
	return true;
}

int remote_sources(const struct ergon_env *env, const char *driver, const char *argument,
                   struct remote_source *sources, int max, struct ergon_error *err)
{
	int count = from_file(env, driver, sources, max, err);
	if (count < 0 || !argument)
		return count;
	for (int i = 0; i < count; i++)
		if (sources[i].name[0] && strcmp(sources[i].name, argument) == 0) {
			sources[0] = sources[i];
			return 1;
		}
	struct remote_source source;
	char host[256], other[256];
	if (!remote_from_argument(driver, argument, &source, err))
		return -1;
	remote_host(source.address, host, sizeof host);
	for (int i = 0; i < count; i++) {
		remote_host(sources[i].address, other, sizeof other);
		if (!host[0] || strcmp(host, other) != 0)
			continue;
		char address[sizeof source.address], kind[sizeof source.kind];
		memcpy(address, source.address, sizeof address);
		memcpy(kind, source.kind, sizeof kind);
		source = sources[i];
		memcpy(source.address, address, sizeof address);
		memcpy(source.kind, kind, sizeof kind);
		break;
	}
	sources[0] = source;
	return 1;
}

enum sensor_state remote_probe(const struct ergon_env *env, const char *driver,
                               const char *argument, const char *example,
                               struct sensor_reason *reason)
{
	struct remote_source *sources = calloc(REMOTE_SOURCES_MAX, sizeof *sources);
	struct ergon_error err = { 0 };
	*reason = (struct sensor_reason){ "", "" };
	int count =
	    sources ? remote_sources(env, driver, argument, sources, REMOTE_SOURCES_MAX, &err) : 0;
	free(sources);
	if (count > 0)
		return SENSOR_READY;
	if (count < 0) {
		char text[700];
		snprintf(reason->text, sizeof reason->text, "%.255s",
		         ergon_error_describe(&err, text, sizeof text));
		if (err.code == ERGON_NO_PERMISSION && err.file[0])
			snprintf(reason->grant, sizeof reason->grant, "chmod 600 %.192s", err.file);
		return SENSOR_CLOSED;
	}
	snprintf(reason->text, sizeof reason->text, "none is named in %.120s/sensors.json",
	         env->config_dir ? env->config_dir : "~/.config/ergon");
	snprintf(reason->grant, sizeof reason->grant, "%s", example);
	return SENSOR_ABSENT;
}
