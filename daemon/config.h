/* SPDX-License-Identifier: Apache-2.0 */
/* config.h - the configuration file: one table of keys, with their ranges and defaults, into plain values. */
#ifndef COMMISSION_CONFIG_H
#define COMMISSION_CONFIG_H

#include "daemon/log.h"
#include "daemon/net/endpoint.h"

#define CONFIG_PATH_SIZE 256
#define CONFIG_ENDPOINTS_MAX 4
#define CONFIG_TEXT_SIZE 16384 /* of all settings, printed */

struct config_endpoints {
    char addresses[CONFIG_ENDPOINTS_MAX][ENDPOINT_ADDRESS_SIZE];
    uint32_t count;
};

struct config {
    char state_dir[CONFIG_PATH_SIZE];
    struct config_endpoints clients;
    struct config_endpoints workers;
    bool workers_uid_given; /* on ipc, this user id proves a worker */
    uint32_t workers_uid;
    char server_key_file[CONFIG_PATH_SIZE];
    char signing_key_file[CONFIG_PATH_SIZE];
    bool operator_key_given;
    struct key operator_key; /* the first operator's public key */
    uint64_t segment_bytes;
    uint64_t map_bytes;
    uint64_t reserve_bytes;
    uint32_t checkpoint_interval_s; /* 0: none */
    uint32_t scrub_rows;            /* a second; 0: none */
    uint32_t drain_ms;
    uint32_t workers_max;
    uint32_t feeds_max;
    uint32_t events_open_max;
    uint32_t events_open_sender_max;
    uint64_t bytes_open_sender_max;
    uint32_t events_rate_sender_max;
    uint32_t events_burst_sender_max;
    uint32_t workflows_open_lead_max;
    enum log_level log_level;
};

/** All defaults, as if the file were empty. */
void config_default(struct config *ret);

/**
 * Read @path. STATUS_OK. STATUS_NOT_FOUND, STATUS_IO_FAILED: no such file, not readable. STATUS_INVALID: an unknown key, a value out of its range, bad
 * syntax. Except for STATUS_OK @text says where ("FILE:LINE: ...") and what, and *@ret is untouched.
 */
MUST_USE enum status config_read(const char *path, struct config *ret, char *text,
                                 size_t text_size);

/** Write the settings of @path, those left out with their defaults, as a configuration would; no key holds a secret. "" where it cannot be read. */
void config_print(const char *path, char *ret, size_t size);

/** The first key in which the two differ and that takes a restart to change; NULL: there is none. */
const char *config_needs_restart(const struct config *before, const struct config *after);

/** The @index-th key's name, NULL past the last: for tests of the sample and the manual. */
const char *config_key(uint32_t index);

#endif
