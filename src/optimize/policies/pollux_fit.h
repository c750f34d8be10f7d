/* SPDX-License-Identifier: Apache-2.0
 *
 * Pollux's model of a job's throughput, and its fit to what was seen (Qiao et al., OSDI 2021).
 *
 * A micro-step on m samples takes A = alpha_c + beta_c m; the network takes N = alpha + beta max(r
 * - 2, 0) with parameters of its own across nodes and within one, nearly nothing on one GPU; a step
 * takes (A^gamma + N^gamma)^(1/gamma). Seconds. Unseen parts are held at what makes the model
 * optimistic.
 */
#ifndef ERGON_OPTIMIZE_POLICIES_POLLUX_FIT_H
#define ERGON_OPTIMIZE_POLICIES_POLLUX_FIT_H

#include <stdbool.h>
#include <stdint.h>

enum { ALPHA_C, BETA_C, ALPHA_N, BETA_N, ALPHA_R, BETA_R, GAMMA, FIT_PARAMETERS };

struct pollux_fit {
	double value[FIT_PARAMETERS];
};

struct observation {
	uint32_t nodes, gpus, local_batch;
	double compute_s, step_s; /* without and with synchronisation */
};

enum { OBSERVATIONS_MAX = 256 };

/* count from 1 to OBSERVATIONS_MAX. From the published start values, by the published minimiser.
 * The error has kinks and several minima; a better one than the published program arrives at makes
 * another scheduler. */
void pollux_fit_to(const struct observation *seen, uint32_t count, struct pollux_fit *fit);

/* The fit's objective; gradient may be NULL. For tests. */
double pollux_fit_error(const double *parameters, const struct observation *seen, uint32_t count,
                        double *gradient);

double pollux_compute_s(const struct pollux_fit *fit, double local_batch);
double pollux_network_s(const struct pollux_fit *fit, uint32_t nodes, uint32_t gpus);
double pollux_step_s(const struct pollux_fit *fit, double compute_s, double network_s);

#endif
