/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/commands/dev_registers.h"

#include "clients/cli/print.h"
#include "clients/commands/batch.h"
#include "clients/commands/commands.h"
#include "clients/commands/dev_folder.h"

#include <inttypes.h>
#include <string.h>

#define NHSE "X24"
#define PENCE_IN_THOUSAND_POUNDS ((int64_t)100 * 1000)

/* Names, codes and days: ODS. The five groups were abolished with all others on 1 July 2022. */
static const struct {
    const char *ods;
    const char *name;
    const char *kind;
    const char *opened_on;
    const char *closed_on;
    const char *successor;
} organisations[] = {
    {NHSE, "NHS England", "NHSE", "2013-04-01", "", ""},
    {"QYG", "NHS Cheshire and Merseyside ICB", "ICB", "2022-07-01", "", ""},
    {"02E", "NHS Warrington CCG", "CCG", "2013-04-01", "2022-06-30", "QYG"},
    {"01F", "NHS Halton CCG", "CCG", "2013-04-01", "2022-06-30", "QYG"},
    {"01J", "NHS Knowsley CCG", "CCG", "2013-04-01", "2022-06-30", "QYG"},
    {"01T", "NHS South Sefton CCG", "CCG", "2013-04-01", "2022-06-30", "QYG"},
    {"01X", "NHS St Helens CCG", "CCG", "2013-04-01", "2022-06-30", "QYG"},
    {"0CE", "NHS Cheshire and Merseyside Commissioning Support Unit", "CSU", "2013-04-01", "", ""},
    {"RWW", "Warrington and Halton Teaching Hospitals NHS Foundation Trust", "PROVIDER",
     "2001-04-01", "", ""},
    {"RY2", "Bridgewater Community Healthcare NHS Foundation Trust", "PROVIDER", "2010-11-01", "",
     ""},
};

/* Final allocations of 2018/19, as published in January 2016, in thousands of pounds. */
static const struct {
    const char *ods;
    int64_t thousands;
} allotments_2018[] = {
    {"02E", 285925}, {"01F", 203162}, {"01J", 275826}, {"01T", 248075}, {"01X", 302618},
};

/* Sample figures, of the size that such a board has; not published ones. */
static const struct {
    const char *year;
    int64_t thousands;
} allotments_icb[] = {
    {"2022/23", 5100000}, {"2023/24", 5300000}, {"2024/25", 5500000},
    {"2025/26", 5700000}, {"2026/27", 5850000}, {"2027/28", 6000000},
};

static const char *const groups[] = {"02E", "01F", "01J", "01T", "01X"};

/* ---- building ----------------------------------------------------------------------------- */

/** Add the event that @rest says (members from "event_type" on, and the closing brace): its id follows from its text. */
static int add(struct cli *cli, struct batch *batch, const char *rest)
{
    struct event_id id;
    char id_text[EVENT_ID_TEXT_SIZE];
    struct text json = {0};
    struct json_fault fault = {0};
    cli_event_id_from("commission dev", slice_of(rest), &id);
    event_id_print(id, id_text);
    text_add(&json, "{\"event_id\": \"%s\", \"schema_version\": %d, %s", id_text, SCHEMA_VERSION,
             rest);
    int failed = batch_add(batch, json.bytes, &fault);
    if (failed != 0)
        (void)cli_fail(cli, failed, "sample event: %s %s: %s", fault.path, fault.text, json.bytes);
    text_clear(&json);
    return failed;
}

static void envelope(struct text *text, const char *type, const char *organisation,
                     const char *sender, const char *occurred_on)
{
    text->len = 0;
    text_add(text,
             "\"event_type\": \"%s\", \"organisation_ods\": \"%s\", \"sender_ods\": \"%s\", "
             "\"occurred_on\": \"%s\", ",
             type, organisation, sender, occurred_on);
}

static int add_keys(struct cli *cli, struct batch *batch, const char *folder, struct text *text)
{
    uint32_t count;
    const struct dev_party *parties = dev_parties(&count);
    int failed = 0;
    for (uint32_t i = 0; i < count && failed == 0; i++) {
        struct key key;
        if (parties[i].verbs == NULL)
            continue;
        failed = dev_public_key(cli, folder, &parties[i], &key);
        if (failed != 0)
            break;
        envelope(text, "KEY_ADDED", parties[i].ods, parties[0].ods, "2013-04-01");
        key_added_json(key, parties[i].kind, parties[i].verbs, "sample instance", text);
        failed = add(cli, batch, text->bytes);
    }
    return failed;
}

static int add_organisations(struct cli *cli, struct batch *batch, struct text *text)
{
    int failed = 0;
    for (size_t i = 0; i < ARRAY_LEN(organisations) && failed == 0; i++) {
        envelope(text, "ORGANISATION_REGISTERED", organisations[i].ods, NHSE,
                 organisations[i].opened_on);
        text_add(text,
                 "\"organisation_registered\": {\"name\": \"%s\", \"kind\": \"%s\", "
                 "\"opened_on\": \"%s\", \"closed_on\": \"%s\", \"successor_ods\": \"%s\"}}",
                 organisations[i].name, organisations[i].kind, organisations[i].opened_on,
                 organisations[i].closed_on, organisations[i].successor);
        failed = add(cli, batch, text->bytes);
    }
    return failed;
}

/** Each group's contract with the support unit, and its level of co-commissioning: sample data. */
static int add_arrangements(struct cli *cli, struct batch *batch, struct text *text)
{
    int failed = 0;
    for (size_t i = 0; i < ARRAY_LEN(groups) && failed == 0; i++) {
        envelope(text, "SUPPORT_CONTRACT", groups[i], NHSE, "2013-04-01");
        text_add(text, "\"support_contract\": {\"csu_ods\": \"0CE\", \"service_lines\": "
                       "[\"PROCUREMENT\", \"CONTRACT_MANAGEMENT\", \"BUSINESS_INTELLIGENCE\"], "
                       "\"from\": \"2013-04-01\", \"to\": \"2022-06-30\"}}");
        failed = add(cli, batch, text->bytes);
        if (failed != 0)
            break;
        envelope(text, "CO_COMMISSIONING_LEVEL", groups[i], NHSE, "2015-04-01");
        text_add(text, "\"co_commissioning_level\": {\"level\": \"DELEGATED\", "
                       "\"from\": \"2015-04-01\"}}");
        failed = add(cli, batch, text->bytes);
    }
    return failed;
}

static int add_allotment(struct cli *cli, struct batch *batch, struct text *text, const char *ods,
                         const char *year, const char *occurred_on, int64_t thousands)
{
    envelope(text, "ALLOTMENT_SET", ods, NHSE, occurred_on);
    text_add(text,
             "\"allotment_set\": {\"financial_year\": \"%s\", \"core_pence\": \"%" PRId64 "\"}}",
             year, thousands * PENCE_IN_THOUSAND_POUNDS);
    return add(cli, batch, text->bytes);
}

static int add_allotments(struct cli *cli, struct batch *batch, struct text *text)
{
    int failed = 0;
    for (size_t i = 0; i < ARRAY_LEN(allotments_2018) && failed == 0; i++)
        failed = add_allotment(cli, batch, text, allotments_2018[i].ods, "2018/19", "2018-04-01",
                               allotments_2018[i].thousands);
    for (size_t i = 0; i < ARRAY_LEN(allotments_icb) && failed == 0; i++)
        failed = add_allotment(cli, batch, text, "QYG", allotments_icb[i].year, "2022-07-01",
                               allotments_icb[i].thousands);
    return failed;
}

/* ---- sending ------------------------------------------------------------------------------ */

/** From now on this run speaks as @party. */
static void speak_as(struct cli *cli, const char *folder, const struct dev_party *party,
                     char path[DEV_PATH_SIZE])
{
    dev_context_path(folder, party, path);
    cli->connection = commission_close(cli->connection);
    cli->context_loaded = false;
    cli->context_name = path;
}

/** Send @batch and see that all of it was taken. 0, or an exit code, said. */
static int send(struct cli *cli, struct batch *batch)
{
    int failed = batch_begin(batch, cli, "registers");
    if (failed == 0)
        failed = batch_send(batch, 0, batch->count);
    cli_progress(cli, "%s", "");
    for (uint32_t i = 0; failed == 0 && i < batch->count; i++) {
        const struct cli_outcome *outcome = &batch->outcomes[i];
        struct text reasons = {0};
        if (outcome->known && outcome->verdict == VERDICT_ACCEPTED)
            continue;
        for (uint32_t r = 0; r < outcome->reasons_count; r++)
            text_add(&reasons, "%s%s", r > 0 ? "; " : "", outcome->reasons[r].text);
        failed = cli_fail(cli, EXIT_FAILED, "sample event %u was not taken: %s", i + 1,
                          reasons.len > 0 ? reasons.bytes : "no answer");
        text_clear(&reasons);
    }
    batch_clear(batch);
    return failed;
}

int dev_registers_send(struct cli *cli, const char *folder)
{
    char path[DEV_PATH_SIZE];
    uint32_t count;
    const struct dev_party *parties = dev_parties(&count);
    struct batch batch = {0};
    struct text text = {0};
    CHECK(count >= 2);

    speak_as(cli, folder, &parties[0], path);
    int failed = add_keys(cli, &batch, folder, &text);
    if (failed == 0)
        failed = send(cli, &batch);
    if (failed == 0) {
        batch = (struct batch){0};
        speak_as(cli, folder, &parties[1], path);
        failed = add_organisations(cli, &batch, &text);
        if (failed == 0)
            failed = add_arrangements(cli, &batch, &text);
        if (failed == 0)
            failed = add_allotments(cli, &batch, &text);
        if (failed == 0)
            failed = send(cli, &batch);
    }
    cli->connection = commission_close(cli->connection);
    cli->context_loaded = false;
    cli->context_name = NULL;
    text_clear(&text);
    return failed;
}
