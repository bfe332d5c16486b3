/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/commands/batch.h"

#include "clients/cli/print.h"

int batch_add(struct batch *batch, const char *json, struct json_fault *fault)
{
    if (batch->count == batch->max) {
        uint32_t max = batch->max == 0 ? 64 : batch->max * 2;
        struct slice *events = realloc(batch->events, max * sizeof *events);
        if (events == NULL) {
            (void)snprintf(fault->text, sizeof fault->text, "%s", status_text(STATUS_NO_MEMORY));
            return EXIT_FAILED;
        }
        batch->events = events;
        batch->max = max;
    }
    uint8_t *bytes = NULL;
    size_t len = 0;
    enum status status = json_read("Event", slice_of(json), &bytes, &len, fault);
    if (status != STATUS_OK) {
        if (status != STATUS_MALFORMED)
            (void)snprintf(fault->text, sizeof fault->text, "%s", status_text(status));
        return EXIT_FAILED;
    }
    batch->events[batch->count++] = (struct slice){bytes, len};
    return 0;
}

int batch_begin(struct batch *batch, struct cli *cli, const char *doing)
{
    batch->cli = cli;
    batch->doing = doing;
    batch->outcomes = calloc((size_t)batch->count + 1, sizeof *batch->outcomes);
    if (batch->outcomes == NULL)
        return cli_fail(cli, EXIT_FAILED, "%s", status_text(STATUS_NO_MEMORY));
    return 0;
}

static void show_progress(void *ctx, uint32_t index)
{
    struct batch *batch = ctx;
    (void)index;
    batch->done++;
    if (batch->done % 16 == 0 || batch->done == batch->count)
        cli_progress(batch->cli, "%s: %u of %u events", batch->doing, batch->done, batch->count);
}

int batch_send(struct batch *batch, uint32_t first, uint32_t count)
{
    CHECK(batch->outcomes != NULL);
    CHECK(first + count <= batch->count);
    if (count == 0)
        return 0;
    return cli_submit(batch->cli, batch->events + first, count, COMMISSION_WAIT_VERDICT,
                      batch->outcomes + first, show_progress, batch);
}

const struct reason *outcome_key_refusal(const struct cli_outcome *outcome)
{
    for (uint32_t i = 0; i < outcome->reasons_count; i++) {
        enum reason_code code = outcome->reasons[i].code;
        if (code == REASON_SENDER_NOT_AUTHORISED || code == REASON_ALLOTMENT_NOT_NHSE)
            return &outcome->reasons[i];
    }
    return NULL;
}

int batch_send_register(struct batch *batch, struct cli *cli, const char *doing)
{
    char code[REASON_CODE_SIZE];
    int failed = batch_begin(batch, cli, doing);
    if (failed != 0 || batch->count == 0)
        return failed;
    failed = batch_send(batch, 0, 1);
    if (failed != 0)
        return failed;
    const struct reason *refusal = outcome_key_refusal(&batch->outcomes[0]);
    if (refusal == NULL)
        return batch_send(batch, 1, batch->count - 1);
    reason_print_code(refusal, code);
    return cli_fail(cli, EXIT_REFUSED,
                    "this import needs NHS England's key: %s (%s); nothing was set", refusal->text,
                    code);
}

void batch_clear(struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        free((void *)(uintptr_t)batch->events[i].bytes); /* ours: json_read() made it */
        if (batch->outcomes != NULL)
            cli_outcome_clear(&batch->outcomes[i]);
    }
    free(batch->events);
    free(batch->outcomes);
    *batch = (struct batch){0};
}

const char *tally_add(struct tally *tally, const struct cli_outcome *outcome)
{
    if (!outcome->known) {
        tally->unknown++;
        return "no answer";
    }
    if (outcome->kind == ANSWER_REFUSED || outcome->verdict == VERDICT_REJECTED) {
        tally->rejected++;
        return outcome->repeated ? "rejected before" : "rejected";
    }
    if (outcome->verdict == VERDICT_WITHDRAWN) {
        tally->rejected++;
        return "withdrawn";
    }
    if (outcome->verdict == VERDICT_HELD) {
        tally->held++;
        return "held";
    }
    if (outcome->repeated) {
        tally->repeated++;
        return "repeated";
    }
    tally->accepted++;
    return "accepted";
}

int tally_exit(const struct tally *tally)
{
    uint32_t well = tally->accepted + tally->unchanged + tally->repeated;
    if (tally->unknown > 0)
        return EXIT_TIMED_OUT;
    if (tally->rejected == 0 && tally->held == 0)
        return EXIT_DONE;
    return well + tally->held > 0 ? EXIT_PARTLY : EXIT_REFUSED;
}
