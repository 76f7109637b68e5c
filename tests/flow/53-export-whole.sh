#!/bin/bash
# All of a case leaves, however much it is; what nobody labelled stays, though it was kept; and no value breaks out of its place in a list.
. "${SOURCE:-$(dirname "$0")/../..}/tests/support/sandbox.sh"
make home --name XX-CERT --prefix XX-CERT
export_as() { local who=$1; shift; as home "$who" indicator export "$@" 2>"$SCRATCH/said"; }

# --- all of a case: more than the API shows at once ---
python3 - "$SCRATCH/many.report.json" <<'PY'
import json, sys
values = [{"type": "domain", "value": f"h{n}.many.example", "role": "infrastructure", "indicator": n % 2 == 0} for n in range(6000)]
values.append({"type": "ipv4", "value": "203.0.113.200", "role": "source"})
json.dump({"description": "many", "class": "malware", "tlp": "green", "observations": [{"class": "malware", "observables": values}]}, open(sys.argv[1], "w"))
PY
as home feed submit "$SCRATCH/many.report.json" --wait >/dev/null
many=$(as home lead --json ls ip:203.0.113.200 is:any | value 'd["items"][0]["number"]')
for format in csv json ndjson iodef iodef-json stix misp; do
    as home lead show "$many" --format $format -o "$SCRATCH/many.$format" 2>/dev/null
    equal "every value as $format" 6000 "$(grep -oE 'h[0-9]+\.many\.example' "$SCRATCH/many.$format" | sort -u | wc -l)"
done
equal 'each under the class of the case' malicious-code/infected-system "$(python3 -c 'import csv, sys; print(*{r["class"] for r in csv.DictReader(open(sys.argv[1], newline=""))})' "$SCRATCH/many.csv")"
equal 'marked as they are' 3000 "$(python3 -c 'import csv, sys; print(sum(r["indicator"] == "true" for r in csv.DictReader(open(sys.argv[1], newline=""))))' "$SCRATCH/many.csv")"

# --- what nobody labelled: objects and members of a foreign document that are only kept ---
cat >"$SCRATCH/foreign.stix" <<'JSON'
{"type": "bundle", "id": "bundle--6f1a4f2e-1111-4111-8111-000000000001", "objects": [
 {"type": "identity", "spec_version": "2.1", "id": "identity--6f1a4f2e-1111-4111-8111-000000000002", "created": "2026-03-02T07:58:12.000Z", "modified": "2026-03-02T07:58:12.000Z",
  "name": "Somebody Private", "identity_class": "individual", "contact_information": "private@somebody.example"},
 {"type": "threat-actor", "spec_version": "2.1", "id": "threat-actor--6f1a4f2e-1111-4111-8111-000000000003", "created": "2026-03-02T07:58:12.000Z", "modified": "2026-03-02T07:58:12.000Z",
  "name": "SECRET SPIDER", "description": "secret words"},
 {"type": "x-secret", "spec_version": "2.1", "id": "x-secret--6f1a4f2e-1111-4111-8111-000000000004", "secret_member": "secret words"},
 {"type": "indicator", "spec_version": "2.1", "id": "indicator--6f1a4f2e-1111-4111-8111-000000000005", "created": "2026-03-02T07:58:12.000Z", "modified": "2026-03-02T07:58:12.000Z",
  "name": "secret words", "pattern": "[domain-name:value = 'foreign.example.net']", "pattern_type": "stix", "valid_from": "2026-03-02T07:58:12Z", "x_secret_member": "secret words",
  "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"]}]}
JSON
cat >"$SCRATCH/foreign.misp" <<'JSON'
{"Event": {"uuid": "6f1a4f2e-2222-4222-8222-000000000001", "info": "A foreign event", "date": "2026-03-02", "timestamp": "1772438292", "analysis": "0", "threat_level_id": "2", "distribution": "2",
 "published": true, "Orgc": {"name": "ELSEWHERE", "uuid": "6f1a4f2e-2222-4222-8222-000000000002"}, "Tag": [{"name": "tlp:green"}, {"name": "secret:words"}],
 "Galaxy": [{"name": "secret words"}],
 "Attribute": [{"uuid": "6f1a4f2e-2222-4222-8222-000000000003", "type": "domain", "category": "Network activity", "value": "foreign.example.org", "to_ids": true, "timestamp": "1772438292"},
  {"uuid": "6f1a4f2e-2222-4222-8222-000000000004", "type": "comment", "category": "Other", "value": "secret words", "to_ids": false, "timestamp": "1772438292"}]}}
JSON
secrets=('secret words' 'SECRET SPIDER' x-secret secret_member 'Somebody Private' private@ secret:words ELSEWHERE)
for format in stix misp; do
    foreign=$(as home feed --json submit "$SCRATCH/foreign.$format" --format $format | value 'd["report"]')
    triaged home
    contains "kept as it came ($format)" 'secret words' "$(as home lead report raw "$foreign")"
    own=$(as home lead --json report show "$foreign" | value 'd["case"]')
    for out in json ndjson iodef iodef-json stix misp xarf csv; do
        document=$(as home lead show "$own" --format $out 2>/dev/null)
        contains "what has a label goes ($format as $out)" foreign.example "$document"
        for word in "${secrets[@]}"; do lacks "what has none stays ($format as $out)" "$word" "$document"; done
    done
done
for out in json ndjson iodef iodef-json stix misp xarf csv; do
    list=$(export_as analyst domain:foreign.example.net,foreign.example.org --format $out)
    contains "listed ($out)" foreign.example.net "$list"
    contains "both ($out)" foreign.example.org "$list"
    for word in "${secrets[@]}"; do lacks "only what has a label is listed ($out)" "$word" "$list"; done
done

# --- values that want out ---
cat >"$SCRATCH/hostile.py" <<'PY'
import json, sys
values = [("filename", v) for v in ("=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "|calc", "%calc", "a;b.exe", 'a","b', "x" * 4000, "\uff1d1")]
values += [("user-agent", v) for v in ('Mozilla "; sid:1;)', "=1+1", "a alert ip any any -> any any (sid:1;)")]
values += [("text", v) for v in ("*.wild.example.net", "; comment", "# comment", "$INCLUDE /etc/passwd", "evil.example.net CNAME .", "a\nalert ip any any", "a\r\n=1", "=1")]
values += [("url", v) for v in ('http://h.example.net/a";sid:1;)', "http://h.example.net/%0aalert", "http://h.example.net/" + "y" * 3000, "http://h.example.net/a|b;c#d",
                                "http://h.example.net:8080/=cmd", "http://user:pass@h.example.net/")]
values += [("domain", v) for v in ("_dmarc.h.example.net", "xn--bcher-kva.example.net", "a" * 63 + "." + "b" * 63 + "." + "c" * 63 + ".example.net")]
values += [("phone", "+49301234567"), ("ipv4", "203.0.113.7"), ("ipv6", "2001:db8::17")]
json.dump({"description": "hostile", "class": "malware", "tlp": "green", "observations": [{"class": "malware", "observables": [
    {"type": t, "value": v, "role": "infrastructure", "indicator": True}]} for t, v in values]}, open(sys.argv[1], "w"))
print(len(values))
PY
count=$(python3 "$SCRATCH/hostile.py" "$SCRATCH/hostile.report.json")
as home feed submit "$SCRATCH/hostile.report.json" --wait >/dev/null
# Newlines may have become something else on the way in: what leaves is what counts.
equal 'all were taken' "$count" "$(sql home "SELECT count(DISTINCT (s.type, s.value)) FROM cirt.sighting s JOIN cirt.report_content c USING (report_id) WHERE c.description = 'hostile'")"
for format in csv blocklist-ip blocklist-domain blocklist-url blocklist-hash rpz suricata ndjson; do
    export_as analyst -domain:many.example --format $format -o "$SCRATCH/hostile.$format"
done
cat >"$SCRATCH/check.py" <<'PY'
import csv, pathlib, re, sys
folder = pathlib.Path(sys.argv[1])
rows = list(csv.reader(open(folder / "hostile.csv", newline="", encoding="utf-8")))
assert len(rows) > 30 and {len(row) for row in rows} == {14}, {len(row) for row in rows}
for row in rows[1:]:
    for cell in row:
        assert not cell.strip(" ") or cell.lstrip(" ")[0] not in "=+-@\t\r\n|%\uff1d\uff0b\uff0d\uff20", cell
assert "'=cmd|' /C calc'!A0" in [row[1] for row in rows]
for name in ("ip", "domain", "url", "hash"):
    lines = (folder / f"hostile.blocklist-{name}").read_bytes().split(b"\n")
    assert lines[0].startswith(b"# ") and lines[-1] == b"", lines
    assert all(re.fullmatch(rb"[!-~]+", line) and line[:1] not in b"#;!/" for line in lines[1:-1]), lines
    assert len(lines[1:-1]) == len(set(lines[1:-1])), lines
names = [line.split()[0] for line in (folder / "hostile.rpz").read_text().splitlines()[4:]]
assert len(names) > 4 and all(re.fullmatch(r"(\*\.)?[a-z0-9_.-]+", name) for name in names), names
assert "*.wild.example.net" not in names and len(max(names, key=len)) <= 191, names
rule = re.compile(r'''alert\ (?:(?:dns|tls|http)\ any\ any\ ->\ any\ (?:any|\d{1,5})|ip\ any\ any\ <>\ \[[0-9a-f.:/]+\]\ any)\ \(
    msg:"[A-Za-z0-9./ _-]+";\ (?:(?:dns\.query|tls\.sni|http\.host|http\.uri\.raw|dotprefix|nocase|endswith|bsize:\d+|content:"\|[0-9a-f]{2}(?:\ [0-9a-f]{2}){0,254}\|");\ )*
    metadata:(?:tlp\ [a-z+]+,\ )?(?:confidence\ \d+,\ )?role\ [a-z]+;\ sid:(\d+);\ rev:1;\)''', re.X)
lines = (folder / "hostile.suricata").read_text().splitlines()
sids = [int(rule.fullmatch(line).group(1)) for line in lines[1:]]
assert len(sids) > 6 and sids == list(range(1000000, 1000000 + len(sids))), sids
PY
python3 "$SCRATCH/check.py" "$SCRATCH" || fail 'a hostile value'
if command -v named-checkzone >/dev/null; then
    named-checkzone -i none rpz.xx-cert.example "$SCRATCH/hostile.rpz" >"$SCRATCH/check" || fail "named-checkzone: $(<"$SCRATCH/check")"
    lacks 'nothing is ignored' ignoring "$(<"$SCRATCH/check")"
fi
"$SOURCE/tests/support/schemas.py" "$SCRATCH/hostile.ndjson" || fail 'hostile values in NDJSON'
