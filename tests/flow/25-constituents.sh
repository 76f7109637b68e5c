#!/bin/bash
# A site brings in its register, sees first what that changes, whose a value is and was; two owners of the same are told; related cases.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home

cat >"$SCRATCH/register.csv" <<'TEXT'
name;title;network;asn;domain;sector;criticality;lang;contact name;contact email;from;until
hospital-e;Hospital E;198.18.0.0/24 2001:db8:e::/48;AS64520;hospital-e.example;health;critical;fr;IT;it@hospital-e.example;;
hospital-e;;198.18.9.0/24;;;;;;;;2019-01-01;2020-12-31
clinic-f;Clinic F;198.18.0.0/24;;;health;;en;;it@clinic-f.example;;
TEXT
contains 'the plan' 'nothing was changed' "$(as home admin constituent import "$SCRATCH/register.csv" --dry-run)"
exits 1 as home lead constituent show hospital-e
exits 2 as home admin constituent import "$SCRATCH/register.csv"
contains 'who says yes' '--yes' "$said"
exits 3 as home analyst constituent import "$SCRATCH/register.csv" --yes
contains 'applied' '2 constituents changed' "$(as home admin constituent import "$SCRATCH/register.csv" --yes)"
contains 'again' 'Nothing to change' "$(as home admin constituent import "$SCRATCH/register.csv")"
equal 'counts' '3 2' "$(as home admin --json constituent import "$SCRATCH/register.csv" --dry-run | value '"%d %d" % (d["networks"]["unchanged"] - 1, d["constituents"]["unchanged"])')"

# ranges become networks, names their ASCII form, in a file and by hand
printf 'name;network;domain\nrange-h;198.18.60.5 - 198.18.60.8 198.18.61.0/24;b\303\274cher.example\n' >"$SCRATCH/range.csv"
as home admin constituent import "$SCRATCH/range.csv" --yes >/dev/null
as home admin constituent add range-i --network 198.18.62.5-198.18.62.8 --domain $'b\303\274cher-i.example' >/dev/null
equal 'a range' '["198.18.60.5/32", "198.18.60.6/31", "198.18.60.8/32", "198.18.61.0/24", "xn--bcher-kva.example"]' \
    "$(as home analyst --json constituent show range-h | value 'sorted(d["networks"]) + d["domains"]')"
equal 'by hand' '["198.18.62.5/32", "198.18.62.6/31", "198.18.62.8/32", "xn--bcher-i-n2a.example"]' \
    "$(as home analyst --json constituent show range-i | value 'sorted(d["networks"]) + d["domains"]')"

# what is wrong is told by line, and nothing of it is taken
printf 'name,network\ngood,198.18.50.0/24\nbad,198.18.51.7/24\nworse,198.18.52.0/40\n' >"$SCRATCH/bad.csv"
exits 1 as home admin constituent import "$SCRATCH/bad.csv" --yes
contains 'the line' 'line 3' "$said"
contains 'and the next' 'line 4' "$said"
exits 1 as home lead constituent show good
printf 'name,network,from,until,enabled\nx,198.18.50.0/24,2026-02-01,2026-01-01,yes\nx,198.18.50.0/24,,,maybe\ny,198.18.53.0/24,,,yes,1\n,198.18.54.0/24,,,\nz,198.18.55.0/24\nz,198.18.56.0/24 198.18.57.0/24,soon,,\n' >"$SCRATCH/bad.csv"
exits 1 as home admin constituent import "$SCRATCH/bad.csv" --yes
contains 'dates' '198.18.50.0/24 ends before it begins (line 2)' "$said"
contains 'a switch' "line 3: 'maybe' is neither yes nor no" "$said"
contains 'a ragged row' 'line 4: the row has 6 cells, the first line 5' "$said"
contains 'no name' 'line 5: name is missing' "$said"
contains 'a row that lacks cells' 'line 6: the row has 2 cells, the first line 5' "$said"
exits 1 as home admin --json constituent import "$SCRATCH/bad.csv" --yes
contains 'in JSON, with its place' '"at":"line 2"' "$said"
printf 'name,colour\nx,red\n' >"$SCRATCH/column.csv"
exits 1 as home admin constituent import "$SCRATCH/column.csv" --yes
contains 'the column' "no column 'colour'" "$said"
printf 'name,network,constituent\na,198.18.50.0/24,x\n' >"$SCRATCH/column.csv"
exits 1 as home admin constituent import "$SCRATCH/column.csv" --yes
contains 'a column under two names' "the columns 'name' and 'constituent' say the same" "$said"
printf 'name,email,email\na,one@a.example,other@a.example\n' >"$SCRATCH/column.csv"
exits 1 as home admin constituent import "$SCRATCH/column.csv" --yes
contains 'a column twice' "the columns 'email' and 'email' say the same" "$said"
printf 'name,network\n"x,198.18.50.0/24\n' >"$SCRATCH/quote.csv"
exits 1 as home admin constituent import "$SCRATCH/quote.csv" --yes

# whose it is, and was
contains 'now' 'hospital-e' "$(as home analyst constituent who 198.18.0.7)"
contains 'both' 'held by several' "$(as home analyst constituent who 198.18.0.7)"
contains 'then' 'hospital-e' "$(as home analyst constituent who http://198.18.9.7/x --at 2020-12-31)"
contains 'not now' 'Nobody' "$(as home analyst constituent who 198.18.9.7)"
contains 'the last day' '2020-12-31' "$(as home analyst constituent show hospital-e --history)"
contains 'on a day' '198.18.9.0/24' "$(as home analyst constituent show hospital-e --at 2020-06-01)"
lacks 'on another' '198.18.9.0/24' "$(as home analyst constituent show hospital-e --at 2022-06-01)"

# out and in again, both ways
as home analyst constituent export >"$SCRATCH/out.csv"
contains 'csv' 'Nothing to change' "$(as home admin constituent import "$SCRATCH/out.csv" --prune)"
as home analyst constituent export --format json >"$SCRATCH/out.json"
contains 'json' 'Nothing to change' "$(as home admin constituent import "$SCRATCH/out.json" --prune)"

# an end of what was registered without a beginning, before the day on which it was registered; what is planned is planned once
printf 'name,network\ntelecom-a,198.18.70.0/24\nfut-y,198.18.71.0/24\n' >"$SCRATCH/u.csv"
as home admin constituent import "$SCRATCH/u.csv" --yes >/dev/null
printf 'name,network,from,until\ntelecom-a,198.18.70.0/24,,2026-01-31\nfut-y,198.18.72.0/24,2099-02-01,\n' >"$SCRATCH/u.csv"
contains 'the plan' '1 with other dates' "$(as home admin constituent import "$SCRATCH/u.csv" --dry-run)"
contains 'applied' '2 constituents changed' "$(as home admin constituent import "$SCRATCH/u.csv" --yes)"
contains 'before it' 'telecom-a' "$(as home analyst constituent who 198.18.70.7 --at 2026-01-31)"
contains 'on that day' '198.18.70.0/24' "$(as home analyst constituent show telecom-a --at 2026-01-31)"
contains 'after it' 'Nobody' "$(as home analyst constituent who 198.18.70.7 --at 2026-02-01)"
printf 'name,network\nfut-y,198.18.72.0/24\n' >"$SCRATCH/u.csv"
as home admin constituent import "$SCRATCH/u.csv" --yes >/dev/null
equal 'once' 1 "$(as home analyst --json constituent who 198.18.72.7 --at 2099-03-01 | value 'len(d["items"])')"
printf 'name,network,from\nfut-y,198.18.71.0/24,2099-02-01\n' >"$SCRATCH/u.csv"
exits 1 as home admin constituent import "$SCRATCH/u.csv" --dry-run
contains 'what is held already' 'held by fut-y already' "$said"
contains 'in its line' 'line 2' "$said"
as home analyst constituent export >"$SCRATCH/out.csv"
contains 'csv' 'Nothing to change' "$(as home admin constituent import "$SCRATCH/out.csv" --prune)"
as home analyst constituent export --format json >"$SCRATCH/out.json"
contains 'json' 'Nothing to change' "$(as home admin constituent import "$SCRATCH/out.json" --prune)"

# who is no longer served owns what was, in triage too
as home admin constituent rm fut-y --yes >/dev/null
contains 'not now' 'Nobody' "$(as home analyst constituent who 198.18.71.7)"
contains 'an hour ago' 'fut-y' "$(as home analyst constituent who 198.18.71.7 --at 2026-02-01)"
printf '{"class":"abusive-content/spam","observations":[{"time":"2026-02-01T00:00:00Z","source":{"ip":"198.18.71.7"}}]}\n' >"$SCRATCH/late.ndjson"
as home feed submit "$SCRATCH/late.ndjson" >/dev/null
triaged home
equal 'a late row' 1 "$(as home lead --json ls constituent:fut-y is:any | value 'len(d["items"])')"

# a case of both, a level more urgent; both would be told, the second unseen
printf '{"class":"abusive-content/spam","observations":[{"source":{"ip":"198.18.0.7"},"observables":[{"type":"domain","value":"rare.example","role":"infrastructure"}]}]}\n' >"$SCRATCH/one.ndjson"
printf '{"class":"fraud/phishing","observations":[{"source":{"ip":"203.0.113.9"},"observables":[{"type":"domain","value":"rare.example","role":"infrastructure"}]}]}\n' >"$SCRATCH/two.ndjson"
as home feed submit "$SCRATCH/one.ndjson" >/dev/null
as home feed submit "$SCRATCH/two.ndjson" >/dev/null
triaged home
case=$(as home lead --json ls constituent:clinic-f is:any | value 'd["items"][0]["number"]')
equal 'the same by its first owner' "$case" "$(as home lead --json ls constituent:hospital-e is:any | value 'd["items"][0]["number"]')"
equal 'spam is low' medium "$(as home lead --json show "$case" | value 'd["priority"]')"
equal 'owners' 'hospital-e clinic-f' "$(as home lead --json show "$case" | value '" ".join(k["name"] for k in d["constituent_list"])')"
contains 'owners are shown' 'Clinic F' "$(as home lead show "$case")"
equal 'related' 'rare.example in both' "$(as home lead --json show "$case" | value 'd["related"][0]["reasons"][0]["text"]')"
contains 'related is shown, defanged' 'rare[.]example in both' "$(as home lead show "$case")"

# settings
contains 'settings' 'related.cases' "$(as home analyst setting ls)"
equal 'a member of each' $'related.cases\t10' "$(as home analyst setting ls --fields name,value | grep '^related.cases')"
contains 'set' 'is 1 now' "$(as home admin setting set related.cases 1)"
equal 'common now' 'rare.example' "$(as home lead --json show "$case" | value 'd["common"][0]["value"]')"
equal 'relates none' 0 "$(as home lead --json show "$case" | value 'len(d["related"])')"
contains 'default' 'is 10 now' "$(as home admin setting set related.cases --default)"
exits 1 as home admin setting set related.cases lots

# lists of records: so many, only some members, a part of a name or title
{ printf 'name,title\n'; for i in {101..160}; do printf 'many-%s,Organisation %s\n' "$i" "$i"; done; } >"$SCRATCH/many.csv"
as home admin constituent import "$SCRATCH/many.csv" --yes >/dev/null
equal 'no more than 50' 50 "$(as home analyst constituent ls --fields name | wc -l)"
contains 'and a word of it' '50 shown, there are more' "$(as home analyst constituent ls)"
equal 'a program gets all' true "$(as home analyst --json constituent ls | value 'len(d["items"]) > 60 and d["next"] is None')"
equal 'by title' many-107 "$(as home analyst constituent ls organisation 107 --fields name)"
equal 'so many' 'many-101 many-102' "$(as home analyst constituent ls many --limit 2 --fields name | xargs)"
contains 'nobody' 'No such constituent.' "$(as home analyst constituent ls nobody)"
equal 'members' $'telecom-a\tTelecom A' "$(as home analyst constituent ls telecom-a --fields name,title)"
exits 2 as home analyst feed ls --fields name,nosuch
contains 'no such member' 'no field nosuch' "$said"
echo ok
