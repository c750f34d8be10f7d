/* SPDX-License-Identifier: Apache-2.0
 *
 * The few entry points are declared here after COIN-OR's published C interfaces (Clp_C_Interface.h
 * 1.17, Cbc_C_Interface.h 2.10), so that neither header nor library is needed to build.
 */
#include "optimize/solver/linear.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ergon/env.h"

typedef struct clp_model clp_model;
typedef struct cbc_model cbc_model;

struct clp_api {
	clp_model *(*new_model)(void);
	void (*delete_model)(clp_model *model);
	void (*load)(clp_model *model, int columns, int rows, const int *start, const int *index,
	             const double *value, const double *lower, const double *upper,
	             const double *objective, const double *row_lower, const double *row_upper);
	void (*sense)(clp_model *model, double sense); /* 1 minimise, -1 maximise */
	void (*log_level)(clp_model *model, int level);
	int (*dual)(clp_model *model, int values_pass);
	int (*status)(clp_model *model); /* 0 optimal */
	const double *(*solution)(clp_model *model);
};

struct cbc_api {
	cbc_model *(*new_model)(void);
	void (*delete_model)(cbc_model *model);
	void (*load)(cbc_model *model, int columns, int rows, const int *start, const int *index,
	             const double *value, const double *lower, const double *upper,
	             const double *objective, const double *row_lower, const double *row_upper);
	void (*sense)(cbc_model *model, double sense);
	void (*whole)(cbc_model *model, int column);
	void (*log_level)(cbc_model *model, int level);
	void (*gap)(cbc_model *model, double part);
	int (*solve)(cbc_model *model);
	int (*optimal)(cbc_model *model);
	const double *(*solution)(cbc_model *model);
};

struct linear_solver {
	const struct ergon_env *env;
	pthread_mutex_t lock; /* of everything below, and of solving with Cbc */
	void *clp_library, *cbc_library;
	struct clp_api clp;
	struct cbc_api cbc;
};

struct symbol {
	const char *name;
	void **slot;
};

struct linear_solver *linear_solver_new(const struct ergon_env *env)
{
	struct linear_solver *solver = calloc(1, sizeof *solver);
	if (!solver)
		return NULL;
	solver->env = env;
	pthread_mutex_init(&solver->lock, NULL);
	return solver;
}

void linear_solver_free(struct linear_solver *solver)
{
	if (!solver)
		return;
	const struct ergon_dl *dl = solver->env->dl;
	if (solver->cbc_library)
		dl->close(dl->user, solver->cbc_library);
	if (solver->clp_library)
		dl->close(dl->user, solver->clp_library);
	pthread_mutex_destroy(&solver->lock);
	free(solver);
}

static enum ergon_code open_library(const struct ergon_env *env, const char *soname,
                                    const char *package, const struct symbol *symbols, size_t count,
                                    void **library, struct ergon_error *err)
{
	const struct ergon_dl *dl = env->dl;
	const char *why = "";
	if (*library)
		return ERGON_OK;
	void *handle = dl->open(dl->user, soname, &why);
	if (!handle)
		return ergon_fail(err, ERGON_NOT_SUPPORTED,
		                  "the solver %s cannot be opened; install the package %s (%.120s)",
		                  soname, package, why ? why : "");
	for (size_t i = 0; i < count; i++) {
		*symbols[i].slot = dl->symbol(dl->user, handle, symbols[i].name);
		if (*symbols[i].slot)
			continue;
		dl->close(dl->user, handle);
		return ergon_fail(err, ERGON_NOT_SUPPORTED, "%s has no %s: another version?",
		                  soname, symbols[i].name);
	}
	*library = handle;
	return ERGON_OK;
}

static enum ergon_code open_clp(struct linear_solver *s, struct ergon_error *err)
{
	const struct symbol symbols[] = {
		{ "Clp_newModel", (void **)&s->clp.new_model },
		{ "Clp_deleteModel", (void **)&s->clp.delete_model },
		{ "Clp_loadProblem", (void **)&s->clp.load },
		{ "Clp_setObjSense", (void **)&s->clp.sense },
		{ "Clp_setLogLevel", (void **)&s->clp.log_level },
		{ "Clp_dual", (void **)&s->clp.dual },
		{ "Clp_status", (void **)&s->clp.status },
		{ "Clp_getColSolution", (void **)&s->clp.solution },
	};
	return open_library(s->env, "libClp.so.1", "coinor-libclp1", symbols,
	                    sizeof symbols / sizeof *symbols, &s->clp_library, err);
}

static enum ergon_code open_cbc(struct linear_solver *s, struct ergon_error *err)
{
	const struct symbol symbols[] = {
		{ "Cbc_newModel", (void **)&s->cbc.new_model },
		{ "Cbc_deleteModel", (void **)&s->cbc.delete_model },
		{ "Cbc_loadProblem", (void **)&s->cbc.load },
		{ "Cbc_setObjSense", (void **)&s->cbc.sense },
		{ "Cbc_setInteger", (void **)&s->cbc.whole },
		{ "Cbc_setLogLevel", (void **)&s->cbc.log_level },
		{ "Cbc_setAllowableFractionGap", (void **)&s->cbc.gap },
		{ "Cbc_solve", (void **)&s->cbc.solve },
		{ "Cbc_isProvenOptimal", (void **)&s->cbc.optimal },
		{ "Cbc_getColSolution", (void **)&s->cbc.solution },
	};
	return open_library(s->env, "libCbcSolver.so.3", "coinor-libcbc3", symbols,
	                    sizeof symbols / sizeof *symbols, &s->cbc_library, err);
}

enum ergon_code linear_solver_open(struct linear_solver *solver, bool integer,
                                   struct ergon_error *err)
{
	pthread_mutex_lock(&solver->lock);
	enum ergon_code code = integer ? open_cbc(solver, err) : open_clp(solver, err);
	pthread_mutex_unlock(&solver->lock);
	return code;
}

static enum ergon_code solve_clp(const struct clp_api *clp, const struct linear_program *p,
                                 double *solution, struct ergon_error *err)
{
	clp_model *model = clp->new_model();
	if (!model)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	clp->log_level(model, 0);
	clp->load(model, p->columns, p->rows, p->start, p->index, p->value, p->lower, p->upper,
	          p->objective, p->row_lower, p->row_upper);
	clp->sense(model, p->maximise ? -1 : 1);
	clp->dual(model, 0);
	int status = clp->status(model);
	if (status == 0)
		memcpy(solution, clp->solution(model), (size_t)p->columns * sizeof *solution);
	clp->delete_model(model);
	return status == 0
	           ? ERGON_OK
	           : ergon_fail(err, ERGON_INFEASIBLE,
	                        "a linear program of %d columns has no solution (status %d)",
	                        p->columns, status);
}

static enum ergon_code solve_cbc(const struct cbc_api *cbc, const struct linear_program *p,
                                 double *solution, struct ergon_error *err)
{
	cbc_model *model = cbc->new_model();
	if (!model)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	cbc->log_level(model, 0);
	cbc->load(model, p->columns, p->rows, p->start, p->index, p->value, p->lower, p->upper,
	          p->objective, p->row_lower, p->row_upper);
	cbc->sense(model, p->maximise ? -1 : 1);
	cbc->gap(model, p->gap);
	for (int j = 0; j < p->columns; j++)
		if (p->integer[j])
			cbc->whole(model, j);
	cbc->solve(model);
	bool optimal = cbc->optimal(model) != 0;
	if (optimal)
		memcpy(solution, cbc->solution(model), (size_t)p->columns * sizeof *solution);
	cbc->delete_model(model);
	return optimal ? ERGON_OK
	               : ergon_fail(err, ERGON_INFEASIBLE,
	                            "an integer program of %d columns has no solution", p->columns);
}

enum ergon_code linear_solve(struct linear_solver *solver, const struct linear_program *program,
                             double *solution, struct ergon_error *err)
{
	enum ergon_code code = linear_solver_open(solver, program->integer != NULL, err);
	if (code)
		return code;
	if (!program->integer)
		return solve_clp(&solver->clp, program, solution, err);
	pthread_mutex_lock(&solver->lock);
	code = solve_cbc(&solver->cbc, program, solution, err);
	pthread_mutex_unlock(&solver->lock);
	return code;
}
