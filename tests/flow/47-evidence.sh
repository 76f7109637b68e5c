#!/bin/bash
# What mails bring is evidence of their cases: listed with its SHA-256, taken out byte for byte, sent along; and what an analyst adds.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home --name XX-CERT --prefix XX-CERT
head -c 100000 /dev/urandom >"$SCRATCH/disk.img"
printf '\033[31mred\033[0m = not ours\n' >"$SCRATCH/note.txt"
python3 - "$SCRATCH" "$(at home printenv CIRT_LMTP)" <<'PY'
import email.message, smtplib, sys
folder, lmtp = sys.argv[1:]
mail = email.message.EmailMessage()
mail["From"], mail["To"], mail["Subject"] = "eve@victim.example", "incident@xx-cert.example", "infected"
mail.set_content("The host 198.51.100.70 is infected, see the files.")
mail.add_attachment(open(folder + "/disk.img", "rb").read(), maintype="application", subtype="octet-stream", filename="disk.img")
mail.add_attachment(open(folder + "/note.txt", "rb").read(), maintype="application", subtype="x-note", filename="=1+1 ../../note.txt")
with smtplib.LMTP(lmtp) as mta:
    mta.send_message(mail, "eve@victim.example", ["incident@xx-cert.example"])
PY
is_there() { [[ $(as home lead --json ls is:any | value 'len(d["items"])') == 1 ]]; }
until_true 30 is_there
list() { as home lead --json evidence 1 | value "$1"; }

equal 'what the mail brought' 2 "$(list 'len(d["items"])')"
equal 'its hash' "$(sha256sum <"$SCRATCH/disk.img" | cut -c1-64)" "$(list 'd["items"][0]["sha256"]')"
equal 'where it came from' r1 "$(list 'd["items"][0]["report"]')"
first=$(list 'd["items"][0]["id"]')
as home lead evidence 1 get "$first" >"$SCRATCH/out"
cmp "$SCRATCH/disk.img" "$SCRATCH/out" || fail 'what was taken out is not what came'
contains 'the list' 'disk' "$(as home lead evidence 1)"
contains 'its size' 'kB' "$(as home lead evidence 1 ls)"
exits 1 as home lead report verify r1
equal 'read again, the numbers stay' "$first" "$(list 'd["items"][0]["id"]')"

# --- added by hand ---
contains 'added' 'kept as evidence e' "$(as home analyst evidence 1 add "$SCRATCH/note.txt" --tlp green)"
equal 'who added it' analyst "$(list 'd["items"][2]["added_by"]')"
equal 'its label' green "$(list 'd["items"][2]["tlp"]')"
contains 'the journal' 'added evidence e' "$(as home lead journal 1)"
equal 'verified' true "$(as home lead --json evidence 1 verify | value 'str(all(i["intact"] for i in d["items"])).lower()')"
contains 'said' '0 changed, 3 are what their SHA-256 says' "$(as home lead evidence 1 verify)"
sent=$(as home lead --json reply 1 -m 'Is it this one?' --tlp green --evidence "$(list 'd["items"][2]["id"]')" --dry-run 2>&1 || true)
lacks 'a reply takes it along' 'has no evidence' "$sent"

# --- refused ---
exits 1 as home lead evidence 1 get e99999
exits 1 as home lead evidence 77
as home feed submit "$SOURCE/packaging/samples/phishing.iodef.xml" >/dev/null
triaged home
exits 1 as home lead evidence 2 get "$first"
contains "another case's" "case 2 has no evidence \"$first\"" "$said"
as home lead evidence 1 get "${first#e}" | cmp - "$SCRATCH/disk.img"
exits 2 as home lead evidence 1 get
exits 2 as home lead evidence 1 add /does/not/exist
exits 3 as home auditor evidence 1 add "$SCRATCH/note.txt"
