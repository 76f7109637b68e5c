#!/bin/bash
# Answering by mail from the terminal: whom, how protected, asked before it leaves, taken back, kept whatever fails.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home --name XX-CERT --prefix XX-CERT
lmtp=$(at home printenv CIRT_LMTP)
mkdir -m 0700 "$SCRATCH/gnupg"
gpg() { command gpg --homedir "$SCRATCH/gnupg" --batch --quiet --no-tty --passphrase '' --pinentry-mode loopback "$@" 2>/dev/null; }
stop_agent() { gpgconf --homedir "$SCRATCH/gnupg" --kill all; }
at_end stop_agent

# mail_in FROM SUBJECT : brings a mail and waits until it is triaged
mail_in() {
    python3 -c '
import email.utils, smtplib, sys
with smtplib.LMTP(sys.argv[1]) as mta:
    mta.sendmail(sys.argv[2], ["incident@xx-cert.example"], (
        f"From: {sys.argv[2]}\r\nTo: incident@xx-cert.example\r\nSubject: {sys.argv[3]}\r\nDate: {email.utils.formatdate()}\r\n"
        f"Message-ID: {email.utils.make_msgid(domain=chr(120) + chr(46) + chr(120))}\r\n\r\n"
        "Kit at http://login.bank.example/x on 198.51.100.7\r\nvim: set x:\r\n-- \r\nSOC\r\n").encode())' "$lmtp" "$1" "$2"
    until_true 20 settled
}
settled() { [[ $(as home lead --json report ls is:any | value 'all(r["state"] == "triaged" for r in d["items"])') == true ]]; }
# on_terminal ANSWER words... : cirt as the lead on a terminal, with ANSWER typed at its question; what it printed
on_terminal() {
    local answer=$1
    shift
    at home env ANSWER="$answer" TERM=xterm python3 -c '
import os, pty, sys
def read(fd):
    data = os.read(fd, 4096)
    if b"e to edit]" in data and not read.done:
        read.done = True
        os.write(fd, os.environ["ANSWER"].encode() + b"\n")
    return data
read.done = False
sys.exit(os.waitstatus_to_exitcode(pty.spawn(["cirt", "--profile", "lead", *sys.argv[1:]], read, lambda fd: b"")))' "$@" </dev/null
}
state_of() { as home lead --json draft show "$1" | value 'd["state"]'; }

mail_in soc@bank-b.example 'URGENT: kit'
case=$(as home lead --json ls is:any | value 'd["items"][0]["number"]')
as home lead take "$case" >/dev/null

# --- who stands in the way, and what helps ---
exits 1 as home lead reply "$case" -m 'We look at it.' --yes
contains 'why' 'soc@bank-b.example: no key, and no waiver for TLP:AMBER in clear' "$said"
contains 'what helps' 'cirt contact waiver soc@bank-b.example' "$said"
contains 'kept' 'cirt draft edit|send|rm m1' "$said"
equal 'as a draft' draft "$(state_of m1)"
exits 1 as home lead --json reply "$case" -m 'We look at it.' --yes
equal 'the refusal as JSON' false "$(value 'd["sendable"]' <<<"$said")"
exits 1 as home lead draft send m1 --dry-run
as home lead draft rm m1 --yes >/dev/null
exits 1 as home lead draft send m1
exits 3 as home auditor reply "$case" -m 'x'

# --- in clear by a waiver: named, asked, recalled ---
as home lead contact waiver soc@bank-b.example --up-to amber --until "$(date -d '+30 days' +%F)" -m 'agreed by phone' >/dev/null
said=$(as home lead reply "$case" -m 'We look at it.' --dry-run </dev/null)
contains 'who gets it in clear' 'IN CLEAR  soc@bank-b.example' "$said"
contains 'by what' 'in clear: waiver of lead up to TLP:AMBER until' "$said"
contains 'the text' 'We look at it.' "$said"
contains 'nothing' 'Nothing was sent.' "$said"
# nobody has to write for it
said=$(at home env EDITOR=false python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' cirt --profile lead reply "$case" --dry-run </dev/null)
contains 'who would get it' 'IN CLEAR  soc@bank-b.example' "$said"
equal 'a dry run leaves nothing' 'm2' "$(as home lead --json draft ls | value '" ".join(m["id"] for m in d["items"])')"
exits 1 as home lead mail "$case" --to stranger@else.example --bcc other@else.example -m 'We look at it.' --dry-run </dev/null
equal 'nor a thread' soc@bank-b.example "$(as home lead --json mails "$case" | value '" ".join(t["contact"]["address"] for t in d["threads"])')"
equal 'nor contacts' 0 "$(as home lead --json contact ls | value 'sum("@else.example" in c["address"] for c in d["items"])')"
exits 2 as home lead reply "$case" -m 'We look at it.' </dev/null
contains 'nobody to ask' '--yes says yes in a script' "$said"
sent=$(as home lead --json reply "$case" -m 'We look at it.' --yes)
id=$(value 'd["id"]' <<<"$sent")
equal 'can be recalled' true "$(value 'd["recall_until"] is not None' <<<"$sent")"
equal 'the label and the tag are put there' true "$(value 'd["subject"].startswith("Re: ")' <<<"$sent")"
as home lead recall "$id" >/dev/null
equal 'taken back' recalled "$(state_of "$id")"
exits 1 as home lead recall "$id"
as home lead draft edit "$id" --subject 'Other words' -m 'Better words.' >/dev/null
equal 'changed' 'Better words.' "$(as home lead --json draft show "$id" | value 'd["text"].strip()')"

# --- on a terminal: the editor, the preview, the question ---
cat >"$SCRATCH/editor" <<TEXT
#!/usr/bin/env python3
import sys
text = open(sys.argv[1], encoding="utf-8").read()
open("$SCRATCH/seen", "w", encoding="utf-8").write(text)
head, body = text.split("\n\n", 1)
open(sys.argv[1], "w", encoding="utf-8").write(head + "\n\n" + open("$SCRATCH/words", encoding="utf-8").read() + body)
TEXT
chmod 0755 "$SCRATCH/editor"
export EDITOR=$SCRATCH/editor
unset VISUAL
echo 'Thank you, we are on it.' >"$SCRATCH/words"
exits 1 on_terminal n reply "$case"
contains 'asked' 'to 1 person, IN CLEAR? [y/N, e to edit]' "$said"
contains 'not sent' 'nothing was sent' "$said"
contains 'kept' 'is kept as a draft' "$said"
contains 'to whom, in the editor' 'To: soc@bank-b.example' "$(tr -d '"' <"$SCRATCH/seen" | sed 's/^To: .*<\(.*\)>/To: \1/')"
contains 'quoted' '> Kit at http://login.bank.example/x on 198.51.100.7' "$(cat "$SCRATCH/seen")"
lacks 'no modeline' 'vim: set' "$(cat "$SCRATCH/seen")"
lacks 'their signature stays behind' '> SOC' "$(cat "$SCRATCH/seen")"
exits 0 on_terminal y draft send m"$(sql home 'SELECT max(id) FROM cirt.mail')"
contains 'how to take it back' 'take it back: cirt recall' "$said"
contains 'what was typed, and the modeline as it was' $'Thank you, we are on it.\n' "$(as home lead draft show m"$(sql home 'SELECT max(id) FROM cirt.mail')")"
contains 'the quote is whole again' '> vim: set x:' "$(as home lead draft show m"$(sql home 'SELECT max(id) FROM cirt.mail')")"
EDITOR=true exits 1 on_terminal y reply "$case"
contains 'an answer that nobody wrote' 'nothing was written, nothing was sent' "$said"
as home lead draft rm m"$(sql home 'SELECT max(id) FROM cirt.mail')" --yes >/dev/null
printf 'Bogus: line\n\n' >"$SCRATCH/words"
sed -i 's/head + "\\n\\n" + /"Bogus: x\\n" + head + "\\n\\n" + /' "$SCRATCH/editor"
exits 2 on_terminal y reply "$case"
contains 'a line that is none' 'Bogus' "$said"
kept=$(sed -n 's/.*cirt draft edit m[0-9]* < \([^ ]*\).*/\1/p' <<<"$(tr -d '\r\n' <<<"$said")")
[[ -s $kept ]] || fail "what was typed is not kept: $said"
sed -i 1d "$kept"
as home lead draft edit m"$(sql home 'SELECT max(id) FROM cirt.mail')" <"$kept" >/dev/null
rm -f "$kept"

# --- several threads ---
exits 2 as home lead mail "$case" --to alice@yy.example --tlp green -m 'Did you see it too?' </dev/null
mail_in alice@yy.example "[$(as home lead --json show "$case" | value 'd["id"]')] more"
equal 'who was written to may answer' 1 "$(as home lead --json report ls is:any | value 'len({r["case"] for r in d["items"]})')"
gpg --quick-gen-key 'Alice <alice@yy.example>' ed25519 sign never
fingerprint=$(gpg --list-keys --with-colons alice@yy.example | awk -F: '$1 == "fpr" { print $10; exit }')
gpg --quick-add-key "$fingerprint" cv25519 encr never
gpg --armor --export "$fingerprint" >"$SCRATCH/alice.asc"
as home lead key import "$SCRATCH/alice.asc" >/dev/null
as home lead key pin "$fingerprint" --contact alice@yy.example --yes >/dev/null
exits 1 as home lead --json reply "$case" -m x --yes
equal 'which?' 2 "$(value 'len(d["threads"])' <<<"$said")"
said=$(as home lead reply "$case" --thread alice@yy.example -m 'Which host?' --dry-run </dev/null)
contains 'encrypted' 'encrypted, OpenPGP, ' "$said"
contains 'outside only the reference' "outside   [XX-CERT-" "$said"
lacks 'nobody in clear' 'IN CLEAR' "$said"

# --- to anybody, with a template; hidden ones apart; a file ---
said=$(as home lead mail "$case" --to 'Alice <alice@yy.example>' --bcc soc@bank-b.example --template question -m 'Which host was it?' \
    --attach "$SCRATCH/alice.asc" --dry-run </dev/null)
contains 'the visible one' 'Alice <alice@yy.example>' "$said"
contains 'encrypted though the hidden one has no key' 'encrypted, OpenPGP' "$said"
contains 'and that one in clear' 'IN CLEAR  soc@bank-b.example' "$said"
contains 'into the template' $'following:\n\nWhich host was it?\n\nIf you cannot' "$said"
contains 'the file' 'attached  alice.asc' "$said"
exits 2 as home lead mail "$case" -m x
exits 2 as home lead mail "$case" --to nobody -m x
exits 1 as home lead mail "$case" --to incident@xx-cert.example -m x --yes
contains 'not to ourselves' 'come back' "$said"
exits 1 as home lead mail "$case" --to alice@yy.example --tlp red -m x --yes
contains 'never RED' 'TLP:RED' "$said"
exits 1 as home lead mail "$case" --to alice@yy.example --tlp amber+strict -m x --yes
contains 'strict needs a decision' '--strict' "$said"
as home lead mail "$case" --to alice@yy.example --tlp amber+strict --strict -m x --yes >/dev/null

# --- close, and tell everybody who reported ---
said=$(as home lead close "$case" --as fixed --tell-reporters --tell 'The site is offline.' --dry-run)
contains 'who would be told' soc@bank-b.example "$said"
contains 'and the other' alice@yy.example "$said"
equal 'not closed' false "$(as home lead --json show "$case" | value 'd["state"] == "closed"')"
exits 2 as home lead close "$case" --as fixed --dry-run
said=$(as home lead close "$case" --as fixed -m 'internal: do not tell' --tell-reporters --tell 'The site is offline.' --yes)
contains 'closed' "case $case: closed as fixed" "$said"
equal 'each once' 2 "$(sql home "SELECT count(*) FROM cirt.mail WHERE occasion = 'closing' AND state = 'waiting'")"
equal 'the text' 2 "$(sql home "SELECT count(*) FROM cirt.mail WHERE occasion = 'closing' AND body LIKE '%The site is offline.%' AND body NOT LIKE '%internal%'")"
said=$(as home lead --json close "$case" --as fixed --tell-reporters --dry-run)
equal 'nobody is told twice' 0 "$(value 'len(d["items"])' <<<"$said")"
said=$(as home lead mails "$case")
contains 'both ways' they "$said"
contains 'ours' 'waiting, encrypted' "$said"
