/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libzmq's ipc listener aborts the process when accept() says EMFILE, and nothing in its API limits connections before their
 * handshake. So accept() and accept4() are ours: the dynamic linker finds those of the program before those of libc.
 */
#include "daemon/net/accept.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

/* As libc has them; <sys/socket.h> hides the addresses in a union of its own. */
EXPORTED int accept4(int listener, void *address, void *address_len, int flags);
EXPORTED int accept(int listener, void *address, void *address_len);

static atomic_uint_fast64_t refused;

/** Are so few left, with @fd open, that files need them? The lowest free descriptor is always the next. */
static bool is_spare(int fd)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && (rlim_t)fd + ACCEPT_SPARE >= limit.rlim_cur;
}

int accept4(int listener, void *address, void *address_len, int flags)
{
    int fd = (int)syscall(SYS_accept4, listener, address, address_len, flags);

    if (fd < 0 ? errno != EMFILE : !is_spare(fd))
        return fd;
    if (fd >= 0)
        close(fd);
    atomic_fetch_add(&refused, 1);
    errno = ECONNABORTED; /* as if the peer had gone again: what every listener expects */
    return -1;
}

int accept(int listener, void *address, void *address_len)
{
    return accept4(listener, address, address_len, 0);
}

uint64_t accept_refused(void)
{
    return atomic_load(&refused);
}
