/* SPDX-License-Identifier: Apache-2.0
 *
 * Declarations after curses(3X): every entry point is a function in the library, though the header
 * makes macros of some.
 */
#include "cli/curses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/library.h"
#include "base/units.h"

enum {
	KEY_RESIZED = 0632,
	COLOR_IS_RED = 1,
	COLOR_IS_CYAN = 6,
	DEFAULT_COLOR = -1,
	PAIR_TITLE = 1,
	PAIR_ALERT = 2
};
/* NCURSES_BITS(mask, shift) is mask << (shift + 8); A_REVERSE 10, A_DIM 12, A_BOLD 13. */
#define BIT(shift) (1u << ((shift) + 8))
#define PAIR(number) ((unsigned)(number) << 8)

struct curses_api {
	void *(*newterm)(const char *type, FILE *out, FILE *in);
	int (*endwin)(void);
	int (*cbreak)(void);
	int (*noecho)(void);
	int (*curs_set)(int visibility);
	int (*keypad)(void *window, bool on);
	void (*wtimeout)(void *window, int delay_ms);
	int (*wgetch)(void *window);
	int (*werase)(void *window);
	int (*wmove)(void *window, int row, int column);
	int (*waddnstr)(void *window, const char *text, int length);
	int (*wrefresh)(void *window);
	int (*getmaxy)(const void *window);
	int (*getmaxx)(const void *window);
	int (*wattrset)(void *window, int attributes);
	bool (*has_colors)(void);
	int (*start_color)(void);
	int (*use_default_colors)(void);
	int (*init_pair)(short pair, short foreground, short background);
	void **window; /* stdscr */
};

#define ENTRY(name)                                                                                \
	{                                                                                          \
#name, offsetof(struct curses_api, name), true                                     \
	}

static const struct entry_point entries[] = {
	ENTRY(newterm),     ENTRY(endwin),
	ENTRY(cbreak),      ENTRY(noecho),
	ENTRY(curs_set),    ENTRY(keypad),
	ENTRY(wtimeout),    ENTRY(wgetch),
	ENTRY(werase),      ENTRY(wmove),
	ENTRY(waddnstr),    ENTRY(wrefresh),
	ENTRY(getmaxy),     ENTRY(getmaxx),
	ENTRY(wattrset),    ENTRY(has_colors),
	ENTRY(start_color), ENTRY(use_default_colors),
	ENTRY(init_pair),   { "stdscr", offsetof(struct curses_api, window), true },
};

struct screen {
	const struct ergon_env *env;
	struct curses_api api;
	void *library, *window;
	bool color;
};

enum ergon_code screen_open(struct screen **out, const struct ergon_env *env, bool color,
                            struct ergon_error *err)
{
	static const char *const sonames[] = { "libncursesw.so.6", "libncursesw.so", NULL };
	char why[256];
	*out = NULL;
	struct screen *screen = calloc(1, sizeof *screen);
	if (!screen)
		return ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	screen->env = env;
	screen->library = library_open(env, sonames, entries, sizeof entries / sizeof *entries,
	                               &screen->api, why, sizeof why);
	if (!screen->library) {
		free(screen);
		return ergon_fail(err, ERGON_NOT_SUPPORTED,
		                  "no full screen without ncurses (%.160s): sudo apt install "
		                  "libncursesw6; --once and --batch need none",
		                  why);
	}
	const struct curses_api *api = &screen->api;
	if (!api->newterm(NULL, stdout, stdin)) {
		const char *type = getenv("TERM");
		ergon_fail(err, ERGON_NOT_SUPPORTED,
		           "the terminal '%.40s' has no full screen: --once and --batch need none",
		           type ? type : "(TERM is not set)");
		free(screen); /* the library stays: it has hooks of its own */
		return ERGON_NOT_SUPPORTED;
	}
	screen->window = *api->window;
	api->cbreak();
	api->noecho();
	api->curs_set(0);
	api->keypad(screen->window, true);
	screen->color = color && api->has_colors();
	if (screen->color) {
		api->start_color();
		api->use_default_colors();
		api->init_pair(PAIR_TITLE, COLOR_IS_CYAN, DEFAULT_COLOR);
		api->init_pair(PAIR_ALERT, COLOR_IS_RED, DEFAULT_COLOR);
	}
	*out = screen;
	return ERGON_OK;
}

void screen_close(struct screen *screen)
{
	if (!screen)
		return;
	screen->api.endwin();
	free(screen);
}

void screen_size(const struct screen *screen, size_t *rows, size_t *columns)
{
	int y = screen->api.getmaxy(screen->window), x = screen->api.getmaxx(screen->window);
	*rows = y > 0 ? (size_t)y : 0;
	*columns = x > 0 ? (size_t)x : 0;
}

static unsigned attributes_of(const struct screen *screen, enum top_style style)
{
	switch (style) {
	case TOP_TITLE:
		return BIT(13) | (screen->color ? PAIR(PAIR_TITLE) : 0);
	case TOP_HEADER:
		return BIT(10);
	case TOP_DIM:
		return BIT(12);
	case TOP_ALERT:
		return BIT(13) | (screen->color ? PAIR(PAIR_ALERT) : 0);
	case TOP_PLAIN:
		break;
	}
	return 0;
}

void screen_draw(struct screen *screen, const struct top_line *lines, size_t count)
{
	const struct curses_api *api = &screen->api;
	api->werase(screen->window);
	for (size_t i = 0; i < count; i++) {
		api->wattrset(screen->window, (int)attributes_of(screen, lines[i].style));
		api->wmove(screen->window, (int)i, 0);
		api->waddnstr(screen->window, lines[i].text, -1);
	}
	api->wattrset(screen->window, 0);
	api->wrefresh(screen->window);
}

int screen_key(struct screen *screen, uint64_t patience_ns)
{
	const struct curses_api *api = &screen->api;
	api->wtimeout(screen->window, (int)((patience_ns + NS_PER_MS - 1) / NS_PER_MS));
	int key = api->wgetch(screen->window);
	return key == KEY_RESIZED ? SCREEN_RESIZED : key < 0 ? SCREEN_NO_KEY : key;
}
