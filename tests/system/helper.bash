# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the bats tests share: where the programs are, and a private instance to talk to.

BIN_DIR=${BIN_DIR:-${COMMISSION_BINARY_DIR:?}/bin}
SOURCE_DIR=${COMMISSION_SOURCE_DIR:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
SAMPLES=$SOURCE_DIR/clients/examples
export BIN_DIR SOURCE_DIR SAMPLES
unset COMMISSION_CONTEXT COLUMNS
export NO_COLOR=1

commission() {
    "$BIN_DIR/commission" "$@"
}

# Run the tool; $status, $output (standard output) and $stderr are set.
tool() {
    run --separate-stderr "$BIN_DIR/commission" "$@"
}

# Run the tool as one of the instance's parties: as 02E event submit ...
as() {
    local party=$1
    shift
    tool -c "$DEV/$party" "$@"
}

# Fail with a word, showing what the tool said.
wrong() {
    printf '%s\nstatus %s\n--- output\n%s\n--- stderr\n%s\n' "$*" "${status-}" "${output-}" "${stderr-}" >&2
    return 1
}

exits() {
    [[ $status -eq $1 ]] || wrong "exit $1 was expected"
}

says() {
    [[ $output == *"$1"* ]] || wrong "\"$1\" was expected in the output"
}

complains() {
    [[ $stderr == *"$1"* ]] || wrong "\"$1\" was expected on standard error"
}

# Start `commission dev $1 ...` and wait until it says that it runs: DEV and DEV_PID.
start_dev() {
    DEV=$1
    local said=$DEV.out line
    mkfifo "$said"
    "$BIN_DIR/commission" dev "$@" >"$said" 2>"$DEV.err" 3>&- 4>&- &
    DEV_PID=$!
    export DEV DEV_PID
    echo "$DEV_PID" >"$DEV.pid" # one that a test started is ended by the file's teardown as well
    exec 6<"$said"
    rm "$said"
    while read -r line <&6; do
        [[ $line == "Logs are"* ]] && {
            exec 6<&-
            return 0
        }
    done
    exec 6<&-
    cat "$DEV.err" "$DEV"/log/*.log >&2
    return 1
}

# End it as Ctrl-C does, and wait: until the process is gone, as it may be another test file's child.
stop_dev() {
    [[ -n ${DEV-} && -e $DEV.pid ]] || return 0
    DEV_PID=$(<"$DEV.pid")
    kill -INT "$DEV_PID" 2>/dev/null || true
    tail -f /dev/null --pid="$DEV_PID" -s 0.05
    rm "$DEV.pid"
    DEV_PID=
}

# Wait at most $1 seconds until the command that follows succeeds.
await() {
    local until=$((SECONDS + $1))
    shift
    while ! "$@"; do
        [[ $SECONDS -lt $until ]] || return 1
        read -rt 0.05 <> <(:) || true
    done
    return 0
}

# A NOTE about 02E/$1 with the event id that ends in $2 (up to 12 digits).
note() {
    printf '{"event_id": "01800000-0000-7000-8000-%012d", "event_type": "NOTE", "lead_ods": "02E", ' "$2"
    printf '"reference": "%s", "occurred_on": "2018-05-01", "note": {"text": "%s"}}\n' "$1" "${3-a note}"
}

# A NEEDS_ASSESSED that opens 02E/$1, event id as above; $3: further members of the envelope.
needs() {
    printf '{"event_id": "01800000-0000-7000-8000-%012d", "event_type": "NEEDS_ASSESSED", ' "$2"
    printf '"lead_ods": "02E", "reference": "%s", "occurred_on": "2018-04-16", %s' "$1" "${3-}"
    printf '"needs_assessed": {"service_category": "COMMUNITY", "title": "Sample", '
    printf '"registered_count": "1000", "unregistered_count": "10"}}\n'
}
