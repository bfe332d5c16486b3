/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_daemon.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_PARTS_MAX 8
#define POLL_MS 5000
#define WAIT_S 10
#define KINDS_MAX 32

struct fake {
    char folder[32];
    char endpoint[64];
    char public_text[41];
    char secret_text[41];
    atomic_bool accept;
    fake_handler *handler;
    void *notes;
    void *context;
    void *router;
    void *zap;
    void *control;     /* ours */
    void *control_end; /* the thread's */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t handled;
    uint32_t seen[KINDS_MAX]; /* messages by kind; under the mutex */
    bool running;
    struct buffer buffer;
    struct arena *arena;
};

struct fake *fake_new(void)
{
    struct fake *fake = calloc(1, sizeof *fake);

    CHECK(fake != NULL);
    snprintf(fake->folder, sizeof fake->folder, "/tmp/fake-XXXXXX");
    CHECK(mkdtemp(fake->folder) != NULL);
    snprintf(fake->endpoint, sizeof fake->endpoint, "ipc://%s/sock", fake->folder);
    CHECK(zmq_curve_keypair(fake->public_text, fake->secret_text) == 0);
    atomic_init(&fake->accept, true);
    CHECK(pthread_mutex_init(&fake->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&fake->handled, NULL) == 0);
    fake->buffer.bytes = malloc(FRAME_BYTES_MAX);
    CHECK(fake->buffer.bytes != NULL);
    fake->buffer.max = FRAME_BYTES_MAX;
    CHECK(arena_new(&fake->arena, 2 * ARENA_BYTES_MAX) == STATUS_OK);
    return fake;
}

void fake_free(struct fake *fake)
{
    if (fake == NULL)
        return;
    fake_stop(fake);
    unlink(fake->endpoint + strlen("ipc://"));
    rmdir(fake->folder);
    pthread_cond_destroy(&fake->handled);
    pthread_mutex_destroy(&fake->mutex);
    free(fake->buffer.bytes);
    arena_free(fake->arena);
    free(fake);
}

const char *fake_endpoint(const struct fake *fake)
{
    return fake->endpoint;
}

struct key fake_public_key(const struct fake *fake)
{
    struct key key;

    CHECK(zmq_z85_decode(key.bytes, fake->public_text) != NULL);
    return key;
}

void fake_accept(struct fake *fake, bool accept)
{
    atomic_store(&fake->accept, accept);
}

struct buffer *fake_buffer(struct fake *fake)
{
    return &fake->buffer;
}

struct arena *fake_arena(struct fake *fake)
{
    return fake->arena;
}

void fake_send(struct fake *fake, const struct frame *frame, enum message_kind kind, uint16_t count)
{
    CHECK(!fake->buffer.full);
    enum status status = frame_send(fake->router, frame->peer, kind, count,
                                    (struct slice){fake->buffer.bytes, fake->buffer.len});
    CHECK(status == STATUS_OK || status == STATUS_UNREACHABLE);
    fake->buffer.len = 0;
}

/* version, request id, ... : version, request id, status code, text, user id, metadata. */
static void answer_zap(struct fake *fake)
{
    char parts[ZAP_PARTS_MAX][256];
    int lens[ZAP_PARTS_MAX];
    int count = 0;
    int more = 1;
    size_t more_len = sizeof more;

    while (more && count < ZAP_PARTS_MAX) {
        lens[count] = zmq_recv(fake->zap, parts[count], sizeof parts[count], 0);
        CHECK(lens[count] >= 0);
        CHECK(zmq_getsockopt(fake->zap, ZMQ_RCVMORE, &more, &more_len) == 0);
        count++;
    }
    CHECK(count > 1);
    zmq_send(fake->zap, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(fake->zap, parts[1], (size_t)lens[1], ZMQ_SNDMORE);
    zmq_send(fake->zap, atomic_load(&fake->accept) ? "200" : "400", 3, ZMQ_SNDMORE);
    zmq_send(fake->zap, "", 0, ZMQ_SNDMORE);
    zmq_send(fake->zap, "user", 4, ZMQ_SNDMORE);
    zmq_send(fake->zap, "", 0, 0);
}

static void note(struct fake *fake, const struct frame *frame)
{
    CHECK(frame->kind < KINDS_MAX);
    pthread_mutex_lock(&fake->mutex);
    fake->seen[frame->kind] += frame->count;
    pthread_cond_broadcast(&fake->handled);
    pthread_mutex_unlock(&fake->mutex);
}

bool fake_wait(struct fake *fake, enum message_kind kind, uint32_t count)
{
    struct timespec until;
    int rc = 0;

    CHECK(clock_gettime(CLOCK_REALTIME, &until) == 0);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&fake->mutex);
    while (fake->seen[kind] < count && rc == 0)
        rc = pthread_cond_timedwait(&fake->handled, &fake->mutex, &until);
    bool there = fake->seen[kind] >= count;
    pthread_mutex_unlock(&fake->mutex);
    return there;
}

static void *serve(void *arg)
{
    struct fake *fake = arg;
    struct frame frame;
    zmq_pollitem_t items[] = {
        {.socket = fake->control_end, .events = ZMQ_POLLIN},
        {.socket = fake->router, .events = ZMQ_POLLIN},
        {.socket = fake->zap, .events = ZMQ_POLLIN},
    };

    while (zmq_poll(items, (int)ARRAY_LEN(items), POLL_MS) >= 0 && items[0].revents == 0) {
        if (items[2].revents != 0)
            answer_zap(fake);
        if (items[1].revents == 0 || frame_receive(fake->router, true, &frame) != STATUS_OK)
            continue;
        arena_reset(fake->arena);
        fake->handler(fake, &frame, fake->notes);
        note(fake, &frame);
        frame_release(&frame);
    }
    return NULL;
}

static void *open_socket(struct fake *fake, int type)
{
    int linger = 0;
    void *socket = zmq_socket(fake->context, type);

    CHECK(socket != NULL);
    CHECK(zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger) == 0);
    return socket;
}

void fake_start(struct fake *fake, bool curve, fake_handler *handler, void *notes)
{
    int on = 1;

    CHECK(!fake->running);
    fake->handler = handler;
    fake->notes = notes;
    fake->context = zmq_ctx_new();
    fake->zap = open_socket(fake, ZMQ_REP);
    CHECK(zmq_bind(fake->zap, ZAP_ENDPOINT) == 0);
    fake->control = open_socket(fake, ZMQ_PAIR);
    fake->control_end = open_socket(fake, ZMQ_PAIR);
    CHECK(zmq_bind(fake->control_end, "inproc://control") == 0);
    CHECK(zmq_connect(fake->control, "inproc://control") == 0);
    fake->router = open_socket(fake, ZMQ_ROUTER);
    CHECK(zmq_setsockopt(fake->router, ZMQ_ROUTER_MANDATORY, &on, sizeof on) == 0);
    if (curve) {
        CHECK(zmq_setsockopt(fake->router, ZMQ_CURVE_SERVER, &on, sizeof on) == 0);
        CHECK(zmq_setsockopt(fake->router, ZMQ_CURVE_SECRETKEY, fake->secret_text, 41) == 0);
        CHECK(zmq_setsockopt(fake->router, ZMQ_ZAP_DOMAIN, "test", 4) == 0);
    }
    CHECK(zmq_bind(fake->router, fake->endpoint) == 0);
    CHECK(pthread_create(&fake->thread, NULL, serve, fake) == 0);
    fake->running = true;
}

void fake_stop(struct fake *fake)
{
    if (!fake->running)
        return;
    CHECK(zmq_send(fake->control, "", 0, 0) == 0);
    CHECK(pthread_join(fake->thread, NULL) == 0);
    zmq_close(fake->router);
    zmq_close(fake->zap);
    zmq_close(fake->control);
    zmq_close(fake->control_end);
    zmq_ctx_term(fake->context);
    fake->running = false;
}
