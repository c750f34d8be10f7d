/* SPDX-License-Identifier: Apache-2.0 */
#include "support/http_mock.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *body)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    strlen(body), (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
	MHD_add_response_header(response, "Content-Type", "application/json");
	if (status == 401)
		MHD_add_response_header(response, "WWW-Authenticate", "Basic realm=\"mock\"");
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static bool allowed(struct http_mock *mock, struct MHD_Connection *connection)
{
	char *password = NULL, *user = MHD_basic_auth_get_username_password(connection, &password);
	bool good = user && password && strcmp(user, mock->user) == 0 &&
	            strcmp(password, mock->password) == 0;
	MHD_free(user);
	MHD_free(password);
	return good;
}

static enum MHD_Result add_query(void *user, enum MHD_ValueKind kind, const char *key,
                                 const char *value)
{
	char *path = user;
	size_t length = strlen(path);
	(void)kind;
	snprintf(path + length, 256 - length, "%c%s=%s", strchr(path, '?') ? '&' : '?', key,
	         value ? value : "");
	return MHD_YES;
}

static enum MHD_Result handle(void *user, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
	struct http_mock *mock = user;
	char path[256];
	(void)method;
	(void)version;
	(void)data;
	(void)size;
	(void)state;
	snprintf(path, sizeof path, "%s", url);
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_query, path);
	pthread_mutex_lock(&mock->lock);
	mock->requests++;
	unsigned status = 404;
	const char *body = "{\"error\":{}}";
	for (int i = 0; i < mock->count; i++)
		if (strcmp(mock->routes[i].path, path) == 0) {
			status = mock->routes[i].status;
			body = mock->routes[i].body;
		}
	if (mock->gone)
		status = 503;
	if (mock->user && !allowed(mock, connection))
		status = 401;
	enum MHD_Result result = reply(connection, status, body);
	pthread_mutex_unlock(&mock->lock);
	return result;
}

void http_mock_start(struct http_mock *mock, const char *key, const char *certificate)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	*mock = (struct http_mock){ .daemon = NULL };
	pthread_mutex_init(&mock->lock, NULL);
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | (key ? MHD_USE_TLS : 0);
	mock->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, mock, MHD_OPTION_SOCK_ADDR,
	                                &at, key ? MHD_OPTION_HTTPS_MEM_KEY : MHD_OPTION_END, key,
	                                MHD_OPTION_HTTPS_MEM_CERT, certificate, MHD_OPTION_END);
	assert_non_null(mock->daemon);
	const union MHD_DaemonInfo *info =
	    MHD_get_daemon_info(mock->daemon, MHD_DAEMON_INFO_BIND_PORT);
	assert_non_null(info);
	mock->port = info->port;
}

void http_mock_stop(struct http_mock *mock)
{
	MHD_stop_daemon(mock->daemon);
	for (int i = 0; i < mock->count; i++)
		free(mock->routes[i].body);
	pthread_mutex_destroy(&mock->lock);
}

static int route(struct http_mock *mock, const char *path)
{
	for (int i = 0; i < mock->count; i++)
		if (strcmp(mock->routes[i].path, path) == 0)
			return i;
	assert_true(mock->count < MOCK_ROUTES);
	snprintf(mock->routes[mock->count].path, sizeof mock->routes[0].path, "%s", path);
	mock->routes[mock->count].status = 200;
	return mock->count++;
}

void http_mock_put(struct http_mock *mock, const char *path, const char *body)
{
	char *copy = strdup(body);
	assert_non_null(copy);
	pthread_mutex_lock(&mock->lock);
	int i = route(mock, path);
	free(mock->routes[i].body);
	mock->routes[i].body = copy;
	pthread_mutex_unlock(&mock->lock);
}

void http_mock_status(struct http_mock *mock, const char *path, unsigned status)
{
	pthread_mutex_lock(&mock->lock);
	mock->routes[route(mock, path)].status = status;
	pthread_mutex_unlock(&mock->lock);
}
