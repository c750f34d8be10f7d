/* SPDX-License-Identifier: Apache-2.0 */
#include "understand/page_marks.h"

#include <stdio.h>
#include <unistd.h>

#include "support/support.h"

/* One mapping of each kind, as the kernel writes them; only these fields count. */
static const char *const smaps =
    "55d6d9000000-55d6d9100000 r-xp 00000000 fe:00 11 /usr/bin/solver\n"
    "Rss:                1024 kB\nReferenced:         1024 kB\n"
    "55d6d9266000-55d6d93a0000 rw-p 00000000 00:00 0                          [heap]\n"
    "Rss:                 800 kB\nReferenced:          384 kB\nAnonHugePages:         0 kB\n"
    "VmFlags: rd wr mr mw me ac sd\n"
    "7f0000000000-7f0040000000 rw-p 00000000 00:00 0\n"
    "Rss:             1048576 kB\nReferenced:       524288 kB\nAnonHugePages:    204800 kB\n"
    "7f1000000000-7f1010000000 r--p 00000000 fe:00 12                         /data/weights (v2)\n"
    "Rss:              102400 kB\nReferenced:         4096 kB\n"
    "7f3789a11000-7f3789a37000 r--p 00000000 fe:00 332835         "
    "/usr/lib/x86_64-linux-gnu/libc.so.6\n"
    "Rss:                 152 kB\nReferenced:          152 kB\n"
    "7f3789be0000-7f3789be4000 rw-p 0017c000 fe:00 332835         "
    "/usr/lib/x86_64-linux-gnu/libc.so.6\n"
    "Rss:                  16 kB\nReferenced:           16 kB\n";

struct machine_at {
	char root[256], folder[64];
	struct fake_clock clock;
	struct ergon_env env;
	struct page_marks marks;
};

/* The test's own process in the child's place: it has a CPU clock, and nobody waits for it. */
static void machine_at(struct machine_at *m)
{
	scratch_make(m->root, sizeof m->root);
	snprintf(m->folder, sizeof m->folder, "%d", (int)getpid());
	fake_clock_init(&m->clock);
	m->env = (struct ergon_env){ .procfs_root = m->root, .clock = &m->clock.clock };
	m->marks = (struct page_marks){ .env = &m->env, .roots = { getpid() }, .root_count = 1 };
}

static void put(struct machine_at *m, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", m->folder, name);
	put_file(m->root, path, text);
}

static void only_data_counts(void **state)
{
	(void)state;
	struct machine_at m;
	struct page_window w;
	machine_at(&m);
	put(&m, "clear_refs", "");
	put(&m, "smaps", smaps);
	assert_true(page_marks_window(&m.marks, 0, false, &w));
	assert_close(w.touched_bytes, 1024 * (384.0 + 524288 + 4096 + 16), 1e-9);
	assert_close(w.resident_bytes, 1024 * (800.0 + 1048576 + 102400 + 16), 1e-9);
	assert_close(w.huge_bytes, 1024 * 204800.0, 1e-9);
	assert_true(w.cpu_s > 0 && w.blur_s > 0 && w.blur_s <= w.cpu_s * 1.01);
	char path[400], text[8] = "";
	snprintf(path, sizeof path, "%s/%s/clear_refs", m.root, m.folder);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof text, file));
	fclose(file);
	assert_string_equal(text, "1"); /* the accessed marks of all pages, nothing else */
	put(&m, "clear_refs", "");
	assert_true(page_marks_window(&m.marks, 0, true, &w));
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof text, file));
	fclose(file);
	assert_string_equal(text, "14"); /* in this order: the second flushes the TLBs */
	scratch_remove(m.root);
}

/* Children of any thread are watched with their parent; one that is not there is no loss. */
static void children_count(void **state)
{
	(void)state;
	struct machine_at m;
	machine_at(&m);
	put(&m, "task/7/children", "91 92 ");
	put(&m, "task/8/children", "93 ");
	put_file(m.root, "92/task/92/children", "94");
	(void)page_marks_cpu_s(&m.marks);
	assert_int_equal(m.marks.count, 5);
	scratch_remove(m.root);
}

static void a_closed_kernel_is_no_zero(void **state)
{
	(void)state;
	struct machine_at m;
	struct page_window w;
	machine_at(&m);
	assert_false(page_marks_window(&m.marks, 0, false, &w)); /* no clear_refs */
	put(&m, "clear_refs", "");
	assert_false(page_marks_window(&m.marks, 0, false, &w)); /* no smaps */
	put(&m, "smaps", "7f0000000000-7f0040000000 rw-p 00000000 00:00 0\nRss: 12 kB\n");
	assert_false(page_marks_window(&m.marks, 0, false, &w)); /* a kernel without the marks */
	scratch_remove(m.root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_data_counts),
		cmocka_unit_test(children_count),
		cmocka_unit_test(a_closed_kernel_is_no_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
