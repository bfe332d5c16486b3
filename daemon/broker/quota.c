/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/broker/quota.h"

#define NOWHERE UINT32_MAX

/* An organisation with open events; without any it is among the free. */
struct account {
    struct ods sender;
    uint32_t count;
    uint32_t next; /* in its chain, or among the free */
};

struct quota {
    struct account *accounts;
    uint32_t *table; /* first account by hash */
    uint32_t table_mask;
    uint32_t free_account; /* given back; those from @fresh on were never used */
    uint32_t fresh;
    uint32_t accounts_max;
};

enum status quota_new(struct quota **ret, uint32_t events_max)
{
    CHECK(events_max >= 1);

    struct quota *quota = calloc(1, sizeof *quota);
    if (quota == NULL)
        return STATUS_NO_MEMORY;
    uint32_t cells = 4;
    while (cells < events_max && cells < 4096)
        cells *= 2;
    quota->table_mask = cells - 1;
    quota->accounts = calloc(events_max, sizeof *quota->accounts);
    quota->table = calloc(cells, sizeof *quota->table);
    if (quota->accounts == NULL || quota->table == NULL)
        goto fail;
    quota->free_account = NOWHERE;
    quota->accounts_max = events_max;
    for (uint32_t i = 0; i < cells; i++)
        quota->table[i] = NOWHERE;

    *ret = quota;
    return STATUS_OK;

fail:
    quota_free(quota);
    return STATUS_NO_MEMORY;
}

struct quota *quota_free(struct quota *quota)
{
    if (quota != NULL) {
        free(quota->accounts);
        free(quota->table);
    }
    free(quota);
    return NULL;
}

/** The link that names the account of @sender, or that ends its chain. */
static uint32_t *link_of(const struct quota *quota, struct ods sender)
{
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < ODS_SIZE; i++)
        hash = (hash ^ (uint8_t)sender.text[i]) * 16777619u;

    uint32_t *link = &quota->table[(hash ^ (hash >> 15)) & quota->table_mask];
    while (*link != NOWHERE && !ods_equal(quota->accounts[*link].sender, sender))
        link = &quota->accounts[*link].next;
    return link;
}

void quota_take(struct quota *quota, struct ods sender)
{
    uint32_t *link = link_of(quota, sender);
    if (*link == NOWHERE) {
        uint32_t at = quota->free_account;
        if (at != NOWHERE)
            quota->free_account = quota->accounts[at].next;
        else
            at = quota->fresh++;
        CHECK(at < quota->accounts_max);
        quota->accounts[at] = (struct account){.sender = sender, .count = 0, .next = NOWHERE};
        *link = at;
    }
    quota->accounts[*link].count++;
}

void quota_give(struct quota *quota, struct ods sender)
{
    uint32_t *link = link_of(quota, sender);
    uint32_t at = *link;
    CHECK(at != NOWHERE);

    if (--quota->accounts[at].count > 0)
        return;
    *link = quota->accounts[at].next;
    quota->accounts[at].next = quota->free_account;
    quota->free_account = at;
}

uint32_t quota_count(const struct quota *quota, struct ods sender)
{
    uint32_t at = *link_of(quota, sender);
    return at != NOWHERE ? quota->accounts[at].count : 0;
}
