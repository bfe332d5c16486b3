/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/lib/channel.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#define QUEUE_FRAMES_MAX 256 /* each way; a frame holds up to FRAME_MESSAGES_MAX messages */
#define FRAME_SLACK_BYTES 1024
#define RECONNECT_MS 50
#define RECONNECT_MS_MAX 1000
#define REFUSED_RETRY_MS 1000
#define LOST_RETRY_MS 2500 /* libzmq has had two tries by then, if it tries at all */
#define KEEPALIVE_IDLE_S 10
#define KEEPALIVE_IVL_S 5
#define KEEPALIVE_COUNT 3
#define UNACKNOWLEDGED_MS 15000
#define NEWS_PER_LOOK_MAX 256
#define MONITOR_ENDPOINT                                                                           \
    "inproc://channel.monitor" /* one a context, and a context is one channel's */

struct channel {
    void *context;
    void *socket;
    void *monitor;
    uint64_t connections;
    bool connected;
    bool refused;
    bool interrupted;
    int64_t retry_at_ms; /* when we connect anew ourselves, unless libzmq has; 0: never */
    char endpoint[256];
};

int64_t channel_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

/*
 * No ZMQ_IMMEDIATE: with it libzmq 4.3.4 replaces the pipe at a reconnection, and aborts the
 * process ("!_more", fq.cpp) when that falls between two parts of a message. We send nothing unless
 * the monitor says that we are connected; what leaves in the moment before it says otherwise goes
 * with the next connection, where it is a repeat.
 *
 * No ZMQ_HEARTBEAT_IVL: libzmq 4.3.4 aborts the process ("!_io_error", stream_engine_base.cpp) when
 * a heartbeat falls due on a connection that broke while nobody took what came by it. The kernel
 * watches the line, and our own messages whether the daemon is there.
 */
static bool set_limits(void *socket)
{
    int64_t frame_bytes_max = FRAME_BYTES_MAX + FRAME_SLACK_BYTES;

    return set_int(socket, ZMQ_LINGER, 0) && set_int(socket, ZMQ_SNDHWM, QUEUE_FRAMES_MAX) &&
           set_int(socket, ZMQ_RCVHWM, QUEUE_FRAMES_MAX) &&
           set_int(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
           set_int(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MS_MAX) &&
           set_int(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
           set_int(socket, ZMQ_TCP_KEEPALIVE, 1) &&
           set_int(socket, ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S) &&
           set_int(socket, ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_IVL_S) &&
           set_int(socket, ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_COUNT) &&
           set_int(socket, ZMQ_TCP_MAXRT, UNACKNOWLEDGED_MS) && set_int(socket, ZMQ_IPV6, 1) &&
           zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_bytes_max, sizeof frame_bytes_max) == 0;
}

static bool set_keys(void *socket, const struct channel_options *options)
{
    return zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, options->server_key.bytes, KEY_BYTES) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, options->public_key.bytes, KEY_BYTES) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, options->secret_key, KEY_BYTES) == 0;
}

/*
 * An unread monitor would freeze the I/O thread (PITFALLS Z4): no limit on its queue, few events,
 * read at every look.
 */
static bool watch(struct channel *channel)
{
    int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                 ZMQ_EVENT_DISCONNECTED;

    if (zmq_socket_monitor(channel->socket, MONITOR_ENDPOINT, events) != 0)
        return false;
    channel->monitor = zmq_socket(channel->context, ZMQ_PAIR);
    return channel->monitor != NULL && set_int(channel->monitor, ZMQ_LINGER, 0) &&
           set_int(channel->monitor, ZMQ_RCVHWM, 0) &&
           zmq_connect(channel->monitor, MONITOR_ENDPOINT) == 0;
}

static bool endpoint_known(const char *endpoint)
{
    return endpoint != NULL && strlen(endpoint) < sizeof((struct channel *)0)->endpoint &&
           (strncmp(endpoint, "tcp://", 6) == 0 || strncmp(endpoint, "ipc://", 6) == 0);
}

static enum status channel_connect(struct channel *channel, const struct channel_options *options)
{
    if (!set_limits(channel->socket))
        return STATUS_IO_FAILED;
    if (!options->plain && !zmq_has("curve"))
        return STATUS_UNSUPPORTED;
    if (!options->plain && !set_keys(channel->socket, options))
        return STATUS_INVALID;
    if (!watch(channel))
        return STATUS_IO_FAILED;
    return zmq_connect(channel->socket, channel->endpoint) == 0 ? STATUS_OK : STATUS_INVALID;
}

enum status channel_open(struct channel **ret, const struct channel_options *options)
{
    CHECK(options->plain || options->secret_key != NULL);

    if (!endpoint_known(options->endpoint))
        return STATUS_INVALID;
    struct channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL)
        return STATUS_NO_MEMORY;
    enum status status = STATUS_IO_FAILED;
    snprintf(channel->endpoint, sizeof channel->endpoint, "%s", options->endpoint);
    channel->context = zmq_ctx_new();
    if (channel->context == NULL)
        goto fail;
    channel->socket = zmq_socket(channel->context, ZMQ_DEALER);
    if (channel->socket == NULL)
        goto fail;
    status = channel_connect(channel, options);
    if (status != STATUS_OK)
        goto fail;

    *ret = channel;
    return STATUS_OK;

fail:
    channel_close(channel);
    return status;
}

struct channel *channel_close(struct channel *channel)
{
    if (channel == NULL)
        return NULL;
    if (channel->socket != NULL) {
        zmq_socket_monitor(channel->socket, NULL, 0);
        zmq_close(channel->socket);
    }
    if (channel->monitor != NULL)
        zmq_close(channel->monitor);
    if (channel->context != NULL) {
        while (zmq_ctx_term(channel->context) != 0 && errno == EINTR)
            continue;
    }
    free(channel);
    return NULL;
}

void channel_linger(struct channel *channel, int linger_ms)
{
    CHECK(linger_ms >= 0);
    CHECK(linger_ms <= 1000);

    CHECK(set_int(channel->socket, ZMQ_LINGER, linger_ms));
}

int channel_fd(struct channel *channel)
{
    int fd = -1;
    size_t len = sizeof fd;

    CHECK(zmq_getsockopt(channel->socket, ZMQ_FD, &fd, &len) == 0);
    return fd;
}

/*
 * The monitor's message: a part of an event number (16 bits) and a value (32 bits), and a part
 * with the endpoint.
 */
static bool news(struct channel *channel, uint16_t *ret)
{
    uint8_t event[6];
    char endpoint[1];

    int len = zmq_recv(channel->monitor, event, sizeof event, ZMQ_DONTWAIT);
    if (len != (int)sizeof event)
        return false;
    memcpy(ret, event, sizeof *ret);
    zmq_recv(channel->monitor, endpoint, sizeof endpoint, ZMQ_DONTWAIT);
    return true;
}

static void take_news(struct channel *channel, uint16_t event)
{
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        channel->connections++;
        channel->connected = true;
        channel->refused = false;
    } else if (event == ZMQ_EVENT_DISCONNECTED) {
        channel->connected = false;
        /* Bytes that cannot be (a flipped bit will do) end libzmq's session for good: it never connects again by itself. */
        if (channel->retry_at_ms == 0)
            channel->retry_at_ms = channel_now_ms() + LOST_RETRY_MS;
    } else {
        channel->connected = false;
        channel->refused = true;
        channel->retry_at_ms = channel_now_ms() + REFUSED_RETRY_MS;
    }
}

void channel_reset(struct channel *channel)
{
    channel->connected = false;
    zmq_disconnect(channel->socket,
                   channel->endpoint); /* fails when libzmq has given it up: good */
    if (zmq_connect(channel->socket, channel->endpoint) != 0)
        channel->retry_at_ms = channel_now_ms() + REFUSED_RETRY_MS;
}

/* A key that is refused now may be added later. */
static void connect_again(struct channel *channel)
{
    if (channel->retry_at_ms == 0 || channel_now_ms() < channel->retry_at_ms)
        return;
    channel->retry_at_ms = 0;
    if (channel->connected)
        return;
    zmq_disconnect(channel->socket,
                   channel->endpoint); /* fails when libzmq has given it up: good */
    if (zmq_connect(channel->socket, channel->endpoint) != 0)
        channel->retry_at_ms = channel_now_ms() + REFUSED_RETRY_MS;
}

static void look(struct channel *channel)
{
    uint16_t event;

    for (int i = 0; i < NEWS_PER_LOOK_MAX && news(channel, &event); i++)
        take_news(channel, event);
    connect_again(channel);
}

enum status channel_send(struct channel *channel, enum message_kind kind, uint16_t count,
                         struct slice body)
{
    if (!channel->connected)
        return STATUS_BUSY;
    return frame_send(channel->socket, (struct peer){.len = 0}, kind, count, body);
}

enum status channel_receive(struct channel *channel, struct frame *ret)
{
    return frame_receive(channel->socket, false, ret);
}

/* Not past the moment when we connect again ourselves; @retry says that this is what bounds it. */
static long bounded_wait(const struct channel *channel, int64_t timeout_ms, bool *retry)
{
    int64_t wait_ms = timeout_ms < 0 ? -1 : timeout_ms > INT_MAX ? INT_MAX : timeout_ms;

    if (channel->retry_at_ms != 0) {
        int64_t left_ms = channel->retry_at_ms - channel_now_ms();
        if (left_ms < 0)
            left_ms = 0;
        *retry = wait_ms < 0 || left_ms <= wait_ms;
        if (*retry)
            wait_ms = left_ms;
    }
    return (long)wait_ms;
}

enum status channel_wait(struct channel *channel, bool writable, int64_t timeout_ms)
{
    zmq_pollitem_t items[] = {
        {.socket = channel->socket, .events = ZMQ_POLLIN},
        {.socket = channel->monitor, .events = ZMQ_POLLIN},
    };
    if (writable && channel->connected)
        items[0].events |= ZMQ_POLLOUT;
    bool retry = false;
    long wait_ms = bounded_wait(channel, timeout_ms, &retry);

    int ready = zmq_poll(items, (int)ARRAY_LEN(items), wait_ms);
    channel->interrupted = ready < 0 && errno == EINTR;
    if (ready < 0)
        return errno == EINTR ? STATUS_TIMED_OUT : STATUS_IO_FAILED;
    if (retry || items[1].revents != 0)
        look(channel);
    return retry || ready > 0 ? STATUS_OK : STATUS_TIMED_OUT;
}

bool channel_interrupted(const struct channel *channel)
{
    return channel->interrupted;
}

uint64_t channel_connections(struct channel *channel)
{
    look(channel);
    return channel->connections;
}

bool channel_connected(const struct channel *channel)
{
    return channel->connected;
}

bool channel_refused(const struct channel *channel)
{
    return channel->refused;
}
