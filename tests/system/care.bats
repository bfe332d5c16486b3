#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Backups, verification, receipts and checkpoints, with the real programs.

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

# Overwrite the byte at $2 of file $1 with another one.
flip() {
    local old
    old=$(od -An -tu1 -j"$2" -N1 "$1")
    printf '%b' "\\x$(printf %02x $((old ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# $2 notes about 02E/$1, with ids from $3 on.
notes() {
    for i in $(seq "$2"); do note "$1" $(($3 + i)); done
}

# A key with the verb BACKUP, and a context of its own: $DEV/backup.
given_backup_key() {
    commission key new "$DEV/keys/backup.key" >/dev/null 2>&1
    as operator key add --org OPS --kind operator --verbs backup --key "$DEV/keys/backup.key"
    exits 0
    sed 's#operator.key#backup.key#' "$DEV/operator" >"$DEV/backup"
}

signing_key() {
    commission -c "$DEV/02E" journal head -o jsonl | jq -r .signing_key
}

@test "a backup under load is proven, goes on where it was, and restores to a daemon that knows what it acknowledged" {
    start_dev "$FOLDER/dev"
    given_backup_key
    needs kept 1 >first
    as 02E event submit first
    exits 0
    receipt=$(commission -c "$DEV/02E" event status 01800000-0000-7000-8000-000000000001 --workflow 02E/kept -o jsonl)
    notes kept 2000 1000 >load
    "$BIN_DIR/commission" -c "$DEV/02E" event submit load --timeout 120s >/dev/null 2>load.err 3>&- 4>&- &
    load=$!
    as backup backup create "$FOLDER/backup" -o jsonl
    exits 0
    [[ $(jq .verified <<<"$output") == true ]]
    one=$(jq .seq <<<"$output")
    [[ $(stat -c %a backup) == 700 ]]
    [[ -z $(find backup -type f ! -perm 600) ]]
    run ! grep -rl 'secret' backup/commissiond.conf backup/manifest.json
    [[ -z $(find backup -name '*.key') ]]
    wait "$load"

    as backup backup create "$FOLDER/backup" -o jsonl
    exits 0
    [[ $(jq .seq <<<"$output") -gt $one ]]
    tool backup verify backup
    exits 0
    says "each in one state"
    says "is the one that is expected"
    stop_dev

    tool backup restore backup --to "$DEV/state"
    exits 1
    complains "not restored"
    mv "$DEV/state" gone
    tool backup restore backup --to "$DEV/state" --dry-run
    exits 0
    [[ ! -e $DEV/state ]]
    tool backup restore backup --to "$DEV/state"
    exits 0
    start_dev "$FOLDER/dev"
    as 02E event submit first -o jsonl
    exits 0
    [[ $(jq .repeated <<<"$output") == true ]]
    as 02E event status 01800000-0000-7000-8000-000000000001 --workflow 02E/kept -o jsonl
    [[ $(jq '[.seq, .entry_hash, .received_at]' <<<"$output") == "$(jq '[.seq, .entry_hash, .received_at]' <<<"$receipt")" ]]
    as operator journal verify
    exits 0
}

@test "a backup whose byte was flipped, or that lacks a file, is not one" {
    start_dev "$FOLDER/dev"
    needs kept 1 >first
    as 02E event submit first
    given_backup_key
    as 02E backup create "$FOLDER/backup"
    exits 5
    as backup backup create "$FOLDER/backup"
    exits 0
    cp -r backup second
    flip second/journal/00000000000000000001.seg 6000
    tool backup verify second
    exits 1
    complains "see above"
    tool backup restore second --to "$FOLDER/state"
    exits 1
    [[ -z $(find state -mindepth 1 ! -name lock) ]]
    cp -r backup third
    rm third/journal/*.seg
    tool backup verify third
    exits 1
    rm third/manifest.json
    tool backup verify third
    exits 4
    mkdir full && touch full/x
    as backup backup create "$FOLDER/full"
    exits 1
}

@test "receipts prove themselves without the daemon, to whoever has its key" {
    start_dev "$FOLDER/dev"
    needs kept 1 >first
    as 02E event submit first
    exits 0
    key=$(signing_key)
    as 02E event receipt 01800000-0000-7000-8000-000000000001 --workflow 02E/kept --out "$FOLDER/receipt"
    exits 0
    as 01F event receipt 01800000-0000-7000-8000-000000000001 --workflow 02E/kept
    exits 4
    as 02E event receipt 01800000-0000-7000-8000-000000000001 --workflow 02E/kept --out "$FOLDER/receipt"
    exits 1
    stop_dev

    tool event receipt verify receipt --key "$key" -o jsonl
    exits 0
    [[ $(jq -r '[.kind, .event_id, .ok] | join(" ")' <<<"$output") == "receipt 01800000-0000-7000-8000-000000000001 true" ]]
    echo "$key" >daemon.pub
    tool event receipt verify receipt --key daemon.pub
    exits 0
    tool event receipt verify receipt --key "$(tr 0-9a-f 1-9a-f0 <<<"$key")"
    exits 5
    tool event receipt verify receipt
    exits 2
    sed 's/^seq .*/seq 4/' receipt >other
    tool event receipt verify other --key "$key"
    exits 5
    echo nothing >other
    tool event receipt verify other --key "$key"
    exits 1
    [[ $(stat -c %a "$DEV/state/signing.key") == 600 ]]
}

@test "a kept checkpoint is compared with the journal, and another journal is not started on" {
    start_dev "$FOLDER/dev"
    needs kept 1 >first
    as 02E event submit first
    key=$(signing_key)
    as 02E journal checkpoint --out "$FOLDER/checkpoint"
    exits 0
    as operator journal verify --checkpoint checkpoint --key "$key"
    exits 0
    sed 's/^seq .*/seq 2/' checkpoint >other
    as operator journal verify --checkpoint other --key "$key"
    exits 5
    start=$DEV
    stop_dev
    tool journal verify --dir "$DEV/state" --checkpoint checkpoint --key "$key"
    exits 0
    says "is the one that is expected"

    start_dev "$FOLDER/two"
    two_key=$(signing_key)
    as operator journal verify --checkpoint checkpoint --key "$key"
    exits 5
    as operator journal verify --checkpoint checkpoint --key "$two_key"
    exits 5
    stop_dev
    tool journal verify --dir "$DEV/state" --checkpoint checkpoint --key "$key"
    [[ $status -ne 0 ]]
    says "not the one that is expected"

    rm -r "$start/state/journal" "$start/state/state"
    cp -r "$DEV/state/journal" "$DEV/state/state" "$start/state"
    run --separate-stderr "$BIN_DIR/commissiond" -c "$start/commissiond.conf"
    [[ $status -eq 4 ]]
    complains "the journal lacks what was signed"
}

@test "verify finds a flipped byte in the journal" {
    start_dev "$FOLDER/dev"
    needs kept 1 >first
    as 02E event submit first
    as operator db stats -o jsonl
    exits 0
    [[ $(jq -r 'select(.part == "table" and .name == "workflow").rows' <<<"$output") == 1 ]]
    stop_dev
    tool journal verify --dir "$DEV/state"
    exits 0
    flip "$DEV/state/journal/00000000000000000001.seg" 5000
    tool journal verify --dir "$DEV/state"
    exits 4
}
