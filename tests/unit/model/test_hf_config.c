/* SPDX-License-Identifier: Apache-2.0
 *
 * A config.json of each family has the parameters that were published for that model, and those of
 * the zoo's file where there is one.
 */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/workload.h"

/* The sizes of these models are public facts; the texts are the shortest that say them. */
#define BERT                                                                                       \
	"\"model_type\":\"bert\",\"hidden_size\":768,\"num_hidden_layers\":12,"                    \
	"\"num_attention_heads\":12,\"intermediate_size\":3072,\"vocab_size\":30522,"              \
	"\"max_position_embeddings\":512,\"type_vocab_size\":2,\"hidden_act\":\"gelu\""

static const struct {
	const char *config;
	double parameters, tolerance;
	const char *zoo; /* the model of data/models that is the same, or NULL */
} rows[] = {
	{ "{" BERT ",\"architectures\":[\"BertForQuestionAnswering\"]}", 108893186, 0,
	  "bert-base" },
	{ "{" BERT ",\"architectures\":[\"BertForMaskedLM\"]}", 109514298, 0, "bert-base-mlm" },
	{ "{" BERT ",\"architectures\":[\"BertModel\"]}", 109482240, 0, NULL },
	{ "{" BERT ",\"architectures\":[\"BertForSequenceClassification\"]}", 109483778, 0, NULL },
	{ "{\"model_type\":\"roberta\",\"architectures\":[\"RobertaForQuestionAnswering\"],"
	  "\"hidden_size\":768,\"num_hidden_layers\":12,\"num_attention_heads\":12,"
	  "\"intermediate_size\":3072,\"vocab_size\":50265,\"max_position_embeddings\":514,"
	  "\"type_vocab_size\":1}",
	  124056578, 0, "roberta-base" },
	{ "{\"model_type\":\"distilbert\",\"architectures\":[\"DistilBertForQuestionAnswering\"],"
	  "\"dim\":768,\"n_layers\":6,\"n_heads\":12,\"hidden_dim\":3072,\"vocab_size\":30522,"
	  "\"max_position_embeddings\":512,\"activation\":\"gelu\"}",
	  66364418, 0, "distilbert" },
	{ "{\"model_type\":\"albert\",\"architectures\":[\"AlbertForQuestionAnswering\"],"
	  "\"hidden_size\":768,\"embedding_size\":128,\"num_hidden_layers\":12,"
	  "\"num_attention_heads\":12,\"intermediate_size\":3072,\"vocab_size\":30000,"
	  "\"max_position_embeddings\":512,\"type_vocab_size\":2,\"hidden_act\":\"gelu_new\"}",
	  11094530, 0, "albert-base" },
	{ "{\"model_type\":\"electra\",\"architectures\":[\"ElectraForPreTraining\"],"
	  "\"hidden_size\":256,\"embedding_size\":128,\"num_hidden_layers\":12,"
	  "\"num_attention_heads\":4,\"intermediate_size\":1024,\"vocab_size\":30522,"
	  "\"max_position_embeddings\":512,\"type_vocab_size\":2}",
	  13549057, 0, "electra-small" },
	{ "{\"model_type\":\"gpt2\",\"architectures\":[\"GPT2LMHeadModel\"],\"n_embd\":768,"
	  "\"n_layer\":12,\"n_head\":12,\"n_positions\":1024,\"vocab_size\":50257}",
	  124439808, 0, "gpt2" },
	{ "{\"model_type\":\"opt\",\"architectures\":[\"OPTForCausalLM\"],\"hidden_size\":768,"
	  "\"num_hidden_layers\":12,\"num_attention_heads\":12,\"ffn_dim\":3072,"
	  "\"vocab_size\":50272,\"max_position_embeddings\":2048,"
	  "\"activation_function\":\"relu\"}",
	  125239296, 0, "opt-125m" },
	{ "{\"model_type\":\"gpt_neox\",\"architectures\":[\"GPTNeoXForCausalLM\"],"
	  "\"hidden_size\":2048,\"num_hidden_layers\":16,\"num_attention_heads\":8,"
	  "\"intermediate_size\":8192,\"vocab_size\":50304,\"max_position_embeddings\":2048}",
	  1011781632, 0, NULL }, /* Pythia 1B */
	{ "{\"model_type\":\"gptj\",\"architectures\":[\"GPTJForCausalLM\"],\"n_embd\":4096,"
	  "\"n_layer\":28,\"n_head\":16,\"n_positions\":2048,\"vocab_size\":50400,"
	  "\"tie_word_embeddings\":false}",
	  6050882784, 0, NULL },
	{ "{\"model_type\":\"bloom\",\"architectures\":[\"BloomForCausalLM\"],"
	  "\"hidden_size\":1024,\"n_layer\":24,\"n_head\":16,\"vocab_size\":250880}",
	  559214592, 0, NULL },
	{ "{\"model_type\":\"phi\",\"architectures\":[\"PhiForCausalLM\"],\"hidden_size\":2560,"
	  "\"num_hidden_layers\":32,\"num_attention_heads\":32,\"intermediate_size\":10240,"
	  "\"vocab_size\":51200,\"max_position_embeddings\":2048}",
	  2779683840, 0, NULL },
	{ "{\"model_type\":\"llama\",\"architectures\":[\"LlamaForCausalLM\"],"
	  "\"hidden_size\":4096,\"num_hidden_layers\":32,\"num_attention_heads\":32,"
	  "\"num_key_value_heads\":8,\"intermediate_size\":14336,\"vocab_size\":128256,"
	  "\"max_position_embeddings\":8192,\"tie_word_embeddings\":false,"
	  "\"attention_bias\":false,\"hidden_act\":\"silu\"}",
	  8030261248, 0, "llama3-8b" },
	{ "{\"model_type\":\"mistral\",\"architectures\":[\"MistralForCausalLM\"],"
	  "\"hidden_size\":4096,\"num_hidden_layers\":32,\"num_attention_heads\":32,"
	  "\"num_key_value_heads\":8,\"intermediate_size\":14336,\"vocab_size\":32000,"
	  "\"max_position_embeddings\":32768}",
	  7241732096, 0, "mistral-7b" },
	{ "{\"model_type\":\"mixtral\",\"architectures\":[\"MixtralForCausalLM\"],"
	  "\"hidden_size\":4096,\"num_hidden_layers\":32,\"num_attention_heads\":32,"
	  "\"num_key_value_heads\":8,\"intermediate_size\":14336,\"vocab_size\":32000,"
	  "\"num_local_experts\":8,\"num_experts_per_tok\":2,"
	  "\"max_position_embeddings\":32768}",
	  46702792704, 0, "mixtral-8x7b" },
	{ "{\"model_type\":\"qwen2\",\"architectures\":[\"Qwen2ForCausalLM\"],"
	  "\"hidden_size\":3584,\"num_hidden_layers\":28,\"num_attention_heads\":28,"
	  "\"num_key_value_heads\":4,\"intermediate_size\":18944,\"vocab_size\":152064,"
	  "\"tie_word_embeddings\":false}",
	  7615616512, 0, NULL },
	{ "{\"model_type\":\"qwen3\",\"architectures\":[\"Qwen3ForCausalLM\"],"
	  "\"hidden_size\":4096,\"num_hidden_layers\":36,\"num_attention_heads\":32,"
	  "\"num_key_value_heads\":8,\"head_dim\":128,\"intermediate_size\":12288,"
	  "\"vocab_size\":151936,\"tie_word_embeddings\":false,\"attention_bias\":false}",
	  8190735360, 0, NULL },
	{ "{\"model_type\":\"qwen3_moe\",\"architectures\":[\"Qwen3MoeForCausalLM\"],"
	  "\"hidden_size\":2048,\"num_hidden_layers\":48,\"num_attention_heads\":32,"
	  "\"num_key_value_heads\":4,\"head_dim\":128,\"intermediate_size\":6144,"
	  "\"moe_intermediate_size\":768,\"num_experts\":128,\"num_experts_per_tok\":8,"
	  "\"vocab_size\":151936,\"tie_word_embeddings\":false}",
	  30532122624, 0, NULL },
	{ "{\"model_type\":\"gemma\",\"architectures\":[\"GemmaForCausalLM\"],"
	  "\"hidden_size\":2048,\"num_hidden_layers\":18,\"num_attention_heads\":8,"
	  "\"num_key_value_heads\":1,\"head_dim\":256,\"intermediate_size\":16384,"
	  "\"vocab_size\":256000}",
	  2506172416, 0, NULL },
	{ "{\"model_type\":\"gemma2\",\"architectures\":[\"Gemma2ForCausalLM\"],"
	  "\"hidden_size\":2304,\"num_hidden_layers\":26,\"num_attention_heads\":8,"
	  "\"num_key_value_heads\":4,\"head_dim\":256,\"intermediate_size\":9216,"
	  "\"vocab_size\":256000}",
	  2614341888, 0, NULL },
	{ "{\"model_type\":\"phi3\",\"architectures\":[\"Phi3ForCausalLM\"],"
	  "\"hidden_size\":3072,\"num_hidden_layers\":32,\"num_attention_heads\":32,"
	  "\"num_key_value_heads\":32,\"intermediate_size\":8192,\"vocab_size\":32064,"
	  "\"tie_word_embeddings\":false}",
	  3821079552, 0, NULL },
	{ "{\"model_type\":\"t5\",\"architectures\":[\"T5ForConditionalGeneration\"],"
	  "\"d_model\":768,\"num_layers\":12,\"num_heads\":12,\"d_kv\":64,\"d_ff\":3072,"
	  "\"vocab_size\":32128,\"n_positions\":512,\"feed_forward_proj\":\"relu\"}",
	  222903552, 0.0001, "t5-base" }, /* tables of relative positions: 768 of 223 million */
	{ "{\"model_type\":\"vit\",\"architectures\":[\"ViTForImageClassification\"],"
	  "\"hidden_size\":768,\"num_hidden_layers\":12,\"num_attention_heads\":12,"
	  "\"intermediate_size\":3072,\"image_size\":224,\"patch_size\":16,"
	  "\"num_labels\":1000}",
	  86567656, 0, "vit-b16" },
};
enum { ROWS = sizeof rows / sizeof *rows };

struct world {
	struct ergon_env env;
	struct ergon_env_storage storage;
	struct arena arena;
};

static int set_up(void **state)
{
	static struct world world;
	ergon_env_init(&world.env, &world.storage);
	arena_init(&world.arena);
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	arena_fini(&((struct world *)*state)->arena);
	return 0;
}

static void counts_match_what_was_published(void **state)
{
	struct world *world = *state;
	int wrong = 0;
	for (size_t i = 0; i < ROWS; i++) {
		struct workload_options options = { .precision = PRECISION_AMP_FP16 };
		const struct workload *w;
		struct ergon_error err = { 0 };
		if (workload_parse(rows[i].config, strlen(rows[i].config), "config.json", &options,
		                   &world->arena, &w, &err))
			fail_msg("%.60s: %s", rows[i].config, err.text);
		double off = w->parameters / rows[i].parameters - 1;
		if (fabs(off) > rows[i].tolerance) {
			print_message("%.70s: %.0f parameters, published %.0f (%+.0f)\n",
			              rows[i].config, w->parameters, rows[i].parameters,
			              w->parameters - rows[i].parameters);
			wrong++;
		}
		if (!rows[i].zoo)
			continue;
		const struct workload *zoo;
		options.sequence = w->sequence;
		assert_int_equal(
		    workload_load(&world->env, rows[i].zoo, &options, &world->arena, &zoo, &err),
		    ERGON_OK);
		if (fabs(w->step_flops / zoo->step_flops - 1) > 1e-3) {
			print_message("%s: %g FLOPs, the zoo's file %g\n", rows[i].zoo,
			              w->step_flops, zoo->step_flops);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void bad_configs_are_one_clear_error(void **state)
{
	static const struct {
		const char *config, *want;
	} bad[] = {
		{ "{\"model_type\":\"lama\"}", "did you mean 'llama'" },
		{ "{\"architectures\":[\"X\"]}", "model_type" },
		{ "{" BERT ",\"hidden_size\":\"wide\"}", "hidden_size" },
		{ "{\"model_type\":\"gpt2\",\"n_embd\":768,\"n_layer\":12}",
		  "num_attention_heads" },
		{ "{\"model_type\":\"gpt2\",\"n_embd\":768,\"n_layer\":1e9,\"n_head\":12,"
		  "\"vocab_size\":5}",
		  "n_layer" },
		{ "{\"model_type\":\"gpt2\",\"n_embd\":770,\"n_layer\":2,\"n_head\":12,"
		  "\"vocab_size\":5}",
		  "do not go together" },
		{ "{\"model_type\":\"llama\",\"hidden_size\":64,\"num_hidden_layers\":2,"
		  "\"num_attention_heads\":4,\"num_key_value_heads\":8,\"vocab_size\":5}",
		  "do not go together" },
		{ "{\"model_type\":\"mixtral\",\"hidden_size\":64,\"num_hidden_layers\":2,"
		  "\"num_attention_heads\":4,\"vocab_size\":5,\"num_local_experts\":2,"
		  "\"num_experts_per_tok\":4}",
		  "4 of 2 experts" },
		{ "{\"model_type\":\"vit\",\"hidden_size\":64,\"num_hidden_layers\":2,"
		  "\"num_attention_heads\":4,\"image_size\":8,\"patch_size\":16}",
		  "smaller than patch_size" },
	};
	struct world *world = *state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct workload_options options = { 0 };
		const struct workload *w;
		struct ergon_error err = { 0 };
		enum ergon_code code =
		    workload_parse(bad[i].config, strlen(bad[i].config), "config.json", &options,
		                   &world->arena, &w, &err);
		if (!code || !strstr(err.text, bad[i].want))
			fail_msg("%s: '%s' instead of '%s'", bad[i].config, err.text, bad[i].want);
	}
}

/* A folder as models are downloaded. */
static void a_folder_is_a_model(void **state)
{
	struct world *world = *state;
	char path[512];
	struct workload_options options = { 0 };
	const struct workload *w;
	struct ergon_error err = { 0 };
	scratch_make(path, sizeof path);
	put_file(path, "config.json", rows[0].config);
	assert_int_equal(workload_load(&world->env, path, &options, &world->arena, &w, &err),
	                 ERGON_OK);
	assert_close(w->parameters, rows[0].parameters, 0);
	scratch_remove(path);
	assert_int_not_equal(workload_load(&world->env, path, &options, &world->arena, &w, &err),
	                     ERGON_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_match_what_was_published),
		cmocka_unit_test(bad_configs_are_one_clear_error),
		cmocka_unit_test(a_folder_is_a_model),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
