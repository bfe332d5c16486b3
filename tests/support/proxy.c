/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINES_MAX 64
#define CHUNK 4096
#define GARBAGE_MAX 200
#define TURN_MS 50
#define DRIP_MS 1000
#define LAST_MS 2500 /* of a connection that met its fate: then it is reset */

/* One connection, both ways: side 0 is who connected, side 1 whom we connected to. */
struct line {
    int fds[2]; /* -1: none */
    uint8_t bytes[2]
                 [CHUNK + GARBAGE_MAX + CHUNK]; /* came from the side, not yet sent to the other */
    size_t len[2];
    size_t sent[2];
    uint64_t passed[2]; /* bytes that came from the side */
    enum fate fate;
    int side;    /* whose bytes meet it */
    uint64_t at; /* after so many */
    bool met;
    bool silent[2]; /* nothing more is passed on from the side */
    int64_t ends_ms;
    int64_t drip_ms;
};

struct works {
    struct line lines[LINES_MAX];
    struct proxy_counts *counts;
    int listener;
    uint16_t to_port;
    uint64_t seed;
    uint32_t bytes_max;
};

const char *fate_text(enum fate fate)
{
#define FATE_TEXT(name, text) text,
    static const char *const texts[] = {FATE_LIST(FATE_TEXT)};
#undef FATE_TEXT
    CHECK(fate < FATES);
    return texts[fate];
}

static uint64_t chance(struct works *works, uint64_t below)
{
    uint64_t z = works->seed += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (z ^ (z >> 31)) % below;
}

static int64_t now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
}

/* ---- lines ---- */

/** @reset: the peers see ECONNRESET, not an end. */
static void line_close(struct line *line, bool reset)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    for (int side = 0; side < 2; side++) {
        if (line->fds[side] < 0)
            continue;
        if (reset)
            (void)setsockopt(line->fds[side], SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(line->fds[side]);
        line->fds[side] = -1;
    }
}

/** Where in a connection its fate waits: in the greeting or the handshake, soon after, or later on. */
static uint64_t draw_place(struct works *works)
{
    switch (chance(works, 3)) {
    case 0:
        return chance(works, 400);
    case 1:
        return 400 + chance(works, 4000);
    default:
        return 4400 + chance(works, works->bytes_max);
    }
}

static void line_open(struct works *works, struct line *line, int fd)
{
    const struct sockaddr_in to = loopback(works->to_port);
    int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    CHECK(other >= 0);
    *line =
        (struct line){.fds = {fd, other},
                      .fate = (enum fate)(works->counts->connections % FATES), /* all come about */
                      .side = (int)chance(works, 2),
                      .at = draw_place(works),
                      .ends_ms = INT64_MAX,
                      .drip_ms = INT64_MAX};
    if (connect(other, (const struct sockaddr *)&to, sizeof to) != 0) {
        line_close(line, true);
        return;
    }
    for (int side = 0; side < 2; side++) {
        (void)setsockopt(line->fds[side], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        CHECK(fcntl(line->fds[side], F_SETFL, O_NONBLOCK) == 0);
    }
    works->counts->connections++;
}

/* ---- fates ---- */

/** Put @len bytes of nobody's at @at of what came from the line's side. */
static void put_garbage(struct works *works, struct line *line, size_t at)
{
    uint8_t *bytes = line->bytes[line->side];
    size_t len = 1 + chance(works, GARBAGE_MAX);
    memmove(bytes + at + len, bytes + at, line->len[line->side] - at);
    for (size_t i = 0; i < len; i++)
        bytes[at + i] = (uint8_t)chance(works, 256);
    line->len[line->side] += len;
}

/** The chunk that has just come from the line's side holds the byte at which the fate waits, @at bytes on. */
static void meet(struct works *works, struct line *line, size_t at)
{
    int side = line->side;
    uint8_t *bytes = line->bytes[side];
    size_t rest = line->len[side] - at;

    line->met = true;
    line->ends_ms = now_ms() + LAST_MS;
    works->counts->met[line->fate]++;
    switch (line->fate) {
    case FATE_RESET:
        line_close(line, true);
        return;
    case FATE_HALF:
        line->len[side] = at;
        line->silent[side] = true;
        (void)shutdown(line->fds[1 - side], SHUT_WR);
        return;
    case FATE_STALL:
        line->silent[0] = line->silent[1] = true;
        line->len[0] = line->len[1] = 0;
        return;
    case FATE_DRIP:
        line->drip_ms = now_ms() + DRIP_MS;
        return;
    case FATE_GARBAGE:
        put_garbage(works, line, at);
        return;
    case FATE_REPEAT:
        memmove(bytes + at + rest, bytes + at, rest);
        line->len[side] += rest;
        return;
    case FATE_CUT:
        line->len[side] = at + rest / 2;
        return;
    case FATE_FLIP:
        bytes[at] ^= (uint8_t)(1u << chance(works, 8));
        return;
    case FATES:
        break;
    }
    CHECK(line->fate < FATES);
}

/* ---- turning ---- */

static void line_send(struct line *line, int side, size_t len_max)
{
    size_t len = line->len[side] - line->sent[side];
    if (len > len_max)
        len = len_max;
    if (len == 0 || line->fds[1 - side] < 0)
        return;
    ssize_t sent =
        send(line->fds[1 - side], line->bytes[side] + line->sent[side], len, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        line_close(line, true);
        return;
    }
    if (sent > 0)
        line->sent[side] += (size_t)sent;
    if (line->sent[side] == line->len[side])
        line->sent[side] = line->len[side] = 0;
}

static bool dripping(const struct line *line, int side)
{
    return line->met && line->fate == FATE_DRIP && side == line->side;
}

static void line_receive(struct works *works, struct line *line, int side)
{
    if (line->len[side] > 0)
        return; /* first what came before */
    ssize_t len = recv(line->fds[side], line->bytes[side], CHUNK, 0);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len <= 0) {
        line_close(line, false);
        return;
    }
    uint64_t before = line->passed[side];
    line->passed[side] += (uint64_t)len;
    if (line->silent[side])
        return;
    line->len[side] = (size_t)len;
    if (!line->met && side == line->side && line->passed[side] > line->at)
        meet(works, line, line->at > before ? (size_t)(line->at - before) : 0);
    if (line->fds[0] >= 0 && !dripping(line, side))
        line_send(line, side, SIZE_MAX);
}

static void line_turn(struct works *works, struct line *line, const struct pollfd *items)
{
    for (int side = 0; side < 2 && line->fds[0] >= 0; side++) {
        if ((items[side].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
            line_receive(works, line, side);
    }
    for (int side = 0; side < 2 && line->fds[0] >= 0; side++) {
        if (!dripping(line, side))
            line_send(line, side, SIZE_MAX);
    }
    if (line->fds[0] >= 0 && now_ms() >= line->drip_ms) {
        line->drip_ms += DRIP_MS;
        line_send(line, line->side, 1);
    }
    if (line->fds[0] >= 0 && now_ms() >= line->ends_ms)
        line_close(line, true);
}

static void accept_one(struct works *works)
{
    int fd = accept4(works->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    for (int i = 0; i < LINES_MAX; i++) {
        if (works->lines[i].fds[0] < 0) {
            line_open(works, &works->lines[i], fd);
            return;
        }
    }
    close(fd); /* full: tried again */
}

static _Noreturn void run(struct works *works)
{
    for (int i = 0; i < LINES_MAX; i++)
        works->lines[i].fds[0] = works->lines[i].fds[1] = -1;
    for (;;) {
        struct pollfd items[1 + 2 * LINES_MAX] = {{.fd = works->listener, .events = POLLIN}};
        for (int i = 0; i < LINES_MAX; i++) {
            struct line *line = &works->lines[i];
            for (int side = 0; side < 2; side++) {
                bool wants = line->len[side] == 0;
                bool owes = line->len[1 - side] > 0 && !dripping(line, 1 - side);
                items[1 + 2 * i + side] =
                    (struct pollfd){.fd = wants || owes ? line->fds[side] : -1,
                                    .events = (short)((wants ? POLLIN : 0) | (owes ? POLLOUT : 0))};
            }
        }
        (void)poll(items, ARRAY_LEN(items), TURN_MS);
        for (int i = 0; i < LINES_MAX; i++) {
            if (works->lines[i].fds[0] >= 0)
                line_turn(works, &works->lines[i], &items[1 + 2 * i]);
        }
        if ((items[0].revents & POLLIN) != 0)
            accept_one(works);
    }
}

void proxy_start(struct proxy *proxy, uint16_t to_port, uint32_t seed, uint32_t bytes_max)
{
    struct sockaddr_in address = loopback(0);
    socklen_t address_len = sizeof address;
    struct proxy_counts *counts =
        mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct works *works = calloc(1, sizeof *works);
    CHECK(counts != MAP_FAILED);
    CHECK(works != NULL);
    *works =
        (struct works){.counts = counts, .to_port = to_port, .seed = seed, .bytes_max = bytes_max};
    works->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(works->listener >= 0);
    CHECK(bind(works->listener, (const struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(works->listener, LINES_MAX) == 0);
    CHECK(getsockname(works->listener, (struct sockaddr *)&address, &address_len) == 0);

    pid_t parent = getpid();
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
            _exit(126);
        run(works);
    }
    close(works->listener);
    free(works);
    *proxy = (struct proxy){.pid = pid, .port = ntohs(address.sin_port), .counts = counts};
}

void proxy_end(struct proxy *proxy)
{
    if (proxy->pid > 0) {
        (void)kill(proxy->pid, SIGKILL);
        (void)waitpid(proxy->pid, NULL, 0);
        (void)munmap(proxy->counts, sizeof *proxy->counts);
    }
    *proxy = (struct proxy){.pid = 0};
}
