/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/broker/quota.h"

#include <string.h>

#define NOWHERE UINT32_MAX
#define IDLE_MAX 1024 /* accounts beside those with open events: their buckets fill again */
#define TOKEN 1000 /* of a bucket: what one event takes, so that a rate is so many a millisecond */
/* Who has emptied his bucket waits until a frame of some size is worth sending. */
#define TOKENS_AGAIN 64
#define RETRY_MS_MIN 10
#define RETRY_MS_MAX 60000
#define RETRY_OPEN_MS 250 /* until some of what is open is judged */

/* An organisation with open events, or one of which the bucket is not known to be full; else it is among the free. */
struct account {
    struct ods sender;
    uint32_t count;
    uint64_t bytes;
    int64_t level; /* of the bucket, as of @filled_ms */
    int64_t filled_ms;
    uint64_t refused;
    uint32_t next; /* in its chain, or among the free */
};

struct quota {
    struct quota_limits limits;
    struct account *accounts;
    uint32_t *table; /* first account by hash */
    uint32_t table_mask;
    uint32_t free_account; /* given back; those from @fresh on were never used */
    uint32_t fresh;
    uint32_t accounts_max;
};

enum status quota_new(struct quota **ret, const struct quota_limits *limits, uint32_t events_max)
{
    CHECK(events_max >= 1);
    CHECK(limits->rate == 0 || limits->burst >= 1);

    struct quota *quota = calloc(1, sizeof *quota);
    if (quota == NULL)
        return STATUS_NO_MEMORY;
    uint32_t cells = 4;
    while (cells < events_max && cells < 4096)
        cells *= 2;
    quota->limits = *limits;
    quota->table_mask = cells - 1;
    quota->accounts_max = events_max + IDLE_MAX;
    quota->accounts = calloc(quota->accounts_max, sizeof *quota->accounts);
    quota->table = calloc(cells, sizeof *quota->table);
    if (quota->accounts == NULL || quota->table == NULL)
        goto fail;
    quota->free_account = NOWHERE;
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

/* ---- accounts ---- */

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

static const struct account *find(const struct quota *quota, struct ods sender)
{
    uint32_t at = *link_of(quota, sender);
    return at != NOWHERE ? &quota->accounts[at] : NULL;
}

static int64_t bucket_size(const struct quota *quota)
{
    return (int64_t)quota->limits.burst * TOKEN;
}

/** What is in the bucket at @now_ms. */
static int64_t level_at(const struct quota *quota, const struct account *account, int64_t now_ms)
{
    int64_t size = bucket_size(quota);
    int64_t passed_ms = now_ms - account->filled_ms;
    if (account->level >= size || passed_ms <= 0)
        return account->level;
    /* How long it takes to fill bounds the product. */
    int64_t fill_ms = (size - account->level) / quota->limits.rate + 1;
    if (passed_ms >= fill_ms)
        return size;
    return account->level + passed_ms * quota->limits.rate;
}

/** Take back the accounts without open events. Their buckets count as full again: better too lenient than a limit on limits. */
static void forget_idle(struct quota *quota)
{
    for (uint32_t i = 0; i <= quota->table_mask; i++) {
        uint32_t *link = &quota->table[i];
        while (*link != NOWHERE) {
            uint32_t at = *link;
            struct account *account = &quota->accounts[at];
            if (account->count > 0) {
                link = &account->next;
                continue;
            }
            *link = account->next;
            account->next = quota->free_account;
            quota->free_account = at;
        }
    }
}

static struct account *account_of(struct quota *quota, struct ods sender)
{
    uint32_t *link = link_of(quota, sender);
    if (*link != NOWHERE)
        return &quota->accounts[*link];
    if (quota->free_account == NOWHERE && quota->fresh == quota->accounts_max) {
        forget_idle(quota);
        link = link_of(quota, sender);
    }
    uint32_t at = quota->free_account;
    if (at != NOWHERE)
        quota->free_account = quota->accounts[at].next;
    else
        at = quota->fresh++;
    CHECK(at < quota->accounts_max);
    quota->accounts[at] =
        (struct account){.sender = sender, .level = bucket_size(quota), .next = NOWHERE};
    *link = at;
    return &quota->accounts[at];
}

/* ---- asking ---- */

/** How long until the bucket of @account, empty now, is worth asking again. */
static uint32_t refill_ms(const struct quota *quota, int64_t level)
{
    int64_t tokens = TOKENS_AGAIN;
    if (tokens > quota->limits.burst)
        tokens = quota->limits.burst;
    int64_t rate = quota->limits.rate;
    int64_t wait_ms = (tokens * TOKEN - level + rate - 1) / rate;
    if (wait_ms < RETRY_MS_MIN)
        return RETRY_MS_MIN;
    return wait_ms > RETRY_MS_MAX ? RETRY_MS_MAX : (uint32_t)wait_ms;
}

enum quota_bound quota_ask(struct quota *quota, struct ods sender, uint32_t bytes, int64_t now_ms,
                           uint32_t *ret_retry_ms)
{
    const struct quota_limits *limits = &quota->limits;
    struct account *account = account_of(quota, sender);
    enum quota_bound bound = QUOTA_WITHIN;

    if (limits->rate > 0) {
        account->level = level_at(quota, account, now_ms);
        account->filled_ms = now_ms;
    }
    *ret_retry_ms = RETRY_OPEN_MS;
    if (bytes > 0 && limits->events_max > 0 && account->count >= limits->events_max) {
        bound = QUOTA_EVENTS;
    } else if (bytes > 0 && limits->bytes_max > 0 && account->bytes > 0 &&
               account->bytes + bytes > limits->bytes_max) {
        bound = QUOTA_BYTES;
    } else if (limits->rate > 0 && account->level < TOKEN) {
        bound = QUOTA_RATE;
        *ret_retry_ms = refill_ms(quota, account->level);
    }
    if (bound != QUOTA_WITHIN)
        account->refused++;
    else if (limits->rate > 0)
        account->level -= TOKEN;
    return bound;
}

void quota_refused(struct quota *quota, struct ods sender, int64_t now_ms)
{
    struct account *account = account_of(quota, sender);
    if (quota->limits.rate > 0) {
        account->level = level_at(quota, account, now_ms);
        account->filled_ms = now_ms;
    }
    account->refused++;
}

void quota_take(struct quota *quota, struct ods sender, uint32_t bytes)
{
    struct account *account = account_of(quota, sender);
    account->count++;
    account->bytes += bytes;
}

void quota_give(struct quota *quota, struct ods sender, uint32_t bytes)
{
    uint32_t at = *link_of(quota, sender);
    CHECK(at != NOWHERE);
    struct account *account = &quota->accounts[at];
    CHECK(account->count > 0);
    CHECK(account->bytes >= bytes);
    account->count--;
    account->bytes -= bytes;
}

uint32_t quota_count(const struct quota *quota, struct ods sender)
{
    const struct account *account = find(quota, sender);
    return account != NULL ? account->count : 0;
}

/* ---- showing ---- */

struct quota_use quota_use_of(const struct quota *quota, struct ods sender, int64_t now_ms)
{
    const struct account *account = find(quota, sender);
    struct quota_use use = {.sender = sender};
    int64_t level = bucket_size(quota);

    if (account != NULL) {
        use.events = account->count;
        use.bytes = account->bytes;
        use.refused = account->refused;
        level = quota->limits.rate > 0 ? level_at(quota, account, now_ms) : 0;
    }
    use.tokens = quota->limits.rate > 0 ? (uint32_t)(level / TOKEN) : 0;
    return use;
}

bool quota_next(const struct quota *quota, struct ods after, struct ods *ret, uint32_t *ret_looked)
{
    const struct account *best = NULL;
    *ret_looked = quota->fresh;
    for (uint32_t i = 0; i < quota->fresh; i++) {
        const struct account *account = &quota->accounts[i];
        if (memcmp(account->sender.text, after.text, ODS_SIZE) > 0 &&
            (best == NULL || memcmp(account->sender.text, best->sender.text, ODS_SIZE) < 0) &&
            find(quota, account->sender) == account)
            best = account;
    }
    if (best == NULL)
        return false;
    *ret = best->sender;
    return true;
}
