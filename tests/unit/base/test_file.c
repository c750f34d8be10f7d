/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

struct fixture {
	char dir[256], path[512];
	struct ergon_error err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	scratch_make(f->dir, sizeof f->dir);
	snprintf(f->path, sizeof f->path, "%s/file", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	scratch_remove(f->dir);
	free(f);
	return 0;
}

static void assert_holds(const char *path, const char *text)
{
	char *data;
	size_t length;
	struct ergon_error err;
	assert_int_equal(file_read(path, &data, &length, &err), ERGON_OK);
	assert_int_equal(length, strlen(text));
	assert_string_equal(data, text);
	free(data);
}

static size_t entries(const char *dir)
{
	size_t count = 0;
	DIR *stream = opendir(dir);
	while (readdir(stream))
		count++;
	closedir(stream);
	return count - 2; /* . and .. */
}

static void what_was_written_is_read(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(file_write(f->path, "one\n", 4, &f->err), ERGON_OK);
	assert_holds(f->path, "one\n");
	assert_int_equal(file_write(f->path, "", 0, &f->err), ERGON_OK);
	assert_holds(f->path, "");
	size_t size = 300000;
	char *large = malloc(size + 1);
	memset(large, 'j', size);
	large[size] = '\0';
	assert_int_equal(file_write(f->path, large, size, &f->err), ERGON_OK);
	assert_holds(f->path, large);
	free(large);
	assert_int_equal(entries(f->dir), 1);
}

/* What /dev/stdout is under "> FILE": the link must stay. */
static void links_to_open_files_stay(void **state)
{
	struct fixture *f = *state;
	char link[600], target[64];
	struct stat st;
	int fd = open(f->path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	snprintf(link, sizeof link, "%s/stdout", f->dir);
	snprintf(target, sizeof target, "/proc/self/fd/%d", fd);
	assert_int_equal(symlink(target, link), 0);
	assert_int_equal(file_write(link, "two\n", 4, &f->err), ERGON_OK);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	close(fd);
	assert_holds(f->path, "two\n");
	assert_int_equal(unlink(link), 0);
	assert_int_equal(entries(f->dir), 1);
}

static void errors_name_the_file(void **state)
{
	struct fixture *f = *state;
	char *data;
	size_t length;
	assert_int_equal(file_read(f->path, &data, &length, &f->err), ERGON_NOT_FOUND);
	assert_null(data);
	assert_string_equal(f->err.file, f->path);
	assert_string_equal(f->err.text, "cannot open: No such file or directory");
	assert_int_equal(file_read(f->dir, &data, &length, &f->err), ERGON_BAD_INPUT);
	assert_non_null(strstr(f->err.text, "Is a directory"));
	assert_int_equal(file_write(f->dir, "x", 1, &f->err), ERGON_BAD_INPUT);
	char below[600];
	snprintf(below, sizeof below, "%s/no/file", f->dir);
	assert_int_equal(file_write(below, "x", 1, &f->err), ERGON_NOT_FOUND);
	assert_int_equal(entries(f->dir), 0);
	assert_int_equal(file_read(f->path, &data, &length, NULL), ERGON_NOT_FOUND);
}

/* A disk that is full is an error, not a short file. */
static void a_full_disk_is_reported(void **state)
{
	struct fixture *f = *state;
	if (access("/dev/full", W_OK) != 0) {
		print_message("no /dev/full on this machine\n");
		skip();
	}
	assert_int_equal(file_write("/dev/full", "joules", 6, &f->err), ERGON_IO);
	assert_string_equal(f->err.text, "cannot write: No space left on device");
}

/* A write that stops in the middle leaves what the file held, and nothing beside it. */
static void a_write_that_fails_halfway_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, small;
	put_file(f->dir, "file", "as it was");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	small = (struct rlimit){ .rlim_cur = 100000, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	size_t size = 200000;
	char *data = calloc(1, size);
	enum ergon_code code = file_write(f->path, data, size, &f->err);
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, handler);
	free(data);
	assert_int_equal(code, ERGON_IO);
	assert_string_equal(f->err.text, "cannot write: File too large");
	assert_holds(f->path, "as it was");
	assert_int_equal(entries(f->dir), 1);
}

static void *write_in_pieces(void *path)
{
	int fd = open(path, O_WRONLY);
	for (int i = 0; i < 5; i++) {
		if (write(fd, "abc", 3) != 3)
			break;
		usleep(2000);
	}
	close(fd);
	return NULL;
}

static void pipes_are_read_to_their_end(void **state)
{
	struct fixture *f = *state;
	pthread_t writer;
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(pthread_create(&writer, NULL, write_in_pieces, f->path), 0);
	assert_holds(f->path, "abcabcabcabcabc");
	pthread_join(writer, NULL);
}

static void folders_are_made(void **state)
{
	struct fixture *f = *state;
	char path[600];
	struct stat st;
	snprintf(path, sizeof path, "%s/a/b//c", f->dir);
	assert_int_equal(file_make_dirs(path, &f->err), ERGON_OK);
	assert_int_equal(file_make_dirs(path, &f->err), ERGON_OK);
	assert_true(file_is_dir(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	put_file(f->dir, "plain", "");
	snprintf(path, sizeof path, "%s/plain", f->dir);
	assert_int_equal(file_make_dirs(path, &f->err), ERGON_BAD_INPUT);
	snprintf(path, sizeof path, "%s/plain/below", f->dir);
	assert_int_equal(file_make_dirs(path, &f->err), ERGON_BAD_INPUT);
	assert_int_equal(file_make_dirs("", &f->err), ERGON_BAD_INPUT);
}

static void small_files_of_the_kernel(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *text;
		bool good;
		uint64_t value;
	} rows[] = {
		{ "12345\n", true, 12345 },
		{ "18446744073709551615\n", true, UINT64_MAX },
		{ "0", true, 0 },
		{ "", false, 0 },
		{ "\n", false, 0 },
		{ "-1\n", false, 0 },
		{ "12 34\n", false, 0 },
		{ "18446744073709551616\n", false, 0 },
		{ "0x10\n", false, 0 },
		{ "99999999999999999999999999999999999999\n", false, 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t value = 7;
		put_file(f->dir, "file", rows[i].text);
		print_message("u64 '%s'\n", rows[i].text);
		assert_int_equal(file_read_u64(f->path, &value), rows[i].good);
		if (rows[i].good)
			assert_true(value == rows[i].value);
		else
			assert_int_equal(errno, EINVAL);
	}
	char text[8];
	put_file(f->dir, "file", "package-0 \n\n");
	assert_true(file_read_small(f->path, text, sizeof text));
	assert_string_equal(text, "package"); /* cut at the size of the buffer */
	snprintf(f->path, sizeof f->path, "%s/none", f->dir);
	assert_false(file_read_small(f->path, text, sizeof text));
	assert_int_equal(errno, ENOENT);
}

static void paths_are_joined_or_refused(void **state)
{
	(void)state;
	char out[8];
	assert_true(file_join(out, sizeof out, "/a", "bcde"));
	assert_string_equal(out, "/a/bcde");
	assert_false(file_join(out, sizeof out, "/a", "bcdef"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_written_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(links_to_open_files_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(errors_name_the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_is_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(a_write_that_fails_halfway_changes_nothing, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(pipes_are_read_to_their_end, setup, teardown),
		cmocka_unit_test_setup_teardown(folders_are_made, setup, teardown),
		cmocka_unit_test_setup_teardown(small_files_of_the_kernel, setup, teardown),
		cmocka_unit_test(paths_are_joined_or_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
