/* SPDX-License-Identifier: Apache-2.0
 *
 * Every scheduling policy of ergon, in the order in which help lists them.
 */
#include "base/suggest.h"
#include "optimize/policy.h"

#include <string.h>

extern const struct scheduling_policy policy_fifo;
extern const struct scheduling_policy policy_sjf;
extern const struct scheduling_policy policy_srtf;
extern const struct scheduling_policy policy_las;
extern const struct scheduling_policy policy_easy;
extern const struct scheduling_policy policy_conservative;
extern const struct scheduling_policy policy_tiresias;
extern const struct scheduling_policy policy_tiresias_gittins;
extern const struct scheduling_policy policy_optimus;
extern const struct scheduling_policy policy_gavel;
extern const struct scheduling_policy policy_gavel_blind;
extern const struct scheduling_policy policy_gavel_fifo;
extern const struct scheduling_policy policy_sia;
extern const struct scheduling_policy policy_themis;
extern const struct scheduling_policy policy_themis_auction;
extern const struct scheduling_policy policy_pollux;
extern const struct scheduling_policy policy_pollux_exhaustive;
extern const struct scheduling_policy policy_zeus;
extern const struct scheduling_policy policy_zeus_genetic;
extern const struct scheduling_policy policy_hades;
extern const struct scheduling_policy policy_aurachronos;
extern const struct scheduling_policy policy_charon;
extern const struct scheduling_policy policy_powerflow;
extern const struct scheduling_policy policy_external;
extern const struct scheduling_policy policy_prometheus;
extern const struct scheduling_policy policy_optimal;

/* One a line. */
/* clang-format off */
const struct scheduling_policy *const scheduling_policies[] = {
	&policy_fifo,
	&policy_sjf,
	&policy_srtf,
	&policy_las,
	&policy_easy,
	&policy_conservative,
	&policy_tiresias,
	&policy_tiresias_gittins,
	&policy_optimus,
	&policy_themis,
	&policy_themis_auction,
	&policy_gavel,
	&policy_gavel_blind,
	&policy_gavel_fifo,
	&policy_sia,
	&policy_pollux,
	&policy_pollux_exhaustive,
	&policy_zeus,
	&policy_zeus_genetic,
	&policy_hades,
	&policy_aurachronos,
	&policy_charon,
	&policy_powerflow,
	&policy_external,
	&policy_prometheus,
	NULL,
};

const struct scheduling_policy *const reference_policies[] = {
	&policy_optimal,
	NULL,
};
/* clang-format on */

enum ergon_code policy_find(const char *name, const struct scheduling_policy **policy,
                            struct ergon_error *err)
{
	const char *names[64];
	size_t count = 0;
	const struct scheduling_policy *const *lists[] = { scheduling_policies,
		                                           reference_policies };
	for (int i = 0; i < 2; i++)
		for (const struct scheduling_policy *const *p = lists[i]; *p && count < 64; p++) {
			if (strcmp((*p)->name, name) == 0) {
				*policy = *p;
				return ERGON_OK;
			}
			names[count++] = (*p)->name;
		}
	char hint[256];
	return ergon_fail(err, ERGON_NOT_FOUND, "no policy '%.40s'%s", name,
	                  suggest_hint(hint, sizeof hint, name, names, count));
}
