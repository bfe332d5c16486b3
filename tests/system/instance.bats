#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# commission dev itself: what it makes, that it goes on where it was, that it ends; and the demo.

bats_require_minimum_version 1.5.0
load helper

setup() {
    FOLDER=$(mktemp -d /tmp/commission-bats.XXXXXX)
    cd "$FOLDER" || return 1
}

teardown() {
    stop_dev
    rm -rf "$FOLDER"
}

@test "an instance keeps its secrets, ends in order, and goes on where it was" {
    start_dev "$FOLDER/dev"
    [[ $(stat -c %a "$DEV") == 700 ]]
    [[ $(find "$DEV/keys" -name '*.key' ! -perm 600 | wc -l) -eq 0 ]]
    ls "$DEV"/{operator,nhse,02E,01F,01J,01T,01X,0CE,QYG} >/dev/null
    needs kept 1 >a
    as 02E event submit a
    exits 0
    pids=$(cat "$DEV"/run/*.pid)
    [[ $(wc -w <<<"$pids") -eq 6 ]]
    stop_dev
    for pid in $pids; do
        ! kill -0 "$pid" 2>/dev/null || wrong "process $pid is left"
    done
    grep -q 'stopped status=0' "$DEV/log/commissiond.log"
    tool journal verify --dir "$DEV/state"
    exits 0

    start_dev "$FOLDER/dev"
    as 02E event submit a -o jsonl
    exits 0
    [[ $(jq .repeated <<<"$output") == true ]]
    as operator org list -o jsonl
    [[ $(wc -l <<<"$output") -eq 10 ]]
    tool journal verify --dir "$DEV/state"
    [[ $status -ne 0 ]]
}

@test "a worker that is killed is started again" {
    start_dev "$FOLDER/dev"
    pid=$(cat "$DEV/run/commission-worker-review.pid")
    kill -KILL "$pid"
    other() { [[ -s $DEV/run/commission-worker-review.pid && $(cat "$DEV/run/commission-worker-review.pid") != "$pid" ]]; }
    await 60 other
    grep -q "commission-worker-review (process $pid) was ended by signal 9" "$DEV.err"
}

@test "an instance whose daemon is stopped on demand ends, and says so" {
    start_dev "$FOLDER/dev"
    as operator server stop --reason 'a test'
    exits 0
    tail -f /dev/null --pid="$DEV_PID" -s 0.05
    grep -q 'stopped on demand' "$DEV.err"
    [[ -z $(ls "$DEV"/run/*.pid 2>/dev/null) ]]
    rm "$DEV.pid"
}

@test "it listens on loopback too, where a port is given" {
    port=$((20000 + RANDOM % 20000))
    start_dev "$FOLDER/dev" --tcp "$port"
    as 02E org show 02E --endpoint "tcp://127.0.0.1:$port"
    exits 0
}

@test "the demo goes as told" {
    run --separate-stderr "$SAMPLES/demo" "$BIN_DIR"
    exits 0
    says "All steps went as told"
    [[ -z $(ls -d "${TMPDIR:-/tmp}"/commission-demo.* 2>/dev/null) ]]
}
