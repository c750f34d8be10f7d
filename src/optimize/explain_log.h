/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps what a policy explained about one job (simulate --explain).
 */
#ifndef ERGON_OPTIMIZE_EXPLAIN_LOG_H
#define ERGON_OPTIMIZE_EXPLAIN_LOG_H

#include <jansson.h>

#include "optimize/policies/explain.h"
#include "spec/cluster.h"

enum { EXPLAIN_ENTRIES_MAX = 32 };

struct explain_log {
	struct explanation entries[EXPLAIN_ENTRIES_MAX]; /* [count]; candidates are the log's own */
	uint32_t count;
	uint64_t waited; /* decisions in which the job waited, beyond those kept */
	uint64_t dropped;
};

struct explain_log *explain_log_new(void); /* NULL when memory is out */
void explain_log_free(struct explain_log *log);
/* policy_services.explain; user is the log. Of several decisions in a row in which the job waits
 * the last is kept. */
void explain_log_hear(void *user, const struct explanation *explanation);

json_t *explain_log_to_json(const struct explain_log *log, const struct cluster *cluster);

#endif
