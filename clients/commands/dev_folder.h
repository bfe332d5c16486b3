/* SPDX-License-Identifier: Apache-2.0 */
/* dev_folder.h - the folder of a private instance: keys, configuration, contexts, and who is in it. */
#ifndef COMMISSION_DEV_FOLDER_H
#define COMMISSION_DEV_FOLDER_H

#include "clients/cli/cli.h"

#define DEV_PATH_SIZE 4096

/** One of those who have a key and a context in the instance. */
struct dev_party {
    const char *context; /* its context's name: "02E", "operator" */
    const char *ods;
    const char *kind;
    const char *verbs; /* as JSON; NULL: the first operator, whom the configuration names */
};

const struct dev_party *dev_parties(uint32_t *ret_count);

/** DIR/@name. Stops on a path that is too long, which dev_folder_open() has refused before. */
void dev_path(const char *folder, const char *name, char ret[DEV_PATH_SIZE]);
/** The context of @party. */
void dev_context_path(const char *folder, const struct dev_party *party, char ret[DEV_PATH_SIZE]);
/** The public key of @party. 0, or an exit code, said. */
MUST_USE int dev_public_key(struct cli *cli, const char *folder, const struct dev_party *party,
                            struct key *ret);

/**
 * Make the folder @wanted, or take it up again: keys that are missing are made, configuration and contexts written anew.
 * It is locked until the process ends. @tcp_port 0: on ipc alone. 0 and its absolute path, or an exit code, said.
 */
MUST_USE int dev_folder_open(struct cli *cli, const char *wanted, uint16_t tcp_port,
                             char ret_folder[DEV_PATH_SIZE]);

#endif
