#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# import_kills.sh BIN_DIR [KILLS] [SEED]: kill -9 in the middle of an import, again and again.
#
# An undisturbed import is the reference. Then, for each seed, the daemon is killed at a flush or a write that the seed
# chooses, comes back, and the import is run again: workflows, verdicts and ledger are to be those of the reference, and
# what the journal says is to rebuild the state row by row.
#
# Real notices are used where they are (COMMISSION_DATA, or ../shared/data beside the project), else some made here.
set -euo pipefail

bin=$(cd "$1" && pwd)
kills=${2:-20}
seed_first=${3:-1}
top=$(cd "$(dirname "$0")/../.." && pwd)
data=${COMMISSION_DATA:-$top/../shared/data}
work=$(mktemp -d)
dev=
tool=$bin/commission
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"

finish() {
    [ -z "$dev" ] || kill -TERM "$dev" 2>/dev/null || true
    [ -z "$dev" ] || wait "$dev" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
die() {
    echo "import_kills: $*" >&2
    cp -a "$work" "${TMPDIR:-/tmp}/import_kills.$$" 2>/dev/null && echo "kept: ${TMPDIR:-/tmp}/import_kills.$$" >&2
    exit 1
}

for need in strace jq; do
    command -v "$need" >/dev/null || { echo "import_kills: skipped, $need is not installed"; exit 77; }
done
strace -qq -o /dev/null true 2>/dev/null || { echo "import_kills: skipped, nothing may be traced here"; exit 77; }

# Notices of our own: one process each, with a supplier, a value and a period.
make_notices() {
    mkdir "$1"
    for i in $(seq 1 60); do
        jq -n --arg i "$i" '{uri: "https://example.org/\($i)", version: "1.1", publishedDate: "2025-01-15T00:00:00Z",
          publisher: {name: "sample"}, releases: [{ocid: "ocds-213czf-\($i)", id: "r-\($i)", date: "2025-01-15T09:00:00Z",
          tag: ["award"], initiationType: "tender", buyer: {id: "B", name: "Buyer"},
          parties: [{id: "S", name: "Supplier", roles: ["supplier"], identifier: {scheme: "GB-COH", id: "0123456\($i)"}}],
          tender: {id: "t-\($i)", title: "Service \($i)"},
          awards: [{id: "a-\($i)", status: "active", date: "2025-01-10T00:00:00Z", suppliers: [{id: "S", name: "Supplier"}],
          value: {amount: (1000.5 * ($i | tonumber)), currency: "GBP"},
          contractPeriod: {startDate: "2025-02-01T00:00:00Z", endDate: "2026-03-31T00:00:00Z"}}]}]}' >"$1/$i.json"
    done
}
if [ -d "$data/ocds/uk-contracts-finder" ]; then
    notices=("$data"/ocds/uk-contracts-finder/*.json "$data"/ocds/uk-contracts-finder-packages/*.json)
else
    echo "import_kills: no real notices here, using samples of our own"
    make_notices "$work/notices"
    notices=("$work"/notices/*.json)
fi

start() {
    rm -rf "$work/instance"
    if [ -d "$work/fresh" ]; then cp -a "$work/fresh" "$work/instance"; fi
    "$tool" dev "$work/instance" >"$work/dev.log" 2>&1 &
    dev=$!
    await
}
# Until the daemon answers as the operator; the tool waits by itself, a bounded time.
await() {
    for _ in $(seq 1 60); do
        [ -f "$work/instance/QYG" ] || { read -r -t 0.2 <> <(:) || true; continue; }
        "$tool" -c "$work/instance/QYG" --timeout 2s ledger show QYG >"$work/await.log" 2>&1 && grep -q QYG "$work/await.log" && return
        kill -0 "$dev" 2>/dev/null || die "commission dev ended: $(tail -3 "$work/dev.log")"
    done
    die "the daemon does not answer: $(cat "$work/await.log")"
}
stop() {
    kill -TERM "$dev"
    wait "$dev" || die "commission dev failed: $(tail -3 "$work/dev.log")"
    dev=
}
daemon_pid() { cat "$work/instance/run/commissiond.pid"; }
import() {
    "$tool" -c "$work/instance/QYG" --timeout 5s -o json import ocds --lead QYG "${notices[@]}" >"$work/import.json" 2>"$work/import.err"
}
flushes() { "$tool" -c "$work/instance/operator" -o json server status | jq '.[0].flushes'; }

# What there is to compare: all but times and sequence numbers.
picture() {
    "$tool" -c "$work/instance/operator" -o json workflow list |
        jq -S 'map({lead, reference, stage, phase, category, opened_on, accepted}) | sort_by(.lead, .reference)'
    "$tool" -c "$work/instance/operator" -o json ledger show QYG | jq -S 'sort_by(.ods, .year)'
    jq -S 'map({ocid, release, verdict, reasons})' "$work/import.json"
}

# The reference, and the instance before any import, to start each seed from.
start
stop
cp -a "$work/instance" "$work/fresh"
start
before=$(flushes)
import || [ $? -eq 8 ] || die "the reference import failed: $(tail -3 "$work/import.err")"
span=$(($(flushes) - before))
import || [ $? -eq 8 ] || die "the reference import, repeated, failed: $(tail -3 "$work/import.err")"
picture >"$work/reference"
stop
[ "$span" -ge 3 ] || die "an import of $span flushes is too short to be disturbed"

struck=0
for seed in $(seq "$seed_first" $((seed_first + kills - 1))); do
    RANDOM=$seed
    calls=(fdatasync pwrite64)
    call=${calls[$((RANDOM % 2))]}
    nth=$((1 + RANDOM % span))
    start
    victim=$(daemon_pid)
    strace -qq -f -o /dev/null -e trace="$call" -e inject="$call":signal=KILL:when="$nth" -p "$victim" 2>"$work/strace.err" &
    tracer=$!
    # Attached once /proc says so.
    for _ in $(seq 1 2000); do
        grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$victim/status" 2>/dev/null && break
        kill -0 "$tracer" 2>/dev/null || die "strace did not attach: $(cat "$work/strace.err")"
    done
    rc=0
    import || rc=$?
    kill -0 "$victim" 2>/dev/null || struck=$((struck + 1))
    kill "$tracer" 2>/dev/null || true
    wait "$tracer" 2>/dev/null || true
    await
    for _ in 1 2 3; do
        rc=0
        import || rc=$?
        case $rc in 0 | 8) break ;; esac
    done
    case $rc in 0 | 8) ;; *) die "seed $seed: the import after the kill ended with $rc: $(tail -3 "$work/import.err")" ;; esac
    picture >"$work/after"
    diff "$work/reference" "$work/after" >"$work/diff" ||
        die "seed $seed ($call $nth of $span): another outcome than undisturbed: $(head -20 "$work/diff")"
    stop
    "$bin/commissiond" --verify "$work/instance/state" >"$work/verify.log" 2>&1 ||
        die "seed $seed ($call $nth of $span): $(cat "$work/verify.log")"
    echo "seed $seed: killed at $call $nth of $span: the same workflows, verdicts and ledger"
done
echo "import_kills: $kills seeds, $struck kills struck"
[ "$struck" -ge $((kills / 2)) ] || die "only $struck of $kills kills struck"
