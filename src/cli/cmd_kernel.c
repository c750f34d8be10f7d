/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/wrap.h"
#include "understand/kernel_run.h"

struct options {
	uint64_t size, threads, repeat, seconds_ns;
	const char *paradigm, *precision, *json;
	bool list;
};

static const struct option options_table[] = {
	{ .name = "size",
	  .letter = 'n',
	  .kind = OPTION_COUNT,
	  .field = offsetof(struct options, size),
	  .value = "N",
	  .help = "problem size; see --list for what it counts (default: the kernel's own)",
	  .min = 1,
	  .max = 1e12 },
	{ .name = "paradigm",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct options, paradigm),
	  .value = "NAME",
	  .fallback = "openmp",
	  .help = "scalar, simd, openmp, blas, opencl or gpu (cuBLAS, rocBLAS)" },
	{ .name = "precision",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct options, precision),
	  .value = "NAME",
	  .fallback = "f64",
	  .help = "f64, f32, bf16 or int8, where NAME has it" },
	{ .name = "threads",
	  .letter = 't',
	  .kind = OPTION_COUNT,
	  .field = offsetof(struct options, threads),
	  .value = "N",
	  .help = "threads of openmp and blas (default: OMP_NUM_THREADS, else all processors)",
	  .min = 1,
	  .max = 4096 },
	{ .name = "seconds",
	  .letter = 's',
	  .kind = OPTION_DURATION,
	  .field = offsetof(struct options, seconds_ns),
	  .value = "DURATION",
	  .help = "run for so long (default 1s)",
	  .min = 1e-3,
	  .max = 86400 },
	{ .name = "repeat",
	  .letter = 'r',
	  .kind = OPTION_COUNT,
	  .field = offsetof(struct options, repeat),
	  .value = "N",
	  .help = "run exactly N passes: the same work at any speed",
	  .min = 1,
	  .max = 1e12 },
	{ .name = "list",
	  .letter = 'l',
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct options, list),
	  .help = "list the kernels" },
	OPTION_JSON(struct options),
	OPTION_END,
};

static void print_kernels(struct cli *cli)
{
	static const char *const header[] = { "kernel", "paradigms", "size counts", "default" };
	struct table t;
	table_init(&t, "lllr", header);
	for (const struct kernel *const *k = kernels; *k; k++) {
		char paradigms[96] = "";
		size_t used = 0;
		for (unsigned p = 0; p < PARADIGM_COUNT; p++)
			if ((*k)->paradigms & BIT(p))
				used += (size_t)snprintf(paradigms + used, sizeof paradigms - used,
				                         "%s%s", used ? " " : "", paradigm_name(p));
		table_row(&t, "%s\t%s\t%s\t%llu", (*k)->name, paradigms, (*k)->size_is,
		          (unsigned long long)(*k)->size_default);
	}
	table_print(&t, cli->out);
	table_fini(&t);
	fputc('\n', cli->out);
	for (unsigned p = 0; p < PARADIGM_COUNT; p++) {
		char text[512];
		bool there = paradigm_available(p, cli->env, text, sizeof text);
		wrap_printf(cli->out, paradigm_name(p), 10, "%s%s",
		            there ? "" : "absent here: ", text);
	}
}

static enum ergon_code threads_of(const struct options *o, struct kernel_config *config,
                                  struct ergon_error *err)
{
	bool parallel = paradigm_is_parallel(config->paradigm);
	if (!parallel && o->threads > 1)
		return ergon_fail(err, ERGON_BAD_INPUT, "--threads: %s runs on one thread",
		                  paradigm_name(config->paradigm));
	config->threads = 1;
	if (!parallel)
		return ERGON_OK;
	const char *asked = getenv("OMP_NUM_THREADS");
	uint64_t number = 0;
	cpu_set_t set;
	if (o->threads)
		config->threads = (unsigned)o->threads;
	else if (asked && parse_u64(asked, &number) && number >= 1 && number <= 4096)
		config->threads = (unsigned)number;
	else if (sched_getaffinity(0, sizeof set, &set) == 0)
		config->threads = (unsigned)CPU_COUNT(&set);
	return ERGON_OK;
}

static enum ergon_code configure(const struct options *o, const char *name, struct cli *cli,
                                 const struct kernel **kernel, struct kernel_config *config,
                                 struct ergon_error *err)
{
	*config = (struct kernel_config){ .env = cli->env, .isa = kernel_isa() };
	enum ergon_code code = kernel_find(name, kernel, err);
	if (!code)
		code = paradigm_find(o->paradigm, &config->paradigm, err);
	if (!code)
		code = precision_find(o->precision, &config->precision, err);
	if (!code)
		code = threads_of(o, config, err);
	if (!code && o->repeat && o->seconds_ns)
		code = ergon_fail(err, ERGON_BAD_INPUT, "expected one of --seconds and --repeat");
	if (code)
		return code;
	config->size = o->size ? o->size : (*kernel)->size_default;
	return kernel_check_config(*kernel, config, err);
}

static void print_run(struct cli *cli, const struct kernel_run *run)
{
	char text[64];
	double relative = run->time_half_width_s / run->time_s;
	fprintf(cli->out, "%s, %s, %s, size %llu, %u thread%s: ", run->kernel->name,
	        paradigm_name(run->config.paradigm), precision_name(run->config.precision),
	        (unsigned long long)run->config.size, run->config.threads,
	        run->config.threads == 1 ? "" : "s");
	fprintf(cli->out, "%s, ",
	        format_si(text, sizeof text, kernel_run_flops_per_s(run), "FLOP/s"));
	fprintf(cli->out, "%s", format_si(text, sizeof text, kernel_run_bytes_per_s(run), "B/s"));
	if (run->batches > 1)
		fprintf(cli->out, " (+-%.1f%%)", 100 * relative);
	fprintf(cli->out, "\n%s a pass, %llu passes",
	        format_duration(text, sizeof text, run->time_s), (unsigned long long)run->passes);
	if (run->has_energy) {
		fprintf(cli->out, "; %s, ", format_si(text, sizeof text, run->power_w, "W"));
		fprintf(cli->out, "%s a pass (%s)",
		        format_si(text, sizeof text, run->energy_j, "J"),
		        provenance_name(run->provenance));
	}
	fprintf(cli->out, "; result right (error %.1g, allowed %.1g)\n", run->error, run->allowed);
}

static bool show_progress(void *user, double done)
{
	progress_update(user, done, NULL);
	return true;
}

static enum ergon_code run_it(struct cli *cli, const struct options *o, const char *name,
                              struct kernel_run *run, struct ergon_error *err)
{
	const struct kernel *kernel;
	struct kernel_config config;
	enum ergon_code code = configure(o, name, cli, &kernel, &config, err);
	if (code)
		return code;
	struct progress progress;
	struct kernel_run_options options = { .repeat = o->repeat,
		                              .seconds = seconds_from_ns(o->seconds_ns),
		                              .progress = show_progress,
		                              .user = &progress };
	if (!o->repeat && !o->seconds_ns)
		options.seconds = 1;
	/* Energy is a bonus here: where no meter opens, performance is still real. */
	if (meter_open(&options.meter, cli->env, &(struct meter_options){ 0 }, NULL))
		options.meter = NULL;
	progress_begin(&progress, cli, name);
	code = kernel_run(kernel, &config, &options, run, err);
	progress_end(&progress);
	meter_close(options.meter);
	return code;
}

static int kernel_command(struct cli *cli, const void *options, char **operands, int count)
{
	const struct options *o = options;
	struct ergon_error err = { 0 };
	struct kernel_run run;
	if (o->list || count == 0) {
		print_kernels(cli);
		return EXIT_DONE;
	}
	enum ergon_code code = run_it(cli, o, operands[0], &run, &err);
	if (!code && o->json)
		code = document_save(json_pack("{s:s, s:i, s:o}", "kind", "ergon.kernel", "version",
		                               1, "kernel", kernel_run_to_json(&run)),
		                     o->json, &err);
	if (code)
		return cli_fail(cli, "kernel", &err);
	if (document_shown(cli, o->json))
		print_run(cli, &run);
	return EXIT_DONE;
}

const struct command command_kernel = {
	.name = "kernel",
	.pillar = PILLAR_UNDERSTAND,
	.summary = "run one computation whose work is known",
	.synopsis = "NAME [options]",
	.details =
	    "Runs a kernel, checks its result, and says how fast it was and what it drew. With "
	    "--repeat "
	    "it does a fixed amount of work, which makes it a handy command for `ergon sweep`.",
	.examples = "ergon kernel --list\n"
		    "ergon kernel gemm --size 2048 --precision f32 --paradigm blas\n"
		    "ergon sweep --lever cpu.threads=1:2 -- ergon kernel gemm --repeat 20",
	.options = options_table,
	.options_size = sizeof(struct options),
	.operands_min = 0,
	.operands_max = 1,
	.run = kernel_command,
};
