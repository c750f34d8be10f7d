/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "understand/sweep.h"

char *sweep_setting_text(const struct sweep *sweep, const struct sweep_point *point, char *out,
                         size_t size)
{
	size_t used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < sweep->lever_count && used < size; i++) {
		const struct lever_setting *l = &sweep->levers[i];
		const char *unit = l->lever->unit ? l->lever->unit : "";
		used +=
		    (size_t)snprintf(out + used, size - used, "%s%s %s%s%s", i ? ", " : "", l->name,
		                     l->values[point->setting[i]], *unit ? " " : "", unit);
	}
	return out;
}

/* Do the intervals of two means overlap? Unknown intervals do. */
static bool in_the_noise(const struct sweep *sweep, const struct moments *a,
                         const struct moments *b)
{
	double widths = sweep_half_width(sweep, a) + sweep_half_width(sweep, b);
	return !(fabs(a->mean - b->mean) > widths);
}

char *sweep_sentence(const struct sweep *sweep, char *out, size_t size)
{
	if (sweep->baseline == TRADEOFF_NONE) {
		snprintf(out, size, "nothing was measured");
		return out;
	}
	if (!sweep->has_energy) {
		snprintf(out, size, "no energy could be read here: only times were measured");
		return out;
	}
	const struct sweep_point *base = &sweep->points[sweep->baseline];
	const struct sweep_point *best = &sweep->points[sweep->best.min_edp];
	char setting[160];
	sweep_setting_text(sweep, best, setting, sizeof setting);
	if (best == base) {
		snprintf(out, size, "the baseline is the sweet spot: %s", setting);
		return out;
	}
	tradeoff_sentence(out, size, sweep_mean(best), sweep_mean(base));
	size_t used = strlen(out);
	snprintf(out + used, size - used, " at %s%s", setting,
	         in_the_noise(sweep, &best->energy, &base->energy)
	             ? " (the energies differ by no more than the noise)"
	             : "");
	return out;
}

char *sweep_curve_text(const struct sweep *sweep, char *out, size_t size)
{
	const struct lever_setting *l = &sweep->levers[0];
	size_t count = 0;
	out[0] = '\0';
	if (sweep->lever_count != 1 || !l->numbers || !l->lever->unit || !*l->lever->unit)
		return out;
	double *settings = calloc(sweep->count, sizeof *settings);
	struct tradeoff_point *points = calloc(sweep->count, sizeof *points);
	for (size_t i = 0; settings && points && i < sweep->count; i++)
		if (sweep->points[i].count > 0) {
			settings[count] = l->numbers[sweep->points[i].setting[0]];
			points[count++] = sweep_mean(&sweep->points[i]);
		}
	bool is_power = strcmp(l->lever->unit, "W") == 0;
	if (count > 0)
		tradeoff_curve_text(out, size, tradeoff_curve(settings, points, count, is_power));
	free(settings);
	free(points);
	return out;
}

static json_t *width(const struct sweep *sweep, const struct moments *m)
{
	return json_number(sweep_half_width(sweep, m));
}

static json_t *setting_to_json(const struct sweep *sweep, const struct sweep_point *p)
{
	json_t *object = json_object();
	for (size_t i = 0; i < sweep->lever_count; i++) {
		const struct lever_setting *l = &sweep->levers[i];
		uint32_t v = p->setting[i];
		json_object_set_new(object, l->name,
		                    l->numbers ? json_number(l->numbers[v])
		                               : json_string(l->values[v]));
	}
	return object;
}

static json_t *runs_to_json(const struct sweep_point *p)
{
	json_t *runs = json_array();
	for (size_t i = 0; i < p->count; i++)
		json_array_append_new(runs, json_pack("{s:o, s:o}", "time_s",
		                                      json_number(p->samples[i].time_s), "energy_j",
		                                      json_number(p->samples[i].energy_j)));
	return runs;
}

static json_t *point_to_json(const struct sweep *sweep, size_t index, bool with_runs)
{
	if (index == TRADEOFF_NONE)
		return json_null();
	const struct sweep_point *p = &sweep->points[index];
	const struct sweep_point *base = &sweep->points[sweep->baseline];
	char text[160];
	json_t *o =
	    json_pack("{s:o, s:s, s:I, s:I, s:I, s:b, s:b}", "settings", setting_to_json(sweep, p),
	              "label", sweep_setting_text(sweep, p, text, sizeof text), "runs",
	              (json_int_t)p->count, "failed", (json_int_t)p->failed, "outliers",
	              (json_int_t)p->outliers, "precise", p->precise, "pareto", p->pareto);
	if (!o || p->count == 0)
		return o;
	struct tradeoff_point mean = sweep_mean(p), from = sweep_mean(base);
	json_object_set_new(o, "time_s", json_number(mean.time_s));
	json_object_set_new(o, "time_half_width_s", width(sweep, &p->time));
	json_object_set_new(o, "energy_j", json_number(mean.energy_j));
	json_object_set_new(o, "energy_half_width_j", width(sweep, &p->energy));
	json_object_set_new(o, "power_w", json_number(p->power.mean));
	json_object_set_new(o, "power_half_width_w", width(sweep, &p->power));
	json_object_set_new(o, "edp_js", json_number(tradeoff_edp(mean)));
	json_object_set_new(o, "edp_half_width_js", width(sweep, &p->edp));
	json_object_set_new(o, "ed2p_js2", json_number(tradeoff_ed2p(mean)));
	json_object_set_new(o, "energy_saved", json_number(1 - mean.energy_j / from.energy_j));
	json_object_set_new(o, "time_lost", json_number(mean.time_s / from.time_s - 1));
	if (with_runs)
		json_object_set_new(o, "samples", runs_to_json(p));
	return o;
}

static json_t *levers_to_json(const struct sweep *sweep)
{
	json_t *array = json_array();
	for (size_t i = 0; i < sweep->lever_count; i++) {
		const struct lever_setting *l = &sweep->levers[i];
		json_t *values = json_array();
		for (size_t v = 0; v < l->count; v++)
			json_array_append_new(values, l->numbers ? json_number(l->numbers[v])
			                                         : json_string(l->values[v]));
		json_array_append_new(array, json_pack("{s:s, s:s?, s:s, s:s, s:o}", "name",
		                                       l->name, "unit", l->lever->unit, "privilege",
		                                       l->lever->privilege, "restored",
		                                       l->lever->restored, "values", values));
	}
	return array;
}

json_t *sweep_to_json(const struct sweep *sweep)
{
	json_t *points = json_array();
	for (size_t i = 0; i < sweep->count; i++)
		json_array_append_new(points, point_to_json(sweep, i, true));
	char sentence[512];
	const struct sweep_options *o = &sweep->options;
	json_t *root = json_pack(
	    "{s:s, s:i, s:s?, s:s, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "kind", "ergon.sweep",
	    "version", 1, "command", sweep->command, "sentence",
	    sweep_sentence(sweep, sentence, sizeof sentence), "provenance",
	    sweep->has_energy ? provenance_name(sweep->provenance) : NULL, "levers",
	    levers_to_json(sweep), "baseline", point_to_json(sweep, sweep->baseline, false),
	    "min_energy", point_to_json(sweep, sweep->best.min_energy, false), "min_edp",
	    point_to_json(sweep, sweep->best.min_edp, false), "min_ed2p",
	    point_to_json(sweep, sweep->best.min_ed2p, false), "within_slowdown",
	    point_to_json(sweep, sweep->within, false), "points", points);
	if (!root)
		return NULL;
	if (o->adaptive)
		json_object_set_new(root, "adaptive",
		                    json_pack("{s:b, s:s, s:I, s:I}", "one_valley",
		                              sweep->search == SEARCH_GOLDEN, "method",
		                              sweep_search_name(sweep->search), "runs",
		                              (json_int_t)sweep->runs, "full_grid_runs",
		                              (json_int_t)sweep_full_runs(sweep)));
	char curve[256];
	sweep_curve_text(sweep, curve, sizeof curve);
	json_object_set_new(root, "curve", *curve ? json_string(curve) : json_null());
	json_object_set_new(root, "baseline_c", json_number(sweep->baseline_c));
	json_object_set_new(root, "baseline_gpu_c", json_number(sweep->baseline_gpu_c));
	json_object_set_new(root, "cooled_s", json_number(sweep->cooled_s));
	json_object_set_new(root, "slowdown", json_number(o->slowdown));
	json_object_set_new(root, "precision", json_number(o->precision));
	json_object_set_new(root, "confidence", json_number(o->confidence));
	json_object_set_new(root, "seed", json_integer((json_int_t)o->seed));
	json_object_set_new(root, "runs", json_integer((json_int_t)sweep->runs));
	json_object_set_new(root, "budget_spent", json_boolean(sweep->budget_spent));
	json_object_set_new(root, "interrupted", json_boolean(sweep->interrupted));
	json_object_set_new(root, "wall_s", json_number(sweep->wall_s));
	return root;
}
