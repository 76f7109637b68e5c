#!/usr/bin/env python3
"""What a peer tells us by mail goes to no other peer as if it were ours: by a mail of its own, forwarded or quoted by somebody else. Who quotes nothing of it is not taken for it; and
what a mail only claims to be is not enough for what goes back to its author only."""
import os
import sys
from email.message import EmailMessage
from email.policy import SMTP

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import Lmtp, Site, equal, main, until  # noqa: E402


class Test:
    def __init__(self, site):
        self.site = site
        for name in ("YY-CERT", "ZZ-CERT"):
            site.cirt("admin", "peer", "add", name, "--mail", f"duty@{name.lower()}.example", "--rid-url", "https://127.0.0.1:1/")
            site.cirt("admin", "agreement", "add", name, "--until", "2099-01-01", "--ceiling", "amber+strict")

    def deliver(self, sender, text, host, label, within=None):
        """The number of the case of a mail that names that host."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = f"Somebody <{sender}>", "incident@xx-cert.example", f"[TLP:{label}] a host"
        message["Message-ID"] = f"<{host}@test.example>"
        message.set_content(f"{text}\n")
        if within:
            message.add_attachment(within)
        client = Lmtp(self.site)
        client.deliver(sender, message.as_bytes(policy=SMTP))
        client.close()
        until(f"there is a case of {host}", lambda: self.cases(host))
        return self.cases(host)[0]["number"]

    def cases(self, host):
        return self.site.cirt_json("lead", "ls", f"domain:{host}", "is:any")["items"]

    def stays(self, number, peer, host):
        """Why the host stays at home, "" where it goes."""
        plan = self.site.cirt_json("lead", "share", str(number), "--with", peer, "--dry-run")["items"][0]["items"]
        return next(i["reason"] or "" for i in plan if i["text"] == host)


def inner(host):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "duty@yy-cert.example", "person@bank.example", "TLP:AMBER"
    message.set_content(f"See {host}\n")
    return message


def test(scratch):
    t = Test(Site(scratch, "home", new=("--name", "XX-CERT", "--prefix", "XX-CERT")))
    theirs = "TLP:AMBER of another peer"
    own = t.deliver("Duty@yy-cert.example", "The host own.example.net is bad.", "own.example.net", "AMBER")
    equal("a peer's mail", (theirs, ""), (t.stays(own, "ZZ-CERT", "own.example.net"), t.stays(own, "YY-CERT", "own.example.net")))
    passed = t.deliver("person@bank.example", "See what they sent me.", "passed.example.net", "AMBER", inner("passed.example.net"))
    equal("forwarded", theirs, t.stays(passed, "ZZ-CERT", "passed.example.net"))
    quoted = t.deliver("person@bank.example", "Is that true?\n\nOn Monday, YY-CERT <duty@yy-cert.example> wrote:\n> quoted.example.net is bad", "quoted.example.net", "AMBER")
    equal("quoted", theirs, t.stays(quoted, "ZZ-CERT", "quoted.example.net"))
    named = t.deliver("person@bank.example", "The host named.example.net is bad. I told duty@yy-cert.example too.", "named.example.net", "AMBER")
    equal("only named", ("", ""), (t.stays(named, "ZZ-CERT", "named.example.net"), t.stays(named, "YY-CERT", "named.example.net")))
    wide = t.deliver("duty@yy-cert.example", "The host wide.example.net is bad.", "wide.example.net", "GREEN")
    equal("what they gave to all", "", t.stays(wide, "ZZ-CERT", "wide.example.net"))
    strict = t.deliver("duty@yy-cert.example", "The host strict.example.net is bad.", "strict.example.net", "AMBER+STRICT")
    t.site.cirt("admin", "peer", "set", "YY-CERT", "--mail", "duty@moved.example")
    equal("what they said stays theirs when they move", [theirs] * 3, [t.stays(n, "ZZ-CERT", f"{h}.example.net") for n, h in ((own, "own"), (passed, "passed"), (quoted, "quoted"))])
    t.site.cirt("admin", "peer", "set", "YY-CERT", "--mail", "duty@yy-cert.example")
    equal("AMBER+STRICT that nothing proves goes back to nobody", True, "AMBER+STRICT" in t.stays(strict, "YY-CERT", "strict.example.net"))


main(test)
