#!/bin/bash
# Feeds: records, drop folders, counts, pausing, quotas, notices.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home --name XX-CERT --prefix XX-CERT --smtp smtp://127.0.0.1:9 # nobody listens: what would be mailed waits
box=$SCRATCH/home
feed() { as home lead --json feed show "$1" | value "$2"; }
said() { [[ $(feed "$1" "$2") == "$3" ]]; }
csv=$SOURCE/packaging/samples/2026-11-20-event4_sinkhole_http-xx_cert.csv

# --- records: what is wrong is told, what is right is a feed whose identity is a feed's ---
exits 1 as home admin feed add nothing
contains "a feed has to come somehow" "how does it come" "$said"
exits 1 as home admin feed add two --push --drop
exits 1 as home admin feed add plain --https http://feeds.example/x.csv
exits 1 as home admin feed add strange --drop --format klingon
exits 1 as home admin feed add strange --drop --class klingon/attack
exits 1 as home admin feed add ../etc --drop
exits 1 as home admin feed add outside --https https://feeds.example/x --credentials ../../etc/passwd
exits 1 as home admin feed add telling --https 'https://user:secret@feeds.example/x'
contains 'a password stands in no record' 'credentials' "$said"
exits 1 as home admin feed add telling --https 'https:///user:secret@feeds.example/x'
exits 3 as home analyst feed add mine --drop
contains 'where its files go' "$box/drop/shadowserver" "$(as home admin feed add shadowserver --drop --tlp green --class phishing --fresh 2d --confidence 60)"
equal "the class is RSIT's" fraud/phishing "$(feed shadowserver 'd["default_class"]')"
equal "its identity is a feed" feed "$(as home lead --json analyst show shadowserver | value 'd["role"]')"
exits 1 as home admin feed add shadowserver --drop
contains "it is there already" "cirt feed set shadowserver" "$said"
exits 1 as home admin feed add mistake --drop --every 5m
contains 'nobody asks it' 'brings its documents itself' "$said"
exits 1 as home admin feed add tables --taxii https://taxii.example/api/collections/1/ --format shadowserver
contains 'a collection is of STIX' 'a TAXII feed brings STIX' "$said"
as home admin feed add tables --taxii https://taxii.example/api/collections/1/ --every 30d >/dev/null
exits 1 as home admin feed set tables --format json
as home admin feed set tables --https https://feeds.example/x --format json >/dev/null
exits 1 as home admin feed set tables --taxii https://taxii.example/api/collections/1/
contains 'what it was before counts no less' 'not read as json' "$said"
as home admin feed set tables --taxii https://taxii.example/api/collections/1/ --format none >/dev/null
equal 'which is STIX' stix "$(feed tables 'd["format"]')"
as home admin feed rm tables --yes >/dev/null
exits 1 as home admin feed add hasty --https https://feeds.example/x --every 1s
contains 'a stranger is not asked each second' 'every is a number from 60' "$said"
exits 2 as home admin feed add mistake --https https://feeds.example/x --ca "$box/ca/ca.key"
contains 'no key is stored' 'it holds a private key' "$said"
as home admin feed add mistake --drop --keep no >/dev/null
as home admin feed rm mistake --yes >/dev/null
contains 'who has no key cannot send' 'cirt feed set silent-one --key' "$(as home admin feed add silent-one --push)"
as home admin feed rm silent-one --yes >/dev/null
lacks 'of what never brought anything nothing stays' mistake "$(as home lead feed ls)"
shown=$(as home lead feed show shadowserver)
contains 'durations in words' 'fresh          2 days' "$shown"
contains 'where its files go' "files put into $box/drop/shadowserver" "$shown"
lacks 'what is not set is left out' credentials "$shown"
as home admin feed set shadowserver --documents-per-hour 5 --fresh 3d >/dev/null
as home admin feed set shadowserver --documents-per-hour none --format shadowserver >/dev/null
equal "a quota is taken away" true "$(feed shadowserver 'd["documents_per_hour"] is None')"
as home admin feed set shadowserver --format none --fresh 2d >/dev/null
equal "so is a format" true "$(feed shadowserver 'd["format"] is None')"
equal 'what was not named stays' green "$(feed shadowserver 'd["default_tlp"]')"
as home admin feed set shadowserver --key "$(printf '%064d' 7)" >/dev/null
as home admin feed set shadowserver --key none >/dev/null
equal 'lists are emptied' '[]' "$(feed shadowserver 'd["keys"]')"
as home admin feed add away --https https://feeds.example/x >/dev/null
exits 1 as home admin feed set away --https none
as home admin feed rm away --yes >/dev/null
equal "what was a feed's identity before is a feed that pushes" push "$(feed feed 'd["kind"]')"

# --- a drop folder: finished files only ---
drop=$box/drop/shadowserver
until_true 20 test -d "$drop"
cp "$csv" "$drop/.hidden.csv"
cp "$csv" "$drop/growing.csv.part"
cp "$csv" "$drop/OTHER.CSV.PART"
mv "$drop/growing.csv.part" "$drop/$(basename "$csv")"
until_true 20 test -f "$drop/done/$(basename "$csv")"
[[ -f $drop/.hidden.csv ]] || fail "a hidden file was taken"
[[ -f $drop/OTHER.CSV.PART ]] || fail "a file that is still written was taken"
rm "$drop/OTHER.CSV.PART"
triaged home
until_true 20 said shadowserver 'd["rows"]' 214
equal "one document" 1 "$(feed shadowserver 'd["documents"]')"
equal "it came by the folder" drop "$(as home lead --json report show r1 | value 'd["channel"]')"
equal "its sender is the feed" shadowserver "$(as home lead --json report show r1 | value 'd["sender"]')"
equal "the feed's label" green "$(as home lead --json report show r1 | value 'd["tlp"]')"
at home cirt --profile lead report raw r1 | cmp - "$csv"
# The same bytes under another name: known by their digest, and put away all the same.
cp "$csv" "$drop/again.csv"
until_true 20 test -f "$drop/done/again.csv"
until_true 20 said shadowserver 'd["duplicates"]' 1
equal "rows count once" 214 "$(feed shadowserver 'd["rows"]')"
# A file that was there before, under the name of one in done/.
printf '%s\n' '{"description":"from a drop folder","observations":[{"source":{"ip":"198.51.100.7"}}]}' >"$SCRATCH/one.json"
printf '%s\n' '{"description":"another from a drop folder","observations":[{"source":{"ip":"198.51.100.8"}}]}' >"$SCRATCH/two.json"
cp "$SCRATCH/one.json" "$drop/x.json"
until_true 20 test -f "$drop/done/x.json"
cp "$SCRATCH/two.json" "$drop/x.json"
until_true 20 bash -c "ls '$drop/done' | grep -q '^[0-9]*-x.json$'"
# What turns out malformed when it is read moves on, with the reason; the same bytes again at once, a good one of its name stays.
printf '%s' '{"description":' >"$SCRATCH/cut.json"
cp "$SCRATCH/cut.json" "$drop/x.json"
until_true 30 bash -c "ls '$drop/failed' 2>/dev/null | grep -q '^[0-9]*-x.json.reason$'"
contains 'why' 'is malformed: wrong JSON' "$(cat "$drop"/failed/*-x.json.reason)"
contains 'where to look' 'cirt report show r' "$(cat "$drop"/failed/*-x.json.reason)"
cmp "$drop"/failed/*-x.json "$SCRATCH/cut.json"
cmp "$drop/done/x.json" "$SCRATCH/one.json"
cp "$SCRATCH/cut.json" "$drop/cut.json"
until_true 30 test -f "$drop/failed/cut.json.reason"
[[ -f $drop/failed/cut.json && ! -e $drop/done/cut.json ]] || fail 'a known malformed file'
# One that somebody has open is not finished, however quiet it is; one that was linked into the folder is.
aged() { python3 -c 'import os, sys; os.utime(sys.argv[1], (1e9, 1e9))' "$1"; } # touch(1) would open and close it
exec 5>"$drop/halfway.json"
printf '{"description":"half' >&5
aged "$drop/halfway.json"
printf '{"description":"linked"}' >"$SCRATCH/linked.json"
aged "$SCRATCH/linked.json"
ln "$SCRATCH/linked.json" "$drop/linked.json"
until_true 20 test -f "$drop/done/linked.json"
sleep 1
[[ -f $drop/halfway.json ]] || fail 'half a file was taken'
printf ' and half"}' >&5
exec 5>&-
until_true 20 test -f "$drop/done/halfway.json"
equal 'all of it' '{"description":"half and half"}' "$(cat "$drop/done/halfway.json")"
# Left there while nobody watched, and long finished; one that is still open is known by asking, where the file is fetch's own.
sandbox stop "$box"
exec 5>"$drop/still.json"
printf '{"description":"still' >&5
[[ $EUID != 0 ]] || chown cirt-fetch: "$drop/still.json"
aged "$drop/still.json"
cp "$SCRATCH/two.json" "$drop/left.json"
printf ' ' >>"$drop/left.json"
touch -d '5 minutes ago' "$drop/left.json"
sandbox start "$box" 5>&-
until_true 30 test -f "$drop/done/left.json"
[[ -f $drop/still.json ]] || fail 'a file that is open was taken'
printf ' open"}' >&5
exec 5>&-
until_true 20 test -f "$drop/done/still.json"
equal 'what was open' '{"description":"still open"}' "$(cat "$drop/done/still.json")"
# Neither a link out of the folder nor a pipe is followed.
ln -s /etc/passwd "$drop/link.csv"
mkfifo "$drop/pipe.csv"
# What is set holds for whatever comes behind it, though fetch may learn of both at once.
fetch=$(sed -n 's/.* role_started role=fetch instance=1 pid=//p' "$box/log/cirtd.log" | tail -n 1)
kill -STOP "$fetch"
as home admin feed set shadowserver --document-max 1kB --keep no
head -c 5000 /dev/zero | tr '\0' x >"$drop/long.csv"
kill -CONT "$fetch"
until_true 20 test -f "$drop/failed/long.csv.reason"
contains "the reason lies beside it" "more than 1000 bytes" "$(cat "$drop/failed/long.csv.reason")"
# One that cannot be read is put aside, and holds up no other.
install -m 0000 "$csv" "$drop/closed.tmp"
touch -d '1 minute ago' "$drop/closed.tmp"
mv "$drop/closed.tmp" "$drop/closed.csv"
printf '{"description":"behind it"}' >"$drop/behind.json"
until_true 20 test -f "$drop/failed/closed.csv.reason"
contains "why it was not taken" "cannot be read" "$(cat "$drop/failed/closed.csv.reason")"
until_true 20 test ! -e "$drop/behind.json"
until_true 20 said shadowserver 'd["state"]' unreadable
contains "which limit it is" "cirt feed set shadowserver --document-max N" "$(as home lead feed show shadowserver)"
exits 1 as home lead doctor
contains "doctor tells" "feed shadowserver" "$said"
mailed() { [[ $(sql home "SELECT count(*) FROM mail WHERE occasion = 'warning' AND subject = 'Feeds need a look'") -ge 1 ]]; }
until_true 30 mailed
as home lead feed seen shadowserver
equal "seen" ok "$(feed shadowserver 'd["state"]')"
: >"$drop/empty.json"
touch -d '5 minutes ago' "$drop/empty.json"
until_true 20 test -f "$drop/failed/empty.json.reason"
contains 'what is empty needs no other rights' 'its sender wrote nothing into it' "$(as home lead feed show shadowserver)"
as home lead feed seen shadowserver
sed 's/7/9/' "$SCRATCH/one.json" >"$drop/small.json"
until_true 20 bash -c "! test -e '$drop/small.json'"
[[ ! -e $drop/done/small.json ]] || fail "the file was kept"
[[ -L $drop/link.csv && -p $drop/pipe.csv ]] || fail "a link or a pipe was taken"

# What cannot be moved stays, and holds up no other: it is stored once, and told once.
as home admin feed add stuck --drop >/dev/null
stuck=$box/drop/stuck
until_true 20 test -d "$stuck"
install -d -m 0555 "$stuck/done" "$stuck/failed"
: >"$stuck/nothing.json"
touch -d '5 minutes ago' "$stuck/nothing.json"
until_true 30 said stuck 'd["refused"]' 1
for i in 1 2; do
    printf '{"description":"stuck %s"}' "$i" >"$stuck/$i.tmp"
    touch -d '5 minutes ago' "$stuck/$i.tmp"
    mv "$stuck/$i.tmp" "$stuck/$i.json"
    until_true 20 said stuck 'd["documents"]' "$i"
done
contains 'it lies where it was' 'could not be moved to failed/' "$(as home lead feed show stuck)"
lacks 'and nowhere else' 'it lies in failed/' "$(as home lead feed show stuck)"
sleep 11 # the folder is looked through again
equal 'neither counted nor stored again' '[1, 2, 0]' "$(feed stuck '[d["refused"], d["documents"], d["duplicates"]]')"
printf '{"description":"a newer one"}' >"$SCRATCH/newer.json"
mv "$SCRATCH/newer.json" "$stuck/2.json"
until_true 20 said stuck 'd["documents"]' 3
equal 'it is not touched' '{"description":"stuck 1"}{"description":"a newer one"}' "$(cat "$stuck/1.json" "$stuck/2.json")"
# More of it than fetch keeps in mind: then the folder rests, and no other does.
(cd "$stuck" && seq -f 'many-%g.json' 1010 | xargs touch -d '5 minutes ago')
until_true 60 said stuck 'int(d["refused"] >= 997)' 1
printf '{"description":"from another folder"}' >"$SCRATCH/other.json"
mv "$SCRATCH/other.json" "$drop/other.json"
until_true 20 bash -c "! test -e '$drop/other.json'"
rm "$stuck"/many-*.json

# --- one name given to newer versions while the older is read: what is gone from the folder was read ---
newer_versions() { # prints the digests of those that were gone before the next one came
    python3 - "$1" <<'END'
import hashlib, json, os, random, sys, time
name, digest = os.path.join(sys.argv[1], "latest.json"), None
for number in range(80):
    text = json.dumps({"description": f"{sys.argv[1]} {number}", "pad": "x" * random.choice([10, 2000000])}).encode()
    with open(name + ".part", "wb") as file:
        file.write(text)
    if digest and not os.path.exists(name):
        print(digest)
    os.rename(name + ".part", name)
    digest = hashlib.sha256(text).hexdigest()
    time.sleep(random.uniform(0, 0.05))
print(digest)
END
}
for keep in yes no; do
    as home admin feed add "versions-$keep" --drop --keep "$keep" >/dev/null
    folder=$box/drop/versions-$keep
    until_true 20 test -d "$folder"
    newer_versions "$folder" >"$SCRATCH/gone"
    until_true 60 test ! -e "$folder/latest.json"
    [[ $keep == no ]] || find "$folder/done" -type f -exec sha256sum {} + | cut -c1-64 >>"$SCRATCH/gone"
    sql home "SELECT encode(sha256, 'hex') FROM report WHERE channel = 'drop'" | sort -u >"$SCRATCH/read"
    (($(sort -u "$SCRATCH/gone" | wc -l) > 10)) || fail "hardly any version was taken"
    equal "versions that nobody read, --keep $keep" '' "$(sort -u "$SCRATCH/gone" | comm -23 - "$SCRATCH/read")"
done

# --- paused: nothing is taken, nothing is lost ---
as home lead feed pause shadowserver
sed 's/7/10/' "$SCRATCH/one.json" >"$drop/later.json"
sleep 2
[[ -f $drop/later.json ]] || fail "a paused feed was read"
as home lead feed resume shadowserver
touch -d '5 minutes ago' "$drop/later.json"
until_true 30 bash -c "! test -e '$drop/later.json'"
# An hour's quota: what is beyond waits in the folder.
as home admin feed add slow --drop --documents-per-hour 2
until_true 20 test -d "$box/drop/slow"
for i in 1 2 3; do sed "s/7/2$i/" "$SCRATCH/one.json" >"$box/drop/slow/$i.json"; done
until_true 20 test -f "$box/drop/slow/done/2.json"
until_true 20 said slow 'd["state"]' quota
[[ -f $box/drop/slow/3.json ]] || fail "beyond its quota"
contains "which limit is used up" "its 2 documents an hour are used up" "$(as home lead feed show slow)"
touch -d '5 minutes ago' "$box/drop/slow/3.json"
as home admin feed set slow --documents-per-hour none
until_true 30 test -f "$box/drop/slow/done/3.json"
# A feed that only announced itself is silent when its time is up.
as home admin feed add quiet --drop --fresh 1s
until_true 60 said quiet 'd["state"]' silent
until_true 20 test -d "$box/drop/quiet"
sed "s/7/30/" "$SCRATCH/one.json" >"$box/drop/quiet/a.json"
as home admin feed set quiet --fresh 1d
until_true 60 said quiet 'd["state"]' ok

# --- push: counted too ---
equal "a report by push" 201 "$(post home feed /v1/reports application/json "$SCRATCH/one.json" | tail -1)"
equal "and again" 200 "$(post home feed /v1/reports application/json "$SCRATCH/one.json" | tail -1)"
printf '{"description":' >"$SCRATCH/broken.json"
equal "and a broken one" 400 "$(post home feed /v1/reports application/json "$SCRATCH/broken.json" | tail -1)"
printf '"timestamp";"ip"\n"2026-11-20 03:04:05";"192.0.2.1"\n' >"$SCRATCH/form.csv"
equal "and one whose form has changed" 415 "$(post home feed '/v1/reports?name=2026-11-20-scan_http-x.csv' application/octet-stream "$SCRATCH/form.csv" | tail -1)"
until_true 20 said feed '[d["documents"], d["duplicates"], d["malformed"], d["rows"]]' '[4, 1, 2, 1]'
# A table is stored as it is read: what came before is taken back, and counted all the same.
printf '"timestamp","ip","port"\n"2026-11-20 03:04:05","198.51.100.71",21\n' >"$SCRATCH/table.csv"
table='/v1/reports?format=shadowserver&name=2026-11-20-scan_ftp-x.csv'
equal "a table by push" 201 "$(post home feed "$table" text/csv "$SCRATCH/table.csv" | tail -1)"
equal "and again" 200 "$(post home feed "$table" text/csv "$SCRATCH/table.csv" | tail -1)"
until_true 20 said feed '[d["documents"], d["duplicates"], d["malformed"], d["rows"]]' '[6, 2, 2, 2]'

# What it stated before, in another document: known, and counted as such.
as home admin feed add twice --drop
until_true 20 test -d "$box/drop/twice"
for day in 1 2; do
    printf '%s\n' '{"description":"day '$day'","class":"phishing","observations":[{"time":"2026-11-0'$day'T00:00:00Z","source":{"ip":"198.51.100.60"}},{"source":{"ip":"198.51.100.6'$day'"}}]}' >"$SCRATCH/day$day.json"
    cp "$SCRATCH/day$day.json" "$box/drop/twice/"
    until_true 20 test -f "$box/drop/twice/done/day$day.json"
    triaged home
done
until_true 30 said twice '[d["rows"], d["new"], d["known"]]' '[4, 3, 1]'
# How old what it tells is: a year and more.
printf '%s\n' '{"description":"old","observations":[{"time":"2020-01-01T00:00:00Z","source":{"ip":"198.51.100.50"}}]}' >"$SCRATCH/old.json"
as home admin feed add late --drop
until_true 20 test -d "$box/drop/late"
cp "$SCRATCH/old.json" "$box/drop/late/"
until_true 30 said late '(d["lag"] or 0) > 31000000' true
contains "found by when it was reported, as the heading says" "LAST REPORTED" "$(as home lead find 198.51.100.50)"

# --- its quota of an hour, a pause and a longest document: told, with when to come again ---
as home admin feed set feed --documents-per-hour 3
head_of() { at home curl_as feed -D - -o /dev/null -H 'Content-Type: application/json' --data-binary "@$1" "$(at home printenv CIRT_URL)/v1/reports"; }
sed "s/7/41/" "$SCRATCH/one.json" >"$SCRATCH/more.json"
answer=$(head_of "$SCRATCH/more.json")
contains "beyond its quota" "429" "$answer"
contains "which is named" "all that it may in an hour: 3 documents" "$(post home feed /v1/reports application/json "$SCRATCH/more.json")"
exits 4 as home feed submit "$SCRATCH/more.json"
contains "nor waits the terminal for an hour" "say it again in " "$said"
seconds=$(tr -d '\r' <<<"$answer" | sed -n 's/^[Rr]etry-[Aa]fter: //p')
((seconds >= 1 && seconds <= 3600)) || fail "Retry-After: $seconds"
as home admin feed set feed --documents-per-hour 100000 --document-max 10B
answer=$(post home feed /v1/reports application/json "$SCRATCH/more.json")
equal "longer than it may be" 413 "${answer##*$'\n'}"
contains "how long it may be" "one of this feed may have 10" "$answer"
as home admin feed set feed --document-max 1MB
as home lead feed pause feed
equal "paused" 503 "$(post home feed /v1/reports application/json "$SCRATCH/more.json" | tail -1)"
as home lead feed resume feed
equal "and taken again" 201 "$(post home feed /v1/reports application/json "$SCRATCH/more.json" | tail -1)"
as home admin feed set feed --confidence 40 --tlp green
sed "s/7/42/" "$SCRATCH/one.json" >"$SCRATCH/sure.json"
equal "taken" 201 "$(post home feed /v1/reports application/json "$SCRATCH/sure.json" | tail -1)"
# what was agreed gives way to the wider label that a mail has itself, as in other documents
printf 'From: a@b.example\r\nTo: x@xx-cert.example\r\nSubject: s\r\nMessage-ID: <wider@b.example>\r\n\r\nTLP:CLEAR\r\n\r\nPhishing at hxxp://login.bank-w.example/x\r\n' >"$SCRATCH/wider.eml"
wider=$(post home feed /v1/reports message/rfc822 "$SCRATCH/wider.eml" | head -n 1 | value 'd["report"]')
mail_read() { [[ $(as home lead --json report show "$wider" | value 'd["state"]') == triaged ]]; }
until_true 20 mail_read
equal "its own label" clear "$(as home lead --json report show "$wider" | value 'd["tlp"]')"
equal "how sure it is" 40 "$(sql home "SELECT DISTINCT confidence FROM sighting WHERE value = '198.51.100.42'")"

# --- malformed ones, all at once, when the fault is mended: here they were called the wrong thing ---
for day in 1 2 3; do
    sed "s/2026-11-20/2026-11-1$day/" "$csv" >"$SCRATCH/$day.csv"
    equal "not JSON" 400 "$(post home feed "/v1/reports?format=json&name=2026-11-1$day-event4_sinkhole_http-xx_cert.csv" text/csv "$SCRATCH/$day.csv" | tail -1)"
done
contains "which they would be" "5 would be read again" "$(as home lead report replay sender:feed --dry-run)"
exits 1 as home lead report replay sender:feed --format klingon --yes
exits 1 as home lead report replay sender:feed --format csv:nix --yes
contains "a mapping that is not there" 'there is no mapping "nix"' "$said"
contains "and are" "3 are read again" "$(as home lead report replay sender:feed 'format:json' 'size:1000..' --format shadowserver --yes)"
triaged home
equal "understood" 3 "$(sql home "SELECT count(*) FROM report_content WHERE format = 'shadowserver' AND observations = 214 AND report_id IN (SELECT id FROM report WHERE channel = 'https')")"
contains "what is still broken stays" "2 would be read again" "$(as home lead report replay 'sender:feed' 'state:malformed' --dry-run)"

# --- columns that change: told, whether the table can be read or not; what is replayed came long ago ---
for name in ip address; do
    printf 'column %s = source.ip needed\n' "$name" >"$SCRATCH/$name.mapping"
    as home admin mapping add "by-$name" --file "$SCRATCH/$name.mapping" >/dev/null
done
as home admin feed add lists --drop --format csv:by-ip
lists=$box/drop/lists
until_true 20 test -d "$lists"
brings() { # NAME HEADER ROW WHERE : a table, till it lies in done or failed
    printf '%s\n' "$2" "$3" >"$SCRATCH/$1"
    cp "$SCRATCH/$1" "$lists/$1"
    until_true 30 test -f "$lists/$4/$1"
    until_true 30 nothing_decodes
}
nothing_decodes() { [[ $(sql home "SELECT count(*) FROM report_content WHERE state = 'decoding'") == 0 ]]; }
told() { as home lead --json feed show "$1" | value '[n["text"] for n in d["notices"] if n["kind"] == "columns"]'; }
brings a.csv ip,port 198.51.100.81,22 done
brings b.csv address,prt 198.51.100.82,22 failed
equal "a column that the mapping needs is gone" '["the columns of csv changed; new: address prt; gone: ip port"]' "$(told lists)"
as home lead feed seen lists
brings c.csv ip,port 198.51.100.83,22 done
contains "read by another mapping" "1 is read again" "$(as home lead report replay sender:lists --format csv:by-address --yes)"
until_true 30 nothing_decodes
equal "it could be read" 0 "$(sql home "SELECT count(*) FROM report_content WHERE format = 'csv:by-address' AND state = 'malformed'")"
equal "a replay is no change" '[]' "$(told lists)"
brings d.csv ip,port 198.51.100.84,22 done
equal "nor is what comes as before it" '[]' "$(told lists)"
brings e.csv "ip,$(printf 'name_of_column_%s,' {1..50})z" 198.51.100.85 done
contains "many columns are counted" 'new: 51 columns, among them name_of_column_1 name_of_column_2 ' "$(told lists)"
lacks "and not all named" name_of_column_9 "$(told lists)"
tables='/v1/reports?format=csv:by-ip'
printf 'ip,port\n198.51.100.86,22\n' >"$SCRATCH/good.csv"
printf 'address,port\n198.51.100.87,22\n' >"$SCRATCH/renamed.csv"
equal "by push" 201 "$(post home feed "$tables" text/csv "$SCRATCH/good.csv" | tail -1)"
equal "a needed column is gone" 400 "$(post home feed "$tables" text/csv "$SCRATCH/renamed.csv" | tail -1)"
equal "it is told, too" '["the columns of csv changed; new: address; gone: ip"]' "$(told feed)"
# What a refused document calls itself is found in its bytes: names of columns of what is RED are told nobody.
printf 'column ip = source.ip needed\ncolumn label = tlp\n' >"$SCRATCH/labelled.mapping"
as home admin mapping add labelled --file "$SCRATCH/labelled.mapping" >/dev/null
as home admin feed set lists --format csv:labelled >/dev/null
as home lead feed seen lists
as home lead feed seen feed
brings f.csv ip,label 198.51.100.88,green done
brings g.csv address,label,nightjar 198.51.100.89,red,x failed
equal "it is RED" 4 "$(sql home "SELECT c.tlp FROM report_content c JOIN report r ON r.id = c.report_id WHERE r.name = 'g.csv'")"
lacks "its columns are not named" nightjar "$(told lists)"
printf 'ip,label\n198.51.100.90,green\n' >"$SCRATCH/good.csv"
printf 'address,label,nightjar\n198.51.100.91,red,x\n' >"$SCRATCH/renamed.csv"
equal "the same by push" 201 "$(post home feed '/v1/reports?format=csv:labelled' text/csv "$SCRATCH/good.csv" | tail -1)"
equal "it is refused" 400 "$(post home feed '/v1/reports?format=csv:labelled' text/csv "$SCRATCH/renamed.csv" | tail -1)"
lacks "nor are these named" nightjar "$(told feed)"

# --- removed: the folder is left alone ---
as home admin feed rm quiet --yes
sed "s/7/31/" "$SCRATCH/one.json" >"$box/drop/quiet/b.json"
sleep 1
[[ -f $box/drop/quiet/b.json ]] || fail "a removed feed was read"
equal "its state" off "$(feed quiet 'd["state"]')"
exits 1 as home admin feed add quiet --push
contains 'how to take it up again' 'cirt feed set quiet --enabled yes' "$said"
as home lead journal verify >/dev/null
