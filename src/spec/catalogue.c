/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/catalogue.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/json.h"
#include "base/suggest.h"

enum { ENTRIES_MAX = 1024, NAMES_MAX = 4096 };

struct entries {
	char *files[ENTRIES_MAX];
	size_t count;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool ends_in_json(const char *name)
{
	size_t length = strlen(name);
	return length > 5 && strcmp(name + length - 5, ".json") == 0;
}

/* The .json files of the folder in order of name, so that every machine sees the same list. */
static enum ergon_code list_files(const char *dir, struct arena *arena, struct entries *entries,
                                  struct ergon_error *err)
{
	DIR *stream = opendir(dir);
	if (!stream)
		return ergon_fail_at(err, ERGON_NOT_FOUND, dir, 0,
		                     "cannot list this folder of data files: %s", strerror(errno));
	entries->count = 0;
	for (struct dirent *entry; (entry = readdir(stream));) {
		if (!ends_in_json(entry->d_name) || entry->d_name[0] == '.')
			continue;
		char *copy =
		    entries->count < ENTRIES_MAX ? arena_strdup(arena, entry->d_name) : NULL;
		if (!copy) {
			closedir(stream);
			return ergon_fail(err, ERGON_NO_MEMORY, "too many files in %s", dir);
		}
		entries->files[entries->count++] = copy;
	}
	closedir(stream);
	qsort(entries->files, entries->count, sizeof *entries->files, by_text);
	return ERGON_OK;
}

/* Whether `name` names the document, and every name that it has, appended to names. */
static bool names_of(const json_t *root, const char *name, struct arena *arena, const char **names,
                     size_t *count)
{
	bool found = false;
	const char *own = json_string_value(json_object_get(root, "name"));
	const json_t *aliases = json_object_get(root, "aliases");
	size_t aliases_count = json_is_array(aliases) ? json_array_size(aliases) : 0;
	for (size_t i = 0; i <= aliases_count; i++) {
		const char *text = i == 0 ? own : json_string_value(json_array_get(aliases, i - 1));
		if (!text)
			continue;
		found |= strcasecmp(text, name) == 0;
		if (*count < NAMES_MAX && (names[*count] = arena_strdup(arena, text)))
			++*count;
	}
	return found;
}

static enum ergon_code search(const char *dir, const char *thing, const char *name,
                              char path[CATALOGUE_PATH_MAX], struct arena *arena,
                              struct ergon_error *err)
{
	struct entries *entries = ARENA_NEW(arena, struct entries);
	const char **names = ARENA_ARRAY(arena, const char *, NAMES_MAX);
	size_t count = 0;
	if (!entries || !names)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = list_files(dir, arena, entries, err);
	for (size_t i = 0; i < entries->count && !code; i++) {
		json_t *root;
		if (!file_join(path, CATALOGUE_PATH_MAX, dir, entries->files[i]))
			continue;
		code = json_load(path, &root, err);
		if (code)
			return code;
		bool found = names_of(root, name, arena, names, &count);
		json_decref(root);
		if (found)
			return ERGON_OK;
	}
	if (code)
		return code;
	char hint[320];
	return ergon_fail(err, ERGON_NOT_FOUND, "no %s '%.64s'%s", thing, name,
	                  suggest_hint(hint, sizeof hint, name, names, count));
}

enum ergon_code catalogue_find(const struct ergon_env *env, const char *folder, const char *thing,
                               const char *name, char path[CATALOGUE_PATH_MAX],
                               struct ergon_error *err)
{
	char dir[CATALOGUE_PATH_MAX], file[128];
	if (strchr(name, '/') || ends_in_json(name)) {
		if (strlen(name) >= CATALOGUE_PATH_MAX)
			return ergon_fail(err, ERGON_BAD_INPUT, "the path of a %s is too long",
			                  thing);
		memcpy(path, name, strlen(name) + 1);
		return ERGON_OK;
	}
	if (!file_join(dir, sizeof dir, env->data_dir, folder))
		return ergon_fail(err, ERGON_BAD_INPUT, "the path of the data folder is too long");
	/* The file of that name first: one file read instead of all. */
	if (strlen(name) < sizeof file - 6) {
		size_t length = 0;
		for (; name[length]; length++)
			file[length] = (char)tolower((unsigned char)name[length]);
		memcpy(file + length, ".json", sizeof ".json");
		if (length && file_join(path, CATALOGUE_PATH_MAX, dir, file) && file_exists(path))
			return ERGON_OK;
	}
	struct arena arena;
	arena_init(&arena);
	enum ergon_code code = search(dir, thing, name, path, &arena, err);
	arena_fini(&arena);
	return code;
}

enum ergon_code catalogue_list(const struct ergon_env *env, const char *folder, struct arena *arena,
                               const char *const **names, size_t *count, struct ergon_error *err)
{
	char dir[CATALOGUE_PATH_MAX], path[CATALOGUE_PATH_MAX];
	if (!file_join(dir, sizeof dir, env->data_dir, folder))
		return ergon_fail(err, ERGON_BAD_INPUT, "the path of the data folder is too long");
	struct entries *entries = ARENA_NEW(arena, struct entries);
	const char **list = ARENA_ARRAY(arena, const char *, ENTRIES_MAX);
	if (!entries || !list)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	enum ergon_code code = list_files(dir, arena, entries, err);
	size_t found = 0;
	for (size_t i = 0; !code && i < entries->count; i++) {
		json_t *root;
		if (!file_join(path, sizeof path, dir, entries->files[i]))
			continue;
		code = json_load(path, &root, err);
		if (code)
			break;
		const char *own = json_string_value(json_object_get(root, "name"));
		if (own && (list[found] = arena_strdup(arena, own)))
			found++;
		json_decref(root);
	}
	if (code)
		return code;
	qsort(list, found, sizeof *list, by_text);
	*names = list;
	*count = found;
	return ERGON_OK;
}
