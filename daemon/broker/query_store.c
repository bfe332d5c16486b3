/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about the store itself. */
#include <string.h>

#include "daemon/broker/query.h"

#define UNKNOWN (-1) /* an empty cell */

static void put(struct asking *asking, const char *part, const char *name, int64_t rows,
                int64_t bytes, const char *note)
{
    if (!query_row(asking))
        return; /* there are far fewer than a reply holds */
    query_text(asking, part);
    query_text(asking, name);
    if (rows >= 0)
        query_number(asking, rows);
    else
        query_text(asking, "");
    if (bytes >= 0)
        query_number(asking, bytes);
    else
        query_text(asking, "");
    query_text(asking, note);
}

void query_db_stats(struct asking *asking)
{
    struct store *store = asking->broker->store;
    struct store_table table;
    struct store_sizes sizes;
    struct store_scrub scrub;
    char note[120];

    for (uint32_t i = 0; store_table(store, i, &table); i++)
        put(asking, "table", table.name, (int64_t)table.rows, (int64_t)table.bytes, "");
    store_sizes(store, &sizes);
    put(asking, "map", "used", UNKNOWN, (int64_t)sizes.map_used_bytes, "pages of the tables");
    put(asking, "map", "high water", UNKNOWN, (int64_t)sizes.map_high_bytes,
        "the file does not shrink");
    put(asking, "map", "size", UNKNOWN, (int64_t)sizes.map_bytes, "map_bytes");
    put(asking, "map", "free", UNKNOWN, (int64_t)(sizes.map_bytes - sizes.map_used_bytes), "");
    put(asking, "journal", "segments", sizes.segments, (int64_t)sizes.segments_bytes, "");
    put(asking, "journal", "entries", (int64_t)store_durable_seq(store), UNKNOWN, "");
    put(asking, "disk", "free", UNKNOWN, (int64_t)sizes.disk_free_bytes, "");
    store_scrub(store, &scrub);
    (void)snprintf(note, sizeof note, "in table %s; %llu passes since the start", scrub.table,
                   (unsigned long long)scrub.passes);
    put(asking, "scrub", "rows", (int64_t)scrub.rows, UNKNOWN,
        asking->broker->options.scrub_rows > 0 ? note : "off: scrub_rows is 0");
    (void)snprintf(note, sizeof note, "%u", sizes.state_format);
    put(asking, "format", "state", UNKNOWN, UNKNOWN, note);
    (void)snprintf(note, sizeof note, "%u", sizes.journal_format);
    put(asking, "format", "journal", UNKNOWN, UNKNOWN, note);
}
