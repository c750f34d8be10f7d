/* SPDX-License-Identifier: Apache-2.0
 *
 * Limits of a search are read, or refused in one sentence; what is read makes sense.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/search.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct search_limits limits;
	struct ergon_error err = { 0 };
	enum metric metric;
	char *text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	search_limits_init(&limits);
	if (!search_limits_parse(text, &limits, &err))
		for (int i = 0; i < METRIC_COUNT; i++)
			if (!(limits.low[i] <= limits.high[i] && limits.low[i] >= 0))
				abort();
	(void)!search_objective_parse(text, &metric, &err);
	free(text);
	return 0;
}
