/* SPDX-License-Identifier: Apache-2.0
 *
 * Who held which GPU when. The simulation says how many GPUs of a node a job held; GPUs of a node
 * are alike, so a stay takes the first that are free by then.
 */
#include "report/section.h"

#include <math.h>

#include "report/doc.h"
#include "report/figure.h"

enum { GPUS_SHOWN = 128, BARS_MAX = 1500 };

struct gantt {
	const json_t *groups; /* of the cluster */
	double free_s[GPUS_SHOWN];
	struct time_unit unit;
	json_t *rows;
	struct page_table *table;
	size_t bars;
};

/* Number of the node's first GPU, nodes being numbered through the groups; *count of its GPUs. */
static double first_gpu(const json_t *groups, double node, double *count)
{
	double first = 0;
	for (size_t i = 0; i < json_array_size(groups); i++) {
		double nodes = doc_real(json_array_get(groups, i), "nodes");
		*count = doc_real(json_array_get(groups, i), "gpus_per_node");
		if (!(nodes >= 0) || !(*count >= 1))
			break;
		if (node < nodes)
			return first + node * *count;
		node -= nodes;
		first += nodes * *count;
	}
	return (double)NAN;
}

static const char *kind_of(double job_gpus)
{
	return job_gpus <= 1    ? "1 GPU"
	       : job_gpus <= 2  ? "2"
	       : job_gpus <= 4  ? "3 to 4"
	       : job_gpus <= 8  ? "5 to 8"
	       : job_gpus <= 16 ? "9 to 16"
	                        : "more";
}

static void add_bar(struct gantt *g, size_t gpu, size_t end, const json_t *stay, const char *job)
{
	double job_gpus = doc_real(stay, "job_gpus");
	double begin_s = doc_real(stay, "begin_s"), end_s = doc_real(stay, "end_s");
	g->bars++;
	json_array_append_new(
	    g->rows, json_pack("{s:I, s:I, s:f, s:f, s:s, s:s, s:f}", "gpu", (json_int_t)gpu,
	                       "gpu_end", (json_int_t)end, "begin", begin_s / g->unit.seconds,
	                       "end", end_s / g->unit.seconds, "job", job, "kind",
	                       kind_of(job_gpus), "gpus", isfinite(job_gpus) ? job_gpus : 1.0));
}

/* Bars of one stay: one for each run of neighbouring GPUs that are free. */
static void take_gpus(struct gantt *g, size_t first, size_t count, const json_t *stay,
                      const char *job)
{
	const double rounding_s = 1e-6;
	double left = doc_real(stay, "gpus"), begin_s = doc_real(stay, "begin_s");
	size_t run = 0, i = first;
	for (; i < first + count && left > 0; i++) {
		bool is_free = g->free_s[i] <= begin_s + rounding_s;
		if (is_free) {
			g->free_s[i] = doc_real(stay, "end_s");
			left--;
			run++;
		} else if (run > 0) {
			add_bar(g, i - run, i, stay, job);
			run = 0;
		}
	}
	if (run > 0)
		add_bar(g, i - run, i, stay, job);
}

static bool add_stay(struct page *page, struct gantt *g, const json_t *stay)
{
	double node = doc_real(stay, "node"), per_node = 0;
	double begin_s = doc_real(stay, "begin_s"), end_s = doc_real(stay, "end_s");
	double first = first_gpu(g->groups, node, &per_node);
	if (!(first + per_node <= GPUS_SHOWN) || !(begin_s >= 0) || !(end_s >= begin_s))
		return false;
	const char *job = doc_show(page, doc_get(stay, "job"));
	take_gpus(g, (size_t)first, (size_t)per_node, stay, job);
	table_cell(g->table, job);
	table_number(g->table, node, 9);
	table_number(g->table, doc_real(stay, "gpus"), 9);
	table_cell(g->table, show_duration(page, begin_s));
	table_cell(g->table, show_duration(page, end_s));
	return true;
}

static double cluster_gpus(const json_t *groups)
{
	double sum = 0;
	for (size_t i = 0; i < json_array_size(groups); i++)
		sum += doc_real(json_array_get(groups, i), "nodes") *
		       doc_real(json_array_get(groups, i), "gpus_per_node");
	return sum;
}

void section_gantt(struct page *page, const json_t *document, const json_t *policy)
{
	static const char *const heads[] = { "Job", "Node", "GPUs there", "From", "Until" };
	size_t stays = doc_size(policy, "gantt"), shown = 0;
	double all = cluster_gpus(doc_get(document, "cluster.groups"));
	if (stays == 0 || !(all >= 1))
		return;
	double last_s = doc_real(doc_item(policy, "gantt", stays - 1), "end_s");
	struct gantt g = { .groups = doc_get(document, "cluster.groups"),
		           .unit = time_unit_for(last_s),
		           .rows = json_array(),
		           .table = page_new_table(page, "lrrrr", heads) };
	size_t seen = 0;
	for (; seen < stays && g.bars < BARS_MAX; seen++)
		shown += add_stay(page, &g, doc_item(policy, "gantt", seen));
	const char *name = doc_text(policy, "name"), *note = "Each bar is a job on its GPUs.";
	if (seen < stays || doc_real(policy, "gantt_dropped") > 0)
		note = page_text(page, "%s Only the first %zu stays are drawn.", note, shown);
	if (all > GPUS_SHOWN)
		note = page_text(page, "%s Of %.0f GPUs the first %d are shown.", note, all,
		                 GPUS_SHOWN);
	page_add_figure(
	    page, PAGE_OPTIMIZE,
	    page_text(page, "Who held which GPU when, under %s", name ? name : "?"), note,
	    figure_gantt(g.rows, all < GPUS_SHOWN ? (size_t)all : GPUS_SHOWN, g.unit.name),
	    g.table);
}
