/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sensors/http.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_MAX = 1 << 20, URL_SIZE = 1024 };

enum { /* CURLOPT_*, CURLINFO_*, CURLE_*: curl.h; their numbers never change */
       OPT_WRITEDATA = 10001,
       OPT_URL = 10002,
       OPT_USERNAME = 10173,
       OPT_PASSWORD = 10174,
       OPT_ERRORBUFFER = 10010,
       OPT_USERAGENT = 10018,
       OPT_CAINFO = 10065,
       OPT_PROTOCOLS = 181,
       OPT_WRITEFUNCTION = 20011,
       OPT_SSL_VERIFYPEER = 64,
       OPT_SSL_VERIFYHOST = 81,
       OPT_NOSIGNAL = 99,
       OPT_HTTPAUTH = 107,
       OPT_TIMEOUT_MS = 155,
       OPT_CONNECTTIMEOUT_MS = 156,
       INFO_RESPONSE_CODE = 0x200002,
       CODE_OK = 0,
       CODE_RESOLVE = 6,
       CODE_CONNECT = 7,
       CODE_WRITE = 23,
       CODE_TIMEOUT = 28,
       CODE_TLS = 35,
       CODE_CERTIFICATE = 60,
       CODE_CA_FILE = 77,
       PROTOCOL_HTTP = 1,
       PROTOCOL_HTTPS = 2,
       AUTH_BASIC_OR_DIGEST = 3
};

static const struct entry_point entries[] = {
	ENTRY_POINT(struct http_api, "curl_easy_init", init, true),
	ENTRY_POINT(struct http_api, "curl_easy_setopt", setopt, true),
	ENTRY_POINT(struct http_api, "curl_easy_perform", perform, true),
	ENTRY_POINT(struct http_api, "curl_easy_getinfo", getinfo, true),
	ENTRY_POINT(struct http_api, "curl_easy_cleanup", cleanup, true),
	ENTRY_POINT(struct http_api, "curl_easy_strerror", strerror, true),
};

static size_t take(char *data, size_t size, size_t count, void *user)
{
	struct text *answer = user;
	if (answer->length + size * count > ANSWER_MAX)
		return 0; /* makes libcurl stop */
	text_append(answer, data, size * count);
	return answer->failed ? 0 : size * count;
}

static void set_options(struct http *http)
{
	const struct remote_source *source = http->source;
	const struct http_api *api = &http->api;
	void *easy = http->easy;
	api->setopt(easy, OPT_NOSIGNAL, 1L);
	api->setopt(easy, OPT_PROTOCOLS, (long)(PROTOCOL_HTTP | PROTOCOL_HTTPS));
	api->setopt(easy, OPT_USERAGENT, "ergon");
	api->setopt(easy, OPT_ERRORBUFFER, http->why);
	api->setopt(easy, OPT_WRITEFUNCTION, take);
	api->setopt(easy, OPT_TIMEOUT_MS, (long)(source->timeout_s * 1000));
	api->setopt(easy, OPT_CONNECTTIMEOUT_MS, (long)(source->timeout_s * 1000));
	api->setopt(easy, OPT_SSL_VERIFYPEER, source->insecure ? 0L : 1L);
	api->setopt(easy, OPT_SSL_VERIFYHOST, source->insecure ? 0L : 2L);
	if (source->ca_file[0])
		api->setopt(easy, OPT_CAINFO, source->ca_file);
	if (source->user[0]) {
		api->setopt(easy, OPT_HTTPAUTH, (long)AUTH_BASIC_OR_DIGEST);
		api->setopt(easy, OPT_USERNAME, source->user);
		api->setopt(easy, OPT_PASSWORD, source->password);
	}
}

enum ergon_code http_open(struct http *http, const struct ergon_env *env,
                          const struct remote_source *source, struct ergon_error *err)
{
	static const char *const sonames[] = { "libcurl.so.4", "libcurl-gnutls.so.4", NULL };
	char why[160];
	*http = (struct http){ .env = env, .source = source };
	if (strncmp(source->address, "http://", 7) != 0 &&
	    strncmp(source->address, "https://", 8) != 0)
		return ergon_fail(
		    err, ERGON_BAD_INPUT,
		    "%s: expected an address such as https://10.0.0.7, found '%.100s'",
		    source->driver, source->address);
	http->library = library_open(env, sonames, entries, sizeof entries / sizeof *entries,
	                             &http->api, why, sizeof why);
	if (!http->library)
		return ergon_fail(err, ERGON_NOT_SUPPORTED,
		                  "%s: needs libcurl: sudo apt install libcurl4 (%s)",
		                  source->driver, why);
	http->easy = http->api.init();
	if (!http->easy) {
		http_close(http);
		return ergon_fail(err, ERGON_NO_MEMORY, "%s: libcurl cannot start", source->driver);
	}
	set_options(http);
	return ERGON_OK;
}

void http_close(struct http *http)
{
	if (http->easy)
		http->api.cleanup(http->easy);
	if (http->library)
		library_close(http->env, http->library);
	http->easy = http->library = NULL;
}

static enum ergon_code explain_failure(const struct http *http, int code, struct ergon_error *err)
{
	const struct remote_source *s = http->source;
	const char *why = http->why[0] ? http->why : http->api.strerror(code);
	switch (code) {
	case CODE_TIMEOUT:
		return ergon_fail(err, ERGON_IO, "%s: %.120s: no answer within %.3g s", s->driver,
		                  s->address, s->timeout_s);
	case CODE_CERTIFICATE:
	case CODE_CA_FILE:
	case CODE_TLS:
		return ergon_fail(
		    err, ERGON_IO,
		    "%s: %.120s: its certificate cannot be verified (%.120s); name "
		    "its issuer as ca_file in sensors.json, or say \"insecure\": true",
		    s->driver, s->address, why);
	case CODE_WRITE:
		return ergon_fail(err, ERGON_IO, "%s: %.120s: an answer of over %d KiB", s->driver,
		                  s->address, ANSWER_MAX / 1024);
	default:
		return ergon_fail(err, ERGON_IO, "%s: %.120s: %.200s", s->driver, s->address, why);
	}
}

static enum ergon_code explain_status(const struct http *http, const char *path, long status,
                                      struct ergon_error *err)
{
	const struct remote_source *s = http->source;
	if (status == 401 || status == 403)
		return ergon_fail(err, ERGON_NO_PERMISSION,
		                  "%s: %.120s refuses %s%s (%ld): give user and password_file in "
		                  "sensors.json",
		                  s->driver, s->address,
		                  s->user[0] ? "user " : "a request without user", s->user, status);
	return ergon_fail(err, status == 404 ? ERGON_NOT_FOUND : ERGON_IO,
	                  "%s: %.120s%.120s answers with status %ld", s->driver, s->address, path,
	                  status);
}

enum ergon_code http_get(struct http *http, const char *path, struct text *answer,
                         struct ergon_error *err)
{
	char url[URL_SIZE];
	size_t length = strlen(http->source->address);
	while (length && http->source->address[length - 1] == '/')
		length--;
	if ((size_t)snprintf(url, sizeof url, "%.*s%s", (int)length, http->source->address, path) >=
	    sizeof url)
		return ergon_fail(err, ERGON_BAD_INPUT, "%s: the address is too long",
		                  http->source->driver);
	answer->length = 0;
	http->why[0] = '\0';
	http->api.setopt(http->easy, OPT_URL, url);
	http->api.setopt(http->easy, OPT_WRITEDATA, answer);
	int code = http->api.perform(http->easy);
	if (code != CODE_OK)
		return explain_failure(http, code, err);
	long status = 0;
	http->api.getinfo(http->easy, INFO_RESPONSE_CODE, &status);
	if (status != 200)
		return explain_status(http, path, status, err);
	if (answer->failed)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	return ERGON_OK;
}
