/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements that the daemon signs. proto/vectors/statements/ holds one of each kind, signed with the key of RFC 8032's
 * first test; `test_statement --write` makes them anew: a change there is a change of the format.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <string.h>

#include "proto/statement.h"

#define SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define PUBLIC "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define PUBLIC_BASE64 "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

static struct statement_key public_key;
static uint8_t secret[STATEMENT_SECRET_BYTES];

static struct statement receipt(void)
{
    static const uint8_t event[] = "an event's bytes";
    struct statement statement = {.kind = STATEMENT_RECEIPT, .seq = 4711, .at_ms = 1525170123456};

    for (uint8_t i = 0; i < 16; i++)
        statement.journal_id[i] = statement.event_id.bytes[i] = (uint8_t)(0xa0 + i);
    memset(statement.hash.bytes, 0x5b, sizeof statement.hash.bytes);
    statement.digest = statement_digest((struct slice){event, sizeof event - 1});
    return statement;
}

static struct statement checkpoint(void)
{
    struct statement statement = receipt();

    statement.kind = STATEMENT_CHECKPOINT;
    return statement;
}

static struct slice slice_of(const char *text)
{
    return (struct slice){(const uint8_t *)text, strlen(text)};
}

static int make_keys(void **state)
{
    uint8_t seed[STATEMENT_SEED_BYTES];
    struct hash hash;

    (void)state;
    assert_true(statement_hash_parse(SEED, strlen(SEED), &hash));
    memcpy(seed, hash.bytes, sizeof seed);
    statement_key_pair(seed, &public_key, secret);
    return 0;
}

static void the_key_is_the_one_of_the_standards_seed(void **state)
{
    char text[STATEMENT_KEY_TEXT_SIZE];

    (void)state;
    statement_key_print(public_key, text);

    assert_string_equal(text, PUBLIC);
}

static void a_key_is_read_from_digits_and_from_base64(void **state)
{
    struct statement_key key;

    (void)state;
    assert_true(statement_key_parse(PUBLIC, strlen(PUBLIC), &key));
    assert_memory_equal(&key, &public_key, sizeof key);
    assert_true(statement_key_parse(PUBLIC_BASE64, strlen(PUBLIC_BASE64), &key));
    assert_memory_equal(&key, &public_key, sizeof key);
    assert_false(statement_key_parse(PUBLIC, strlen(PUBLIC) - 2, &key));
    assert_false(statement_key_parse("no key", 6, &key));
    assert_false(statement_key_parse("", 0, &key));
}

static void what_was_signed_is_read_again(void **state)
{
    struct statement given[] = {receipt(), checkpoint()};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        char text[STATEMENT_TEXT_SIZE];
        struct statement found;
        statement_sign(&given[i], secret, text);

        assert_int_equal(statement_verify(slice_of(text), public_key, &found), STATUS_OK);

        assert_int_equal(found.kind, given[i].kind);
        assert_int_equal(found.seq, given[i].seq);
        assert_int_equal(found.at_ms, given[i].at_ms);
        assert_memory_equal(found.journal_id, given[i].journal_id, 16);
        assert_true(hash_equal(found.hash, given[i].hash));
        if (given[i].kind == STATEMENT_RECEIPT) {
            assert_true(event_id_equal(found.event_id, given[i].event_id));
            assert_true(hash_equal(found.digest, given[i].digest));
        }
    }
}

static void the_largest_numbers_fit(void **state)
{
    struct statement given = receipt();
    char text[STATEMENT_TEXT_SIZE];
    struct statement found;

    (void)state;
    given.seq = UINT64_MAX;
    statement_sign(&given, secret, text);

    assert_int_equal(statement_verify(slice_of(text), public_key, &found), STATUS_OK);
    assert_true(found.seq == UINT64_MAX);
}

/** Each bit of each byte: what is not a fault of form is one of the signature. */
static void no_bit_can_be_changed(void **state)
{
    struct statement given = receipt();
    char text[STATEMENT_TEXT_SIZE];
    struct statement found;

    (void)state;
    statement_sign(&given, secret, text);
    size_t len = strlen(text);
    for (size_t at = 0; at < len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            text[at] = (char)((unsigned)(unsigned char)text[at] ^ 1u << bit);
            enum status status =
                statement_verify((struct slice){(const uint8_t *)text, len}, public_key, &found);
            assert_int_not_equal(status, STATUS_OK);
            text[at] = (char)((unsigned)(unsigned char)text[at] ^ 1u << bit);
        }
    }
    assert_int_equal(statement_verify(slice_of(text), public_key, &found), STATUS_OK);
}

static void another_key_is_refused(void **state)
{
    struct statement given = receipt();
    struct statement_key other_key;
    uint8_t other_secret[STATEMENT_SECRET_BYTES];
    uint8_t seed[STATEMENT_SEED_BYTES] = {7};
    char text[STATEMENT_TEXT_SIZE];
    struct statement found;

    (void)state;
    statement_key_pair(seed, &other_key, other_secret);
    statement_sign(&given, other_secret, text);

    assert_int_equal(statement_verify(slice_of(text), public_key, &found), STATUS_REFUSED);
    assert_memory_equal(&found.key, &other_key, sizeof other_key);
    assert_int_equal(statement_verify(slice_of(text), other_key, &found), STATUS_OK);
}

static void what_is_cut_short_or_has_more_is_no_statement(void **state)
{
    struct statement given = checkpoint();
    char text[STATEMENT_TEXT_SIZE + 8];
    char whole[STATEMENT_TEXT_SIZE];
    struct statement found;

    (void)state;
    statement_sign(&given, secret, whole);
    for (size_t len = 0; len < strlen(whole); len++) {
        assert_int_equal(
            statement_verify((struct slice){(const uint8_t *)whole, len}, public_key, &found),
            STATUS_MALFORMED);
    }
    (void)snprintf(text, sizeof text, "%s\n", whole);
    assert_int_equal(statement_verify(slice_of(text), public_key, &found), STATUS_MALFORMED);
    (void)snprintf(text, sizeof text, " %s", whole);
    assert_int_equal(statement_verify(slice_of(text), public_key, &found), STATUS_MALFORMED);
}

static void a_later_version_is_not_guessed_at(void **state)
{
    static const char later[] = "commission receipt 2\nanything\n";
    struct statement found;

    (void)state;
    assert_int_equal(statement_verify(slice_of(later), public_key, &found), STATUS_UNSUPPORTED);
}

/* ---- vectors ---- */

static const char *vector_path(const char *name)
{
    static char path[PATH_MAX];
    const char *source = getenv("COMMISSION_SOURCE_DIR");

    snprintf(path, sizeof path, "%s/proto/vectors/statements/%s.txt", source != NULL ? source : ".",
             name);
    return path;
}

static void the_vectors_are_what_is_signed_today(void **state)
{
    const struct {
        const char *name;
        struct statement statement;
    } vectors[] = {{"receipt", receipt()}, {"checkpoint", checkpoint()}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        char text[STATEMENT_TEXT_SIZE];
        char kept[STATEMENT_TEXT_SIZE] = "";
        FILE *file = fopen(vector_path(vectors[i].name), "rb");
        assert_non_null(file);
        assert_true(fread(kept, 1, sizeof kept - 1, file) > 0);
        fclose(file);
        statement_sign(&vectors[i].statement, secret, text);

        assert_string_equal(text, kept);
    }
}

static void write_vector(const char *name, const struct statement *statement)
{
    char text[STATEMENT_TEXT_SIZE];
    FILE *file = fopen(vector_path(name), "wb");

    assert_non_null(file);
    statement_sign(statement, secret, text);
    fputs(text, file);
    fclose(file);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_is_the_one_of_the_standards_seed),
        cmocka_unit_test(a_key_is_read_from_digits_and_from_base64),
        cmocka_unit_test(what_was_signed_is_read_again),
        cmocka_unit_test(the_largest_numbers_fit),
        cmocka_unit_test(no_bit_can_be_changed),
        cmocka_unit_test(another_key_is_refused),
        cmocka_unit_test(what_is_cut_short_or_has_more_is_no_statement),
        cmocka_unit_test(a_later_version_is_not_guessed_at),
        cmocka_unit_test(the_vectors_are_what_is_signed_today),
    };

    if (argc == 2 && strcmp(argv[1], "--write") == 0) {
        struct statement statements[] = {receipt(), checkpoint()};
        make_keys(NULL);
        write_vector("receipt", &statements[0]);
        write_vector("checkpoint", &statements[1]);
        return 0;
    }
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
