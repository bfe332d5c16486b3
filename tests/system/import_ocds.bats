#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `commission import ocds` on the notices of Contracts Finder, release by release.
#
# import_ocds.expected.tsv names, for all 136 files with the lead QYG, each release's outcome: it follows from the release alone. An award
# of nothing is rejected; so is one made before the board opened on 1 July 2022; a process has one award here, a second finds the
# stage complete; a release that stands in two files is imported once.

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
    # The first tests are about the public files.
    [ "$BATS_TEST_NUMBER" -gt 5 ] || need ocds/uk-contracts-finder
    files=("$DATA"/ocds/uk-contracts-finder/*.json "$DATA"/ocds/uk-contracts-finder-packages/*.json)
    expected=$BATS_TEST_DIRNAME/import_ocds.expected.tsv
}

import() {
    local key=$1
    shift
    run --separate-stderr "$commission" -c "$dev/$key" -o jsonl import ocds "$@"
}

@test "each release of 136 files ends as is true of it" {
    import QYG --lead QYG "${files[@]}"
    [ "$status" -eq 8 ]
    printf '%s\n' "$output" | report_rows >"$BATS_TEST_TMPDIR/rows"
    diff "$expected" "$BATS_TEST_TMPDIR/rows"
    [ "$(wc -l <"$expected")" -eq 202 ]
}

@test "at least 110 of the 136 award releases stand as accepted contracts" {
    import QYG --lead QYG "${files[@]}"
    awards=$(printf '%s\n' "$output" | jq -r 'select(.tag == "award") | .verdict')
    [ "$(printf '%s\n' "$awards" | wc -l)" -eq 136 ]
    [ "$(printf '%s\n' "$awards" | grep -c '^ACCEPTED$')" -ge 110 ]
}

@test "importing again changes nothing and says so" {
    "$commission" -c "$dev/operator" journal head -o jsonl >"$BATS_TEST_TMPDIR/before"
    import QYG --lead QYG "${files[@]}"
    "$commission" -c "$dev/operator" journal head -o jsonl >"$BATS_TEST_TMPDIR/after"

    diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
    [ "$(printf '%s\n' "$output" | jq -r .outcome | sort -u | tr '\n' ,)" = \
        "rejected before,repeated,skipped," ]
    [ "$(printf '%s\n' "$output" | jq -r 'select(.outcome == "rejected before") | .verdict' |
        sort -u)" = REJECTED ]
    [[ $stderr == *", 13 rejected before, "* ]]
    # With the verdicts of the first time.
    printf '%s\n' "$output" | report_rows | cut -f1-3,5- >"$BATS_TEST_TMPDIR/rows"
    cut -f1-3,5- "$expected" | diff - "$BATS_TEST_TMPDIR/rows"
}

@test "a process is a workflow named by its ocid" {
    [ "$("$commission" -c "$dev/QYG" -o jsonl workflow list --lead QYG | wc -l)" -eq 119 ]
    run -0 --separate-stderr "$commission" -c "$dev/QYG" -o jsonl workflow show \
        QYG/ocds-b5fd17-0cb08240-82a6-4be3-b63a-1ba819a00d18
    [ "$(printf '%s\n' "$output" | jq -r '[.stage, .phase] | join(" ")')" = "REVIEW OPEN" ]
}

@test "a code that lives on commissions nothing: the rejection names the successor" {
    for time in first second; do
        import 02E --lead 02E "${files[@]}"
        [ "$status" -eq 5 ]
        told=$(printf '%s\n' "$output" | jq -r 'select(.outcome != "skipped") | .reasons')
        [ "$(printf '%s\n' "$told" | wc -l)" -eq 185 ]
        [ "$(printf '%s\n' "$told" | grep -c 'ORG_CLOSED:QYG')" -eq 185 ]
        echo "the $time time"
    done
    [ "$("$commission" -c "$dev/02E" -o jsonl workflow list --lead 02E | wc -l)" -eq 0 ]
}

@test "a support unit sends a tender for its group, but no award" {
    notices
    import 0CE --lead 02E "$BATS_TEST_TMPDIR/tender.json" "$BATS_TEST_TMPDIR/award.json"
    [ "$status" -eq 8 ]
    [ "$(printf '%s\n' "$output" | jq -r '[.tag, .outcome, .reasons] | join(" ")')" = \
        "tender accepted 
award rejected CSU_CANNOT_DECIDE" ]
}

@test "a key of another organisation is told whom it speaks for, once" {
    notices
    import nhse --lead 02E "$BATS_TEST_TMPDIR/tender.json" "$BATS_TEST_TMPDIR/award.json"
    [ "$status" -eq 5 ]
    [ -z "$output" ]
    [[ $stderr == *"your key speaks for X24, not 02E"* ]]
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "without a lead a process of no GB-NHS buyer is rejected here" {
    notices
    import QYG "$BATS_TEST_TMPDIR/tender.json"
    [ "$status" -eq 5 ]
    [ "$(printf '%s\n' "$output" | jq -r '[.outcome, .reasons] | join(" ")')" = \
        "rejected FIELD_MISSING:buyer/identifier" ]
}

@test "nobody there is exit code 3" {
    notices
    run --separate-stderr "$commission" -c "$dev/QYG" --endpoint "ipc://$BATS_TEST_TMPDIR/nobody" \
        --timeout 300ms import ocds --lead QYG "$BATS_TEST_TMPDIR/tender.json"
    [ "$status" -eq 3 ]
}

@test "a key that only reads is told so once" {
    notices
    sed -i 's/sample-1/sample-2/' "$BATS_TEST_TMPDIR"/*.json # of which nobody has sent anything
    "$commission" key new "$dev/keys/reader.key" >/dev/null
    sed 's/02E\.key/reader.key/' "$dev/02E" >"$dev/reader"
    "$commission" -c "$dev/operator" key add --org 02E --kind CCG --verbs read \
        --key "$dev/keys/reader.key"
    import reader --lead 02E "$BATS_TEST_TMPDIR/tender.json" "$BATS_TEST_TMPDIR/award.json"
    [ "$status" -eq 5 ]
    [ -z "$output" ]
    [[ $stderr == *"your key may not send these"*SUBMIT*SENDER_NOT_AUTHORISED* ]]
}

# Two notices of one process, of the time of the CCGs; made up.
notices() {
    local head='"ocid":"ocds-213czf-sample-1","initiationType":"tender","buyer":{"id":"x"}'
    cat >"$BATS_TEST_TMPDIR/tender.json" <<JSON
{$head,"id":"1","date":"2018-05-01T09:00:00Z","tag":["tender"],
 "tender":{"id":"t","title":"Community beds","procurementMethod":"open"}}
JSON
    cat >"$BATS_TEST_TMPDIR/award.json" <<JSON
{$head,"id":"2","date":"2018-07-01T09:00:00Z","tag":["award"],
 "awards":[{"id":"a","status":"active","value":{"amount":1200.50,"currency":"GBP"},
  "suppliers":[{"id":"GB-COH-01234567","name":"Beds Ltd"}],
  "contractPeriod":{"startDate":"2018-08-01T00:00:00+01:00"}}]}
JSON
}
