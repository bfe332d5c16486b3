/* SPDX-License-Identifier: Apache-2.0 */
/* dev_children.h - the daemon and the workers of a private instance, as child processes. */
#ifndef COMMISSION_DEV_CHILDREN_H
#define COMMISSION_DEV_CHILDREN_H

#include "clients/cli/cli.h"

struct dev_children;

/** Find the programs; start none. 0, or an exit code, said. *@ret is the caller's. */
MUST_USE int dev_children_new(struct dev_children **ret, struct cli *cli, const char *folder);
/** End all: the workers, then the daemon; wait for each. Returns NULL. */
struct dev_children *dev_children_free(struct dev_children *children);

/** Start the daemon. 0, or an exit code, said. */
MUST_USE int dev_children_start_daemon(struct dev_children *children);
/** The daemon runs; false: it has ended (said, with where its log is). */
MUST_USE bool dev_children_daemon_runs(struct dev_children *children);
MUST_USE int dev_children_start_workers(struct dev_children *children);

/** Keep them running until SIGINT, SIGTERM or SIGHUP: one that ends is said, and started again, later each time. 0, or an exit code. */
MUST_USE int dev_children_keep(struct dev_children *children);

#endif
