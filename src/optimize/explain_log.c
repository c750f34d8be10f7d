/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/explain_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

struct explain_log *explain_log_new(void)
{
	return calloc(1, sizeof(struct explain_log));
}

static void drop(struct explanation *entry)
{
	free((void *)(uintptr_t)entry->candidates);
	*entry = (struct explanation){ 0 };
}

void explain_log_free(struct explain_log *log)
{
	for (uint32_t i = 0; log && i < log->count; i++)
		drop(&log->entries[i]);
	free(log);
}

void explain_log_hear(void *user, const struct explanation *explanation)
{
	struct explain_log *log = user;
	struct explanation *last = log->count ? &log->entries[log->count - 1] : NULL;
	if (last && last->chosen < 0 && explanation->chosen < 0) {
		drop(last);
		log->count--;
		log->waited++;
	}
	struct explained *own = calloc(explanation->count + 1, sizeof *own);
	if (!own || log->count == EXPLAIN_ENTRIES_MAX) {
		free(own);
		log->dropped++;
		return;
	}
	if (explanation->count)
		memcpy(own, explanation->candidates, explanation->count * sizeof *own);
	log->entries[log->count] = *explanation;
	log->entries[log->count++].candidates = own;
}

json_t *explain_log_to_json(const struct explain_log *log, const struct cluster *cluster)
{
	json_t *entries = json_array();
	for (uint32_t i = 0; i < log->count; i++) {
		const struct explanation *e = &log->entries[i];
		json_t *candidates = json_array();
		for (uint32_t c = 0; c < e->count; c++) {
			const struct explained *x = &e->candidates[c];
			json_array_append_new(
			    candidates,
			    json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:s}", "type",
			              cluster->groups[x->group].type, "gpus", (json_int_t)x->gpus,
			              "batch", (json_int_t)x->batch, "time_s",
			              json_number(x->time_s), "power_w", json_number(x->power_w),
			              "energy_j", json_number(x->power_w * x->time_s),
			              "ln_objective", json_number(x->score), "fate",
			              fate_texts[x->fate]));
		}
		json_array_append_new(entries,
		                      json_pack("{s:o, s:i, s:o}", "time_s",
		                                json_number((double)e->time_ns * 1e-9), "chosen",
		                                e->chosen, "candidates", candidates));
	}
	return json_pack("{s:o, s:I, s:I}", "decisions", entries, "waited", (json_int_t)log->waited,
	                 "dropped", (json_int_t)log->dropped);
}
