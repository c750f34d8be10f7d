/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/experiment_options.h"

#include <math.h>

#include "base/units.h"

enum ergon_code experiment_from_flags(const struct experiment_flags *flags, bool needs_trace,
                                      struct experiment_options *options, struct ergon_error *err)
{
	*options = (struct experiment_options){ .cluster = flags->cluster,
		                                .trace = flags->trace,
		                                .trace_format = flags->format,
		                                .oracle = flags->oracle,
		                                .lenient = flags->lenient,
		                                .seed = flags->seed,
		                                .interval_ns = flags->interval_ns,
		                                .restart_ns = flags->restart_ns,
		                                .objective = flags->objective,
		                                .without = flags->without,
		                                .queues = flags->queues,
		                                .deadlines = flags->deadlines };
	options->site =
	    (struct site_options){ .carbon = flags->carbon,
		                   .price = flags->price,
		                   .failures = flags->failures,
		                   .sleep = flags->node_sleep,
		                   .pue = flags->pue,
		                   .host_w = flags->host_w > 0 ? flags->host_w : (double)NAN,
		                   .sleep_after_ns = flags->sleep_after_ns,
		                   .checkpoint_ns = flags->checkpoint_ns,
		                   .delay_ns = flags->delay_ns };
	if (flags->power_budget && !parse_power_w(flags->power_budget, &options->power_budget_w))
		options->site.budget = flags->power_budget;
	if (flags->pue != 0 && flags->pue < 1)
		return ergon_fail(err, ERGON_BAD_INPUT, "--pue: 1 or more, found %g", flags->pue);
	return flags->cluster && (flags->trace || !needs_trace)
	           ? ERGON_OK
	           : ergon_fail(err, ERGON_BAD_INPUT, "--cluster and --trace are needed");
}
