/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/commands/mergers.h"

#include <string.h>

/*
 * Mergers of CCGs, from NHS Digital's organisation codes: closing and opening days are those of the codes, the pairing follows the
 * published mapping of former CCGs to those of April 2021. @on is the successor's first day.
 */
/* clang-format off */
static const struct merger {
    struct { int32_t year, month; } on;
    const char *into;
    const char *from; /* codes with blanks between */
} mergers[] = {
    {{2015, 4}, "13T", "00F 00G 00H"},
    {{2017, 4}, "14L", "00W 01M 01N"},
    {{2018, 4}, "14Y", "10H 10Y"},
    {{2018, 4}, "15A", "10M 10N 10W 11D"},
    {{2018, 4}, "15C", "11H 11T 12A"},
    {{2018, 4}, "15D", "10G 10T 11C"},
    {{2018, 4}, "15E", "04X 05P 13P"},
    {{2018, 4}, "15F", "02V 03C 03G"},
    {{2019, 4}, "15M", "03X 03Y 04J 04R"},
    {{2019, 4}, "15N", "99P 99Q"},
    {{2020, 4}, "16C", "00C 00K 00M"},
    {{2020, 4}, "18C", "05F 05J 05T 06D"},
    {{2020, 4}, "26A", "06M 06V 06W 06Y 07J"},
    {{2020, 4}, "27D", "01C 01R 02D 02F"},
    {{2020, 4}, "36J", "02N 02R 02W"},
    {{2020, 4}, "36L", "07V 08J 08P 08R 08T 08X"},
    {{2020, 4}, "42D", "03D 03E 03M"},
    {{2020, 4}, "52R", "04E 04H 04K 04L 04M 04N"},
    {{2020, 4}, "70F", "09G 09H 09X"},
    {{2020, 4}, "71E", "03T 04D 04Q 99D"},
    {{2020, 4}, "72Q", "07N 07Q 08A 08K 08L 08Q"},
    {{2020, 4}, "78H", "03V 04G"},
    {{2020, 4}, "84H", "00D 00J"},
    {{2020, 4}, "91Q", "09C 09E 09J 09W 10A 10D 10E 99J"},
    {{2020, 4}, "92A", "09L 09N 09Y 99H"},
    {{2020, 4}, "92G", "11E 12D 99N"},
    {{2020, 4}, "93C", "07M 07R 07X 08D 08H"},
    {{2020, 4}, "97R", "09F 09P 99K"},
    {{2021, 4}, "A3A8R", "07L 07T 08F 08M 08N 08V 08W"},
    {{2021, 4}, "B2M3M", "05A 05H 05R"},
    {{2021, 4}, "D2P2L", "05C 05L 05Y 06A"},
    {{2021, 4}, "D4U1Y", "10C 15D 99M"},
    {{2021, 4}, "D9Y0V", "10J 10K 10L 10V 10X 11A"},
    {{2021, 4}, "M1J4Y", "04F 06F 06P"},
    {{2021, 4}, "M2L0M", "05N 05X"},
    {{2021, 4}, "W2U3Z", "07P 07W 07Y 08C 08E 08G 08Y 09A"},
    {{2021, 4}, "X2C4Y", "03A 03J"},
};
/* clang-format on */

/** Is @code one of the codes, of three characters each, in @list? */
static bool listed(const char *list, struct ods code)
{
    if (strlen(code.text) != 3)
        return false;
    for (const char *at = list; at != NULL; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (strncmp(at, code.text, 3) == 0)
            return true;
    }
    return false;
}

bool merger_find(struct ods from, date_t closed_on, struct ods *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(mergers); i++) {
        const struct merger *merger = &mergers[i];
        if (closed_on + 1 != date_of(merger->on.year, merger->on.month, 1))
            continue;
        if (listed(merger->from, from))
            return ods_parse(merger->into, strlen(merger->into), ret);
    }
    return false;
}
