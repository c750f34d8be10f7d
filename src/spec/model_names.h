/* SPDX-License-Identifier: Apache-2.0
 *
 * From what a table of measurements calls a network to a model file and its settings.
 *
 * data/model_names.json holds rules; the first whose patterns fit a run says what it is. A rule
 * knows what the source's name implies (its data set, sequence length, optimizer, framework); what
 * a run states itself always wins. Patterns are shell globs, case ignored.
 *
 * File: { "datasets": { NAME: { "samples": N, "source": text, perhaps "loader":
 * "collated" (a table in memory, of which a Python loader stacks the samples of a batch one by one)
 * or "augmented" (small images that workers augment: the device waits for an epoch's first batch)
 * and the lengths of its sentences: "median", "sigma" (of their logarithm), "longest", perhaps
 * "bin" } }, "rules": [ { "source", "model", "config", "task": patterns; "zoo": model file, or
 * "skip": why it cannot be predicted; "size": what seq_len_or_resolution is: "sequence",
 * "resolution", "frame"
 * ("480x832": dims height and width), "generation" (a data set with the mean "prompt" and "output",
 * in tokens) or "none"; "sequence",
 * "resolution" (where the run states none), "dims": "d=1,...", "take": "layers,d=d_model,..."
 * (dimensions that come from model_config, the name there behind '='), "need": "layers,d" (of
 * these, required), "optimizer", "runtime", "attention", "dataset", "tokens_per_sample",
 * "items_per_sample" (what a rate in samples counts: frames of sound),
 * "padding": "batch" (each
 * batch as long as its longest sentence) or "bins" (sentences of a batch come from one bin of the
 * data set's "bin" tokens: as long as the bin's longest), "batch_unit": "samples", "tokens" (what
 * batch_size_per_gpu counts) or "split" (samples: those of all stated GPUs, divided by their
 * number), "batch" and "precision" (assumed where a run states none), "paused": true (pauses
 * between the steps, so that no power limit acts), "era": the software's year (where "machines"
 * does not say), "layout": "nchw" or "nhwc" (of
 * images), "virtual_stages" (parts of a rank of a pipeline), "written": true (a step ends when its
 * pictures are files), "exchange": false (each GPU trains a copy of its own: no gradients travel),
 * "calibrate": false (something that is not stated rules these runs: they are judged, but no
 * constant is fitted to their times), "why" } ], "machines": [ what is known of the machines of a
 * source, and of their software: { "source", "config": patterns, the first entry that fits a run
 * counts; "machine": "one" (all GPUs of a run are in one), "gpus" (as many as such a machine has,
 * where a run states otherwise), "port_gbits" (of the network, a GPU), "peers": false (GPUs reach
 * each other through the host's memory alone), "era", "why" } ] }
 */
#ifndef ERGON_SPEC_MODEL_NAMES_H
#define ERGON_SPEC_MODEL_NAMES_H

#include <stdint.h>

#include "base/arena.h"
#include "ergon/env.h"
#include "ergon/error.h"
#include "spec/measurements.h"

struct model_rule {
	const char *source, *model, *config, *task;  /* patterns; NULL: any */
	const char *notes;                           /* a pattern, too */
	const char *zoo, *skip;                      /* one of both */
	const char *dims, *take, *need;              /* NULL: none */
	const char *optimizer, *runtime, *attention; /* NULL: not implied */
	const char *layout;                          /* NULL: not implied */
	unsigned era;                                /* the software's year; 0: not implied */
	bool written;                                /* the host writes the pictures of a step */
	uint64_t virtual_stages;       /* parts of a rank of a pipeline; 0: not known */
	bool apart;                    /* no gradients travel between the GPUs */
	uint64_t sequence, resolution; /* 0: not implied */
	enum { SIZE_NONE, SIZE_SEQUENCE, SIZE_RESOLUTION, SIZE_FRAME, SIZE_GENERATION } size;
	double dataset_samples; /* an epoch; 0: unknown */
	bool collated;          /* the host stacks its samples one by one */
	bool augmented;         /* workers augment them; an epoch starts with none */
	bool pad_to_batch;      /* the data set's lengths are known */
	double length_median, length_sigma, length_longest;
	double length_bin; /* tokens; sentences of a batch come from one bin; 0: none */
	bool batch_in_tokens;
	bool batch_split;      /* of all stated GPUs, divided by their number */
	const char *precision; /* where the run states none; NULL: none */
	double batch;          /* samples a GPU where the run states none; 0: none */
	bool paused;           /* the device cools down between steps: no power limit acts */
	bool judge_only; /* something unstated rules these runs: no constant is fitted to their
	                    times */
	double tokens_per_sample; /* that a rate in tokens counts; 0: sequence */
	double items_per_sample;  /* that a rate in samples counts; 0: one */
};

/* Where a source's runs ran. */
struct machine_rule {
	const char *source, *config; /* patterns; NULL: any */
	uint64_t gpus;               /* that there are; 0: as stated */
	bool one_machine;            /* whatever the number of GPUs */
	bool staged;                 /* what GPUs send each other goes through the host's memory */
	double port_bps;             /* of the network, a GPU; 0: not known */
	unsigned era;                /* the software's year; 0: not known */
};

/* A data set of prompts. */
struct prompt_lengths {
	const char *name;
	double prompt, output; /* mean tokens */
};

struct model_names {
	const struct model_rule *rules;
	size_t count;
	const struct machine_rule *machines;
	size_t machine_count;
	const struct prompt_lengths *prompts;
	size_t prompt_count;
};

/* env->data_dir/model_names.json; texts live in arena. */
ERGON_MUST_USE enum ergon_code model_names_load(const struct ergon_env *env, struct arena *arena,
                                                struct model_names *names, struct ergon_error *err);
ERGON_MUST_USE enum ergon_code model_names_parse(const char *text, size_t length, const char *file,
                                                 struct arena *arena, struct model_names *names,
                                                 struct ergon_error *err);
/* NULL where the data set is not known, or has no prompts. */
const struct prompt_lengths *model_names_prompts(const struct model_names *names,
                                                 const char *dataset);
/* All zeros where nothing is known. */
const struct machine_rule *model_names_machine(const struct model_names *names,
                                               const struct measured_run *run);
/* NULL where no rule fits. */
const struct model_rule *model_names_find(const struct model_names *names,
                                          const struct measured_run *run);

#endif
