/* SPDX-License-Identifier: Apache-2.0
 *
 * What `ergon top` shows, as lines of text: a pure function of the latest window and of what came
 * before, for any size of screen. curses.h draws the lines; batch mode prints them.
 */
#ifndef ERGON_CLI_TOP_VIEW_H
#define ERGON_CLI_TOP_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "measure/shares.h"
#include "spec/grid.h"

enum { TOP_HISTORY = 256, TOP_DOMAINS = 64, TOP_LINE_SIZE = 1024, TOP_LINES_MAX = 512 };

enum top_style { TOP_PLAIN, TOP_TITLE, TOP_HEADER, TOP_DIM, TOP_ALERT };

struct top_line {
	enum top_style style;
	char text[TOP_LINE_SIZE]; /* UTF-8, no control characters */
};

/* One domain through time. */
struct top_domain {
	char name[CHANNEL_NAME_SIZE];
	bool valid, in_total, modelled;
	double power_w, peak_w, energy_j;
	float history_w[TOP_HISTORY]; /* the latest last; NaN where nothing was read */
	size_t history;               /* how many are filled */
};

struct top_view {
	struct top_domain total, domains[TOP_DOMAINS];
	size_t domain_count, hidden; /* hidden: domains beyond TOP_DOMAINS */
	bool measured, any;          /* any: something could be read */
	double elapsed_s, window_s;
	struct grid grid;     /* g_per_kwh 0: no line of carbon */
	double price_per_kwh; /* 0: no cost */
	enum share_key by;
	bool paused, utf8;
	json_t *shares; /* of the latest window; NULL: not known. Owned */
	char clock[16]; /* "12:34:56" */
	char note[160]; /* shown in the last line; "" for the keys */
};

void top_view_fini(struct top_view *view);

/* Takes the next window in; shares is stolen. */
void top_view_take(struct top_view *view, const struct measurement *window, json_t *shares);

/* At most rows lines (and TOP_LINES_MAX), each at most columns wide; returns how many. */
size_t top_view_lines(const struct top_view *view, size_t rows, size_t columns,
                      struct top_line *lines);

#endif
