#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The tool alone, without a daemon: help, usage, formats, events that are none.

bats_require_minimum_version 1.5.0
load helper

setup() {
    export HOME=$BATS_TEST_TMPDIR
    unset XDG_CONFIG_HOME
    cd "$BATS_TEST_TMPDIR" || return 1
}

# ---- help -------------------------------------------------------------------------------------

@test "help lists the nouns, and every verb has help with an example" {
    tool help
    exits 0
    says "Usage: commission"
    nouns=$(sed -n '/^Nouns:/,/^$/s/^  \([a-z]*\) .*/\1/p' <<<"$output")
    [[ $(wc -w <<<"$nouns") -eq 19 ]]
    for noun in $nouns; do
        tool help "$noun"
        exits 0
        verbs=$(sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p' <<<"$output")
        for verb in ${verbs:--}; do
            words=("$noun" "$verb")
            [[ $verb == - ]] && words=("$noun")
            tool help "${words[@]}"
            exits 0
            says "Usage: commission $noun"
            says "Example:"
        done
    done
}

@test "help is the same in every spelling" {
    commission help event submit >a
    commission event submit --help >b
    commission event submit -h >c
    commission event help submit >d
    cmp a b && cmp a c && cmp a d
}

@test "every option of a verb stands in its help and in its completion" {
    commission completion bash >script
    for option in wait new-id dry-run; do
        commission help event submit | grep -q -- "--$option"
        grep -q -- "--$option" script
    done
    bash -n script
}

@test "completion finishes nouns, verbs, options and formats" {
    commission completion bash >script
    # shellcheck disable=SC1091
    source ./script
    complete_words() {
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _commission
        printf '%s ' "${COMPREPLY[@]}"
    }
    [[ $(complete_words commission work) == "workflow worker " ]]
    [[ $(complete_words commission -c x event su) == "submit " ]]
    [[ $(complete_words commission event submit --new) == "--new-id " ]]
    [[ $(complete_words commission rule list -o json) == "json jsonl " ]]
}

# ---- usage ------------------------------------------------------------------------------------

@test "nothing at all prints help and is wrong usage" {
    tool
    exits 2
    says "Nouns:"
}

@test "a noun alone prints its verbs and is wrong usage" {
    tool event
    exits 2
    says submit
    says validate
}

@test "what is missing of a key to be added is named" {
    tool key add --org 02E --kind CCG --verbs read
    exits 2
    complains "--key is missing"
    tool key add --org 02E
    exits 2
    complains "--kind, --verbs, --key are missing"
}

@test "a workflow is not suspended, resumed or given up without a reason" {
    for verb in suspend resume withdraw; do
        tool workflow "$verb" 02E/a
        exits 2
        complains "say why, with --reason TEXT"
    done
    tool workflow suspend 02E/a --reason x --id 12
    exits 2
    complains "is no event id"
    tool workflow timers --until soon
    exits 2
    complains "YYYY-MM-DD"
    tool workflow suspend 02E/a --reason x --on 2018-02-30
    exits 2
    complains "YYYY-MM-DD"
}

@test "a mistyped noun, verb or option is answered with the nearest" {
    tool evnt submit x
    exits 2
    complains 'did you mean "event"'
    tool event sumbit x
    exits 2
    complains 'did you mean "event submit"'
    tool event submit x --dryrun
    exits 2
    complains 'did you mean --dry-run'
}

@test "wrong arguments and values are wrong usage and say what is wanted" {
    tool event submit
    exits 2
    complains "usage: commission event submit FILE"
    tool workflow show 02E/a 02E/b
    exits 2
    tool workflow show physio
    exits 2
    complains "LEAD/REFERENCE"
    tool rule list -o xml
    exits 2
    complains "text, wide, json, jsonl, csv"
    tool rule list --timeout 5
    exits 2
    complains "500ms"
    tool rule list --timeout 0s
    exits 2
    tool rule list --timeout
    exits 2
    tool rule list -x
    exits 2
    tool org list --on 2018-02-30
    exits 2
    complains "YYYY-MM-DD"
    tool ledger show 02E --year 2018/20
    exits 2
    tool event status nonsense
    exits 2
    tool event status 01800000-0000-7000-8000-000000000001
    exits 2
    complains "--workflow"
    tool journal show 0
    exits 2
    tool key revoke x
    exits 2
    complains "--reason"
    tool server stop
    exits 2
    complains "--reason"
}

@test "options stand before the noun, between, and after" {
    a=$(commission -o json rule show R31)
    b=$(commission rule -ojson show R31)
    c=$(commission rule show R31 --output=json)
    [[ $a == "$b" && $b == "$c" ]]
}

@test "no context is wrong usage, and says what to do" {
    tool server status
    exits 2
    complains "COMMISSION_CONTEXT"
}

# ---- formats ----------------------------------------------------------------------------------

@test "json is an array, jsonl a line each, csv has a heading and CRLF" {
    rules=$(commission rule list -o jsonl | wc -l)
    [[ $rules -ge 10 ]]
    [[ $(commission rule list -o json | jq length) -eq $rules ]]
    [[ $(commission rule list -o jsonl | jq -r .rule | head -n 1) == R10 ]]
    [[ $(commission rule list -o csv | wc -l) -eq $((rules + 1)) ]]
    [[ $(commission rule list -o csv | head -n 1) == $'rule,title,judged_by,stages,from,to,codes,text,source\r' ]]
}

@test "a table fits the width it is given, and wide shows all" {
    COLUMNS=60 commission rule list >narrow
    while IFS= read -r line; do
        [[ ${#line} -le 60 ]] || wrong "too long: $line"
    done <narrow
    grep -q '…' narrow
    commission rule list -o wide | head -n 1 | grep -q SOURCE
    run ! grep -q SOURCE narrow
}

@test "a rule is found by number in any case, and by a reason code" {
    tool rule show r31
    exits 0
    says BUDGET_EXCEEDED
    tool rule show BUDGET_EXCEEDED:2018/19
    exits 0
    says "R31"
    tool rule show budget_exceeded
    exits 0
    says "R31"
    tool rule show R99
    exits 4
}

@test "standard output that cannot be written is a failure" {
    # shellcheck disable=SC2016
    run --separate-stderr bash -c '"$BIN_DIR/commission" rule list >/dev/full'
    exits 1
}

# ---- events that are none ---------------------------------------------------------------------

@test "the sample events are well formed" {
    tool event validate --offline "$SAMPLES"/*.json "$SAMPLES"/*.jsonl -o jsonl
    exits 0
    [[ $(wc -l <<<"$output") -eq 11 ]]
    complains "only the form was checked"
}

@test "an empty file, a directory, no file" {
    : >empty.json
    tool event validate --offline empty.json
    exits 5
    complains "empty.json:1: no event in it"
    tool event validate --offline .
    exits 1
    complains "a directory"
    tool event validate --offline missing.json
    exits 1
    complains "No such file"
}

@test "not JSON, and JSON of another kind, with line and column" {
    echo 'hello' >a
    tool event validate --offline a
    exits 5
    complains "a:1:1:"
    printf '\n\n  [1, 2]\n' >b
    tool event validate --offline b
    exits 5
    complains "b:3:3:"
    printf '{"event_id": "x",\n "event_type" "NOTE"}\n' >c
    tool event validate --offline c
    exits 5
    complains "c:2:"
    printf '{"event_type": "NOTE"' >d
    tool event validate --offline d
    exits 5
    complains "d:1:"
    head -c 100000 /dev/zero | tr '\0' '[' >e
    tool event validate --offline e
    exits 5
    { printf '{"note": '; head -c 100000 /dev/zero | tr '\0' '['; } >f
    tool event validate --offline f
    exits 5
}

@test "unknown members, wrong types, unknown names are named with their place" {
    note w 1 | sed 's/"note"/"nota"/' >a
    tool event validate --offline a
    exits 5
    complains "nota"
    needs w 1 | sed 's/COMMUNITY/COMMUNAL/' >b
    tool event validate --offline b
    exits 5
    complains "needs_assessed.service_category"
    note w 1 | sed 's/"a note"/7/' >c
    tool event validate --offline c
    exits 5
    complains "note.text"
}

@test "invalid UTF-8, NUL and huge numbers are refused" {
    note w 1 $'caf\xe9' >a
    tool event validate --offline a
    exits 5
    note w 1 'a\u0000b' >b
    tool event validate --offline b
    exits 5
    needs w 1 | sed 's/"1000"/"99999999999999999999999"/' >c
    tool event validate --offline c
    exits 5
    complains "registered_count"
    needs w 1 | sed 's/"1000"/1e400/' >d
    tool event validate --offline d
    exits 5
    needs w 1 | sed 's/"1000"/-1/' >e
    tool event validate --offline e
    exits 5
}

@test "wrong codes, references and days are refused with code and field" {
    note w 1 | sed 's/"02E"/"2e"/' >a
    tool event validate --offline a
    exits 5
    complains "FIELD_INVALID:lead_ods"
    note 'a b' 1 >b
    tool event validate --offline b
    exits 5
    complains "FIELD_INVALID:reference"
    note w 1 | sed 's/2018-05-01/2018-02-30/' >c
    tool event validate --offline c
    exits 5
    complains "FIELD_INVALID:occurred_on"
}

@test "an event without an id is refused, unless one is to be made" {
    note w 1 | sed 's/"event_id": "[^"]*", //' >a
    tool event validate --offline a
    exits 5
    complains "event_id is missing"
    tool event validate --offline a --new-id -o jsonl
    exits 0
    [[ $(jq -r .event_id <<<"$output") =~ ^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$ ]]
}

@test "one bad event among good ones is named with its line" {
    { note w 1; echo '{"x": 1}'; note w 2; } >a
    tool event validate --offline a
    exits 8
    complains "a:2:"
    tool event validate --offline - <a
    exits 8
    complains "standard input:2:"
}

@test "a fault names the line and column of its member, and the name that was meant" {
    printf '\n{"event_type": "NOTE",\n  "event_id": "01800000-0000-7000-8000-000000000001",\n  "note": {\n    "txt": "a"}}\n' >a
    tool event validate --offline a
    exits 5
    complains "a:5:5: note.txt"
    complains "did you mean text?"
    printf '{"event_typ": "NOTE"}' >b
    tool event validate --offline b
    complains "b:1:2: event_typ: "
    complains "did you mean event_type?"
    note w 1 | sed 's/, /,\n/g; s/2018-05-01/2018-02-30/' >c
    tool event validate --offline c
    complains "c:5:1: FIELD_INVALID:occurred_on"
}

@test "control characters in a message never reach the terminal" {
    printf '{"\\u001b[31mred": 1}\n' >a
    tool event validate --offline a
    exits 5
    [[ ${stderr-} != *$'\e'* ]]
}

# ---- keys, contexts ---------------------------------------------------------------------------

@test "a key pair is made 0600, printed, and never overwritten" {
    tool key new a.key
    exits 0
    [[ ${#output} -eq 40 ]]
    [[ $(stat -c %a a.key) == 600 ]]
    tool key new a.key
    exits 1
    complains "exists"
    tool key new b.key --dry-run
    exits 0
    [[ ! -e b.key ]]
    tool key new c.key -o json
    [[ $(jq -r '.[0].file' <<<"$output") == c.key ]]
}

@test "contexts are listed, shown and used" {
    mkdir -p .config/commission/contexts
    commission key new .config/commission/contexts/.k >/dev/null
    sed -n 's/^public/public/p' .config/commission/contexts/.k >.config/commission/contexts/.s
    printf '%s\n' 'endpoint = "ipc:///nowhere"' 'server_key = ".s"' 'key_file = ".k"' \
        'organisation = "02E"' >.config/commission/contexts/warrington
    tool context list
    exits 0
    says warrington
    tool context use warrington
    exits 0
    tool context show -o json
    exits 0
    [[ $(jq -r '.[0] | [.organisation, .used] | join(" ")' <<<"$output") == "02E true" ]]
    cp .config/commission/contexts/warrington .config/commission/contexts/other
    tool context show other -o json
    exits 0
    [[ $(jq -r '.[0] | [.name, .used] | join(" ")' <<<"$output") == "other false" ]]
    tool -c other context show -o json
    exits 0
    [[ $(jq -r '.[0].used' <<<"$output") == true ]]
    tool server status --timeout 300ms
    exits 3
    complains "nobody answers at ipc:///nowhere"
    tool server status --timeout 300ms --endpoint tcp://127.0.0.1:1
    exits 3
    complains "tcp://127.0.0.1:1"
    chmod 640 .config/commission/contexts/.k
    tool server status --timeout 300ms
    exits 1
    complains "others may read this key"
}

@test "a wrong context says file and line" {
    printf 'endpoint = "ipc:///x"\nnonsense = 1\n' >ctx
    tool -c ./ctx server status
    exits 1
    complains "ctx:2:"
    printf 'endpoint = "ipc:///x"\n' >ctx
    tool -c ./ctx server status
    exits 1
    complains "server_key is missing"
    tool -c ./missing server status
    exits 4
    mkdir -p .config/commission/contexts
    tool -c nosuch server status
    exits 4
    complains "\"nosuch\" in $HOME/.config/commission/contexts"
    complains "none there"
    : >.config/commission/contexts/a && : >.config/commission/contexts/b
    tool -c nosuch server status
    complains "there are: a, b"
    tool key new own.key
    tool -c own.key server status
    exits 1
    complains "own.key: this is a key file; a context is wanted"
    printf 'root:SECRETWORD:0\n' >foreign
    tool -c ./foreign server status
    exits 1
    complains "foreign:1:"
    [[ $stderr != *SECRETWORD* && $stderr != *root* ]]
    tool -c . server status
    exits 1
}

@test "dev refuses a folder that is not its own, and a wrong port" {
    mkdir d && : >d/mine
    tool dev d
    exits 1
    complains "not empty"
    tool dev e --tcp 70000
    exits 2
    [[ ! -e e ]]
    long=$(printf 'x%.0s' {1..120})
    tool dev "$long"
    exits 1
    complains "too long"
}

@test "version is the same in every spelling" {
    [[ $(commission version) == "$(commission --version)" ]]
    [[ $(commission version -o json | jq '.[0].wire_version') -eq 1 ]]
}
