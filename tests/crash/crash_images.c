/* SPDX-License-Identifier: Apache-2.0 */
/* crash_images.c - crash_images [SEEDS [FIRST [IMAGES]]]: recorded runs cut in every way, for as many seeds as wanted; a line of figures. */
#include "tests/crash/cuts.h"

#include <string.h>
#include <time.h>

static uint64_t argument(int argc, char **argv, int index, uint64_t otherwise)
{
    return argc > index ? strtoull(argv[index], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    uint64_t seeds = argument(argc, argv, 1, 20);
    uint64_t first = argument(argc, argv, 2, 1);
    uint32_t images = (uint32_t)argument(argc, argv, 3, 4000);
    struct cuts all = {.seed = first};
    time_t began = time(NULL);

    for (uint64_t seed = first; seed < first + seeds; seed++) {
        /* Every fourth run fills segments: larger images, and fewer. */
        bool bulk = seed % 4 == 0;
        struct cuts cuts = {.seed = seed,
                            .bulk = bulk ? DRIVE_BULK_MAX : 0,
                            .images_max = bulk ? images / 8 : images,
                            .second_each = 10};
        if (!cuts_run(&cuts))
            fprintf(stderr, "crash_images: %s\n", cuts.text);
        all.records += cuts.records;
        all.images += cuts.images;
        all.second_images += cuts.second_images;
        all.failures += cuts.failures;
        fprintf(stderr, "crash_images: seed %llu: %llu images, %llu second ones, %llu failures\n",
                (unsigned long long)seed, (unsigned long long)cuts.images,
                (unsigned long long)cuts.second_images, (unsigned long long)cuts.failures);
    }
    printf("crash-images: seeds=%llu..%llu records=%llu images=%llu second_images=%llu "
           "failures=%llu seconds=%lld\n",
           (unsigned long long)first, (unsigned long long)(first + seeds - 1),
           (unsigned long long)all.records, (unsigned long long)all.images,
           (unsigned long long)all.second_images, (unsigned long long)all.failures,
           (long long)(time(NULL) - began));
    return all.failures == 0 ? 0 : 1;
}
