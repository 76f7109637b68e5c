# Sourced by packaging/sandbox: makes the folder, keys, database and OS users. Nothing runs yet.

# As root the roles run under users of their own, who must be able to reach the folder, the programs and /tmp.
check_reachable() {
    local what=$1 path=$2 folder='' part parts
    as_root || return 0
    IFS=/ read -r -a parts <<<"${path#/}"
    for part in "${parts[@]}"; do
        folder+=/$part
        [[ -e $folder ]] || return 0
        # From / on, since runuser starts where we stand, and that may be closed too.
        (cd / && runuser -u cirt-postgres -- test -x "$folder") ||
            die "$what $path cannot be reached by the service users: $folder is closed to them (mode $(stat -c %a "$folder")). Choose a place below /srv, /var/tmp or /tmp, or open it: chmod o+x $folder"
    done
}

make_users() {
    local role user
    as_root || return 0
    # One sandbox after the other, since two may be made at the same moment.
    {
        flock 9
        for role in postgres "${roles[@]}"; do
            user=cirt-$role
            getent passwd "$user" >/dev/null ||
                useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$user" || die "useradd $user failed"
        done
    } 9</etc
}

port_is_free() {
    ! (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# The run directory's name carries the first port: mkdir is the lock that keeps two sandboxes, stopped ones too, from the same
# ports. Below 32768, where the kernel begins to hand out ports of its own.
make_run() {
    local wanted=$1 base tries
    if ((wanted)); then
        feeds_port=$wanted
        run=/tmp/cirt-$wanted
        mkdir -m 0711 "$run" 2>/dev/null || { run=$(mktemp -d /tmp/cirt-XXXXXX) && chmod 0711 "$run"; }
    else
        for ((tries = 0; tries < 1000; tries++)); do
            base=$((18000 + RANDOM % 4900 * 3))
            run=/tmp/cirt-$base
            mkdir -m 0711 "$run" 2>/dev/null || continue
            if port_is_free "$base" && port_is_free $((base + 1)) && port_is_free $((base + 2)); then
                feeds_port=$base
                break
            fi
            rmdir "$run"
        done
        [[ -n ${feeds_port:-} ]] || die "no three free ports in a row between 18000 and 32700"
    fi
    chmod 0711 "$run"
    desk_port=$((feeds_port + 1)) rid_port=$((feeds_port + 2))
}

# mkdir's -m is subject to umask only for its parents; said once more where it matters. OWNER is a role or -.
make_dir() {
    local mode=$1 owner=$2 path=$3
    mkdir -p "$path"
    chmod "$mode" "$path"
    if [[ $owner != - ]] && as_root; then chown "cirt-$owner:cirt-$owner" "$path"; fi
}

give() { # MODE ROLE FILE...
    local mode=$1 role=$2
    shift 2
    chmod "$mode" "$@"
    if as_root; then chown "cirt-$role:cirt-$role" "$@"; fi
}

make_certificates() {
    local identity profile issues=() issue
    "$source/certs/ca" make "$dir/ca" --name "$name"
    for identity in "${identities[@]}"; do
        profile=analyst
        [[ $identity == feed ]] && profile=feed
        "$source/certs/ca" issue "$dir/ca" "$profile" "$identity" --out "$dir/ids" &
        issues+=($!)
    done
    "$source/certs/ca" issue "$dir/ca" gate gate --san "localhost,127.0.0.1,$domain" --out "$dir/keys" &
    issues+=($!)
    "$source/certs/ca" issue "$dir/ca" peer push --san "$domain" --out "$dir/keys" &
    issues+=($!)
    for issue in "${issues[@]}"; do
        wait "$issue" || die "the certificates could not be made"
    done
    # Two processes, two users, one certificate: a key each of them alone may read.
    cp "$dir/keys/gate.key" "$dir/keys/gate-feeds.key"
    mv "$dir/keys/gate.key" "$dir/keys/gate-desk.key"
    give 0600 gate-feeds "$dir/keys/gate-feeds.key"
    give 0600 gate-desk "$dir/keys/gate-desk.key"
    give 0600 push "$dir/keys/push.key"
    cp "$dir/ca/crl.pem" "$dir/keys/"
    cp "$dir/ca/ca.crt" "$dir/keys/desk-ca.pem"
    cp "$dir/ca/ca.crt" "$dir/keys/feeds-ca.pem"
    chmod 0644 "$dir"/keys/*.crt "$dir"/keys/*.pem
}

# GnuPG's sockets lie in its home; through a link in the run directory their path stays short.
make_gnupg() {
    local role home
    for role in seal verify; do
        home=$dir/gnupg/$role
        make_dir 0700 - "$home"
        ln -s "$home" "$run/gnupg-$role"
        printf '%s\n' batch no-tty no-greeting disable-dirmngr no-auto-key-retrieve no-auto-key-locate 'trust-model direct' \
            'import-options self-sigs-only,import-clean' 'max-output 67108864' >"$home/gpg.conf"
        printf '%s\n' 'extra-socket none' 'browser-socket none' >"$home/gpg-agent.conf"
    done
    if as_root; then
        chown -R cirt-seal:cirt-seal "$dir/gnupg/seal"
        chown -R cirt-verify:cirt-verify "$dir/gnupg/verify"
    fi
    as_role seal gpg --homedir "$run/gnupg-seal" --quiet --passphrase '' --quick-gen-key "$name <incident@$domain>" ed25519 sign,cert 2y
    openpgp=$(team_fingerprint)
    as_role seal gpg --homedir "$run/gnupg-seal" --quiet --passphrase '' --quick-add-key "$openpgp" cv25519 encrypt 2y
    as_role seal gpg --homedir "$run/gnupg-seal" --armor --export "$openpgp" >"$dir/team.asc"
    as_role seal gpgconf --homedir "$run/gnupg-seal" --kill gpg-agent
    chmod 0644 "$dir/team.asc"
}

# The team's S/MIME certificate, by a CA of its own: who may sign mail here is not who may speak TLS. tests issue others by it.
make_smime() {
    "$source/certs/ca" make "$dir/smime-ca" --name "$name mail"
    "$source/certs/ca" issue "$dir/smime-ca" mail team --san "incident@$domain" --out "$dir/smime"
    make_dir 0700 seal "$dir/smime"
    give 0600 seal "$dir/smime/team.key"
    give 0644 seal "$dir/smime/team.crt"
    cp "$dir/smime-ca/ca.crt" "$dir/keys/smime-ca.pem"
    cp "$dir/smime-ca/crl.pem" "$dir/keys/smime-crl.pem"
    cp "$dir/smime/team.crt" "$dir/team.crt"
    chmod 0644 "$dir/keys/smime-ca.pem" "$dir/keys/smime-crl.pem" "$dir/team.crt"
}

team_fingerprint() {
    as_role seal gpg --homedir "$run/gnupg-seal" --with-colons --list-secret-keys | awk -F: '$1 == "fpr" { print $10; exit }'
}

make_database() {
    local user
    user=$(postgres_user)
    make_dir 0700 postgres "$dir/db"
    make_dir 0755 postgres "$run/pg"
    make_dir 0750 postgres "$dir/log/postgresql"
    postgres_init "$user" "$dir/db" "$source/packaging/database.sql" || die "PostgreSQL could not be set up in $dir/db"
    write_database_config
}

# What `new` and `copy` ask of the folder and of --smtp before anything is made.
check_place() {
    [[ -z $smtp || $smtp =~ ^smtps?://[A-Za-z0-9.:-]+$ ]] || wrong "--smtp takes smtp://HOST:PORT, not '$smtp'"
    [[ $1 != *[\'\"\\[:cntrl:]]* ]] || wrong "DIR must not hold quotes, backslashes or control characters"
    [[ ! -e $1 ]] || { [[ -d $1 && -z $(ls -A "$1") ]] || die "$1 exists and is not empty"; }
}

sandbox_new() {
    local port=0 given=${1:-}
    name='' prefix=XX-CERT smtp=''
    [[ -n $given && $given != -* ]] || wrong "new needs DIR"
    shift
    while (($#)); do
        [[ $1 != --* || -n ${2:-} ]] || wrong "$1 needs a value"
        case $1 in
        --name) name=$2 ;;
        --prefix) prefix=$2 ;;
        --port) port=$2 ;;
        --smtp) smtp=$2 ;;
        *) wrong "new does not know '$1'" ;;
        esac
        shift 2
    done
    name=${name:-$prefix}
    [[ $prefix =~ ^[A-Z][A-Z0-9-]{1,19}$ ]] || wrong "--prefix is made of capital letters, digits and dashes, not '$prefix'"
    [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$ ]] || wrong "--name is one short word, not '$name'"
    [[ $port =~ ^[0-9]{1,5}$ ]] && ((port <= 65533)) || wrong "--port takes a number up to 65533, not '$port'"
    check_place "$given"
    build=$(realpath "${CIRT_BUILD:-$source/build/release}")
    [[ -x $build/cirtd && -x $build/cirt ]] || die "there is no cirtd in $build. Build it: packaging/build"
    make_users
    check_reachable "the build" "$build"
    check_reachable "the folder" "$(realpath -m "$given")"
    check_reachable "the templates" "$source/packaging/templates"
    # The usual mask for parents that we make.
    (umask 022 && mkdir -p "$given")
    dir=$(cd "$given" && pwd)
    config=$dir/cirtd.conf
    chmod 0711 "$dir"
    domain=$(tr '[:upper:]' '[:lower:]' <<<"$name" | tr -c 'a-z0-9\n' '-').example
    trap 'undo_new' EXIT
    make_run "$port"
    make_dir 0711 - "$dir/log"
    make_dir 0711 - "$dir/keys"
    make_dir 0711 - "$dir/gnupg"
    make_dir 0711 fetch "$dir/drop"
    make_dir 0700 fetch "$dir/fetch"
    make_dir 0700 fetch "$dir/credentials"
    make_dir 0700 - "$dir/ids"
    make_database 2>"$dir/log/new-database" &
    local database=$!
    make_smime 2>"$dir/log/new-smime" &
    local smime=$!
    make_certificates 2>"$dir/log/new-certificates" &
    local certificates=$!
    make_gnupg 2>"$dir/log/new-gnupg" || { cat "$dir/log/new-gnupg" >&2; die "GnuPG could not make the team's key"; }
    wait $certificates || { cat "$dir/log/new-certificates" >&2; die "the certificates could not be made"; }
    wait $smime || { cat "$dir/log/new-smime" >&2; die "the S/MIME certificate could not be made"; }
    wait $database || { cat "$dir/log/new-database" >&2; exit 1; }
    write_config
    save
    trap - EXIT
}

sandbox_copy() {
    local from=${1:-} given=${2:-}
    (($# == 2)) || { (($# == 4)) && [[ $3 == --smtp && -n $4 ]]; } || wrong "copy needs DIR NEW, and takes --smtp URL"
    load "$from"
    from=$dir
    smtp=${4:-$smtp}
    check_place "$given"
    ! cirtd_pid >/dev/null && ! postgres_runs "$from/db" || die "$from runs. Stop it first: packaging/sandbox stop $from"
    check_reachable "the build" "$build"
    check_reachable "the folder" "$(realpath -m "$given")"
    (umask 022 && mkdir -p "$given")
    dir=$(cd "$given" && pwd)
    config=$dir/cirtd.conf
    trap 'undo_new' EXIT
    cp -a "$from/." "$dir"
    # Logs tell of the other; its certificates lie where its CA would renew them.
    rm -rf "$dir"/log/*
    make_dir 0750 postgres "$dir/log/postgresql"
    sed -i "s|^# out $from/|# out $dir/|" "$dir"/ca/issued/*.conf "$dir"/smime-ca/issued/*.conf
    make_run 0
    link_run
    save
    write_config
    trap - EXIT
}

# A half-made sandbox would only be in the way. The database is being made beside us: not to be left behind.
undo_new() {
    wait
    rm -rf "${run:?}" "${dir:?}"
}
