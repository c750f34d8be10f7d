/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/simulate_table.h"

#include <math.h>
#include <string.h>

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

/* "over the power budget: fifo 4.12 h, sjf 2.34 h", at most 80 columns wide; nothing where all keep
 * it. */
static void print_excesses(struct cli *cli, const struct policy_result *results, size_t count)
{
	int column = 0;
	for (size_t i = 0; i < count; i++) {
		double over_s = results[i].metrics.over_budget_s;
		if (!(over_s > 0))
			continue;
		char time[32], item[96];
		int length = snprintf(item, sizeof item, "%s %s", results[i].policy->name,
		                      brief(time, sizeof time, over_s));
		if (column == 0)
			column = fprintf(cli->out, "\nover the power budget: ");
		else if (column + length + 2 > 78)
			column = fprintf(cli->out, ",\n        ");
		else
			column += fprintf(cli->out, ", ");
		column += fprintf(cli->out, "%s", item);
	}
	if (column)
		fputc('\n', cli->out);
}

/* What no policy can beat, and how far each is from it. */
static void print_bound(struct cli *cli, const struct experiment *x,
                        const struct policy_result *results, size_t count)
{
	char energy[32], jct[32];
	if (!x->bounded || !isfinite(x->bound.energy_j) || !isfinite(x->bound.jct_mean_s))
		return;
	fprintf(cli->out, "\nno policy can take less than %s or a mean JCT of %s;\n",
	        format_si(energy, sizeof energy, x->bound.energy_j, "J"),
	        brief(jct, sizeof jct, x->bound.jct_mean_s));
	int column = fprintf(cli->out, "above that (energy, JCT): ");
	for (size_t i = 0; i < count; i++) {
		char item[96];
		int length =
		    snprintf(item, sizeof item, "%s +%.0f%%, x%.1f", results[i].policy->name,
		             (results[i].metrics.energy_j / x->bound.energy_j - 1) * 100,
		             results[i].metrics.jct_mean_s / x->bound.jct_mean_s);
		if (i && column + length + 2 > 78)
			column = fprintf(cli->out, ";\n        ") - 2;
		else if (i)
			column += fprintf(cli->out, "; ");
		column += fprintf(cli->out, "%s", item);
	}
	fputc('\n', cli->out);
}

/* "above the best schedule (T x E): fifo +185.7%, ..."; nothing where optimal was not run. */
static void print_optimal(struct cli *cli, const struct experiment *x,
                          const struct policy_result *results, size_t count)
{
	int column = 0;
	for (size_t i = 0; i < count; i++) {
		char item[96];
		double over = policy_over_optimal(x, results, count, i);
		if (isnan(over) || strcmp(results[i].policy->name, "optimal") == 0)
			continue;
		int length = snprintf(item, sizeof item, "%s %+.1f%%", results[i].policy->name,
		                      (over - 1) * 100);
		if (column == 0) {
			fprintf(cli->out,
			        "\nfrom the best schedule without re-placement (T^%g E^%g):\n",
			        x->time_weight, x->energy_weight);
			column = fprintf(cli->out, "        ");
		} else if (column + length + 2 > 78)
			column = fprintf(cli->out, ",\n        ") - 2;
		else
			column += fprintf(cli->out, ", ");
		column += fprintf(cli->out, "%s", item);
	}
	if (column)
		fputc('\n', cli->out);
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
	print_excesses(cli, results, count);
	print_bound(cli, x, results, count);
	print_optimal(cli, x, results, count);
	fprintf(cli->out, "\ntimes:  %s\npowers: %s\n        (%s)\n", x->oracle->basis,
	        x->oracle->power_basis, x->power_note);
	for (size_t i = 0; i < x->trace.skip_count; i++)
		fprintf(cli->out, "skipped: %zu rows, %s\n", x->trace.skips[i].count,
		        x->trace.skips[i].reason);
}
