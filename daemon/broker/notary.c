/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/broker/notary.h"

#include <string.h>

#define ACCOUNTS 256 /* organisations whose codes hash alike share one */
#define MS_PER_SECOND 1000

/* What is left, in thousandths of a signature. */
struct account {
    int64_t left;
    int64_t at_ms;
    bool used;
};

struct notary {
    const uint8_t *secret;
    int64_t checkpoint_ms;
    struct account all;
    struct account accounts[ACCOUNTS];
    bool made;       /* a checkpoint, ever */
    bool told;       /* and handed out */
    int64_t next_ms; /* monotonic */
    uint64_t made_seq;
    char text[STATEMENT_TEXT_SIZE];
};

enum status notary_new(struct notary **ret, const uint8_t *secret, int64_t checkpoint_ms)
{
    CHECK(checkpoint_ms >= 0);

    struct notary *notary = calloc(1, sizeof *notary);
    if (notary == NULL)
        return STATUS_NO_MEMORY;
    notary->secret = secret;
    notary->checkpoint_ms = checkpoint_ms;
    *ret = notary;
    return STATUS_OK;
}

struct notary *notary_free(struct notary *notary)
{
    free(notary);
    return NULL;
}

bool notary_can(const struct notary *notary, struct statement_key *ret_key)
{
    if (notary->secret == NULL)
        return false;
    memcpy(ret_key->bytes, notary->secret + STATEMENT_SEED_BYTES, sizeof ret_key->bytes);
    return true;
}

/* ---- the quota ---- */

/** What came in since the last time is added; the clock is monotonic. */
static void refill(struct account *account, int64_t each_second, int64_t saved, int64_t now_ms)
{
    int64_t most = saved * MS_PER_SECOND;
    int64_t past_ms = now_ms - account->at_ms;

    if (!account->used || past_ms >= most / each_second)
        account->left = most;
    else if (past_ms > 0)
        account->left += past_ms * each_second;
    if (account->left > most)
        account->left = most;
    account->used = true;
    account->at_ms = now_ms;
}

static struct account *account_of(struct notary *notary, struct ods asker)
{
    uint32_t hash = 2166136261u;

    for (uint32_t i = 0; i < ODS_SIZE; i++)
        hash = (hash ^ (uint8_t)asker.text[i]) * 16777619u;
    return &notary->accounts[(hash ^ (hash >> 15)) % ACCOUNTS];
}

bool notary_allows(struct notary *notary, struct ods asker, int64_t now_ms)
{
    struct account *account = account_of(notary, asker);

    refill(account, NOTARY_EACH_SECOND, NOTARY_EACH_SAVED, now_ms);
    refill(&notary->all, NOTARY_ALL_SECOND, NOTARY_ALL_SAVED, now_ms);
    if (account->left < MS_PER_SECOND || notary->all.left < MS_PER_SECOND)
        return false;
    account->left -= MS_PER_SECOND;
    notary->all.left -= MS_PER_SECOND;
    return true;
}

void notary_sign(const struct notary *notary, const struct statement *statement,
                 char ret[STATEMENT_TEXT_SIZE])
{
    CHECK(notary->secret != NULL);
    statement_sign(statement, notary->secret, ret);
}

/* ---- checkpoints ---- */

int64_t notary_due_ms(const struct notary *notary, uint64_t seq)
{
    if (notary->secret == NULL || notary->checkpoint_ms == 0 || seq == 0 || seq == notary->made_seq)
        return INT64_MAX;
    return notary->made ? notary->next_ms : 0;
}

void notary_tick(struct notary *notary, const struct statement *head, struct instant now)
{
    CHECK(head->kind == STATEMENT_CHECKPOINT);
    if (notary_due_ms(notary, head->seq) > now.mono_ms)
        return;
    struct statement statement = *head;
    statement.at_ms = now.wall_ms;
    notary_sign(notary, &statement, notary->text);
    notary->made = true;
    notary->told = false;
    notary->made_seq = head->seq;
    notary->next_ms = now.mono_ms + notary->checkpoint_ms;
}

const char *notary_checkpoint(const struct notary *notary)
{
    return notary->made ? notary->text : NULL;
}

const char *notary_next_checkpoint(struct notary *notary)
{
    if (!notary->made || notary->told)
        return NULL;
    notary->told = true;
    return notary->text;
}
