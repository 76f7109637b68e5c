# Sourced by packaging/sandbox and tests/support/with-cluster: a private PostgreSQL. Needs nothing but bash and the server's programs.

# The folder with initdb and postgres, of the newest installed version.
postgres_bin() {
    local bin
    if [[ -n ${CIRT_PG_BIN:-} ]]; then
        printf '%s' "$CIRT_PG_BIN"
        return
    fi
    bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    [[ -x $bin/postgres ]] || { echo "no PostgreSQL server under /usr/lib/postgresql. Run packaging/install-deps" >&2; return 1; }
    printf '%s' "$bin"
}

# postgres_init RUN-AS DATA DATABASE-SQL : a cluster with cirt's roles and database; RUN-AS is an OS user, or - for oneself.
postgres_init() {
    local user=$1 data=$2 sql=$3 bin as=() said
    bin=$(postgres_bin) || return 1
    [[ $user == - ]] || as=(runuser -u "$user" --)
    # --no-sync: a power cut in this second loses an empty cluster. Sandboxes are many, hence small WAL segments.
    said=$(cd / && "${as[@]}" "$bin/initdb" --no-sync --no-instructions --locale=C.UTF-8 --encoding=UTF8 --auth=reject --username=postgres \
        --wal-segsize=4 -D "$data" 2>&1) || { echo "$said" >&2; return 1; }
    said=$(cd / && "${as[@]}" "$bin/postgres" --single -D "$data" -c fsync=off -c log_checkpoints=off postgres <"$sql" 2>&1) || { echo "$said" >&2; return 1; }
    # --single goes on after an error and exits with 0.
    if [[ $said == *ERROR:* ]]; then
        grep ERROR: <<<"$said" >&2
        return 1
    fi
}

# postgres_start RUN-AS DATA LOG : returns when it answers.
postgres_start() {
    local user=$1 data=$2 log=$3 bin as=()
    bin=$(postgres_bin) || return 1
    [[ $user == - ]] || as=(runuser -u "$user" --)
    (cd / && "${as[@]}" "$bin/pg_ctl" start -s -w -t 60 -D "$data" -l "$log") || { tail -n 5 "$log" >&2; return 1; }
}

# postgres_stop RUN-AS DATA [MODE] : as pg_ctl's, fast when not said
postgres_stop() {
    local user=$1 data=$2 bin as=()
    bin=$(postgres_bin) || return 1
    [[ $user == - ]] || as=(runuser -u "$user" --)
    (cd / && "${as[@]}" "$bin/pg_ctl" stop -s -w -t 60 -m "${3:-fast}" -D "$data")
}

# postgres_runs DATA : whether its postmaster is alive.
postgres_runs() {
    local pid
    pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null) && [[ -n $pid && -e /proc/$pid ]]
}
