/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/segment.h"

#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

/* The layout is for ever: when one of the first three fails, older journals are not read any more. */

static void expect_hex(const uint8_t *bytes, size_t len, const char *wanted)
{
    char hex[512];

    assert_true(2 * len < sizeof hex);
    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(hex, wanted);
}

static struct segment_head a_head(void)
{
    struct segment_head head = {
        .segment_id = 0x1122334455667788, .first_seq = 4711, .bytes = SEGMENT_BYTES_MIN};

    memset(head.journal_id, 0xaa, sizeof head.journal_id);
    memset(head.before.bytes, 0xbb, sizeof head.before.bytes);
    return head;
}

static void a_segment_header_has_these_bytes(void **state)
{
    struct segment_head head = a_head();
    uint8_t bytes[SEGMENT_HEADER_BYTES];

    (void)state;
    segment_encode_head(&head, bytes);
    expect_hex(bytes, 104,
               "434d534e5345470a0100000000100000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa8877665544332211"
               "67120000000000000000400000000000bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
               "bbbbbbbbbbbbbbbbec33da975b60130c7513abb36e6cdc8b");
    for (size_t at = 104; at < sizeof bytes; at++)
        assert_int_equal(bytes[at], 0);
}

static void a_batch_header_has_these_bytes(void **state)
{
    struct batch_head head = {0x1122334455667788, 3, 4711, 2, 500, {{0}}};
    uint8_t bytes[BATCH_HEADER_BYTES];
    uint8_t end[BATCH_END_BYTES];

    (void)state;
    memset(head.before.bytes, 0xbb, sizeof head.before.bytes);
    segment_encode_batch(&head, bytes);
    expect_hex(bytes, sizeof bytes,
               "434d434202000000887766554433221103000000000000006712000000000000f401000000000000"
               "d3725d6ad4fd7d86bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
    segment_encode_end(end);
    expect_hex(end, sizeof end, "bdbcb3dc");
}

static void an_entrys_hash_is_blake2b_of_the_hash_before_and_its_bytes(void **state)
{
    struct hash before = {{0}};
    struct hash hash = segment_hash_entry(&before, (struct slice){(const uint8_t *)"entry", 5});

    (void)state;
    expect_hex(hash.bytes, sizeof hash.bytes,
               "be3c084da30a980521021bd46f8df2a64a14d5ac56b74bc59a9a3311cf19b7d8");
}

static void a_header_is_read_as_it_was_written(void **state)
{
    struct segment_head head = a_head();
    struct segment_head again;
    uint8_t bytes[SEGMENT_HEADER_BYTES];

    (void)state;
    segment_encode_head(&head, bytes);
    assert_int_equal(segment_decode_head(bytes, &again), STATUS_OK);
    assert_memory_equal(again.journal_id, head.journal_id, sizeof head.journal_id);
    assert_int_equal(again.segment_id, head.segment_id);
    assert_int_equal(again.first_seq, head.first_seq);
    assert_int_equal(again.bytes, head.bytes);
    assert_true(hash_equal(again.before, head.before));
}

static void a_header_with_any_bit_turned_is_refused(void **state)
{
    struct segment_head head = a_head();
    struct segment_head again;
    uint8_t bytes[SEGMENT_HEADER_BYTES];

    (void)state;
    segment_encode_head(&head, bytes);
    for (size_t bit = 0; bit < 8 * 104; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(segment_decode_head(bytes, &again), STATUS_STORE_CORRUPT);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void a_scan_of_zeros_finds_nothing_and_no_tail(void **state)
{
    struct folder folder = folder_new();
    struct folder path = folder_of(&folder, "zeros");
    struct segment_head head = a_head();
    struct scan *scan;
    struct batch batch;
    uint64_t torn = 1;
    char text[SEGMENT_TEXT_SIZE];
    int fd = open(path.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    (void)state;
    assert_int_equal(ftruncate(fd, (off_t)head.bytes), 0);
    assert_int_equal(scan_new(&scan), STATUS_OK);
    scan_begin(scan, fd, &head);
    enum status next = scan_next(scan, &batch);
    enum status tail = scan_tail(scan, &torn, text);
    struct scan_place place = scan_place(scan);
    scan_free(scan);
    close(fd);
    folder_remove(&folder);

    assert_int_equal(next, STATUS_NOT_FOUND);
    assert_int_equal(tail, STATUS_OK);
    assert_int_equal(torn, 0);
    assert_int_equal(place.next_seq, 4711);
    assert_int_equal(place.offset, SEGMENT_HEADER_BYTES);
    assert_true(hash_equal(place.hash, head.before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_header_has_these_bytes),
        cmocka_unit_test(a_batch_header_has_these_bytes),
        cmocka_unit_test(an_entrys_hash_is_blake2b_of_the_hash_before_and_its_bytes),
        cmocka_unit_test(a_header_is_read_as_it_was_written),
        cmocka_unit_test(a_header_with_any_bit_turned_is_refused),
        cmocka_unit_test(a_scan_of_zeros_finds_nothing_and_no_tail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
