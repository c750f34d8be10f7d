/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/cluster.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/json.h"

enum { TYPE_LENGTH_MAX = 40 };

struct cluster_group cluster_group_plain(void)
{
	return (struct cluster_group){ .gpu_idle_w = NAN,
		                       .gpu_max_w = NAN,
		                       .host_w = NAN,
		                       .sleep_w = NAN,
		                       .wake_w = NAN,
		                       .mtbf_s = NAN };
}

static bool type_is_valid(const char *type, size_t length)
{
	if (length == 0 || length > TYPE_LENGTH_MAX || !isalnum((unsigned char)type[0]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)type[i]) && !strchr("-_.", type[i]))
			return false;
	return true;
}

static enum ergon_code add_group(struct cluster *cluster, struct cluster_group group,
                                 struct ergon_error *err)
{
	if (cluster->group_count == CLUSTER_GROUPS_MAX)
		return ergon_fail(err, ERGON_BAD_INPUT, "cluster '%.60s': more than %d groups",
		                  cluster->name, CLUSTER_GROUPS_MAX);
	for (size_t i = 0; i < cluster->group_count; i++)
		if (strcmp(cluster->groups[i].type, group.type) == 0 &&
		    cluster->groups[i].gpus_per_node == group.gpus_per_node)
			return ergon_fail(err, ERGON_BAD_INPUT,
			                  "cluster '%.60s': two groups of %u x %s a node; write "
			                  "one with the sum of the nodes",
			                  cluster->name, group.gpus_per_node, group.type);
	uint64_t gpus = (uint64_t)group.nodes * group.gpus_per_node + cluster->gpus;
	if ((uint64_t)cluster->nodes + group.nodes > CLUSTER_NODES_MAX || gpus > CLUSTER_GPUS_MAX)
		return ergon_fail(err, ERGON_BAD_INPUT,
		                  "cluster '%.60s': more than %d nodes or %d GPUs in all",
		                  cluster->name, CLUSTER_NODES_MAX, CLUSTER_GPUS_MAX);
	cluster->nodes += group.nodes;
	cluster->gpus = (uint32_t)gpus;
	cluster->groups[cluster->group_count++] = group;
	return ERGON_OK;
}

/* Digits at *text into *value, 1 to max; moves *text behind them. */
static bool scan_count(const char **text, uint32_t max, uint32_t *value)
{
	uint64_t number = 0;
	const char *at = *text;
	while (isdigit((unsigned char)*at)) {
		number = number * 10 + (uint64_t)(*at++ - '0');
		if (number > max)
			return false;
	}
	if (at == *text || number == 0)
		return false;
	*text = at;
	*value = (uint32_t)number;
	return true;
}

static const char *lower_copy(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_strndup(arena, text, length);
	for (char *c = copy; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

enum ergon_code cluster_parse(const char *text, struct arena *arena, struct cluster *cluster,
                              struct ergon_error *err)
{
	*cluster = (struct cluster){ .name = arena_strdup(arena, text), .pue = 1 };
	if (!cluster->name)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	const char *at = text;
	for (;;) {
		struct cluster_group group = cluster_group_plain();
		const char *begin = at;
		bool good = scan_count(&at, CLUSTER_NODES_MAX, &group.nodes) && *at == 'x';
		at += good;
		good = good && scan_count(&at, CLUSTER_NODE_GPUS_MAX, &group.gpus_per_node) &&
		       *at == ':';
		at += good;
		size_t length = good ? strcspn(at, ",") : 0;
		if (!good || !type_is_valid(at, length))
			return ergon_fail(
			    err, ERGON_BAD_INPUT,
			    "cluster '%.60s': '%.20s' is not NODESxGPUS:TYPE, such as 16x4:t4 "
			    "(1 to %d nodes, 1 to %d GPUs a node)",
			    text, begin, CLUSTER_NODES_MAX, CLUSTER_NODE_GPUS_MAX);
		group.type = lower_copy(arena, at, length);
		if (!group.type)
			return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
		enum ergon_code code = add_group(cluster, group, err);
		if (code)
			return code;
		at += length;
		if (*at == '\0')
			return ERGON_OK;
		at++;
	}
}

/* Powers, sleep, failures and links: all optional. */
static enum ergon_code read_figures(const json_t *object, struct json_place place,
                                    struct cluster_group *group, struct ergon_error *err)
{
	double mtbf_h = NAN, repair_h = 0, link_gbs = 0, rack_gbs = 0;
	uint64_t rack_nodes = 0;
	const struct {
		const char *key;
		double min, max, *value;
	} rows[] = {
		{ "gpu_idle_w", 0, 1e5, &group->gpu_idle_w },
		{ "gpu_max_w", 0, 1e5, &group->gpu_max_w },
		{ "host_w", 0, 1e6, &group->host_w },
		{ "sleep_w", 0, 1e6, &group->sleep_w },
		{ "sleep_s", 0, 86400, &group->sleep_s },
		{ "wake_s", 0, 86400, &group->wake_s },
		{ "wake_w", 0, 1e6, &group->wake_w },
		{ "mtbf_h", 1e-3, 1e9, &mtbf_h },
		{ "repair_h", 0, 1e5, &repair_h },
		{ "link_gbs", 1e-3, 1e5, &link_gbs },
		{ "rack_link_gbs", 1e-3, 1e6, &rack_gbs },
	};
	enum ergon_code code = ERGON_OK;
	for (size_t i = 0; i < sizeof rows / sizeof *rows && !code; i++)
		code = json_want_real(object, place, rows[i].key, rows[i].min, rows[i].max,
		                      rows[i].value, err);
	if (!code)
		code = json_want_count(object, place, "rack_nodes", 1, CLUSTER_NODES_MAX,
		                       &rack_nodes, err);
	group->mtbf_s = mtbf_h * 3600;
	group->repair_s = repair_h * 3600;
	group->link_bps = link_gbs * 1e9;
	group->rack_link_bps = rack_gbs * 1e9;
	group->rack_nodes = (uint32_t)rack_nodes;
	return code;
}

static enum ergon_code check_figures(const struct cluster_group *group, struct json_place place,
                                     struct ergon_error *err)
{
	if (group->gpu_idle_w > group->gpu_max_w)
		return ergon_fail_at(err, ERGON_BAD_INPUT, place.file, 0,
		                     "%s.gpu_idle_w: %g is above gpu_max_w %g", place.at,
		                     group->gpu_idle_w, group->gpu_max_w);
	double host_w = isnan(group->host_w) ? 0 : group->host_w;
	if (group->wake_w < host_w)
		return ergon_fail_at(err, ERGON_BAD_INPUT, place.file, 0,
		                     "%s.wake_w: %g is below host_w %g", place.at, group->wake_w,
		                     host_w);
	if (group->rack_link_bps > 0 && !group->rack_nodes)
		return ergon_fail_at(err, ERGON_BAD_INPUT, place.file, 0,
		                     "%s.rack_link_gbs: needs rack_nodes", place.at);
	return ERGON_OK;
}

static enum ergon_code read_group(const json_t *object, struct json_place place,
                                  struct arena *arena, struct cluster *cluster,
                                  struct ergon_error *err)
{
	static const char *const known[] = {
		"type",     "nodes",      "gpus_per_node", "gpu_idle_w", "gpu_max_w", "host_w",
		"sleep_w",  "sleep_s",    "wake_s",        "wake_w",     "mtbf_h",    "repair_h",
		"link_gbs", "rack_nodes", "rack_link_gbs", "source",     NULL
	};
	struct cluster_group group = cluster_group_plain();
	const char *type = NULL;
	uint64_t nodes = 0, gpus = 0;
	enum ergon_code code = json_only_keys(object, place, known, err);
	if (!code)
		code = json_need_text(object, place, "type", &type, err);
	if (!code)
		code = json_need_count(object, place, "nodes", 1, CLUSTER_NODES_MAX, &nodes, err);
	if (!code)
		code = json_need_count(object, place, "gpus_per_node", 1, CLUSTER_NODE_GPUS_MAX,
		                       &gpus, err);
	if (!code)
		code = read_figures(object, place, &group, err);
	if (!code)
		code = check_figures(&group, place, err);
	if (code)
		return code;
	if (!type_is_valid(type, strlen(type)))
		return ergon_fail_at(err, ERGON_BAD_INPUT, place.file, 0,
		                     "%s.type: '%.40s' is not a name of letters, digits and -_.",
		                     place.at, type);
	group.nodes = (uint32_t)nodes;
	group.gpus_per_node = (uint32_t)gpus;
	group.type = lower_copy(arena, type, strlen(type));
	return group.type ? add_group(cluster, group, err)
	                  : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

static enum ergon_code read_document(const json_t *root, const char *path, struct arena *arena,
                                     struct cluster *cluster, struct ergon_error *err)
{
	static const char *const known[] = { "name", "pue", "groups", "source", NULL };
	struct json_place place = { path, "" };
	json_t *groups = NULL;
	if (!json_is_object(root))
		return ergon_fail_at(err, ERGON_BAD_INPUT, path, 0, "a cluster is an object");
	enum ergon_code code = json_only_keys(root, place, known, err);
	if (!code)
		code = json_want_real(root, place, "pue", 1, 10, &cluster->pue, err);
	if (!code)
		code = json_need_array(root, place, "groups", &groups, err);
	size_t index;
	json_t *item;
	json_array_foreach(groups, index, item)
	{
		char at[48];
		snprintf(at, sizeof at, "groups[%zu]", index);
		if (!code && !json_is_object(item))
			code = ergon_fail_at(err, ERGON_BAD_INPUT, path, 0,
			                     "%s: a group is an object", at);
		if (!code)
			code =
			    read_group(item, (struct json_place){ path, at }, arena, cluster, err);
	}
	if (!code && cluster->group_count == 0)
		code = ergon_fail_at(err, ERGON_BAD_INPUT, path, 0, "groups: at least one");
	return code;
}

enum ergon_code cluster_from_json(const json_t *root, const char *path, struct arena *arena,
                                  struct cluster *cluster, struct ergon_error *err)
{
	*cluster = (struct cluster){ .name = arena_strdup(arena, path), .pue = 1 };
	return cluster->name ? read_document(root, path, arena, cluster, err)
	                     : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}

enum ergon_code cluster_load(const char *text, struct arena *arena, struct cluster *cluster,
                             struct ergon_error *err)
{
	size_t length = strlen(text);
	bool is_file = strchr(text, '/') || (length > 5 && strcmp(text + length - 5, ".json") == 0);
	if (!is_file)
		return cluster_parse(text, arena, cluster, err);
	json_t *root = NULL;
	enum ergon_code code = json_load(text, &root, err);
	if (!code)
		code = cluster_from_json(root, text, arena, cluster, err);
	json_decref(root);
	return code;
}
