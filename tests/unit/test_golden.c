/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal that was written once, and must be applied for ever: tests/golden/journal-1.txt. Its first line says the state's format and the
 * digest of all its rows; each line after it is an entry, in hexadecimal digits. The entries are never changed: an entry once released is applied by every
 * later version. `test_golden --digest` writes the first line anew, which is right only where the format of the state's rows was changed on purpose;
 * `test_golden --write` makes a journal where there is none.
 */
#include "daemon/store/journal.h"
#include "daemon/store/segment.h"
#include "daemon/store/state.h"
#include "daemon/store/store.h"
#include "tests/support/folder.h"
#include "tests/support/scribe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>
#include <unistd.h>

#define MAP_BYTES (64ull * 1024 * 1024)
#define ENTRIES 180
#define SEED 20180401
#define LINE_SIZE (2 * 96 * 1024 + 16)
#define DIGEST_TEXT_SIZE 33
#define FILE_BYTES_MAX (100 * 1024)

static const char *golden_path(void)
{
    static char path[FOLDER_PATH_SIZE];
    const char *source = getenv("COMMISSION_SOURCE_DIR");

    snprintf(path, sizeof path, "%s/tests/golden/journal-1.txt", source != NULL ? source : ".");
    return path;
}

static struct store *open_store(const struct folder *folder)
{
    struct store_options options = {
        .dir = folder->path, .segment_bytes = SEGMENT_BYTES_MIN, .map_bytes = MAP_BYTES};
    struct store_report report;
    struct store *store;
    char text[400];

    enum status status = store_open(&store, &options, &report, text, sizeof text);
    if (status != STATUS_OK)
        fprintf(stderr, "%s\n", text);
    assert_int_equal(status, STATUS_OK);
    return store;
}

/** All rows of all tables but META, in their order: names, keys, values. */
static void digest_of(const struct folder *folder, char ret[DIGEST_TEXT_SIZE])
{
    struct kv *kv;
    crypto_generichash_state state;
    uint8_t digest[16];

    assert_true(sodium_init() >= 0);
    assert_int_equal(kv_open(&kv, folder_of(folder, "state").path, MAP_BYTES, true), STATUS_OK);
    crypto_generichash_init(&state, NULL, 0, sizeof digest);
    for (uint32_t table = KV_META + 1; table < KV_TABLES; table++) {
        const char *name = kv_table_name((enum kv_table)table);
        uint8_t bytes[KV_KEY_BYTES_MAX];
        struct slice key = {NULL, 0};
        struct slice value;
        while (kv_next(kv, (enum kv_table)table, key, &key, &value)) {
            uint64_t lengths[2] = {key.len, value.len};
            crypto_generichash_update(&state, (const uint8_t *)name, strlen(name));
            for (uint32_t i = 0; i < 2; i++) {
                uint8_t len[2] = {(uint8_t)lengths[i], (uint8_t)(lengths[i] >> 8)};
                crypto_generichash_update(&state, len, sizeof len);
            }
            crypto_generichash_update(&state, key.bytes, key.len);
            crypto_generichash_update(&state, value.bytes, value.len);
            memcpy(bytes, key.bytes, key.len);
            key.bytes = bytes;
        }
    }
    kv_close(kv);
    crypto_generichash_final(&state, digest, sizeof digest);
    sodium_bin2hex(ret, DIGEST_TEXT_SIZE, digest, sizeof digest);
}

/** The entries of the file at the end of a new journal in @folder; *@ret_first is its first line. Returns how many. */
static uint32_t load_golden(const struct folder *folder, char *ret_first, size_t first_size)
{
    struct folder dir = folder_of(folder, "journal");
    struct journal_options options = {
        .dir = dir.path, .parent = folder->path, .segment_bytes = SEGMENT_BYTES_MIN};
    struct journal_report report;
    struct journal *journal;
    char text[JOURNAL_TEXT_SIZE];
    char *line = calloc(1, LINE_SIZE);
    FILE *file = fopen(golden_path(), "r");
    uint32_t count = 0;

    assert_non_null(line);
    assert_non_null(file);
    assert_int_equal(journal_open(&journal, &options, &report, text), STATUS_OK);
    assert_non_null(fgets(ret_first, (int)first_size, file));
    while (fgets(line, LINE_SIZE, file) != NULL) {
        size_t max;
        size_t len;
        uint8_t *bytes = journal_begin_entry(journal, &max);
        assert_int_equal(sodium_hex2bin(bytes, max, line, strcspn(line, "\n"), NULL, &len, NULL),
                         0);
        (void)journal_end_entry(journal, len);
        count++;
        if (count % 7 == 0 || journal_batch_full(journal))
            assert_int_equal(journal_flush(journal, 1), STATUS_OK);
    }
    assert_int_equal(journal_flush(journal, 1), STATUS_OK);
    journal_close(journal);
    fclose(file);
    free(line);
    return count;
}

static void say(void *ctx, const char *line)
{
    (void)ctx;
    print_message("%s\n", line);
}

static void print_first(const char *digest, char *ret, size_t size)
{
    (void)snprintf(ret, size, "state format %d digest %s\n", STATE_FORMAT, digest);
}

static void what_was_once_written_gives_the_same_state_today(void **state)
{
    struct folder folder = folder_new();
    char first[200];
    char wanted[200];
    char digest[DIGEST_TEXT_SIZE];

    (void)state;
    uint32_t count = load_golden(&folder, first, sizeof first);
    assert_int_equal(count, ENTRIES);
    struct store *store = open_store(&folder);
    assert_int_equal(store_durable_seq(store), count);
    store_close(store);

    digest_of(&folder, digest);
    print_first(digest, wanted, sizeof wanted);
    if (strcmp(first, wanted) != 0)
        print_message("the rows of the state are others than they were: if that was meant, raise "
                      "STATE_FORMAT and run test_golden --digest\n");
    assert_string_equal(first, wanted);
    assert_int_equal(store_verify(folder.path, MAP_BYTES, say, NULL), STATUS_OK);
    folder_remove(&folder);
}

/* ---- writing ---- */

/** Entries of chance, by a seed, as today's daemon writes them. */
static int write_entries(void)
{
    struct folder folder = folder_new();
    struct scribe scribe;
    FILE *file = fopen(golden_path(), "wx");

    assert_non_null(file);
    fputs("state format 0 digest 0\n", file);
    struct store *store = open_store(&folder);
    scribe_init(&scribe, store, SEED);
    for (uint64_t seq = 1; seq <= ENTRIES; seq++) {
        struct slice bytes;
        struct hash hash;
        scribe_step(&scribe);
        assert_int_equal(store_flush(store), STATUS_OK);
        assert_int_equal(store_read_entry(store, seq, &bytes, &hash), STATUS_OK);
        for (size_t i = 0; i < bytes.len; i++)
            fprintf(file, "%02x", bytes.bytes[i]);
        fputc('\n', file);
    }
    assert_true(ftell(file) < FILE_BYTES_MAX);
    fclose(file);
    store_close(store);
    scribe_clear(&scribe);
    folder_remove(&folder);
    return 0;
}

static int write_digest(void)
{
    struct folder folder = folder_new();
    char first[200];
    char digest[DIGEST_TEXT_SIZE];
    size_t len;

    (void)load_golden(&folder, first, sizeof first);
    store_close(open_store(&folder));
    digest_of(&folder, digest);
    size_t before = strlen(first);
    uint8_t *all = folder_load(golden_path(), &len);
    FILE *file = fopen(golden_path(), "w");
    assert_non_null(file);
    print_first(digest, first, sizeof first);
    fputs(first, file);
    assert_int_equal(fwrite(all + before, 1, len - before, file), len - before);
    fclose(file);
    free(all);
    folder_remove(&folder);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_once_written_gives_the_same_state_today),
    };

    if (argc == 2 && strcmp(argv[1], "--write") == 0)
        return write_entries() + write_digest();
    if (argc == 2 && strcmp(argv[1], "--digest") == 0)
        return write_digest();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
