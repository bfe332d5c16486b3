/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define SEND_TIMEOUT_MS 5000

struct pair pair_new(void)
{
    char public_text[41];
    char secret_text[41];
    struct pair pair;
    CHECK(zmq_curve_keypair(public_text, secret_text) == 0);
    CHECK(zmq_z85_decode(pair.public_key.bytes, public_text) != NULL);
    CHECK(zmq_z85_decode(pair.secret_key, secret_text) != NULL);
    return pair;
}

void key_text(struct key key, char ret[41])
{
    CHECK(zmq_z85_encode(ret, key.bytes, KEY_BYTES) != NULL);
}

void pair_write(const struct pair *pair, const char *path)
{
    char public_text[41];
    char secret_text[41];
    key_text(pair->public_key, public_text);
    CHECK(zmq_z85_encode(secret_text, pair->secret_key, KEY_BYTES) != NULL);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    dprintf(fd, "# a key pair for a test\npublic = %s\nsecret = %s\n", public_text, secret_text);
    close(fd);
}

void *peer_open(void *zmq, const char *address, const struct key *server, const struct pair *own,
                const char *routing_id)
{
    void *socket = zmq_socket(zmq, ZMQ_DEALER);
    CHECK(socket != NULL);
    int none = 0;
    int timeout_ms = SEND_TIMEOUT_MS;
    int immediate = 1;
    CHECK(zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none) == 0);
    CHECK(zmq_setsockopt(socket, ZMQ_SNDTIMEO, &timeout_ms, sizeof timeout_ms) == 0);
    CHECK(zmq_setsockopt(socket, ZMQ_IMMEDIATE, &immediate, sizeof immediate) == 0);
    if (routing_id != NULL)
        CHECK(zmq_setsockopt(socket, ZMQ_ROUTING_ID, routing_id, strlen(routing_id)) == 0);
    if (own != NULL) {
        CHECK(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server->bytes, KEY_BYTES) == 0);
        CHECK(zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, own->public_key.bytes, KEY_BYTES) == 0);
        CHECK(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, own->secret_key, KEY_BYTES) == 0);
    }
    CHECK(zmq_connect(socket, address) == 0);
    return socket;
}

bool peer_send(void *socket, const struct slice *parts, uint32_t parts_count)
{
    for (uint32_t i = 0; i < parts_count; i++) {
        int flags = i + 1 < parts_count ? ZMQ_SNDMORE : 0;
        if (zmq_send(socket, parts[i].bytes, parts[i].len, flags) < 0)
            return false;
    }
    return true;
}

bool peer_send_frame(void *socket, uint8_t kind, uint16_t count, struct slice body)
{
    const uint8_t header[HEADER_BYTES] = {WIRE_VERSION, kind, (uint8_t)(count & 0xff),
                                          (uint8_t)(count >> 8)};
    const struct slice parts[] = {{header, sizeof header}, body};
    return peer_send(socket, parts, 2);
}

bool peer_receive(void *socket, long timeout_ms, uint8_t ret_header[HEADER_BYTES],
                  uint8_t *ret_body, size_t body_size, size_t *ret_len)
{
    zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
    int ready = 0;
    do {
        ready = zmq_poll(&item, 1, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0 || zmq_recv(socket, ret_header, HEADER_BYTES, 0) != HEADER_BYTES)
        return false;
    int len = zmq_recv(socket, ret_body, body_size, 0);
    if (len < 0)
        return false;
    *ret_len = (size_t)len < body_size ? (size_t)len : body_size;
    return true;
}

void place_make(char ret[64])
{
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || strlen(parent) > 30)
        parent = "/tmp";
    snprintf(ret, 64, "%s/commission-XXXXXX", parent);
    CHECK(mkdtemp(ret) != NULL);
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)type;
    (void)ftw;
    return remove(path);
}

void place_remove(const char *folder)
{
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
