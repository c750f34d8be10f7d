/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/units.h"
#include "measure/parallel.h"

static json_t *node(const char *name, double energy_j, double half_j, const char *provenance,
                    double duration_s, int first_rank, int ranks, int status)
{
	json_t *list = json_array();
	for (int i = 0; i < ranks; i++)
		json_array_append_new(
		    list, json_pack("{s:i, s:i}", "rank", first_rank + i, "exit_status", status));
	json_t *document = json_pack(
	    "{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:o, s:{s:f, s:f, s:f, s:s, s:f, s:f}, s:[{s:s, "
	    "s:f}], s:{s:i, s:f}}",
	    "kind", "ergon.measure", "command", "x", "node", name, "duration_s", duration_s,
	    "started_unix_s", 1000.0, "user_s", 1.0, "system_s", 0.5, "ranks", list, "total",
	    "energy_j", energy_j, "energy_low_j", energy_j - half_j, "energy_high_j",
	    energy_j + half_j, "provenance", provenance, "average_power_w", energy_j / duration_s,
	    "peak_power_w", energy_j, "domains", "name", "package-0", "energy_j", energy_j,
	    "sampling", "samples", 10, "own_cpu_s", 0.001);
	assert_non_null(document);
	return document;
}

static double total_of(const json_t *document, const char *key)
{
	return json_number_value(json_object_get(json_object_get(document, "total"), key));
}

static void nodes_add_up(void **state)
{
	(void)state;
	json_t *nodes[3] = { node("a", 100, 3, "measured", 10, 0, 2, 0),
		             node("b", 200, 4, "measured", 12, 2, 2, 0),
		             node("c", 50, 10, "modelled", 11, 4, 1, 7) };
	json_t *sum = parallel_sum(nodes, 3, 8, "Slurm");
	assert_close(total_of(sum, "energy_j"), 350, 1e-12);
	/* sensors err on their own (3, 4 -> 5), models together */
	assert_close(total_of(sum, "energy_low_j"), 350 - 5 - 10, 1e-12);
	assert_close(total_of(sum, "energy_high_j"), 350 + 5 + 10, 1e-12);
	assert_close(total_of(sum, "edp_js"), 350 * 12.0, 1e-12);
	assert_string_equal(
	    json_string_value(json_object_get(json_object_get(sum, "total"), "provenance")),
	    "measured and modelled");
	assert_int_equal(json_integer_value(json_object_get(sum, "missing_ranks")), 3);
	assert_int_equal(json_integer_value(json_object_get(sum, "exit_status")), 7);
	assert_int_equal(json_array_size(json_object_get(sum, "nodes")), 3);
	const json_t *domain = json_array_get(json_object_get(sum, "domains"), 2);
	assert_string_equal(json_string_value(json_object_get(domain, "name")), "c/package-0");
	json_decref(sum);

	/* one node keeps its names; an unknown energy stays unknown */
	json_t *unknown = json_object_get(nodes[0], "total");
	json_object_set_new(unknown, "energy_j", json_null());
	sum = parallel_sum(nodes, 1, 2, NULL);
	domain = json_array_get(json_object_get(sum, "domains"), 0);
	assert_string_equal(json_string_value(json_object_get(domain, "name")), "package-0");
	assert_true(json_is_null(json_object_get(json_object_get(sum, "total"), "energy_j")));
	json_decref(sum);
	for (int i = 0; i < 3; i++)
		json_decref(nodes[i]);
	sum = parallel_sum(NULL, 0, 0, NULL);
	assert_non_null(sum);
	json_decref(sum);
}

static struct ergon_env env;
static struct ergon_env_storage storage;
static char folder[256];

static struct parallel *join(int rank, int size, enum ergon_code expected)
{
	struct ranks ranks = { .launcher = "test",
		               .rank = rank,
		               .size = size,
		               .local_rank = rank,
		               .local_size = size,
		               .node = "n",
		               .job = "j" };
	struct parallel *p;
	struct ergon_error err = { 0 };
	enum ergon_code code =
	    parallel_join(&p, &env, &ranks,
	                  &(struct parallel_options){
			      .shared = folder, .node_root = folder, .patience_ns = 20 * NS_PER_S },
	                  &err);
	assert_int_equal(code, expected);
	return p;
}

/* Rank 1 ends well, rank 2 dies without a word: the metering rank sees both. */
static void ranks_meet(void **state)
{
	(void)state;
	scratch_make(folder, sizeof folder);
	ergon_env_init(&env, &storage);
	pid_t children[2];
	for (int i = 0; i < 2; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			struct ranks ranks = { .rank = i + 1,
				               .size = 3,
				               .local_rank = i + 1,
				               .local_size = 3,
				               .node = "n",
				               .job = "j" };
			struct parallel *p;
			struct parallel_options options = { folder, folder, 20 * NS_PER_S };
			struct run_result result = { .status = 3, .user_s = 1.5 };
			if (parallel_join(&p, &env, &ranks, &options, NULL) ||
			    !parallel_await_meter(p))
				_exit(1);
			if (i == 1)
				raise(SIGKILL);
			parallel_ended(p, &result);
			parallel_leave(p);
			_exit(0);
		}
	}
	struct parallel *meter = join(0, 3, ERGON_OK);
	assert_true(parallel_meters(meter) && parallel_reports(meter));
	(void)join(0, 3, ERGON_IO); /* the same job twice on a node */
	parallel_ready(meter);
	parallel_await_others(meter);
	for (int i = 0; i < 2; i++)
		waitpid(children[i], NULL, 0);
	size_t count;
	const struct rank_end *others = parallel_others(meter, &count);
	assert_int_equal(count, 2);
	assert_int_equal(others[0].rank, 1);
	assert_int_equal(others[0].status, 3);
	assert_false(others[0].vanished);
	assert_true(others[1].vanished);
	struct run_result sum = { .user_s = 1 };
	parallel_add_others(meter, &sum);
	assert_close(sum.user_s, 2.5, 1e-9);
	parallel_leave(meter);
	char path[512];
	snprintf(path, sizeof path, "%s/ergon-%lu/j-n", folder, (unsigned long)geteuid());
	assert_int_not_equal(access(path, F_OK), 0);
	scratch_remove(folder);
}

static void unusable_places(void **state)
{
	(void)state;
	char path[512];
	scratch_make(folder, sizeof folder);
	ergon_env_init(&env, &storage);
	/* a link where the folder should be: somebody wants us to write elsewhere */
	snprintf(path, sizeof path, "%s/ergon-%lu", folder, (unsigned long)geteuid());
	assert_int_equal(symlink("/tmp", path), 0);
	(void)join(0, 1, ERGON_NO_PERMISSION);
	scratch_remove(folder);
	struct ranks ranks = {
		.launcher = "PMIx", .rank = 0, .size = -1, .local_rank = -1, .local_size = -1
	};
	struct parallel *p;
	struct ergon_error err = { 0 };
	assert_int_equal(parallel_join(&p, &env, &ranks, &(struct parallel_options){ 0 }, &err),
	                 ERGON_NOT_SUPPORTED);
	assert_non_null(strstr(err.text, "PMIx"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_add_up),
		cmocka_unit_test(ranks_meet),
		cmocka_unit_test(unusable_places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
