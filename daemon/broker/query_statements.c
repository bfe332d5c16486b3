/* SPDX-License-Identifier: Apache-2.0 */
/* Questions whose answer is signed: the receipt of an event, the newest checkpoint. */
#include <string.h>

#include "daemon/broker/query.h"

/** The columns of both: what was signed in single cells, then the statement itself. */
static void put_statement(struct asking *asking, const struct statement *statement,
                          const char *text)
{
    char id[33];

    statement_id_print(statement->journal_id, id);
    query_text(asking, id);
    query_number(asking, (int64_t)statement->seq);
    query_hash(asking, statement->hash);
    query_moment(asking, statement->at_ms);
    query_text(asking, text);
}

/** There is a key, and the asker has not had too many; else the error is said. */
static bool may_sign(struct asking *asking)
{
    struct broker *broker = asking->broker;
    struct statement_key key;

    if (!notary_can(broker->notary, &key)) {
        query_error(asking, "UNSUPPORTED", "this daemon has no key to sign with");
        return false;
    }
    if (notary_allows(broker->notary, asking->principal->organisation, broker->now.mono_ms))
        return true;
    query_error(asking, "BUSY", "%d signatures a second are made for an organisation; ask again",
                NOTARY_EACH_SECOND);
    return false;
}

void query_event_receipt(struct asking *asking)
{
    struct statement statement = {.kind = STATEMENT_RECEIPT};
    struct seen seen;
    struct entry received;
    struct slice bytes;
    char text[STATEMENT_TEXT_SIZE];

    if (!query_known_event(asking, &seen, &received, &bytes, &statement.hash))
        return;
    if (seen.seq > store_durable_seq(asking->broker->store)) {
        query_error(asking, "BUSY", "the event is not on disk yet; ask again");
        return;
    }
    if (!may_sign(asking))
        return;
    store_journal_id(asking->broker->store, statement.journal_id);
    statement.seq = received.seq;
    statement.event_id = asking->event_id;
    statement.digest = statement_digest(received.event);
    statement.at_ms = received.at_ms;
    notary_sign(asking->broker->notary, &statement, text);
    if (query_row(asking))
        put_statement(asking, &statement, text);
}

void query_journal_checkpoint(struct asking *asking)
{
    const char *text = notary_checkpoint(asking->broker->notary);
    struct statement statement;
    struct statement_key key;

    if (text == NULL) {
        query_error(asking, "NOT_FOUND", "no checkpoint is made here: see checkpoint_interval_s");
        return;
    }
    struct slice slice = {(const uint8_t *)text, strlen(text)};
    CHECK(notary_can(asking->broker->notary, &key));
    CHECK(statement_verify(slice, key, &statement) == STATUS_OK);
    if (query_row(asking))
        put_statement(asking, &statement, text);
}
