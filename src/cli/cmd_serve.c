/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/units.h"
#include "cli/command.h"
#include "serve/relay_server.h"

struct serve_options {
	const char *socket, *group, *allow, *user, *sensors;
	uint64_t period_ns;
};

static const struct option options[] = {
	{ .name = "socket",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct serve_options, socket),
	  .value = "PATH",
	  .fallback = "/run/ergon/ergon.sock",
	  .help = "the Unix socket to answer on" },
	{ .name = "group",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct serve_options, group),
	  .value = "NAME",
	  .help = "members of this group may ask" },
	{ .name = "allow",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct serve_options, allow),
	  .value = "USERS",
	  .help = "these users may ask, such as anna,1001; or everyone" },
	{ .name = "user",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct serve_options, user),
	  .value = "NAME",
	  .help = "become this user once the sensors are open (for root)" },
	{ .name = "period",
	  .kind = OPTION_DURATION,
	  .field = offsetof(struct serve_options, period_ns),
	  .value = "DURATION",
	  .fallback = "100ms",
	  .help = "how often energies change; 50ms at the least",
	  .min = 0.05,
	  .max = 60 },
	{ .name = "sensors",
	  .kind = OPTION_TEXT,
	  .field = offsetof(struct serve_options, sensors),
	  .value = "LIST",
	  .help = "only these, such as rapl_powercap,hwmon" },
	OPTION_END,
};

static int stop_signals(void)
{
	sigset_t stop;
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &stop, NULL);
	return signalfd(-1, &stop, SFD_CLOEXEC);
}

static enum ergon_code serve(struct cli *cli, const struct serve_options *o, struct meter *meter,
                             const struct access_rules *rules, struct ergon_error *err)
{
	struct relay_server *server;
	int stop = stop_signals();
	if (stop < 0)
		return ergon_fail(err, ERGON_IO, "signalfd: %s", strerror(errno));
	enum ergon_code code = relay_server_open(
	    &server, cli->env, meter,
	    &(struct relay_server_options){
		.path = o->socket, .rules = rules, .period_ns = o->period_ns, .user = o->user },
	    err);
	if (!code) {
		if (!cli->quiet) {
			fprintf(cli->out, "serving %zu channels on %s\n",
			        relay_server_channels(server), o->socket);
			fflush(cli->out);
		}
		code = relay_server_run(server, stop, err);
		relay_server_close(server);
	}
	close(stop);
	return code;
}

static int serve_run(struct cli *cli, const void *parsed, char **operands, int count)
{
	(void)operands;
	(void)count;
	const struct serve_options *o = parsed;
	struct ergon_error err = { 0 };
	struct access_rules rules;
	struct meter *meter = NULL;
	cli->env->socket_path = NULL; /* nobody asks itself */
	enum ergon_code code = access_parse(&rules, o->allow, o->group, &err);
	if (!code)
		code = meter_open(&meter, cli->env,
		                  &(struct meter_options){ .interval_ns = o->period_ns,
		                                           .sensors = o->sensors,
		                                           .stream = true },
		                  &err);
	if (!code)
		code = serve(cli, o, meter, &rules, &err);
	meter_close(meter);
	return code ? cli_fail(cli, "serve", &err) : EXIT_DONE;
}

const struct command command_serve = {
	.name = "serve",
	.pillar = PILLAR_MEASURE,
	.summary = "let other users measure through a socket",
	.synopsis = "[--socket PATH] [--group NAME] [--allow USERS] [--user NAME]",
	.details =
	    "Linux lets only root read the processors' energy counters, because energy at a\n"
	    "high rate tells what other processes compute (CVE-2020-8694). This server reads\n"
	    "them as root, becomes an ordinary user, and tells permitted users how much energy\n"
	    "was taken: one value a period, rounded to a millijoule, however often they ask.\n\n"
	    "ergon measure, the library and its Python package find it by themselves where the\n"
	    "sensors are closed to them: at /run/ergon/ergon.sock, or where ERGON_SOCKET says.\n"
	    "Root and the user that it runs as may always ask. It ends by SIGTERM or Ctrl-C.",
	.examples = "ergon serve --group ergon --user nobody\n"
		    "ergon serve --socket /tmp/ergon.sock --allow anna",
	.options = options,
	.options_size = sizeof(struct serve_options),
	.run = serve_run,
};
