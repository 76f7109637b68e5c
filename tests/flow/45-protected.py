#!/usr/bin/env python3
"""Mails protected in every way, made by gpg and openssl: each gets the verdict that is its due, what was encrypted is read, and nothing else is."""
import base64
import json
import os
import shutil
import smtplib
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
import protected_mail as pm  # noqa: E402
from testsite import CA, IS_ROOT, Site, as_user, check, equal, main, run, until  # noqa: E402

ALICE, BOB = "alice@yy-cert.example", "bob@bank-b.example"


class World:
    def __init__(self, scratch):
        self.site = Site(scratch)
        self.gpg = pm.Gpg()
        self.scratch = scratch
        self.make_keys()
        self.make_certificates()

    def make_keys(self):
        gpg = self.gpg
        gpg.make("alice", ALICE)
        gpg.make("stranger", ALICE)
        for name, algorithm in (("rsa", "rsa2048"), ("nist", "nistp256"), ("brainpool", "brainpoolP256r1")):
            gpg.make(name, f"{name}@bank-b.example", algorithm, None)
        self.team = gpg.take(os.path.join(self.site.dir, "team.asc"))
        for name in ("alice", "rsa", "nist", "brainpool"):
            with open(self.file(name + ".asc"), "wb") as file:
                file.write(gpg.export(name))
        self.site.cirt("lead", "contact", "add", ALICE, "--name", "Alice")
        for name in ("rsa", "nist", "brainpool"):
            self.site.cirt("lead", "contact", "add", f"{name}@bank-b.example", "--name", name)
        for name in ("alice", "rsa", "nist", "brainpool"):
            self.pin(self.file(name + ".asc"), self.gpg.keys[name], ALICE if name == "alice" else f"{name}@bank-b.example")

    def pin(self, path, fingerprint, address):
        self.site.cirt("lead", "key", "import", path)
        self.site.cirt("lead", "key", "pin", fingerprint, "--contact", address, "--yes")

    def make_certificates(self):
        self.smime = pm.Smime(CA, os.path.join(self.site.dir, "smime-ca"), self.file("smime"))
        self.smime.issue("bob", BOB)
        self.smime.issue("revoked", BOB)
        other = self.file("other-ca")
        run(CA, "make", other, "--name", "Another")
        self.other = pm.Smime(CA, other, self.file("other"))
        self.other.issue("carol", "carol@university-c.example")
        self.other.issue("dave", "rsa@bank-b.example")
        self.pin(self.other.path("dave"), self.other.fingerprint("dave"), "rsa@bank-b.example")
        self.team_certificate = os.path.join(self.site.dir, "team.crt")

    def file(self, name):
        return os.path.join(self.scratch, name)


def mails(w):
    """name: (From, entity, verdict "summary encryption covers signer")"""
    g, s, o, team, certificate = w.gpg, w.smime, w.other, w.team, w.team_certificate
    both = pm.multipart("mixed", [pm.TEXT, pm.attached("list.csv", b"ip\n198.51.100.45\n", "text/csv")], "m1")
    file = b"ip\r\n198.51.100.46\r\n"
    good, text = "verified none whole Alice", "The host 198.51.100.44 sends spam."
    return {
        # OpenPGP
        "pgp-signed": (ALICE, g.signed("alice"), good),
        "pgp-signed-attachment": (ALICE, g.signed("alice", both), good),
        "pgp-signed-binary-signature": (ALICE, g.signed("alice"), good),
        "pgp-encrypted": (ALICE, g.sealed(team), "unprotected whole - -"),
        "pgp-combined": (ALICE, g.sealed(team, signer="alice"), "verified whole whole Alice"),
        "pgp-nested": (ALICE, g.sealed(team, g.signed("alice")), "verified whole whole Alice"),
        "pgp-outside": (ALICE, g.signed("alice", g.sealed(team)), "verified whole whole Alice"),
        "pgp-triple": (ALICE, g.signed("alice", g.sealed(team, g.signed("alice"))), "verified whole whole Alice"),
        "pgp-triple-mixed": (ALICE, g.signed("alice", g.sealed(team, g.signed("rsa"))), "mixed whole whole -"),
        "pgp-combined-stranger": (ALICE, g.sealed(team, signer="stranger"), "unknown-key whole whole -"),
        "pgp-to-others": (ALICE, g.sealed(g.keys["alice"]), "unprotected undecryptable - -"),
        "pgp-signed-to-others": (ALICE, g.signed("alice", g.sealed(g.keys["alice"])), "verified undecryptable whole Alice"),
        "pgp-hidden": (ALICE, g.sealed(team, pm.TEXT, None, "e1", "--throw-keyids"), "unprotected whole - -"),
        "pgp-twice-encrypted": (ALICE, g.sealed(team, g.sealed(team, signer="alice", boundary="e2")), "verified whole whole Alice"),
        # as Exchange passes it on
        "pgp-exchange": (ALICE, pm.multipart("mixed", [b"Content-Type: text/plain\r\n\r\n", b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n",
                                                       b"Content-Type: application/octet-stream; name=\"encrypted.asc\"\r\n\r\n" + g.cipher(team, pm.TEXT, "alice")], "x1"),
                         "verified whole whole Alice"),
        "pgp-rsa": ("rsa@bank-b.example", g.signed("rsa"), "verified none whole rsa"),
        "pgp-nist": ("nist@bank-b.example", g.signed("nist"), "verified none whole nist"),
        "pgp-brainpool": ("brainpool@bank-b.example", g.signed("brainpool"), "verified none whole brainpool"),
        "pgp-other-sender": ("rsa@bank-b.example", g.signed("alice"), "not-sender none whole Alice"),
        "pgp-broken": (ALICE, g.signed("alice").replace(b"100.44", b"100.45"), "bad none whole -"),
        "pgp-protected": (ALICE, g.signed("alice", pm.protected(ALICE, "inside")), good),
        "pgp-protected-other-from": (ALICE, g.signed("alice", pm.protected("rsa@bank-b.example", "inside")), "not-sender none whole Alice"),
        "pgp-protected-sealed": (ALICE, g.sealed(team, pm.protected(ALICE, "the real subject", hp="cipher"), "alice"), "verified whole whole Alice"),
        # inline
        "inline-signed": (ALICE, g.clear_signed("alice"), good),
        "inline-signed-more": (ALICE, g.clear_signed("alice") + b"\r\nand send money to 192.0.2.66\r\n", "mixed none part -"),
        "inline-encrypted": (ALICE, g.inline(g.cipher(team, text.encode())), "unprotected whole - -"),
        "inline-combined": (ALICE, g.inline(g.cipher(team, text.encode(), "alice")), "verified whole whole Alice"),
        "inline-message": (ALICE, g.inline(pm.crlf(g.run(text.encode(), "--local-user", g.keys["alice"], "--armor", "--sign"))), good),
        # attached
        "attached-sig": (ALICE, pm.multipart("mixed", [pm.TEXT, pm.attached("list.csv", file, "text/csv"), pm.attached("list.csv.sig", g.proof("alice", file))], "m1"),
                         "mixed none part -"),
        "attached-asc": (ALICE, pm.multipart("mixed", [pm.TEXT, pm.attached("list.csv", file, "text/csv"),
                                                       pm.attached("list.csv.asc", g.proof("alice", file, "--armor"), "application/pgp-signature")], "m1"),
                         "mixed none part -"),
        "attached-gpg": (ALICE, pm.multipart("mixed", [pm.TEXT, pm.attached("list.csv.gpg", g.run(file, "--recipient", team, "--encrypt"))], "m1"),
                         "unprotected part - -"),
        "attached-gpg-signed": (ALICE, pm.multipart("mixed", [pm.TEXT, pm.attached("list.csv.gpg", g.run(file, "--local-user", g.keys["alice"], "--sign"))], "m1"),
                                "mixed none part -"),
        # S/MIME
        "smime-detached": (BOB, s.signed("bob"), "verified none whole bob@bank-b.example"),
        "smime-pss": (BOB, s.signed("bob", pm.TEXT, "s1", "-keyopt", "rsa_padding_mode:pss"), "verified none whole bob@bank-b.example"),
        "smime-sha512": (BOB, s.signed("bob", pm.TEXT, "s1", "-md", "sha512"), "verified none whole bob@bank-b.example"),
        "smime-sha1": (BOB, s.signed("bob", pm.TEXT, "s1", "-md", "sha1"), "bad none whole -"),
        "smime-by-two": (BOB, s.signed("bob", pm.TEXT, "s1", "-signer", o.path("carol"), "-inkey", o.path("carol", "key")), "mixed none whole -"),
        "smime-attached": (BOB, pm.multipart("mixed", [pm.TEXT, s.mime(s.run(None, "-nodetach", "-sign", "-signer", s.path("bob"), "-inkey", s.path("bob", "key"), "-outform", "DER",
                                                                                      "-in", "/dev/null"), "signed-data", name="smime.p7c")], "m1"), "mixed none part -"),
        "smime-x-detached": (BOB, s.signed("bob").replace(b"application/pkcs7-signature", b"application/x-pkcs7-signature"),
                             "verified none whole bob@bank-b.example"),
        "smime-opaque": (BOB, s.opaque("bob"), "verified none whole bob@bank-b.example"),
        "smime-opaque-outlook": (BOB, s.opaque("bob", kind="", media_type="application/x-pkcs7-mime"), "verified none whole bob@bank-b.example"),
        "smime-opaque-octets": (BOB, s.opaque("bob", kind="", media_type="application/octet-stream"), "verified none whole bob@bank-b.example"),
        "smime-opaque-wrong-type": (BOB, s.opaque("bob", kind="enveloped-data"), "verified none whole bob@bank-b.example"),
        "smime-enveloped": (BOB, s.sealed(certificate), "unprotected whole - -"),
        "smime-enveloped-outlook": (BOB, s.sealed(certificate, kind="", media_type="application/octet-stream"), "unprotected whole - -"),
        "smime-auth-enveloped": (BOB, s.sealed(certificate, kind="authEnveloped-data", cipher="-aes-256-gcm"), "unprotected whole - -"),
        "smime-signed-enveloped": (BOB, s.sealed(certificate, s.signed("bob")), "verified whole whole bob@bank-b.example"),
        "smime-opaque-enveloped": (BOB, s.sealed(certificate, s.opaque("bob")), "verified whole whole bob@bank-b.example"),
        "smime-triple": (BOB, s.opaque("bob", s.sealed(certificate, s.signed("bob"))), "verified whole whole bob@bank-b.example"),
        "smime-compressed": (BOB, s.compressed(s.signed("bob")), "verified none whole bob@bank-b.example"),
        "smime-signed-compressed": (BOB, s.opaque("bob", s.compressed()), "verified none whole bob@bank-b.example"),
        "smime-to-others": (BOB, s.sealed(s.path("bob")), "unprotected undecryptable - -"),
        "smime-other-sender": (ALICE, s.signed("bob"), "not-sender none whole bob@bank-b.example"),
        "smime-unknown-ca": ("carol@university-c.example", o.signed("carol"), "unknown-key none whole -"),
        "smime-pinned": ("rsa@bank-b.example", o.signed("dave"), "verified none whole rsa"),
        "smime-pinned-opaque": ("rsa@bank-b.example", o.opaque("dave"), "verified none whole rsa"),
        "smime-pinned-other-sender": (ALICE, o.opaque("dave"), "not-sender none whole rsa"),
        "smime-broken": (BOB, s.signed("bob").replace(b"100.44", b"100.45"), "bad none whole -"),
        "smime-revoked": (BOB, s.signed("revoked"), "revoked none whole -"),
        # one in the other
        "smime-in-pgp": (BOB, g.sealed(team, s.signed("bob")), "verified whole whole bob@bank-b.example"),
        "pgp-in-smime": (ALICE, s.sealed(certificate, g.signed("alice")), "verified whole whole Alice"),
        "both-protocols-of-one": ("rsa@bank-b.example", g.signed("rsa", o.opaque("dave")), "verified none whole rsa"),
    }


def deliver(site, mails_):
    with smtplib.LMTP(site.env["CIRT_LMTP"]) as mta:
        for sender, data in mails_:
            mta.sendmail(sender, ["incident@xx-cert.example"], data)


VERDICTS = ("SELECT m.message_id, concat_ws(' ', v.summary, v.encryption, coalesce(v.covers, '-'), coalesce(v.signer, '-')) FROM report_mail m "
            "JOIN report_verdict v USING (report_id)")


def verdicts(site):
    return {row[0]: row[1] for row in site.sql(VERDICTS)}


def texts(site):
    return {row[0]: row[1] for row in site.sql(
        "SELECT m.message_id, coalesce(replace(c.description, E'\\n', ' '), '') || ' ' || coalesce(c.extra, '') FROM report_mail m JOIN report_content c USING (report_id)")}


def revoke(w):
    run(CA, "revoke", os.path.join(w.site.dir, "smime-ca"), w.smime.path("revoked"))
    crl = os.path.join(w.site.dir, "keys", "smime-crl.pem")
    with open(os.path.join(w.site.dir, "smime-ca", "crl.pem"), "rb") as source, open(crl, "wb") as target:
        target.write(source.read())


def all_forms(w):
    revoke(w)
    made = mails(w)
    start = time.monotonic()
    deliver(w.site, [(sender, pm.head(sender, name) + entity) for name, (sender, entity, _) in made.items()])
    until("every mail is judged", lambda: len(verdicts(w.site)) == len(made))
    print(f"{len(made)} mails judged in {time.monotonic() - start:.1f} s")
    got = verdicts(w.site)
    for name, (_, _, wanted) in made.items():
        if got[name] != wanted:
            print(f"{name}: wanted {wanted!r}, got {got[name]!r}", *w.site.sql(
                f"SELECT v.parts FROM report_verdict v JOIN report_mail m USING (report_id) WHERE m.message_id = '{name}'"))
    equal("verdicts", {name: wanted for name, (_, _, wanted) in made.items()}, got)
    read = texts(w.site)
    for name, (_, _, wanted) in made.items():
        if "undecryptable" not in wanted and name not in ("pgp-broken", "smime-broken") and "198.51.100.44" not in read[name]:
            raise AssertionError(f"{name}: not read: {read[name]}")
    for name in ("pgp-to-others", "smime-to-others", "pgp-signed-to-others"):
        assert "198.51.100" not in read[name], name
    assert "198.51.100.46" in read["attached-gpg"] and "198.51.100.46" in read["attached-gpg-signed"], (read["attached-gpg"], read["attached-gpg-signed"])


def report_of(site, name):
    return site.sql(f"SELECT 'r' || report_id FROM report_mail WHERE message_id = '{name}'")[0][0]


def send(w, name, sender, entity, more=""):
    """Delivers it and waits for its verdict; the report's id."""
    deliver(w.site, [(sender, pm.head(sender, name, more=more) + entity)])
    until(f"{name} is judged", lambda: name in verdicts(w.site))
    return report_of(w.site, name)


def signature(w, report):
    return w.site.cirt_json("lead", "report", "show", report)["signature"]


def candidates(w):
    """Keys that come along can be pinned, and count for nothing before."""
    key = w.gpg.run(None, "--export", w.gpg.keys["stranger"])
    header = "Autocrypt: addr=" + ALICE + "; keydata=\r\n " + base64.b64encode(key).decode() + "\r\n"
    send(w, "autocrypt", ALICE, pm.TEXT, header)
    for fingerprint, source in ((w.gpg.keys["stranger"], "autocrypt"), (w.other.fingerprint("carol"), "signature")):
        until(f"{source} is a candidate", lambda f=fingerprint: any(k["fingerprint"] == f for k in w.site.cirt_json("lead", "key", "ls", "candidate")["items"]))
        equal(source, source, w.site.cirt_json("lead", "key", "show", fingerprint)["source"])
    report = send(w, "autocrypt-signed", ALICE, w.gpg.signed("stranger"), header)
    equal("signed by a candidate", "unknown-key", signature(w, report)["summary"])


def keys_that_come_later(w):
    """A verdict is what the keys of now say: a pin, a revocation, a distrusted key, our own key that came later."""
    carol = "carol@university-c.example"
    w.gpg.make("carol", carol)
    entity = w.gpg.signed("carol")
    report = send(w, "later", carol, entity)
    equal("before the pin", "unknown-key", signature(w, report)["summary"])
    equal("whose key is asked for", [w.gpg.keys["carol"]], signature(w, report)["unknown_keys"])
    exit_code = w.site.cirt("lead", "report", "verify", report, ok=False).returncode
    equal("verify of what is not verified", 1, exit_code)
    with open(w.file("carol.asc"), "wb") as file:
        file.write(w.gpg.export("carol"))
    w.site.cirt("lead", "contact", "add", carol, "--name", "Carol")
    w.pin(w.file("carol.asc"), w.gpg.keys["carol"], carol)
    until("verified by itself after the pin", lambda: signature(w, report)["summary"] == "verified")
    said = w.site.cirt("lead", "report", "verify", report).stdout
    assert "verified, signed by Carol" in said, said
    sealed = send(w, "later-sealed", carol, w.gpg.sealed(w.team, signer="carol"))
    equal("sealed", "verified", signature(w, sealed)["summary"])
    w.site.cirt("lead", "key", "distrust", w.gpg.keys["carol"], "-m", "lost")
    for r in (report, sealed):
        until("unknown again after the distrust", lambda r=r: signature(w, r)["summary"] == "unknown-key")
    equal("what was opened stays open", "whole", signature(w, sealed)["encryption"])
    until("both are triaged", lambda: w.site.sql(f"SELECT count(*) FROM report_outcome WHERE report_id IN ({report[1:]}, {sealed[1:]})")[0][0] == "2")


def opened_late(w):
    """A mail from somebody we know that nobody could open opens its case; when our other key arrives, its words and observations are in that case."""
    g, site = w.gpg, w.site
    g.make("team2", "incident@xx-cert.example")
    certificate_home = w.file("late")
    late = pm.Smime(CA, os.path.join(site.dir, "smime-ca"), certificate_home)
    late.issue("second", "incident@xx-cert.example")
    reports = [send(w, "late-pgp", ALICE, g.sealed(g.keys["team2"], pm.protected(ALICE, "late [TLP:GREEN]", hp="cipher"))),
               send(w, "late-smime", BOB, w.smime.sealed(late.path("second"), w.smime.signed("bob", boundary="s9")))]
    site.cirt("lead", "contact", "add", BOB, "--name", "Bob", ok=False)
    for report in reports:
        equal("closed", "undecryptable", signature(w, report)["encryption"])
        assert signature(w, report)["needed_keys"], "nobody says which key it takes"
    until("what somebody we know sent is triaged", lambda: site.cirt_json("lead", "report", "show", reports[0])["state"] == "triaged")
    case = site.cirt_json("lead", "report", "show", reports[0])["case"]
    check("it is in a case", case)
    equal("nothing to see", 0, site.cirt_json("lead", "show", str(case))["observations"])
    # seal takes its new keys at SIGHUP
    secret = g.run(None, "--armor", "--export-secret-keys", g.keys["team2"])
    home = os.path.join(site.run_dir, "gnupg-seal")
    subprocess.run(as_user("cirt-seal", "gpg", "--homedir", home, "--batch", "--quiet", "--import"), input=secret, check=True, cwd="/", stderr=subprocess.DEVNULL)
    subprocess.run(as_user("cirt-seal", "gpgconf", "--homedir", home, "--kill", "gpg-agent"), check=True, cwd="/")
    for end in ("key", "crt"):
        target = os.path.join(site.dir, "smime", "second." + end)
        shutil.copy(late.path("second", end), target)
        os.chmod(target, 0o600)
        if IS_ROOT:
            shutil.chown(target, "cirt-seal", "cirt-seal")
    site.hangup()
    for report in reports:
        until(f"{report} is opened by itself", lambda r=report: signature(w, r)["encryption"] == "whole")
    equal("verified now", "verified", signature(w, reports[1])["summary"])
    until("the case has what was in it", lambda: site.cirt_json("lead", "show", str(case))["observations"] > 0)
    assert "198.51.100.44" in json.dumps(site.cirt_json("lead", "show", str(case))["observable_list"])
    check("told in the journal", any("can be read now" in e["text"] for e in site.cirt_json("lead", "journal", str(case))["items"]))
    equal("in one case still", [["1"]], site.sql(f"SELECT count(*) FROM case_member WHERE report_id = {reports[0][1:]} AND until IS NULL"))
    equal("triaged once", [["1"]], site.sql(f"SELECT count(*) FROM report_outcome WHERE report_id = {reports[0][1:]}"))


def disabled(w):
    """Who is disabled counts for nothing, whatever CA speaks for them."""
    for enabled, summary in (("no", "unknown-key"), ("yes", "verified")):
        w.site.cirt("lead", "contact", "set", BOB, "--enabled", enabled)
        equal(f"enabled {enabled}", summary, signature(w, send(w, f"enabled-{enabled}", BOB, w.smime.opaque("bob", pm.TEXT + enabled.encode())))["summary"])


def replays(w):
    """The signed words of another time, in other envelopes: copies of the first."""
    now = time.time()
    entity = w.gpg.signed("alice", pm.protected(ALICE, "now"))
    first = send(w, "replay-1", ALICE, entity)
    shown = signature(w, first)
    equal("the first", ("verified", True, None), (shown["summary"], shown["fresh"], shown["copy_of"]))
    again = send(w, "replay-2", ALICE, entity)
    shown = signature(w, again)
    equal("the same words again", ("verified", False, first), (shown["summary"], shown["fresh"], shown["copy_of"]))
    sealed = send(w, "replay-3", "mallory@evil.example", w.gpg.sealed(w.team, entity))
    shown = signature(w, sealed)
    equal("in another's envelope", ("not-sender", first), (shown["summary"], shown["copy_of"]))
    signed_again = send(w, "replay-4", ALICE, w.gpg.signed("alice", pm.protected(ALICE, "now"), "s1", "--faked-system-time", str(int(now) - 90 * 60) + "!"))
    shown = signature(w, signed_again)
    equal("the same words signed anew", ("verified", True, None), (shown["summary"], shown["fresh"], shown["copy_of"]))
    # who sends another's words first is not who they are of
    stolen = w.gpg.signed("alice", pm.protected(ALICE, "stolen"))
    thief = send(w, "replay-5", "mallory@evil.example", stolen)
    owner = send(w, "replay-6", ALICE, stolen)
    equal("of whom they are", ("verified", None), (signature(w, owner)["summary"], signature(w, owner)["copy_of"]))
    w.site.cirt("lead", "report", "verify", thief, ok=False)
    equal("of whom they are not", owner, signature(w, thief)["copy_of"])
    # opaque and combined ones as well
    for number, (sender, entity) in enumerate(((BOB, w.smime.opaque("bob")), (ALICE, w.gpg.sealed(w.team, pm.protected(ALICE, "x", hp="cipher"), "alice")))):
        first = send(w, f"replay-o{number}", sender, entity)
        again = send(w, f"replay-p{number}", sender, entity)
        equal("a copy", first, signature(w, again)["copy_of"])


def fresh(w):
    day = 24 * 3600
    for name, made, to, wanted in (("fresh-now", 0, "incident@xx-cert.example", True), ("fresh-23h", day - 3600, "incident@xx-cert.example", True),
                                   ("fresh-25h", day + 3600, "incident@xx-cert.example", False), ("fresh-ahead", -3600, "incident@xx-cert.example", False),
                                   ("fresh-others", 0, "cert@other.example", False), ("fresh-among", 0, "cert@other.example, Incident@XX-CERT.example", True)):
        part = pm.protected(ALICE, name, to=to)
        options = ("--faked-system-time", f"{int(time.time()) - made}!") if made else ()
        report = send(w, name, ALICE, w.gpg.signed("alice", part, "s1", *options))
        equal(name, ("verified", wanted), (signature(w, report)["summary"], signature(w, report)["fresh"]))
    report = send(w, "fresh-outside", ALICE, w.gpg.signed("alice", b"Content-Type: text/plain\r\n\r\nTo is outside only.\r\n"))
    equal("addressed outside only", ("verified", False), (signature(w, report)["summary"], signature(w, report)["fresh"]))


def facts(w):
    """What our own MTA said counts, what others say does not."""
    results = "Authentication-Results: {}; dmarc=pass header.from=yy-cert.example; spf=pass smtp.mailfrom=yy-cert.example\r\n"
    for name, server, wanted, assurance in (("auth-ours", "mx.xx-cert.example", "pass", "dmarc"), ("auth-theirs", "mx.evil.example", "", "unknown")):
        data = results.format(server).encode() + pm.head(ALICE, name) + pm.TEXT
        deliver(w.site, [(ALICE, data)])
        until(f"{name} is judged", lambda n=name: n in verdicts(w.site))
        report = report_of(w.site, name)
        equal(name, wanted, w.site.sql(f"SELECT coalesce(dmarc, '') FROM report_mail WHERE report_id = {report[1:]}")[0][0])
        equal(name, assurance, w.site.cirt_json("lead", "report", "show", report)["assurance"])
    report = report_of(w.site, "pgp-signed")
    equal("a verified one", "pinned-key", w.site.cirt_json("lead", "report", "show", report)["assurance"])


def test(scratch):
    w = World(scratch)
    try:
        all_forms(w)
        candidates(w)
        keys_that_come_later(w)
        opened_late(w)
        disabled(w)
        replays(w)
        fresh(w)
        facts(w)
    finally:
        w.gpg.close()


main(test)
