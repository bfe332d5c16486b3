/* SPDX-License-Identifier: Apache-2.0 */
/* What a backup is made of: the journal's files as they stand on disk, a bounded number of bytes a turn. */
#include <string.h>

#include "daemon/broker/query.h"

#define RAW_BYTES_MAX (256u * 1024)
#define SEGMENT_ASKED (ASKED_MAX / 16) /* its index is opened and read */
#define RAW_ASKED (ASKED_MAX / 8) /* a turn reads 2 MiB at most: the writer waits for no more */

/** A read failed: the store is damaged, and the daemon stops. */
static void fail_read(struct asking *asking, enum status status, uint64_t first_seq)
{
    if (status != STATUS_NOT_FOUND)
        broker_fail(asking->broker, STATUS_STORE_CORRUPT);
    query_error(asking, status_name(status), "segment %llu: %s", (unsigned long long)first_seq,
                status_text(status));
}

void query_backup_head(struct asking *asking)
{
    struct broker *broker = asking->broker;
    struct store *store = broker->store;
    struct store_sizes sizes;
    struct statement_key key;
    struct slice bytes;
    struct hash hash;
    uint8_t id[16];
    char id_text[33];
    char key_text[STATEMENT_KEY_TEXT_SIZE] = "";

    store_journal_id(store, id);
    statement_id_print(id, id_text);
    store_sizes(store, &sizes);
    if (notary_can(broker->notary, &key))
        statement_key_print(key, key_text);
    bool there = asking->from > 0 && asking->from <= store_durable_seq(store) &&
                 store_read_entry(store, asking->from, &bytes, &hash) == STATUS_OK;
    if (!query_row(asking))
        return;
    query_text(asking, id_text);
    query_number(asking, (int64_t)store_durable_seq(store));
    query_hash(asking, store_head_hash(store));
    query_moment(asking, broker->now.wall_ms);
    query_text(asking, broker->version);
    query_number(asking, sizes.state_format);
    query_number(asking, sizes.journal_format);
    query_text(asking, key_text);
    if (there)
        query_hash(asking, hash);
    else
        query_text(asking, "");
}

void query_backup_segments(struct asking *asking)
{
    struct store_segment segment;
    uint32_t index;
    enum status status;

    (void)query_resumed(asking, &index, sizeof index);
    while ((status = store_segment(asking->broker->store, index, &segment)) == STATUS_OK) {
        if (asking->broker->asked >= ASKED_MAX || !query_row(asking)) {
            query_resume(asking, &index, sizeof index);
            return;
        }
        asking->broker->asked += SEGMENT_ASKED;
        query_number(asking, (int64_t)segment.first_seq);
        query_number(asking, (int64_t)segment.bytes);
        query_number(asking, (int64_t)segment.end);
        query_number(asking, (int64_t)segment.last_seq);
        query_hash(asking, segment.last_hash);
        index++;
    }
    if (status != STATUS_NOT_FOUND)
        fail_read(asking, status, index);
}

void query_backup_read(struct asking *asking)
{
    struct broker *broker = asking->broker;
    uint8_t *bytes = arena_take(broker->arena, RAW_BYTES_MAX);
    size_t len;

    broker->asked += RAW_ASKED;
    if (bytes == NULL) {
        query_error(asking, "BUSY", "too much is asked at once; ask again");
        return;
    }
    enum status status =
        store_read_raw(broker->store, asking->seq, asking->from, bytes, RAW_BYTES_MAX, &len);
    if (status != STATUS_OK)
        fail_read(asking, status, asking->seq);
    else
        asking->reply->data = (struct slice){bytes, len};
}

void query_backup_config(struct asking *asking)
{
    const char *text = asking->broker->options.config_text;

    if (text != NULL)
        asking->reply->data =
            arena_copy(asking->broker->arena, (struct slice){(const uint8_t *)text, strlen(text)});
}
