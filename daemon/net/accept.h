/* SPDX-License-Identifier: Apache-2.0 */
/* accept.h - this process's accept(): a connection that would take the last descriptors is closed again. */
#ifndef COMMISSION_ACCEPT_H
#define COMMISSION_ACCEPT_H

#include "proto/base.h"

/* So many of the process's descriptors are never a connection's: journal, state and checkpoint are opened at any time. */
#define ACCEPT_SPARE 32

/** How many connections were closed again so far. From any thread. */
uint64_t accept_refused(void);

#endif
