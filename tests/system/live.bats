#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The tool, the daemon and five workers, in one private instance.

bats_require_minimum_version 1.5.0
load helper

setup_file() {
    load helper
    # Sockets have short paths.
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

# ---- verdicts and exit codes -------------------------------------------------------------------

@test "an accepted event exits 0, and sent again it gets its first receipt" {
    needs first 101 >a
    as 02E event submit a -o jsonl
    exits 0
    [[ $(jq -r '.verdict, .repeated' <<<"$output" | xargs) == "ACCEPTED false" ]]
    seq=$(jq .seq <<<"$output")
    as 02E event submit a -o jsonl
    exits 0
    [[ $(jq -r '.verdict, .repeated, .seq' <<<"$output" | xargs) == "ACCEPTED true $seq" ]]
    as 02E event status 01800000-0000-7000-8000-000000000101 --workflow 02E/first -o json
    exits 0
    [[ $(jq -r '.[0].verdict' <<<"$output") == ACCEPTED ]]
    as 02E event status 01800000-0000-7000-8000-000000000999 --workflow 02E/first
    exits 4
}

@test "the same id with other bytes is a conflict, and so is a wrong number of events before" {
    needs reuse 102 >a
    as 02E event submit a
    exits 0
    sed 's/Sample/Other/' a >b
    as 02E event submit b
    exits 6
    says ID_REUSED
    note reuse 103 | sed 's/"occurred_on"/"after": "7", "occurred_on"/' >c
    as 02E event submit c
    exits 6
    says CONFLICT
}

@test "some accepted and some not exits 8, in the order given" {
    { needs partly 104; needs partly 105; note partly 106; } >a
    as 02E event submit a -o jsonl
    exits 8
    [[ $(jq -r .verdict <<<"$output" | xargs) == "ACCEPTED REJECTED ACCEPTED" ]]
    [[ $(jq -r '.reasons[].code' <<<"$output") == *_* ]]
}

@test "an award in a year without allotment is held, and accepted when the allotment comes" {
    {
        needs held 110
        printf '{"event_id": "01800000-0000-7000-8000-000000000111", "event_type": "PRIORITIES_SET", "lead_ods": "02E", "reference": "held", "occurred_on": "2019-04-02", "priorities_set": {"plan_reference": "p"}}\n'
        printf '{"event_id": "01800000-0000-7000-8000-000000000112", "event_type": "PROCUREMENT_STARTED", "lead_ods": "02E", "reference": "held", "occurred_on": "2019-04-02", "procurement_started": {"route": "OPEN", "title": "t"}}\n'
        printf '{"event_id": "01800000-0000-7000-8000-000000000113", "event_type": "BIDS_EVALUATED", "lead_ods": "02E", "reference": "held", "occurred_on": "2019-04-02", "bids_evaluated": {"preferred_bid_id": "b", "bids_count": 1}}\n'
    } >a
    as 02E event submit a
    exits 0
    printf '{"event_id": "01800000-0000-7000-8000-000000000114", "event_type": "CONTRACT_AWARDED", "lead_ods": "02E", "reference": "held", "occurred_on": "2019-04-03", "contract_awarded": {"award_id": "a", "providers": [{"scheme": "GB-NHS", "id": "RWW", "name": "R", "kind": "NHS_FT"}], "value_pence": "100", "period_from": "2019-05-01", "period_to": "2019-06-30"}}\n' >b
    as 02E event submit b
    exits 8
    says HELD
    says NO_ALLOTMENT:2019/20
    printf '{"event_id": "01800000-0000-7000-8000-000000000115", "event_type": "ALLOTMENT_SET", "organisation_ods": "02E", "occurred_on": "2019-04-03", "allotment_set": {"financial_year": "2019/20", "core_pence": "1000"}}\n' >c
    as nhse event submit c
    exits 0
    judged_again() {
        [[ $(commission -c "$DEV/02E" event status 01800000-0000-7000-8000-000000000114 \
            --workflow 02E/held -o jsonl | jq -r .verdict) == ACCEPTED ]]
    }
    await 60 judged_again
    as 02E ledger show 02E --year 2019/20 -o jsonl
    [[ $(jq -c '[.committed_pence, .left_pence]' <<<"$output") == "[100,900]" ]]
}

@test "a ledger that one may not see is refused, and an unknown organisation is not found" {
    as 02E ledger show 01F
    exits 5
    complains SENDER_NOT_AUTHORISED
    as 02E ledger show ZZ9
    exits 4
    as 02E ledger show 02E --lines -o jsonl
    exits 0
    [[ $(head -n 1 <<<"$output" | jq -r '[.year, .kind] | join(" ")') == "2018/19 ALLOTMENT" ]]
}

@test "what is only a warning is marked as one" {
    {
        needs warn 116
        printf '{"event_id": "01800000-0000-7000-8000-000000000117", "event_type": "PRIORITIES_SET", "lead_ods": "02E", "reference": "warn", "occurred_on": "2018-04-20", "priorities_set": {"plan_reference": "p"}}\n'
        printf '{"event_id": "01800000-0000-7000-8000-000000000118", "event_type": "PROCUREMENT_STARTED", "lead_ods": "02E", "reference": "warn", "occurred_on": "2018-04-20", "procurement_started": {"route": "OPEN", "title": "t"}}\n'
        printf '{"event_id": "01800000-0000-7000-8000-000000000119", "event_type": "BIDS_EVALUATED", "lead_ods": "02E", "reference": "warn", "occurred_on": "2018-04-20", "bids_evaluated": {"preferred_bid_id": "b", "bids_count": 1}}\n'
    } >a
    as 02E event submit a
    exits 0
    printf '{"event_id": "01800000-0000-7000-8000-000000000120", "event_type": "CONTRACT_AWARDED", "lead_ods": "02E", "reference": "warn", "occurred_on": "2018-04-21", "contract_awarded": {"award_id": "a", "providers": [{"scheme": "GB-NHS", "id": "RWW", "name": "R", "kind": "NHS_FT"}], "value_pence": "99999999900", "period_from": "2018-05-01", "period_to": "2020-06-30"}}\n' >b
    as 02E event submit b -o csv
    exits 5
    says 'BUDGET_EXCEEDED:2018/19'
    says 'warning YEAR_NOT_COVERED'
    [[ $output != *"warning BUDGET"* ]]
    as 02E event submit b -o jsonl
    [[ $(jq -c '.reasons[0] | keys' <<<"$output") == '["code","field","rule","severity","text","value"]' ]]
}

@test "what may not be sent is refused at the door and leaves no entry" {
    before=$(head_seq)
    needs theirs 120 >a
    as 01F event submit a -o jsonl
    exits 5
    [[ $(jq -r .verdict <<<"$output") == REFUSED ]]
    says SENDER_NOT_AUTHORISED
    as operator event submit a
    exits 5
    needs theirs 121 '"sender_ods": "02E", ' >b
    as 01F event submit b
    exits 5
    [[ $(head_seq) -eq $before ]]
}

@test "an allotment that another than NHS England sets is rejected" {
    printf '{"event_id": "01800000-0000-7000-8000-000000000125", "event_type": "ALLOTMENT_SET", "organisation_ods": "02E", "occurred_on": "2018-04-03", "allotment_set": {"financial_year": "2020/21", "core_pence": "1000"}}\n' >a
    as 02E event submit a
    exits 5
    says ALLOTMENT_NOT_NHSE
}

@test "to wait for the receipt only, or for nothing, is possible" {
    needs receipt 130 >a
    as 02E event submit a --wait receipt
    exits 0
    says RECEIVED
    needs nothing 131 >b
    as 02E event submit b --wait none
    exits 0
    known() { commission -c "$DEV/02E" workflow show 02E/nothing >/dev/null 2>&1; }
    await 60 known
    as 02E event submit b --wait never
    exits 2
}

@test "an event twice in one file takes effect once" {
    { needs twice 135; needs twice 135; } >a
    as 02E event submit a -o jsonl
    exits 0
    [[ $(jq -s -c '[.[].repeated]' <<<"$output") == "[false,true]" ]]
}

@test "a file with a fault sends nothing" {
    before=$(head_seq)
    { needs nofile 140; echo '{"event_type": 7}'; } >a
    as 02E event submit a
    exits 5
    complains "nothing was sent"
    [[ $(head_seq) -eq $before ]]
}

@test "validate and dry-run say what would be, and change nothing" {
    before=$(head_seq)
    needs dry 145 >a
    as 02E event validate a -o jsonl
    exits 0
    [[ $(jq -r .would_be <<<"$output") == ACCEPTED ]]
    complains "worker was not asked"
    as 02E event submit a --dry-run
    exits 0
    note dry 146 >b
    as 02E event validate b
    exits 5
    says WORKFLOW_UNKNOWN
    as 01F event validate a
    exits 5
    as operator server stop --reason test --dry-run
    exits 0
    [[ $(head_seq) -eq $before ]]
}

@test "a thousand events go in one stream" {
    for ((i = 0; i < 1000; i++)); do needs "many-$i" $((200000 + i)); done >a
    as 02E event submit - -o jsonl <a
    exits 0
    [[ $(grep -c ACCEPTED <<<"$output") -eq 1000 ]]
    [[ $(commission -c "$DEV/02E" workflow list -o jsonl | grep -c many-) -eq 1000 ]]
    [[ $(commission -c "$DEV/02E" workflow list -o csv | grep -c many-) -eq 1000 ]]
}

# ---- looking ----------------------------------------------------------------------------------

@test "a workflow's history names what came, what was decided, and has whole entries as json" {
    needs look 150 >a
    as 02E event submit a
    exits 0
    as 02E workflow history 02E/look
    exits 0
    says NEEDS_ASSESSED
    says ACCEPTED
    as 02E workflow history 02E/look -o jsonl
    [[ $(head -n 1 <<<"$output" | jq -r .entry.received.event.event_type) == NEEDS_ASSESSED ]]
    [[ $(head -n 1 <<<"$output" | jq -r '.hash | length') -eq 64 ]]
    as 02E workflow show 02E/look -o json
    [[ $(jq -r '.[0].stage' <<<"$output") == PRIORITIES_SET ]]
    as 01F workflow show 02E/look
    exits 4
    as 02E workflow show 02E/missing
    exits 4
}

@test "following a workflow shows what was, and what comes, until it is complete" {
    adopted='"event_type": "ADOPTED", "lead_ods": "02E", "reference": "tail", "occurred_on": "2019-04-02"'
    printf '{"event_id": "01800000-0000-7000-8000-000000000161", %s, "adopted": {"stage": "REVIEW", "reason": "began elsewhere"}}\n' "$adopted" >a
    printf '{"event_id": "01800000-0000-7000-8000-000000000162", "event_type": "REVIEW_COMPLETED", "lead_ods": "02E", "reference": "tail", "occurred_on": "2019-04-03", "review_completed": {"summary": "done"}}\n' >b
    as 02E event submit a
    exits 0
    mkfifo said
    commission -c "$DEV/02E" workflow follow 02E/tail -o jsonl >said 3>&- 4>&- &
    follower=$!
    exec 7<said
    read -r line <&7
    [[ $(jq -r .entry.received.event.event_type <<<"$line") == ADOPTED ]]
    read -r line <&7
    [[ $(jq -r .entry.judged.verdict <<<"$line") == ACCEPTED ]]
    as 02E event submit b
    exits 0
    read -r line <&7
    [[ $(jq -r .entry.received.event.event_type <<<"$line") == REVIEW_COMPLETED ]]
    read -r line <&7
    [[ $(jq -r .entry.judged.phase <<<"$line") == COMPLETE ]]
    exec 7<&-
    wait "$follower"
    as 02E workflow follow 02E/missing
    exits 4
}

@test "a suspended workflow holds what comes, and goes on with it when it is resumed" {
    needs paused 160 >a
    as 02E event submit a
    exits 0
    as 02E workflow suspend 02E/paused --on 2018-04-21 --reason "a judicial review" --dry-run
    exits 0
    as 02E workflow suspend 02E/paused --on 2018-04-21 --reason "a judicial review"
    exits 0
    says SUSPENDED
    as 02E workflow show 02E/paused -o json
    [[ $(jq -r '.[0].phase' <<<"$output") == SUSPENDED ]]
    printf '{"event_id": "01800000-0000-7000-8000-000000000163", "event_type": "PRIORITIES_SET", "lead_ods": "02E", "reference": "paused", "occurred_on": "2018-04-20", "priorities_set": {"plan_reference": "p"}}\n' >b
    as 02E event submit b
    exits 8
    says WORKFLOW_SUSPENDED
    id=0190a5d2-0000-7000-8000-0000000000aa
    as 02E workflow resume 02E/paused --on 2018-04-21 --reason "permission was refused" --id "$id"
    exits 0
    as 02E workflow resume 02E/paused --on 2018-04-21 --reason "permission was refused" --id "$id"
    exits 0
    judged() {
        [[ $(commission -c "$DEV/02E" workflow show 02E/paused -o jsonl | jq -r .stage) == PROCUREMENT ]]
    }
    await 60 judged
    as 02E workflow withdraw 02E/paused --on 2018-04-21 --reason "the board buys this"
    exits 0
    as 02E workflow resume 02E/paused --on 2018-04-21 --reason "no, it does not"
    exits 5
    says WORKFLOW_WITHDRAWN
    as 02E workflow list --open -o jsonl
    [[ $output != *'"paused"'* ]]
}

@test "what is due is listed, with whose business it is" {
    printf '{"event_id": "01800000-0000-7000-8000-000000000171", "event_type": "ADOPTED", "lead_ods": "02E", "reference": "due", "occurred_on": "2019-04-02", "adopted": {"stage": "PROCUREMENT", "reason": "began elsewhere"}}\n' >a
    printf '{"event_id": "01800000-0000-7000-8000-000000000172", "event_type": "PROCUREMENT_STARTED", "lead_ods": "02E", "reference": "due", "occurred_on": "2019-04-02", "procurement_started": {"route": "OPEN", "title": "t", "closes_on": "2096-07-31"}}\n' >>a
    as 02E event submit a
    exits 0
    as 02E workflow timers 02E/due -o json
    exits 0
    [[ $(jq -r '.[0] | [.timer, .level, .role, .due_at] | join(" ")' <<<"$output") == \
        "BIDS_DUE WARN sender 2096-07-24T23:00:00.000Z" ]]
    as 02E workflow timers --until 2090-01-01 -o jsonl
    [[ $output != *'"due"'* ]]
    as 02E workflow show 02E/due -o json
    [[ $(jq -r '.[0].timer' <<<"$output") == "BIDS_DUE WARN" ]]
}

@test "lists are filtered, and their numbers and booleans are JSON's own" {
    as operator org list --kind CCG --on 2018-04-01 -o json
    exits 0
    [[ $(jq length <<<"$output") -eq 5 ]]
    [[ $(jq -r '.[].closed_on' <<<"$output" | sort -u) == 2022-06-30 ]]
    as operator org list --kind CCG --on 2022-07-01 -o json
    [[ $(jq length <<<"$output") -eq 0 ]]
    as operator org list --kind icb -o json
    [[ $(jq -c 'map([.ods, .closed_on])' <<<"$output") == '[["QYG",null]]' ]]
    as operator org show 02E -o json
    [[ $(jq -r '.[0].successor' <<<"$output") == QYG ]]
    as operator org show ZZZ
    exits 4
    as 02E ledger show 02E --year 2018/19 -o json
    [[ $(jq -c '.[0] | [.allotted, .allotment_pence]' <<<"$output") == "[true,28592500000]" ]]
    as 02E ledger show 02E --year 2018/19
    says "285,925,000.00"
    as operator worker list -o json
    [[ $(jq length <<<"$output") -eq 5 ]]
    as operator queue list -o json
    [[ $(jq length <<<"$output") -eq 5 ]]
    as 02E queue quotas -o json
    [[ $(jq -r '.[0] | [.organisation, .events] | tojson' <<<"$output") == '["02E",0]' ]]
    as operator server status -o json
    [[ $(jq -r '.[0].state' <<<"$output") == running ]]
}

@test "a feed has one's own entries, an operator's all, from any position" {
    needs feed 160 >a
    as 02E event submit a
    exits 0
    as 02E feed tail -o jsonl
    exits 0
    grep -q '"reference":"feed"' <<<"$output"
    as 01F feed tail -o jsonl
    exits 0
    [[ $output != *'"reference":"feed"'* ]]
    last=$(head_seq)
    as operator feed tail --from "$last" -o jsonl
    [[ $(wc -l <<<"$output") -eq 1 ]]
    [[ $(jq .seq <<<"$output") -eq $last ]]
    as operator feed tail --from $((last + 1))
    exits 0
    [[ -z $output ]]
    as operator feed tail --from $((last + 1)) -o json
    exits 0
    [[ $(jq length <<<"$output") -eq 0 ]]
}

@test "a feed that is followed shows what comes" {
    last=$(head_seq)
    mkfifo followed
    commission -c "$DEV/02E" feed tail --from $((last + 1)) --follow -o jsonl >followed 3>&- &
    pid=$!
    exec 5<followed
    needs follow 161 >a
    as 02E event submit a
    exits 0
    IFS= read -rt 10 line <&5
    exec 5<&-
    kill "$pid"
    [[ $(jq -r .entry.received.event.reference <<<"$line") == follow ]]
}

@test "the journal is walked and its hashes are right; one entry is shown" {
    as operator journal verify -o json
    exits 0
    [[ $(jq -c '.[0] | [.ok, .first_bad]' <<<"$output") == "[true,null]" ]]
    [[ $(jq -r '.[0].head' <<<"$output") == "$(commission -c "$DEV/operator" journal head -o jsonl | jq -r .hash)" ]]
    as operator journal show 1 -o json
    exits 0
    [[ $(jq -r '.[0].entry.started.run' <<<"$output") == 1 ]]
    as operator journal show 99999999
    exits 4
    as 02E journal verify
    exits 5
}

@test "text from others cannot move the cursor, nor be a formula" {
    printf '{"event_id": "01800000-0000-7000-8000-000000000170", "event_type": "ORGANISATION_REGISTERED", "organisation_ods": "ZZ1", "occurred_on": "2018-04-03", "organisation_registered": {"name": "=1+1 \\u001b[31m\\u202e, \\"x\\"", "kind": "PROVIDER", "opened_on": "2018-04-01"}}\n' >a
    as nhse event submit a
    exits 0
    as operator org show ZZ1
    exits 0
    [[ $output != *$'\e'* && $output != *$'\u202e'* ]]
    says '\x1b[31m'
    as operator org show ZZ1 -o csv
    says "'=1+1"
    says '""x""'
    as operator org show ZZ1 -o json
    [[ $(jq -r '.[0].name' <<<"$output") == $'=1+1 \e[31m\u202e, "x"' ]]
}

# ---- keys -------------------------------------------------------------------------------------

@test "a key that is added speaks, and one that is revoked does not, nor one unknown" {
    commission key new "$DEV/keys/extra.key" >/dev/null
    sed 's/01F\.key/extra.key/' "$DEV/01F" >"$DEV/extra"
    chmod 600 "$DEV/extra"
    as extra org show 01F --timeout 500ms
    exits 3
    as operator key add --org 01F --kind CCG --verbs submit,read --key "$DEV/keys/extra.key" --label spare
    exits 0
    as extra org show 01F
    exits 0
    key=$(sed -n 's/^public = //p' "$DEV/keys/extra.key")
    as operator key list -o jsonl
    [[ $(jq -r --arg key "$key" 'select(.public_key == $key) | .organisation, .revoked' <<<"$output" | xargs) == "01F false" ]]
    as operator key add --org 01F --kind CCG --verbs fly --key "$key"
    exits 2
    as 02E key add --org 01F --kind CCG --verbs submit --key "$key"
    exits 5
    as operator key revoke "$key" --reason 'a test' --dry-run
    exits 0
    as operator key revoke "$key" --reason 'a test'
    exits 0
    as extra org show 01F --timeout 500ms
    exits 3
    as operator key revoke "$key" --reason again
    exits 5
    says KEY_UNKNOWN
}

@test "a key file that others may read is refused" {
    cp "$DEV/keys/01J.key" "$DEV/keys/open.key"
    chmod 644 "$DEV/keys/open.key"
    sed 's/01J\.key/open.key/' "$DEV/01J" >"$DEV/open"
    as open org show 01J
    exits 1
    complains "others may read this key"
    rm "$DEV/keys/open.key" "$DEV/open"
}

# ---- the instance -----------------------------------------------------------------------------

@test "two instances cannot share a folder" {
    tool dev "$DEV"
    exits 1
    complains "another"
}

@test "a daemon that is killed comes back and knows everything" {
    needs survive 180 >a
    as 02E event submit a
    exits 0
    before=$(head_seq)
    pid=$(cat "$DEV/run/commissiond.pid")
    kill -KILL "$pid"
    as 02E event submit a -o jsonl --timeout 20s
    exits 0
    [[ $(jq .repeated <<<"$output") == true ]]
    [[ $(head_seq) -gt $before ]]
    again() { commission -c "$DEV/operator" server status --timeout 1s -o jsonl | jq -e '.run == 2'; }
    await 60 again
    as operator journal verify
    exits 0
}
