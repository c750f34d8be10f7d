/* SPDX-License-Identifier: Apache-2.0 */
#include "optimize/events_json.h"

#include <stdlib.h>

#include "base/json.h"

static json_t *shares_json(const struct sim_event *event)
{
	json_t *nodes = json_array();
	for (uint32_t i = 0; i < event->share_count; i++)
		json_array_append_new(nodes, json_pack("[I, I]", (json_int_t)event->shares[i].node,
		                                       (json_int_t)event->shares[i].gpus));
	return nodes;
}

static const char *const names[] = {
	[SIM_ARRIVE] = "arrive", [SIM_PLACE] = "place",   [SIM_WORK] = "work",
	[SIM_RETUNE] = "retune", [SIM_EPOCH] = "epoch",   [SIM_STOP] = "stop",
	[SIM_END] = "end",       [SIM_LOSE] = "lose",     [SIM_FALL] = "fall",
	[SIM_ASLEEP] = "asleep", [SIM_WAKE] = "wake",     [SIM_UP] = "up",
	[SIM_FAIL] = "fail",     [SIM_REPAIR] = "repair", [SIM_BUDGET] = "budget",
};

void events_json_hear(void *user, const struct sim_event *event)
{
	struct events_json *to = user;
	json_t *line =
	    json_pack("{s:s, s:o, s:s}", "policy", to->policy, "time_s",
	              json_number((double)event->time_ns * 1e-9), "event", names[event->kind]);
	if (line && event->job != JOB_NONE) {
		const struct job_facts *job = &to->x->jobs[event->job];
		json_object_set_new(line, "job", json_string(job->name));
		json_object_set_new(line, "progress", json_number(event->progress / job->work));
		if (event->gpus) {
			json_object_set_new(line, "type",
			                    json_string(to->x->cluster.groups[event->group].type));
			json_object_set_new(line, "gpus", json_integer(event->gpus));
			json_object_set_new(line, "nodes", shares_json(event));
			json_object_set_new(line, "batch", json_integer(event->estimate->batch));
		}
		json_object_set_new(line, "job_power_w",
		                    json_number((double)event->job_power_uw * 1e-6));
	}
	if (line && event->job == JOB_NONE && event->kind != SIM_BUDGET)
		json_object_set_new(line, "node", json_integer(event->node));
	json_object_set_new(line, "cluster_power_w",
	                    json_number((double)event->cluster_power_uw * 1e-6));
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	json_decref(line);
	if (text)
		fprintf(to->out, "%s\n", text);
	free(text);
}
