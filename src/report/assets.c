/* SPDX-License-Identifier: Apache-2.0 */
#include "report/assets.h"

#include "report/web_assets.h" /* made by the build: where the files are */

/* The assembler copies a file into the read-only data, which takes no time to compile; the compiler
 * would need seconds for an array of a million bytes. */
#define EMBED(symbol, path)                                                                        \
	__asm__(".section .rodata\n"                                                               \
	        ".balign 16\n"                                                                     \
	        ".hidden " #symbol "_begin\n.hidden " #symbol "_end\n"                             \
	        ".globl " #symbol "_begin\n.globl " #symbol "_end\n" #symbol "_begin:\n"           \
	        ".incbin \"" path "\"\n" #symbol "_end:\n"                                         \
	        ".byte 0\n"                                                                        \
	        ".previous\n");                                                                    \
	extern const char symbol##_begin[] __attribute__((visibility("hidden")));                  \
	extern const char symbol##_end[] __attribute__((visibility("hidden")))

EMBED(report_vega, VEGA_JS_PATH);
EMBED(report_vega_lite, VEGA_LITE_JS_PATH);
EMBED(report_vega_embed, VEGA_EMBED_JS_PATH);
EMBED(report_script, REPORT_JS_PATH);
EMBED(report_style, REPORT_CSS_PATH);
EMBED(report_licences, LICENCES_TXT_PATH);

struct asset report_asset(enum report_asset which)
{
	static const struct {
		const char *begin, *end, *sha256;
	} assets[ASSET_COUNT] = {
		[ASSET_VEGA] = { report_vega_begin, report_vega_end, VEGA_JS_SHA256 },
		[ASSET_VEGA_LITE] = { report_vega_lite_begin, report_vega_lite_end,
		                      VEGA_LITE_JS_SHA256 },
		[ASSET_VEGA_EMBED] = { report_vega_embed_begin, report_vega_embed_end,
		                       VEGA_EMBED_JS_SHA256 },
		[ASSET_SCRIPT] = { report_script_begin, report_script_end, REPORT_JS_SHA256 },
		[ASSET_STYLE] = { report_style_begin, report_style_end, REPORT_CSS_SHA256 },
		[ASSET_LICENCES] = { report_licences_begin, report_licences_end,
		                     LICENCES_TXT_SHA256 },
	};
	return (struct asset){ .data = assets[which].begin,
		               .length = (size_t)(assets[which].end - assets[which].begin),
		               .sha256 = assets[which].sha256 };
}

bool report_has_figures(void)
{
	return report_asset(ASSET_VEGA).length > 0 && report_asset(ASSET_VEGA_LITE).length > 0 &&
	       report_asset(ASSET_VEGA_EMBED).length > 0;
}

static unsigned hex_digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

char *asset_hash(char *out, size_t size, enum report_asset which)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *hex = report_asset(which).sha256;
	unsigned char bytes[33] = { 0 }; /* 32, and one for the padding of the last group */
	for (size_t i = 0; i < 32; i++)
		bytes[i] = (unsigned char)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
	size_t length = 0;
	for (size_t i = 0; i < 33 && length + 5 <= size; i += 3) {
		unsigned group =
		    (unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 | bytes[i + 2];
		for (int shift = 18; shift >= 0; shift -= 6)
			out[length++] = letters[group >> shift & 63];
	}
	if (length == 44)
		out[43] = '=';
	if (size > 0)
		out[length < size ? length : size - 1] = '\0';
	return out;
}
