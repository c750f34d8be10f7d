/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/experiment_options.h"

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
		                                .power_budget_w = flags->power_budget_w,
		                                .objective = flags->objective };
	return flags->cluster && (flags->trace || !needs_trace)
	           ? ERGON_OK
	           : ergon_fail(err, ERGON_BAD_INPUT, "--cluster and --trace are needed");
}
