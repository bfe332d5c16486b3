/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_ocds.c - open contracting data: what is read without error maps to events, and these are events that can be sent. */
#include "tests/fuzz/fuzz.h"

#include "clients/ocds/map.h"
#include "clients/ocds/read.h"
#include "proto/json.h"

#include <string.h>

int fuzz_vector(const char *name)
{
    (void)name;
    return -1;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

/** Its text is JSON of an Event. */
static void expect_sendable(const struct ocds_event *event)
{
    static const struct event_id id = {{1, 0x90}};
    struct json_fault fault;
    uint8_t *bytes;
    size_t len;
    char *text = ocds_event_text(event, id);

    CHECK(text != NULL);
    CHECK(event->identity_len <= sizeof event->identity);
    enum status status = json_read("Event", (struct slice){(const uint8_t *)text, strlen(text)},
                                   &bytes, &len, &fault);
    if (status != STATUS_OK)
        fprintf(stderr, "%s\n%s at %s\n", text, fault.text, fault.path);
    CHECK(status == STATUS_OK);
    free(bytes);
    free(text);
}

static void take_release(const struct ocds_release *release)
{
    static const struct ocds_terms terms = {.lead = {"02E"}, .sender = {"0CE"}};
    struct ocds_mapped mapped;

    CHECK(ocds_map(release, &terms, &mapped) == STATUS_OK);
    CHECK(ocds_mapped_equal(&mapped, &mapped));
    for (uint32_t i = 0; i < mapped.count; i++)
        expect_sendable(&mapped.events[i]);
    ocds_mapped_clear(&mapped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ocds_file *file = NULL;

    if (size > 256 * 1024)
        return 0;
    CHECK(ocds_read((struct slice){data, size}, &file) == STATUS_OK);
    for (uint32_t i = 0; i < file->count; i++) {
        bool wrong = false;
        for (uint32_t j = 0; j < file->releases[i].faults.count; j++)
            wrong = wrong || !file->releases[i].faults.items[j].warning;
        if (!wrong)
            take_release(&file->releases[i]);
    }
    ocds_file_free(file);
    return 0;
}
