/* SPDX-License-Identifier: Apache-2.0
 *
 * The measured oracle: step times of real applications on real placements, and their statistical
 * efficiency, from tables in the form of the Pollux and Sia artifacts.
 *
 * A folder holds one folder an application:
 *     placements.csv (T4), placements-NAME.csv     placement, local_bsz, step_time, sync_time
 *     scalability.csv, scalability-NAME.csv        num_nodes, num_replicas, local_bsz, ...
 *     validation-BATCH.csv                         progress, iteration, grad_sqr, grad_var
 * NAME is rtx (RTX 2080 Ti), dgx or dgx-ext (A100), azure (V100), quad (Quadro RTX 6000), aws (T4).
 *
 * A placement is the GPUs on each node in order, rotated to its smallest form. One that was
 * measured is linear in local_bsz (samples a GPU and micro-step) between its rows; any other is
 * piecewise linear over the Delaunay triangulation of (nodes, GPUs, local_bsz). A job's rate is
 * gain / time of a step, gain = (var + sqr) / (var / scale + sqr) at the epoch's gradient
 * statistics (Pollux, OSDI 2021).
 *
 * Power is not in these tables: it is modelled. While a GPU computes it draws what the analytical
 * model says for that application and local batch; while it waits for others, idle and static power
 * only. Where the model knows the application or the device not, a busy GPU draws idle + (full -
 * idle) x u, u being the samples it does a second over the most that any measured local batch of
 * that application reaches on one such GPU without communication.
 */
#ifndef ERGON_OPTIMIZE_ORACLES_MEASURED_H
#define ERGON_OPTIMIZE_ORACLES_MEASURED_H

#include "base/arena.h"
#include "optimize/oracle.h"
#include "optimize/oracles/model.h"
#include "spec/cluster.h"

struct measured_tables;

/* folders: one, or several separated by commas (later ones add what earlier ones lack). */
ERGON_MUST_USE enum ergon_code measured_load(const char *folders, struct arena *arena,
                                             struct measured_tables **tables,
                                             struct ergon_error *err);

/* Takes over what Sia's simulator adds to its tables: jobs of an application run slower by a factor
 * than the tables say, and have restart costs of their own (30 s where none is known). */
void measured_calibrate_sia(struct measured_tables *tables);

/* An oracle over the tables (shared, read only but for lazily made triangulations: one thread).
 * Fills application_id, epochs, work, progress, batch limits of the jobs; an application or GPU
 * type without tables is an error that names them. library: for powers. file: the trace's. */
ERGON_MUST_USE enum ergon_code measured_oracle(struct arena *arena, struct measured_tables *tables,
                                               const struct cluster *cluster,
                                               const double *gpu_idle_w, const double *gpu_max_w,
                                               struct model_library *library, const char *file,
                                               struct job_facts *jobs, uint32_t count,
                                               struct oracle **oracle, struct ergon_error *err);

#endif
