/* SPDX-License-Identifier: Apache-2.0 */
/* dev_registers.h - the registers of a private instance: sample organisations, contracts, allotments. */
#ifndef COMMISSION_DEV_REGISTERS_H
#define COMMISSION_DEV_REGISTERS_H

#include "clients/cli/cli.h"

/**
 * Send the keys of all parties as the operator, then the registers as NHS England. What is known already changes nothing:
 * each event's id follows from what it says. 0, or an exit code, said.
 */
MUST_USE int dev_registers_send(struct cli *cli, const char *folder);

#endif
