/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/simulate_explain.h"

#include "base/units.h"
#include "cli/table.h"

enum { ROWS_SHOWN = 8, DECISIONS_SHOWN = 4 };

static void add_row(struct table *table, const struct experiment *x, const struct explained *c)
{
	char time[32], power[32], energy[32], batch[16] = "-";
	if (c->batch)
		snprintf(batch, sizeof batch, "%u", c->batch);
	table_row(table, "%u %s\t%s\t%s\t%s\t%s\t%.4g\t%s", c->gpus,
	          x->cluster.groups[c->group].type, batch,
	          format_si(time, sizeof time, c->time_s, "s"),
	          format_si(power, sizeof power, c->power_w, "W"),
	          format_si(energy, sizeof energy, c->power_w * c->time_s, "J"),
	          c->time_s * c->time_s * c->power_w, fate_texts[c->fate]);
}

static void print_decision(struct cli *cli, const struct experiment *x, const struct explanation *e)
{
	static const char *const header[] = { "GPUs",   "batch",    "time", "power",
		                              "energy", "EDP, J s", "" };
	struct table table;
	uint32_t shown = 0;
	table_init(&table, "lrrrrrl", header);
	for (uint32_t i = 0; i < e->count && shown < ROWS_SHOWN; i++, shown++)
		add_row(&table, x, &e->candidates[i]);
	if (e->chosen >= (int)shown)
		add_row(&table, x, &e->candidates[e->chosen]);
	fprintf(cli->out, "\nat %.0f s: %u candidates, %s\n\n", (double)e->time_ns * 1e-9, e->count,
	        e->chosen < 0 ? "none can be had; the job waits" : "by objective, least first");
	table_print(&table, cli->out);
	table_fini(&table);
}

void print_explanations(struct cli *cli, const struct experiment *x,
                        const struct policy_result *results, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct explain_log *log = results[i].explained;
		if (!log)
			continue;
		fprintf(cli->out, "\n%s, job %s:", results[i].policy->name,
		        x->jobs[x->explain_job].name);
		if (!log->count) {
			fprintf(cli->out, " this policy weighs no configurations, or not for it\n");
			continue;
		}
		fprintf(cli->out, " %u decision%s", log->count, log->count == 1 ? "" : "s");
		if (log->waited)
			fprintf(cli->out, ", and %llu more in which it waited",
			        (unsigned long long)log->waited);
		fputc('\n', cli->out);
		for (uint32_t d = 0; d < log->count && d < DECISIONS_SHOWN; d++)
			print_decision(cli, x, &log->entries[d]);
		if (log->count > DECISIONS_SHOWN)
			fprintf(cli->out, "\n%u later decisions: --json\n",
			        log->count - DECISIONS_SHOWN);
	}
}
