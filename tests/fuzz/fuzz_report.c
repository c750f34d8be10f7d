/* SPDX-License-Identifier: Apache-2.0
 *
 * Any document makes a report in every format, or an error; never markup of its own.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "report/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *document = NULL;
	if (json_parse((const char *)data, size, "fuzz.json", &document, NULL))
		return 0;
	struct report_input input = { .name = "fuzz.json", .document = document };
	for (int format = REPORT_HTML; format <= REPORT_CSV; format++) {
		struct text out = { 0 };
		enum ergon_code code =
		    report_render(&input, 1, (enum report_format)format, NULL, &out, NULL);
		if (!code && format == REPORT_HTML && strstr(out.data, "<fuzz>"))
			abort();
		text_fini(&out);
	}
	json_decref(document);
	return 0;
}
