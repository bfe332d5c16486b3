/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h - the nouns of the tool, each with its table of verbs; and the verbs that stand in files of their own. */
#ifndef COMMISSION_COMMANDS_H
#define COMMISSION_COMMANDS_H

#include "clients/cli/cli.h"

extern const struct cli_noun noun_event;
extern const struct cli_noun noun_workflow;
extern const struct cli_noun noun_queue;
extern const struct cli_noun noun_parked;
extern const struct cli_noun noun_worker;
extern const struct cli_noun noun_rule;
extern const struct cli_noun noun_org;
extern const struct cli_noun noun_ledger;
extern const struct cli_noun noun_key;
extern const struct cli_noun noun_journal;
extern const struct cli_noun noun_db;
extern const struct cli_noun noun_backup;
extern const struct cli_noun noun_feed;
extern const struct cli_noun noun_import;
extern const struct cli_noun noun_server;
extern const struct cli_noun noun_dev;
extern const struct cli_noun noun_context;
extern const struct cli_noun noun_completion;
extern const struct cli_noun noun_version;

/* event.c has its row. */
int event_spool(struct cli *cli, int argc, char **argv);
extern const struct cli_option event_spool_options[];
extern const char event_spool_more[];

/* import.c has their rows: arguments, options, help. */
int import_ocds(struct cli *cli, int argc, char **argv);
int import_orgs(struct cli *cli, int argc, char **argv);
int import_allotments(struct cli *cli, int argc, char **argv);

/** The options of import orgs, which `org import` has too. */
extern const struct cli_option import_orgs_options[];
extern const char import_orgs_more[];
extern const char import_orgs_example[];

/** Add the payload of a KEY_ADDED and the event's last brace: @verbs is a JSON array of names. */
struct text;
void key_added_json(struct key key, const char *kind, const char *verbs, const char *label,
                    struct text *ret);

/** Send one event, given as JSON with its id, wait for its verdict and print what became of it; @dry_run: only ask. An exit code. */
int event_send_text(struct cli *cli, const char *json, bool dry_run);

#endif
