/* SPDX-License-Identifier: Apache-2.0
 *
 * GET over HTTP and HTTPS through libcurl, opened at run time (own declarations of the few entry
 * points, after libcurl's stable C interface). TLS certificates are verified unless a source says
 * insecure. Answers are bounded. One struct http is used by one thread at a time and keeps its
 * connection open between requests.
 */
#ifndef ERGON_MEASURE_SENSORS_HTTP_H
#define ERGON_MEASURE_SENSORS_HTTP_H

#include "base/grow.h"
#include "measure/sensors/library.h"
#include "measure/sensors/remote.h"

struct http_api {
	void *(*init)(void);
	int (*setopt)(void *easy, int option, ...);
	int (*perform)(void *easy);
	int (*getinfo)(void *easy, int info, ...);
	void (*cleanup)(void *easy);
	const char *(*strerror)(int code);
};

struct http {
	const struct ergon_env *env;
	const struct remote_source *source; /* borrowed: user, password, TLS, timeout */
	void *library, *easy;
	struct http_api api;
	char why[256]; /* libcurl's own words on the latest failure */
};

/* NOT_SUPPORTED with the missing package where there is no libcurl. */
ERGON_MUST_USE enum ergon_code http_open(struct http *http, const struct ergon_env *env,
                                         const struct remote_source *source,
                                         struct ergon_error *err);
void http_close(struct http *http);

/* GET source->address + path into answer (emptied first). Anything but 200 is an error that says
 * what to do about it. */
ERGON_MUST_USE enum ergon_code http_get(struct http *http, const char *path, struct text *answer,
                                        struct ergon_error *err);

#endif
