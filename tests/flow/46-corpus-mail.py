#!/usr/bin/env python3
"""Every mail of the corpus, of which nobody here wrote one, goes through LMTP: none is lost, each gets the verdict that tests/data/mail-corpus/verdicts.tsv says
(anything not in the table is neither signed nor encrypted), no spoof shows as verified, and no plaintext of a covert-content attack gets into a text that is
shown as the message or quoted in a reply. Skips where the corpus is absent, or without root (the corpus' secret keys go into seal's home).

With CORPUS_WRITE=FILE the verdicts found are written there in the form of the table, to be looked at before they become it."""
import glob
import json
import os
import re
import shutil
import smtplib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import IS_ROOT, SOURCE, Client, Site, as_user, check, equal, fail, main, run, skip, until  # noqa: E402

CORPUS = os.path.realpath(os.path.join(SOURCE, "..", "shared", "corpus", "mail"))
TABLE = os.path.join(SOURCE, "tests", "data", "mail-corpus", "verdicts.tsv")
NOT_MAIL = (".json", ".out", ".py", ".md", ".js", ".sh", ".tsv", ".inner", ".asc", ".pem")
# What the covert-content mails hide in ciphertexts taken from somebody else's mail.
SECRETS = re.compile("ENCRYPTED MESSAGE \\*\\*\\*")
ME = "incident@xx-cert.example"


def mails():
    """(name in the corpus, bytes) of each file that begins with a header field; a mailbox of one loses its From line, as the MTA's delivery does."""
    for folder, _, names in sorted(os.walk(CORPUS)):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if folder == CORPUS or name.endswith(NOT_MAIL):
                continue
            with open(path, "rb") as file:
                data = file.read()
            if data.startswith(b"From ") and b"\n" in data:
                data = data.split(b"\n", 1)[1]
            if re.match(rb"[\r\n]*[A-Za-z][A-Za-z0-9-]*[ \t]*:", data):
                yield os.path.relpath(path, CORPUS), data


# --- keys ---

class Home:
    """A GnuPG home in which the corpus' keys are put right before cirt gets them: one block a key, without secret parts."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="cirt-gpg-", dir="/tmp")

    def gpg(self, *options, data=None, ok=True):
        command = ["gpg", "--homedir", self.path, "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", "--trust-model", "always", *options]
        done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        check("gpg " + " ".join(options), not ok or done.returncode == 0)
        return done.stdout

    def take(self, *patterns):
        for pattern in patterns:
            for path in sorted(glob.glob(os.path.join(CORPUS, pattern))):
                self.gpg("--import", path, ok=False)

    def take_home(self, name):
        """A whole home of somebody else's, its secret keys too; copied, since GnuPG writes into what it reads."""
        copy = Home()
        try:
            shutil.copytree(os.path.join(CORPUS, name), copy.path, dirs_exist_ok=True)
            run("chmod", "-R", "u+rwX,go-rwx", copy.path)
            for options in (("--export",), ("--export-secret-keys",)):
                self.gpg("--import", data=copy.gpg("--armor", *options, ok=False), ok=False)
        finally:
            copy.close()

    def keys(self, secret=False):
        """{fingerprint: [addresses]}"""
        found, fingerprint = {}, None
        for line in self.gpg("--with-colons", "--list-secret-keys" if secret else "--list-keys").decode("utf-8", "replace").splitlines():
            field = line.split(":")
            if field[0] in ("pub", "sec"):
                fingerprint = None
            elif field[0] == "fpr" and fingerprint is None:
                fingerprint = field[9]
                found[fingerprint] = []
            elif field[0] == "uid" and fingerprint:
                found[fingerprint] += re.findall(r"[^\s<>]+@[^\s<>]+", field[9].replace("\\x3a", ":"))
        return found

    def close(self):
        run("gpgconf", "--homedir", self.path, "--kill", "gpg-agent", ok=False)
        shutil.rmtree(self.path)


def pin(site, scratch, key_text, fingerprint, addresses, suffix):
    """As an analyst does it: the address becomes a contact, the key is imported and pinned to it."""
    path = os.path.join(scratch, fingerprint + suffix)
    with open(path, "wb") as file:
        file.write(key_text)
    site.cirt("admin", "key", "import", path)
    # A key that its owner revoked cannot be pinned: what it signed stays unknown.
    done = site.cirt("admin", "key", "pin", fingerprint, "--contact", addresses[0], "--yes", ok=False)
    check(f"pin {fingerprint}: {done.stderr}", done.returncode == 0 or "revoked" in done.stderr or "ended" in done.stderr or "expired" in done.stderr)


def give_openpgp(site, scratch):
    home = Home()
    try:
        home.take_home("messagelib-gnupg_home")
        home.take("tb-openpgp/keys/*-pub.asc", "spoof-johnny/assets/public-keys/*.asc", "spoof-covert/assets/secret-keys/*-pub.asc", "notmuch-keys/*.asc",
                  "gmime-keys/pgp/*", "protected-headers/*.asc", "tb-openpgp/keys/*-secret.asc", "spoof-covert/assets/secret-keys/*-sec.asc")
        for fingerprint, addresses in sorted(home.keys().items()):
            if not addresses:
                continue
            for address in addresses[:1]:
                site.cirt("admin", "contact", "add", address.lower(), ok=False)
            pin(site, scratch, home.gpg("--armor", "--export", fingerprint), fingerprint, [a.lower() for a in addresses], ".asc")
        # Those with a passphrase that nobody told us do not come out.
        secret = b"".join(home.gpg("--armor", "--export-secret-keys", fingerprint, ok=False) for fingerprint in home.keys(secret=True))
    finally:
        home.close()
    seal = os.path.join(site.run_dir, "gnupg-seal")
    run(*as_user("cirt-seal", "gpg", "--homedir", seal, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", "--import"), input=secret.decode(), cwd="/", ok=False)
    site.hangup()


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout


def give_smime(site, scratch):
    """The corpus' CAs become ours; its secret keys go into seal's folder; nobody's certificate is pinned: the chain decides."""
    roots = b""
    for pattern in ("tb-smime/TestCA.pem", "spoof-johnny/assets/certificates/intermediate_ca.crt", "protected-headers/sample-ca.pem", "gmime-keys/smime/certificate-authority.crt",
                    "rfc9216-smime-keys/3.1-*.pem", "rfc9216-smime-keys/6.1-*.pem", "notmuch-keys/smime/ca.crt"):
        for path in glob.glob(os.path.join(CORPUS, pattern)):
            roots += openssl("x509", "-in", path)
    roots += openssl("x509", "-inform", "DER", "-in", os.path.join(CORPUS, "rfc4134-smime-examples", "CarlRSASelf.cer"))
    path = os.path.join(site.dir, "keys", "smime-ca.pem")
    with open(path, "ab") as file:
        file.write(roots)
    folder = os.path.join(site.dir, "smime")
    check(f"no folder of S/MIME keys: {folder}", os.path.isdir(folder))
    for name, password in [(p, "nss") for p in glob.glob(os.path.join(CORPUS, "tb-smime", "*.p12"))] + [
            (os.path.join(CORPUS, "spoof-covert/assets/secret-keys/manager@bigcorporation.pfx"), "test12345678")]:
        both = openssl("pkcs12", "-legacy", "-in", name, "-passin", "pass:" + password, "-nodes", "-clcerts")
        stem = os.path.join(folder, os.path.basename(name).rsplit(".", 1)[0].replace("@", "-at-"))
        for suffix, text in ((".crt", openssl("x509", data=both)), (".key", openssl("pkey", data=both))):
            if not text:
                continue
            with open(stem + suffix, "wb") as file:
                file.write(text)
            os.chmod(stem + suffix, 0o600)
            shutil.chown(stem + suffix, "cirt-seal", "cirt-seal")
    site.hangup()


# --- verdicts ---

def read_table():
    """{file: (summary, encryption, why)}"""
    table = {}
    with open(TABLE, encoding="utf-8") as file:
        for line in file:
            if line.startswith("#") or not line.strip():
                continue
            name, summary, encryption, why = line.rstrip("\n").split("\t")
            table[name] = (summary, encryption, why)
    return table


def deliver(site, wanted):
    """{file: report}. Message by message, each with its own Message-ID at the end of the road: the log says which report it became."""
    reports = {}
    with smtplib.LMTP(site.env["CIRT_LMTP"]) as mta:
        for number, (name, data) in enumerate(wanted):
            mta.sendmail(f"corpus{number}@corpus.example", [ME], data)
            reports[f"corpus{number}@corpus.example"] = name
    rows = site.sql("SELECT m.mail_from, m.report_id FROM report_mail m")
    equal("mails stored", len(wanted), len(rows))
    return {reports[sender]: int(report) for sender, report in rows}


def found(site):
    """{report: (summary, encryption, description)}; None for a verdict that is not there, with the state instead."""
    rows = site.sql("""SELECT c.report_id, coalesce(v.summary, c.state), coalesce(v.encryption, '-'), coalesce(encode(convert_to(c.description, 'UTF8'), 'hex'), '')
        FROM report_content c LEFT JOIN (SELECT DISTINCT ON (report_id) * FROM report_verdict ORDER BY report_id, checked DESC) v USING (report_id)""")
    return {int(report): (summary, encryption, bytes.fromhex(text).decode()) for report, summary, encryption, text in rows}


def compare(reports, verdicts, table):
    wrong = []
    for name, report in sorted(reports.items()):
        summary, encryption = table.get(name, ("unprotected", "none", ""))[:2]
        if verdicts[report][0] not in summary.split("|") or verdicts[report][1] != encryption:
            wrong.append(f"{name}: wanted {summary} {encryption}, got {' '.join(verdicts[report][:2])}")
    return wrong


def leaks(reports, verdicts):
    return [name for name, report in reports.items() if name.startswith("spoof-covert/") and SECRETS.search(verdicts[report][2])]


def answer(client, case, report):
    """The text that an answer to that report begins with. A mail that nobody can be answered has none."""
    status, _, body = client.post(f"/v1/cases/{case}/mails", json.dumps({"occasion": "reply", "answers": f"r{report}"}))
    check(f"answering r{report}: {body[:300]}", status in (201, 422))
    return json.loads(body)["text"] if status == 201 else ""


def answers(site, reports, names):
    """{file: the text an analyst's answer begins with}, once what is held among them was accepted."""
    wanted = {reports[name]: name for name in names}
    texts = {}
    with Client(site, "lead", "desk") as client:
        held = [f"r{report}" for report in wanted if site.sql(f"SELECT state FROM report_outcome WHERE report_id = {report}") == [["held"]]]
        status, _, body = client.post("/v1/reports/accept", json.dumps({"reports": held}))
        check(f"accepting what is held: {body[:300]}", status == 200)
        cases = until("what was held is in cases", lambda: (lambda rows: rows if len(rows) == len(wanted) else None)(site.sql(
            f"SELECT m.report_id, min(c.number) FROM case_member m JOIN incident_case c ON c.id = m.case_id WHERE m.report_id IN ({','.join(map(str, wanted))}) GROUP BY 1")))
        for report, case in cases:
            texts[wanted[int(report)]] = answer(client, case, report)
    return texts


def test(scratch):
    if not os.path.isdir(CORPUS):
        print("skipped: the corpus is not here")
        sys.exit(77)
    if not IS_ROOT:
        skip("only root may put the corpus' secret keys into seal's home")
    wanted = list(mails())
    site = Site(scratch)
    give_openpgp(site, scratch)
    give_smime(site, scratch)
    reports = deliver(site, wanted)
    until("every mail is judged", lambda: int(site.sql("SELECT count(*) FROM (SELECT report_id FROM report_verdict UNION SELECT report_id FROM report_content "
                                                       "WHERE state = 'malformed') x")[0][0]) == len(wanted), 300)
    verdicts = found(site)
    if os.environ.get("CORPUS_WRITE"):
        with open(os.environ["CORPUS_WRITE"], "w", encoding="utf-8") as file:
            for name, report in sorted(reports.items()):
                if verdicts[report][:2] != ("unprotected", "none"):
                    file.write("\t".join((name, *verdicts[report][:2], read_table().get(name, ("", "", "?"))[2])) + "\n")
    print(f"{len(wanted)} mails")
    equal("plaintext that came out", [], leaks(reports, verdicts))
    wrong = compare(reports, verdicts, read_table())
    if wrong:
        fail("\n  ".join([f"{len(wrong)} verdicts differ:", *wrong]))
    until("all went through triage", lambda: site.sql("SELECT count(*) FROM to_triage WHERE failed IS NULL") == [["0"]])
    genuine = "tb-openpgp/signed-by-0xfbfcc82a015e7330-encrypted-to-0xf231550c4f47e38e.eml"
    whole_unsigned = "tb-openpgp/unsigned-encrypted-to-0xf231550c4f47e38e-from-0xfbfcc82a015e7330.eml"
    texts = answers(site, reports, [name for name in reports if name.startswith("spoof-covert/")] + [genuine, whole_unsigned])
    equal("plaintext in an answer", [], [name for name, text in texts.items() if SECRETS.search(text)])
    check("what was signed inside of its encryption is quoted", "\n> " in texts[genuine])
    check("what was encrypted by nobody knows whom is not quoted", "\n> " not in texts[whole_unsigned])
    equal("set aside", [["0"]], site.sql("SELECT " + " + ".join(f"(SELECT count(*) FROM {queue} WHERE failed IS NOT NULL)" for queue in ("inbox", "to_open", "to_verify"))))


main(test)
