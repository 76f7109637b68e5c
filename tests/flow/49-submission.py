#!/usr/bin/env python3
"""A submission host: nothing goes without STARTTLS, to one that a CA of ours does not vouch for, or past a refused password; and then it goes."""
import base64
import os
import socketserver
import ssl
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "support"))
from testsite import IS_ROOT, Site, check, equal, main, run, until  # noqa: E402


class Host(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, certificate, key):
        super().__init__(("127.0.0.1", 0), Talk)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.offers_tls, self.kept, self.clear_words = True, [], set()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Talk(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        try:
            self.talk()
        except OSError:
            pass

    def talk(self):
        is_closed, is_known = False, False
        self.say("220 host")
        while line := self.rfile.readline():
            word, _, rest = line.decode().strip().partition(" ")
            word = word.upper()
            if not is_closed:
                self.server.clear_words.add(word)
            if word == "EHLO":
                self.say("250-host" + ("\r\n250-STARTTLS" if self.server.offers_tls and not is_closed else "") + ("\r\n250-AUTH PLAIN" if is_closed else "") + "\r\n250 8BITMIME")
            elif word == "STARTTLS":
                self.say("220 go")
                self.request = self.server.context.wrap_socket(self.request, server_side=True)
                self.setup()
                is_closed = True
            elif word == "AUTH":
                if rest == "PLAIN":
                    self.say("334 ")
                    rest = self.rfile.readline().decode().strip()
                is_known = rest.split()[-1] == base64.b64encode(b"\0cirt\0right").decode()
                self.say("235 ok" if is_known else "535 5.7.8 no")
            elif word == "DATA" and is_known:
                self.say("354 go on")
                data = b""
                while not data.endswith(b"\r\n.\r\n"):
                    data += self.rfile.readline() or exit()
                self.server.kept.append(data)
                self.say("250 2.0.0 kept")
            elif word == "QUIT":
                return self.say("221 bye")
            else:
                self.say("250 ok" if is_known else "530 5.7.0 who are you?")
        return None


def certificate(scratch, name):
    """Signed by itself: what it is vouched for by is itself."""
    files = [os.path.join(scratch, f"{name}.{ending}") for ending in ("crt", "key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=host", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


def configure(site, password, ca):
    if IS_ROOT:
        run("chown", "cirt-push", password)
    with open(site.config) as file:
        text = file.read()
    with open(site.config, "w") as file:
        file.write(text.replace("    smtp = ", f'    smtp_user = "cirt"\n    smtp_password_file = "{password}"\n    smtp_ca = "{ca}"\n    smtp = ', 1).replace("outgoing {", "outgoing {\n    recall_s = 0"))


def test(scratch):
    right, wrong = certificate(scratch, "right"), certificate(scratch, "wrong")
    host = Host(*right)
    password, ca = os.path.join(scratch, "password"), os.path.join(scratch, "ca.pem")
    with open(password, "w") as file:
        file.write("guessed\n")
    os.chmod(password, 0o600)
    run("cp", wrong[0], ca)
    os.chmod(ca, 0o644)
    site = Site(scratch, start=False, new=("--smtp", f"smtp://127.0.0.1:{host.server_address[1]}"))
    configure(site, password, ca)
    site.start()

    def says(part):
        until(f"doctor says {part}", lambda: part in site.cirt("lead", "doctor", ok=False).stdout)
        equal("nothing left", [], host.kept)

    host.offers_tls = False
    case = site.cirt_json("lead", "mail", site_case(site), "--to", "a@out.example", "--tlp", "green", "-m", "over a submission host", "--yes")
    check("a mail", case["id"])
    says("offers no STARTTLS")
    host.offers_tls = True
    says("SSL certificate problem")
    run("cp", right[0], ca)
    site.hangup()
    says("refuses our user or password")
    with open(password, "w") as file:
        file.write("right\n")
    site.hangup()
    until("the mail is sent", lambda: site.sql("SELECT state FROM mail") == [["sent"]])
    equal("it came once", 1, len(host.kept))
    equal("said in clear", set(), host.clear_words - {"EHLO", "STARTTLS", "QUIT"})
    check("the password is in no log", "right" not in site.log() and base64.b64encode(b"right").decode() not in site.log())


def site_case(site):
    from testsite import Client
    with Client(site, "lead", "desk") as client:
        status, _, _ = client.post("/v1/cases", '{"summary":"to be told","class":"phishing","tlp":"green"}')
        equal("a case", 201, status)
    return "1"


main(test)
