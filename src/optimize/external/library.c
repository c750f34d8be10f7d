/* SPDX-License-Identifier: Apache-2.0
 *
 * The policy in a shared library.
 */
#include <stdlib.h>
#include <string.h>

#include "optimize/external/external.h"

struct link {
	void *handle, *self;
	const struct ergon_policy *policy;
};

/* The library's own sentence, made safe to print. */
static enum ergon_code failed(const struct external *x, char *said, const char *doing,
                              struct ergon_error *err)
{
	for (char *at = said; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = ' ';
	return ergon_fail(err, ERGON_BAD_INPUT, "external policy %.120s: %s: %.250s", x->what,
	                  doing, *said ? said : "it failed and does not say why");
}

static enum ergon_code library_open(struct external *x, const struct ergon_policy_run *run,
                                    struct ergon_error *err)
{
	const struct ergon_dl *dl = x->env->dl;
	const struct ergon_policy *(*entry)(uint32_t abi) = NULL;
	const char *why = "";
	char said[256] = "";
	struct link *link = ARENA_NEW(x->arena, struct link);
	if (!link)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	x->link = link;
	link->handle = dl->open(dl->user, x->what, &why);
	if (!link->handle)
		return ergon_fail(err, ERGON_NOT_FOUND,
		                  "external policy: cannot open the library (%.250s)",
		                  why ? why : x->what);
	void *symbol = dl->symbol(dl->user, link->handle, "ergon_policy");
	memcpy(&entry, &symbol, sizeof entry);
	if (!entry)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "external policy %.120s: it exports no ergon_policy "
		                  "(see ergon/policy.h)",
		                  x->what);
	const struct ergon_policy *policy = entry(ERGON_POLICY_ABI);
	if (!policy || policy->abi != ERGON_POLICY_ABI || !policy->open || !policy->decide ||
	    !policy->close)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "external policy %.120s: it does not speak version %d of "
		                  "ergon/policy.h",
		                  x->what, ERGON_POLICY_ABI);
	link->self = policy->open(run, said, sizeof said);
	said[sizeof said - 1] = '\0';
	if (!link->self)
		return failed(x, said, "open", err);
	link->policy = policy;
	return ERGON_OK;
}

static enum ergon_code library_decide(struct external *x, const struct ergon_policy_state *state,
                                      struct ergon_error *err)
{
	struct link *link = x->link;
	struct ergon_policy_calls calls = external_calls;
	char said[256] = "";
	calls.context = x;
	int rc = link->policy->decide(link->self, state, &calls, said, sizeof said);
	said[sizeof said - 1] = '\0';
	return rc ? failed(x, said, "decide", err) : ERGON_OK;
}

static void library_close(struct external *x)
{
	struct link *link = x->link;
	if (!link)
		return;
	if (link->policy)
		link->policy->close(link->self);
	if (link->handle)
		x->env->dl->close(x->env->dl->user, link->handle);
	x->link = NULL;
}

const struct external_carrier external_library = { library_open, library_decide, library_close };
