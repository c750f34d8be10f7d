/* SPDX-License-Identifier: Apache-2.0
 *
 * How sure: classes of predictions, each with the spread that errors of its kind had.
 *
 * The class of a prediction follows from what is known when it is made: a kernel or a whole run,
 * what holds it up, how the work is spread over GPUs, the kind of software. The spread of a class
 * is two factors between which measured / predicted lay in 80% of the cases, from predictions with
 * constants that were fitted without the network at hand. It need not be centred: where physics is
 * left out, measured times are longer. `ergon model fit` estimates it.
 */
#ifndef ERGON_MODEL_SPREAD_H
#define ERGON_MODEL_SPREAD_H

#include <stdbool.h>

#include "spec/device.h"

/* id, name in files, a word on what nobody knows when predicting, and the class from which it
 * borrows where it has few cases. */
#define SPREAD_CLASSES(X)                                                                          \
	X(TIME, "time", "", TIME)                                                                  \
	X(TRAIN, "train", "", TIME)                                                                \
	X(TRAIN_TEXT, "train_text", "lengths and padding of texts", TRAIN)                         \
	X(TRAIN_RECURRENT, "train_recurrent", "lengths and padding of sequences", TRAIN)           \
	X(TRAIN_TOTALS, "train_totals", "only totals of the network are known", TRAIN)             \
	X(TRAIN_OLD, "train_old", "software before 2021: input pipelines, libraries", TRAIN)       \
	X(TRAIN_TABLE, "train_table", "how fast a host stacks samples", TRAIN)                     \
	X(TRAIN_HOST, "train_host", "hosts and input pipelines differ", TRAIN)                     \
	X(TRAIN_MANY, "train_many", "how software hides communication", TRAIN)                     \
	X(TRAIN_MANY_TEXT, "train_many_text", "how software hides communication", TRAIN_MANY)      \
	X(TRAIN_MANY_RECURRENT, "train_many_recurrent", "lengths and padding of sequences",        \
	  TRAIN_MANY)                                                                              \
	X(TRAIN_LINKED, "train_linked", "how software hides communication", TRAIN_MANY)            \
	X(TRAIN_SHARDED, "train_sharded", "how software hides communication", TRAIN_MANY)          \
	X(TRAIN_SHARDED_HOST, "train_sharded_host", "what a framework adds to tiny networks",      \
	  TRAIN_MANY)                                                                              \
	X(TRAIN_HOOKED, "train_hooked", "what an instrumented framework adds", TRAIN_MANY)         \
	X(INFER, "infer", "", TIME)                                                                \
	X(INFER_TOTALS, "infer_totals", "only totals of the network are known", INFER)             \
	X(INFER_HOST, "infer_host", "hosts differ", INFER)                                         \
	X(INFER_MANY, "infer_many", "how software hides communication", INFER)                     \
	X(INFER_MANY_HOST, "infer_many_host", "hosts differ", INFER_MANY)                          \
	X(SERVE, "serve", "what a server batches", INFER)                                          \
	X(WAITING, "waiting", "how software hides communication", TRAIN_MANY)                      \
	X(KERNEL, "kernel", "", TIME)                                                              \
	X(KERNEL_VECTOR, "kernel_vector", "which tiles a library picks", KERNEL)                   \
	X(KERNEL_TENSOR, "kernel_tensor", "which tiles a library picks", KERNEL)                   \
	X(KERNEL_CONV, "kernel_conv", "which algorithm a library picks", KERNEL)                   \
	X(KERNEL_RECURRENT, "kernel_recurrent", "how a library fuses steps", KERNEL)               \
	X(KERNEL_SHORT, "kernel_short", "what a call takes", KERNEL)                               \
	X(KERNEL_HALF, "kernel_half", "what a call takes", KERNEL)                                 \
	X(COLLECTIVE, "collective", "how links and software are set up", TIME)                     \
	X(COLLECTIVE_CARDS, "collective_cards", "how links and software are set up", COLLECTIVE)   \
	X(COLLECTIVE_NODES, "collective_nodes", "how links and software are set up", COLLECTIVE)   \
	X(POWER, "power", "", POWER)                                                               \
	X(POWER_CAPPED, "power_capped", "", POWER)                                                 \
	X(POWER_HOST, "power_host", "what a device draws in pauses", POWER)                        \
	X(POWER_RECURRENT, "power_recurrent", "how busy a step of a recurrence keeps it", POWER)   \
	X(POWER_INFER, "power_infer", "", POWER)                                                   \
	X(POWER_INFER_HOST, "power_infer_host", "what a device draws in pauses", POWER_INFER)      \
	X(POWER_SERVE, "power_serve", "what a server batches", POWER_INFER)

enum spread_class {
#define SPREAD_ID(id, name, why, parent) SPREAD_##id,
	SPREAD_CLASSES(SPREAD_ID)
#undef SPREAD_ID
	    SPREAD_COUNT
};

/* Logarithms of measured / predicted that hold 80%: low <= 0 <= high, so that an interval always
 * holds the prediction itself. */
struct doubt {
	double low, high;
};

struct spread_facts {
	const char *name, *why;
	enum spread_class parent; /* itself at the top */
};
extern const struct spread_facts spread_facts[SPREAD_COUNT];

/* Independent doubts add up as squares. */
struct doubt spread_join(struct doubt one, struct doubt other);

/* Before anything was measured: half, or twice. */
void spread_init(struct doubt spreads[SPREAD_COUNT]);

struct workload;
struct predict_settings;
struct prediction;
/* "the device was never measured; ...", or "" where there is nothing special to say. */
enum { SPREAD_WORDS = 128 };
const char *spread_words(char words[SPREAD_WORDS], const struct prediction *prediction);
/* families: a bit for each family of kernels that the workload has. */
enum spread_class spread_of_time(const struct workload *workload, unsigned families,
                                 const struct device *device,
                                 const struct predict_settings *settings,
                                 const struct prediction *prediction);
enum spread_class spread_of_power(const struct workload *workload, unsigned families,
                                  const struct prediction *prediction, bool held);

#endif
