/* SPDX-License-Identifier: Apache-2.0 */
/* commission.c - the tool: its nouns. Dispatch, help and completion all come from this table. */

#include "clients/cli/dispatch.h"
#include "clients/commands/commands.h"

int main(int argc, char **argv)
{
    static const struct cli_noun *const nouns[] = {
        &noun_event, &noun_workflow, &noun_queue,   &noun_parked,     &noun_worker,
        &noun_rule,  &noun_org,      &noun_ledger,  &noun_key,        &noun_journal,
        &noun_db,    &noun_backup,   &noun_feed,    &noun_import,     &noun_server,
        &noun_dev,   &noun_context,  &noun_version, &noun_completion, NULL,
    };
    return cli_main(nouns, argc, argv);
}
