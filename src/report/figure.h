/* SPDX-License-Identifier: Apache-2.0
 *
 * Figures as Vega-Lite specifications. Each function takes rows (a JSON array of flat objects,
 * which it steals) and returns the specification with the rows in it, or NULL when memory is out.
 *
 * A specification names no colour: it says what a mark means (a series, or one of the styles
 * "budget", "roof", "front", "label"), and the page's script gives it a look for light and for
 * dark. Widths are the container's. All carry their data, so that one can be opened elsewhere.
 */
#ifndef ERGON_REPORT_FIGURE_H
#define ERGON_REPORT_FIGURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Rows of a figure's data table, and points of a line, that a report holds at most. */
enum { FIGURE_ROWS_MAX = 1200, FIGURE_BARS_MAX = 40 };

/* Parses a specification in which ' stands for ", puts the rows at data.values, and adds schema and
 * size. Steals rows. */
json_t *figure_spec(const char *quoted, json_t *rows);
/* Sets spec.layer[index].data.values, or drops the layer where there are none (a scale without data
 * is a warning in the reader's console); steals rows. */
void figure_layer_rows(json_t *spec, size_t index, json_t *rows);
/* Drops the layer where no row of spec.data has the field. Layers are numbered as they then stand:
 * begin with the last. */
void figure_layer_needs(json_t *spec, size_t index, const char *field);
/* Sets the domain of an encoding's scale ("x", "y") to [low, high], widened to at least a tenth of
 * high, so that a difference of little is seen to be little. */
void figure_span(json_t *spec, const char *channel, double low, double high);
/* names (ends with NULL) become the domain of the channel's scale, so that a name looks the same in
 * every figure; only those that rows have in field stand in the legend. */
void figure_legend_present(json_t *channel, const json_t *rows, const char *field,
                           const char *const *names);
/* Gives rows of points {x, y} (keys) a "tag" with "tag_x" and "tag_y" pixels beside the point where
 * its text covers no other point or text; takes it away where there is no such place. */
void figure_place_tags(json_t *rows, const char *x, const char *y);
/* Is there anything to draw? */
bool figure_is_empty(const json_t *spec);
/* Sets a text such as an axis title, at keys joined by dots; numbers are indexes. */
void figure_set(json_t *spec, const char *path, json_t *value);

/* rows {time, power_w, series}; a budget or NaN; unit of time for the axis; steps: power holds
 * until the next row. names: of all series, or NULL. */
json_t *figure_power(json_t *rows, double budget_w, const char *const *names, const char *unit,
                     bool steps);
/* rows {domain, energy_j, source, shown}: bars in the rows' order. */
json_t *figure_energy(json_t *rows, size_t count);
/* roofs {intensity, flops, roof}, two rows a line; kernels {intensity, flops, kernel}. */
json_t *figure_roofline(json_t *roofs, json_t *kernels);
/* The same with work per joule instead of a rate: gflops holds GFLOP per joule. */
json_t *figure_energy_roofline(json_t *roofs, json_t *kernels);
/* points {time, energy, label, role, time_low, ...}; front {time, energy}. */
json_t *figure_tradeoff(json_t *points, json_t *front, const char *time_unit,
                        const char *energy_unit);
/* rows {part, cause, time, share}. */
json_t *figure_breakdown(json_t *rows, size_t count, const char *unit);
/* rows {policy, jct, energy, tag}; names of all policies, ends with NULL. */
json_t *figure_policies(json_t *rows, const char *const *names, const char *time_unit,
                        const char *energy_unit);
/* rows {gpu, gpu_end, begin, end, job, kind, gpus}: GPUs from gpu to below gpu_end. */
json_t *figure_gantt(json_t *rows, size_t gpus, const char *unit);
/* rows {policy, load, at, mean, low, high}, drawn at `at`: a line with its intervals a policy. */
json_t *figure_load(json_t *rows, const char *const *names, const char *axis, const char *unit);
/* rows {policy, jct, share}. */
json_t *figure_cdf(json_t *rows, const char *const *names, const char *unit);

#endif
