/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/endpoint.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <zmq.h>

#include "daemon/net/connections.h"
#include "daemon/net/zap.h"
#include "proto/codec.h"

#define ADDRESSES_MAX 8
#define IPC_PREFIX "ipc://"
#define TCP_PREFIX "tcp://"
#define IPC_UMASK 0117
#define BACKLOG 1024
/* Whole messages for one peer; a message is two parts of at most FRAME_BYTES_MAX together. */
#define RECEIVE_HWM 128
/* CURVE wraps a part in 33 bytes, and libzmq's limit is for what it reads; frame.c looks at what is inside. */
#define WRAPPING_BYTES_MAX 64
#define SEND_HWM 256
/*
 * libzmq counts messages, and 256 replies are 128 MiB. So many bytes may wait to be written to one client; where those of all are
 * so many, one message for each.
 */
#define BACKLOG_BYTES_MAX (4 * 1024 * 1024)
#define BACKLOG_ALL_BYTES_MAX (1024 * 1024 * 1024)
#define BACKLOGS 4096
/*
 * No ZMQ_HEARTBEAT_IVL: libzmq 4.3.4 aborts the process ("!_io_error", stream_engine_base.cpp) when a heartbeat falls due on a
 * connection that broke while its queue was full, which is what any flood over a bad line brings about. The kernel watches instead.
 */
#define KEEPALIVE_IDLE_S 10
#define KEEPALIVE_IVL_S 5
#define KEEPALIVE_COUNT 3
#define UNACKNOWLEDGED_MS 15000
#define LINGER_MS 250
#define BUSY_RETRY_MS 1000
/* libzmq's own ids: a zero and four bytes that it counts. A peer that brings one of its own is not listened to (PITFALLS Z6). */
#define OWN_ID_LEN 5

struct endpoint {
    void *socket;
    enum owed_to side;
    const struct keyring *keyring;
    struct connections *connections;
    char addresses[ADDRESSES_MAX][ENDPOINT_ADDRESS_SIZE];
    uint32_t addresses_count;
};

static bool is_ipc(const char *address)
{
    return strncmp(address, IPC_PREFIX, strlen(IPC_PREFIX)) == 0;
}

bool endpoint_address_valid(const char *address)
{
    if (is_ipc(address)) {
        const char *path = address + strlen(IPC_PREFIX);
        struct sockaddr_un room;
        return path[0] == '/' && path[1] != '\0' && strlen(path) < sizeof room.sun_path;
    }
    if (strncmp(address, TCP_PREFIX, strlen(TCP_PREFIX)) != 0)
        return false;
    const char *host = address + strlen(TCP_PREFIX);
    const char *port = strrchr(host, ':');
    if (port == NULL || port == host || strlen(address) >= ENDPOINT_ADDRESS_SIZE)
        return false;
    port++;
    if (strcmp(port, "*") == 0)
        return true;
    if (strspn(port, "0123456789") != strlen(port) || strlen(port) < 1 || strlen(port) > 5)
        return false;
    unsigned long number = strtoul(port, NULL, 10);
    return number > 0 && number <= UINT16_MAX;
}

/* ---- binding ---- */

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool set_limits(void *socket)
{
    const int64_t bytes_max = FRAME_BYTES_MAX + WRAPPING_BYTES_MAX;
    return zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &bytes_max, sizeof bytes_max) == 0 &&
           set_int(socket, ZMQ_RCVHWM, RECEIVE_HWM) && set_int(socket, ZMQ_SNDHWM, SEND_HWM) &&
           set_int(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
           set_int(socket, ZMQ_TCP_KEEPALIVE, 1) &&
           set_int(socket, ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S) &&
           set_int(socket, ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_IVL_S) &&
           set_int(socket, ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_COUNT) &&
           set_int(socket, ZMQ_TCP_MAXRT, UNACKNOWLEDGED_MS) &&
           set_int(socket, ZMQ_ROUTER_MANDATORY, 1) && set_int(socket, ZMQ_ROUTER_HANDOVER, 0) &&
           set_int(socket, ZMQ_LINGER, 0) && set_int(socket, ZMQ_BACKLOG, BACKLOG) &&
           set_int(socket, ZMQ_IPV6, 1);
}

/** What the next bind will ask of its peers; read back, since all hangs on it. */
static bool set_mechanism(void *socket, const struct keyfile *server_key, bool curve)
{
    if (curve &&
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, server_key->secret_key, KEY_BYTES) != 0)
        return false;
    if (!set_int(socket, ZMQ_CURVE_SERVER, curve ? 1 : 0))
        return false;
    int mechanism = -1;
    size_t size = sizeof mechanism;
    return zmq_getsockopt(socket, ZMQ_MECHANISM, &mechanism, &size) == 0 &&
           mechanism == (curve ? ZMQ_CURVE : ZMQ_NULL);
}

/** libzmq unlinks whatever stands at the path: only a socket may be lost so. */
static bool path_free(const char *address)
{
    struct stat stat;
    return lstat(address + strlen(IPC_PREFIX), &stat) != 0 || S_ISSOCK(stat.st_mode);
}

static enum status bind_one(struct endpoint *endpoint, const char *address, char *text,
                            size_t text_size)
{
    if (is_ipc(address) && !path_free(address)) {
        snprintf(text, text_size, "%s: a file that is no socket stands there", address);
        return STATUS_EXISTS;
    }
    mode_t before = umask(IPC_UMASK);
    int bound = zmq_bind(endpoint->socket, address);
    int error = errno;
    umask(before);
    if (bound != 0) {
        snprintf(text, text_size, "%s: %s", address, zmq_strerror(error));
        return error == EADDRINUSE ? STATUS_EXISTS : STATUS_IO_FAILED;
    }
    char *last = endpoint->addresses[endpoint->addresses_count];
    size_t size = ENDPOINT_ADDRESS_SIZE;
    if (zmq_getsockopt(endpoint->socket, ZMQ_LAST_ENDPOINT, last, &size) != 0)
        snprintf(last, ENDPOINT_ADDRESS_SIZE, "%s", address);
    endpoint->addresses_count++;
    return STATUS_OK;
}

/** First all that speak CURVE, then those that do without: each bind takes the options of its moment. */
static enum status bind_all(struct endpoint *endpoint, const struct endpoint_options *options,
                            char *text, size_t text_size)
{
    for (int curve = 1; curve >= 0; curve--) {
        if (!set_mechanism(endpoint->socket, options->server_key, curve == 1)) {
            snprintf(text, text_size, "libzmq does not take the server's key");
            return STATUS_UNSUPPORTED;
        }
        for (uint32_t i = 0; i < options->addresses_count; i++) {
            const char *address = options->addresses[i];
            bool plain = options->ipc_by_uid && is_ipc(address);
            if (plain == (curve == 1))
                continue;
            enum status status = bind_one(endpoint, address, text, text_size);
            if (status != STATUS_OK)
                return status;
        }
    }
    return STATUS_OK;
}

enum status endpoint_new(struct endpoint **ret, void *zmq, const struct keyring *keyring,
                         const struct endpoint_options *options, char *text, size_t text_size)
{
    CHECK(options->addresses_count <= ADDRESSES_MAX);
    CHECK(!options->ipc_by_uid || options->side == OWED_WORKER);
    snprintf(text, text_size, "%s", "");
    for (uint32_t i = 0; i < options->addresses_count; i++) {
        if (!endpoint_address_valid(options->addresses[i])) {
            snprintf(text, text_size, "%s: not a tcp:// or ipc:// address", options->addresses[i]);
            return STATUS_INVALID;
        }
    }

    struct endpoint *endpoint = calloc(1, sizeof *endpoint);
    if (endpoint == NULL)
        return STATUS_NO_MEMORY;
    endpoint->side = options->side;
    endpoint->keyring = keyring;
    bool worker = options->side == OWED_WORKER;
    enum status status =
        connections_new(&endpoint->connections, options->connections_max, worker ? 1 : 0);
    if (status != STATUS_OK)
        goto fail;
    status = STATUS_IO_FAILED;
    endpoint->socket = zmq_socket(zmq, ZMQ_ROUTER);
    if (endpoint->socket == NULL || !set_limits(endpoint->socket)) {
        snprintf(text, text_size, "no socket: %s", zmq_strerror(errno));
        goto fail;
    }
    status = zap_guard(endpoint->socket, worker ? ZAP_WORKERS : ZAP_CLIENTS);
    if (status != STATUS_OK) {
        snprintf(text, text_size, "libzmq does not enforce a ZAP domain");
        goto fail;
    }
    status = bind_all(endpoint, options, text, text_size);
    if (status != STATUS_OK)
        goto fail;

    *ret = endpoint;
    return STATUS_OK;

fail:
    endpoint_free(endpoint);
    return status;
}

struct endpoint *endpoint_free(struct endpoint *endpoint)
{
    if (endpoint != NULL) {
        if (endpoint->socket != NULL) {
            (void)set_int(endpoint->socket, ZMQ_LINGER, LINGER_MS);
            (void)zmq_close(endpoint->socket);
        }
        connections_free(endpoint->connections);
        free(endpoint);
    }
    return NULL;
}

void *endpoint_socket(struct endpoint *endpoint)
{
    return endpoint->socket;
}

const char *endpoint_address(const struct endpoint *endpoint, uint32_t index)
{
    return index < endpoint->addresses_count ? endpoint->addresses[index] : NULL;
}

/* ---- receiving and sending ---- */

static void say_busy(struct endpoint *endpoint, struct peer peer)
{
    if (endpoint->side != OWED_CLIENT)
        return;
    struct reason reason;
    struct reasons reasons = {.items = &reason, .max = 1};
    reasons_add(&reasons, REASON_BUSY, NULL, NULL, NULL, "too many connections");
    struct answer answer = {
        .kind = ANSWER_REFUSED,
        .reasons = &reason,
        .reasons_count = reasons.count,
        .retry_after_ms = BUSY_RETRY_MS,
    };
    uint8_t bytes[1024];
    struct buffer buffer = {.bytes = bytes, .max = sizeof bytes};
    codec_put_answer(&buffer, &answer);
    if (!buffer.full)
        (void)!frame_send(endpoint->socket, peer, MESSAGE_ANSWERS, 1,
                          (struct slice){buffer.bytes, buffer.len});
}

enum status endpoint_receive(struct endpoint *endpoint, int64_t now_ms, struct delivery *ret)
{
    ret->from = 0;
    ret->gone = 0;
    ret->principal = NULL;
    struct frame *frame = &ret->frame;
    enum status status = frame_receive(endpoint->socket, true, frame);
    if (status == STATUS_NOT_FOUND || status == STATUS_IO_FAILED)
        return status;

    bool proven =
        frame->user_id[0] != '\0' && frame->peer.len == OWN_ID_LEN && frame->peer.bytes[0] == 0;
    if (proven)
        ret->from = connections_take(endpoint->connections, frame->peer, frame->user_id, now_ms,
                                     &ret->gone);
    if (ret->from == 0) {
        if (proven)
            say_busy(endpoint, frame->peer);
        if (status == STATUS_OK)
            frame_release(frame);
        return proven ? STATUS_BUSY : STATUS_REFUSED;
    }
    ret->principal = keyring_find_user(endpoint->keyring, frame->user_id);
    return status;
}

/* By connection; libzmq counts down when it is done, perhaps after the endpoint. */
static atomic_size_t backlogs[BACKLOGS];
static atomic_size_t backlog_all;

static struct frame_backlog backlog_of(connection_t to)
{
    return (struct frame_backlog){&backlogs[to % BACKLOGS], &backlog_all};
}

/** Does this client not read what is sent to it? */
static bool is_behind(struct frame_backlog backlog)
{
    size_t own = atomic_load(backlog.own);
    return own >= BACKLOG_BYTES_MAX ||
           (own > 0 && atomic_load(backlog.all) >= BACKLOG_ALL_BYTES_MAX);
}

enum status endpoint_send(struct endpoint *endpoint, connection_t to, enum message_kind kind,
                          uint16_t count, struct slice body, int64_t now_ms)
{
    struct peer peer;
    if (!connections_find(endpoint->connections, to, now_ms, &peer))
        return STATUS_NOT_FOUND;
    if (endpoint->side == OWED_CLIENT && is_behind(backlog_of(to)))
        return STATUS_BUSY;
    enum status status =
        frame_send_counted(endpoint->socket, peer, kind, count, body, backlog_of(to));
    if (status == STATUS_UNREACHABLE)
        connections_drop(endpoint->connections, to);
    return status;
}

connection_t endpoint_connection_of(const struct endpoint *endpoint, struct key public_key,
                                    connection_t after)
{
    char user_id[USER_ID_SIZE];
    keyring_print_key(public_key, user_id);
    return connections_of(endpoint->connections, user_id, after);
}

uint32_t endpoint_connections(const struct endpoint *endpoint)
{
    return connections_count(endpoint->connections);
}

const struct keyring *endpoint_keyring(const struct endpoint *endpoint)
{
    return endpoint->keyring;
}
