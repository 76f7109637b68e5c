# Sourced by tests/flow/*.sh: whole CIRTs in a scratch folder, gone at the end, and what a test says about them.
#   . "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"

set -eEuo pipefail
SOURCE=$(cd "${SOURCE:-$(dirname "${BASH_SOURCE[0]}")/../..}" && pwd)
BUILD=$(cd "${BUILD:-$SOURCE/build/release}" && pwd)
export CIRT_BUILD=$BUILD NO_COLOR=1
unset CIRT_CONFIG CIRT_URL CIRT_DESK_URL CIRT_RID_URL CIRT_CA CIRT_LMTP CIRT_RUN PGHOST PGPORT PGDATABASE PGUSER

# skip WHY : where CI says that nothing may be left out (CIRT_TEST_REQUIRE), a skip is a failure.
skip() {
    echo "skipped: $*"
    [[ -z ${CIRT_TEST_REQUIRE:-} ]] || exit 1
    exit 77
}
[[ -x $BUILD/cirtd && -x $BUILD/cirt ]] || { echo "no cirtd in $BUILD" >&2; exit 1; }

SCRATCH=$("$SOURCE/tests/support/scratch" cirt-flow)
chmod 0711 "$SCRATCH"
exec {value_port}< <(exec "$SOURCE/tests/support/value.py" 2>/dev/null)
value_pid=$!
read -r value_port <&"$value_port"

# at_end COMMAND : runs before the sandboxes go.
flow_ends=()
at_end() { flow_ends+=("$1"); }

# Where a command fails that no test expected to.
trap 'echo "FAILED (${BASH_SOURCE[-1]##*/}:$( ((${#BASH_LINENO[@]} > 1)) && echo ${BASH_LINENO[-2]} || echo $LINENO)): $BASH_COMMAND" >&2' ERR

flow_end() {
    local status=$? folder command
    trap - EXIT ERR
    for command in "${flow_ends[@]}"; do "$command" || true; done
    if ((status != 0 && status != 77)); then
        for folder in "$SCRATCH"/*/; do
            [[ -s $folder/log/cirtd.log ]] || continue
            echo "--- $folder/log/cirtd.log" >&2
            tail -n 25 "$folder/log/cirtd.log" >&2
        done
    fi
    for folder in "$SCRATCH"/*/; do
        [[ ! -f $folder/sandbox ]] || "$SOURCE/packaging/sandbox" destroy "$folder" >&2 || true
    done
    kill "$value_pid"
    rm -rf "$SCRATCH"
    exit $status
}
trap flow_end EXIT
trap 'exit 130' INT TERM

sandbox() { "$SOURCE/packaging/sandbox" "$@"; }

# make NAME [new's options] : a running CIRT in $SCRATCH/NAME.
make() {
    local folder=$SCRATCH/$1
    shift
    "$SOURCE/tests/support/new-sandbox" "$folder" "$@"
    sandbox start "$folder"
}

# at NAME command... : with that CIRT's environment. as NAME PROFILE ARGS... : cirt with a profile.
at() (
    . "$SCRATCH/$1/env"
    shift
    # Processes are most of what a flow test costs: this one becomes the program.
    ! declare -F "$1" >/dev/null || { "$@"; exit; }
    exec "$@"
)
as() {
    local folder=$1 profile=$2
    shift 2
    at "$folder" cirt --profile "$profile" "$@"
}

# post NAME IDENTITY PATH CONTENT-TYPE FILE : curl with that key; prints the body, then the status on a line of its own.
post() {
    at "$1" curl_as "$2" -H "Content-Type: $4" --data-binary "@$5" "$(at "$1" printenv CIRT_URL)$3"
}
curl_as() {
    local identity=$1 ids
    shift
    ids=$(dirname "$CIRT_CA")
    curl -sS --noproxy '*' --max-time 20 --cacert "$CIRT_CA" --cert "$ids/$identity.crt" --key "$ids/$identity.key" -w '\n%{http_code}\n' "$@"
}

# sql NAME STATEMENT : as the read-only login.
sql() { at "$1" psql -XAtq -v ON_ERROR_STOP=1 -c "$2"; }

# value EXPRESSION : of the JSON on stdin, as d; a list or object comes as JSON.
value() {
    local document answer connection
    document=$(</dev/stdin) # before it connects: in a pipe the one that writes this has to be answered first
    exec {connection}<>"/dev/tcp/127.0.0.1/$value_port"
    printf '%s\0' "$1" "$document" >&"$connection"
    IFS= read -r -d '' answer <&"$connection"
    exec {connection}>&-
    if [[ $answer == 0* ]]; then
        printf '%s\n' "${answer:1}"
    else
        printf '%s\n' "${answer:1}" >&2
        return 1
    fi
}

fail() { echo "FAILED (${BASH_SOURCE[-1]##*/}:${BASH_LINENO[-2]:-?}): $*" >&2; exit 1; }

equal() { # WHAT WANTED GOT
    [[ $2 == "$3" ]] || fail "$1: wanted '$2', got '$3'"
}
contains() { # WHAT PART WHOLE
    [[ $3 == *"$2"* ]] || fail "$1: no '$2' in: $3"
}
lacks() { # WHAT PART WHOLE
    [[ $3 != *"$2"* ]] || fail "$1: '$2' in: $3"
}
# exits STATUS command... : and keeps what it said in $said.
exits() {
    local want=$1 got=0
    shift
    said=$("$@" 2>&1) || got=$?
    [[ $got == "$want" ]] || fail "exit $got, not $want: $*: $said"
}
# until_true SECONDS command...
until_true() {
    local deadline=$((SECONDS + $1)) pause=1
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || fail "not in time: $*"
        sleep 0.$pause # what is asked often takes the processor from what is waited for
        ((pause == 5)) || pause=$((pause + 1))
    done
}

# triaged NAME : waits until every report is decoded and triaged.
all_triaged() {
    [[ $(as "$1" lead --json report ls is:any --limit 200 | value 'all(r["state"] in ("triaged", "dropped", "malformed") for r in d["items"])') == true ]]
}
triaged() { until_true 20 all_triaged "$1"; }
