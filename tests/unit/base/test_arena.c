/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/grow.h"

static void memory_is_zeroed_aligned_and_apart(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	unsigned char *last = NULL;
	size_t last_size = 0;
	for (size_t size = 1; size < 20000; size = size * 3 + 1) {
		unsigned char *p = arena_alloc(&arena, size, 1);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		if (last)
			assert_true(p >= last + last_size || p + size <= last);
		memset(p, 0xff, size);
		last = p;
		last_size = size;
	}
	arena_fini(&arena);
	assert_null(arena.chunks);
	arena_fini(&arena); /* twice does no harm */
}

static void impossible_sizes_are_refused(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	assert_null(arena_alloc(&arena, SIZE_MAX, 2));
	assert_null(arena_alloc(&arena, 2, SIZE_MAX));
	assert_null(arena_alloc(&arena, SIZE_MAX, 1));
	assert_null(arena_alloc(&arena, SIZE_MAX / 2, 1));
	assert_non_null(arena_alloc(&arena, 0, 8));
	assert_non_null(arena_alloc(&arena, 8, 0));
	assert_non_null(arena_alloc(&arena, 1, 1)); /* and it still works */
	arena_fini(&arena);
}

static void texts_are_copied(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena);
	char source[] = "joules";
	char *whole = arena_strdup(&arena, source);
	char *part = arena_strndup(&arena, source, 3);
	memset(source, 'x', 6);
	assert_string_equal(whole, "joules");
	assert_string_equal(part, "jou");
	assert_string_equal(arena_strdup(&arena, ""), "");
	arena_fini(&arena);
}

static void arrays_grow_and_keep(void **state)
{
	(void)state;
	int *items = NULL;
	size_t capacity = 0, moves = 0;
	for (size_t i = 0; i < 10000; i++) {
		size_t before = capacity;
		assert_true(GROW(items, capacity, i + 1));
		moves += capacity != before;
		assert_int_equal(items[i], 0);
		items[i] = (int)i;
	}
	for (size_t i = 0; i < 10000; i++)
		assert_int_equal(items[i], i);
	assert_in_range(moves, 1, 14); /* it doubles */
	size_t held = capacity;
	assert_false(GROW(items, capacity, SIZE_MAX / 2));
	assert_int_equal(capacity, held);
	assert_int_equal(items[9999], 9999);
	free(items);
}

static void text_grows(void **state)
{
	(void)state;
	struct text text = { 0 };
	text_puts(&text, "a");
	text_append(&text, "b\0c", 3);
	assert_int_equal(text.length, 4);
	assert_memory_equal(text.data, "ab\0c", 5);
	text_printf(&text, "%s%d", "x", 7);
	assert_memory_equal(text.data + 4, "x7", 3);
	text_printf(&text, "%0600d", 1); /* beyond the small buffer */
	assert_int_equal(text.length, 606);
	assert_int_equal(text.data[605], '1');
	assert_int_equal(text.data[606], '\0');
	assert_false(text.failed);
	text_fini(&text);
	assert_null(text.data);
}

static void a_failed_text_stays_failed(void **state)
{
	(void)state;
	struct text text = { 0 };
	text_puts(&text, "kept");
	text_append(&text, "", SIZE_MAX / 2);
	assert_true(text.failed);
	text_puts(&text, " not");
	assert_true(text.failed);
	assert_string_equal(text.data, "kept");
	text_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
		cmocka_unit_test(impossible_sizes_are_refused),
		cmocka_unit_test(texts_are_copied),
		cmocka_unit_test(arrays_grow_and_keep),
		cmocka_unit_test(text_grows),
		cmocka_unit_test(a_failed_text_stays_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
