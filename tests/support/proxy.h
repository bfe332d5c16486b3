/* SPDX-License-Identifier: Apache-2.0 */
/* proxy.h - a bad network: a process between a TCP client and a server that harms each connection sooner or later, by a seed. */
#ifndef COMMISSION_TESTS_PROXY_H
#define COMMISSION_TESTS_PROXY_H

#include <sys/types.h>

#include "proto/base.h"

/* What may become of a connection: after some bytes in one direction, and never quite the same way. */
/* clang-format off */
#define FATE_LIST(X)                                                          \
    X(RESET,   "reset")                                                       \
    X(HALF,    "half-closed, then reset")                                     \
    X(STALL,   "silent both ways, then reset")                                \
    X(DRIP,    "one byte a second, then reset")                               \
    X(GARBAGE, "bytes of nobody's put in between")                            \
    X(REPEAT,  "some bytes sent twice")                                       \
    X(CUT,     "some bytes left out")                                         \
    X(FLIP,    "one bit flipped")
/* clang-format on */

#define FATE_ENUM(name, text) FATE_##name,
enum fate { FATE_LIST(FATE_ENUM) FATES };
#undef FATE_ENUM

/** What the fate is called; static. */
const char *fate_text(enum fate fate);

/** Connections that met their fate, written by the proxy's process while it runs. */
struct proxy_counts {
    uint32_t connections;
    uint32_t met[FATES];
};

struct proxy {
    pid_t pid;
    uint16_t port;               /* of 127.0.0.1, to connect to */
    struct proxy_counts *counts; /* shared with it */
};

/**
 * Start one to @to_port of 127.0.0.1. A fate is met within a handshake, soon after it, or after up to @bytes_max bytes, a third of
 * the connections each. Stops the program when it cannot.
 */
void proxy_start(struct proxy *proxy, uint16_t to_port, uint32_t seed, uint32_t bytes_max);
/** End it, by its process id. */
void proxy_end(struct proxy *proxy);

#endif
