#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Orders on the real programs: stages are paused, drained and resumed, events withdrawn, a worker drained.

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
}

head_seq() {
    commission -c "$DEV/operator" journal head -o jsonl | jq .seq
}

# The member $2 of queue list's row of the stage $1.
queue_of() {
    commission -c "$DEV/operator" queue list -o jsonl | jq -r "select(.stage == \"$1\") | .$2"
}

# The daemon is killed, and there again.
kill_daemon() {
    local run pid
    run=$(commission -c "$DEV/operator" server status -o jsonl | jq .run)
    pid=$(cat "$DEV/run/commissiond.pid")
    kill -KILL "$pid"
    again() { commission -c "$DEV/operator" server status --timeout 1s -o jsonl | jq -e ".run > $run"; }
    await 20 again
}

@test "a stage that is paused waits over a restart, and goes on when it is resumed" {
    as operator queue pause NEEDS_ASSESSED --reason 'rule under review' -o jsonl
    exits 0
    [[ $(jq -r '[.state, .was, .changed] | join(" ")' <<<"$output") == "PAUSED RUNNING true" ]]
    needs paused 1 >a
    as 02E event submit a --wait receipt
    exits 0
    kill_daemon
    [[ $(queue_of NEEDS_ASSESSED state) == PAUSED ]]
    [[ $(queue_of NEEDS_ASSESSED why) == "rule under review" ]]
    [[ $(queue_of NEEDS_ASSESSED ready) == 1 ]]
    as operator server status
    says "NEEDS_ASSESSED PAUSED"
    as 02E event submit a --timeout 1s
    exits 7
    as operator queue resume needs_assessed --reason 'it is right'
    exits 0
    as 02E event submit a -o jsonl
    exits 0
    [[ $(jq -r .verdict <<<"$output") == ACCEPTED ]]
}

@test "a draining stage refuses what is new, and takes it when it is resumed" {
    as operator queue drain NEEDS_ASSESSED --reason 'a new worker'
    exits 0
    needs drained 2 >a
    as 02E event submit a
    exits 5
    says STAGE_DRAINING
    as operator queue resume NEEDS_ASSESSED --reason 'it is here'
    exits 0
    as 02E event submit a
    exits 0
}

@test "an event is withdrawn by its sender, once, and whoever waits for it is told" {
    as operator queue pause NEEDS_ASSESSED --reason 'a test'
    exits 0
    needs mistaken 3 >a
    as 02E event submit a --wait receipt
    exits 0
    id=$(jq -r .event_id a)
    commission -c "$DEV/02E" event submit a -o jsonl >said 2>/dev/null 3>&- 4>&- &
    waiting=$!
    as 01F event withdraw "$id" --workflow 02E/mistaken --reason 'not ours'
    exits 4
    as 02E event withdraw "$id" --workflow 02E/mistaken
    exits 2
    before=$(head_seq)
    as 02E event withdraw "$id" --workflow 02E/mistaken --reason 'the wrong case' --dry-run
    exits 0
    [[ $(head_seq) -eq $before ]]
    as 02E event withdraw "$id" --workflow 02E/mistaken --reason 'the wrong case' -o jsonl
    exits 0
    [[ $(jq -r '[.state, .was, .changed] | join(" ")' <<<"$output") == "withdrawn ready true" ]]
    told=0
    wait "$waiting" || told=$?
    [[ $told -eq 5 ]]
    [[ $(jq -r '[.verdict, .reasons[0].code, .reasons[0].text] | join(", ")' said) == "WITHDRAWN, WITHDRAWN, the wrong case" ]]
    as 02E event withdraw "$id" --workflow 02E/mistaken --reason 'again' -o jsonl
    exits 0
    [[ $(jq .changed <<<"$output") == false ]]
    as 02E event submit a
    exits 5
    says WITHDRAWN
    as 02E event status "$id" --workflow 02E/mistaken -o jsonl
    exits 0
    [[ $(jq -r .state <<<"$output") == withdrawn ]]
    as operator queue resume NEEDS_ASSESSED --reason 'a test'
    exits 0
    as 02E workflow history 02E/mistaken
    says EVENT_WITHDRAWN
    says "the wrong case"
    kill_daemon
    as operator journal verify
    exits 0
}

@test "an order without a reason, by another than an operator, or of nothing is not done" {
    before=$(head_seq)
    as operator queue pause REVIEW
    exits 2
    complains "--reason"
    as 02E queue pause REVIEW --reason 'we would like to'
    exits 5
    as operator queue pause LUNCH --reason 'noon'
    exits 2
    as operator queue pause REVIEW --reason 'noon' --dry-run
    exits 0
    as operator parked list
    exits 0
    as operator parked retry
    exits 2
    as operator parked retry --where stage=REVIEW,older=2h,reason='no, not this'
    exits 0
    complains "0 tried again"
    as operator parked retry --where colour=blue
    exits 2
    as operator parked discard --all
    exits 2
    as operator parked discard 1 --reason 'a test'
    exits 4
    as operator worker drain nobody --reason 'a test'
    exits 4
    [[ $(head_seq) -eq $before ]]
    [[ $(queue_of REVIEW state) == RUNNING ]]
}

@test "orders stand in the journal, for operators" {
    as operator queue pause REVIEW --reason 'a look' -o jsonl
    exits 0
    seq=$(jq .seq <<<"$output")
    as operator queue resume REVIEW --reason 'seen'
    exits 0
    as operator journal show "$seq"
    exits 0
    says STAGE_SET
    says "a look"
    as 02E journal show "$seq"
    exits 4
}

@test "a worker that is drained ends, and the one that follows it works on" {
    name=$(commission -c "$DEV/operator" worker list -o jsonl | jq -r 'select(.stages == "NEEDS_ASSESSED") | .name')
    pid=$(cat "$DEV/run/commission-worker-needs-assessed.pid")
    as operator worker drain "$name" --reason 'a new version'
    exits 0
    gone() { ! kill -0 "$pid"; }
    await 20 gone
}
