/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables of collectives as cases: all-reduces and transfers by size and ranks.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/eval_cases.h"

/* "DGX A100 8x A100-SXM4-80GB NVSwitch": what the table calls a system, the device in it, and what
 * is not as such nodes are sold: the MPI clusters of DeepBench have FDR InfiniBand, and the one of
 * P100s sends through the host's memory, at half a PCIe link's rate whatever the ranks. */
static const struct system {
	const char *part, *device;
	double port_bps; /* between nodes; 0: as sold */
	bool staged;
} systems[] = {
	{ "A100-SXM4-80GB", "A100-SXM4-80GB", 0, false },
	{ "H100-SXM5", "H100-SXM5-80GB", 0, false },
	{ "A100 pairwise NVLink", "A100-PCIE-80GB", 0, false },
	{ "P100-SXM2-16GB", "P100-SXM2-16GB", 7e9, true },
	{ "TITANX-Pascal", "TITANX-Pascal", 7e9, false },
	{ "GTX1080Ti", "GTX1080Ti", 7e9, false },
};

static const struct system *system_of(const char *name)
{
	for (size_t i = 0; i < sizeof systems / sizeof *systems; i++)
		if (strstr(name, systems[i].part))
			return &systems[i];
	return NULL;
}

static const char *lower(const struct csv *csv, size_t row, const size_t at[5],
                         struct kernel *kernel, struct eval_case *item, double *ranks)
{
	const char *what = csv_cell(csv, row, at[1]);
	double nodes, size;
	if (csv_real(csv, row, at[2], 1, 1e6, ranks, NULL) ||
	    csv_real(csv, row, at[3], 1, 1e5, &nodes, NULL) ||
	    csv_real(csv, row, at[4], 1, 1e15, &size, NULL))
		return "ranks, nodes or size are not stated";
	bool send = strcmp(what, "send_recv") == 0 && *ranks == 2;
	if (strcmp(what, "all_reduce") != 0 && !send)
		return "this collective is not modelled";
	*kernel = (struct kernel){ .bytes = size,
		                   .count = 1,
		                   .launches = 1,
		                   .issue = 1,
		                   .family = FAMILY_COLLECTIVE,
		                   .collective = send ? COLLECTIVE_SEND : COLLECTIVE_SUM,
		                   .phase = PHASE_FORWARD };
	item->settings.node_gpus = (unsigned)ceil(*ranks / nodes);
	const struct system *system = system_of(csv_cell(csv, row, at[0]));
	item->settings.network_bps = system ? system->port_bps : 0;
	item->settings.staged = system && system->staged;
	item->settings.bridge = strstr(csv_cell(csv, row, at[0]), "NVLink") != NULL;
	return NULL;
}

static struct measured_run *label(struct eval_builder *builder, const struct csv *csv, size_t row,
                                  const size_t at[5])
{
	struct measured_run *run = ARENA_NEW(builder->arena, struct measured_run);
	char id[32];
	const char *name = csv_cell(csv, row, at[0]);
	const struct system *system = system_of(name);
	if (!run)
		return NULL;
	snprintf(id, sizeof id, "line-%ld", csv->line[row]);
	int source = csv_column(csv, "source");
	*run =
	    (struct measured_run){ .id = arena_strdup(builder->arena, id),
		                   .source = source < 0 ? "" : csv_cell(csv, row, (size_t)source),
		                   .gpu = system ? system->device : name,
		                   .model = csv_cell(csv, row, at[1]),
		                   .task = "",
		                   .precision = "",
		                   .config = name,
		                   .size = csv_cell(csv, row, at[4]),
		                   .gpus = 2,
		                   .batch = (double)NAN,
		                   .power_limit_w = (double)NAN,
		                   .line = csv->line[row] };
	return run->id ? run : NULL;
}

static enum ergon_code add_row(struct eval_builder *builder, const struct csv *csv, size_t row,
                               const size_t at[5], size_t value)
{
	struct eval_case *item = eval_add(builder);
	struct measured_run *run = item ? label(builder, csv, row, at) : NULL;
	struct kernel kernel;
	double ranks = 1;
	if (!run)
		return ergon_fail(builder->err, ERGON_NO_MEMORY, "out of memory");
	int split = csv_column(csv, "split");
	item->run = run;
	item->file = file_base_name(csv->file);
	item->split = split < 0 ? "" : csv_cell(csv, row, (size_t)split);
	item->line = csv->line[row];
	item->metric = "time_ms";
	item->quantity = EVAL_COLLECTIVE_TIME;
	item->scale = 1e3;
	item->settings = (struct predict_settings){ .batch = 1, .gpus = 1, .era = 2022 };
	enum ergon_code code = csv_real(csv, row, value, 0, 1e12, &item->measured, builder->err);
	if (code)
		return code;
	item->reason = lower(csv, row, at, &kernel, item, &ranks);
	run->gpus = ranks;
	if (!item->reason && !system_of(csv_cell(csv, row, at[0])))
		item->reason = "the type of GPU is not stated";
	if (!item->reason)
		item->device = eval_device(builder, run->gpu, &item->reason);
	if (!item->reason && !(item->measured > 0))
		item->reason = "the measured number is 0";
	if (item->reason)
		return ERGON_OK;
	item->workload = eval_one_kernel(builder, &kernel, (unsigned)ranks);
	return item->workload ? ERGON_OK
	                      : ergon_fail(builder->err, ERGON_NO_MEMORY, "out of memory");
}

bool eval_collectives_fit(const struct csv *csv)
{
	return csv_column(csv, "collective") >= 0 && csv_column(csv, "size_bytes") >= 0 &&
	       csv_column(csv, "time_ms") >= 0;
}

enum ergon_code eval_add_collectives(struct eval_builder *builder, const struct csv *csv)
{
	static const char *const columns[] = { "system", "collective", "gpus", "nodes",
		                               "size_bytes" };
	size_t at[5], value;
	enum ergon_code code = csv_need_column(csv, "time_ms", &value, builder->err);
	for (size_t i = 0; i < 5 && !code; i++)
		code = csv_need_column(csv, columns[i], &at[i], builder->err);
	for (size_t row = 0; !code && row < csv->rows; row++)
		code = add_row(builder, csv, row, at, value);
	return code;
}
