/* SPDX-License-Identifier: Apache-2.0 */
#include <langinfo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "cli/command.h"
#include "cli/cost_options.h"
#include "cli/curses.h"
#include "cli/document.h"
#include "cli/top_view.h"
#include "measure/meter.h"
#include "measure/results.h"

struct top_options {
	uint64_t interval_ns, frames;
	const char *by, *sensors, *json;
	struct cost_flags costs;
	bool once, batch;
};

static const struct option options[] = {
	{ .name = "interval",
	  .letter = 'i',
	  .kind = OPTION_DURATION,
	  .field = offsetof(struct top_options, interval_ns),
	  .value = "DURATION",
	  .fallback = "1s",
	  .help = "time between two screens",
	  .min = 0.1,
	  .max = 3600 },
	{ .name = "by",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct top_options, by),
	  .value = "WHAT",
	  .fallback = "process",
	  .help = "whose power: by process, cgroup, container or job" },
	{ .name = "sensors",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct top_options, sensors),
	  .value = "LIST",
	  .help = "only these, such as rapl_powercap,hwmon" },
	{ .name = "once",
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct top_options, once),
	  .help = "print one screen after one interval, and end" },
	{ .name = "batch",
	  .letter = 'b',
	  .kind = OPTION_FLAG,
	  .field = offsetof(struct top_options, batch),
	  .help = "print screen after screen, for a file or a pipe" },
	{ .name = "frames",
	  .letter = 'n',
	  .kind = OPTION_COUNT,
	  .field = offsetof(struct top_options, frames),
	  .value = "N",
	  .help = "end after N screens",
	  .min = 1,
	  .max = 1e9 },
	COST_OPTIONS(struct top_options, costs),
	OPTION_JSON(struct top_options),
	OPTION_END,
};

struct top {
	struct cli *cli;
	const struct top_options *options;
	struct meter *meter;
	struct meter_region *window;
	struct share_watch *watch; /* NULL: /proc cannot be read */
	struct top_view *view;
	struct top_line *lines;
	struct screen *screen;
	json_t *document; /* of the latest window, where --json wants it */
	uint64_t next_ns;
};

static uint64_t now_ns(const struct top *top)
{
	return top->cli->env->clock->monotonic_ns(top->cli->env->clock->user);
}

static void show_clock(const struct top *top)
{
	const struct ergon_clock *clock = top->cli->env->clock;
	time_t seconds = (time_t)(clock->realtime_ns(clock->user) / NS_PER_S);
	struct tm local;
	if (localtime_r(&seconds, &local))
		strftime(top->view->clock, sizeof top->view->clock, "%H:%M:%S", &local);
}

static void keep_document(struct top *top, const struct measurement *window, json_t *shares)
{
	json_t *document = json_pack("{s:s, s:i}", "kind", "ergon.top", "version", 1);
	json_t *energy = measurement_to_json(window);
	json_object_update_missing(document, energy);
	(void)run_json_add_costs(document, &top->view->grid, top->view->price_per_kwh);
	if (shares)
		json_object_set(document, "attribution", shares);
	json_decref(energy);
	json_decref(top->document);
	top->document = document;
}

/* Closes the window that was open, opens the next, and shows the one that was. */
static enum ergon_code next_window(struct top *top, struct ergon_error *err)
{
	struct measurement window = { 0 };
	struct meter_region *ended = top->window;
	top->window = NULL;
	enum ergon_code code = meter_region_end(top->meter, ended, &window, err);
	if (!code)
		code = meter_region_begin(top->meter, &top->window, err);
	json_t *shares = NULL;
	struct ergon_error ignored = { 0 };
	if (!code && top->watch && !shares_end(top->watch, &window, NULL, 0, &ignored)) {
		shares = shares_to_json(top->watch, (double)NAN);
		shares_next(top->watch);
	}
	if (!code && top->options->json)
		keep_document(top, &window, shares);
	if (!code && !top->view->paused)
		top_view_take(top->view, &window, shares);
	else
		json_decref(shares);
	measurement_fini(&window);
	show_clock(top);
	return code;
}

static void draw(struct top *top)
{
	size_t rows, columns;
	screen_size(top->screen, &rows, &columns);
	screen_draw(top->screen, top->lines, top_view_lines(top->view, rows, columns, top->lines));
}

/* False: quit. */
static bool obey(struct top *top, int key)
{
	static const char keys[] = "pgcj";
	const char *found = key > 0 && key < 128 ? strchr(keys, key) : NULL;
	if (key == 'q' || key == 'Q')
		return false;
	if (found && *found)
		top->view->by = (enum share_key)(found - keys);
	if (key == ' ')
		top->view->paused = !top->view->paused;
	if (key != SCREEN_NO_KEY)
		draw(top);
	return true;
}

static enum ergon_code run_screen(struct top *top, struct ergon_error *err)
{
	enum ergon_code code = screen_open(&top->screen, top->cli->env, top->cli->color, err);
	uint64_t shown = 0;
	if (code)
		return code;
	snprintf(top->view->note, sizeof top->view->note, "measuring ...   q quit");
	draw(top);
	top->view->note[0] = '\0';
	for (;;) {
		uint64_t time_ns = now_ns(top);
		if (time_ns >= top->next_ns) {
			code = next_window(top, err);
			if (code)
				break;
			draw(top);
			if (++shown == top->options->frames)
				break;
			while (top->next_ns <= time_ns)
				top->next_ns += top->options->interval_ns;
		}
		time_ns = now_ns(top);
		uint64_t left_ns = top->next_ns > time_ns ? top->next_ns - time_ns : 0;
		if (!obey(top, screen_key(top->screen, left_ns)))
			break;
	}
	screen_close(top->screen);
	return code;
}

static enum ergon_code run_batch(struct top *top, struct ergon_error *err)
{
	const struct ergon_clock *clock = top->cli->env->clock;
	uint64_t frames = top->options->once ? 1 : top->options->frames;
	enum ergon_code code = ERGON_OK;
	for (uint64_t shown = 0; !code && (frames == 0 || shown < frames); shown++) {
		clock->sleep_until(clock->user, top->next_ns);
		top->next_ns += top->options->interval_ns;
		code = next_window(top, err);
		if (code || !document_shown(top->cli, top->options->json))
			continue;
		snprintf(top->view->note, sizeof top->view->note, " ");
		size_t count = top_view_lines(top->view, 64, top->cli->width, top->lines);
		for (size_t i = 0; i + 1 < count; i++)
			fprintf(top->cli->out, "%s\n", top->lines[i].text);
		fputc('\n', top->cli->out);
		if (fflush(top->cli->out))
			break; /* main tells */
	}
	return code;
}

static enum ergon_code open_all(struct top *top, struct ergon_error *err)
{
	const struct top_options *o = top->options;
	top->view = calloc(1, sizeof *top->view);
	top->lines = calloc(TOP_LINES_MAX, sizeof *top->lines);
	top->watch = calloc(1, sizeof *top->watch);
	if (!top->view || !top->lines || !top->watch)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	top->view->price_per_kwh = o->costs.price;
	enum ergon_code code = share_key_find(o->by, &top->view->by, err);
	if (code ||
	    (code = grid_find(top->cli->env->data_dir, o->costs.grid, &top->view->grid, err)))
		return code;
	uint64_t interval_ns = o->interval_ns < NS_PER_S ? o->interval_ns / 4 : NS_PER_S / 10;
	code = meter_open(
	    &top->meter, top->cli->env,
	    &(struct meter_options){ .interval_ns = interval_ns, .sensors = o->sensors }, err);
	if (!code)
		code = meter_begin(top->meter, err);
	if (!code)
		code = meter_region_begin(top->meter, &top->window, err);
	struct ergon_error ignored = { 0 };
	if (!code && (shares_init(top->watch, top->cli->env, &ignored) ||
	              shares_begin(top->watch, 0, &ignored))) {
		free(top->watch);
		top->watch = NULL;
	}
	return code;
}

static void close_all(struct top *top)
{
	struct ergon_error ignored;
	if (top->window)
		(void)!meter_region_end(top->meter, top->window, NULL, &ignored);
	meter_close(top->meter);
	if (top->watch)
		shares_fini(top->watch);
	if (top->view)
		top_view_fini(top->view);
	free(top->watch);
	free(top->view);
	free(top->lines);
	json_decref(top->document);
}

static int top_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	(void)operands;
	(void)count;
	const struct top_options *o = parsed;
	struct top top = { .cli = cli, .options = o };
	struct ergon_error err = { 0 };
	enum ergon_code code = ERGON_OK;
	bool batch = o->once || o->batch;
	if (!batch && !(isatty(STDOUT_FILENO) && isatty(STDIN_FILENO)))
		code = ergon_fail(&err, ERGON_BAD_INPUT,
		                  "this is no terminal: --once prints one screen, --batch goes on");
	else if (o->json && !o->once && !o->frames)
		code = ergon_fail(&err, ERGON_BAD_INPUT,
		                  "--json writes the last screen: say --once or --frames N");
	if (!code)
		code = open_all(&top, &err);
	if (!code) {
		top.view->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
		top.next_ns = now_ns(&top) + o->interval_ns;
		code = batch ? run_batch(&top, &err) : run_screen(&top, &err);
	}
	if (!code && o->json)
		code = json_save(top.document, o->json, &err);
	close_all(&top);
	return code ? cli_fail(cli, "top", &err) : EXIT_DONE;
}

const struct command command_top = {
	.name = "top",
	.pillar = PILLAR_MEASURE,
	.summary = "watch power, and whose it is",
	.synopsis = "[--interval DURATION] [--by WHAT] [--once | --batch]",
	.details =
	    "Domains with their power over time, and processes by the power that is attributed\n"
	    "to them: processors' and memory's by CPU time, GPUs' by utilisation. The shares add\n"
	    "up to the total; what is nobody's is named. CO2e and cost are what the energy so far\n"
	    "has emitted and costs, and an hour at this power would. Keys: q quits, p g c j show "
	    "processes,\n"
	    "cgroups, containers, Slurm jobs, space holds the screen.",
	.examples = "ergon top\nergon top --by container\nergon top --once --json - | jq .total",
	.options = options,
	.options_size = sizeof(struct top_options),
	.run = top_run,
};
