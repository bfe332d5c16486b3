/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/zap.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <zmq.h>

#define ADDRESS "inproc://zeromq.zap.01"
/* A draft's number that Debian's zmq.h leaves out or hides, and its library enforces (PITFALLS Z2). */
#define ENFORCE_DOMAIN 93

#define PART_BYTES_MAX 255
#define PARTS_MAX 16

/* RFC 27: after the envelope. */
enum part {
    PART_PEER,
    PART_EMPTY,
    PART_VERSION,
    PART_REQUEST,
    PART_DOMAIN,
    PART_ADDRESS,
    PART_IDENTITY,
    PART_MECHANISM,
    PART_CREDENTIAL,
    PARTS_COUNT,
};

struct zap {
    void *socket;
    const struct keyring *keyring;
    uint64_t denied;
};

struct parts {
    uint32_t count;
    bool broken; /* too many, or one too long */
    size_t len[PARTS_MAX];
    char bytes[PARTS_MAX][PART_BYTES_MAX + 1];
};

/* ---- judging ---- */

/** "localhost:UID:GID:PID" and nothing else. */
static bool uid_of_address(const char *address, uint32_t *ret)
{
    static const char prefix[] = "localhost:";
    if (strncmp(address, prefix, sizeof prefix - 1) != 0)
        return false;
    const char *at = address + sizeof prefix - 1;
    unsigned long numbers[3];
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        char *end = NULL;
        if (!isdigit((unsigned char)*at))
            return false;
        errno = 0;
        numbers[i] = strtoul(at, &end, 10);
        if (errno != 0 || numbers[i] > UINT32_MAX)
            return false;
        if (*end != (i + 1 < ARRAY_LEN(numbers) ? ':' : '\0'))
            return false;
        at = end + 1;
    }
    *ret = (uint32_t)numbers[0];
    return true;
}

bool zap_judge(const struct keyring *keyring, const struct zap_question *question,
               char ret_user_id[USER_ID_SIZE])
{
    bool clients = strcmp(question->domain, ZAP_CLIENTS) == 0;
    bool workers = strcmp(question->domain, ZAP_WORKERS) == 0;
    if (!clients && !workers)
        return false;

    if (strcmp(question->mechanism, "CURVE") == 0 && question->key_given) {
        const struct principal *principal = keyring_find(keyring, question->key);
        if (principal == NULL)
            return false;
        uint32_t wanted = workers ? VERB_BIT(VERB_WORK) : ~VERB_BIT(VERB_WORK);
        if ((principal->verbs & wanted) == 0)
            return false;
        keyring_print_key(question->key, ret_user_id);
        return true;
    }

    uint32_t uid = 0;
    if (workers && strcmp(question->mechanism, "NULL") == 0 &&
        uid_of_address(question->address, &uid) && keyring_find_worker(keyring, uid) != NULL) {
        keyring_print_worker(uid, ret_user_id);
        return true;
    }
    return false;
}

/* ---- the socket ---- */

enum status zap_new(struct zap **ret, void *zmq, const struct keyring *keyring)
{
    if (zmq_has("curve") != 1)
        return STATUS_UNSUPPORTED;
    struct zap *zap = calloc(1, sizeof *zap);
    if (zap == NULL)
        return STATUS_NO_MEMORY;
    enum status status = STATUS_IO_FAILED;
    const int linger = 0;
    zap->keyring = keyring;
    zap->socket = zmq_socket(zmq, ZMQ_ROUTER);
    if (zap->socket == NULL)
        goto fail;
    if (zmq_setsockopt(zap->socket, ZMQ_LINGER, &linger, sizeof linger) != 0)
        goto fail;
    if (zmq_bind(zap->socket, ADDRESS) != 0) {
        status = errno == EADDRINUSE ? STATUS_EXISTS : STATUS_IO_FAILED;
        goto fail;
    }
    *ret = zap;
    return STATUS_OK;

fail:
    zap_free(zap);
    return status;
}

struct zap *zap_free(struct zap *zap)
{
    if (zap != NULL) {
        if (zap->socket != NULL)
            (void)zmq_close(zap->socket);
        free(zap);
    }
    return NULL;
}

void *zap_socket(struct zap *zap)
{
    return zap->socket;
}

uint64_t zap_denied(const struct zap *zap)
{
    return zap->denied;
}

/** One whole question. False: none there. */
static bool receive(void *socket, struct parts *ret)
{
    ret->count = 0;
    ret->broken = false;
    int more = 1;
    while (more) {
        char bytes[PART_BYTES_MAX];
        int len = zmq_recv(socket, bytes, sizeof bytes, ZMQ_DONTWAIT);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return false;
        if (ret->count == PARTS_MAX || (size_t)len > sizeof bytes) {
            ret->broken = true;
        } else {
            memcpy(ret->bytes[ret->count], bytes, (size_t)len);
            ret->bytes[ret->count][len] = '\0';
            ret->len[ret->count] = (size_t)len;
            ret->count++;
        }
        size_t size = sizeof more;
        if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) != 0)
            return false;
    }
    return true;
}

static bool take_text(const struct parts *parts, enum part part, char *ret, size_t size)
{
    size_t len = parts->len[part];
    if (len >= size || memchr(parts->bytes[part], '\0', len) != NULL)
        return false;
    memcpy(ret, parts->bytes[part], len + 1);
    return true;
}

/** False: not a question as RFC 27 has it. */
static bool take_question(const struct parts *parts, struct zap_question *ret)
{
    *ret = (struct zap_question){0};
    if (parts->broken || parts->count < PART_CREDENTIAL || parts->len[PART_EMPTY] != 0 ||
        strcmp(parts->bytes[PART_VERSION], "1.0") != 0)
        return false;
    if (!take_text(parts, PART_DOMAIN, ret->domain, sizeof ret->domain) ||
        !take_text(parts, PART_ADDRESS, ret->address, sizeof ret->address) ||
        !take_text(parts, PART_MECHANISM, ret->mechanism, sizeof ret->mechanism))
        return false;
    if (parts->count == PARTS_COUNT && parts->len[PART_CREDENTIAL] == KEY_BYTES) {
        memcpy(ret->key.bytes, parts->bytes[PART_CREDENTIAL], KEY_BYTES);
        ret->key_given = true;
    }
    return parts->count <= PARTS_COUNT;
}

static void answer(void *socket, const struct parts *parts, const char *code, const char *text,
                   const char *user_id)
{
    const struct slice out[] = {
        {(const uint8_t *)parts->bytes[PART_PEER], parts->len[PART_PEER]},
        {(const uint8_t *)"", 0},
        {(const uint8_t *)"1.0", 3},
        {(const uint8_t *)parts->bytes[PART_REQUEST], parts->len[PART_REQUEST]},
        {(const uint8_t *)code, strlen(code)},
        {(const uint8_t *)text, strlen(text)},
        {(const uint8_t *)user_id, strlen(user_id)},
        {(const uint8_t *)"", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(out); i++) {
        int flags = ZMQ_DONTWAIT | (i + 1 < ARRAY_LEN(out) ? ZMQ_SNDMORE : 0);
        /* The session may be gone by now: then libzmq drops it, and nobody is let in. */
        while (zmq_send(socket, out[i].bytes, out[i].len, flags) < 0 && errno == EINTR)
            ;
    }
}

uint32_t zap_serve(struct zap *zap, uint32_t max)
{
    struct parts parts;
    uint32_t count = 0;
    while (count < max && receive(zap->socket, &parts)) {
        count++;
        struct zap_question question;
        char user_id[USER_ID_SIZE] = "";
        if (take_question(&parts, &question) && zap_judge(zap->keyring, &question, user_id)) {
            answer(zap->socket, &parts, "200", "OK", user_id);
            continue;
        }
        zap->denied++;
        if (parts.count > PART_REQUEST)
            answer(zap->socket, &parts, "400", "not known here", "");
    }
    return count;
}

enum status zap_guard(void *socket, const char *domain)
{
    const int enforce = 1;
    if (zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) != 0 ||
        zmq_setsockopt(socket, ENFORCE_DOMAIN, &enforce, sizeof enforce) != 0)
        return STATUS_UNSUPPORTED;

    char domain_back[256];
    size_t size = sizeof domain_back;
    if (zmq_getsockopt(socket, ZMQ_ZAP_DOMAIN, domain_back, &size) != 0 ||
        strcmp(domain_back, domain) != 0)
        return STATUS_UNSUPPORTED;
    int enforce_back = 0;
    size = sizeof enforce_back;
    if (zmq_getsockopt(socket, ENFORCE_DOMAIN, &enforce_back, &size) != 0 || enforce_back != 1)
        return STATUS_UNSUPPORTED;
    return STATUS_OK;
}
