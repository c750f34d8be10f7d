/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that the report carries inside it: our style sheet and script, and the three libraries that
 * draw the figures (fetched from npm at build time; empty where the build had to leave them out).
 */
#ifndef ERGON_REPORT_ASSETS_H
#define ERGON_REPORT_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

enum report_asset {
	ASSET_VEGA,
	ASSET_VEGA_LITE,
	ASSET_VEGA_EMBED,
	ASSET_SCRIPT,   /* web/report.js */
	ASSET_STYLE,    /* web/report.css */
	ASSET_LICENCES, /* of the libraries and of what they are made of */
	ASSET_COUNT
};

struct asset {
	const char *data; /* [length], static; a zero byte follows */
	size_t length;
	const char *sha256; /* hexadecimal */
};

struct asset report_asset(enum report_asset which);

/* False where the build had neither npm nor a package registry: then reports have tables only. */
bool report_has_figures(void);

/* The SHA-256 of an asset as content security policies write it, base64 of its 32 bytes. Needs 45
 * bytes; returns out. */
char *asset_hash(char *out, size_t size, enum report_asset which);

#endif
