#!/bin/bash
# What is shown to a person: labels as the standard writes them, long reports by their beginning, nothing that wraps.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home
samples=$SOURCE/packaging/samples
csv=$(as home feed --json submit "$samples/2026-11-20-event4_sinkhole_http-xx_cert.csv" | value 'd["report"]')
iodef=$(as home feed --json submit "$samples/phishing.iodef.xml" | value 'd["report"]')
triaged home

contains 'the label' 'TLP:GREEN' "$(as home lead report show "$iodef")"
shown=$(as home lead report show "$csv")
contains 'an assumed label' 'TLP:AMBER (assumed)' "$shown"
contains 'how many' 'first 10 of 214' "$shown"
equal 'a line an observation' 10 "$(grep -c 198.51.100 <<<"$shown")"
equal 'as many as asked for' 25 "$(as home lead report show "$csv" --limit 25 | grep -c ' source ')"
equal 'all' 214 "$(as home lead report show "$csv" --all | grep -c ' source ')"
lacks 'all means all' 'first ' "$(as home lead report show "$csv" --all)"
equal 'for programs the first 100' 100 "$(as home lead --json report show "$csv" | value 'len(d["observation_list"])')"
equal 'or more' 120 "$(as home lead --json report show "$csv" --limit 120 | value 'len(d["observation_list"])')"
exits 2 as home lead report show "$csv" --limit 0
exits 2 as home lead report show "$csv" --limit many
equal 'too many' 400 "$(at home curl_as lead "$(at home printenv CIRT_DESK_URL)/v1/reports/$csv?observations=10001" | tail -n 1)"

# a terminal of 80 columns
number=$(as home lead --json ls is:any | value 'max(d["items"], key=lambda c: c["observations"])["number"]')
narrow() { # what a terminal of 80 columns gets, without colours
    python3 - "$@" <<'PY'
import fcntl, os, pty, struct, sys, termios
columns = int(os.environ.get("COLUMNS_WANTED", "80"))
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.environ["TERM"] = "xterm"
    os.execvp(sys.argv[1], sys.argv[1:])
text = b""
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    text += part
os.waitpid(child, 0)
sys.stdout.write(text.decode().replace("\r\n", "\n"))
PY
}
for words in "ls is:any" "show $number" "report ls" "report show $csv" "report show $iodef" "find 198.51.100.20" "journal $number" 'help share' 'help submit' doctor; do
    # shellcheck disable=SC2086
    said=$(at home narrow cirt $words)
    [[ -n $said ]] || fail "nothing: $words"
    python3 -c 'import sys; sys.exit(any(len(line) > 80 for line in sys.argv[1].split("\n")))' "$said" || fail "wider than 80 columns: $words: $said"
done

contains 'the label beside a long class' 'AMBER' "$(at home narrow cirt ls is:any)"
contains 'who did it, however narrow' 'infrastructure' "$(COLUMNS_WANTED=50 at home narrow cirt show "$number")"

# long messages break between words, are set in, and stay whole in a pipe
scan() { printf '{"description":"scan","observations":[{"class":"scanner","source":{"ip":"203.0.113.%s"}}]}' "$1" >"$SCRATCH/scan.json"; }
reason='our own scans of the whole address space, which nobody needs to see'
printf 'rule "our scanner": class:scanner => drop "%s"\n' "$reason" >"$SCRATCH/ours.rules"
added=$(COLUMNS_WANTED=60 at home narrow cirt rule add ours --file "$SCRATCH/ours.rules")
as home admin rule approve ours --yes >/dev/null
for columns in 60 80; do
    scan "$columns"
    submitted=$(COLUMNS_WANTED=$columns at home narrow cirt submit "$SCRATCH/scan.json" --wait)
    closed=$(COLUMNS_WANTED=$columns at home narrow cirt close "$number" || true)
    python3 - "$columns" "$reason" "$submitted" "$closed" "$added" <<'PY' || fail "at $columns columns: $submitted $closed $added"
import sys
columns, reason, *texts = sys.argv[1:]
for text in texts:
    lines = text.rstrip("\n").split("\n")
    assert all(len(line) <= int(columns) or " " not in line.strip() for line in lines), lines
    assert all(line[0] != " " or line.startswith(("      ", "  cirt ")) for line in lines), lines
assert reason in " ".join(texts[0].split()), texts[0]
PY
done
scan 9
contains 'unbroken in a pipe' "dropped by rule \"our scanner\": $reason" "$(as home lead submit "$SCRATCH/scan.json" --wait)"

# what a report says beside: the first of it, made harmless, and all of it for programs; what observations say, for programs
python3 - >"$SCRATCH/extra.json" <<'PY'
import json
print(json.dumps({"description": "printers", "class": "c2-server", "impact": {"text": "all of our printers\x1b[31m", "list": ["one", "two"]},
                  "numbers": {"n%d" % i: i for i in range(60)}, "observations": [{"source": {"ip": "203.0.113.200"}, "score": 9.8}]}))
PY
extra=$(as home feed --json submit "$SCRATCH/extra.json" | value 'd["report"]')
shown=$(as home lead report show "$extra")
contains 'a name and value a line' $'\n  impact:\n    text: all of our printers' "$shown"
contains 'each item of a list' $'\n    list: one\n    list: two\n' "$shown"
lacks 'harmless' $'\x1b' "$shown"
contains 'the first of it' "all of it: cirt report show $extra --json" "$shown"
contains 'of observations' "1 observation says more: cirt report show $extra --json" "$shown"
shown=$(as home lead --json report show "$extra")
equal 'all of it' 60 "$(value 'len(d["extra"]["numbers"])' <<<"$shown")"
equal 'its size' true "$(value 'd["extra_size"] > 300' <<<"$shown")"
equal 'of the observation' 9.8 "$(value 'd["observation_list"][0]["extra"]["score"]' <<<"$shown")"
# who a document says reported it, and who wrote it, to those who see the report: what the reporter says, not who sent it
echo '{"reporter":{"name":"Rep","email":"rep@bank.example"},"description":"x","observations":[{"source":{"ip":"203.0.113.201"},"observables":[{"type":"domain","value":"kit.example.net","indicator":true,"confidence":70,"until":"2030-01-01T00:00:00Z"}]}]}' >"$SCRATCH/reporter.json"
reported=$(as home feed --json submit "$SCRATCH/reporter.json" | value 'd["report"]')
contains 'the reporter' 'reporter, as it says: Rep <rep' "$(as home lead report show "$reported")"
shown=$(as home lead --json report show "$reported")
equal 'the reporter, for programs' 'Rep rep@bank.example' "$(value 'd["reporter"]["name"] + " " + d["reporter"]["email"]' <<<"$shown")"
equal 'what is marked' 'True 70 2030-01-01T00:00:00Z' "$(value 'next("%(indicator)s %(confidence)s %(until)s" % o for o in d["observation_list"][0]["observables"] if o["type"] == "domain")' <<<"$shown")"
equal 'who reported nothing' null "$(as home lead --json report show "$extra" | value 'd["reporter"]')"

lacks 'where nothing more was said' 'also says' "$(as home lead report show "$csv" | head -3)"

# more than is shown: the newest reports, and how to see all of them and of what was seen
for i in {1..25}; do printf '{"description":"line %d","class":"brute-force","observations":[{"class":"brute-force","source":{"ip":"203.0.113.%d"}}]}\n' "$i" "$i"; done >"$SCRATCH/lines.ndjson"
python3 -c 'import json; print(json.dumps({"observations": [{"class": "brute-force", "source": {"ip": "203.0.113.%d" % (i + 30)}} for i in range(150)]}))' >"$SCRATCH/many.json"
as home feed submit "$SCRATCH/lines.ndjson" >/dev/null
as home feed submit "$SCRATCH/many.json" >/dev/null
triaged home
number=$(as home lead --json ls class:brute-force | value 'd["items"][0]["number"]')
shown=$(at home narrow cirt show "$number")
contains 'earlier reports' "… and 6 earlier: cirt report ls case:$number" "$shown"
contains 'the newest is there' 'line 25' "$shown"
equal 'of a value that is in no other case nothing stands there' 0 "$(grep -cE 'ipv4 .*  -[[:space:]]*$' <<<"$shown" || true)"
contains 'all values' "… of the newest 100; all: cirt show $number --format csv" "$shown"
equal 'the reports' 26 "$(as home lead --json report ls case:"$number" | value 'len(d["items"])')"
