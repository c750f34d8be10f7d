/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>

#include "understand/lever_setting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ergon_env env;
	static struct ergon_env_storage storage;
	if (!env.clock)
		ergon_env_init(&env, &storage);
	struct arena arena;
	struct lever_setting setting;
	arena_init(&arena);
	const char *text = arena_strndup(&arena, (const char *)data, size);
	if (text && lever_setting_parse(text, &env, &arena, &setting, NULL) == ERGON_OK)
		if (setting.count == 0 || setting.count > LEVER_VALUES_MAX)
			__builtin_trap();
	arena_fini(&arena);
	return 0;
}
