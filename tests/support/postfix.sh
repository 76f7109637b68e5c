# Sourced by tests/flow/*.sh after sandbox.sh: a Postfix of the test's own, below $SCRATCH/postfix; the machine's own instance is not touched.
#   postfix_make LMTP-SOCKET DOMAIN   starts it: takes mail for DOMAIN on 127.0.0.1:$postfix_port, hands it to cirtd by LMTP, sends nothing out

command -v postfix >/dev/null || PATH=$PATH:/usr/sbin
command -v postfix >/dev/null || skip "Postfix is not installed (packaging/install-deps brings it where no other MTA is)"
if ((EUID != 0)); then
    echo "skipped: only root can start a Postfix"
    exit 77
fi
postfix_dir=$SCRATCH/postfix

# One that nobody listens on. Outside of the range that the kernel and the sandboxes hand out.
postfix_free_port() {
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        postfix_port=$((2600 + RANDOM % 10000))
        (: <"/dev/tcp/127.0.0.1/$postfix_port") 2>/dev/null || return 0
    done
    fail "no free port"
}

postfix_make() {
    local socket=$1 domain=$2
    postfix_free_port
    mkdir -p "$postfix_dir"/{etc,queue,data}
    chmod 0755 "$postfix_dir" "$postfix_dir/etc" "$postfix_dir/queue"
    chown postfix: "$postfix_dir/data"
    chmod 0700 "$postfix_dir/data"
    # The lines that docs/OPERATIONS.md shows, and what keeps this instance to itself.
    local pattern=${domain//./\\.}
    cat >"$postfix_dir/etc/main.cf" <<TEXT
virtual_mailbox_domains = $domain
virtual_mailbox_maps = regexp:{{/^(incident|case\\+[0-9A-Za-z-]+)@$pattern\$\$/ ok}}
virtual_transport = lmtp:unix:$socket
message_size_limit = 33554432

compatibility_level = 3.6
config_directory = $postfix_dir/etc
queue_directory = $postfix_dir/queue
data_directory = $postfix_dir/data
maillog_file = $postfix_dir/log
maillog_file_prefixes = $postfix_dir
myhostname = mta.$domain
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
default_transport = discard:
alias_maps =
alias_database =
bounce_queue_lifetime = 1h
minimal_backoff_time = 300s
queue_run_delay = 300s
TEXT
    cat >"$postfix_dir/etc/master.cf" <<TEXT
127.0.0.1:$postfix_port inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
TEXT
    at_end postfix_stop
    postfix_start
}

postfix_start() {
    postfix -c "$postfix_dir/etc" start >"$postfix_dir/start" 2>&1 || { cat "$postfix_dir/start" >&2; fail "Postfix does not start"; }
    until_true 20 postfix_answers
}
postfix_answers() { (: <"/dev/tcp/127.0.0.1/$postfix_port") 2>/dev/null; }

# By the process id of its own master; master takes its children along.
postfix_stop() {
    local pid deadline=$((SECONDS + 20))
    pid=$(tr -d ' ' <"$postfix_dir/queue/pid/master.pid" 2>/dev/null) || return 0
    [[ $pid =~ ^[0-9]+$ && $(readlink "/proc/$pid/exe") == */master ]] || return 0
    kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" || return 0
    while kill -0 "$pid" 2>/dev/null && ((SECONDS < deadline)); do sleep 0.05; done
}

# postfix_send FROM TO FILE : by SMTP. Prints nothing; a refusal goes to stderr as CODE and text, and is a failure.
postfix_send() {
    python3 -c '
import smtplib, sys
port, sender, to, file = sys.argv[1:]
try:
    with smtplib.SMTP("127.0.0.1", int(port)) as mta:
        mta.sendmail(sender, [to], open(file, "rb").read())
except smtplib.SMTPRecipientsRefused as refused:
    for code, text in refused.recipients.values():
        sys.exit(f"RCPT {code} {text.decode()}")
except smtplib.SMTPResponseException as refused:
    sys.exit(f"{refused.smtp_code} {refused.smtp_error.decode()}")' "$postfix_port" "$@"
}
# postfix_inject FROM TO <MAIL : past the checks of smtpd, as a program on that machine would.
postfix_inject() { sendmail -C "$postfix_dir/etc" -i -f "$1" "$2"; }

postfix_queue() { postqueue -c "$postfix_dir/etc" -j; }
postfix_queue_size() { postfix_queue | wc -l; }
postfix_queue_is() { [[ $(postfix_queue_size) == "$1" ]]; }
postfix_flush() { postqueue -c "$postfix_dir/etc" -f; }
postfix_log_has() { grep -qE -- "$1" "$postfix_dir/log"; }
