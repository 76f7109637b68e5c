#!/usr/bin/env python3
"""What a sender says later of an indicator that he names (a STIX object, an attribute of MISP) holds for what he said before: revoked, deleted, no longer marked, ended
or changed it is exported no more. Another sender's copy of the same indicator stands, and so does what a mail, whose sender nobody vouched for, wants to take back."""
import json
import os
import sys
import uuid
from email.message import EmailMessage
from email.policy import SMTP

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import Lmtp, Site, check, equal, main, until  # noqa: E402

BASE = uuid.UUID("8c1f5f0e-54b5-4a5e-9d1e-000000000000")


def name(number):
    return str(uuid.UUID(int=BASE.int + number))


def indicator(number, pattern, version=1, **more):
    return {"type": "indicator", "spec_version": "2.1", "id": f"indicator--{name(number)}", "created": "2026-11-01T08:00:00.000Z",
            "modified": f"2026-11-01T08:00:0{version}.000Z", "indicator_types": ["malicious-activity"], "pattern": pattern, "pattern_type": "stix",
            "valid_from": "2026-11-01T08:00:00Z"} | more


def domains(*names):
    return "[" + " OR ".join(f"domain-name:value = '{n}.example.net'" for n in names) + "]"


def attribute(number, value, **more):
    return {"uuid": name(number), "type": "domain", "category": "Network activity", "to_ids": True, "value": f"{value}.example.net",
            "timestamp": "1793520000"} | more


class Case:
    def __init__(self, site, scratch):
        self.site, self.scratch, self.number = site, scratch, 0

    def submit(self, who, document):
        self.number += 1
        path = os.path.join(self.scratch, f"{self.number}.json")
        with open(path, "w") as file:
            json.dump(document, file)
        return self.site.cirt_json(who, "submit", path, "--tlp", "green", "--wait")["report"]

    def stix(self, *objects, who="feed"):
        return self.submit(who, {"type": "bundle", "id": f"bundle--{name(self.number + 5000)}", "objects": list(objects)})

    def misp(self, *attributes, objects=(), who="feed"):
        return self.submit(who, {"Event": {"uuid": name(9000), "info": f"Kit {self.number}", "date": "2026-11-01", "distribution": "2", "Attribute": list(attributes),
                                           "Object": list(objects)}})

    def listed(self, prefix):
        """The names that a block list has now, by the part before .example.net."""
        text = self.site.cirt("lead", "indicator", "export", "--format", "blocklist-domain").stdout
        return sorted(line.split(".")[0] for line in text.splitlines() if line.startswith(prefix))

    def cases(self):
        return len(self.site.cirt_json("lead", "ls", "is:any")["items"])


def stix(t):
    t.stix(indicator(1, domains("s-one")), indicator(2, domains("s-two")), indicator(3, domains("s-three", "s-four")), indicator(4, domains("s-five")),
           indicator(5, domains("s-six")))
    t.stix(indicator(2, domains("s-two")), indicator(3, domains("s-seven")), who="analyst")
    equal("all are listed", ["s-five", "s-four", "s-one", "s-seven", "s-six", "s-three", "s-two"], t.listed("s-"))
    cases = t.cases()
    report = t.stix(indicator(1, domains("s-one"), 2, revoked=True), indicator(2, domains("s-two"), 2, revoked=True))
    equal("what was revoked is gone, but what another says stands", ["s-five", "s-four", "s-seven", "s-six", "s-three", "s-two"], t.listed("s-"))
    shown = t.site.cirt_json("lead", "report", "show", report)
    equal("that is work for nobody", ("dropped", cases), (shown["state"], t.cases()))
    t.stix(indicator(3, domains("s-four"), 2))
    equal("a value that the next version lacks", ["s-five", "s-four", "s-seven", "s-six", "s-two"], t.listed("s-"))
    t.stix(indicator(4, domains("s-five"), 2, valid_until="2026-11-02T00:00:00Z"))
    equal("an end that has come", ["s-four", "s-seven", "s-six", "s-two"], t.listed("s-"))
    t.stix(indicator(5, domains("s-six"), 2, indicator_types=["benign"]))
    equal("benign after all", ["s-four", "s-seven", "s-two"], t.listed("s-"))
    t.stix(indicator(5, domains("s-six"), 3))
    equal("and back", ["s-four", "s-seven", "s-six", "s-two"], t.listed("s-"))
    t.stix(indicator(2, domains("s-two"), 3, revoked=True), who="analyst")
    equal("the other's own word", ["s-four", "s-seven", "s-six"], t.listed("s-"))
    shown = {i["value"]: i["until"] for i in t.site.cirt_json("lead", "indicator", "ls", "domain:s-two.example.net")["items"]}
    check("its end is shown", shown["s-two.example.net"])


def misp(t):
    inner = {"uuid": name(200), "name": "domain-ip", "meta-category": "network", "Attribute": [attribute(201, "m-object") | {"object_relation": "domain"}]}
    t.misp(attribute(101, "m-one"), attribute(102, "m-two"), attribute(103, "m-three"), attribute(104, "m-four"), objects=[inner])
    t.misp(attribute(101, "m-one"), attribute(105, "m-four", to_ids=False), who="analyst")
    equal("all are listed", ["m-four", "m-object", "m-one", "m-three", "m-two"], t.listed("m-"))
    t.misp(attribute(101, "m-one", to_ids=False), attribute(102, "m-two", deleted=True), attribute(103, "m-three"),
           attribute(106, "m-four", to_ids=False), objects=[inner | {"deleted": True}])
    equal("no longer marked, deleted, in a deleted object; another attribute's value stands", ["m-four", "m-one", "m-three"], t.listed("m-"))
    t.misp(attribute(101, "m-one"), attribute(103, "m-three", Sighting=[{"type": "1"}]), attribute(104, "m-four", Sighting=[{"type": "2", "date_sighting": "1793530000"}]))
    equal("marked again; a false positive; expired", ["m-one"], t.listed("m-"))


def mail(t):
    """A mail ends nothing that another one said: anybody may write as anybody."""
    for number, value in enumerate(("u-one", "u-two")):
        bundle = json.dumps({"type": "bundle", "id": f"bundle--{name(7000 + number)}", "objects": [indicator(20, domains(value), number + 1)]})
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "partner@partner.example", "incident@xx-cert.example", f"Kit {number}"
        message.set_content("See the attachment.")
        message.add_attachment(bundle.encode(), maintype="application", subtype="stix+json", filename="bundle.json")
        client = Lmtp(t.site)
        client.deliver("partner@partner.example", message.as_bytes(policy=SMTP))
        client.close()
        until(f"{value} was seen", lambda: t.site.sql(f"SELECT 1 FROM cirt.sighting WHERE value = '{value}.example.net' AND is_indicator AND indicator_id IS NOT NULL"))
    equal("both stand", [["u-one.example.net", ""], ["u-two.example.net", ""]],
          t.site.sql("SELECT value, valid_until FROM cirt.sighting WHERE value LIKE 'u-%.example.net' ORDER BY value"))


def test(scratch):
    site = Site(scratch, "home", new=("--name", "XX-CERT", "--prefix", "XX-CERT"))
    t = Case(site, scratch)
    stix(t)
    misp(t)
    mail(t)


main(test)
