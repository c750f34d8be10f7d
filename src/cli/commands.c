/* SPDX-License-Identifier: Apache-2.0
 *
 * Every command of ergon, in the order in which help lists them.
 */
#include "cli/command.h"

extern const struct command command_sensors;
extern const struct command command_measure;
extern const struct command command_top;
extern const struct command command_record;
extern const struct command command_runs;
extern const struct command command_show;
extern const struct command command_compare;
extern const struct command command_export;
extern const struct command command_calibrate;
extern const struct command command_serve;
extern const struct command command_bench;
extern const struct command command_kernel;
extern const struct command command_sweep;
extern const struct command command_pareto;
extern const struct command command_phases;
extern const struct command command_characterize;
extern const struct command command_predict;
extern const struct command command_whatif;
extern const struct command command_explain;
extern const struct command command_search;
extern const struct command command_label;
extern const struct command command_model;
extern const struct command command_simulate;
extern const struct command command_recommend;
extern const struct command command_trace;
extern const struct command command_cycle;
extern const struct command command_report;
extern const struct command command_help;

/* One a line, so that two branches that add one do not meet. */
/* clang-format off */
const struct command *const commands[] = {
	&command_sensors,
	&command_measure,
	&command_top,
	&command_record,
	&command_runs,
	&command_show,
	&command_compare,
	&command_export,
	&command_calibrate,
	&command_serve,
	&command_bench,
	&command_kernel,
	&command_sweep,
	&command_pareto,
	&command_phases,
	&command_characterize,
	&command_predict,
	&command_whatif,
	&command_explain,
	&command_search,
	&command_label,
	&command_model,
	&command_simulate,
	&command_recommend,
	&command_trace,
	&command_cycle,
	&command_report,
	&command_help,
	NULL,
};
/* clang-format on */
