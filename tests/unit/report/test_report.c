/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "report/assets.h"
#include "report/report.h"
#include "report/write.h"

static const char hostile[] = "x</script><script>alert(1)</script><!--\"'&";

static json_t *parse(const char *text)
{
	json_t *document = json_loads(text, 0, NULL);
	assert_non_null(document);
	return document;
}

static char *render(const json_t *const *documents, size_t count, enum report_format format)
{
	struct report_input inputs[8];
	struct text out = { 0 };
	struct ergon_error err = { 0 };
	assert_true(count <= 8);
	for (size_t i = 0; i < count; i++)
		inputs[i] = (struct report_input){ .name = "a.json", .document = documents[i] };
	assert_int_equal(report_render(inputs, count, format, NULL, &out, &err), ERGON_OK);
	assert_non_null(out.data);
	return out.data;
}

static char *render_one(json_t *document, enum report_format format)
{
	const json_t *documents[] = { document };
	char *report = render(documents, 1, format);
	json_decref(document);
	return report;
}

static void escapes(void **state)
{
	(void)state;
	struct text out = { 0 };
	html_escape(&out, "a<b>&\"c'");
	assert_string_equal(out.data, "a&lt;b&gt;&amp;&quot;c&#39;");
	text_fini(&out);

	out = (struct text){ 0 };
	json_t *value = json_string("</script>&");
	html_json(&out, value);
	assert_string_equal(out.data, "\"\\u003c/script\\u003e\\u0026\"");
	json_t *back = json_loads(out.data, JSON_DECODE_ANY, NULL);
	assert_string_equal(json_string_value(back), "</script>&");
	json_decref(back);
	json_decref(value);
	text_fini(&out);

	out = (struct text){ 0 };
	csv_escape(&out, "plain");
	text_puts(&out, ",");
	csv_escape(&out, "a,\"b\"\n");
	assert_string_equal(out.data, "plain,\"a,\"\"b\"\"\n\"");
	text_fini(&out);

	out = (struct text){ 0 };
	markdown_escape(&out, "a|b<c>\n*d*");
	assert_string_equal(out.data, "a\\|b\\<c\\> \\*d\\*");
	text_fini(&out);
}

/* The same hostile text at every place where a document may hold one. */
static void hostile_texts(void **state)
{
	(void)state;
	json_t *document =
	    json_pack("{s:s, s:s, s:f, s:[{s:s, s:f, s:s}], s:{s:f}, s:{s:[f,f], s:{s:[f,f]}}}",
	              "kind", "ergon.measure", "command", hostile, "duration_s", 2.0, "domains",
	              "name", hostile, "energy_j", 3.0, "provenance", hostile, "total", "energy_j",
	              3.0, "series", "time_s", 0.0, 1.0, "power_w", hostile, 1.0, 2.0);
	assert_non_null(document);
	char *html = render_one(document, REPORT_HTML);
	assert_null(strstr(html, "<script>alert"));
	assert_null(strstr(html, "x</script>"));
	assert_non_null(strstr(html, "x&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;"));
	if (report_has_figures())
		assert_non_null(strstr(html, "x\\u003c/script\\u003e"));
	else
		assert_non_null(strstr(html, "Figures were left out"));
	free(html);
}

static void missing_fields(void **state)
{
	(void)state;
	static const char *const documents[] = {
		"{\"kind\":\"ergon.measure\"}",
		"{\"kind\":\"ergon.measure\",\"domains\":[{},3,null,{\"name\":7}],\"total\":[]}",
		"{\"kind\":\"ergon.measure\",\"series\":{\"time_s\":[1],\"power_w\":{\"a\":[]}}}",
		"{\"kind\":\"ergon.measure\",\"series\":{\"time_s\":[1,2,\"x\"],"
		"\"power_w\":{\"a\":[null,5,6,7],\"b\":3}}}",
		"{\"kind\":\"ergon.bench\"}",
		"{\"kind\":\"ergon.bench\",\"kernels\":[{}],\"roofs\":{\"flops_per_s\":{\"a\":"
		"\"b\"},"
		"\"bytes_per_s\":[2]}}",
		"{\"kind\":\"ergon.sweep\"}",
		"{\"kind\":\"ergon.sweep\",\"points\":[{\"time_s\":1},{\"energy_j\":\"x\"}],"
		"\"front\":{},\"min_edp\":null}",
		"{\"kind\":\"ergon.pareto\",\"groups\":[{},{\"points\":[{}]}]}",
		"{\"kind\":\"ergon.predict\"}",
		"{\"kind\":\"ergon.predict\",\"breakdown\":[{\"group\":\"a\"},{\"time_s\":1},"
		"{\"group\":\"b\",\"time_s\":1,\"causes\":{\"compute\":\"x\"}}]}",
		"{\"kind\":\"ergon.explain\"}",
		"{\"kind\":\"ergon.explain\",\"differences\":[{},3],\"sentences\":[7]}",
		"{\"kind\":\"ergon.generate\"}",
		"{\"kind\":\"ergon.search\"}",
		"{\"kind\":\"ergon.search\",\"best\":{},\"pareto\":[{},{\"time_s\":1},3]}",
		"{\"kind\":\"ergon.search\",\"best\":{\"time_s\":1},\"pareto_against\":\"cost\","
		"\"pareto\":[{\"time_s\":1,\"cost\":\"x\"}]}",
		"{\"kind\":\"ergon.label\"}",
		"{\"kind\":\"ergon.label\",\"class\":[],\"training\":{\"energy_j\":\"x\"}}",
		"{\"kind\":\"ergon.simulate\"}",
		"{\"kind\":\"ergon.simulate\",\"policies\":[{},{\"name\":3},{\"name\":\"a\","
		"\"energy_j\":1,\"jct_mean_s\":0,\"jobs\":[{},3],\"timeline\":{\"power_w\":[null]},"
		"\"gantt\":[{},{\"node\":1,\"begin_s\":0}]}]}",
		"{\"kind\":\"ergon.simulate_sweep\"}",
		"{\"kind\":\"ergon.simulate_sweep\",\"loads\":[null,1],\"policies\":[3,\"a\"],"
		"\"points\":[{},{\"load\":1,\"policy\":\"b\",\"metrics\":{\"energy_j\":3}},{"
		"\"load\":2,"
		"\"metrics\":{\"energy_j\":{\"mean\":4}}}],\"overall\":[{},3,{\"change\":[]}]}",
		"{\"kind\":\"ergon.recommend\"}",
		"{\"kind\":\"ergon.recommend\",\"tree\":3,\"verdict\":[{}],\"simulate\":{}}",
	};
	for (size_t i = 0; i < sizeof documents / sizeof *documents; i++)
		for (int format = REPORT_HTML; format <= REPORT_CSV; format++) {
			char *report = render_one(parse(documents[i]), (enum report_format)format);
			print_message("%s\n", documents[i]);
			assert_null(strstr(report, ">nan"));
			assert_null(strstr(report, ">inf"));
			free(report);
		}
}

static void wrong_documents(void **state)
{
	(void)state;
	static const struct {
		const char *document, *expected;
	} rows[] = {
		{ "[]", "expected a result of ergon" },
		{ "{}", "expected a result of ergon" },
		{ "{\"kind\":3}", "expected a result of ergon" },
		{ "{\"kind\":\"ergon.mesure\"}", "did you mean 'ergon.measure'" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		json_t *document = parse(rows[i].document);
		struct report_input input = { .name = "a.json", .document = document };
		struct text out = { 0 };
		struct ergon_error err = { 0 };
		assert_int_equal(report_render(&input, 1, REPORT_HTML, NULL, &out, &err),
		                 ERGON_BAD_INPUT);
		assert_non_null(strstr(err.text, rows[i].expected));
		assert_string_equal(err.file, "a.json");
		text_fini(&out);
		json_decref(document);
	}
}

static json_t *fixture(const char *name)
{
	char path[512];
	struct ergon_error err = { 0 };
	json_t *document = NULL;
	snprintf(path, sizeof path, "%s/tests/fixtures/report/%s.json", ERGON_SOURCE_DIR, name);
	assert_int_equal(json_load(path, &document, &err), ERGON_OK);
	return document;
}

/* The order in which documents are named does not matter; every number of a table arrives. */
static void whole_cycle(void **state)
{
	(void)state;
	static const char *const names[] = { "measure", "bench",    "sweep",    "predict",
		                             "search",  "simulate", "recommend" };
	enum { COUNT = sizeof names / sizeof *names };
	const json_t *forth[COUNT], *back[COUNT];
	json_t *owned[COUNT];
	for (size_t i = 0; i < COUNT; i++)
		forth[i] = back[COUNT - 1 - i] = owned[i] = fixture(names[i]);
	char *a = render(forth, COUNT, REPORT_HTML), *b = render(back, COUNT, REPORT_HTML);
	assert_string_equal(a, b);
	const char *at = a;
	static const char *const sections[] = { "<h2>Measure", "<h2>Understand", "<h2>Model",
		                                "<h2>Optimize" };
	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
		at = strstr(at, sections[i]);
		assert_non_null(at);
	}
	free(a);
	free(b);
	char *csv = render(forth, COUNT, REPORT_CSV);
	assert_non_null(strstr(csv, "Measure,./train"));
	assert_non_null(strstr(csv, ",Energy,252 J\n"));
	assert_non_null(strstr(csv, ",Policy,charon\n"));
	assert_non_null(strstr(csv, ",Setting,\"16 x H100-SXM5-80GB"));
	free(csv);
	char *md = render(forth, COUNT, REPORT_MARKDOWN);
	assert_non_null(strstr(md, "| charon |"));
	free(md);
	for (size_t i = 0; i < COUNT; i++)
		json_decref(owned[i]);
}

/* Means and intervals of a sweep arrive; the figures are drawn from them. */
static void sweeps_of_simulations(void **state)
{
	(void)state;
	json_t *document = fixture("simulate_sweep");
	const json_t *one[] = { document };
	char *html = render(one, 1, REPORT_HTML), *md = render(one, 1, REPORT_MARKDOWN);
	assert_non_null(strstr(html, "<h1>Scheduling as the load rises"));
	assert_non_null(strstr(html, "Energy as the load rises"));
	assert_non_null(strstr(md, "| pollux-exhaustive | 16 | 0 | +3.7 ± 3.6% |"));
	free(html);
	free(md);
	json_decref(document);
}

static void policy_names_every_script(void **state)
{
	(void)state;
	char *html = render_one(parse("{\"kind\":\"ergon.measure\"}"), REPORT_HTML);
	char hash[64];
	for (int i = ASSET_VEGA; i <= ASSET_SCRIPT; i++) {
		asset_hash(hash, sizeof hash, (enum report_asset)i);
		assert_int_equal(strlen(hash), 44);
		assert_int_equal(hash[43], '=');
		assert_non_null(strstr(html, hash));
	}
	assert_non_null(strstr(html, "default-src 'none'"));
	assert_null(strstr(html, "src=\"http"));
	assert_null(strstr(html, "href=\"http"));
	char small[8];
	asset_hash(small, sizeof small, ASSET_SCRIPT);
	assert_true(strlen(small) < sizeof small);
	free(html);
}

static void formats(void **state)
{
	(void)state;
	enum report_format format;
	struct ergon_error err = { 0 };
	assert_int_equal(report_parse_format("md", &format, &err), ERGON_OK);
	assert_int_equal(format, REPORT_MARKDOWN);
	assert_int_equal(report_parse_format("htlm", &format, &err), ERGON_BAD_INPUT);
	assert_non_null(strstr(err.text, "did you mean 'html'"));
}

static void two_runs_compared(void **state)
{
	(void)state;
	char *report = render_one(
	    parse(
		"{\"kind\":\"ergon.compare\",\"version\":1,\"a\":3,\"b\":\"<b>.json\",\"rows\":["
		"{\"name\":\"time\",\"unit\":\"s\",\"a\":2,\"b\":1,\"difference\":-1,\"ratio\":0.5}"
		","
		"{\"name\":\"total energy\",\"unit\":\"J\",\"a\":200,\"b\":150,\"difference\":-50,"
		"\"ratio\":0.75,\"significant\":true,\"by\":\"repeats\"},"
		"{\"name\":\"gpu-0\",\"unit\":\"J\",\"a\":10,\"b\":11,\"difference\":1,"
		"\"ratio\":1.1,\"significant\":false,\"by\":\"intervals\"},"
		"{\"name\":7}]}"),
	    REPORT_MARKDOWN);
	assert_non_null(strstr(report, "25% less"));
	assert_non_null(strstr(report, "against run 3: differs for sure"));
	assert_non_null(strstr(report, "may be equal"));
	assert_non_null(strstr(report, "not known"));
	assert_null(strstr(report, "<b>.json"));
	free(report);
	free(render_one(parse("{\"kind\":\"ergon.compare\"}"), REPORT_HTML));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes),
		cmocka_unit_test(hostile_texts),
		cmocka_unit_test(missing_fields),
		cmocka_unit_test(wrong_documents),
		cmocka_unit_test(whole_cycle),
		cmocka_unit_test(sweeps_of_simulations),
		cmocka_unit_test(policy_names_every_script),
		cmocka_unit_test(formats),
		cmocka_unit_test(two_runs_compared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
