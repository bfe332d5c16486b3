#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `commission import ocds --dry-run` on what is no notice, and on all open contracting data there is: never a crash, always a line.

# shellcheck disable=SC2154 # the helper sets commission and dev, bats status, output and stderr
load import_helper

setup() {
    export LC_ALL=C
    bats_require_minimum_version 1.5.0
    find_programs
    find_data
}

dry_run() {
    run --separate-stderr "$commission" -o jsonl import ocds --dry-run "$@"
}

@test "what is no OCDS is called so, with its reason and place" {
    cd "$BATS_TEST_TMPDIR"
    : >empty
    printf '{"ocid": tru}' >broken
    printf '{"a":"caf\351"}' >latin1
    printf '\377\376{\0}\0' >utf16
    printf '{"records":[]}' >records
    printf '{"releases":[],"version":"2.0"}' >newer
    printf '{"amount":1e999}' >huge
    printf '[[[[' >nested
    dry_run empty broken latin1 utf16 records newer huge nested
    [ "$status" -eq 1 ]
    [ "$(printf '%s\n' "$output" | jq -r '[.file, .outcome, .reasons] | join(" ")')" = \
        "empty not OCDS OCDS_NOT_A_PACKAGE
broken not OCDS OCDS_NOT_JSON:1:12
latin1 not OCDS OCDS_NOT_UTF8:1:9
utf16 not OCDS OCDS_NOT_UTF8:1:1
records not OCDS OCDS_NOT_A_PACKAGE
newer not OCDS OCDS_VERSION_UNSUPPORTED
huge not OCDS OCDS_NOT_JSON:1:15
nested not OCDS OCDS_NOT_JSON:1:4" ]
}

@test "a folder and a file that is not there are unreadable" {
    dry_run "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/nothing"
    [ "$status" -eq 1 ]
    [ "$(printf '%s\n' "$output" | jq -r .outcome | sort -u)" = unreadable ]
    [[ $stderr == *"directory"* ]]
}

@test "a lead that is no code is a usage error" {
    dry_run --lead nowhere /dev/null
    [ "$status" -eq 2 ]
}

@test "one good release among bad ones is exit code 8, alone it is 0" {
    local head='"ocid":"ocds-213czf-1","date":"2025-01-23T14:59:07Z","initiationType":"tender"'
    printf '{%s,"id":"1","tag":["tender"],"tender":{"id":1}}\n' "$head" >"$BATS_TEST_TMPDIR/good"
    printf '{%s,"tag":["tender"]}\n' "$head" >"$BATS_TEST_TMPDIR/bad"
    dry_run --lead QYG "$BATS_TEST_TMPDIR/good" "$BATS_TEST_TMPDIR/bad"
    [ "$status" -eq 8 ]
    [ "$(printf '%s\n' "$output" | jq -r '[.outcome, .reasons] | join(" ")')" = \
        "ready 
not OCDS OCDS_FIELD_REQUIRED:id" ]
    dry_run --lead QYG - <"$BATS_TEST_TMPDIR/good"
    [ "$status" -eq 0 ]
}

@test "two releases of one id that say different things are a fault" {
    local head='"ocid":"ocds-213czf-1","date":"2025-01-23T14:59:07Z","initiationType":"tender"'
    printf '{%s,"id":"1","tag":["tender"],"tender":{"id":1,"title":"a"}}\n' "$head" \
        >"$BATS_TEST_TMPDIR/one"
    printf '{%s,"id":"1","tag":["tender"],"tender":{"id":1,"title":"b"}}\n' "$head" \
        >"$BATS_TEST_TMPDIR/other"
    dry_run --lead QYG "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/other"
    [ "$(printf '%s\n' "$output" | jq -r '[.outcome, .reasons] | join(" ")')" = \
        "ready 
repeated 
not OCDS OCDS_DUPLICATE_ID:id" ]
}

@test "all files of open contracting data at hand get their lines, one by one and together" {
    need ocds
    local file said
    while IFS= read -r -d '' file; do
        dry_run --lead QYG "$file"
        [[ $status -eq 0 || $status -eq 1 || $status -eq 5 || $status -eq 8 ]] ||
            { echo "$file: exit $status: $stderr"; return 1; }
        # A line for each release or for the file; an empty package has none.
        said=$(printf '%s' "$output" | jq -r 'if (.outcome == "not OCDS" or .outcome == "rejected")
            and .reasons == "" then "no reason" else empty end')
        [ -z "$said" ] || { echo "$file: $said"; return 1; }
        [[ $stderr != *bug:* ]]
    done < <(find "$DATA/ocds" -type f -print0)

    mapfile -d '' -t files < <(find "$DATA/ocds" -type f -print0 | sort -z)
    dry_run --lead QYG "${files[@]}"
    [ "$status" -eq 8 ]
    [ "${#files[@]}" -ge 500 ]
}
