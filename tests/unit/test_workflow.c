/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "daemon/domain/needs.h"
#include "daemon/domain/stage.h"
#include "daemon/domain/workflow.h"

static struct workflow in(enum phase phase, enum stage stage, bool adopted)
{
    return (struct workflow){.number = 1,
                             .last_seq = 1,
                             .lead = {"02E"},
                             .reference = {"x"},
                             .phase = phase,
                             .stage = stage,
                             .adopted = adopted};
}

static void each_move_is_found_where_it_starts_and_nowhere_else(void **state)
{
    (void)state;
    uint32_t moves_count;
    uint32_t types_count;
    const struct move *moves = workflow_moves(&moves_count);
    const struct needs *types = needs_table(&types_count);
    uint32_t found = 0;

    for (int phase = PHASE_NONE; phase <= PHASE_WITHDRAWN; phase++) {
        for (int stage = STAGE_NONE; stage <= STAGE_REVIEW; stage++) {
            for (int adopted = 0; adopted < 2; adopted++) {
                for (uint32_t t = 0; t < types_count; t++) {
                    struct workflow w = in((enum phase)phase, (enum stage)stage, adopted);
                    const struct move *expected = NULL;
                    for (uint32_t m = 0; m < moves_count; m++) {
                        if (moves[m].phase == w.phase && moves[m].type == types[t].type &&
                            (moves[m].stage == STAGE_NONE || moves[m].stage == w.stage) &&
                            (w.adopted || !moves[m].adopted_only)) {
                            assert_null(expected);
                            expected = &moves[m];
                        }
                    }
                    assert_ptr_equal(workflow_move(&w, types[t].type), expected);
                    found += expected != NULL;
                }
            }
        }
    }
    assert_true(found > moves_count);
}

static void every_type_of_a_workflow_has_a_move_and_no_register_has_one(void **state)
{
    (void)state;
    uint32_t moves_count;
    uint32_t types_count;
    const struct move *moves = workflow_moves(&moves_count);
    const struct needs *types = needs_table(&types_count);

    for (uint32_t t = 0; t < types_count; t++) {
        bool has = false;
        for (uint32_t m = 0; m < moves_count; m++)
            has = has || moves[m].type == types[t].type;
        assert_int_equal(has, !event_type_is_register(types[t].type));
    }
}

static void each_stage_is_completed_by_its_own_event_in_order(void **state)
{
    (void)state;
    static const struct {
        enum phase phase;
        enum stage stage;
        enum event_type type;
        enum phase to_phase;
        enum stage to_stage;
    } cases[] = {
        {PHASE_NONE, STAGE_NONE, EVENT_NEEDS_ASSESSED, PHASE_OPEN, STAGE_PRIORITIES_SET},
        {PHASE_OPEN, STAGE_PRIORITIES_SET, EVENT_PRIORITIES_SET, PHASE_OPEN, STAGE_PROCUREMENT},
        {PHASE_OPEN, STAGE_PROCUREMENT, EVENT_BIDS_EVALUATED, PHASE_OPEN, STAGE_CONTRACT_AWARD},
        {PHASE_OPEN, STAGE_CONTRACT_AWARD, EVENT_CONTRACT_AWARDED, PHASE_OPEN, STAGE_REVIEW},
        {PHASE_OPEN, STAGE_REVIEW, EVENT_REVIEW_COMPLETED, PHASE_COMPLETE, STAGE_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct workflow w = in(cases[i].phase, cases[i].stage, false);
        const struct move *move = workflow_move(&w, cases[i].type);

        assert_non_null(move);
        assert_int_equal(move->to_phase, cases[i].to_phase);
        assert_int_equal(move->to_stage, cases[i].to_stage);
    }
}

static void a_workflow_is_suspended_resumed_and_given_up_in_every_stage_and_keeps_it(void **state)
{
    (void)state;
    static const struct {
        enum phase phase;
        enum event_type type;
        enum phase to_phase; /* UNSPECIFIED: no move */
    } cases[] = {
        {PHASE_OPEN, EVENT_SUSPENDED, PHASE_SUSPENDED},
        {PHASE_OPEN, EVENT_RESUMED, PHASE_UNSPECIFIED},
        {PHASE_OPEN, EVENT_WITHDRAWN, PHASE_WITHDRAWN},
        {PHASE_SUSPENDED, EVENT_SUSPENDED, PHASE_UNSPECIFIED},
        {PHASE_SUSPENDED, EVENT_RESUMED, PHASE_OPEN},
        {PHASE_SUSPENDED, EVENT_WITHDRAWN, PHASE_WITHDRAWN},
        {PHASE_SUSPENDED, EVENT_NOTE, PHASE_SUSPENDED},
        {PHASE_COMPLETE, EVENT_SUSPENDED, PHASE_UNSPECIFIED},
        {PHASE_COMPLETE, EVENT_WITHDRAWN, PHASE_UNSPECIFIED},
        {PHASE_WITHDRAWN, EVENT_RESUMED, PHASE_UNSPECIFIED},
        {PHASE_WITHDRAWN, EVENT_WITHDRAWN, PHASE_UNSPECIFIED},
        {PHASE_WITHDRAWN, EVENT_NOTE, PHASE_WITHDRAWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int stage = STAGE_NEEDS_ASSESSED; stage <= STAGE_REVIEW; stage++) {
            struct workflow w = in(cases[i].phase, (enum stage)stage, false);
            const struct move *move = workflow_move(&w, cases[i].type);

            assert_int_equal(move != NULL, cases[i].to_phase != PHASE_UNSPECIFIED);
            if (move == NULL)
                continue;
            assert_int_equal(move->to_phase, cases[i].to_phase);
            assert_int_equal(move->to_stage, STAGE_NONE);
        }
    }
    assert_true(workflow_goes_on(PHASE_OPEN));
    assert_true(workflow_goes_on(PHASE_SUSPENDED));
    assert_false(workflow_goes_on(PHASE_NONE));
    assert_false(workflow_goes_on(PHASE_COMPLETE));
    assert_false(workflow_goes_on(PHASE_WITHDRAWN));
}

static void while_it_is_suspended_nothing_but_its_end_and_a_note_moves_it(void **state)
{
    (void)state;
    uint32_t types_count;
    const struct needs *types = needs_table(&types_count);
    uint32_t found = 0;

    for (int stage = STAGE_NEEDS_ASSESSED; stage <= STAGE_REVIEW; stage++) {
        struct workflow w = in(PHASE_SUSPENDED, (enum stage)stage, true);
        for (uint32_t t = 0; t < types_count; t++)
            found += workflow_move(&w, types[t].type) != NULL;
    }
    assert_int_equal(found, 3 * STAGES_MAX);
}

static void backoff_doubles_up_to_its_limit_and_half_of_it_is_certain(void **state)
{
    (void)state;
    const struct stage_row *row = stage_row(STAGE_REVIEW);
    uint32_t whole = row->backoff_ms;

    for (uint32_t attempt = 1; attempt < 40; attempt++) {
        uint32_t least = stage_backoff_ms(row, attempt, 0);
        uint32_t most = stage_backoff_ms(row, attempt, 999);

        assert_int_equal(least, whole / 2);
        assert_in_range(most, least, whole);
        whole = whole * 2 > row->backoff_ms_max ? row->backoff_ms_max : whole * 2;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_move_is_found_where_it_starts_and_nowhere_else),
        cmocka_unit_test(every_type_of_a_workflow_has_a_move_and_no_register_has_one),
        cmocka_unit_test(each_stage_is_completed_by_its_own_event_in_order),
        cmocka_unit_test(a_workflow_is_suspended_resumed_and_given_up_in_every_stage_and_keeps_it),
        cmocka_unit_test(while_it_is_suspended_nothing_but_its_end_and_a_note_moves_it),
        cmocka_unit_test(backoff_doubles_up_to_its_limit_and_half_of_it_is_certain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
