/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "model/predict.h"

static enum ergon_code check_precision(const struct workload *workload, const struct device *device,
                                       struct ergon_error *err)
{
	enum rate rate = precision_facts(workload->precision)->matrix;
	/* Half precision is stored and converted anywhere; the other formats need units for them.
	 */
	if (device->native[rate] || rate == RATE_FP16 || rate == RATE_FP64 || rate == RATE_FP32)
		return ERGON_OK;
	char has[96];
	size_t used = 0;
	for (int i = RATE_FP32; i < RATE_COUNT; i++)
		if (device->native[i])
			used += (size_t)snprintf(has + used, sizeof has - used, "%s%s",
			                         used ? ", " : "", rate_name((enum rate)i));
	return ergon_fail(err, ERGON_INFEASIBLE, "--precision %s: %s has no %s units; it has %s",
	                  precision_facts(workload->precision)->name, device->name, rate_name(rate),
	                  has);
}

enum ergon_code predict_check(const struct workload *workload, const struct device *device,
                              const struct predict_settings *settings, struct ergon_error *err)
{
	enum ergon_code code = check_precision(workload, device, err);
	double cap = settings->power_cap_w, low = device->power_limit_min_w;
	if (code || cap <= 0)
		return code;
	if (cap > device->power_limit_max_w || (!isnan(low) && cap < low)) {
		char from[32] = "up to";
		if (!isnan(low))
			snprintf(from, sizeof from, "from %.0f to", low);
		return ergon_fail(err, ERGON_INFEASIBLE,
		                  "--power-cap %.4g W: %s takes limits %s %.0f W", cap,
		                  device->name, from, device->power_limit_max_w);
	}
	return ERGON_OK;
}
