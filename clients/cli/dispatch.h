/* SPDX-License-Identifier: Apache-2.0 */
/* dispatch.h - the command line: from arguments to a verb, and help, from one table of nouns. */
#ifndef COMMISSION_DISPATCH_H
#define COMMISSION_DISPATCH_H

#include "clients/cli/cli.h"

/** Run the tool: parse, call the verb, clean up. Returns the exit code of the process. */
int cli_main(const struct cli_noun *const *nouns, int argc, char **argv);

/** The options that every verb has; ends with {0}. "c" and the like are their letters. */
struct cli_shared_option {
    char letter; /* '\0': none */
    const char *name;
    const char *value;
    const char *help;
};
extern const struct cli_shared_option cli_shared_options[];

#endif
