# Sourced by packaging/sandbox: what goes in through the CLI, as an operator would type it.

# Quiet where it succeeds; where not, nothing that follows would be right.
as_person() {
    local person=$1 said
    shift
    said=$(CIRT_CONFIG=$dir/cirt.conf "$build/cirt" --profile "$person" "$@" 2>&1) || die "cirt $1 $2 failed: $said"
}
as_admin() { as_person admin "$@"; }

# seed: identities, sample constituents (documentation networks and names only) and triage rules, after the first start. One beside the
# other: most of a command's time is its own start.
seed() {
    local identity role level seed seeds=()
    for identity in "${identities[@]}"; do
        [[ $identity != admin ]] || continue
        role=${identity%2}
        level=()
        [[ $identity != lead ]] || level=(--level lead)
        [[ $identity != analyst2 ]] || level=(--level duty)
        as_admin analyst add "$identity" --role "$role" "${level[@]}" --name "${identity^} of $name" --mail "$identity@$domain" \
            --key "$dir/ids/$identity.crt" &
        seeds+=($!)
    done
    as_admin constituent import "$source/packaging/sandbox.d/constituents.csv" --yes &
    seeds+=($!)
    as_admin rule add triage --file "$source/packaging/samples/triage.rules" &
    seeds+=($!)
    for seed in "${seeds[@]}"; do
        wait "$seed" || exit 1
    done
    touch "$dir/seeded"
}

# introduce: makes the sandbox in the given folder a peer of the one that load() read.
introduce() {
    local tlp=$1 other=$2 theirs
    theirs=$(
        load "$other"
        printf '%q ' "$name" "$prefix" "$domain" "$feeds_port" "$rid_port" "$dir" \
            "$("$source/certs/ca" fingerprint "$dir/keys/push.crt")" "$("$source/certs/ca" fingerprint "$dir/keys/gate.crt")" "$openpgp"
    )
    eval "set -- $theirs"
    local peer=$1 prefix=$2 peer_domain=$3 port=$4 rid=$5 folder=$6 push_key=$7 gate_key=$8 openpgp=$9
    # TLS lets in who has a certificate of a CA in this file; who that is, the registered key decides.
    if ! grep -qxF "$(sed -n 2p "$folder/ids/ca.crt")" "$dir/keys/feeds-ca.pem" || ! grep -qxF "$(sed -n 3p "$folder/ids/ca.crt")" "$dir/keys/feeds-ca.pem"; then
        cat "$folder/ids/ca.crt" >>"$dir/keys/feeds-ca.pem"
        kill -HUP "$(cirtd_pid)" 2>/dev/null || true
    fi
    if CIRT_CONFIG=$dir/cirt.conf "$build/cirt" --profile admin --json peer show "$peer" >/dev/null 2>&1; then
        return
    fi
    as_admin peer add "$peer" --title "$peer" --url "https://127.0.0.1:$port" --rid-url "https://127.0.0.1:$rid/" --issuer-name "$prefix" \
        --ca "$folder/ids/ca.crt" --key "$push_key" --key "$gate_key" --openpgp "$folder/team.asc" --mail "incident@$peer_domain"
    # The key of a peer takes two persons.
    as_person lead key pin "$openpgp" --peer "$peer" --yes
    as_admin agreement add --peer "$peer" --from "$(date -u +%F)" --until "$(date -u -d '+1 year' +%F)" --ceiling "$tlp"
}

sandbox_link() {
    local tlp=amber folders=()
    while (($#)); do
        case $1 in
        --tlp) tlp=${2:-}; shift 2 || wrong "--tlp needs a label" ;;
        -*) wrong "link does not know '$1'" ;;
        *) folders+=("$1"); shift ;;
        esac
    done
    ((${#folders[@]} == 2)) || wrong "link needs two folders"
    (load "${folders[0]}"; introduce "$tlp" "${folders[1]}")
    (load "${folders[1]}"; introduce "$tlp" "${folders[0]}")
}
