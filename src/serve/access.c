/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/access.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/units.h"

enum { PEER_GROUPS_MAX = 1024 };

static enum ergon_code user_id(const char *name, uid_t *id, struct ergon_error *err)
{
	uint64_t number;
	const struct passwd *entry = getpwnam(name);
	if (!entry && !(parse_u64(name, &number) && number < UINT32_MAX))
		return ergon_fail(err, ERGON_NOT_FOUND, "no user '%.60s' on this machine", name);
	*id = entry ? entry->pw_uid : (uid_t)number;
	return ERGON_OK;
}

static enum ergon_code take_users(struct access_rules *rules, char *words, struct ergon_error *err)
{
	enum ergon_code code = ERGON_OK;
	char *word;
	while (!code && (word = strsep(&words, ","))) {
		if (strcmp(word, "everyone") == 0)
			rules->everyone = true;
		else if (rules->user_count == ACCESS_USERS_MAX)
			code = ergon_fail(err, ERGON_BAD_INPUT, "more than %d users: use a group",
			                  (int)ACCESS_USERS_MAX);
		else if (!(code = user_id(word, &rules->users[rules->user_count], err)))
			rules->user_count++;
	}
	return code;
}

enum ergon_code access_parse(struct access_rules *rules, const char *users, const char *group,
                             struct ergon_error *err)
{
	*rules = (struct access_rules){ 0 };
	if (group) {
		uint64_t number;
		const struct group *entry = getgrnam(group);
		if (!entry && !(parse_u64(group, &number) && number < UINT32_MAX))
			return ergon_fail(err, ERGON_NOT_FOUND,
			                  "no group '%.60s' on this machine: sudo groupadd "
			                  "--system %.60s",
			                  group, group);
		rules->group = entry ? entry->gr_gid : (gid_t)number;
		rules->by_group = true;
	}
	if (!users)
		return ERGON_OK;
	char *copy = strdup(users);
	enum ergon_code code =
	    copy ? take_users(rules, copy, err) : ergon_fail(err, ERGON_NO_MEMORY, "out of memory");
	free(copy);
	return code;
}

mode_t access_mode(const struct access_rules *rules)
{
	if (rules->everyone || rules->user_count)
		return 0666; /* listed users: access_allows tells them from others */
	return rules->by_group ? 0660 : 0600;
}

static bool in_group(const struct access_rules *rules, int fd, gid_t primary)
{
	gid_t groups[PEER_GROUPS_MAX];
	socklen_t size = sizeof groups;
	if (primary == rules->group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
		return false;
	for (size_t i = 0; i < size / sizeof *groups; i++)
		if (groups[i] == rules->group)
			return true;
	return false;
}

bool access_allows(const struct access_rules *rules, int fd)
{
	struct ucred peer;
	socklen_t size = sizeof peer;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) || size != sizeof peer)
		return false;
	if (rules->everyone || peer.uid == 0 || peer.uid == geteuid())
		return true;
	for (size_t i = 0; i < rules->user_count; i++)
		if (rules->users[i] == peer.uid)
			return true;
	return rules->by_group && in_group(rules, fd, peer.gid);
}

enum ergon_code access_become(const char *user, struct ergon_error *err)
{
	const struct passwd *entry = getpwnam(user);
	if (!entry)
		return ergon_fail(err, ERGON_NOT_FOUND, "no user '%.60s' on this machine", user);
	uid_t uid = entry->pw_uid;
	gid_t gid = entry->pw_gid;
	if (geteuid() != 0)
		return geteuid() == uid ? ERGON_OK
		                        : ergon_fail(err, ERGON_NO_PERMISSION,
		                                     "only root can become another user");
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return ergon_fail(err, ERGON_IO, "cannot become user '%.60s': %s", user,
		                  strerror(errno));
	if (uid != 0 && (setuid(0) == 0 || seteuid(0) == 0))
		return ergon_fail(err, ERGON_INTERNAL, "privileges could not be given up");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return ergon_fail(err, ERGON_IO, "cannot give up privileges: %s", strerror(errno));
	return ERGON_OK;
}
