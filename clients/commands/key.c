/* SPDX-License-Identifier: Apache-2.0 */
/* key.c - make a key pair; tell the daemon of keys, and that one counts no more. */

#include "clients/cli/print.h"
#include "clients/commands/commands.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const struct column key_columns[] = {{"public_key", COLUMN_TEXT, false},
                                            {"file", COLUMN_TEXT, false}};

/** A pair whose public key can be typed as an argument: one in eighty would begin with a "-". */
static enum status pair_make(struct key *ret_public, uint8_t ret_secret[KEY_BYTES])
{
    char text[COMMISSION_KEY_TEXT_SIZE] = "-";
    enum status status = STATUS_OK;
    for (int i = 0; i < 64 && status == STATUS_OK && text[0] == '-'; i++) {
        status = commission_key_new(ret_public, ret_secret);
        if (status == STATUS_OK)
            commission_key_print(*ret_public, text);
    }
    return status;
}

static int new_pair(struct cli *cli, int argc, char **argv)
{
    struct key public_key;
    uint8_t secret[KEY_BYTES];
    char text[COMMISSION_KEY_TEXT_SIZE];
    struct stat about;
    (void)argc;

    if (lstat(argv[0], &about) == 0)
        return cli_fail(cli, EXIT_FAILED, "%s exists; a key file is never overwritten", argv[0]);
    if (cli_switch(cli, "dry-run")) {
        cli_say(cli, "a key pair would be made in %s", argv[0]);
        return EXIT_DONE;
    }
    enum status status = pair_make(&public_key, secret);
    if (status == STATUS_OK)
        status = commission_key_write(argv[0], public_key, secret);
    explicit_bzero(secret, sizeof secret);
    if (status != STATUS_OK)
        return cli_fail(cli, EXIT_FAILED, "%s: %s", argv[0], status_text(status));

    commission_key_print(public_key, text);
    if (cli->output == OUTPUT_TEXT || cli->output == OUTPUT_WIDE) {
        puts(text);
        cli_say(cli, "%s holds the secret key too: 0600, and never to be sent to anyone", argv[0]);
        return EXIT_DONE;
    }
    struct printer *printer = printer_new(cli, key_columns, ARRAY_LEN(key_columns));
    const char *cells[] = {text, argv[0]};
    printer_row_text(printer, cells);
    return printer_end(printer) ? EXIT_DONE : EXIT_FAILED;
}

static int list(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return cli_print_answer(cli, "key list", NULL, 0);
}

/* ---- add, revoke -------------------------------------------------------------------------- */

/** "submit,decide" -> ["SUBMIT", "DECIDE"]. 0, or an exit code, said. */
static int verbs_json(const struct cli *cli, const char *text, struct text *ret)
{
    uint32_t count = 0;
    text_add(ret, "[");
    while (*text != '\0') {
        char name[16];
        enum verb verb;
        size_t len = strcspn(text, ",");
        (void)snprintf(name, sizeof name, "%.*s", (int)(len < 15 ? len : 15), text);
        for (char *c = name; *c != '\0'; c++) {
            if (*c >= 'a' && *c <= 'z')
                *c = (char)(*c - 'a' + 'A');
        }
        if (!verb_find(name, &verb))
            return cli_fail(cli, EXIT_USAGE,
                            "--verbs: \"%.*s\" is none of submit, decide, read, work, operate, "
                            "backup",
                            (int)len, text);
        text_add(ret, "%s\"%s\"", count++ > 0 ? ", " : "", name);
        text += len + (text[len] == ',');
    }
    text_add(ret, "]");
    if (count == 0)
        return cli_fail(cli, EXIT_USAGE, "--verbs: name at least one");
    return 0;
}

/** A key of 40 characters, or a key file. 0, or an exit code, said. */
static int key_take(const struct cli *cli, const char *text, struct key *ret)
{
    if (commission_key_parse(text, ret))
        return 0;
    enum status status = commission_key_read(text, ret, NULL);
    if (status == STATUS_OK)
        return 0;
    return cli_fail(cli, EXIT_USAGE,
                    "\"%s\" is neither a public key (40 characters of Z85) nor a key file", text);
}

/** The envelope of a register event about @organisation, up to its payload. 0, or an exit code, said. */
static int envelope(struct cli *cli, const char *type, const char *organisation, struct text *ret)
{
    struct event_id id;
    char id_text[EVENT_ID_TEXT_SIZE];
    char today[DATE_TEXT_SIZE];
    const struct context *context;
    int failed = cli_context(cli, &context);
    if (failed == 0)
        failed = cli_event_id_new(cli, &id);
    if (failed != 0)
        return failed;
    if (ods_empty(context->organisation))
        return cli_fail(cli, EXIT_FAILED, "context %s names no organisation of yours",
                        context->path);
    event_id_print(id, id_text);
    date_print(date_at(cli->now_ms), today);
    text_add(ret,
             "{\"event_id\": \"%s\", \"event_type\": \"%s\", \"organisation_ods\": \"%s\", "
             "\"sender_ods\": \"%s\", \"occurred_on\": \"%s\", \"schema_version\": %d, ",
             id_text, type, organisation, context->organisation.text, today, SCHEMA_VERSION);
    return 0;
}

/** @key as JSON has it: base64. */
static void key_json(struct key key, struct text *ret)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    text_add(ret, "\"");
    for (unsigned i = 0; i < KEY_BYTES; i += 3) {
        uint32_t bits = 0;
        for (unsigned j = 0; j < 3; j++)
            bits = bits << 8 | (i + j < KEY_BYTES ? key.bytes[i + j] : 0u);
        for (unsigned j = 0; j < 4; j++) {
            bool filled = i + j <= KEY_BYTES; /* the last group has two bytes: three digits and = */
            text_add(ret, "%c", filled ? digits[bits >> (18 - 6 * j) & 63] : '=');
        }
    }
    text_add(ret, "\"");
}

void key_added_json(struct key key, const char *kind, const char *verbs, const char *label,
                    struct text *ret)
{
    text_add(ret, "\"key_added\": {\"public_key\": ");
    key_json(key, ret);
    text_add(ret, ", \"kind\": \"%s\", \"verbs\": %s, \"label\": ", kind, verbs);
    text_add_json(ret, slice_of(label));
    text_add(ret, "}}");
}

/** Of what a key cannot be added without, all is given: 0. Else what is missing is said. */
static int say_missing(const struct cli *cli)
{
    static const char *const needed[] = {"org", "kind", "verbs", "key"};
    char names[64] = "";
    size_t at = 0;
    uint32_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        if (cli_option(cli, needed[i]) != NULL)
            continue;
        at += (size_t)snprintf(names + at, sizeof names - at, "%s--%s", count > 0 ? ", " : "",
                               needed[i]);
        count++;
    }
    if (count == 0)
        return 0;
    return cli_fail(cli, EXIT_USAGE, "%s %s missing", names, count == 1 ? "is" : "are");
}

static int add(struct cli *cli, int argc, char **argv)
{
    const char *organisation = cli_option(cli, "org");
    const char *kind = cli_option(cli, "kind");
    const char *verbs = cli_option(cli, "verbs");
    const char *key_text = cli_option(cli, "key");
    const char *label = cli_option(cli, "label");
    char kind_name[16];
    enum organisation_kind found;
    struct ods ods;
    struct key key;
    struct text json = {0};
    struct text verb_names = {0};
    (void)argc;
    (void)argv;

    int missing = say_missing(cli);
    if (missing != 0)
        return missing;
    capitals(kind, kind_name, sizeof kind_name);
    if (!ods_parse(organisation, strlen(organisation), &ods))
        return cli_fail(cli, EXIT_USAGE, "--org: \"%s\" is no organisation's code", organisation);
    if (!organisation_kind_find(kind_name, &found))
        return cli_fail(cli, EXIT_USAGE,
                        "--kind: \"%s\" is none of CCG, ICB, CSU, NHSE, HWB, LA, OPERATOR, "
                        "PROVIDER",
                        kind);
    int result = key_take(cli, key_text, &key);
    if (result == 0)
        result = verbs_json(cli, verbs, &verb_names);
    if (result == 0)
        result = envelope(cli, "KEY_ADDED", ods.text, &json);
    if (result == 0) {
        key_added_json(key, kind_name, verb_names.bytes, label != NULL ? label : "", &json);
        result = event_send_text(cli, json.bytes, cli_switch(cli, "dry-run"));
    }
    text_clear(&json);
    text_clear(&verb_names);
    return result;
}

/** The organisation that a key belongs to, as the daemon lists it. 0, or an exit code, said. */
static int organisation_of(struct cli *cli, const char *key, struct ods *ret)
{
    struct text resume = {0};
    int failed;
    bool found = false;
    do {
        const struct reply *reply;
        struct slice from = {(const uint8_t *)resume.bytes, resume.len};
        failed = cli_ask(cli, "key list", NULL, 0, from, &reply);
        if (failed != 0)
            break;
        uint32_t organisation = reply->columns_count;
        for (uint32_t i = 0; i < reply->columns_count; i++) {
            if (strcmp(reply->columns[i].name, "organisation") == 0)
                organisation = i;
        }
        for (uint32_t i = 0; i < reply->rows_count && !found; i++) {
            const struct slice *row = &reply->cells[(size_t)i * reply->columns_count];
            bool here = false;
            for (uint32_t j = 0; j < reply->columns_count; j++)
                here = here ||
                       (row[j].len == strlen(key) && memcmp(row[j].bytes, key, row[j].len) == 0);
            found = here && organisation < reply->columns_count &&
                    ods_parse((const char *)row[organisation].bytes, row[organisation].len, ret);
        }
        resume.len = 0;
        text_add_bytes(&resume, (const char *)reply->resume.bytes, reply->resume.len);
    } while (!found && resume.len > 0);
    text_clear(&resume);
    if (failed == 0 && !found)
        return cli_fail(cli, EXIT_NOT_FOUND, "no key %s is known there", key);
    return failed;
}

static int revoke(struct cli *cli, int argc, char **argv)
{
    const char *reason = cli_option(cli, "reason");
    const char *organisation = cli_option(cli, "org");
    char key_text[COMMISSION_KEY_TEXT_SIZE];
    struct ods ods;
    struct key key;
    struct text json = {0};
    (void)argc;

    if (reason == NULL || reason[0] == '\0')
        return cli_fail(cli, EXIT_USAGE, "say why, with --reason TEXT");
    int result = key_take(cli, argv[0], &key);
    if (result != 0)
        return result;
    commission_key_print(key, key_text);
    if (organisation == NULL)
        result = organisation_of(cli, key_text, &ods);
    else if (!ods_parse(organisation, strlen(organisation), &ods))
        return cli_fail(cli, EXIT_USAGE, "--org: \"%s\" is no organisation's code", organisation);
    if (result == 0)
        result = envelope(cli, "KEY_REVOKED", ods.text, &json);
    if (result == 0) {
        text_add(&json, "\"key_revoked\": {\"public_key\": ");
        key_json(key, &json);
        text_add(&json, ", \"reason\": ");
        text_add_json(&json, slice_of(reason));
        text_add(&json, "}}");
        result = event_send_text(cli, json.bytes, cli_switch(cli, "dry-run"));
    }
    text_clear(&json);
    return result;
}

/* ---- the table ---------------------------------------------------------------------------- */

static const struct cli_option new_options[] = {
    {"dry-run", NULL, "make nothing"},
    {0},
};
static const struct cli_option add_options[] = {
    {"org", "ODS", "the organisation that the key belongs to"},
    {"kind", "KIND", "what it is: CCG, ICB, CSU, NHSE, OPERATOR, ..."},
    {"verbs", "VERBS", "what the key may do: submit,decide,read,work,operate,backup"},
    {"key", "KEY", "the public key, or a file with it"},
    {"label", "TEXT", "a few words to tell it from others"},
    {"dry-run", NULL, "only ask whether it could be added"},
    {0},
};
static const struct cli_option revoke_options[] = {
    {"reason", "TEXT", "why; needed"},
    {"org", "ODS", "the organisation that it belongs to (as the daemon has it)"},
    {"dry-run", NULL, "only ask whether it could be revoked"},
    {0},
};

static const struct cli_verb verbs[] = {
    {
        .name = "new",
        .arguments = "FILE",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Make a key pair in FILE, and print its public key",
        .example = "commission key new 02E.key",
        .options = new_options,
        .run = new_pair,
    },
    {
        .name = "add",
        .arguments = "",
        .help = "Let a key speak for an organisation",
        .more = "Needs an operator's key. The addition stands in the journal, and in the\n"
                "organisation's feed.\n",
        .example = "commission -c dev/operator key add --org 02E --kind CCG "
                   "--verbs submit,decide,read --key 02E.key",
        .options = add_options,
        .run = add,
    },
    {
        .name = "list",
        .arguments = "",
        .help = "List the keys that are known",
        .example = "commission -c dev/operator key list",
        .run = list,
    },
    {
        .name = "revoke",
        .arguments = "KEY|FILE",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Let a key count no more, at once and for ever",
        .more = "Its connections, feeds and assignments end at once; what has a receipt stays.\n",
        .example = "commission -c dev/operator key revoke 02E.key --reason 'laptop lost'",
        .options = revoke_options,
        .run = revoke,
    },
    {0},
};

const struct cli_noun noun_key = {"key", "Make keys; add, list and revoke them", verbs};
