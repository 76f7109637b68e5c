# Sourced by tests/flow/*.sh after sandbox.sh: a Postfix of the test's own, below $SCRATCH/postfix; the machine's own instance is not touched.
#   postfix_make LMTP-SOCKET DOMAIN [LMTP-SOCKET DOMAIN]...   starts it: takes mail for each DOMAIN on 127.0.0.1:$postfix_port (postfix_free_port chooses it,
#                      before where it must be known), hands it to that cirtd by LMTP, sends nothing out
#   postfix_boxes=(DOMAIN...)   before that: mail to anybody there becomes a file in $postfix_dir/box/ADDRESS/
#                      but to nobody@ it bounces
#   postfix_nobody=(DOMAIN...)  before that: there is nobody there, which is said at RCPT

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

# The line that says where mail for a domain goes.
postfix_transports() {
    local domain
    while (($#)); do
        printf ' {%s = lmtp:unix:%s}' "$2" "$1"
        shift 2
    done
    for domain in "${postfix_boxes[@]}"; do printf ' {%s = box:}' "$domain"; done
    for domain in "${postfix_nobody[@]}"; do printf ' {%s = error:5.1.1 there is nobody of that name}' "$domain"; done
}
# What is accepted for our domains.
postfix_mailboxes() {
    local pattern
    while (($#)); do
        pattern=${2//./\\.}
        printf ' {/^(incident|case\\+[0-9A-Za-z-]+)@%s$$/ ok}' "$pattern"
        shift 2
    done
}
postfix_domains() { while (($#)); do printf ' %s' "$2"; shift 2; done; }

postfix_boxes=() postfix_nobody=()
postfix_make() {
    [[ -n ${postfix_port:-} ]] || postfix_free_port
    mkdir -p "$postfix_dir"/{etc,queue,data,box}
    chmod 0755 "$postfix_dir" "$postfix_dir/etc" "$postfix_dir/queue"
    chown postfix: "$postfix_dir/data"
    chown nobody: "$postfix_dir/box"
    chmod 0700 "$postfix_dir/data"
    cat >"$postfix_dir/etc/box" <<'TEXT'
#!/bin/bash
# DIR RECIPIENT : a message, whole or not at all
[[ $2 != nobody@* ]] || { echo 'there is nobody here'; exit 67; }
umask 022
mkdir -p "$1/$2" && cat >"$1/$2/.$$" && mv "$1/$2/.$$" "$1/$2/$(date +%s%N)-$$"
TEXT
    chmod 0755 "$postfix_dir/etc/box"
    # The lines that docs/OPERATIONS.md shows, and what keeps this instance to itself.
    cat >"$postfix_dir/etc/main.cf" <<TEXT
virtual_mailbox_domains =$(postfix_domains "$@")
virtual_mailbox_maps = regexp:{$(postfix_mailboxes "$@") }
virtual_transport = lmtp:unix:$1
transport_maps = inline:{$(postfix_transports "$@") }
message_size_limit = 33554432
header_checks = regexp:{{/^Authentication-Results:[[:space:]]*mx\\.${2//./\\.}[[:space:];]/ IGNORE}}

compatibility_level = 3.6
config_directory = $postfix_dir/etc
queue_directory = $postfix_dir/queue
data_directory = $postfix_dir/data
maillog_file = $postfix_dir/log
maillog_file_prefixes = $postfix_dir
myhostname = mta.$2
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
box unix - n n - - pipe flags=Rq null_sender= user=nobody argv=$postfix_dir/etc/box $postfix_dir/box \${recipient}
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
# postfix_box ADDRESS : the files of the mails that came there, one a line, the oldest first
postfix_box() { find "$postfix_dir/box/$1" -type f ! -name '.*' 2>/dev/null | sort; }
postfix_box_is() { [[ $(postfix_box "$1" | wc -l) == "$2" ]]; }
