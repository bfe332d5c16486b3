/* SPDX-License-Identifier: Apache-2.0 */
/* notify.h - what systemd is told: ready, reloading, stopping, alive. Without $NOTIFY_SOCKET all this does nothing. */
#ifndef COMMISSION_NOTIFY_H
#define COMMISSION_NOTIFY_H

#include "proto/base.h"

/** Up, or up again after a reload; @text is shown by systemctl status. */
void notify_ready(const char *text);
/** Reading the configuration again; @mono_ms is now, monotonic. notify_ready() ends it. */
void notify_reloading(int64_t mono_ms);
/** Going down, for reasons in @text; it may take @extend_ms more. */
void notify_stopping(const char *text, uint32_t extend_ms);
void notify_alive(void);
/** How often notify_alive() is wanted: a third of what systemd waits, in milliseconds; 0: never. */
int64_t notify_alive_ms(void);

#endif
