/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top_view.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/units.h"

enum { NAME_WIDTH = 18, NUMBERS_WIDTH = 3 * 9, SPARK_MIN = 8 };

void top_view_fini(struct top_view *view)
{
	json_decref(view->shares);
	view->shares = NULL;
}

/* --- taking in ----------------------------------------------------------------------- */

static void push(struct top_domain *domain, bool valid, double power_w)
{
	if (domain->history == TOP_HISTORY)
		memmove(domain->history_w, domain->history_w + 1,
		        (TOP_HISTORY - 1) * sizeof *domain->history_w);
	else
		domain->history++;
	domain->history_w[domain->history - 1] = valid ? (float)power_w : NAN;
	domain->valid = valid;
	domain->power_w = power_w;
	if (valid && power_w > domain->peak_w)
		domain->peak_w = power_w;
}

static struct top_domain *domain_named(struct top_view *view, const char *name)
{
	for (size_t i = 0; i < view->domain_count; i++)
		if (strcmp(view->domains[i].name, name) == 0)
			return &view->domains[i];
	if (view->domain_count == TOP_DOMAINS)
		return NULL;
	struct top_domain *domain = &view->domains[view->domain_count++];
	snprintf(domain->name, sizeof domain->name, "%s", name);
	return domain;
}

void top_view_take(struct top_view *view, const struct measurement *window, json_t *shares)
{
	view->hidden = 0;
	view->measured = window->measured;
	view->any = window->measured || window->modelled;
	view->window_s = window->duration_s;
	view->elapsed_s += window->duration_s;
	push(&view->total, view->any, window->average_power_w);
	view->total.energy_j += window->energy_j;
	for (size_t i = 0; i < window->count; i++) {
		const struct domain_energy *one = &window->domains[i];
		struct top_domain *domain =
		    one->duplicate_of[0] ? NULL : domain_named(view, one->name);
		if (!domain) {
			view->hidden += !one->duplicate_of[0];
			continue;
		}
		push(domain, one->valid, one->average_power_w);
		domain->in_total = one->in_total;
		domain->modelled = one->provenance == PROVENANCE_MODELLED;
		domain->energy_j += one->energy_j;
	}
	json_decref(view->shares);
	view->shares = shares;
}

/* --- lines --------------------------------------------------------------------------- */

struct page {
	struct top_line *lines;
	size_t count, rows, columns;
};

/* Every character here is one column wide. */
static void cut(char *text, size_t columns)
{
	size_t width = 0;
	for (; *text; text++) {
		if (((unsigned char)*text & 0xc0) != 0x80 && width++ == columns) {
			*text = '\0';
			return;
		}
	}
}

static void line(struct page *page, enum top_style style, const char *format, ...)
    ERGON_PRINTF(3, 4);
static void line(struct page *page, enum top_style style, const char *format, ...)
{
	if (page->count >= page->rows)
		return;
	struct top_line *out = &page->lines[page->count++];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(out->text, sizeof out->text, format, arguments);
	va_end(arguments);
	cut(out->text, page->columns);
	out->style = style;
}

/* The latest `width` powers, from nothing to the greatest of them. */
static void sparkline(const struct top_domain *domain, bool utf8, size_t width, char *out,
                      size_t size)
{
	static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const letters[] = { " ", "_", ".", ":", "-", "=", "+", "*", "#" };
	size_t first = domain->history > width ? domain->history - width : 0, used = 0;
	float most = 0;
	for (size_t i = first; i < domain->history; i++)
		if (domain->history_w[i] > most)
			most = domain->history_w[i];
	out[0] = '\0';
	for (size_t i = first; i < domain->history && used + 8 < size; i++) {
		float value = domain->history_w[i];
		int level = isnan(value) ? 0 : most > 0 ? 1 + (int)(7 * value / most) : 1;
		const char *cell = isnan(value) ? "?" : (utf8 ? blocks : letters)[level];
		used += (size_t)snprintf(out + used, size - used, "%s", cell);
	}
}

static void power_text(char *out, size_t size, const struct top_domain *domain, double value,
                       const char *unit)
{
	if (domain->valid)
		format_si(out, size, value, unit);
	else
		snprintf(out, size, "-");
}

static void domain_line(struct page *page, const struct top_view *view,
                        const struct top_domain *domain, const char *name)
{
	char power[32], peak[32], energy[32], spark[TOP_HISTORY * 4];
	size_t used = NAME_WIDTH + 1 + NUMBERS_WIDTH + 2;
	size_t width = page->columns > used + SPARK_MIN ? page->columns - used : 0;
	power_text(power, sizeof power, domain, domain->power_w, "W");
	power_text(peak, sizeof peak, domain, domain->peak_w, "W");
	format_si(energy, sizeof energy, domain->energy_j, "J");
	sparkline(domain, view->utf8, width < TOP_HISTORY ? width : TOP_HISTORY, spark,
	          sizeof spark);
	line(page,
	     !domain->valid     ? TOP_ALERT
	     : domain->in_total ? TOP_PLAIN
	                        : TOP_DIM,
	     "%-*.*s %9s%9s%9s  %s", NAME_WIDTH, NAME_WIDTH, name, power, peak, energy, spark);
}

static void head(struct page *page, const struct top_view *view)
{
	char power[32], energy[32], time[64];
	format_si(power, sizeof power, view->total.power_w, "W");
	format_si(energy, sizeof energy, view->total.energy_j, "J");
	format_duration(time, sizeof time, view->elapsed_s);
	if (view->elapsed_s <= 0)
		line(page, TOP_TITLE, "ergon top  %s", view->clock);
	else if (!view->any)
		line(page, TOP_ALERT, "ergon top  %s  no power can be read: see ergon sensors",
		     view->clock);
	else
		line(page, TOP_TITLE, "ergon top  %s  %s %s, %s in %s%s", view->clock, power,
		     view->measured ? "measured" : "modelled", energy, time,
		     view->paused ? "  [paused]" : "");
}

/* What has been emitted and spent so far, and what an hour at this power would. */
static void cost_line(struct page *page, const struct top_view *view)
{
	char so_far[32], an_hour[32], cost[96] = "";
	double kwh = view->total.energy_j / J_PER_KWH, kw = view->total.power_w / 1e3;
	if (view->grid.g_per_kwh <= 0 || !view->any)
		return;
	format_si(so_far, sizeof so_far, kwh * view->grid.g_per_kwh, "g");
	format_si(an_hour, sizeof an_hour, kw * view->grid.g_per_kwh, "g");
	if (view->price_per_kwh > 0)
		snprintf(cost, sizeof cost, "; cost %.3g, %.3g an hour", kwh * view->price_per_kwh,
		         kw * view->price_per_kwh);
	line(page, TOP_DIM, "CO2e %s, %s an hour (%s: %.4g g/kWh)%s", so_far, an_hour,
	     view->grid.code, view->grid.g_per_kwh, cost);
}

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void share_line(struct page *page, const struct top_view *view, const json_t *row,
                       bool processes)
{
	char power[32], gpu[32] = "", cpu[32] = "", pid[16] = "";
	const char *name = json_string_value(json_object_get(row, "name"));
	const char *container = json_string_value(json_object_get(row, "container"));
	const json_t *number_of = json_object_get(row, "pid");
	double seconds = view->window_s > 0 ? view->window_s : 1;
	double total_uj = number(view->shares, "total_uj");
	format_si(power, sizeof power, number(row, "energy_j") / seconds, "W");
	if (number(row, "gpu_j") > 0)
		format_si(gpu, sizeof gpu, number(row, "gpu_j") / seconds, "W");
	if (json_object_get(row, "cpu_s"))
		snprintf(cpu, sizeof cpu, "%.0f%%", 100 * number(row, "cpu_s") / seconds);
	if (number_of)
		snprintf(pid, sizeof pid, "%lld", (long long)json_integer_value(number_of));
	line(page, TOP_PLAIN, "%*s%s%9s %5.1f%% %9s %6s  %s%s%s", processes ? 8 : 0, pid,
	     processes ? " " : "", power,
	     total_uj > 0 ? 100 * number(row, "energy_uj") / total_uj : 0.0, gpu, cpu,
	     name ? name : "?", container ? "  " : "", container ? container : "");
}

static void share_lines(struct page *page, const struct top_view *view)
{
	static const char *const lists[] = { "processes", "cgroups", "containers", "jobs" };
	static const char *const titles[] = { "PROCESS", "CGROUP", "CONTAINER", "SLURM JOB" };
	bool processes = view->by == SHARE_PROCESS;
	const json_t *row, *list = json_object_get(view->shares, lists[view->by]);
	size_t i;
	if (!view->shares)
		return;
	line(page, TOP_PLAIN, "%s", "");
	line(page, TOP_HEADER, "%*s%s%9s %6s %9s %6s  %s", processes ? 8 : 0,
	     processes ? "PID" : "", processes ? " " : "", "POWER", "SHARE", "OF GPU", "CPU",
	     titles[view->by]);
	json_array_foreach(list, i, row) share_line(page, view, row, processes);
	json_array_foreach(json_object_get(view->shares, "rest"), i, row)
	{
		if (number(row, "energy_uj") > 0)
			share_line(page, view, row, processes);
	}
}

size_t top_view_lines(const struct top_view *view, size_t rows, size_t columns,
                      struct top_line *lines)
{
	struct page page = { .lines = lines, .rows = rows, .columns = columns };
	if (rows == 0 || columns == 0)
		return 0;
	if (page.rows > TOP_LINES_MAX)
		page.rows = TOP_LINES_MAX;
	size_t all = page.rows;
	page.rows = all > 2 ? all - 1 : all; /* the last line is for the keys */
	head(&page, view);
	if (page.rows > 8)
		cost_line(&page, view);
	if (page.rows > 4)
		line(&page, TOP_HEADER, "%-*s %9s%9s%9s  %s", NAME_WIDTH, "DOMAIN", "POWER", "PEAK",
		     "ENERGY", "POWER OVER TIME");
	/* Half the screen for domains, those of the total first, so that processes can be seen. */
	size_t most = page.rows > 12 ? page.rows / 2 : page.rows, skipped = view->hidden;
	if (view->any)
		domain_line(&page, view, &view->total, "total");
	for (int counted = 1; counted >= 0; counted--)
		for (size_t i = 0; i < view->domain_count; i++) {
			const struct top_domain *domain = &view->domains[i];
			if (domain->in_total != (counted == 1))
				continue;
			if (page.count < most)
				domain_line(&page, view, domain, domain->name);
			else
				skipped++;
		}
	if (skipped)
		line(&page, TOP_DIM, "(%zu more domains)", skipped);
	share_lines(&page, view);
	if (all > 2) {
		page.rows = all;
		line(&page, TOP_DIM, "%s",
		     view->note[0] ? view->note
		                   : "q quit  p processes  g cgroups  c containers  j jobs  "
		                     "space pause");
	}
	return page.count;
}
