/* SPDX-License-Identifier: Apache-2.0 */
/* follow.h - entries printed as they come: of the whole feed, or of one workflow. */
#ifndef COMMISSION_COMMANDS_FOLLOW_H
#define COMMISSION_COMMANDS_FOLLOW_H

#include "clients/cli/print.h"

/** Which entries, and until when. */
struct follow {
    uint64_t first; /* >= 1 */
    uint64_t last;  /* done once this was looked at; 0: never */
    uint64_t
        number; /* of the workflow; 0: all entries. Done when that workflow is complete or withdrawn */
};

/** Follow the feed and print what is wanted. Returns an exit code; failures are said. */
int follow_feed(struct cli *cli, struct commission *connection, struct printer *printer,
                const struct follow *follow);
/** Print the history of the workflow @name ("02E/2018-physio"), and what comes, until it is complete or withdrawn. Returns an exit code. */
int follow_workflow(struct cli *cli, const char *name);

#endif
