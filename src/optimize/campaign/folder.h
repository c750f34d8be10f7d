/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder through which the workers of a campaign share its units.
 *
 *     campaign.json        what was asked; a folder serves one campaign only
 *     alive/OWNER          one file for every process that leads workers; it touches it now and
 * then claims/UNIT          made by exactly one (O_EXCL), holds its owner's name done/UNIT.json the
 * outcome, put there whole by rename(2) drafts/              outcomes in the making
 *
 * A claim whose owner has not touched its file for LEASE_S, or that ran on this machine and is
 * gone, is void and may be taken over. Two that take over the same claim at once both do the unit:
 * that costs time and nothing else, for both write the same bytes.
 *
 * Ages are differences of times of change within the folder, so that the clocks of machines need
 * not agree. No locks: folders of a network may not have them.
 */
#ifndef ERGON_OPTIMIZE_CAMPAIGN_FOLDER_H
#define ERGON_OPTIMIZE_CAMPAIGN_FOLDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ergon/error.h"

enum { CAMPAIGN_LEASE_S = 20, CAMPAIGN_OWNER_LENGTH = 160 };

struct campaign_folder {
	char path[4096];
	char owner[CAMPAIGN_OWNER_LENGTH]; /* host-pid-begin of the process that leads */
	char host[96];
};

/* Makes what is missing of the folder; one of another campaign is BAD_INPUT. */
ERGON_MUST_USE enum ergon_code campaign_folder_open(struct campaign_folder *folder,
                                                    const char *path, const char *host,
                                                    uint64_t begin_ns, const json_t *description,
                                                    struct ergon_error *err);
/* Says that this owner lives. */
void campaign_folder_touch(const struct campaign_folder *folder);
/* This owner needs its file no more. */
void campaign_folder_leave(const struct campaign_folder *folder);

bool campaign_is_done(const struct campaign_folder *folder, uint32_t unit);
/* True for one caller only, until that one is dead. */
bool campaign_claim(const struct campaign_folder *folder, const char *name);
void campaign_unclaim(const struct campaign_folder *folder, const char *name);
/* Was that name ever claimed and not given back, by whomever, alive or not? */
bool campaign_was_claimed(const struct campaign_folder *folder, const char *name);
ERGON_MUST_USE enum ergon_code campaign_put(const struct campaign_folder *folder, uint32_t unit,
                                            const json_t *outcome, struct ergon_error *err);
ERGON_MUST_USE enum ergon_code campaign_get(const struct campaign_folder *folder, uint32_t unit,
                                            json_t **outcome, struct ergon_error *err);

#endif
