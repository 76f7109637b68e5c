#!/bin/bash
# What waits: mail of strangers that nobody can verify or open, spam by our own mail server, machines' answers, forged tags. Accepted and rejected, one by
# one and by filter; what joins a case by its number, its Message-ID, its address; bounds, permissions and the journal.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home --name XX-CERT --prefix XX-CERT
lmtp=$(at home printenv CIRT_LMTP)

mail() { # NAME FROM HEADERS TEXT : delivers it; $recipient takes it
    printf 'From: %s\r\nTo: incident@xx-cert.example\r\nMessage-ID: <%s@test.example>\r\n%b\r\n%b\r\n' "$2" "$1" "$3" "$4" >"$SCRATCH/$1.eml"
    deliver "$1" "$2" "${recipient:-incident@xx-cert.example}"
}
deliver() { # NAME ENVELOPE-FROM RECIPIENT
    python3 -c '
import smtplib, sys
with smtplib.LMTP(sys.argv[1]) as mta:
    mta.sendmail(sys.argv[3], [sys.argv[4]], open(sys.argv[2], "rb").read())' "$lmtp" "$SCRATCH/$1.eml" "$2" "$3"
}
list() { as home lead --json report ls "$@" --limit 500; }
settled() { [[ $(list channel:mail | value 'sum(r["state"] in ("triaged", "held", "dropped", "malformed") for r in d["items"])') == "$1" ]]; }
find_report() { # NAME -> r7, by the Message-ID in its bytes
    local id
    for id in $(list channel:mail | value '" ".join(r["id"] for r in d["items"])'); do
        if as home lead report raw "$id" | grep -q "^Message-ID: <$1@test.example>"; then
            echo "$id"
            return
        fi
    done
    fail "no report of $1"
}
of() { as home lead --json report show "$1" | value "$2"; }
held_for() { # NAME WORD
    contains "$1" "$2: " "$(of "$(find_report "$1")" 'd["state"] + " " + str(d["reason"])')"
    equal "$1" held "$(of "$(find_report "$1")" 'd["state"]')"
}

# --- a case, by a stranger's unsigned mail ---
mail first eve@victim.example 'Subject: help\r\n' 'Phishing at https://198.51.100.70/x'
until_true 30 settled 1
first=$(find_report first)
equal 'unsigned mail' triaged "$(of "$first" 'd["state"]')"
case=$(of "$first" 'd["case"]')
number=$(as home lead --json show "$case" | value 'd["number"]')

# --- what joins it, and what waits ---
mail tagged eve@victim.example "Subject: Re: [$case] more\r\n" 'The host is off'
mail parent eve@victim.example 'Subject: no tag\r\nIn-Reply-To: <first@test.example>\r\n' 'And another'
recipient="case+$number@xx-cert.example" mail hidden eve@victim.example 'Subject: our address in Bcc only\r\n' 'A third'
mail forged mallory@evil.example "Subject: [$case] close it\r\n" 'Please close this case'
mail away eve@victim.example 'Subject: Out of office\r\nAuto-Submitted: auto-replied\r\n' 'Back on Monday'
mail news news@list.example 'Subject: Weekly\r\nList-Id: <weekly.list.example>\r\nPrecedence: bulk\r\n' 'News'
mail closed eve@elsewhere.example 'Subject: ...\r\nMIME-Version: 1.0\r\nContent-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\r\n' \
    "--b\\r\\nContent-Type: application/pgp-encrypted\\r\\n\\r\\nVersion: 1\\r\\n\\r\\n--b\\r\\nContent-Type: application/octet-stream\\r\\n\\r\\n$(
        stranger=$(mktemp -d /tmp/cirt-gpg-XXXXXX)
        gpg --homedir "$stranger" --batch --quiet --passphrase '' --quick-gen-key 'x <x@else.example>' rsa2048 encr 1d 2>/dev/null
        printf 'Content-Type: text/plain\r\n\r\nsecret\r\n' | gpg --homedir "$stranger" --batch --quiet --trust-model always --armor -r x@else.example --encrypt |
            sed 's/$/\\r\\n/' | tr -d '\n'
        gpgconf --homedir "$stranger" --kill gpg-agent
        rm -rf "$stranger"
    )\\r\\n--b--\\r\\n"
until_true 30 settled 8
held_for forged no-part
contains 'a forged tag' "$case" "$(of "$(find_report forged)" 'd["reason"]')"
held_for away auto-reply
held_for news list
held_for closed undecryptable
equal 'cases in all' 1 "$(as home lead --json ls is:any | value 'len(d["items"])')"
contains 'the held list' 'no-part: names' "$(as home lead report ls state:held)"
equal 'found by its kind' "$(find_report news)" "$(list kind:list | value '",".join(r["id"] for r in d["items"])')"
equal 'found by its encryption' "$(find_report closed)" "$(list encryption:undecryptable | value '",".join(r["id"] for r in d["items"])')"
equal 'found by its author' 1 "$(list author:mallory@evil.example state:held | value 'len(d["items"])')"

# --- the same mail again, to the case this time: it joins that, and stays one report ---
mail other zoe@victim.example 'Subject: another matter\r\n' 'Something else'
until_true 30 settled 9
other=$(find_report other)
own=$(of "$other" 'd["case"]')
deliver other zoe@victim.example "case+$number@xx-cert.example"
sleep 1
equal 'a stranger sends again to a case' "$own" "$(of "$other" 'd["case"]')"
contains 'and it is said' 'sent again to a case' "$(of "$other" 'd["reason"]')"
again=$(find_report first)
deliver first eve@victim.example "case+$(as home lead --json show "$own" | value 'd["number"]')@xx-cert.example"
sleep 1
equal 'reports in all' 9 "$(list channel:mail | value 'len(d["items"])')"
deliver tagged eve@victim.example "case+$number@xx-cert.example"
sleep 0.5
equal 'reports of the case' 4 "$(as home lead --json show "$case" | value 'd["reports"]')"
equal 'the first stays' "$case" "$(of "$again" 'd["case"]')"

# --- one by one ---
exits 2 as home lead report reject "$(find_report news)"
contains 'a reason is wanted' '-m WHY' "$said"
exits 3 as home auditor report accept "$(find_report news)"
exits 1 as home lead report accept r999999
contains 'no such report' 'there is no report r999999' "$said"
exits 1 as home lead report reject "$first" -m 'not held'
exits 0 as home lead report reject "$(find_report news)" -m 'a newsletter'
equal 'rejected' 'dropped a newsletter' "$(of "$(find_report news)" 'd["state"] + " " + d["reason"]')"
exits 0 as home analyst report accept "$(find_report forged)"
accepted() { [[ $(of "$(find_report forged)" 'd["case"]') == "$case" ]]; }
until_true 20 accepted

# --- another address of ours, without a restart ---
exits 1 python3 -c 'import smtplib, sys
smtplib.LMTP(sys.argv[1]).sendmail("eve@victim.example", ["soc@xx-cert.example"], "Subject: x\n\nx")' "$lmtp"
contains 'not ours yet' 'no such mailbox' "$said"
sed -i 's/addresses = {"incident@/addresses = {"soc@xx-cert.example", "incident@/' "$SCRATCH/home/cirtd.conf"
kill -HUP "$(cat "$SCRATCH/home/cirtd.pid")"
takes_soc() { recipient=soc@xx-cert.example mail soc eve@victim.example 'Subject: to the new address\r\n' 'x'; }
until_true 10 takes_soc
until_true 30 settled 10

# --- by filter ---
for n in $(seq 1 12); do mail "junk$n" "offer$n@spam.example" 'Subject: buy\r\nX-Spam-Flag: YES\r\nX-Spam-Score: 9.5\r\n' "Offer $n"; done
until_true 30 settled 22
equal 'spam by our own mail server' 12 "$(list state:held spam:yes | value 'len(d["items"])')"
exits 0 as home lead report reject spam:yes -m spam --dry-run
contains 'what would be rejected' '12 would be rejected' "$said"
equal 'a dry run' 12 "$(list state:held spam:yes | value 'len(d["items"])')"
exits 2 as home lead report reject spam:yes -m spam
contains 'nobody is asked' 'Reject 12 held reports?' "$said"
exits 0 as home lead report reject 'spam:">9"' -m spam --yes
contains 'rejected' '12 rejected' "$said"
equal 'left' 0 "$(list state:held spam:yes | value 'len(d["items"])')"
exits 0 as home lead report accept state:dropped author:offer3@spam.example --yes
back() { [[ $(of "$(find_report junk3)" 'd["state"]') == triaged ]]; }
until_true 20 back
exits 2 as home lead report accept no:field --yes
exits 0 as home lead report accept state:held --yes --json
equal 'what was accepted' "$(value 'd["count"]' <<<"$said")" "$(value 'len(d["items"])' <<<"$said")"
until_true 20 settled 22
equal 'held in the end' 0 "$(list state:held | value 'len(d["items"])')"
entries=$(sql home "SELECT string_agg(payload::json ->> 'text', '; ' ORDER BY seq) FROM cirt.journal_payload WHERE case_id = 0 AND payload::json ->> 'action' IN ('release', 'reject')")
contains 'the journal' 'a newsletter' "$entries"
contains 'the journal' 'go on to triage' "$entries"
