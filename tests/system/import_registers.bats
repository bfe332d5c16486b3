#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `commission import orgs` and `import allotments` on the public files.

# shellcheck disable=SC2154 # the helper sets commission and dev, bats status, output and stderr
load import_helper

setup_file() {
    export LC_ALL=C
    find_programs
    find_data
    start_instance
}

teardown_file() {
    stop_instance
}

setup() {
    export LC_ALL=C
    bats_require_minimum_version 1.5.0
    need orgs/eccg.csv
    eccg=$DATA/orgs/eccg.csv
    csu=$DATA/orgs/csu.csv
    names=$DATA/orgs/ref_ccg21.csv
    sums=$DATA/finance/ccg_allocations.csv
}

as() {
    local key=$1
    shift
    run --separate-stderr "$commission" -c "$dev/$key" -o jsonl "$@"
}

rows() {
    printf '%s\n' "$output" | jq -r "$1"
}

@test "a dry run says what would be registered and registers nothing" {
    as nhse import orgs "$eccg" --csu "$csu" --names "$names" --dry-run
    [ "$status" -eq 0 ]
    [ "$(rows .outcome | sort | uniq -c | tr -s ' ' | tr '\n' ,)" = " 302 ready, 7 unchanged," ]
    [[ $stderr == *"; nothing was sent"* ]]
    [[ $stderr != *"overwrote"* ]]
    as nhse import orgs "$eccg" --dry-run
    [[ $stderr == "commission: 101 CCGs get the name of the ICB that overwrote their own"* ]]
    [ "$(rows 'select(.ods == "02E") | .name')" = "NHS Warrington CCG" ]
    as nhse org show 00C
    [ "$status" -eq 4 ]
}

@test "248 groups, 42 boards and 19 support units are registered" {
    as nhse import orgs "$eccg" --csu "$csu" --names "$names"
    [ "$status" -eq 0 ]
    [ "$(rows .kind | sort | uniq -c | tr -s ' ' | tr '\n' ,)" = " 248 CCG, 19 CSU, 42 ICB," ]
    [ "$(rows .outcome | sort | uniq -c | tr -s ' ' | tr '\n' ,)" = " 302 accepted, 7 unchanged," ]
    [[ $stderr == *"35 commissioning hubs"*"37 sub-ICB reporting entities"* ]]
}

@test "registering again sends nothing and says so" {
    local before
    as nhse journal head
    before=$(rows .seq)
    as nhse import orgs "$eccg" --csu "$csu" --names "$names"
    [ "$status" -eq 0 ]
    [ "$(rows .outcome | sort -u)" = unchanged ]
    [[ $stderr == *"0 accepted, 309 unchanged; nothing was sent"* ]]
    as nhse journal head
    [ "$(rows .seq)" -eq "$before" ]
}

@test "a name that the file has lost stays as the register has it" {
    as nhse import orgs "$eccg" --csu "$csu"
    [ "$status" -eq 0 ]
    [ "$(rows .outcome | sort -u)" = unchanged ]
    as nhse org show 02E
    [ "$(rows .name)" = "NHS Warrington CCG" ]
}

@test "a list that names none of them is refused" {
    printf 'CCG21CDH,CCG21NM\nZZZ,NHS Nowhere CCG\n' >"$BATS_TEST_TMPDIR/names.csv"
    as nhse import orgs "$eccg" --names "$BATS_TEST_TMPDIR/names.csv"
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    [[ $stderr == *"it names none of the 106 CCGs"* ]]
    as nhse import orgs "$eccg" --names "$eccg"
    [ "$status" -eq 1 ]
    [[ $stderr == *"it names none of the 106 CCGs"* ]]
}

@test "a name that was given, changed and is given again is registered again" {
    local name
    for name in First Second First Second First; do
        printf 'ods_code,name,primary_role\n0ZZ,%s Support,RO213\n' "$name" >"$BATS_TEST_TMPDIR/csu.csv"
        as nhse import orgs "$BATS_TEST_TMPDIR/csu.csv"
        [ "$status" -eq 0 ]
        [ "$(rows .outcome)" = accepted ]
        as nhse org show 0ZZ
        [ "$(rows .name)" = "$name Support" ]
    done
    as nhse import orgs "$BATS_TEST_TMPDIR/csu.csv"
    [ "$(rows .outcome)" = unchanged ]
}

@test "on each 1 April as many groups are open as were published" {
    local year wanted
    as nhse org list --kind CCG
    while read -r year wanted; do
        [ "$(rows "select(.opened_on <= \"$year-04-01\" and
            (.closed_on == null or .closed_on >= \"$year-04-01\")) | .ods" | wc -l)" -eq "$wanted" ]
    done <<'YEARS'
2013 211
2015 209
2017 207
2018 195
2019 191
2020 135
2021 106
YEARS
}

@test "a group that merged, and one whose code lives on, have their successors" {
    as nhse org show 00C
    [ "$(rows '[.name, .closed_on, .successor] | join("|")')" = \
        "NHS Darlington CCG|2020-03-31|16C" ]
    as nhse org show 02E
    [ "$(rows '[.name, .kind, .closed_on, .successor] | join("|")')" = \
        "NHS Warrington CCG|CCG|2022-06-30|QYG" ]
    as nhse org show QHM
    [ "$(rows '[.name, .kind, .opened_on] | join("|")')" = \
        "NHS North East and North Cumbria ICB|ICB|2022-07-01" ]
}

@test "only NHS England registers organisations" {
    printf 'ods_code,name,primary_role\n0ZY,A Support,RO213\n0ZX,B Support,RO213\n' \
        >"$BATS_TEST_TMPDIR/csu.csv"
    as 02E import orgs "$BATS_TEST_TMPDIR/csu.csv"
    [ "$status" -eq 5 ]
    [ -z "$output" ]
    [[ $stderr == *"needs NHS England's key"*SENDER_NOT_AUTHORISED* ]]
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "what is no such file is refused with its line" {
    printf '"02E","A CCG"\n' >"$BATS_TEST_TMPDIR/short.csv"
    as nhse import orgs "$BATS_TEST_TMPDIR/short.csv"
    [ "$status" -eq 1 ]
    [[ $stderr == *"short.csv:1:"* ]]
    as nhse import orgs "$names"
    [ "$status" -eq 1 ]
    [[ $stderr == *"--names"* ]]
}

@test "allotments are matched by name, never guessed, and one that stands twice is refused" {
    need finance/ccg_allocations.csv
    as nhse import allotments "$sums" --year 2018/19 --names "$names"
    [ "$status" -eq 8 ]
    [ "$(rows .outcome | sort | uniq -c | tr -s ' ' | tr '\n' ,)" = \
        " 176 accepted, 26 not matched, 2 refused, 5 unchanged," ]
    [ "$(rows 'select(.outcome == "refused") | "\(.line) \(.reasons)"')" = \
        "102 stands twice, in lines 102 and 103, with two sums; neither is sent
103 stands twice, in lines 102 and 103, with two sums; neither is sent" ]
    [[ $(rows 'select(.name == "NHS Cumbria CCG") | .reasons') == *"is it 01H NHS North Cumbria CCG?" ]]
    [[ $(rows 'select(.name == "NHS Solihull CCG") | .reasons') == *"successor is 15E" ]]
    as nhse ledger show 01F
    [ "$(rows 'select(.year == "2018/19") | .allotted')" = true ]
}

@test "setting the same allotments again sends nothing and says so" {
    need finance/ccg_allocations.csv
    local before
    as nhse journal head
    before=$(rows .seq)
    as nhse import allotments "$sums" --year 2018/19 --names "$names"
    [ "$(rows .outcome | sort | uniq -c | tr -s ' ' | tr '\n' ,)" = \
        " 26 not matched, 2 refused, 181 unchanged," ]
    [[ $stderr == *"0 accepted, 181 unchanged;"*"; nothing was sent"* ]]
    as nhse journal head
    [ "$(rows .seq)" -eq "$before" ]
}

# A file of one sum, for NHS Warrington CCG.
sum_of() {
    printf 'CCG,Final allocation\nNHS Warrington CCG,%s\n' "$1" >"$BATS_TEST_TMPDIR/sums.csv"
}

@test "a sum that was set, corrected and is set again counts again" {
    local thousands
    for thousands in 285925 300000 285925 300000 285925; do
        sum_of "$thousands"
        as nhse import allotments "$BATS_TEST_TMPDIR/sums.csv" --year 2019/20
        [ "$status" -eq 0 ]
        [ "$(rows .outcome)" = accepted ]
        [[ $stderr == *"1 line: 1 matched: 1 accepted, 0 unchanged" ]]
        as nhse ledger show 02E --year 2019/20
        [ "$(rows .allotment_pence)" -eq "${thousands}00000" ]
    done
    as nhse import allotments "$BATS_TEST_TMPDIR/sums.csv" --year 2019/20
    [ "$(rows .outcome)" = unchanged ]
}

@test "only NHS England sets allotments, and says so once" {
    sum_of 1
    as 02E import allotments "$BATS_TEST_TMPDIR/sums.csv" --year 2020/21
    [ "$status" -eq 5 ]
    [ -z "$output" ]
    [[ $stderr == *"needs NHS England's key"*ALLOTMENT_NOT_NHSE* ]]
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
    # And its own attempt does not stand in NHS England's way.
    as nhse import allotments "$BATS_TEST_TMPDIR/sums.csv" --year 2020/21
    [ "$(rows .outcome)" = accepted ]
}

@test "the year has to be given" {
    as nhse import allotments "$sums"
    [ "$status" -eq 2 ]
    as nhse import allotments "$sums" --year 2018/20
    [ "$status" -eq 2 ]
}
