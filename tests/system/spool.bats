#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Events through a spool: the daemon is down, comes back, is killed; the tool is killed.

bats_require_minimum_version 1.5.0
load helper

setup_file() {
    load helper
    FOLDER=$(mktemp -d /tmp/commission-bats.XXXXXX)
    export FOLDER
    start_dev "$FOLDER/dev"
}

teardown_file() {
    load helper
    stop_dev
    rm -rf "$FOLDER"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    # What is traced cannot be searched for leaks.
    export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
}

# notes WORKFLOW FIRST LAST: notes whose texts count.
notes() {
    local i
    for ((i = $2; i <= $3; i++)); do note "$1" "$i" "text $i"; done
}

# The numbers of 02E/$1's notes in the journal, in its order.
received() {
    commission -c "$DEV/02E" workflow history "02E/$1" -o jsonl |
        jq -r 'select(.entry.received != null) | .entry.received.event' | grep -o 'text [0-9]*' |
        cut -d ' ' -f 2 | xargs
}

empty() {
    [[ -z $(commission event spool list --spool "$1" -o jsonl) ]]
}

@test "while the daemon is down events wait in the spool, and are sent when it is back" {
    needs down 1 >a
    notes down 2 4 >>a
    stop_dev
    as 02E event submit --spool spool --timeout 300ms a -o jsonl
    exits 3
    complains "4 events wait in the spool"
    [[ $(jq -r .verdict <<<"$output" | sort -u) == SPOOLED ]]
    [[ $(stat -c %a spool) == 700 ]]
    [[ $(find spool -type f ! -perm 600 | wc -l) -eq 0 ]]
    tool event spool list --spool spool -o jsonl
    exits 0
    [[ $(jq -r '[.event_type, .about, .state, (.tries | tostring), .last_error] | join(" ")' <<<"$output" | head -n 1) == "NEEDS_ASSESSED 02E/down WAITING 1 UNREACHABLE" ]]
    [[ $(wc -l <<<"$output") -eq 4 ]]
    as 02E event spool flush --spool spool --timeout 300ms
    exits 3

    start_dev "$FOLDER/dev"
    as 02E event spool flush --spool spool -o jsonl
    exits 0
    [[ $(jq -r .result <<<"$output" | xargs) == "RECEIVED RECEIVED RECEIVED RECEIVED" ]]
    empty spool
    [[ $(received down) == "2 3 4" ]]
    as 02E event submit a
    exits 0
}

@test "what is given with what waits goes behind it, and its verdict is waited for" {
    needs behind 10 >a
    notes behind 11 11 >b
    as 02E event submit --spool spool --wait none a
    exits 0
    says SPOOLED
    as 02E event submit --spool spool b -o jsonl
    exits 0
    [[ $(jq -r .verdict <<<"$output") == ACCEPTED ]]
    empty spool
    [[ $(received behind) == 11 ]]
}

@test "what is refused for good is kept aside with its reasons until it is discarded" {
    needs aside 20 >a
    sed 's/"needs_assessed"/"sender_ods": "01F", "needs_assessed"/' a >b
    as 02E event submit --spool spool b
    exits 5
    tool event spool list --spool spool -o jsonl
    exits 0
    [[ $(jq -r '.state + " " + .last_error' <<<"$output") == "REJECTED SENDER_NOT_AUTHORISED" ]]
    as 02E event spool flush --spool spool
    exits 0
    tool event spool discard --spool spool --rejected
    exits 2
    tool event spool discard --spool spool --rejected --reason 'a wrong sender' --dry-run
    exits 0
    tool event spool list --spool spool -o jsonl
    [[ -n $output ]]
    tool event spool discard --spool spool --rejected --reason 'a wrong sender'
    exits 0
    empty spool
    grep -q 'NEEDS_ASSESSED 02E/aside a wrong sender' spool/discarded
    tool event spool discard --spool spool 01800000-0000-7000-8000-000000000020 --reason x
    exits 4
}

@test "the tool killed at any removal of a flush is begun again, and nothing is lost or doubled" {
    needs killed 30 >a
    notes killed 31 70 >>a
    as 02E event submit --spool spool --wait none a
    exits 0
    for nth in 1 2 7 19; do
        run strace -qq -f -o /dev/null -e trace=unlinkat -e inject=unlinkat:signal=KILL:when=$nth \
            "$BIN_DIR/commission" -c "$DEV/02E" event spool flush --spool spool
        [[ $status -ne 0 ]]
        [[ -n $(commission event spool list --spool spool -o jsonl) ]]
    done
    as 02E event spool flush --spool spool
    exits 0
    empty spool
    [[ $(received killed) == "$(seq -s ' ' 31 70)" ]]
}

@test "the tool killed while it puts leaves whole events, and putting again completes them" {
    needs putting 80 >a
    notes putting 81 90 >>a
    # What is there already is not put again: each round has fewer to put.
    for nth in 1 4 5; do
        run strace -qq -f -o /dev/null -e trace=renameat,renameat2 \
            -e inject=renameat,renameat2:signal=KILL:when=$nth \
            "$BIN_DIR/commission" -c "$DEV/02E" event submit --spool spool --wait none a
        [[ $status -ne 0 ]]
    done
    as 02E event submit --spool spool a
    exits 0
    empty spool
    [[ $(received putting) == "$(seq -s ' ' 81 90)" ]]
}

@test "the daemon killed while a flush goes on changes nothing but the time it takes" {
    for workflow in w1 w2 w3; do
        needs $workflow "10${workflow#w}"
    done >a
    for workflow in w1 w2 w3; do notes $workflow "${workflow#w}000" "${workflow#w}150"; done >>a
    as 02E event submit --spool spool --wait none a
    exits 0
    "$BIN_DIR/commission" -c "$DEV/02E" event spool flush --spool spool --timeout 60s >sent 2>&1 3>&- &
    flush=$!
    some() { [[ $(find spool -name '*.event' | wc -l) -lt 400 ]]; }
    await 60 some
    kill -KILL "$(cat "$DEV/run/commissiond.pid")"
    wait "$flush"
    empty spool
    for workflow in w1 w2 w3; do
        [[ $(received $workflow) == "$(seq -s ' ' "${workflow#w}000" "${workflow#w}150")" ]]
    done
    as operator journal verify
    exits 0
}

@test "a spool that is not there is said so, and not made" {
    tool event spool list --spool misspelt
    exits 4
    complains 'there is no folder "misspelt"'
    [[ ! -e misspelt ]]
}

@test "without random numbers no event is sent, and the tool says why" {
    needs random 95 | sed 's/"event_id": "[^"]*", //' >a
    needs random2 96 >>a
    run --separate-stderr strace -qq -f -o /dev/null -e trace=getrandom -e inject=getrandom:error=EIO \
        "$BIN_DIR/commission" event validate --offline --new-id a
    exits 1
    complains "no random numbers"
    [[ -z $output ]]
}
