/* SPDX-License-Identifier: Apache-2.0 */
/* instance.h - the real daemon and its workers in a folder of their own, for tests and the load generator. */
#ifndef COMMISSION_TESTS_INSTANCE_H
#define COMMISSION_TESTS_INSTANCE_H

#include <sys/types.h>

#include "tests/support/peer.h"

#define INSTANCE_WORKERS 5
#define INSTANCE_PATH_SIZE 128

struct instance {
    char bin[512]; /* where the programs are */
    char folder[64];
    char config[INSTANCE_PATH_SIZE];
    char log[INSTANCE_PATH_SIZE];     /* what the daemon writes to standard error */
    char clients[INSTANCE_PATH_SIZE]; /* addresses */
    char workers[INSTANCE_PATH_SIZE];
    struct pair server;
    struct pair first; /* the first operator of the configuration */
    int notify_fd;     /* where the daemon sends what systemd would get */
    pid_t daemon;      /* 0: not running */
    pid_t worker[INSTANCE_WORKERS];
};

/** A folder with keys and a configuration; @bin NULL: $COMMISSION_BINARY_DIR/bin. @more: further lines of the configuration. */
void instance_make(struct instance *instance, const char *bin, const char *more);
/** Write the configuration anew. */
void instance_configure(struct instance *instance, const char *more);
/** End what runs (kill -9, by process id) and remove the folder. */
void instance_end(struct instance *instance);

/** Run the daemon's program with @arguments (NULL-terminated, without the program), standard error to the log. */
pid_t instance_spawn(struct instance *instance, const char *const *arguments);
/** Start the daemon and wait until it says READY=1. False: it ended, or said nothing for 20 s. */
bool instance_start(struct instance *instance);
/** Start those of the five workers that do not run, each of which holds @capacity at once. */
void instance_start_workers(struct instance *instance, uint32_t capacity);
/** Run the worker's program of stage @index (0..4) with @arguments, as instance_spawn() does the daemon's; it ends with the instance. */
void instance_spawn_worker(struct instance *instance, int index, const char *const *arguments);
/** Wait up to @timeout_ms for a notice with @text in it. False: none came. */
bool instance_noticed(struct instance *instance, const char *text, int timeout_ms);

/** Wait up to 30 s for @pid to end: its exit status, or 128 + the signal, or -1: it still runs. */
int instance_wait(pid_t pid);
/** Send @signal to the daemon and wait as instance_wait() does. */
int instance_stop(struct instance *instance, int signal);
/** True when @text stands in the daemon's log. */
bool instance_logged(const struct instance *instance, const char *text);

#endif
