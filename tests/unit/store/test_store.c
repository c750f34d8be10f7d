/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "store/store.h"

static char folder[128];

static int make_folder(void **state)
{
	(void)state;
	scratch_make(folder, sizeof folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	scratch_remove(folder);
	return 0;
}

/* Only the place matters; a row of them, so that each call has its own. */
static const struct ergon_env *env_of(const char *state_dir)
{
	static struct ergon_env envs[4];
	static int next;
	struct ergon_env *env = &envs[next++ % 4];
	*env = (struct ergon_env){ .state_dir = state_dir };
	return env;
}

static struct store *open_store(bool create)
{
	struct store *store;
	struct ergon_error err = { 0 };
	if (store_open(&store, env_of(folder), create, &err))
		fail_msg("%s: %s", err.file, err.text);
	return store;
}

struct seen {
	int runs;
	uint64_t rows;
	size_t bytes;
	int64_t ids[8];
	int status;
	bool finished;
	char document[64];
};

static bool take_run(void *user, const struct store_run *run)
{
	struct seen *seen = user;
	if (seen->runs < 8)
		seen->ids[seen->runs] = run->id;
	seen->runs++;
	return true;
}

static void take_one(void *user, const struct store_run *run)
{
	struct seen *seen = user;
	seen->status = run->status;
	seen->finished = run->finished_unix_ns != 0;
	snprintf(seen->document, sizeof seen->document, "%s", run->document ? run->document : "");
}

static bool take_batch(void *user, uint64_t rows, const void *data, size_t size)
{
	struct seen *seen = user;
	(void)data;
	seen->rows += rows;
	seen->bytes += size;
	return true;
}

static void runs_come_back(void **state)
{
	(void)state;
	struct ergon_error err = { 0 };
	struct store *store;
	assert_int_equal(store_open(&store, env_of(folder), false, &err), ERGON_NOT_FOUND);
	store = open_store(true);
	int64_t a, b;
	assert_int_equal(store_begin(store, 5, "sleep 1", "[]", &a, &err), ERGON_OK);
	assert_int_equal(store_begin(store, 6, "sleep 2", "[]", &b, &err), ERGON_OK);
	assert_int_equal(store_append(store, a, 2, "0123456789abcdef", 16, &err), ERGON_OK);
	assert_int_equal(store_append(store, b, 1, "01234567", 8, &err), ERGON_OK);
	struct store_run result = { .finished_unix_ns = 9, .status = 3, .document = "{}" };
	assert_int_equal(store_finish(store, a, &result, &err), ERGON_OK);
	store_close(store);

	store = open_store(false);
	struct seen seen = { 0 };
	assert_int_equal(store_list(store, 10, take_run, &seen, &err), ERGON_OK);
	assert_int_equal(seen.runs, 2);
	assert_true(seen.ids[0] == b && seen.ids[1] == a);
	assert_int_equal(store_get(store, a, take_one, &seen, &err), ERGON_OK);
	assert_true(seen.finished && seen.status == 3);
	assert_string_equal(seen.document, "{}");
	assert_int_equal(store_samples(store, a, take_batch, &seen, &err), ERGON_OK);
	assert_true(seen.rows == 2 && seen.bytes == 16);
	int64_t id;
	assert_int_equal(store_find(store, "last", &id, &err), ERGON_OK);
	assert_true(id == b);
	assert_int_equal(store_find(store, "last-1", &id, &err), ERGON_OK);
	assert_true(id == a);
	assert_int_equal(store_find(store, "last-2", &id, &err), ERGON_NOT_FOUND);
	assert_int_equal(store_find(store, "lasting", &id, &err), ERGON_BAD_INPUT);
	assert_int_equal(store_find(store, "-1", &id, &err), ERGON_BAD_INPUT);
	assert_int_equal(store_find(store, "77", &id, &err), ERGON_NOT_FOUND);
	store_close(store);
}

static void no_database_is_refused(void **state)
{
	(void)state;
	struct store *store;
	struct ergon_error err = { 0 };
	put_file(folder, "runs.sqlite", "this is no database, not at all, but long enough\n");
	assert_true(store_open(&store, env_of(folder), true, &err) != ERGON_OK);
	assert_non_null(strstr(err.file, "runs.sqlite"));
	put_file(folder, "plain", "a file");
	char path[256];
	snprintf(path, sizeof path, "%s/plain/below", folder);
	assert_true(store_open(&store, env_of(path), true, &err) != ERGON_OK);
}

/* kill -9 at random moments: every batch that was acknowledged is there, and the file opens. */
static void killed_writers_lose_nothing_kept(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 1);
	for (int trial = 0; trial < 20; trial++) {
		int report[2];
		assert_int_equal(pipe(report), 0);
		pid_t pid = fork();
		if (pid == 0) {
			struct store *store;
			int64_t id;
			char word = 'x';
			if (store_open(&store, env_of(folder), true, NULL) ||
			    store_begin(store, trial, "victim", "[]", &id, NULL))
				_exit(1);
			for (;;)
				if (store_append(store, id, 1, "01234567", 8, NULL) ||
				    write(report[1], &word, 1) != 1)
					_exit(1);
		}
		close(report[1]);
		usleep(5000 + (useconds_t)rng_below(&rng, 20000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		uint64_t acknowledged = 0;
		char word;
		while (read(report[0], &word, 1) == 1)
			acknowledged++;
		close(report[0]);
		struct store *store = open_store(true);
		struct seen seen = { 0 };
		struct ergon_error err = { 0 };
		int64_t id;
		if (store_find(store, "last", &id, &err) == ERGON_OK) {
			assert_int_equal(store_samples(store, id, take_batch, &seen, &err),
			                 ERGON_OK);
			assert_int_equal(store_get(store, id, take_one, &seen, &err), ERGON_OK);
			assert_false(seen.finished);
		}
		if (acknowledged)
			assert_true(seen.rows >= acknowledged && seen.rows <= acknowledged + 1);
		store_close(store);
	}
}

static void other_places(void **state)
{
	(void)state;
	struct store *store;
	struct ergon_error err = { 0 };
	struct ergon_env env = { .state_dir = folder, .store_url = "mysql://a/b" };
	assert_int_equal(store_open(&store, &env, true, &err), ERGON_BAD_INPUT);
	assert_non_null(strstr(err.text, "postgres://"));
	/* without an opener of libraries there is no libpq: the package is named, no password shown
	 */
	env.store_url = "postgres://anna:secret@host/db";
	assert_int_equal(store_open(&store, &env, true, &err), ERGON_NOT_SUPPORTED);
	assert_non_null(strstr(err.text, "libpq5"));
	assert_null(strstr(err.text, "secret"));
	assert_null(strstr(err.file, "secret"));
	/* a folder by name */
	char other[200];
	snprintf(other, sizeof other, "%s/other", folder);
	env.store_url = other;
	assert_int_equal(store_open(&store, &env, true, &err), ERGON_OK);
	store_close(store);
	assert_int_equal(store_open(&store, env_of(other), false, &err), ERGON_OK);
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(runs_come_back, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(no_database_is_refused, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(other_places, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(killed_writers_lose_nothing_kept, make_folder,
		                                remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
