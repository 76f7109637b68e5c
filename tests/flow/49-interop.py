#!/usr/bin/env python3
"""Round trips with what others wrote: neomutt (with GPGME, and with openssl), Sequoia and openssl read and verify what we send, and we what they make."""
import email
import email.policy
import hashlib
import os
import shutil
import smtplib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
import mail_programs as mp  # noqa: E402
import protected_mail as pm  # noqa: E402
from testsite import CA, Site, check, equal, main, run, skip, until  # noqa: E402

US = "incident@xx-cert.example"
ALICE, BOB, CAROL, DAN, SVEN = "alice@bank-b.example", "bob@university-c.example", "carol@isp.example", "dan@shop.example", "sven@sequoia.example"
SUBJECT = "Hameçonnage: 钓鱼 تصيد"
LINES = ("Bonjour Zoé, déjà vu ?", "مرحبا، هذا تقرير عن 198.51.100.7", "您好，这是一个测试。", "From the start, and a dot:", ".", "-- dash", "trailing blank ", "x" * 1200)
TEXT = "\n".join(LINES) + "\n"
FILE_NAME, FILE = "liste é.bin", bytes(range(256)) * 40 + b"\r\n.\r\nFrom \n"
GREEN, AMBER = "green", "amber"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def write(path, data):
    with open(path, "wb" if isinstance(data, bytes) else "w") as file:
        file.write(data)
    return path


class World:
    def __init__(self, scratch):
        self.scratch, self.mta = scratch, mp.Mta()
        self.site = Site(scratch, start=False, new=("--smtp", self.mta.url))
        with open(self.site.config) as file:
            text = file.read()
        write(self.site.config, text.replace("outgoing {", "outgoing {\n    recall_s = 0\n    acknowledge = false", 1))
        self.site.start()
        self.file, self.ca = write(self.path(FILE_NAME), FILE), os.path.join(self.site.dir, "smime-ca", "ca.crt")
        self.team, self.team_certificate = (os.path.join(self.site.dir, name) for name in ("team.asc", "team.crt"))
        self.gpg = pm.Gpg()
        self.make_keys()
        self.make_people()

    def path(self, name):
        return os.path.join(self.scratch, name)

    def make_keys(self):
        """Alice has a key of GnuPG, Sven one of Sequoia, Bob and Dan certificates (Dan's is no more than imported), Carol has nothing."""
        self.gpg.make("alice", ALICE)
        write(os.path.join(self.gpg.home, "gpg.conf"), "trust-model always\n")
        self.team_key = self.gpg.take(self.team)
        run("sq", "key", "generate", "--userid", f"Sven <{SVEN}>", "--export", self.path("sven.key"))
        run("sq", "key", "extract-cert", "--output", self.path("sven.asc"), self.path("sven.key"))
        self.smime = pm.Smime(CA, os.path.join(self.site.dir, "smime-ca"), self.path("smime"))
        self.smime.issue("bob", BOB)
        self.smime.issue("dan", DAN)
        shown = run("gpg", "--homedir", self.gpg.home, "--show-keys", "--with-colons", self.path("sven.asc")).stdout
        self.keys = {ALICE: self.gpg.keys["alice"], BOB: self.smime.fingerprint("bob"), SVEN: next(line.split(":")[9] for line in shown.splitlines() if line.startswith("fpr:"))}
        paths = {ALICE: write(self.path("alice.asc"), self.gpg.export("alice")), BOB: self.smime.path("bob"), SVEN: self.path("sven.asc")}
        for address, fingerprint in self.keys.items():
            self.site.cirt("lead", "contact", "add", address, "--name", address.partition("@")[0].capitalize())
            self.site.cirt("lead", "key", "import", paths[address])
            self.site.cirt("lead", "key", "pin", fingerprint, "--contact", address, "--yes")
        self.site.cirt("lead", "key", "import", self.smime.path("dan"))

    def make_people(self):
        home = self.gpg.home
        gpgsm = mp.Gpgsm(home, self.ca)
        gpgsm.take(self.team_certificate)
        gpgsm.take_key(self.smime.path("bob"), self.smime.path("bob", "key"))
        certificate = mp.Gpgsm.fingerprint
        self.alice = mp.Neomutt(self.path("alice"), home, ALICE, f"set realname='Zoé Alice' pgp_default_key={self.keys[ALICE]}\ncrypt-hook {US} {self.team_key}\n")
        self.bob = mp.Neomutt(self.path("bob"), home, BOB, f"set smime_is_default=yes smime_default_key={certificate(self.smime.path('bob'))}\n"
                                                           f"crypt-hook {US} 0x{certificate(self.team_certificate)}\n")
        self.bob_openssl = mp.Neomutt(self.path("bob-openssl"), home, BOB, openssl={BOB: self.smime.path("bob"), US: self.team_certificate},
                                      key=self.smime.path("bob", "key"), ca=self.ca)

    def deliver(self, sender, message):
        with smtplib.LMTP(self.site.env["CIRT_LMTP"]) as lmtp:
            lmtp.sendmail(sender, [US], message)

    def reports(self):
        return self.site.cirt_json("lead", "report", "ls", "is:any", "--limit", "200")["items"]

    def arrives(self, sender, message):
        """Delivers it and waits until it is judged and triaged; the report."""
        known = {item["id"] for item in self.reports()}
        self.deliver(sender, message)

        def found():
            new = [item for item in self.reports() if item["id"] not in known and item["state"] in ("triaged", "held", "malformed")]
            shown = self.site.cirt_json("lead", "report", "show", new[0]["id"]) if new else {}
            return shown if shown.get("signature") else None
        return until("the mail is judged", found)

    def replied(self, address, label):
        """They write, in clear; we answer with text and file. (the message that the MTA took, {"case", "outside", "subject"})"""
        message = email.message.EmailMessage(policy=email.policy.SMTP)
        message["From"], message["To"], message["Subject"], message["Message-ID"] = address, US, SUBJECT, f"<first.{address}>"
        message.set_content("Phishing at http://login.bank.example/ on 198.51.100.7\n")
        name = self.arrives(address, message.as_bytes())["case"]
        number = str(int(name.rpartition("-")[2]))
        self.site.cirt("lead", "take", number)
        sent = self.site.cirt_json("lead", "reply", number, "--tlp", label, "-m", TEXT, "--attach", self.file, "--yes")
        taken = until("the MTA has it", lambda: [t for t in self.mta.taken if f"<{sent['message_id']}>".encode() in t[2]])
        equal("handed over once", 1, len(taken))
        equal("envelope", (US, [address]), taken[0][:2])
        subject = f"[{name}] TLP:{label.upper()} Re: {SUBJECT}"
        return taken[0][2], {"case": f"[{name}]", "subject": subject}


# --- what we send ---

def outside(message, wanted, is_encrypted):
    """What anybody on the way sees."""
    outer = email.message_from_bytes(message, policy=email.policy.default)
    equal("subject outside", wanted["case"] if is_encrypted else wanted["subject"], outer["Subject"])
    equal("from", f"XX-CERT <{US}>", outer["From"])
    for secret in (b"Hame", b"TLP:", b"liste", b"Bonjour", b"198.51.100.7"):
        check(f"{secret} is outside of what is encrypted", not is_encrypted or secret not in message)
    return outer


def inside(entity, wanted):
    """The entity that was signed, as Python's parser reads it: subject, text, file."""
    message = email.message_from_bytes(entity, policy=email.policy.default)
    equal("protected subject", wanted["subject"], message["Subject"])
    text = message.get_body(("plain",)).get_content().replace("\r\n", "\n")
    check(f"text: {text!r}", text.endswith(TEXT))
    files = {part.get_filename(): sha256(part.get_content()) for part in message.iter_attachments()}
    equal("files", {FILE_NAME: sha256(FILE)}, files)


def in_neomutt(neomutt, message, wanted, good, is_encrypted):
    shown = neomutt.read(message, is_encrypted)
    head, _, text = shown.partition(good)
    check(f"no \"{good}\" in: {shown}", text)
    check(f"a bad signature in: {shown}", "*BAD*" not in shown)
    lines = shown.split("\n")
    for line in LINES:
        check(f"no line {line!r} in: {shown}", line in lines)
    check(f"protected subject in: {text}", f"Subject: {wanted['subject']}" in text)
    equal("its file", sha256(FILE), sha256(neomutt.attachment(message, "liste", is_encrypted)))
    return head


def signed_part(message):
    """(what is signed, the signature as it was before its transfer encoding) of multipart/signed, cut and not parsed."""
    outer = email.message_from_bytes(message, policy=email.policy.default)
    mark = b"\r\n--" + outer.get_boundary().encode()
    return message.split(mark)[1][2:], list(outer.iter_parts())[1].get_payload(decode=True)


def in_sequoia(w, message, wanted, key=None):
    outer = email.message_from_bytes(message, policy=email.policy.default)
    if key:
        cipher = write(w.path("cipher"), list(outer.iter_parts())[1].get_payload(decode=True))
        run("sq", "decrypt", "--recipient-key", key, "--signer-cert", w.team, "--signatures", "1", "--output", w.path("clear"), cipher)
        with open(w.path("clear"), "rb") as file:
            entity = file.read()
        os.unlink(w.path("clear"))
    else:
        entity, proof = signed_part(message)
        data, signature = write(w.path("data"), entity), write(w.path("data.sig"), proof)
        run("sq", "verify", "--signer-cert", w.team, "--detached", signature, data)
        equal("signer for sqv", w.team_key, run("sqv", "--keyring", w.team, signature, data).stdout.strip())
        broken = write(w.path("data"), entity.replace(b"198.51.100.7", b"198.51.100.8"))
        check("sqv takes anything", run("sqv", "--keyring", w.team, signature, broken, ok=False).returncode != 0)
    inside(entity, wanted)


def in_openssl(w, message, wanted, name=None):
    head = message.index(b"Content-Type: ")
    data = write(w.path("data"), message[head:])
    if name:
        data = write(w.path("opened"), w.smime.run(None, "-decrypt", "-inform", "SMIME", "-in", data, "-recip", w.smime.path(name), "-inkey", w.smime.path(name, "key")))
    signer = w.path("signer.crt")
    entity = w.smime.run(None, "-verify", "-inform", "SMIME", "-in", data, "-CAfile", w.ca, "-signer", signer)
    with open(signer) as found, open(w.team_certificate) as ours:
        equal("whose certificate", ours.read(), found.read())
    inside(entity, wanted)


def out(w):
    good_pgp, fingerprint = "Good signature from: XX-CERT <incident@xx-cert.example>", " ".join(w.team_key[i:i + 4] for i in range(0, 40, 4))
    good_smime, good_openssl = "Good signature from: CN=team,O=XX-CERT mail", "Verification successful"
    message, wanted = w.replied(CAROL, GREEN)
    equal("signed only", "multipart/signed", outside(message, wanted, False).get_content_type())
    in_neomutt(w.alice, message, wanted, good_pgp, False)
    in_sequoia(w, message, wanted)
    message, wanted = w.replied(ALICE, AMBER)
    equal("encrypted", "multipart/encrypted", outside(message, wanted, True).get_content_type())
    in_neomutt(w.alice, message, wanted, good_pgp, True)
    check("fingerprint", fingerprint in w.alice.read(message, True).replace("  ", " "))
    secret = write(w.path("alice.key"), w.gpg.run(None, "--armor", "--export-secret-keys", w.keys[ALICE]))
    in_sequoia(w, message, wanted, secret)
    message, wanted = w.replied(SVEN, AMBER)
    outside(message, wanted, True)
    in_sequoia(w, message, wanted, w.path("sven.key"))
    message, wanted = w.replied(DAN, GREEN)
    outer = outside(message, wanted, False)
    equal("S/MIME, signed only", ("multipart/signed", "application/pkcs7-signature"), (outer.get_content_type(), outer.get_param("protocol")))
    in_neomutt(w.bob, message, wanted, good_smime, False)
    in_neomutt(w.bob_openssl, message, wanted, good_openssl, False)
    in_openssl(w, message, wanted)
    message, wanted = w.replied(BOB, AMBER)
    equal("S/MIME, encrypted", "application/pkcs7-mime", outside(message, wanted, True).get_content_type())
    in_neomutt(w.bob, message, wanted, good_smime, True)
    in_neomutt(w.bob_openssl, message, wanted, good_openssl, True)
    in_openssl(w, message, wanted, "bob")


# --- what comes ---

def comes(w, what, sender, message, protocol, encryption, subject, has_file=True, text=TEXT):
    """A mail of somebody else's program, verified as it should be, read as it was written."""
    report = w.arrives(sender, message)
    signature = report["signature"]
    signer = sender.partition("@")[0].capitalize()
    equal(what, ("verified", signer, w.keys[sender], "whole", protocol, encryption),
          tuple(signature[name] for name in ("summary", "signer", "fingerprint", "covers", "protocol", "encryption")))
    equal(f"{what}: subject", subject, report["summary"])
    equal(f"{what}: text", text.rstrip("\n"), report["description"].replace("\r\n", "\n").rstrip("\n"))
    equal(f"{what}: state", "triaged", report["state"])
    found = w.site.sql(f"SELECT a ->> 'name', a ->> 'sha256', a ->> 'covered' FROM cirt.report_content c, jsonb_array_elements(c.extra::jsonb -> 'attachments') a "
                       f"WHERE c.report_id = {report['id'][1:]}")
    equal(f"{what}: files", [[FILE_NAME, sha256(FILE), "whole"]] if has_file else [], found)


def from_neomutt(w):
    for what, person, sender, protocol in (("neomutt, GPGME", w.alice, ALICE, "openpgp"), ("neomutt, gpgsm", w.bob, BOB, "smime"), ("neomutt, openssl", w.bob_openssl, BOB, "smime")):
        for encrypts in (False, True):
            subject = f"{SUBJECT} {what} {encrypts}"
            message = person.write(US, subject, TEXT, w.file, encrypts)
            outer = email.message_from_bytes(message, policy=email.policy.default)["Subject"]
            equal(f"{what} protects the subject", "..." if encrypts else subject, outer)
            comes(w, what, sender, message, protocol, "whole" if encrypts else "none", subject)


def entity(with_file=True):
    """What is to be signed: text, and a file with a name that needs RFC 2231."""
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message.set_content(TEXT, cte="base64")
    if with_file:
        message.add_attachment(FILE, maintype="application", subtype="octet-stream", filename=FILE_NAME)
    del message["MIME-Version"]
    return message.as_bytes()


def head(sender, subject):
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"], message["Subject"], message["Message-ID"] = sender, US, subject, f"<{time.time_ns()}@others.example>"
    message["Date"], message["MIME-Version"] = email.utils.formatdate(), "1.0"
    return message.as_bytes().rstrip(b"\r\n") + b"\r\n"


def sq(w, data, *words):
    made = w.path("made")
    run("sq", "--force", *words, "--output", made, write(w.path("data"), data))
    with open(made, "rb") as file:
        return pm.crlf(file.read())


def from_sequoia(w):
    key, part = w.path("sven.key"), entity()
    proof = sq(w, part, "sign", "--detached", "--signer-key", key)
    signed = pm.multipart("signed", [part, b"Content-Type: application/pgp-signature\r\n\r\n" + proof], "sq1", '; micalg=pgp-sha512; protocol="application/pgp-signature"')
    comes(w, "sq sign --detached", SVEN, head(SVEN, "sq 1") + signed, "openpgp", "none", "sq 1")
    for what, data, words in (("sq encrypt --signer-key", part, ("--signer-key", key)), ("sq encrypt of what is signed", signed, ())):
        cipher = sq(w, data, "encrypt", "--recipient-cert", w.team, *words)
        sealed = pm.multipart("encrypted", [b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n", b"Content-Type: application/octet-stream\r\n\r\n" + cipher], "sq2",
                              '; protocol="application/pgp-encrypted"')
        comes(w, what, SVEN, head(SVEN, what) + sealed, "openpgp", "whole", what)
    plain = b'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
    cipher = sq(w, TEXT.encode(), "encrypt", "--recipient-cert", w.team, "--signer-key", key)
    comes(w, "sq encrypt, inline", SVEN, head(SVEN, "sq 4") + plain + cipher, "openpgp", "whole", "sq 4", has_file=False)
    signed = sq(w, TEXT.encode(), "sign", "--cleartext-signature", "--signer-key", key)
    comes(w, "sq sign --cleartext-signature", SVEN, head(SVEN, "sq 5") + plain + signed, "openpgp", "none", "sq 5", has_file=False,
          text=TEXT.replace("blank \n", "blank\n"))  # blanks at a line's end are not signed (RFC 4880 section 7.1)


def from_openssl(w):
    """Whole mails as openssl writes them, header and all."""
    certificate = ("-signer", w.smime.path("bob"), "-inkey", w.smime.path("bob", "key"), "-md", "sha256")
    data, words = write(w.path("entity"), entity()), ("-from", BOB, "-to", US, "-subject")

    def mail(*command):
        made = w.path("made")
        w.smime.run(None, command[0], "-out", made, *command[1:])
        with open(made, "rb") as file:
            return f"Message-ID: <{time.time_ns()}@openssl.example>\r\n".encode() + pm.crlf(file.read())

    comes(w, "openssl, detached", BOB, mail("-sign", "-binary", "-in", data, *certificate, *words, "ossl 1"), "smime", "none", "ossl 1")
    comes(w, "openssl, opaque", BOB, mail("-sign", "-binary", "-nodetach", "-in", data, *certificate, *words, "ossl 2"), "smime", "none", "ossl 2")
    for number, opaque in ((3, ()), (4, ("-nodetach",))):
        signed = write(w.path("signed"), pm.crlf(w.smime.run(None, "-sign", "-binary", "-in", data, *certificate, *opaque)))
        for cipher in ("-aes-256-cbc", "-aes-128-gcm"):
            subject = f"ossl {number} {cipher}"
            comes(w, f"openssl, {subject}", BOB, mail("-encrypt", "-binary", "-in", signed, cipher, *words, subject, w.team_certificate), "smime", "whole", subject)
    report = w.arrives(BOB, mail("-encrypt", "-binary", "-in", data, "-aes-256-cbc", *words, "ossl 5", w.team_certificate))
    equal("openssl, enveloped only", ("unprotected", "whole", "ossl 5"), (report["signature"]["summary"], report["signature"]["encryption"], report["summary"]))


def test(scratch):
    for program in ("neomutt", "sq", "sqv", "gpgsm", "openssl"):
        if not shutil.which(program):
            skip(f"{program} is not installed (packaging/install-deps brings it)")
    w = World(scratch)
    try:
        out(w)
        from_neomutt(w)
        from_sequoia(w)
        from_openssl(w)
    finally:
        w.gpg.close()


main(test)
