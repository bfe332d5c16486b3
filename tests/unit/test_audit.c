/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct audit audit;
    char text[AUDIT_TEXT_SIZE];
    uint64_t seq;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    memset(&fixture, 0, sizeof fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    audit_clear(&f->audit);
    return 0;
}

static enum status take(struct fixture *f, enum entry_kind kind, uint64_t of_seq,
                        enum verdict verdict)
{
    struct entry entry = {.seq = ++f->seq, .kind = kind, .of_seq = of_seq, .verdict = verdict};

    return audit_entry(&f->audit, &entry, f->text);
}

static void each_event_is_counted_to_its_end(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(take(f, ENTRY_STARTED, 0, VERDICT_NONE), STATUS_OK);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(take(f, ENTRY_RECEIVED, 0, VERDICT_NONE), STATUS_OK);
    assert_int_equal(take(f, ENTRY_JUDGED, 2, VERDICT_ACCEPTED), STATUS_OK);
    assert_int_equal(take(f, ENTRY_JUDGED, 3, VERDICT_HELD), STATUS_OK);
    assert_int_equal(take(f, ENTRY_WAIT_ENDED, 3, VERDICT_NONE), STATUS_OK);
    assert_int_equal(take(f, ENTRY_JUDGED, 3, VERDICT_REJECTED), STATUS_OK);
    assert_int_equal(take(f, ENTRY_LATE_FINDING, 3, VERDICT_NONE), STATUS_OK);
    assert_int_equal(take(f, ENTRY_EVENT_WITHDRAWN, 4, VERDICT_NONE), STATUS_OK);
    assert_int_equal(take(f, ENTRY_RECORDED, 0, VERDICT_ACCEPTED), STATUS_OK);

    assert_int_equal(f->audit.received, 5);
    assert_int_equal(f->audit.accepted, 2);
    assert_int_equal(f->audit.rejected, 1);
    assert_int_equal(f->audit.withdrawn, 1);
    assert_int_equal(f->audit.open_count, 1);
}

static void an_event_that_ends_twice_is_found(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(take(f, ENTRY_RECEIVED, 0, VERDICT_NONE), STATUS_OK);
    assert_int_equal(take(f, ENTRY_JUDGED, 1, VERDICT_ACCEPTED), STATUS_OK);

    assert_int_equal(take(f, ENTRY_JUDGED, 1, VERDICT_REJECTED), STATUS_STORE_CORRUPT);
    assert_non_null(strstr(f->text, "entry 3"));
    assert_int_equal(take(f, ENTRY_EVENT_WITHDRAWN, 1, VERDICT_NONE), STATUS_STORE_CORRUPT);
}

static void a_registers_event_has_ended_when_it_is_received(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(take(f, ENTRY_RECORDED, 0, VERDICT_REJECTED), STATUS_OK);
    assert_int_equal(take(f, ENTRY_JUDGED, 1, VERDICT_ACCEPTED), STATUS_STORE_CORRUPT);
}

static void what_is_said_of_an_event_that_is_not_open_is_found(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(take(f, ENTRY_STARTED, 0, VERDICT_NONE), STATUS_OK);
    assert_int_equal(take(f, ENTRY_JUDGED, 1, VERDICT_ACCEPTED), STATUS_STORE_CORRUPT);
    assert_int_equal(take(f, ENTRY_JUDGED, 1, VERDICT_HELD), STATUS_STORE_CORRUPT);
    assert_int_equal(take(f, ENTRY_ATTEMPT_FAILED, 99, VERDICT_NONE), STATUS_STORE_CORRUPT);
    assert_int_equal(take(f, ENTRY_RETRIED, UINT64_MAX, VERDICT_NONE), STATUS_STORE_CORRUPT);
}

static void it_grows_with_the_journal(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(take(f, ENTRY_RECEIVED, 0, VERDICT_NONE), STATUS_OK);
    f->seq = 1000000;
    assert_int_equal(take(f, ENTRY_RECEIVED, 0, VERDICT_NONE), STATUS_OK);
    assert_int_equal(take(f, ENTRY_JUDGED, 1, VERDICT_ACCEPTED), STATUS_OK);
    assert_int_equal(take(f, ENTRY_JUDGED, 1000001, VERDICT_ACCEPTED), STATUS_OK);
    assert_int_equal(f->audit.open_count, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_event_is_counted_to_its_end),
        CASE(an_event_that_ends_twice_is_found),
        CASE(a_registers_event_has_ended_when_it_is_received),
        CASE(what_is_said_of_an_event_that_is_not_open_is_found),
        CASE(it_grows_with_the_journal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
