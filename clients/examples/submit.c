/* SPDX-License-Identifier: Apache-2.0 */
/*
 * submit.c - a support unit's submitter: send events from a file, one a line, and print what
 * became of each.
 */
/*
 *   submit ENDPOINT SERVER_KEY_FILE KEY_FILE EVENTS.jsonl
 *
 * Built against an installation:
 *
 *   cc submit.c $(pkg-config --cflags --libs commission) -o submit
 *
 * Many events are under way at once. Stopped at any moment, it is simply run again: the daemon
 * knows each event by its id, and gives the first receipt and the verdict again. An event is sent as
 * it stands: schema_version and sender_ods, which `commission event submit` fills in, are in it.
 */
#include <commission.h>

#include <string.h>

#define LINE_BYTES_MAX (2 * EVENT_BYTES_MAX)
#define PATIENCE_MS 30000

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "submit: %s: %s\n", what, why);
    return EXIT_FAILURE;
}

static void print_reasons(const struct answer *answer)
{
    char code[REASON_CODE_SIZE];

    for (uint32_t i = 0; i < answer->reasons_count; i++) {
        const struct reason *reason = &answer->reasons[i];
        reason_print_code(reason, code);
        printf("  %s %s %s: %s\n", severity_name(reason->severity), code, reason->field,
               reason->text);
    }
}

static void print_answer(const struct answer *answer)
{
    char id[EVENT_ID_TEXT_SIZE] = "(no id)";

    if (answer->id_known)
        event_id_print(answer->event_id, id);
    if (answer->kind == ANSWER_RECEIPT)
        printf("%s received as entry %llu%s\n", id, (unsigned long long)answer->seq,
               answer->repeated ? " (before)" : "");
    else if (answer->kind == ANSWER_VERDICT)
        printf("%s %s by entry %llu\n", id, verdict_name(answer->verdict),
               (unsigned long long)answer->verdict_seq);
    else
        printf("%s refused, nothing was kept\n", id);
    print_reasons(answer);
}

/* Print what has come; wait for the first of it. */
static enum status take_answers(struct commission *connection)
{
    const struct answer *answers;
    uint32_t count = 0;

    enum status status = commission_answers(connection, PATIENCE_MS, &answers, &count);
    for (uint32_t i = 0; status == STATUS_OK && i < count; i++)
        print_answer(&answers[i]);
    return status;
}

/* One line of the file: an Event in JSON, with an event_id of its own. */
static enum status send_line(struct commission *connection, const char *line)
{
    struct slice text = {(const uint8_t *)line, strlen(line)};
    struct json_fault fault;
    uint8_t *bytes = NULL;
    size_t len = 0;

    enum status status = json_read("Event", text, &bytes, &len, &fault);
    if (status != STATUS_OK) {
        fprintf(stderr, "submit: %s (at %s)\n", fault.text, fault.path);
        return status;
    }
    struct slice event = {bytes, len};
    status = commission_send(connection, event, COMMISSION_WAIT_VERDICT);
    while (status == STATUS_BUSY) { /* the window is full */
        status = take_answers(connection);
        if (status == STATUS_OK)
            status = commission_send(connection, event, COMMISSION_WAIT_VERDICT);
    }
    free(bytes);
    return status;
}

static enum status send_file(struct commission *connection, FILE *file)
{
    static char line[LINE_BYTES_MAX];
    enum status status = STATUS_OK;

    while (status == STATUS_OK && fgets(line, sizeof line, file) != NULL) {
        if (line[strspn(line, " \t\r\n")] != '\0')
            status = send_line(connection, line);
    }
    while (status == STATUS_OK && commission_unanswered(connection) > 0)
        status = take_answers(connection);
    return status;
}

int main(int argc, char **argv)
{
    struct commission_options options = {.window = 0};
    struct commission *connection = NULL;

    if (argc != 5)
        return fail("usage", "submit ENDPOINT SERVER_KEY_FILE KEY_FILE EVENTS.jsonl");
    options.endpoint = argv[1];
    enum status status = commission_key_read(argv[2], &options.server_key, NULL);
    if (status != STATUS_OK)
        return fail(argv[2], status_text(status));
    status = commission_key_read(argv[3], &options.public_key, options.secret_key);
    if (status != STATUS_OK)
        return fail(argv[3], status_text(status));
    FILE *file = fopen(argv[4], "r");
    if (file == NULL)
        return fail(argv[4], "cannot be opened");
    status = commission_open(&connection, &options);
    if (status == STATUS_OK)
        status = send_file(connection, file);
    bool key_refused = connection != NULL && commission_key_refused(connection);
    commission_close(connection);
    fclose(file);
    if (status != STATUS_OK)
        return fail(argv[1],
                    key_refused ? "the daemon does not accept this key" : status_text(status));
    return EXIT_SUCCESS;
}
