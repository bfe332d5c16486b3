/* SPDX-License-Identifier: Apache-2.0 */
/* program.h - finding the programs that belong to this tool. */
#ifndef COMMISSION_PROGRAM_H
#define COMMISSION_PROGRAM_H

#include "proto/base.h"

#define PROGRAM_PATH_SIZE 4096

/** The path of the program @name: beside this tool, in the sbin beside its folder, or in PATH. False: nowhere. */
MUST_USE bool program_find(const char *name, char ret[PROGRAM_PATH_SIZE]);

#endif
