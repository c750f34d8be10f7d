/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/units.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/progress.h"
#include "cli/wrap.h"
#include "understand/classify.h"

struct options {
	uint64_t budget_ns;
	double precision;
	const char *json;
};

static const struct option options_table[] = {
	{ .name = "precision",
	  .letter = 'p',
	  .kind = OPTION_FRACTION,
	  .field = offsetof(struct options, precision),
	  .value = "PERCENT",
	  .fallback = "3%",
	  .help = "repeat until the 95% interval of the times is this narrow",
	  .min = 1e-6,
	  .max = 1 },
	{ .name = "budget",
	  .letter = 'b',
	  .kind = OPTION_DURATION,
	  .field = offsetof(struct options, budget_ns),
	  .value = "DURATION",
	  .fallback = "2m",
	  .help = "time for each probe",
	  .min = 1e-3,
	  .max = 3e7 },
	OPTION_JSON(struct options),
	OPTION_END,
};

static bool show_progress(void *user, double done, const char *note)
{
	(void)note;
	progress_update(user, done, "probing");
	return true;
}

static void print_gpu(struct cli *cli, const struct class_evidence *e)
{
	const struct gpu_use *g = &e->gpu;
	if (!isfinite(g->busy))
		return;
	wrap_printf(cli->out, "  GPU", 17, "%u busy %.0f%% of the time, its memory %.0f%%", g->gpu,
	            100 * g->busy, 100 * g->memory_busy);
	if (isfinite(g->sm))
		fprintf(cli->out,
		        "  GPU units      multiprocessors %.0f%%, tensor %.0f%%, f32 %.0f%%, "
		        "bandwidth %.0f%%\n",
		        100 * g->sm, 100 * g->tensor, 100 * g->fp32, 100 * g->dram);
	else if (e->no_gpu_units[0])
		wrap_printf(cli->out, "  GPU units", 17, "not seen: %s", e->no_gpu_units);
}

static void print_result(struct cli *cli, const struct characterization *c)
{
	const struct class_evidence *e = &c->evidence;
	char text[32];
	char verdict[600];
	snprintf(verdict, sizeof verdict, "%s: %s.", workload_class_name(c->verdict.class),
	         c->verdict.because);
	wrap_print(cli->out, verdict, 0, 0);
	fputc('\n', cli->out);
	fprintf(cli->out, "  time           %s\n",
	        format_duration(text, sizeof text, c->plain.duration_s));
	fprintf(cli->out, "  processors     %.2f busy of %.0f\n", e->busy, e->processors);
	print_gpu(cli, e);
	if (isfinite(e->clock.ratio))
		fprintf(cli->out, "  clock          %.2f +-%.2f of a change shows in the time\n",
		        e->clock.ratio, e->clock.half_width);
	else if (e->no_clock[0])
		fprintf(cli->out, "  clock          not probed: %s\n", e->no_clock);
	if (isfinite(e->neighbour.ratio))
		fprintf(cli->out,
		        "  neighbour      %.2f +-%.2f times the CPU time beside memory traffic\n",
		        e->neighbour.ratio, e->neighbour.half_width);
	else if (e->no_neighbour[0])
		wrap_printf(cli->out, "  neighbour", 17, "not probed: %s", e->no_neighbour);
	if (e->footprint.samples > 0 && !e->no_footprint[0])
		fprintf(
		    cli->out,
		    "  memory         touches %.3g MB in 0.1 s; %.3g GB a CPU s while watched\n",
		    e->footprint.set_bytes * 1e-6, e->footprint.rate.value * 1e-9);
	else if (e->no_footprint[0])
		wrap_printf(cli->out, "  memory", 17, "not seen: %s", e->no_footprint);
	if (isfinite(e->roofs.bytes_per_s))
		fprintf(cli->out,
		        "  this machine   streams %.3g GB/s just now, %.3g GB a CPU s; last cache "
		        "%.3g MB\n",
		        e->roofs.bytes_per_s * 1e-9, e->roofs.bytes_per_cpu_s * 1e-9,
		        e->roofs.cache_bytes * 1e-6);
	if (e->has_counters)
		fprintf(cli->out, "  counters       %.2f instructions a cycle%s\n", e->counters.ipc,
		        e->counters.scaled ? ", scaled: they took turns" : "");
	if (isfinite(e->read_bytes_per_s))
		fprintf(cli->out,
		        "  controllers    of memory read %.3g GB/s and wrote %.3g GB/s, for all\n",
		        e->read_bytes_per_s * 1e-9, e->written_bytes_per_s * 1e-9);
	if (e->no_counters[0])
		wrap_printf(cli->out, "  counters", 17, "%s", e->no_counters);
}

static enum ergon_code run_it(struct cli *cli, const struct options *o, char **argv,
                              struct characterization *c, struct ergon_error *err)
{
	struct progress progress;
	struct meter *meter;
	struct characterize_options options = { .precision = o->precision,
		                                .budget_ns = o->budget_ns,
		                                .progress = show_progress,
		                                .user = &progress };
	*c = (struct characterization){ 0 };
	enum ergon_code code = meter_open(&meter, cli->env, &(struct meter_options){ 0 }, err);
	if (code)
		return code;
	progress_begin(&progress, cli, "characterize");
	code = characterize(c, cli->env, meter, argv, environ, &options, err);
	progress_end(&progress);
	meter_close(meter);
	return code;
}

static int characterize_command(struct cli *cli, const void *options, char **operands, int count)
{
	const struct options *o = options;
	struct ergon_error err = { 0 };
	struct characterization c;
	operands[count] = NULL; /* a slot of argv: its words moved down over the options */
	enum ergon_code code = run_it(cli, o, operands, &c, &err);
	if (!code && o->json)
		code = document_save(characterization_to_json(&c), o->json, &err);
	int status = code ? cli_fail(cli, "characterize", &err) : EXIT_DONE;
	if (!code && document_shown(cli, o->json))
		print_result(cli, &c);
	if (!code && c.interrupted)
		status = 130;
	characterization_fini(&c);
	return status;
}

const struct command command_characterize = {
	.name = "characterize",
	.pillar = PILLAR_UNDERSTAND,
	.summary = "say what a command waits for: the core, memory, or neither",
	.synopsis = "[options] -- COMMAND [ARG...]",
	.details =
	    "Runs the command as it is, then under probes: at a low and a high clock where "
	    "the clock can be set (put back afterwards); by hardware counters and those of the "
	    "memory controllers, where they are open, against the roofs that this machine has "
	    "just now; by how much memory it touches, and how fast; at last beside a memory "
	    "stream and beside arithmetic on other processors. Where it keeps a GPU busy, by "
	    "that GPU's clock and the units that its driver sees at work. Stops where one of "
	    "them tells. Gives a class with its evidence, or says why it cannot. The command's "
	    "standard output is thrown away.",
	.examples = "ergon characterize -- ergon kernel triad --paradigm simd --repeat 30\n"
		    "ergon characterize --json - -- ./solver input.dat",
	.statuses = "130  interrupted",
	.options = options_table,
	.options_size = sizeof(struct options),
	.operands_min = 1,
	.operands_max = -1,
	.runs_command = true,
	.run = characterize_command,
};
