/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/notify.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#define US_PER_MS 1000

void notify_ready(const char *text)
{
    (void)sd_notifyf(0, "READY=1\nSTATUS=%s", text);
}

void notify_reloading(int64_t mono_ms)
{
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, mono_ms * US_PER_MS);
}

void notify_stopping(const char *text, uint32_t extend_ms)
{
    (void)sd_notifyf(0, "STOPPING=1\nSTATUS=%s\nEXTEND_TIMEOUT_USEC=%" PRIu64, text,
                     (uint64_t)extend_ms * US_PER_MS);
}

void notify_alive(void)
{
    (void)sd_notify(0, "WATCHDOG=1");
}

int64_t notify_alive_ms(void)
{
    uint64_t us = 0;
    if (sd_watchdog_enabled(0, &us) <= 0)
        return 0;
    int64_t ms = (int64_t)(us / 3 / US_PER_MS);
    return ms > 0 ? ms : 1;
}
