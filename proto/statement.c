/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/statement.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "proto/base64.h"
#include "proto/date.h"

#define SIGNATURE_BYTES crypto_sign_ed25519_BYTES
#define LINE "signature "
#define LINE_LEN (sizeof LINE - 1)
#define SIGNATURE_LINE_BYTES (LINE_LEN + 2 * SIGNATURE_BYTES + 1)

static_assert(STATEMENT_KEY_BYTES == crypto_sign_ed25519_PUBLICKEYBYTES, "Ed25519's key");
static_assert(STATEMENT_SECRET_BYTES == crypto_sign_ed25519_SECRETKEYBYTES, "Ed25519's key");
static_assert(STATEMENT_SEED_BYTES == crypto_sign_ed25519_SEEDBYTES, "Ed25519's seed");

static const char *const kinds[] = {
    [STATEMENT_RECEIPT] = "commission receipt ",
    [STATEMENT_CHECKPOINT] = "commission checkpoint ",
};

/* ---- hexadecimal digits ---- */

static void hex_print(const uint8_t *bytes, size_t len, char *ret)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *ret++ = digits[bytes[i] >> 4];
        *ret++ = digits[bytes[i] & 15];
    }
    *ret = '\0';
}

/** @len bytes of lower or upper case digits. */
static bool hex_parse(const char *text, size_t text_len, uint8_t *ret, size_t len)
{
    uint8_t bytes[SIGNATURE_BYTES] = {0};

    CHECK(len <= sizeof bytes);
    if (text_len != 2 * len)
        return false;
    for (size_t i = 0; i < text_len; i++) {
        char c = text[i];
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (unsigned)(c - 'A') + 10;
        else
            return false;
        bytes[i / 2] = (uint8_t)((unsigned)bytes[i / 2] << 4 | digit);
    }
    memcpy(ret, bytes, len);
    return true;
}

bool statement_key_parse(const char *text, size_t len, struct statement_key *ret)
{
    uint8_t bytes[STATEMENT_KEY_BYTES];
    size_t got;

    if (hex_parse(text, len, ret->bytes, sizeof ret->bytes))
        return true;
    if (!base64_read(text, len, bytes, sizeof bytes, &got) || got != sizeof bytes)
        return false;
    memcpy(ret->bytes, bytes, sizeof bytes);
    return true;
}

void statement_key_print(struct statement_key key, char ret[STATEMENT_KEY_TEXT_SIZE])
{
    hex_print(key.bytes, sizeof key.bytes, ret);
}

void statement_id_print(const uint8_t id[16], char ret[33])
{
    hex_print(id, 16, ret);
}

bool statement_id_parse(const char *text, size_t len, uint8_t ret[16])
{
    return hex_parse(text, len, ret, 16);
}

bool statement_hash_parse(const char *text, size_t len, struct hash *ret)
{
    return hex_parse(text, len, ret->bytes, sizeof ret->bytes);
}

/* ---- making ---- */

struct hash statement_digest(struct slice event)
{
    struct hash hash;

    CHECK(crypto_generichash(hash.bytes, sizeof hash.bytes, event.bytes, event.len, NULL, 0) == 0);
    return hash;
}

void statement_key_pair(const uint8_t seed[STATEMENT_SEED_BYTES], struct statement_key *ret_public,
                        uint8_t ret_secret[STATEMENT_SECRET_BYTES])
{
    CHECK(crypto_sign_ed25519_seed_keypair(ret_public->bytes, ret_secret, seed) == 0);
}

/** The text up to the signature; returns its length. */
static size_t print_body(const struct statement *statement, char ret[STATEMENT_TEXT_SIZE])
{
    char journal[33];
    char hash[HASH_TEXT_SIZE];
    char event[EVENT_ID_TEXT_SIZE + HASH_TEXT_SIZE + 16] = "";
    char at[MOMENT_TEXT_SIZE];
    char key[STATEMENT_KEY_TEXT_SIZE];

    statement_id_print(statement->journal_id, journal);
    hash_print(statement->hash, hash);
    moment_print(statement->at_ms, at);
    statement_key_print(statement->key, key);
    if (statement->kind == STATEMENT_RECEIPT) {
        char id[EVENT_ID_TEXT_SIZE];
        char digest[HASH_TEXT_SIZE];
        event_id_print(statement->event_id, id);
        hash_print(statement->digest, digest);
        (void)snprintf(event, sizeof event, "event %s\ndigest %s\n", id, digest);
    }
    int len = snprintf(ret, STATEMENT_TEXT_SIZE,
                       "%s1\njournal %s\nseq %" PRIu64 "\nhash %s\n%sat %s\nkey %s\n",
                       kinds[statement->kind], journal, statement->seq, hash, event, at, key);
    CHECK(len > 0);
    CHECK((size_t)len + SIGNATURE_LINE_BYTES < STATEMENT_TEXT_SIZE);
    return (size_t)len;
}

void statement_sign(const struct statement *statement, const uint8_t secret[STATEMENT_SECRET_BYTES],
                    char ret[STATEMENT_TEXT_SIZE])
{
    struct statement signed_one = *statement;
    uint8_t signature[SIGNATURE_BYTES];

    /* libsodium keeps the public half behind the seed. */
    memcpy(signed_one.key.bytes, secret + STATEMENT_SEED_BYTES, STATEMENT_KEY_BYTES);
    size_t len = print_body(&signed_one, ret);
    CHECK(crypto_sign_ed25519_detached(signature, NULL, (const uint8_t *)ret, len, secret) == 0);
    memcpy(ret + len, LINE, LINE_LEN);
    hex_print(signature, sizeof signature, ret + len + LINE_LEN);
    memcpy(ret + len + SIGNATURE_LINE_BYTES - 1, "\n", 2);
}

/* ---- reading ---- */

/** Take the line "@name value" from the front of @text: *@ret is the value. False: another line stands there. */
static bool take_line(struct slice *text, const char *name, const char **ret, size_t *ret_len)
{
    size_t len = strlen(name);
    const char *at = (const char *)text->bytes;

    if (text->len <= len || memcmp(at, name, len) != 0)
        return false;
    const char *end = memchr(at, '\n', text->len);
    if (end == NULL || (size_t)(end - at) < len)
        return false;
    *ret = at + len;
    *ret_len = (size_t)(end - at) - len;
    text->bytes += (size_t)(end - at) + 1;
    text->len -= (size_t)(end - at) + 1;
    return true;
}

static bool take_seq(struct slice *text, uint64_t *ret)
{
    const char *value;
    size_t len;
    uint64_t seq = 0;

    if (!take_line(text, "seq ", &value, &len) || len == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9' || __builtin_mul_overflow(seq, 10, &seq) ||
            __builtin_add_overflow(seq, (uint64_t)(value[i] - '0'), &seq))
            return false;
    }
    *ret = seq;
    return seq > 0;
}

static bool take_hash(struct slice *text, const char *name, struct hash *ret)
{
    const char *value;
    size_t len;

    return take_line(text, name, &value, &len) && statement_hash_parse(value, len, ret);
}

static bool take_event(struct slice *text, struct statement *ret)
{
    const char *value;
    size_t len;
    char id[EVENT_ID_TEXT_SIZE];

    if (!take_line(text, "event ", &value, &len) || len != sizeof id - 1)
        return false;
    memcpy(id, value, len);
    id[len] = '\0';
    return event_id_parse(id, &ret->event_id) && take_hash(text, "digest ", &ret->digest);
}

/** The lines behind the first. */
static bool take_fields(struct slice *text, struct statement *ret,
                        uint8_t ret_signature[SIGNATURE_BYTES])
{
    const char *value;
    size_t len;

    return take_line(text, "journal ", &value, &len) &&
           hex_parse(value, len, ret->journal_id, sizeof ret->journal_id) &&
           take_seq(text, &ret->seq) && take_hash(text, "hash ", &ret->hash) &&
           (ret->kind != STATEMENT_RECEIPT || take_event(text, ret)) &&
           take_line(text, "at ", &value, &len) && moment_parse(value, len, &ret->at_ms) &&
           take_line(text, "key ", &value, &len) &&
           hex_parse(value, len, ret->key.bytes, sizeof ret->key.bytes) &&
           take_line(text, LINE, &value, &len) &&
           hex_parse(value, len, ret_signature, SIGNATURE_BYTES) && text->len == 0;
}

/** The first line: which kind it is. STATUS_MALFORMED, STATUS_UNSUPPORTED. */
static enum status take_kind(struct slice *text, enum statement_kind *ret)
{
    for (unsigned kind = STATEMENT_RECEIPT; kind <= STATEMENT_CHECKPOINT; kind++) {
        const char *value;
        size_t len;
        if (!take_line(text, kinds[kind], &value, &len))
            continue;
        *ret = (enum statement_kind)kind;
        return len == 1 && value[0] == '1' ? STATUS_OK : STATUS_UNSUPPORTED;
    }
    return STATUS_MALFORMED;
}

enum status statement_verify(struct slice text, struct statement_key key, struct statement *ret)
{
    struct statement found = {.seq = 0};
    uint8_t signature[SIGNATURE_BYTES];
    char body[STATEMENT_TEXT_SIZE];
    struct slice rest = text;

    if (text.len >= STATEMENT_TEXT_SIZE)
        return STATUS_MALFORMED;
    enum status status = take_kind(&rest, &found.kind);
    if (status != STATUS_OK)
        return status;
    if (!take_fields(&rest, &found, signature))
        return STATUS_MALFORMED;
    /* What was read must be what would be written: one text for one meaning. */
    size_t len = print_body(&found, body);
    hex_print(signature, sizeof signature, body + len + LINE_LEN);
    memcpy(body + len, LINE, LINE_LEN);
    if (text.len != len + SIGNATURE_LINE_BYTES || memcmp(body, text.bytes, text.len - 1) != 0)
        return STATUS_MALFORMED;
    *ret = found;
    if (memcmp(found.key.bytes, key.bytes, sizeof key.bytes) != 0 ||
        crypto_sign_ed25519_verify_detached(signature, text.bytes, len, key.bytes) != 0)
        return STATUS_REFUSED;
    return STATUS_OK;
}
