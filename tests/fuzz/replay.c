/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c - feed files to a fuzz target, each once; or write them as the seeds that libFuzzer begins with. */
/*
 *   replay [--write DIR] FILE|FOLDER...
 *
 * A file NAME.hex holds hexadecimal digits, lines that begin with # say what it is; any other is fed as it stands. Of a folder called
 * vectors only the .hex files are taken, each behind the byte that fuzz_vector() names.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_BYTES_MAX (4u * 1024 * 1024)
#define PATH_SIZE 4096

struct run {
    const char *write_to; /* NULL: feed them */
    uint32_t count;
};

static int digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/** In place. Returns how many bytes there are. */
static size_t decode_hex(uint8_t *text, size_t len)
{
    size_t digits = 0;
    bool comment = false;

    for (size_t i = 0; i < len; i++) {
        comment = text[i] == '#' || (comment && text[i] != '\n');
        int value = comment ? -1 : digit(text[i]);
        if (value < 0)
            continue;
        text[digits / 2] = (uint8_t)(digits % 2 == 0 ? value << 4 : text[digits / 2] | value);
        digits++;
    }
    return digits / 2;
}

static bool ends_with(const char *text, const char *ending)
{
    size_t len = strlen(text);
    size_t ending_len = strlen(ending);

    return len >= ending_len && strcmp(text + len - ending_len, ending) == 0;
}

static void write_seed(struct run *run, const uint8_t *bytes, size_t len)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "%s/%04u", run->write_to, (unsigned)run->count);
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK(fwrite(bytes, 1, len, file) == len);
    CHECK(fclose(file) == 0);
}

/** @selector: the byte before it, or -1. */
static void take_file(struct run *run, const char *path, int selector)
{
    uint8_t *bytes = malloc(FILE_BYTES_MAX + 1);
    size_t before = selector >= 0 ? 1 : 0;
    FILE *file = fopen(path, "rb");

    CHECK(bytes != NULL);
    if (file == NULL) {
        fprintf(stderr, "replay: %s cannot be read\n", path);
        exit(1);
    }
    bytes[0] = (uint8_t)selector;
    size_t len = fread(bytes + before, 1, FILE_BYTES_MAX, file);
    CHECK(len < FILE_BYTES_MAX);
    fclose(file);
    if (ends_with(path, ".hex"))
        len = decode_hex(bytes + before, len);
    len += before;
    run->count++;
    if (run->write_to != NULL) {
        write_seed(run, bytes, len);
    } else {
        /* Of just its size: a byte read behind it is found. */
        uint8_t *exact = malloc(len > 0 ? len : 1);
        CHECK(exact != NULL);
        memcpy(exact, bytes, len);
        printf("%s\n", path);
        fflush(stdout);
        (void)LLVMFuzzerTestOneInput(exact, len);
        free(exact);
    }
    free(bytes);
}

static void take_folder(struct run *run, const char *path)
{
    struct dirent **names;
    bool vectors = ends_with(path, "/vectors");
    int count = scandir(path, &names, NULL, alphasort);

    if (count < 0) {
        fprintf(stderr, "replay: %s cannot be read\n", path);
        exit(1);
    }
    for (int i = 0; i < count; i++) {
        char file[PATH_SIZE];
        int selector = vectors ? fuzz_vector(names[i]->d_name) : -1;
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        bool wanted = names[i]->d_name[0] != '.';
        if (vectors)
            wanted = selector >= 0 && ends_with(file, ".hex");
        if (wanted)
            take_file(run, file, selector);
        free(names[i]);
    }
    free(names);
}

int main(int argc, char **argv)
{
    struct run run = {.write_to = NULL};
    int first = 1;

    if (argc > 2 && strcmp(argv[1], "--write") == 0) {
        run.write_to = argv[2];
        first = 3;
    }
    CHECK(LLVMFuzzerInitialize(&argc, &argv) == 0);
    for (int i = first; i < argc; i++) {
        struct stat about;
        if (stat(argv[i], &about) == 0 && S_ISDIR(about.st_mode))
            take_folder(&run, argv[i]);
        else
            take_file(&run, argv[i], -1);
    }
    fprintf(stderr, "%u inputs %s\n", (unsigned)run.count,
            run.write_to != NULL ? "are written" : "went through");
    return run.count > 0 ? 0 : 1;
}
