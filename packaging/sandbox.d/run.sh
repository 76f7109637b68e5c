# Sourced by packaging/sandbox: start, stop, status, destroy of the sandbox that load() read.

# Whether the process of a pid file is the cirtd of this sandbox, and not another that got its number.
cirtd_pid() {
    local pid
    pid=$(cat "$dir/cirtd.pid" 2>/dev/null) || return 1
    [[ $pid =~ ^[0-9]+$ ]] && grep -qzxF -- "$config" "/proc/$pid/cmdline" 2>/dev/null || return 1
    printf '%s' "$pid"
}

# The same, of one that wrote that file just now: without a process.
cirtd_lives() {
    local pid
    read -r pid <"$dir/cirtd.pid" && kill -0 "$pid"
} 2>/dev/null

# What a new run directory holds, and who must know where it is.
link_run() {
    make_dir 0755 postgres "$run/pg"
    ln -s "$dir/gnupg/seal" "$run/gnupg-seal"
    ln -s "$dir/gnupg/verify" "$run/gnupg-verify"
    sed -i "s|^unix_socket_directories = .*|unix_socket_directories = '$run/pg'|" "$dir/db/postgresql.auto.conf"
}

# The run directory is gone after a reboot, and /tmp is everybody's: made again, under another name where that one is taken.
ensure_run() {
    if [[ ! -d $run || -L $run || ! -O $run ]]; then
        mkdir -m 0711 "$run" 2>/dev/null || run=$(mktemp -d /tmp/cirt-XXXXXX)
        chmod 0711 "$run"
        link_run
        save
        write_config
    fi
}

answers() { # URL: whether /healthz says 200. A port that is closed is found so without a process: while a CIRT starts, those are what is short.
    ! port_is_free "${1##*:}" && curl -s -o /dev/null --fail --max-time 2 --noproxy '*' --cacert "$dir/ids/ca.crt" "$1/healthz"
}

# While a CIRT starts, processors are what is short: this sleeps without a process.
nap() { read -rt 0.05 -u "$pause" || true; }

wait_for_answers() {
    local deadline=$((SECONDS + 60)) url socket pause
    exec {pause}<> <(:)
    for socket in intake/1.sock desk/1.sock mail/lmtp; do
        until [[ -S $run/$socket ]]; do
            cirtd_lives || { tail -n 15 "$dir/log/cirtd.log" >&2; die "cirtd ended while starting; its log is $dir/log/cirtd.log"; }
            ((SECONDS < deadline)) || { tail -n 15 "$dir/log/cirtd.log" >&2; die "no socket $run/$socket; the log is $dir/log/cirtd.log"; }
            nap
        done
    done
    for url in "https://127.0.0.1:$feeds_port" "https://127.0.0.1:$desk_port"; do
        until answers "$url"; do
            cirtd_lives || { tail -n 15 "$dir/log/cirtd.log" >&2; die "cirtd ended while starting; its log is $dir/log/cirtd.log"; }
            ((SECONDS < deadline)) || { tail -n 15 "$dir/log/cirtd.log" >&2; die "$url does not answer; the log is $dir/log/cirtd.log"; }
            nap
        done
    done
    exec {pause}<&-
}

migrate() {
    local admin
    admin=$("$source/certs/ca" fingerprint "$dir/ids/admin.crt")
    "$build/cirtd" migrate -c "$config" --first-admin "admin:$admin" >"$dir/log/migrate.log" 2>&1 || {
        tail -n 15 "$dir/log/migrate.log" >&2
        die "cirtd migrate failed; its log is $dir/log/migrate.log"
    }
}

start_database() {
    postgres_start "$(postgres_user)" "$dir/db" "$dir/log/postgresql/log" || die "PostgreSQL did not start; its log is $dir/log/postgresql/log"
}

sandbox_start() {
    local port started
    if cirtd_pid >/dev/null; then
        postgres_runs "$dir/db" || start_database
        wait_for_answers
        return
    fi
    check_reachable "the build" "$build"
    ensure_run
    for port in "$feeds_port" "$desk_port" "$rid_port"; do
        port_is_free "$port" || die "port $port of $name is taken by another program: ss -ltnp 'sport = :$port'"
    done
    postgres_runs "$dir/db" || start_database
    migrate
    # In a session of its own: a terminal's Ctrl-C is not meant for it.
    setsid "$build/cirtd" run -c "$config" </dev/null >>"$dir/log/cirtd.log" 2>&1 &
    started=$!
    echo "$started" >"$dir/cirtd.pid"
    # On a busy machine the child is for a moment still this script, which is not to be mistaken for a cirtd that ended.
    until cirtd_pid >/dev/null || ! kill -0 "$started" 2>/dev/null; do
        sleep 0.01
    done
    wait_for_answers
    [[ -e $dir/seeded ]] || seed
}

sandbox_stop() { # [MODE]: how PostgreSQL stops
    local pid deadline=$((SECONDS + 30)) role
    if pid=$(cirtd_pid); then
        kill -TERM "$pid"
        while cirtd_pid >/dev/null; do
            ((SECONDS < deadline)) || { kill -KILL "$pid"; echo "packaging/sandbox: cirtd of $name did not stop in 30 s and was killed" >&2; break; }
            sleep 0.05
        done
    fi
    rm -f "$dir/cirtd.pid"
    ! postgres_runs "$dir/db" || postgres_stop "$(postgres_user)" "$dir/db" "${1:-fast}"
    # An agent outlives who called it.
    for role in seal verify; do
        [[ ! -e $run/gnupg-$role ]] || as_role "$role" gpgconf --homedir "$run/gnupg-$role" --kill gpg-agent 2>/dev/null || true
    done
}

sandbox_status() {
    local pid database=stopped daemon=stopped feeds='no answer' desk='no answer' healthy=1
    postgres_runs "$dir/db" && database="runs (pid $(head -n 1 "$dir/db/postmaster.pid"))" || healthy=0
    pid=$(cirtd_pid) && daemon="runs (pid $pid)" || healthy=0
    answers "https://127.0.0.1:$feeds_port" && feeds=answers || healthy=0
    answers "https://127.0.0.1:$desk_port" && desk=answers || healthy=0
    printf '%-12s %s\n' name "$name" folder "$dir" run "$run" database "$database" cirtd "$daemon" \
        feeds "https://127.0.0.1:$feeds_port $feeds" desk "https://127.0.0.1:$desk_port $desk" log "$dir/log/cirtd.log"
    ((healthy))
}

sandbox_destroy() {
    sandbox_stop immediate # what nobody will read need not be written
    [[ $run == /tmp/cirt-* && -O $run && ! -L $run ]] && rm -rf "$run"
    rm -rf "$dir"
}
