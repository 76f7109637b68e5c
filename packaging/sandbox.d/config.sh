# Sourced by packaging/sandbox: the files that say how things run. All are written from the same few variables.

write_database_config() {
    local role password
    cat >"$dir/db/postgresql.auto.conf" <<TEXT
# A sandbox: small, and reached by Unix socket only. What a real site sets: docs/OPERATIONS.md.
listen_addresses = ''
unix_socket_directories = '$run/pg'
port = 5432
max_connections = 60
shared_buffers = 64MB
max_wal_size = 2GB
checkpoint_timeout = 15min
wal_compression = lz4
wal_level = minimal
max_wal_senders = 0
autovacuum_max_workers = 1
max_parallel_workers = 0
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = warning
log_line_prefix = '%m [%p] %u '
TEXT
    if as_root; then
        echo 'local all all peer map=cirt' >"$dir/db/pg_hba.conf"
        {
            echo 'cirt cirt-postgres postgres'
            local person
            for person in root ${SUDO_USER:+"$SUDO_USER"}; do
                echo "cirt $person cirt_reader"
            done
            echo 'cirt root cirt_migrator'
            for role in "${database_roles[@]}"; do
                echo "cirt cirt-$role cirt_$role"
            done
        } >"$dir/db/pg_ident.conf"
        chown cirt-postgres:cirt-postgres "$dir"/db/{postgresql.auto,pg_hba,pg_ident}.conf
        return
    fi
    # One OS user for all: the roles prove themselves by a password that the supervisor hands each of them.
    cat >"$dir/db/pg_hba.conf" <<TEXT
local all cirt_reader,cirt_migrator peer map=cirt
local all all scram-sha-256
TEXT
    {
        echo "cirt $(id -un) cirt_reader"
        echo "cirt $(id -un) cirt_migrator"
        echo 'cirt root cirt_reader'
    } >"$dir/db/pg_ident.conf"
    make_dir 0700 - "$dir/secrets"
    for role in "${database_roles[@]}"; do
        password=$(od -An -N 24 -t x1 /dev/urandom | tr -d ' \n')
        printf '%s\n' "$password" >"$dir/secrets/$role"
        printf "ALTER ROLE cirt_%s PASSWORD '%s';\n" "$role" "$password"
    done | "$(postgres_bin)/postgres" --single -D "$dir/db" postgres >/dev/null 2>&1
}

write_config() {
    write_cirtd_conf
    write_cirt_conf
    write_env
}

# libconfuse's list of strings.
string_list() {
    local item list=''
    for item in "$@"; do
        list+=${list:+, }\"$item\"
    done
    printf '{%s}' "$list"
}

write_cirtd_conf() {
    local gate deliverers=(root)
    as_root || deliverers+=("$(id -un)")
    ! getent passwd postfix >/dev/null || deliverers+=(postfix)
    [[ -z ${SUDO_USER:-} ]] || deliverers+=("$SUDO_USER")
    {
        cat <<TEXT
# Written by packaging/sandbox. What each option means: packaging/cirtd.conf.
run = "$run"
site {
    name = "$name"
    prefix = "$prefix"
    domain = "$domain"
    zone = "+00:00"
}
database {
    host = "$run/pg"
    port = 5432
    name = "cirt"
    data = "$dir/db"
    reserve_mb = 200
}
TEXT
        for gate in feeds desk; do
            echo "gate-$gate {"
            if [[ $gate == feeds ]]; then
                printf '    listen = "127.0.0.1:%s"\n    rid = "127.0.0.1:%s"\n' "$feeds_port" "$rid_port"
            else
                printf '    listen = "127.0.0.1:%s"\n' "$desk_port"
            fi
            cat <<TEXT
    cert = "$dir/keys/gate.crt"
    key = "$dir/keys/gate-$gate.key"
    ca = "$dir/keys/$gate-ca.pem"
    crl = "$dir/keys/crl.pem"
}
TEXT
        done
        cat <<TEXT
intake {
    workers = 2
}
mail {
    socket = "$run/mail/lmtp"
    users = $(string_list "${deliverers[@]}")
    addresses = $(string_list "incident@$domain" "case+*@$domain")
}
fetch {
    drop = "$dir/drop"
    spool = "$dir/fetch"
    credentials = "$dir/credentials"
}
decode {
    authserv_id = "mx.$domain"
}
verify {
    gnupg = "$run/gnupg-verify"
    smime_ca = "$dir/keys/smime-ca.pem"
    smime_crl = "$dir/keys/smime-crl.pem"
}
seal {
    gnupg = "$run/gnupg-seal"
    key = "$openpgp"
    smime = "$dir/smime"
    smime_key = "$(openssl x509 -in "$dir/team.crt" -outform DER | sha256sum | cut -c1-64 | tr a-f A-F)"
}
desk {
    workers = 2
}
push {
    cert = "$dir/keys/push.crt"
    key = "$dir/keys/push.key"
${smtp:+    smtp = "$smtp"
}}
outgoing {
    templates = "$source/packaging/templates"
}
supervisor {
    user_prefix = "cirt-"
TEXT
        as_root || echo "    secrets = \"$dir/secrets\""
        echo '}'
    } >"$config.new"
    chmod 0644 "$config.new"
    mv "$config.new" "$config"
}

write_cirt_conf() {
    local identity pin
    pin=$("$source/certs/ca" fingerprint "$dir/keys/gate.crt")
    {
        echo '# Written by packaging/sandbox: how cirt reaches this CIRT, as whom.'
        echo 'default = "lead"'
        for identity in "${identities[@]}"; do
            cat <<TEXT
profile "$identity" {
    url = "https://127.0.0.1:$feeds_port"
$([[ $identity == feed ]] || echo "    desk_url = \"https://127.0.0.1:$desk_port\"")
    rid_url = "https://127.0.0.1:$rid_port"
    ca = "$dir/ids/ca.crt"
    cert = "$dir/ids/$identity.crt"
    key = "$dir/ids/$identity.key"
    pin = "$pin"
}
TEXT
        done
    } >"$dir/cirt.conf.new"
    install -m 0644 "$dir/ca/ca.crt" "$dir/ids/ca.crt"
    mv "$dir/cirt.conf.new" "$dir/cirt.conf"
}

write_env() {
    local key
    local -A values=(
        [CIRT_CONFIG]=$dir/cirt.conf
        [CIRT_URL]=https://127.0.0.1:$feeds_port
        [CIRT_DESK_URL]=https://127.0.0.1:$desk_port
        [CIRT_RID_URL]=https://127.0.0.1:$rid_port
        [CIRT_CA]=$dir/ids/ca.crt
        [CIRT_LMTP]=$run/mail/lmtp
        [CIRT_RUN]=$run
        [PGHOST]=$run/pg
        [PGPORT]=5432
        [PGDATABASE]=cirt
        [PGUSER]=cirt_reader
    )
    {
        echo '# To be sourced: . this file'
        printf "case \":\$PATH:\" in *:'%s':*) ;; *) export PATH='%s':\"\$PATH\" ;; esac\n" "$build" "$build"
        for key in CIRT_CONFIG CIRT_URL CIRT_DESK_URL CIRT_RID_URL CIRT_CA CIRT_LMTP CIRT_RUN PGHOST PGPORT PGDATABASE PGUSER; do
            printf "export %s='%s'\n" "$key" "${values[$key]}"
        done
    } >"$dir/env.new"
    chmod 0644 "$dir/env.new"
    mv "$dir/env.new" "$dir/env"
}
