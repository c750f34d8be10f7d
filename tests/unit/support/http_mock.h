/* SPDX-License-Identifier: Apache-2.0
 *
 * A small HTTP or HTTPS server on a free port of 127.0.0.1, for drivers that ask one: a table of
 * paths and bodies that the test may change at any time.
 */
#ifndef ERGON_TESTS_HTTP_MOCK_H
#define ERGON_TESTS_HTTP_MOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { MOCK_ROUTES = 32 };

struct http_mock {
	void *daemon;
	unsigned port;
	pthread_mutex_t lock;
	struct {
		char path[128]; /* with its query: "/cm?cmnd=Status%2010" */
		char *body;
		unsigned status;
	} routes[MOCK_ROUTES];
	int count;
	const char *user, *password; /* NULL: anybody may ask */
	bool gone;                   /* answers 503 to all */
	int requests;
};

/* key and certificate: PEM texts for HTTPS, or NULL. */
void http_mock_start(struct http_mock *mock, const char *key, const char *certificate);
void http_mock_stop(struct http_mock *mock);

/* Answers path with body (copied) and status 200; again: with another one. */
void http_mock_put(struct http_mock *mock, const char *path, const char *body);
void http_mock_status(struct http_mock *mock, const char *path, unsigned status);

#endif
