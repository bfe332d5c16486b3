/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/keyring.h"

#include <sodium.h>
#include <string.h>

#define KEYS_MAX_MAX (1u << 20)
#define UID_OVERFLOW 65534u
#define UID_PREFIX "uid:"
#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING

/* Open addressing, at most half full; what is taken out closes the gap behind it. Keys are chosen by their owners: hence a secret hash. */
struct keyring {
    struct principal *slots;
    bool *used;
    uint32_t mask;
    uint32_t keys_max;
    uint32_t count;
    uint8_t hash_key[crypto_shorthash_KEYBYTES];
    bool worker_allowed;
    uint32_t worker_uid;
    struct principal worker;
};

static_assert(USER_ID_SIZE >= sodium_base64_ENCODED_LEN(KEY_BYTES, BASE64), "a key fits a User-Id");

static uint32_t home_of(const struct keyring *keyring, struct key key)
{
    uint8_t hash[crypto_shorthash_BYTES];
    crypto_shorthash(hash, key.bytes, KEY_BYTES, keyring->hash_key);
    uint32_t home;
    memcpy(&home, hash, sizeof home);
    return home & keyring->mask;
}

/** The slot of @key, or the free one where it would stand. */
static uint32_t slot_of(const struct keyring *keyring, struct key key)
{
    uint32_t at = home_of(keyring, key);
    while (keyring->used[at] &&
           memcmp(keyring->slots[at].public_key.bytes, key.bytes, KEY_BYTES) != 0)
        at = (at + 1) & keyring->mask;
    return at;
}

enum status keyring_new(struct keyring **ret, uint32_t keys_max)
{
    CHECK(keys_max >= 1);
    CHECK(keys_max <= KEYS_MAX_MAX);

    if (sodium_init() < 0)
        return STATUS_UNSUPPORTED;
    struct keyring *keyring = calloc(1, sizeof *keyring);
    if (keyring == NULL)
        return STATUS_NO_MEMORY;
    uint32_t slots = 2;
    while (slots < 2 * keys_max)
        slots *= 2;
    keyring->mask = slots - 1;
    keyring->keys_max = keys_max;
    keyring->slots = calloc(slots, sizeof *keyring->slots);
    if (keyring->slots == NULL)
        goto fail;
    keyring->used = calloc(slots, sizeof *keyring->used);
    if (keyring->used == NULL)
        goto fail;
    crypto_shorthash_keygen(keyring->hash_key);

    *ret = keyring;
    return STATUS_OK;

fail:
    keyring_free(keyring);
    return STATUS_NO_MEMORY;
}

struct keyring *keyring_free(struct keyring *keyring)
{
    if (keyring != NULL) {
        free(keyring->slots);
        free(keyring->used);
        free(keyring);
    }
    return NULL;
}

enum status keyring_add(struct keyring *keyring, const struct principal *principal)
{
    uint32_t at = slot_of(keyring, principal->public_key);
    if (!keyring->used[at]) {
        if (keyring->count == keyring->keys_max)
            return STATUS_TOO_LARGE;
        keyring->used[at] = true;
        keyring->count++;
    }
    keyring->slots[at] = *principal;
    return STATUS_OK;
}

bool keyring_revoke(struct keyring *keyring, struct key public_key)
{
    uint32_t gap = slot_of(keyring, public_key);
    if (!keyring->used[gap])
        return false;

    for (uint32_t at = (gap + 1) & keyring->mask; keyring->used[at];
         at = (at + 1) & keyring->mask) {
        uint32_t home = home_of(keyring, keyring->slots[at].public_key);
        if (((at - home) & keyring->mask) >= ((at - gap) & keyring->mask)) {
            keyring->slots[gap] = keyring->slots[at];
            gap = at;
        }
    }
    keyring->used[gap] = false;
    keyring->slots[gap] = (struct principal){0};
    keyring->count--;
    return true;
}

const struct principal *keyring_find(const struct keyring *keyring, struct key public_key)
{
    uint32_t at = slot_of(keyring, public_key);
    return keyring->used[at] ? &keyring->slots[at] : NULL;
}

uint32_t keyring_count(const struct keyring *keyring)
{
    return keyring->count;
}

bool keyring_allow_worker(struct keyring *keyring, uint32_t uid)
{
    if (uid == UID_OVERFLOW)
        return false;
    keyring->worker_allowed = true;
    keyring->worker_uid = uid;
    keyring->worker = (struct principal){
        .organisation = {"OPS"},
        .kind = ORGANISATION_OPERATOR,
        .verbs = VERB_BIT(VERB_WORK),
    };
    return true;
}

const struct principal *keyring_find_worker(const struct keyring *keyring, uint32_t uid)
{
    if (!keyring->worker_allowed || uid == UID_OVERFLOW || uid != keyring->worker_uid)
        return NULL;
    return &keyring->worker;
}

void keyring_print_key(struct key public_key, char ret[USER_ID_SIZE])
{
    sodium_bin2base64(ret, USER_ID_SIZE, public_key.bytes, KEY_BYTES, BASE64);
}

void keyring_print_worker(uint32_t uid, char ret[USER_ID_SIZE])
{
    snprintf(ret, USER_ID_SIZE, UID_PREFIX "%u", uid);
}

const struct principal *keyring_find_user(const struct keyring *keyring, const char *user_id)
{
    size_t len = strnlen(user_id, USER_ID_SIZE);
    if (strncmp(user_id, UID_PREFIX, strlen(UID_PREFIX)) == 0) {
        char worker[USER_ID_SIZE];
        keyring_print_worker(keyring->worker_uid, worker);
        bool same = strcmp(user_id, worker) == 0;
        return same ? keyring_find_worker(keyring, keyring->worker_uid) : NULL;
    }
    struct key key;
    size_t bytes = 0;
    if (sodium_base642bin(key.bytes, KEY_BYTES, user_id, len, NULL, &bytes, NULL, BASE64) != 0 ||
        bytes != KEY_BYTES)
        return NULL;
    return keyring_find(keyring, key);
}
