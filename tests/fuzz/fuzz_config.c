/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_config.c - configuration files: what is refused says where; what is taken lies in its ranges. */
#include "tests/fuzz/fuzz.h"

#include "daemon/config.h"
#include "proto/limits.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TEXT_SIZE 400

static int file = -1;
static char path[64];

int fuzz_vector(const char *name)
{
    (void)name;
    return -1;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    file = memfd_create("commissiond.conf", MFD_CLOEXEC);
    CHECK(file >= 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return 0;
}

static void expect_in_range(const struct config *config)
{
    CHECK(config->clients.count >= 1 && config->clients.count <= CONFIG_ENDPOINTS_MAX);
    CHECK(config->workers.count <= CONFIG_ENDPOINTS_MAX);
    CHECK(!config->workers_uid_given || config->workers_uid != 65534);
    CHECK(config->segment_bytes >= 4u * 1024 * 1024);
    CHECK(config->map_bytes >= 16u * 1024 * 1024);
    CHECK(config->drain_ms <= 600000);
    CHECK(config->workers_max >= 1 && config->workers_max <= WORKERS_MAX);
    CHECK(config->feeds_max >= 1 && config->feeds_max <= FEEDS_MAX);
    CHECK(config->events_open_max >= 1 && config->events_open_sender_max >= 1);
    CHECK(memchr(config->state_dir, '\0', sizeof config->state_dir) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config;
    struct config untouched;
    char text[TEXT_SIZE] = "";

    if (size > 64 * 1024)
        return 0;
    CHECK(ftruncate(file, 0) == 0);
    CHECK(pwrite(file, data, size, 0) == (ssize_t)size);
    memset(&config, 0x5a, sizeof config);
    untouched = config;
    enum status status = config_read(path, &config, text, sizeof text);
    if (status == STATUS_OK) {
        expect_in_range(&config);
    } else {
        CHECK(status == STATUS_INVALID);
        CHECK(text[0] != '\0');
        CHECK(memcmp(&config, &untouched, sizeof config) == 0);
    }
    return 0;
}
