/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <stdio.h>

#include "base/units.h"

enum { BAR = 30 };

static uint64_t now_ns(const struct cli *cli)
{
	return cli->env->clock->monotonic_ns(cli->env->clock->user);
}

void progress_begin(struct progress *progress, struct cli *cli, const char *title)
{
	*progress = (struct progress){ .cli = cli, .title = title, .begin_ns = now_ns(cli) };
}

void progress_update(struct progress *progress, double done, const char *note)
{
	struct cli *cli = progress->cli;
	if (!cli->interactive || cli->quiet)
		return;
	uint64_t now = now_ns(cli);
	if (now - progress->begin_ns < NS_PER_S / 2 || now - progress->drawn_ns < NS_PER_S / 10)
		return;
	progress->drawn_ns = now;
	progress->drawn = true;
	int full = (int)(done * BAR + 0.5);
	full = full < 0 ? 0 : full > BAR ? BAR : full;
	char bar[BAR + 1];
	for (int i = 0; i < BAR; i++)
		bar[i] = i < full ? '#' : '.';
	bar[BAR] = '\0';
	fprintf(cli->errors, "\r\033[K%-14.14s [%s] %3.0f%% %.28s", progress->title, bar,
	        done * 100, note ? note : "");
	fflush(cli->errors);
}

void progress_end(struct progress *progress)
{
	if (progress->drawn) {
		fputs("\r\033[K", progress->cli->errors);
		fflush(progress->cli->errors);
	}
}
