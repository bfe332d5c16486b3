/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>
#include <zmq.h>

#include "daemon/net/zap.h"
#include "tests/support/peer.h"

#define TURNS_MAX 1000000

struct fixture {
    void *zmq;
    struct keyring *keyring;
    struct zap *zap;
    struct key sender;
    struct key worker;
};

static struct principal principal_of(uint8_t number, uint32_t verbs)
{
    struct principal principal = {.organisation = {"02E"}, .verbs = verbs};
    principal.public_key.bytes[0] = number;
    return principal;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    f->zmq = zmq_ctx_new();
    if (keyring_new(&f->keyring, 8) != STATUS_OK)
        return -1;
    struct principal sender = principal_of(1, VERB_BIT(VERB_SUBMIT));
    struct principal worker = principal_of(2, VERB_BIT(VERB_WORK));
    f->sender = sender.public_key;
    f->worker = worker.public_key;
    if (keyring_add(f->keyring, &sender) != STATUS_OK ||
        keyring_add(f->keyring, &worker) != STATUS_OK || !keyring_allow_worker(f->keyring, 1000))
        return -1;
    return zap_new(&f->zap, f->zmq, f->keyring) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    zap_free(f->zap);
    keyring_free(f->keyring);
    zmq_ctx_term(f->zmq);
    free(f);
    return 0;
}

static void who_comes_in_is_decided_by_domain_mechanism_and_proof(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *domain;
        const char *mechanism;
        uint8_t key; /* 0: none given; 1 sender, 2 worker, 3 unknown */
        const char *address;
        bool expected;
    } cases[] = {
        {"clients", "CURVE", 1, "127.0.0.1", true},
        {"clients", "CURVE", 2, "127.0.0.1", false},
        {"clients", "CURVE", 3, "127.0.0.1", false},
        {"clients", "CURVE", 0, "127.0.0.1", false},
        {"clients", "NULL", 0, "localhost:1000:1000:7", false},
        {"clients", "PLAIN", 1, "127.0.0.1", false},
        {"clients", "GSSAPI", 1, "127.0.0.1", false},
        {"workers", "CURVE", 1, "127.0.0.1", false},
        {"workers", "CURVE", 2, "127.0.0.1", true},
        {"workers", "CURVE", 3, "127.0.0.1", false},
        {"workers", "NULL", 0, "localhost:1000:1000:7", true},
        {"workers", "NULL", 0, "localhost:1001:1000:7", false},
        {"workers", "NULL", 0, "localhost:0:1000:7", false},
        {"workers", "NULL", 0, "localhost:65534:65534:7", false},
        {"workers", "NULL", 0, "127.0.0.1", false},
        {"workers", "NULL", 0, "localhost:1000", false},
        {"workers", "NULL", 0, "localhost:1000:1000:", false},
        {"workers", "NULL", 0, "localhost:1000:1000:7:8", false},
        {"workers", "NULL", 0, "localhost: 1000:1000:7", false},
        {"workers", "NULL", 0, "localhost:+1000:1000:7", false},
        {"workers", "NULL", 0, "localhost:4294968296:1000:7", false},
        {"workers", "NULL", 0, "xlocalhost:1000:1000:7", false},
        {"", "CURVE", 1, "127.0.0.1", false},
        {"Clients", "CURVE", 1, "127.0.0.1", false},
        {"global", "CURVE", 2, "127.0.0.1", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct zap_question question = {.key_given = cases[i].key != 0};
        snprintf(question.domain, sizeof question.domain, "%s", cases[i].domain);
        snprintf(question.mechanism, sizeof question.mechanism, "%s", cases[i].mechanism);
        snprintf(question.address, sizeof question.address, "%s", cases[i].address);
        question.key.bytes[0] = cases[i].key;
        char user_id[USER_ID_SIZE] = "";

        bool in = zap_judge(f->keyring, &question, user_id);

        if (in != cases[i].expected)
            print_error("case %zu\n", i);
        assert_true(in == cases[i].expected);
        assert_true(in == (keyring_find_user(f->keyring, user_id) != NULL));
    }
}

static void a_second_handler_is_refused(void **state)
{
    struct fixture *f = *state;
    struct zap *second = NULL;

    assert_true(zap_new(&second, f->zmq, f->keyring) == STATUS_EXISTS);
}

static void a_socket_is_guarded_or_an_error_says_so(void **state)
{
    struct fixture *f = *state;
    void *router = zmq_socket(f->zmq, ZMQ_ROUTER);

    enum status status = zap_guard(router, ZAP_CLIENTS);
    enum status closed = zap_guard(NULL, ZAP_CLIENTS);

    zmq_close(router);
    assert_true(status == STATUS_OK);
    assert_true(closed == STATUS_UNSUPPORTED);
}

/** Ask as libzmq does; returns the code of the answer, or 0. */
static int ask(struct fixture *f, const struct slice *parts, uint32_t parts_count)
{
    void *asker = zmq_socket(f->zmq, ZMQ_DEALER);
    int linger = 0;
    zmq_setsockopt(asker, ZMQ_LINGER, &linger, sizeof linger);
    assert_int_equal(zmq_connect(asker, "inproc://zeromq.zap.01"), 0);
    assert_true(peer_send(asker, parts, parts_count));

    int code = 0;
    char part[64];
    uint32_t served = 0;
    for (int i = 0; i < TURNS_MAX && served == 0; i++)
        served = zap_serve(f->zap, 10);
    for (uint32_t at = 0; served == 1; at++) {
        int len = zmq_recv(asker, part, sizeof part - 1, ZMQ_DONTWAIT);
        if (len < 0)
            break;
        part[len] = '\0';
        if (at == 3)
            code = atoi(part);
    }
    zmq_close(asker);
    return code;
}

#define TEXT(literal)                                                                              \
    {                                                                                              \
        (const uint8_t *)(literal), sizeof(literal) - 1                                            \
    }

static void a_question_of_another_form_is_denied(void **state)
{
    struct fixture *f = *state;
    const struct slice good[] = {
        TEXT(""),        TEXT("1.0"),      TEXT("7"),     TEXT("clients"),
        TEXT("1.2.3.4"), TEXT("identity"), TEXT("CURVE"), {f->sender.bytes, KEY_BYTES}};
    assert_int_equal(ask(f, good, ARRAY_LEN(good)), 200);

    struct slice bad[20];
    memcpy(bad, good, sizeof good);
    bad[1] = (struct slice)TEXT("2.0");
    assert_int_equal(ask(f, bad, ARRAY_LEN(good)), 400);
    memcpy(bad, good, sizeof good);
    bad[3] = (struct slice)TEXT("a domain that is far too long");
    assert_int_equal(ask(f, bad, ARRAY_LEN(good)), 400);
    memcpy(bad, good, sizeof good);
    bad[7].len = KEY_BYTES - 1;
    assert_int_equal(ask(f, bad, ARRAY_LEN(good)), 400);
    memcpy(bad, good, sizeof good);
    bad[8] = (struct slice)TEXT("more");
    assert_int_equal(ask(f, bad, ARRAY_LEN(good) + 1), 400);
    assert_int_equal(ask(f, good, ARRAY_LEN(good) - 1), 400);
    assert_int_equal(ask(f, good, 3), 400);
    for (size_t i = ARRAY_LEN(good); i < ARRAY_LEN(bad); i++)
        bad[i] = (struct slice)TEXT("x");
    assert_int_equal(ask(f, bad, ARRAY_LEN(bad)), 400);
    (void)ask(f, good, 1);
    assert_int_equal(ask(f, good, ARRAY_LEN(good)), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_comes_in_is_decided_by_domain_mechanism_and_proof,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_handler_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_socket_is_guarded_or_an_error_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(a_question_of_another_form_is_denied, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
