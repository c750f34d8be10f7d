/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may ask for energies: the peer of a Unix socket by the kernel's word (SO_PEERCRED,
 * SO_PEERGROUPS), never by its own.
 *
 * Root and the server's own user always may; besides them a group's members and listed users, or
 * everyone. Names are looked up once, at the start.
 */
#ifndef ERGON_SERVE_ACCESS_H
#define ERGON_SERVE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ergon/error.h"

enum { ACCESS_USERS_MAX = 256 };

struct access_rules {
	uid_t users[ACCESS_USERS_MAX];
	size_t user_count;
	gid_t group;
	bool by_group; /* members of group may */
	bool everyone;
};

/* users: "anna,1001" or "everyone", NULL for none; group: a name or number, NULL for none.
 * NOT_FOUND names the one that does not exist. */
ERGON_MUST_USE enum ergon_code access_parse(struct access_rules *rules, const char *users,
                                            const char *group, struct ergon_error *err);

/* The permission bits that the socket needs, so that the kernel keeps others out where it can. */
mode_t access_mode(const struct access_rules *rules);

/* May the process at the other end of this connected socket ask? */
bool access_allows(const struct access_rules *rules, int fd);

/* From root to this user for good: groups, user, no way back. NOT_FOUND for an unknown user. */
ERGON_MUST_USE enum ergon_code access_become(const char *user, struct ergon_error *err);

#endif
