/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/simulate_table.h"

#include "base/units.h"
#include "cli/table.h"

/* Three digits, so that a row of the table fits in 80 columns. */
static char *brief(char *out, size_t size, double seconds)
{
	if (seconds < 120)
		snprintf(out, size, "%.1f s", seconds);
	else if (seconds < 7200)
		snprintf(out, size, "%.1f min", seconds / 60);
	else if (seconds < 48 * 3600)
		snprintf(out, size, "%.2f h", seconds / 3600);
	else
		snprintf(out, size, "%.1f d", seconds / 86400);
	return out;
}

void print_experiment(struct cli *cli, const struct experiment *x,
                      const struct policy_result *results, size_t count)
{
	static const char *const header[] = { "policy", "JCT",    "p99", "wait",
		                              "span",   "energy", "use", "EDP" };
	struct table table;
	table_init(&table, "lrrrrrrr", header);
	for (size_t i = 0; i < count; i++) {
		const struct metrics *m = &results[i].metrics;
		char jct[32], p99[32], wait[32], span[32], energy[32];
		table_row(&table, "%s\t%s\t%s\t%s\t%s\t%s\t%.0f%%\t%+.1f%%",
		          results[i].policy->name, brief(jct, sizeof jct, m->jct_mean_s),
		          brief(p99, sizeof p99, m->jct_p99_s),
		          brief(wait, sizeof wait, m->wait_mean_s),
		          brief(span, sizeof span, m->makespan_s),
		          format_si(energy, sizeof energy, m->energy_j, "J"), m->utilisation * 100,
		          (m->edp_js / results[0].metrics.edp_js - 1) * 100);
	}
	fprintf(cli->out,
	        "%u jobs on %s (%u GPUs), all figures simulated; EDP against the first\n\n",
	        x->count, x->cluster.name, x->cluster.gpus);
	table_print(&table, cli->out);
	table_fini(&table);
	for (size_t i = 0; i < count; i++)
		if (results[i].metrics.over_budget_s > 0)
			fprintf(cli->out, "\n%s is over the power budget for %.0f s\n",
			        results[i].policy->name, results[i].metrics.over_budget_s);
	fprintf(cli->out, "\ntimes:  %s\npowers: %s\n        (%s)\n", x->oracle->basis,
	        x->oracle->power_basis, x->power_note);
	for (size_t i = 0; i < x->trace.skip_count; i++)
		fprintf(cli->out, "skipped: %zu rows, %s\n", x->trace.skips[i].count,
		        x->trace.skips[i].reason);
}
