/* SPDX-License-Identifier: Apache-2.0
 *
 * config.json of Hugging Face transformers -> a model file (the format stands in model/graph.h).
 *
 * A family is one row of a table: which norms, which biases, which positions. Sizes come from the
 * config under the names that its family uses. The facts are those of the transformers library
 * (its configuration classes say the defaults) and are tested against published parameter counts.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/suggest.h"
#include "model/import/import.h"

enum shape { ENCODER, DECODER, BOTH, VISION };
enum {
	RMS = 1,   /* norms without a mean or bias */
	ROPE = 2,  /* rotary positions: no table */
	GATED = 4, /* a gate beside the first product of the feed-forward */
	QKV_BIAS = 8,
	OUT_BIAS = 16, /* of the output of attention */
	MLP_BIAS = 32,
	BIAS = QKV_BIAS | OUT_BIAS | MLP_BIAS,
	TIED = 64,          /* output embedding, unless the config says otherwise */
	SHARED = 128,       /* one set of parameters for all blocks */
	QK_NORM = 256,      /* a norm of each head's query and key */
	PARALLEL = 512,     /* attention and feed-forward beside each other */
	ONE_NORM = 1024,    /* and with one norm for both */
	SANDWICH = 2048,    /* norms before and after */
	TYPES = 4096,       /* a table of token types */
	HEAD_BIAS = 8192,   /* of the language-model head */
	PROJECT = 16384,    /* embeddings narrower than the model */
	FIRST_NORM = 32768, /* of the embeddings of a decoder */
};

static const struct transformer {
	const char *type;
	enum shape shape;
	unsigned traits;
	double more_positions; /* rows of the table that are never used */
} families[] = {
	{ "bert", ENCODER, BIAS | TIED | TYPES, 0 },
	{ "roberta", ENCODER, BIAS | TIED | TYPES, 0 },
	{ "xlm-roberta", ENCODER, BIAS | TIED | TYPES, 0 },
	{ "camembert", ENCODER, BIAS | TIED | TYPES, 0 },
	{ "distilbert", ENCODER, BIAS | TIED, 0 },
	{ "electra", ENCODER, BIAS | TIED | TYPES | PROJECT, 0 },
	{ "albert", ENCODER, BIAS | TIED | TYPES | PROJECT | SHARED, 0 },
	{ "gpt2", DECODER, BIAS | TIED, 0 },
	{ "gpt_neo", DECODER, OUT_BIAS | MLP_BIAS | TIED, 0 },
	{ "gpt_neox", DECODER, BIAS | ROPE | PARALLEL, 0 },
	{ "gptj", DECODER, MLP_BIAS | ROPE | PARALLEL | ONE_NORM | HEAD_BIAS, 0 },
	{ "opt", DECODER, BIAS | TIED, 2 },
	{ "bloom", DECODER, BIAS | ROPE | TIED | FIRST_NORM, 0 },
	{ "phi", DECODER, BIAS | ROPE | PARALLEL | ONE_NORM | HEAD_BIAS, 0 },
	{ "llama", DECODER, RMS | ROPE | GATED, 0 },
	{ "mistral", DECODER, RMS | ROPE | GATED, 0 },
	{ "phi3", DECODER, RMS | ROPE | GATED, 0 },
	{ "qwen2", DECODER, RMS | ROPE | GATED | QKV_BIAS, 0 },
	{ "qwen3", DECODER, RMS | ROPE | GATED | QK_NORM, 0 },
	{ "gemma", DECODER, RMS | ROPE | GATED | TIED, 0 },
	{ "gemma2", DECODER, RMS | ROPE | GATED | TIED | SANDWICH, 0 },
	{ "stablelm", DECODER, ROPE | GATED, 0 },
	{ "mixtral", DECODER, RMS | ROPE | GATED, 0 },
	{ "qwen3_moe", DECODER, RMS | ROPE | GATED | QK_NORM, 0 },
	{ "t5", BOTH, RMS | TIED, 0 },
	{ "vit", VISION, BIAS, 0 },
	{ "deit", VISION, BIAS, 0 },
};
enum { FAMILIES = sizeof families / sizeof *families };

struct config {
	const json_t *root;
	struct json_place place;
	const struct transformer *family;
	unsigned traits;
	double layers, decoder_layers, d, heads, kv, head_dim, ffn, vocab, positions, types;
	double embedding, experts, active, labels, image, patch, channels, tokens;
	bool dropout;
	const char *act, *architecture;
	struct ergon_error *err;
	enum ergon_code code;
};

/* The first of several names that the config has; need: else an error that names the first. */
static double number_of(struct config *c, const char *const *keys, bool need, double fallback,
                        double max)
{
	double value = fallback;
	for (const char *const *key = keys; *key && !c->code; key++) {
		const json_t *item = json_object_get(c->root, *key);
		if (item && !json_is_null(item)) {
			c->code = json_need_real(c->root, c->place, *key, 1, max, &value, c->err);
			if (!c->code && value != floor(value))
				c->code = ergon_fail_at(c->err, ERGON_BAD_INPUT, c->place.file, 0,
				                        "%s: expected a whole number", *key);
			return value;
		}
	}
	if (need && !c->code)
		c->code = json_need_real(c->root, c->place, keys[0], 1, max, &value, c->err);
	return value;
}

#define NUMBER(c, need, fallback, max, ...)                                                        \
	number_of(c, (const char *const[]){ __VA_ARGS__, NULL }, need, fallback, max)

static bool flag_of(struct config *c, const char *key, bool fallback)
{
	bool value = fallback;
	const json_t *item = json_object_get(c->root, key);
	if (!c->code && item && !json_is_null(item))
		c->code = json_want_bool(c->root, c->place, key, &value, c->err);
	return value;
}

static void set_trait(struct config *c, unsigned trait, bool on)
{
	c->traits = on ? c->traits | trait : c->traits & ~trait;
}

static bool has(const struct config *c, unsigned trait)
{
	return (c->traits & trait) != 0;
}

/* Operators whose cost is that of their kind: what this function squashes with does not matter. */
static const char *activation_of(const struct config *c)
{
	static const char *const keys[] = { "hidden_act",        "activation_function",
		                            "activation",        "hidden_activation",
		                            "feed_forward_proj", "dense_act_fn" };
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		const char *name = json_string_value(json_object_get(c->root, keys[i]));
		if (!name)
			continue;
		if (strstr(name, "relu"))
			return "relu";
		if (strstr(name, "silu") || strstr(name, "swish"))
			return "silu";
		return strstr(name, "tanh") && !strstr(name, "gelu") ? "tanh" : "gelu";
	}
	return c->family->shape == BOTH ? "relu" : "gelu";
}

static void read_text_sizes(struct config *c)
{
	bool distil = strcmp(c->family->type, "distilbert") == 0;
	c->ffn = distil ? NUMBER(c, true, 0, 1e7, "hidden_dim")
	                : NUMBER(c, false, 4 * c->d, 1e7, "intermediate_size", "n_inner", "ffn_dim",
	                         "d_ff");
	c->vocab = NUMBER(c, true, 0, 1e8, "vocab_size");
	c->positions = NUMBER(c, false, 512, 1e9, "max_position_embeddings", "n_positions", "n_ctx",
	                      "seq_length");
	c->types = has(c, TYPES) ? NUMBER(c, false, 2, 1e4, "type_vocab_size") : 0;
	c->embedding = has(c, PROJECT) ? NUMBER(c, false, 128, 1e6, "embedding_size") : c->d;
	c->experts = NUMBER(c, false, 0, 1e5, "num_local_experts", "num_experts");
	if (strstr(c->family->type, "mixtral") || strstr(c->family->type, "moe")) {
		c->active = NUMBER(c, true, 0, 1e5, "num_experts_per_tok");
		c->ffn = NUMBER(c, false, c->ffn, 1e7, "moe_intermediate_size");
		if (!c->code && c->experts < c->active)
			c->code = ergon_fail_at(c->err, ERGON_BAD_INPUT, c->place.file, 0,
			                        "num_experts_per_tok: %g of %g experts", c->active,
			                        c->experts);
	} else {
		c->experts = 0;
	}
	set_trait(c, TIED, flag_of(c, "tie_word_embeddings", has(c, TIED)));
	if (c->family->shape == BOTH) {
		const char *kind = json_string_value(json_object_get(c->root, "feed_forward_proj"));
		set_trait(c, GATED, kind && strstr(kind, "gated"));
	}
	bool biased = flag_of(c, "attention_bias", has(c, QKV_BIAS) && has(c, OUT_BIAS));
	if (json_object_get(c->root, "attention_bias")) {
		set_trait(c, QKV_BIAS, biased);
		set_trait(c, OUT_BIAS, biased);
	}
	set_trait(c, MLP_BIAS, flag_of(c, "mlp_bias", has(c, MLP_BIAS)));
	set_trait(c, QKV_BIAS, flag_of(c, "use_qkv_bias", has(c, QKV_BIAS)));
	set_trait(c, PARALLEL, flag_of(c, "use_parallel_residual", has(c, PARALLEL)));
}

static void read_image_sizes(struct config *c)
{
	c->ffn = NUMBER(c, false, 4 * c->d, 1e7, "intermediate_size");
	c->image = NUMBER(c, false, 224, 1e5, "image_size");
	c->patch = NUMBER(c, false, 16, 1e4, "patch_size");
	c->channels = NUMBER(c, false, 3, 1e3, "num_channels");
	c->tokens = strcmp(c->family->type, "deit") == 0 ? 2 : 1;
	set_trait(c, QKV_BIAS, flag_of(c, "qkv_bias", true));
	if (!c->code && c->image < c->patch)
		c->code = ergon_fail_at(c->err, ERGON_BAD_INPUT, c->place.file, 0,
		                        "image_size: %g is smaller than patch_size, %g", c->image,
		                        c->patch);
}

static void read_sizes(struct config *c)
{
	c->layers =
	    NUMBER(c, true, 0, 1000, "num_hidden_layers", "n_layer", "n_layers", "num_layers");
	c->decoder_layers = NUMBER(c, false, c->layers, 1000, "num_decoder_layers");
	c->d = NUMBER(c, true, 0, 1e6, "hidden_size", "n_embd", "d_model", "dim");
	c->heads = NUMBER(c, true, 0, 1e5, "num_attention_heads", "n_head", "n_heads", "num_heads");
	c->kv = NUMBER(c, false, c->heads, 1e5, "num_key_value_heads");
	c->head_dim = NUMBER(c, false, c->heads > 0 ? c->d / c->heads : 1, 1e5, "head_dim", "d_kv");
	if (c->family->shape == VISION)
		read_image_sizes(c);
	else
		read_text_sizes(c);
	const json_t *labels = json_object_get(c->root, "id2label");
	c->labels = json_object_size(labels) ? (double)json_object_size(labels) : 2;
	c->labels = NUMBER(c, false, c->labels, 1e7, "num_labels");
	c->act = activation_of(c);
	if (!c->code &&
	    (c->heads * c->head_dim > 1e7 || c->kv > c->heads || c->head_dim != floor(c->head_dim)))
		c->code =
		    ergon_fail_at(c->err, ERGON_BAD_INPUT, c->place.file, 0,
		                  "hidden_size %g, %g heads, %g of them for keys: these do not "
		                  "go together",
		                  c->d, c->heads, c->kv);
	const json_t *list = json_object_get(c->root, "architectures");
	c->architecture = json_string_value(json_array_get(list, 0));
	c->dropout = c->family->shape == ENCODER || c->family->shape == BOTH ||
	             strncmp(c->family->type, "gpt2", 4) == 0 ||
	             strcmp(c->family->type, "opt") == 0;
}

static json_t *op(const char *name)
{
	return json_pack("{s:s}", "op", name);
}

static json_t *linear(double out, bool bias, const char *split)
{
	return json_pack("{s:s, s:f, s:b, s:s}", "op", "linear", "out", out, "bias", (int)bias,
	                 "split", split);
}

static json_t *norm(const struct config *c)
{
	return op(has(c, RMS) ? "rmsnorm" : "layernorm");
}

static void add(json_t *list, json_t *item)
{
	json_array_append_new(list, item);
}

static json_t *grouped(const char *group, json_t *body)
{
	return json_pack("{s:s, s:o}", "group", group, "body", body);
}

/* Query, key, value; attention; output: without norms. */
static void add_attention(const struct config *c, json_t *list, bool causal, bool cross)
{
	double width = (c->heads + 2 * c->kv) * c->head_dim;
	add(list, linear(width, has(c, QKV_BIAS), "column"));
	if (has(c, QK_NORM)) /* one scale of head_dim for all heads, each head its own norm */
		add(list, json_pack("{s:s, s:f}", "op", "parameters", "elements", 2 * c->head_dim));
	if (has(c, ROPE) && strcmp(c->family->type, "bloom") != 0)
		add(list, json_pack("{s:s, s:f}", "op", "rope", "width",
		                    (c->heads + c->kv) * c->head_dim));
	json_t *attention = json_pack("{s:s, s:f, s:f, s:f, s:b, s:b}", "op", "attention", "heads",
	                              c->heads, "kv_heads", c->kv, "head_dim", c->head_dim,
	                              "causal", (int)causal, "dropout", (int)c->dropout);
	if (cross)
		json_object_set_new(attention, "context", json_string("S"));
	add(list, attention);
	add(list, linear(c->d, has(c, OUT_BIAS), "row"));
	if (c->dropout)
		add(list, op("dropout"));
}

static void add_feed_forward(const struct config *c, json_t *list)
{
	bool bias = has(c, MLP_BIAS);
	if (c->experts > 0) {
		add(list, json_pack("{s:s, s:f, s:f, s:f, s:b}", "op", "moe", "experts", c->experts,
		                    "active", c->active, "ffn", c->ffn, "gated", has(c, GATED)));
		return;
	}
	add(list, linear(has(c, GATED) ? 2 * c->ffn : c->ffn, bias, "column"));
	add(list, op(has(c, GATED) ? "glu" : c->act));
	add(list, linear(c->d, bias, "row"));
	if (c->dropout)
		add(list, op("dropout"));
}

static json_t *residual(const char *group, json_t *body)
{
	return json_pack("{s:s, s:o}", "group", group, "residual", body);
}

static json_t *post_norm_block(const struct config *c)
{
	json_t *list = json_array(), *a = json_array(), *f = json_array();
	json_t *attention = json_array(), *feed = json_array();
	add_attention(c, a, false, false);
	add(attention, json_pack("{s:o}", "residual", a));
	add(attention, norm(c));
	add_feed_forward(c, f);
	add(feed, json_pack("{s:o}", "residual", f));
	add(feed, norm(c));
	add(list, grouped("attention", attention));
	add(list, grouped("feed-forward", feed));
	return list;
}

static json_t *pre_norm_block(const struct config *c, const char *prefix, bool causal, bool cross)
{
	json_t *list = json_array(), *a = json_array(), *f = json_array();
	char group[48];
	bool both = has(c, PARALLEL);
	add(a, norm(c));
	add_attention(c, a, causal, false);
	if (has(c, SANDWICH))
		add(a, norm(c));
	snprintf(group, sizeof group, "%sattention", prefix);
	add(list, residual(group, a));
	if (cross) {
		json_t *x = json_array();
		add(x, norm(c));
		add_attention(c, x, false, true);
		add(list, residual("cross attention", x));
	}
	/* Beside each other or after each other is the same work on one device. */
	if (!(both && has(c, ONE_NORM)))
		add(f, norm(c));
	add_feed_forward(c, f);
	if (has(c, SANDWICH))
		add(f, norm(c));
	snprintf(group, sizeof group, "%sfeed-forward", prefix);
	add(list, residual(group, f));
	return list;
}

static json_t *embedding(const struct config *c)
{
	json_t *body = json_array();
	double positions = has(c, ROPE) || c->family->shape == BOTH ? 0 : c->positions;
	json_t *table = json_pack("{s:s, s:f, s:f}", "op", "embedding", "rows", c->vocab, "width",
	                          c->embedding);
	if (positions > 0)
		json_object_set_new(table, "positions",
		                    json_real(positions + c->types + c->family->more_positions));
	add(body, table);
	if (c->family->shape == ENCODER || has(c, FIRST_NORM))
		add(body, norm(c));
	if (c->dropout)
		add(body, op("dropout"));
	if (c->embedding != c->d || has(c, SHARED))
		add(body, linear(c->d, true, "none"));
	return grouped("embedding", body);
}

static bool built_for(const struct config *c, const char *task)
{
	return c->architecture && strstr(c->architecture, task);
}

/* A language-model head over the vocabulary. */
static void add_vocabulary(const struct config *c, json_t *body, bool bias)
{
	json_t *head = linear(c->vocab, bias, "column");
	if (has(c, TIED))
		json_object_set_new(head, "tied", json_true());
	add(body, head);
}

static void add_pooler(const struct config *c, json_t *body)
{
	add(body, json_pack("{s:s, s:i}", "op", "reshape", "h", 1));
	add(body, linear(c->d, true, "none"));
	add(body, op("tanh"));
}

static json_t *encoder_head(const struct config *c)
{
	json_t *body = json_array();
	bool electra = strcmp(c->family->type, "electra") == 0;
	if (electra && built_for(c, "ForPreTraining")) { /* real or replaced, of each token */
		add(body, linear(c->d, true, "none"));
		add(body, op("gelu"));
		add(body, linear(1, true, "none"));
	} else if (built_for(c, "ForMaskedLM") || built_for(c, "ForPreTraining")) {
		add(body, linear(c->embedding, true, "none"));
		add(body, op(c->act));
		add(body, norm(c));
		add_vocabulary(c, body, true);
	} else if (built_for(c, "ForQuestionAnswering")) {
		add(body, linear(2, true, "none"));
	} else if (built_for(c, "ForTokenClassification")) {
		add(body, linear(c->labels, true, "none"));
	} else if (built_for(c, "ForSequenceClassification")) {
		add_pooler(c, body);
		add(body, linear(c->labels, true, "none"));
	} else if (strcmp(c->family->type, "distilbert") != 0 && !electra) {
		add_pooler(c, body);
	}
	if (!built_for(c, "Model") || json_array_size(body))
		add(body, op("loss"));
	return grouped("head", body);
}

static json_t *decoder_head(const struct config *c)
{
	json_t *body = json_array();
	add(body, norm(c));
	if (built_for(c, "ForSequenceClassification")) {
		add(body, json_pack("{s:s, s:i}", "op", "reshape", "h", 1));
		add(body, linear(c->labels, false, "none"));
	} else {
		add_vocabulary(c, body, has(c, HEAD_BIAS));
	}
	add(body, op("loss"));
	return grouped("head", body);
}

static json_t *repeated(const char *block, double layers, bool shared)
{
	return json_pack("{s:s, s:f, s:b}", "block", block, "repeat", layers, "shared",
	                 (int)shared);
}

static void build_vision(const struct config *c, json_t *layers, json_t *blocks)
{
	json_t *patches = json_array(), *head = json_array();
	char rows[32];
	snprintf(rows, sizeof rows, "H*W+%g", c->tokens);
	add(patches, json_pack("{s:s, s:f, s:f, s:f, s:i, s:b}", "op", "conv", "out", c->d,
	                       "kernel", c->patch, "stride", c->patch, "pad", 0, "bias", 1));
	add(patches, json_pack("{s:s, s:s, s:i}", "op", "reshape", "h", rows, "w", 1));
	snprintf(rows, sizeof rows, "(H+%g)*C", c->tokens);
	add(patches, json_pack("{s:s, s:s}", "op", "parameters", "elements", rows));
	add(layers, grouped("embedding", patches));
	json_object_set_new(blocks, "block", pre_norm_block(c, "", false, false));
	add(layers, repeated("block", c->layers, false));
	add(head, norm(c));
	add(head, json_pack("{s:s, s:i}", "op", "reshape", "h", 1));
	if (built_for(c, "ForImageClassification"))
		add(head, linear(c->labels, true, "none"));
	else
		add_pooler(c, head);
	add(head, op("loss"));
	add(layers, grouped("head", head));
}

static void build_text(const struct config *c, json_t *layers, json_t *blocks)
{
	add(layers, embedding(c));
	if (c->family->shape == ENCODER) {
		json_object_set_new(blocks, "block", post_norm_block(c));
		add(layers, repeated("block", c->layers, has(c, SHARED)));
		add(layers, encoder_head(c));
		return;
	}
	if (c->family->shape == BOTH) {
		json_object_set_new(blocks, "encoder", pre_norm_block(c, "encoder ", false, false));
		add(layers, repeated("encoder", c->layers, false));
		add(layers, norm(c));
		add(layers, json_pack("{s:s, s:s}", "group", "embedding", "op", "copy"));
	}
	bool both = c->family->shape == BOTH;
	json_object_set_new(blocks, "decoder",
	                    pre_norm_block(c, both ? "decoder " : "", true, both));
	add(layers, repeated("decoder", c->decoder_layers, false));
	add(layers, decoder_head(c));
}

static json_t *build(const struct config *c)
{
	enum { ENCODER_TOKENS = 512, DECODER_TOKENS = 2048 };
	const char *name = json_string_value(json_object_get(c->root, "_name_or_path"));
	char title[176];
	json_t *layers = json_array(), *blocks = json_object(), *input;
	snprintf(title, sizeof title, "%.80s (%.60s, from config.json)",
	         name && *name ? name : c->family->type,
	         c->architecture ? c->architecture : "no head stated");
	if (c->family->shape == VISION) {
		build_vision(c, layers, blocks);
		input = json_pack("{s:s, s:f, s:f}", "kind", "image", "channels", c->channels,
		                  "resolution", c->image);
	} else {
		build_text(c, layers, blocks);
		double most = c->family->shape == DECODER ? DECODER_TOKENS : ENCODER_TOKENS;
		input =
		    json_pack("{s:s, s:f}", "kind", "tokens", "sequence", fmin(c->positions, most));
	}
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "name",
	                 name && *name ? name : c->family->type, "title", title, "optimizer",
	                 "adamw", "input", input, "blocks", blocks, "layers", layers);
}

bool hf_config_like(const json_t *root)
{
	return json_is_object(root) && !json_object_get(root, "layers") &&
	       (json_object_get(root, "model_type") || json_object_get(root, "architectures"));
}

enum ergon_code hf_config_import(const json_t *config, const char *file, json_t **model,
                                 struct ergon_error *err)
{
	const char *names[FAMILIES], *type;
	char hint[256];
	struct config c = { .root = config, .place = { file, "" }, .err = err };
	*model = NULL;
	if ((c.code = json_need_text(config, c.place, "model_type", &type, err)))
		return c.code;
	for (size_t i = 0; i < FAMILIES; i++) {
		names[i] = families[i].type;
		if (strcmp(type, names[i]) == 0)
			c.family = &families[i];
	}
	if (!c.family)
		return ergon_fail_at(err, ERGON_NOT_FOUND, file, 0,
		                     "model_type '%.40s' is not known%s", type,
		                     suggest_hint(hint, sizeof hint, type, names, FAMILIES));
	c.traits = c.family->traits;
	read_sizes(&c);
	if (c.code)
		return c.code;
	*model = build(&c);
	return *model ? ERGON_OK : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
}
