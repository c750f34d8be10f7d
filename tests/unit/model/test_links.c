/* SPDX-License-Identifier: Apache-2.0 */
#include "model/links.h"

#include <math.h>
#include <string.h>

#include "support/support.h"

static void load(const char *name, struct device *device)
{
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct ergon_error err = { 0 };
	ergon_env_init(&env, &storage);
	assert_int_equal(device_load(&env, name, device, &err), ERGON_OK);
}

static struct fabric fabric_of(const char *name, double ranks, bool bridge)
{
	struct device device;
	struct calibration constants;
	struct fabric fabric;
	struct predict_settings settings = { .batch = 1, .node_gpus = 8, .bridge = bridge };
	load(name, &device);
	calibration_init(&constants);
	fabric_init(&fabric, &device, &constants, &settings, ranks);
	return fabric;
}

typedef double (*collective)(const struct fabric *fabric, struct group group, double bytes);
static const collective collectives[] = { all_reduce_s, gather_s, all_to_all_s };

static const struct group groups[] = { { 1, 1, 1 }, { 2, 1, 1 }, { 8, 1, 1 },  { 1, 2, 1 },
	                               { 8, 2, 1 }, { 4, 8, 2 }, { 8, 64, 1 }, { 1, 3, 8 } };

/* More bytes, less bandwidth or more latency never ends sooner; alone nobody waits. */
static void slower_links_never_help(void **state)
{
	(void)state;
	struct fabric base = fabric_of("A100-SXM4-80GB", 8, false);
	for (size_t c = 0; c < 3; c++)
		for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
			for (double bytes = 64; bytes < 1e10; bytes *= 3) {
				double t = collectives[c](&base, groups[g], bytes);
				if (groups[g].inside * groups[g].nodes <= 1) {
					assert_true(t == 0);
					continue;
				}
				assert_true(t > 0 && isfinite(t));
				assert_true(collectives[c](&base, groups[g], 2 * bytes) > t);
				double *const parts[] = { &base.inside_bps, &base.send_bps,
					                  &base.across_bps };
				double *const waits[] = { &base.start_s, &base.hop_s, &base.net_s };
				for (int i = 0; i < 3; i++) {
					*parts[i] /= 2;
					assert_true(collectives[c](&base, groups[g], bytes) >= t);
					*parts[i] *= 2;
					*waits[i] *= 2;
					assert_true(collectives[c](&base, groups[g], bytes) >= t);
					*waits[i] /= 2;
				}
			}
}

/* A sum of large tensors moves 2 (n - 1) / n of them over the slowest link, gathering half. */
static void large_sums_take_what_their_links_carry(void **state)
{
	(void)state;
	struct fabric f = fabric_of("H100-SXM5-80GB", 8, false);
	double bytes = 64e9;
	assert_close(all_reduce_s(&f, (struct group){ 8, 1, 1 }, bytes),
	             2 * 7.0 / 8 * bytes / f.inside_bps, 0.01);
	assert_close(gather_s(&f, (struct group){ 8, 1, 1 }, bytes), 7.0 / 8 * bytes / f.inside_bps,
	             0.01);
	double slowest = fmin(f.inside_bps, f.across_bps);
	assert_close(all_reduce_s(&f, (struct group){ 8, 4, 1 }, bytes),
	             2 * 31.0 / 32 * bytes / slowest, 0.01);
	/* Eight groups of one rank a node share the node's ports. */
	assert_close(all_reduce_s(&f, (struct group){ 1, 4, 8 }, bytes),
	             2 * 3.0 / 4 * 8 * bytes / f.across_bps, 0.01);
	/* An exchange: what stays in the node does not leave it. */
	assert_close(all_to_all_s(&f, (struct group){ 8, 2, 1 }, bytes),
	             8.0 / 16 * bytes * 8 / f.across_bps, 0.01);
}

/* What joins two cards, as their data sheets have it. */
static void joined_as_sold(void **state)
{
	(void)state;
	struct fabric sxm = fabric_of("A100-SXM4-80GB", 2, false);
	struct fabric card = fabric_of("A100-PCIE-80GB", 2, false);
	struct fabric bridged = fabric_of("A100-PCIE-80GB", 2, true);
	struct fabric four = fabric_of("A100-PCIE-80GB", 4, true);
	struct fabric geforce = fabric_of("RTX3090", 2, false),
		      pro = fabric_of("RTXA6000", 2, false);
	assert_close(bridged.inside_bps, sxm.inside_bps, 1e-12);
	assert_true(card.inside_bps < 31.5e9 && card.inside_bps == four.inside_bps);
	assert_true(geforce.inside_bps < pro.inside_bps);
	/* A node of cards hangs on Ethernet, one of modules on a port for each. */
	assert_true(sxm.across_bps > 4 * card.across_bps);
	assert_true(fabric_of("H100-SXM5-80GB", 8, false).across_bps > sxm.across_bps);
}

/* Of two protocols the faster: small sums end within tens of microseconds. */
static void small_sums_wait_for_latency_alone(void **state)
{
	(void)state;
	struct fabric f = fabric_of("A100-SXM4-80GB", 8, false);
	double small = all_reduce_s(&f, (struct group){ 8, 1, 1 }, 2048);
	assert_true(small > 5e-6 && small < 40e-6);
	assert_true(all_reduce_s(&f, (struct group){ 8, 1, 1 }, 4096) < 1.1 * small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slower_links_never_help),
		cmocka_unit_test(large_sums_take_what_their_links_carry),
		cmocka_unit_test(joined_as_sold),
		cmocka_unit_test(small_sums_wait_for_latency_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
