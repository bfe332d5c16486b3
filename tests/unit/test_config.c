/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>
#include <unistd.h>

#include "daemon/config.h"
#include "proto/limits.h"
#include "tests/support/peer.h"

#define PUBLIC "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define PATH_108                                                                                   \
    "/2345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012" \
    "34567890"                                                                                     \
    "12345678"

struct fixture {
    char folder[64];
    char path[96];
    char text[512];
    struct config config;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    place_make(f->folder);
    snprintf(f->path, sizeof f->path, "%s/x.conf", f->folder);
    unsetenv("CREDENTIALS_DIRECTORY");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    place_remove(f->folder);
    free(f);
    return 0;
}

static enum status read_text(struct fixture *f, const char *content)
{
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    return config_read(f->path, &f->config, f->text, sizeof f->text);
}

static void an_empty_file_means_all_defaults(void **state)
{
    struct fixture *f = *state;

    assert_true(read_text(f, "") == STATUS_OK);

    struct config expected;
    config_default(&expected);
    assert_string_equal(f->config.state_dir, "/var/lib/commissiond");
    assert_string_equal(f->config.clients.addresses[0], "ipc:///run/commissiond/clients.sock");
    assert_string_equal(f->config.workers.addresses[0], "ipc:///run/commissiond/workers.sock");
    assert_string_equal(f->config.server_key_file, "/etc/commissiond/server.key");
    assert_false(f->config.operator_key_given);
    assert_false(f->config.workers_uid_given);
    assert_true(f->config.log_level == LOG_LEVEL_INFO);
    assert_true(f->config.segment_bytes == expected.segment_bytes);
    assert_null(config_needs_restart(&f->config, &expected));
}

static void every_key_is_taken(void **state)
{
    struct fixture *f = *state;

    enum status status =
        read_text(f, "state_dir = \"/srv/x\"\n"
                     "clients_endpoints = {\"tcp://127.0.0.1:7401\", \"ipc:///a\"}\n"
                     "workers_endpoints = {\"ipc:///b\"}\n"
                     "workers_user = \"1234\"\n"
                     "server_key_file = \"/k\"\n"
                     "operator_public_key = \"" PUBLIC "\"\n"
                     "segment_bytes = 4194304\n"
                     "map_bytes = 16777216\n"
                     "reserve_bytes = 1048576\n"
                     "drain_ms = 0\n"
                     "workers_max = 256\n"
                     "feeds_max = 1024\n"
                     "events_open_max = 1000000\n"
                     "events_open_sender_max = 1\n"
                     "bytes_open_sender_max = 1048576\n"
                     "events_rate_sender_max = 1\n"
                     "events_burst_sender_max = 10000000\n"
                     "workflows_open_lead_max = 7\n"
                     "log_level = \"debug\"\n");

    if (status != STATUS_OK)
        print_error("%s\n", f->text);
    assert_true(status == STATUS_OK);
    assert_string_equal(f->config.state_dir, "/srv/x");
    assert_true(f->config.clients.count == 2);
    assert_string_equal(f->config.clients.addresses[1], "ipc:///a");
    assert_true(f->config.workers.count == 1);
    assert_true(f->config.workers_uid_given);
    assert_true(f->config.workers_uid == 1234);
    assert_string_equal(f->config.server_key_file, "/k");
    assert_true(f->config.operator_key_given);
    assert_true(f->config.segment_bytes == 4194304);
    assert_true(f->config.map_bytes == 16777216);
    assert_true(f->config.reserve_bytes == 1048576);
    assert_true(f->config.drain_ms == 0);
    assert_true(f->config.workers_max == 256);
    assert_true(f->config.feeds_max == 1024);
    assert_true(f->config.events_open_max == 1000000);
    assert_true(f->config.events_open_sender_max == 1);
    assert_true(f->config.bytes_open_sender_max == 1048576);
    assert_true(f->config.events_rate_sender_max == 1);
    assert_true(f->config.events_burst_sender_max == 10000000);
    assert_true(f->config.workflows_open_lead_max == 7);
    assert_true(f->config.log_level == LOG_LEVEL_DEBUG);
}

static void what_is_wrong_is_said_with_its_place(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *content;
        const char *expected; /* after "FILE:" */
    } cases[] = {
        {"colour = \"blue\"\n", "1: no such option 'colour'"},
        {"\n\nworkers_max = 0\n", "3: workers_max = 0: from 1 to 256"},
        {"workers_max = 257\n", "1: workers_max = 257: from 1 to 256"},
        {"workers_max = many\n", "1: invalid integer value for option 'workers_max'"},
        {"workers_max = 99999999999999999999999\n",
         "1: integer value for option 'workers_max' is out of range"},
        {"feeds_max = 1025\n", "1: feeds_max = 1025"},
        {"segment_bytes = 4194303\n", "1: segment_bytes = 4194303"},
        {"map_bytes = 16777215\n", "1: map_bytes"},
        {"drain_ms = -1\n", "1: drain_ms = -1: from 0 to 600000"},
        {"events_open_max = 1000001\n", "1: events_open_max"},
        {"state_dir = \"here\"\n", "1: state_dir = \"here\": an absolute path"},
        {"state_dir = \"\"\n", "1: state_dir = \"\": an absolute path"},
        {"server_key_file = \"k\"\n", "1: server_key_file = \"k\": an absolute path"},
        {"clients_endpoints = {}\n", " clients_endpoints: from 1 to 4"},
        {"clients_endpoints = {\"inproc://x\"}\n", "1: clients_endpoints: \"inproc://x\" is not"},
        {"clients_endpoints = {\"ipc://@x\"}\n", "1: clients_endpoints: \"ipc://@x\" is not"},
        {"clients_endpoints = {\"ipc://x\"}\n", "1: clients_endpoints: \"ipc://x\" is not"},
        {"clients_endpoints = {\"ipc://" PATH_108 "\"}\n", "1: clients_endpoints: \"ipc:///2345"},
        {"clients_endpoints = {\"tcp://127.0.0.1\"}\n",
         "1: clients_endpoints: \"tcp://127.0.0.1\" is"},
        {"clients_endpoints = {\"tcp://127.0.0.1:0\"}\n", "1: clients_endpoints"},
        {"clients_endpoints = {\"tcp://127.0.0.1:65536\"}\n", "1: clients_endpoints"},
        {"clients_endpoints = {\"tcp://:1\"}\n", "1: clients_endpoints"},
        {"clients_endpoints = {\"pgm://eth0;239.1.1.1:5555\"}\n", "1: clients_endpoints"},
        {"workers_endpoints = {\"ipc:///a\",\"ipc:///b\",\"ipc:///c\",\"ipc:///d\",\"ipc:///e\"}\n",
         "1: workers_endpoints: from 1 to 4"},
        {"workers_user = \"no-such-user-here\"\n",
         "1: workers_user = \"no-such-user-here\": no such user"},
        {"workers_user = \"65534\"\n", "1: workers_user = \"65534\": no such user"},
        {"workers_user = \"nobody\"\n", "1: workers_user = \"nobody\": no such user"},
        {"workers_user = \"4294967295\"\n", "1: workers_user"},
        {"workers_user = \"99999999999999999999999\"\n", "1: workers_user"},
        {"operator_public_key = \"abc\"\n", "1: operator_public_key: not a public key"},
        {"log_level = \"loud\"\n", "1: log_level = \"loud\": err, warning"},
        {"# fine\nlog_level = \"info\nworkers_max = 1\n", "4: premature end of file"},
        {"# one\n#two '\n\n  # \" three\nlog_level = \"loud\"\n# four\n\n", "5: log_level"},
        {"workers_max = 1 # '\nstate_dir = \"/a\\\"#b\" # c\nfeeds_max = 0\n", "3: feeds_max"},
        {"operator_public_key = '#' # c\n\n", "1: operator_public_key"},
        {"# one\n\ncolour = 1\n", "3: no such option 'colour'"},
        {"log_level 1\n", "1: missing equal sign after option 'log_level'"},
        {"workers_max = 4 }\n", "1: unexpected closing brace"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum status status = read_text(f, cases[i].content);

        char expected[256];
        snprintf(expected, sizeof expected, "%s:%s", f->path, cases[i].expected);
        if (status != STATUS_INVALID || strncmp(f->text, expected, strlen(expected)) != 0)
            print_error("case %zu: %s\n  got      %s\n  expected %s\n", i, status_name(status),
                        f->text, expected);
        assert_true(status == STATUS_INVALID);
        assert_true(strncmp(f->text, expected, strlen(expected)) == 0);
    }
}

static void a_path_of_107_bytes_is_an_address(void **state)
{
    (void)state;
    char address[128];
    snprintf(address, sizeof address, "ipc://%.107s", PATH_108);

    assert_true(endpoint_address_valid(address));
    assert_false(endpoint_address_valid("ipc://" PATH_108));
    assert_true(endpoint_address_valid("tcp://127.0.0.1:*"));
    assert_true(endpoint_address_valid("tcp://[::1]:7401"));
    assert_true(endpoint_address_valid("tcp://*:65535"));
}

static void what_is_no_file_is_not_read(void **state)
{
    struct fixture *f = *state;

    assert_true(config_read("/nowhere/x", &f->config, f->text, sizeof f->text) == STATUS_NOT_FOUND);
    assert_true(config_read(f->folder, &f->config, f->text, sizeof f->text) == STATUS_INVALID);
    assert_non_null(strstr(f->text, "not a plain file"));
}

static void a_hash_in_quotes_begins_no_comment(void **state)
{
    struct fixture *f = *state;

    enum status status = read_text(f, "# state_dir = '/a'\n"
                                      "state_dir = '/b#\\'c' # 'd'\n"
                                      "server_key_file = \"/e#\\\"f\" # \"g\"");

    assert_true(status == STATUS_OK);
    assert_string_equal(f->config.state_dir, "/b#'c");
    assert_string_equal(f->config.server_key_file, "/e#\"f");
}

static void a_file_of_65536_bytes_is_read_and_no_longer_one(void **state)
{
    struct fixture *f = *state;
    char *content = calloc(1, 65538);
    assert_non_null(content);
    memset(content, '\n', 65536);
    memcpy(content, "drain_ms = 7", 12);

    enum status fits = read_text(f, content);
    uint32_t drain_ms = f->config.drain_ms;
    content[65536] = '\n';
    enum status too_long = read_text(f, content);
    free(content);

    assert_true(fits == STATUS_OK);
    assert_true(drain_ms == 7);
    assert_true(too_long == STATUS_INVALID);
    assert_non_null(strstr(f->text, "at most 65536 bytes"));
}

static void systemds_credential_is_the_servers_key_unless_a_file_is_named(void **state)
{
    struct fixture *f = *state;
    setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1);

    assert_true(read_text(f, "") == STATUS_OK);
    assert_string_equal(f->config.server_key_file, "/run/credentials/x/server.key");
    assert_true(read_text(f, "server_key_file = \"/k\"\n") == STATUS_OK);
    assert_string_equal(f->config.server_key_file, "/k");
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void a_change_that_wants_a_restart_is_named(void **state)
{
    struct fixture *f = *state;
    struct config before;
    config_default(&before);

    assert_true(read_text(f, "drain_ms = 5\nlog_level = \"err\"\n") == STATUS_OK);
    assert_null(config_needs_restart(&before, &f->config));
    assert_true(read_text(f, "feeds_max = 5\n") == STATUS_OK);
    assert_string_equal(config_needs_restart(&before, &f->config), "feeds_max");
    assert_true(read_text(f, "workers_endpoints = {\"ipc:///b\"}\n") == STATUS_OK);
    assert_string_equal(config_needs_restart(&before, &f->config), "workers_endpoints");
}

/** Uncommented, the sample says just the defaults; and it names every key there is. */
static void the_sample_shows_every_key_with_its_default(void **state)
{
    struct fixture *f = *state;
    char sample[256];
    snprintf(sample, sizeof sample, "%s/daemon/commissiond.conf.in",
             getenv("COMMISSION_SOURCE_DIR"));
    FILE *file = fopen(sample, "r");
    assert_non_null(file);
    char content[16384] = "";
    char line[256];
    size_t len = 0;
    bool seen[64] = {false};
    while (fgets(line, sizeof line, file) != NULL) {
        for (uint32_t i = 0; config_key(i) != NULL; i++) {
            char start[64];
            snprintf(start, sizeof start, "# %s = ", config_key(i));
            if (strncmp(line, start, strlen(start)) == 0) {
                seen[i] = true;
                len += (size_t)snprintf(content + len, sizeof content - len, "%s", line + 2);
            }
        }
    }
    fclose(file);

    assert_true(read_text(f, content) == STATUS_OK);

    struct config expected;
    config_default(&expected);
    assert_null(config_needs_restart(&expected, &f->config));
    assert_true(expected.drain_ms == f->config.drain_ms);
    assert_true(expected.log_level == f->config.log_level);
    for (uint32_t i = 0; config_key(i) != NULL; i++)
        assert_true(seen[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_file_means_all_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(every_key_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_said_with_its_place, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hash_in_quotes_begins_no_comment, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_of_65536_bytes_is_read_and_no_longer_one, setup,
                                        teardown),
        cmocka_unit_test(a_path_of_107_bytes_is_an_address),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(
            systemds_credential_is_the_servers_key_unless_a_file_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_that_wants_a_restart_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(the_sample_shows_every_key_with_its_default, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
