/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/status.h"

static void every_status_has_a_name_and_a_text_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STATUS_COUNT; i++) {
        assert_true(strlen(status_name((enum status)i)) > 1);
        assert_true(strlen(status_text((enum status)i)) > 1);
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(status_name((enum status)i), status_name((enum status)j));
    }
}

static void a_status_is_named_as_in_the_list(void **state)
{
    (void)state;
    assert_string_equal(status_name(STATUS_OK), "OK");
    assert_string_equal(status_name(STATUS_STORE_NEWER), "STORE_NEWER");
    assert_string_equal(status_text(STATUS_NO_MEMORY), "out of memory");
}

static void a_number_that_is_no_status_is_a_question_mark(void **state)
{
    (void)state;
    assert_string_equal(status_name(STATUS_COUNT), "?");
    assert_string_equal(status_text(STATUS_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_name_and_a_text_of_its_own),
        cmocka_unit_test(a_status_is_named_as_in_the_list),
        cmocka_unit_test(a_number_that_is_no_status_is_a_question_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
