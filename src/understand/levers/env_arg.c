/* SPDX-License-Identifier: Apache-2.0
 *
 * The two families of free text: an environment variable, and a word of the command.
 */
#include "understand/levers/lever.h"

static enum ergon_code env_apply(struct lever_child *child, const char *member, const char *value,
                                 struct ergon_error *err)
{
	return lever_set_environment(child, member, value, err);
}

static enum ergon_code arg_apply(struct lever_child *child, const char *member, const char *value,
                                 struct ergon_error *err)
{
	size_t filled;
	enum ergon_code code = lever_replace_argument(child, member, value, &filled, err);
	if (!code && filled == 0)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "lever arg:%.60s: expected {%.60s} in the command", member,
		                  member);
	return code;
}

const struct lever lever_env = {
	.name = "env:",
	.summary = "an environment variable of the command",
	.privilege = "none",
	.restored = "nothing outside the command changes",
	.family = true,
	.apply = env_apply,
};

const struct lever lever_arg = {
	.name = "arg:",
	.summary = "a word of the command: {NAME} in it, such as a batch size",
	.privilege = "none",
	.restored = "nothing outside the command changes",
	.family = true,
	.apply = arg_apply,
};
